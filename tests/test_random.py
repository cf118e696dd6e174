"""Random networks: the same spikes, to the last bit, on any number of hosts with each solver.

`pytest tests/test_random.py --seed 100` tries other ones.
"""

import pytest
from conftest import SCRIPTS, ends_well


@pytest.fixture
def spikes(mpiexec, pytestconfig):
    """A function that returns the spikes of random networks on n hosts, by network and solver."""

    def spikes(n, seeds, tstop, *one_delay):
        first = int(pytestconfig.getoption("--seed"))
        seeds = first, first + seeds - 1
        done = mpiexec(n, SCRIPTS / "random_net.py", *seeds, tstop, *one_delay)
        ends_well(done)
        return dict(line.split(", ") for line in done.stdout.splitlines())

    return spikes


def test_twelve_networks_of_all_kinds(spikes):
    one, two, three = (spikes(n, 12, 60) for n in (1, 2, 3))
    assert one == two == three and len(one) >= 12 * 3
    for run, fired in one.items():
        assert not fired.startswith("0 ")
        if "coreneuron" in run:
            assert fired == one[run.replace("coreneuron", "fixed")]


def test_networks_of_one_delay(spikes):
    one, two, three = (spikes(n, 6, 300, "one_delay") for n in (1, 2, 3))
    assert one == two == three and len(one) == 6 * 2
