"""Start NEURON on top of MPI, look into a cell, run what has been built, and keep the
hosts of a run together. It also runs any script of NEURON's, unchanged:

mpiexec -n 4 python -m simrun SCRIPT [ARGUMENTS]     SCRIPT is a .py or a .hoc
mpiexec -n 4 python -m simrun -m MODULE [ARGUMENTS]
"""

import atexit
import ctypes
import runpy
import sys
from contextlib import contextmanager, suppress
from math import inf, isfinite
from os import _exit, environ
from os.path import dirname, isfile, realpath
from signal import SIG_DFL, SIGINT, signal
from time import monotonic, sleep
from traceback import format_exception

import mpi4py

LAUNCHERS = {  # the variables in which each says how many it started, and which this is
    "PMI_SIZE": "PMI_RANK",  # MPICH, Intel MPI
    "OMPI_COMM_WORLD_SIZE": "OMPI_COMM_WORLD_RANK",  # Open MPI
    "SLURM_STEP_NUM_TASKS": "SLURM_PROCID",  # srun; last, as an mpiexec may use it
}
REMEDY = f"""
  Start them with the mpiexec of that MPI (of pip: {sys.prefix}/bin/mpiexec),
  or with srun --mpi=pmi2 or srun --mpi=pmix."""


def start_mpi():
    """Start MPI, and show its library to NEURON: mpi4py loads the library for itself
    alone. NEURON would see no MPI, and every process be host `0 of 1` (nrn issue 428).
    """
    # nrniv and special end MPI themselves
    mpi4py.rc.finalize = not sys.argv[0].endswith(("nrniv", "special"))
    mpi4py.rc.initialize = False  # done below, except where MPICH would crash
    environ["MPI4PY_CHECK_MPIEXEC"] = "0"  # check_launcher says more than this warning
    from mpi4py import MPI

    crashes = MPI.get_vendor()[0] == "MPICH" and "OMPI_COMM_WORLD_SIZE" in environ
    if not MPI.Is_initialized() and not crashes:
        MPI.Init_thread()
    ctypes.CDLL(MPI.__file__, ctypes.RTLD_GLOBAL)  # and the library that it needs
    return MPI


def check_launcher(MPI):
    """Return how many hosts there are. End a process that was started with others and
    does not see them: each would run the whole network, and overwrite the others' file.
    """
    nhost = MPI.COMM_WORLD.size if MPI.Is_initialized() else 1
    for size, rank in LAUNCHERS.items():
        started = int(environ.get(size, 0))
        if started > nhost:
            if environ[rank] != "0":
                sleep(1)  # s; process 0 speaks first: one that ends, ends all
                sys.exit(1)
            sys.exit(
                f"simrun: a launcher started {started} processes ({size}), "
                f"but {MPI.get_vendor()[0]} sees {nhost}.{REMEDY}"
            )
        if started:
            break
    return nhost


def start_neuron(nhost):
    """Import NEURON. Start its parallel part too, as whoever imports NEURON before this
    module has a serial one."""
    environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")  # or it may miss a display
    if nhost > 1:  # or numpy and CoreNEURON start a thread a core on each
        environ.setdefault("OMP_NUM_THREADS", "1")
    from neuron import coreneuron, h

    if nhost > 1:
        h.nrnmpi_init()
    h.load_file("stdrun.hoc")
    coreneuron.verbose = 0
    return coreneuron, h


MPI = start_mpi()
nhost = check_launcher(MPI)
core_neuron, h = start_neuron(nhost)
pc = h.ParallelContext()


def attach_current_clamp(cell, delay=5, dur=1, amp=0.1, loc=1):
    """Return an IClamp on `cell.dend` at `loc` (0–1): `amp` (nA) for `dur` (ms), from
    `delay` (ms) on. Keep the clamp: NEURON removes it with the last reference to it."""
    stim = h.IClamp(cell.dend(loc))
    stim.delay = delay
    stim.dur = dur
    stim.amp = amp
    return stim


def set_recording_vectors(cell):
    """Return three h.Vectors that the next run fills, a value a step, and that outlive
    the cell: the voltages of soma(0.5) and dend(0.5) (mV), and the time (ms)."""
    soma_v_vec = h.Vector().record(cell.soma(0.5)._ref_v)
    dend_v_vec = h.Vector().record(cell.dend(0.5)._ref_v)
    t_vec = h.Vector().record(h._ref_t, sec=cell.soma)  # of the cell's own steps
    return soma_v_vec, dend_v_vec, t_vec


