"""``tegmentum train``: learn a data set and write the run to a Zarr store."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tegmentum.simcore.errors import DescriptionError

from .interrupts import Interrupts, stop_interrupted
from .options import free_path, one_of, place

if TYPE_CHECKING:
    from .train_online import OnlineConfig, OnlineTraining
    from .train_windows import WindowConfig, WindowTraining

    Config = OnlineConfig | WindowConfig
    Training = OnlineTraining | WindowTraining

ONLINE = "dopamine-stdp"


def train(
    dataset: Annotated[str, typer.Option(help="Data set; see `tegmentum datasets list`.")] = "digits",
    rule: Annotated[str, typer.Option(help="Learning rule: dopamine-stdp, naca, naca-ann or frozen (NACA's control).",
                                      )] = ONLINE,
    ablation: Annotated[str | None, typer.Option(help="dopamine-stdp: what to take away, to see what it is good for: "
                                                 "frozen, global, shuffled, no-timing, label, d1-only or random-table.",
                                                 show_default=False)] = None,
    shift: Annotated[float | None, typer.Option(help="dopamine-stdp: augment square images: in each epoch move each by "
                                                r"up to so many pixels, at most 1 \[0; large networks on MNIST 0.5].",
                                                show_default=False)] = None,
    hidden: Annotated[str | None, typer.Option(help="Neurons of the hidden layer; of NACA's also several, e.g. "
                                               r"500,300 \[1000; dopamine-stdp 400 where the data are not digits].",
                                               show_default=False)] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help=r"Passes over the data \[10; naca on digits "
                                               "20].", show_default=False)] = None,
    batch: Annotated[int | None, typer.Option(min=1, help=r"naca: samples of one weight update \[32].",
                                              show_default=False)] = None,
    ticks: Annotated[int | None, typer.Option(min=1, max=1024, help="Ticks for which a sample is shown "
                                              r"\[50; naca 20; naca-ann has one].", show_default=False)] = None,
    optimiser: Annotated[str | None, typer.Option(help=r"naca: adam or sgd \[adam].", show_default=False)] = None,
    lr: Annotated[float | None, typer.Option(help=r"naca: learning rate \[0.001 for digits, else 0.0001].",
                                             show_default=False)] = None,
    hidden_gain: Annotated[float | None, typer.Option(help=r"naca: factor on the initial hidden weights \[1].",
                                                      show_default=False)] = None,
    rate_scale: Annotated[float | None, typer.Option(help="naca: spike probability of a pixel of full intensity, per "
                                                     r"tick \[1].", show_default=False)] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help="Threads; no result depends on it "
                                                r"\[1; naca all CPUs].", show_default=False)] = None,
    limit_train: Annotated[int | None, typer.Option(min=1, help="Use the first N training samples.")] = None,
    limit_test: Annotated[int | None, typer.Option(min=1, help="Use the first N test samples.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set's files.")] = None,
    out: Annotated[str | None, typer.Option(help="Run store to write, a path or a URL "
                                            r"\[run.zarr, or the next free run-2.zarr ...].",
                                            show_default=False)] = None,
    record: Annotated[int, typer.Option(min=0, help="Test samples whose spikes are stored.")] = 20,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing run store at --out.")] = False,
    durable: Annotated[bool, typer.Option("--durable", help="Force each commit to disk, to survive a loss of power.",
                                          )] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:  # fmt: skip
    """Learn a data set by dopamine-modulated plasticity, and write the run to a Zarr store.

    Without arguments it learns the 1,797 handwritten digits that come with the package, by STDP whose eligibilities
    dopamine turns into weight.
    """
    start = time.perf_counter()
    store_path = free_path(place(out), force)
    layers = None if hidden is None else _parse_hidden(hidden)
    if optimiser is not None:
        one_of("--optimiser", optimiser, ("adam", "sgd"))
    from tegmentum.plasticity.rules.naca import RULES

    one_of("--rule", rule, (ONLINE, *RULES))
    given = {"--batch": batch, "--optimiser": optimiser, "--lr": lr, "--hidden-gain": hidden_gain,
             "--rate-scale": rate_scale, "--ablation": ablation, "--shift": shift, "--ticks": ticks}  # fmt: skip
    _refuse_foreign(rule, given)
    if ablation is not None:
        from tegmentum.plasticity.dopamine_classifier import ABLATIONS

        one_of("--ablation", ablation, tuple(ABLATIONS))
    from tegmentum.datasets import load

    data = load(dataset, data_dir).limited(limit_train, limit_test)
    common: dict[str, Any] = {
        "dataset": data.name, "rule": rule, "seed": seed, "n_train": len(data.x_train), "n_test": len(data.x_test),
        "record": min(record, len(data.x_test)),
    }  # fmt: skip
    training: Training
    if rule == ONLINE:
        from .train_online import OnlineConfig, OnlineTraining, parameters_of

        p = parameters_of(data.name, layers, ticks, ablation or "none", epochs, shift)
        training = OnlineTraining(
            OnlineConfig(**common, ablation=p["ablation"], hidden=(p["n_hidden"],), epochs=p["epochs"],
                         ticks=p["ticks"], parameters=p, threads=threads or 1),
            data,
        )  # fmt: skip
    else:
        from tegmentum.simcore.machine import default_threads

        from .train_windows import DEFAULT, DEFAULTS, WindowConfig, WindowTraining

        default_lr, default_epochs = DEFAULTS.get(data.name, DEFAULT)
        training = WindowTraining(
            WindowConfig(**common, hidden=layers or (1000,), epochs=epochs or default_epochs, batch=batch or 32,
                         ticks=1 if rule == "naca-ann" else ticks or 20, optimiser=optimiser or "adam",
                         lr=default_lr if lr is None else lr, hidden_gain=1.0 if hidden_gain is None else hidden_gain,
                         rate_scale=1.0 if rate_scale is None else rate_scale, threads=threads or default_threads()),
            data,
        )  # fmt: skip
    try:
        result = run(training, store_path, force, durable, start)
    except KeyboardInterrupt:
        stop_interrupted(_kept(store_path))
    if as_json:
        import json

        typer.echo(json.dumps(result))
    else:
        _print_result(result)


def _refuse_foreign(rule: str, given: dict[str, Any]) -> None:
    """Refuse options that mean nothing to a rule."""
    windows = ("naca", "naca-ann", "frozen")
    own = {"--ablation": (ONLINE,), "--shift": (ONLINE,), "--ticks": (ONLINE, "naca", "frozen")}
    for option, value in given.items():
        rules = own.get(option, windows)
        if value is not None and rule not in rules:
            others = (
                " and ".join(rules).replace(" and ", ", ", len(rules) - 2) if len(rules) > 1 else rules[0]
            )
            raise DescriptionError(f"{option}: is an option of {others}, got --rule {rule}; leave it out")


def run(
    training: Training, path: Path | str, force: bool, durable: bool, start: float
) -> dict[str, Any]:
    """Train and write the store; returns what ``--json`` prints."""
    from tegmentum.simcore.record.store import RunStore

    config, data = training.config, training.data
    typer.echo(
        f"{data.name}: {config.n_train:,} training and {config.n_test:,} test samples, {data.n_classes} classes",
        err=True,
    )
    for line in training.announcement(path):
        typer.echo(line, err=True)
    manifest = {**asdict(config), "checksums": data.checksums}
    with Interrupts() as interrupts, contextlib.ExitStack() as stack:
        with interrupts.held():  # once it is there, it must be closed
            store = stack.enter_context(RunStore.create(path, manifest, force=force, durable=durable))
        with _status("compiling, or loading compiled code"):
            compile_s = training.compile()
        learner, recorder = training.learner, training.recorder(store)
        with store.together():
            recorder.snapshot(0)
        accuracy: list[float] = []
        train_s, n_events, work = 0.0, 0, None
        with _progress(training) as (advance, report):
            for epoch in range(1, config.epochs + 1):
                work = learner.learn(data.x_train, data.y_train, data.x_max, epoch, advance(epoch, accuracy))
                predicted = learner.predict(data.x_test, data.x_max)
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
        "layers": training.layers,
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
        "events_per_sample": work.synaptic_events / work.n_samples,
        "store": str(path),
        **training.results(),
    }


def _kept(path: Path | str) -> str:
    """Say what an interrupted run leaves behind."""
    from tegmentum.simcore.errors import StoreError
    from tegmentum.simcore.record.reader import summarise

    try:
        summary = summarise(path)
    except StoreError:
        return "nothing was written"
    n = summary["tables"].get("", {}).get("n_rows", 0)
    return f"{n} finished epoch{'' if n == 1 else 's'} kept in {path}"


def _parse_hidden(text: str) -> tuple[int, ...]:
    try:
        layers = tuple(int(part) for part in text.split(","))
    except ValueError:
        layers = (0,)
    if min(layers) < 1:
        raise DescriptionError(f"--hidden: must be whole numbers >= 1, such as 1000 or 500,300, got {text!r}")
    return layers


@contextlib.contextmanager
def _status(text: str) -> Iterator[None]:
    from rich.console import Console

    console = Console(stderr=True)
    with console.status(text) if console.is_terminal else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def _progress(training: Training) -> Iterator[Any]:
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


def _print_result(result: dict[str, Any]) -> None:
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
