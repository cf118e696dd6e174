"""Run a ring of ball-and-stick cells on many processes and write its spikes to a file.

mpiexec -n 4 python parallel_ring.py
"""

import argparse
import os
import sys
from dataclasses import fields
from math import ceil
from numbers import Real
from pathlib import Path
from time import perf_counter

from ring import Ring, check_output, check_parameter, parameter
from simrun import end_all, pc, prun

RUN = {  # what is asked of a run, unless the network has a parameter of that name
    "tstop": parameter(100.0, "time to simulate", 0, "ms"),
    "dt": parameter(0.025, "time step", 1e-6, "ms"),
}


def main(network=Ring):
    """Run a network of cells on many processes, and write its spikes to a file."""
    start = perf_counter()
    options = parse(sys.argv[1:], network)
    print(f"I am {pc.id():g} of {pc.nhost():g}\n", end="", flush=True)  # in one piece
    changed = {  # only these, as a network may set others of its parameters itself
        name: value
        for name, value in vars(options).items()
        if value != getattr(network, name, value)
    }
    my_ring = network(**changed)
    if network is Ring and my_ring.syn_delay > 2 * options.dt:  # or blocks go wrong
        split(my_ring.N)
    try:
        if pc.id() == 0:
            check_output(options.output)
        how = options.coreneuron, options.variable_step
        computed = prun(options.tstop, options.dt, *how)
        my_ring.write_spikes(options.output)
    except (OSError, RuntimeError, ValueError) as error:
        status = 2 if isinstance(error, ValueError) else 1
        end_all(f"{Path(sys.argv[0]).name}: error: {error}", status)
    mine = len(my_ring.t_vec), len(my_ring.cells), computed
    everyone = pc.py_gather(mine, 0)
    if pc.id() == 0:
        spikes, cells, seconds = zip(*everyone)
        wall = perf_counter() - start
        print(
            f"cells {sum(cells)}, hosts {len(cells)}, simulated {options.tstop:g} ms, "
            f"spikes {sum(spikes)}, wall time {wall:.2f} s, {balance(seconds)}"
            f"file {options.output!r}"
        )
        if 0 in cells:
            print(f"{cells.count(0)} of {len(cells)} hosts have no cell")


def balance(seconds):
    """Say how evenly the hosts have computed, if that is known: mean over longest."""
    longest = max(seconds)
    if longest == 0:  # CoreNEURON does not tell
        return ""
    return f"load balance {sum(seconds) / len(seconds) / longest:.0%}, "


def split(N):
    """Split each host's cells, of N in all, into blocks of about 500, NEURON's threads,
    run in turn. A block stays in a core's cache from one exchange to the next, which is
    faster above 5,000 cells (tests/benchmark.txt)."""
    cells = ceil(N / pc.nhost())  # of the host that has the most
    blocks = round(cells / 500) if cells > 5000 else 1  # as many on all hosts
    pc.nthread(blocks, False)  # False: one after the other
    if hasattr(os, "sched_getaffinity"):  # or CoreNEURON starts a thread for each block
        cores = len(os.sched_getaffinity(0))
        os.environ.setdefault("OMP_NUM_THREADS", str(cores))


def parse(words, network):
    """Return the options that the words of a command line give. Every host reads them;
    host 0 says if something is wrong, and gives help."""
    epilog = "example: mpiexec -n 4 python parallel_ring.py -N 100 --tstop 200"
    parser = argparse.ArgumentParser(description=main.__doc__, epilog=epilog)
    parser.error = refuse
    if pc.id() > 0:
        parser.print_help = lambda: None
    parser.add_argument(
        "-o",
        "--output",
        default="out.spk",
        metavar="FILE",
        help="file for the spikes: time (ms), tab, gid; default out.spk",
    )
    parser.add_argument(
        "--coreneuron",
        action="store_true",
        help="same spikes, sooner, in large networks",
    )
    parser.add_argument(
        "--variable-step",
        type=float,
        nargs="?",
        const=1e-3,
        default=0,
        metavar="MV",
        help="each cell takes its own steps, to a tolerance of MV (0.001, if left out)",
    )
    known = RUN | {each.name: each for each in fields(network) if is_option(each)}
    try:
        for name, about in known.items():
            add_option(parser, name, about)
        options = parser.parse_args(words)
        for name, about in known.items():
            value = check_parameter(option(name), about, getattr(options, name))
            setattr(options, name, value)
    except (ValueError, argparse.ArgumentError) as error:
        refuse(error)
    return options


def is_option(about):
    """Return whether a field of a network is a number, a text or a bool."""
    return about.init and isinstance(about.default, (Real, str))


def option(name):
    """Return the option of a parameter, such as --syn-w."""
    return "-N" if name == "N" else "--" + name.replace("_", "-")


def add_option(parser, name, about):
    """Add the option of a parameter: its meaning, default and unit."""
    meaning = about.metadata.get("meaning", "")
    unit = about.metadata.get("unit", "")
    text = f"{meaning}; default {about.default} {unit}".replace("%", "%%")
    how = {"help": text, "default": about.default}
    if isinstance(about.default, bool):
        how["action"] = argparse.BooleanOptionalAction
    elif unit:
        how["metavar"] = unit.replace("µ", "u").upper()
    parser.add_argument(option(name), **how)


def refuse(error):
    """End with one line, which host 0 writes, and exit status 2."""
    if pc.id() == 0:
        sys.stderr.write(f"{Path(sys.argv[0]).name}: error: {error}\n")
    sys.exit(2)


if __name__ == "__main__":
    main()
