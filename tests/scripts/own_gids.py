"""A network of 40 cells with one mistake in its gids, or none; the gids that fired.

own_gids.py none|from_one|missing|twice|input
"""

import sys

import ring
import simrun
from simrun import h, pc

mistake = sys.argv[1]
last = pc.nhost() - 1


class Net(ring.Ring):
    def set_gids(self):
        super().set_gids()
        if mistake == "twice" and 3 not in self.gidlist:
            self.gidlist.append(3)
            pc.set_gid2node(3, pc.id())

    def connect_cells(self):
        for gid, cell in zip(self.gidlist, self.cells):
            source = gid + 1 if mistake == "from_one" else (gid - 1) % 40
            self.connect(source, cell.synlist[0], self.syn_w, self.syn_delay)

    def connect_stim(self):
        super().connect_stim()
        synapse = self.cells[0].synlist[0]
        if mistake == "missing" and pc.id() == last:
            self.connect(77, synapse, self.syn_w, self.syn_delay)
        if mistake == "input":
            self.connect_input(synapse)

    def connect_input(self, synapse):
        """Inputs that stand in lists of their own: an artificial cell with a gid on the
        last host, and a pattern."""
        if pc.id() == last:
            self.source = h.NetStim()
            self.source.number = 1
            self.source.start = 3
            self.silent = h.NetStim()
            for gid in (100, 101):
                pc.set_gid2node(gid, pc.id())
            pc.cell(100, h.NetCon(self.source, None))
            pc.cell(101, h.NetCon(self.silent, None), 0)  # heard on this host alone
        self.inputs = [pc.gid_connect(100, synapse)]
        self.pattern = h.PatternStim()  # whose gid nobody owns (nrn issue 417)
        self.played = h.Vector([70]), h.Vector([200])
        self.pattern.play(*self.played)
        if pc.gid_exists(20):
            nc = pc.gid_connect(200, pc.gid2cell(20).synlist[0])
            nc.weight[0] = self.stim_w
            self.inputs.append(nc)


net = Net(40)
simrun.prun()
gids = net.gather_spikes()[1]
if pc.id() == 0:
    print(sorted(gids.tolist()))
