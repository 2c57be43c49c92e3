"""Connection rules and distributions: who is connected to whom, how strongly and how late.

Descriptions only: frozen values without arrays of synapses. :mod:`.wiring` turns them into synapses, each a
pure function of (seed, projection, synapse), so a builder may be split over threads or asked for a slice of
targets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from .errors import DescriptionError


@dataclass(frozen=True)
class Distribution:
    """Base of the distributions of weights [receptor's unit], delays [ms], parameters and initial states.

    Values outside ``[low, high]`` are moved to the border (``outside="clip"``), or drawn again
    (``outside="redraw"``: the truncated distribution).
    """

    def check(self) -> str | None:
        """Return what is wrong with the parameters, or None."""
        return None

    def mean_value(self) -> float:
        """Mean before clipping; its sign chooses the receptor where the projection names none."""
        raise NotImplementedError

    def quantile(self, u: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Values at the cumulative probabilities ``u`` in (0, 1), limits applied."""
        raise NotImplementedError


def _limited(
    ppf: Any, cdf: Any, u: np.ndarray[Any, Any], low: float, high: float, outside: str
) -> np.ndarray[Any, Any]:
    """Quantiles of a distribution clipped to, or truncated to, ``[low, high]``."""
    if outside == "redraw":
        lowest, highest = float(cdf(low)), float(cdf(high))
        u = lowest + (highest - lowest) * u
    return np.asarray(np.clip(ppf(u), low, high))


def _check_limits(d: Any) -> str | None:
    if not d.low < d.high:
        return f"low must be < high = {d.high}, got {d.low}"
    if d.outside not in ("clip", "redraw"):
        return f"outside must be 'clip' or 'redraw', got {d.outside!r}"
    return None


@dataclass(frozen=True)
class Constant(Distribution):
    """The same ``value`` for all."""

    value: float

    def mean_value(self) -> float:
        return float(self.value)

    def quantile(self, u: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.full(np.shape(u), float(self.value))


@dataclass(frozen=True)
class Normal(Distribution):
    """Normal distribution of ``mean`` and standard deviation ``std``."""

    mean: float
    std: float = field(metadata={"least": 0.0})
    low: float = -math.inf
    high: float = math.inf
    outside: str = "clip"

    def check(self) -> str | None:
        return f"std must be >= 0, got {self.std}" if self.std < 0 else _check_limits(self)

    def mean_value(self) -> float:
        return float(self.mean)

    def quantile(self, u: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        from scipy.special import ndtr, ndtri

        if self.std == 0:
            return np.clip(np.full(np.shape(u), float(self.mean)), self.low, self.high)
        return _limited(
            lambda q: self.mean + self.std * ndtri(q),
            lambda x: ndtr((x - self.mean) / self.std),
            u,
            self.low,
            self.high,
            self.outside,
        )


@dataclass(frozen=True)
class Lognormal(Distribution):
    """``exp`` of a normal distribution whose mean is ``mu`` and standard deviation ``sigma``."""

    mu: float
    sigma: float = field(metadata={"above": 0.0})
    low: float = 0.0
    high: float = math.inf
    outside: str = "clip"

    def check(self) -> str | None:
        return f"sigma must be > 0, got {self.sigma}" if self.sigma <= 0 else _check_limits(self)

    def mean_value(self) -> float:
        return math.exp(self.mu + self.sigma**2 / 2)

    def quantile(self, u: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        from scipy.special import ndtr, ndtri

        def cdf(x: float) -> Any:
            return ndtr((math.log(x) - self.mu) / self.sigma) if x > 0 else 0.0

        return _limited(
            lambda q: np.exp(self.mu + self.sigma * ndtri(q)), cdf, u, self.low, self.high, self.outside
        )


@dataclass(frozen=True)
class Uniform(Distribution):
    """Uniform between ``low`` and ``high``."""

    low: float
    high: float

    def check(self) -> str | None:
        return None if self.low < self.high else f"low must be < high = {self.high}, got {self.low}"

    def mean_value(self) -> float:
        return 0.5 * (self.low + self.high)

    def quantile(self, u: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.asarray(self.low + (self.high - self.low) * u)


@dataclass(frozen=True, eq=False)
class Rule:
    """Base of the connection rules."""

    def check(self, n_pre: int, n_post: int, same: bool) -> str | None:
        """Return why the rule cannot connect populations of these sizes, or None."""
        return None

    def expected(self, n_pre: int, n_post: int) -> float:
        """Mean number of synapses."""
        raise NotImplementedError


def _check_degree(k: int, n: int, rule: Any, same: bool, end: str) -> str | None:
    room = n - (1 if same and not rule.autapses else 0)
    if k < 0 or k != int(k):
        return f"k must be a whole number >= 0, got {k}"
    if k and room < 1:
        return f"k must be 0, as no {end} neuron is allowed, got {k}"
    if not rule.multapses and k > room:
        return f"k must be <= {room}, the number of {end} neurons, when multapses=False, got {k}"
    return None


@dataclass(frozen=True, eq=False)
class AllToAll(Rule):
    """One synapse for each pair of neurons."""

    autapses: bool = True

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(n_pre) * n_post


@dataclass(frozen=True, eq=False)
class OneToOne(Rule):
    """Neuron i to neuron i."""

    def check(self, n_pre: int, n_post: int, same: bool) -> str | None:
        return None if n_pre == n_post else f"sizes must be equal, got {n_pre} and {n_post}"

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(n_pre)


@dataclass(frozen=True, eq=False)
class FixedProbability(Rule):
    """Each pair is connected with probability ``p``, independently."""

    p: float = field(metadata={"least": 0.0, "most": 1.0})
    autapses: bool = True

    def check(self, n_pre: int, n_post: int, same: bool) -> str | None:
        return None if 0 <= self.p <= 1 else f"p must be in [0, 1], got {self.p}"

    def expected(self, n_pre: int, n_post: int) -> float:
        return self.p * n_pre * n_post


@dataclass(frozen=True, eq=False)
class FixedIndegree(Rule):
    """Each post neuron has ``k`` synapses, from pre neurons drawn uniformly."""

    k: int = field(metadata={"least": 0})
    autapses: bool = True
    multapses: bool = True

    def check(self, n_pre: int, n_post: int, same: bool) -> str | None:
        return _check_degree(self.k, n_pre, self, same, "pre")

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(self.k) * n_post


@dataclass(frozen=True, eq=False)
class FixedOutdegree(Rule):
    """Each pre neuron has ``k`` synapses, to post neurons drawn uniformly."""

    k: int = field(metadata={"least": 0})
    autapses: bool = True
    multapses: bool = True

    def check(self, n_pre: int, n_post: int, same: bool) -> str | None:
        return _check_degree(self.k, n_post, self, same, "post")

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(self.k) * n_pre


@dataclass(frozen=True, eq=False)
class FixedTotal(Rule):
    """``n`` synapses in all, pre and post neuron of each drawn uniformly, with replacement."""

    n: int = field(metadata={"least": 0})
    autapses: bool = True

    def check(self, n_pre: int, n_post: int, same: bool) -> str | None:
        if self.n < 0 or self.n != int(self.n):
            return f"n must be a whole number >= 0, got {self.n}"
        if same and not self.autapses and n_pre == 1 and self.n:
            return f"n must be 0, as the one neuron's autapses are not allowed, got {self.n}"
        return None

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(self.n)


@dataclass(frozen=True, eq=False)
class Explicit(Rule):
    """Base of the rules that list their synapses."""

    def pairs(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Pre and post neuron of each synapse."""
        raise NotImplementedError

    def weights(self, factor: float) -> Any:
        """Weights that the rule itself gives, times the projection's one weight; None where it gives none."""
        return None


@dataclass(frozen=True, eq=False)
class FromCOO(Explicit):
    """Synapse ``s`` connects neuron ``pre[s]`` to ``post[s]``; weights and delays may be such arrays."""

    pre: Any
    post: Any

    def check(self, n_pre: int, n_post: int, same: bool) -> str | None:
        for name, n in (("pre", n_pre), ("post", n_post)):
            index = np.asarray(getattr(self, name))
            if index.ndim != 1 or (index.size and index.dtype.kind not in "iu"):
                return f"{name} must be a one-dimensional array of integers, got {index.dtype} {index.shape}"
            if index.size and not (index.min() >= 0 and index.max() < n):
                return f"{name} must be in [0, {n}), got {index.min()} to {index.max()}"
        if len(self.pre) != len(self.post):
            return f"pre and post must have equal lengths, got {len(self.pre)} and {len(self.post)}"
        return None

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(len(self.pre))

    def pairs(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        return np.asarray(self.pre), np.asarray(self.post)


def as_distribution(value: Any, owner: str, field: str) -> Any:
    """Return a number as :class:`Constant`, an array or a distribution as it is, checked."""
    if isinstance(value, Distribution):
        problem = value.check()
        if problem:
            raise DescriptionError(f"{owner}: {field}: {problem}")
        for part in fields(value):
            number = getattr(value, part.name)
            if isinstance(number, float) and math.isnan(number):
                raise DescriptionError(f"{owner}: {field}: {part.name} must be a number, got nan")
        return value
    numbers = np.asarray(value)
    if numbers.dtype.kind not in "fiu":
        raise DescriptionError(
            f"{owner}: {field} must be a number, an array or a distribution, got {value!r}"
        )
    if not np.all(np.isfinite(numbers)):
        raise DescriptionError(f"{owner}: {field} must be finite, got {value!r}")
    return Constant(float(numbers)) if numbers.ndim == 0 else numbers
