"""The ring on one process: who owns what, what is refused, building again, and the spikes."""

import gc
from math import atan2, cos, inf, nan, pi, sin

import numpy as np
import pytest
from conftest import TABLE

import simrun
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
    assert [(nc.srcgid(), nc.syn(), nc.weight[0], nc.delay) for nc in ring.nclist] == [
        ((gid - 1) % 7, cell.synlist[0], 0.02, 3) for gid, cell in enumerate(ring.cells)
    ]
    assert [ring.pc.gid2cell(gid) for gid in ring.gidlist] == ring.cells
    assert all(ring.pc.threshold(gid) == 10 for gid in ring.gidlist)
    assert (ring.stim.number, ring.stim.start, ring.stim.noise) == (2, 9, 0)
    assert (ring.ncstim.delay, ring.ncstim.weight[0]) == (1, 0.005)
    assert ring.ncstim.syn() == ring.cells[0].synlist[0]
    assert (ring.syn_w, ring.syn_delay, ring.stim_w, ring.stim_spike_num) == (
        0.02,
        3,
        0.005,
        2,
    )


@pytest.mark.parametrize("N, radius", [(1, 50), (5, 50), (8, 300), (5, 0)])
def test_the_cells_stand_on_a_circle_and_point_outwards(N, radius):
    for gid, cell in enumerate(Ring(N, radius=radius).cells):
        angle = 2 * pi * gid / N
        place = (radius * cos(angle), radius * sin(angle), 0)
        assert (cell.x, cell.y, cell.z) == pytest.approx(place)
        soma, dend = cell.soma, cell.dend
        assert (soma.x3d(0), soma.y3d(0), soma.z3d(0)) == pytest.approx(place, abs=1e-4)
        along = dend.x3d(1) - dend.x3d(0), dend.y3d(1) - dend.y3d(0)
        assert cos(atan2(along[1], along[0]) - angle) == pytest.approx(1)
        assert np.hypot(dend.x3d(1), dend.y3d(1)) == pytest.approx(radius + 212.6157)


@pytest.mark.parametrize("run", [simrun.simulate, simrun.prun, h.continuerun])
def test_the_table(folder, run):
    ring = Ring()
    h.stdinit()  # for the plain run of NEURON
    run(100)
    ring.write_spikes()
    assert (folder / "out.spk").read_bytes() == TABLE
    times, gids = ring.gather_spikes()
    assert (times.dtype, gids.dtype, times.shape, gids.shape) == (
        float,
        np.int64,
        (14,),
        (14,),
    )
    assert gids.tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3]
    assert times[:2] == pytest.approx([12.625, 19.225])


def test_spikes_of_the_same_time_are_sorted_by_gid_and_none_make_an_empty_file(folder):
    ring = Ring(stim_w=0)
    ring.t_vec.from_python([7, 3, 7, 5])
    ring.id_vec.from_python([4, 9, 1, 2])
    times, gids = ring.gather_spikes()
    assert times.tolist() == [3, 5, 7, 7] and gids.tolist() == [9, 2, 1, 4]
    simrun.prun(20)
    ring.write_spikes()
    assert (folder / "out.spk").read_bytes() == b""
    times, gids = ring.gather_spikes()
    assert (times.dtype, gids.dtype, times.shape, gids.shape) == (
        float,
        np.int64,
        (0,),
        (0,),
    )


def test_simulate_takes_the_step_of_the_session_which_prun_leaves_alone():
    ring = Ring()
    h.dt = 0.005
    simrun.simulate(30)
    fine = ring.gather_spikes()[0]
    assert h.dt == 0.005 and h.t == pytest.approx(30)
    assert 12.585 < fine[0] < 12.6
    simrun.prun(30)
    assert h.dt == 0.005 and ring.gather_spikes()[0][0] == pytest.approx(12.625)
    simrun.prun(30, dt=0.01)
    h.dt = 0.025
    simrun.simulate(30)
    assert h.dt == 0.025 and ring.gather_spikes()[0][0] == pytest.approx(12.625)


def test_a_run_takes_the_steps_of_one_psolve_whether_they_divide_a_millisecond_or_not():
    ring = Ring(3)
    for tstop in 0, 0.05, 10, 10.01, 19.975, 20.05, 57, 4999.999:
        for dt in (0.03, 0.7, 0.025, 1e-3) if tstop < 1000 else (0.1, 0.025):
            simrun.prun(tstop, dt)
            assert h.dt == 0.025 and h.t == pytest.approx(tstop, abs=dt)
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
    spikes, old = first.gather_spikes(), [np.array(vec) for vec in traces]
    second = Ring(syn_w=0.02)
    assert sections() == 10 + 1 and first.cells == [] and first.nclist == []
    simrun.simulate(tstop=100)
    assert all(np.array_equal(a, b) for a, b in zip(spikes, first.gather_spikes()))
    assert (
        all(np.array_equal(a, vec) for a, vec in zip(old, traces))
        and len(traces[0]) == 2001
    )
    second.write_spikes("second.spk")
    assert (folder / "second.spk").read_bytes().startswith(b"12.625\t0\n18.875\t1\n")


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
    h(
        "forall delete_section()"
    )  # and when the user has deleted the cells, another can be built
    assert len(Ring(3).cells) == 3


