"""What every training's manifest keeps, whatever its rule."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """A training run, resolved: what the store's manifest keeps; subclasses add what their rules take."""

    dataset: str
    rule: str
    hidden: tuple[int, ...]
    epochs: int
    ticks: int
    seed: int
    threads: int
    n_train: int
    n_test: int
    record: int
