r"""Two networks that learn by the difference of two phases, with self-backpropagation of the changes.

They are apart from the engine since a phase is a relaxation of graded states with symmetric coupling, forwards and
backwards over the same weights: dense products of a whole batch, which a BLAS does best, and no event anywhere.

``spiking``: 100 Euler steps of 0.1 ms of leaky neurons,

.. math::
    \tau_{syn} \dot g = -g + g_L + S(x_{pre} W + b), \qquad \tau_m \dot v = -v - \frac{g}{g_L} (v - v_E)

reset at ``v_th``, whose graded state :math:`x = S(v)`, :math:`S(v) = \tanh(v / 2)`, is passed on; then both phases.
``rbm``: states in [0, 1] without time.

The *free* phase relaxes all layers, the *clamped* phase draws the output towards the target with a strength of beta,

.. math::
    x \leftarrow \phi\bigl(x - \epsilon (x - x_{pre} W - W x_{post} - b)\bigr)

and a layer's own rule is, with free states ``f``, clamped states ``c`` and a batch of B samples,

.. math::
    \Delta W = \frac{(x^f_{pre})^T (x^c_{post} - x^f_{post})}{\beta B} \text{ (post)}, \qquad
    \Delta W = \frac{(x^c_{pre})^T x^c_{post} - (x^f_{pre})^T x^f_{post}}{\beta B} \text{ (symmetric).}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tegmentum.simcore.errors import DataError, DescriptionError

from .propagation import Propagation

Array = np.ndarray[Any, Any]
KINDS = ("spiking", "rbm")
BASES = ("post", "symmetric")

#: ms and relative units of the spiking network, as published
DT, T, TAU_M, TAU_SYN, V_E, V_TH, V_RESET, G_L = 0.1, 10.0, 10.0, 2.0, 0.2, 0.05, -0.1, 5.0


@dataclass(frozen=True)
class SelfBackpropagationParameters:
    """Parameters of :class:`SelfBackpropagation`.

    Parameters
    ----------
    sizes : sequence of int
        neurons of each layer, the input first, the output last
    kind : {'spiking', 'rbm'}
        what the neurons are
    base : {'post', 'symmetric'}
        the rule of each layer; as published the former with propagation, the latter without
    propagation : Propagation
        how changes spread; ``Propagation(fraction=0)`` is the control
    lr : sequence of float, no unit
        learning rate of each layer's weights and biases
    beta : float, 0.5
        strength of the target in the clamped phase
    epsilon : float, 0.5
        step of a relaxation
    free, clamped : int, 20, 5
        steps of the phases
    """

    sizes: Sequence[int]
    kind: str = "spiking"
    base: str = "post"
    propagation: Propagation = field(default_factory=Propagation)
    lr: Sequence[float] = (0.1, 0.05)
    beta: float = 0.5
    epsilon: float = 0.5
    free: int = 20
    clamped: int = 5

    def __post_init__(self) -> None:
        where = "SelfBackpropagationParameters"
        if len(self.sizes) < 3 or min(self.sizes) < 1:
            raise DescriptionError(f"{where}: sizes must be three layers or more, got {self.sizes}")
        if len(self.lr) != len(self.sizes) - 1:
            raise DescriptionError(
                f"{where}: lr must have a value for each of {len(self.sizes) - 1} layers, got {self.lr}"
            )
        for name, known in (("kind", KINDS), ("base", BASES)):
            if getattr(self, name) not in known:
                raise DescriptionError(
                    f"{where}: {name} must be one of {', '.join(known)}, got {getattr(self, name)!r}"
                )
        if not (self.beta > 0 and 0 < self.epsilon <= 1 and min(self.free, self.clamped) >= 1):
            raise DescriptionError(
                f"{where}: beta must be > 0, epsilon in (0, 1], free and clamped >= 1; got {self.beta}, "
                f"{self.epsilon}, {self.free}, {self.clamped}"
            )


class SelfBackpropagation:
    """A network that learns batch by batch; what it predicts does not depend on the batch.

    While learning, the spiking network mixes its potentials with the states that it relaxed to before, as published; in
    predictions it starts from rest.

    Parameters
    ----------
    parameters : SelfBackpropagationParameters
    seed : int
        of the weights, and of shuffled gains
    """

    def __init__(self, parameters: SelfBackpropagationParameters, seed: int = 0) -> None:
        self.parameters, self.seed, self.n_batches = parameters, seed, 0
        rng = np.random.default_rng([seed, 0])
        shapes = list(zip(parameters.sizes[:-1], parameters.sizes[1:], strict=True))
        self.weights = [rng.uniform(-1, 1, shape) * np.sqrt(6 / sum(shape)) for shape in shapes]
        self.biases = [np.zeros(n) for _, n in shapes]
        self._before: list[Array] | None = None

    def learn(self, x: Array, target: Array) -> list[Array]:
        """Learn one batch; return the mean absolute change of each layer's weights.

        Parameters
        ----------
        x : float[n, sizes[0]]
            intensities in [0, 1]
        target : float[n, sizes[-1]]
            such as one-hot rows
        """
        p = self.parameters
        x, target = self._checked(x, "x", p.sizes[0]), self._checked(target, "target", p.sizes[-1])
        if len(x) != len(target):
            raise DataError(f"target: must have a row for each of {len(x)} samples, got {len(target)}")
        before = self._before if self._before is not None and len(self._before[0]) == len(x) else None
        free = self._free(x, before)
        self._before = free
        clamped = free
        for _ in range(p.clamped):
            clamped = self._relaxed(x, clamped, target)
        changes = []
        for k, (f, c) in enumerate(zip(free, clamped, strict=True)):
            pre_f, pre_c = (x, x) if k == 0 else (free[k - 1], clamped[k - 1])
            change = pre_f.T @ (c - f) if p.base == "post" else pre_c.T @ c - pre_f.T @ f
            changes.append(change / (p.beta * len(x)))
        rng = np.random.default_rng([self.seed, 1, self.n_batches])
        spread = p.propagation.spread(changes, rng)
        for k, (f, c) in enumerate(zip(free, clamped, strict=True)):
            self.biases[k] += p.lr[k] * (c - f).mean(axis=0) / p.beta
            self.weights[k] += p.lr[k] * spread[k]
        self.n_batches += 1
        return [abs(change).mean() * lr for change, lr in zip(spread, p.lr, strict=True)]

    def predict(self, x: Array) -> Array:
        """Return the output of the free phase, float[n, sizes[-1]]."""
        return self._free(self._checked(x, "x", self.parameters.sizes[0]), None)[-1]

    def state(self) -> dict[str, Array]:
        """Return all that learning changes."""
        before = {f"before{k}": b for k, b in enumerate(self._before or ())}
        layers = zip(self.weights, self.biases, strict=True)
        named = {
            f"{name}{k}": a.copy() for k, wb in enumerate(layers) for name, a in zip("wb", wb, strict=True)
        }
        return {**named, **before, "n_batches": np.array(self.n_batches)}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Go on from what :meth:`state` returned."""
        n = len(self.weights)
        shapes = [(f"w{k}", w.shape) for k, w in enumerate(self.weights)]
        for name, shape in shapes:
            if name not in state or state[name].shape != shape:
                raise DataError(f"state: {name} must have shape {shape}, of a network of other sizes")
        self.weights = [state[f"w{k}"].copy() for k in range(n)]
        self.biases = [state[f"b{k}"].copy() for k in range(n)]
        self._before = [state[f"before{k}"] for k in range(n)] if "before0" in state else None
        self.n_batches = int(state["n_batches"])

    def _free(self, x: Array, before: list[Array] | None) -> list[Array]:
        """Return the states that the free phase settles to."""
        p = self.parameters
        if p.kind == "spiking":
            states = self._spiked(x, before)
        else:
            states = [np.full((len(x), n), 0.5) for n in p.sizes[1:]] if before is None else before
        for _ in range(p.free):
            states = self._relaxed(x, states, None)
        return states

    def _relaxed(self, x: Array, states: list[Array], target: Array | None) -> list[Array]:
        """Return the states one step of relaxation on, of all layers at once."""
        p, last = self.parameters, len(states) - 1
        out = []
        for k, s in enumerate(states):
            drive = (x if k == 0 else states[k - 1]) @ self.weights[k] + self.biases[k]
            if k < last:
                drive = drive + states[k + 1] @ self.weights[k + 1].T
            slope = s - drive
            if target is not None and k == last:
                slope = slope + p.beta * (s - target)
            moved = s - p.epsilon * slope
            if p.kind == "rbm":
                out.append(np.clip(moved, 0.0, 1.0))
            else:
                out.append(np.maximum(moved, 0.0) if k == last else np.tanh(moved / 2))
        return out

    def _spiked(self, x: Array, before: list[Array] | None) -> list[Array]:
        """Return the graded states after 10 ms of leaky neurons."""
        n = self.parameters.sizes[1:]
        v, g = ([np.zeros((len(x), m)) for m in n] for _ in range(2))
        states = [np.zeros((len(x), m)) for m in n] if before is None else before
        kept = states
        first = np.tanh((x @ self.weights[0] + self.biases[0]) / 2)
        for step in range(1, round(T / DT) + 1):
            share = step * DT / T
            out: list[Array] = []
            for k in range(len(n)):
                current = first if k == 0 else np.tanh((out[k - 1] @ self.weights[k] + self.biases[k]) / 2)
                g[k] += DT / TAU_SYN * (G_L + current - g[k])
                v[k] += DT / TAU_M * (-v[k] - g[k] / G_L * (v[k] - V_E))
                v[k] = np.where(v[k] > V_TH, V_RESET, v[k])
                v[k] = share * v[k] + (1 - share) * kept[k]
                out.append(np.tanh(v[k] / 2))
            states = out
        return states

    def _checked(self, values: Array, name: str, n: int) -> Array:
        found = np.asarray(values, np.float64)
        if found.ndim != 2 or found.shape[1] != n or not len(found):
            raise DataError(f"{name}: must have shape (n, {n}) with n >= 1, got {found.shape}")
        if not np.isfinite(found).all():
            raise DataError(f"{name}: must be finite")
        return found
