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

NUMBERS = (  # the options that are numbers: name, default, meaning
    ("-N", 5, "cells in the ring"),
    ("--stim-w", 0.004, "weight of the stimulus to cell 0 (µS)"),
    ("--stim-spike-num", 1, "events of the stimulus, from 9 ms on, one every 10 ms"),
    ("--syn-w", 0.01, "weight of the connections (µS)"),
    ("--syn-delay", 5, "delay of the connections (ms), longer than the time step"),
    ("--radius", 50, "radius of the ring (µm)"),
    ("--tstop", 100, "time to simulate (ms)"),
    ("--dt", 0.025, "time step (ms)"),
)


def parse(arguments):
    """Return the options, a dict; end with exit status 2 if one is bad. Rank 0 alone does it."""
    import argparse  # here, because the other hosts start faster without it

    parser = argparse.ArgumentParser(description=main.__doc__, allow_abbrev=False)
    parser.error = fail
    for name, default, meaning in NUMBERS:
        parser.add_argument(name, default=default, help=f"{meaning}; default {default}")
    meaning = "file for the spikes: time (ms), tab, gid; default out.spk"
    parser.add_argument("-o", "--output", default="out.spk", metavar="FILE", help=meaning)
    solver = parser.add_mutually_exclusive_group()
    solver.add_argument(
        "--coreneuron", action="store_true", help="take steps on CoreNEURON: faster"
    )
    meaning = "take variable steps, cell by cell, within the absolute tolerance ATOL; default 0.001"
    atol = {"nargs": "?", "const": 1e-3, "default": False, "metavar": "ATOL"}
    solver.add_argument("--variable-step", help=meaning, **atol)
    options = vars(parser.parse_args(arguments))
    try:
        for name in options.keys() - {"output", "coreneuron"}:
            if options[name] is not False:  # no variable step
                options[name] = simrun.check(name, options[name])
        simrun.check_delay("syn_delay", *map(options.get, ("syn_delay", "dt", "coreneuron")))
        simrun.write_whole(options["output"])
    except (ValueError, OSError) as error:
        fail(error)
    return options


def fail(error, status=2):
    """End with one line on stderr."""
    if isinstance(error, OSError):
        error = f"output = {error.filename!r}: {error.strerror}"
    script = os.path.basename(sys.argv[0])  # this one, or one that gives main its own network
    print(f"{script}: error: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
    sys.exit(status)


def split(N, coreneuron):
    """Split each host's cells, of N in all, into blocks of about 500, which stay in a core's cache
    between two exchanges: a sixth faster above 5,000 cells. CoreNEURON gets all idle cores."""
    pc, threads = h.ParallelContext(), 1
    if coreneuron:
        cores = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
        mine = os.uname().nodename, sorted(cores)
        idle = len(cores) // pc.py_allgather(mine).count(mine)
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, idle)))  # read once, at the first run
        threads = int(pc.allreduce(int(os.environ["OMP_NUM_THREADS"].partition(",")[0]), 2))
    cells = -(-N // pc.nhost())  # of the host that has the most: all must have as many blocks
    rounds = round(cells / 500 / threads) if cells > 5000 else 1
    pc.nthread(min(cells, rounds * threads), False)  # False: one after the other


def main(network=Ring):
    """Run a network of cells on many processes, and write its spikes to a file."""
    start = time.perf_counter()
    pc = h.ParallelContext()
    simrun.check_same("main")
    try:
        options = parse(sys.argv[1:]) if pc.id() == 0 else None  # all obey rank 0's command line
    except SystemExit as end:
        options = end.code
    options = pc.py_broadcast(options, 0)
    if not isinstance(options, dict):
        raise SystemExit(options)
    run = {name: options.pop(name) for name in ("tstop", "dt", "coreneuron", "variable_step")}
    output = options.pop("output")
    print(f"I am {pc.id()} of {pc.nhost()}\n", end="", flush=True)  # one write, so lines don't mix
    my_ring = network(**options)
    if network is Ring and options["syn_delay"] > 2 * run["dt"]:  # which blocks need
        split(options["N"], run["coreneuron"])
    try:
        computed = simrun.prun(**run)
        my_ring.write_spikes(output)
    except (OSError, RuntimeError) as error:
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
