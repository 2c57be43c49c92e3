"""Reading a run store: as an xarray DataTree, or as a summary that needs nothing but zarr."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import StoreError, TegmentumError
from ..installed import install_line
from .heard import neurons_heard, ticks_heard
from .manifest import committed_nodes, location, read_manifest

if TYPE_CHECKING:
    import zarr
    from xarray import DataTree


def open_run(path: str | Path) -> DataTree:
    """Open a run store, lazily, as the last commit left it; also while the run goes on.

    Parameters
    ----------
    path
        The run store.

    Returns
    -------
    xarray.DataTree
        The same as ``xarray.open_datatree(path, engine="zarr")``, after a check that errors are clear about. Its
        accessor ``tree.run`` has rates, spike trains, trials and weights, see `accessor.Run`.

    Raises
    ------
    StoreError
        If `path` is not a run store that this version reads.
    TegmentumError
        If xarray is not installed.
    """
    read_manifest(path)
    committed_nodes(path)
    try:
        import xarray as xr
    except ImportError as error:
        raise TegmentumError(f"opening a run needs xarray: {install_line('analysis')}") from error
    from . import accessor  # noqa: F401 - registers tree.run

    with reading(path):
        return xr.open_datatree(os.fspath(path), engine="zarr")


def summarise(path: str | Path) -> dict[str, Any]:
    """Summarise a run store.

    Parameters
    ----------
    path
        The run store.

    Returns
    -------
    dict
        JSON-serialisable: the entries of `read_manifest`; ``path``, ``last_commit`` (UTC) and ``bytes`` on
        disk; and ``spikes``, ``weights``, ``eligibility``, ``modulators``, ``traces`` and ``tables``, each a dict by
        name.
        Rates are in Hz, and None where the lengths of the trials were not recorded.

    Raises
    ------
    StoreError
        If `path` is not a run store that this version reads.
    """
    given, path = os.fspath(path), location(path)
    summary = read_manifest(path)
    from .layout import open_committed

    root = open_committed(path)
    files, changed = _files(path)
    summary["path"] = given
    summary["last_commit"] = changed.isoformat(timespec="seconds")
    summary["bytes"] = sum(files.values())
    kinds = ("spikes", "weights", "eligibility", "modulators", "traces", "tables", "populations")
    summary |= {kind: {} for kind in kinds}
    with reading(path):
        for name, group in [("", root), *_groups(root)]:
            _describe(files, name, group, summary)
    return summary


#: What zarr and its codecs raise for chunks and metadata that are damaged or missing.
DAMAGE = (
    KeyError,
    ValueError,
    TypeError,
    RuntimeError,
    IndexError,
    OverflowError,
    OSError,
    AssertionError,
    EOFError,
)


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Turn what zarr and its codecs raise for a damaged store into StoreError."""
    try:
        yield
    except StoreError:
        raise
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno in (errno.EPIPE, errno.ENOSPC):
            raise  # from writing: what is read has no part in it
        if isinstance(error, PermissionError):
            raise StoreError(f"{path}: cannot read {error.filename}: {error.strerror}") from error
        raise StoreError(f"{path}: damaged: {type(error).__name__}: {error}") from error


def _describe(files: Mapping[str, int], name: str, group: zarr.Group, summary: dict[str, Any]) -> None:
    """Add one group to a summary; groups without arrays only hold other groups."""
    arrays: dict[str, Any] = dict(group.arrays())
    if not arrays:
        return
    attrs: dict[str, Any] = dict(group.attrs.asdict())
    if not name and "population" in arrays:
        summary["populations"] = _populations(arrays)
        return
    kind: str = attrs.get("kind", "tables")
    short = name if kind == "tables" else name.partition("/")[2]
    above = tuple(f"{name}/{key}/".lstrip("/") for key in arrays)
    size = sum(n for file, n in files.items() if file.startswith(above))
    summary[kind][short] = _DESCRIBE[kind](attrs, arrays) | {"bytes": size}


def _groups(root: zarr.Group) -> list[tuple[str, zarr.Group]]:
    import zarr

    members = root.members(max_depth=None)
    return sorted((name, node) for name, node in members if isinstance(node, zarr.Group))


