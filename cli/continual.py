"""``tegmentum continual``: learn a data set class by class, test honestly (or as published), write run stores."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from tegmentum.simcore.errors import DescriptionError

from .continual_result import summary
from .continual_run import Config, finish
from .continual_show import print_run, print_summary
from .options import CHECKPOINT_EVERY, CheckpointEvery, Durable, free_path, one_of, place
from .training import How


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
    checkpoint_every: CheckpointEvery = CHECKPOINT_EVERY,
    durable: Durable = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing run store at --out.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help=r"Threads; no result depends on it \[all CPUs].",
                                                show_default=False)] = None,
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
    from tegmentum.simcore.record.store import RunStore

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
        kept = How(store, checkpoint_every, None if data_dir is None else str(data_dir.absolute()))
        create = partial(RunStore.create, store, force=force, durable=durable)
        runs.append(finish(config, chosen, data, kept, create))
        if not as_json:
            print_run(runs[-1], data.class_names)
    if as_json:
        import json

        typer.echo(json.dumps(runs[0] if seeds is None else summary(runs)))
    elif len(runs) > 1:
        print_summary(summary(runs))


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
