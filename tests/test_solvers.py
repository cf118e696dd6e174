"""The ways to take the steps: in blocks, on CoreNEURON, with the variable step."""

import numpy as np
import pytest
from conftest import DRIVER, SCRIPTS, TABLE, written
from pytest import approx

import parallel_ring
import simrun
from ring import Ring
from simrun import core_neuron, h

# Blocks of cells


def test_the_number_of_blocks():
    pc = h.ParallelContext()
    for cells, blocks in (1, 1), (5000, 1), (10_000, 20), (10_001, 20), (100_000, 200):
        parallel_ring.split(cells)
        assert pc.nthread() == blocks
        pc.nthread(1)


def test_blocks_are_for_delays_of_more_than_two_steps(driver, monkeypatch):
    asked = []
    monkeypatch.setattr(parallel_ring, "split", asked.append)
    for delay in 0.05, 0.051:
        assert driver("-N", 7, "--syn-delay", delay, "--tstop", 1).returncode == 0
    assert asked == [7]


def test_neither_blocks_nor_stretches_change_the_spikes():
    ring = Ring(120, syn_delay=0.5, stim_w=0.02)
    for solver in {}, {"variable_step": 1e-2}:
        simrun.prun(210, **solver)
        whole = ring.gather_spikes()
        ring.pc.nthread(10, False)
        simrun.prun(210, **solver)
        assert np.array_equal(whole, ring.gather_spikes()) and len(whole[0]) > 30
        ring.pc.nthread(1)
        h.cvode.active(bool(solver))
        h.cvode.use_local_dt(bool(solver))
        h.cvode.condition_order(2)
        h.cvode.atol(1e-2)
        h.stdinit()
        ring.pc.psolve(210)
        h.cvode.use_local_dt(False)
        h.cvode.active(False)
        assert np.array_equal(whole, ring.gather_spikes())


def test_hosts_with_more_and_with_fewer_cells_have_as_many_blocks(mpiexec, tmp_path):
    words = "-N", 10001, "--syn-delay", "0.5", "--tstop", 15, "--dt", "0.1"
    done = mpiexec(2, SCRIPTS / "run_blocks.py", *words)
    assert (done.returncode, done.stdout.count("blocks 10\n")) == (0, 2)
    ring = Ring(5, syn_delay=0.5)  # by 15 ms the wave has not met its end
    simrun.prun(15, 0.1)
    ring.write_spikes(str(tmp_path / "small.spk"))
    spikes = written(tmp_path)
    assert spikes and written(tmp_path, "small.spk").startswith(spikes)


# CoreNEURON


def test_coreneuron_starts_one_thread_on_each_of_several_hosts(mpiexec):
    done = mpiexec(2, SCRIPTS / "run_threads.py")
    assert (done.returncode, done.stdout) == (0, "0\n0\n"), done.stderr
    told = mpiexec(2, SCRIPTS / "run_threads.py", OMP_NUM_THREADS="3")
    assert told.stdout == "2\n2\n"


def test_the_connection_that_an_artificial_cell_gets_has_a_target():
    """Or CoreNEURON crashes where a mechanism has FOR_NETCONS, as that of STDP."""
    ring = Ring()
    alone, targets = h.NetStim(), []
    see = lambda: targets.extend(nc.syn() for nc in h.List("NetCon"))  # noqa: E731
    handler = h.FInitializeHandler(see)
    simrun.prun(20, coreneuron=True)
    assert len(targets) == len(ring.nclist) + 1 + 2 and None not in targets
    assert handler and alone


def test_without_coreneuron_neuron_says_so_and_a_session_goes_on(
    mpiexec, tmp_path, no_coreneuron
):
    done = mpiexec(2, DRIVER, "--coreneuron", **no_coreneuron)
    assert done.returncode == 1 and not list(tmp_path.glob("*.spk"))
    assert "Could not find CoreNEURON library" in done.stderr
    assert "Traceback" not in done.stderr and "parallel_ring.py: error: " in done.stderr
    done = mpiexec(1, SCRIPTS / "run_without_core.py", **no_coreneuron)
    assert done.returncode == 0 and written(tmp_path) == TABLE
    assert "went on" in done.stdout


# The variable step


@pytest.fixture
def computed_rates():
    """NEURON 9 interpolates the rates of hh in a table, where 8.2.7 computes them."""
    has_table = hasattr(h, "usetable_hh")
    if has_table:
        h.usetable_hh = 0
    yield
    if has_table:
        h.usetable_hh = 1


def test_each_version_of_neuron_gives_the_same_bits(computed_rates):
    ring = Ring()
    for variable_step, first, last in (
        (False, 12.625000000099817, 98.42500000011381),
        (1e-3, 12.583469303314953, 97.79616511128951),
        (1e-10, 12.583505603703486, 97.79420296423848),
    ):
        simrun.prun(variable_step=variable_step)
        assert (ring.t_vec[0], ring.t_vec[13]) == (first, last)


def test_the_threshold_is_found_between_two_steps():
    ring = Ring(1, syn_delay=50)
    times = []
    for order in (1, 2):
        simrun.prun(0, variable_step=1e-10)  # leaves order 2
        h.cvode.active(True)
        h.cvode.condition_order(order)
        h.cvode.atol(1e-2)
        h.stdinit()
        ring.pc.psolve(20)
        h.cvode.active(False)
        times.append(ring.t_vec[0])
    simrun.prun(20, variable_step=1e-2)
    assert ring.t_vec[0] == times[1] != times[0]


# One session, one solver after the other


def test_switching_between_solvers(tmp_path):
    ring = Ring()
    recorded = simrun.set_recording_vectors(ring.cells[0])

    def result(**solver):
        simrun.prun(**solver)
        assert (h.cvode.active(), core_neuron.enable, h.dt) == (0, False, 0.025)
        ring.write_spikes(str(tmp_path / "out.spk"))
        return written(tmp_path), *(vec.to_python() for vec in recorded)

    fixed, core = result(), result(coreneuron=True)
    variable = result(variable_step=True)
    assert fixed[0] == core[0] == TABLE != variable[0]
    spikes, soma, dend, t = variable
    assert len(soma) == len(dend) == len(t) < 2000
    assert len(fixed[3]) == len(core[3]) == 4001
    assert t[-1] == 100 and max(soma) == approx(max(fixed[1]), abs=1)
    assert core[1] == approx(fixed[1], abs=1e-9)
    assert result(coreneuron=True) == core and result(variable_step=True) == variable
    assert result() == fixed
    ring.set_numcells(5)
    assert result(coreneuron=True)[0] == TABLE
    assert result(variable_step=1e-3)[0] == spikes
    h.tstop = 100
    h.run()
    assert result()[0] == TABLE and ring.t_vec[0] == approx(12.625)


def test_simulate_takes_the_solver_of_the_session(computed_rates):
    ring = Ring()
    h.cvode.active(True)
    h.cvode.atol(1e-5)
    simrun.simulate(30)
    assert h.cvode.active() and ring.t_vec[0] == approx(12.5835, abs=5e-4)
    h.cvode.active(False)
    core_neuron.enable = True
    simrun.simulate(30)
    assert core_neuron.enable and ring.t_vec[0] == approx(12.625)
    core_neuron.enable = False
    simrun.simulate(30)
    assert ring.t_vec[0] == approx(12.625)
