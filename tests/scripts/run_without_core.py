"""A session in which CoreNEURON is asked for in vain."""

import ring
import simrun

my_ring = ring.Ring()
try:
    simrun.prun(coreneuron=True)
except RuntimeError:
    print("went on")
simrun.prun()
my_ring.write_spikes()
