"""Say where each host is, exchange spikes often, and fail on the last host."""

import os

import ring
import simrun
from simrun import pc

print(f"{pc.id():g} {os.uname().nodename}\n", end="", flush=True)
ring.Ring(syn_delay=0.1)
simrun.prun()
if pc.id() == 3:
    raise RuntimeError("broken")
simrun.prun()
