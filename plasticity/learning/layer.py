"""One layer of a learner: its weights in blocks, its rule lowered to numbers, its kernels bound."""

from __future__ import annotations

from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from tegmentum.simcore.compile import templates
from tegmentum.simcore.describe.network import Projection

from ..rules.three_factor import Frozen
from . import draws
from .signal import functions_of, in_float32, optimiser_of, signal_of

Array = np.ndarray[Any, Any]
BLOCK = 64  #: neurons of a block: what the intrinsic sums at once
LANES = 16
NARROW = 48  #: layers up to this width are one block, updated neuron by neuron


def aligned_zeros(shape: tuple[int, ...]) -> Array:
    """Float32 zeros that start on a cache line: a vector that straddles two lines costs twice."""
    size = int(np.prod(shape))
    raw = np.zeros(size + LANES, np.float32)
    skip = (-raw.ctypes.data // 4) % LANES
    return raw[skip : skip + size].reshape(shape)


def round_up(n: int, to: int) -> int:
    """Smallest multiple of ``to`` that is at least ``n``."""
    return -(-n // to) * to


class Layer:
    """Weights and rule of one dense projection.

    Parameters
    ----------
    projection : Projection
        all-to-all, with one of the rules of :mod:`..rules.three_factor`
    index : position in the network, which keeps its random numbers apart
    n_classes, n_ticks, batch : of the task; the error rule's gradient is scaled by them
    """

    LEARNT: ClassVar = ("table", "first_moment", "second_moment", "seen")  #: arrays that learning changes

    def __init__(
        self, projection: Projection, index: int, n_classes: int, n_ticks: int, batch: int, seed: int
    ):
        self.name, self.post = str(projection.name), projection.post
        self.n_pre, self.n_post = projection.pre.size, projection.post.size
        self.rule = projection.plasticity
        self.width = BLOCK if self.n_post > NARROW else round_up(self.n_post, LANES)
        self.n_padded = round_up(self.n_post, self.width)
        self.n_blocks = self.n_padded // self.width
        self.learns = not isinstance(self.rule, Frozen)
        self.optimiser = optimiser_of(self.rule)
        self.steps = 0
        self._lower_weights(projection, index, seed)
        self._lower_rule(index, n_classes, n_ticks, batch, seed)
        self.kernels = self._bind()

    def _lower_weights(self, projection: Projection, index: int, seed: int) -> None:
        """Draw weights and biases; the bias is the last row, uniform in +-1/sqrt(n_pre)."""
        shape = (self.n_blocks, self.n_pre + 1, self.width)
        self.table, self.first_moment, self.second_moment = (aligned_zeros(shape) for _ in range(3))
        self.seen = np.zeros((self.n_blocks, self.n_pre + 1), np.bool_)
        bias = draws.biases(self.n_post, self.n_pre, index, seed)
        self.set_weights(draws.dense_weights(projection, index, seed), bias)

    def _lower_rule(self, index: int, n_classes: int, n_ticks: int, batch: int, seed: int) -> None:
        self.constants = in_float32(self.post.model.derive(1.0))
        self.levels, self.gains, self.error_scale, self.every_tick = signal_of(
            self.rule, self.n_post, index, n_classes, n_ticks, batch, seed
        )
        self.padded_gains = np.zeros((n_classes, self.n_padded), np.float32)
        self.padded_gains[:, : self.gains.shape[1]] = self.gains

    def _bind(self) -> ModuleType:
        functions, self.factor = functions_of(self.post.model, self.rule)
        return templates.bind(
            "window",
            (
                "tegmentum.simcore.advance.windows.events_kernel",
                "tegmentum.simcore.advance.windows.advance_kernel",
                "tegmentum.plasticity.learning.credit_kernel",
            ),
            functions,
        )

    def real(self, block: int) -> int:
        """Return how many neurons of a block are no padding."""
        return min(self.width, self.n_post - block * self.width)

    @property
    def finite(self) -> bool:
        """Whether all weights are finite."""
        return bool(np.isfinite(self.table).all())

    def weights(self) -> tuple[Array, Array]:
        """Weights (n_pre, n_post) and biases (n_post,), float32 copies."""
        dense = self.table.transpose(1, 0, 2).reshape(self.n_pre + 1, self.n_padded)[:, : self.n_post]
        return dense[:-1].copy(), dense[-1].copy()

    def set_weights(self, weights: Array, bias: Array) -> None:
        """Replace weights (n_pre, n_post) and biases (n_post,)."""
        dense = np.zeros((self.n_pre + 1, self.n_padded), np.float32)
        dense[:-1, : self.n_post], dense[-1, : self.n_post] = weights, bias
        self.table[:] = dense.reshape(self.n_pre + 1, self.n_blocks, self.width).transpose(1, 0, 2)

    def step_constants(self, n: int) -> Array:
        """Constants of the optimiser for the next ``n`` steps, float32 (n, 6)."""
        return np.array([self.optimiser.constants(self.steps + k + 1) for k in range(n)], np.float32)

    def learn(
        self, first: int, last: int, events: Any, before: Any, rows: Any, labels: Array, steps: Any, n_batches: int,
        n_trials: int, n_ticks: int, outputs: Array, rates: Array, learning: bool,
    ) -> None:  # fmt: skip
        """Advance blocks ``first`` to ``last`` through ``n_batches`` batches; see the kernel."""
        self.kernels.learn_blocks(
            (first, last), self.table, self.first_moment, self.second_moment, self.seen, self.n_post, events, before,
            rows, labels, self.padded_gains, self.error_scale, self.every_tick, learning and self.learns, steps,
            self.constants, self.factor, n_batches, n_trials, n_ticks, outputs, rates,
        )  # fmt: skip
