"""Save NEURON's state after a run with each solver, and go on from there."""

import ring
import simrun
from simrun import h, pc

my_ring = ring.Ring()
for solver in {}, {"coreneuron": True}, {"variable_step": True}:
    simrun.prun(50, **solver)
    state = h.SaveState()
    state.save()
    h.stdinit()
    state.restore()
    pc.psolve(100)
    times, _ = my_ring.gather_spikes()
    if pc.id() == 0:
        print(len(times), "spikes from 50 ms on")
