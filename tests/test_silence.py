"""No wrong result in silence: what NEURON, MPI or a shell would let pass without a word."""

import os
import re
import subprocess
import sys
import threading
from unittest.mock import Mock

import pytest
from conftest import DRIVER, MPIEXEC, ROOT, TABLE

import simrun
from ring import Ring
from simrun import core_neuron, h

HERE = f"import sys\nsys.path.insert(0, {str(ROOT / 'tests')!r})\n"

# Solvers that fail, or that are not what was asked for


class Unstable(Ring):
    def create_cells(self):
        super().create_cells()
        for gid, cell in zip(self.gidlist, self.cells):
            if gid == 1:
                cell.soma.cm = float("nan")


class Short(Ring):
    def connect_stim(self):
        self.nclist[0].delay = 1


FAILS = [
    ("Ring --stim-w 1e20 --variable-step", 1, r"the solver gave up at 10\.?\d* of 100 ms"),
    ("Unstable", 1, r"a voltage is not a number \(nan\)"),
    ("Short --dt 2", 2, "the shortest delay = 1: must be longer than the step, dt = 2 ms"),
]


@pytest.mark.parametrize("words, status, said", FAILS)
def test_a_run_that_fails_is_told_once(mpiexec, driver, tmp_path, words, status, said):
    network, *options = words.split()
    (tmp_path / "out.spk").write_bytes(b"old")
    script = f"{HERE}import parallel_ring, test_silence\nparallel_ring.main(test_silence.{network})"
    for done in driver(*options, network=globals()[network]), mpiexec(2, "-c", script, *options):
        assert done.returncode == status and "spikes" not in done.stdout + done.stderr
        assert len(re.findall(f": error: {said}\n", done.stderr)) == 1, done.stderr
        assert "Traceback" not in done.stderr and (tmp_path / "out.spk").read_bytes() == b"old"


def test_an_unstable_cell_is_a_runtime_error():
    ring = Ring()
    ring.cells[2].dend.g_pas = -1
    with pytest.raises(RuntimeError, match="the solver gave up"):
        simrun.prun(variable_step=True)
    ring.cells[2].soma.cm = float("nan")
    for solver in ({}, {"coreneuron": True}):
        with pytest.raises(RuntimeError, match="a voltage is not a number"):
            simrun.prun(20, **solver)


NOT_LOCAL = """
import ring, simrun
from simrun import h
def extracellular(cells, pc):
    cells[0].soma.insert("extracellular")
def linear_mechanism(cells, pc):
    where = h.SectionList([cells[0].dend])
    parts = h.Matrix(1, 1), h.Matrix(1, 1), h.Vector(1), h.Vector(1), where, h.Vector([0.5])
    return h.LinearMechanism(*parts), parts
def gap_junction(cells, pc):
    if pc.id() == 0:  # the other host finds out only when it initialises
        pc.source_var(cells[0].soma(0.5)._ref_v, 1, sec=cells[0].soma)
        clamp = h.IClamp(cells[1].soma(0.5))
        pc.target_var(clamp, clamp._ref_amp, 1)
    pc.setup_transfer()
    return pc.id() == 0 and clamp
for model in extracellular, linear_mechanism, gap_junction:
    my_ring = ring.Ring()
    kept = model(my_ring.cells, my_ring.pc)
    try:
        simrun.prun(20, variable_step=True)
    except ValueError as error:
        print(f"{model.__name__} {error} {h.cvode.active():.0f}\\n", end="")
    del kept
"""


@pytest.mark.parametrize("n", [1, 2])
def test_a_variable_step_that_could_not_be_local_is_refused(mpiexec, n):
    done = mpiexec(n, "-c", NOT_LOCAL)
    assert done.returncode == 0
    answers = re.findall(r"^(\w+) .* 0$", done.stdout, re.M)
    assert sorted(answers) == sorted(n * ["extracellular", "linear_mechanism", "gap_junction"])
    assert done.stdout.count("variable_step excludes gap junctions") == n
    assert done.stdout.count("variable_step excludes extracellular and LinearMechanism") == 2 * n


def test_the_session_has_its_own_step_after_a_variable_one_and_no_tolerance_of_0():
    ring = Ring()
    h.tstop = 30
    h.cvode.active(True)
    h.run()
    h.cvode.active(False)
    assert h.dt != 0.025
    simrun.simulate(30)
    assert h.dt == 0.025 and ring.t_vec[0] == pytest.approx(12.625)
    h.cvode.active(True)
    h.cvode.atol(0)  # to NEURON the fixed step
    with pytest.raises(ValueError, match="variable_step = 0.0: must be a finite number from"):
        simrun.simulate(30)
    h.cvode.atol(1e-3)


