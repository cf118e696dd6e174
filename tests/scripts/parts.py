"""Build a network and run it; host 0 prints the seconds of each part, and the memory (kB).

parts.py baseline|ours CELLS SOLVER [no_blocks]     SOLVER: what prun is given, as JSON
"""

import importlib
import json
import resource
import sys
import time

who, N, solver = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
modules = ("baseline", "baseline") if who == "baseline" else ("ring", "simrun")
network, run = map(importlib.import_module, modules)
seconds = {}


def timed(name, do):
    def wrapper(*arguments, **named):
        start = time.perf_counter()
        result = do(*arguments, **named)
        seconds[name] = time.perf_counter() - start
        return result

    return wrapper


network.Ring.create_cells = timed("create_cells", network.Ring.create_cells)
run.psolve = timed("psolve", run.psolve)
ring = timed("Ring", network.Ring)(N)
if who == "ours" and "no_blocks" not in sys.argv:
    import parallel_ring

    parallel_ring.split(N)  # as the driver does
timed("prun", run.prun)(solver.pop("tstop", 100), **solver)
seconds["kB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
if run.h.ParallelContext().id() == 0:
    print(json.dumps(seconds))
