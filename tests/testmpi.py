"""Say which process this is, and of how many: mpiexec -n 4 python tests/testmpi.py"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from simrun import h  # noqa: E402  it starts MPI, and ends a run that would say `0 of 1`

pc = h.ParallelContext()
print(f"I am {pc.id()} of {pc.nhost()}\n", end="")
