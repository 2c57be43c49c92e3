"""Neuromodulators: a named channel with a level for each subpopulation of synapses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.random import philox as rng

from .expectation import Expectation, OneHotExpectation

Array = np.ndarray[Any, Any]

_QUANTILES = {
    "uniform": lambda u: u,
    "normal": lambda u: np.clip(0.5 + special.ndtri(np.maximum(u, 2.0**-54)), 0.0, 1.0),
    "beta": lambda u: np.sin(0.5 * np.pi * u) ** 2,  # Beta(1/2, 1/2)
    "zeros": lambda u: np.zeros_like(u),
}


@dataclass(frozen=True)
class Neuromodulator:
    r"""A channel whose level in each subpopulation an expectation sets.

    .. math:: \nu_{kj} = \sum_r E_{kr} N_{rj}

    with the expectation's code E and a fixed random table N, drawn once from the seed, that no learning changes.
    A subpopulation j is all incoming synapses of postsynaptic neuron j.

    Parameters
    ----------
    expectation : Expectation
        what the level depends on
    name : str
    table : {'uniform', 'normal', 'beta', 'zeros', 'identity'}
        distribution of N: U(0, 1); N(1/2, 1) clipped to [0, 1]; Beta(1/2, 1/2); no neuromodulator at all; or one
        subpopulation for each row, with level 1 where its own row is expected and 0 elsewhere

    Notes
    -----
    Levels are in [0, 1], without unit. With a uniform table they are triangular around 1/2.
    Source: T. Zhang et al. (2023), Sci. Adv. 9:eadi2947, doi:10.1126/sciadv.adi2947.
    """

    expectation: Expectation | OneHotExpectation
    name: str = field(default="dopamine", kw_only=True)
    table: str = field(default="uniform", kw_only=True)

    def __post_init__(self) -> None:
        if self.table not in (*_QUANTILES, "identity"):
            raise DescriptionError(
                f"{type(self).__name__} {self.name!r}: table must be one of {', '.join(_QUANTILES)}, identity, "
                f"got {self.table!r}"
            )

    def levels(self, n_subpopulations: int, seed: int, entity: int = 0) -> Array:
        """Level of each subpopulation for each expected class, float64 (n_classes, n_subpopulations).

        ``entity`` numbers the projections of a network, so that each draws a table of its own.
        """
        rows = self.expectation.n_rows
        if self.table == "identity":
            if n_subpopulations != rows:
                raise DescriptionError(
                    f"{type(self).__name__} {self.name!r}: an identity table needs {rows} subpopulations, "
                    f"got {n_subpopulations}"
                )
            return self.expectation.code()
        u = rng.uniform(rows * n_subpopulations, seed, rng.STREAM_TABLE, entity)
        table = _QUANTILES[self.table](u).reshape(rows, n_subpopulations)
        return np.asarray(self.expectation.code() @ table)


@dataclass(frozen=True)
class Dopamine(Neuromodulator):
    """The neuromodulator that signals what is worth learning; see :class:`Neuromodulator`."""
