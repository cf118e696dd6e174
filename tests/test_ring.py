"""The ring on one process: who owns what, what is refused, building again, and the spikes."""

import gc
import os
from math import cos, inf, nan, pi, sin

import numpy as np
import pytest
from conftest import TABLE, written
from pytest import approx

import simrun
from ballandstick import points_of
from ring import Ring
from simrun import h


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sections():
    gc.collect()  # a test before may have left some in a cycle
    return len(list(h.allsec()))


def test_a_ring_has_its_parts():
    ring = Ring(7, syn_w=0.02, syn_delay=3, stim_w=0.005, stim_spike_num=2)
    assert ring._N == len(ring.cells) == 7 and ring.gidlist == list(range(7))
    assert (ring.syn_w, ring.syn_delay) == (0.02, 3)
    assert (ring.stim_w, ring.stim_spike_num) == (0.005, 2)
    for gid, cell in enumerate(ring.cells):
        nc = ring.nclist[gid]
        assert (nc.srcgid(), nc.syn()) == ((gid - 1) % 7, cell.synlist[0])
        assert (nc.weight[0], nc.delay) == (0.02, 3)
        assert ring.pc.gid2cell(gid) is cell and ring.pc.threshold(gid) == 10
    stim, ncstim = ring.stim, ring.ncstim
    assert (stim.number, stim.start, stim.noise) == (2, 9, 0)
    assert (ncstim.delay, ncstim.weight[0]) == (1, 0.005)
    assert ncstim.syn() == ring.cells[0].synlist[0]


@pytest.mark.parametrize("N, radius", [(1, 50), (5, 50), (8, 300), (5, 0)])
def test_the_cells_stand_on_a_circle_and_point_outwards(N, radius):
    for gid, cell in enumerate(Ring(N, radius=radius).cells):
        outwards = np.array([cos(2 * pi * gid / N), sin(2 * pi * gid / N), 0])
        assert (cell.x, cell.y, cell.z) == approx(radius * outwards)
        start, end = points_of(cell.soma)[0], points_of(cell.dend)[-1]
        assert start[:3] == approx(radius * outwards, abs=1e-4)
        assert end[:3] == approx((radius + 212.6157) * outwards, abs=1e-4)


def arrays_of(spikes):
    times, gids = spikes
    assert (times.dtype, gids.dtype) == (float, np.int64)
    assert times.shape == gids.shape
    return times.tolist(), gids.tolist()


@pytest.mark.parametrize("run", [simrun.simulate, simrun.prun, h.continuerun])
def test_the_table(folder, run):
    ring = Ring()
    h.stdinit()  # for the plain run of NEURON
    run(100)
    ring.write_spikes()
    assert written(folder) == TABLE
    times, gids = arrays_of(ring.gather_spikes())
    assert gids == [gid % 5 for gid in range(14)]
    assert times[:2] == approx([12.625, 19.225])


def test_spikes_of_the_same_time_are_sorted_by_gid_and_none_make_an_empty_file(folder):
    ring = Ring(stim_w=0)
    ring.t_vec.from_python([7, 3, 7, 5])
    ring.id_vec.from_python([4, 9, 1, 2])
    assert arrays_of(ring.gather_spikes()) == ([3, 5, 7, 7], [9, 2, 1, 4])
    simrun.prun(20)
    ring.write_spikes()
    assert written(folder) == b""
    assert arrays_of(ring.gather_spikes()) == ([], [])


def test_simulate_takes_the_step_of_the_session_which_prun_leaves_alone():
    ring = Ring()
    h.dt = 0.005
    simrun.simulate(30)
    fine = ring.gather_spikes()[0]
    assert h.dt == 0.005 and h.t == approx(30)
    assert 12.585 < fine[0] < 12.6
    simrun.prun(30)
    assert h.dt == 0.005 and ring.gather_spikes()[0][0] == approx(12.625)
    h.dt = 0.025


