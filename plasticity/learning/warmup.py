"""Compile the kernels of a rule on a network of a few neurons; the machine code serves networks of any size."""

from __future__ import annotations

import time

import numpy as np

from ..rules.naca import naca
from ..rules.optimiser import SGD, Adam
from .dopamine_classifier import DopamineParameters
from .learner import Learner
from .online import OnlineLearner


def compile_rule(rule: str, optimiser: SGD | Adam | None = None) -> float:
    """Compile, or load from the cache, everything that learning and predicting by ``rule`` calls; returns seconds."""
    start = time.perf_counter()
    learner = Learner(naca(4, [64], 2, rule=rule, optimiser=optimiser), n_ticks=2, batch=2)
    x, y = np.array([[0, 1, 2, 3], [3, 2, 1, 0]], np.uint8), np.array([0, 1])
    learner.learn(x, y, 3, 0)
    learner.predict(x, 3)
    return time.perf_counter() - start


def compile_online() -> float:
    """Compile, or load from the cache, everything that :class:`.OnlineLearner` calls; returns seconds."""
    start = time.perf_counter()
    learner = OnlineLearner(4, 2, DopamineParameters(n_hidden=4))
    learner.learn(np.array([[0, 1, 2, 3], [3, 2, 1, 0]], np.uint8), np.array([0, 1]), 3)
    for name in ("pixels-hidden", "hidden-output"):
        learner.simulation.synapses(name)
    return time.perf_counter() - start