def show_output(soma_v_vec, dend_v_vec, t_vec, new_fig=True):
    """Plot recorded voltages (mV) against time (ms), soma black, dendrite red, with
    `new_fig=False` over the current axes. Returns the axes; the caller calls
    `pyplot.show()`."""
    from matplotlib import pyplot  # here: a run without a picture starts faster so

    if new_fig:
        pyplot.figure(figsize=(8, 4))
    axes = pyplot.gca()
    axes.plot(t_vec, soma_v_vec, color="black", label="soma(0.5)")
    axes.plot(t_vec, dend_v_vec, color="red", label="dend(0.5)")
    axes.set(xlabel="time (ms)", ylabel="membrane potential (mV)")
    axes.set_xlim(0, auto=None)  # the end follows what is added later
    axes.legend()
    return axes


def simulate(tstop=25):
    """Initialise and run to `tstop` (ms), serial or parallel, as the session is set:
    with the step of h.run, on CoreNEURON if that is enabled, and if h.cvode is active
    with variable steps, each cell its own (an atol of 1 means 1e-3)."""
    h.setdt()  # as h.run does: a variable step has left its last one in h.dt
    variable_step = h.cvode.active() * h.cvode.atol()  # 0, if it is not active
    prun(tstop, h.dt, core_neuron.enable, variable_step)


def prun(tstop=100, dt=0.025, coreneuron=False, variable_step=False):
    """Initialise and run all hosts, each of which calls it, to `tstop` (ms) by whole
    steps of `dt` (ms). With `coreneuron` CoreNEURON does them: the same spikes, sooner.
    With `variable_step`, an absolute tolerance (mV for a voltage) or True for 1e-3,
    each cell takes steps of its own; 1 is True, and not a tolerance of 1 mV.

    Raises ValueError for what can't be run, RuntimeError for a run that fails. Sources:
    the README's last section."""
    tstop = check("tstop", tstop, unit="ms")
    dt = check("dt", dt, 1e-6, "ms")
    variable_step = check("variable_step", variable_step, unit="mV")
    if variable_step == 1:
        variable_step = 1e-3
    how = {"dt": dt, "coreneuron": bool(coreneuron), "variable_step": variable_step}
    together(
        "prun",
        tstop=tstop,
        **how,
        celsius=h.celsius,
        v_init=h.v_init,
        secondorder=h.secondorder,
    )
    check_network(**how)
    with solver(**how):
        pc.set_maxstep(10)  # ms, or the shortest delay: so far hosts run on their own
        h.stdinit()
        if variable_step:
            prepare_variable_step()
        psolve(tstop, **how)
    # 2: the most of all hosts, so that all raise what one has
    if pc.allreduce(not all(isfinite(sec.v) for sec in h.allsec()), 2):
        raise RuntimeError("a voltage is not a number (nan)")


def check(name, value, least=0, unit="", kind=float):
    """Return `value`, a number or its text, as a float, or with kind=int as an int.
    Raises ValueError unless it is one, finite, and at least `least`."""
    with suppress(TypeError, ValueError, OverflowError):
        number = kind(value)
        if isfinite(number) and least <= number == float(value):
            return number
    must_be = f"must be {kind.__name__}, at least {least:g} {unit}".rstrip()
    raise ValueError(f"{name} = {value!r}: {must_be}")


def check_network(dt, coreneuron, variable_step):
    """Raise ValueError for what NEURON can't run in this way, or would run wrong. On
    one host too, delays between cells must be what several hosts need."""
    netcons = h.List("NetCon")
    delays = [nc.delay for nc in netcons if nc.srcgid() >= 0]
    shortest = pc.allreduce(min(delays, default=inf), 3)  # 3: the least of all
    least = dt * (1 + coreneuron)  # ms; CoreNEURON needs two steps
    too_short = f"shortest delay = {shortest:g} ms: must be longer than {least:g} ms"
    refused = {too_short: shortest - 1e-10 < least}  # 1e-10: rounding
    split_cells = is_set("nrn_multisplit_setup_")
    if coreneuron:
        asleep = [nc for nc in netcons if nc.valid() and not nc.active()]
        refused |= {
            "coreneuron can't run variable_step": variable_step,
            "coreneuron can't run cells split over hosts": split_cells,
            "coreneuron can't run rxd": is_set("nrn_nonvint_block"),
            "coreneuron can't run a NetCon that is not active": asleep,
            "coreneuron can't run in subworlds of several": 1 < pc.nhost() < nhost,
        }
    elif variable_step:
        refused |= {
            "variable_step can't run cells split over hosts": split_cells,
            "variable_step can't run gap junctions": is_set("nrnthread_v_transfer_"),
            "variable_step can't run h.cvode.queue_mode": h.cvode.queue_mode(),
        }
    for reason, found in refused.items():
        if pc.allreduce(bool(found), 2):  # 2: the most; all hosts hear what one has
            raise ValueError(reason)


