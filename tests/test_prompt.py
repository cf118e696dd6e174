"""At a prompt: the session that the README shows, in Python and IPython, and silence otherwise."""

from conftest import SCRIPTS, SESSION, TABLE, ends_well, written

IPYTHON = "-m IPython --simple-prompt --no-banner --no-confirm-exit".split()


def test_the_session_twice_in_ipython(python, tmp_path):
    lines = 2 * (SESSION + "my_ring.cells[0]\nmy_ring.write_spikes()\n")
    done = python(*IPYTHON, stdin=lines, IPYTHONDIR=str(tmp_path / "ipython"))
    assert done.returncode == 0, done.stderr
    assert not any(word in done.stdout + done.stderr for word in ("Traceback", "Error"))
    assert done.stdout.count("array([12.625, 45.625, 78.625])") == 2
    assert "DISPLAY" not in done.stderr
    assert written(tmp_path) == TABLE
    assert (tmp_path / "traces.png").stat().st_size > 10_000


def test_an_import_is_silent_even_with_a_display_that_is_not_there(python, tmp_path):
    display = {"DISPLAY": ":99"}
    done = python("-c", "import parallel_ring", **display)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = python("-c", "import plot_spikes", MPLCONFIGDIR=str(tmp_path), **display)
    assert (done.returncode, done.stdout) == (0, "")
    assert "DISPLAY" not in done.stderr  # it may say that it looks for fonts, once


def test_an_error_does_not_end_a_prompt(python):
    lines = "import ring, simrun\nring.Ring(N=0)\nring.Ring(N=0)\n"
    lines += "ring.Ring().write_spikes('/nowhere/out.spk')\n"
    lines += "ring.h.ParallelContext().set_gid2node(0, 0)\nprint('still here')\n"
    done = python("-i", "-q", stdin=lines)
    assert done.returncode == 0 and "still here" in done.stdout
    assert done.stderr.count("ValueError: N = 0: must be int, at least 1") == 2
    assert "FileNotFoundError" in done.stderr and "already exists" in done.stderr


def test_many_rebuilds_and_a_quiet_exit(python):
    done = python(SCRIPTS / "ring_rebuild.py")
    ends_well(done)
    assert int(done.stdout) in (3, 5, 11, 15, 81)
