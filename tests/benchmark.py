"""How long everything takes, beside the tutorial page's way of doing it (tests/baseline.py).

    python tests/benchmark.py [--figure FILE]

Baseline and ours run in turn, each in a process of its own; the table shows medians, so that a
machine that is slow for a while spoils less. With `--figure` it draws wall time against the
largest error of a spike time instead. Where `arbor` is installed, it runs 100,000 cells too.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata, util

from conftest import ENVIRONMENT, MPIEXEC, ROOT, SCRIPTS

ENVIRONMENT = ENVIRONMENT | {
    "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
    "NEURON_MODULE_OPTIONS": "-nogui",
    "PYTHONDONTWRITEBYTECODE": "",  # every user has compiled modules
}
SOLVERS = {
    "fixed step": ({}, []),
    "CoreNEURON": ({"coreneuron": True}, ["--coreneuron"]),
    "variable step, atol 1e-3": ({"variable_step": 1e-3}, ["--variable-step"]),
    "variable step, atol 1e-2": ({"variable_step": 1e-2}, ["--variable-step", "1e-2"]),
}


def run(n, *arguments, **environment):
    """Run Python on n processes (0: no launcher); return wall time (s) and what it printed."""
    command = [MPIEXEC, "-n", str(n)] * bool(n) + [sys.executable, *map(str, arguments)]
    start = time.perf_counter()
    done = subprocess.run(
        command,
        env=ENVIRONMENT | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return time.perf_counter() - start, done.stdout


def parts(who, N, solver, *blocks):
    """Return the seconds of each part of a run, by the functions' names, and its memory (kB)."""
    threads = {} if who == "idle" else {"OMP_NUM_THREADS": "1"}
    who = "baseline" if who == "baseline" else "ours"
    script = SCRIPTS / "parts.py"
    said = run(0, script, who, N, json.dumps(solver), *blocks, **threads)[1]
    return json.loads(said.splitlines()[-1])


def in_turn(rounds, **calls):
    """Call each in turn, round after round; return the median of what each returned, by name; of
    dicts, key by key."""
    results = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            results[name].append(call())
    return {
        name: {
            key: statistics.median(each[key] for each in values) for key in values[0]
        }
        if isinstance(values[0], dict)
        else statistics.median(values)
        for name, values in results.items()
    }


def row(what, value, than="", goal=""):
    print(f"{what:<58}{value:>12}{than:>14}  {goal}".rstrip(), flush=True)


def start():
    print("\nStart, N = 5, 3 processes, the whole command                       s")
    bare = "from mpi4py import MPI\nimport neuron"
    times = in_turn(
        15,
        bare=lambda: run(3, "-c", bare)[0],
        ours=lambda: run(3, ROOT / "parallel_ring.py")[0],
        baseline=lambda: run(3, ROOT / "tests/baseline.py", 5, 100)[0],
    )
    row("a script that only imports mpi4py and neuron", f"{times['bare']:.3f}")
    row("baseline", f"{times['baseline']:.3f}")
    row(
        "parallel_ring.py",
        f"{times['ours']:.3f}",
        f"{times['ours'] / times['bare']:.2f} of bare",
        "at most 1.15",
    )
    row("", "", f"{times['ours'] / times['baseline']:.2f} of base", "at most 0.4")


def build():
    print("\nBuild, 10,000 cells on one process                         µs a cell")
    nothing = {"tstop": 0}
    times = in_turn(
        5,
        baseline=lambda: parts("baseline", 10_000, nothing),
        ours=lambda: parts("ours", 10_000, nothing),
    )
    base = times["baseline"]
    for name, took in times.items():
        whole, whole_base = (each["Ring"] + each["prun"] for each in (took, base))
        row(
            f"{name}: cells",
            f"{took['create_cells'] * 100:.0f}",
            f"{took['create_cells'] / base['create_cells']:.2f} of base",
            "at most 0.29 (35 of 120)" if name == "ours" else "",
        )
        row(
            f"{name}: connected and prepared too",
            f"{whole * 100:.0f}",
            f"{whole / whole_base:.2f} of base",
        )
    times = in_turn(
        3,
        small=lambda: parts("ours", 10_000, nothing)["create_cells"],
        large=lambda: parts("ours", 100_000, nothing)["create_cells"],
    )
    row(
        "ours, 100,000 cells",
        f"{times['large'] * 10:.0f}",
        f"{times['large'] / times['small']:.1f} times",
        "at most 11 times as long as 10,000",
    )


