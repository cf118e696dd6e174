"""The driver, whose ranks write their process ids and never come back to Python in a run."""

import os
from pathlib import Path

import parallel_ring
import simrun
from simrun import pc

Path(f"pid.{pc.id():g}").write_text(str(os.getpid()))
simrun.psolve = lambda tstop, *_, **how: pc.psolve(tstop)
parallel_ring.main()
