"""A ball-and-stick cell: a soma that fires, and a passive dendrite with one synapse. It is that of
NEURON's ball-and-stick tutorial. Lengths are in µm, conductance densities in S/cm²."""

from math import cos, sin

from simrun import h  # NEURON, with MPI started first

# Once, because every look-up of a name on h costs as much as making a section
ExpSyn, NetCon, Section = h.ExpSyn, h.NetCon, h.Section


class Cell:
    """What every cell of a network offers: sections, a place in space, and a spike detector. A
    subclass defines its sections (one of them `soma`), how they join, their shape and biophysics.

    Attributes: `x`, `y`, `z` (µm), where the cell stands, and `theta` (radians), how it is turned
    about the Z axis; `synlist`, its synapses; `all`, its sections.
    """

    def __init__(self, x=0, y=0, z=0, theta=0):
        self.x, self.y, self.z, self.theta = x, y, z, theta
        self.synlist = []
        self.create_sections()
        self.build_topology()
        self.build_subsets()
        self.define_geometry()
        self.define_biophysics()
        self.create_synapses()

    def create_sections(self):
        """Make the sections, each with `cell=self`; one of them is `self.soma`."""
        raise NotImplementedError(f"{type(self).__name__} must define create_sections()")

    def build_topology(self):
        """Join the sections to one another."""
        raise NotImplementedError(f"{type(self).__name__} must define build_topology()")

    def build_subsets(self):
        """Name groups of sections; `all` has every section that hangs on the soma."""
        self.all = self.soma.wholetree()

    def define_geometry(self):
        """Give the sections their length, diameter and segments, and with `place` their shape."""
        raise NotImplementedError(f"{type(self).__name__} must define define_geometry()")

    def define_biophysics(self):
        """Insert the mechanisms and set their parameters."""
        raise NotImplementedError(f"{type(self).__name__} must define define_biophysics()")

    def create_synapses(self):
        """Append the cell's synapses to `synlist`; a cell may have none."""

    def connect2target(self, target, thresh=10):
        """Return a new NetCon that sends an event to `target` (a synapse, or None) whenever the
        voltage at soma(1) rises through `thresh` (mV)."""
        nc = NetCon(self.soma(1)._ref_v, target, sec=self.soma)
        nc.threshold = thresh
        return nc

    def is_art(self):
        """False: the cell has sections, so it is not one of NEURON's artificial cells."""
        return False

    def place(self, sec, points):
        """Give a section its 3-D `points` (x, y, z, diam in µm), as they are in a cell at the
        origin that is not turned; they end up where this one stands. Raises as `set_points`."""
        c, s = cos(self.theta), sin(self.theta)
        dx, dy, dz = self.x, self.y, self.z
        placed = [(c * x - s * y + dx, s * x + c * y + dy, z + dz, d) for x, y, z, d in points]
        set_points(sec, placed)

    def set_position(self, x, y, z):
        """Move the whole cell so that it stands at x, y, z (µm)."""
        dx, dy, dz = x - self.x, y - self.y, z - self.z
        self._move(lambda x, y, z, diam: (x + dx, y + dy, z + dz, diam))
        self.x, self.y, self.z = x, y, z

    def rotateZ(self, theta):
        """Turn the cell about the Z axis of the coordinate system by `theta` radians,
        counter-clockwise seen from +Z. A cell away from the axis swings round it."""
        c, s = cos(theta), sin(theta)
        self._move(lambda x, y, z, diam: (c * x - s * y, s * x + c * y, z, diam))
        self.x, self.y = c * self.x - s * self.y, s * self.x + c * self.y
        self.theta += theta

    def _move(self, where_to):
        for sec in self.all:
            points = [(sec.x3d(i), sec.y3d(i), sec.z3d(i), sec.diam3d(i)) for i in range(sec.n3d())]
            set_points(sec, [where_to(*point) for point in points])


def set_points(sec, points):
    """Give a section its 3-D `points` (x, y, z, diam in µm) and keep its length, which NEURON would
    take from them in single precision: other resistances wherever a cell is put. Raises ValueError
    if they do not keep it, as beyond 1e6 µm."""
    length = sec.L  # read first: after the first pt3dadd it is 1e-9
    sec.pt3dclear()
    for point in points:
        sec.pt3dadd(*point)
    if points and not abs(sec.L - length) < 0.02 * length:
        raise ValueError(f"{sec}: 3-D points {points} do not keep its length, L = {length:g} µm")
    sec.L = length


class BallAndStick(Cell):
    """A soma with Hodgkin–Huxley channels, a passive dendrite, and one excitatory synapse."""

    def create_sections(self):
        self.soma = Section(name="soma", cell=self)
        self.dend = Section(name="dend", cell=self)

    def build_topology(self):
        self.dend.connect(self.soma(1))

    def define_geometry(self):
        self.soma.L = self.soma.diam = 12.6157  # an area of 500 µm²
        self.dend.L, self.dend.diam, self.dend.nseg = 200, 1, 5
        self.shape_3D()

    def shape_3D(self):
        """Lay the dendrite along +X from the soma, soma(0) where the cell stands."""
        L, diam, end = self.soma.L, self.soma.diam, self.soma.L + self.dend.L
        self.place(self.soma, [(0, 0, 0, diam), (L, 0, 0, diam)])
        self.place(self.dend, [(L, 0, 0, self.dend.diam), (end, 0, 0, self.dend.diam)])

    def define_biophysics(self):
        for sec in self.all:
            sec.Ra = 100  # Ω·cm
            sec.cm = 1  # µF/cm²
        self.soma.insert("hh")
        self.soma.gnabar_hh = 0.12
        self.soma.gkbar_hh = 0.036
        self.soma.gl_hh = 0.0003
        self.soma.el_hh = -54.3  # mV
        self.dend.insert("pas")
        self.dend.g_pas = 0.001
        self.dend.e_pas = -65  # mV

    def create_synapses(self):
        syn = ExpSyn(self.dend(0.5))
        syn.tau, syn.e = 2, 0  # ms, mV
        self.synlist.append(syn)
