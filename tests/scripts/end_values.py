"""Hosts make one call after the other with different values: all are told, and go on."""

import re

import numpy as np

import ring
import simrun
from simrun import h, pc

my_ring = ring.Ring()
me = pc.id()


def session(**values):
    """Set variables of NEURON, then run."""
    for name, value in values.items():
        setattr(h, name, value)
    simrun.prun()


def delay():
    my_ring.syn_delay += me
    my_ring.set_numcells(5)


class Weighted(ring.Ring):
    weights: object = None


def weights():
    """An array that differs where numpy prints dots."""
    differs = np.zeros(2001)
    differs[1000] = me
    Weighted(weights=differs)


for equal in np.ones((2, 2)), set("abcdefgh"), [[1], [1, 2]]:
    Weighted(weights=equal)
CALLS = {
    "weights": weights,
    "N": lambda: ring.Ring(N=5 + me),
    "syn_delay": delay,
    "tstop": lambda: simrun.prun(100 + me),
    "dt": lambda: simrun.prun(100, 0.025 / (1 + me)),
    "coreneuron": lambda: simrun.prun(9, coreneuron=me == 1),
    "celsius": lambda: session(celsius=7 + me),
    "v_init": lambda: session(celsius=6.3, v_init=-70 + me),
    "secondorder": lambda: session(v_init=-65, secondorder=2 * (me == 1)),
}
for name, call in CALLS.items():
    try:
        call()
    except ValueError as error:
        words = f"{name} = .*, but .* on host \\d: must be equal on all hosts"
        assert re.fullmatch(words, str(error)), error
        print("told\n", end="")
