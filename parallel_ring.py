"""Run a ring of ball-and-stick cells on many processes and write its spikes to a file.

    mpiexec -n 4 python parallel_ring.py
"""

import argparse
import contextlib
import io
import sys
import time

import simrun
from ring import Ring
from simrun import h


def parse(arguments, pc):
    """Return the options as a dict of numbers and the file name; a bad one ends every host."""
    parser = argparse.ArgumentParser(
        prog="parallel_ring.py", description="Run a ring of cells on many processes.",
        allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.error = lambda message: fail(message, pc)
    for flags, default, meaning in (
        (["-N"], 5, "cells in the ring"),
        (["--stim-w"], 0.004, "weight of the stimulus to cell 0 (µS)"),
        (["--stim-spike-num"], 1, "events of the stimulus, from 9 ms on, one every 10 ms"),
        (["--syn-w"], 0.01, "weight of the connections (µS)"),
        (["--syn-delay"], 5, "delay of the connections (ms)"),
        (["--radius"], 50, "radius of the ring (µm)"),
        (["--tstop"], 100, "time to simulate (ms)"),
        (["--dt"], 0.025, "time step (ms)"),
        (["-o", "--output"], "out.spk", "file for the spikes: time (ms), tab, gid"),
    ):
        metavar = "FILE" if "-o" in flags else "X"
        parser.add_argument(*flags, default=default, metavar=metavar, help=meaning)
    with contextlib.redirect_stdout(sys.stdout if pc.id() == 0 else io.StringIO()):
        options = vars(parser.parse_args(arguments))
    try:
        for name, value in options.items():
            options[name] = value if name == "output" else simrun.check(name, value)
        simrun.check_delay("syn_delay", options["syn_delay"], options["dt"])
        simrun.on_rank_0(simrun.write_whole, options["output"])
    except ValueError as error:
        fail(error, pc)
    except OSError as error:
        fail(f"output = {error.filename!r}: {error.strerror}", pc)
    return options


def fail(message, pc, status=2):
    """End all hosts, which know of the same failure, with one line from rank 0."""
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in f"error: {message}")
    if pc.id() == 0:
        print(f"parallel_ring.py: {line}\n", end="", file=sys.stderr, flush=True)
    pc.barrier()  # some launchers end all processes with the first
    raise SystemExit(status)  # not sys.exit, which in a parallel run ends the others: all end here


def main():
    """Build, run and write, on every host; rank 0 ends with one line that sums up the run."""
    start = time.perf_counter()
    pc = h.ParallelContext()
    options = parse(pc.py_broadcast(sys.argv[1:], 0), pc)  # all obey rank 0's command line
    print(f"I am {pc.id()} of {pc.nhost()}\n", end="", flush=True)  # one write, so lines don't mix
    tstop, h.dt, output = (options.pop(name) for name in ("tstop", "dt", "output"))
    my_ring = Ring(**options)
    computed = simrun.prun(tstop, h.dt)
    try:
        my_ring.write_spikes(output)
    except OSError as error:
        fail(f"output = {error.filename!r}: {error.strerror}", pc, status=1)

    spikes = pc.allreduce(len(my_ring.t_vec), 1)  # 1: the sum over the hosts, 2: the most
    balance = pc.allreduce(computed, 1) / pc.nhost() / (pc.allreduce(computed, 2) or 1)
    if pc.id() == 0:
        print(f"cells {my_ring._N}, hosts {pc.nhost()}, simulated {tstop:g} ms, "
              f"spikes {spikes:.0f}, wall time {time.perf_counter() - start:.2f} s, "
              f"load balance {balance:.0%}, file {output!r}")


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # not every terminal knows a µ
    main()
