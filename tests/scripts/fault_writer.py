"""Write a file again and again, other lines each time, until someone ends this."""

from itertools import cycle

from ring import write_whole

for digit in cycle(range(10)):
    write_whole("out.spk", [f"{digit}.000\t0\n"] * 20_000)
