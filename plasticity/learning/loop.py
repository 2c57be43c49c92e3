"""Dense graphs learn batch by batch: all layers through the window first, then the output's error, then credit.

What :mod:`.windows` is for chains whose hidden layers need no output. Rules that need none run here, too, where layers
take input from several others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from tegmentum.simcore.advance.windows.input import Input
from tegmentum.simcore.describe.network import Network
from tegmentum.simcore.lower import window_arrays
from tegmentum.simcore.random import philox as rng

from .joined import JoinedLayer
from .layer import BLOCK, aligned_zeros
from .levels import levels_of

Array = np.ndarray[Any, Any]
Task = Callable[[], Any]
_CHUNK_TRIALS = 128  # trials that are predicted together
_CHUNK_BYTES = 64 << 20  # of their events


class Loop:
    """A dense graph whose windows are aligned.

    Attributes
    ----------
    layers : list of Part
        one for each projection, as :class:`.Graph` orders them
    n_events : int
        synaptic events so far
    """

    graded = False

    def __init__(
        self, network: Network, n_ticks: int, batch: int, seed: int, threads: int, rate_scale: float
    ) -> None:
        graph, levels = levels_of(network)
        self.n_ticks, self.batch, self.seed, self.threads = n_ticks, batch, seed, threads
        self.rate_scale, self.input = rate_scale, network.spike_trains[0]
        self.n_inputs, self.n_classes = self.input.size, graph.output.size
        self._levels = [JoinedLayer(c, self.n_classes, n_ticks, batch, seed) for c in levels]
        by_name = {part.name: part for layer in self._levels for part in layer.parts}
        self.layers = [by_name[str(p.name)] for p in graph.projections]
        self._output = next(layer for layer in self._levels if layer.post is graph.output)
        self._needs_error = any(layer.needs_error for layer in self._levels)
        self._sources = {
            layer.anticipation.source for layer in self._levels if layer.anticipation is not None
        }
        padded = np.cumsum([0] + [layer.n_padded for layer in self._levels])
        self._column = {layer.post.name: int(c) for layer, c in zip(self._levels, padded, strict=False)}
        self._n_columns = int(padded[-1])
        self.n_events = 0
        self._rooms: dict[bool, _Room] = {}

    def flow(
        self, x: Array, y: Array, x_max: int, batches: Array, epoch: int, learning: bool
    ) -> Iterator[tuple[Array, Array]]:
        """Present all batches; yields (samples, output rates) of each in order."""
        if not len(batches):
            return
        stream = rng.STREAM_ENCODE_TRAIN if learning else rng.STREAM_ENCODE_TEST
        inputs = Input(x, x_max, self.n_ticks, False, self.rate_scale, stream, epoch, self.seed)
        room = self._room(learning, int(inputs.capacity.max(initial=1)), batches.size)
        chunks = list(batches)
        if not learning:
            index = batches.ravel()
            chunks = [index[k : k + room.n_trials] for k in range(0, len(index), room.n_trials)]
        with ThreadPoolExecutor(self.threads) as pool:
            at_once = partial(_each, pool if self.threads > 1 else None)
            for index in chunks:
                encode = inputs.encoder(self._levels[0].kernels, index, room.given)
                at_once([partial(encode, a, b) for a, b in self._spans(len(index))])
                self._advance(len(index), room, learning, self._known(y[index], learning), at_once)
                if "own" in self._sources:
                    found = self._found(room, len(index)).copy()
                    self._advance(len(index), room, learning, found, at_once)
                if learning:
                    self._credit(y[index], room, at_once)
                yield index, self._found(room, len(index))

    def spikes(self, x: Array, x_max: int) -> list[Array]:
        """Return the outputs of each layer's post neurons, uint8 (n, n_ticks, n_neurons)."""
        found: list[list[Array]] = [
            [np.zeros((0, self.n_ticks, layer.n_post), np.uint8)] for layer in self.layers
        ]
        batches = np.arange(len(x)).reshape(len(x), 1)
        for index, _ in self.flow(x, np.zeros(len(x), np.int64), x_max, batches, 0, False):
            for outputs, layer in zip(found, self.layers, strict=True):
                column = self._column[layer.post.name]
                spikes = self._rooms[False].spikes[: len(index), :, column : column + layer.n_post]
                outputs.append(spikes.copy())
        return [np.concatenate(outputs) for outputs in found]

    def _room(self, learning: bool, largest: int, n_samples: int) -> _Room:
        """Return buffers for a batch, or for so many samples as are predicted together."""
        n_trials = self.batch
        if not learning:
            most = max(layer.n_pre for layer in self._levels)
            fit = _CHUNK_BYTES // (8 * (most + 1) * (self.n_ticks + 1))
            n_trials = max(1, min(n_samples, _CHUNK_TRIALS, fit))
        room = self._rooms.get(learning)
        if room is None or room.largest < largest or room.n_trials < n_trials:
            room = _Room(
                self._levels, self._n_columns, self.input.name, largest, n_trials, self.n_ticks, learning
            )
            self._rooms[learning] = room
        return room

    def _found(self, room: _Room, n: int) -> Array:
        """Rates of the output, float32 (n, n_classes)."""
        return np.asarray(room.rates[self._levels.index(self._output)][:n, : self.n_classes])

    def _known(self, labels: Array, learning: bool) -> Array | None:
        """Return what is expected before a window: the class while learning, where a rule says so, or nothing."""
        return self._one_hot(labels) if learning and "label" in self._sources else None

    def _one_hot(self, labels: Array) -> Array:
        found = np.zeros((len(labels), self.n_classes), np.float32)
        found[np.arange(len(labels)), labels] = 1.0
        return found

    def _advance(self, n: int, room: _Room, learning: bool, expected: Array | None, at_once: Any) -> None:
        """Drive ``n`` encoded samples through all layers, one after the other, under what is expected."""
        for k, layer in enumerate(self._levels):
            events, kernels = room.events[k], layer.kernels
            if not room.plain[k]:
                given_row = layer.rows.get(self.input.name, -1)
                sources = np.array(
                    [(self._column[p.pre_name], p.n_pre, layer.rows[p.pre_name]) for p in layer.parts
                     if p.pre_name != self.input.name], np.int64,
                ).reshape(-1, 3)  # fmt: skip
                at_once(
                    partial(kernels.join, room.given, given_row, self.n_inputs, room.spikes, sources, layer.n_pre, a, b,
                            events)
                    for a, b in self._spans(n)
                )  # fmt: skip
            first = self._column[layer.post.name]
            at_once(
                partial(
                    kernels.advance_block, layer.table[block], events, block * layer.width, n, self.n_ticks,
                    layer.constants, layer.drive(expected), learning, room.v[k][block], room.out[k][block],
                    room.spikes[:, :, first : first + layer.n_padded], room.rates[k],
                )
                for block in range(layer.n_blocks)
            )  # fmt: skip
            self.n_events += int(events.spikes[:n].sum()) * layer.n_post

    def _credit(self, labels: Array, room: _Room, at_once: Any) -> None:
        """Credit all layers that learn, and step them."""
        n = len(labels)
        expected = self._one_hot(labels)
        error = expected - self._found(room, n)
        learners = [(k, layer) for k, layer in enumerate(self._levels) if layer.learns]
        at_once(
            partial(layer.kernels.sort_by_row, room.events[k], 0, n, self.n_ticks, room.rows[k])
            for k, layer in learners
            if layer.width == BLOCK
        )
        at_once(
            partial(self._credit_block, k, block, error, expected, n, room)
            for k, layer in learners
            if layer.kappa == 1.0
            for block in range(layer.n_blocks)
        )
        for k, layer in reversed(learners):
            if layer.kappa < 1.0:
                self._send_back(layer, n, room, at_once)
                at_once(
                    partial(self._credit_block, k, block, error, expected, n, room)
                    for block in range(layer.n_blocks)
                )
        steps = {k: layer.step_constants(1)[0] for k, layer in learners}
        at_once(
            partial(
                layer.kernels.step_block, layer.table[block], layer.first_moment[block], layer.second_moment[block],
                layer.seen[block], layer.real(block), room.events[k], room.none, room.rows[k], steps[k], n,
                self.n_ticks, room.grad[k][block],
            )
            for k, layer in learners
            for block in range(layer.n_blocks)
        )  # fmt: skip
        for _, layer in learners:
            layer.steps += 1

    def _credit_block(self, k: int, block: int, error: Array, expected: Array, n: int, room: _Room) -> None:
        layer = self._levels[k]
        sent = room.sent if layer.kappa < 1.0 else room.nothing
        layer.kernels.credit_block(
            block * layer.width, layer.real(block), error if layer.needs_error else expected, layer.padded_gains,
            layer.error_scale, layer.every_tick, layer.pull, layer.target, layer.kappa, sent, layer.constants,
            layer.factor, n, self.n_ticks, room.v[k][block], room.out[k][block], room.rates[k], room.grad[k][block],
        )  # fmt: skip

    def _send_back(self, layer: JoinedLayer, n: int, room: _Room, at_once: Any) -> None:
        """Collect in ``room.sent`` what all layers after this one send back through their weights."""
        room.sent[:] = 0.0
        for k, after in enumerate(self._levels):
            for part in after.parts:
                if part.pre_name != layer.post.name or not after.learns:
                    continue
                weights = np.ascontiguousarray(part.weights()[0].T)
                for block in range(after.n_blocks):
                    at_once(
                        partial(
                            after.kernels.send_back, room.grad[k][block], block * after.width, after.real(block),
                            weights, a, b, self.n_ticks, room.sent,
                        )
                        for a, b in self._spans(n)
                    )  # fmt: skip

    def _spans(self, n: int) -> list[tuple[int, int]]:
        size = max(1, -(-n // (2 * self.threads)))
        return [(a, min(a + size, n)) for a in range(0, n, size)]


class _Room:
    """Buffers of the trials that run together.

    Attributes
    ----------
    given : events of the network's input
    events, rows, v, out, rates : for each layer
    plain : for each layer, whether the network's input alone reaches it, so that its events are ``given``
    grad : for each layer, float32 (n_blocks, n_trials * (n_ticks + 1), width), its credit
    sent : float32 (n_trials, n_ticks, n_padded), what reaches the layer at hand from those after it
    spikes : uint8 (n_trials, n_ticks, n_columns), of all layers side by side
    """

    def __init__(self, levels: Sequence[JoinedLayer], n_columns: int, input_name: str, largest: int, n_trials: int,
                 n_ticks: int, learning: bool):  # fmt: skip
        self.largest, self.n_trials = largest, n_trials
        self.given = window_arrays.allocate(n_trials, n_ticks, n_trials * largest + 1)
        self.spikes = np.zeros((n_trials, n_ticks, n_columns), np.uint8)
        self.none = np.zeros((1, 1, 1), np.uint8)
        self.nothing = np.zeros((1, n_ticks, 1), np.float32)
        widest = max((layer.n_padded for layer in levels if learning and layer.kappa < 1.0), default=0)
        self.sent = np.zeros((n_trials, n_ticks, widest), np.float32)
        self.plain = [list(layer.rows) == [input_name] for layer in levels]
        self.events, self.rows, self.v, self.out, self.rates, self.grad = [], [], [], [], [], []  # type: ignore[var-annotated]
        for layer, plain in zip(levels, self.plain, strict=True):
            entries = largest if plain else (layer.n_pre + 1) * (n_ticks + 1) + 1
            self.events.append(
                self.given if plain else window_arrays.allocate(n_trials, n_ticks, n_trials * entries + 1)
            )
            sort = learning and layer.learns and layer.width == BLOCK
            rows = window_arrays.allocate_rows(
                1, *((layer.n_pre + 1, n_ticks, n_trials * entries) if sort else (1, 1, 1))
            )
            self.rows.append(window_arrays.RowIndex(*(part[0] for part in rows)))
            shape = (layer.n_blocks, n_trials if learning else 1, n_ticks + 1, layer.width)
            slots = n_trials * (n_ticks + 1) if learning and layer.learns else 0
            self.grad.append(aligned_zeros((layer.n_blocks, slots, layer.width)))
            self.v.append(np.zeros(shape, np.float32))
            self.out.append(np.zeros(shape, np.float32))
            self.rates.append(np.zeros((n_trials, layer.n_padded), np.float32))


def _each(pool: ThreadPoolExecutor | None, tasks: Any) -> None:
    """Run tasks that touch different memory, at once where there is a pool."""
    list((pool.map if pool else map)(lambda task: task(), tasks))
