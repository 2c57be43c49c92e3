"""Forward and backward through a hidden and an output layer, a batch at a time, for spiking and for graded networks.

Both classes compute only the hidden neurons whose gate is open. Weights come as a mapping: ``hidden``
(n_inputs, n_hidden), ``output`` (n_hidden, n_classes) and, for spikes, ``bias`` (n_classes,).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import special

from tegmentum.simcore.advance.workers import Workers
from tegmentum.simcore.compile import templates
from tegmentum.simcore.lower import window_arrays
from tegmentum.simcore.random import philox as rng

from ..learning.layer import BLOCK, LANES, aligned_zeros, round_up
from .rowwise import rowwise_product

Array = np.ndarray[Any, Any]
Weights = Mapping[str, Array]


@dataclass
class Forward:
    """What a forward pass leaves for the backward pass.

    Attributes
    ----------
    outputs : (n_samples, n_classes), rates or values
    active : int64, hidden neurons whose gate is open for any sample
    synaptic_events : non-zero inputs and hidden outputs times the synapses that each reached
    state : what else there is
    """

    outputs: Array
    active: Array
    synaptic_events: int
    state: dict[str, Any]


def _open(gate: Array) -> tuple[Array, Array]:
    """Active neurons, and their gate alone."""
    active = np.flatnonzero(gate.any(axis=0)) if gate.shape[0] == 1 else np.arange(gate.shape[1])
    return active, gate[:, active]


class SpikingPair:
    """Two layers of gated leaky neurons with logistic currents; see :mod:`.published_kernel`.

    Parameters
    ----------
    n_ticks, seed, threads : int
    rho, v_thresh, lens : float
    """

    def __init__(self, n_ticks: int, seed: int, threads: int, rho: float, v_thresh: float, lens: float):
        self.n_ticks, self.threads = n_ticks, threads
        self.rho, self.theta, self.level = (np.float32(k) for k in (rho, v_thresh, v_thresh - lens))
        self.k0, self.k1 = rng.seed_key(seed)
        self.kernels = templates.bind(
            "published",
            (
                "tegmentum.simcore.advance.windows.events_kernel",
                "tegmentum.plasticity.reference.published_kernel",
            ),
            {},
        )
        self._workers = Workers(threads if threads > 1 else 0)
        self._kept: dict[str, Any] = {}

    def forward(self, weights: Weights, x: Array, z: Array, gate: Array, low: int, high: int, epoch: int,
                stream: Any, exact: bool) -> Forward:  # fmt: skip
        """Spikes of pixels x between ``low`` and ``high``, through both layers; always ``exact``, see GradedPair."""
        n, T = len(x), self.n_ticks
        active, gate = _open(gate)
        events, offset = self._events(x)
        threshold = rng.thresholds(
            np.clip(np.arange(256) - low, 0, max(1, high - low)).astype(np.uint8), max(1, high - low)
        )
        self._all(
            partial(self.kernels.encode_bernoulli, x, threshold, offset, T, np.uint64(epoch), stream,
                    self.k0, self.k1, first, last, events) for first, last in self._parts(n)
        )  # fmt: skip
        blocks = [(c, min(BLOCK, len(active) - c)) for c in range(0, len(active), BLOCK)]
        tables = [self._block(weights["hidden"], active[c : c + width]) for c, width in blocks]
        gates = [_padded(gate[:, c : c + width]) for c, width in blocks]
        n_columns = max(LANES, sum(table.shape[1] for table in tables))
        v, s = (self._array(name, (n, T + 1, n_columns)) for name in ("v", "s"))
        self._all(
            partial(self.kernels.advance_hidden, tables[k], events, first, last, T, gates[k], self.rho, self.theta, c,
                    aligned_zeros((4, gates[k].shape[1])), v, s)
            for k, (c, _) in enumerate(blocks) for first, last in self._parts(n, len(blocks))
        )  # fmt: skip
        output, bias = self._output(weights, active, n_columns)
        v_out, s_out = (self._array(name, (n, T + 1, output.shape[1])) for name in ("v_out", "s_out"))
        rates = np.zeros((n, output.shape[1]), np.float32)
        counts = self._all(
            partial(self.kernels.advance_output, output, bias, s, first, last, self.rho, self.theta,
                    aligned_zeros((2, output.shape[1])), v_out, s_out, rates) for first, last in self._parts(n)
        )  # fmt: skip
        n_classes = weights["output"].shape[1]
        reached = int(events.spikes.sum()) * len(active) + sum(counts) * n_classes
        state = {"x": x, "events": events, "v": v, "s": s, "v_out": v_out, "s_out": s_out, "gates": gates,
                 "blocks": blocks, "output": output}  # fmt: skip
        return Forward(rates[:, :n_classes], active, reached, state)

    def gradients(self, weights: Weights, forward: Forward, error: Array, every_tick: bool, signal: Array | None,
                  backpropagate: bool) -> dict[str, Array]:  # fmt: skip
        """Gradient of each array for ``error`` = dL/d rate, and ``signal`` = dL/dS of the hidden layer, if any."""
        state, n, T = forward.state, len(error), self.n_ticks
        v, s, n_classes, n_active = state["v"], state["s"], error.shape[1], len(forward.active)
        width = state["output"].shape[1]
        injected = np.zeros((n, width), np.float32)
        injected[:, :n_classes] = error / np.float32(T) if every_tick else error
        credit = np.zeros((n, T, width), np.float32)
        self._all(
            partial(self.kernels.credit_output, state["v_out"], state["s_out"], injected, every_tick, self.rho,
                    self.level, first, last, credit) for first, last in self._parts(n)
        )  # fmt: skip
        credit[:, :, n_classes:] = 0.0
        outer = np.zeros((s.shape[2], width), np.float32)
        self._all(
            partial(self.kernels.gradient_output, s, credit, first, last, outer)
            for first, last in self._parts(s.shape[2])
        )
        found = {"output": outer[:n_active, :n_classes], "bias": credit.sum(axis=(0, 1))[:n_classes]}
        if signal is None and not backpropagate:
            return found
        rows = self._sorted(state["x"], state["events"])
        padded = np.zeros((n, s.shape[2]), np.float32)
        if signal is not None:
            padded[:, :n_active] = signal
        transposed = np.ascontiguousarray(state["output"].T)[: n_classes if backpropagate else 0]
        n_inputs = state["x"].shape[1]
        parts = [aligned_zeros((n_inputs, g.shape[1])) for g in state["gates"]]
        self._all(
            partial(self.kernels.credit_hidden, v, s, g, padded, credit, transposed, self.rho, self.level, c,
                    aligned_zeros((3, g.shape[1])), aligned_zeros((n * (T + 1), g.shape[1])), rows, parts[k])
            for k, ((c, _), g) in enumerate(zip(state["blocks"], state["gates"], strict=True))
        )  # fmt: skip
        columns = [part[:, :w] for part, (_, w) in zip(parts, state["blocks"], strict=True)]
        found["hidden"] = np.concatenate(columns, axis=1) if columns else np.zeros((n_inputs, 0), np.float32)
        return found

    # -------------------------------------------------------------------------------------------------- inside

    def _all(self, tasks: Iterable[Callable[[], Any]]) -> list[Any]:
        """Run all tasks, which write to different memory."""
        todo = list(tasks)
        pool = self._workers.pool
        if pool is None or len(todo) == 1:
            return [task() for task in todo]
        return [future.result() for future in [pool.submit(task) for task in todo]]

    def _parts(self, n: int, others: int = 1) -> list[tuple[int, int]]:
        """Split n items into as many parts as there are threads, unless other tasks keep them busy."""
        n_parts = 1 if others >= 2 * self.threads else self.threads
        size = max(1, -(-n // n_parts))
        return [(first, min(first + size, n)) for first in range(0, n, size)]

    def _array(self, name: str, shape: tuple[int, ...]) -> Array:
        """Array kept from pass to pass; its tick 0 is never written and stays 0."""
        kept = self._kept.get(name)
        if kept is None or kept.shape != shape:
            kept = self._kept[name] = np.zeros(shape, np.float32)
        return kept  # type: ignore[no-any-return]

    def _events(self, x: Array) -> tuple[Any, Array]:
        capacity = window_arrays.capacity(x, self.n_ticks)
        offset = np.concatenate([[0], np.cumsum(capacity)])
        kept = self._kept.get("events")
        if kept is None or len(kept.spikes) != len(x) or len(kept.index) < offset[-1] + 1:
            kept = window_arrays.allocate(len(x), self.n_ticks, int(offset[-1] * 1.25) + 1)
            self._kept["events"] = kept
        return kept, offset

    def _sorted(self, x: Array, events: Any) -> Any:
        """Events by input channel."""
        n = int(events.base_count.sum() + events.count.sum())
        rows = window_arrays.allocate_rows(1, x.shape[1] + 1, self.n_ticks, n)
        index = window_arrays.RowIndex(*(part[0] for part in rows))
        self.kernels.sort_by_row(events, 0, len(x), self.n_ticks, index)
        return index

    @staticmethod
    def _block(w: Array, columns: Array) -> Array:
        """Weights onto some neurons, with a row of zeros for the bias that there is not."""
        table = aligned_zeros((w.shape[0] + 1, round_up(len(columns), LANES)))
        table[:-1, : len(columns)] = w[:, columns]
        return table

    @staticmethod
    def _output(weights: Weights, active: Array, n_columns: int) -> tuple[Array, Array]:
        w = weights["output"]
        table, bias = (
            aligned_zeros((n_columns, round_up(w.shape[1], LANES))),
            np.zeros(round_up(w.shape[1], LANES)),
        )
        table[: len(active), : w.shape[1]] = w[active]
        bias[: w.shape[1]] = weights["bias"]
        return table, bias.astype(np.float32)


def _padded(gate: Array) -> Array:
    padded = np.zeros((gate.shape[0], round_up(gate.shape[1], LANES)), np.float32)
    padded[:, : gate.shape[1]] = gate
    return padded


class GradedPair:
    """Two layers of logistic units without biases, the hidden one gated, in float64."""

    def forward(self, weights: Weights, x: Array, z: Array, gate: Array, low: int, high: int, epoch: int,
                stream: Any, exact: bool) -> Forward:  # fmt: skip
        """Values of standardised pixels z, through both layers; ``exact``: no bit depends on the rest of the batch."""
        active, gate = _open(gate)
        product = rowwise_product if exact else np.matmul
        h = special.expit(product(z, weights["hidden"][:, active]))
        hidden = h * gate
        outputs = special.expit(product(hidden, weights["output"][active]))
        reached = int(np.count_nonzero(z)) * len(active) + int(np.count_nonzero(hidden)) * outputs.shape[1]
        return Forward(outputs, active, reached, {"z": z, "h": h, "hidden": hidden, "gate": gate})

    def gradients(self, weights: Weights, forward: Forward, error: Array, every_tick: bool, signal: Array | None,
                  backpropagate: bool) -> dict[str, Array]:  # fmt: skip
        """Gradient of each array for ``error`` = dL/do, and ``signal`` = dL/dh of the hidden layer, if any."""
        state, o = forward.state, forward.outputs
        credit = error * o * (1.0 - o)
        found = {"output": state["hidden"].T @ credit}
        if backpropagate:
            signal = credit @ weights["output"][forward.active].T
        if signal is not None:
            found["hidden"] = state["z"].T @ (signal * state["gate"] * state["h"] * (1.0 - state["h"]))
        return found
