"""NetPyNE: two groups of cells with noise, connected by chance.

pip install netpyne; mpiexec -n 2 python -m simrun netpyne_net.py
"""

from netpyne import sim, specs

net, run = specs.NetParams(), specs.SimConfig()
net.cellParams["HH"] = {
    "secs": {
        "soma": {
            "geom": {"L": 18.8, "diam": 18.8, "Ra": 123},
            "mechs": {"hh": {"gnabar": 0.12, "gkbar": 0.036, "gl": 0.003, "el": -70}},
        }
    }
}
net.popParams["E"] = {"cellType": "HH", "numCells": 20}
net.popParams["I"] = {"cellType": "HH", "numCells": 20}
net.synMechParams["exc"] = {"mod": "Exp2Syn", "tau1": 0.1, "tau2": 5, "e": 0}
net.synMechParams["inh"] = {"mod": "Exp2Syn", "tau1": 0.1, "tau2": 9, "e": -80}
net.stimSourceParams["noise"] = {"type": "NetStim", "rate": 50, "noise": 0.5}
net.stimTargetParams["noise"] = {
    "source": "noise",
    "conds": {"pop": ["E", "I"]},
    "weight": 0.02,
    "delay": 5,
    "synMech": "exc",
}
for pre, post, syn in ("E", "I", "exc"), ("I", "E", "inh"), ("E", "E", "exc"):
    net.connParams[f"{pre}->{post}"] = {
        "preConds": {"pop": pre},
        "postConds": {"pop": post},
        "probability": 0.2,
        "weight": 0.005,
        "delay": "uniform(2, 6)",
        "synMech": syn,
    }
run.duration, run.dt, run.verbose = 300, 0.025, False

sim.createSimulate(netParams=net, simConfig=run)
if sim.rank == 0:
    spikes = sorted(zip(sim.allSimData["spkt"], sim.allSimData["spkid"]))
    with open("client.spk", "w") as file:
        file.writelines(f"{time:.3f}\t{gid:.0f}\n" for time, gid in spikes)
    print(f"{len(spikes)} spikes on {sim.nhosts} hosts")
