"""Dense chains learn window by window: whole chunks of batches pass down the layers as a pipeline.

Encode, advance, credit and update follow each other for each layer; because a neuromodulated layer learns from its
own input and the expected class alone, a layer need not wait for the layers after it, and each is one chunk behind
the layer before. The weights after a batch are the same as if batches were taken one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from tegmentum.simcore.advance.windows.input import Input
from tegmentum.simcore.advance.windows.pipeline import Task, flow_through
from tegmentum.simcore.describe.network import Network
from tegmentum.simcore.neurons import GradedUnit
from tegmentum.simcore.random import philox as rng

from .buffers import Buffers
from .chain import chain_of
from .layer import BLOCK, Layer

Array = np.ndarray[Any, Any]
_CHUNK_TRIALS = 320  # trials that pass down the network together
_CHUNK_BYTES = 64 << 20  # of their events


class Windows:
    """A chain of dense layers.

    Attributes
    ----------
    layers : list of Layer
        from the input on
    n_events : int
        synaptic events so far
    """

    def __init__(
        self, network: Network, n_ticks: int, batch: int, seed: int, threads: int, rate_scale: float
    ) -> None:
        chain = chain_of(network)
        self.batch, self.seed, self.threads, self.rate_scale = batch, seed, threads, rate_scale
        self.graded = isinstance(chain[0].post.model, GradedUnit)
        self.n_ticks = 1 if self.graded else n_ticks
        self.n_inputs, self.n_classes = chain[0].pre.size, chain[-1].post.size
        self.layers = [Layer(p, k, self.n_classes, self.n_ticks, batch, seed) for k, p in enumerate(chain)]
        self.n_events = 0
        self._buffers: dict[bool, Buffers] = {}

    def flow(
        self, x: Array, y: Array, x_max: int, batches: Array, epoch: int, learning: bool
    ) -> Iterator[Any]:
        """Drive all batches through the network; yields (samples, output rates) of each chunk in order."""
        n_trials = batches.shape[1] if len(batches) else 1
        inputs = self._input(x, x_max, epoch, learning)
        entries = max(1, int(inputs.capacity.max(initial=1)) * 8 * n_trials)
        widest = max(layer.n_pre + 1 for layer in self.layers[1:]) if len(self.layers) > 1 else 1
        entries = max(entries, widest * self.n_ticks * 8 * n_trials)
        per_chunk = max(1, min(_CHUNK_TRIALS // n_trials, _CHUNK_BYTES // entries))
        chunks = [batches[k : k + per_chunk] for k in range(0, len(batches), per_chunk)]
        stages, buffers = self._stages(inputs, y, learning, per_chunk * n_trials)
        for number in flow_through(stages, chunks, self.threads):
            index = chunks[number].ravel()
            yield index, buffers.rates[-1][number % 2][: len(index), : self.n_classes]

    def spikes(self, x: Array, x_max: int) -> list[Array]:
        """Return the outputs of each layer, uint8 (float32 if graded) (n, n_ticks, n_neurons)."""
        if len(x) == 0:
            return [np.zeros((0, self.n_ticks, layer.n_post), self._dtype) for layer in self.layers]
        batches = np.arange(len(x)).reshape(len(x), 1)
        found: list[list[Array]] = [[] for _ in self.layers]
        inputs = self._input(x, x_max, 0, False)
        stages, buffers = self._stages(inputs, np.zeros(len(x), np.int64), False, 1)
        for number in range(len(x)):
            for _ in flow_through(stages, [batches[number : number + 1]], 1):
                for k, layer in enumerate(self.layers):
                    outputs = buffers.outputs[k][0][0]
                    if not self.graded:
                        outputs = np.unpackbits(outputs, axis=-1, bitorder="little")
                    found[k].append(outputs[:, : layer.n_post].copy())
        return [np.stack(outputs) for outputs in found]

    @property
    def _dtype(self) -> Any:
        return np.float32 if self.graded else np.uint8

    def _input(self, x: Array, x_max: int, epoch: int, learning: bool) -> Input:
        stream = rng.STREAM_ENCODE_TRAIN if learning else rng.STREAM_ENCODE_TEST
        return Input(x, x_max, self.n_ticks, self.graded, self.rate_scale, stream, epoch, self.seed)

    def _stages(self, inputs: Input, y: Array, learning: bool, n_trials: int) -> Any:
        largest = int(inputs.capacity.max(initial=1))
        buffers = self._buffers.get(learning)
        if buffers is None or buffers.n_trials != n_trials or buffers.largest < largest:
            buffers = Buffers(self.layers, largest, self.n_ticks, n_trials, self.batch, self.graded, learning)
            self._buffers[learning] = buffers
        stages = []
        for k, layer in enumerate(self.layers):
            stages.append(partial(self._prepare, k, inputs, buffers, learning))
            stages.append(partial(self._advance, k, layer, y, buffers, learning))
        return stages, buffers

    def _prepare(
        self, k: int, inputs: Input, buffers: Buffers, learning: bool, chunk: Array, number: int
    ) -> list[Task]:
        """Tasks that list the input events of layer k, one task for each group of batches."""
        layer, kernels = self.layers[k], self.layers[k].kernels
        events, rows = buffers.events[k][number % 2], buffers.rows[k][number % 2]
        n_batches, n_trials = chunk.shape
        if k == 0:
            encode = inputs.encoder(kernels, chunk.ravel(), events)
        narrow = layer.width < BLOCK  # its kernel takes the bits themselves
        listed = kernels.count_spikes if narrow else kernels.from_spikes
        convert = kernels.from_graded if self.graded else listed
        sort = learning and layer.learns and layer.width == BLOCK

        def task(first: int, last: int) -> None:
            a, b = first * n_trials, last * n_trials
            if k == 0:
                encode(a, b)
            else:
                convert(buffers.outputs[k - 1][number % 3], layer.n_pre, a, b, events)
            if sort:
                kernels.sort_batches(events, first, last, n_trials, self.n_ticks, rows)

        return [partial(task, first, last) for first, last in self._parts(n_batches)]

    def _advance(
        self, k: int, layer: Layer, y: Array, buffers: Buffers, learning: bool, chunk: Array, number: int
    ) -> list[Task]:
        """Tasks that advance layer k through the chunk, one task for each group of blocks of neurons."""
        n_batches, n_trials = chunk.shape
        events = buffers.events[k][number % 2]
        before = buffers.outputs[k - 1][number % 3] if k else buffers.none
        self.n_events += int(events.spikes[: chunk.size].sum()) * layer.n_post
        steps = layer.step_constants(n_batches)
        if learning:
            layer.steps += n_batches
        labels = y[chunk.ravel()]
        return [
            partial(
                layer.learn, first, last, events, before, buffers.rows[k][number % 2], labels, steps, n_batches,
                n_trials, self.n_ticks, buffers.outputs[k][number % 3], buffers.rates[k][number % 2], learning,
            )
            for first, last in self._parts(layer.n_blocks)
        ]  # fmt: skip

    def _parts(self, n: int) -> list[tuple[int, int]]:
        """Divide the numbers below ``n``: a single thread's into one part, others' into several for each."""
        size = max(1, -(-n // (4 * self.threads if self.threads > 1 else 1)))
        return [(first, min(first + size, n)) for first in range(0, n, size)]
