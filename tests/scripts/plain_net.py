"""Ten cells that excite one another, in plain NEURON: whoever wrote it knows of no host.

plain_net.py [psolve|run|error] [END]
"""

import sys

from neuron import h

way = sys.argv[1] if len(sys.argv) > 1 else "psolve"
end = sys.argv[2] if len(sys.argv) > 2 else "none"
h.load_file("stdrun.hoc")
pc = h.ParallelContext()
cells, connections = [], []
times, gids = h.Vector(), h.Vector()
for gid in range(int(pc.id()), 10, int(pc.nhost())):
    soma = h.Section(name=f"soma{gid}")
    soma.L = soma.diam = 20
    soma.insert("hh")
    pc.set_gid2node(gid, pc.id())
    pc.cell(gid, h.NetCon(soma(0.5)._ref_v, None, sec=soma))
    cells.append((gid, soma, h.ExpSyn(soma(0.5))))
for gid, soma, syn in cells:
    for source in (gid - 1) % 10, (gid - 3) % 10:
        nc = pc.gid_connect(source, syn)
        nc.weight[0] = 0.02
        nc.delay = 3 + gid / 7
        connections.append(nc)
    if gid == 0:
        clamp = h.IClamp(soma(0.5))
        clamp.delay = clamp.dur = clamp.amp = 1
pc.spike_record(-1, times, gids)
if way == "error" and pc.id() == pc.nhost() - 1:
    raise RuntimeError("broken")
h.tstop = 60
pc.set_maxstep(10)
if way == "run":
    h.run()
else:
    h.finitialize(-65)
    pc.psolve(60)
everyone = pc.py_gather(sorted(zip(times, gids)), 0)
if pc.id() == 0:
    spikes = sorted(sum(everyone, []))
    print(f"{len(spikes)} spikes on {pc.nhost():g} hosts")
    with open("plain.spk", "w") as file:
        file.writelines(f"{time.hex()} {gid:g}\n" for time, gid in spikes)
if end == "exit":
    sys.exit(3)
if end == "quit":
    h.quit()
if end == "done":
    pc.runworker()
    pc.done()
