r"""The propagation itself: how much of a change of weights the changes of other synapses let through.

A layer's own rule says :math:`\Delta W`, of which :math:`D^+` are the positive and :math:`D^-` the negative entries.
With :math:`q(v) = v / \sum v`, a share of the whole layer, and ``f`` the fraction that spreads, a gain of
:math:`1 + f \lambda q` multiplies

===================== ==================== ===========================================
spreads                by                   to
===================== ==================== ===========================================
between outputs (pre)  rows of D+, of D-    all synapses of the same pre neuron
between inputs (post)  columns of D-        all synapses onto the same post neuron
backwards              rows of the change   synapses *onto* the neuron whose outputs
                       one layer on         changed
===================== ==================== ===========================================

and the change is the mean over the ways of spreading, of :math:`D^+` and of :math:`D^-` apart. No error is made: a
synapse whose own rule says nothing stays as it is. As :math:`\sum q = 1`, the mean gain of a layer of ``n`` neurons
is :math:`1 + f \lambda / n`: 1.0004 as published (f = 0.2, n = 500).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tegmentum.simcore.errors import DescriptionError

Array = np.ndarray[Any, Any]

CONTROLS = ("none", "uniform", "shuffled", "matched")


@dataclass(frozen=True)
class Propagation:
    r"""How changes of weights spread.

    Parameters
    ----------
    fraction : float, 0.2
        ``f``; 0 leaves what the rule of each layer says. The number of neurons of a layer makes its mean gain 2
    pre, post, back : float, 1.0, 0.5, 1.0
        :math:`\lambda` of the three ways
    control : {'none', 'uniform', 'shuffled', 'matched'}
        what becomes of the gains: as they are; their mean for all; dealt out anew among the neurons of the layer; or
        one gain for each layer and batch that makes its change as large, in the sum of magnitudes, as the one that
        spreads. Gains are high where changes are large, so that a change grows by more than the mean gain: the last is
        the learning rate that matches it
    """

    fraction: float = 0.2
    pre: float = 1.0
    post: float = 0.5
    back: float = 1.0
    control: str = "none"

    def __post_init__(self) -> None:
        for name in ("fraction", "pre", "post", "back"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise DescriptionError(f"Propagation: {name} must be >= 0 and finite, got {value}")
        if self.control not in CONTROLS:
            raise DescriptionError(
                f"Propagation: control must be one of {', '.join(CONTROLS)}, got {self.control!r}"
            )

    def gain(self, strength: float, change: Array, rng: np.random.Generator) -> Array:
        """Return the gain of each neuron, whose synapses changed by ``change`` >= 0 in all."""
        total = change.sum()
        gain: Array = 1 + strength * self.fraction * (change / total if total > 0 else change)
        if self.control == "uniform":
            return np.full_like(gain, gain.mean())
        return rng.permutation(gain) if self.control == "shuffled" else gain

    def spread(self, changes: Sequence[Array], rng: np.random.Generator) -> list[Array]:
        """Return the changes of all layers after spreading.

        Parameters
        ----------
        changes : list of arrays, (n_pre, n_post)
            what the rule of each layer says, from the input on
        rng : Generator
            deals out gains where they are shuffled
        """
        if self.fraction == 0:
            return list(changes)
        if self.control == "matched":
            found = replace(self, control="none").spread(changes, rng)
            sizes = [(abs(s).sum(), abs(c).sum()) for s, c in zip(found, changes, strict=True)]
            return [c * (s / b if b > 0 else 1.0) for c, (s, b) in zip(changes, sizes, strict=True)]
        out: list[Array] = []
        onwards: tuple[Array, Array] | None = None
        for change in reversed(changes):
            up, down = np.maximum(change, 0), np.minimum(change, 0)
            up_pre = self.gain(self.pre, up.sum(axis=1), rng)[:, None] * up
            down_pre = self.gain(self.pre, -down.sum(axis=1), rng)[:, None] * down
            ups, downs = [up_pre], [down_pre, self.gain(self.post, -down.sum(axis=0), rng) * down]
            if onwards is not None:
                ups.append(self.gain(self.back, onwards[0], rng) * up)
                downs.append(self.gain(self.back, onwards[1], rng) * down)
            out.append(np.mean(ups, axis=0) + np.mean(downs, axis=0))
            onwards = up_pre.sum(axis=1), -down_pre.sum(axis=1)
        return out[::-1]
