"""Rings of cells with gap junctions between neighbours, as NEURON's ringtest has them.

nrnivmodl tests/clients; mpiexec -n 2 python -m simrun tests/clients/rings.py
"""

from neuron import h

RINGS, CELLS = 3, 4
h.load_file("stdrun.hoc")
pc = h.ParallelContext()
rank, nhost = int(pc.id()), int(pc.nhost())
cells, kept, times, gids = {}, [], h.Vector(), h.Vector()

for gid in range(rank, RINGS * CELLS, nhost):
    soma, dend = h.Section(name=f"soma{gid}"), h.Section(name=f"dend{gid}")
    dend.connect(soma(1))
    soma.L = soma.diam = 15
    dend.L, dend.diam, dend.nseg = 150 + gid, 1, 5
    soma.insert("hh")
    dend.insert("pas")
    cells[gid] = soma, dend, h.ExpSyn(dend(0.5))
    pc.set_gid2node(gid, rank)
    pc.cell(gid, h.NetCon(soma(0.5)._ref_v, None, sec=soma))
    pc.source_var(dend(1)._ref_v, gid, sec=dend)

for gid, (_, dend, syn) in cells.items():
    first = gid // CELLS * CELLS  # of its ring
    before = first + (gid - 1) % CELLS
    nc = pc.gid_connect(before, syn)
    nc.weight[0], nc.delay = 0.04, 2 + gid / 10
    gap = h.HalfGap(dend(1))
    gap.g = 0.0005
    pc.target_var(gap, gap._ref_vgap, before)
    kept += [nc, gap]
    if gid == first:
        stim = h.NetStim()
        stim.number, stim.start = 1, 1
        start = h.NetCon(stim, syn)
        start.weight[0] = 0.04
        kept += [stim, start]

pc.setup_transfer()
pc.spike_record(-1, times, gids)
pc.set_maxstep(10)
h.finitialize(-65)
pc.psolve(100)
everyone = pc.py_gather(sorted(zip(times, gids)), 0)
if rank == 0:
    spikes = sorted(sum(everyone, []))
    with open("client.spk", "w") as file:
        file.writelines(f"{time.hex()} {gid:.0f}\n" for time, gid in spikes)
    print(f"{len(spikes)} spikes on {nhost} hosts")
