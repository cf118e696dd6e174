"""Run a ring, and come to the end in one of the ways that are none of Python's own.

end_well.py finalize|board|late
"""

import sys
import time

import ring
import simrun
from simrun import MPI, h, pc

end = sys.argv[1]
if end == "board":  # NEURON's bulletin board
    pc.runworker()
    for number in range(5):
        pc.submit(pow, number, 2)
    total = 0
    while pc.working():
        total += pc.pyret()
    print(f"{total:g}")
    pc.done()
    h.quit()
my_ring = ring.Ring()
simrun.prun()
if end == "finalize":
    MPI.Finalize()
if end == "late":
    time.sleep(0.3 * pc.id())