def test_a_run_takes_the_steps_of_one_psolve_whether_they_divide_a_millisecond_or_not():
    ring = Ring(3)
    for tstop in 0, 0.05, 10, 10.01, 19.975, 20.05, 57, 350, 999.999:
        for dt in (0.03, 0.7, 0.025, 1e-3) if tstop < 350 else (0.1, 0.07):
            simrun.prun(tstop, dt)
            assert h.dt == 0.025 and h.t == approx(tstop, abs=dt)
            stretched = h.t, ring.t_vec.to_python(), ring.id_vec.to_python()
            h.dt, h.steps_per_ms = dt, 1 / dt
            h.stdinit()
            ring.pc.psolve(tstop)
            h.dt, h.steps_per_ms = 0.025, 40
            assert stretched == (h.t, ring.t_vec.to_python(), ring.id_vec.to_python())
    with pytest.raises(ValueError, match="delay = 5 ms: must be longer than 5 ms"):
        simrun.prun(dt=5)


def test_another_ring_replaces_the_one_before(folder):
    first = Ring()
    cell = first.cells[0]  # someone holds on to a cell, its clamp and its traces
    _clamp = simrun.attach_current_clamp(cell)
    elsewhere = h.Section(name="elsewhere")
    elsewhere.push()  # the section that NEURON takes where none is named
    traces = simrun.set_recording_vectors(cell)
    h.pop_section()
    simrun.simulate(tstop=50)
    spikes, old = first.gather_spikes(), np.array(traces)
    second = Ring(syn_w=0.02)
    assert sections() == 10 + 1 and first.cells == [] and first.nclist == []
    simrun.simulate(tstop=100)
    assert np.array_equal(spikes, first.gather_spikes())
    assert np.array_equal(old, traces) and len(traces[0]) == 2001
    second.write_spikes("second.spk")
    assert written(folder, "second.spk").startswith(b"12.625\t0\n18.875\t1\n")


HELD = [
    "ring.stim, ring.ncstim, ring.cells[0], ring.nclist, ring.cells",
    "[h.NetStim(), h.NetCon(None, ring.cells[0].synlist[0])]",
    "ring.pc.gid_connect(0, synapse), ring.cells[0].connect2target(synapse)",
]


@pytest.mark.parametrize("held", HELD)
def test_what_someone_holds_does_not_crash_the_next_run(held):
    elsewhere = h.Section(name="elsewhere")
    synapse = h.ExpSyn(elsewhere(0.5))
    ring = Ring()
    simrun.simulate(20)
    kept = eval(held, {"ring": ring, "h": h, "synapse": synapse})
    ring = Ring()
    h.continuerun(30)  # not even one that goes on where the earlier ring was
    simrun.simulate(20)
    assert len(ring.gather_spikes()[0]) == 2 and kept is not None


def test_removing_a_ring_that_was_replaced_leaves_the_new_one():
    old, new = Ring(), Ring()
    old.remove()
    simrun.prun()
    assert len(new.gather_spikes()[0]) == 14
    h("forall delete_section()")  # when these are gone, another can still be built
    assert len(Ring(3).cells) == 3


def test_set_numcells_rebuilds():
    ring = Ring()
    simrun.prun()
    five = ring.t_vec
    ring.set_numcells(3, radius=10)
    assert ring._N == len(ring.cells) == 3 and sections() == 6
    assert ring.cells[0].x == 10
    simrun.prun()
    assert set(ring.gather_spikes()[1]) == {0, 1, 2} and len(five) == 14
    ring.syn_w = 0.02
    ring.set_numcells(5)  # what was changed applies from now, what was not stays
    assert ring.radius == 10 and ring.cells[0].x == 10
    simrun.prun()
    assert ring.gather_spikes()[0][1] == approx(18.875)


MUST_BE = {
    "N": "int, at least 1",
    "stim_w": "float, at least 0 µS",
    "stim_spike_num": "int, at least 0",
    "syn_w": "float, at least 0 µS",
    "syn_delay": "float, at least 0 ms",
    "radius": "float, at least 0 µm",
    "tstop": "float, at least 0 ms",
    "dt": "float, at least 1e-06 ms",
    "variable_step": "float, at least 0 mV",
}


def bad_values(allowed):
    values = [-1, nan, inf, "x", ""]
    if "int" in allowed:
        values.append(2.5)
    if "least 0" not in allowed:
        values.append(0)
    return values


