"""A ball-and-stick cell: a soma that fires, and a passive dendrite with one synapse. It
is that of NEURON's ball-and-stick tutorial. Lengths are in µm, conductance densities in
S/cm²."""

from math import cos, sin

from simrun import h  # NEURON, with MPI started first

# Once, because every look-up of a name on h costs as much as making a section
ExpSyn, NetCon, Section = h.ExpSyn, h.NetCon, h.Section


class Cell:
    """What every cell of a network offers: sections, a place in space, and a spike
    detector. A subclass defines its sections (one of them `soma`), how they join, their
    shape and their biophysics.

    Attributes: `x`, `y`, `z` (µm), where the cell stands, and `theta` (radians), how it
    is turned about the Z axis; `synlist`, its synapses; `all`, its sections.
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
        raise NotImplementedError(
            f"{type(self).__name__} must define create_sections()"
        )

    def build_topology(self):
        """Join the sections to one another."""
        raise NotImplementedError(f"{type(self).__name__} must define build_topology()")

    def build_subsets(self):
        """Name groups of sections; `all` has every section that hangs on the soma."""
        self.all = self.soma.wholetree()

    def define_geometry(self):
        """Give the sections length, diameter and segments, and with `place` a shape."""
        raise NotImplementedError(
            f"{type(self).__name__} must define define_geometry()"
        )

    def define_biophysics(self):
        """Insert the mechanisms and set their parameters."""
        raise NotImplementedError(
            f"{type(self).__name__} must define define_biophysics()"
        )

    def create_synapses(self):
        """Append the cell's synapses to `synlist`; a cell may have none."""

    def connect2target(self, target, thresh=10):
        """Return a new NetCon that sends an event to `target` (a synapse, or None)
        whenever the voltage at soma(1) rises through `thresh` (mV)."""
        nc = NetCon(self.soma(1)._ref_v, target, sec=self.soma)
        nc.threshold = thresh
        return nc

    def is_art(self):
        """False: the cell has sections, unlike NEURON's artificial cells."""
        return False

    def place(self, sec, points):
        """Give a section its 3-D `points` (x, y, z, diam in µm), as they are in a cell
        at the origin that is not turned; they end up where this one stands. Set its L
        first."""
        set_points(sec, moved(points, self.theta, self.x, self.y, self.z))

    def set_position(self, x, y, z):
        """Move the whole cell so that it stands at x, y, z (µm)."""
        shift = x - self.x, y - self.y, z - self.z
        for sec in self.all:
            set_points(sec, moved(points_of(sec), 0, *shift))
        self.x, self.y, self.z = x, y, z

    def rotateZ(self, theta):
        """Turn the cell about the Z axis of the coordinate system by `theta` radians,
        counter-clockwise seen from +Z. A cell away from the axis swings round it."""
        for sec in self.all:
            set_points(sec, moved(points_of(sec), theta))
        self.x, self.y, *_ = moved([(self.x, self.y, self.z, 0)], theta)[0]
        self.theta += theta


def moved(points, theta, dx=0, dy=0, dz=0):
    """Return 3-D points, turned about the Z axis by `theta` radians, then shifted."""
    c, s = cos(theta), sin(theta)
    return [
        (c * x - s * y + dx, s * x + c * y + dy, z + dz, diam)
        for x, y, z, diam in points
    ]


def points_of(sec):
    """Return the 3-D points of a section, a list of x, y, z, diam (µm)."""
    return [
        (sec.x3d(i), sec.y3d(i), sec.z3d(i), sec.diam3d(i)) for i in range(sec.n3d())
    ]


def set_points(sec, points):
    """Give a section its 3-D `points` (x, y, z, diam in µm), and its length back: from
    the points, in single precision, it would depend on where a cell stands."""
    length = sec.L  # read first: after the first pt3dadd it is 1e-9
    sec.pt3dclear()
    for point in points:
        sec.pt3dadd(*point)
    sec.L = length


class BallAndStick(Cell):
    """A soma with Hodgkin–Huxley channels, a passive dendrite, and one excitatory
    synapse."""

    def create_sections(self):
        self.soma = Section(name="soma", cell=self)
        self.dend = Section(name="dend", cell=self)

    def build_topology(self):
        self.dend.connect(self.soma(1))

    def define_geometry(self):
        self.soma.L = self.soma.diam = 12.6157  # an area of 500 µm²
        self.dend.L = 200
        self.dend.diam = 1
        self.dend.nseg = 5
        self.shape_3D()

    def shape_3D(self):
        """Lay the dendrite along +X from the soma, soma(0) where the cell stands."""
        soma, dend = self.soma, self.dend
        end = soma.L + dend.L
        self.place(soma, [(0, 0, 0, soma.diam), (soma.L, 0, 0, soma.diam)])
        self.place(dend, [(soma.L, 0, 0, dend.diam), (end, 0, 0, dend.diam)])

    def define_biophysics(self):
        soma, dend = self.soma, self.dend
        for sec in self.all:
            sec.Ra = 100  # Ω·cm
            sec.cm = 1  # µF/cm²
        soma.insert("hh")
        soma.gnabar_hh = 0.12
        soma.gkbar_hh = 0.036
        soma.gl_hh = 0.0003
        soma.el_hh = -54.3  # mV
        dend.insert("pas")
        dend.g_pas = 0.001
        dend.e_pas = -65  # mV

    def create_synapses(self):
        syn = ExpSyn(self.dend(0.5))
        syn.tau = 2  # ms
        syn.e = 0  # mV
        self.synlist.append(syn)
