"""Training of columns and of class neurons that dopamine teaches: sample by sample, without an engine's ticks."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tegmentum.simcore.errors import DescriptionError

from .training_config import TrainingConfig

if TYPE_CHECKING:
    from tegmentum.datasets import Dataset
    from tegmentum.plasticity.learning.column_classifier import ColumnClassifierParameters


@dataclass(frozen=True, kw_only=True)
class ColumnsConfig(TrainingConfig):
    """A training run of columns."""

    parameters: dict[str, Any]


class ColumnsTraining:
    """The learner of columns, as :mod:`.train` drives it."""

    def __init__(self, config: ColumnsConfig, data: Dataset) -> None:
        from tegmentum.plasticity import ColumnClassifier

        self.config, self.data = config, data
        self.parameters = restored(config.parameters)
        self.learner = ColumnClassifier(
            data.shape, data.n_classes, self.parameters, seed=config.seed, threads=config.threads
        )
        self.layers = [data.n_features, self.learner.columns.n_outputs, data.n_classes]
        self.samples_an_epoch = config.n_train

    def compile(self) -> float:
        """Compile, or load compiled code; returns the seconds that it took."""
        from tegmentum.plasticity.learning.warmup import compile_columns

        start = time.perf_counter()
        compile_columns()
        return time.perf_counter() - start

    def recorder(self, store: Any) -> Any:
        """Return what writes to the store."""
        from .columns_store import ColumnsRecorder

        return ColumnsRecorder(store, self.learner, self.data)

    def results(self) -> dict[str, Any]:
        """Return what the JSON holds beside what all runs have."""
        return {}

    def announcement(self, path: Path | str) -> tuple[str, ...]:
        """Say what the run will cost."""
        config, p, n_pools = self.config, self.parameters, self.learner.columns.n_outputs
        n_synapses = n_pools * self.data.n_classes
        kept = config.n_train * len(p.moves) * n_pools
        c = p.columns
        first = (
            "pixels"
            if c is None
            else f"{c.n_features} fields of {c.size} x {c.size} pixels, {c.pools} x {c.pools} pools, {c.n_ticks} ticks"
        )
        shift = f", shifted by {p.shift} pixel" if p.shift else ""
        size = 4 * n_synapses * (config.epochs + 1) / 1e6
        return (
            f"{config.rule}: {first}; {n_synapses:,} plastic synapses, {config.epochs} epochs{shift}, "
            f"{config.threads} thread{'' if config.threads == 1 else 's'}",
            f"cost: up to {kept / 1e6:,.0f} MB of memory for what columns answered, which is looked at in the first "
            f"epoch; {path} at most {size:,.0f} MB",
        )


def parameters_of(
    rule: str, data: Dataset, ticks: int | None, epochs: int | None, shift: float | None
) -> dict[str, Any]:
    """Return the parameters that suit a data set, but for what was asked for."""
    from tegmentum.plasticity.learning.column_classifier import column_parameters

    if len(data.shape) < 2 or data.shape[0] != data.shape[1]:
        raise DescriptionError(
            f"--rule {rule}: is for square images, {data.name} has shape {data.shape}; choose another"
        )
    p = column_parameters(rule, data.shape)
    if shift is not None and shift not in (0, 1):
        raise DescriptionError(f"--shift: columns move images by whole pixels, 0 or 1, got {shift:g}")
    columns = p.columns
    if ticks is not None:
        if columns is None:
            raise DescriptionError(f"--ticks: {rule} has none, got {ticks}; leave it out")
        columns = replace(columns, n_ticks=ticks)
    return asdict(
        replace(
            p,
            columns=columns,
            epochs=p.epochs if epochs is None else epochs,
            shift=p.shift if shift is None else int(shift),
        )
    )


def restored(told: dict[str, Any]) -> ColumnClassifierParameters:
    """Return the parameters that a manifest tells of."""
    from tegmentum.plasticity import WhitenedParameters
    from tegmentum.plasticity.learning.column_classifier import ColumnClassifierParameters

    columns = told["columns"]
    return ColumnClassifierParameters(
        **{**told, "columns": None if columns is None else WhitenedParameters(**columns)}
    )
