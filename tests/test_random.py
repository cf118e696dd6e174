"""Random networks: the same spikes, to the last bit, on any number of hosts with each solver.

`pytest tests/test_random.py --seed 100` tries other ones.
"""

import pytest
from conftest import SCRIPTS, ends_well


@pytest.fixture
def spikes(mpiexec, pytestconfig):
    """A function that returns the spikes of random networks on n hosts, by network and solver."""

    def spikes(n):
        seed = pytestconfig.getoption("--seed")
        done = mpiexec(n, SCRIPTS / "random_net.py", seed)
        ends_well(done)
        return dict(line.split(", ") for line in done.stdout.splitlines())

    return spikes


def test_twelve_networks_of_all_kinds_and_six_of_one_delay(spikes):
    one, two, three = (spikes(n) for n in (1, 2, 3))
    assert one == two == three and len(one) >= 12 * 3 + 6
    for run, fired in one.items():
        assert not fired.startswith("0 ")
        if "coreneuron" in run:
            assert fired == one[run.replace("coreneuron", "fixed")]
