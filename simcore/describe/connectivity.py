"""Connection rules and distributions: who is connected to whom, how strongly and how late.

Descriptions only: frozen values without arrays of synapses. :mod:`.wiring_kernel` turns them into synapses, each a
pure function of (seed, projection, synapse), so a builder may be split over threads or asked for a slice of
targets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import DescriptionError
from .checks import LARGEST, array, flag, shown, wrong_number

_REACH = 6.35  # standard deviations that a draw of 32 bits reaches


@dataclass(frozen=True)
class Distribution:
    """Base of the distributions of weights [receptor's unit], delays [ms], parameters and initial states.

    Values outside ``[low, high]`` are moved to the border (``outside="clip"``), or drawn again
    (``outside="redraw"``: the truncated distribution).
    """

    def check(self) -> str | None:
        """Return what is wrong with the parameters, or None."""
        if type(self).quantile is Distribution.quantile:
            return f"must be a distribution such as Normal(1.0, 0.1), got {type(self).__name__}()"
        return None

    def mean_value(self) -> float:
        """Mean before clipping; its sign chooses the receptor where the projection names none."""
        raise NotImplementedError

    def quantile(self, u: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Values at the cumulative probabilities ``u`` in (0, 1), limits applied."""
        raise NotImplementedError

    def bounds(self) -> tuple[float, float]:
        """Return the smallest and the largest value that 32 random bits can draw."""
        low, high = self.quantile(np.array([2.0**-34, 1 - 2.0**-34])).tolist()
        return low, high

    def mirrored(self) -> Distribution:
        """Return the distribution of the negated values."""
        return Mirrored(self)


def _limited(
    ppf: Any, cdf: Any, u: np.ndarray[Any, Any], low: float, high: float, outside: str
) -> np.ndarray[Any, Any]:
    """Quantiles of a distribution clipped to, or truncated to, ``[low, high]``."""
    if outside == "redraw":
        lowest, highest = float(cdf(low)), float(cdf(high))
        u = lowest + (highest - lowest) * u
    return np.asarray(np.clip(ppf(u), low, high))


def _check_limits(d: Any) -> str | None:
    problem = wrong_number(d.low, "low", infinite=True) or wrong_number(d.high, "high", infinite=True)
    if problem:
        return problem
    if not d.low < d.high:
        return f"low must be < high = {d.high}, got {d.low}"
    if not isinstance(d.outside, str) or d.outside not in ("clip", "redraw"):
        return f"outside must be 'clip' or 'redraw', got {shown(d.outside)}"
    return None


@dataclass(frozen=True)
class Mirrored(Distribution):
    """The negated values of another distribution."""

    of: Distribution

    def check(self) -> str | None:
        return self.of.check()

    def mean_value(self) -> float:
        return -self.of.mean_value()

    def quantile(self, u: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return -self.of.quantile(1 - np.asarray(u))

    def mirrored(self) -> Distribution:
        return self.of


@dataclass(frozen=True)
class Constant(Distribution):
    """The same ``value`` for all."""

    value: float

    def check(self) -> str | None:
        return wrong_number(self.value, "value")

    def mirrored(self) -> Distribution:
        return Constant(-self.value)

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
        return (
            wrong_number(self.mean, "mean") or wrong_number(self.std, "std", least=0.0) or _check_limits(self)
        )

    def mean_value(self) -> float:
        return float(self.mean)

    def bounds(self) -> tuple[float, float]:
        reach = _REACH * self.std
        return max(self.low, min(self.mean - reach, self.high)), min(
            self.high, max(self.mean + reach, self.low)
        )

    def mirrored(self) -> Distribution:
        return Normal(-self.mean, self.std, -self.high, -self.low, self.outside)

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
        problem = wrong_number(self.mu, "mu") or wrong_number(self.sigma, "sigma", above=0.0)
        if problem is None and not abs(self.mu) + _REACH * self.sigma < math.log(LARGEST):
            return (
                f"sigma must be small enough for numbers below {LARGEST:g}, got {self.sigma} (mu {self.mu})"
            )
        return problem or _check_limits(self)

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
        problem = wrong_number(self.low, "low") or wrong_number(self.high, "high")
        if problem:
            return problem
        return None if self.low < self.high else f"low must be < high = {self.high}, got {self.low}"

    def bounds(self) -> tuple[float, float]:
        return float(self.low), float(self.high)

    def mirrored(self) -> Distribution:
        return Uniform(-self.high, -self.low)

    def mean_value(self) -> float:
        return 0.5 * (self.low + self.high)

    def quantile(self, u: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.asarray(self.low + (self.high - self.low) * u)


@dataclass(frozen=True, eq=False)
class Rule:
    """Base of the connection rules."""

    def check(self, n_pre: int, n_post: int, same: bool) -> str | None:
        """Return why the rule cannot connect populations of these sizes, or None."""
        if type(self).expected is Rule.expected:
            return "is no rule by itself; there are AllToAll(), FixedIndegree(k) and others"
        return None

    def expected(self, n_pre: int, n_post: int) -> float:
        """Mean number of synapses."""
        raise NotImplementedError

    def exactly(self, n_pre: int, n_post: int, same: bool) -> int | None:
        """Return the number of synapses where it is no matter of chance."""
        return int(self.expected(n_pre, n_post))


def _check_flags(rule: Any, *names: str) -> str | None:
    return next((problem for name in names if (problem := flag(getattr(rule, name), name))), None)


def _check_degree(k: int, n: int, rule: Any, same: bool, end: str) -> str | None:
    problem = wrong_number(k, "k", whole=True, least=0) or _check_flags(rule, "autapses", "multapses")
    if problem:
        return problem
    room = n - (1 if same and not rule.autapses else 0)
    if k and room < 1:
        return f"k must be 0, as no {end} neuron is allowed, got {k}"
    if not rule.multapses and k > room:
        return f"k must be <= {room}, the number of {end} neurons, when multapses=False, got {k}"
    return None


@dataclass(frozen=True, eq=False)
class AllToAll(Rule):
    """One synapse for each pair of neurons."""

    autapses: bool = True

    def check(self, n_pre: int, n_post: int, same: bool) -> str | None:
        return _check_flags(self, "autapses")

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(n_pre) * n_post

    def exactly(self, n_pre: int, n_post: int, same: bool) -> int | None:
        return n_pre * n_post - (n_pre if same and not self.autapses else 0)


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
        problem = wrong_number(self.p, "p") or _check_flags(self, "autapses")
        if problem:
            return problem
        return None if 0 <= self.p <= 1 else f"p must be in [0, 1], got {self.p}"

    def expected(self, n_pre: int, n_post: int) -> float:
        return self.p * n_pre * n_post

    def exactly(self, n_pre: int, n_post: int, same: bool) -> int | None:
        return None


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
        problem = wrong_number(self.n, "n", whole=True, least=0) or _check_flags(self, "autapses")
        if problem:
            return problem
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

    @property
    def shared_shape(self) -> tuple[int, ...] | None:
        """Shape of the weights that synapses share; None where each has its own."""
        return None

    def elements(self, pre: np.ndarray[Any, Any], post: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return which of the shared weights, raveled, the synapses between these neurons have."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class FromCOO(Explicit):
    """Synapse ``s`` connects neuron ``pre[s]`` to ``post[s]``; weights and delays may be such arrays."""

    pre: Any
    post: Any

    def check(self, n_pre: int, n_post: int, same: bool) -> str | None:
        for name, n in (("pre", n_pre), ("post", n_post)):
            try:
                index = np.asarray(getattr(self, name))
            except Exception:  # a ragged list, a strange object
                return f"{name} must be a one-dimensional array of integers, got {shown(getattr(self, name))}"
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
        return value
    numbers = array(value, owner, field, what="a number, an array or a distribution")
    return Constant(float(numbers)) if numbers.ndim == 0 else numbers


def within(values: Any, low: float, high: float, owner: str, field: str, why: str) -> None:
    """Refuse numbers outside [low, high], with how many there are and the worst of them.

    A border in float32 may lie a little outside of that in float64.
    """
    numbers = np.asarray(values)
    slack = 1e-6 * max(abs(b) if math.isfinite(b) else 0.0 for b in (low, high))
    low_, high_ = low - slack, high + slack
    if not numbers.size or (numbers.min() >= low_ and numbers.max() <= high_):
        return
    bad = (numbers < low_) | (numbers > high_)
    range_ = (
        f">= {low:g}"
        if high == math.inf
        else f"<= {high:g}"
        if low == -math.inf
        else f"in [{low:g}, {high:g}]"
    )
    far = np.maximum(low - numbers, numbers - high)
    worst = float(numbers.flat[int(np.argmax(far))])
    count = f" ({int(bad.sum())} of {numbers.size} are not)" if numbers.size > 1 else ""
    raise DescriptionError(f"{owner}: {field} must be {range_}, got {worst:g}{count}; {why}")
