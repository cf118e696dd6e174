"""Build rings one after the other, of which someone holds this or that; the sections left."""

import gc
import random

import ring
import simrun

random.seed(1)
other = simrun.h.Section(name="other")
synapse = simrun.h.ExpSyn(other(0.5))
kept = []
for n in range(60):
    my_ring = ring.Ring(N=random.choice([1, 2, 5, 40]))
    if n % 3 == 0:
        cell, extra = my_ring.cells[0], my_ring.pc.gid_connect(0, synapse)
        parts = [my_ring, cell, cell.soma, cell.synlist, my_ring.nclist, extra]
        kept.append(random.choice(parts))
    if n % 4 == 0:
        my_ring.set_numcells(7)
    if n % 5 == 0:
        del my_ring
        gc.collect()
    simrun.simulate(tstop=random.choice([0, 3, 20]))
print(len(list(simrun.h.allsec())))
