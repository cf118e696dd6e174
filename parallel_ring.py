"""Run a ring of ball-and-stick cells on many processes and write its spikes to a file.

mpiexec -n 4 python parallel_ring.py
"""

import math
import os
import re
import sys
import time

import simrun
from ring import Ring, parameters
from simrun import h


def parse(arguments, network):
    """Return the options, a dict; end with exit status 2 if one is bad. Rank 0 alone does it."""
    import argparse  # here, because the other hosts start faster without it

    parser = argparse.ArgumentParser(description=main.__doc__, allow_abbrev=False)
    parser.error = fail
    meanings = {"tstop": "time to simulate (ms)", "dt": "time step (ms)"}
    for each in reversed(network.__mro__):
        meanings |= re.findall(r"^ *(\w+): (.+)", each.__doc__ or "", re.MULTILINE)
    ours = {*parameters(Ring), "tstop", "dt", "variable_step"}
    for name, default in (parameters(network) | {"tstop": 100, "dt": 0.025}).items():
        kind = {} if name in ours else {"type": type(default)}
        if isinstance(default, bool):
            kind = {"action": argparse.BooleanOptionalAction}
        if isinstance(default, (int, float, str)):
            option = "-N" if name == "N" else "--" + name.replace("_", "-")
            meaning = f"{meanings.get(name, '')}; default {default}".lstrip("; ").replace("%", "%%")
            parser.add_argument(option, default=default, help=meaning, **kind)
    meaning = "file for the spikes: time (ms), tab, gid; default out.spk"
    parser.add_argument("-o", "--output", default="out.spk", metavar="FILE", help=meaning)
    solver = parser.add_mutually_exclusive_group()
    solver.add_argument("--coreneuron", action="store_true", help="steps on CoreNEURON, faster")
    meaning = "each cell takes its own steps, to a tolerance of ATOL mV (0.001, if left out)"
    atol = {"nargs": "?", "const": 1e-3, "default": False, "metavar": "ATOL"}
    solver.add_argument("--variable-step", help=meaning, **atol)
    options = vars(parser.parse_args(arguments))
    try:
        for name in options.keys() & ours:
            if options[name] is not False:  # no variable step
                options[name] = simrun.check(name, options[name])
        if "syn_delay" in options:
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
    print(f"{script}: error: {' '.join(str(error).split())}\n", end="", file=sys.stderr, flush=True)
    sys.exit(status)


def split(N):
    """Split each host's cells, of N in all, into blocks of about 500, which stay in a core's cache
    between two exchanges: faster above 5,000 cells (tests/benchmark.txt)."""
    pc = h.ParallelContext()
    cells = -(-N // pc.nhost())  # of the host that has the most: all must have as many blocks
    pc.nthread(round(cells / 500) if cells > 5000 else 1, False)  # False: one after the other
    cores = len(getattr(os, "sched_getaffinity", lambda _: [0])(0))
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // pc.nhost())))  # on CoreNEURON


def main(network=Ring):
    """Run a network of cells on many processes, and write its spikes to a file."""
    start = time.perf_counter()
    pc = h.ParallelContext()
    simrun.check_same("main")
    try:  # all obey rank 0's command line
        options = parse(sys.argv[1:], network) if pc.id() == 0 else None
    except SystemExit as end:
        options = end.code
    options = pc.py_broadcast(options, 0)
    if not isinstance(options, dict):
        raise SystemExit(options)
    run = {name: options.pop(name) for name in ("tstop", "dt", "coreneuron", "variable_step")}
    output = options.pop("output")
    print(f"I am {pc.id()} of {pc.nhost()}\n", end="", flush=True)  # one write, so lines don't mix
    default = parameters(network)  # is not passed, as a network may set one of these itself
    my_ring = network(**{name: it for name, it in options.items() if it != default[name]})
    if network is Ring and my_ring.syn_delay > 2 * run["dt"]:  # which blocks need
        split(my_ring.N)
    try:
        computed = simrun.prun(**run)
        my_ring.write_spikes(output)
    except (OSError, RuntimeError, ValueError) as error:
        time.sleep(pc.id() > 0)  # s; what all hosts have to say is said by rank 0
        fail(error, 2 if isinstance(error, ValueError) else 1)
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
