"""A ring of ball-and-stick cells, shared among the hosts of a parallel run. A serial
ring would not need the lines marked `### parallel`, or would write them otherwise."""

import os
import sys
from collections import defaultdict
from dataclasses import dataclass, field, fields
from math import cos, inf, pi, sin
from numbers import Real
from operator import index
from pathlib import Path
from shutil import copymode

from ballandstick import BallAndStick, points_of
from simrun import check, h, pc, together

# isort: split
import numpy as np  # after simrun, which has it take one thread on each of many hosts


def parameter(default, meaning, least=-inf, unit=""):
    """Return a field of a network: its default, what it means, the least that it may
    be, and its unit."""
    return field(
        default=default, metadata={"meaning": meaning, "least": least, "unit": unit}
    )


@dataclass(eq=False)  # a ring is equal to itself alone
class Ring:
    """N cells in a ring: cell n excites cell n + 1, the last excites cell 0.

    Every host builds its own Ring with the same parameters, and owns every nhost-th
    cell of it. NEURON holds one such network at a time: another removes it, but for its
    spikes. A subclass adds parameters of its own as further fields.

    Attributes: the parameters, N also as `_N`; and what lives on this host: `gidlist`,
    `cells` in its order, `nclist`, `stim` and `ncstim` (or None), `t_vec` and `id_vec`
    (spikes: ms, gid). Raises ValueError. Source: NEURON's Parallel Net; README, end.
    """

    N: int = parameter(5, "cells in the network", 1)
    stim_w: float = parameter(0.004, "weight of the stimulus to cell 0", 0, "µS")
    stim_spike_num: int = parameter(1, "events of the stimulus, every 10 ms", 0)
    syn_w: float = parameter(0.01, "weight of the connections", 0, "µS")
    syn_delay: float = parameter(5, "delay of the connections", 0, "ms")
    radius: float = parameter(50, "radius of the ring; it changes no spike", 0, "µm")

    pc = pc  ### parallel: NEURON's ParallelContext, which knows the hosts
    # The network that NEURON holds; of an earlier Ring, if this module is reloaded
    built = getattr(globals().get("Ring"), "built", None)

    def __init_subclass__(cls):
        """Make parameters of what a subclass annotates, as in `gain: float = 1`. A new
        default for a parameter, as in `N = 100`, keeps its meaning and its limits."""
        for old in cls.parameters:  # its base's
            new = vars(cls).get(old.name)
            if isinstance(new, (Real, str)):
                setattr(cls, old.name, field(default=new, metadata=old.metadata))
                # dataclass takes no notice of what is not annotated
                cls.__annotations__.setdefault(old.name, old.type)
        dataclass(cls, eq=False)
        cls.parameters = fields(cls)

    def __post_init__(self):
        self.set_numcells(self.N)

    def set_numcells(self, N, radius=None):
        """Build the network, anew if there is one, with N cells on a circle of `radius`
        µm (None: as it was). Any other parameter that was changed applies from now."""
        if radius is None:
            radius = self.radius
        self.check_parameters(N=N, radius=radius)
        self._N = self.N  # its name on NEURON's page
        if Ring.built:
            Ring.built.remove()
            h.finitialize()  # forget the events that were on their way to its cells
        Ring.built = self
        self.forget()
        self.t_vec, self.id_vec = h.Vector(), h.Vector()  # who has the old, keeps them
        self.set_gids()
        self.create_cells()
        self.check_gids()  # or a connection from a gid without a cell could crash
        self.connect_cells()
        self.connect_stim()
        self.check_gids()  # now those that the cells listen to, too
        pc.set_maxstep(10)  ### parallel: or h.run() would not exchange spikes
        self.recorder = h.FInitializeHandler(3, self.record_spikes)  # before each run

    def set_gids(self):
        """Deal the gids like cards: of 3 hosts, host 0 gets 0, 3, 6 …, host 1 gets 1,
        4, 7 …"""
        self.gidlist = list(range(pc.id(), self.N, pc.nhost()))  ### parallel
        for gid in self.gidlist:  ### parallel
            pc.set_gid2node(gid, pc.id())  ### parallel: this gid is mine

    def position(self, gid):
        """Return where a cell stands, whichever host it is on: x, y, z (µm), and the
        angle by which it is turned (radians)."""
        angle = 2 * pi * gid / self.N
        return self.radius * cos(angle), self.radius * sin(angle), 0, angle

    def create_cells(self):
        """Put this host's cells on the circle, dendrites pointing outwards."""
        for gid in self.gidlist:  ### parallel: range(N) in a serial ring
            cell = BallAndStick(*self.position(gid))
            self.cells.append(cell)
            detector = cell.connect2target(None)
            pc.cell(gid, detector)  ### parallel: its spikes carry this gid

    def connect_cells(self):
        """Connect to each cell of this host the one before it in the ring, wherever
        that lives."""
        for gid, cell in zip(self.gidlist, self.cells):
            source = (gid - 1) % self.N
            self.connect(source, cell.synlist[0], self.syn_w, self.syn_delay)

    def connect(self, source, synapse, weight, delay):
        """Connect the cell whose gid is `source` to a synapse of this host: weight
        (µS), delay (ms). Keep the NetCon in `nclist`: it lives only while it is held.
        """
        nc = pc.gid_connect(source, synapse)  ### parallel: the source by its gid
        nc.weight[0] = weight
        nc.delay = delay
        self.nclist.append(nc)

    def connect_stim(self):
        """Excite cell 0, on the host that owns it, to set the ring going."""
        if pc.gid_exists(0):  ### parallel
            self.stim = h.NetStim()
            self.stim.number = self.stim_spike_num
            self.stim.start = 9  # ms
            cell = pc.gid2cell(0)  ### parallel: cells[0] in a serial ring
            self.ncstim = h.NetCon(self.stim, cell.synlist[0])
            self.ncstim.weight[0] = self.stim_w
            self.ncstim.delay = 1  # ms

    def record_spikes(self):
        """Record the spikes of this host. Anew before each run, as NEURON gives them
        only to who has asked last, and a script may have asked."""
        # First into others: into the same vectors again takes a large network seconds
        pc.spike_record(-1, h.Vector(), h.Vector())
        pc.spike_record(-1, self.t_vec, self.id_vec)  ### parallel: -1, all its gids

    def gather_spikes(self):
        """Return the spikes of all hosts on host 0, as two arrays sorted by time, then
        gid: times (ms, float64) and gids (int64), shape (n,) each; elsewhere two empty
        ones. Every host calls it. Raises RuntimeError if one does not."""
        together("gather_spikes")  ### parallel: or they would wait for each other
        mine = np.array([self.t_vec, self.id_vec])
        everyone = pc.py_gather(mine, 0)  ### parallel: all spikes to host 0
        times, gids = np.hstack(everyone or [[[], []]])  ### parallel: elsewhere none
        order = np.lexsort((gids, times))
        return times[order], gids[order].astype(int)

    def write_spikes(self, file_name="out.spk"):
        """Write what `gather_spikes` gives to a file, whole or not at all: a line a
        spike, time (ms), tab, gid. Every host calls it; host 0 writes, and raises
        OSError if it can't."""
        spikes = zip(*self.gather_spikes())
        if pc.id() == 0:  ### parallel
            write(file_name, "".join(f"{time:.3f}\t{gid}\n" for time, gid in spikes))

    def gather_shapes(self):
        """Return on host 0 what there is to draw, elsewhere an empty list: of each
        cell, sorted by gid, its gid, its host, the 3-D points of each section (x, y, z,
        diam in µm), and the gids that it listens to. Every host calls it."""
        together("gather_shapes")  ### parallel
        sources = defaultdict(list)
        for nc in self.nclist:
            sources[nc.postcell()].append(nc.srcgid())
        mine = []
        for gid, cell in zip(self.gidlist, self.cells):
            sections = list(map(points_of, cell.all))
            mine.append((gid, pc.id(), sections, sources[cell]))
        everyone = pc.py_gather(mine, 0)  ### parallel
        return sorted(sum(everyone or [], []))

    # What follows looks for mistakes and clears up: keep it, whatever your network does

    def check_parameters(self, **new):
        """Set the parameters, some of them to new values. Raises ValueError, with none
        changed, unless each is what it must be, and the same on all hosts."""
        for about in self.parameters:
            value = new.get(about.name, getattr(self, about.name))
            new[about.name] = check_parameter(about.name, about, value)
        together(type(self).__name__, **new)
        vars(self).update(new)

    def check_gids(self):
        """Raise ValueError unless each gid of the network, and each that its cells
        listen to, has one cell: NEURON would lose or double spikes in silence."""
        together("check_gids")  ### parallel
        mine = set(map(index, self.gidlist))  # index refuses what is not whole
        heard = {nc.srcgid() for nc in self.nclist} - {-1}  # a source without a gid
        gids = sorted(set().union(*pc.py_allgather(mine | heard)))
        # 2 and more: this host owns the gid, and it has a cell
        owners = h.Vector([pc.gid_exists(gid) >= 2 for gid in gids])
        pc.allreduce(owners, 1)  # 1: the sum over all hosts
        for gid, number in zip(gids, owners):
            if number != 1:
                raise ValueError(
                    f"{number:g} hosts have a cell with gid {gid}: one has to"
                )

    def remove(self):
        """Take the network out of NEURON, whoever holds its cells; its spikes stay."""
        if Ring.built is not self:
            return
        cells = set(self.cells)
        for nc in h.List("NetCon"):
            if nc.srcgid() >= 0 or nc.postcell() in cells:
                nc.setpost(None)  # if someone holds it, it would crash the next run
        pc.gid_clear()
        for sec in list(h.allsec()):
            if sec.cell() in cells:
                h.delete_section(sec=sec)
        self.forget()
        Ring.built = None

    def forget(self):
        """Let go of everything that lives on this host."""
        self.gidlist, self.cells, self.nclist = [], [], []
        self.stim = self.ncstim = self.recorder = None


