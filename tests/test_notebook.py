"""The README's prompt session as a Jupyter notebook, its figures inline."""

import pytest
from conftest import ENVIRONMENT, SESSION, TABLE, written

nbclient = pytest.importorskip("nbclient", reason="it needs nbclient")
nbformat = pytest.importorskip("nbformat", reason="it needs nbformat")
AFTERWARDS = """
my_ring = ring.Ring()
simrun.prun(100, coreneuron=True)
my_ring.write_spikes()

import plot_spikes
axes = plot_spikes.show_network(my_ring)
pyplot.show()

try:
    ring.Ring(N=0)
except ValueError as error:
    print(error)

!echo done
"""


def test_the_session_and_a_second_ring_the_network_a_file_and_an_error(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    new = nbformat.v4
    cells = [new.new_code_cell(code) for code in f"{SESSION}{AFTERWARDS}".split("\n\n")]
    kernel = {"name": "python3", "display_name": "", "language": "python"}
    notebook = new.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=60, resources=where).execute()
    *quiet, trace, spikes, ran, drawn, error, shell = [
        cell.outputs for cell in notebook.cells
    ]
    assert not any(quiet) and len(quiet) > 1 and ran == []
    [traces], [network] = trace, drawn
    assert all(len(figure.data["image/png"]) > 10_000 for figure in (traces, network))
    assert spikes[0].data["text/plain"] == "array([12.625, 45.625, 78.625])"
    assert error[0].text.startswith("N = 0: must be int, at least 1")
    assert "done" in shell[0].text and (tmp_path / "traces.png").is_file()
    assert written(tmp_path) == TABLE
