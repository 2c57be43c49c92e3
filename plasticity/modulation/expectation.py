r"""Expectation encoding: what is expected becomes a mixture of neuromodulator levels.

For class :math:`k` of :math:`C`, counted from 0,

.. math:: r(k) = \Bigl\lfloor 2 (C - 1) \sqrt{\ln(C / (k + 1)) / \ln C} \Bigr\rfloor

and the expectation is the mean of rows :math:`r(k)` and :math:`r(k) + 1` of a table of :math:`2 C` rows of levels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tegmentum.simcore.errors import DescriptionError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Expectation:
    """Encode the expected class as weights over the rows of a table of levels.

    Parameters
    ----------
    n_classes : number of classes C, at least 2

    Notes
    -----
    Two classes whose ``r`` differ by 1 share a row, so their levels correlate: an artefact of the order of the
    labels. Source: T. Zhang et al. (2023), Sci. Adv. 9:eadi2947, doi:10.1126/sciadv.adi2947, as their public code
    computes it.
    """

    n_classes: int

    def __post_init__(self) -> None:
        if self.n_classes < 2:
            raise DescriptionError(f"Expectation: n_classes must be >= 2, got {self.n_classes}")

    @property
    def n_rows(self) -> int:
        """Rows of the table: 2 C."""
        return 2 * self.n_classes

    def first_row(self) -> Array:
        """``r(k)`` of each class, int64 (n_classes,)."""
        c = self.n_classes
        return np.array([int(2 * (c - 1) * math.sqrt(math.log(c / (k + 1)) / math.log(c))) for k in range(c)])

    def code(self) -> Array:
        """Weights over rows for each class, float64 (n_classes, 2 n_classes)."""
        code = np.zeros((self.n_classes, self.n_rows))
        for k, r in enumerate(self.first_row()):
            code[k, r : r + 2] = 0.5
        return code


@dataclass(frozen=True)
class OneHotExpectation:
    """Encode the expected class as itself: one row of the table for each class, and that row alone.

    Parameters
    ----------
    n_classes : number of classes C, at least 2
    """

    n_classes: int

    def __post_init__(self) -> None:
        if self.n_classes < 2:
            raise DescriptionError(f"OneHotExpectation: n_classes must be >= 2, got {self.n_classes}")

    @property
    def n_rows(self) -> int:
        """Rows of the table: C."""
        return self.n_classes

    def code(self) -> Array:
        """Weights over rows for each class: the identity."""
        return np.eye(self.n_classes)
