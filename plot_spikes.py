"""Read the spikes that a run has written, and draw them as a raster.

python plot_spikes.py [FILE ...] [-o PICTURE]
"""

import argparse
import math
import sys
from array import array
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib import pyplot

COLOURS = ("black", "red", "#0072b2", "#e69f00", "#009e73", "#cc79a7")  # told apart by everyone


def read_spikes(file_name="out.spk"):
    """Return the spikes in a file as two arrays, shape (n,) each, in the order of its lines: times
    (ms, float64) and gids (int64).

    A line is a time, white space and a gid; empty lines, and what follows a #, do not count.
    Raises OSError, or ValueError with file, line number and reason; a file without spikes is one.
    """
    times, gids = array("d"), array("q")
    with open(file_name, encoding="ascii", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            words = line.partition("#")[0].split()
            if not words:
                continue
            try:
                time, gid = float(words[0]), int(words[1])
                gids.append(gid)
                good = len(words) == 2 and 0 <= time < math.inf and gid >= 0
            except (ValueError, IndexError, OverflowError):
                good = False
            if not good:
                raise ValueError(
                    f"{file_name}:{number}: {line.strip()[:40]!r} is not a spike: a "
                    "time in ms, a tab, and a whole gid, both at least 0"
                )
            times.append(time)
    if not times:
        raise ValueError(f"{file_name}: has no spikes")
    return np.array(times), np.array(gids)


def plot_spikes(times, gids, axes=None, color="black", label=None):
    """Draw spikes as a raster, one row a cell, each spike a tick from gid − 0.5 to gid + 0.5.

    Among many cells a tick is too low to be seen: it ends in caps that make it a dot.
    times (ms) and gids: shape (n,) each; `axes`: drawn over what is there. Returns the axes.
    """
    times, gids = np.asarray(times), np.asarray(gids)
    if axes is None:
        axes = pyplot.figure(figsize=(8, 4.5), layout="constrained").add_subplot()
        axes.set_xlabel("time (ms)", fontsize=16)
        axes.set_ylabel("cell (gid)", fontsize=16)
        axes.tick_params(labelsize=14)
        axes.spines[["top", "right"]].set_visible(False)
        axes.yaxis.get_major_locator().set_params(integer=True)
    # One line with gaps (nan) draws a million ticks in a second, one object a tick in twenty
    ends = np.stack([gids - 0.5, gids + 0.5, np.full(len(gids), np.nan)], axis=1)
    [line] = axes.plot(
        np.repeat(times, 3),
        ends.ravel(),
        color=color,
        label=label,
        linewidth=min(2, 240 / max(1, len(times)) ** 0.5),
    )  # pt: a third of the page at most
    if gids.max(initial=0) > 300:
        line.set_solid_capstyle("projecting")
        line.set_snap(False)  # what snaps to pixels, or is simplified, is lost if it is less high
        line.get_path().should_simplify = False
    axes.set_xlim(left=0, auto=None)  # and let the right end follow what is added later
    return axes


def main():
    """Draw the files over one another; show the picture, or save it where there is no display."""
    parser = argparse.ArgumentParser(
        prog="plot_spikes.py", description="Draw spike files as a raster.", allow_abbrev=False
    )
    parser.error = fail
    parser.add_argument(
        "files",
        nargs="*",
        default=["out.spk"],
        metavar="FILE",
        help="spike files, drawn over one another (default: out.spk)",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="PICTURE",
        help="save the picture, in the format that its ending names",
    )
    options = parser.parse_args()
    axes = None
    try:
        for file_name, color in zip(options.files, cycle(COLOURS)):
            label = printable(file_name).replace("$", r"\$")  # a $ would start a formula
            axes = plot_spikes(*read_spikes(file_name), axes, color, label)
        if len(options.files) > 1:
            axes.figure.legend(loc="outside upper center", ncols=3, fontsize=14, frameon=False)
        window = axes.figure.canvas.required_interactive_framework  # None without a display
        if window and options.output is None:
            pyplot.show()
        else:
            file_name = options.output
            if file_name is None:
                file_name = Path(options.files[0]).stem + ".png"
            if not file_name:
                raise ValueError("output = '': must be the name of a file")
            axes.figure.savefig(file_name, dpi=200)
            print(f"picture saved in {printable(file_name)}")
    except OSError as error:
        fail(f"{file_name}: {error.strerror}")
    except (ValueError, RuntimeError) as error:
        fail(error)


def printable(text):
    """Return text on one line, with what cannot be shown escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def fail(message):
    """End with one line on stderr and exit status 2."""
    print(f"plot_spikes.py: error: {printable(str(message))}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
