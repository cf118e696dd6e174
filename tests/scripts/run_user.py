"""Three rings one after the other, traces of cell 0 where it lives, a file of each."""

from matplotlib import pyplot

import ring
import simrun

for weight in (0.01, 0.02, 0.01):
    my_ring = ring.Ring(N=3, syn_w=weight)
    has_cell_0 = my_ring.pc.gid_exists(0)  # other hosts may have no cell at all
    if has_cell_0:
        recorded = simrun.set_recording_vectors(my_ring.cells[0])
    simrun.simulate(tstop=50)
    if has_cell_0:
        simrun.show_output(*recorded, new_fig=weight == 0.01)
    my_ring.write_spikes(f"{weight}.spk")
pyplot.savefig("traces.png")
