"""``tegmentum train``: learn a data set and write the run to a Zarr store."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tegmentum.simcore.errors import DescriptionError

from .options import CHECKPOINT_EVERY, CheckpointEvery, Durable, check_backend, free_path, one_of, place
from .training import ONLINE, How, finish

if TYPE_CHECKING:
    from .training import Training


def train(
    dataset: Annotated[str, typer.Option(help="Data set; see `tegmentum datasets list`.")] = "digits",
    rule: Annotated[str, typer.Option(help="Learning rule: dopamine-stdp, naca, naca-ann, naca-error (whose "
                                     "dopamine signals the expectation's error), naca-mix (with backpropagation), "
                                     "frozen (NACA's control), dopamine-columns (convolution), or its controls "
                                     "dopamine-columns-random and dopamine-pixels.",
                                      )] = ONLINE,
    ablation: Annotated[str | None, typer.Option(help="dopamine-stdp: what to take away, to see what it is good for: "
                                                 "frozen, global, shuffled, no-timing, label, d1-only or random-table.",
                                                 show_default=False)] = None,
    shift: Annotated[float | None, typer.Option(help="dopamine-stdp, dopamine-columns: augment square images: in each "
                                                r"epoch move each by up to so many pixels, at most 1 \[0; large "
                                                "networks on MNIST 0.5, columns there 1].",
                                                show_default=False)] = None,
    hidden: Annotated[str | None, typer.Option(help="Neurons of the hidden layer; of NACA's also several, e.g. "
                                               r"500,300 \[1000; dopamine-stdp 400 where the data are not digits].",
                                               show_default=False)] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help=r"Passes over the data \[10; naca on digits 20; "
                                               "columns 15].", show_default=False)] = None,
    batch: Annotated[int | None, typer.Option(min=1, help=r"naca: samples of one weight update \[32].",
                                              show_default=False)] = None,
    ticks: Annotated[int | None, typer.Option(min=1, max=1024, help="Ticks for which a sample is shown "
                                              r"\[50; naca 20; columns 10; naca-ann has one].",
                                              show_default=False)] = None,
    optimiser: Annotated[str | None, typer.Option(help=r"naca: adam or sgd \[adam].", show_default=False)] = None,
    lr: Annotated[float | None, typer.Option(help=r"naca: learning rate \[0.001 for digits, else 0.0001; "
                                             "naca-error and naca-mix 0.0003].",
                                             show_default=False)] = None,
    hidden_gain: Annotated[float | None, typer.Option(help=r"naca: factor on the initial hidden weights \[1].",
                                                      show_default=False)] = None,
    shortcuts: Annotated[bool, typer.Option("--shortcuts", help="naca, naca-error, naca-mix, frozen: the input "
                                            "projects to all hidden layers, and each of these to the output.")] = False,
    kappa: Annotated[float | None, typer.Option(help="naca-mix: from 0, backpropagation, to 1, NACA "
                                                r"\[0].", show_default=False)] = None,
    rate_scale: Annotated[float | None, typer.Option(help="naca: spike probability of a pixel of full intensity, per "
                                                     r"tick \[1].", show_default=False)] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help="Threads; no result depends on it "
                                                r"\[1; naca all CPUs].", show_default=False)] = None,
    backend: Annotated[str | None, typer.Option(help="dopamine-stdp: cpu, cuda, or auto: a CUDA device if there is one "
                                                r"\[cpu].", show_default=False)] = None,
    limit_train: Annotated[int | None, typer.Option(min=1, help="Use the first N training samples.")] = None,
    limit_test: Annotated[int | None, typer.Option(min=1, help="Use the first N test samples.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds the data set's files.")] = None,
    out: Annotated[str | None, typer.Option(help="Run store to write, a path or a URL "
                                            r"\[run.zarr, or the next free run-2.zarr ...].",
                                            show_default=False)] = None,
    record: Annotated[int, typer.Option(min=0, help="Test samples whose spikes are stored.")] = 20,
    checkpoint_every: CheckpointEvery = CHECKPOINT_EVERY,
    durable: Durable = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing run store at --out.")] = False,
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
    from tegmentum.plasticity import COLUMN_RULES, RULES

    one_of("--rule", rule, (ONLINE, *RULES, *COLUMN_RULES))
    given = {"--batch": batch, "--optimiser": optimiser, "--lr": lr, "--hidden-gain": hidden_gain,
             "--rate-scale": rate_scale, "--ablation": ablation, "--shift": shift, "--ticks": ticks,
             "--shortcuts": shortcuts or None, "--kappa": kappa, "--hidden": hidden, "--backend": backend}  # fmt: skip
    _refuse_foreign(rule, given)
    if backend is not None:
        check_backend(backend)
    if ablation is not None:
        from tegmentum.plasticity.learning.dopamine_classifier import ABLATIONS

        one_of("--ablation", ablation, tuple(ABLATIONS))
    from tegmentum.datasets import load

    data = load(dataset, data_dir).limited(limit_train, limit_test)
    common: dict[str, Any] = {
        "dataset": data.name, "rule": rule, "seed": seed, "n_train": len(data.x_train), "n_test": len(data.x_test),
        "record": min(record, len(data.x_test)),
    }  # fmt: skip
    training: Training
    if rule == ONLINE:
        from .train_online import OnlineConfig, OnlineTraining, parameters_of, place_of

        p = parameters_of(data.name, layers, ticks, ablation or "none", epochs, shift)
        training = OnlineTraining(
            OnlineConfig(**common, ablation=p["ablation"], hidden=(p["n_hidden"],), epochs=p["epochs"],
                         ticks=p["ticks"], parameters=p, threads=threads or 1, **place_of(backend, p, data)),
            data,
        )  # fmt: skip
    elif rule in COLUMN_RULES:
        from . import train_columns

        q = train_columns.parameters_of(rule, data, ticks, epochs, shift)
        training = train_columns.ColumnsTraining(
            train_columns.ColumnsConfig(**common, hidden=(), epochs=q["epochs"], parameters=q, threads=threads or 1,
                                        ticks=0 if q["columns"] is None else q["columns"]["n_ticks"]),
            data,
        )  # fmt: skip
    else:
        from tegmentum.simcore.machine import default_threads

        from .train_windows import DEFAULT, DEFAULTS, ERROR_LR, WindowConfig, WindowTraining

        default_lr, default_epochs = DEFAULTS.get(data.name, DEFAULT)
        if rule in ("naca-error", "naca-mix"):
            default_lr = ERROR_LR
        training = WindowTraining(
            WindowConfig(**common, hidden=layers or (1000,), epochs=epochs or default_epochs, batch=batch or 32,
                         ticks=1 if rule == "naca-ann" else ticks or 20, optimiser=optimiser or "adam",
                         lr=default_lr if lr is None else lr, hidden_gain=1.0 if hidden_gain is None else hidden_gain,
                         rate_scale=1.0 if rate_scale is None else rate_scale, threads=threads or default_threads(),
                         shortcuts=shortcuts, kappa=kappa),
            data,
        )  # fmt: skip
    how = How(store_path, checkpoint_every, None if data_dir is None else str(data_dir.absolute()))
    from tegmentum.simcore.record.store import RunStore

    create = partial(RunStore.create, store_path, force=force, durable=durable)
    finish(training, how, start, as_json, create)


def _refuse_foreign(rule: str, given: dict[str, Any]) -> None:
    """Refuse options that mean nothing to a rule."""
    from tegmentum.plasticity import COLUMN_RULES

    spiking = ("naca", "naca-error", "naca-mix", "frozen")
    windows = ("naca", "naca-ann", *spiking[1:])
    columns = tuple(COLUMN_RULES)
    own = {
        "--ablation": (ONLINE,),
        "--hidden": (ONLINE, *windows),
        "--shift": (ONLINE, *columns),
        "--backend": (ONLINE,),
        "--ticks": (ONLINE, *spiking, *columns),
        "--shortcuts": spiking,
        "--kappa": ("naca-mix",),
    }
    for option, value in given.items():
        rules = own.get(option, windows)
        if value is not None and rule not in rules:
            others = (
                " and ".join(rules).replace(" and ", ", ", len(rules) - 2) if len(rules) > 1 else rules[0]
            )
            raise DescriptionError(f"{option}: is an option of {others}, got --rule {rule}; leave it out")


def _parse_hidden(text: str) -> tuple[int, ...]:
    try:
        layers = tuple(int(part) for part in text.split(","))
    except ValueError:
        layers = (0,)
    if min(layers) < 1:
        raise DescriptionError(f"--hidden: must be whole numbers >= 1, such as 1000 or 500,300, got {text!r}")
    return layers
