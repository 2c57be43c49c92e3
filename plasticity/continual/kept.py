"""Named arrays of a state: taken out as copies, and held against what they are to go back into."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from tegmentum.simcore.describe.checks import shown
from tegmentum.simcore.errors import DescriptionError

Array = np.ndarray[Any, Any]


def copied(arrays: Mapping[str, Any]) -> dict[str, Array]:
    """Copy arrays; numbers and texts become arrays without dimensions."""
    return {key: np.array(value) for key, value in arrays.items()}


def fitting(
    where: str,
    saved: Any,
    like: Mapping[str, Any],
    setting: Mapping[str, Any] | None = None,
    grows: Collection[str] = (),
) -> dict[str, Array]:
    """Return the arrays of a state.

    Parameters
    ----------
    where : str
        what the state is for, for messages
    saved : mapping of arrays
    like : mapping of arrays
        the keys there must be, each with its type and shape; whole numbers without dimensions must be >= 0
    setting : mapping
        further keys, whose values must be the same
    grows : keys whose first axis may have any length

    Raises
    ------
    DescriptionError
        naming the first key that is missing, unknown or does not fit
    """
    if not isinstance(saved, Mapping):
        raise DescriptionError(f"{where}: state must be what state() returned, got {shown(saved)}")
    arrays = {key: np.asarray(value) for key, value in saved.items()}
    setting = {key: np.asarray(value) for key, value in (setting or {}).items()}
    for key in (*setting, *like):
        if key not in arrays:
            raise DescriptionError(f"{where}: {key} is missing in the state")
    for key, same in setting.items():
        if arrays[key].shape != same.shape or not np.array_equal(arrays[key], same):
            raise DescriptionError(
                f"{where}: {key} must be {shown(same.tolist())}, got a state of {shown(arrays[key].tolist())}"
            )
    for key, value in like.items():
        want, found = np.asarray(value), arrays[key]
        free = key in grows
        same_shape = found.ndim == want.ndim and found.shape[free:] == want.shape[free:]
        same_type = found.dtype.kind == "U" if want.dtype.kind == "U" else found.dtype == want.dtype
        if not (same_shape and same_type):
            shape = ("n", *want.shape[1:]) if free else want.shape
            raise DescriptionError(
                f"{where}: {key} must be {want.dtype} of shape {shape}, got {found.dtype} of shape {found.shape}"
            )
        if not want.ndim and want.dtype.kind in "iu" and found < 0:
            raise DescriptionError(f"{where}: {key} must be >= 0, got {found}")
    unknown = sorted(set(arrays) - set(like) - set(setting))
    if unknown:
        raise DescriptionError(f"{where}: there is no {unknown[0]!r} in such a state")
    return arrays
