"""Print, on host 0, which host owns each cell and what it looks like; save the picture.

ring_shapes.py NUMBER
"""

import sys

import plot_spikes
import ring

my_ring = ring.Ring(N=3, radius=80)
for _, host, sections, sources in my_ring.gather_shapes():
    print(f"{host:g}", sections, sources)
axes = plot_spikes.show_network(my_ring)
assert (axes is None) == (my_ring.pc.id() > 0)
if axes:
    axes.figure.savefig(f"network{sys.argv[1]}.png")
