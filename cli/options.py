"""Checks of options that several commands share."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from tegmentum.simcore.errors import DescriptionError, StoreError

if TYPE_CHECKING:
    from tegmentum.simcore import Network, Record

CheckpointEvery = Annotated[
    float,
    typer.Option(
        "--checkpoint-every",
        min=0.0,
        help="Seconds between checkpoints beside the store, from which `tegmentum resume` goes on.",
    ),
]
RunStoreName = Annotated[
    str, typer.Argument(help="The run store, for example run.zarr, or a URL.", show_default=False)
]
CHECKPOINT_EVERY = 60.0
Backend = Annotated[
    str, typer.Option(help="cpu, cuda, or auto: a CUDA device if there is one that can run it.")
]
Durable = Annotated[
    bool, typer.Option("--durable", help="Force each commit to disk, to survive a loss of power.")
]


def located(store: str) -> Path | str:
    """Return the argument STORE as a path, or a URL as it is."""
    found = place(store)
    assert found is not None
    return found


def stem_of(store: Path | str) -> str:
    """Return the name of a store without its ending, for what is made of it."""
    return (store.resolve() if isinstance(store, Path) else PurePosixPath(store)).stem


def place(out: str | None) -> Path | str | None:
    """Return --out as a path, or a URL as it is."""
    from tegmentum.simcore.record.manifest import is_url, location

    if out is None or (is_url(out) and not out.startswith("file://")):
        return out
    return location(out) if is_url(out) else Path(out)


def free_path(out: Path | str | None, force: bool) -> Path | str:
    """Store to write: the one asked for if it may be written, else the first free ``run-N.zarr``."""
    if isinstance(out, str):
        check_store(out, force)
        return out
    if out is not None:
        if out.exists() and not force:
            raise StoreError(f"--out {out}: exists already; choose another name, or --force to overwrite it")
        if not out.absolute().parent.is_dir():
            raise StoreError(f"--out {out}: there is no folder {out.absolute().parent}; create it first")
        return out
    path, n = Path("run.zarr"), 1
    while path.exists() and not force:
        n += 1
        path = Path(f"run-{n}.zarr")
    return path


def check_store(path: Path | str, force: bool) -> None:
    """Refuse, before any work, a store that may not be written or replaced."""
    import os

    from tegmentum.simcore.record.begin import check_replaceable

    check_replaceable(path, force)
    if isinstance(path, str):
        return
    parent = path.absolute().parent
    if not parent.is_dir():
        raise StoreError(f"{path}: there is no folder {parent}; create it first")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise StoreError(f"{path}: the folder {parent} cannot be written; choose another with --out")


def trace_bytes(record: Record, ms: float, dt: float, n_trials: int, precision: str) -> float:
    """Bytes of the traces that a run records, before compression; spikes, a matter of the run, not counted."""
    from tegmentum.simcore.lower.plan import real_of

    n_samples = ms / (dt if record.every is None else record.every)
    n_columns = 0
    for trace in record.traces.values():
        assert not isinstance(trace.population, str)  # a file's record is made of the network's populations
        n_columns += trace.population.size if trace.neurons is None else len(trace.neurons)
    return float(n_samples * n_trials * n_columns * real_of(precision).itemsize)


def history_bytes(record: Record, network: Network, ms: float, precision: str) -> float:
    """Bytes of whole snapshots and of levels that a run records, before compression; changes alone not counted."""
    from tegmentum.simcore.lower.plan import real_of

    real, n_bytes = real_of(precision).itemsize, 0.0
    for kind in ("weights", "eligibility"):
        for name, snapshots in getattr(record, kind).items():
            if not snapshots.changed:
                projection = network[name]
                n: float = snapshots.count(
                    projection.rule.expected(projection.pre.size, projection.post.size)
                )
                n_bytes += ms / snapshots.every * (real * n + 16)
    under = (m for q in network.projections for m in q.modulators)
    levels = {m.name: int(m.n_levels) for m in under}
    for name, every in record.modulators.items():
        n_bytes += ms / every * (8 * levels[name] + 16)
    return n_bytes


def check_disk(path: Path | str, n_bytes: float) -> None:
    """Refuse to begin what will not fit on the disk."""
    from tegmentum.simcore.machine import free_disk

    from .inspect import size_text

    free = free_disk(path) if isinstance(path, Path) else None
    if free is not None and n_bytes > free:
        raise StoreError(
            f"{path}: the recordings take about {size_text(n_bytes)}, the disk has {size_text(free)} free; "
            "record fewer neurons and synapses, at longer intervals, or write elsewhere with --out"
        )


def check_backend(backend: str) -> None:
    """Refuse a ``--backend`` of a name that is none."""
    from tegmentum.simcore.advance.backends import BACKENDS

    one_of("--backend", backend, BACKENDS)


def one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    """Refuse a value that is not among the known ones, with the nearest of them."""
    if value not in known:
        import difflib

        near = difflib.get_close_matches(value, known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DescriptionError(f"{option}: must be one of {', '.join(known)}, got {value!r}{hint}")
