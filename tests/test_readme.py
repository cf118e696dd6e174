"""The README, followed from top to bottom: what it says to type, what it shows, what it claims."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import BESIDE_PYTHON, ENVIRONMENT, MPIEXEC, README, ROOT
from matplotlib import pyplot

import simrun
from ring import Ring

BENCHMARK = (ROOT / "tests" / "benchmark.txt").read_text()  # what it printed
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
BLOCKS = [
    (README.count("\n", 0, block.start()) + 1, *block.groups())
    for block in BLOCK.finditer(README)
]
CODE = "".join(path.read_text() for path in ROOT.glob("*.py"))
PICTURES = ["schematic.png", "raster.png", "network.png", "traces.png"]
ELSEWHERE = "-m pytest", "-f nodes"  # .ci/run and test_two_hosts do that


@pytest.fixture
def copy(tmp_path):
    """A copy of the project, in the folder where commands run."""
    left = shutil.ignore_patterns(".*", "__pycache__", "*.spk")
    shutil.copytree(ROOT, tmp_path, ignore=left, dirs_exist_ok=True)
    shutil.copy(ROOT / "tests" / "reference.spk", tmp_path / "tests")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    sbatch = tmp_path / "sbatch"  # what Slurm does with the script, on one node
    sbatch.write_text("#!/bin/sh\nSLURM_NTASKS=3 bash $2 > ring.log\n")
    sbatch.chmod(0o755)
    return tmp_path


def alike(text):
    """The lines of a text without what differs from run to run: times of the clock, the
    order of the hosts, what an interpreter prints between its answers."""
    text = re.sub(r"wall time [\d.]+ s, load balance \d+%", "wall time", text)
    lines = text.replace("numprocs=", "\nnumprocs=").splitlines()
    return sorted(line for line in lines if line and "numprocs=" not in line)


class Follower:
    """Does what the blocks say, one after the other."""

    def __init__(self, run, folder):
        self.run, self.folder = run, folder
        self.said = None
        self.commands = 0

    def sh(self, text):
        if any(words in text for words in ELSEWHERE):
            self.said = None
            return
        text = text.partition("requirements.txt && ")[2] or text  # .ci/run runs all
        path = os.pathsep.join((str(self.folder), BESIDE_PYTHON, ENVIRONMENT["PATH"]))
        done = self.run("bash", "-e", "-c", text, PYTHONPATH="", PATH=path)
        self.finished(done)

    def python(self, text):
        script = re.match(r"# (\w+\.py)\n", text)
        if script:
            (self.folder / script[1]).write_text(text)
        elif text not in CODE:
            done = self.run(sys.executable, "-i", "-q", stdin=text, PYTHONPATH="")
            assert "Error" not in done.stderr, done.stderr
            self.finished(done)

    def bash(self, text):
        (self.folder / "ring.sh").write_text(text)

    def text(self, text):
        if self.said is not None:
            assert alike(self.said) == alike(text)

    def finished(self, done):
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
        self.said = done.stdout
        self.commands += 1


def seen_from_afar(picture):
    """The mean colour of each square of 50 pixels, for which it does not matter that
    releases of matplotlib set their letters a little differently."""
    pixels = pyplot.imread(picture)[..., :3]
    rows, columns = (n // 50 for n in pixels.shape[:2])
    squares = pixels[: rows * 50, : columns * 50].reshape(rows, 50, columns, 50, 3)
    return squares.mean(axis=(1, 3))


def test_every_command_every_line_of_code_and_the_pictures(run, copy, request):
    follower = Follower(run, copy)
    for line, language, text in BLOCKS:
        try:
            getattr(follower, language)(text)
        except AssertionError as error:
            raise AssertionError(f"README.md, line {line}: {error}") from None
    assert follower.commands >= 12
    assert all(path.stat().st_size > 20 for path in copy.glob("*.spk"))
    assert run(sys.executable, copy / "tests" / "pictures.py").returncode == 0
    for name in PICTURES:
        if request.config.getoption("--redraw"):
            shutil.copy(copy / name, ROOT / "tests" / name)
        drawn = seen_from_afar(copy / name)
        kept = seen_from_afar(ROOT / "tests" / name)
        assert drawn.shape == kept.shape, name
        assert abs(drawn - kept).max() < 0.05, f"{name}: --redraw draws it anew"


def test_its_size_its_lines_and_its_blocks():
    prose = re.sub(r"^```.*?^```$|^\|.*$|^!?\[.*\)$", "", README, flags=re.M | re.S)
    assert max(map(len, prose.splitlines())) <= 120
    assert len(README.split()) <= 3500
    assert README.count("```") == 2 * len(BLOCKS)


def table(header):
    """The rows of a table of the README, as lists of cells."""
    rows = README.partition(f"| {header} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row[1:-1].split("|")] for row in rows]


def test_the_lines_to_keep_are_marked_ones():
    lines = (ROOT / "ring.py").read_text().splitlines()
    marked = {line.partition("###")[0].strip() for line in lines if "###" in line}
    kept = {line.strip("`") for line, _ in table("line | why")}
    assert len(kept) > 6 and kept <= marked


def hosts(n, *lines):
    """How to run lines of Python on n hosts."""
    return "mpiexec", [n, "-c", "\n".join(lines)], {}


RING = "import ring\nmy_ring = ring.Ring()\nfrom simrun import pc"
PLAIN = "from neuron import h\npc = h.ParallelContext()"
SAY = "print(f'I am {pc.id():g} of {pc.nhost():g}\\n', end='')"
FIVE = "class All(ring.Ring):\n  def create_cells(self):\n    self.gidlist = range(5)"
BASH = shutil.which("bash")
FAULTS = {  # the start of what is seen: the fixture that makes it happen, its arguments
    "mpiexec: command": ("run", [BASH, "-c", "mpiexec -n 3"], {"PATH": "/no"}),
    "execvp": ("run", [MPIEXEC, "-n", 1, "parallel_ring.py"], {}),
    "I am 0 of 1": hosts(2, PLAIN, SAY),
    "IndexError": hosts(6, RING, "my_ring.cells[0]"),
    "not been set": hosts(2, RING, FIVE, "    super().create_cells()", "All()"),
    "gid2out": hosts(2, RING, "if pc.id() == 1: pc.gid2cell(0)"),
    "forever": ("start_mpiexec", [2, "-c", f"{RING}\nif pc.id(): pc.barrier()"], {}),
    "BAD TERMINATION": hosts(2, RING, "if pc.id() == 1: 1 / 0", "pc.barrier()"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_seen_when_something_is_wrong(request, fault):
    rows = table("you see")
    assert len(rows) == len(FAULTS) == 8
    [seen] = [row[0] for row in rows if fault in row[0]]
    fixture, arguments, environment = FAULTS[fault]
    done = request.getfixturevalue(fixture)(*arguments, **environment)
    if fixture == "start_mpiexec":
        with pytest.raises(subprocess.TimeoutExpired):
            done.wait(5)
        return
    words = re.escape(re.search("`(.*?)`", seen)[1]).replace(r"\ ", r"\s")
    if fault == "BAD TERMINATION":  # each MPI says it in its own way
        assert done.returncode != 0 and re.search(
            "Abort|ABORT|TERM", done.stderr + words
        )
    else:
        assert re.search(words, done.stdout + done.stderr), done.stderr


def rounded(number, shown):
    """True if `number` is the first word of `shown`, at the precision shown."""
    shown = shown.split()[0]
    digits = len(shown.replace(".", "").lstrip("0"))
    return float(f"{number:.{digits}g}") == float(shown)


HOW = {
    "fixed, 0.025 ms": {"dt": 0.025},
    "`--coreneuron`": {"coreneuron": True},
    "`--variable-step 1e-2`": {"variable_step": 1e-2},
    "`--variable-step 1e-3`": {"variable_step": 1e-3},
}


def test_the_errors_of_spike_times():
    ring = Ring()
    simrun.prun(1001, variable_step=1e-9)
    exact = ring.gather_spikes()[0]
    text = README.replace("\n", " ")
    said = re.search(r"begin at (12\S+), (\S+) and (\S+) ms", text).groups()
    assert said == tuple(f"{time:.3f}" for time in exact[:3])
    hop = re.search(r"it takes (\S+) ms from", text)[1]
    assert rounded((exact[100] - exact[50]) / 50, hop)
    for steps, *errors, _ in table("steps"):
        simrun.prun(1008, **HOW[steps])
        times = ring.gather_spikes()[0]
        for tstop, error in zip((100, 1000), errors):
            n = (exact <= tstop).sum()
            assert rounded(abs(times[:n] - exact[:n]).max(), error), (steps, error)


def measured(heading, what):
    """A figure of the benchmark: the section, the start of its line."""
    section = BENCHMARK[BENCHMARK.index(f"\n{heading}") :]
    return float(re.search(rf"^{what} +([\d.]+)", section, re.M)[1])


SOLVE = {
    "fixed, 0.025 ms": "fixed step",
    "`--coreneuron`": "CoreNEURON",
    "`--variable-step 1e-2`": "variable step, atol 1e-2",
    "`--variable-step 1e-3`": "variable step, atol 1e-3",
}
FIGURES = [
    ("start to end", "Start", "parallel_ring.py"),
    ("build a cell", "Build", "ours: cells"),
    ("compute a cell", "Solve, 10,000", "fixed step"),
    ("memory", "Memory", "fixed step"),
    ("an exchange", "What two", "an exchange, one per shortest delay"),
]


def test_the_figures_of_the_benchmark():
    for steps, _, _, seconds in table("steps"):
        assert rounded(measured("Solve, 10,000", SOLVE[steps]), seconds), steps
    rows = dict(table("what | measured"))
    for start, heading, line in FIGURES:
        [figure] = [rows[what] for what in rows if what.startswith(start)]
        assert rounded(measured(heading, line), figure), start
    two = measured("Two processes", "one") / measured("Two processes", "two")
    assert rounded(two, rows["20,000 cells, two processes against one"])


def test_its_links_and_pictures_exist():
    targets = re.findall(r"\]\(([^)]+)\)", README)
    files = [target for target in targets if not target.startswith(("http", "#"))]
    assert len(files) > 8 and all((ROOT / file).is_file() for file in files)
    headings = re.findall(r"^#+ (.*)$", README, re.M)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    assert all(target[1:] in anchors for target in targets if target[0] == "#")
