"""A state in a file, or in an object at a URL: arrays, and what is to know about them, whole or not there.

A file of :func:`numpy.savez`, so that everything in it can be looked at without Tegmentum: the arrays of
:meth:`.Simulation.state` and the like, and ``saved``, a text in JSON with schema, version and whatever was said. The
archive has a CRC-32 of each, so that one which was cut off or changed on its way is not taken for whole.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..errors import StoreError
from .manifest import location, version_of
from .target import LocalTarget, UrlTarget

SCHEMA = 1
"""Version of the file's layout."""

#: what reading an archive fails with whose bytes are not those that were written
_DAMAGES = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    EOFError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


def write(path: str | os.PathLike[str], arrays: Mapping[str, Any], **about: Any) -> None:
    """Write arrays and what is to know about them, atomically and forced to disk, or as one object at a URL."""
    told = {"schema": SCHEMA, "tegmentum": version_of("tegmentum"), **about}
    file = io.BytesIO()
    np.savez(file, saved=np.array(json.dumps(told)), **{_key(key): value for key, value in arrays.items()})
    at = location(path)
    if not isinstance(at, Path):
        UrlTarget(at).put("", file.getvalue())
        return
    if not at.parent.is_dir():
        raise StoreError(f"{path}: cannot be written: there is no folder {at.parent}")
    LocalTarget(at.parent, durable=True).put(at.name, file.getvalue())


def read(
    path: str | os.PathLike[str], force: bool = False
) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]]:
    """Return arrays and what was said about them.

    Raises
    ------
    StoreError
        if there is no such file, or it is damaged, of another layout or, unless ``force``, of another version
    """
    try:
        with _opened(path) as file, np.load(file, allow_pickle=False) as found:
            about = json.loads(str(found["saved"]))
            arrays = {key.replace("|", "/"): found[key] for key in found.files if key != "saved"}
        schema, version = about["schema"], about["tegmentum"]
    except FileNotFoundError:
        raise StoreError(f"{path}: no such file") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from error
    except _DAMAGES as error:
        raise StoreError(f"{path}: damaged, or no saved state ({error})") from error
    if schema != SCHEMA:
        raise StoreError(f"{path}: a state of schema {schema}; this version of Tegmentum reads {SCHEMA}")
    if version != version_of("tegmentum") and not force:
        raise StoreError(
            f"{path}: saved by Tegmentum {version}, this is {version_of('tegmentum')}: results may go on differently; "
            "go on all the same with force (--force)"
        )
    return arrays, about


def _opened(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file, or take an object into memory."""
    at = location(path)
    if isinstance(at, Path):
        return at.open("rb")
    data = UrlTarget(at).get("")
    if data is None:
        raise FileNotFoundError
    return io.BytesIO(data)


def _key(key: str) -> str:
    """Return a state's key as the name of an archive's member: '/' would make folders of it."""
    return key.replace("/", "|")
