"""The same ring in Arbor, a peer for the benchmark: soma one control volume, dendrite five.

python tests/arbor_ring.py N THREADS CELLS_A_GROUP
"""

import resource
import sys
import time

import arbor
from arbor import units as U

RADIUS, LENGTH = 12.6157 / 2, 200  # of the soma, of the dendrite; µm


class Ring(arbor.recipe):
    def __init__(self, N):
        super().__init__()
        self.N = N
        tree, end = arbor.segment_tree(), 2 * RADIUS
        soma = tree.append(
            arbor.mnpos,
            arbor.mpoint(0, 0, 0, RADIUS),
            arbor.mpoint(end, 0, 0, RADIUS),
            tag=1,
        )
        tree.append(
            soma,
            arbor.mpoint(end, 0, 0, 0.5),
            arbor.mpoint(end + LENGTH, 0, 0, 0.5),
            tag=3,
        )
        decor = (
            arbor.decor()
            .set_property(
                Vm=-65 * U.mV,
                cm=0.01 * U.F / U.m2,
                rL=100 * U.Ohm * U.cm,
                tempK=279.45 * U.Kelvin,
            )
            .set_ion("na", rev_pot=50 * U.mV)
            .set_ion("k", rev_pot=-77 * U.mV)
            .paint("(tag 1)", arbor.density("hh"))
            .paint("(tag 3)", arbor.density("pas/e=-65", {"g": 0.001}))
            .place(
                "(on-components 0.5 (tag 3))",
                arbor.synapse("expsyn", {"tau": 2, "e": 0}),
                "synapse",
            )
            .place(
                "(on-components 1 (tag 1))",
                arbor.threshold_detector(10 * U.mV),
                "detector",
            )
        )
        volumes = arbor.cv_policy(
            "(join (single (tag 1)) (fixed-per-branch 5 (tag 3)))"
        )
        self.cell = arbor.cable_cell(tree, decor, arbor.label_dict(), volumes)
        self.properties = arbor.neuron_cable_properties()

    def num_cells(self):
        return self.N

    def cell_kind(self, gid):
        return arbor.cell_kind.cable

    def cell_description(self, gid):
        return self.cell

    def connections_on(self, gid):
        source = (gid - 1) % self.N, "detector"
        return [arbor.connection(source, "synapse", 0.01, 5 * U.ms)]

    def event_generators(self, gid):
        at_10_ms = arbor.explicit_schedule([10 * U.ms])
        return [arbor.event_generator("synapse", 0.004, at_10_ms)] if gid == 0 else []

    def global_properties(self, kind):
        return self.properties


if __name__ == "__main__":
    N, threads, group = map(int, sys.argv[1:])
    start = time.perf_counter()
    ring = Ring(N)
    context = arbor.context(arbor.proc_allocation(threads=threads))
    hint = arbor.partition_hint()
    hint.prefer_gpu, hint.cpu_group_size = False, group
    groups = arbor.partition_load_balance(ring, context, {arbor.cell_kind.cable: hint})
    simulation = arbor.simulation(ring, context, groups)
    simulation.record(arbor.spike_recording.all)
    built = time.perf_counter()
    simulation.run(100 * U.ms, 0.025 * U.ms)
    solved = time.perf_counter()
    spikes = simulation.spikes()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / N
    print(
        f"build {(built - start) / N * 1e6:.0f} µs a cell, solve {solved - built:.1f} s, "
        f"{len(spikes)} spikes, the first at {min(float(each[1]) for each in spikes):.3f} ms, "
        f"{memory:.1f} kB a cell"
    )
