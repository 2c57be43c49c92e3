"""One projection that learns in windows of the tick engine: its synapses, its rule lowered to numbers, its kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from tegmentum.simcore.compile import templates
from tegmentum.simcore.describe.connectivity import AllToAll
from tegmentum.simcore.describe.network import Projection
from tegmentum.simcore.lower.synapses import Synapses

from ..rules.three_factor import Frozen
from . import draws
from .signal import functions_of, in_float32, optimiser_of, signal_of

Array = np.ndarray[Any, Any]
Map = Callable[..., Iterable[Any]]
Spikes = tuple[Array, Array, Array]  # where each neuron's begin; trial and tick of each


class TickLayer:
    """Weights and rule of one projection of any connectivity.

    Parameters
    ----------
    projection : Projection
        with one of the rules of :mod:`..rules.three_factor`
    index : position in the network, which keeps its random numbers apart
    synapses : Synapses
        as the tick engine built them; of an all-to-all projection it takes the weights that windows draw
    onset : first tick of the post neurons' window
    biased : whether the rule teaches the post neurons' bias, too
    n_classes, n_ticks, batch : of the task; the error rule's gradient is scaled by them

    Attributes
    ----------
    weight, bias : float32 (n_synapses,), (n_post,) or (0,)
        in the order of ``synapses``
    """

    LEARNT: ClassVar = ("weight", "bias", "first_moment", "second_moment", "bias_moments")

    def __init__(
        self,
        projection: Projection,
        index: int,
        synapses: Synapses,
        onset: int,
        biased: bool,
        n_classes: int,
        n_ticks: int,
        batch: int,
        seed: int,
    ) -> None:
        self.name, self.post, self.rule = str(projection.name), projection.post, projection.plasticity
        self.pre_name = projection.pre.name
        self.n_pre, self.n_post = projection.pre.size, projection.post.size
        self.synapses, self.onset, self.biased = synapses, onset, biased
        self.sign = projection.sign
        self.learns = not isinstance(self.rule, Frozen)
        self.optimiser = optimiser_of(self.rule)
        self.steps = 0
        n = len(synapses)
        begin = np.searchsorted(synapses.pre, np.arange(self.n_pre + 1))
        self._rows = (begin, synapses.post, synapses.delay)
        own = np.arange(self.n_post)
        self._bias_rows = (np.array([0, self.n_post]), own, np.ones_like(own))
        drawn = synapses.weight
        if isinstance(projection.rule, AllToAll):
            drawn = draws.dense_weights(projection, index, seed)[synapses.pre, synapses.post]
        bias = draws.biases(self.n_post if biased else 0, max(n, 1) / self.n_post, index, seed)
        self.weight, self.bias = drawn.astype(np.float32), bias.astype(np.float32)
        self.first_moment, self.second_moment = np.zeros(n, np.float32), np.zeros(n, np.float32)
        self.bias_moments = np.zeros((2, len(bias)), np.float32)
        self.constants = in_float32(self.post.model.derive(1.0))
        self.levels, self.gains, self.error_scale, self.every_tick = signal_of(
            self.rule, self.n_post, index, n_classes, n_ticks, batch, seed
        )
        self._gains = np.zeros((n_classes, self.n_post), np.float32)
        self._gains[:, : self.gains.shape[1]] = self.gains
        self._grad = np.zeros((batch if self.learns else 0, n_ticks + 1, self.n_post), np.float32)
        functions, self.factor = functions_of(self.post.model, self.rule)
        self.kernels = templates.bind(
            "arrivals",
            (
                "tegmentum.simcore.advance.windows.events_kernel",
                "tegmentum.simcore.advance.windows.advance_kernel",
                "tegmentum.plasticity.learning.credit_kernel",
                "tegmentum.plasticity.learning.arrivals_kernel",
            ),
            functions,
        )

    @property
    def finite(self) -> bool:
        """Whether all weights are finite."""
        return bool(np.isfinite(self.weight).all() and np.isfinite(self.bias).all())

    def weights(self) -> tuple[Array, Array]:
        """Weights (n_synapses,) and biases (n_post,), float32 copies; no biases where another projection has them."""
        return self.weight.copy(), self.bias.copy()

    def set_weights(self, weights: Array, bias: Array) -> None:
        """Replace weights (n_synapses,), or (n_pre, n_post) of all pairs, and biases."""
        given = np.asarray(weights)
        self.weight[:] = given[self.synapses.pre, self.synapses.post] if given.ndim == 2 else given
        self.bias[:] = bias

    def learn(self, potential: Array, spikes: Spikes, labels: Array, threads: int, each: Map) -> None:
        """Take one step for a batch.

        Parameters
        ----------
        potential : float32 (n_trials, n_samples, n_post)
            of the post neurons at ticks 1, 2, ...
        spikes : of the pre neurons
        labels : int64 (n_trials,)
        each : as ``map``; parts of the work touch different memory
        """
        n_trials, n_ticks = len(labels), self._grad.shape[1] - 1

        def credit(part: range) -> None:
            self.kernels.credit_trials(
                potential, part.start, part.stop, self.onset, labels, self._gains, self.error_scale,
                self.every_tick, self.constants, self.factor, self._grad,
            )  # fmt: skip

        list(each(credit, _parts(n_trials, threads)))
        self.steps += 1
        steps = np.array(self.optimiser.constants(self.steps), np.float32)

        def rows(part: range) -> None:
            self.kernels.learn_rows(
                part.start, part.stop, spikes, self._rows, self.onset, self._grad, self.weight, self.first_moment,
                self.second_moment, steps,
            )  # fmt: skip

        list(each(rows, _parts(self.n_pre, 4 * threads)))
        if self.sign is not None:
            (np.maximum if self.sign > 0 else np.minimum)(self.weight, np.float32(0.0), out=self.weight)
        if self.biased:
            ticks = np.tile(np.arange(n_ticks) + self.onset - 1, n_trials)
            always = np.array([0, len(ticks)]), np.repeat(np.arange(n_trials), n_ticks), ticks
            self.kernels.learn_rows(
                0, 1, always, self._bias_rows, self.onset, self._grad, self.bias, *self.bias_moments, steps
            )


def _parts(n: int, at_most: int) -> list[range]:
    """Split ``range(n)`` into parts of about equal length."""
    borders = np.linspace(0, n, min(n, at_most) + 1).astype(int).tolist()
    return [range(a, b) for a, b in pairwise(borders)]
