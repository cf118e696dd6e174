"""What the tests share: a way to run a command, alone or under mpiexec, that never hangs."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "tests" / "scripts"
DRIVER = ROOT / "parallel_ring.py"
TABLE = (ROOT / "tests" / "reference.spk").read_bytes()  # the published spikes
README = (ROOT / "README.md").read_text()
SESSION = re.search(
    r"^```python\n(import ring, simrun\n.*?)^```$", README, re.M | re.S
)[1]
sys.path.insert(0, str(ROOT))

BESIDE_PYTHON = os.path.dirname(sys.executable)
MPIEXEC = shutil.which("mpiexec", path=BESIDE_PYTHON + os.pathsep + os.environ["PATH"])
signal.signal(
    signal.SIGINT, signal.default_int_handler
)  # which a shell's background job ignores
# A command starts outside of any MPI job, and Open MPI may use root and more processes than cores
MPI_VARIABLES = ("PMI", "OMPI_", "PRTE_", "HYD", "MPI_LOCAL", "SLURM_")
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith((*MPI_VARIABLES, "DISPLAY", "WAYLAND", "MPLBACKEND"))
}
ENVIRONMENT |= {
    "PYTHONPATH": str(ROOT),
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",  # Open MPI 5
    "OMPI_MCA_rmaps_base_oversubscribe": "1",  # Open MPI 4
    "OMPI_MCA_mpi_yield_when_idle": "1",
}


def ends_well(done):
    """A command whose status is 0, and that has said nothing on stderr, or on a busy machine how far
    it was."""
    said = re.sub(r"simulated \d+ of .* in \d+ s\n", "", done.stderr)
    assert (done.returncode, said) == (0, "")


def written(folder, name="out.spk"):
    """The bytes of a file that a run has written."""
    return (folder / name).read_bytes()


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not so after {seconds} s"
        time.sleep(0.02)


def pytest_addoption(parser):
    what = "put the README's pictures, as they come out, in place of tests/*.png"
    parser.addoption("--redraw", action="store_true", help=what)
    parser.addoption("--seed", default=1, help="of the first random network")


def pytest_configure(config):
    config.addinivalue_line("markers", "parallel: run again under every other MPI")
    config.addinivalue_line("markers", "client: needs other people's packages")
    if "client" not in config.option.markexpr:  # they take their time
        config.option.ignore = [ROOT / "tests" / "test_clients.py"]


def pytest_collection_modifyitems(items):
    for item in items:
        if any("mpiexec" in name for name in item.fixturenames):
            item.add_marker("parallel")


@pytest.fixture(autouse=True)
def session():
    """Each test begins with the fixed step of 0.025 ms, and no figure."""
    import simrun

    simrun.h.cvode.active(False)
    simrun.h.dt, simrun.h.steps_per_ms = 0.025, 40
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.fixture
def start(tmp_path, tmp_path_factory):
    """A function that starts a command in an empty folder; what runs at the end is killed. What a
    launcher leaves then is in another: hydra leaves nothing in /tmp if there is a HWLOC_XMLFILE.
    numpy starts no second thread, which would only wait, as nothing here is large."""
    started, files = [], tmp_path_factory.mktemp("t")
    around = {"TMPDIR": str(files), "HWLOC_XMLFILE": f"{files}/none"}
    around["OPENBLAS_NUM_THREADS"] = "1"

    def start(*command, stderr=subprocess.PIPE, **environment):
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=tmp_path,
            env=ENVIRONMENT | around | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def run(start):
    """A function that runs a command in an empty folder and returns it completed."""

    def run(*command, timeout=60, stdin="", **environment):
        process = start(*command, **environment)
        try:
            stdout, stderr = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            pytest.fail(f"still running after {timeout} s: {process.args}")
        # NEURON's own words, which host 0 says when MPI starts
        stdout = re.sub(r"^numprocs=\d+\n", "", stdout, flags=re.M)
        return subprocess.CompletedProcess(
            process.args, process.returncode, stdout, stderr
        )

    return run


@pytest.fixture
def no_coreneuron(tmp_path):
    """The environment variable with which Python finds a NEURON without CoreNEURON's library."""
    package = Path(find_spec("neuron").origin).parent
    without = shutil.ignore_patterns("libcorenrnmech*", "__pycache__")
    shutil.copytree(
        package, tmp_path / "has" / "neuron", copy_function=os.symlink, ignore=without
    )
    return {"PYTHONPATH": f"{tmp_path / 'has'}{os.pathsep}{ROOT}"}


@pytest.fixture
def python(run):
    """A function that runs Python on one process, without a launcher."""
    return lambda *arguments, **options: run(sys.executable, *arguments, **options)


@pytest.fixture
def driver(monkeypatch, tmp_path, capfd):
    """A function that runs a program, if nothing else is said the driver, in the tests' own
    process, with these arguments, and returns it completed."""
    import parallel_ring

    def driver(*arguments, main=parallel_ring.main, **options):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(
            sys, "argv", [f"{main.__module__}.py", *map(str, arguments)]
        )
        status = 0
        try:
            main(**options)
        except SystemExit as end:
            status = end.code
        return subprocess.CompletedProcess(arguments, status, *capfd.readouterr())

    return driver


@pytest.fixture
def mpiexec(run):
    """A function that runs Python on n processes."""
    return lambda n, *words, **options: run(
        MPIEXEC, "-n", n, sys.executable, *words, **options
    )


@pytest.fixture
def start_mpiexec(start):
    """A function that starts Python on n processes and does not wait for them."""
    return lambda n, *words, **options: start(
        MPIEXEC, "-n", n, sys.executable, *words, **options
    )
