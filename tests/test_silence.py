"""No wrong result in silence: what NEURON, MPI or a shell would let pass without a word."""

import re
import signal
import sys
import time

import numpy as np
import pytest
from conftest import SCRIPTS, TABLE, written
from pytest import approx

import simrun
from ring import Ring
from simrun import core_neuron, h

# Solvers that fail, or that are not what was asked for


class Unstable(Ring):
    def create_cells(self):
        super().create_cells()
        for gid, cell in zip(self.gidlist, self.cells):
            if gid == 1:
                cell.soma.cm = float("nan")


class Quick(Ring):
    def connect_stim(self):
        self.nclist[0].delay = 1


FAILS = [
    (Ring, "--stim-w 1e20 --variable-step", 1, "the solver gave up at 10.* of 100 ms"),
    (Unstable, "", 1, r"a voltage is not a number \(nan\)"),
    (Ring, "--radius 1e9", 1, r"a voltage is not a number \(nan\)"),  # µm, a kilometre
    (Quick, "--dt 2", 2, "shortest delay = 1 ms: must be longer than 2 ms"),
]


@pytest.mark.parametrize("network, words, status, said", FAILS)
def test_a_run_that_fails_is_told(driver, tmp_path, network, words, status, said):
    (tmp_path / "out.spk").write_bytes(b"old")
    done = driver(*words.split(), network=network)
    assert done.returncode == status and "spikes" not in done.stdout
    assert len(re.findall(f"^parallel_ring.py: error: {said}$", done.stderr, re.M)) == 1
    assert written(tmp_path) == b"old"


def test_an_unstable_cell_is_a_runtime_error():
    ring = Ring()
    ring.cells[2].dend.g_pas = -1
    with pytest.raises(RuntimeError, match="the solver gave up"):
        simrun.prun(variable_step=True)
    assert not h.cvode.active()
    ring.cells[2].soma.cm = float("nan")
    for solver in ({}, {"coreneuron": True}):
        with pytest.raises(RuntimeError, match="a voltage is not a number"):
            simrun.prun(20, **solver)


