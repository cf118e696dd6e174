"""Leave after a run; say if Python first takes the network apart, as NEURON needs more and more
time for that, the larger it is.

end_leave.py coreneuron|variable_step
"""

import atexit
import os
import sys

import ring
import simrun


class Witness:
    def __del__(self, say=os.write):
        say(1, b"taken apart\n")


atexit.register(lambda: print(f"atexit {simrun.MPI.Is_finalized()}\n", end=""))
my_ring = ring.Ring(50)
my_ring.witness = Witness()
simrun.prun(5, **{sys.argv[1]: True})
print("not flushed by hand" * 1000 + "\n", end="")
