r"""Pair STDP on synapses that consolidate in a cascade: two strengths, each of many depths, changed by chance.

A synapse is weak or strong and, either way, in one of :math:`n` states, the deeper the harder to leave. What spikes do
is to propose, and the synapse accepts by chance:

.. math::
    P(\text{potentiation proposed at a post spike}) = \min(1, A_+ x_{pre}), \qquad
    P(\text{depression proposed at an arrival}) = \min(1, A_- x_{post})

with traces that jump by 1 at a spike and decay with :math:`\tau_+` and :math:`\tau_-`. Where the other strength is
proposed, the synapse takes it with probability :math:`q_i` and is in the first state of that strength; where its own
is, it goes one state deeper with probability :math:`p_i`:

.. math::
    q_i = x^{i-1}, \quad q_n = \frac{x^{n-1}}{1 - x}, \qquad p_i = \frac{x^i}{1 - x}, \qquad i = 1 \dots n

Under as many proposals of either kind all :math:`2n` states are equally likely. What one proposal has left in many
synapses then fades as a power of the number :math:`t` of those that follow, with ten states between
:math:`t^{-0.5}` and :math:`t^{-0.8}`, and exponentially only beyond :math:`x^{1-n}` of them; in synapses of two states,
``n=1``, the next proposal overwrites it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from tegmentum.simcore.describe.checks import wrong_number
from tegmentum.simcore.describe.plasticity import ChanceRule
from tegmentum.simcore.neurons.base import param

from .bounds import misordered


class Synapse(NamedTuple):
    """The strength, and how deep the state is: 0 for the first."""

    w: float
    depth: float


class Pre(NamedTuple):
    """Trace of the arrivals."""

    x: float


class Post(NamedTuple):
    """Trace of the post neuron's spikes."""

    y: float


class Constants(NamedTuple):
    """Probabilities of a proposal; those of accepting from state to state; the strengths."""

    a_plus: float
    a_minus: float
    x: float
    deeper: float  # p_i / q_i
    last: float  # q_n
    deepest: float
    weak: float
    strong: float
    middle: float


@dataclass(frozen=True)
class CascadeSTDP(ChanceRule):
    r"""Pairs propose, and a cascade of states accepts.

    Parameters
    ----------
    tau_plus, tau_minus : ms, 20.0
        decay of the pre and of the post neuron's trace
    a_plus, a_minus : no unit, 0.1
        probability that a pair of spikes at once proposes potentiation, or depression
    n : no unit, 10
        number of states of each strength, whole, at most 32; 1 is a synapse with two states that takes what is proposed
    x : no unit, 0.5
        by how much harder each state is to leave, in (0, 0.5]
    w_min, w_max : the weight's unit, 0.0 and 1.0
        the weak and the strong strength

    Notes
    -----
    S. Fusi, P. J. Drew, L. F. Abbott (2005), Neuron 45:599-611, doi:10.1016/j.neuron.2005.02.001, with the
    probabilities of their balanced case, in which potentiation and depression are equally likely; where they are not,
    states are not equally likely either. The paper leaves open what proposes: that pairs of spikes do, by their traces,
    is this file's choice, and proposals of one synapse are then as correlated as its spikes. A weight that is given
    initially counts as the strength that is nearer and stays what it is until it changes; it is in the first state.
    """

    tau_plus: float = param(20.0, "ms", above=0.0)
    tau_minus: float = param(20.0, "ms", above=0.0)
    a_plus: float = param(0.1, least=0.0)
    a_minus: float = param(0.1, least=0.0)
    n: int = param(10, least=1.0)
    x: float = param(0.5, above=0.0)
    w_min: float = param(0.0)
    w_max: float = param(1.0)

    def problem(self) -> str | None:
        """Return the first parameter out of its range, or None."""
        problem = super().problem() or wrong_number(self.n, "n", least=1, most=32, whole=True)
        problem = problem or wrong_number(self.x, "x", above=0.0, most=0.5)
        return problem or misordered(self.w_min, self.w_max)

    def weight_bounds(self) -> tuple[float, float]:
        """Return the range that initial weights, too, must keep to."""
        return self.w_min, self.w_max

    def derive(self, dt: float) -> Constants:
        """Return the constants of the functions below."""
        deepest = self.n - 1
        last = self.x**deepest / (1.0 - self.x) if deepest else 1.0
        middle = 0.5 * (self.w_min + self.w_max)
        return Constants(
            self.a_plus,
            self.a_minus,
            self.x,
            self.x / (1.0 - self.x),
            last,
            deepest,
            self.w_min,
            self.w_max,
            middle,
        )

    def time_constants(self) -> dict[str, float]:
        """Return the decays of the traces; the state stays."""
        return {"x": self.tau_plus, "y": self.tau_minus, "depth": math.inf}


def proposed(s: Synapse, strength: float, chance: float, u: float, c: Constants) -> Synapse:
    """Take, or not, a strength that is proposed with probability ``chance``."""
    if u >= chance:
        return s
    q = chance
    for _ in range(int(s.depth)):
        q *= c.x
    if (s.w > c.middle) == (strength > c.middle):
        return Synapse(s.w, s.depth + 1.0) if s.depth < c.deepest and u < q * c.deeper else s
    if s.depth >= c.deepest:
        q = chance * c.last
    return Synapse(strength, 0.0) if u < q else s


def on_pre(s: Synapse, pre: Pre, post: Post, c: Constants, u: float) -> Synapse:
    """Let the post neuron's trace propose depression."""
    return proposed(s, c.weak, min(c.a_minus * post.y, 1.0), u, c)


def on_post(s: Synapse, pre: Pre, post: Post, c: Constants, u: float) -> Synapse:
    """Let the pre neuron's trace propose potentiation."""
    return proposed(s, c.strong, min(c.a_plus * pre.x, 1.0), u, c)


def pre_spike(pre: Pre, c: Constants) -> Pre:
    """Jump by 1."""
    return Pre(pre.x + 1.0)


def post_spike(post: Post, c: Constants) -> Post:
    """Jump by 1."""
    return Post(post.y + 1.0)
