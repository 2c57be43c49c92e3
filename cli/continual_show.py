"""What a run of continual learning shows: what it will do, a line for each task, matrices and means at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from tegmentum.plasticity.continual.run import TaskReport

    from .continual_run import Config


def announce(config: Config, n_tasks: int, path: Path | str) -> None:
    """Say what will be run, and whether it leaks."""
    order = " ".join(map(str, config.class_order))
    for line in (
        f"{config.dataset} by {config.rule}, {config.protocol} protocol, seed {config.seed}: {n_tasks} tasks of "
        f"{config.classes_per_task}, classes in the order {order}; {path}",
        *([f"{config.protocol} protocol: {config.note}"] if config.leak else []),
    ):
        typer.echo(line, err=True)


def scores_text(scores: dict[str, float]) -> str:
    """Return validation accuracies in words."""
    return ", ".join(f"{name} {100 * value:.2f} %" for name, value in scores.items())


@contextlib.contextmanager
def progress(
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


def print_run(result: dict[str, Any], class_names: tuple[str, ...]) -> None:
    """Print the matrices of a run, and a line that sums it up."""
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


def print_summary(result: dict[str, Any]) -> None:
    """Print means and standard deviations of several runs."""
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
