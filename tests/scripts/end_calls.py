"""Each call of host 0 against another of host 1: both are told, and go on."""

import ring
import simrun
from simrun import pc

my_ring = ring.Ring()
CALLS = {
    "gather_spikes": my_ring.gather_spikes,
    "gather_shapes": my_ring.gather_shapes,
    "prun": simrun.simulate,
    "Ring": ring.Ring,
    "check_gids": my_ring.check_gids,
}
names = list(CALLS)
for shift in (1, 2):
    for i, name in enumerate(names):
        pair = name, names[(i + shift) % len(names)]
        mine, theirs = pair if pc.id() == 0 else reversed(pair)
        try:
            CALLS[mine]()
        except RuntimeError as error:
            words = f"host {1 - pc.id():g} is at {theirs}, and never called {mine}: "
            assert str(error).startswith(words), error
            print("told\n", end="")
