"""`python -m simrun`: other people's scripts, unchanged, on many hosts."""

import os
import re

import pytest
from conftest import BESIDE_PYTHON, MPIEXEC, ROOT, SCRIPTS, ends_well, written

SAID = SCRIPTS / "said.py"
PLAIN = SCRIPTS / "plain_net.py"
SIMRUN = "-m", "simrun"


def without_ours(stderr):
    """An error, without the lines of Python's own -m."""
    return re.sub(r'  File "<frozen runpy>".*\n', "", stderr)


RUNS = [("psolve", 3), ("run", 2)]


def test_a_network_that_knows_of_no_host(mpiexec, python, tmp_path):
    assert python(PLAIN).stdout == "31 spikes on 1 hosts\n"
    alone = written(tmp_path, "plain.spk")
    for way, n in RUNS:
        done = mpiexec(n, *SIMRUN, PLAIN, way)
        ends_well(done)
        assert done.stdout == f"31 spikes on {n} hosts\n", way
        assert written(tmp_path, "plain.spk") == alone, way


def test_without_simrun_each_host_is_the_only_one(mpiexec):
    assert mpiexec(2, PLAIN).stdout.count("31 spikes on 1 hosts") == 2


@pytest.mark.parametrize("end", ["exit", "quit", "done"])
def test_a_script_ends_as_it_does_alone(mpiexec, python, end):
    alone, hosts = python(PLAIN, "", end), mpiexec(2, *SIMRUN, PLAIN, "", end)
    assert alone.returncode == hosts.returncode == (3 if end == "exit" else 0)
    assert "Traceback" not in hosts.stderr and "31 spikes" in hosts.stdout


def test_an_error_on_one_host_ends_all(mpiexec):
    done = mpiexec(3, *SIMRUN, PLAIN, "error")
    assert done.returncode == 1 and done.stderr.count("RuntimeError: broken") == 1


@pytest.mark.parametrize(
    "words",
    [[SAID, "a", "-b"], [SAID, "exit"], [SAID, "error"], ["-m", "said", "error"]],
)
def test_a_script_sees_and_says_what_it_does_alone(python, words):
    both = {"PYTHONPATH": f"{ROOT}:{SCRIPTS}"}
    alone = python(*words, **both)
    ours = python(*SIMRUN, *words, **both)
    assert (ours.returncode, ours.stdout) == (alone.returncode, alone.stdout)
    assert ours.stderr == without_ours(alone.stderr)


def test_what_it_imports_is_the_module_that_runs_it(mpiexec):
    ends_well(mpiexec(2, *SIMRUN, SCRIPTS / "said_same.py"))


def test_a_hoc_file(mpiexec, tmp_path):
    model = SCRIPTS / "model.hoc"
    done = mpiexec(2, *SIMRUN, model)
    ends_well(done)
    for host in (0, 1):
        assert f"host {host} of 2: 1 spike" in done.stdout
    wrong = model.read_text().replace("tstop = 10", "if (pc.id == 1) nonsense.x = 10")
    (tmp_path / "wrong.hoc").write_text(wrong)
    done = mpiexec(2, *SIMRUN, "wrong.hoc")
    assert done.returncode == 1 and "wrong.hoc" in done.stderr
    assert done.stderr.count("RuntimeError") == 1


WRONG = {
    "missing.py": "simrun: missing.py: there is no such file",
    ".": "simrun: .: there is no such file",
    "notes.txt": "simrun: notes.txt: there is no such file, or no .py or .hoc",
    "-m": "simrun: -m: there is no such file",
    "unclosed.py": "SyntaxError: '(' was never closed",
}


@pytest.mark.parametrize("script, words", WRONG.items())
def test_what_can_not_be_run(mpiexec, tmp_path, script, words):
    (tmp_path / "notes.txt").touch()
    (tmp_path / "unclosed.py").write_text("print('x'\n")
    done = mpiexec(2, *SIMRUN, script)
    assert done.returncode == (1 if "Syntax" in words else 2)
    assert done.stderr.count(words) == 1 and "Traceback" not in done.stderr


def test_what_it_would_see(mpiexec, python):
    done = mpiexec(2, *SIMRUN)
    ends_well(done)
    assert "1 hosts, " in python(*SIMRUN, "--help").stdout
    seen = r"2 hosts, (MPICH|Open MPI|Intel MPI) \d+\.\d+\.\d+, NEURON \d+\.\d+.*"
    assert re.fullmatch(seen, done.stdout.splitlines()[-1])
    assert done.stdout.count("mpiexec -n 4 python -m simrun SCRIPT") == 1


@pytest.mark.parallel
def test_python_inside_neuron(run, tmp_path):
    def nrniv(script):
        (tmp_path / "in.py").write_text(f"import simrun\n{script}\n")
        path = {"PATH": BESIDE_PYTHON + os.pathsep + os.environ["PATH"]}
        words = "nrniv -nobanner -nogui -python in.py"
        return run(MPIEXEC, "-n", 2, *words.split(), **path)

    done = nrniv("print(f'hosts {simrun.pc.nhost():g}\\n', end='')")
    assert done.returncode == 0 and done.stdout.count("hosts 2\n") == 2
    assert "MPI" not in done.stderr
    done = nrniv("simrun.pc.id() and simrun.prun()")
    assert done.returncode == 1 and "host 0 is at the end" in done.stderr
