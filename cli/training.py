"""A training: epoch after epoch into a run store, with checkpoints, from the beginning or from one of them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tegmentum.simcore.errors import DescriptionError

from .interrupts import Interrupts, stop_interrupted
from .train_show import print_result, progress, status

if TYPE_CHECKING:
    from tegmentum.datasets import Dataset
    from tegmentum.plasticity import Work
    from tegmentum.simcore.record.store import RunStore

    from .train_columns import ColumnsTraining
    from .train_online import OnlineTraining
    from .train_windows import WindowTraining

    Training = ColumnsTraining | OnlineTraining | WindowTraining

ONLINE = "dopamine-stdp"


def go_on(
    store: Path | str,
    manifest: Mapping[str, Any],
    threads: int | None,
    data_dir: Path | None,
    checkpoint_every: float,
    durable: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Go on with a training that was stopped; what :mod:`.resume` calls."""
    from tegmentum.datasets import load
    from tegmentum.simcore.record import checkpoints
    from tegmentum.simcore.record.store import RunStore

    start, told = time.perf_counter(), manifest["config"]
    where = told.get("data_dir") if data_dir is None else str(data_dir.absolute())
    data = load(told["dataset"], None if where is None else Path(where)).limited(
        told["n_train"], told["n_test"]
    )
    if data.checksums != told["checksums"]:
        raise DescriptionError(
            f"{store}: was trained on other files of {data.name}; name their folder with --data-dir"
        )
    found = checkpoints.latest(store, force)
    how = How(store, checkpoint_every, where, found)
    shapes = {} if found is None else found[1]["shapes"]
    finish(
        _training_of(told, data, threads),
        how,
        start,
        as_json,
        lambda manifest: RunStore.reopen(store, shapes, durable),
    )


def _training_of(told: Mapping[str, Any], data: Dataset, threads: int | None) -> Training:
    """Return the training that a manifest tells of."""
    from dataclasses import MISSING, fields

    from tegmentum.plasticity import COLUMN_RULES
    from tegmentum.simcore.advance.cuda.available import missing

    from .train_columns import ColumnsConfig, ColumnsTraining
    from .train_online import OnlineConfig, OnlineTraining
    from .train_windows import WindowConfig, WindowTraining

    rule = told["rule"]
    config: Any = OnlineConfig if rule == ONLINE else ColumnsConfig if rule in COLUMN_RULES else WindowConfig
    values = {f.name: told[f.name] for f in fields(config) if f.name in told or f.default is MISSING}
    values.update(hidden=tuple(told["hidden"]), threads=told["threads"] if threads is None else threads)
    if told.get("backend") == "cuda" and missing():  # the CPU goes on in the same arithmetic, bit for bit
        values["backend"] = "cpu"
    if rule in COLUMN_RULES:
        return ColumnsTraining(config(**values), data)
    return (
        OnlineTraining(config(**values), data)
        if config is OnlineConfig
        else WindowTraining(config(**values), data)
    )


@dataclass(frozen=True)
class How:
    """How a training is kept: its store, how often, where its data are, and the checkpoint that it goes on from."""

    store: Path | str
    checkpoint_every: float
    data_dir: str | None
    found: tuple[dict[str, Any], dict[str, Any]] | None = None


def finish(
    training: Training,
    how: How,
    start: float,
    as_json: bool,
    open_store: Callable[[dict[str, Any]], RunStore],
) -> None:
    """Train, and print what came out."""
    try:
        result = run(training, how, start, open_store)
    except KeyboardInterrupt:
        stop_interrupted(*_kept(how.store))
    if as_json:
        import json

        typer.echo(json.dumps(result))
    else:
        print_result(result)


