"""``export``: a run store as a file or a folder of another format."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from ...errors import DescriptionError
from .neo_block import write_neo
from .nwb_file import write_nwb
from .parquet import to_parquet
from .publish import beside, check_free
from .pynapple_groups import write_pynapple
from .sonata import to_sonata

#: What writes each format; neo and nwb are files, the others folders.
FORMATS: dict[str, Callable[[Any, Path, Collection[str]], None]] = {
    "neo": write_neo,
    "nwb": write_nwb,
    "pynapple": write_pynapple,
    "parquet": to_parquet,
    "sonata": to_sonata,
}
_SUFFIXES = {"neo": (".nix", ".pkl"), "nwb": (".nwb",)}


def export(store: Any, to: str, path: str | Path, drop: Collection[str] = (), force: bool = False) -> Path:
    """Write a run store in the format of another program.

    Parameters
    ----------
    store : path or xarray.DataTree
        a run store, or what `open_run` returned; of a run that goes on, what the last commit left
    to : str
        ``neo`` (``.nix`` or ``.pkl``), ``nwb``, or, each a folder, ``pynapple``, ``parquet`` or ``sonata``
    path : path
        the file or folder to write
    drop : collection of str
        what may be left out where the format cannot hold it: ``trials``, ``weights``, ``history`` (all snapshots of
        weights but the last), ``eligibility``, ``levels``, ``traces``, ``tables``
    force : bool
        replace a file, or a folder that an export made

    Returns
    -------
    Path
        what was written: whole, or after an error nothing

    Raises
    ------
    StoreError
        If the store cannot be read or holds what the format cannot, or if `path` exists.
    DescriptionError
        If the format, its suffix or a part to drop is unknown.
    TegmentumError
        If the format's library is not installed.
    """
    if to not in FORMATS:
        raise DescriptionError(f"export: to must be one of {', '.join(FORMATS)}, got {to!r}")
    path = Path(os.path.abspath(path))
    allowed = _SUFFIXES.get(to)
    if allowed and path.suffix not in allowed:
        raise DescriptionError(f"export: a {to} file ends in {' or '.join(allowed)}, got {path.name!r}")
    check_free(path, force)
    with beside(path, force) as fresh:
        FORMATS[to](store, fresh, drop)
    return path
