"""The benchmark measures what it says: the same network, built and run in both ways."""

import benchmark
import pytest
from conftest import ROOT, TABLE

import simrun


def test_the_baseline_gives_the_published_spikes(mpiexec, tmp_path):
    done = mpiexec(2, ROOT / "tests" / "baseline.py", 5, 100)
    assert done.returncode == 0
    lines = (tmp_path / "out.spk").read_text().splitlines(keepends=True)
    assert "".join(sorted(lines)).encode() == TABLE


@pytest.mark.parametrize(
    "who, solver", [("baseline", {}), ("ours", {"variable_step": 1e-2})]
)
def test_the_parts_of_a_run(who, solver):
    took = benchmark.parts(who, 50, solver)
    assert 0 < took["create_cells"] <= took["Ring"]
    assert 0 < took["psolve"] <= took["prun"]


def test_the_picture(monkeypatch, tmp_path, capsys):
    run = simrun.prun
    monkeypatch.setattr(simrun, "prun", lambda tstop, **how: run(14, **how))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as it does too
    benchmark.figure(tmp_path / "picture.png", 10)
    assert "rings of five 1e-05: error " in capsys.readouterr().out
    assert (tmp_path / "picture.png").stat().st_size > 10_000
