"""One host does what it should not; the others go on to a run of hours.

end_fault.py FAULT
"""

import signal
import sys

import ring
import simrun
from simrun import h, pc

my_ring = ring.Ring()
me = pc.id()
create_cells = ring.Ring.create_cells
kept = []


def broken(*_):
    raise RuntimeError("broken")


def broken_on_1(*_):
    if me == 1:
        broken()


def in_script():
    broken_on_1()


def before_a_raw_call():
    broken_on_1()
    pc.barrier()


def in_neuron():
    if me == 1:
        pc.set_gid2node(1, 1)


def in_building():
    ring.Ring.create_cells = lambda net: (create_cells(net), broken_on_1())
    ring.Ring()


def in_initialising():
    kept.append(h.FInitializeHandler(broken_on_1))


def in_an_event():
    start = lambda: me == 1 and h.cvode.event(5, broken)  # noqa: E731
    kept.append(h.FInitializeHandler(start))


def in_writing():
    ring.write_whole = broken
    simrun.prun(50)
    my_ring.write_spikes()


def interrupted():
    if me == 1:
        raise KeyboardInterrupt


def with_stdout_full():
    if me == 1:
        sys.stdout = open("/dev/full", "w")
        print("x")
        broken()


def other_parameters():
    ring.Ring(N=5 + me)


def exit_of_one():
    if me == 1:
        sys.exit(3)


def caught_and_gone_on():
    try:
        broken_on_1()
        simrun.prun(30)
    except RuntimeError:
        pass


def one_gathers():
    if me == 0:
        my_ring.gather_spikes()


def one_draws():
    if me == 0:
        from plot_spikes import show_network

        show_network(my_ring)


def hooked():
    sys.excepthook = lambda *error: print("my hook:", error[1])
    simrun.prun(20)
    broken_on_1()
    pc.barrier()


def own_signal():
    """What a script has set before, or sets later, is its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    broken_on_1()


vars()[sys.argv[1]]()
simrun.prun(1e6)
print("after 1e6 ms")
