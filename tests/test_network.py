"""The picture of the network in space, and what it is drawn from, on any number of hosts."""

from types import SimpleNamespace

import numpy as np
import pytest
from conftest import SCRIPTS

import plot_spikes
from ring import Ring


def drawn(axes):
    """The polygons, shape (n, points, 2), that a picture has of the sections, by host."""
    _, *collections = axes.collections
    return {
        cells.get_label(): [path.vertices[:-1] for path in cells.get_paths()]
        for cells in collections
    }


def test_host_0_gets_every_cell(mpiexec):
    four = mpiexec(4, SCRIPTS / "ring_shapes.py")
    assert four.returncode == 0, four.stderr
    for gid, host, *cell in Ring(N=3, radius=80).gather_shapes():
        assert host == 0 and f"{gid} {gid} {cell}\n" in four.stdout


def test_somas_and_dendrites_are_to_scale_and_point_outwards():
    axes = plot_spikes.show_network(Ring(N=4, radius=70))
    assert axes.get_aspect() == 1
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x (µm)", "y (µm)")
    polygons = np.array(drawn(axes)["host 0"])
    corners = [(70, 6.308), (82.616, 6.308), (82.616, -6.308), (70, -6.308)]
    assert np.allclose(polygons[0], corners, atol=1e-3)
    somata, dendrites = polygons[::2], polygons[1::2]
    for sections, length, diam in (somata, 12.6157, 12.6157), (dendrites, 200, 1):
        a, b, c, d = sections.swapaxes(0, 1)
        assert np.allclose(np.linalg.norm(b - a, axis=1), length, atol=1e-3)
        assert np.allclose(np.linalg.norm([c - b, d - a], axis=2), diam, atol=1e-3)
    along = dendrites.mean(axis=1) - somata.mean(axis=1)
    assert (np.sum(along * somata.mean(axis=1), axis=1) > 0).all()
    x0, x1, y0, y1 = axes.axis()  # all are inside
    assert (polygons > (x0, y0)).all() and (polygons < (x1, y1)).all()


def test_a_connection_leads_from_soma_to_soma():
    axes = plot_spikes.show_network(Ring(N=3))
    starts, ends = np.array(axes.collections[0].get_segments()).swapaxes(0, 1)
    angle = 2 * np.pi * np.arange(3) / 3
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    assert np.allclose(ends, ring * 50, atol=1e-3)
    assert np.allclose(starts, np.roll(ring, 1, axis=0) * 50, atol=1e-3)


@pytest.mark.parametrize("N, gids", [(1, "0"), (4, "0123"), (13, "")])
def test_a_few_cells_carry_their_gids(N, gids):
    axes = plot_spikes.show_network(Ring(N=N, radius=200))
    assert "".join(text.get_text() for text in axes.texts) == gids


def shapes_of(hosts, sections=(((0, 0, 0, 2), (5, 0, 0, 2)),)):
    """What stands for a network with one cell on each host."""
    shapes = [(gid, gid, sections, [-1, 77]) for gid in range(hosts)]
    return SimpleNamespace(gather_shapes=lambda: shapes)


def test_the_colours_are_told_apart_in_print_and_dark_on_white():
    axes = plot_spikes.show_network(shapes_of(9))
    colours = [cells.get_facecolor()[0, :3] for cells in axes.collections[1:]]
    grey = np.dot(colours, (0.299, 0.587, 0.114))
    assert len(grey) == 9 and (np.diff(grey) > 0.03).all() and grey[-1] < 0.7
    assert len(axes.collections[0].get_segments()) == 0  # of sources that are no cells


def test_a_section_that_tapers_one_seen_end_on_and_one_without_points():
    tapers = ((50, 0, 0, 10), (170, 160, 0, 5))
    end_on = ((50, 0, 0, 3), (50, 0, 200, 3))
    axes = plot_spikes.show_network(shapes_of(1, (tapers, end_on)))
    polygon, dot = drawn(axes)["host 0"]
    corners = [(46, 3), (168, 161.5), (172, 158.5), (54, -3)]
    assert np.allclose(polygon, corners, atol=1e-3)
    assert np.allclose(dot, (50, 0))
    for points in [], [(0, 0, 0, 1)]:
        with pytest.raises(ValueError, match="has no 3-D points to draw"):
            plot_spikes.show_network(shapes_of(1, (points, tapers)))
