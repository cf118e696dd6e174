"""One host makes a call alone.

end_alone.py HOST gather_spikes|prun
"""

import sys

from ring import Ring
from simrun import pc, prun

calls = {"gather_spikes": Ring().gather_spikes, "prun": prun}
if pc.id() == int(sys.argv[1]):
    calls[sys.argv[2]]()
