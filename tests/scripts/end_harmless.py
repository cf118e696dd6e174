"""What is caught, or meant, does no harm to a parallel run."""

import argparse
import importlib
import multiprocessing
import os
import sys
import threading
from contextlib import suppress

import ring
import simrun
from simrun import pc

my_ring = ring.Ring()


def exit_in_a_thread():
    thread = threading.Thread(target=sys.exit, args=[3])
    thread.start()
    thread.join()


def exit_caught():
    with suppress(SystemExit):
        sys.exit(3)
    with suppress(SystemExit):
        argparse.ArgumentParser().parse_args(["x"])


def process_forked_by_python():
    if pc.id() == 0:
        child = multiprocessing.get_context("fork").Process(target=sys.exit, args=[3])
        child.start()
        child.join()
        assert child.exitcode == 3


def process_forked():
    if pc.id() == 0:
        child = os.fork()
        if child == 0:
            os._exit(3)
        os.waitpid(child, 0)


def error_caught():
    try:
        my_ring.write_spikes("/nowhere/out.spk")
    except OSError:
        print("caught")


def run_in_a_thread():
    thread = threading.Thread(target=simrun.prun)
    thread.start()
    thread.join()
    assert len(my_ring.gather_spikes()[0]) == 14 * (pc.id() == 0)


def modules_loaded_again():
    importlib.reload(simrun)
    importlib.reload(ring)
    other = ring.Ring()
    simrun.prun()
    assert len(other.gather_spikes()[0]) == 14 * (pc.id() == 0)


for case in (
    exit_in_a_thread,
    exit_caught,
    process_forked_by_python,
    process_forked,
    error_caught,
    run_in_a_thread,
    modules_loaded_again,
):
    case()
    pc.barrier()
    print("well\n", end="")