def is_set(pointer):
    """Return a pointer in NEURON's library: null, so false, until a feature is used."""
    from neuron import hoc  # NEURON's library

    with suppress(ValueError):  # a later NEURON may have another name for it
        return ctypes.c_void_p.in_dll(ctypes.CDLL(hoc.__file__), pointer)


@contextmanager
def solver(dt, coreneuron, variable_step):
    """Let NEURON take the steps of a run in one of its ways, and then put the session's
    settings back."""
    cvode = h.cvode
    settings = cvode.active, cvode.use_local_dt, cvode.condition_order, cvode.atol
    before = [setting() for setting in settings]
    session = h.dt, h.steps_per_ms, core_neuron.enable
    # One at least: with the variable step a host without sections would take no part
    kept = [next(h.allsec(), None) or h.Section()]
    try:
        cvode.active(bool(variable_step))
        cvode.use_local_dt(bool(variable_step))  # left on, CoreNEURON records nonsense
        if variable_step:
            cvode.condition_order(2)  # find when, in a step, the threshold is crossed
            cvode.atol(variable_step)
        if coreneuron:
            cvode.cache_efficient(1)  # which CoreNEURON 8 demands
            # Each such cell gets a NetCon, or CoreNEURON on several hosts may take its
            # events for spikes of another; and that a target, or it crashes at STDP
            nowhere = h.ExpSyn(kept[0](0.5))  # the weight is 0
            kept += [h.NetCon(cell, nowhere) for cell in artificial_cells()]
        core_neuron.enable = coreneuron
        h.dt, h.steps_per_ms = dt, 1 / dt  # stdinit takes the step from the second
        h.stoprun = 0  # an earlier run may have been ended by it
        yield
    finally:
        h.dt, h.steps_per_ms, core_neuron.enable = session
        for setting, value in zip(settings, before):
            setting(value)


def artificial_cells():
    """Yield every cell of this host that has no sections, such as a NetStim."""
    kinds, name = h.MechanismType(1), h.ref("")  # 1: point processes
    for number in range(int(kinds.count())):
        if kinds.is_artificial(number):
            kinds.select(number)
            kinds.selected(name)
            yield from h.List(name[0])


def psolve(tstop, dt, coreneuron, variable_step):
    """Do the steps of pc.psolve(tstop) a stretch at a time: between two, Python hears
    Ctrl-C and says how far the run is. `h.stoprun = 1` on every host ends it early."""
    stretch = 100 if coreneuron or variable_step else 10  # ms; short costs them more
    # A quarter of a step more, or the last step may be lost by rounding
    end = tstop if variable_step else (int(tstop / dt + 1e-9) + 0.25) * dt
    began, due, goal = monotonic(), 10, 0
    while goal < end:
        goal = min(goal + stretch, end)
        pc.psolve(goal)
        if h.stoprun:
            return
        if h.t < goal - 2 * dt:  # more than what rounding can lose
            raise RuntimeError(f"the solver gave up at {h.t:g} of {tstop:g} ms")
        took = monotonic() - began
        if took > due and pc.id() == 0:
            sys.stderr.write(f"simulated {h.t:.0f} of {tstop:g} ms in {took:.0f} s\n")
            due *= 2  # few lines, however long it takes


def prepare_variable_step():
    """Raise ValueError if stdinit found that cells can't take steps of their own. Then
    read each NetCon's delay, which gives it an event of its own: after stdinit NetCons
    of a cell with equal delays share one, and until that arrives NEURON may miss the
    cell's next spike."""
    if not h.cvode.use_local_dt():
        raise ValueError("variable_step can't run extracellular or LinearMechanism")
    for nc in h.List("NetCon"):
        nc.delay  # noqa: B018


