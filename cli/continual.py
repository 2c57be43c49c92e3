"""``tegmentum continual``: learn a data set class by class, test honestly (or as published), write run stores."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tegmentum.simcore.errors import DescriptionError

from .interrupts import Interrupts, stop_interrupted
from .options import free_path, one_of, place

if TYPE_CHECKING:
    from tegmentum.plasticity.continual.run import ContinualResult, TaskReport
    from tegmentum.plasticity.registry import ContinualRule

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


def continual(
    dataset: Annotated[str, typer.Option(help="Data set; see `tegmentum datasets list`.")] = "digits",
    rule: Annotated[str, typer.Option(help="Rule; an unknown one lists them all.")] = "egdc",
    protocol: Annotated[str, typer.Option(help="honest, or published: task identity leaks at test.")] = "honest",
    order_seed: Annotated[int | None, typer.Option(min=0, help=r"Seed of the order of classes \[the run's seed].",
                                                   show_default=False)] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    seeds: Annotated[str | None, typer.Option(help="Several runs, e.g. 0,1,2; their mean and sd are reported.",
                                              show_default=False)] = None,
    classes_per_task: Annotated[int, typer.Option(min=1, help="Classes learned together.")] = 1,
    limit_train: Annotated[int | None, typer.Option(min=1, help="Use the first N training samples of each class.",
                                                    show_default=False)] = None,
    validation_fraction: Annotated[float, typer.Option(min=0.0, max=0.9,
                                                       help="Share of the training samples to hold out.")] = 0.0,
    forward: Annotated[bool, typer.Option("--forward", help="Test classes before they are learned, too.")] = False,
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set's files.")] = None,
    out: Annotated[str | None, typer.Option(help="Run store to write, a path or a URL "
                                                 r"\[run.zarr, or the next free run-2.zarr ...]; "
                                                 "with --seeds, NAME-seed0.zarr ...", show_default=False)] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing run store at --out.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help=r"Threads; no result depends on it \[all CPUs].",
                                                show_default=False)] = None,
    durable: Annotated[bool, typer.Option("--durable", help="Force each commit to disk, to survive a loss of power.",
                                          )] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:  # fmt: skip
    """Learn a data set class by class, and measure what is forgotten.

    Without arguments it learns the 1,797 handwritten digits that come with the package.
    On the honest protocol test samples of all classes seen so far are mixed, and no prediction depends on its batch.
    On the published one each test batch holds one class only, and the same nets are then tested honestly.
    """
    every = [seed] if seeds is None else _parse_seeds(seeds)
    wanted = [_path(place(out), s, seeds is not None, force) for s in every]
    one_of("--protocol", protocol, ("honest", "published"))
    from tegmentum.plasticity.registry import CONTINUAL_RULES, continual_rule

    one_of("--rule", rule, tuple(CONTINUAL_RULES))
    chosen = continual_rule(rule, protocol)
    from tegmentum.plasticity.continual.run import class_order, evaluation

    from .continual_data import load_task

    data = load_task(dataset, data_dir)
    from tegmentum.simcore.machine import default_threads
    from tegmentum.simcore.record.manifest import is_run_store

    how = evaluation(protocol)
    runs = []
    for s, path in zip(every, wanted, strict=True):
        of_order = s if order_seed is None else order_seed
        config = Config(
            dataset=data.name, rule=rule, protocol=protocol, leak=how.leak, note=how.note, seed=s,
            order_seed=of_order, class_order=class_order(data.n_classes, of_order), classes_per_task=classes_per_task,
            validation_fraction=validation_fraction, limit_train=limit_train, forward=forward,
            threads=threads or default_threads(), n_train=len(data.x_train), n_test=len(data.x_test),
        )  # fmt: skip
        store = path or free_path(None, force)
        try:
            runs.append(run(config, chosen, data, store, force, durable))
        except KeyboardInterrupt:
            stop_interrupted(
                f"finished tasks are kept in {store}" if is_run_store(store) else "nothing was written"
            )
        if not as_json:
            _print_run(runs[-1], data.class_names)
    if as_json:
        import json

        typer.echo(json.dumps(runs[0] if seeds is None else summary(runs)))
    elif len(runs) > 1:
        _print_summary(summary(runs))


def run(
    config: Config, rule: ContinualRule, data: ContinualTask, path: Path | str, force: bool, durable: bool
) -> dict[str, Any]:
    """Learn as configured and write the store; returns what ``--json`` prints."""
    from tegmentum.plasticity.continual.run import ClassSplit, ContinualData, evaluation, run_continual
    from tegmentum.plasticity.registry import Setting, make_model
    from tegmentum.simcore.record.manifest import update_manifest
    from tegmentum.simcore.record.store import RunStore

    from .continual_store import ContinualRecorder

    start = time.perf_counter()
    arrays = ContinualData(data.x_train, data.y_train, data.x_test, data.y_test, data.x_max)
    split = ClassSplit(config.class_order, config.classes_per_task, config.validation_fraction, config.limit_train,
                       config.seed)  # fmt: skip
    tasks = split.tasks(data.y_train, data.y_test)
    setting = Setting.of(arrays, data.n_classes, data.shape, config.seed, config.threads, data.ticks)
    how = evaluation(config.protocol)
    _announce(config, len(tasks), path)
    with Interrupts() as interrupts, contextlib.ExitStack() as stack:
        with interrupts.held():  # once it is there, it must be closed
            manifest = {**asdict(config), "checksums": data.checksums}
            store = stack.enter_context(RunStore.create(path, manifest, force=force, durable=durable))
        advance, report = stack.enter_context(_progress(len(tasks), data.class_names))
        model, scores = make_model(rule, how, setting, split, arrays)
        if scores:
            typer.echo("chosen on validation: " + _scores(scores), err=True)
        recorder = ContinualRecorder(store, tasks, leak=config.leak, scores=scores)

        def on_task(task: TaskReport) -> None:
            with interrupts.held():
                recorder.task(task)
            report(task)

        result = run_continual(
            model, split, arrays, how, forward=config.forward, on_task=on_task, on_progress=advance
        )
    if config.leak:
        update_manifest(path, {"note": config.note}, durable=False)
    return document(config, result, time.perf_counter() - start, str(path), scores)


def document(
    config: Config, result: ContinualResult, wall_s: float, store: str, scores: dict[str, float]
) -> dict[str, Any]:
    """Gather what ``--json`` prints of one run."""
    matrix, mixed, cost = result.matrix, result.mixed, result.cost
    found: dict[str, Any] = {
        "dataset": config.dataset,
        "rule": config.rule,
        "protocol": config.protocol,
        "seed": config.seed,
        "order_seed": config.order_seed,
        "class_order": list(config.class_order),
        "classes_per_task": config.classes_per_task,
        "accuracy_matrix": _rows(matrix.r),
        "final_accuracy": matrix.overall_accuracy(),
        "average_accuracy": matrix.average_accuracy(),
        "average_forgetting": matrix.forgetting(),
        "backward_transfer": matrix.backward_transfer(),
        "forward_transfer": _number(matrix.forward_transfer()),
        "validation_accuracy": _number(result.tasks[-1].validation),
        "samples_seen": cost.samples_seen,
        "synaptic_events": cost.synaptic_events,
        "weight_updates": cost.weight_updates,
        "learn_s": cost.seconds,
        "wall_s": wall_s,
        "leak": config.leak,
        "store": store,
    }
    if scores:
        found["validation_scores"] = scores
    if mixed is not None:
        found |= {
            "note": config.note,
            "mixed_accuracy_matrix": _rows(mixed.r),
            "mixed_final_accuracy": mixed.overall_accuracy(),
            "mixed_average_forgetting": mixed.forgetting(),
        }
    return found


_SUMMARISED = (
    *(
        "final_accuracy",
        "average_accuracy",
        "mixed_final_accuracy",
        "average_forgetting",
        "backward_transfer",
    ),
    *("samples_seen", "synaptic_events", "weight_updates", "wall_s"),
)


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """All runs, with mean and (sample) standard deviation of what can be averaged."""
    import statistics

    same = ("dataset", "rule", "protocol", "leak", "note")
    found: dict[str, Any] = {key: runs[0][key] for key in same if key in runs[0]}
    names = [name for name in _SUMMARISED if name in runs[0]]
    found["mean"] = {name: statistics.fmean(r[name] for r in runs) for name in names}
    found["sd"] = {name: statistics.stdev(r[name] for r in runs) if len(runs) > 1 else 0.0 for name in names}
    found["runs"] = runs
    return found


def _rows(r: Any) -> list[list[float | None]]:
    return [[_number(a) for a in row] for row in r]


def _number(a: float) -> float | None:
    return None if math.isnan(a) else float(a)


def _parse_seeds(text: str) -> list[int]:
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = [-1]
    if min(found) < 0 or len(set(found)) < len(found):
        raise DescriptionError(f"--seeds: must be different whole numbers >= 0, such as 0,1,2, got {text!r}")
    return found


def _path(out: Path | str | None, seed: int, many: bool, force: bool) -> Path | str | None:
    """Store of one seed, checked before any work; None: the next free name when its turn comes."""
    if out is None:
        return None
    if many and isinstance(out, str):
        out = f"{out.removesuffix('.zarr')}-seed{seed}.zarr"
    elif many and isinstance(out, Path):
        out = out.with_name(f"{out.stem}-seed{seed}{out.suffix}")
    return free_path(out, force)


def _announce(config: Config, n_tasks: int, path: Path | str) -> None:
    """Say what will be run, and whether it leaks."""
    order = " ".join(map(str, config.class_order))
    for line in (
        f"{config.dataset} by {config.rule}, {config.protocol} protocol, seed {config.seed}: {n_tasks} tasks of "
        f"{config.classes_per_task}, classes in the order {order}; {path}",
        *([f"{config.protocol} protocol: {config.note}"] if config.leak else []),
    ):
        typer.echo(line, err=True)


def _scores(scores: dict[str, float]) -> str:
    return ", ".join(f"{name} {100 * value:.2f} %" for name, value in scores.items())


@contextlib.contextmanager
def _progress(
    n_tasks: int, class_names: tuple[str, ...]
) -> Iterator[tuple[Callable[[int, int], None], Callable[[TaskReport], None]]]:
    """Print a line on stderr after each task; on a terminal, the samples of the present one as well."""
    from rich.console import Console

    console = Console(stderr=True)

    def report(task: TaskReport) -> None:
        seen = task.accuracies[: task.number + 1].mean()
        mixed = (
            ""
            if task.mixed is None
            else f"; on mixed batches {100 * task.mixed[: task.number + 1].mean():.2f} %"
        )
        names = ", ".join(class_names[k] for k in task.classes)
        typer.echo(
            f"task {task.number + 1}/{n_tasks}, class {names}: {100 * task.accuracies[task.number]:.2f} % on it, "
            f"{100 * seen:.2f} % on all so far{mixed}; {task.cost.samples_seen:,} samples, {task.cost.seconds:.1f} s",
            err=True,
        )

    if not console.is_terminal:
        yield lambda number, done: None, report
        return
    with console.status("choosing on validation, or learning") as status:
        yield (
            lambda number, done: status.update(f"task {number + 1}/{n_tasks}: {done:,} samples"),
            report,
        )


def _print_run(result: dict[str, Any], class_names: tuple[str, ...]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    note = f" ({result['note']})" if result["leak"] else ""
    n, k = len(result["accuracy_matrix"]), result["classes_per_task"]
    order = result["class_order"]
    names = [",".join(str(class_names[c]) for c in order[i * k : (i + 1) * k]) for i in range(n)]
    matrices = [("accuracy_matrix", f"{result['protocol']} protocol{note}: accuracy (%) on, after")]
    if result["leak"]:
        matrices.append(("mixed_accuracy_matrix", "the same nets on mixed batches: accuracy (%) on, after"))
    if n <= 12:
        for key, title in matrices:
            table = Table(title=title, box=None, title_justify="left", padding=(0, 1))
            table.add_column("after", justify="right")
            for name in names:
                table.add_column(name, justify="right")
            for name, row in zip(names, result[key], strict=True):
                table.add_row(name, *("" if a is None else f"{100 * a:.1f}" for a in row))
            console.print(table)
    console.print(_final_line(result), highlight=False, soft_wrap=True)


def _final_line(result: dict[str, Any]) -> str:
    leak = (
        f" BUT {result['note']}; on mixed batches {100 * result['mixed_final_accuracy']:.2f} %"
        if result["leak"]
        else ""
    )
    return (
        f"{result['dataset']} by {result['rule']}, {result['protocol']}, seed {result['seed']}: "
        f"{100 * result['final_accuracy']:.2f} %{leak}; forgetting {100 * result['average_forgetting']:.2f}, "
        f"backward transfer {100 * result['backward_transfer']:.2f} points; {result['samples_seen']:,} samples, "
        f"{result['synaptic_events']:.2e} synaptic events, {result['weight_updates']:.2e} weight updates, "
        f"{result['wall_s']:.1f} s; {result['store']}"
    )


def _print_summary(result: dict[str, Any]) -> None:
    mean, sd = result["mean"], result["sd"]
    leak = (
        f" BUT {result['note']}; on mixed batches {100 * mean['mixed_final_accuracy']:.2f} +- "
        f"{100 * sd['mixed_final_accuracy']:.2f} %"
        if result["leak"]
        else ""
    )
    typer.echo(
        f"{result['dataset']} by {result['rule']}, {result['protocol']}, {len(result['runs'])} seeds: "
        f"{100 * mean['final_accuracy']:.2f} +- {100 * sd['final_accuracy']:.2f} %{leak}; forgetting "
        f"{100 * mean['average_forgetting']:.2f} +- {100 * sd['average_forgetting']:.2f} points"
    )
