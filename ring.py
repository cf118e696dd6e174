"""A ring of ball-and-stick cells, shared among the hosts of a parallel run. A serial ring would not
need the lines marked `### parallel`, or would write them otherwise."""

from inspect import getfullargspec
from math import cos, pi, sin

import numpy as np

import simrun
from ballandstick import BallAndStick
from simrun import check, check_owners, check_same, h, write_whole


def parameters(network):
    """Return the arguments of a class, with their defaults; with `**others` its base's too."""
    spec = getfullargspec(network.__init__)
    own = dict(zip(spec.args[-len(spec.defaults or ()) :], spec.defaults or ()))
    base = next((each for each in network.__mro__[1:] if "__init__" in vars(each)), None)
    return (parameters(base) if spec.varkw and base else {}) | own | (spec.kwonlydefaults or {})


class Ring:
    """N cells in a ring: cell n excites cell n + 1, the last excites cell 0.

    Every host builds its own Ring with the same arguments, and owns every nhost-th cell of it.
    NEURON holds one such network at a time: another removes it, but for its spikes. Arguments:
    N: cells in the ring
    stim_w: weight of the stimulus to cell 0 (µS)
    stim_spike_num: events of the stimulus, from 9 ms on, one every 10 ms
    syn_w: weight of the connections (µS)
    syn_delay: delay of the connections (ms), longer than the time step
    radius: radius of the ring (µm)

    Raises ValueError. Attributes: these, N also as `_N` (`set_numcells` applies a change); and what
    lives on this host: `gidlist`, `cells` in its order, `nclist`, `stim` and `ncstim` (or None),
    `t_vec`, `id_vec` (spikes: ms, gid). Source: NEURON's Parallel Net; README, end."""

    def __new__(cls, *args, **others):
        """Make the arguments attributes, before a subclass's `__init__` builds the network."""
        ring = super().__new__(cls)
        names = getfullargspec(cls.__init__).args[1:]  # without self
        vars(ring).update(parameters(cls) | dict(zip(names, args)) | others)
        return ring

    def __init__(self, N=5, stim_w=0.004, stim_spike_num=1, syn_w=0.01, syn_delay=5, radius=50):
        self.stim_w, self.stim_spike_num = stim_w, stim_spike_num
        self.syn_w, self.syn_delay = syn_w, syn_delay
        self.pc = h.ParallelContext()  ### parallel: knows this host's id and how many there are
        self.set_numcells(N, radius)

    def set_numcells(self, N, radius=50):
        """Build the ring, anew if it was built before, with N cells on a circle of `radius` µm."""
        self.check_numbers(N=N, radius=radius)
        if simrun.built:
            simrun.built.remove()
            h.finitialize()  # forget the events that were on their way to cells now gone
        simrun.built = self  # the network whose spikes a run records
        self.cells, self.nclist, self.stim, self.ncstim, self.all_gids = [], [], None, None, ()
        self.t_vec, self.id_vec = h.Vector(), h.Vector()  # no old spikes if building fails
        self.set_gids()
        self.create_cells()
        if bare := [gid for gid in self.gidlist if self.pc.gid_exists(gid) != 3]:  # with a cell
            raise ValueError(f"gid {bare[0]} of host {self.pc.id()} has no cell: pc.cell gives one")
        first = h.NetCon(None, None)  # the numbers of this and of the last tell if any are gone
        self.connect_cells()
        self.connect_stim()
        self.check_network(first)
        self.pc.set_maxstep(10)  ### parallel: without it h.run() would not exchange spikes

    def set_gids(self):
        """Deal the gids like cards: of 3 hosts, host 0 gets 0, 3, 6 …, host 1 gets 1, 4, 7 …"""
        self.gidlist = list(range(self.pc.id(), self._N, self.pc.nhost()))  ### parallel
        for gid in self.gidlist:  ### parallel
            self.pc.set_gid2node(gid, self.pc.id())  ### parallel: this gid is mine

    def position(self, gid):
        """Return where a cell stands, on whichever host: x, y, z (µm), and its angle (radians)."""
        angle = 2 * pi * gid / self._N
        return self._radius * cos(angle), self._radius * sin(angle), 0, angle

    def create_cells(self):
        """Put this host's cells on the circle, dendrites pointing outwards."""
        for gid in self.gidlist:  ### parallel: range(N) in a serial ring
            cell = BallAndStick(*self.position(gid))
            self.cells.append(cell)
            self.pc.cell(gid, cell.connect2target(None))  ### parallel: spikes carry this gid

    def connect_cells(self):
        """Connect to each cell of this host the one before it in the ring, wherever that lives."""
        for gid, cell in zip(self.gidlist, self.cells):
            source = (gid - 1) % self._N
            nc = self.pc.gid_connect(source, cell.synlist[0])  ### parallel: the source by its gid
            nc.weight[0], nc.delay = self.syn_w, self.syn_delay
            self.nclist.append(nc)

    def connect_stim(self):
        """Excite cell 0, on the host that owns it, to set the ring going."""
        if not self.pc.gid_exists(0):  ### parallel
            return
        self.stim = h.NetStim()
        self.stim.number, self.stim.start = self.stim_spike_num, 9  # ms
        self.ncstim = h.NetCon(self.stim, self.pc.gid2cell(0).synlist[0])  ### parallel
        self.ncstim.weight[0], self.ncstim.delay = self.stim_w, 1  # ms

    def record_spikes(self):
        """Before every run, record this host's spikes: NEURON gives them to who has asked last."""
        self.pc.spike_record(-1, h.Vector(), h.Vector())  # the same again would take it N² steps
        self.pc.spike_record(-1, self.t_vec, self.id_vec)  ### parallel: -1, all gids of this host

    def gather_spikes(self):
        """Return the spikes of all hosts on rank 0, as two arrays sorted by time, then gid: times
        (ms, float64) and gids (int64), shape (n,) each; elsewhere two empty ones. All call it."""
        check_same("gather_spikes")  ### parallel: or RuntimeError, so that no host waits forever
        mine = self.t_vec.as_numpy().copy(), self.id_vec.as_numpy().copy()
        everyone = self.pc.py_gather(mine, 0) or [((), ())]  ### parallel: None but on rank 0
        times, gids = (np.concatenate(parts) for parts in zip(*everyone))
        order = np.lexsort((gids, times))
        return times[order], gids[order].astype(np.int64)

    def write_spikes(self, file_name="out.spk"):
        """Write what `gather_spikes` gives to a file, whole or not at all: a line a spike, time
        (ms), tab, gid. Every host calls it; rank 0 writes, and raises OSError if it can't."""
        check_same("write_spikes")  ### parallel
        times, gids = self.gather_spikes()
        if self.pc.id() == 0:  ### parallel
            write_whole(file_name, (f"{t:.3f}\t{gid}\n" for t, gid in zip(times, gids)))

    # What follows looks for mistakes and clears up: keep it, whatever your network does

    def check_numbers(self, **numbers):
        """Set the arguments, if within their limits and the same on all hosts; else ValueError."""
        given = vars(self) | numbers
        numbers = {name: given[name] for name in parameters(type(self)) if np.isscalar(given[name])}
        numbers |= {name: check(name, given[name]) for name in parameters(Ring)}
        check_same(type(self).__name__, **numbers)
        vars(self).update(numbers, _N=numbers["N"], _radius=numbers["radius"])

    def check_network(self, first):
        """Raise ValueError for a gid without one owner, a NetCon that is gone or hears no cell."""
        check_same("check_network")
        gids = sum(self.pc.py_allgather(self.gidlist), [])
        self.all_gids, owners = np.unique(gids, return_counts=True)
        for gid, n in zip(self.all_gids[owners > 1], owners[owners > 1]):
            raise ValueError(f"gid {gid} has {n} owners: each must have one")
        new = check_owners(nc.srcgid() for nc in self.nclist)  # whose detectors may well be gone
        last, alive = h.NetCon(None, None), h.List("NetCon")
        gone = [h.object_id(nc, 1) - alive.index(nc) for nc in (first, last)]
        if (lost := int(gone[1] - gone[0])) > sum(self.pc.gid_exists(gid) == 3 for gid in new):
            raise ValueError(f"{lost} NetCons are gone: each lives while it is held, as by nclist")
        if len(self.all_gids) != self._N:
            raise ValueError(f"{self._N} cells, but the hosts own {len(self.all_gids)} gids")

    def remove(self):
        """Take the network out of NEURON, even the cells that someone holds; keep the spikes."""
        if simrun.built is not self:
            return
        mine = set(self.cells)
        for nc in h.List("NetCon"):
            if nc.srcgid() >= 0 or nc.postcell() in mine:  # if held, it would crash the next run
                nc.setpost(None)
        self.pc.gid_clear()
        self.gidlist, self.nclist, self.stim, self.ncstim = [], [], None, None
        for sec in {sec for cell in self.cells for sec in cell.all}.intersection(h.allsec()):
            h.delete_section(sec=sec)  # the user may have deleted others
        self.cells, simrun.built = [], None
