"""Print, on host 0, which host owns each cell and what it looks like."""

import ring

my_ring = ring.Ring(N=3, radius=80)
for _, host, sections, sources in my_ring.gather_shapes():
    print(f"{host:g}", sections, sources)
