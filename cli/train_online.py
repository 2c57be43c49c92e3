"""Training by dopamine-modulated STDP: sample by sample, on the tick engine."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tegmentum.simcore.describe import checks
from tegmentum.simcore.errors import DescriptionError

from .training_config import TrainingConfig

if TYPE_CHECKING:
    from tegmentum.datasets import Dataset

BYTES = 10  # of a plastic synapse: target 2, weight 4, eligibility 4
INHIBITION = 4  # of a fixed one


@dataclass(frozen=True, kw_only=True)
class OnlineConfig(TrainingConfig):
    """A training run of trials."""

    ablation: str
    parameters: dict[str, Any]
    backend: str = "cpu"
    arithmetic: str = "float"


class OnlineTraining:
    """The learner of trials, as :mod:`.train` drives it; synapses are made by :meth:`compile`."""

    def __init__(self, config: OnlineConfig, data: Dataset) -> None:
        from tegmentum.plasticity import DopamineParameters

        self.config, self.data = config, data
        self.parameters = DopamineParameters(**config.parameters)
        self.n_out = data.n_classes * self.parameters.per_class
        self.layers = [data.n_features, *config.hidden, self.n_out]
        self.samples_an_epoch = config.n_train
        checks.number(config.seed, "train", "seed", whole=True, least=0, most=2**64 - 1)
        if self.parameters.shift and math.isqrt(data.n_features) ** 2 != data.n_features:
            raise DescriptionError(
                f"--shift: is for square images, {data.name} has {data.n_features} inputs; leave it out"
            )
        self._check_size()

    def compile(self) -> float:
        """Make the network and compile, or load compiled code; returns the seconds that it took."""
        from tegmentum.plasticity import OnlineLearner

        start, config = time.perf_counter(), self.config
        self.learner = OnlineLearner(self.data.n_features, self.data.n_classes, self.parameters, epochs=config.epochs,
                                     seed=config.seed, threads=config.threads, backend=config.backend,
                                     arithmetic=config.arithmetic)  # fmt: skip
        self.learner.predict(self.data.x_test[:1], self.data.x_max)
        for name in ("pixels-hidden", "hidden-output"):
            self.learner.simulation.synapses(name)
        return time.perf_counter() - start

    def recorder(self, store: Any) -> Any:
        """Return what writes to the store."""
        from .online_store import OnlineRecorder

        return OnlineRecorder(store, self.learner, self.data)

    def results(self) -> dict[str, Any]:
        """Return what the JSON holds beside what all runs have."""
        return {"ablation": self.config.ablation, "spikes_per_sample": self.learner.spikes_per_sample}

    def announcement(self, path: Path | str) -> tuple[str, ...]:
        """Say what the run will cost."""
        from tegmentum.plasticity.learning.dopamine_classifier import receptive_fields

        config, p = self.config, self.parameters
        plastic, fixed = self._synapses()
        fires = (self.data.x_train[:1000] > p.least * self.data.x_max).mean(axis=0)
        spikes = fires.sum()
        seen = spikes * p.n_hidden
        if p.field:
            seen = (fires @ receptive_fields(self.data.n_features, p)).sum()
        hidden = p.target * p.n_hidden  # homeostasis: each fires in that share of the trials
        lateral = p.n_hidden if p.lateral else 0
        events = config.n_train * (2 * seen + hidden * (lateral + 2 * self.n_out))
        recorded = config.record * (self.data.n_features + hidden + self.n_out * p.ticks)
        size = (4 * plastic * (config.epochs + 1) + 8 * plastic + 12 * recorded) / 1e6
        without = "" if p.ablation == "none" else f", ablation {p.ablation}"
        without += f", fields of {p.field} x {p.field} pixels" if p.field else ""
        without += f", shifted by up to {p.shift:g} pixels" if p.shift else ""
        where = f"{config.threads} thread{'' if config.threads == 1 else 's'}"
        where = "a CUDA device" if config.backend == "cuda" else where
        return (
            f"{config.rule}: {'-'.join(map(str, self.layers))}, {plastic:,} plastic synapses of {BYTES} bytes and "
            f"{fixed:,} fixed, {p.ticks} ticks a sample{without}, {config.epochs} epochs, {where}",
            f"cost: about {events:.1e} synaptic events an epoch from {spikes:.0f} input and {hidden:.0f} hidden spikes "
            f"a sample; {path} at most {size:,.0f} MB",
        )

    def _synapses(self) -> tuple[int, int]:
        p, n_out = self.parameters, self.n_out
        plastic = (p.field**2 or self.data.n_features) * p.n_hidden + p.n_hidden * n_out
        return plastic, plastic + (p.n_hidden**2 if p.lateral else 0)

    def _check_size(self) -> None:
        """Refuse what does not fit into the memory, before anything is built or written."""
        from tegmentum.simcore.machine import memory as machine_memory

        plastic, fixed = self._synapses()
        need, memory = 3 * (BYTES * plastic + INHIBITION * fixed), machine_memory()
        if memory and need > memory:
            raise DescriptionError(
                f"--hidden: {'-'.join(map(str, self.layers))} needs about {need / 1e9:,.0f} GB for its synapses, "
                f"this machine has {memory / 1e9:,.0f} GB; use fewer neurons"
            )


def place_of(backend: str | None, parameters: dict[str, Any], data: Dataset) -> dict[str, Any]:
    """Return the backend that was asked for, if it can be had, and the arithmetic that it has."""
    if backend in (None, "cpu"):
        return {}
    from tegmentum.plasticity import DopamineParameters, dopamine_network
    from tegmentum.simcore.advance.backends import chosen_arithmetic, chosen_backend

    network = dopamine_network(data.n_features, data.n_classes, DopamineParameters(**parameters))
    backend = chosen_backend(str(backend), network)
    return {"backend": backend, "arithmetic": chosen_arithmetic(None, backend, network)}


def parameters_of(
    dataset: str,
    hidden: tuple[int, ...] | None,
    ticks: int | None,
    ablation: str,
    epochs: int | None,
    shift: float | None,
) -> dict[str, Any]:
    """Return the parameters that suit a data set, but for what was asked for."""
    from tegmentum.plasticity.learning.dopamine_classifier import parameters_for

    if hidden is not None and len(hidden) != 1:
        raise DescriptionError(
            f"--hidden: dopamine-stdp has one hidden layer, got {','.join(map(str, hidden))}"
        )
    p = parameters_for(dataset, None if hidden is None else hidden[0])
    return asdict(
        replace(
            p,
            ticks=p.ticks if ticks is None else ticks,
            epochs=p.epochs if epochs is None else epochs,
            shift=p.shift if shift is None else shift,
            ablation=ablation,
        )
    )
