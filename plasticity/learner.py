"""The learner: presents samples to a network, a window of ticks each, and lets its rules learn.

One description, two engines: a chain of dense layers goes through :mod:`.windows`, every other network through the
tick engine, :mod:`.ticks`. Where both can, they agree.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tegmentum.simcore.describe import checks
from tegmentum.simcore.describe.network import Network
from tegmentum.simcore.errors import DescriptionError, SimulationError
from tegmentum.simcore.machine import default_threads
from tegmentum.simcore.random import philox as rng

from .chain import is_chain
from .ticks import Ticks
from .windows import Windows
from .work import Work

Array = np.ndarray[Any, Any]
ENGINES = ("auto", "windows", "ticks")


class Learner:
    """A network that learns classes, with its weights.

    Parameters
    ----------
    network : Network
        with one spike train as its input; each projection's ``plasticity`` is one of ``Modulated``, ``ErrorDriven`` or
        ``Frozen``. Connectivity, delays (one tick is 1 ms) and recurrence are free where neurons spike.
    n_ticks : ticks of a window T, for spiking networks; graded networks take one
    batch : samples whose gradients are summed to one step
    seed : of weights, tables, order of samples and spikes of the input
    threads : kernels that run at once; no result depends on it. None: all CPUs lent to the process
    rate_scale : a channel of full intensity fires with this probability in each tick, at most 1
    engine : {'auto', 'windows', 'ticks'}
        ``windows`` takes chains only: populations connected all-to-all with a delay of one tick, one after the other;
        ``auto`` chooses it for these, because it is the faster one, and ``ticks`` for all others

    Attributes
    ----------
    layers : list
        one for each projection, by the least number of synapses from the input, each with ``name``, ``weights()`` and
        ``set_weights()``
    engine : str
        the one that runs

    Raises
    ------
    DescriptionError
        if the engine cannot run the network, a rule does not fit its neurons, or a number is out of range

    Notes
    -----
    A population's window begins at the tick at which the first spike of the input can reach it, and takes T ticks.
    Within it weights stay as they are.
    """

    def __init__(self, network: Network, *, n_ticks: int = 20, batch: int = 32, seed: int = 0,
                 threads: int | None = None, rate_scale: float = 1.0, engine: str = "auto"):  # fmt: skip
        if not isinstance(network, Network):
            raise DescriptionError(f"Learner: network must be a Network, got {checks.shown(network)}")
        threads = default_threads() if threads is None else threads
        for name, value in (("n_ticks", n_ticks), ("batch", batch), ("threads", threads)):
            checks.number(value, "Learner", name, whole=True, least=1)
        if n_ticks > 1024:
            raise DescriptionError(f"Learner: n_ticks must be <= 1024, got {n_ticks}")
        checks.number(seed, "Learner", "seed", whole=True, least=0, most=2**64 - 1)
        checks.number(rate_scale, "Learner", "rate_scale", above=0.0)
        if not isinstance(engine, str) or engine not in ENGINES:
            raise DescriptionError(
                f"Learner: engine must be one of {', '.join(ENGINES)}, got {checks.shown(engine)}"
            )
        self.network, self.batch, self.seed = network, int(batch), int(seed)
        self.threads, self.rate_scale = int(threads), rate_scale
        windows = engine == "windows" or (engine == "auto" and is_chain(network))
        self.engine = "windows" if windows else "ticks"
        path = Windows if windows else Ticks
        self._path: Windows | Ticks = path(
            network, int(n_ticks), self.batch, self.seed, self.threads, rate_scale
        )
        self.graded, self.n_ticks = self._path.graded, self._path.n_ticks
        self.n_inputs, self.n_classes = self._path.n_inputs, self._path.n_classes
        self.layers: list[Any] = list(self._path.layers)

    def __getstate__(self) -> dict[str, Any]:
        """Pickle and copy as the network, the arguments, and each layer's weights and moments of its optimiser."""
        arguments = ("n_ticks", "batch", "seed", "threads", "rate_scale", "engine")
        return {
            "network": self.network,
            "arguments": {name: getattr(self, name) for name in arguments},
            "layers": [
                {name: getattr(layer, name) for name in (*layer.LEARNT, "steps")} for layer in self.layers
            ],
            "n_events": self._path.n_events,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["network"], **state["arguments"])  # type: ignore[misc]
        for layer, learnt in zip(self.layers, state["layers"], strict=True):
            for name in layer.LEARNT:
                getattr(layer, name)[:] = learnt[name]
            layer.steps = learnt["steps"]
        self._path.n_events = state["n_events"]

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
        start, events_before = time.perf_counter(), self._path.n_events
        for done, (index, rates) in enumerate(self._path.flow(x, y, x_max, batches, epoch, True)):
            correct += int(np.count_nonzero(rates.argmax(axis=1) == y[index]))
            if on_progress:
                on_progress(min((done + 1) * len(index), n * self.batch))
        for layer in self.layers:
            if not layer.finite:
                raise SimulationError(
                    f"Projection {layer.name!r}: weights are not finite after epoch {epoch}; lower the learning rate"
                )
        return Work(correct, n * self.batch, self._path.n_events - events_before, time.perf_counter() - start)

    def rates(self, x: Array, x_max: int) -> Array:
        """Mean output of each class over the window, float32 (n, n_classes).

        A sample's input spikes are drawn from its own content, so its rates are the same alone, in any batch and in
        any order.
        """
        self._check(x, x_max)
        found = np.zeros((len(x), self.n_classes), np.float32)
        batches = np.arange(len(x)).reshape(len(x), 1)
        for index, rates in self._path.flow(x, np.zeros(len(x), np.int64), x_max, batches, 0, False):
            found[index] = rates
        return found

    def predict(self, x: Array, x_max: int) -> Array:
        """Class of the highest output rate, int64 (n,); of equal rates the first."""
        return np.asarray(self.rates(x, x_max).argmax(axis=1))

    def spikes(self, x: Array, x_max: int) -> list[Array]:
        """Return the outputs of each layer, uint8 (float32 if graded) (n, n_ticks, n_neurons); for a few samples."""
        self._check(x, x_max)
        return self._path.spikes(x, x_max)

    def _check(self, x: Array, x_max: int) -> None:
        if x.dtype != np.uint8 or x.ndim != 2 or x.shape[1] != self.n_inputs:
            raise DescriptionError(f"Learner: x must be uint8 (n, {self.n_inputs}), got {x.dtype} {x.shape}")
        if x_max < 1:
            raise DescriptionError(f"Learner: x_max must be >= 1, got {x_max}")
        if len(x) and x.max() > x_max:
            raise DescriptionError(f"Learner: x must be <= x_max = {x_max}, got {x.max()}")
