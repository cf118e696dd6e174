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
BLOCKS = [
    (README.count("\n", 0, block.start()) + 1, *block.groups())
    for block in re.finditer(r"^```(\w+)\n(.*?)^```$", README, re.M | re.S)
]
CODE = [path.read_text() for path in (*ROOT.glob("*.py"), *ROOT.glob("tests/*.py"))]
PICTURES = {"raster.png": "out.png", "network.png": "network.png", "traces.png": "traces.png"}


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
    """A text without what differs from run to run: times of the clock, the order of the hosts."""
    text = re.sub(r"wall time [\d.]+ s, (load balance )?(\d+%)?", r"wall time, \1", text)
    return sorted(text.splitlines())


def seen_from_afar(picture):
    """The mean colour of each square of 50 pixels, for which it does not matter that releases of
    matplotlib set their letters a little differently."""
    pixels = pyplot.imread(picture)[..., :3]
    rows, columns = (n // 50 for n in pixels.shape[:2])
    squares = pixels[: rows * 50, : columns * 50].reshape(rows, 50, columns, 50, 3)
    return squares.mean(axis=(1, 3))


def test_every_command_and_every_line_of_code(run, copy, request):
    done, ran = None, []
    for line, language, text in BLOCKS:
        where = f"README.md, line {line}"
        if language == "sh":
            if "-m pytest" in text or "netpyne" in text or "-f nodes" in text:
                done = None  # it runs this; test_others and test_two_hosts do
                continue
            if text.startswith("python3 -m venv"):
                text = text.partition("requirements.txt && ")[2]  # .ci/run runs all of it
            path = os.pathsep.join((str(copy), BESIDE_PYTHON, ENVIRONMENT["PATH"]))
            done = run("bash", "-e", "-c", text, PYTHONPATH="", PATH=path)
        elif language == "python" and not any(text in code for code in CODE):
            script = re.match(r"# (\w+\.py)\n", text)
            if script:
                (copy / script[1]).write_text(text)
                continue
            done = run(sys.executable, "-i", "-q", stdin=text, PYTHONPATH="")
            assert "Error" not in done.stderr, where
        elif language == "text" and done:
            shown = alike(done.stdout)
            if ">>>" in done.stderr:  # of a prompt, its answers
                shown = [said for said in shown if said]
            assert shown == alike(text), where
            continue
        else:
            if language == "bash":
                (copy / "ring.sh").write_text(text)
            continue
        ran.append(text)
        assert done.returncode == 0 and "Traceback" not in done.stderr, (where, done.stderr)
    assert len(ran) >= 10
    for name, made in PICTURES.items():
        if request.config.getoption("--redraw"):
            shutil.copy(copy / made, ROOT / "tests" / name)
        drawn, kept = map(seen_from_afar, (copy / made, ROOT / "tests" / name))
        assert drawn.shape == kept.shape, name
        assert abs(drawn - kept).max() < 0.05, f"{name}: --redraw draws it anew"


def test_each_block_is_followed_and_the_prose_is_at_most_120_columns_wide():
    prose = re.sub(r"^```.*?^```$|^\|.*$|^!?\[.*\)$", "", README, flags=re.M | re.S)
    assert max(map(len, prose.splitlines())) <= 120
    assert {language for _, language, _ in BLOCKS} == {"sh", "text", "python", "bash"}
    assert README.count("```") == 2 * len(BLOCKS)


def test_the_lines_to_keep_are_marked_ones():
    code = (ROOT / "ring.py").read_text().partition('"""\n\n')[2]
    marked = [line.partition("###")[0].strip() for line in code.splitlines() if "###" in line]
    table = README.partition("| line | why |")[2].partition("\n\n")[0]
    kept = re.findall(r"^\| `(.*?)` \|", table, re.M)
    assert len(kept) > 6 and set(kept) <= set(marked)


def table(header):
    """The rows of a table of the README, as lists of cells."""
    rows = README.partition(f"| {header} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row[1:-1].split("|")] for row in rows]


TESTMPI = ROOT / "tests" / "testmpi.py"
RING = "import ring\nmy_ring = ring.Ring()\nme = my_ring.pc.id()\n"
PLAIN = "from neuron import h\npc = h.ParallelContext()\n"
PLAIN += "print(f'I am {pc.id()} of {pc.nhost()}\\n', end='')"


def hosts(n, *lines):
    """How to run lines of Python on n hosts."""
    return "mpiexec", [n, "-c", "\n".join(lines)], {}


def other(n, stage, *lines):
    """How to run a Ring on n hosts of which one stage is done otherwise."""
    body = ["        " + line for line in lines]
    head = f"import ring, simrun\nclass Other(ring.Ring):\n    def {stage}(self):"
    return hosts(n, head, *body, "Other()", "simrun.prun()")


CONNECT = "self.pc.gid_connect(40, self.cells[0].synlist[0])"
FIVE = "self.gidlist = [0, 1, 2, 3, 4]"
SET_ALL = "[self.pc.set_gid2node(gid, self.pc.id()) for gid in self.gidlist]"
PRUN = "ring.simrun.prun"
SLURM = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "0"}  # a launcher that MPI does not know
FAULTS = {  # the start of what is seen: the fixture that makes it happen, its arguments
    "mpiexec: command": ("run", [shutil.which("bash"), "-c", "mpiexec -n 3"], {"PATH": "/no"}),
    "execvp": ("run", [MPIEXEC, "-n", 1, "parallel_ring.py"], {}),
    "I am 0 of 1": hosts(2, PLAIN),
    "NEURON sees 1, with": ("python", [TESTMPI], SLURM),
    "gave up": hosts(1, "import ring", "r = ring.Ring(stim_w=1e20)", f"{PRUN}(variable_step=True)"),
    "IndexError": hosts(6, RING, "my_ring.cells[0]"),
    "but 6 on": hosts(2, "import ring", "ring.Ring(5 + ring.h.ParallelContext().id())"),
    "2 owners": other(2, "set_gids", FIVE, SET_ALL),
    "on 0 hosts": other(2, "connect_cells", f"self.nclist.append({CONNECT})"),
    "of host 1 has": other(2, "create_cells", "super().create_cells() if self.pc.id() == 0 else 0"),
    "are gone": other(1, "connect_cells", f"for gid in range(20): {CONNECT}"),
    "gid=0": hosts(1, RING + "my_ring.set_gids()"),
    "not been set": other(2, "create_cells", FIVE, "super().create_cells()"),
    "gid2out": hosts(2, RING, "if me == 1: my_ring.pc.gid2cell(0)"),
    "the end of": hosts(2, RING, "if me == 0: my_ring.gather_spikes()"),
    "forever": ("start_mpiexec", [2, "-c", RING + "if me == 0: my_ring.pc.barrier()"], {}),
    "goes on": hosts(1, RING, "print('goes on', ring.h('nonsense('))"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_seen_when_something_is_wrong(request, fault):
    assert len(table("you see")) == len(FAULTS)
    [seen] = [row[0] for row in table("you see") if fault in row[0]]
    fixture, arguments, environment = FAULTS[fault]
    done = request.getfixturevalue(fixture)(*arguments, **environment)
    if fixture == "start_mpiexec":
        with pytest.raises(subprocess.TimeoutExpired):
            done.wait(5)
        return
    message = re.escape(re.search("`(.*?)`", seen)[1]).replace("…", ".*").replace(r"\ ", r"\s")
    times = len(re.findall(message, done.stdout + done.stderr))
    often = "I am 0 of 1", "gid=0", "not been set", "2 owners"  # by both hosts, or by NEURON too
    assert times == (2 if fault in often else 1), done.stdout + done.stderr


def test_the_errors_of_spike_times():
    ring = Ring()
    simrun.prun(1001, variable_step=1e-10)
    exact = ring.gather_spikes()[0]
    said = re.search(r"at (12\S+), (\S+) and (\S+) ms", README.replace("\n", " ")).groups()
    assert said == tuple(f"{time:.3f}" for time in exact[:3])
    assert rounded((exact[100] - exact[50]) / 50, re.search(r"it takes (\S+) ms from", README)[1])
    for steps, *errors, _, _ in table("steps"):
        number = re.search(r"[\d.e-]+$", steps.removesuffix(" ms").strip("`"))
        how = {"dt": float(number[0])} if "fixed" in steps else {"coreneuron": True}
        if "variable" in steps:
            how = {"variable_step": float(number[0])}
        simrun.prun(1008, **how)
        times = ring.gather_spikes()[0]
        for tstop, error in zip((100, 1000), errors):
            n = (exact <= tstop).sum()
            assert rounded(abs(times[:n] - exact[:n]).max(), error), (steps, error)


def rounded(number, shown):
    """True if `number` is the first word of `shown`, at the precision that it is shown with."""
    shown = shown.split()[0]
    digits = len(shown.replace(".", "").lstrip("0"))
    return float(f"{number:.{digits}g}") == float(shown)


def measured(heading, what):
    """A figure of the benchmark: the section, the start of its line."""
    section = BENCHMARK[BENCHMARK.index(f"\n{heading}") :]
    return float(re.search(rf"^{what} +([\d.]+)", section, re.M)[1])


def test_the_figures_of_the_benchmark():
    names = {"fixed, 0.025 ms": "fixed step", "`--coreneuron`": "CoreNEURON"}
    names |= {f"`--variable-step 1e-{n}`": f"variable step, atol 1e-{n}" for n in (2, 3)}
    for steps, _, _, seconds, _ in table("steps"):
        if steps in names:
            assert rounded(measured("Solve, 10,000", names[steps]), seconds), steps
        else:
            assert seconds == "", steps
    # µs a cell for 1 ms, as it is 10,000 cells and 100 ms
    compute = measured("Solve, 10,000", "fixed step")
    exchange = measured("What two", "an exchange, one per shortest delay")
    spike = measured("What two", "a spike of the other process, besides")
    figures = [
        measured("Start", "parallel_ring.py"),
        measured("Build", "ours: cells"),
        compute,
        measured("Memory", "fixed step"),
        exchange,
        spike,
        measured("Two processes", "one") / measured("Two processes", "two"),
    ]
    for number, (what, figure) in zip(figures, table("what | measured"), strict=True):
        assert rounded(number, figure), what
    prepared = measured("Build", "ours: connected and prepared too")
    assert f"; {prepared:.0f} µs |" in README
    assert f"({measured('Solve in', '20000 cells, 20 ms +[0-9.]+'):.1f} times as fast" in README
    text = " ".join(README.partition("Reckoned from these")[2].split())
    assert rounded(10 * exchange, re.search(r"on 1000 hosts some (\d+) µs every 5 ms", text)[1])
    assert rounded(5 * compute, re.search(r"a cell (\d+) µs\)", text)[1])
    # Of N cells that fire 10 times a second, each host hears all and computes its share
    assert 300 < compute * 1000 / (10 * spike) / 10 < 1000 and "several hundred hosts of" in text


def test_its_links_and_pictures_exist():
    targets = re.findall(r"\]\(([^)]+)\)", README)
    files = [target for target in targets if not target.startswith(("http", "#"))]
    assert len(files) > 8 and all((ROOT / file).is_file() for file in files)
    headings = {
        re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", README, re.M)
    }
    assert all(target[1:] in headings for target in targets if target.startswith("#"))
