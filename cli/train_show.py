"""What a training shows: progress over all samples of all epochs, and a table at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from .training import Training


@contextlib.contextmanager
def status(text: str) -> Iterator[None]:
    """Show what goes on for a while, on a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status(text) if console.is_terminal else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def progress(training: Training) -> Iterator[Any]:
    """Progress over all samples of all epochs on stderr; without a terminal, a line for each epoch."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console, config, n = Console(stderr=True), training.config, training.samples_an_epoch
    if not console.is_terminal:
        yield (
            lambda epoch, accuracy: None,
            lambda epoch, accuracy: typer.echo(f"epoch {epoch}: test accuracy {accuracy:.4f}", err=True),
        )
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("epoch 1", total=n * config.epochs)

        def advance(epoch: int, accuracy: list[float]) -> Any:
            before = (epoch - 1) * n
            text = f"epoch {epoch}/{config.epochs}" + (
                f", test {100 * accuracy[-1]:.2f} %" if accuracy else ""
            )
            bar.update(task, description=text)
            return lambda done: bar.update(task, completed=before + done)

        yield advance, lambda epoch, accuracy: None


def print_result(result: dict[str, Any]) -> None:
    """Print the table of a training."""
    from rich.console import Console
    from rich.table import Table

    ablation = result.get("ablation", "none")
    title = f"{result['dataset']} by {result['rule']}" + ("" if ablation == "none" else f", {ablation}")
    table = Table(title=title, box=None, show_header=False, title_justify="left")
    by_epoch = result["test_accuracy_by_epoch"]
    rows = (
        ("test accuracy", f"{100 * result['test_accuracy']:.2f} %  ({result['n_test']:,} samples)"),
        (
            "best epoch",
            f"{100 * max(by_epoch):.2f} %  (epoch {1 + by_epoch.index(max(by_epoch))}, chosen on test data)",
        ),
        ("accuracy while learning", f"{100 * result['train_accuracy']:.2f} %  (last epoch)"),
        (
            "synaptic events",
            f"{result['synaptic_events']:.3e}  ({result['events_per_sample']:,.0f} a sample)",
        ),
        *(
            (f"{name} spikes", f"{n:,.0f} a sample  (last epoch)")
            for name, n in result.get("spikes_per_sample", {}).items()
        ),
        (
            "learning",
            f"{result['train_s']:.1f} s  ({result['synaptic_events'] / result['train_s'] / 1e9:.1f} G events/s)",
        ),
        ("compiling", f"{result['compile_s']:.1f} s"),
        ("all", f"{result['wall_s']:.1f} s"),
        ("store", result["store"]),
    )
    for name, value in rows:
        table.add_row(name, value)
    Console().print(table)
