"""Say what a script sees of Python; then end in the way that its last argument names."""

import os
import sys


def fail():
    raise RuntimeError("broken")


print(__name__, sys.argv, sys.path[0], os.getcwd(), __file__, sep="\n", flush=True)
if sys.argv[-1] == "exit":
    sys.exit(3)
if sys.argv[-1] == "error":
    fail()
