"""A network of one's own: its mistakes are named, its parameters are options, its spikes right."""

from __future__ import annotations

from dataclasses import dataclass, field

import mynet
import numpy as np
import pytest
from conftest import SCRIPTS, ends_well
from pytest import approx

import simrun
from ballandstick import BallAndStick
from ring import Ring, parameter

MISTAKES = [
    ("from_one", 1, "0 hosts have a cell with gid 40"),
    ("from_one", 3, "0 hosts have a cell with gid 40"),
    ("missing", 3, "0 hosts have a cell with gid 77"),
    ("twice", 2, "2 hosts have a cell with gid 3: one has to"),
]


@pytest.mark.parametrize("mistake, n, words", MISTAKES)
def test_a_gid_that_has_not_one_cell_is_named(mpiexec, mistake, n, words):
    done = mpiexec(n, SCRIPTS / "own_gids.py", mistake)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"ValueError: {words}" in done.stderr


def test_an_input_cell_with_a_gid_may_keep_its_connections_elsewhere(mpiexec):
    said = []
    for n in (1, 2):
        done = mpiexec(n, SCRIPTS / "own_gids.py", "input")
        ends_well(done)
        said.append(done.stdout)
    assert said == 2 * said[:1] and said[0].endswith(", 100]\n")


class Typed(Ring):
    """Parameters in every way; this file's annotations are strings."""

    N = 3
    syn_w: float = 0.02
    interval: float = parameter(20, "mean time between two events, 100% noise", 0, "ms")
    gain: float = 1
    seed: int = 1
    noisy: bool = False
    name: str = "first"
    call: int = 1
    layers: int | None = 4
    count: np.int64 = np.int64(2)
    nothing: int | None = None
    inner: int = field(default=5, init=False)
    output = "never.spk"

    def connect_stim(self):
        super().connect_stim()
        self.nclist.append(self.ncstim)  # whose source has no gid
        self.told = self.interval, self.gain, self.seed, self.noisy, self.name


class Further(Typed):
    tau: float = parameter(2.5, "of the noise", 0, "ms")


def test_parameters_are_known_when_the_network_is_built():
    assert Further().told == (20, 1, 1, False, "first")
    net = Further(interval=5.5, name="x", N=4, tau=3)
    assert net.told == (5.5, 1, 1, False, "x")
    assert (net.N, net._N, len(net.cells), net.syn_w, net.tau) == (4, 4, 4, 0.02, 3)
    net.seed = 8
    net.set_numcells(2)
    assert net.told[2] == 8 and net.inner == 5 and len(net.cells) == 2


def test_parameters_are_options_with_their_kinds(driver):
    assert driver("--tstop", 1, network=Further).returncode == 0
    assert Ring.built.told == (20, 1, 1, False, "first") and len(Ring.built.cells) == 3
    options = "--interval 5 --seed 3 --noisy --name you --gain .5 -N 2 --count 7"
    options += " --layers 2 -o typed.spk"
    assert driver(*options.split(), network=Further).returncode == 0
    built = Ring.built
    assert built.told == (5, 0.5, 3, True, "you") and built.N == 2
    assert (built.count, built.layers, built.nothing) == (7, 2, None)


WRONG = [
    ("--seed 1.5", "--seed = '1.5': must be int, at least -inf"),
    ("--interval x", "--interval = 'x': must be float, at least 0 ms"),
    ("--gain=-inf", "--gain = '-inf': must be float, at least -inf"),
    ("-N 0", "-N = '0': must be int, at least 1"),
    ("--stim-spike-num -.5", "--stim-spike-num = '-.5': must be int, at least 0"),
    (f"--seed {2**53 + 1}", f"--seed = '{2**53 + 1}': must be int, at least -inf"),
    (
        "--inner 3",
        "unrecognized arguments (see --help; --syn-w, not --syn_w): --inner 3",
    ),
]


