"""Models that CoreNEURON or the variable step can't run: what is said of each, on each host.

run_refused.py MODEL ...
"""

import sys

import ring
import simrun
from simrun import h, pc

kept = []


def extracellular(cells):
    if cells:
        cells[0].soma.insert("extracellular")


def linear_mechanism(cells):
    where = h.SectionList([cells[0].dend])
    matrices = h.Matrix(1, 1), h.Matrix(1, 1)
    parts = *matrices, h.Vector(1), h.Vector(1), where, h.Vector([0.5])
    kept.append((h.LinearMechanism(*parts), parts))


def gap_junction(cells):
    if pc.id() == 0:  # the other hosts hear of it
        soma = cells[0].soma
        pc.source_var(soma(0.5)._ref_v, 1, sec=soma)
        clamp = h.IClamp(cells[1].soma(0.5))
        pc.target_var(clamp, clamp._ref_amp, 1)
        kept.append(clamp)
    pc.setup_transfer()


def inactive(cells):
    if pc.id() == 0:
        my_ring.nclist[0].active(False)


def queue_mode(cells):
    h.cvode.queue_mode(1)


def split_cells(cells):
    sections = [h.Section(name=f"{cell}_half") for cell in cells[:1]]
    for sec in sections:
        pc.multisplit(sec(0), 1000 + pc.id())
    pc.multisplit()
    kept.append(sections)


def reaction_diffusion(cells):
    from neuron import rxd

    inside = rxd.Region([cells[0].soma], nrn_region="i")
    calcium = rxd.Species(inside, name="ca", charge=2)
    kept.append(rxd.Rate(calcium, -calcium))
    h.finitialize()


MODELS = {
    extracellular: "variable_step",
    linear_mechanism: "variable_step",
    queue_mode: "variable_step",
    inactive: "coreneuron",
    gap_junction: "variable_step",
    reaction_diffusion: "coreneuron",
    split_cells: "coreneuron variable_step",
}
for model, solvers in MODELS.items():
    if model.__name__ not in sys.argv:
        continue
    my_ring = ring.Ring(8)
    model(my_ring.cells)
    for solver in solvers.split():
        try:
            simrun.prun(20, **{solver: True})
            print(f"{model.__name__}: not refused\n", end="")
        except ValueError as error:
            assert not h.cvode.active() and not simrun.core_neuron.enable
            print(f"{model.__name__}: {error}\n", end="")
    h.cvode.queue_mode(0)
    kept.clear()
