"""A run of hours on CoreNEURON; it says when it begins."""

import ring
import simrun

my_ring = ring.Ring()
print("on", flush=True)
simrun.prun(1e7, coreneuron=True)