def test_set_numcells_rebuilds():
    ring = Ring()
    simrun.prun()
    five = ring.t_vec
    ring.set_numcells(3, radius=10)
    assert ring._N == len(ring.cells) == 3 and sections() == 6 and ring.cells[0].x == 10
    simrun.prun()
    assert set(ring.gather_spikes()[1]) == {0, 1, 2} and len(five) == 14
    ring.syn_w = 0.02
    ring.set_numcells(5)  # what was changed applies from now, what was not stays
    assert ring.radius == 10 and ring.cells[0].x == 10
    simrun.prun()
    assert ring.gather_spikes()[0][1] == pytest.approx(18.875)


BAD = [  # an argument, what it must be, and values that are not
    ("N", "int, at least 1", [0, 2.5, "0x10", nan, inf, None]),
    ("stim_w", "float, at least 0 µS", [-1, nan]),
    ("stim_spike_num", "int, at least 0", [1.5, -1]),
    ("syn_w", "float, at least 0 µS", [inf, ""]),
    ("syn_delay", "float, at least 0 ms", [-5, nan]),
    ("radius", "float, at least 0 µm", [-1, 1e400]),
    ("tstop", "float, at least 0 ms", [-1, nan, inf, "x"]),
    ("dt", "float, at least 1e-06 ms", [0, -0.025, nan]),
    ("variable_step", "float, at least 0 mV", [-1, "x", nan]),
]


@pytest.mark.parametrize("name, allowed, values", BAD)
def test_bad_arguments_are_named_and_leave_the_ring_as_it_was(name, allowed, values):
    ring = Ring(3, radius=20)
    rebuild = {"N": 3, "radius": 20}
    for value in values:
        calls = [simrun.prun] if name in ("tstop", "dt", "variable_step") else [Ring]
        if name in rebuild:
            calls.append(lambda **bad: ring.set_numcells(**rebuild | bad))
        for call in calls:
            with pytest.raises(ValueError) as error:
                call(**{name: value})
            assert str(error.value) == f"{name} = {value!r}: must be {allowed}"
            assert (ring.N, ring.radius, len(ring.cells)) == (3, 20, 3)


@pytest.mark.parametrize("name, allowed, values", BAD)
def test_the_driver_names_the_option_in_one_line(driver, name, allowed, values):
    option = "-N" if name == "N" else "--" + name.replace("_", "-")
    for value in values:
        if name != "variable_step":
            done = driver(f"{option}={value}")
            words = f"{option} = '{value}': must be {allowed}"
            assert done.stderr == f"parallel_ring.py: error: {words}\n"
            assert (done.returncode, done.stdout) == (2, "")


def test_a_clamp_and_the_recordings():
    ring = Ring()
    clamp = simrun.attach_current_clamp(ring.cells[0])
    assert (clamp.delay, clamp.dur, clamp.amp, clamp.get_segment().x) == (5, 1, 0.1, 1)
    clamp = simrun.attach_current_clamp(ring.cells[2], amp=0.3)
    simrun.prun(10)
    assert list(ring.id_vec) == [2]  # as the README says, this one makes the cell fire
    del clamp
    vectors = simrun.set_recording_vectors(ring.cells[0])
    simrun.prun(20)
    soma, dend, t = map(np.array, vectors)
    assert soma.shape == dend.shape == t.shape == (801,)
    assert (t[0], t[1], t[-1]) == pytest.approx((0, 0.025, 20)) and soma[0] == dend[
        0
    ] == -65
    assert (
        soma.max() > 30 and dend[t <= 11].max() > soma[t <= 11].max()
    )  # the synapse's end first


def test_a_file_that_cannot_be_written_is_named(folder):
    (folder / "file").touch()
    ring = Ring()
    simrun.prun(20)
    missing, kind = FileNotFoundError, IsADirectoryError
    for file_name, error in {
        **{
            "nowhere/out.spk": missing,
            "": OSError,
            ".": kind,
            "/dev/full": OSError,
        },
        **{
            "file/out.spk": NotADirectoryError,
            "/proc/out.spk": OSError,
            "bad\0name": ValueError,
        },
    }.items():
        with pytest.raises(error) as caught:
            ring.write_spikes(file_name)
        assert getattr(caught.value, "filename", file_name) == file_name
        assert [path.name for path in folder.iterdir()] == ["file"]


def test_the_file_keeps_its_mode_and_a_link_stays_a_link(folder):
    ring = Ring()
    simrun.prun()
    (folder / "link.spk").symlink_to("out.spk")
    ring.write_spikes("link.spk")
    plain, fresh = folder / "out.spk", folder / "fresh"
    fresh.touch()
    assert plain.read_bytes() == TABLE and plain.stat().st_mode == fresh.stat().st_mode
    plain.chmod(0o640)
    ring.write_spikes("link.spk")
    assert plain.stat().st_mode & 0o777 == 0o640 and (folder / "link.spk").is_symlink()
    assert sorted(path.name for path in folder.iterdir()) == [
        "fresh",
        "link.spk",
        "out.spk",
    ]


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


WRONG = [
    (
        "connect_cells",
        left_out,
        ValueError,
        "no host has a cell with gid 9: one has to",
    ),
    ("create_cells", without_cell, ValueError, "no host has a cell with gid 9"),
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