def solve():
    calls = {
        "baseline": lambda: parts("baseline", 10_000, {}),
        **{
            name: lambda solver=solver: parts("ours", 10_000, solver)
            for name, (solver, _) in SOLVERS.items()
        },
        "CoreNEURON, idle cores": lambda: parts("idle", 10_000, {"coreneuron": True}),
    }
    times = in_turn(3, **calls)
    print("\nSolve, 10,000 cells on one process, 100 ms                         s")
    goals = {"fixed step": 1.2, "CoreNEURON": 1.45, "variable step, atol 1e-3": 2}
    for name, took in times.items():
        row(
            name,
            f"{took['psolve']:.2f}",
            f"{times['baseline']['psolve'] / took['psolve']:.2f} times",
            f"at least {goals[name]}" if name in goals else "",
        )
    print("\nMemory                                                   kB a cell")
    small = parts("ours", 5, {})
    for name in ("fixed step", "CoreNEURON", "variable step, atol 1e-3"):
        row(
            name,
            f"{(times[name]['kB'] - small['kB']) / 10_000:.1f}",
            "",
            "at most 12" if name == "fixed step" else "",
        )


def never_slower():
    print("\nSolve in the blocks that the driver asks for against none           s")
    for N, rounds, tstop in (
        (1, 5, 100),
        (100, 5, 100),
        (1000, 5, 50),
        (5000, 5, 20),
        (7000, 5, 20),
        (20_000, 3, 20),
    ):
        solver = {"tstop": tstop}
        calls = {
            "none": lambda N=N, how=solver: parts("ours", N, how, "no_blocks"),
            "chosen": lambda N=N, how=solver: parts("ours", N, how),
        }
        times = in_turn(rounds, **calls)
        row(
            f"{N} cells, {tstop} ms",
            f"{times['chosen']['psolve']:.3f}",
            f"{times['none']['psolve'] / times['chosen']['psolve']:.2f} times",
        )


def leaving():
    print("\nLeaving, 20,000 cells on one process: from the last line on         s")
    for name, (_, options) in SOLVERS.items():
        process = subprocess.Popen(
            [
                sys.executable,
                "-u",
                ROOT / "parallel_ring.py",
                "-N",
                "20000",
                "--tstop",
                "5",
                *options,
            ],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            text=True,
        )
        while not process.stdout.readline().startswith("cells"):
            pass
        last = time.perf_counter()
        status = process.wait()
        row(
            name, f"{time.perf_counter() - last:.2f}", f"status {status}", "at most 0.3"
        )


def exchange():
    def seconds(sources, delay):
        said = run(2, SCRIPTS / "exchange.py", sources, delay)[1]
        return float(said.split()[-1])

    print("\nWhat two processes spend on their spikes                           µs")
    times = in_turn(
        5,
        quiet=lambda: seconds(1, 0.1),
        busy=lambda: seconds(10_000, 5),
    )
    row("an exchange, one per shortest delay", f"{times['quiet'] / 10_000 * 1e6:.0f}")
    row(
        "a spike of the other process, besides",
        f"{times['busy'] / 1_000_000 * 1e6:.2f}",
    )


def scale():
    print("\nTwo processes against one, 20,000 cells, 100 ms, the whole command    s")
    arguments = (ROOT / "parallel_ring.py", "-N", 20_000)
    times = in_turn(
        1, one=lambda: run(1, *arguments)[0], two=lambda: run(2, *arguments)[0]
    )
    row("one", f"{times['one']:.1f}")
    row(
        "two",
        f"{times['two']:.1f}",
        f"{times['one'] / times['two']:.2f} times",
        "at least 1.8",
    )
    print("\n100,000 cells, 100 ms, the whole command                           s")
    peer = None
    if util.find_spec("arbor"):
        for group in (1, 64):  # its default, and what was best here
            peer, said = run(0, ROOT / "tests/arbor_ring.py", 100_000, 2, group)
            row(f"Arbor, 2 threads, cell groups of {group}", f"{peer:.1f}")
            print("    " + said.strip())
    goals = {"CoreNEURON": "at least 1.3", "variable step, atol 1e-2": "at least 2.5"}
    for name, (_, options) in SOLVERS.items():
        took = run(2, ROOT / "parallel_ring.py", "-N", 100_000, *options)[0]
        row(
            f"two processes, {name}",
            f"{took:.1f}",
            f"{peer / took:.2f} times" if peer else "",
            goals.get(name, "") if peer else "",
        )


