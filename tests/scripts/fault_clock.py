"""A long run with a clock that is so many times too fast.

fault_clock.py FACTOR
"""

import sys
import time

import parallel_ring
import simrun

factor = int(sys.argv[1])
simrun.monotonic = lambda: factor * time.monotonic()
sys.argv[1:] = ["--tstop", "2000"]
parallel_ring.main()