@pytest.mark.parametrize("words, error", WRONG)
def test_a_parameter_that_is_none_is_named(driver, words, error):
    done = driver(*words.split(), network=Further)
    assert (done.returncode, done.stderr) == (2, f"parallel_ring.py: error: {error}\n")


def test_help_says_meaning_unit_and_default(driver):
    said = " ".join(driver("--help", network=Further).stdout.split())
    noise = "mean time between two events, 100% noise; default 20 ms"
    assert f"--interval ms {noise}" in said
    assert "--syn-w µS weight of the connections; default 0.02 µS" in said
    assert "--noisy, --no-noisy" in said and "--nothing" not in said


@dataclass
class Decorated(Typed):
    """As a dataclass is written elsewhere, though Ring makes one of each subclass."""

    tau: float = parameter(2.5, "of the noise", 0, "ms")


def test_a_subclass_may_be_decorated_too(driver):
    assert driver("--tau", -1, network=Decorated).returncode == 2
    assert driver("-N", 0, network=Decorated).returncode == 2
    with pytest.raises(ValueError, match="tau = -1: must be float, at least 0 ms"):
        Decorated(tau=-1)


class Layered(Ring):
    """A class with an `__init__` of its own, which sets a parameter of Ring itself."""

    layers: int = 2

    def __init__(self, layers=2, **others):
        self.layers = layers
        super().__init__(N=3 * layers, **others)


def test_a_network_may_have_an_init_of_its_own(driver):
    assert driver("--layers", 4, "--tstop", 1, network=Layered).returncode == 0
    assert len(Ring.built.cells) == 12


class Short(Ring):
    tstop: float = 30
    dt: float = 0.05


def test_a_parameter_named_tstop_or_dt_gives_the_driver_its_default(driver):
    done = driver(network=Short)
    assert "simulated 30 ms, spikes 3" in done.stdout
    done = driver("--tstop", 20, network=Short)
    assert "simulated 20 ms, spikes 2" in done.stdout and Ring.built.tstop == 20


@pytest.mark.parametrize("name", ["output", "help", "coreneuron", "variable_step"])
def test_a_parameter_with_the_name_of_another_option_is_refused(driver, name):
    network = type("Net", (Ring,), {name: 1, "__annotations__": {name: int}})
    done = driver(network=network)
    option = name.replace("_", "-")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert f"--{option}: conflicting option string" in done.stderr


def test_where_a_cell_stands_and_what_its_connections_cost():
    net = mynet.Net(N=40, radius=300)
    for nc in net.nclist:
        cell = nc.postcell()
        x, y, _, _ = net.position(nc.srcgid())
        away = np.hypot(cell.x - x, cell.y - y)
        assert nc.delay == approx(net.syn_delay + away / 100)
    assert len({nc.weight[0] for nc in net.nclist}) == len(net.nclist)


class Shifted(Ring):
    def position(self, gid):
        return 10 * gid, 5, -1, 0.5


def test_a_network_whose_cells_stand_elsewhere():
    for gid, cell in enumerate(Shifted(N=3).cells):
        assert (cell.x, cell.y, cell.z, cell.theta) == (10 * gid, 5, -1, 0.5)


def test_traces_have_colours_and_units_and_may_be_drawn_over_others():
    cell = BallAndStick()
    traces = simrun.set_recording_vectors(cell)
    simrun.simulate(5)
    axes = simrun.show_output(*traces)
    assert axes.get_xlabel() == "time (ms)"
    assert axes.get_ylabel() == "membrane potential (mV)"
    assert axes.figure.get_size_inches().tolist() == [8, 4]
    simrun.simulate(60)
    assert simrun.show_output(*traces, new_fig=False) is axes
    assert axes.get_xlim()[0] == 0 and axes.get_xlim()[1] >= 60
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == 2 * ["soma(0.5)", "dend(0.5)"]
    assert [line.get_color() for line in axes.lines] == 2 * ["black", "red"]
    assert simrun.show_output(*traces) is not axes
