"""A network of your own, made from ring.py: two kinds of cells, connected at random.

    cp tests/mynet.py .
    mpiexec -n 2 python mynet.py -N 1000

Cells with an even gid excite, those with an odd gid inhibit. Each has five sources of each kind.
"""

from math import cos, pi, sin
from random import Random

import parallel_ring
from ballandstick import BallAndStick, Cell, ExpSyn, Section
from ring import Ring


def inhibitory_synapse(cell):
    """Return a synapse on the soma that pulls it towards -80 mV."""
    syn = ExpSyn(cell.soma(0.5))
    syn.tau = 5  # ms
    syn.e = -80  # mV
    return syn


class Excitatory(BallAndStick):
    """The ball and stick with a second synapse."""

    def create_synapses(self):
        super().create_synapses()
        self.synlist.append(inhibitory_synapse(self))


class Inhibitory(Cell):
    """A ball without a stick: a soma that fires."""

    def create_sections(self):
        self.soma = Section(name="soma", cell=self)

    def build_topology(self):
        """There is nothing to join."""

    def define_geometry(self):
        self.soma.L = self.soma.diam = 12.6157  # µm
        self.place(self.soma, [(0, 0, 0, self.soma.diam), (self.soma.L, 0, 0, self.soma.diam)])

    def define_biophysics(self):
        self.soma.insert("hh")

    def create_synapses(self):
        syn = ExpSyn(self.soma(0.5))
        syn.tau = 2  # ms
        self.synlist += [syn, inhibitory_synapse(self)]


class Net(Ring):
    """The stages of Ring, with other cells and other connections."""

    def create_cells(self):
        """Put this host's cells on the circle, each of the kind that its gid says."""
        for gid in self.gidlist:  ### parallel
            angle = 2 * pi * gid / self._N
            kind = Inhibitory if gid % 2 else Excitatory
            cell = kind(self._radius * cos(angle), self._radius * sin(angle), 0, angle)
            self.cells.append(cell)
            self.pc.cell(gid, cell.connect2target(None))  ### parallel

    def connect_cells(self):
        """Connect to each cell of this host five cells of each kind, wherever they live."""
        for gid, cell in zip(self.gidlist, self.cells):
            random = Random(gid)  ### parallel: the same numbers whichever host owns the cell
            for syn, first in zip(cell.synlist, (0, 1)):
                kind = range(first, self._N, 2)  # the gids of the cells that excite, or inhibit
                for source in random.sample(kind, min(5, len(kind))):
                    nc = self.pc.gid_connect(source, syn)  ### parallel
                    nc.weight[0] = self.syn_w
                    nc.delay = self.syn_delay
                    self.nclist.append(nc)


if __name__ == "__main__":
    parallel_ring.main(Net)
