"""A run of continual learning: task after task into a run store, with checkpoints, from the beginning or from one."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tegmentum.simcore.errors import DescriptionError

from .continual_result import document
from .continual_show import announce, print_run, progress, scores_text
from .interrupts import Interrupts, resumable, stop_interrupted
from .keeper import Keeper
from .training import How

if TYPE_CHECKING:
    from tegmentum.plasticity.continual.run import ContinualModel, ContinualState, TaskReport
    from tegmentum.plasticity.registry import ContinualRule
    from tegmentum.simcore.record.store import RunStore

    from .continual_data import ContinualTask


@dataclass(frozen=True)
class Config:
    """A run of continual learning, resolved: what the store's manifest keeps."""

    dataset: str
    rule: str
    protocol: str
    leak: bool
    note: str
    seed: int
    order_seed: int
    class_order: tuple[int, ...]
    classes_per_task: int
    validation_fraction: float
    limit_train: int | None
    forward: bool
    threads: int
    n_train: int
    n_test: int


def go_on(
    store: Path,
    manifest: Mapping[str, Any],
    threads: int | None,
    data_dir: Path | None,
    checkpoint_every: float,
    durable: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Go on with a run that was stopped; what :mod:`.resume` calls."""
    from tegmentum.plasticity.registry import continual_rule
    from tegmentum.simcore.record import checkpoints
    from tegmentum.simcore.record.store import RunStore

    from .continual_data import load_task

    told = manifest["config"]
    config = Config(**{f.name: told[f.name] for f in fields(Config)})
    config = replace(
        config,
        class_order=tuple(config.class_order),
        threads=config.threads if threads is None else threads,
    )
    where = told.get("data_dir") if data_dir is None else str(data_dir.absolute())
    data = load_task(config.dataset, None if where is None else Path(where))
    if data.checksums != told["checksums"]:
        raise DescriptionError(
            f"{store}: was learned from other files of {data.name}; name their folder with --data-dir"
        )
    found = checkpoints.latest(store, force)
    kept = How(store, checkpoint_every, where, found)
    reopen = partial(RunStore.reopen, store, {} if found is None else found[1]["shapes"], durable)
    rule = continual_rule(config.rule, config.protocol)
    result = finish(config, rule, data, kept, lambda manifest: reopen())
    if as_json:
        import json

        typer.echo(json.dumps(result))
    else:
        print_run(result, data.class_names)


def finish(
    config: Config,
    rule: ContinualRule,
    data: ContinualTask,
    kept: How,
    open_store: Callable[[dict[str, Any]], RunStore],
) -> dict[str, Any]:
    """Run; an interrupt ends the command, and says how to go on."""
    from tegmentum.simcore.record.manifest import is_run_store

    try:
        return run(config, rule, data, kept, open_store)
    except KeyboardInterrupt:
        if is_run_store(kept.store):
            stop_interrupted(f"finished tasks are kept in {kept.store}", resumable(kept.store))
        stop_interrupted("nothing was written")


def run(
    config: Config,
    rule: ContinualRule,
    data: ContinualTask,
    kept: How,
    open_store: Callable[[dict[str, Any]], RunStore],
) -> dict[str, Any]:
    """Learn as configured and write the store; returns what ``--json`` prints."""
    from tegmentum.plasticity.continual.run import (
        ClassSplit,
        ContinualData,
        ContinualState,
        evaluation,
        run_continual,
    )
    from tegmentum.plasticity.learning.passes import part
    from tegmentum.plasticity.registry import Setting, make_model
    from tegmentum.simcore.record.manifest import update_manifest

    from .continual_store import ContinualRecorder

    start, path = time.perf_counter(), kept.store
    arrays = ContinualData(data.x_train, data.y_train, data.x_test, data.y_test, data.x_max)
    split = ClassSplit(config.class_order, config.classes_per_task, config.validation_fraction, config.limit_train,
                       config.seed)  # fmt: skip
    tasks = split.tasks(data.y_train, data.y_test)
    setting = Setting.of(arrays, data.n_classes, data.shape, config.seed, config.threads, data.ticks)
    how = evaluation(config.protocol)
    at = None if kept.found is None else ContinualState.of(part(kept.found[0], "run"))
    announce(config, len(tasks), path)
    if at is not None:
        typer.echo(f"going on after {at.n_done} finished task{'' if at.n_done == 1 else 's'}", err=True)
    with Interrupts() as interrupts, contextlib.ExitStack() as stack:
        with interrupts.held():  # once it is there, it must be closed
            manifest = {**asdict(config), "checksums": data.checksums, "data_dir": kept.data_dir,
                        "checkpoint_every": kept.checkpoint_every}  # fmt: skip
            store = stack.enter_context(open_store(manifest))
            keeper = Keeper(store, kept.checkpoint_every)
        advance, report = stack.enter_context(progress(len(tasks), data.class_names))
        model, scores = make_model(rule, how, setting, split, arrays, None if at is None else at.scores)
        if kept.found is not None:
            model.load_state(part(kept.found[0], "model"))
        elif scores:
            typer.echo("chosen on validation: " + scores_text(scores), err=True)
        recorder = ContinualRecorder(store, tasks, leak=config.leak, scores=scores)
        last: dict[str, Any] = {}

        def on_task(task: TaskReport) -> None:
            recorder.task(task)
            report(task)

        def on_state(state: ContinualState, model: ContinualModel) -> None:
            parts = {"run": state.arrays(), "model": model.state()}
            last.clear()
            last.update({f"{name}/{key}": v for name, found in parts.items() for key, v in found.items()})
            if keeper.due:
                keeper.write(last, kind="continual")

        try:
            result = run_continual(
                model, split, arrays, how, forward=config.forward, start=at, scores=scores,
                on_task=_held(interrupts, on_task), on_state=_held(interrupts, on_state), on_progress=advance,
            )  # fmt: skip
        except KeyboardInterrupt:
            if last:  # what the present task has changed is not in it
                keeper.write(last, kind="continual")
            raise
    if config.leak:
        update_manifest(path, {"note": config.note}, durable=False)
    keeper.remove()
    return document(config, result, time.perf_counter() - start, str(path), scores)


def _held(interrupts: Interrupts, function: Callable[..., None]) -> Callable[..., None]:
    """Let a function be finished before an interrupt is let through."""

    def called(*arguments: Any) -> None:
        with interrupts.held():
            function(*arguments)

    return called
