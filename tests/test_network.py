"""The picture of the network in space, on any number of hosts."""

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import pyplot

import plot_spikes
import simrun
from ballandstick import BallAndStick
from ring import Ring

DRAW = """
import numpy as np
import plot_spikes, ring
my_ring = ring.Ring(N=3, radius=80)
axes = plot_spikes.show_network(my_ring)
assert (axes is None) == (my_ring.pc.id() > 0)
if axes:
    [shapes] = axes.collections
    for path, host in zip(shapes.get_paths(), shapes.get_array()):
        print(host, *(f"{n:.3f}" for n in path.vertices[:4].ravel()))
    axes.figure.savefig("network.png")
"""


def drawn(axes):
    """The corners of every shape (n, 4, 2) and the host that each is coloured for."""
    [shapes] = axes.collections
    return np.array([path.vertices[:4] for path in shapes.get_paths()]), shapes.get_array()


def test_every_cell_is_drawn_in_the_colour_of_its_host(mpiexec, python, tmp_path):
    alone = [line.split(maxsplit=1)[1] for line in python("-c", DRAW).stdout.splitlines()]
    for n in (1, 4):
        done = mpiexec(n, "-c", DRAW)
        assert (done.returncode, done.stderr) == (0, "")
        lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
        assert [host for host, _ in lines] == [str(gid % n) for gid in range(3) for _ in "sd"]
        assert [where for _, where in lines] == alone
        assert (tmp_path / "network.png").stat().st_size > 10_000


def test_somas_and_dendrites_are_to_scale():
    quads, _ = drawn(plot_spikes.show_network(Ring(N=4, radius=70)))
    corners = [(70, 6.308), (82.616, 6.308), (82.616, -6.308), (70, -6.308)]
    assert np.allclose(quads[0], corners, atol=1e-3)
    for soma, dend in quads.reshape(4, 2, 4, 2):
        for shape, length, diam in (soma, 12.6157, 12.6157), (dend, 200, 1):
            a, b, c, d = shape
            assert np.allclose([np.hypot(*(b - a)), np.hypot(*(c - d))], length, atol=1e-3)
            assert np.allclose([np.hypot(*(d - a)), np.hypot(*(c - b))], diam, atol=1e-3)
        middle = soma.mean(axis=0)
        assert np.dot(dend.mean(axis=0) - middle, middle) > 0  # it points outwards
    axes = pyplot.gcf().axes[0]
    assert axes.get_aspect() == 1
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x (µm)", "y (µm)")
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    assert left < quads[..., 0].min() < quads[..., 0].max() < right
    assert low < quads[..., 1].min() < quads[..., 1].max() < high


@pytest.mark.parametrize("N", [1, 12, 13])
def test_a_few_cells_carry_their_gids_beside_their_somas(N):
    axes = plot_spikes.show_network(Ring(N=N, radius=200))
    assert [text.get_text() for text in axes.texts] == [str(gid) for gid in range(N) if N < 13]
    assert axes.figure.axes == [axes]  # one host needs no colour bar
    quads, _ = drawn(axes)
    for text, soma in zip(axes.texts, quads[::2]):
        assert 12 < np.hypot(*(np.array(text.get_position()) - soma.mean(axis=0))) < 30


def test_the_colours_are_told_apart_in_print_and_dark_on_white(monkeypatch):
    my_ring, nine = Ring(), SimpleNamespace(nhost=lambda: 9, id=lambda: 0)
    nine.py_gather, nine.py_allgather = lambda mine, _: [mine] + 8 * [[]], lambda mine: [mine]
    monkeypatch.setattr(simrun, "h", SimpleNamespace(ParallelContext=lambda: nine))
    [shapes] = plot_spikes.show_network(my_ring).collections
    grey = [np.dot(shapes.cmap(shapes.norm(host))[:3], (0.299, 0.587, 0.114)) for host in range(9)]
    assert (np.diff(grey) > 0.03).all() and grey[-1] < 0.7


def test_a_section_seen_end_on_one_that_tapers_and_one_without_points():
    my_ring = Ring(N=1)
    cell = my_ring.cells[0]
    cell.place(cell.dend, [(0, 0, 0, 3), (0, 0, 200, 3)])
    quads, _ = drawn(plot_spikes.show_network(my_ring))
    assert np.allclose(np.sort(quads[1], axis=0), [(48.5, -1.5)] * 2 + [(51.5, 1.5)] * 2)
    cell.place(cell.dend, [(0, 0, 0, 10), (120, 160, 0, 5)])
    quads, _ = drawn(plot_spikes.show_network(my_ring))
    assert np.allclose(quads[1], [(46, 3), (168, 161.5), (172, 158.5), (54, -3)], atol=1e-3)
    cell.dend.pt3dclear()
    for _ in range(2):  # without a point, and with one
        with pytest.raises(ValueError, match=r"dend: has no 3-D points"):
            plot_spikes.show_network(my_ring)
        cell.dend.pt3dadd(0, 0, 0, 1)


def test_it_takes_any_network_with_cells_and_gids():
    two = SimpleNamespace(gidlist=[3, 5], cells=[BallAndStick(), BallAndStick(30, 40, 5, 1)])
    axes = plot_spikes.show_network(two)
    assert len(drawn(axes)[0]) == 4 and [text.get_text() for text in axes.texts] == ["3", "5"]
