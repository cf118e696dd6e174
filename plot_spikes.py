"""Draw the spikes that a run has written as a raster, or a network as it stands in space.

python plot_spikes.py [FILE ...] [-o PICTURE] [--tstop MS]
"""

import argparse
from array import array
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib import collections, colormaps, colors, pyplot

COLOURS = ("black", "red", "#0072b2", "#e69f00", "#009e73", "#cc79a7")  # told apart by everyone


def read_spikes(file_name="out.spk"):
    """Return the spikes in a file as two arrays, shape (n,) each, in the order of its lines: times
    (ms, float64) and gids (int64). What follows a # does not count. Raises OSError, or ValueError
    with file and line for one that is not a time, white space and a gid, or if there is none."""
    times, gids = array("d"), array("q")
    with open(file_name, encoding="ascii", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            words = line.partition("#")[0].split()
            if not words:
                continue
            try:
                time, gid = float(words[0]), int(words[1])
                if len(words) != 2 or not 0 <= time < np.inf or gid < 0:
                    raise ValueError
                times.append(time)
                gids.append(gid)
            except (ValueError, IndexError, OverflowError):
                bad = f"{file_name}:{number}: {line.strip()[:40]!r} is not a spike"
                raise ValueError(f"{bad}: time (ms), tab, gid, both at least 0") from None
    if not times:
        raise ValueError(f"{file_name}: has no spikes")
    return np.array(times), np.array(gids)


def plot_spikes(times, gids, axes=None, color="black", label=None, tstop=None):
    """Draw spikes as a raster, one row a cell, each spike a tick from gid − 0.5 to gid + 0.5.
    times (ms) and gids: shape (n,) each; `axes`: drawn over what is there, which gets wider ticks;
    `tstop`: the end of the run (ms), if it is known. Returns the axes."""
    times, gids = np.asarray(times), np.asarray(gids)
    if axes is None:
        axes = pyplot.figure(figsize=(8, 4.5), layout="constrained").add_subplot()
        labelled(axes, "time (ms)", "cell (gid)")
        axes.spines[["top", "right"]].set_visible(False)
        axes.yaxis.get_major_locator().set_params(integer=True)
    # One line with gaps (nan) draws a million ticks in a second, one object a tick in twenty
    ends = np.stack([gids - 0.5, gids + 0.5, np.full(len(gids), np.nan)], axis=1)
    width = min(2, 240 / max(1, len(times)) ** 0.5)  # pt: a third of the page at most
    for line in axes.lines:
        line.set_linewidth(2 * line.get_linewidth())  # to be seen where ticks coincide
    [line] = axes.plot(np.repeat(times, 3), ends.ravel(), color=color, label=label, linewidth=width)
    if gids.max(initial=0) > 300:  # too low to be seen: caps make a tick a dot
        line.set_solid_capstyle("projecting")
        line.set_snap(False)  # what snaps to pixels, or is simplified, is lost if it is less high
        line.get_path().should_simplify = False
    axes.set_xlim(0, tstop, auto=None)  # without tstop, follow what is added later
    return axes


def show_network(ring):
    """Draw a Ring, or what has its `gidlist` and `cells`, as seen from +Z, to scale, each cell in
    the colour of its host, with its gid if there are at most 12. Every host calls it; rank 0 draws
    and returns the axes, not yet shown. Raises ValueError for a section without 3-D points."""
    from simrun import check_same, h  # here, because to draw a file needs no NEURON and no MPI

    pc = h.ParallelContext()
    shapes = [sum(map(outline, cell.all), []) for cell in ring.cells]
    check_same("show_network")
    everyone = pc.py_gather([(gid, pc.id(), quads) for gid, quads in zip(ring.gidlist, shapes)], 0)
    if pc.id() > 0:
        return None
    cells = sorted(sum(everyone, []), key=lambda cell: cell[0])
    quads = [[(z.real, z.imag) for z in quad] for _, _, quads in cells for quad in quads]
    owners = [host for _, host, quads in cells for _ in quads]
    # From dark to light, so that hosts differ in print too; to 0.75, for yellow is lost on white
    shades = colors.ListedColormap(colormaps["viridis"](np.linspace(0, 0.75, pc.nhost())))
    shapes = collections.PolyCollection(quads, array=owners, cmap=shades, edgecolor="face")
    shapes.set(linewidth=0.5, clim=(-0.5, pc.nhost() - 0.5))  # pt: the thinnest dendrite is seen
    axes = pyplot.figure(figsize=(8, 7), layout="compressed").add_subplot(aspect="equal")
    axes.add_collection(shapes)
    axes.autoscale_view()
    if pc.nhost() > 1:
        bar = axes.figure.colorbar(shapes, ticks=range(0, pc.nhost(), 1 + pc.nhost() // 20))
        labelled(bar.ax, "", "host")
    for gid, _, [(a, b, c, d), *_] in cells if len(cells) <= 12 else ():
        beyond = 1.1 * (a + d) - 0.6 * (b + c)  # the end from which the dendrite leads away
        axes.text(beyond.real, beyond.imag, gid, fontsize=14, ha="center", va="center")
    return labelled(axes, "x (µm)", "y (µm)")


def labelled(axes, x, y):
    """Label the axes, in letters that can be read from the last row; return them."""
    axes.set_xlabel(x, fontsize=16)
    axes.set_ylabel(y, fontsize=16)
    axes.tick_params(labelsize=14)
    return axes


def outline(sec):
    """Return what is seen from +Z of a section: a quadrilateral, four corners x + iy in µm, for
    each stretch from one of its 3-D points to the next. Raises ValueError if it has none."""
    points = [(sec.x3d(i) + 1j * sec.y3d(i), sec.diam3d(i) / 2) for i in range(sec.n3d())]
    if len(points) < 2:
        raise ValueError(f"{sec}: has no 3-D points to draw; Cell.place gives it some")
    quads = []
    for (a, ra), (b, rb) in zip(points, points[1:]):
        if a == b:  # seen end-on: a square instead of a disc
            a, b = a - ra, a + ra
        across = 1j * (b - a) / abs(b - a)
        quads.append((a + ra * across, b + rb * across, b - rb * across, a - ra * across))
    return quads


def main():
    """Draw spike files over one another; show the picture, or save it if there is no display."""
    parser = argparse.ArgumentParser(description=main.__doc__, allow_abbrev=False)
    parser.print_usage = lambda *_: None  # an error is one line
    parser.add_argument("files", nargs="*", default=["out.spk"], metavar="FILE")
    parser.add_argument("-o", "--output", metavar="PICTURE", help="save it, as its ending says")
    parser.add_argument("--tstop", type=float, metavar="MS", help="the end of the run, if known")
    options = parser.parse_args()
    axes = None
    try:
        for file_name, color in zip(options.files, cycle(COLOURS)):
            label = file_name.replace("$", r"\$")  # a $ would start a formula
            axes = plot_spikes(*read_spikes(file_name), axes, color, label, options.tstop)
        if len(options.files) > 1:
            axes.figure.legend(loc="outside upper center", ncols=3, fontsize=14, frameon=False)
        if axes.figure.canvas.required_interactive_framework and options.output is None:
            return pyplot.show()  # without a display there is no such framework
        file_name = options.output or Path(options.files[0]).stem + ".png"
        axes.figure.savefig(file_name, dpi=200)
        print(f"picture saved in {file_name}")
    except OSError as error:
        parser.error(f"{file_name}: {error.strerror}")
    except (ValueError, RuntimeError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