def test_all_hosts_are_told_that_a_voltage_of_one_is_nan(mpiexec):
    done = mpiexec(2, SCRIPTS / "run_nan.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout == 2 * "a voltage is not a number (nan)\n"


REFUSED = {
    "extracellular: variable_step can't run extracellular or LinearMechanism",
    "linear_mechanism: variable_step can't run extracellular or LinearMechanism",
    "queue_mode: variable_step can't run h.cvode.queue_mode",
    "inactive: coreneuron can't run a NetCon that is not active",
    "gap_junction: variable_step can't run gap junctions",
    "reaction_diffusion: coreneuron can't run rxd",
    "split_cells: coreneuron can't run cells split over hosts",
    "split_cells: variable_step can't run cells split over hosts",
}


WHOLE = "extracellular linear_mechanism queue_mode inactive gap_junction"
WHOLE = [*WHOLE.split(), "reaction_diffusion"]


def test_what_neuron_cannot_run_in_this_way_is_refused(mpiexec):
    lines = []
    for models in WHOLE, ["split_cells"]:  # after which NEURON bears no others
        done = mpiexec(2, SCRIPTS / "run_refused.py", *models)
        assert done.returncode == 0, done.stderr
        lines += done.stdout.splitlines()
    assert set(lines) == REFUSED and len(lines) == 2 * len(REFUSED)


def test_coreneuron_in_subworlds_of_several_hosts_is_refused(mpiexec):
    done = mpiexec(4, SCRIPTS / "run_subworlds.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout == 4 * "coreneuron can't run in subworlds of several\n"


def test_a_delay_that_coreneuron_does_not_bear_is_refused():
    Ring(syn_delay=0.04)
    simrun.prun(20)
    with pytest.raises(ValueError, match="delay = 0.04 ms: must be longer than 0.05"):
        simrun.prun(20, coreneuron=True)
    assert not core_neuron.enable
    Ring(syn_delay=0.0501)
    simrun.prun(20, coreneuron=True)


def test_what_neuron_says_of_coreneuron_is_seen(python):
    done = python(SCRIPTS / "run_clamp.py")
    assert done.returncode != 0 and "VClamp mechanism" in done.stdout + done.stderr


# What a run leaves behind


def test_the_session_has_its_own_step_after_a_variable_one():
    ring = Ring()
    h.tstop = 30
    h.cvode.active(True)
    h.run()
    h.cvode.active(False)
    assert h.dt != 0.025
    simrun.simulate(30)
    assert h.dt == 0.025 and ring.t_vec[0] == approx(12.625)


def test_the_session_has_its_own_tolerance_after_a_run():
    ring = Ring()
    h.cvode.active(True)
    h.cvode.atol(1e-7)
    h.cvode.condition_order(2)
    simrun.prun(variable_step=1e-1)
    settings = h.cvode.active(), h.cvode.atol(), h.cvode.condition_order()
    assert settings == (True, 1e-7, 2) and not h.cvode.use_local_dt()
    simrun.simulate(100)
    last = ring.gather_spikes()[0][-1]  # at a tolerance of 0.1 it would be 97.849
    assert last == approx(97.788, abs=0.01)
    h.cvode.atol(1e-3)
    h.cvode.condition_order(1)


def test_the_state_can_be_saved_after_a_run(mpiexec):
    done = mpiexec(2, SCRIPTS / "run_save.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout == 3 * "8 spikes from 50 ms on\n"


def test_h_stoprun_ends_a_run_at_that_time_and_not_the_next():
    ring = Ring()
    start = lambda: h.cvode.event(30, lambda: setattr(h, "stoprun", 1))  # noqa: E731
    handler = h.FInitializeHandler(start)
    simrun.prun()
    assert h.t == approx(30, abs=0.05) and len(ring.gather_spikes()[0]) == 3
    del handler
    simrun.prun()
    assert h.t == approx(100) and len(ring.gather_spikes()[0]) == 14


def test_true_is_true_from_wherever_it_comes():
    ring = Ring()
    spikes = []
    for true in (True, np.True_, 1, 1e-3):
        simrun.prun(variable_step=true)
        spikes.append(ring.t_vec.to_python())
    assert spikes == 4 * spikes[:1] and spikes[0][0] == approx(12.58, abs=5e-3)
    for false in (False, np.False_, 0):
        simrun.prun(variable_step=false)
        assert ring.t_vec[0] == approx(12.625)


# Spikes that a script has recorded too


def by_netcon(ring, vector):
    netcons = [cell.connect2target(None) for cell in ring.cells]
    for nc in netcons:
        nc.record(vector)
    return netcons


TAKES = [
    pytest.param(by_netcon, id="by NetCon.record"),
    pytest.param(lambda ring, vec: ring.pc.spike_record(-1, vec, h.Vector()), id="all"),
    pytest.param(lambda ring, vec: ring.pc.spike_record(2, vec, h.Vector()), id="one"),
]
RUNS = [simrun.prun, lambda: simrun.simulate(100), h.run]


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("take", TAKES)
def test_no_spike_is_missing_where_a_script_records_them_too(tmp_path, take, run):
    ring, vector = Ring(), h.Vector()
    taken = take(ring, vector)
    h.tstop = 100
    for _ in range(2):
        run()
        ring.write_spikes(tmp_path / "out.spk")
        assert written(tmp_path) == TABLE
    assert len(vector) == 0 and taken is not None


def test_ctrl_c_in_a_run_of_coreneuron_is_no_solver_that_gave_up(start):
    process = start(sys.executable, SCRIPTS / "run_hours.py")
    assert "on" in process.stdout.readline() + process.stdout.readline()
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    # It is in the last line, but where NEURON is just asking Python for `enable`
    assert process.returncode != 0 and "KeyboardInterrupt\n" in said
