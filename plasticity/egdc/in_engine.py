"""EGDC run by the engine: a network of :mod:`.network` that is shown one task after another, and recalls after each."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import linalg

from tegmentum.simcore.advance.simulation import Simulation
from tegmentum.simcore.encode import Events, bernoulli
from tegmentum.simcore.machine import one_blas_thread

from ..continual.kept import copied, fitting
from ..continual.model import LearningCost, OnProgress
from .columns import Columns
from .network import EGDCNetworkParameters, egdc_network

Array = np.ndarray[Any, Any]
_STEP = 500  # samples shown at once
_RECALLED = ("read-out", "offset")  # synapses that a recall teaches, from nothing


class EGDCNetwork:
    """A :class:`~tegmentum.plasticity.continual.model.ContinualModel` in which spikes do everything but one thing.

    That one is the competition for receptive fields in the critical period, by :class:`.Columns`.

    Parameters
    ----------
    shape : (height, width) or (height, width, channels) of a sample
    n_classes : classes of the data set, seen or not
    parameters : EGDCNetworkParameters
    seed, threads : of the input's spikes and the initial fields; no result depends on threads

    Attributes
    ----------
    simulation : Simulation
    known : bool (n_classes,), classes that were learned
    """

    def __init__(self, shape: tuple[int, ...], n_classes: int, parameters: EGDCNetworkParameters | None = None, *,
                 seed: int = 0, threads: int = 1):  # fmt: skip
        self.p = EGDCNetworkParameters() if parameters is None else parameters
        self.shape, self.n_classes, self.seed, self.threads = shape, n_classes, seed, threads
        self.columns = Columns(shape, self.p.columns, seed, threads)
        self.known, self._fresh = np.zeros(n_classes, np.bool_), True
        self.simulation = self._simulation()

    def _simulation(self) -> Simulation:
        network = egdc_network(self.shape, self.n_classes, self.columns.fields, self.p)
        return Simulation(network, dt=1.0, seed=self.seed, threads=self.threads, max_rate=1000.0)

    def learn_task(self, x: Array, y: Array, x_max: int, classes: tuple[int, ...],
                   on_progress: OnProgress | None = None) -> LearningCost:  # fmt: skip
        """Learn one task in one pass, and recall; see :class:`~tegmentum.plasticity.continual.model.ContinualModel`."""
        start = time.perf_counter()
        seen = events = updates = 0
        if self._fresh and self.p.columns.learned:
            early = x[: self.p.critical_period]
            updates = self.columns.learn(early, x_max) * len(self.columns.fields)
            seen = len(early)
            self.simulation = self._simulation()
        self._fresh = False
        for first in range(0, len(x), _STEP):
            part = slice(first, first + _STEP)
            shown = self.simulation.present(
                self._events(x[part], x_max), train="pixels", kinds=y[part].astype(np.int64), learning=1.0
            )
            events += shown.synaptic_events
            updates += shown.synaptic_events
            if on_progress is not None:
                on_progress(seen + min(first + _STEP, len(x)))
        self.known[np.unique(y)] = True
        events += self.settle()
        return LearningCost(seen + len(x), events, updates, time.perf_counter() - start)

    def settle(self) -> int:
        """Let the neurons of choice learn what the lateral inhibition settles to; returns the synaptic events."""
        if self.p.settling == "solve":
            for name, weights in zip(_RECALLED, self.solved(), strict=True):
                self.simulation.set_weights(name, weights.ravel())
            return 0
        for name in _RECALLED:
            self.simulation.set_weights(name, 0.0)
        known = np.flatnonzero(self.known)
        n = len(known)
        trial, tick = np.repeat(np.arange(n), n + 1), np.tile([0, *range(n)], n)
        channel = np.insert(np.repeat(known[:, None], n, axis=1), 1, self.n_classes, axis=1).ravel()
        shown = self.simulation.present(
            Events(trial, tick, channel.astype(np.uint32), n, self.p.recall_ticks, self.n_classes + 1),
            train="cues", kinds=self.n_classes + known, learning=1.0,
        )  # fmt: skip
        return shown.synaptic_events

    def sums(self) -> tuple[Array, Array, Array]:
        """Return what was learned: lateral (pools, pools), prototypes (classes, pools), samples (classes,)."""
        weight = [
            np.asarray(self.simulation.synapses(name).weight, np.float64)
            for name in ("lateral", "down", "samples")
        ]
        n_pools = self.simulation.network["pools"].size
        return weight[0].reshape(n_pools, n_pools), weight[1].reshape(self.n_classes, n_pools), weight[2]

    @one_blas_thread
    def solved(self) -> tuple[Array, Array]:
        """Read-out (pools, classes) and offsets (classes,) that a recall nears, but for what all classes share."""
        lateral, prototype, n = self.sums()
        prototype, n = prototype[self.known], n[self.known]
        within = lateral - (prototype.T / n) @ prototype
        factor = linalg.cho_factor(within, check_finite=False)
        settled = self.p.cue * len(n) * linalg.cho_solve(factor, prototype.T, check_finite=False)
        read_out, offset = np.zeros((lateral.shape[0], self.n_classes)), np.zeros(self.n_classes)
        read_out[:, self.known] = settled + 0.5  # as rates are
        offset[self.known] = -0.5 * (settled * prototype.T).sum(axis=0) / n
        return read_out, offset

    def _events(self, x: Array, x_max: int) -> Events:
        p = self.p
        e = bernoulli(x, x_max, p.columns.n_ticks, self.seed, scale=p.columns.rate_scale)
        return Events(e.trial, e.tick, e.channel, e.n_trials, p.trial_ticks, e.n_channels)

    def predict(self, x: Array, x_max: int) -> Array:
        """Classes, int64 (n,): the neuron of choice with the highest potential."""
        found = [
            self.simulation.present(
                self._events(x[first : first + _STEP], x_max), train="pixels", readout="choice"
            ).chosen
            for first in range(0, len(x), _STEP)
        ]
        return np.concatenate([np.zeros(0, np.int64), *found]).astype(np.int64)

    def weights(self) -> dict[str, Array]:
        """Receptive fields (inputs, features) and read-out (pools, classes)."""
        read_out = np.asarray(self.simulation.synapses("read-out").weight, np.float64)
        return {"fields": self.columns.fields.copy(), "read-out": read_out.reshape(-1, self.n_classes)}

    def state(self) -> dict[str, Array]:
        """Fields, which classes are known, and the state of the simulation."""
        return copied(self._setting() | self._arrays())

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Go on from a state; see :class:`~tegmentum.plasticity.continual.model.ContinualModel`."""
        saved = fitting("EGDCNetwork", state, self._arrays(), self._setting())
        self.columns.restore({name: saved[f"columns/{name}"] for name in self.columns.arrays()})
        self.known[:], self._fresh = saved["known"], bool(saved["fresh"])
        self.simulation = self._simulation()
        part = "simulation/"
        self.simulation.load_state({k[len(part) :]: v for k, v in saved.items() if k.startswith(part)})

    def _setting(self) -> dict[str, Any]:
        return {
            "setting/parameters": repr(self.p),
            "setting/shape": np.array([*self.shape, self.n_classes]),
            "setting/seed": np.uint64(self.seed),
        }

    def _arrays(self) -> dict[str, Any]:
        """All that learning changes."""
        return {
            "fresh": np.bool_(self._fresh),
            "known": self.known,
            **{f"columns/{name}": array for name, array in self.columns.arrays().items()},
            **{f"simulation/{name}": array for name, array in self.simulation.state().items()},
        }
