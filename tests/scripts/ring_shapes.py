"""Print, on host 0, which host owns each cell and what it looks like."""

import ring

my_ring = ring.Ring(N=3, radius=80)
for gid, host, *cell in my_ring.gather_shapes():
    print(gid, f"{host:g}", cell)
