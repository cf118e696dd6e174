"""A run that fails on one host, and is caught: each host says why."""

import ring
import simrun
from simrun import pc

my_ring = ring.Ring()
if pc.id() == 1:
    my_ring.cells[0].soma.cm = float("nan")
try:
    simrun.prun(20)
except RuntimeError as error:
    print(f"{error}\n", end="")