def together(call, /, **values):
    """Raise RuntimeError unless all hosts make this call, ValueError unless with the
    same values. It comes first in what hosts do together, where they would wait for one
    that is missing. In subworlds, where they work apart, it does nothing."""
    if nhost == 1 or pc.nhost() < nhost:
        return
    import numpy as np  # not above: start_neuron says how many threads it may start

    # hosts: MPI's, defined below
    for host, (other, theirs) in enumerate(hosts.allgather((call, values))):
        if other != call:
            raise RuntimeError(
                f"host {host} is at {other}, and never called {call}: "
                "call it on every host, outside of any `if`"
            )
        for name, value in values.items():
            if not np.all(theirs[name] == value):  # all: an array has many answers
                raise ValueError(
                    f"{name} = {value!r}, but {theirs[name]!r} on host {host}: "
                    "must be equal on all hosts"
                )


def end_all(message, status):
    """End all hosts with this exit status, after a message on stderr. What all have to
    say, such as bad input, host 0 says."""
    sleep(pc.id_world() > 0)  # s; by then host 0 may have said it, and ended all
    sys.stderr.write(message)
    if nhost == 1:
        sys.exit(status)
    with suppress(OSError):  # as on a disk that is full
        sys.stdout.flush()
    sleep(0.2)  # s; what the launcher has not passed on by the end, it drops
    MPI.COMM_WORLD.Abort(status)
    _exit(status)  # Abort may return before the launcher ends this host


def end_after_error(kind, error, traceback):
    """End all hosts after an error that nobody caught, as the others do not know of it.
    The traceback begins in the script, not in what has started it."""
    while traceback and traceback.tb_frame.f_code.co_filename in NOT_THE_SCRIPT:
        traceback = traceback.tb_next
    end_all("".join(format_exception(kind, error, traceback)), 1)


NOT_THE_SCRIPT = __file__, runpy.__file__, "<frozen runpy>"


def meet(*_):
    """Wait at the end for all hosts, as one may be in a call that it makes alone."""
    try:
        together("the end of the script")
    except RuntimeError as error:
        sleep(2)  # s; the host of the call has this error too, and says where
        end_all(f"simrun: {error}\n", 1)


def leave():
    """At the end of Python, delete MPI's attribute `the_end`, so that MPI calls `meet`.
    pc.done() and h.quit() never come here, but end MPI, which deletes it then."""
    if not MPI.Is_finalized():
        MPI.COMM_SELF.Delete_attr(the_end)


if nhost > 1 and "hosts" not in globals():  # once, even if this module is reloaded
    hosts = MPI.COMM_WORLD.Dup()  # for our messages, which then mix with no others
    pc.mpiabort_on_error(0)  # NEURON's errors become exceptions
    pc.timeout(0)  # or NEURON ends a run, with status 0, if a host is busy for 40 s
    the_end = MPI.Comm.Create_keyval(delete_fn=meet)
    MPI.COMM_SELF.Set_attr(the_end, None)  # MPI deletes it, by `meet`, as it ends
    atexit.register(leave)
    sys.excepthook = end_after_error
    with suppress(ValueError):  # of a thread, which has no signals
        signal(SIGINT, SIG_DFL)  # Ctrl-C ends a host at once


def run_script(words):
    """Run a script as Python or NEURON would, for `python -m simrun`. `words` are its
    file, or -m and a module, then its arguments; without, say what there is."""
    script = words[0] if words else "-h"
    sys.excepthook = end_after_error
    if script in ("-h", "--help"):
        name, (x, y, z) = MPI.get_vendor()
        if pc.id() == 0:
            print(__doc__)
            print(f"{nhost} hosts, {name} {x}.{y}.{z}, NEURON {h.nrnversion(5)}")
    elif script == "-m" and words[1:]:
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    elif isfile(script) and script.endswith(".py"):
        sys.argv = words
        sys.path[0] = dirname(realpath(script))
        runpy.run_path(script, run_name="__main__")
    elif isfile(script) and script.endswith(".hoc"):
        h.xopen(script)  # load_file would go to its folder, and NEURON 8 hide errors
    else:
        end_all(f"simrun: {script}: there is no such file, or no .py or .hoc\n", 2)


if __name__ == "__main__":
    sys.modules["simrun"] = sys.modules["__main__"]  # for a script that imports it
    run_script(sys.argv[1:])
