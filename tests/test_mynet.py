"""The worked example: a network of one's own, made from Ring, on any number of hosts."""

import mynet
import pytest
from conftest import ROOT, SCRIPTS

import plot_spikes
import simrun


def test_the_spikes_do_not_depend_on_the_hosts(mpiexec, tmp_path):
    files = []
    for n in (1, 2):
        done = mpiexec(n, SCRIPTS / "own_mynet.py", ROOT / "tests")
        assert done.returncode == 0, done.stderr
        files.append([(tmp_path / f"{number}.spk").read_bytes() for number in range(4)])
    assert files == 2 * files[:1]
    assert all(spikes.count(b"\n") > 20 for spikes in files[0])
    assert files[0][0] == files[0][2]


def test_who_connects_to_whom():
    net = mynet.Net(N=40)
    for gid, cell in zip(net.gidlist, net.cells):
        assert type(cell) is [mynet.Excitatory, mynet.Inhibitory][gid % 2]
        excite, inhibit = cell.synlist
        assert (excite.e, inhibit.e) == (0, -80)
        for syn, odd in (excite, 0), (inhibit, 1):
            sources = {nc.srcgid() for nc in net.nclist if nc.syn() == syn}
            assert len(sources) == 5 and gid not in sources
            assert all(source % 2 == odd for source in sources)
    assert len(net.nclist) == 400


@pytest.mark.parametrize("N", [1, 2, 5])
def test_where_there_are_fewer_cells_than_sources(N):
    net = mynet.Net(N=N)
    simrun.prun(50)
    assert len(net.t_vec) > 0 and len(net.nclist) == N * (N - 1)
    assert plot_spikes.show_network(net).texts[-1].get_text() == str(N - 1)
