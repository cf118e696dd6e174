"""Run a ring three ways after something else has been imported first.

run_imports.py neuron|both|thread
"""

import sys
import threading

first = sys.argv[1]
if first == "neuron":  # and it has been used
    from neuron import h

    h.load_file("stdrun.hoc")
    assert h.ParallelContext().nhost() == 1
    soma = h.Section()
    h.finitialize(-65)
    h.fadvance()
if first == "both":
    from mpi4py import MPI  # noqa: F401, I001

    import neuron  # noqa: F401
if first == "thread":
    thread = threading.Thread(target=__import__, args=["simrun"])
    thread.start()
    thread.join()

from neuron import h  # noqa: E402

import ring  # noqa: E402
import simrun  # noqa: E402

my_ring = ring.Ring()
pc = h.ParallelContext()
print(f"I am {pc.id():g} of {pc.nhost():g}\n", end="")
h.tstop = 100
runs = [h.run, lambda: simrun.prun(coreneuron=True), simrun.prun]
for number, run in enumerate(runs):  # h.run first: it is told nothing by the others
    run()
    my_ring.write_spikes(f"{pc.nhost():g}{number}.spk")
