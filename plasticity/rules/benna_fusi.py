r"""Pair STDP on weights that consolidate: a chain of variables, each slower than the one before.

.. math::
    C_k \dot u_k = g_{k-1} (u_{k-1} - u_k) + g_k (u_{k+1} - u_k), \qquad
    C_k = 2^{k-1}, \qquad g_k = \frac{2^{-k+1}}{\tau}, \qquad g_0 = 0, \quad u_5 = 0

for :math:`k = 1 \dots 4`: :math:`u_1 = w - w_0` is the weight that is delivered, as far as it is from its rest, and
takes what STDP does, :math:`+A_+ x_{pre}` at post spikes and :math:`-A_- x_{post}` at arrivals. What a single change
leaves decays as :math:`t^{-1/2}` from :math:`\tau` to the chain's longest time, not exponentially, and a weight that
was held long comes back by itself.

The flow between a synapse's spikes is linear; it is taken exactly, over any time, through its eigenvectors. So what a
synapse keeps beside the weight are three numbers that the slower variables determine, and the rule's spikes leave:
:math:`m_k = n_k - p_k u_1`, where :math:`u_1 = \sum_k n_k` is the weight mode by mode and :math:`p_k` the share that a
mode has of a change of the weight alone. :meth:`BennaFusiSTDP.variables` makes :math:`u_2 \dots u_4` of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tegmentum.simcore.describe.plasticity import SynapseRule
from tegmentum.simcore.neurons.base import param

N = 4
Array = np.ndarray[Any, Any]


class Synapse(NamedTuple):
    """The weight, and what the slower variables have of three of the chain's modes."""

    w: float
    m2: float
    m3: float
    m4: float


class Pre(NamedTuple):
    """Trace of the arrivals."""

    x: float


class Post(NamedTuple):
    """Trace of the post neuron's spikes."""

    y: float


class Constants(NamedTuple):
    """Amplitudes, bounds, rest; what share of a change of the weight three of the modes take."""

    a_plus: float
    a_minus: float
    w_min: float
    w_max: float
    rest: float
    p2: float
    p3: float
    p4: float


class Fades(NamedTuple):
    """Decays of the chain's modes over a time, :meth:`BennaFusiSTDP.decays`."""

    m1: float
    m2: float
    m3: float
    m4: float


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

    def chain(self) -> Array:
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

    def modes(self) -> tuple[Array, Array]:
        r"""Return the rates [1/ms] of the chain's modes, fastest first, and the modes, orthogonal, in its columns.

        In units in which the chain's matrix is symmetric, :math:`u_k \sqrt{C_k}`.
        """
        c = np.sqrt(2.0 ** np.arange(N))
        rates, modes = np.linalg.eigh(c[:, np.newaxis] * self.chain() / c)
        return -rates, modes

    def variables(self, w: Any, m2: Any, m3: Any, m4: Any) -> Array:
        r"""Return the chain's variables :math:`u_1 \dots u_4`, shape (4, ...), of what synapses keep.

        As in ``rule.variables(found.weight, **found.kept)`` of ``found = simulation.synapses(name)``.
        """
        _, modes = self.modes()
        u1 = np.asarray(w, float) - self.rest
        part = np.stack([np.asarray(m, float) for m in (m2, m3, m4)])
        first = modes[0].reshape(N, *(1 for _ in u1.shape))
        n = np.concatenate([np.zeros((1, *u1.shape)), part + first[1:] ** 2 * u1])
        n[0] = u1 - n[1:].sum(0)  # of the weight, how much is of each mode
        c = np.sqrt(2.0 ** np.arange(N)).reshape(first.shape)
        return np.asarray(np.tensordot(modes, n / first, 1) / c)

    def decays(self) -> dict[str, float]:
        """Return the time constants of the modes [ms]."""
        rates, _ = self.modes()
        return {f"m{k + 1}": 1.0 / float(rates[k]) for k in range(N)}

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        _, p2, p3, p4 = (float(v) for v in self.modes()[1][0] ** 2)
        return Constants(self.a_plus, self.a_minus, self.w_min, self.w_max, self.rest, p2, p3, p4)

    def time_constants(self) -> dict[str, float]:
        """Return the decays of the traces; the modes stay but for :func:`drift`."""
        return {"x": self.tau_plus, "y": self.tau_minus, "m2": math.inf, "m3": math.inf, "m4": math.inf}


def on_pre(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Depress by the post neuron's trace."""
    return Synapse(max(s.w - c.a_minus * post.y, c.w_min), s.m2, s.m3, s.m4)


def on_post(s: Synapse, pre: Pre, post: Post, c: Constants) -> Synapse:
    """Potentiate by the pre neuron's trace."""
    return Synapse(min(s.w + c.a_plus * pre.x, c.w_max), s.m2, s.m3, s.m4)


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Jump by 1."""
    return Pre(pre.x + 1.0)


def post_spike(post: Post, c: Constants) -> Post:
    """Jump by 1."""
    return Post(post.y + 1.0)


def drift(s: Synapse, area: float, fade: Fades, c: Constants) -> Synapse:
    """Let the chain flow, mode by mode; what it does to the weight alone is no part of what is kept."""
    u1 = s.w - c.rest
    n2, n3, n4 = s.m2 + c.p2 * u1, s.m3 + c.p3 * u1, s.m4 + c.p4 * u1
    n1 = (u1 - n2 - n3 - n4) * fade.m1
    n2, n3, n4 = n2 * fade.m2, n3 * fade.m3, n4 * fade.m4
    u1 = n1 + n2 + n3 + n4
    w = min(max(c.rest + u1, c.w_min), c.w_max)
    return Synapse(w, n2 - c.p2 * u1, n3 - c.p3 * u1, n4 - c.p4 * u1)
