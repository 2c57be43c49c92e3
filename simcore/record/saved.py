"""A simulation's state in a file: arrays and arguments, written whole or not at all; the network is the caller's.

A file of :func:`numpy.savez`, so that everything in it can be looked at without Tegmentum: the arrays of
:meth:`.Simulation.state`, and ``saved``, a text in JSON with schema, version and arguments.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import StoreError
from .manifest import replace_file, version_of

SCHEMA = 1
"""Version of the file's layout."""
#: arguments of a simulation that a file says, beside those that its state must match
ARGUMENTS = ("dt", "seed", "n_trials", "precision", "max_rate", "arithmetic")


def write(path: str | os.PathLike[str], state: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Write a state, atomically and forced to disk."""
    about = {"schema": SCHEMA, "tegmentum": version_of("tegmentum"), "arguments": dict(arguments)}
    file = io.BytesIO()
    np.savez(file, saved=np.array(json.dumps(about)), **{_key(key): value for key, value in state.items()})
    try:
        replace_file(Path(path), file.getbuffer(), durable=True)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from error


def read(
    path: str | os.PathLike[str], force: bool = False
) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]]:
    """Return state and arguments.

    Raises
    ------
    StoreError
        if there is no such file, or it is damaged, of another layout or, unless ``force``, of another version
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as found:
            about = json.loads(str(found["saved"]))
            state = {key.replace("|", "/"): found[key] for key in found.files if key != "saved"}
        schema, version, arguments = about["schema"], about["tegmentum"], about["arguments"]
    except FileNotFoundError:
        raise StoreError(f"{path}: no such file") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, LookupError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise StoreError(f"{path}: damaged, or no state of a simulation ({error})") from error
    if schema != SCHEMA:
        raise StoreError(f"{path}: a state of schema {schema}; this version of Tegmentum reads {SCHEMA}")
    if version != version_of("tegmentum") and not force:
        raise StoreError(
            f"{path}: saved by Tegmentum {version}, this is {version_of('tegmentum')}: results may go on differently; "
            "load it with force=True"
        )
    return state, {name: arguments[name] for name in ARGUMENTS if name in arguments}


def _key(key: str) -> str:
    """Return a state's key as the name of an archive's member: '/' would make folders of it."""
    return key.replace("/", "|")