def run(
    training: Training, how: How, start: float, open_store: Callable[[dict[str, Any]], RunStore]
) -> dict[str, Any]:
    """Train and write the store; returns what ``--json`` prints."""
    from tegmentum.simcore.record.checkpoints import Checkpoints, remove

    config, data = training.config, training.data
    typer.echo(
        f"{data.name}: {config.n_train:,} training and {config.n_test:,} test samples, {data.n_classes} classes",
        err=True,
    )
    for line in training.announcement(how.store):
        typer.echo(line, err=True)
    manifest = {**asdict(config), "checksums": data.checksums, "data_dir": how.data_dir,
                "checkpoint_every": how.checkpoint_every}  # fmt: skip
    arrays, about = how.found or ({}, {})
    so_far = SoFar(**about["so_far"]) if about else SoFar()
    with Interrupts() as interrupts, contextlib.ExitStack() as stack:
        with interrupts.held():  # once it is there, it must be closed
            store = stack.enter_context(open_store(manifest))
            kept = Checkpoints(store, how.checkpoint_every)
        with status("compiling, or loading compiled code"):
            compile_s = training.compile()
        learner, recorder = training.learner, training.recorder(store)
        if arrays:
            learner.load_state(arrays)
            typer.echo(
                f"going on after {so_far.epochs} finished epoch{'' if so_far.epochs == 1 else 's'}", err=True
            )
        else:
            with store.together():
                recorder.snapshot(0)

        def keep() -> None:
            if interrupts.pending or kept.due():
                kept.write(learner.state(), kind="train", so_far=asdict(so_far))
            interrupts.let_through()

        with progress(training) as (advance, report):
            for epoch in range(so_far.epochs + 1, config.epochs + 1):
                with interrupts.held("stopping at the next checkpoint ..."):
                    work = learner.learn(
                        data.x_train, data.y_train, data.x_max, epoch, advance(epoch, so_far.accuracy), keep
                    )
                    predicted = learner.predict(data.x_test, data.x_max)
                    so_far.add(work, float((predicted == data.y_test).mean()))
                    recorder.epoch(epoch, work, so_far.accuracy[-1], predicted)
                    keep()
                report(epoch, so_far.accuracy[-1])
        with interrupts.held():
            recorder.finish(config.record)
    remove(how.store)
    return {
        "dataset": data.name,
        "rule": config.rule,
        "layers": training.layers,
        "seed": config.seed,
        "threads": config.threads,
        "backend": getattr(config, "backend", "cpu"),
        "epochs": config.epochs,
        "n_train": config.n_train,
        "n_test": config.n_test,
        "train_accuracy": so_far.train_accuracy,
        "test_accuracy": so_far.accuracy[-1],
        "test_accuracy_by_epoch": so_far.accuracy,
        "compile_s": compile_s,
        "train_s": so_far.train_s,
        "wall_s": time.perf_counter() - start,
        "synaptic_events": so_far.synaptic_events,
        "events_per_sample": so_far.events_per_sample,
        "store": str(how.store),
        **training.results(),
    }


@dataclass
class SoFar:
    """What the finished epochs came to."""

    accuracy: list[float] = field(default_factory=list)
    train_s: float = 0.0
    synaptic_events: int = 0
    train_accuracy: float = 0.0
    events_per_sample: float = 0.0

    @property
    def epochs(self) -> int:
        """How many there are."""
        return len(self.accuracy)

    def add(self, work: Work, accuracy: float) -> None:
        """Add an epoch."""
        self.accuracy.append(accuracy)
        self.train_s += work.seconds
        self.synaptic_events += work.synaptic_events
        self.train_accuracy, self.events_per_sample = work.accuracy, work.synaptic_events / work.n_samples


def _kept(path: Path | str) -> tuple[str, Path | str | None]:
    """Say what an interrupted run leaves behind, and the store if it can be gone on with."""
    from tegmentum.simcore.errors import StoreError
    from tegmentum.simcore.record.reader import summarise

    try:
        summary = summarise(path)
    except StoreError:
        return "nothing was written", None
    n = summary["tables"].get("", {}).get("n_rows", 0)
    return f"{n} finished epoch{'' if n == 1 else 's'} kept in {path}", path