@pytest.mark.parametrize("name, allowed", MUST_BE.items())
def test_bad_arguments_are_named_and_leave_the_ring_as_it_was(name, allowed):
    ring = Ring(3, radius=20)
    calls = [Ring if hasattr(Ring, name) else simrun.prun]
    if name in ("N", "radius"):
        same = {"N": 3, "radius": 20}
        calls.append(lambda **bad: ring.set_numcells(**same | bad))
    for call in calls:
        for value in bad_values(allowed):
            with pytest.raises(ValueError) as error:
                call(**{name: value})
            assert str(error.value) == f"{name} = {value!r}: must be {allowed}"
            assert (ring.N, ring.radius, len(ring.cells)) == (3, 20, 3)


@pytest.mark.parametrize("name, allowed", list(MUST_BE.items())[:-1])
def test_the_driver_names_the_option_in_one_line(driver, name, allowed):
    option = "-N" if name == "N" else "--" + name.replace("_", "-")
    for value in bad_values(allowed):
        done = driver(f"{option}={value}")
        words = f"{option} = '{value}': must be {allowed}"
        assert done.stderr == f"parallel_ring.py: error: {words}\n"
        assert (done.returncode, done.stdout) == (2, "")


def test_a_clamp_and_the_recordings():
    ring = Ring()
    clamp = simrun.attach_current_clamp(ring.cells[0])
    assert (clamp.delay, clamp.dur, clamp.amp) == (5, 1, 0.1)
    assert clamp.get_segment().x == 1
    clamp = simrun.attach_current_clamp(ring.cells[2], amp=0.3)
    simrun.prun(10)
    assert list(ring.id_vec) == [2]  # as the README says, this one makes the cell fire
    del clamp
    vectors = simrun.set_recording_vectors(ring.cells[0])
    simrun.prun(20)
    soma, dend, t = np.array(vectors)
    assert t == approx(np.arange(801) * 0.025)
    assert soma[0] == dend[0] == -65 and max(soma) > 30
    assert dend[t <= 11].max() > soma[t <= 11].max()  # the synapse's end first


UNWRITABLE = {
    "nowhere/out.spk": FileNotFoundError,
    "": OSError,
    ".": IsADirectoryError,
    "/dev/full": OSError,
    "file/out.spk": NotADirectoryError,
    "/proc/out.spk": OSError,
    "bad\0name": ValueError,
}


@pytest.mark.parametrize("name, error", UNWRITABLE.items())
def test_a_file_that_cannot_be_written_is_named(folder, name, error):
    (folder / "file").touch()
    ring = Ring()
    simrun.prun(20)
    with pytest.raises(error):
        ring.write_spikes(name)
    assert os.listdir(folder) == ["file"]


def left_out(ring):
    Ring.connect_cells(ring)
    ring.connect(9, ring.cells[0].synlist[0], 0.01, 5)


def without_cell(ring):
    Ring.create_cells(ring)
    ring.gidlist += [9]
    ring.pc.set_gid2node(9, 0)


def not_whole(ring):
    Ring.connect_stim(ring)
    ring.gidlist = [0.0, 1, 2, 3, 4, 5]


LOST = "0 hosts have a cell with gid 9: one has to"
WRONG = [
    ("connect_cells", left_out, ValueError, LOST),
    ("create_cells", without_cell, ValueError, LOST),
    ("create_cells", lambda ring: None, ValueError, "0 hosts have a cell with gid 0"),
    ("connect_stim", not_whole, TypeError, "'float' object cannot be interpreted"),
]


@pytest.mark.parametrize("stage, other, error, words", WRONG)
def test_wrong_gids_are_refused_and_then_a_right_ring_built(stage, other, error, words):
    with pytest.raises(error, match=words):
        type("Other", (Ring,), {stage: other})(N=6)
    assert len(Ring().cells) == 5


@pytest.mark.parametrize("kind", [range, tuple, set, np.array, list])
def test_any_collection_of_whole_numbers_is_a_gidlist(kind):
    class Other(Ring):
        def set_gids(self):
            super().set_gids()
            self.gidlist = range(5) if kind is range else kind(self.gidlist)

    ring = Other()
    simrun.prun()
    assert len(ring.gather_spikes()[0]) == 14
