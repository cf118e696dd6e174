"""Under mpiexec: the table, the same spikes on any number of processes, and clear failures."""

import re
import sys

import pytest
from conftest import DRIVER, MPIEXEC, ROOT, TABLE

TESTMPI = ROOT / "tests" / "testmpi.py"

NETWORKS = [  # more hosts than cells, many spikes, delays that do not divide, runs without spikes
    {},
    {"N": 1, "syn_delay": 20},
    {"N": 2, "syn_w": 0.03, "syn_delay": 0.5, "stim_spike_num": 3},
    {"N": 23, "syn_delay": 12.3, "stim_w": 0.02, "tstop": 250},
    {"N": 100, "syn_w": 0.02, "syn_delay": 0.1, "stim_spike_num": 5, "tstop": 60, "dt": 0.03},
    {"N": 6, "syn_delay": 0.0200001, "radius": 1e6, "tstop": 30, "dt": 0.01},
    {"N": 8, "stim_w": 0.006, "stim_spike_num": 2, "syn_w": 0.02, "syn_delay": 2.5, "dt": 0.05},
    {"stim_w": -0.0},
    {"tstop": 0.01},
    {"tstop": 0},
]
EXTREMES = [{name: 1e300} for name in ("syn_w", "stim_w", "syn_delay")]  # by the fixed step alone
EXTREMES += [{"syn_delay": 8.5, "dt": 8}, {"dt": 1e-6, "tstop": 0.01}, {"tstop": 1e-300}]
EXTREMES += [{"N": 2, "syn_w": 0.03, "syn_delay": 15, "tstop": 20000, "dt": 0.1}]
SOLVERS = [{}, {"coreneuron": True}, {"variable_step": True}, {"variable_step": 1e-5}]
# Rank 0 prints the spikes of every network with every solver, to the last bit
EXACT = f"""
import simrun
from ring import Ring
for arguments in {NETWORKS + EXTREMES}:
    solvers = {SOLVERS} if arguments in {NETWORKS} else [{{}}]
    tstop, dt = arguments.pop("tstop", 100), arguments.pop("dt", 0.025)
    ring = Ring(**arguments)
    assert ring.gidlist == list(range(ring.pc.id(), ring._N, ring.pc.nhost()))
    assert len(ring.cells) == len(ring.gidlist) == len(ring.nclist)
    assert (ring.stim is None) == (ring.pc.id() != 0)
    for solver in solvers:
        simrun.prun(tstop, dt, **solver)
        times, gids = ring.gather_spikes()
        if ring.pc.id() == 0:
            print(*(f"{{t.hex()}} {{gid}}" for t, gid in zip(times, gids)), sep=",")
        else:
            assert times.shape == gids.shape == (0,) and times.dtype == float and gids.dtype == int
"""


def ids(stdout, n):
    return sorted(re.findall(r"^I am (\d+) of (\d+)$", stdout, re.M)) == [
        (str(rank), str(n)) for rank in range(n)
    ]


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_the_published_table(mpiexec, tmp_path, n):
    done = mpiexec(n, DRIVER)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out.spk").read_bytes() == TABLE
    assert [path.name for path in tmp_path.iterdir()] == ["out.spk"]
    lines = done.stdout.splitlines()
    assert ids(done.stdout, n) and len(lines) == n + 1
    assert re.fullmatch(
        rf"cells 5, hosts {n}, simulated 100 ms, spikes 14, "
        r"wall time \d+\.\d\d s, load balance \d+%, file 'out.spk'",
        lines[-1],
    )


def test_the_published_table_without_a_launcher_and_without_matplotlib(python, tmp_path):
    script = "import parallel_ring, sys; parallel_ring.main(); print('matplotlib' in sys.modules)"
    done = python("-c", script)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.endswith("False\n")
    assert done.stdout.startswith("I am 0 of 1\ncells 5, hosts 1, ")
    assert (tmp_path / "out.spk").read_bytes() == TABLE


