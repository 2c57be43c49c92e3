"""Training by rules of windows: NACA and its controls, batch by batch on the window kernels."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tegmentum.simcore.errors import DescriptionError

from .training_config import TrainingConfig

if TYPE_CHECKING:
    from tegmentum.datasets import Dataset

#: Learning rate and epochs that suit a data set of its size.
DEFAULTS = {"digits": (1e-3, 20)}
DEFAULT = (1e-4, 10)
#: Learning rate of the rules that see the output's error, on every data set.
ERROR_LR = 3e-4


@dataclass(frozen=True, kw_only=True)
class WindowConfig(TrainingConfig):
    """A training run of windows."""

    batch: int
    optimiser: str
    lr: float
    hidden_gain: float
    rate_scale: float
    shortcuts: bool = False
    kappa: float | None = None


class WindowTraining:
    """The learner of windows, as :mod:`.train` drives it; nothing is built before :meth:`compile`."""

    def __init__(self, config: WindowConfig, data: Dataset) -> None:
        from tegmentum.plasticity import SGD, Adam, Learner, naca

        self.config, self.data = config, data
        self.layers = [data.n_features, *config.hidden, data.n_classes]
        self._check_size()
        self.optimiser = {"adam": Adam, "sgd": SGD}[config.optimiser](config.lr)
        network = naca(data.n_features, config.hidden, data.n_classes, rule=config.rule, optimiser=self.optimiser,
                       hidden_gain=config.hidden_gain, shortcuts=config.shortcuts, kappa=config.kappa)  # fmt: skip
        self.learner = Learner(network, n_ticks=config.ticks, batch=config.batch, seed=config.seed,
                               threads=config.threads, rate_scale=config.rate_scale)  # fmt: skip
        self.samples_an_epoch = config.n_train // config.batch * config.batch

    def compile(self) -> float:
        """Compile, or load compiled code; returns the seconds that it took."""
        from tegmentum.plasticity import compile_rule

        return compile_rule(self.config.rule, self.optimiser, self.config.shortcuts)

    def recorder(self, store: Any) -> Any:
        """Return what writes to the store."""
        from .training_store import TrainingRecorder

        return TrainingRecorder(store, self.learner, self.data)

    def results(self) -> dict[str, Any]:
        """Return what the JSON holds beside what all runs have."""
        return {}

    def announcement(self, path: Path | str) -> tuple[str, ...]:
        """Say what the run will cost."""
        config, data = self.config, self.data
        n_synapses = sum(map(_n_synapses, self.learner.layers))
        drive = (
            data.x_train[: 1 + len(data.x_train) // 10].mean() / data.x_max * data.n_features * config.ticks
        )
        events = config.n_train * drive * config.hidden[0]
        spikes = config.record * config.ticks * sum(self.layers[1:]) // 2
        size = (4 * n_synapses * (config.epochs + 1) + 8 * n_synapses + 2 * spikes) / 1e6
        return (
            f"{config.rule}: {'-'.join(map(str, self.layers))}{', short cuts' * config.shortcuts}, "
            f"{n_synapses:,} synapses of 12 bytes, {config.ticks} "
            f"ticks, {config.optimiser} lr {config.lr:g}, batch {config.batch}, {config.epochs} epochs, "
            f"{config.threads} threads",
            f"cost: about {events:.1e} synaptic events an epoch in the first layer; {path} at most {size:,.0f} MB",
        )

    def _check_size(self) -> None:
        """Refuse what cannot run, before anything is built or written."""
        from tegmentum.simcore.machine import memory as machine_memory

        if self.config.batch > self.config.n_train:
            raise DescriptionError(
                f"--batch: must be <= the {self.config.n_train} training samples, got {self.config.batch}"
            )
        need = 16 * sum(a * b for a, b in itertools.pairwise(self.layers))
        memory = machine_memory()
        if memory and need > memory:
            raise DescriptionError(
                f"--hidden: {'-'.join(map(str, self.layers))} needs about {need / 1e9:,.0f} GB for its synapses, "
                f"this machine has {memory / 1e9:,.0f} GB; use fewer neurons"
            )


def _n_synapses(layer: Any) -> int:
    """Synapses of a projection, those from what is always on, the biases, among them."""
    weights, bias = layer.n_pre * layer.n_post, layer.n_post
    return int(weights + bias * getattr(layer, "biased", True))
