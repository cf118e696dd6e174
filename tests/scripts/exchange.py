"""Two hosts with as many regular sources each, which hear of each other's spikes and do little
else; host 0 prints the seconds that went into that.

exchange.py SOURCES DELAY
"""

import sys

from simrun import h, pc

sources, delay = int(sys.argv[1]), float(sys.argv[2])
keep = []
for n in range(sources):
    stim = h.NetStim()
    stim.interval, stim.start, stim.number = 10, 10 * n / sources, 1e9
    gid = n * 2 + pc.id()
    pc.set_gid2node(gid, pc.id())
    detector = h.NetCon(stim, None)
    pc.cell(gid, detector)
    keep += [stim, detector]
soma = h.Section(name="soma")
synapse = h.ExpSyn(soma(0.5))
other = pc.gid_connect(1 - pc.id(), synapse)
other.delay, other.weight[0] = delay, 0
pc.set_maxstep(10)
h.stdinit()
pc.psolve(1000)
if pc.id() == 0:
    print(pc.wait_time() + pc.send_time())
