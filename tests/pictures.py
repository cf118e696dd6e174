"""Draw two pictures of the README: who exchanges what, and the raster, coloured by host.

    python tests/pictures.py

The raster is that of out.spk, as three hosts have written it.
"""

from matplotlib import pyplot
from matplotlib.patches import FancyBboxPatch

import plot_spikes

COLOURS = [
    "#440154",
    "#2a788e",
    "#7ad151",
]  # of the hosts, also where there is no colour
HOSTS = 3
CELLS = 5


def schematic():
    """Three hosts with their cells; a spike that one sends to another; the exchanges."""
    figure = pyplot.figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot(xlim=(0, 30), ylim=(-2.2, 7.2))
    axes.set_axis_off()
    for host, colour in enumerate(COLOURS):
        left = 0.5 + 10 * host
        box = FancyBboxPatch((left, 3.2), 8.5, 3.6, boxstyle="round", fill=False)
        box.set(edgecolor=colour, linewidth=2)
        axes.add_patch(box)
        axes.text(left + 4.25, 6.1, f"host {host}", ha="center", fontsize=15)
        gids = range(host, CELLS, HOSTS)
        for place, gid in enumerate(gids):
            x = left + 4.25 + 4 * (place - (len(gids) - 1) / 2)
            axes.plot(x, 4.5, "o", markersize=34, color=colour)
            axes.text(x, 4.5, gid, color="white", fontsize=15, ha="center", va="center")
    arrow = {"arrowstyle": "-|>", "linewidth": 2, "connectionstyle": "arc3,rad=0.35"}
    axes.annotate("", xy=(12.6, 3.5), xytext=(2.8, 3.5), arrowprops=arrow)
    words = "gid 0, 12.625 ms:\nsent to all hosts at 15 ms"
    axes.text(7.7, 0.9, words, ha="center", fontsize=14)
    times = [5, 10, 15, 20, 25]
    axes.plot([1, 29], [-0.6, -0.6], color="black")
    for time in times:
        x = 1 + time
        axes.plot([x, x], [-1, -0.2], color="black", linewidth=3)
        axes.text(x, -1.9, f"{time} ms", ha="center", fontsize=13)
    axes.plot(1 + 12.625, -0.6, "o", color=COLOURS[0], markersize=9)
    axes.text(1 + 12.625, -0.2, "fired", ha="center", va="bottom", fontsize=13)
    axes.plot(1 + 17.625, -0.6, "v", color=COLOURS[1], markersize=10)
    axes.text(1 + 18.1, -0.2, "delivered", ha="center", va="bottom", fontsize=13)
    axes.text(1 + 15, -0.2, "sent", ha="center", va="bottom", fontsize=13)
    axes.text(1, -0.2, "exchanges:", va="bottom", fontsize=13)
    figure.savefig("schematic.png", dpi=200)


def raster():
    """The spikes of out.spk; how the 6.6 ms from cell to cell come about, once."""
    times, gids = plot_spikes.read_spikes()
    axes = plot_spikes.plot_spikes(times, gids)
    axes.lines[0].remove()
    for host, colour in enumerate(COLOURS):
        of_host = gids % HOSTS == host
        plot_spikes.plot_spikes(times[of_host], gids[of_host], axes, colour)
    for line, colour in zip(axes.lines, COLOURS):
        line.set(linewidth=3, color=colour)
        line.set_label(f"host {COLOURS.index(colour)}")
    axes.set_yticks(range(CELLS))
    arrow = {"arrowstyle": "<->"}
    axes.annotate("", xy=(12.4, 0.6), xytext=(19.4, 0.6), arrowprops=arrow)
    axes.text(21, 0.6, "5 ms + 1.6 ms", va="center")
    axes.figure.legend(loc="outside upper center", ncols=3)
    axes.figure.savefig("raster.png", dpi=200)


if __name__ == "__main__":
    schematic()
    raster()
