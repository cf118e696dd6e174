"""The driver, with something in the way of its file.

fault_limit.py small|folder FOLDER|vanishes [ARGUMENTS]
"""

import os
import resource
import sys

import parallel_ring
from simrun import h, pc

_, fault, *words = sys.argv
if fault == "small":  # no file may grow beyond 60 bytes
    resource.setrlimit(resource.RLIMIT_FSIZE, (60, 60))
if fault == "folder":
    os.chdir(words.pop(0))
if fault == "vanishes":
    handler = h.FInitializeHandler(lambda: pc.id() or os.rmdir("sub"))
sys.argv = ["parallel_ring.py", *words]
parallel_ring.main()
