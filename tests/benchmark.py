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
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata, util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BESIDE_PYTHON = os.path.dirname(sys.executable)
MPIEXEC = shutil.which("mpiexec", path=BESIDE_PYTHON + os.pathsep + os.environ["PATH"])
ENVIRONMENT = os.environ | {
    "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
    "NEURON_MODULE_OPTIONS": "-nogui",
    "PYTHONPYCACHEPREFIX": tempfile.gettempdir() + "/benchmark_pycache",
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)

# One process that builds and runs, and says how many seconds each part took
PARTS = """
import json, resource, sys, time
network, run = map(__import__, sys.argv[1:3])
N, solver = int(sys.argv[3]), eval(sys.argv[4])
seconds = {}
def timed(name, do):
    def wrapper(*arguments, **named):
        start = time.perf_counter()
        result = do(*arguments, **named)
        seconds[name] = time.perf_counter() - start
        return result
    return wrapper
network.Ring.create_cells = timed("create_cells", network.Ring.create_cells)
run.psolve = timed("psolve", run.psolve)
ring = timed("Ring", network.Ring)(N)
if sys.argv[2] == "simrun":  # as the driver does
    __import__("parallel_ring").split(N)
timed("prun", run.prun)(solver.pop("tstop", 100), **solver)
seconds["kB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
if run.h.ParallelContext().id() == 0:
    print(json.dumps(seconds))
"""
# Two hosts with as many regular sources each, which hear of each other's spikes and do little else
EXCHANGE = """
import sys, simrun
h, sources = simrun.h, int(sys.argv[1])
pc, keep = h.ParallelContext(), []
for n in range(sources):
    stim = h.NetStim()
    stim.interval, stim.start, stim.number = 10, 10 * n / sources, 1e9
    pc.set_gid2node(n * 2 + pc.id(), pc.id())
    keep += [stim, h.NetCon(stim, None)]
    pc.cell(n * 2 + pc.id(), keep[-1])
soma = h.Section(name="soma")
synapse = h.ExpSyn(soma(0.5))
other = pc.gid_connect(1 - pc.id(), synapse)
other.delay, other.weight[0] = float(sys.argv[2]), 0
pc.set_maxstep(10)
h.stdinit()
pc.psolve(1000)
if pc.id() == 0:
    print(pc.wait_time() + pc.send_time())
"""
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


def parts(who, N, solver, n=0):
    """Return the seconds of each part of a run, by the functions' names, and its memory (kB)."""
    modules = ("baseline", "baseline") if who == "baseline" else ("ring", "simrun")
    threads = {} if who == "idle" else {"OMP_NUM_THREADS": "1"}
    said = run(n, "-c", PARTS, *modules, N, repr(solver), **threads)[1]
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
        blocks = "import parallel_ring; parallel_ring.split = lambda *_: None; "
        calls = {
            name: lambda change=change, N=N, tstop=tstop: json.loads(
                run(
                    0, "-c", change + PARTS, "ring", "simrun", N, repr({"tstop": tstop})
                )[1]
            )
            for name, change in (("none", blocks), ("chosen", ""))
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
    print("\nWhat two processes spend on their spikes                           µs")
    times = in_turn(
        5,
        quiet=lambda: float(run(2, "-c", EXCHANGE, 1, 0.1)[1]),
        busy=lambda: float(run(2, "-c", EXCHANGE, 10_000, 5)[1]),
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


def figure(file_name):
    """Draw wall time against the largest error of a spike time, for each way to take the steps."""
    sys.path.insert(0, str(ROOT))
    os.environ["OMP_NUM_THREADS"] = "1"
    import numpy as np
    from matplotlib import pyplot

    import simrun
    from ring import Ring

    ring = Ring(500)

    def spikes(**how):
        took = []
        for _ in range(3):
            start = time.perf_counter()
            simrun.prun(101, **how)
            took.append(time.perf_counter() - start)
        return ring.gather_spikes()[0], min(took)

    exact, _ = spikes(variable_step=1e-10)
    exact = exact[exact <= 100]
    steps = 0.1, 0.05, 0.025, 0.01, 0.005, 0.0025
    curves = {
        "fixed step": ("dt", "o-", "black", [dict(dt=dt) for dt in steps]),
        "CoreNEURON": (
            "dt",
            "s--",
            "#0072b2",
            [dict(dt=dt, coreneuron=True) for dt in steps],
        ),
        "variable step": (
            "variable_step",
            "^-",
            "#d55e00",
            [dict(variable_step=10.0**-n) for n in (1, 2, 3, 4, 5, 7)],
        ),
    }
    axes = pyplot.figure(figsize=(8, 5), layout="constrained").add_subplot()
    right, left = dict(xytext=(6, 4)), dict(xytext=(-8, -4), ha="right", va="top")
    for name, (key, style, color, hows) in curves.items():
        points = []
        for how in hows:
            times, took = spikes(**how)
            points.append((abs(times[: len(exact)] - exact).max(), took))
            print(
                f"{name}, {key} {how[key]:g}: error {points[-1][0]:.2g} ms, {took:.3f} s"
            )
            axes.annotate(
                f"{how[key]:g}",
                points[-1],
                color=color,
                textcoords="offset points",
                **(right if color == "black" else left),
            )
        axes.loglog(
            *np.transpose(points),
            style,
            color=color,
            label=f"{name} ({'dt, ms' if key == 'dt' else 'atol, mV'})",
        )
    axes.set_xlabel("largest error of a spike time within 100 ms (ms)", fontsize=14)
    axes.set_ylabel("wall time of the run (s), 500 cells", fontsize=14)
    axes.tick_params(labelsize=12)
    axes.margins(0.1)  # room for the labels
    axes.grid(True, color="0.9")
    axes.figure.legend(loc="outside upper center", ncols=3, fontsize=12, frameon=False)
    axes.figure.savefig(file_name, dpi=150)


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