# Noted here, as a @dataclass on a subclass would make its fields anew, without limits
Ring.parameters = fields(Ring)


def check_parameter(name, about, value):
    """Return `value` for a field of a network. Where the default is a number, it must
    be one of that kind. Raises ValueError, which says `name`."""
    kind = type(about.default)
    if not issubclass(kind, Real):
        return value
    if "float" in str(about.type):  # as in gain: float = 1
        kind = float
    get = about.metadata.get
    return check(name, value, get("least", -inf), get("unit", ""), kind)


def check_output(file_name):
    """Raise ValueError if a file can't be written, and leave it as it is."""
    path = Path(file_name)
    aside = Path(f"{path.resolve()}.{os.getpid()}")
    try:
        if path.is_file() or path.is_dir():  # to open a folder raises
            path.open("a").close()
        if path.is_file() or not path.exists():
            aside.touch()  # as write_whole does
            aside.unlink()
    except OSError as error:
        raise ValueError(f"--output = {file_name!r}: {error.strerror}") from None


def write(file_name, text):
    """Write a text to a file, or to what is there and is no plain file, such as a pipe.
    Raises OSError."""
    path = Path(file_name)
    if file_name == "/dev/stdout":  # which a shell may have made a plain file
        sys.stdout.write(text)
    elif path.exists() and not path.is_file():
        path.write_text(text)
    else:
        write_whole(path.resolve(), text)  # a link stays a link


def write_whole(path, text):
    """Write a text to a file, whole or not at all: to another beside it, which then
    takes its place and its mode."""
    aside = Path(f"{path}.{os.getpid()}")
    try:
        aside.write_text(text)
        if path.exists():
            copymode(path, aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)  # as a full disk leaves it
