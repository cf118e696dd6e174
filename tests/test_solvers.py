"""The ways to take the steps: in blocks, on CoreNEURON, with the variable step; and leaving."""

import math
import os

import numpy as np
import pytest
from conftest import DRIVER, TABLE

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


def test_neither_blocks_nor_stretches_change_the_spikes():
    ring = Ring(200, syn_delay=0.5, stim_w=0.02)
    for solver in {}, {"variable_step": 1e-2}:
        simrun.prun(210, **solver)
        whole = ring.gather_spikes()
        ring.pc.nthread(10, False)
        simrun.prun(210, **solver)
        assert np.array_equal(whole, ring.gather_spikes()) and len(whole[0]) > 30
        ring.pc.nthread(1)
        h.cvode.active(bool(solver))
        h.stdinit()
        ring.pc.psolve(210)
        h.cvode.active(False)
        assert np.array_equal(whole, ring.gather_spikes())


def test_hosts_with_more_and_with_fewer_cells_have_as_many_blocks(mpiexec, tmp_path):
    blocks = "import parallel_ring as p\np.main()\n"
    blocks += "print(f'blocks {p.h.ParallelContext().nthread()}\\n', end='')"
    done = mpiexec(2, "-c", blocks, "-N", 10001, "--syn-delay", "0.5", "--tstop", 20)
    assert (done.returncode, done.stdout.count("blocks 10\n")) == (0, 2)
    ring = Ring(5, syn_delay=0.5)
    simrun.prun(20)
    ring.write_spikes(str(tmp_path / "small.spk"))  # by 20 ms the wave has not met its end
    lines = (tmp_path / "out.spk").read_text().splitlines()
    assert lines == (tmp_path / "small.spk").read_text().splitlines()[: len(lines)] and lines


# CoreNEURON


@pytest.mark.parametrize("n", [1, 3])
def test_coreneuron_gives_the_table(mpiexec, tmp_path, n):
    done = mpiexec(n, DRIVER, "--coreneuron")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out.spk").read_bytes() == TABLE
    assert [path.name for path in tmp_path.iterdir()] == ["out.spk"]
    lines = done.stdout.splitlines()
    assert len(lines) == n + 1 and "load balance unknown, file 'out.spk'" in lines[-1]


def test_coreneuron_uses_idle_cores_and_no_more(mpiexec):
    script = r"""
import os, parallel_ring, ring, simrun
simrun.prun(0)
before = len(os.listdir("/proc/self/task"))
ring.Ring(50)
parallel_ring.split(50)
simrun.h.ParallelContext().nthread(12, False)
simrun.prun(20, coreneuron=True)
simrun.prun(20, coreneuron=True)
more = len(os.listdir("/proc/self/task")) - before
print(f'{os.environ["OMP_NUM_THREADS"]} {more}\n', end="")
"""
    cores = len(os.sched_getaffinity(0))
    for n in (1, 2, cores + 1):
        done = mpiexec(n, "-c", script)
        assert done.returncode == 0, done.stderr
        for line in done.stdout.splitlines():
            threads, more = map(int, line.split())
            if n == 1 or threads > 1:  # a launcher may have bound its processes to cores
                assert threads in (1, cores // n, cores)
            assert threads * n <= max(cores, n) and more == threads - 1
    told = mpiexec(1, "-c", script, OMP_NUM_THREADS="3,1")
    assert told.stdout == "3,1 2\n"
    script = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})" + script
    assert mpiexec(1, "-c", script).stdout == "1 0\n"


def test_without_coreneuron_neuron_says_so_and_a_session_goes_on(mpiexec, tmp_path, no_coreneuron):
    done = mpiexec(2, DRIVER, "--coreneuron", **no_coreneuron)
    assert done.returncode == 1 and not list(tmp_path.glob("*.spk"))
    assert "Could not find CoreNEURON library" in done.stderr and "Traceback" not in done.stderr
    assert "parallel_ring.py: error: " in done.stderr
    session = "import simrun, ring\nmy_ring = ring.Ring()\ntry:\n    simrun.prun(coreneuron=True)\n"
    session += (
        "except RuntimeError as error:\n    print(error)\nsimrun.prun()\nmy_ring.write_spikes()"
    )
    done = mpiexec(1, "-c", session, **no_coreneuron)
    assert done.returncode == 0 and (tmp_path / "out.spk").read_bytes() == TABLE
    said = done.stdout if "library" in done.stdout else done.stderr  # by NEURON 9, by 8
    assert said.count("Could not find CoreNEURON library") == 1


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


def test_the_converged_solution_and_the_errors():
    ring = Ring()

    def times(**solver):
        simrun.prun(101, **solver)
        times, gids = ring.gather_spikes()
        assert gids[:14].tolist() == [gid % 5 for gid in range(14)]
        return times[:14]

    exact = times(variable_step=1e-10)
    if hasattr(h, "usetable_hh"):  # as with the table of rates that 8.2.7 has not
        assert exact[:3] == pytest.approx([12.580, 19.132, 25.685], abs=1e-3)
    assert np.diff(exact)[5:] == pytest.approx(6.5547, abs=1e-3)
    assert abs(times(variable_step=True) - exact).max() < 0.003  # ms
    assert abs(times(variable_step=1e-5) - exact).max() < 0.0003
    assert abs(times() - exact).max() == pytest.approx(0.64, abs=0.01)


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


