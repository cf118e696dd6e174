"""Start NEURON on top of MPI, look into a cell, and run what has been built.

Every module of this package takes `h` from here. So MPI is started once, in one way, and before
NEURON, whichever module a script imports first. At a first reading, skip to attach_current_clamp.
"""

import atexit
import ctypes
import math
import os
import re
import signal
import stat
import sys
import time
import traceback
import warnings
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache

LAUNCHERS = (  # where each leaves the number of processes that it started, and which one this is
    ("Open MPI's mpiexec", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("MPICH's mpiexec", "PMI_SIZE", "PMI_RANK"),
    ("Slurm's srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
)


def start_mpi():
    """Start MPI where NEURON will find it; return mpi4py's MPI, or None and the reason why not.

    NEURON takes the MPI library whose functions it sees in the process. mpi4py loads that library
    for itself alone, hence the last step: without it every process says `0 of 1` (nrn issue 428).
    """
    try:
        import mpi4py

        mpi4py.rc.initialize, mpi4py.rc.finalize = False, True
        from mpi4py import MPI

        # MPICH's MPI_Init would kill a process that Open MPI's launcher has started
        foreign = "OMPI_COMM_WORLD_SIZE" in os.environ and "PMI_SIZE" not in os.environ
        if not (MPI.Is_initialized() or foreign and MPI.get_vendor()[0] == "MPICH"):
            with warnings.catch_warnings():  # check_parallel says it in one line
                warnings.filterwarnings("ignore", "suspicious MPI")
                MPI.Init_thread()
        ctypes.CDLL(MPI.__file__, ctypes.RTLD_GLOBAL)
    except (ImportError, RuntimeError, OSError) as error:
        return None, str(error).splitlines()[0]
    return MPI, ""


@contextmanager
def silent(descriptor):
    """Drop what C code prints to stdout (1) or stderr (2)."""
    libc = ctypes.CDLL(None)
    libc.fflush(None)
    saved = os.dup(descriptor)
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), descriptor)
    try:
        yield
    finally:
        libc.fflush(None)
        os.dup2(saved, descriptor)
        os.close(saved)


def check_parallel(nhost):
    """End a process that was launched with others but sees fewer of them, before it does harm.

    Raises SystemExit; its message comes once, from the process that the launcher calls 0.
    """
    started = [
        (int(os.environ[size]), launcher, os.environ.get(rank, "0"))
        for launcher, size, rank in LAUNCHERS
        if os.environ.get(size, "").isdigit()
    ]
    # Where two have left their number, Slurm's may be that of the other's daemons, one a node
    by_mpiexec = [each for each in started if each[1] != "Slurm's srun"]
    size, launcher, rank = max(by_mpiexec or started, default=(1, "", "0"))
    if size <= nhost or any(nhost == each[0] > 1 for each in started):
        if not MPI:
            print(f"simrun: {no_mpi}; running serially, on one process", file=sys.stderr)
        return
    if rank != "0":
        raise SystemExit  # with 0, lest the launcher ends process 0 before it has spoken
    if not MPI:
        why = f"{no_mpi}. Install one (pip install mpich) and use its own mpiexec."
    else:
        name, version = MPI.get_vendor()
        own = f"{sys.prefix}/bin/mpiexec"
        why = f"mpi4py loaded {name} {'.'.join(map(str, version))}, " + (
            "but NEURON was imported before it. Import simrun before neuron."
            if neuron_came_first
            else "which does not know this launcher. Use that library's own mpiexec"
            + (f", {own}" if os.path.exists(own) else "")
            + (", or srun --mpi=pmi2 or --mpi=pmix." if "srun" in launcher else ".")
        )
    raise SystemExit(f"simrun: {launcher} started {size} processes, but NEURON sees {nhost}: {why}")


def end_all(kind, error, where):
    """The exception hook of a parallel run: report, then end the hosts that wait for this one."""
    try:
        lines = traceback.format_exception(kind, error, where)
        print("".join(lines), end="", file=sys.stderr)  # in one piece: other hosts may report too
    finally:
        exit_all(1)