def _spikes(attrs: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    offset, ticks = arrays["trial_offset"][:], arrays["trial_ticks"][:]
    known = len(ticks) > 0 and bool((ticks > 0).all())
    duration = float(ticks.sum()) * attrs["tick_ms"]
    heard = neurons_heard(attrs, arrays.get("recorded"))
    neuron_ms = heard * float(ticks_heard(attrs, ticks).sum()) * attrs["tick_ms"]
    return {
        "n_neurons": attrs["n_neurons"],
        "n_recorded": heard,
        "window_ms": [t and t * attrs["tick_ms"] for t in attrs["window"]] if "window" in attrs else None,
        "tick_ms": attrs["tick_ms"],
        "n_spikes": arrays["t"].shape[0],
        "n_trials": len(ticks),
        "duration_ms": duration if known else None,
        "mean_rate": 1000 * float(offset[-1]) / neuron_ms if known and neuron_ms else None,
    }


def _weights(attrs: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    """Describe snapshots at epochs or, from a run, at times [ms]; of the latter maybe changes only."""
    from .layout import units_of

    during = "time" in arrays
    at = arrays["time" if during else "snapshot"][:]
    entry = {
        **{key: attrs[key] for key in ("n_synapses", "n_pre", "n_post")},
        "unit": units_of(arrays["w" if "w" in arrays else "e"]),
        "n_snapshots": len(at),
        "first_and_last": [at[0].item(), at[-1].item()] if len(at) else [],
    }
    if during:
        entry["n_changes"] = int(arrays["n_changes"][:].sum()) if attrs["changed"] else None
    return entry


def _populations(arrays: dict[str, Any]) -> dict[str, Any]:
    names = [str(name) for name in arrays["population"][:]]
    rows = zip(arrays["size"][:], arrays["n_spikes"][:], arrays["rate"][:], strict=True)
    return {
        name: {"n_neurons": int(size), "n_spikes": int(n), "mean_rate": _number(rate)}
        for name, (size, n, rate) in zip(names, rows, strict=True)
    }


def _modulators(attrs: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    from .layout import dimensions

    return {
        "channels": [str(name) for name in arrays["channel"][:]],
        "n_subpopulations": attrs["n_subpopulations"],
        "n_samples": arrays["level"].shape[0],
        "time": arrays[next(iter(dimensions(arrays["level"])))].attrs["long_name"],
    }


def _traces(attrs: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    from .layout import units_of

    variables = sorted(arrays.keys() - {"time", "tick", "neuron"})
    return {
        "variables": {key: units_of(arrays[key]) for key in variables},
        "n_neurons": attrs["n_neurons"],
        "tick_ms": attrs["tick_ms"],
        "n_samples": arrays["time"].shape[0],
    }


def _table(attrs: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    from .layout import dimensions, units_of

    dim = next(iter(dimensions(next(iter(arrays.values())))))
    n_rows = arrays[dim].shape[0]
    numbers = sorted(key for key, array in arrays.items() if array.ndim == 1)
    return {
        "dim": dim,
        "n_rows": n_rows,
        "columns": {key: units_of(arrays[key]) for key in sorted(arrays)},
        "last": {key: _number(arrays[key][n_rows - 1]) for key in numbers} if n_rows else {},
    }


_DESCRIBE: dict[str, Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]] = {
    "spikes": _spikes,
    "weights": _weights,
    "eligibility": _weights,
    "modulators": _modulators,
    "traces": _traces,
    "tables": _table,
}


def _number(value: Any) -> float | int | None:
    """Convert a NumPy number to JSON's; NaN becomes None."""
    number: float | int = value.item()
    return None if number != number else number


def _files(path: Path | str) -> tuple[dict[str, int], datetime]:
    """Return the bytes of all files of a store, by their path in it, and when it was last committed."""
    if isinstance(path, str):
        from .target import UrlTarget

        target = UrlTarget(path)
        return target.sizes(), target.modified("zarr.json")
    sizes = {}
    for directory, _, files in os.walk(path):
        for file in files:
            at = os.path.join(directory, file)
            try:
                sizes[os.path.relpath(at, path).replace(os.sep, "/")] = os.stat(at).st_size
            except FileNotFoundError:  # a temporary file of a running writer
                continue
    return sizes, datetime.fromtimestamp((path / "zarr.json").stat().st_mtime, UTC)
