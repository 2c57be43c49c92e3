"""One population of a learner: all that converges on it in one table of weights, its rule and its kernels."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tegmentum.simcore.compile import templates
from tegmentum.simcore.describe.network import Projection

from ..rules.three_factor import Backpropagated, ErrorModulated
from . import draws
from .layer import Layer, aligned_zeros
from .levels import Converging
from .signal import functions_of

Array = np.ndarray[Any, Any]


class JoinedLayer(Layer):
    """Weights and rule of all dense projections onto one population.

    Parameters
    ----------
    converging : Converging
    n_classes, n_ticks, batch : of the task; the error rule's gradient is scaled by them

    Attributes
    ----------
    parts : list of Part
        one for each projection
    """

    def __init__(self, converging: Converging, n_classes: int, n_ticks: int, batch: int, seed: int):
        self.converging = converging
        index, last = converging.projections[-1]
        super().__init__(last, index, n_classes, n_ticks, batch, seed)
        rule = self.rule
        self.every_tick = self.every_tick or (isinstance(rule, ErrorModulated) and rule.every_tick)
        self.needs_error = isinstance(rule, ErrorModulated)
        self.kappa = np.float32(rule.kappa if isinstance(rule, Backpropagated) else 1.0)
        if isinstance(rule, Backpropagated):
            self.padded_gains *= np.float32(2.0 / (n_classes * batch))
        kept = rule.homeostasis if isinstance(rule, ErrorModulated) else None
        self.anticipation = rule.anticipation if isinstance(rule, ErrorModulated) else None
        self.pull = np.float32(0.0 if kept is None else kept.strength)
        self.target = np.float32(0.0 if kept is None else kept.rate)

    def drive(self, expected: Array | None) -> Array:
        """Return what is added to the input for an expectation (n, n_classes), float32 (n, n_padded); none for None."""
        if self.anticipation is None or expected is None:
            return np.zeros((0, self.n_padded), np.float32)
        strength = np.float32(self.anticipation.strength)
        return np.asarray(-strength * (expected[:, :, None] * self.padded_gains).sum(axis=1))

    def _lower_weights(self, projection: Projection, index: int, seed: int) -> None:
        """Draw the weights of each projection, one below the other, and the biases, which are the last row."""
        sizes = [p.pre.size for _, p in self.converging.projections]
        self.n_pre = sum(sizes)
        shape = (self.n_blocks, self.n_pre + 1, self.width)
        self.table, self.first_moment, self.second_moment = (aligned_zeros(shape) for _ in range(3))
        self.seen = np.zeros((self.n_blocks, self.n_pre + 1), np.bool_)
        drawn = [draws.dense_weights(p, k, seed) for k, p in self.converging.projections]
        bias = draws.biases(self.n_post, projection.pre.size, index, seed)
        self.set_weights(np.concatenate(drawn), bias)
        first = np.concatenate([[0], np.cumsum(sizes)])
        self.rows = {p.pre.name: int(first[k]) for k, (_, p) in enumerate(self.converging.projections)}
        self.parts = [Part(self, p) for _, p in self.converging.projections]

    def _bind(self) -> Any:
        functions, self.factor = functions_of(self.post.model, self.rule)
        return templates.bind(
            "window_loop",
            (
                "tegmentum.simcore.advance.windows.events_kernel",
                "tegmentum.simcore.advance.windows.advance_kernel",
                "tegmentum.plasticity.learning.credit_kernel",
                "tegmentum.plasticity.learning.loop_kernel",
            ),
            functions,
        )


class Part:
    """The rows of one projection in the table of a :class:`JoinedLayer`; the last part has the biases' row, too.

    Attributes
    ----------
    table, first_moment, second_moment, seen : views of the layer's arrays
    """

    LEARNT: ClassVar = Layer.LEARNT

    def __init__(self, layer: JoinedLayer, projection: Projection):
        self.layer, self.name, self.post = layer, str(projection.name), projection.post
        self.rule, self.learns = projection.plasticity, layer.learns
        self.n_pre, self.n_post = projection.pre.size, projection.post.size
        self.pre_name = projection.pre.name
        first = layer.rows[self.pre_name]
        self.biased = first + self.n_pre == layer.n_pre
        rows = slice(first, first + self.n_pre + self.biased)
        self.table, self.first_moment, self.second_moment, self.seen = (
            getattr(layer, name)[:, rows] for name in self.LEARNT
        )

    @property
    def steps(self) -> int:
        """Steps of the optimiser, the same for all parts of a layer."""
        return self.layer.steps

    @steps.setter
    def steps(self, steps: int) -> None:
        self.layer.steps = steps

    @property
    def levels(self) -> Array:
        """Levels of the neuromodulator, one table for a population."""
        return self.layer.levels

    @property
    def gains(self) -> Array:
        """What the receptor makes of them."""
        return self.layer.gains

    @property
    def finite(self) -> bool:
        """Whether all weights are finite."""
        return bool(np.isfinite(self.table).all())

    def weights(self) -> tuple[Array, Array]:
        """Weights (n_pre, n_post) and biases (n_post,), float32 copies; no biases where another projection has them."""
        n_rows = self.table.shape[1]
        dense = self.table.transpose(1, 0, 2).reshape(n_rows, -1)[:, : self.n_post]
        return dense[: self.n_pre].copy(), dense[self.n_pre :].ravel().copy()

    def set_weights(self, weights: Array, bias: Array) -> None:
        """Replace weights (n_pre, n_post) and biases, (n_post,) or none."""
        n_blocks, n_rows, width = self.table.shape
        dense = np.zeros((n_rows, n_blocks * width), np.float32)
        dense[: self.n_pre, : self.n_post] = weights
        if self.biased:
            dense[-1, : self.n_post] = bias
        self.table[:] = dense.reshape(n_rows, n_blocks, width).transpose(1, 0, 2)
