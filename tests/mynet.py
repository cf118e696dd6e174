"""A network of your own, made from ring.py: two kinds of cells, connected at random.

    cp tests/mynet.py .
    mpiexec -n 2 python mynet.py -N 1000 --seed 7

Cells with an even gid excite, those with an odd gid inhibit. Each has five sources of
each kind.
"""

from math import dist
from random import Random

import parallel_ring
from ballandstick import BallAndStick, Cell, ExpSyn, Section
from ring import Ring, parameter


def synapse(sec, tau, e):
    """Return a synapse in the middle of a section: time constant (ms), reversal
    potential (mV)."""
    syn = ExpSyn(sec(0.5))
    syn.tau = tau
    syn.e = e
    return syn


class Excitatory(BallAndStick):
    """The ball and stick with a second synapse, which inhibits."""

    def create_synapses(self):
        self.synlist += [synapse(self.dend, 2, 0), synapse(self.soma, 5, -80)]


class Inhibitory(Cell):
    """A ball without a stick: a soma that fires."""

    def create_sections(self):
        self.soma = Section(name="soma", cell=self)

    def build_topology(self):
        """There is nothing to join."""

    def define_geometry(self):
        soma = self.soma
        soma.L = 12.6157  # µm
        soma.diam = 12.6157
        self.place(soma, [(0, 0, 0, soma.diam), (soma.L, 0, 0, soma.diam)])

    def define_biophysics(self):
        self.soma.insert("hh")

    def create_synapses(self):
        self.synlist += [synapse(self.soma, 2, 0), synapse(self.soma, 5, -80)]


class Net(Ring):
    """The stages of Ring, with other cells and other connections."""

    seed: int = parameter(1, "another one draws another network", 0)

    def create_cells(self):
        """Put this host's cells on the circle, each of the kind that its gid says."""
        for gid in self.gidlist:  ### parallel
            kind = Inhibitory if gid % 2 else Excitatory
            cell = kind(*self.position(gid))
            self.cells.append(cell)
            self.pc.cell(gid, cell.connect2target(None))  ### parallel

    def connect_cells(self):
        """Connect to each cell of this host five others of each kind, wherever they
        live."""
        for gid, cell in zip(self.gidlist, self.cells):
            # The same numbers whichever host owns the cell
            random = Random(f"{self.seed} {gid}")  ### parallel
            for syn, first in zip(cell.synlist, (0, 1)):
                kind = range(first, self.N, 2)  # the gids that excite, or inhibit
                sources = random.sample(kind, min(6, len(kind)))  # one may be itself
                for source in [source for source in sources if source != gid][:5]:
                    weight = self.syn_w * random.lognormvariate(0, 0.5)
                    here, there = self.position(gid)[:3], self.position(source)[:3]
                    delay = self.syn_delay + dist(here, there) / 100  # µm, 100 µm/ms
                    self.connect(source, syn, weight, delay)


if __name__ == "__main__":
    parallel_ring.main(Net)
