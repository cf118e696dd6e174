"""The ring as a first reading of the tutorial page spells it: what the benchmark compares with.

    mpiexec -n 2 python tests/baseline.py N TSTOP

Cell by cell, name by name, with the plotting library imported up front, the fixed step, and
nothing done about speed. Only the start of MPI is not the page's: it would find no other host.
"""

import ctypes
import sys
from math import cos, pi, sin

from mpi4py import MPI

ctypes.CDLL(MPI.__file__, ctypes.RTLD_GLOBAL)
from matplotlib import pyplot  # noqa: E402, F401
from neuron import h  # noqa: E402

h.load_file("stdrun.hoc")
pc = h.ParallelContext()


class BallAndStick:
    def __init__(self):
        self.x = self.y = self.z = 0
        self.synlist = []
        self.create_sections()
        self.build_topology()
        self.build_subsets()
        self.define_geometry()
        self.define_biophysics()
        self.create_synapses()

    def create_sections(self):
        self.soma = h.Section(name="soma", cell=self)
        self.dend = h.Section(name="dend", cell=self)

    def build_topology(self):
        self.dend.connect(self.soma(1))

    def build_subsets(self):
        self.all = h.SectionList()
        for sec in self.soma.wholetree():
            self.all.append(sec=sec)

    def define_geometry(self):
        self.soma.L = self.soma.diam = 12.6157
        self.dend.L = 200
        self.dend.diam = 1
        self.dend.nseg = 5
        self.shape_3D()

    def shape_3D(self):
        length = self.soma.L
        h.pt3dclear(sec=self.soma)
        h.pt3dadd(0, 0, 0, self.soma.diam, sec=self.soma)
        h.pt3dadd(length, 0, 0, self.soma.diam, sec=self.soma)
        dend_length = self.dend.L
        h.pt3dclear(sec=self.dend)
        h.pt3dadd(length, 0, 0, self.dend.diam, sec=self.dend)
        h.pt3dadd(length + dend_length, 0, 0, self.dend.diam, sec=self.dend)

    def define_biophysics(self):
        for sec in self.all:
            sec.Ra = 100
            sec.cm = 1
        self.soma.insert("hh")
        for seg in self.soma:
            seg.hh.gnabar = 0.12
            seg.hh.gkbar = 0.036
            seg.hh.gl = 0.0003
            seg.hh.el = -54.3
        self.dend.insert("pas")
        for seg in self.dend:
            seg.pas.g = 0.001
            seg.pas.e = -65

    def create_synapses(self):
        syn = h.ExpSyn(self.dend(0.5))
        syn.tau = 2
        syn.e = 0
        self.synlist.append(syn)

    def set_position(self, x, y, z):
        for sec in self.all:
            for i in range(int(h.n3d(sec=sec))):
                h.pt3dchange(
                    i,
                    x - self.x + h.x3d(i, sec=sec),
                    y - self.y + h.y3d(i, sec=sec),
                    z - self.z + h.z3d(i, sec=sec),
                    h.diam3d(i, sec=sec),
                    sec=sec,
                )
        self.x, self.y, self.z = x, y, z

    def rotateZ(self, theta):
        for sec in self.all:
            for i in range(int(h.n3d(sec=sec))):
                x, y = h.x3d(i, sec=sec), h.y3d(i, sec=sec)
                h.pt3dchange(
                    i,
                    x * cos(theta) - y * sin(theta),
                    x * sin(theta) + y * cos(theta),
                    h.z3d(i, sec=sec),
                    h.diam3d(i, sec=sec),
                    sec=sec,
                )


class Ring:
    def __init__(self, N):
        self.N = N
        self.set_gids()
        self.create_cells()
        self.connect_cells()
        self.connect_stim()
        self.t_vec = h.Vector()
        self.id_vec = h.Vector()
        for gid in self.gidlist:
            pc.spike_record(gid, self.t_vec, self.id_vec)

    def set_gids(self):
        self.gidlist = []
        for gid in range(int(pc.id()), self.N, int(pc.nhost())):
            self.gidlist.append(gid)
            pc.set_gid2node(gid, pc.id())

    def create_cells(self):
        self.cells = []
        for gid in self.gidlist:
            cell = BallAndStick()
            angle = 2 * pi * gid / self.N
            cell.rotateZ(angle)
            cell.set_position(50 * cos(angle), 50 * sin(angle), 0)
            self.cells.append(cell)
            nc = h.NetCon(cell.soma(1)._ref_v, None, sec=cell.soma)
            nc.threshold = 10
            pc.cell(gid, nc)

    def connect_cells(self):
        self.nclist = []
        for gid in self.gidlist:
            source = (gid - 1 + self.N) % self.N
            target = pc.gid2cell(gid)
            nc = pc.gid_connect(source, target.synlist[0])
            nc.weight[0] = 0.01
            nc.delay = 5
            self.nclist.append(nc)

    def connect_stim(self):
        if not pc.gid_exists(0):
            return
        self.stim = h.NetStim()
        self.stim.number = 1
        self.stim.start = 9
        self.ncstim = h.NetCon(self.stim, self.cells[0].synlist[0])
        self.ncstim.delay = 1
        self.ncstim.weight[0] = 0.004


def psolve(tstop):
    pc.psolve(tstop)


def prun(tstop):
    pc.set_maxstep(10)
    h.stdinit()
    psolve(tstop)


def write(ring):
    for host in range(int(pc.nhost())):
        pc.barrier()
        if host == pc.id():
            with open("out.spk", "a" if host else "w") as f:
                for t, gid in zip(ring.t_vec, ring.id_vec):
                    f.write(f"{t:.3f}\t{gid:.0f}\n")
    pc.barrier()


if __name__ == "__main__":
    ring = Ring(int(sys.argv[1]))
    prun(float(sys.argv[2]))
    write(ring)
