"""A network of one's own: its mistakes are named, its parameters are options, its pictures fit."""

import mynet
import pytest
from conftest import ROOT
from matplotlib import pyplot

import plot_spikes
import ring
import simrun
from ballandstick import BallAndStick

HEAD = """
import ring, simrun
from simrun import h
from ballandstick import BallAndStick
pc, cell = h.ParallelContext(), BallAndStick()
me, last = pc.id(), pc.nhost() - 1
"""
FORTY = """
class Net(ring.Ring):
    def connect_cells(self):
        for gid, cell in zip(self.gidlist, self.cells):
            nc = self.pc.gid_connect({source}, cell.synlist[0])
            nc.weight[0], nc.delay = self.syn_w, self.syn_delay
            {keep}
net = Net(40)
{more}
simrun.prun()
gids = net.gather_spikes()[1]
me or print(sorted(gids.tolist()))
"""
NO_RING = """
pc.set_gid2node(10 + me, me)
pc.cell(10 + me, cell.connect2target(None))
nc = pc.gid_connect(11 + me, cell.synlist[0])
simrun.prun()
"""


def forty(source="(gid - 1) % 40", keep="self.nclist.append(nc)", more=""):
    """A script with a network of 40 cells of which something is done otherwise."""
    return HEAD + FORTY.format(source=source, keep=keep, more=more)


