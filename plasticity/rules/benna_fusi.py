r"""Pair STDP on weights that consolidate: a chain of variables, each slower than the one before.

.. math::
    C_k \dot u_k = g_{k-1} (u_{k-1} - u_k) + g_k (u_{k+1} - u_k), \qquad
    C_k = 2^{k-1}, \qquad g_k = \frac{2^{-k+1}}{\tau}, \qquad g_0 = 0, \quad u_5 = 0

for :math:`k = 1 \dots 4`: :math:`u_1 = w - w_0` is the weight that is delivered, as far as it is from its rest, and
takes what STDP does, :math:`+A_+ x_{pre}` at post spikes and :math:`-A_- x_{post}` at arrivals. What a single change
leaves decays as :math:`t^{-1/2}` from :math:`\tau` to the chain's longest time, not exponentially, and a weight that
was held long comes back by itself.

The flow between a synapse's spikes is linear; it is taken exactly, over any time, through its eigenvectors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tegmentum.simcore.describe.plasticity import SynapseRule
from tegmentum.simcore.neurons.base import param

N = 4


class Synapse(NamedTuple):
    """The weight, and the slower variables, as far as they are from rest."""

    w: float
    u2: float
    u3: float
    u4: float


class Pre(NamedTuple):
    """Trace of the arrivals."""

    x: float


class Post(NamedTuple):
    """Trace of the post neuron's spikes."""

    y: float


class Constants(NamedTuple):
    """Amplitudes, bounds, rest; rates of the chain's modes in a tick, and the chain to modes and back."""

    a_plus: float
    a_minus: float
    w_min: float
    w_max: float
    rest: float
    r1: float
    r2: float
    r3: float
    r4: float
    to11: float
    to12: float
    to13: float
    to14: float
    to21: float
    to22: float
    to23: float
    to24: float
    to31: float
    to32: float
    to33: float
    to34: float
    to41: float
    to42: float
    to43: float
    to44: float
    of11: float
    of12: float
    of13: float
    of14: float
    of21: float
    of22: float
    of23: float
    of24: float
    of31: float
    of32: float
    of33: float
    of34: float
    of41: float
    of42: float
    of43: float
    of44: float


@dataclass(frozen=True)
class BennaFusiSTDP(SynapseRule):
    r"""Pair STDP, additive, on consolidating weights.

    Parameters
    ----------
    tau_plus, tau_minus : ms, 20.0
        decay of the pre and of the post neuron's trace
    a_plus, a_minus : the weight's unit, 0.01 and 0.0105
        by how much a pair moves the weight
    tau : ms, 1e4
        time of the first exchange; each next one takes four times as long
    rest : the weight's unit, 0.5
        where a synapse that is left alone settles in the end
    w_min, w_max : the weight's unit, 0.0 and 1.0
        bounds, at which a weight is cut at its own spikes

    Notes
    -----
    M. K. Benna, S. Fusi (2016), Nat. Neurosci. 19:1697-1706, doi:10.1038/nn.4401, who let :math:`C_k` double and
    :math:`g_k` halve along the chain. Four variables cover a factor of about 64 in time; the paper has more. A weight
    that is given initially is one of the moment: the slower variables start at rest.
    """

    tau_plus: float = param(20.0, "ms", above=0.0)
    tau_minus: float = param(20.0, "ms", above=0.0)
    a_plus: float = param(0.01, least=0.0)
    a_minus: float = param(0.0105, least=0.0)
    tau: float = param(1e4, "ms", above=0.0)
    rest: float = param(0.5)
    w_min: float = param(0.0)
    w_max: float = param(1.0)

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        problem = super().problem()
        if problem is None and not self.w_min <= self.rest <= self.w_max:
            problem = f"rest must be in [w_min, w_max], got {self.rest} and {self.w_min}, {self.w_max}"
        return problem

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range that initial weights, too, must keep to."""
        return self.w_min, self.w_max

    def chain(self) -> np.ndarray[Any, Any]:
        r"""Return the matrix A of :math:`\dot u = A u` [1/ms], shape (4, 4)."""
        g = np.array([0.0, *(2.0 ** -np.arange(N))]) / self.tau
        a = np.zeros((N, N))
        for k in range(N):
            a[k, k] = -g[k] - g[k + 1]
            if k > 0:
                a[k, k - 1] = g[k]
            if k < N - 1:
                a[k, k + 1] = g[k + 1]
        return a / 2.0 ** np.arange(N)[:, np.newaxis]

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        c = np.sqrt(2.0 ** np.arange(N))  # in units of which the matrix is symmetric
        rates, modes = np.linalg.eigh(c[:, np.newaxis] * self.chain() / c)
        to, of = modes.T * c, modes / c[:, np.newaxis]
        numbers = (float(v) for v in (*(rates * dt), *to.ravel(), *of.ravel()))
        return Constants(self.a_plus, self.a_minus, self.w_min, self.w_max, self.rest, *numbers)

    def time_constants(self) -> dict[str, float]:
        """Return the decays of the traces; the chain's variables stay but for :func:`drift`."""
        return {"x": self.tau_plus, "y": self.tau_minus, "u2": math.inf, "u3": math.inf, "u4": math.inf}


def on_pre(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Depress by the post neuron's trace."""
    return Synapse(max(s.w - c.a_minus * post.y, c.w_min), s.u2, s.u3, s.u4)


def on_post(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Potentiate by the pre neuron's trace."""
    return Synapse(min(s.w + c.a_plus * pre.x, c.w_max), s.u2, s.u3, s.u4)


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Jump by 1."""
    return Pre(pre.x + 1.0)


def post_spike(post: Post, c: Constants) -> Post:
    """Jump by 1."""
    return Post(post.y + 1.0)


def drift(s: Synapse, area: float, fade: float, c: Constants) -> Synapse:
    """Let the chain flow for ``area`` ticks, mode by mode."""
    u1 = s.w - c.rest
    m1 = (c.to11 * u1 + c.to12 * s.u2 + c.to13 * s.u3 + c.to14 * s.u4) * math.exp(c.r1 * area)
    m2 = (c.to21 * u1 + c.to22 * s.u2 + c.to23 * s.u3 + c.to24 * s.u4) * math.exp(c.r2 * area)
    m3 = (c.to31 * u1 + c.to32 * s.u2 + c.to33 * s.u3 + c.to34 * s.u4) * math.exp(c.r3 * area)
    m4 = (c.to41 * u1 + c.to42 * s.u2 + c.to43 * s.u3 + c.to44 * s.u4) * math.exp(c.r4 * area)
    w = c.rest + c.of11 * m1 + c.of12 * m2 + c.of13 * m3 + c.of14 * m4
    return Synapse(
        min(max(w, c.w_min), c.w_max),
        c.of21 * m1 + c.of22 * m2 + c.of23 * m3 + c.of24 * m4,
        c.of31 * m1 + c.of32 * m2 + c.of33 * m3 + c.of34 * m4,
        c.of41 * m1 + c.of42 * m2 + c.of43 * m3 + c.of44 * m4,
    )
