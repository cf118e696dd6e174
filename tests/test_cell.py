"""The cell: its sections, shape, resistances, channels, and what every cell offers."""

from math import cos, hypot, pi, sin

import pytest

from ballandstick import BallAndStick, Cell, set_points
from simrun import h

SOMA, DEND = 12.6157, 200  # lengths, µm


def electrical_geometry(cell):
    return [
        (sec.L, *((seg.diam, seg.area(), seg.ri()) for seg in sec)) for sec in cell.all
    ]


def points(sec):
    return [(sec.x3d(i), sec.y3d(i), sec.z3d(i)) for i in range(sec.n3d())]


def test_geometry():
    cell = BallAndStick()
    assert (cell.x, cell.y, cell.z) == (0, 0, 0)
    assert points(cell.soma) == [(0, 0, 0), (pytest.approx(SOMA), 0, 0)]
    assert points(cell.dend) == [
        (pytest.approx(SOMA), 0, 0),
        (pytest.approx(SOMA + DEND), 0, 0),
    ]
    assert [str(sec).split(".")[-1] for sec in cell.all] == ["soma", "dend"]
    assert (cell.soma.L, cell.soma.nseg, cell.dend.L, cell.dend.nseg) == (
        SOMA,
        1,
        DEND,
        5,
    )
    assert cell.dend.parentseg() == cell.soma(1)
    assert cell.soma(0.5).diam == pytest.approx(SOMA, rel=1e-6)
    assert cell.soma(0.5).area() == pytest.approx(pi * SOMA**2, rel=1e-6)
    assert cell.soma(0.5).area() == pytest.approx(500, rel=1e-5)
    for seg in cell.dend:
        assert seg.diam == 1
        assert seg.area() == pytest.approx(pi * DEND / 5, rel=1e-6)
    step = (
        0.01 * 100 * (DEND / 5) / (pi / 4)
    )  # MΩ from the middle of a segment to the next
    assert cell.dend(0.3).ri() == pytest.approx(step, rel=1e-6)
    assert cell.dend(0.1).ri() == pytest.approx(step / 2, rel=1e-6)


def test_biophysics():
    cell = BallAndStick()
    assert all((sec.Ra, sec.cm) == (100, 1) for sec in cell.all)
    hh = cell.soma(0.5).hh
    assert (hh.gnabar, hh.gkbar, hh.gl, hh.el) == (0.12, 0.036, 0.0003, -54.3)
    assert [(seg.pas.g, seg.pas.e) for seg in cell.dend] == [(0.001, -65)] * 5
    assert not cell.soma.has_membrane("pas") and not cell.dend.has_membrane("hh")
    [syn] = cell.synlist
    assert (syn.hname().split("[")[0], syn.tau, syn.e) == ("ExpSyn", 2, 0)
    assert syn.get_segment() == cell.dend(0.5)


def test_placing_and_turning_keep_the_electrical_geometry():
    geometry = electrical_geometry(BallAndStick())
    for theta in 0, 1, pi / 2, -2:
        for radius in 0, 50, 1e6:
            cell = BallAndStick()
            cell.rotateZ(theta)
            cell.set_position(radius * cos(theta), radius * sin(theta), 7)
            made = BallAndStick(radius * cos(theta), radius * sin(theta), 7, theta)
            for each in cell, made:
                for old, new in zip(geometry, electrical_geometry(each)):
                    assert new == tuple(
                        pytest.approx(value, rel=1e-12) for value in old
                    )


@pytest.mark.parametrize("theta", [0, 1, -2])
def test_a_cell_can_be_made_where_it_is_to_stand(theta):
    made, moved = BallAndStick(30, -40, 5, theta), BallAndStick()
    moved.rotateZ(theta)
    moved.set_position(30, -40, 5)
    for cell in (made, moved):
        assert (cell.x, cell.y, cell.z, cell.theta) == (30, -40, 5, theta)
    for one, other in zip(made.all, moved.all):
        for point, same in zip(points(one), points(other)):
            assert point == pytest.approx(same, abs=1e-4)
    made.rotateZ(pi / 2)
    assert (made.x, made.y, made.z) == pytest.approx((40, 30, 5))
    assert made.theta == theta + pi / 2


def test_rotateZ_turns_counter_clockwise_and_set_position_moves_to_a_place():
    cell = BallAndStick()
    cell.rotateZ(pi / 2)
    assert points(cell.dend)[1] == pytest.approx((0, SOMA + DEND, 0), abs=1e-4)
    for _ in range(2):  # not by a distance
        cell.set_position(10, 0, 3)
        assert points(cell.dend)[1] == pytest.approx((10, SOMA + DEND, 3), abs=1e-4)
    cell.rotateZ(pi / 2)  # now it swings round the axis
    assert (cell.x, cell.y, cell.z) == pytest.approx((0, 10, 3))
    assert points(cell.soma)[0] == pytest.approx((0, 10, 3), abs=1e-4)
    assert points(cell.dend)[1] == pytest.approx((-SOMA - DEND, 10, 3), abs=1e-4)


@pytest.mark.parametrize("x", [1e9, float("nan"), float("inf")])
def test_a_place_where_the_shape_is_lost_is_refused(x):
    with pytest.raises(ValueError, match="do not keep its length, L = 12.6157"):
        BallAndStick().set_position(x, 0, 0)


def test_points_keep_a_length_that_single_precision_cannot_hold():
    sec = h.Section(name="sec")
    sec.L = 0.1 + 0.2
    set_points(sec, [(5, 5, 5, 1), (5, 5, 5.3, 1)])
    assert sec.L == pytest.approx(0.1 + 0.2, rel=1e-15)
    assert hypot(5.3 - sec.z3d(1)) < 1e-6


def test_connect2target_detects_spikes_of_the_soma():
    cell, other = BallAndStick(), BallAndStick()
    nc = cell.connect2target(other.synlist[0])
    assert (
        nc.preseg() == cell.soma(1)
        and nc.syn() == other.synlist[0]
        and nc.threshold == 10
    )
    assert cell.connect2target(None, thresh=-20).threshold == -20
    assert cell.is_art() is False


class Ball(Cell):
    """The least that a cell can be."""

    def create_sections(self):
        self.soma = h.Section(name="soma", cell=self)

    def define_geometry(self):
        self.soma.L = self.soma.diam = 10

    build_topology = define_biophysics = lambda self: None


def test_a_subclass_without_subsets_and_synapses_has_the_defaults():
    ball = Ball()
    ball.set_position(1, 2, 3)
    ball.rotateZ(1)
    assert list(ball.all) == [ball.soma] and ball.synlist == [] and ball.soma.L == 10


STEPS = "create_sections build_topology build_subsets define_geometry define_biophysics"


@pytest.mark.parametrize("method", STEPS.replace("build_subsets ", "").split())
def test_a_method_that_a_subclass_lacks_is_named(method):
    with pytest.raises(NotImplementedError, match=rf"Lacking must define {method}\(\)"):
        type("Lacking", (Ball,), {method: getattr(Cell, method)})()


def test_the_constructor_calls_its_steps_in_order():
    calls = []

    class Logged(BallAndStick):
        def __getattribute__(self, name):
            if name.startswith(("create_", "build_", "define_")):
                calls.append(name)
            return super().__getattribute__(name)

    Logged()
    assert calls == [*STEPS.split(), "create_synapses"]