def test_the_limits_of_the_tolerance_and_what_is_refused(driver):
    ring = Ring()
    for atol in 1, 1e-12:
        simrun.prun(15, variable_step=atol)
        assert ring.t_vec[0] == pytest.approx(12.58, abs=0.5)
    for atol in 0.0, "x", -1, math.nan, math.inf, 1e-13, 2:
        words = f"variable_step = {atol!r}: must be a finite number from 1e-12 to 1"
        with pytest.raises(ValueError, match=words):
            simrun.prun(variable_step=atol)
        done = driver(f"--variable-step={atol}")
        words = f"error: variable_step = '{atol}': must be a finite number"
        assert (done.returncode, done.stdout) == (2, "") and words in done.stderr
    with pytest.raises(ValueError, match="coreneuron excludes variable_step"):
        simrun.prun(coreneuron=True, variable_step=True)
    done = driver("--coreneuron", "--variable-step")
    words = "error: argument --variable-step: not allowed with argument --coreneuron\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"parallel_ring.py: {words}")
    vector = h.Vector().record(h._ref_t, 1)  # a vector without a cell has no steps of its own
    with pytest.raises(RuntimeError):
        simrun.prun(variable_step=True)
    del vector
    assert h.cvode.active() == 0


# One session, one solver after the other


def test_switching_between_solvers(tmp_path):
    ring = Ring()
    recorded = simrun.set_recording_vectors(ring.cells[0])

    def result(**solver):
        simrun.prun(**solver)
        assert (h.cvode.active(), core_neuron.enable, h.dt) == (0, False, 0.025)
        ring.write_spikes(str(tmp_path / "out.spk"))
        return (tmp_path / "out.spk").read_bytes(), *(vec.to_python() for vec in recorded)

    fixed, variable = result(), result(variable_step=True)
    core = result(coreneuron=True)
    assert fixed[0] == core[0] == TABLE != variable[0]
    assert core[1] == pytest.approx(fixed[1], abs=1e-9) and len(core[3]) == len(fixed[3]) == 4001
    assert max(variable[1]) == pytest.approx(max(fixed[1]), abs=1) and len(variable[1]) < 2000
    assert len(set(map(len, variable[1:]))) == 1 and variable[3][-1] == 100
    assert result(coreneuron=True) == core and result(variable_step=True) == variable
    assert result() == fixed
    ring.set_numcells(5)
    assert result(coreneuron=True)[0] == TABLE and result(variable_step=1e-3)[0] == variable[0]
    h.tstop = 100
    h.run()
    assert result()[0] == TABLE and ring.t_vec[0] == pytest.approx(12.625)


def test_simulate_takes_the_solver_of_the_session(computed_rates):
    ring = Ring()
    ring.pc.timeout(20)  # s; NEURON's own
    h.cvode.active(True)
    h.cvode.atol(1e-5)
    simrun.simulate(30)
    assert h.cvode.active() and ring.t_vec[0] == pytest.approx(12.5835, abs=5e-4)
    h.cvode.active(False)
    core_neuron.enable = True
    simrun.simulate(30)
    assert core_neuron.enable and ring.t_vec[0] == pytest.approx(12.625)
    core_neuron.enable = False
    simrun.simulate(30)
    assert ring.t_vec[0] == pytest.approx(12.625) and ring.pc.step_time() >= 0
    assert ring.pc.timeout(0) == 0  # a run waits for slow hosts as long as it takes


# Leaving

LEAVE = """
import atexit, os, sys
import ring, simrun
class Ring(ring.Ring):
    def __del__(self, write=os.write):  # which is there to the very end
        write(1, b"taken apart\\n")
atexit.register(lambda: print("atexit %s\\n" % simrun.MPI.Is_finalized(), end=""))
my_ring = Ring(50)
simrun.prun(20, {solver})
print("not flushed by hand" * 1000 + "\\n", end="")
sys.exit({status})
"""


@pytest.mark.parametrize(
    "solver, status, n",
    [("", 0, 2), ("coreneuron=True", 0, 2), ("variable_step=True", 0, 2), ("", 3, 1), ("", 3, 2)],
)
def test_leaving_is_a_normal_exit(mpiexec, solver, status, n):
    done = mpiexec(n, "-c", LEAVE.format(solver=solver, status=status))
    assert done.returncode == status
    assert "taken apart" not in done.stdout
    if not status or n == 1:
        assert done.stdout.count("not flushed by hand" * 1000) == n
        assert done.stdout.count("atexit False") == n
        assert "BAD TERMINATION" not in done.stdout + done.stderr