def raster():
    import numpy as np

    print("\nA raster of 1,000,000 spikes of 10,000 cells, the whole command      s")
    random = np.random.default_rng(1)
    times = np.sort(random.uniform(0, 1000, 1_000_000))
    gids = random.integers(0, 10_000, 1_000_000)
    with open("many.spk", "w") as file:
        file.writelines(
            f"{t:.3f}\t{gid}\n" for t, gid in zip(times.tolist(), gids.tolist())
        )
    took = run(0, ROOT / "plot_spikes.py", "many.spk", "-o", "many.png")[0]
    row("plot_spikes.py", f"{took:.1f}", "", "at most 6")


def figure(file_name, N=500):
    """Draw wall time against the largest error of a spike time, for N cells: the fixed step, whose
    time does not depend on what they do, and the variable one, where most are quiet and where not.
    """
    sys.path.insert(0, str(ROOT))
    os.environ["OMP_NUM_THREADS"] = "1"
    import numpy as np
    from matplotlib import pyplot

    import simrun
    from ring import Ring

    class RingsOfFive(Ring):
        def connect_cells(self):
            for gid, cell in zip(self.gidlist, self.cells):
                source = gid - gid % 5 + (gid - 1) % 5
                self.connect(source, cell.synlist[0], self.syn_w, self.syn_delay)

        def connect_stim(self):
            super().connect_stim()
            self.ncstim = [self.ncstim]
            for cell in self.cells[5::5]:
                nc = simrun.h.NetCon(self.stim, cell.synlist[0])
                nc.weight[0], nc.delay = self.stim_w, 1
                self.ncstim.append(nc)

    def spikes(ring, **how):
        took = []
        for _ in range(3):
            start = time.perf_counter()
            simrun.prun(101, **how)
            took.append(time.perf_counter() - start)
        times, _ = ring.gather_spikes()
        return times, min(took)

    tolerances = [{"variable_step": 10.0**-n} for n in (1, 2, 3, 4, 5)]
    steps = [{"dt": dt} for dt in (0.1, 0.05, 0.025, 0.01, 0.005, 0.0025)]
    curves = {
        "fixed step (dt, ms)": (Ring, "o-", "black", steps),
        "variable step (mV), one ring": (Ring, "^-", "#d55e00", tolerances),
        "variable step (mV), rings of five": (
            RingsOfFive,
            "s--",
            "#0072b2",
            tolerances,
        ),
    }
    axes = pyplot.figure(figsize=(8, 5), layout="constrained").add_subplot()
    for name, (network, style, color, hows) in curves.items():
        ring = network(N)
        exact, _ = spikes(ring, variable_step=1e-10)
        exact = exact[exact <= 100]
        points = []
        for how in hows:
            times, took = spikes(ring, **how)
            points.append((abs(times[: len(exact)] - exact).max(), took))
            [value] = how.values()
            print(f"{name} {value:g}: error {points[-1][0]:.2g} ms, {took:.3f} s")
            if value in (0.1, 0.025, 0.0025, 1e-3, 1e-5):
                at = {"xytext": (6, 4), "textcoords": "offset points", "color": color}
                axes.annotate(f"{value:g}", points[-1], **at)
        axes.loglog(*np.transpose(points), style, color=color, label=name)
    axes.set_xlabel("largest error of a spike time within 100 ms (ms)", fontsize=14)
    axes.set_ylabel(f"wall time of the run (s), {N} cells", fontsize=14)
    axes.tick_params(labelsize=12)
    axes.margins(0.1)  # room for the labels
    axes.grid(True, color="0.9")
    axes.figure.legend(loc="outside upper center", ncols=3, fontsize=10, frameon=False)
    axes.figure.savefig(file_name, dpi=200)


def main():
    parser = argparse.ArgumentParser(
        description="Measure the ring against the tutorial's way."
    )
    parser.add_argument(
        "--figure", metavar="FILE", help="draw wall time against error instead"
    )
    options = parser.parse_args()
    if options.figure:
        return figure(options.figure)
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in open("/proc/cpuinfo")
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    print(
        f"{cpu}, {len(os.sched_getaffinity(0))} cores, {platform.platform(terse=True)}, Python "
        f"{platform.python_version()}"
    )
    names = ("neuron", "mpi4py", "mpich", "openmpi", "numpy", "matplotlib", "arbor")
    print(
        ", ".join(
            f"{each.name} {each.version}"
            for each in metadata.distributions()
            if each.name in names
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for measure in (
            start,
            build,
            solve,
            never_slower,
            leaving,
            raster,
            exchange,
            scale,
        ):
            measure()
        os.chdir(ROOT)


if __name__ == "__main__":
    main()
