"""The learner: presents samples to a network, a window of ticks each, and lets its rules learn.

One description, two engines: dense layers go through windows, a chain by :mod:`.windows`, what takes several inputs or
learns from the output's error by :mod:`.loop`; every other network goes through the tick engine, :mod:`.ticks`. Where
both can, they agree.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tegmentum.simcore.describe import checks
from tegmentum.simcore.describe.network import Network
from tegmentum.simcore.errors import DescriptionError, SimulationError
from tegmentum.simcore.machine import default_threads
from tegmentum.simcore.random import philox as rng

from .chain import is_chain
from .levels import is_aligned, needs_error
from .loop import Loop
from .passes import Pass, part
from .ticks import Ticks
from .windows import Windows
from .work import Work

Array = np.ndarray[Any, Any]
_AT_ONCE = 20_000  # samples between two moments at which the state may be taken
ENGINES = ("auto", "windows", "ticks")


class Learner:
    """A network that learns classes, with its weights.

    Parameters
    ----------
    network : Network
        with one spike train as its input; each projection's ``plasticity`` is one of ``Modulated``, ``ErrorModulated``,
        ``ErrorDriven`` or ``Frozen``. Connectivity, delays (one tick is 1 ms) and recurrence are free where neurons
        spike.
    n_ticks : ticks of a window T, for spiking networks; graded networks take one
    batch : samples whose gradients are summed to one step
    seed : of weights, tables, order of samples and spikes of the input
    threads : kernels that run at once; no result depends on it. None: all CPUs lent to the process
    rate_scale : a channel of full intensity fires with this probability in each tick, at most 1
    engine : {'auto', 'windows', 'ticks'}
        ``windows`` takes populations that are connected all-to-all: chains with a delay of one tick, and graphs without
        a loop whose delays lead from window to window; ``auto`` chooses it for these, because it is the faster one, and
        ``ticks`` for all others

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
    Within it weights stay as they are. A ``Conv2D`` shares no weights here: each synapse learns by itself, and the
    copies of a kernel's weight part. To share them is for rules of single synapses under a :class:`.Simulation`.
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
        closed, chain = needs_error(network), is_chain(network)
        windows = engine == "windows" or (engine == "auto" and (closed or chain or is_aligned(network)))
        self.engine = "windows" if windows else "ticks"
        loop = closed or (not chain and is_aligned(network))
        path: Any = Ticks if not windows else Loop if loop else Windows
        self._path: Windows | Loop | Ticks = path(
            network, int(n_ticks), self.batch, self.seed, self.threads, rate_scale
        )
        self.graded, self.n_ticks = self._path.graded, self._path.n_ticks
        self.n_inputs, self.n_classes = self._path.n_inputs, self._path.n_classes
        self.layers: list[Any] = list(self._path.layers)
        self._pass = Pass(0)
        self._loaded: Pass | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Pickle and copy as the network, the arguments, and :meth:`state`."""
        arguments = ("n_ticks", "batch", "seed", "threads", "rate_scale", "engine")
        return {
            "network": self.network,
            "arguments": {name: getattr(self, name) for name in arguments},
            "state": self.state(),
        }

    def __setstate__(self, parts: dict[str, Any]) -> None:
        self.__init__(parts["network"], **parts["arguments"])  # type: ignore[misc]
        self.load_state(parts["state"])

    def state(self) -> dict[str, Array]:
        """Return everything that going on needs, as named arrays: weights, moments of optimisers, the pass.

        Where it is taken within a pass, by ``on_state``, :meth:`learn` of the same epoch goes on with that pass
        after :meth:`load_state`.
        """
        out = {f"pass/{key}": values for key, values in self._pass.arrays().items()}
        for layer in self.layers:
            out.update({f"layers/{layer.name}/{name}": getattr(layer, name).copy() for name in layer.LEARNT})
            out[f"layers/{layer.name}/steps"] = np.array(layer.steps)
        return {**out, "n_events": np.array(self._path.n_events)}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Go on from what :meth:`state` returned, bit for bit.

        Raises
        ------
        DescriptionError
            for the state of another network; nothing has changed then
        """
        going = Pass.of(part(state, "pass"))
        own = self.state()
        for key, values in own.items():
            found = state.get(key)
            if key.startswith("pass/"):
                continue
            if found is None or np.shape(found) != values.shape:
                there = "missing" if found is None else f"of shape {np.shape(found)}"
                raise DescriptionError(f"load_state: {key} must be of shape {values.shape}, but is {there}")
        for layer in self.layers:
            saved = part(state, f"layers/{layer.name}")
            for name in layer.LEARNT:
                getattr(layer, name)[:] = saved[name]
            layer.steps = int(saved["steps"])
        self._path.n_events = int(state["n_events"])
        self._pass = self._loaded = going

    def learn(
        self,
        x: Array,
        y: Array,
        x_max: int,
        epoch: int,
        on_progress: Callable[[int], None] | None = None,
        on_state: Callable[[], None] | None = None,
    ) -> Work:
        """One pass over the samples in an order drawn from (seed, epoch); a last partial batch is dropped.

        Parameters
        ----------
        x : uint8 (n, n_inputs), intensities 0 to ``x_max``
        y : int64 (n,), expected classes
        on_progress : called with the number of samples that have passed the whole network
        on_state : called from time to time, at moments at which :meth:`state` may be taken
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
        going = Pass.going_on(self._loaded, epoch)
        self._loaded, self._pass = None, going
        at_once = max(1, _AT_ONCE // self.batch)
        for first in range(going.done, n, at_once):
            now = batches[first : first + at_once]
            start, events = time.perf_counter(), self._path.n_events
            for done, (index, rates) in enumerate(self._path.flow(x, y, x_max, now, epoch, True)):
                going.correct += int(np.count_nonzero(rates.argmax(axis=1) == y[index]))
                if on_progress:
                    on_progress(min(first * self.batch + (done + 1) * len(index), n * self.batch))
            going.events += self._path.n_events - events
            going.seconds += time.perf_counter() - start
            going.done = first + len(now)
            if on_state:
                on_state()
        for layer in self.layers:
            if not layer.finite:
                raise SimulationError(
                    f"Projection {layer.name!r}: weights are not finite after epoch {epoch}; lower the learning rate"
                )
        return Work(going.correct, n * self.batch, going.events, going.seconds)

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
