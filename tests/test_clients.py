"""Other people's networks, unchanged: right on many hosts with `python -m simrun`, wrong without.

`pytest -m client`, where netpyne, bmtk and PyNN are installed and C++ can be compiled.
"""

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import BESIDE_PYTHON, MPIEXEC, ROOT

pytestmark = pytest.mark.client
HERE = ROOT / "tests" / "clients"
PATH = {"PATH": BESIDE_PYTHON + os.pathsep + os.environ["PATH"]}  # as if activated
NRNIV = Path(BESIDE_PYTHON, "nrniv")
PYTHON = [sys.executable]


def needs(*packages):
    for package in packages:
        if not find_spec(package):
            pytest.skip(f"it needs {package}")


@pytest.fixture
def compiled(run, tmp_path):
    """A function that compiles a mechanism, or those of a folder, by nrnivmodl's words."""

    def compiled(*words):
        done = run(*PYTHON, NRNIV.with_name("nrnivmodl"), *words, **PATH)
        assert done.returncode == 0, done.stderr

    return compiled


@pytest.fixture
def right_with_simrun_only(run, tmp_path):
    """A function that checks a client."""

    def check(client, alone=PYTHON):
        files = []
        for n in (1, 2, 3):
            with_simrun = [*PYTHON, "-m", "simrun", HERE / client]
            done = run(MPIEXEC, "-n", n, *with_simrun, **PATH)
            assert done.returncode == 0, done.stderr
            [spikes] = re.findall(rf"^(\d+) spikes on {n} hosts$", done.stdout, re.M)
            files.append(sorted((tmp_path / "client.spk").read_text().splitlines()))
        assert files == 3 * files[:1] and len(files[0]) == int(spikes) > 20
        done = run(MPIEXEC, "-n", 2, *alone, HERE / client, **PATH, stdin="quit()\n")
        return int(spikes), re.findall(r"^(\d+) spikes on (\d)", done.stdout, re.M)

    return check


def test_netpyne(right_with_simrun_only):
    needs("netpyne")
    spikes, without = right_with_simrun_only("netpyne_net.py")
    assert without == 2 * [(str(spikes), "1")]


def test_pynn(right_with_simrun_only, python):
    needs("pyNN")
    done = python("-c", "import pyNN.neuron", timeout=150, **PATH)  # a new one compiles
    assert done.returncode == 0, done.stderr
    spikes, without = right_with_simrun_only("pynn_net.py")
    assert without == 2 * [(str(spikes), "1")]


def test_bmtk_whose_file_would_hold_every_spike_twice(
    right_with_simrun_only, python, compiled
):
    needs("bmtk", "pyNN")
    pynn = Path(find_spec("pyNN").origin).parent
    compiled(pynn / "neuron" / "nmodl" / "vecstim.mod")
    assert python(HERE / "bmtk_net.py", "build").returncode == 0
    spikes, without = right_with_simrun_only("bmtk_net.py")
    assert (str(2 * spikes), "1") in without


def test_rings_with_gap_junctions(right_with_simrun_only, compiled):
    compiled(HERE)
    spikes, without = right_with_simrun_only("rings.py")
    assert without == 2 * [(str(spikes), "1")]


def test_a_hoc_model_with_a_compiled_mechanism(right_with_simrun_only, compiled):
    compiled(HERE)
    spikes, without = right_with_simrun_only("rings.hoc", [*PYTHON, NRNIV])
    assert without == 2 * [(str(spikes), "1")]


def test_synapses_that_learn_on_coreneuron_too(run, compiled, tmp_path):
    plastic = HERE / "plastic"
    compiled("-coreneuron", plastic)
    files = []
    for n in (1, 2, 3):
        for solver in [], ["--coreneuron"]:
            words = [*PYTHON, plastic / "plastic.py", *solver]
            done = run(MPIEXEC, "-n", n, *words, **PATH)
            assert done.returncode == 0, done.stderr
            files.append((tmp_path / "out.spk").read_bytes())
    assert files == 6 * files[:1] and files[0].count(b"\n") > 50
