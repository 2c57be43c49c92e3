"""Runs of networks: what a sweep checks of each, does with each, and keeps of each."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..advance.backends import chosen_arithmetic, wanted_backend
from ..describe import checks
from ..describe.as_dict import described, hashed, plain
from ..describe.network import Network
from ..describe.plasticity import Static
from ..describe.record import Record
from ..errors import DescriptionError
from .grid import RESERVED
from .jobs import Checked, Variable
from .stopped import can_go_on

if TYPE_CHECKING:
    from ..advance.simulation import Simulation
    from ..describe.record import Result

    Measure = Callable[[Simulation, Result], Mapping[str, float]]

VARIABLES = {
    "rate": Variable("Hz", "mean firing rate over neurons, trials and the run", "population"),
    "n_spikes": Variable("", "spikes in all trials", "population"),
    "mean_weight": Variable("", "mean weight of the plastic synapses at the end", "projection"),
    "n_synapses": Variable("", "synapses"),
    "synaptic_events": Variable("", "synapses that delivered a spike"),
    "build_time": Variable("s", "building the synapses"),
    "run_time": Variable("s", "simulating"),
}


@dataclass(frozen=True)
class Setup:
    """A simulation to be: the arguments of :class:`~tegmentum.simcore.Simulation` and its run."""

    network: Network
    ms: float
    seed: int = 0
    dt: float = 0.1
    n_trials: int = 1
    precision: str = "float32"
    max_rate: float = 500.0
    backend: str = "cpu"
    record: Record = field(default_factory=Record)
    checkpoint_every: float | None = None

    @property
    def arithmetic(self) -> str:
        """How sums are made: alike on each machine, whether it has the device that ``auto`` would take or not."""
        return chosen_arithmetic(None, wanted_backend(self.backend, self.network), self.network)

    @property
    def identity(self) -> str:
        """A digest of all on which the results depend."""
        how = [self.dt, self.n_trials, self.precision, self.ms, self.seed, plain(self.max_rate)]
        if self.arithmetic != "float":
            how.append(self.arithmetic)
        return hashed([described(self.network, exact=True), how, plain(self.record, exact=True)])

    def checked(self) -> Checked:
        """Refuse what can be refused without building."""
        from ..advance.rehearsal import rehearse

        _, n_bytes = rehearse(
            self.network, self.dt, self.seed, self.n_trials, self.precision, self.record, self.ms
        )
        alike = [_skeleton(described(self.network)), self.dt, self.n_trials, self.precision, self.arithmetic]
        return Checked(self.identity, hashed(alike), n_bytes)

    def simulation(self, threads: int) -> Simulation:
        """Build it."""
        from ..advance.simulation import Simulation

        return Simulation(
            self.network,
            dt=self.dt,
            seed=self.seed,
            threads=threads,
            n_trials=self.n_trials,
            precision=self.precision,
            max_rate=self.max_rate,
            backend=self.backend,
            arithmetic=self.arithmetic,
        )

    def rehearse(self, threads: int) -> None:
        """Compile: build it and simulate one tick, for which kernels it needs is known when its synapses are."""
        self.simulation(threads).run(self.dt, Record(self.record.spikes, self.record.traces))

    def run(self, store: Path | None, threads: int, measure: Measure | None = None) -> dict[str, Any]:
        """Simulate, or go on from a checkpoint; return values of :data:`VARIABLES` and what ``measure`` returns."""
        from ..advance.simulation import Simulation

        identity = self.identity
        if store is not None and can_go_on(store, lambda told: told["config"].get("identity") == identity):
            simulation, result = Simulation.resume(store, self.network, threads=threads, backend=self.backend)
        else:
            every = None if store is None else self.checkpoint_every
            simulation = self.simulation(threads)
            result = simulation.run(
                self.ms,
                record=self.record,
                to=store,
                force=True,
                checkpoint_every=every,
                notes={"identity": identity},
            )
        plastic = (
            q
            for q in self.network.projections
            if q.plasticity is not None and not isinstance(q.plasticity, Static)
        )
        weights = {str(q.name): simulation.synapses(q).weight for q in plastic}
        return {
            "rate": result.rates(),
            "n_spikes": result.n_spikes,
            "mean_weight": {name: float(w.mean()) for name, w in weights.items() if w.size},
            "n_synapses": simulation.n_synapses,
            "synaptic_events": result.synaptic_events,
            "build_time": simulation.build_s,
            "run_time": result.run_s,
            **({} if measure is None else measured(measure(simulation, result))),
        }


@dataclass(frozen=True)
class NetworkJob:
    """Runs of the networks that a function returns; ``seed`` is the simulation's, and the function's if it takes it."""

    network_of: Callable[..., Network]
    ms: float
    options: dict[str, Any]
    record: Record
    measure: Measure | None = None
    kind: str = "network"
    apart: bool = False

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What a run returns; what ``measure`` returns is seen when it has."""
        return VARIABLES

    def check(self, parameters: Mapping[str, Any]) -> Checked:
        """Make the network and refuse what can be refused without building."""
        return self._setup(parameters).checked()

    def rehearse(self, parameters: Mapping[str, Any], threads: int) -> None:
        """Compile."""
        self._setup(parameters).rehearse(threads)

    def run(self, parameters: Mapping[str, Any], store: Path | None, threads: int) -> dict[str, Any]:
        """Simulate."""
        values = self._setup(parameters).run(store, threads, self.measure)
        for name in parameters:
            if name in values:
                raise DescriptionError(f"sweep: measure returns {name!r}, which is a parameter; rename it")
        return values

    def _setup(self, parameters: Mapping[str, Any]) -> Setup:
        arguments, signature = dict(parameters), inspect.signature(self.network_of)
        seed = arguments.get("seed", 0)
        checks.number(seed, "sweep", "seed", whole=True, least=0, most=2**64 - 1)
        if "seed" not in signature.parameters:
            arguments.pop("seed", None)
        try:
            signature.bind(**arguments)
        except TypeError as error:
            given = ", ".join(arguments) or "none"
            raise DescriptionError(
                f"sweep: {_name(self.network_of)}{signature} does not take the grid's parameters ({given}): {error}"
            ) from error
        network = self.network_of(**arguments)
        if not isinstance(network, Network):
            raise DescriptionError(
                f"sweep: {_name(self.network_of)} must return a Network, got {checks.shown(network)}"
            )
        return Setup(network, self.ms, seed, record=self.record, **self.options)


def measured(found: Any) -> dict[str, float]:
    """Return what a user measured, as numbers by name."""
    if not isinstance(found, Mapping):
        raise DescriptionError(
            f'sweep: measure must return numbers by name such as {{"cv": 0.8}}, got {checks.shown(found)}'
        )
    out = {}
    for name, value in found.items():
        checks.name(name, "sweep", "the name of what measure returns")
        if name in VARIABLES or name in RESERVED:
            raise DescriptionError(f"sweep: measure returns {name!r}, which the index has; rename it")
        checks.number(value, "sweep: measure", name, infinite=True)
        out[name] = float(value)
    return out


def _skeleton(value: Any) -> Any:
    """Return a description without its numbers: networks that have it in common need much the same kernels."""
    if isinstance(value, dict):
        return {key: _skeleton(part) for key, part in value.items()}
    if isinstance(value, list):
        return "numbers" if all(isinstance(v, (int, float)) for v in value) else [_skeleton(v) for v in value]
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _name(function: Any) -> str:
    return str(getattr(function, "__qualname__", type(function).__name__))