def exit_all(status=None):
    """The sys.exit of a parallel run: a status other than 0 on one host ends them all."""
    code = status if isinstance(status, int) else 1
    if status:
        atexit.unregister(leave)  # the others are ended, not told
        try:
            if code is not status:
                print(status, file=sys.stderr)
            sys.stdout.flush()
            sys.stderr.flush()
            time.sleep(0.2)  # s; what the launcher has not passed on by the end, it drops
        finally:
            MPI.COMM_WORLD.Abort(code)  # it may return: the launcher ends this host too, but later
    raise SystemExit(code if status else 0)


@atexit.register
def leave():
    """Meet the other hosts at the end, and keep what is built to the very end, by one reference
    that nobody takes back: NEURON would take it apart cell by cell (20,000 cells: seconds), the
    operating system does it at once."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(built))
    if the_end and not MPI.Is_finalized():
        MPI.COMM_SELF.Delete_attr(the_end)


def meet(*_):
    """Come to the end with all hosts, so that one that waits for another in a call that the other
    does not make hears of it (check_same)."""
    try:
        check_same("the end of the script")
    except RuntimeError as error:
        time.sleep(2)  # s; the others end this host, which must not be on its way out by then,
        print(error, file=sys.stderr, flush=True)  # unless their script caught the error
        MPI.COMM_WORLD.Abort(1)


# MPI first, then NEURON, then a look at whether they found each other
built = None  # the Ring, or a copy of it, whose cells and gids NEURON holds: one at a time
the_end = None  # what MPI deletes when it ends
neuron_came_first = "neuron" in sys.modules
MPI, no_mpi = start_mpi()
if MPI and MPI.Is_initialized() and MPI.COMM_WORLD.size > 1:
    sys.excepthook, sys.exit = end_all, exit_all
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends a host at once, not after its step
    # numpy, which NEURON imports, would start a thread a core on every host: 0.1 s for nothing
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")  # without MPI it would miss a display
with silent(1):  # on rank 0 it says `numprocs=…`
    from neuron import coreneuron as core_neuron
    from neuron import h
os.getcwd()  # FileNotFoundError if the folder is gone: load_file would end up in NEURON's own
h.load_file("stdrun.hoc")
h.ParallelContext().mpiabort_on_error(0)  # NEURON's errors become exceptions; see end_all
check_parallel(h.ParallelContext().nhost())
if h.ParallelContext().nhost() > 1:
    # MPI deletes what belongs to COMM_SELF before it ends, whoever ends it: pc.done() and h.quit()
    # do so before leave() is called
    the_end = MPI.Comm.Create_keyval(delete_fn=meet)
    MPI.COMM_SELF.Set_attr(the_end, None)


def attach_current_clamp(cell, delay=5, dur=1, amp=0.1, loc=1):
    """Return an IClamp on the cell's dendrite at `loc` (0–1): `amp` (nA) for `dur` (ms), from
    `delay` (ms) on. Keep the clamp: NEURON removes it with the last reference to it."""
    stim = h.IClamp(cell.dend(loc))
    stim.delay = delay
    stim.dur = dur
    stim.amp = amp
    return stim


def set_recording_vectors(cell):
    """Return three h.Vectors that the next run fills, a value a step: the voltages of soma(0.5)
    and dend(0.5) (mV), and the time (ms). They keep their values when the cell is gone."""
    soma_v_vec = h.Vector().record(cell.soma(0.5)._ref_v)
    dend_v_vec = h.Vector().record(cell.dend(0.5)._ref_v)
    t_vec = h.Vector().record(h._ref_t, sec=cell.soma)
    return soma_v_vec, dend_v_vec, t_vec


def simulate(tstop=25):
    """Initialise and run to `tstop` (ms), serial or parallel, as the session is set: with the step
    h.dt, on CoreNEURON if it is enabled, with the local variable step if h.cvode is active."""
    h.tstop = check("tstop", tstop)
    prun(h.tstop, h.dt, core_neuron.enable, bool(h.cvode.active()) and h.cvode.atol())


def prun(tstop=100, dt=0.025, coreneuron=False, variable_step=False):
    """Initialise and run all hosts together to `tstop` (ms) with a fixed step of `dt` (ms), which
    becomes the step of the session.

    coreneuron: True lets CoreNEURON do the steps, in less time, with the same spikes.
    variable_step: True, or an absolute tolerance (mV for a voltage; True is 1e-3): each cell takes
    steps of its own, as long as its error allows, so that quiet cells cost little.
    Every host calls it. Returns the seconds that this host computed, waiting for others left out,
    or nan with CoreNEURON, which does not tell.
    Raises ValueError for a bad argument, if CoreNEURON can't run this, or, in every mode, if the
    delay of a connection does not exceed dt.
    Sources: Hines & Carnevale, J. Neurosci. Methods 169 (2008) 425–455; for the variable step
    Lytton & Hines, Neural Computation 17 (2005) 903–921; for CoreNEURON Kumbhar et al., Frontiers
    in Neuroinformatics 13 (2019) 63.
    """
    tstop, dt = check("tstop", tstop), check("dt", dt)
    atol = check_solver(coreneuron, variable_step)
    check_same("prun", tstop=tstop, dt=dt, coreneuron=bool(coreneuron), variable_step=atol)
    pc = h.ParallelContext()
    delays = (nc.delay for nc in h.List("NetCon") if nc.srcgid() >= 0 and nc.valid())
    shortest = pc.allreduce(min(delays, default=math.inf), 3)  # 3: the least of all hosts
    check_delay("the shortest delay", shortest, dt)
    roots = h.SectionList()
    roots.allroots()  # the first section of each cell
    # With the variable step a host without cells would not take part, and the others would wait
    cells = list(roots) or [h.Section(name="stand_in")]
    split(len(cells), idle_cores() if coreneuron else 1)
    h.dt = dt
    h.steps_per_ms = 1 / dt  # stdinit would set dt back from it
    pc.set_maxstep(10)  # ms; or the shortest delay: hosts run that far between exchanges
    pc.timeout(0)  # wait as long as it takes; after 20 s NEURON would give up, with exit status 0
    was_active = h.cvode.active()
    choose_step(atol)
    try:
        if coreneuron:
            check_coreneuron()
        h.stdinit()
        with core_neuron(enable=bool(coreneuron), verbose=0):
            # each stop costs CoreNEURON a copy of the network, and every cell a variable step
            psolve(pc, tstop, dt, 100 if atol or coreneuron else 10)
    finally:
        h.cvode.active(was_active)
        h.dt = dt
    return math.nan if coreneuron else pc.step_time()


def choose_step(atol):
    """Set the local variable step with this absolute tolerance, or the fixed step if it is 0."""
    h.cvode.active(bool(atol))
    # The spikes of a global step would depend on the hosts; and where CoreNEURON follows, a local
    # one that is left on would corrupt what it records
    h.cvode.use_local_dt(bool(atol))
    if atol:
        h.cvode.condition_order(2)  # find where between two steps the threshold is crossed
        h.cvode.atol(atol)


def split(cells, threads):
    """Split the cells of this host into blocks, for so many threads. Every host calls it, and all
    get as many blocks: one that has several and one that has one would wait for each other."""
    pc = h.ParallelContext()
    most_cells, most_threads = (int(pc.allreduce(here, 2)) for here in (cells, threads))
    pc.nthread(blocks(most_cells, most_threads), False)  # False: one block after the other


def blocks(cells, threads):
    """Return how many blocks to split so many cells into, for so many threads.

    A block of about 500 cells stays in a core's own cache while it is stepped through the time
    between two exchanges of spikes; on a host with more than about 5,000 cells that saves a sixth.
    """
    rounds = round(cells / 500 / threads) if cells > 5000 else 1
    return min(max(1, cells), max(1, rounds) * threads)


def idle_cores():
    """Return how many cores this host can use without taking one from another, at least 1. Every
    host calls it, before its first run on CoreNEURON: OpenMP is told then, once."""
    mine = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
    machine, mine = os.uname().nodename, set(mine)
    everyone = h.ParallelContext().py_allgather((machine, mine))
    sharing = sum(machine == other and not mine.isdisjoint(cores) for other, cores in everyone)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, len(mine) // sharing)))
    return int(os.environ["OMP_NUM_THREADS"].partition(",")[0])


def show_output(soma_v_vec, dend_v_vec, t_vec, new_fig=True):
    """Plot two voltages (mV) against time (ms), soma black and dendrite red; return the axes.

    With `new_fig=False` they are added to the current axes, dashed. Call `pyplot.show()` after it.
    """
    from matplotlib import pyplot  # here, because a run without a picture starts faster without it

    if new_fig:
        pyplot.figure(figsize=(8, 4), layout="constrained")
    axes = pyplot.gca()
    style = "-" if new_fig else "--"
    axes.plot(t_vec, soma_v_vec, style, color="black", label="soma(0.5)")
    axes.plot(t_vec, dend_v_vec, style, color="red", label="dend(0.5)")
    axes.set_xlabel("time (ms)", fontsize=16)
    axes.set_ylabel("membrane potential (mV)", fontsize=16)
    axes.tick_params(labelsize=14)
    axes.legend(fontsize=14, ncols=2, frameon=False, loc="lower left", bbox_to_anchor=(0, 1))
    return axes


def show_network(ring):
    """Draw the network as seen from +Z, to scale, each cell in the colour of the host that owns
    it, and its gid beside it if there are at most 12. Call `pyplot.show()` after it.

    Every host calls it; rank 0 draws and returns the axes, the others return None.
    ring: a Ring, or what has `gidlist` and `cells` as it has. Raises ValueError if a section has
    no 3-D points.
    """
    pc = h.ParallelContext()
    mine = [
        (gid, pc.id(), [quad for sec in cell.all for quad in outline(sec)])
        for gid, cell in zip(ring.gidlist, ring.cells)
    ]
    check_same("show_network")
    everyone = pc.py_gather(mine, 0)
    if pc.id() > 0:
        return None
    from matplotlib import collections, colormaps, colors, pyplot

    axes = pyplot.figure(figsize=(8, 7), layout="compressed").add_subplot(aspect="equal")
    cells, hosts = sorted(sum(everyone, [])), pc.nhost()
    # From dark to light, so that hosts differ in print too; to 0.75, for yellow is lost on white
    viridis = [colormaps["viridis"](0.75 * host / max(1, hosts - 1)) for host in range(hosts)]
    shapes = collections.PolyCollection(
        [quad for _, _, quads in cells for quad in quads],
        array=[host for _, host, quads in cells for _ in quads],
        cmap=colors.ListedColormap(viridis),
        clim=(-0.5, hosts - 0.5),
        edgecolor="face",
        linewidth=0.5,
    )  # pt, so that the thinnest dendrite is seen
    axes.add_collection(shapes)
    bar = axes.figure.colorbar(shapes, ticks=range(0, hosts, 1 + hosts // 20))
    bar.set_label("host", fontsize=16)
    for gid, _, [(a, b, c, d), *_] in cells if len(cells) <= 12 else ():
        axes.text(
            *(1.1 * (a[i] + d[i]) - 0.6 * (b[i] + c[i]) for i in (0, 1)),
            gid,
            fontsize=14,
            ha="center",
            va="center",
        )  # beyond the end from which the dendrite leads away
    axes.set_xlabel("x (µm)", fontsize=16)
    axes.set_ylabel("y (µm)", fontsize=16)
    for each in (axes, bar.ax):
        each.tick_params(labelsize=14)
    axes.autoscale_view()
    return axes


def outline(sec):
    """Return what is seen from +Z of a section: the corners of a quadrilateral, (x, y) in µm, for
    each stretch from one of its 3-D points to the next. Raises ValueError if it has none."""
    points = [(sec.x3d(i), sec.y3d(i), sec.diam3d(i) / 2) for i in range(sec.n3d())]
    if len(points) < 2:
        raise ValueError(f"{sec}: has no 3-D points to draw; h.define_shape() makes some")
    quads = []
    for (x0, y0, r0), (x1, y1, r1) in zip(points, points[1:]):
        length = math.hypot(x1 - x0, y1 - y0)
        if length == 0:  # seen end-on: a square instead of a disc
            x0, x1, length = x0 - r0, x1 + r0, 2 * r0
        nx, ny = (y0 - y1) / length, (x1 - x0) / length  # a unit vector across
        quads.append(
            [
                (x0 + r0 * nx, y0 + r0 * ny),
                (x1 + r1 * nx, y1 + r1 * ny),
                (x1 - r1 * nx, y1 - r1 * ny),
                (x0 - r0 * nx, y0 - r0 * ny),
            ]
        )
    return quads


# What keeps a run honest: its arguments, its progress, its file

MEMORY = h.ParallelContext().nhost() * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
LIMITS = {  # what each number of a run may be: its kind, the least, the most, the unit
    "N": (int, 1, min(MEMORY // 10_000, 2**31 - 1), "cells"),  # bytes a cell; gids have 32 bits
    "stim_w": (float, 0, math.inf, "µS"),
    "stim_spike_num": (int, 0, 2**31 - 1, "spikes"),
    "syn_w": (float, 0, math.inf, "µS"),
    "syn_delay": (float, 0, math.inf, "ms"),
    "radius": (float, 0, 1e6, "µm"),  # a metre: NEURON stores points in single precision
    "tstop": (float, 0, 1e9, "ms"),  # eleven days
    "dt": (float, 1e-6, 9, "ms"),  # below the 10 ms of set_maxstep
    "variable_step": (float, 1e-12, 1, "absolute tolerance"),
}


def check(name, value):
    """Return `value` as the number that the argument `name` takes (see LIMITS).

    Raises ValueError: one line with the name, the value and what is allowed.
    """
    kind, least, most, unit = LIMITS[name]
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not (least <= number <= most and math.isfinite(number)) or kind(number) != number:
        what = "a whole number" if kind is int else "a finite number"
        upto = f" and at most {most:.10g}" if most < math.inf else ""
        raise ValueError(f"{name} = {value!r}: must be {what} ({unit}), at least {least}{upto}")
    return kind(number)


def check_same(call, **arguments):
    """Raise RuntimeError unless all hosts make this call, ValueError unless with the same values.

    It comes first in what hosts do together: they would wait for each other forever."""
    for other_call, others in h.ParallelContext().py_allgather((call, arguments)):
        if other_call != call:
            raise RuntimeError(
                f"{call}, but {other_call} on another host: every host must make the same calls"
            )
        for name, value in arguments.items():
            if others[name] != value:
                raise ValueError(
                    f"{name} = {value}, but {others[name]} on another host: must be the same on all"
                )


def check_delay(name, delay, dt):
    """Raise ValueError unless `delay` (ms) exceeds `dt` (ms): hosts exchange spikes once per
    shortest delay, so NEURON refuses to run on several of them otherwise."""
    if delay - 1e-10 < dt:  # NEURON's own condition
        raise ValueError(f"{name} = {delay:g}: must be longer than the step, dt = {dt:g} ms")


def check_solver(coreneuron, variable_step):
    """Return the absolute tolerance of the variable step, 0 without it; raise ValueError if it
    can't be, or if CoreNEURON is wanted too."""
    if not variable_step:
        return 0
    if coreneuron:
        raise ValueError(
            "coreneuron and variable_step exclude each other: CoreNEURON has only the fixed step"
        )
    return check("variable_step", 1e-3 if variable_step is True else variable_step)


