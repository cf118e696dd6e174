"""Draw the spikes of a run as a raster, or a network as it stands in space.

python plot_spikes.py [FILE ...] [-o PICTURE]
"""

import argparse
from collections import defaultdict
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib import colormaps, pyplot
from matplotlib.collections import LineCollection, PolyCollection

COLOURS = "black", "red", "#0072b2", "#e69f00", "#009e73", "#cc79a7"  # all differ


def read_spikes(file_name="out.spk"):
    """Return the spikes in a file as two arrays, shape (n,) each, in the order of its
    lines: times (ms, float64) and gids (int64). Raises OSError, or ValueError with file
    and line for what is no spike, or if there is none."""
    spikes = []
    with open(file_name, errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                spikes.append(parse_spike(line, f"{file_name}:{number}"))
    if not spikes:
        raise ValueError(f"{file_name}: has no spikes")
    times, gids = zip(*spikes)
    return np.array(times), np.array(gids)


def parse_spike(line, where):
    """Return the time (ms) and the gid that a line says. Raises ValueError."""
    with suppress(ValueError):
        time, gid = line.split()
        time, gid = float(time), int(gid)
        if 0 <= time < np.inf and gid >= 0:
            return time, gid
    raise ValueError(f"{where}: {line.strip()[:40]!r} is no spike: time (ms), tab, gid")


def plot_spikes(times, gids, axes=None, color="black", label=None):
    """Draw spikes as a raster, one row a cell, each spike a tick from gid − 0.5 to
    gid + 0.5. times (ms) and gids: shape (n,) each; `axes`: drawn over what is there,
    which gets wider ticks. Returns the axes."""
    gids = np.asarray(gids)
    if axes is None:
        figure = pyplot.figure(figsize=(6, 3.5), layout="constrained")
        axes = figure.add_subplot(xlabel="time (ms)", ylabel="cell (gid)")
        axes.locator_params(axis="y", integer=True)
    for line in axes.lines:
        line.set_linewidth(2 * line.get_linewidth())  # to be seen under the new ones
    # One line with gaps (nan), as an object for each tick takes ten times as long
    gaps = np.nan * gids
    ends = np.stack([gids - 0.5, gids + 0.5, gaps], axis=1)
    [line] = axes.plot(np.repeat(times, 3), ends.ravel(), color=color, label=label)
    line.set_linewidth(min(2, 240 / (1 + len(times)) ** 0.5))  # pt
    line.set_snap(False)  # or ticks that fall together are drawn as one
    axes.set_xlim(0, auto=None)  # the end follows what is added later
    return axes


def show_network(ring):
    """Draw a network, which has a `gather_shapes` like Ring's, as seen from +Z, to
    scale: each cell in the colour of its host, with its gid if there are at most 12,
    and its connections, from soma to soma. Every host calls it; host 0 draws, and
    returns the axes. Raises ValueError for a section without 3-D points."""
    shapes = ring.gather_shapes()
    if not shapes:
        return
    figure = pyplot.figure(figsize=(6, 5.5), layout="constrained")
    axes = figure.add_subplot(xlabel="x (µm)", ylabel="y (µm)", aspect="equal")
    polygons, somata, connections = defaultdict(list), {}, []
    for gid, host, sections, _ in shapes:
        polygons[host].extend(map(outline, sections))
        somata[gid] = sections[0][0][:2]
        if len(shapes) <= 12:
            axes.text(*sections[-1][-1][:2], gid, fontsize=14)
    for gid, _, _, sources in shapes:
        for source in somata.keys() & sources:
            connections.append([somata[source], somata[gid]])
    axes.add_collection(LineCollection(connections, color="gray"))
    # From dark to light, so that hosts differ in print; to 0.75, as yellow is lost
    shades = colormaps["viridis"](np.linspace(0, 0.75, len(polygons)))
    for host, shade in zip(sorted(polygons), shades):
        label = f"host {host:g}"
        axes.add_collection(PolyCollection(polygons[host], color=shade, label=label))
    axes.autoscale_view()
    figure.legend(loc="outside upper center", ncols=6)
    return axes


def outline(points):
    """Return what is seen from +Z of a section with these n 3-D points (x, y, z, diam):
    a polygon, shape (2n, 2). Raises ValueError if there are less than two."""
    if len(points) < 2:
        raise ValueError(
            "a section has no 3-D points to draw: Cell.place gives it some"
        )
    x, y, _, diam = np.transpose(points)
    middle = x + 1j * y
    along = np.gradient(middle)
    # Half a diameter, at a right angle to the section, which 1j makes
    side = 0.5j * diam * along / np.maximum(abs(along), 1e-9)
    corners = np.concatenate([middle + side, (middle - side)[::-1]])
    return corners.view(float).reshape(-1, 2)  # real parts as x, imaginary as y


def main():
    """Draw spike files over one another; show the picture, or save it if there is no
    display."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.print_usage = lambda *_: None  # an error is one line
    parser.add_argument("files", nargs="*", default=["out.spk"], metavar="FILE")
    parser.add_argument("-o", "--output", help="a file to save the picture in")
    options = parser.parse_args()
    axes = None
    try:
        for file_name, color in zip(options.files, cycle(COLOURS)):
            axes = plot_spikes(*read_spikes(file_name), axes, color, file_name)
        axes.figure.legend(loc="outside upper center", ncols=3)
        display = axes.figure.canvas.required_interactive_framework  # None without one
        if display and not options.output:
            pyplot.show()
        else:
            picture = options.output or Path(options.files[0]).stem + ".png"
            axes.figure.savefig(picture, dpi=200)
            print(f"picture saved in {picture}")
    except (OSError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
