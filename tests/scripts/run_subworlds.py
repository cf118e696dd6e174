"""CoreNEURON in subworlds of two hosts each."""

import ring
import simrun
from simrun import pc

pc.subworlds(2)
my_ring = ring.Ring()
try:
    simrun.prun(20, coreneuron=True)
except ValueError as error:
    print(f"{error}\n", end="")
simrun.prun(20)