@cache
def check_coreneuron():
    """Raise ValueError unless NEURON can hand this network to CoreNEURON. Every host calls it."""
    try:
        with silent(2), core_neuron(enable=True, verbose=0):
            h.finitialize()
            h.ParallelContext().psolve(0)  # NEURON looks for the library only now
    except RuntimeError as error:
        reason = str(error).rpartition("hoc_execerror: ")[2]
        raise ValueError(f"coreneuron = True: {reason}") from None


def psolve(pc, tstop, dt, stretch):
    """Do the steps of pc.psolve(tstop), `stretch` ms at a time: between them Ctrl-C is heard, and
    someone who watches the terminal learns how far the run is."""
    steps, stretch = int(tstop / dt + 1e-9), max(4, round(stretch / dt))
    start = shown = time.monotonic()
    watched = pc.id() == 0 and on_terminal()
    for done in range(stretch, steps - stretch + 1, stretch):
        pc.psolve((done + 0.5) * dt)  # up to half a step more, so that rounding drops no step
        now = time.monotonic()
        if watched and now - shown > 0.5:
            shown = now
            left = timedelta(seconds=round((now - start) / done * (steps - done)))
            sys.stderr.write(f"\r{h.t:.0f} of {tstop:g} ms, {left} left ")
            sys.stderr.flush()
    fixed_steps = steps > 3 and not h.cvode.active()
    pc.psolve((steps + 0.5) * dt if fixed_steps else tstop)
    if shown > start:
        sys.stderr.write("\r" + 60 * " " + "\r")
        sys.stderr.flush()


