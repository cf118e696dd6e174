"""The benchmark measures what it says: the same network, built and run in both ways."""

import benchmark
import pytest
from conftest import ROOT, TABLE

import simrun


def test_the_baseline_gives_the_published_spikes(mpiexec, tmp_path):
    for n in (1, 3):
        done = mpiexec(n, ROOT / "tests" / "baseline.py", 5, 100)
        assert done.returncode == 0
        lines = (tmp_path / "out.spk").read_text().splitlines(keepends=True)
        assert "".join(sorted(lines)).encode() == TABLE


@pytest.mark.parametrize("who", ["baseline", "ours", "idle"])
def test_the_parts_of_a_run(who):
    solvers = [how for how, _ in benchmark.SOLVERS.values()]
    if who == "baseline":
        solvers = [{}]
    for solver in solvers:
        took = benchmark.parts(who, 50, solver)
        assert 0 < took["create_cells"] <= took["Ring"]
        assert 0 < took["psolve"] <= took["prun"]


def test_the_picture(monkeypatch, tmp_path, capsys):
    def short(tstop, dt=0.025, **how):
        run(14, max(dt, 0.025), **how)

    run = simrun.prun
    monkeypatch.setattr(simrun, "prun", short)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as it does too
    benchmark.figure(tmp_path / "picture.png")
    assert "rings of five 1e-05: error " in capsys.readouterr().out
    assert (tmp_path / "picture.png").stat().st_size > 10_000