def test_a_connection_that_coreneuron_would_not_switch_off_is_refused():
    ring = Ring()
    ring.nclist[1].active(False)
    simrun.prun()
    assert len(ring.gather_spikes()[0]) == 1
    with pytest.raises(ValueError, match="coreneuron excludes .* a NetCon that is not active"):
        simrun.prun(coreneuron=True)
    assert not core_neuron.enable


def test_what_neuron_says_of_coreneuron_is_seen(python):
    clamp = "import ring, simrun\nclamp = simrun.h.VClamp(ring.Ring().cells[0].soma(0.5))\n"
    done = python("-c", clamp + "simrun.prun(20, coreneuron=True)")
    assert done.returncode != 0 and "VClamp mechanism" in done.stdout + done.stderr


# Blocks are for those who ask


def test_prun_leaves_the_blocks_as_it_finds_them():
    ring = Ring(5100, syn_delay=0.04, stim_w=0.02)
    for blocks in (1, 3):
        ring.pc.nthread(blocks, False)
        if blocks > 1:
            for nc in ring.nclist:
                nc.delay = 1
        simrun.prun(15)
        assert ring.pc.nthread() == blocks and len(ring.t_vec) > 0
    ring.pc.nthread(1)


def test_a_delay_that_coreneuron_does_not_bear_is_refused_on_any_number_of_hosts(mpiexec, driver):
    done = driver("--syn-delay", "0.04", "--coreneuron")
    words = "error: syn_delay = 0.04: must be longer than two steps, dt = 0.025 ms\n"
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.endswith(words)
    script = "import ring, simrun\nr = ring.Ring(syn_delay=0.04)\nsimrun.prun(20)\ntry:\n"
    script += "    simrun.prun(20, coreneuron=True)\nexcept ValueError:\n    print('no')\n"
    script += "r = ring.Ring(syn_delay=0.0501)\nsimrun.prun(20, coreneuron=True)"
    for n in (1, 2):
        done = mpiexec(n, "-c", script)
        assert (done.returncode, done.stdout.count("no"), done.stderr) == (0, n, "")


# Spikes that a script has recorded too


RUNS = "simrun.prun(100)", "simrun.simulate(100)", "h.tstop = 100; h.run()"
TAKES = [
    "nc = [cell.connect2target(None) for cell in r.cells]; [n.record(vector) for n in nc]",
    "r.pc.spike_record(-1, vector, other)",
    "r.pc.spike_record(2, vector, other)",
]


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("takes", TAKES)
def test_no_spike_is_missing_where_a_script_records_them_too(tmp_path, monkeypatch, takes, run):
    monkeypatch.chdir(tmp_path)
    names = {"r": Ring(), "h": h, "simrun": simrun, "vector": h.Vector(), "other": h.Vector()}
    exec(f"{takes}\nfor _ in range(2):\n    {run}\n    r.write_spikes()", names)
    assert (tmp_path / "out.spk").read_bytes() == TABLE and len(names["vector"]) == 0


# Files and streams


def test_a_file_that_cannot_be_replaced_leaves_the_spikes_beside_it(
    mpiexec, driver, tmp_path, monkeypatch
):
    """As a mount of its own cannot; without the right to mount, the system's refusal is acted."""
    out = tmp_path / "out.spk"
    out.write_bytes(b"old")
    mount = f"mount --bind '{out}' '{out}'"
    if subprocess.run(["sh", "-c", mount], capture_output=True).returncode == 0:
        done = mpiexec(2, DRIVER)
        subprocess.run(["umount", "-l", out], check=True)
    else:
        busy = Mock(side_effect=OSError(16, "Device or resource busy"))
        monkeypatch.setattr(os, "replace", busy)
        done = driver()
    assert done.returncode == 1 and out.read_bytes() == b"old"
    [beside] = re.findall(r"busy; the spikes are in (\S+)", done.stderr)
    assert open(beside, "rb").read() == TABLE


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("launcher", ["", f"{MPIEXEC} -n 2 "])
def test_closed_streams(run, tmp_path, closed, launcher):
    shell = f"{sys.executable} {DRIVER} {closed}"  # hydra itself does not start without them
    done = run(*launcher.split(), "sh", "-c", shell)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert (tmp_path / "out.spk").read_bytes() == TABLE


def test_a_pipe_is_written_to_and_waited_for_with_a_word(start_mpiexec, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    process = start_mpiexec(2, DRIVER, "-o", "pipe")
    received = []
    reader = threading.Thread(target=lambda: received.append((tmp_path / "pipe").read_bytes()))
    threading.Timer(2, reader.start).start()
    _, stderr = process.communicate(timeout=300)
    assert (process.returncode, stderr) == (0, "waiting for a reader of pipe\n")
    reader.join(timeout=300)
    assert received == [TABLE] and (tmp_path / "pipe").is_fifo()
