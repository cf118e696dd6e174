"""At a prompt: the session that the README shows, in Python and IPython, and silence otherwise."""

import pytest
from conftest import SESSION, TABLE

MODULES = ["ballandstick", "ring", "simrun", "parallel_ring", "plot_spikes"]
PROMPTS = {
    "python": ["-i", "-q"],
    "ipython": ["-m", "IPython", "--simple-prompt", "--no-banner", "--no-confirm-exit"],
}


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_session_twice(python, tmp_path, prompt):
    lines = 2 * (SESSION + "my_ring.cells[0]\nmy_ring.write_spikes()\n")
    done = python(*PROMPTS[prompt], stdin=lines, IPYTHONDIR=str(tmp_path / "ipython"))
    assert done.returncode == 0, done.stderr
    assert not any(word in done.stdout + done.stderr for word in ("Traceback", "Error"))
    assert done.stdout.count("array([12.625, 45.625, 78.625])") == 2
    assert "numprocs" not in done.stdout and "DISPLAY" not in done.stderr
    assert (tmp_path / "out.spk").read_bytes() == TABLE
    assert (tmp_path / "traces.png").stat().st_size > 10_000


@pytest.mark.parametrize("module", MODULES)
def test_an_import_is_silent(python, tmp_path, module):
    for display in {}, {"DISPLAY": ":99"}:
        done = python("-c", f"import {module}", MPLCONFIGDIR=str(tmp_path), **display)
        assert (done.returncode, done.stdout) == (0, "") and "DISPLAY" not in done.stderr
        if module != "plot_spikes":  # matplotlib may say that it looks for fonts, the first time
            assert done.stderr == ""


def test_without_an_mpi_library_a_prompt_is_serial_and_says_so_once(python, no_mpi, tmp_path):
    done = python("-i", "-q", stdin=SESSION + "my_ring.write_spikes()\n", **no_mpi)
    assert done.returncode == 0
    assert done.stderr.count("simrun: no MPI library (cannot load MPI library; see pip") == 1
    assert "DISPLAY" not in done.stderr
    assert (tmp_path / "out.spk").read_bytes() == TABLE


def test_an_error_does_not_end_a_prompt(python):
    lines = "import ring, simrun\nring.Ring(N=0)\nring.Ring(N=0)\n"
    lines += "ring.Ring().write_spikes('/nowhere/out.spk')\n"
    lines += "ring.h.ParallelContext().set_gid2node(0, 0)\nprint('still here')\n"
    done = python("-i", "-q", stdin=lines)
    assert done.returncode == 0 and "still here" in done.stdout
    assert done.stderr.count("ValueError: N = 0: must be a whole number") == 2
    assert "FileNotFoundError" in done.stderr and "already exists" in done.stderr


REBUILD = """
import gc, random, ring, simrun
random.seed(1)
other = simrun.h.Section(name="other")
synapse = simrun.h.ExpSyn(other(0.5))
kept = []
for n in range(60):
    my_ring = ring.Ring(N=random.choice([1, 2, 5, 40]))
    if n % 3 == 0:
        cell, extra = my_ring.cells[0], my_ring.pc.gid_connect(0, synapse)
        kept.append(random.choice([my_ring, cell, cell.soma, cell.synlist, my_ring.nclist, extra]))
    if n % 4 == 0:
        my_ring.set_numcells(7)
    if n % 5 == 0:
        del my_ring
        gc.collect()
    simrun.simulate(tstop=random.choice([0, 3, 20]))
print(len(list(simrun.h.allsec())))
"""


def test_many_rebuilds_and_a_quiet_exit(python):
    done = python("-c", REBUILD)
    assert (done.returncode, done.stderr) == (0, "") and int(done.stdout) in (3, 5, 11, 15, 81)
