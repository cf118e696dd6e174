"""Twelve random networks, each run with every solver, and six of one delay, with the variable
step of 1e-2, for longer; host 0 prints the spikes of each run.

random_net.py FIRST_SEED
"""

import random
import sys

from ballandstick import BallAndStick
from ring import Ring, parameter
from simrun import h, pc, prun

SOLVERS = {
    "fixed": {},
    "coreneuron": {"coreneuron": True},
    "variable 1e-2": {"variable_step": 1e-2},
    "variable 1e-3": {"variable_step": 1e-3},
}
DENDRITE, SECOND, INPUT = 1000, 2000, 3000  # added to a cell's gid: gids of its others


class TwoSomas(BallAndStick):
    """A cell with a second soma, at the end of its dendrite, which fires too."""

    def create_sections(self):
        super().create_sections()
        self.second = h.Section(name="second", cell=self)

    def build_topology(self):
        super().build_topology()
        self.second.connect(self.dend(1))

    def define_geometry(self):
        super().define_geometry()
        self.second.L = self.second.diam = 10

    def define_biophysics(self):
        super().define_biophysics()
        self.second.insert("hh")


class Random(Ring):
    """Cells of two kinds, detectors and artificial cells, dealt and joined by chance."""

    seed: int = parameter(1, "of all that is drawn")
    one_delay: bool = False

    def set_gids(self):
        draw = random.Random(self.seed)
        nhost = max(1, int(pc.nhost()) - self.seed % 2)  # one host may have no cell
        owners = [draw.randrange(nhost) for _ in range(self.N)]
        self.gidlist = [gid for gid, owner in enumerate(owners) if owner == pc.id()]

    def detect(self, gid, detector):
        pc.set_gid2node(gid, pc.id())
        pc.cell(gid, detector)

    def create_cells(self):
        self.inputs, self.sources = [], list(range(self.N))
        for gid in range(self.N):
            self.sources += [gid + DENDRITE, gid + INPUT]
            self.sources += [gid + SECOND] if gid % 3 == 0 else []
        for gid in self.gidlist:
            cell = [TwoSomas, BallAndStick, BallAndStick][gid % 3](*self.position(gid))
            self.cells.append(cell)
            self.detect(gid, cell.connect2target(None))
            middle = h.NetCon(cell.dend(0.5)._ref_v, None, sec=cell.dend)
            middle.threshold = -30
            self.detect(gid + DENDRITE, middle)
            if gid % 3 == 0:
                second = h.NetCon(cell.second(0.5)._ref_v, None, sec=cell.second)
                self.detect(gid + SECOND, second)
            stim = h.NetStim()
            stim.number, stim.start, stim.noise = 1e9, 1, 1
            stim.interval = 8 if self.one_delay else 25
            stim.noiseFromRandom123(gid, self.seed, 0)
            self.detect(gid + INPUT, h.NetCon(stim, None))
            self.inputs.append(stim)

    def connect_cells(self):
        for gid, cell in zip(self.gidlist, self.cells):
            draw = random.Random(f"{self.seed} {gid}")
            synapse = cell.synlist[0]
            self.connect(gid + INPUT, synapse, 0.01, 5)
            # Not twice the same, whose events would come at once: the README's limits
            others = [source for source in self.sources if source != gid + INPUT]
            if self.one_delay:  # shared by several targets of a source that fires fast
                others = range(self.N)
            for source in draw.sample(others, 6):
                delay = 10 if self.one_delay else draw.uniform(1, 9)
                self.connect(source, synapse, draw.uniform(0, 0.002), delay)

    def connect_stim(self):
        self.idle = h.NetStim()  # of nobody: it must not be heard
        self.idle.number, self.idle.start = 5, 2


def show(seed, name, tstop, **parameters):
    """Run a network with the solver of this name; print its spikes, to the last bit."""
    net = Random(N=6 + seed % 7, seed=seed, **parameters)
    prun(tstop, **SOLVERS[name])
    times, gids = net.gather_spikes()
    if pc.id() == 0:
        spikes = " ".join(f"{t.hex()}:{gid}" for t, gid in zip(times, gids))
        print(f"{seed} {name} {tstop}, {len(times)} spikes: {spikes}")


if h.nrnversion(5).startswith("8"):
    del SOLVERS["coreneuron"]  # it bears one detector a cell: the README's limits
first = int(sys.argv[1])
for seed in range(first, first + 12):
    for name in SOLVERS:
        show(seed, name, 50, one_delay=seed % 3 == 0)
for seed in range(first, first + 6):
    show(seed, "variable 1e-2", 300, one_delay=True)
