"""Twelve cells with synapses that learn, each with noise of its own; the same on CoreNEURON.

nrnivmodl -coreneuron tests/clients/plastic
PYTHONPATH=. mpiexec -n 2 python tests/clients/plastic/plastic.py --coreneuron
"""

import parallel_ring
from ballandstick import BallAndStick
from ring import Ring
from simrun import h


class Learning(BallAndStick):
    def create_synapses(self):
        self.synlist.append(h.STDP(self.dend(0.5)))


class Plastic(Ring):
    N = 12
    tstop: float = 300

    def create_cells(self):
        for gid in self.gidlist:
            cell = Learning(*self.position(gid))
            self.cells.append(cell)
            self.pc.cell(gid, cell.connect2target(None))

    def connect_cells(self):
        for gid, cell in zip(self.gidlist, self.cells):
            for step in 1, 2, 5:
                source = (gid - step) % self.N
                self.connect(source, cell.synlist[0], self.syn_w / 4, 2 + step / 3)

    def connect_stim(self):
        self.stim, self.ncstim = [], []
        for gid, cell in zip(self.gidlist, self.cells):
            noise = h.NetStim()
            noise.interval, noise.number, noise.noise = 20, 1e9, 1
            noise.noiseFromRandom123(gid, 1, 0)
            nc = h.NetCon(noise, cell.synlist[0])
            nc.weight[0] = self.stim_w
            self.stim.append(noise)
            self.ncstim.append(nc)


parallel_ring.main(Plastic)
