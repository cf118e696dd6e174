"""The spike file read back, and the raster."""

import numpy as np
import pytest
from conftest import TABLE, written
from matplotlib import pyplot
from matplotlib.backends.backend_agg import FigureCanvasAgg

import plot_spikes
from plot_spikes import read_spikes


@pytest.fixture
def spikes(tmp_path):
    path = tmp_path / "out.spk"
    path.write_bytes(TABLE)
    return path


def test_reading_lines_in_any_order_and_with_windows_line_ends(spikes):
    times, gids = read_spikes(spikes)
    assert (times.dtype, gids.dtype) == (float, np.int64)
    assert times.shape == gids.shape == (14,)
    assert times[:3].tolist() == [12.625, 19.225, 25.825] and gids[-1] == 3
    spikes.write_bytes(b"7.5\t3\r\n\r\n  1.25 0 \r\n7.5\t2\r\n")
    times, gids = read_spikes(spikes)
    assert times.tolist() == [7.5, 1.25, 7.5] and gids.tolist() == [3, 0, 2]


BAD = "1.5|1.5\t2\t3|1.5\t2.5|x\t2|-1\t2|1\t-2|nan\t2|inf\t2|1e400\t2|1\t\ufffd|\0\0\t\0|spike"


@pytest.mark.parametrize("line", BAD.split("|"))
def test_a_bad_line_is_named(tmp_path, line):
    path = tmp_path / "bad.spk"
    path.write_text(f"12.625\t0\n{line}\n1\t1\n", encoding="utf-8")
    words = rf"{path}:2: .* is no spike: time \(ms\), tab, gid\Z"
    with pytest.raises(ValueError, match=words):
        read_spikes(path)


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_a_file_without_spikes_is_refused(tmp_path, content):
    path = tmp_path / "empty.spk"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="has no spikes"):
        read_spikes(path)


def test_the_raster():
    axes = plot_spikes.plot_spikes([9, 1, 5], [0, 2, 1])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time (ms)", "cell (gid)")
    [ticks] = axes.lines
    times, gids = ticks.get_data()
    assert times.tolist() == [9, 9, 9, 1, 1, 1, 5, 5, 5]
    ends = [-0.5, 0.5, np.nan, 1.5, 2.5, np.nan, 0.5, 1.5, np.nan]
    assert np.array_equal(gids, ends, equal_nan=True)
    assert plot_spikes.plot_spikes([50], [3], axes, "red") is axes
    start, end = axes.get_xlim()
    assert (
        start == 0 and end > 50 and len(axes.lines) == 2
    )  # it grows with what is added
    axes.figure.canvas.draw()
    labels = {label.get_text() for label in axes.get_yticklabels()}
    assert {"0", "1", "2", "3"} <= labels and not any("." in label for label in labels)


def ink(axes):
    """The darkness of every pixel of the axes, 0 for white, and the pixels of a row."""
    axes.set_axis_off()
    axes.figure.set_dpi(100)
    axes.figure.canvas.draw()
    return 255 - np.asarray(axes.figure.canvas.buffer_rgba())[:, :, :3].mean(axis=2)


def test_every_spike_can_be_seen_whatever_their_number():
    few = plot_spikes.plot_spikes(np.linspace(0, 1000, 50), np.arange(50) * 200)
    assert ink(few).sum() > 50 * 4 * 255  # some pixels each; a row is 0.04 pixels high
    random = np.random.default_rng(1)
    times, gids = random.uniform(0, 1000, 300_000), random.integers(0, 10_000, 300_000)
    many = ink(plot_spikes.plot_spikes(times, gids))[100:350, 100:700]  # inside
    assert 40 < many.mean() < 160  # neither white nor black, but as dense as the spikes
    both = plot_spikes.plot_spikes(np.full(100_000, 500.0), np.arange(100_000) % 10_000)
    plot_spikes.plot_spikes(times[:100_000], gids[:100_000], both)
    columns = ink(both)[100:350, 100:700].mean(axis=0)
    assert columns.max() > 1.5 * np.median(columns)  # what happens at once stands out
    assert len(plot_spikes.plot_spikes([], []).lines) == 1


def script(driver, *arguments):
    return driver(*arguments, main=plot_spikes.main)


def test_the_script_overlays_several_files(driver, spikes, tmp_path):
    (tmp_path / "b.spk").write_text("14\t2\n180\t7\n")
    done = script(driver, "out.spk", "b.spk", "-o", "both.svg")
    assert (done.stderr, done.stdout) == ("", "picture saved in both.svg\n")
    axes = pyplot.gca()
    below, above = axes.lines
    assert (below.get_color(), above.get_color()) == ("black", "red")
    assert (
        below.get_linewidth() > 1.5 * above.get_linewidth()
    )  # to be seen at its edges
    labels = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert labels == ["out.spk", "b.spk"] and axes.get_xlim()[1] > 180
    assert b"</svg>" in written(tmp_path, "both.svg")


def test_the_script_opens_a_window_where_there_is_a_display(
    driver, spikes, tmp_path, monkeypatch
):
    # A stand-in for a window system: matplotlib asks a canvas which framework it needs
    pyplot.close(pyplot.figure())  # the backend is chosen now
    monkeypatch.setattr(FigureCanvasAgg, "required_interactive_framework", "tk")
    monkeypatch.setattr(pyplot, "show", lambda: print("window"))
    assert script(driver).stdout == "window\n"
    assert script(driver, "-o", "saved.png").stdout == "picture saved in saved.png\n"
    assert pyplot.imread(tmp_path / "saved.png").shape[:2] == (700, 1200)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.spk", "saved.png"]


FAULTS = {
    "missing.spk": "[Errno 2] No such file or directory: 'missing.spk'",
    ".": "[Errno 21] Is a directory: '.'",
    "bad.spk": "bad.spk:1: 'no spikes here' is no spike: ",
    "empty.spk": "empty.spk: has no spikes",
    "binary.spk": "binary.spk:1: ",
    "-o nowhere/a.png": "[Errno 2] No such file or directory: 'nowhere/a.png'",
    "-o a.xyz": "Format 'xyz' is not supported",
    "--nonsense": "unrecognized arguments",
}


def test_the_script_names_what_it_cannot_use(driver, spikes, tmp_path):
    (tmp_path / "bad.spk").write_text("no spikes here\n")
    (tmp_path / "binary.spk").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "empty.spk").touch()
    before = sorted(tmp_path.iterdir())
    for arguments, message in FAULTS.items():
        done = script(driver, *arguments.split())
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"plot_spikes.py: error: {message}")
        assert done.stderr.count("\n") == 1 and sorted(tmp_path.iterdir()) == before
