"""Run a ring of ball-and-stick cells on many processes and write its spikes to a file.

mpiexec -n 4 python parallel_ring.py
"""

import argparse
import sys
from numbers import Real
from pathlib import Path
from time import perf_counter

from ring import Ring, check_output, check_parameter, parameter
from simrun import end_all, pc, prun

# Options of a run, of any kind; a parameter of the network takes the place of one that
# has its name. Those with a short name or an optional value are in parse
RUN = {
    "tstop": parameter(100.0, "time to simulate", 0, "ms"),
    "dt": parameter(0.025, "time step", 1e-6, "ms"),
}


def main(network=Ring):
    """Run a network of cells on many processes, and write its spikes to a file, as in
    mpiexec -n 4 python parallel_ring.py -N 100 --tstop 200"""
    start = perf_counter()
    options = parse(network)
    print(f"I am {pc.id():g} of {pc.nhost():g}\n", end="", flush=True)  # in one piece
    changed = {}  # only this is passed, as a network may set other parameters itself
    for about in network.parameters:
        value = getattr(options, about.name, about.default)
        if value != about.default:
            changed[about.name] = value
    my_ring = network(**changed)
    # Blocks need delays of more than two steps; only a plain Ring's are known here
    if network is Ring and my_ring.syn_delay > 2 * options.dt:
        split(my_ring.N)
    try:
        if pc.id() == 0:
            check_output(options.output)
        prun(options.tstop, options.dt, options.coreneuron, options.variable_step)
        my_ring.write_spikes(options.output)
    except (OSError, RuntimeError, ValueError) as error:
        status = 2 if isinstance(error, ValueError) else 1
        end_all(f"{Path(sys.argv[0]).name}: error: {error}\n", status)
    mine = len(my_ring.t_vec), len(my_ring.cells), pc.step_time()
    everyone = pc.py_gather(mine, 0)
    if pc.id() == 0:
        spikes, cells, seconds = zip(*everyone)
        print(
            f"cells {sum(cells)}, hosts {len(cells)}, simulated {options.tstop:g} ms, "
            f"spikes {sum(spikes)}, wall time {perf_counter() - start:.2f} s, "
            f"{balance(seconds)}file {options.output!r}"
        )
        if 0 in cells:
            print(f"{cells.count(0)} of {len(cells)} hosts have no cell")


def balance(seconds):
    """Say how evenly the hosts have computed, if that is known: mean over longest."""
    if not any(seconds):  # CoreNEURON does not tell
        return ""
    return f"load balance {sum(seconds) / len(seconds) / max(seconds):.0%}, "


def split(N):
    """Split each host's cells, of N in all, into blocks of about 500, NEURON's threads,
    run in turn. A block stays in a core's cache from one exchange to the next, which is
    faster above 5,000 cells (tests/benchmark.txt)."""
    cells = N / pc.nhost()  # the mean: NEURON hangs unless all have as many blocks
    if cells > 5000:
        pc.nthread(round(cells / 500), False)  # False: one after the other


def parse(network):
    """Return the options that the command line gives. Every host reads them; host 0
    says if something is wrong, and gives help."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.error = refuse
    if pc.id() > 0:
        parser.print_help = lambda: None
    parser.add_argument(
        "-o", "--output", default="out.spk", help="file of spikes; default out.spk"
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
        metavar="mV",
        help="each cell takes its own steps, to a tolerance in mV (none, or 1: 0.001)",
    )
    known = dict(RUN)
    for about in network.parameters:
        if about.init and isinstance(about.default, (Real, str)):  # or a bool
            known[about.name] = about
    try:
        for name, about in known.items():
            add_option(parser, name, about)
        options = parser.parse_args()
        values = vars(options)
        for name, about in known.items():
            values[name] = check_parameter(option(name), about, values[name])
    except (ValueError, argparse.ArgumentError) as error:
        refuse(error)
    return options


def option(name):
    """Return the option of a parameter, such as --syn-w."""
    return "-N" if name == "N" else "--" + name.replace("_", "-")


def add_option(parser, name, about):
    """Add the option of a parameter: its meaning, default and unit."""
    meaning = about.metadata.get("meaning", "")
    unit = about.metadata.get("unit", "")
    text = f"{meaning}; default {about.default} {unit}".lstrip("; ")
    how = {"help": text.replace("%", "%%"), "default": about.default}
    if isinstance(about.default, bool):
        how["action"] = argparse.BooleanOptionalAction
    elif unit:
        how["metavar"] = unit
    parser.add_argument(option(name), **how)


def refuse(error):
    """End with one line, which host 0 writes, and exit status 2."""
    text = str(error).replace(
        "arguments:", "arguments (see --help; --syn-w, not --syn_w):"
    )
    if pc.id() == 0:
        sys.stderr.write(f"{Path(sys.argv[0]).name}: error: {text}\n")
    sys.exit(2)


if __name__ == "__main__":
    main()
