"""Any network learns by ticks: a batch is so many trials of a simulation, and synapses learn from what was recorded.

A population's window begins at the tick at which the first spike of the input can reach it; before, it is silent, and
what happens after its T ticks reaches no other window. Weights stay as they are within a window, so the trials of a
batch share them and run side by side.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from tegmentum.simcore.advance.simulation import Simulation
from tegmentum.simcore.advance.windows.input import Input
from tegmentum.simcore.describe.connectivity import AllToAll, Constant, Explicit, FromCOO, Normal
from tegmentum.simcore.describe.network import Network, Projection
from tegmentum.simcore.describe.record import Record, Result, Trace
from tegmentum.simcore.describe.sources import SpikeTrain
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.lower import window_arrays
from tegmentum.simcore.random import philox as rng

from .graph import graph_of
from .tick_layer import Spikes, TickLayer

Array = np.ndarray[Any, Any]


class Ticks:
    """A network of any shape.

    Attributes
    ----------
    layers : list of TickLayer
        as :class:`.Graph` orders projections
    n_events : int
        synaptic events so far, those of biases not counted
    onset : dict of population name to int
        first tick of its window
    """

    graded = False

    def __init__(
        self, network: Network, n_ticks: int, batch: int, seed: int, threads: int, rate_scale: float
    ) -> None:
        graph = graph_of(network)
        self.n_ticks, self.batch, self.seed, self.threads = n_ticks, batch, seed, threads
        self.rate_scale, self.input, self.output = rate_scale, network.spike_trains[0], graph.output
        self.n_inputs, self.n_classes = self.input.size, graph.output.size
        self._simulation = Simulation(_static(network), 1.0, seed, threads, batch, max_rate=math.inf)
        synapses = {str(p.name): self._simulation.synapses(str(p.name)) for p in network.projections}
        self.onset = _onsets(network, synapses)
        for name, onset in self.onset.items():
            times = np.arange(n_ticks, dtype=np.float64) + onset - 1
            self._simulation.set_spikes(_bias_of(name), times, np.zeros(n_ticks, np.int64))
        self.layers = [
            TickLayer(
                p, k, synapses[str(p.name)], self.onset[p.post.name], graph.bias[p.post.name] == p.name,
                self.n_classes, n_ticks, batch, seed,
            )
            for k, p in enumerate(graph.projections)
        ]  # fmt: skip
        traces = {layer.post.name: Trace(layer.post, "v") for layer in self.layers if layer.learns}
        self._record = {
            learns: Record(network.populations, traces if learns else {}) for learns in (True, False)
        }
        self.n_events = 0

    def flow(
        self, x: Array, y: Array, x_max: int, batches: Array, epoch: int, learning: bool
    ) -> Iterator[tuple[Array, Array]]:
        """Present all batches; yields (samples, output rates) of each in order."""
        inputs = self._inputs(x, x_max, epoch, learning)
        chunks = batches if learning else self._chunks(batches.ravel())
        self._write(self.layers)
        learners = [layer for layer in self.layers if layer.learns]
        with ThreadPoolExecutor(self.threads) as pool:
            each = pool.map if self.threads > 1 else map
            for index in chunks:
                given, result = self._present(inputs, index, learning)
                if learning:
                    spikes = self._by_neuron(given, result)
                    for layer in learners:
                        potential = np.ascontiguousarray(result.traces[layer.post.name])
                        layer.learn(potential, spikes[layer.pre_name], y[index], self.threads, each)
                    self._write(learners)
                outputs = self._windowed(result, self.output.name, len(index))
                counts = outputs.sum(axis=1, dtype=np.float32)
                yield index, counts * (np.float32(1.0) / np.float32(self.n_ticks))

    def spikes(self, x: Array, x_max: int) -> list[Array]:
        """Return the outputs of each layer's post neurons, uint8 (n, n_ticks, n_neurons)."""
        found: list[list[Array]] = [
            [np.zeros((0, self.n_ticks, layer.n_post), np.uint8)] for layer in self.layers
        ]
        inputs = self._inputs(x, x_max, 0, False)
        self._write(self.layers)
        for index in self._chunks(np.arange(len(x))):
            _, result = self._present(inputs, index, False)
            for outputs, layer in zip(found, self.layers, strict=True):
                outputs.append(self._windowed(result, layer.post.name, len(index)))
        return [np.concatenate(outputs) for outputs in found]

    def _chunks(self, index: Array) -> list[Array]:
        return [index[k : k + self.batch] for k in range(0, len(index), self.batch)]

    def _inputs(self, x: Array, x_max: int, epoch: int, learning: bool) -> Input:
        stream = rng.STREAM_ENCODE_TRAIN if learning else rng.STREAM_ENCODE_TEST
        return Input(x, x_max, self.n_ticks, False, self.rate_scale, stream, epoch, self.seed)

    def _write(self, layers: list[TickLayer]) -> None:
        """Give the simulation the weights of these layers."""
        for layer in layers:
            self._simulation.set_weights(layer.name, layer.weight)
            if layer.biased:
                self._simulation.set_weights(_bias_of(layer.post.name), layer.bias)

    def _present(
        self, inputs: Input, index: Array, learning: bool
    ) -> tuple[tuple[Array, Array, Array], Result]:
        """Run samples ``index`` as trials; returns the input's (trial, tick, channel) and what was recorded."""
        simulation = self._simulation
        given = self._encoded(inputs, index)
        simulation.reset()
        simulation.set_spikes(self.input.name, given[1].astype(np.float64), given[2], given[0])
        populations = simulation.network.populations
        last = max(self.onset.values()) + self.n_ticks - 1
        result = simulation.run(float(last), self._record[learning])
        biases = simulation.n_trials * self.n_ticks * sum(p.size for p in populations)
        self.n_events += result.synaptic_events - biases
        return given, result

    def _encoded(self, inputs: Input, index: Array) -> tuple[Array, Array, Array]:
        """Spikes of the input by (trial, tick, channel)."""
        kernels = self.layers[0].kernels
        events = window_arrays.allocate(len(index), self.n_ticks, int(inputs.capacity[index].sum()) + 1)
        inputs.encoder(kernels, index, events)(0, len(index))
        trial, tick, channel = np.zeros((3, int(events.spikes.sum())), np.int64)
        kernels.list_spikes(events, len(index), self.n_ticks, self.n_inputs, trial, tick, channel)
        return trial, tick, channel

    def _by_neuron(self, given: tuple[Array, Array, Array], result: Result) -> dict[str, Spikes]:
        """Spikes of the input and of all populations, by neuron, then by (trial, tick)."""
        found = {self.input.name: _sorted(*given, self.n_inputs)}
        for p in self._simulation.network.populations:
            spikes = result.spikes[p.name]
            found[p.name] = _sorted(spikes.trial, spikes.tick, spikes.neuron, p.size)
        return found

    def _windowed(self, result: Result, name: str, n: int) -> Array:
        """Spikes of a population in its window and the first ``n`` trials, uint8 (n, n_ticks, n_neurons)."""
        spikes, onset = result.spikes[name], self.onset[name]
        mine = (spikes.trial < n) & (spikes.tick >= onset) & (spikes.tick < onset + self.n_ticks)
        found = np.zeros((n, self.n_ticks, result.sizes[name]), np.uint8)
        found[spikes.trial[mine], spikes.tick[mine] - onset, spikes.neuron[mine]] = 1
        return found


