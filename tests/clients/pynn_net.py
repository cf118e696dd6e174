"""PyNN: integrate-and-fire neurons that excite one another.

pip install PyNN; mpiexec -n 2 python -m simrun pynn_net.py
"""

import pyNN.neuron as sim

rank = sim.setup(timestep=0.025, min_delay=1.0, max_delay=20.0)
cells = sim.Population(20, sim.IF_curr_exp(i_offset=1.0, tau_refrac=2.0))
cells.initialize(v=-65.0)
pairs = []
for gid in range(20):
    for step in (1, 3, 7):
        pairs.append((gid, (gid + step) % 20, 0.5, 1.0 + gid * step % 7))
sim.Projection(cells, cells, sim.FromListConnector(pairs), sim.StaticSynapse())
cells.record("spikes")
sim.run(100.0)
trains = cells.get_data("spikes").segments[0].spiketrains
if rank == 0:
    spikes = []
    for train in trains:
        spikes += [(float(t), train.annotations["source_index"]) for t in train]
    with open("client.spk", "w") as file:
        file.writelines(f"{t:.3f}\t{gid}\n" for t, gid in sorted(spikes))
    print(f"{len(spikes)} spikes on {sim.num_processes()} hosts")
sim.end()