def test_the_spikes_are_the_same_to_the_last_bit_with_every_solver(mpiexec, tmp_path):
    one, *others = (mpiexec(n, "-c", EXACT) for n in (1, 2, 3))
    assert (one.returncode, one.stderr) == (0, "")
    for other in others:
        assert (other.returncode, other.stderr) == (0, "") and other.stdout == one.stdout
    rows = iter(one.stdout.splitlines())
    for network in NETWORKS:
        fixed, core, variable, exact = (next(rows) for _ in SOLVERS)
        assert fixed == core
        if network.get("stim_w") == 0 or network.get("tstop", 1) < 1:
            assert fixed == variable == exact == ""
        else:
            assert len({fixed, variable, exact}) == 3 and fixed.count(",") > 1
        if "dt" in network and "stim_w" in network:
            options = [f"--{name.replace('_', '-')}={value}" for name, value in network.items()]
            options[0] = options[0].removeprefix("-")
            done = mpiexec(3, DRIVER, *options, "-o", "same.spk")
            assert (done.returncode, done.stderr) == (0, "") and "cells 8, " in done.stdout
            lines = [spike.split() for spike in fixed.split(",")]
            written = "".join(f"{float.fromhex(t):.3f}\t{gid}\n" for t, gid in lines)
            assert (tmp_path / "same.spk").read_text() == written
    *extremes, long = rows
    assert len(extremes) == 6 and any(extremes) and long.count(",") > 1000


def test_testmpi_says_what_is_wrong_when_there_is_no_mpi_library(mpiexec, no_mpi):
    done = mpiexec(4, TESTMPI, **no_mpi)
    assert done.returncode != 0 and done.stdout == ""
    [line] = [line for line in done.stderr.splitlines() if line.startswith("simrun: ")]
    assert "started 4 processes, but NEURON sees 1, with no MPI library (cannot load" in line


USED = (
    "from neuron import h\npc = h.ParallelContext()\nassert pc.nhost() == 1\nsoma = h.Section()\n"
)
FIRST = {
    "a cell": "import ballandstick",
    "another package": "sys.path.insert(0, '.')\nimport other",
    "NEURON, used": USED + "h.finitialize(-65)\nh.fadvance()",
    "mpi4py": "from mpi4py import MPI",
    "both": "from mpi4py import MPI\nfrom neuron import h",
    "a thread": "from threading import Thread\nit = Thread(target=__import__, args=['simrun'])\n"
    "it.start()\nit.join()",
}


@pytest.mark.parametrize("first", FIRST)
def test_the_order_of_the_imports_does_not_matter(mpiexec, tmp_path, first):
    (tmp_path / "other.py").write_text("import neuron\nneuron.h.load_file('stdrun.hoc')\n")
    script = f"import sys\n{FIRST[first]}\nimport ring, simrun\nmy_ring = ring.Ring()\n"
    script += "from neuron import h\npc = h.ParallelContext()\nh.tstop = 100\n"
    script += "print(f'I am {pc.id()} of {pc.nhost()}\\n', end='')\n"
    for run in ("simrun.prun(coreneuron=True)", "h.run()", "simrun.prun()"):
        script += f"{run}\nmy_ring.write_spikes(f'{{pc.nhost()}}{len(run)}.spk')\n"
    for n in 1, 2:
        done = mpiexec(n, "-c", script, NEURON_MODULE_OPTIONS="-nogui")
        assert (done.returncode, done.stderr) == (0, "") and ids(done.stdout, n)
    assert [path.read_bytes() for path in tmp_path.glob("*.spk")] == 6 * [TABLE]


LAUNCHERS = {
    "Open MPI's mpiexec": "OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=0",
    "Slurm's srun": "SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=0",
}


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_launcher_that_mpi_does_not_know_is_found_out(python, launcher):
    def testmpi(variables):
        done = python(TESTMPI, **dict(each.split("=") for each in variables.split()))
        return done.returncode, done.stdout, done.stderr

    first = LAUNCHERS[launcher]
    status, stdout, said = testmpi(first)
    words = f"simrun: {launcher} started 2 processes, but NEURON sees 1, with "
    assert (status, stdout) == (1, "") and said.startswith(words) and said.count("\n") == 1
    assert re.search(rf"with (MPICH|Open MPI)\. Use its own mpiexec .*{sys.prefix}", said)
    assert testmpi(first.replace("=0", "=1")) == (1, "", "")  # the second process
    for alone in (first.replace("=2", "=1"), f"{first} SIMRUN_SERIAL=1"):
        assert testmpi(alone) == (0, "I am 0 of 1\n", "")
    both = LAUNCHERS["Slurm's srun"] + " OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0"
    assert testmpi(both) == (0, "I am 0 of 1\n", "")  # an mpiexec with two daemons, one process


USER = """
import simrun, ring
from matplotlib import pyplot
for weight in (0.01, 0.02, 0.01):
    my_ring = ring.Ring(N=3, syn_w=weight)
    if my_ring.pc.gid_exists(0):  # the host that owns cell 0; others may own no cell at all
        recorded = simrun.set_recording_vectors(my_ring.cells[0])
    simrun.simulate(tstop=50)
    if my_ring.pc.gid_exists(0):
        simrun.show_output(*recorded, new_fig=weight == 0.01)
    my_ring.write_spikes(f"{weight}.spk")
pyplot.savefig("traces.png")
"""