def _sorted(trial: Array, tick: Array, neuron: Array, n: int) -> Spikes:
    """Sort spikes that are sorted by (trial, tick) by neuron."""
    order = np.argsort(
        neuron.astype(np.uint16 if n <= 1 << 16 else np.int64), kind="stable"
    )  # 16 bits: radix
    begin = np.searchsorted(neuron[order], np.arange(n + 1))
    return begin, trial[order].astype(np.int64), tick[order].astype(np.int64)


def _static(network: Network) -> Network:
    """Return the network with no rules, and for each population a neuron to be always on: its bias."""
    parts: list[Any] = [*network.populations, *network.spike_trains, *map(_unruled, network.projections)]
    for p in network.populations:
        train = SpikeTrain(_bias_of(p.name), 1, [], [])
        parts += [train, Projection(train, p, AllToAll(), np.zeros((1, p.size)), name=_bias_of(p.name))]
    return Network(*parts)


def _unruled(p: Projection) -> Projection:
    """Return the same synapses without a rule, each with a weight of its own."""
    rule, weight = p.rule, p.weight
    if isinstance(rule, Explicit):
        rule = FromCOO(*rule.pairs())
    if isinstance(weight, Constant):
        weight = Normal(weight.value, 0.0)
    return dataclasses.replace(p, rule=rule, weight=weight, plasticity=None, sign=None)


def _bias_of(name: str) -> str:
    return f"{name}-bias"


def _onsets(network: Network, synapses: dict[str, Any]) -> dict[str, int]:
    """First tick at which a spike of the input can reach each population, along the shortest delays."""
    least = {name: int(s.delay.min()) for name, s in synapses.items() if len(s)}
    found = {network.spike_trains[0].name: 0}
    for _ in network.populations:
        for p in network.projections:
            if p.pre.name in found and p.name in least:
                at = found[p.pre.name] + least[str(p.name)]
                found[p.post.name] = min(at, found.get(p.post.name, at))
    for population in network.populations:
        if population.name not in found:
            raise DescriptionError(
                f"Population {population.name!r}: no spike of the input can reach it: a projection has no synapse"
            )
    return {population.name: found[population.name] for population in network.populations}
