"""Write a file again and again, other lines each time, until someone ends this."""

from itertools import cycle
from pathlib import Path

from ring import write_whole

for digit in cycle(range(10)):
    write_whole(Path("out.spk"), f"{digit}.000\t0\n" * 20_000)
