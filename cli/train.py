"""``tegmentum train``: learn a data set and write the run to a Zarr store."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tegmentum.simcore.errors import DescriptionError

from .interrupts import Interrupts, stop_interrupted
from .options import free_path, one_of

if TYPE_CHECKING:
    from tegmentum.datasets import Dataset
    from tegmentum.plasticity import Learner

#: Learning rate and epochs that suit a data set of its size.
_DEFAULTS = {"digits": (1e-3, 20)}
_DEFAULT = (1e-4, 10)


@dataclass(frozen=True)
class Config:
    """A training run, resolved: what the store's manifest keeps."""

    dataset: str
    rule: str
    hidden: tuple[int, ...]
    epochs: int
    batch: int
    ticks: int
    optimiser: str
    lr: float
    hidden_gain: float
    rate_scale: float
    seed: int
    threads: int
    n_train: int
    n_test: int
    record: int


def train(
    dataset: Annotated[str, typer.Option(help="Data set; see `tegmentum datasets list`.")] = "digits",
    rule: Annotated[str, typer.Option(help="Learning rule: naca, naca-ann or frozen (the control).")] = "naca",
    hidden: Annotated[str, typer.Option(help="Neurons of each hidden layer, e.g. 1000 or 500,300.")] = "1000",
    epochs: Annotated[int | None, typer.Option(min=1, help=r"Passes over the data \[20 for digits, else 10].",
                                               show_default=False)] = None,
    batch: Annotated[int, typer.Option(min=1, help="Samples of one weight update.")] = 32,
    ticks: Annotated[int, typer.Option(min=1, max=1024, help="Ticks for which a sample is shown.")] = 20,
    optimiser: Annotated[str, typer.Option(help="adam or sgd.")] = "adam",
    lr: Annotated[float | None, typer.Option(help=r"Learning rate \[0.001 for digits, else 0.0001].",
                                             show_default=False)] = None,
    hidden_gain: Annotated[float, typer.Option(help="Factor on the initial hidden weights.")] = 1.0,
    rate_scale: Annotated[float, typer.Option(help="Spike probability of a pixel of full intensity, per tick.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help=r"Threads; no result depends on it \[all CPUs].",
                                                show_default=False)] = None,
    limit_train: Annotated[int | None, typer.Option(min=1, help="Use the first N training samples.")] = None,
    limit_test: Annotated[int | None, typer.Option(min=1, help="Use the first N test samples.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set's files.")] = None,
    out: Annotated[Path | None, typer.Option(help=r"Run store to write \[run.zarr, or the next free run-2.zarr ...].",
                                             show_default=False)] = None,
    record: Annotated[int, typer.Option(min=0, help="Test samples whose hidden and output spikes are stored.")] = 20,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing run store at --out.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:  # fmt: skip
    """Learn a data set by dopamine-modulated plasticity, and write the run to a Zarr store.

    Without arguments it learns the 1,797 handwritten digits that come with the package.
    """
    start = time.perf_counter()
    store_path = free_path(out, force)
    layers = _parse_hidden(hidden)
    one_of("--optimiser", optimiser, ("adam", "sgd"))
    from tegmentum.plasticity.rules.naca import RULES

    one_of("--rule", rule, tuple(RULES))
    from tegmentum.datasets import load

    data = load(dataset, data_dir).limited(limit_train, limit_test)
    default_lr, default_epochs = _DEFAULTS.get(data.name, _DEFAULT)
    from tegmentum.simcore.machine import default_threads

    config = Config(
        dataset=data.name, rule=rule, hidden=layers, epochs=epochs or default_epochs, batch=batch,
        ticks=1 if rule == "naca-ann" else ticks, optimiser=optimiser, lr=default_lr if lr is None else lr,
        hidden_gain=hidden_gain, rate_scale=rate_scale, seed=seed, threads=threads or default_threads(),
        n_train=len(data.x_train), n_test=len(data.x_test), record=min(record, len(data.x_test)),
    )  # fmt: skip
    try:
        result = run(config, data, store_path, force, start)
    except KeyboardInterrupt:
        stop_interrupted(_kept(store_path))
    if as_json:
        import json

        typer.echo(json.dumps(result))
    else:
        _print_result(result)


def run(config: Config, data: Dataset, path: Path, force: bool, start: float) -> dict[str, Any]:
    """Train as configured and write the store; returns what ``--json`` prints."""
    from tegmentum.plasticity import SGD, Adam, Learner, compile_rule, naca
    from tegmentum.simcore.record.store import RunStore

    from .training_store import TrainingRecorder

    _check_size(config, data)
    make = {"adam": Adam, "sgd": SGD}[config.optimiser](config.lr)
    network = naca(data.n_features, config.hidden, data.n_classes, rule=config.rule, optimiser=make,
                   hidden_gain=config.hidden_gain)  # fmt: skip
    learner = Learner(network, n_ticks=config.ticks, batch=config.batch, seed=config.seed, threads=config.threads,
                      rate_scale=config.rate_scale)  # fmt: skip
    _announce(config, data, learner, path)
    manifest = {**asdict(config), "checksums": data.checksums}
    with Interrupts() as interrupts, contextlib.ExitStack() as stack:
        with interrupts.held():  # once it is there, it must be closed
            store = stack.enter_context(RunStore.create(path, manifest, force=force))
        with _status("compiling, or loading compiled code"):
            compile_s = compile_rule(config.rule, make)
        recorder = TrainingRecorder(store, learner, data)
        recorder.snapshot(0)
        accuracy: list[float] = []
        train_s, n_events, work = 0.0, 0, None
        with _progress(config) as (advance, report):
            for epoch in range(1, config.epochs + 1):
                work = learner.learn(data.x_train, data.y_train, data.x_max, epoch, advance(epoch, accuracy))
                rates = learner.rates(data.x_test, data.x_max)
                predicted = rates.argmax(axis=1)
                accuracy.append(float((predicted == data.y_test).mean()))
                train_s, n_events = train_s + work.seconds, n_events + work.synaptic_events
                with interrupts.held():
                    recorder.epoch(epoch, work, accuracy[-1], predicted)
                report(epoch, accuracy[-1])
        with interrupts.held():
            recorder.finish(config.record)
    assert work is not None
    return {
        "dataset": data.name,
        "rule": config.rule,
        "layers": [data.n_features, *config.hidden, data.n_classes],
        "seed": config.seed,
        "threads": config.threads,
        "backend": "cpu",
        "epochs": config.epochs,
        "n_train": config.n_train,
        "n_test": config.n_test,
        "train_accuracy": work.accuracy,
        "test_accuracy": accuracy[-1],
        "test_accuracy_by_epoch": accuracy,
        "compile_s": compile_s,
        "train_s": train_s,
        "wall_s": time.perf_counter() - start,
        "synaptic_events": n_events,
        "store": str(path),
    }


def _kept(path: Path) -> str:
    """Say what an interrupted run leaves behind."""
    from tegmentum.simcore.errors import StoreError
    from tegmentum.simcore.record.reader import summarise

    try:
        summary = summarise(path)
    except StoreError:
        return "nothing was written"
    n = summary["tables"].get("", {}).get("n_rows", 0)
    return f"{n} finished epoch{'' if n == 1 else 's'} kept in {path}"


def _check_size(config: Config, data: Dataset) -> None:
    """Refuse what cannot run, before anything is built or written."""
    if config.batch > config.n_train:
        raise DescriptionError(
            f"--batch: must be <= the {config.n_train} training samples, got {config.batch}"
        )
    layers = [data.n_features, *config.hidden, data.n_classes]
    need = 16 * sum(a * b for a, b in itertools.pairwise(layers))
    from tegmentum.simcore.machine import memory as machine_memory

    memory = machine_memory()
    if memory and need > memory:
        raise DescriptionError(
            f"--hidden: {'-'.join(map(str, layers))} needs about {need / 1e9:,.0f} GB for its synapses, "
            f"this machine has {memory / 1e9:,.0f} GB; use fewer neurons"
        )


def _parse_hidden(text: str) -> tuple[int, ...]:
    try:
        layers = tuple(int(part) for part in text.split(","))
    except ValueError:
        layers = (0,)
    if min(layers) < 1:
        raise DescriptionError(f"--hidden: must be whole numbers >= 1, such as 1000 or 500,300, got {text!r}")
    return layers


def _announce(config: Config, data: Dataset, learner: Learner, path: Path) -> None:
    """Say what the run will cost before it starts."""
    layers = [data.n_features, *config.hidden, data.n_classes]
    n_synapses = sum((a + 1) * b for a, b in itertools.pairwise(layers))
    drive = data.x_train[: 1 + len(data.x_train) // 10].mean() / data.x_max * data.n_features * config.ticks
    events = config.n_train * drive * config.hidden[0]
    spikes = config.record * config.ticks * sum(layers[1:]) // 2
    size = (4 * n_synapses * (config.epochs + 1) + 8 * n_synapses + 2 * spikes) / 1e6
    for line in (
        f"{data.name}: {config.n_train:,} training and {config.n_test:,} test samples, {data.n_classes} classes",
        f"{config.rule}: {'-'.join(map(str, layers))}, {n_synapses:,} synapses of 12 bytes, {config.ticks} ticks, "
        f"{config.optimiser} lr {config.lr:g}, batch {config.batch}, {config.epochs} epochs, {config.threads} threads",
        f"cost: about {events:.1e} synaptic events an epoch in the first layer; {path} at most {size:,.0f} MB",
    ):
        typer.echo(line, err=True)


@contextlib.contextmanager
def _status(text: str) -> Iterator[None]:
    from rich.console import Console

    console = Console(stderr=True)
    with console.status(text) if console.is_terminal else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def _progress(config: Config) -> Iterator[Any]:
    """Progress over all samples of all epochs on stderr; without a terminal, a line for each epoch."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield (
            lambda epoch, accuracy: None,
            lambda epoch, accuracy: typer.echo(f"epoch {epoch}: test accuracy {accuracy:.4f}", err=True),
        )
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("epoch 1", total=config.n_train // config.batch * config.batch * config.epochs)

        def advance(epoch: int, accuracy: list[float]) -> Any:
            before = (epoch - 1) * (config.n_train // config.batch) * config.batch
            text = f"epoch {epoch}/{config.epochs}" + (
                f", test {100 * accuracy[-1]:.2f} %" if accuracy else ""
            )
            bar.update(task, description=text)
            return lambda done: bar.update(task, completed=before + done)

        yield advance, lambda epoch, accuracy: None


def _print_result(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=f"{result['dataset']} by {result['rule']}", box=None, show_header=False, title_justify="left"
    )
    by_epoch = result["test_accuracy_by_epoch"]
    rows = (
        ("test accuracy", f"{100 * result['test_accuracy']:.2f} %  ({result['n_test']:,} samples)"),
        (
            "best epoch",
            f"{100 * max(by_epoch):.2f} %  (epoch {1 + by_epoch.index(max(by_epoch))}, chosen on test data)",
        ),
        ("accuracy while learning", f"{100 * result['train_accuracy']:.2f} %  (last epoch)"),
        ("synaptic events", f"{result['synaptic_events']:.3e}"),
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
