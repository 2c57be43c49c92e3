"""The learner: drives samples through a feed-forward network window by window, and lets its rules learn.

Encode, advance, credit and update follow each other for each layer; because a neuromodulated layer learns from its
own input and the expected class alone, a layer need not wait for the layers after it, and whole chunks of batches
pass down the network as a pipeline, each layer one chunk behind the layer before. The weights after a batch are
the same as if batches were taken one by one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from tegmentum.simcore.advance.windows.input import Input
from tegmentum.simcore.advance.windows.pipeline import Task, flow_through
from tegmentum.simcore.describe import checks
from tegmentum.simcore.describe.network import Network
from tegmentum.simcore.errors import DescriptionError, SimulationError
from tegmentum.simcore.lower import window_arrays
from tegmentum.simcore.machine import default_threads
from tegmentum.simcore.neurons import GradedUnit
from tegmentum.simcore.random import philox as rng

from .buffers import Buffers
from .chain import chain_of
from .layer import BLOCK, Layer
from .work import Work

Array = np.ndarray[Any, Any]
_LEARNT = ("table", "first_moment", "second_moment", "seen", "steps")  # of a layer
_CHUNK_TRIALS = 320  # trials that pass down the network together
_CHUNK_BYTES = 64 << 20  # of their events


class Learner:
    """A feed-forward network of dense projections, with its weights.

    Parameters
    ----------
    network : Network
        a chain: one spike-train input, populations connected all-to-all, one after the other. Each projection's
        ``plasticity`` is one of ``Modulated``, ``ErrorDriven`` or ``Frozen``.
    n_ticks : ticks of a window T, for spiking networks; graded networks take one
    batch : samples whose gradients are summed to one step
    seed : of weights, tables, order of samples and spikes of the input
    threads : kernels that run at once; no result depends on it. None: all CPUs lent to the process
    rate_scale : a channel of full intensity fires with this probability in each tick, at most 1

    Raises
    ------
    DescriptionError
        if the network is not such a chain, or a number is out of range
    """

    def __init__(self, network: Network, *, n_ticks: int = 20, batch: int = 32, seed: int = 0,
                 threads: int | None = None, rate_scale: float = 1.0):  # fmt: skip
        if not isinstance(network, Network):
            raise DescriptionError(f"Learner: network must be a Network, got {checks.shown(network)}")
        threads = default_threads() if threads is None else threads
        for name, value in (("n_ticks", n_ticks), ("batch", batch), ("threads", threads)):
            checks.number(value, "Learner", name, whole=True, least=1)
        if n_ticks > 1024:
            raise DescriptionError(f"Learner: n_ticks must be <= 1024, got {n_ticks}")
        checks.number(seed, "Learner", "seed", whole=True, least=0, most=2**64 - 1)
        checks.number(rate_scale, "Learner", "rate_scale", above=0.0)
        n_ticks, batch, seed, threads = int(n_ticks), int(batch), int(seed), int(threads)
        self.network, self.batch, self.seed, self.threads, self.rate_scale = (
            network,
            batch,
            seed,
            threads,
            rate_scale,
        )
        chain = chain_of(network)
        self.graded = isinstance(chain[0].post.model, GradedUnit)
        self.n_ticks = 1 if self.graded else n_ticks
        self.n_inputs, self.n_classes = chain[0].pre.size, chain[-1].post.size
        self.layers = [Layer(p, k, self.n_classes, self.n_ticks, batch, seed) for k, p in enumerate(chain)]
        self._n_events = 0
        self._buffers: dict[bool, Buffers] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Pickle and copy as the network, the arguments, and each layer's weights and moments of its optimiser."""
        arguments = ("n_ticks", "batch", "seed", "threads", "rate_scale")
        return {
            "network": self.network,
            "arguments": {name: getattr(self, name) for name in arguments},
            "layers": [{name: getattr(layer, name) for name in _LEARNT} for layer in self.layers],
            "n_events": self._n_events,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["network"], **state["arguments"])  # type: ignore[misc]
        for layer, learnt in zip(self.layers, state["layers"], strict=True):
            for name in _LEARNT[:-1]:
                getattr(layer, name)[:] = learnt[name]
            layer.steps = learnt["steps"]
        self._n_events = state["n_events"]

    def learn(
        self, x: Array, y: Array, x_max: int, epoch: int, on_progress: Callable[[int], None] | None = None
    ) -> Work:
        """One pass over the samples in an order drawn from (seed, epoch); a last partial batch is dropped.

        Parameters
        ----------
        x : uint8 (n, n_inputs), intensities 0 to ``x_max``
        y : int64 (n,), expected classes
        on_progress : called with the number of samples that have passed the whole network
        """
        self._check(x, x_max)
        if (
            y.dtype.kind not in "iu"
            or len(y) != len(x)
            or (len(y) and not (y.min() >= 0 and y.max() < self.n_classes))
        ):
            raise DescriptionError(f"Learner: y must hold {len(x)} classes in [0, {self.n_classes})")
        if not 0 <= epoch < 2**24:
            raise DescriptionError(f"Learner: epoch must be in [0, 2**24), got {epoch}")
        if len(x) < self.batch:
            raise DescriptionError(
                f"Learner: batch must be <= the {len(x)} training samples, got {self.batch}"
            )
        n = len(x) // self.batch
        order = rng.permutation(len(x), self.seed, rng.STREAM_SHUFFLE, epoch)[: n * self.batch]
        batches = order.reshape(n, self.batch)
        correct = 0
        start, events_before = time.perf_counter(), self._n_events
        for done, (index, rates) in enumerate(self._flow(x, y, x_max, batches, epoch, True)):
            correct += int(np.count_nonzero(rates.argmax(axis=1) == y[index]))
            if on_progress:
                on_progress(min((done + 1) * len(index), n * self.batch))
        for layer in self.layers:
            if not np.isfinite(layer.table).all():
                raise SimulationError(
                    f"Projection {layer.name!r}: weights are not finite after epoch {epoch}; lower the learning rate"
                )
        return Work(correct, n * self.batch, self._n_events - events_before, time.perf_counter() - start)

    def rates(self, x: Array, x_max: int) -> Array:
        """Mean output of each class over the window, float32 (n, n_classes).

        A sample's input spikes are drawn from its own content, so its rates are the same alone, in any batch and in
        any order.
        """
        self._check(x, x_max)
        found = np.zeros((len(x), self.n_classes), np.float32)
        batches = np.arange(len(x)).reshape(len(x), 1)
        for index, rates in self._flow(x, np.zeros(len(x), np.int64), x_max, batches, 0, False):
            found[index] = rates
        return found

    def predict(self, x: Array, x_max: int) -> Array:
        """Class of the highest output rate, int64 (n,); of equal rates the first."""
        return np.asarray(self.rates(x, x_max).argmax(axis=1))

    def spikes(self, x: Array, x_max: int) -> list[Array]:
        """Return the outputs of each layer, uint8 (float32 if graded) (n, n_ticks, n_neurons); for a few samples."""
        self._check(x, x_max)
        if len(x) == 0:
            return [np.zeros((0, self.n_ticks, layer.n_post), self._dtype) for layer in self.layers]
        batches = np.arange(len(x)).reshape(len(x), 1)
        found: list[list[Array]] = [[] for _ in self.layers]
        stages, buffers = self._stages(x, np.zeros(len(x), np.int64), x_max, 0, False, 1)
        for number in range(len(x)):
            for _ in flow_through(stages, [batches[number : number + 1]], 1):
                for k, layer in enumerate(self.layers):
                    found[k].append(buffers.outputs[k][0][0, :, : layer.n_post].copy())
        return [np.stack(outputs) for outputs in found]

    def _check(self, x: Array, x_max: int) -> None:
        if x.dtype != np.uint8 or x.ndim != 2 or x.shape[1] != self.n_inputs:
            raise DescriptionError(f"Learner: x must be uint8 (n, {self.n_inputs}), got {x.dtype} {x.shape}")
        if x_max < 1:
            raise DescriptionError(f"Learner: x_max must be >= 1, got {x_max}")
        if len(x) and x.max() > x_max:
            raise DescriptionError(f"Learner: x must be <= x_max = {x_max}, got {x.max()}")

    @property
    def _dtype(self) -> Any:
        return np.float32 if self.graded else np.uint8

    def _flow(
        self, x: Array, y: Array, x_max: int, batches: Array, epoch: int, learning: bool
    ) -> Iterator[Any]:
        """Drive all batches through the network; yields (samples, output rates) of each chunk in order."""
        n_trials = batches.shape[1] if len(batches) else 1
        entries = max(1, int(window_arrays.capacity(x, self.n_ticks).max(initial=1)) * 8 * n_trials)
        widest = max(layer.n_pre + 1 for layer in self.layers[1:]) if len(self.layers) > 1 else 1
        entries = max(entries, widest * self.n_ticks * 8 * n_trials)
        per_chunk = max(1, min(_CHUNK_TRIALS // n_trials, _CHUNK_BYTES // entries))
        chunks = [batches[k : k + per_chunk] for k in range(0, len(batches), per_chunk)]
        stages, buffers = self._stages(x, y, x_max, epoch, learning, per_chunk * n_trials)
        for number in flow_through(stages, chunks, self.threads):
            index = chunks[number].ravel()
            yield index, buffers.rates[-1][number % 2][: len(index), : self.n_classes]

    def _stages(self, x: Array, y: Array, x_max: int, epoch: int, learning: bool, n_trials: int) -> Any:
        stream = rng.STREAM_ENCODE_TRAIN if learning else rng.STREAM_ENCODE_TEST
        inputs = Input(x, x_max, self.n_ticks, self.graded, self.rate_scale, stream, epoch, self.seed)
        largest = int(inputs.capacity.max(initial=1))
        buffers = self._buffers.get(learning)
        if buffers is None or buffers.n_trials != n_trials or buffers.largest < largest:
            buffers = Buffers(self.layers, largest, self.n_ticks, n_trials, self.batch, self._dtype, learning)
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
        convert = kernels.from_graded if self.graded else kernels.from_spikes
        sort = learning and layer.learns and layer.width == BLOCK

        def task(first: int, last: int) -> None:
            a, b = first * n_trials, last * n_trials
            if k == 0:
                encode(a, b)
            else:
                convert(buffers.outputs[k - 1][number % 3], layer.n_pre, a, b, events)
            if sort:
                for j in range(first, last):
                    batch_rows = window_arrays.RowIndex(rows.start[j], rows.slot[j], rows.value[j])
                    kernels.sort_by_row(events, j * n_trials, n_trials, self.n_ticks, batch_rows)

        size = max(1, -(-n_batches // (2 * self.threads)))
        return [partial(task, j, min(j + size, n_batches)) for j in range(0, n_batches, size)]

    def _advance(
        self, k: int, layer: Layer, y: Array, buffers: Buffers, learning: bool, chunk: Array, number: int
    ) -> list[Task]:
        """Tasks that advance layer k through the chunk, one task for each block of neurons."""
        n_batches, n_trials = chunk.shape
        events = buffers.events[k][number % 2]
        before = buffers.outputs[k - 1][number % 3] if k else buffers.none
        self._n_events += int(events.spikes[: chunk.size].sum()) * layer.n_post
        steps = layer.step_constants(n_batches)
        if learning:
            layer.steps += n_batches
        labels = y[chunk.ravel()]
        return [
            partial(
                layer.learn, block, events, before, buffers.rows[k][number % 2], labels, steps, n_batches, n_trials,
                self.n_ticks, buffers.outputs[k][number % 3], buffers.rates[k][number % 2], learning,
            )
            for block in range(layer.n_blocks)
        ]  # fmt: skip
