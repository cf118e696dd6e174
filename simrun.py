"""Start NEURON on top of MPI, look into a cell, and run what has been built.

Every module takes `h` from here, so that MPI is started once, whichever of them comes first. Last
stands what keeps the hosts together, the numbers within their limits, and a file whole.
"""

import atexit
import ctypes
import math
import os
import signal
import stat
import sys
import threading
import time
import traceback
import warnings
from contextlib import contextmanager, suppress
from datetime import timedelta

LAUNCHERS = (  # where each leaves how many processes it has started, and which one this is
    ("Open MPI's mpiexec", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("MPICH's mpiexec", "PMI_SIZE", "PMI_RANK"),
    ("Slurm's srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),  # last: mpiexec may use srun
)


def start_mpi():
    """Start MPI where NEURON will find it; return mpi4py's MPI, or None, and what was loaded.

    NEURON takes the MPI library whose functions it sees in the process. mpi4py loads that library
    for itself alone, hence the last step: without it every process says `0 of 1` (nrn issue 428).
    """
    try:
        import mpi4py

        mpi4py.rc.initialize, mpi4py.rc.finalize = False, True
        warnings.filterwarnings("ignore", "suspicious MPI")  # check_launch says it in one line
        from mpi4py import MPI

        name, version = MPI.get_vendor()
        # MPICH's MPI_Init would kill a process that Open MPI's launcher has started
        foreign = "OMPI_COMM_WORLD_SIZE" in os.environ and "PMI_SIZE" not in os.environ
        if not (MPI.Is_initialized() or foreign and name == "MPICH"):
            MPI.Init_thread()
        ctypes.CDLL(MPI.__file__, ctypes.RTLD_GLOBAL)
    except (ImportError, RuntimeError, OSError) as error:
        return None, f"no MPI library ({str(error).splitlines()[0]}; pip install mpich brings one)"
    return MPI, f"{name} {'.'.join(map(str, version))}"


def check_launch(nhost):
    """End a process that was launched with others but does not see them, before it does harm."""
    known = (names for names in LAUNCHERS if names[1] in os.environ)
    launcher, size, rank = next(known, ("", "", ""))
    started = int(os.environ.get(size, 1))
    if nhost >= started or "SIMRUN_SERIAL" in os.environ:
        return
    if os.environ.get(rank, "0") != "0":
        time.sleep(1)  # s; the launcher ends all when the first has failed: let that be process 0
        raise SystemExit(1)
    raise SystemExit(
        f"simrun: {launcher} started {started} processes, but NEURON sees {nhost}, with {library}. "
        f"Use the mpiexec of that library (pip puts it into {sys.prefix}/bin), or srun --mpi=pmi2 "
        "or --mpi=pmix; with SIMRUN_SERIAL=1 each process runs alone."
    )


# MPI first, then NEURON, then a look at whether they found each other
MPI, library = start_mpi()
several = bool(MPI) and MPI.Is_initialized() and MPI.COMM_WORLD.size > 1
if several:  # numpy, which NEURON imports, would start a thread a core on every host
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")  # without MPI it would miss a display
stdout, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
os.dup2(nothing, 1)  # where NEURON says `numprocs=…`
try:
    from neuron import coreneuron as core_neuron
    from neuron import h

    if several:
        h.nrnmpi_init()  # where NEURON was imported first, it has not looked for MPI yet
finally:
    ctypes.CDLL(None).fflush(None)
    os.dup2(stdout, 1)
check_launch(h.ParallelContext().nhost())
if not MPI:
    print(f"simrun: {library}: running on one process", file=sys.stderr)
os.getcwd()  # FileNotFoundError if the folder is gone: load_file would end up in NEURON's own
h.load_file("stdrun.hoc")
core_neuron.verbose = 0


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
    h.setdt()  # as NEURON's own run does: a variable step has left its last one in h.dt
    prun(h.tstop, h.dt, core_neuron.enable, bool(h.cvode.active()) and h.cvode.atol())


def prun(tstop=100, dt=0.025, coreneuron=False, variable_step=False):
    """Initialise and run all hosts together to `tstop` (ms) with a fixed step of `dt` (ms), which
    becomes the step of the session.

    coreneuron: True lets CoreNEURON do the steps, in less time, with the same spikes.
    variable_step: True, or an absolute tolerance (mV for a voltage; True is 1e-3): each cell takes
    steps of its own, as long as its error allows, so that quiet cells cost little.
    Every host calls it. Returns the seconds that this host computed, waiting for others left out,
    or nan with CoreNEURON, which does not tell. Raises ValueError for a bad argument, or if the
    delay of a connection does not exceed dt.
    Sources: Hines & Carnevale, J. Neurosci. Methods 169 (2008) 425–455; for the variable step
    Lytton & Hines, Neural Computation 17 (2005) 903–921; for CoreNEURON Kumbhar et al., Frontiers
    in Neuroinformatics 13 (2019) 63.
    """
    tstop, dt = check("tstop", tstop), check("dt", dt)
    atol = 1e-3 if variable_step is True else variable_step
    if atol is not False:
        atol = check("variable_step", atol)
    if coreneuron and atol:
        raise ValueError("coreneuron and variable_step exclude each other")
    check_same("prun", tstop=tstop, dt=dt, coreneuron=bool(coreneuron), variable_step=atol)
    pc = h.ParallelContext()
    delays = (nc.delay for nc in h.List("NetCon") if nc.srcgid() >= 0 and nc.valid())
    shortest = pc.allreduce(min(delays, default=math.inf), 3)  # 3: the least of all hosts
    check_delay("the shortest delay", shortest, dt)
    with solver(dt, coreneuron, atol):
        pc.set_maxstep(10)  # ms; or the shortest delay: hosts run that far between exchanges
        h.stdinit()
        psolve(pc, tstop, dt, 100 if atol or coreneuron else 10)
    return math.nan if coreneuron else pc.step_time()


@contextmanager
def solver(dt, coreneuron, atol):
    """Let NEURON take fixed steps of `dt` (ms), itself or by CoreNEURON, or local variable steps if
    there is a tolerance; then leave the session as it was, but for its step."""
    # With the variable step a host without cells would not take part, and the others would wait
    stand_in = next(iter(h.allsec()), None) or h.Section(name="stand_in")  # noqa: F841
    before = h.cvode.active(), core_neuron.enable
    h.cvode.active(bool(atol))
    # The spikes of a global step would depend on the hosts; and where CoreNEURON follows, a local
    h.cvode.use_local_dt(bool(atol))  # one that is left on would corrupt what it records
    if atol:
        h.cvode.condition_order(2)  # find where between two steps the threshold is crossed
        h.cvode.atol(atol)
    if coreneuron:
        h.cvode.cache_efficient(True)  # which it needs, and only NEURON 9 sees to itself
    core_neuron.enable = bool(coreneuron)
    h.dt, h.steps_per_ms = dt, 1 / dt  # stdinit would set dt back from it
    h.ParallelContext().timeout(0)  # wait: after 20 s NEURON would give up, with exit status 0
    try:
        yield
    finally:
        h.cvode.active(before[0])
        core_neuron.enable = before[1]
        h.dt = dt


def psolve(pc, tstop, dt, stretch):
    """Do the steps of pc.psolve(tstop), `stretch` ms at a time: between them Ctrl-C is heard, and
    stderr learns how far a long run is."""
    steps, stretch = int(tstop / dt + 1e-9), max(4, round(stretch / dt))
    exactly = steps < 4 or h.cvode.active()  # else half a step more, so that rounding drops none
    start, due = time.monotonic(), 0
    for done in *range(stretch, steps - stretch + 1, stretch), steps:
        pc.psolve(tstop if done == steps and exactly else (done + 0.5) * dt)
        seconds = time.monotonic() - start
        if pc.id() == 0 and seconds > 10 and due <= h.t < tstop - dt:
            due = h.t + tstop / 10
            left = timedelta(seconds=round(seconds * (tstop / h.t - 1)))
            print(f"simulated {h.t:.0f} of {tstop:g} ms, {left} left", file=sys.stderr)


def split(N, coreneuron=False):
    """Split the cells of each host, of N in all, into blocks that are stepped one after the other
    from exchange to exchange; with `coreneuron` each core that no other host uses steps its own.

    Hosts of more than 5,000 cells save a sixth of the time. Every host calls it, before the run,
    of a model that allows it: delays of more than two steps, THREADSAFE mechanisms, no
    extracellular.
    """
    pc, threads = h.ParallelContext(), 1
    if coreneuron:
        cores = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
        mine = os.uname().nodename, sorted(cores)
        idle = len(cores) // pc.py_allgather(mine).count(mine)
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, idle)))  # read once, at the first run
        threads = int(pc.allreduce(int(os.environ["OMP_NUM_THREADS"].partition(",")[0]), 2))
    cells = -(-N // pc.nhost())  # of the host that has the most: all must have as many blocks
    rounds = round(cells / 500 / threads) if cells > 5000 else 1  # 500 stay in a core's own cache
    pc.nthread(min(cells, rounds * threads), False)  # False: one after the other


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


# What keeps the hosts together, the numbers within their limits, and a file whole

LIMITS = {  # what each number of a run may be: its kind, the least, the most, the unit
    "N": (int, 1, 2**31 - 1, "cells"),  # gids have 32 bits
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
    """Return `value` as the number that the argument `name` takes; raise ValueError if it can't."""
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


def check_delay(name, delay, dt):
    """Raise ValueError unless `delay` exceeds `dt` (ms), as NEURON demands on several hosts."""
    if delay - 1e-10 < dt:  # NEURON's own condition
        raise ValueError(f"{name} = {delay:g}: must be longer than the step, dt = {dt:g} ms")


def check_same(call, pause=0, **arguments):
    """Raise RuntimeError unless all hosts make this call, ValueError unless with the same values.

    It comes first in what hosts do together, where they would wait for each other forever, except
    in the subworlds of a ParallelContext. pause: s, between two looks for the others.
    """
    if not several or h.ParallelContext().nhost() < hosts.size:
        return
    all_here = hosts.Ibarrier()
    while not all_here.Test():
        time.sleep(pause)
    for other, its in hosts.allgather((call, arguments)):
        if other != call:
            raise RuntimeError(f"{call}, but {other} on another host: all must make the same calls")
        for name, value in arguments.items():
            if its[name] != value:
                raise ValueError(
                    f"{name} = {value}, but {its[name]} on another host: must be the same"
                )


def report(kind, error, where):
    """Print a traceback in one piece, as other hosts may print theirs."""
    print("".join(traceback.format_exception(kind, error, where)), end="", file=sys.stderr)


class Exit(SystemExit):
    """What sys.exit raises on one of several hosts. Its status ends all of them if it is Python, on
    its way out, that asks for it, because no `except` has."""

    @property
    def code(self):
        if sys._getframe().f_back is None:  # asked by no line of Python
            sys.last_value = self  # where Python notes any other error that ends a script
        return self.args[0]


def sys_exit(status=None):
    """The sys.exit of several hosts; in a thread, which it ends alone, that of one."""
    raise (Exit if threading.current_thread() is threading.main_thread() else SystemExit)(status)


@atexit.register
def leave():
    """End the other hosts after an error, or meet them.

    One reference to what is built is never given back: NEURON would take it apart cell by cell
    (20,000 cells: seconds), which the operating system does at once.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(built))
    if not several or os.getpid() != process or MPI.Is_finalized():
        return
    error = None if hasattr(sys, "ps1") else getattr(sys, "last_value", None)  # ps1: a prompt
    status = error.code if isinstance(error, SystemExit) else error and 1
    if status:
        end_all(status if isinstance(status, int) else 1)
    MPI.COMM_SELF.Delete_attr(the_end)


def meet(*_):
    """Come to the end with all hosts, so that one that waits in a call of its own hears of it."""
    try:
        check_same("the end of the script", pause=0.001)
    except RuntimeError as error:
        time.sleep(2)  # s; it ends this host by the same error, unless its script catches that
        print(error, file=sys.stderr)
        end_all(1)


def end_all(status):
    """End this host and all others with an exit status that is not 0."""
    with suppress(Exception):  # stdout may be closed, or full
        sys.stdout.flush()
    time.sleep(0.2)  # s; what the launcher has not passed on by the end, it drops
    MPI.COMM_WORLD.Abort(status)
    os._exit(status)  # Abort may return: the launcher ends this host too, but later


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
        plain = not found or stat.S_ISREG(found.st_mode)
        if found and os.path.samestat(found, os.fstat(1)):  # /dev/stdout and the like
            return print(*lines or (), sep="", end="", flush=True)
        if found and not stat.S_ISFIFO(found.st_mode):  # to open a pipe is to wait for its reader
            os.close(os.open(file_name, os.O_WRONLY))
        if plain or lines is not None:
            name = aside if plain and os.path.basename(file_name) else file_name
            with open(name, "x" if plain else "w") as file:
                file.writelines(lines or ())
        if plain and found:
            os.chmod(aside, stat.S_IMODE(found.st_mode))
        if plain and lines is not None:
            os.replace(aside, target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, file_name) from None
    finally:
        with suppress(OSError):
            os.unlink(aside)


built = None  # the Ring, or a copy of it, whose cells and gids NEURON holds: one at a time
if several:
    hosts, process, sys.exit = MPI.COMM_WORLD.Dup(), os.getpid(), sys_exit
    h.ParallelContext().mpiabort_on_error(0)  # NEURON's errors become exceptions
    # MPI deletes what belongs to COMM_SELF before it ends: pc.done(), h.quit() and pc.runworker()
    # end it before Python's own end
    the_end = MPI.Comm.Create_keyval(delete_fn=meet)
    MPI.COMM_SELF.Set_attr(the_end, None)
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = report
    with suppress(ValueError):  # imported by a thread
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends a host now, not after a step
