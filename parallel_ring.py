"""Run a ring of ball-and-stick cells on many processes and write its spikes to a file.

mpiexec -n 4 python parallel_ring.py
"""

import math
import os
import sys
import time

import simrun
from ring import Ring
from simrun import h


def parse(arguments):
    """Return the options as a dict of numbers and the file name; end with exit status 2 if one is
    bad. Rank 0 alone does it."""
    import argparse  # here, because the other hosts start faster without it

    parser = argparse.ArgumentParser(
        description="Run a ring of cells on many processes.", allow_abbrev=False
    )
    parser.error = fail
    for name, default, meaning in (
        ("-N", 5, "cells in the ring"),
        ("--stim-w", 0.004, "weight of the stimulus to cell 0 (µS)"),
        ("--stim-spike-num", 1, "events of the stimulus, from 9 ms on, one every 10 ms"),
        ("--syn-w", 0.01, "weight of the connections (µS)"),
        ("--syn-delay", 5, "delay of the connections (ms), longer than the time step"),
        ("--radius", 50, "radius of the ring (µm)"),
        ("--tstop", 100, "time to simulate (ms)"),
        ("--dt", 0.025, "time step (ms)"),
    ):
        parser.add_argument(
            name, default=default, metavar="X", help=f"{meaning}; default {default}"
        )
    meaning = "file for the spikes: time (ms), tab, gid; default out.spk"
    parser.add_argument("-o", "--output", default="out.spk", metavar="FILE", help=meaning)
    solver = parser.add_mutually_exclusive_group()
    meaning = "take the steps on CoreNEURON: faster, the same spikes"
    solver.add_argument("--coreneuron", action="store_true", help=meaning)
    meaning = (
        "take variable steps instead, cell by cell: more exact, within the absolute tolerance "
        "ATOL; default 0.001"
    )
    solver.add_argument(
        "--variable-step", nargs="?", const=1e-3, default=False, metavar="ATOL", help=meaning
    )
    options = vars(parser.parse_args(arguments))
    try:
        for name in options.keys() & simrun.LIMITS.keys():
            if options[name] is not False:  # no variable step
                options[name] = simrun.check(name, options[name])
        simrun.check_delay("syn_delay", options["syn_delay"], options["dt"])
        simrun.write_whole(options["output"])
    except ValueError as error:
        fail(error)
    except OSError as error:
        fail(f"output = {error.filename!r}: {error.strerror}")
    return options


def fail(message, status=2):
    """End with one line on stderr."""
    script = os.path.basename(sys.argv[0])  # this one, or one that gives main its own network
    print(f"{script}: error: {' '.join(str(message).split())}", file=sys.stderr, flush=True)
    sys.exit(status)


def main(network=Ring):
    """Build a network, a class that takes Ring's arguments, run it and write its spikes, on every
    host; rank 0 ends with one line that sums up the run."""
    start = time.perf_counter()
    pc = h.ParallelContext()
    simrun.check_same("main")
    options = status = None
    if pc.id() == 0:  # all obey its command line
        try:
            options = parse(sys.argv[1:])
        except SystemExit as end:
            status = end.code
    options, status = pc.py_broadcast((options, status), 0)
    if options is None:
        raise SystemExit(status)
    run = {name: options.pop(name) for name in ("tstop", "dt", "coreneuron", "variable_step")}
    output = options.pop("output")

    print(f"I am {pc.id()} of {pc.nhost()}\n", end="", flush=True)  # one write, so lines don't mix
    h.dt = run["dt"]  # which the ring compares its delay with
    my_ring = network(**options)
    if network is Ring and options["syn_delay"] > 2 * run["dt"]:
        simrun.split(options["N"], run["coreneuron"])
    try:
        computed = simrun.prun(**run)
        my_ring.write_spikes(output)
    except OSError as error:
        fail(f"output = {error.filename!r}: {error.strerror}", 1)
    except RuntimeError as error:
        fail(error, 1)

    spikes = pc.allreduce(len(my_ring.t_vec), 1)  # 1: the sum over the hosts, 2: the most
    balance = pc.allreduce(computed, 1) / pc.nhost() / (pc.allreduce(computed, 2) or 1)
    if pc.id() == 0:
        balance = "unknown" if math.isnan(balance) else f"{balance:.0%}"
        print(
            f"cells {my_ring._N}, hosts {pc.nhost()}, simulated {run['tstop']:g} ms, "
            f"spikes {spikes:.0f}, wall time {time.perf_counter() - start:.2f} s, "
            f"load balance {balance}, file {output!r}"
        )


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # not every terminal knows a µ
    main()
