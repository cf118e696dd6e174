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
        """An artificial cell with a gid on the last host, whose connections stand in a
        list of their own."""
        if pc.id() == last:
            self.source = h.NetStim()
            self.source.number = 1
            self.source.start = 3
            pc.set_gid2node(100, pc.id())
            pc.cell(100, h.NetCon(self.source, None))
        self.inputs = [pc.gid_connect(100, synapse)]


net = Net(40)
simrun.prun()
gids = net.gather_spikes()[1]
if pc.id() == 0:
    print(sorted(gids.tolist()))