def on_terminal():
    """True if stderr is a terminal, or is passed on to one by the launcher (seen on Linux)."""
    if sys.stderr and sys.stderr.isatty():
        return True
    pid = os.getppid()
    with suppress(OSError):
        while pid > 1:
            with open(f"/proc/{pid}/stat") as file:
                name, _, fields = file.read().rpartition(")")
            if re.search(r"\((mpiexec|mpirun|prterun|orterun|srun)", name):
                return os.readlink(f"/proc/{pid}/fd/2").startswith(("/dev/pts/", "/dev/tty"))
            pid = int(fields.split()[1])  # the parent's
    return False


def on_rank_0(action, *arguments):
    """Do it on rank 0 alone; every host returns what it returned, or raises its error or its exit,
    so that none waits."""
    pc, value, error = h.ParallelContext(), None, None
    if pc.id() == 0:
        try:
            value = action(*arguments)
        except (Exception, SystemExit) as caught:
            error = caught
    value, error = pc.py_broadcast((value, error), 0)
    if error:
        raise error
    return value


def write_whole(file_name, lines=None):
    """Write lines to a file that appears under its name when it is complete, or not at all.

    A plain file is written under a hidden name beside it and then renamed; its mode stays, and a
    link to it stays a link. A device or a pipe is written to as it is. Without `lines` nothing is
    changed: it only finds out whether writing can work. Raises OSError that names the file.
    """
    target = os.path.realpath(file_name)
    aside = os.path.join(os.path.dirname(target), f".{os.urandom(8).hex()}.spk")
    found = None
    try:
        with suppress(FileNotFoundError):
            found = os.stat(file_name)
        if found and os.path.samestat(found, os.fstat(1)):  # /dev/stdout and the like
            sys.stdout.writelines(lines or ())
            sys.stdout.flush()
            return
        if found and not stat.S_ISFIFO(found.st_mode):  # to open a pipe is to wait for its reader
            os.close(os.open(file_name, os.O_WRONLY))
        if found and not stat.S_ISREG(found.st_mode):
            if lines is not None:
                with open(file_name, "w") as device:
                    device.writelines(lines)
            return
        with open(aside if os.path.basename(file_name) else file_name, "x") as file:
            file.writelines(lines or ())
        if found:
            os.chmod(aside, stat.S_IMODE(found.st_mode))
        if lines is not None:
            os.replace(aside, target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, file_name) from None
    finally:
        with suppress(OSError):
            os.unlink(aside)
