"""Run the worked example with one command line after the other, a file for each.

own_mynet.py FOLDER_OF_MYNET
"""

import sys

sys.path.insert(0, sys.argv[1])

import mynet  # noqa: E402

import parallel_ring  # noqa: E402

SMALL = "-N 60 --syn-delay 1.3 --syn-w 0.004 --stim-spike-num 3 --tstop 60 --seed 5"
COMMANDS = [
    "-N 100",
    f"{SMALL} --radius 400",
    "-N 100 --coreneuron",
    "-N 40 --variable-step",
]
for number, command in enumerate(COMMANDS):
    sys.argv = ["mynet.py", *command.split(), "-o", f"{number}.spk"]
    parallel_ring.main(mynet.Net)
