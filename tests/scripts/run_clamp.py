"""A VClamp, with which CoreNEURON ends the run."""

import ring
import simrun

my_ring = ring.Ring()
clamp = simrun.h.VClamp(my_ring.cells[0].soma(0.5))
simrun.prun(20, coreneuron=True)
