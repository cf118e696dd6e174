"""The cell: its sections, shape, resistances, channels, and what every cell offers."""

from math import cos, pi, sin

import numpy as np
import pytest
from pytest import approx

from ballandstick import BallAndStick, Cell, points_of
from simrun import h

SOMA, DEND = 12.6157, 200  # lengths, µm


def electrical_geometry(cell):
    values = []
    for sec in cell.all:
        values.append(sec.L)
        for seg in sec:
            values += seg.diam, seg.area(), seg.ri()
    return np.array(values)


def points(sec):
    return [point[:3] for point in points_of(sec)]


def test_geometry():
    cell = BallAndStick()
    soma, dend = cell.all
    assert (soma, dend) == (cell.soma, cell.dend)
    assert dend.parentseg() == soma(1)
    assert (soma.L, soma.nseg) == (SOMA, 1)
    assert (dend.L, dend.nseg) == (DEND, 5)
    joint, end = approx(SOMA), approx(SOMA + DEND)
    assert points(soma) == [(0, 0, 0), (joint, 0, 0)]
    assert points(dend) == [(joint, 0, 0), (end, 0, 0)]
    assert soma(0.5).diam == approx(SOMA)
    assert soma(0.5).area() == approx(pi * SOMA**2) == approx(500, rel=1e-5)
    for seg in dend:
        assert seg.diam == 1
        assert seg.area() == approx(pi * DEND / 5)
    step = 40 / (pi / 4)  # MΩ from the middle of a segment to the next, 40 µm away
    assert dend(0.3).ri() == approx(step)
    assert dend(0.1).ri() == approx(step / 2)


def test_biophysics():
    cell = BallAndStick()
    assert all((sec.Ra, sec.cm) == (100, 1) for sec in cell.all)
    hh = cell.soma(0.5).hh
    assert (hh.gnabar, hh.gkbar, hh.gl, hh.el) == (0.12, 0.036, 0.0003, -54.3)
    for seg in cell.dend:
        assert (seg.pas.g, seg.pas.e) == (0.001, -65)
    assert not cell.soma.has_membrane("pas") and not cell.dend.has_membrane("hh")
    [syn] = cell.synlist
    assert (syn.hname().split("[")[0], syn.tau, syn.e) == ("ExpSyn", 2, 0)
    assert syn.get_segment() == cell.dend(0.5)


@pytest.mark.parametrize("theta", [0, 1, pi / 2, -2])
@pytest.mark.parametrize("radius", [0, 50, 1e8])
def test_placing_and_turning_keep_the_electrical_geometry(theta, radius):
    place = radius * cos(theta), radius * sin(theta), 7
    made, moved = BallAndStick(*place, theta), BallAndStick()
    geometry = electrical_geometry(moved)
    moved.rotateZ(theta)
    moved.set_position(*place)
    for cell in made, moved:
        assert electrical_geometry(cell) == approx(geometry, rel=1e-12)
        assert (cell.x, cell.y, cell.z, cell.theta) == (*place, theta)
    assert points(made.dend) == [approx(point) for point in points(moved.dend)]


def test_rotateZ_turns_counter_clockwise_and_set_position_moves_to_a_place():
    cell = BallAndStick()
    cell.rotateZ(pi / 2)
    assert points(cell.dend)[1] == approx((0, SOMA + DEND, 0), abs=1e-4)
    for _ in range(2):  # not by a distance
        cell.set_position(10, 0, 3)
        assert points(cell.dend)[1] == approx((10, SOMA + DEND, 3), abs=1e-4)
    cell.rotateZ(pi / 2)  # now it swings round the axis
    assert (cell.x, cell.y, cell.z) == approx((0, 10, 3))
    assert points(cell.soma)[0] == approx((0, 10, 3), abs=1e-4)
    assert points(cell.dend)[1] == approx((-SOMA - DEND, 10, 3), abs=1e-4)


def test_connect2target_detects_spikes_of_the_soma():
    cell = BallAndStick()
    other = BallAndStick()
    [synapse] = other.synlist
    nc = cell.connect2target(synapse)
    assert (nc.preseg(), nc.syn(), nc.threshold) == (cell.soma(1), synapse, 10)
    assert cell.connect2target(None, thresh=-20).threshold == -20
    assert cell.is_art() is False


class Ball(Cell):
    """The least that a cell can be."""

    def create_sections(self):
        self.soma = h.Section(name="soma", cell=self)

    def build_topology(self):
        pass

    def define_geometry(self):
        self.soma.L = self.soma.diam = 10

    def define_biophysics(self):
        pass


def test_a_subclass_without_subsets_and_synapses_has_the_defaults():
    ball = Ball()
    ball.set_position(1, 2, 3)
    ball.rotateZ(1)
    assert list(ball.all) == [ball.soma]
    assert ball.synlist == [] and ball.soma.L == 10


STEPS = "create_sections build_topology build_subsets define_geometry define_biophysics"
STEPS = [*STEPS.split(), "create_synapses"]


@pytest.mark.parametrize("method", [name for name in STEPS if name in vars(Ball)])
def test_a_method_that_a_subclass_lacks_is_named(method):
    with pytest.raises(NotImplementedError, match=rf"Lacking must define {method}\(\)"):
        type("Lacking", (Ball,), {method: getattr(Cell, method)})()


def test_the_constructor_calls_its_steps_in_order():
    calls = []

    class Logged(BallAndStick):
        def __getattribute__(self, name):
            if name in STEPS:
                calls.append(name)
            return super().__getattribute__(name)

    Logged()
    assert calls == STEPS
