"""``min`` and ``max`` in kernels against Numba's own."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest

from tegmentum.simcore.intrinsics import extremes

least, greatest = extremes.min, extremes.max


@numba.njit
def ours(*x: Any) -> Any:
    return least(*x), greatest(*x), least(x), greatest(x)


@numba.njit
def numbas(*x: Any) -> Any:
    return min(*x), max(*x), min(x), max(x)


@pytest.mark.parametrize(
    "numbers",
    [
        (np.int32(3), np.int64(-4)),
        (np.uint16(4), 4, -1),
        (np.float32(0.1), 0.1),
        (np.float32(1.5), np.int32(7), np.float32(-2.0)),
        (float("nan"), 1.0),
        (1.0, float("nan"), 0.5),
        (0.0, -0.0),
        (-0.0, 0.0),
        (True, False),
    ],
)
def test_the_extreme_numbers_are_those_of_numba(numbers: tuple[Any, ...]) -> None:
    assert repr(ours(*numbers)) == repr(numbas(*numbers))
    assert ours.nopython_signatures[-1].return_type == numbas.nopython_signatures[-1].return_type


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(numba.TypingError):
        ours(np.zeros(2), np.zeros(2))
