"""Start NEURON on top of MPI, look into a cell, and run what has been built. All modules take `h`
from here, so that MPI is started once, whichever of them comes first."""

import atexit
import ctypes
import math
import os
import stat
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from signal import SIG_DFL, SIGINT, default_int_handler, getsignal, signal
from threading import current_thread, main_thread
from traceback import format_exception, walk_stack

import mpi4py

LAUNCHERS = (  # where each leaves how many processes it has started, and which one this is
    ("MPICH's mpiexec", "PMI_SIZE", "PMI_RANK"),
    ("Open MPI's mpiexec", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("Slurm's srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),  # last: mpiexec may use srun
)
launcher, size, rank = next((each for each in LAUNCHERS if each[1] in os.environ), ("", "", ""))

# 1. Start MPI and show its library to NEURON, which takes the one whose functions it sees in the
# process. mpi4py loads it for itself alone: every process would say `0 of 1` (nrn issue 428)
for name in ("stdin", "stdout", "stderr"):
    if getattr(sys, name) is None:  # closed: what MPI opens would take its number
        setattr(sys, name, open(os.devnull, "r+"))
mpi4py.rc.initialize, mpi4py.rc.finalize = False, True  # start it below, end it with Python
os.environ["MPI4PY_CHECK_MPIEXEC"] = "0"  # step 3 says in one line what its warning would
try:
    from mpi4py import MPI

    library = MPI.get_vendor()[0]
    if not (MPI.Is_initialized() or library == "MPICH" and launcher == "Open MPI's mpiexec"):
        MPI.Init_thread()  # which would end an MPICH under Open MPI's launcher
    ctypes.CDLL(MPI.__file__, ctypes.RTLD_GLOBAL)
except (ImportError, RuntimeError, OSError) as error:
    MPI, library = None, f"no MPI library ({str(error).splitlines()[0]}; see pip install mpich)"
several = bool(MPI) and MPI.Is_initialized() and MPI.COMM_WORLD.size > 1

# 2. Start NEURON, even where it was imported before; without what it has to say about it
os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")  # without MPI it would miss a display
if several:  # numpy, which it imports, would start a thread a core on every host
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
stdout = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
try:
    from neuron import coreneuron as core_neuron, h, hoc

    if several:
        h.nrnmpi_init()
finally:
    ctypes.CDLL(None).fflush(None)
    os.dup2(stdout, 1)
os.getcwd()  # FileNotFoundError if the folder is gone: load_file would end up in NEURON's own
h.load_file("stdrun.hoc")

# 3. End a process, before it does harm, that was launched with others but does not see them
nhost, started = int(h.ParallelContext().nhost()), int(os.environ.get(size, 1))
if nhost < started and "SIMRUN_SERIAL" not in os.environ:
    if os.environ[rank] != "0":  # the launcher ends all when one has failed: let that be process 0
        raise SystemExit(time.sleep(1) or 1)
    raise SystemExit(
        f"simrun: {launcher} started {started} processes, but NEURON sees {nhost}, with {library}. "
        f"Use its own mpiexec (of pip: {sys.prefix}/bin/mpiexec) or srun --mpi=pmi2 or --mpi=pmix. "
        "SIMRUN_SERIAL=1 lets each process run alone."
    )
if not MPI:
    print(f"simrun: {library}: running on one process", file=sys.stderr)


def attach_current_clamp(cell, delay=5, dur=1, amp=0.1, loc=1):
    """Return an IClamp on `cell.dend` at `loc` (0–1): `amp` (nA) for `dur` (ms), from
    `delay` (ms) on. Keep the clamp: NEURON removes it with the last reference to it."""
    stim = h.IClamp(cell.dend(loc))
    stim.delay, stim.dur, stim.amp = delay, dur, amp
    return stim


def set_recording_vectors(cell):
    """Return three h.Vectors that the next run fills, a value a step, and that outlive the cell:
    the voltages of soma(0.5) and dend(0.5) (mV; empty without a dend), and the time (ms)."""
    soma_v_vec, dend_v_vec = h.Vector().record(cell.soma(0.5)._ref_v), h.Vector()
    if hasattr(cell, "dend"):
        dend_v_vec.record(cell.dend(0.5)._ref_v)
    return soma_v_vec, dend_v_vec, h.Vector().record(h._ref_t, sec=cell.soma)


def simulate(tstop=25):
    """Initialise and run to `tstop` (ms), serial or parallel, as the session is set: with the step
    h.dt, on CoreNEURON if it is enabled, with the local variable step if h.cvode is active."""
    h.tstop = check("tstop", tstop)
    h.setdt()  # as NEURON's own run does: a variable step has left its last one in h.dt
    prun(h.tstop, h.dt, core_neuron.enable, bool(h.cvode.active()) and h.cvode.atol())


def prun(tstop=100, dt=0.025, coreneuron=False, variable_step=False):
    """Initialise and run all hosts, each of which calls it, to `tstop` (ms) by steps of `dt` (ms).
    With `coreneuron` CoreNEURON does them: the same spikes, sooner. With `variable_step`, True for
    1e-3 or an absolute tolerance (mV for a voltage), each cell takes its own, as its error allows.
    Returns the seconds that this host computed, not waited (CoreNEURON: nan). Raises ValueError for
    what can't be run, RuntimeError for a run that fails. Sources: the README's last section."""
    tstop, dt = check("tstop", tstop), check("dt", dt)
    atol = 1e-3 if variable_step is True else variable_step
    atol = atol is not False and check("variable_step", atol)
    how = {"dt": dt, "coreneuron": bool(coreneuron), "variable_step": atol}
    check_same("prun", tstop=tstop, **how, celsius=h.celsius, v_init=h.v_init)
    pc = h.ParallelContext()
    heard = [(gid, nc.delay) for nc in h.List("NetCon") if (gid := nc.srcgid()) >= 0]
    check_owners(gid for gid, _ in heard)
    shortest = pc.allreduce(min((delay for _, delay in heard), default=math.inf), 3)  # 3: the least
    check_delay("the shortest delay", shortest, dt, coreneuron)
    with solver(**how):
        pc.set_maxstep(10)  # ms; or the shortest delay: hosts run that far between exchanges
        h.stdinit()
        psolve(pc, tstop, dt, round((100 if atol or coreneuron else 10) / dt))  # ms
    return math.nan if coreneuron else pc.step_time()


@contextmanager
def solver(dt, coreneuron, variable_step):
    """Let NEURON take the steps in one of its ways, for this run; then the session's are back."""
    inactive = (nc.valid() and not nc.active() for nc in h.List("NetCon"))
    gaps = ctypes.c_void_p.in_dll(ctypes.CDLL(hoc.__file__), "nrnthread_v_transfer_")  # junctions
    if coreneuron and (variable_step or any(inactive)):
        raise ValueError("coreneuron excludes variable_step, and a NetCon that is not active")
    if variable_step and h.ParallelContext().allreduce(bool(gaps), 2):  # 2: the most of all hosts
        raise ValueError("variable_step excludes gap junctions")
    _stand_in = next(iter(h.allsec()), None) or h.Section()  # for a host without, others would wait
    before = core_neuron.enable, h.dt, h.steps_per_ms, h.cvode.active()
    try:
        h.cvode.active(bool(variable_step))
        h.cvode.use_local_dt(bool(variable_step))  # left on, it corrupts what CoreNEURON records
        if variable_step:
            h.cvode.condition_order(2)  # find where between two steps the threshold is crossed
            h.cvode.atol(variable_step)
        h.cvode.cache_efficient(coreneuron or h.cvode.cache_efficient())  # as CoreNEURON 8 demands
        core_neuron.enable, core_neuron.verbose = coreneuron, 0
        h.dt, h.steps_per_ms = dt, 1 / dt  # stdinit would set dt back from it
        h.ParallelContext().timeout(0)  # wait: after 20 s NEURON would give up, with exit status 0
        yield
    finally:
        h.cvode.active(before[3])
        core_neuron.enable, h.dt, h.steps_per_ms = before[:3]


def psolve(pc, tstop, dt, stretch):
    """Do the steps of pc.psolve(tstop), `stretch` at a time, to hear Ctrl-C and tell how far."""
    if h.cvode.active() and not h.cvode.use_local_dt():  # as stdinit has decided
        raise ValueError("variable_step excludes extracellular and LinearMechanism")
    steps, start, due = int(tstop / dt + 1e-9), time.monotonic(), 0
    for done in range(stretch, steps + stretch, stretch) or [0]:
        last = done >= steps and h.cvode.active()
        pc.psolve(goal := tstop if last else (min(done, steps) + 0.25) * dt)  # ¼: times are rounded
        if h.t < goal - dt:
            raise RuntimeError(f"the solver gave up at {h.t:g} of {tstop:g} ms")
        if pc.id() == 0 and (seconds := time.monotonic() - start) > 10 and due <= h.t < tstop - dt:
            left, due = seconds * (tstop / h.t - 1), h.t + tstop / 10
            print(f"simulated {h.t:.0f} of {tstop:g} ms, {left:.0f} s left", file=sys.stderr)
    if any(math.isnan(sec.v) for sec in h.allsec()):
        raise RuntimeError("a voltage is not a number (nan)")


def show_output(soma_v_vec, dend_v_vec, t_vec, new_fig=True, label=""):
    """Plot recorded voltages (mV) against time (ms), soma black, dendrite red, with `new_fig=False`
    over the current axes in another style; `label` says whose. Returns the axes, not yet shown."""
    from plot_spikes import labelled, pyplot  # here, as a run without a picture starts faster so

    if new_fig or not pyplot.get_fignums():
        pyplot.figure(figsize=(8, 4), layout="constrained")
    axes = pyplot.gca()
    style = ("-", "--", ":", "-.")[len({line.get_linestyle() for line in axes.lines}) % 4]
    for name, vec, color in ("soma", soma_v_vec, "black"), ("dend", dend_v_vec, "red"):
        if len(vec):
            axes.plot(t_vec, vec, style, color=color, label=f"{label} {name}(0.5)".lstrip())
    axes.legend(fontsize=14, ncols=2, frameon=False, loc="lower left", bbox_to_anchor=(0, 1))
    return labelled(axes, "time (ms)", "membrane potential (mV)")


# What keeps the hosts together, the numbers within their limits, and a file whole
LIMITS = {  # of the arguments that may not be any number from 0 on: kind, least, most
    "N": (int, 1, 2**31 - 1),  # gids have 32 bits
    "stim_spike_num": (int, 0, 2**31 - 1),
    "radius": (float, 0, 1e6),  # µm; NEURON stores points in single precision
    "dt": (float, 1e-6, 9),  # ms; below the 10 ms of set_maxstep
    "variable_step": (float, 1e-12, 1),
}


def check(name, value):
    """Return `value` as the number that the argument `name` takes; raise ValueError if it can't."""
    kind, least, most = LIMITS.get(name, (float, 0, 1e300))
    with suppress(TypeError, ValueError, OverflowError):
        if least <= float(value) <= most and float(value) == kind(float(value)):
            return kind(float(value))
    kind = "whole" if kind is int else "finite"
    raise ValueError(f"{name} = {value!r}: must be a {kind} number from {least} to {most:.10g}")


def check_delay(name, delay, dt, coreneuron):
    """Raise ValueError unless a delay (ms) is as long as NEURON demands on several hosts."""
    steps = "two steps" if coreneuron else "the step"
    if delay - 1e-10 < dt * (1 + bool(coreneuron)):
        raise ValueError(f"{name} = {delay:g}: must be longer than {steps}, dt = {dt:g} ms")


def check_owners(gids):
    """Raise ValueError unless each of these `gids` has a cell on one host: NEURON would lose spikes
    or double them in silence. Return those, of all hosts, that were not known to be right."""
    pc = h.ParallelContext()
    together = several and pc.nhost() == hosts.size  # in subworlds of several nobody can be asked
    mine = {gid for gid in gids if gid >= 0}.difference(getattr(built, "all_gids", ()))
    asked = hosts.allreduce(mine, set.union) if together else mine
    here = Counter(gid for gid in asked if pc.gid_exists(gid) == 3)  # 1: without a cell
    owners = hosts.allreduce(here) if together else here
    for gid in (gid for gid in mine if owners[gid] != 1 and (together or pc.nhost() == 1)):
        raise ValueError(f"gid {gid}, used by host {pc.id()}, has a cell on {owners[gid]} hosts")
    return owners


def check_same(call, pause=0, **arguments):
    """Raise RuntimeError unless all hosts make this call, ValueError unless with the same values:
    first in all that they do together (but in subworlds), lest they wait for each other forever."""
    if not several or h.ParallelContext().nhost() < hosts.size:
        return
    all_here = hosts.Ibarrier()
    while not all_here.Test():
        time.sleep(pause)
    for other, its in hosts.allgather((call, arguments)):
        if other != call:
            raise RuntimeError(f"{call} here, but {other} on another host: all must call the same")
        for name, mine in arguments.items():
            if (theirs := its.get(name)) != mine:
                raise ValueError(f"{name} = {mine}, but {theirs} on another host: must be equal")


class Exit(SystemExit):
    """What sys.exit raises on one of several hosts, except in a thread, which it ends alone. Its
    status ends all hosts if it is Python, on its way out, that asks for it: no `except` has."""

    def now(status=None):  # as sys.exit is called
        raise (Exit if current_thread() is main_thread() else SystemExit)(status)

    @property
    def code(self):
        if sys._getframe().f_back is None:  # asked by no line of Python
            sys.last_value = self  # where Python notes any other error that ends a script
        return self.args[0]


def leave():
    """End the other hosts after an error, or meet them. What is built keeps a reference for ever:
    NEURON would take 20,000 cells apart in seconds, which the operating system does at once."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(built))
    if several and os.getpid() == process and not MPI.Is_finalized():
        error = None if hasattr(sys, "ps1") else getattr(sys, "last_value", None)  # ps1: a prompt
        if status := error.code if isinstance(error, SystemExit) else error and 1:
            end_all(isinstance(status, int) and status % 256 or 1)
        MPI.COMM_SELF.Delete_attr(the_end)


def meet(*_):
    """Come to the end with all hosts, so that one that waits in a call of its own hears of it."""
    try:
        if any(frame.f_code is prun.__code__ for frame, _ in walk_stack(sys._getframe())):
            raise RuntimeError(f"host {hosts.rank} has left in the middle of a run")
        check_same("the end of the script", pause=0.001)
    except RuntimeError as error:
        time.sleep(2)  # s; it ends this host by the same error, unless its script catches that
        print(error, file=sys.stderr)
        end_all(1)


def end_all(status):
    """End this host and all others with this exit status."""
    with suppress(Exception):  # stdout may be closed, or full
        sys.stdout.flush()
    time.sleep(0.2)  # s; what the launcher has not passed on by the end, it drops
    MPI.COMM_WORLD.Abort(status)
    os._exit(status)  # Abort may return: the launcher ends this host too, but later


def write_whole(file_name, lines=None):
    """Write lines to a file, whole or not at all; its mode stays, a link a link, and a device or a
    pipe is written to. Without `lines` only find out if that can work. Raises OSError with name."""
    target = os.path.realpath(file_name)
    aside, kept = f"{target}.{os.urandom(8).hex()}", ""
    try:
        found = os.stat(file_name) if os.path.exists(file_name) else None
        if found and os.path.samestat(found, os.fstat(1)):  # /dev/stdout and the like
            return print(*lines or (), sep="", end="", flush=True)
        if found and not stat.S_ISFIFO(found.st_mode):
            os.close(os.open(file_name, os.O_WRONLY))
        elif found and lines is not None:
            print(f"waiting for a reader of {file_name}", file=sys.stderr)
        plain = not found or stat.S_ISREG(found.st_mode)
        if plain or lines is not None:
            name = aside if plain and os.path.basename(file_name) else file_name
            with open(name, "x" if plain else "w") as file:
                file.writelines(lines or ())
        if plain and found:
            os.chmod(aside, stat.S_IMODE(found.st_mode))
        if plain and lines is not None:
            kept = f"; the spikes are in {aside}"
            os.replace(aside, target)
    except OSError as error:
        raise OSError(error.errno, error.strerror + kept, file_name) from None
    finally:
        if not kept:
            with suppress(OSError):
                os.unlink(aside)


if "built" not in globals():  # once, even if this module is reloaded
    built = None  # the Ring, or a copy of it, that NEURON holds: one at a time
    recorder = h.FInitializeHandler(3, lambda: built and built.record_spikes())  # 3: before a run
    atexit.register(leave)
if several and "hosts" not in globals():
    hosts, process, sys.exit = MPI.COMM_WORLD.Dup(), os.getpid(), Exit.now
    h.ParallelContext().mpiabort_on_error(0)  # NEURON's errors become exceptions
    the_end = MPI.Comm.Create_keyval(delete_fn=meet)
    MPI.COMM_SELF.Set_attr(the_end, None)  # deleted as MPI ends, which pc.done() makes early
    if sys.excepthook is sys.__excepthook__:  # then in one piece: other hosts may have one too
        sys.excepthook = lambda *error: sys.stderr.write("".join(format_exception(*error)))
    if getsignal(SIGINT) is default_int_handler and current_thread() is main_thread():
        signal(SIGINT, SIG_DFL)  # Ctrl-C ends a host now, not after a step
