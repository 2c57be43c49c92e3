"""The learner of :mod:`.dopamine_classifier`: one sample after another, each a trial of the tick engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tegmentum.simcore.advance.simulation import Simulation
from tegmentum.simcore.describe.trials import Presented
from tegmentum.simcore.encode import latency
from tegmentum.simcore.errors import DescriptionError

from .dopamine_classifier import DopamineParameters, dopamine_network
from .passes import Pass, part
from .work import Work

Array = np.ndarray[Any, Any]
_COUNTED = ("hidden", "output")
_AT_ONCE = 1000  # samples between two looks at progress


def shifted(x: Array, x_max: int, by: Array) -> Array:
    """Return square images moved by ``by[n, 2]``, down and across, of at most 1 pixel: bilinear, black beyond the edge.

    Parameters
    ----------
    x : uint8[n, n_inputs]
    x_max : int
        the integer that means brightness 1; of the result it is 255
    by : float[n, 2]
    """
    side = math.isqrt(x.shape[1])
    padded = np.pad(x.reshape(-1, side, side) * np.float32(255.0 / x_max), ((0, 0), (1, 1), (1, 1)))
    out = np.zeros((len(x), side, side), np.float32)
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            share = np.prod(np.maximum(0.0, 1.0 - np.abs(by + np.array([down, across]))), axis=1)
            part = padded[:, 1 + down : 1 + down + side, 1 + across : 1 + across + side]
            out += share.astype(np.float32)[:, None, None] * part
    return np.rint(out).astype(np.uint8).reshape(len(x), -1)


class OnlineLearner:
    """A network that learns by dopamine-modulated STDP while it is shown samples.

    Parameters
    ----------
    n_inputs, n_classes : int
    parameters : DopamineParameters
    epochs : int, optional
        over which the rate of learning falls to 0, in equal steps; by default the parameters' number
    seed : int
        of weights, delays and the order of samples
    threads : int, 1
        of a sample; no result depends on it
    backend, arithmetic : str
        as of :class:`.Simulation`: a CUDA device learns what the CPU learns in ``arithmetic="fixed"``

    Attributes
    ----------
    simulation : Simulation
    parameters : DopamineParameters
    spikes_per_sample : dict of float
        of hidden and output neurons, in the last pass of learning
    levels : dict of float64[2, n_levels]
        mean and standard deviation of each neuromodulator's levels at the pulses of the last pass
    """

    def __init__(
        self,
        n_inputs: int,
        n_classes: int,
        parameters: DopamineParameters | None = None,
        *,
        epochs: int | None = None,
        seed: int = 0,
        threads: int = 1,
        backend: str = "cpu",
        arithmetic: str | None = None,
    ) -> None:
        self.parameters = DopamineParameters() if parameters is None else parameters
        epochs = self.parameters.epochs if epochs is None else epochs
        if epochs < 1:
            raise DescriptionError(f"OnlineLearner: epochs must be >= 1, got {epochs}")
        if self.parameters.shift and math.isqrt(n_inputs) ** 2 != n_inputs:
            raise DescriptionError(
                f"OnlineLearner: shift is for square images, got {n_inputs} inputs; set it to 0"
            )
        self.n_inputs, self.n_classes, self.epochs, self.seed = n_inputs, n_classes, epochs, seed
        self._pass = Pass(0)
        self._loaded: Pass | None = None
        self.spikes_per_sample: dict[str, float] = {}
        self.levels: dict[str, Array] = {}
        network = dopamine_network(n_inputs, n_classes, self.parameters, seed)
        where: dict[str, Any] = {"threads": threads, "backend": backend, "arithmetic": arithmetic}
        self.simulation = Simulation(network, dt=1.0, seed=seed, max_rate=1000.0, **where)

    def show(
        self, x: Array, x_max: int, y: Array | None = None, learning: float = 0.0, **options: Any
    ) -> Presented:
        """Show samples; with ``learning`` > 0 learn from them."""
        p = self.parameters
        events = latency(x, x_max, p.ticks, span=p.span, least=p.least)
        return self.simulation.present(
            events, y, readout="output", n_classes=self.n_classes, learning=learning, **options
        )

    def learn(
        self,
        x: Array,
        y: Array,
        x_max: int,
        epoch: int = 1,
        on_progress: Callable[[int], None] | None = None,
        on_state: Callable[[], None] | None = None,
    ) -> Work:
        """Learn all samples once, in an order of their own for each epoch, from 1.

        Parameters
        ----------
        x : uint8[n, n_inputs]
        y : int[n]
        x_max : int
            the integer that means brightness 1
        epoch : int
        on_progress : callable, optional
            called with the number of samples done
        on_state : callable, optional
            called from time to time, at moments at which :meth:`state` may be taken
        """
        if not 1 <= epoch <= self.epochs:
            raise DescriptionError(f"learn: epoch must be in [1, {self.epochs}], got {epoch}")
        key = np.array([self.seed, epoch], np.uint64)
        rng = np.random.Generator(np.random.Philox(key=key))
        order = rng.permutation(len(x))
        most = self.parameters.shift
        if most:
            moved, x_max = shifted(x, x_max, rng.uniform(-most, most, (len(x), 2))), 255
            x = moved
        going = Pass.going_on(self._loaded, epoch)
        self._loaded, self._pass = None, going
        for first in range(going.done, len(x), _AT_ONCE):
            now = order[first : first + _AT_ONCE]
            shown = self.show(x[now], x_max, y[now], learning=1.0 - (epoch - 1) / self.epochs)
            going.correct += int((shown.chosen == y[now]).sum())
            going.events += shown.synaptic_events
            going.seconds += shown.seconds
            going.add("spikes", [int(shown.spikes[name].sum()) for name in _COUNTED])
            for name, level in shown.levels.items():
                going.add(f"levels/{name}", np.stack([level.sum(axis=0), (level**2).sum(axis=0)]))
            going.done = first + len(now)
            if on_progress is not None:
                on_progress(going.done)
            if on_state is not None:
                on_state()
        self._told(going, len(x))
        return Work(going.correct, len(x), going.events, going.seconds)

    def _told(self, going: Pass, n: int) -> None:
        """Keep the means over the samples of a pass."""
        spikes = going.sums.get("spikes", np.zeros(len(_COUNTED), np.int64))
        self.spikes_per_sample = {name: int(k) / n for name, k in zip(_COUNTED, spikes, strict=True)}
        for name, (first, second) in part(going.sums, "levels").items():
            mean = first / n
            self.levels[name] = np.stack([mean, np.sqrt(np.maximum(second / n - mean**2, 0.0))])

    def state(self) -> dict[str, Array]:
        """Return everything that going on needs, as named arrays.

        Where it is taken within a pass, by ``on_state``, :meth:`learn` of the same epoch goes on with that pass after
        :meth:`load_state`.
        """
        return {
            **{f"simulation/{key}": values for key, values in self.simulation.state().items()},
            **{f"pass/{key}": values for key, values in self._pass.arrays().items()},
        }

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Go on from what :meth:`state` returned, bit for bit.

        Raises
        ------
        DescriptionError
            for the state of another network
        """
        going = Pass.of(part(state, "pass"))
        self.simulation.load_state(part(state, "simulation"))
        self._pass = self._loaded = going
        if going.done:
            self._told(going, going.done)

    def thresholds(self) -> Array:
        """Return the thresholds of the hidden neurons, float64[n_hidden]."""
        return np.asarray(self.simulation.state()["state/hidden/theta"][0], np.float64)

    def predict(self, x: Array, x_max: int) -> Array:
        """Return the class of each sample, int64[n]; a sample's does not depend on the others."""
        parts = [self.show(x[k : k + _AT_ONCE], x_max).chosen for k in range(0, len(x), _AT_ONCE)]
        return np.concatenate([np.zeros(0, np.int64), *parts]).astype(np.int64)
