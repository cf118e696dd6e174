"""BMTK: point neurons that play a list of spikes, described by files as its users do.

pip install bmtk PyNN (for vecstim.mod)
python bmtk_net.py build; nrnivmodl .../vecstim.mod; mpiexec -n 2 python -m simrun bmtk_net.py
"""

import json
import sys
from pathlib import Path


def described(kind, name):
    """The files that describe nodes, or edges."""
    files = f"net/{name}_{kind}"
    return {f"{kind}s_file": f"{files}s.h5", f"{kind}_types_file": f"{files}_types.csv"}


CONFIG = {
    "run": {
        "tstop": 100.0,
        "dt": 0.025,
        "spike_threshold": -15,
        "nsteps_block": 5000,
        "dL": 20.0,
    },
    "conditions": {"celsius": 34.0, "v_init": -80},
    "target_simulator": "NEURON",
    "components": {"point_neuron_models_dir": ".", "synaptic_models_dir": "."},
    "networks": {
        "nodes": [described("node", "cells"), described("node", "inputs")],
        "edges": [described("edge", "cells_cells"), described("edge", "inputs_cells")],
    },
    "inputs": {
        "spikes": {
            "input_type": "spikes",
            "module": "csv",
            "input_file": "inputs.csv",
            "node_set": "inputs",
        }
    },
    "output": {
        "output_dir": "output",
        "overwrite_output_dir": True,
        "spikes_file": "spikes.h5",
        "spikes_file_csv": "spikes.csv",
    },
}


def build():
    """Write the files of the network, on one process."""
    from bmtk.builder.networks import NetworkBuilder

    def ahead(source, target):
        return int((target.node_id - source.node_id) % 12 in (1, 4))

    def fourth(source, target):
        return int(target.node_id % 4 == source.node_id)

    cells, inputs = NetworkBuilder("cells"), NetworkBuilder("inputs")
    fire = {"model_type": "point_process", "model_template": "nrn:IntFire1"}
    cells.add_nodes(N=12, dynamics_params="fire.json", **fire)
    inputs.add_nodes(N=4, model_type="virtual")
    how = {"target": cells.nodes(), "dynamics_params": "syn.json", "model_template": ""}
    for net, rule, weight, delay in (
        (cells, ahead, 0.7, 3.0),
        (inputs, fourth, 2.0, 1.0),
    ):
        sources = {"source": net.nodes(), "connection_rule": rule}
        net.add_edges(syn_weight=weight, delay=delay, **sources, **how)
    for net in cells, inputs:
        net.build()
        net.save(output_dir="net")
    Path("config.json").write_text(json.dumps(CONFIG))
    Path("fire.json").write_text('{"tau": 0.01, "refrac": 0.005}')  # s
    Path("syn.json").write_text('{"sign": 1}')
    played = ["timestamps population node_ids"]
    for node in range(4):
        played += [f"{5 + node * 2.3 + k * 15} inputs {node}" for k in range(6)]
    Path("inputs.csv").write_text("\n".join(played) + "\n")


def run():
    """Run what the files describe; count the spikes that are in the file then."""
    from bmtk.simulator import bionet
    from neuron import h

    config = bionet.Config.from_json("config.json")
    config.build_env()
    network = bionet.BioNetwork.from_config(config)
    bionet.BioSimulator.from_config(config, network=network).run()
    pc = h.ParallelContext()
    pc.barrier()
    if pc.id() == 0:
        _, *lines = Path("output/spikes.csv").read_text().splitlines()
        Path("client.spk").write_text("\n".join(sorted(lines)))
        print(f"{len(lines)} spikes on {pc.nhost():g} hosts")


build() if sys.argv[-1] == "build" else run()