MISTAKES = {
    "sources from 1 on": (forty(source="gid + 1"), "gid 40, used by host {}, has a cell on 0"),
    "after the ring": (
        forty(more="nc = pc.gid_connect(77, cell.synlist[0]) if me == last else None"),
        "gid 77, used by host {}, has a cell on 0 hosts",
    ),
    "no Ring": (HEAD + NO_RING, "gid 1{gid}, used by host {}, has a cell on 0 hosts"),
    "nclist left out": (forty(keep="pass"), "{lost} NetCons are gone: each lives while it is held"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_would_be_silent_in_neuron_is_named(mpiexec, mistake):
    script, words = MISTAKES[mistake]
    for n in (1, 3):
        done = mpiexec(n, "-c", script)
        assert done.returncode == 1 and done.stdout == ""
        words_here = words.format(0 if n == 1 or "40" in words else 2, gid=n, lost=40 // n)
        assert f"ValueError: {words_here}" in done.stderr


def test_idioms_of_neuron_are_no_mistakes(mpiexec):
    more = """
plain = h.NetCon(h.NetStim(), cell.synlist[0])  # a source without a gid
bare = h.NetCon(None, cell.synlist[0])  # none at all
other = h.Section()
watch = h.NetCon(other(0.5)._ref_v, None, sec=other)
def connect():
    nc = pc.gid_connect(100, cell.synlist[0])
    nc.weight[0], nc.delay = 0.01, 1
    return nc
late = connect()"""
    stim = """
    def connect_stim(self):
        super().connect_stim()
        self.noise = h.NetStim()
        self.nclist.append(h.NetCon(self.noise, cell.synlist[0]))
        if me < last:
            self.nclist.append(pc.gid_connect(100, cell.synlist[0]))  # its owner comes later
        if me == last:
            self.art = h.NetStim()
            self.art.number, self.art.start = 1, 3
            pc.set_gid2node(100, me)
            pc.cell(100, h.NetCon(self.art, None))  # an artificial cell, its detector not kept
            self.nclist.append(pc.gid_connect(100, cell.synlist[0]))
net ="""
    script = forty(keep="self.mine = [*vars(self).get('mine', []), nc]", more=more)
    script = script.replace("\nnet =", stim, 1)
    one, *others = (mpiexec(n, "-c", script) for n in (1, 2, 3))
    for done in one, *others:
        assert (done.returncode, done.stderr) == (0, "") and done.stdout == one.stdout
    assert one.stdout.endswith(", 100]\n")


class First(ring.Ring):
    """A ring with parameters of its own.

    interval: mean time between two events of the noise (ms)
    syn_w: 100% of the weight here (µS)
    """

    def __init__(self, interval=20.0, seed=1, noisy=False, name="first", **others):
        super().__init__(**others)
        self.interval, self.seed, self.noisy, self.name = interval, seed, noisy, name

    def connect_stim(self):
        super().connect_stim()
        self.told = self.interval, self.seed, self.noisy, self.name


class Last(First):
    """A further one, whose `super().__init__` stands last."""

    def __init__(self, gain=2.0, *, loud=True, **others):
        self.gain, self.loud = gain, loud
        super().__init__(**others)

    def connect_stim(self):
        super().connect_stim()
        self.told += self.gain, self.loud


class Mixed(type("Mix", (), {}), First):
    """Its number of cells is not an option but follows from others."""

    def __init__(self, layers=2, **others):
        super().__init__(N=3 * layers, **others)


def test_a_network_may_set_a_parameter_of_ring_itself_and_mix_classes(driver):
    assert driver("--layers", 4, "--seed", 7, "--tstop", 1, network=Mixed).returncode == 0
    assert simrun.built.told == (20.0, 7, False, "first") and len(simrun.built.cells) == 12


def test_a_parameter_is_known_when_the_network_is_built_wherever_super_stands():
    assert First(5.5, N=3, name="x").told == (5.5, 1, False, "x")
    last = Last(3.0, seed=7, syn_w=0.02)
    assert last.told == (20.0, 7, False, "first", 3.0, True) and last.syn_w == 0.02
    last.seed = 8
    last.set_numcells(4)
    assert last.told[1] == 8 and last._N == last.N == 4
    own = {"interval": 20.0, "seed": 1, "noisy": False, "name": "first", "gain": 2.0, "loud": True}
    assert ring.parameters(Last) == ring.parameters(ring.Ring) | own


def test_a_parameter_is_an_option_with_its_default_and_type(driver):
    assert driver("--tstop", 1, network=Last).returncode == 0
    assert simrun.built.told == (20.0, 1, False, "first", 2.0, True)
    options = "--interval 5 --seed 3 --noisy --name you --gain 1 --no-loud -N 3 --syn-w 0.02"
    assert driver(*options.split(), network=Last).returncode == 0
    assert simrun.built.told == (5.0, 3, True, "you", 1.0, False)
    assert simrun.built._N == 3 and simrun.built.syn_w == 0.02
    for wrong, words in {
        "--seed 1.5": "argument --seed: invalid int value: '1.5'",
        "--interval x": "argument --interval: invalid float value: 'x'",
        "-N 0": "N = '0': must be a whole number from 1",
    }.items():
        done = driver(*wrong.split(), network=Last)
        assert done.returncode == 2 and f"error: {words}" in done.stderr
    said = " ".join(driver("--help", network=Last).stdout.split())
    assert "mean time between two events of the noise (ms); default 20.0" in said
    assert "100% of the weight here (µS); default 0.01" in said


def test_parameters_are_compared_between_hosts(mpiexec):
    script = f"import sys\nsys.path.insert(0, {str(ROOT / 'tests')!r})\nimport test_own\n"
    script += "from simrun import h\nme = h.ParallelContext().id()\ntest_own.Last({})"
    script = script.format("gain=lambda: 2") + "\n" + script.format("seed=me or None")
    done = mpiexec(2, "-c", script)
    assert done.returncode == 1  # of the second: only numbers and text can be compared
    assert "seed = 1, but None on another host" in done.stderr


def test_another_seed_is_another_network_and_the_same_seed_the_same(driver, tmp_path):
    files = {}
    for seed in "1", "2", "2":
        done = driver("-N", 60, "--seed", seed, network=mynet.Net)
        assert (done.returncode, done.stderr) == (0, "")
        said = (tmp_path / "out.spk").read_bytes()
        assert files.setdefault(seed, said) == said
    assert files["1"] != files["2"]


def test_where_a_cell_stands_and_what_its_connections_cost():
    net = mynet.Net(N=40, radius=300)
    delays, weights = set(), set()
    for nc in net.nclist:
        cell = nc.postcell()
        x, y, z, theta = net.position(nc.srcgid())
        away = ((cell.x - x) ** 2 + (cell.y - y) ** 2) ** 0.5
        assert nc.delay == pytest.approx(net.syn_delay + away / 100)
        delays.add(nc.delay)
        weights.add(nc.weight[0])
    assert len(delays) > 20 and len(weights) == len(net.nclist)
    for gid, cell in zip(net.gidlist, net.cells):
        assert (cell.x, cell.y, cell.z, cell.theta) == net.position(gid)


class Shifted(ring.Ring):
    def position(self, gid):
        return 10 * gid, 5, -1, 0.5


def test_a_network_whose_cells_stand_elsewhere():
    places = [(cell.x, cell.y, cell.z, cell.theta) for cell in Shifted(N=3).cells]
    assert places == [(0, 5, -1, 0.5), (10, 5, -1, 0.5), (20, 5, -1, 0.5)]


def test_a_cell_without_a_dendrite_is_recorded_and_drawn():
    net = mynet.Net(N=2)
    soma, dend, t = simrun.set_recording_vectors(net.cells[1])
    simrun.simulate(10)
    assert len(soma) == len(t) == 401 and len(dend) == 0
    axes = simrun.show_output(soma, dend, t, label="a ball")
    assert [line.get_label() for line in axes.lines] == ["a ball soma(0.5)"]


def test_each_further_trace_has_a_style_of_its_own_and_starts_a_figure_if_there_is_none():
    cell = BallAndStick()
    traces = simrun.set_recording_vectors(cell)
    simrun.simulate(5)
    for label in ("one", "two", "three", ""):
        axes = simrun.show_output(*traces, new_fig=False, label=label)
    assert tuple(axes.figure.get_size_inches()) == (8, 4) and len(pyplot.get_fignums()) == 1
    assert [line.get_linestyle() for line in axes.lines[::2]] == ["-", "--", ":", "-."]
    assert [line.get_color() for line in axes.lines] == 4 * ["black", "red"]
    said = [line.get_label() for line in axes.lines] + [axes.get_xlabel(), axes.get_ylabel()]
    assert said[:3] == ["one soma(0.5)", "one dend(0.5)", "two soma(0.5)"]
    assert said[6:] == ["soma(0.5)", "dend(0.5)", "time (ms)", "membrane potential (mV)"]
    assert simrun.show_output(*traces) is not axes


def test_the_raster_ends_where_the_run_ends_and_coinciding_ticks_are_seen(python, tmp_path):
    axes = plot_spikes.plot_spikes([12, 45], [0, 1], tstop=100)
    assert axes.get_xlim() == (0, 100)
    plot_spikes.plot_spikes([12, 45], [0, 1], axes, "red")
    below, above = axes.lines
    assert below.get_linewidth() > 1.5 * above.get_linewidth() and axes.get_xlim()[0] == 0
    (tmp_path / "out.spk").write_text("12.625\t0\n")
    done = python(ROOT / "plot_spikes.py", "--tstop", "50", "-o", "r.png")
    assert (done.returncode, done.stderr) == (0, "") and (tmp_path / "r.png").exists()
