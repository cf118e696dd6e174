"""Say how many threads each host has more after runs of CoreNEURON in 12 blocks."""

import os

import ring
import simrun

simrun.prun(0)
before = len(os.listdir("/proc/self/task"))
ring.Ring(50)
simrun.pc.nthread(12, False)
simrun.prun(20, coreneuron=True)
simrun.prun(20, coreneuron=True)
more = len(os.listdir("/proc/self/task")) - before
print(f"{more}\n", end="")