@pytest.mark.parametrize("n", [1, 4])
def test_a_users_script_where_a_host_may_own_no_cell(mpiexec, tmp_path, n):
    done = mpiexec(n, "-c", USER)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    first = (tmp_path / "0.01.spk").read_bytes()
    assert first.startswith(b"12.625\t0\n19.225\t1\n25.825\t2\n32.450\t0\n")
    assert (tmp_path / "0.02.spk").read_bytes().startswith(b"12.625\t0\n18.875\t1\n")
    assert (tmp_path / "traces.png").stat().st_size > 10_000


def complaint(done):
    """The one line of a failed run, without what the launcher adds to it."""
    lines = [line for line in done.stderr.splitlines() if "parallel_ring.py" in line]
    assert "Traceback" not in done.stderr and len(lines) == 1, done.stderr
    return lines[0].removeprefix("parallel_ring.py: error: ")


BAD = {
    "-N 0": "N = '0': must be a whole number from 1 to ",
    "-N nan": "N = 'nan': must be a whole number",
    "-N 2.5": "N = '2.5': must be a whole number",
    "--syn-delay 0.02": "syn_delay = 0.02: must be longer than the step, dt = 0.025 ms",
    "--dt 0.2 --syn-delay 0.2": "syn_delay = 0.2: must be longer than the step, dt = 0.2 ms",
    "-o nowhere/out.spk": "output = 'nowhere/out.spk': No such file or directory",
    "-o /proc/out.spk": "output = '/proc/out.spk': No such file or directory",
    "--output=": "output = '': No such file or directory",
    "-o .": "output = '.': Is a directory",
    "-o " + "x" * 300: f"output = '{'x' * 300}': File name too long",
    "--variable-step=0": "variable_step = '0': must be a finite number from 1e-12 to 1",
    "--plot": "unrecognized arguments: --plot",
}


ALL_OF_IT = """
import sys, parallel_ring
for bad in sys.argv[1:]:
    sys.argv = ["parallel_ring.py", *bad.split()]
    try:
        parallel_ring.main()
    except SystemExit as end:
        assert end.code == 2
sys.exit(2)
"""


def test_bad_input_is_named_once_on_any_number_of_hosts(driver, mpiexec, tmp_path):
    for arguments, message in BAD.items():
        done = driver(*arguments.split())
        assert (done.returncode, done.stdout) == (2, "") and complaint(done).startswith(message)
    done = mpiexec(3, "-c", ALL_OF_IT, *BAD)
    lines = [line for line in done.stderr.splitlines() if line.startswith("parallel_ring.py: ")]
    assert (done.returncode, done.stdout, len(lines)) == (2, "", len(BAD))
    assert mpiexec(2, DRIVER, "-N", 0).returncode == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", ["nan", "-1", "1e400", "", "0x10"])
def test_a_number_that_is_none_is_named(driver, value):
    for name in "stim_w stim_spike_num syn_w syn_delay radius tstop dt".split():
        done = driver(f"--{name.replace('_', '-')}={value}")
        assert (done.returncode, done.stdout) == (2, "")
        assert complaint(done).startswith(f"{name} = {value!r}: must be a ")


def test_a_write_that_fails_after_the_run(mpiexec):
    done = mpiexec(2, DRIVER, "-o", "/dev/full")
    assert done.returncode == 1 and ids(done.stdout, 2)
    assert complaint(done) == "output = '/dev/full': No space left on device"


@pytest.mark.parallel
@pytest.mark.parametrize("shell", ["", "> log && cat log", "| cat"])
def test_the_spikes_on_standard_output(run, shell):
    for launcher in "", f"{MPIEXEC} -n 2":
        done = run("sh", "-c", f"{launcher} {sys.executable} {DRIVER} -o /dev/stdout {shell}")
        assert (done.returncode, done.stderr) == (0, "")
        assert TABLE.decode() in done.stdout and done.stdout.endswith("file '/dev/stdout'\n")


def test_help_once_with_units_and_defaults(driver):
    done = driver("--help")
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.count("usage:") == 1
    text = " ".join(done.stdout.split())
    for line in (
        "weight of the connections (µS); default 0.01",
        "time step (ms); default 0.025",
        "radius of the ring (µm); default 50",
        "tab, gid; default out.spk",
    ):
        assert line in text
