"""The README's prompt session as a Jupyter notebook, its figures inline."""

import re

import pytest
from conftest import ENVIRONMENT, ROOT, TABLE

nbclient, nbformat = map(pytest.importorskip, ("nbclient", "nbformat"))
README = (ROOT / "README.md").read_text()
SESSION = next(
    text
    for text in re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)
    if text.startswith("import ring, simrun\n")
)  # a script starts with its name


@pytest.fixture
def execute(tmp_path, monkeypatch):
    """A function that runs code in a new notebook, a cell a paragraph; returns their outputs."""
    monkeypatch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.delenv("MPLBACKEND", raising=False)

    def execute(code):
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in code.split("\n\n")],
            metadata={"kernelspec": {"name": "python3", "display_name": "", "language": "python"}},
        )
        nbclient.NotebookClient(
            notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}
        ).execute()
        return [cell.outputs for cell in notebook.cells]

    return execute


def test_the_session(execute, tmp_path):
    *quiet, trace, spikes = execute(SESSION)
    assert quiet == [[] for _ in quiet] and len(quiet) > 1
    [figure] = trace
    assert len(figure.data["image/png"]) > 10_000
    assert spikes[0].data["text/plain"] == "array([12.625, 45.625, 78.625])"
    assert (tmp_path / "traces.png").is_file()


def test_a_second_ring_the_network_a_file_and_an_error(execute, tmp_path):
    outputs = execute(
        SESSION
        + """
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
""".lstrip("\n").replace("my_ring = ring", "\nmy_ring = ring", 1)
    )
    drawn, error, shell = outputs[-3:]
    assert "image/png" in drawn[0].data and len(drawn) == 1
    assert error[0].text.startswith("N = 0: must be a whole number from 1")
    assert "done" in shell[0].text
    assert (tmp_path / "out.spk").read_bytes() == TABLE
    assert not any("error" in output.output_type for cell in outputs for output in cell)
