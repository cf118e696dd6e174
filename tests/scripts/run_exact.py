"""Print every network's spikes with every solver, to the last bit, on host 0."""

import simrun
from ring import Ring

NETWORKS = [  # few cells, many spikes, delays that do not divide, runs without spikes
    {},
    {"N": 1, "syn_delay": 20},
    {"N": 2, "syn_w": 0.03, "syn_delay": 0.5, "stim_spike_num": 3},
    {"N": 23, "syn_delay": 12.3, "stim_w": 0.02, "tstop": 150},
    {"N": 100, "syn_w": 0.02, "syn_delay": 0.1, "tstop": 40, "dt": 0.03},
    {"N": 6, "syn_delay": 0.0200001, "radius": 1e6, "tstop": 30, "dt": 0.01},
    {"N": 8, "stim_spike_num": 2, "syn_w": 0.02, "syn_delay": 2.5, "dt": 0.05},
    {"stim_w": -0.0},
    {"tstop": 0.01},
    {"tstop": 0},
]
EXTREMES = [  # by the fixed step alone
    {"syn_w": 1e300},
    {"stim_w": 1e300},
    {"syn_delay": 1e300},
    {"syn_delay": 8.5, "dt": 8},
    {"dt": 1e-6, "tstop": 0.01},
    {"N": 2, "syn_w": 0.03, "syn_delay": 15, "tstop": 3000, "dt": 0.1},
]
SOLVERS = [{}, {"coreneuron": True}, {"variable_step": True}, {"variable_step": 1e-5}]


def show(network, solvers):
    """Run a network with each solver, and print its spikes."""
    network = dict(network)
    run = {"tstop": network.pop("tstop", 100), "dt": network.pop("dt", 0.025)}
    ring = Ring(**network)
    for solver in solvers:
        simrun.prun(**run, **solver)
        times, gids = ring.gather_spikes()
        if ring.pc.id() == 0:
            print(*(f"{time.hex()} {gid}" for time, gid in zip(times, gids)), sep=",")
        else:
            assert times.shape == gids.shape == (0,)
            assert (times.dtype, gids.dtype) == (float, int)


for network in NETWORKS:
    show(network, SOLVERS)
for network in EXTREMES:
    show(network, [{}])
