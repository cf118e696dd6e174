"""Leave after a run: an object of the script is taken apart, if Python does so.

end_leave.py CELLS fixed|coreneuron|variable
"""

import atexit
import os
import sys
import time

import ring
import simrun

atexit.register(lambda: print(f"atexit {simrun.MPI.Is_finalized()}\n", end=""))
my_ring = ring.Ring(int(sys.argv[1]))
how = {"coreneuron": {"coreneuron": True}, "variable": {"variable_step": True}}
simrun.prun(5, **how.get(sys.argv[2], {}))
print("not flushed by hand" * 1000 + "\n", end="")
if my_ring.pc.id() == 0:
    os.write(2, f"{time.time()}\n".encode())
