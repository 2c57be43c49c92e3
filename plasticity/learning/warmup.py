"""Compile the kernels of a rule on a network of a few neurons; the machine code serves networks of any size."""

from __future__ import annotations

import time

import numpy as np

from ..egdc.whitened import WhitenedParameters
from ..rules.naca import naca
from ..rules.optimiser import SGD, Adam
from .column_classifier import ColumnClassifier, ColumnClassifierParameters
from .dopamine_classifier import DopamineParameters
from .learner import Learner
from .online import OnlineLearner


def compile_rule(rule: str, optimiser: SGD | Adam | None = None, shortcuts: bool = False) -> float:
    """Compile, or load from the cache, everything that learning and predicting by ``rule`` calls; returns seconds."""
    start = time.perf_counter()
    network = naca(4, [64], 2, rule=rule, optimiser=optimiser, shortcuts=shortcuts)
    learner = Learner(network, n_ticks=2, batch=2, threads=1)
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


def compile_columns() -> float:
    """Compile, or load from the cache, everything that :class:`.ColumnClassifier` calls; returns seconds."""
    start = time.perf_counter()
    columns = WhitenedParameters(n_features=1, size=2, pools=1, n_ticks=1, n_patches=8)
    learner = ColumnClassifier((3, 3), 2, ColumnClassifierParameters(columns, epochs=1))
    x = np.arange(0, 250, 250 / 18).astype(np.uint8).reshape(2, 9)
    x = np.ascontiguousarray(x[:, [0, 4, 8, 3, 7, 2, 6, 1, 5]])  # as kernels get samples
    learner.learn(x, np.array([0, 1]), 255)
    learner.predict(x, 255)
    return time.perf_counter() - start
