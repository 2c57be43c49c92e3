r"""References for continual learning: what is not ours, not spiking, and must be beaten or named.

Closed forms (:class:`ClosedForm`) keep sufficient statistics, which do not depend on the order of samples: they
cannot forget. Networks (:class:`ReferenceNet`) descend a gradient sample by sample. All are ``ContinualModel`` s on
intensities 0 to 1, and all predictions are functions of one sample alone, bit for bit.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, special

from tegmentum.simcore.errors import DescriptionError, SimulationError
from tegmentum.simcore.random import philox as rng

from ..continual.kept import copied, fitting
from ..continual.model import LearningCost, OnProgress
from .gate import Gate
from .random_features import Pixels, RandomReLU
from .rowwise import rowwise_product

Array = np.ndarray[Any, Any]

READ_OUTS = ("mean", "lda", "ridge")
_CHUNK = 2048  # samples whose features are held at once


class ClosedForm:
    r"""A linear read-out of fixed features, from their sums, counts and second moments.

    With features :math:`\phi`, class means :math:`\mu_k`, counts :math:`n_k`, :math:`n = \sum_k n_k`:

    ========  =====================================================================================================
    mean      nearest class mean: :math:`\mu_k \cdot \phi - \tfrac12 |\mu_k|^2`
    lda       streaming linear discriminant analysis: :math:`w_k \cdot \phi - \tfrac12 w_k \cdot \mu_k`,
              :math:`w_k = \Lambda \mu_k`, :math:`\Lambda = ((1 - \epsilon) \Sigma + \epsilon s I)^{-1}`,
              with :math:`\Sigma` the covariance within classes and s the mean of its diagonal
    ridge     least squares to one-hot codes: :math:`w = (\sum (\phi, 1)(\phi, 1)^\top + \epsilon s n I)^{-1}
              \sum (\phi, 1) y^\top`, s the mean of the second moments
    ========  =====================================================================================================

    Classes that were never seen are never predicted.

    Parameters
    ----------
    features : Pixels or RandomReLU
    n_classes : int
    read_out : {'mean', 'lda', 'ridge'}
    shrinkage : float, 1e-4
        :math:`\epsilon`

    Notes
    -----
    Source of lda: T. L. Hayes, C. Kanan (2020), "Lifelong machine learning with deep streaming linear discriminant
    analysis", CVPR Workshops, doi:10.1109/CVPRW50498.2020.00118, who update the covariance sample by sample with a
    weight that differs by O(1/n); here it is the pooled covariance exactly. Means and second moments may be
    accumulated from a stream, one sample at a time.
    """

    def __init__(self, features: Pixels | RandomReLU, n_classes: int, read_out: str, shrinkage: float = 1e-4):
        if read_out not in READ_OUTS:
            raise DescriptionError(
                f"ClosedForm: read_out must be one of {', '.join(READ_OUTS)}, got {read_out!r}"
            )
        if not 0 < shrinkage < 1:
            raise DescriptionError(f"ClosedForm: shrinkage must be in (0, 1), got {shrinkage}")
        self.features, self.read_out, self.shrinkage = features, read_out, shrinkage
        n = features.n_features
        self.counts, self.sums = np.zeros(n_classes), np.zeros((n_classes, n))
        self.moment = np.zeros((n, n) if read_out != "mean" else (0, 0))
        self.w, self.b = np.zeros((n, n_classes)), np.full(n_classes, -np.inf)

    def learn_task(self, x: Array, y: Array, x_max: int, classes: tuple[int, ...],
                   on_progress: OnProgress | None = None) -> LearningCost:  # fmt: skip
        """Add the samples to the statistics, and solve for the read-out."""
        start, events, n = time.perf_counter(), 0, self.features.n_features
        for first in range(0, len(x), _CHUNK):
            part = slice(first, first + _CHUNK)
            phi = self.features(x[part], x_max, exact=False)
            np.add.at(self.counts, y[part], 1)
            for k in np.unique(y[part]):
                self.sums[k] += phi[y[part] == k].sum(axis=0)
            if self.read_out != "mean":
                self.moment += phi.T @ phi
            events += self.features.events(x[part]) + int(np.count_nonzero(phi))
            if on_progress is not None:
                on_progress(min(first + _CHUNK, len(x)))
        self._solve()
        updates = len(x) * (n + (0 if self.read_out == "mean" else n * (n + 1) // 2))
        return LearningCost(len(x), events, updates, time.perf_counter() - start)

    def _solve(self) -> None:
        seen = np.flatnonzero(self.counts)
        means, total = self.sums[seen] / self.counts[seen, None], self.counts.sum()
        n, eps = self.features.n_features, self.shrinkage
        if self.read_out == "mean":
            w = means.T
        elif self.read_out == "lda":
            within = (self.moment - (self.counts[seen, None] * means).T @ means) / total
            scale = max(float(np.trace(within)) / n, 1e-12)
            within *= 1 - eps
            within[np.diag_indices(n)] += eps * scale
            w = linalg.solve(within, means.T, assume_a="pos")
        else:
            sums = self.sums[seen].sum(axis=0)
            gram = np.empty((n + 1, n + 1))
            gram[:n, :n], gram[n, :n], gram[:n, n], gram[n, n] = self.moment, sums, sums, total
            gram[np.arange(n), np.arange(n)] += eps * max(float(np.trace(self.moment)) / n, 1e-12)
            gram[n, n] += 1e-9 * total
            right = np.vstack([self.sums[seen].T, self.counts[seen]])
            solved = linalg.solve(gram, right, assume_a="pos")
            self.w[:, seen], self.b[seen] = solved[:n], solved[n]
            return
        self.w[:, seen], self.b[seen] = w, -0.5 * (w * means.T).sum(axis=0)

    def predict(self, x: Array, x_max: int) -> Array:
        """Class of the highest score, each sample on its own."""
        found = np.zeros(len(x), np.int64)
        for first in range(0, len(x), _CHUNK):
            part = slice(first, first + _CHUNK)
            found[part] = (rowwise_product(self.features(x[part], x_max), self.w) + self.b).argmax(axis=1)
        return found

    def weights(self) -> dict[str, Array]:
        """Copy ``output`` (n_features, n_classes)."""
        return {"output": self.w.copy()}

    def state(self) -> dict[str, Array]:
        """Copy counts, sums and second moments, and the read-out solved for."""
        return copied(self._setting() | self._arrays())

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Go on from a state; see :class:`~tegmentum.plasticity.continual.model.ContinualModel`."""
        saved = fitting("ClosedForm", state, self._arrays(), self._setting())
        for name, array in self._arrays().items():
            array[...] = saved[name]

    def _setting(self) -> dict[str, Any]:
        return {
            "setting/read_out": self.read_out,
            "setting/shrinkage": self.shrinkage,
            "setting/features": repr(self.features),
        }

    def _arrays(self) -> dict[str, Array]:
        """All that learning changes, not copied."""
        return {"counts": self.counts, "sums": self.sums, "moment": self.moment, "w": self.w, "b": self.b}


@dataclass(frozen=True)
class NetRecipe:
    """How a :class:`ReferenceNet` learns.

    Parameters
    ----------
    lr : float, 0.1
    batch : int, 32
    epochs : int, 1
        passes over the samples of a task (or, for joint training, over all samples so far)
    penalty : float, 0
        strength of elastic weight consolidation
    buffer : int, 0
        samples of earlier tasks that are kept, the same number of each class; each batch is joined by as many of them
    joint : bool, False
        keep all samples and learn them all again with each task: the upper bound, which is no continual learning
    frozen : bool, False
        hidden weights stay as drawn
    gate : Gate
        of the hidden units; ``none`` or ``sample``
    """

    lr: float = 0.1
    batch: int = 32
    epochs: int = 1
    penalty: float = 0.0
    buffer: int = 0
    joint: bool = False
    frozen: bool = False
    gate: Gate = Gate("none")  # noqa: RUF009 - frozen

    def __post_init__(self) -> None:
        for name, ok in (("lr", self.lr > 0), ("batch", self.batch >= 1), ("epochs", self.epochs >= 1),
                         ("penalty", self.penalty >= 0), ("buffer", self.buffer >= 0)):  # fmt: skip
            if not ok:
                raise DescriptionError(f"NetRecipe: {name} is out of range: {getattr(self, name)}")
        if self.gate.kind == "batch":
            raise DescriptionError(
                "NetRecipe: a gate of the whole batch tells the task; use 'sample' or 'none'"
            )


class ReferenceNet:
    r"""Multilayer perceptron: ``n_hidden`` rectified units, softmax, cross-entropy, stochastic gradient descent.

    Elastic weight consolidation adds :math:`\tfrac\lambda2 \sum_t \sum_i F^{(t)}_i (w_i - w^{(t)}_i)^2` over the tasks
    t so far, with the diagonal Fisher information of single samples and labels drawn from the network's own output.
    Its step is taken implicitly, :math:`w \leftarrow (w - \eta g + \eta \lambda \sum_t F^{(t)} w^{(t)}) / (1 + \eta
    \lambda \sum_t F^{(t)})`, which is stable for any strength.

    Parameters
    ----------
    n_inputs, n_classes : int
    recipe : NetRecipe
    n_hidden : int, 1000
    seed : int
    mean, sd : float
        of all pixels as intensities; what the gate's standardised inputs are made with

    Notes
    -----
    Weights start uniform in :math:`\pm\sqrt{6 / n_{pre}}` (hidden) and :math:`\pm 1/\sqrt{n_{pre}}` (output), biases
    at 0. Source of the penalty: J. Kirkpatrick et al. (2017), PNAS 114:3521-3526, doi:10.1073/pnas.1611835114.
    """

    def __init__(self, n_inputs: int, n_classes: int, recipe: NetRecipe, *, n_hidden: int = 1000, seed: int = 0,
                 mean: float = 0.1307, sd: float = 0.3081):  # fmt: skip
        self.recipe, self.seed, self.mean, self.sd, self.n_classes = recipe, seed, mean, sd, n_classes
        self.parameters: dict[str, Array] = {}
        for k, (name, shape, bound) in enumerate((("hidden", (n_inputs, n_hidden), (6 / n_inputs) ** 0.5),
                                                  ("output", (n_hidden, n_classes), n_hidden**-0.5))):  # fmt: skip
            u = rng.uniform(shape[0] * shape[1], seed, rng.STREAM_WEIGHTS, k).reshape(shape)
            self.parameters[name] = ((2 * u - 1) * bound).astype(np.float32)
        self.parameters["hidden bias"] = np.zeros(n_hidden, np.float32)
        self.parameters["output bias"] = np.zeros(n_classes, np.float32)
        self._precision: dict[str, Array] = {}
        self._pull: dict[str, Array] = {}
        self._kept = (np.zeros((0, n_inputs), np.uint8), np.zeros(0, np.int64))
        self._epoch = 0

    def learn_task(self, x: Array, y: Array, x_max: int, classes: tuple[int, ...],
                   on_progress: OnProgress | None = None) -> LearningCost:  # fmt: skip
        """Learn one task, by the recipe."""
        recipe, start = self.recipe, time.perf_counter()
        own = x, y
        if recipe.joint:
            x, y = np.concatenate([self._kept[0], x]), np.concatenate([self._kept[1], y])
        events = seen = steps = 0
        learned = [
            w for name, w in self.parameters.items() if not (recipe.frozen and name.startswith("hidden"))
        ]
        for _ in range(recipe.epochs):
            order = rng.permutation(len(x), self.seed, rng.STREAM_SHUFFLE, self._epoch)
            draws = rng.uniform(len(x), self.seed, rng.STREAM_REPLAY, 2 * self._epoch)
            for first in range(0, len(x), recipe.batch):
                index = order[first : first + recipe.batch]
                xb, yb = x[index], y[index]
                if recipe.buffer and len(self._kept[1]):
                    old = (draws[first : first + recipe.batch] * len(self._kept[1])).astype(np.int64)
                    xb, yb = (
                        np.concatenate([xb, self._kept[0][old]]),
                        np.concatenate([yb, self._kept[1][old]]),
                    )
                z, h, p = self._forward((xb / np.float32(x_max)).astype(np.float32), x_max)
                p[np.arange(len(yb)), yb] -= 1
                self._step(self._backward(z, h, p / np.float32(len(yb))))
                events += int(np.count_nonzero(z)) * h.shape[1] + int(np.count_nonzero(h)) * self.n_classes
                seen, steps = seen + len(yb), steps + 1
                if on_progress is not None:
                    on_progress(seen)
            self._epoch += 1
        self._remember(*((x, y) if recipe.joint else own), x_max)
        for name, w in self.parameters.items():
            if not np.isfinite(w).all():
                raise SimulationError(
                    f"ReferenceNet: weights {name!r} are not finite; lower the learning rate"
                )
        return LearningCost(seen, events, steps * sum(w.size for w in learned), time.perf_counter() - start)

    def predict(self, x: Array, x_max: int) -> Array:
        """Class of the highest output, each sample on its own."""
        p = {name: w.astype(np.float64) for name, w in self.parameters.items()}
        found = np.zeros(len(x), np.int64)
        for first in range(0, len(x), _CHUNK):
            part = slice(first, first + _CHUNK)
            z = x[part] / x_max
            h = np.maximum(0.0, rowwise_product(z, p["hidden"]) + p["hidden bias"]) * self._gate(z)
            found[part] = (rowwise_product(h, p["output"]) + p["output bias"]).argmax(axis=1)
        return found

    def weights(self) -> dict[str, Array]:
        """Copy ``hidden`` (n_inputs, n_hidden), ``output`` (n_hidden, n_classes) and biases."""
        return {name: w.copy() for name, w in self.parameters.items()}

    def state(self) -> dict[str, Array]:
        """Weights, passes so far, and what the recipe keeps of earlier tasks: samples, or the Fisher information."""
        return copied(self._setting() | self._arrays())

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Go on from a state; see :class:`~tegmentum.plasticity.continual.model.ContinualModel`."""
        saved = fitting("ReferenceNet", state, self._arrays(), self._setting(), grows=("kept/x", "kept/y"))
        x, y = (saved[f"kept/{name}"] for name in "xy")
        if len(x) != len(y):
            raise DescriptionError(
                f"ReferenceNet: kept/y must hold a class for each of {len(x)} samples, got {len(y)}"
            )
        self._epoch, self._kept = int(saved["epoch"]), (np.array(x, order="C"), np.array(y))
        for name, w in self.parameters.items():
            w[...] = saved[f"weights/{name}"]
            if self.recipe.penalty and self._epoch:
                self._precision[name] = np.array(saved[f"precision/{name}"], order="C")
                self._pull[name] = np.array(saved[f"pull/{name}"], order="C")

    # -------------------------------------------------------------------------------------------------- inside

    def _setting(self) -> dict[str, Any]:
        return {
            "setting/recipe": repr(self.recipe),
            "setting/seed": np.uint64(self.seed),
            "setting/mean": self.mean,
            "setting/sd": self.sd,
        }

    def _arrays(self) -> dict[str, Any]:
        """All that learning changes, not copied; before the first task precision and pull are 0."""
        found: dict[str, Any] = {
            "epoch": np.int64(self._epoch),
            "kept/x": self._kept[0],
            "kept/y": self._kept[1],
        }
        for name, w in self.parameters.items():
            found[f"weights/{name}"] = w
            if self.recipe.penalty:
                found[f"precision/{name}"] = self._precision.get(name, np.zeros_like(w))
                found[f"pull/{name}"] = self._pull.get(name, np.zeros_like(w))
        return found

    def _gate(self, z: Array) -> Array:
        return self.recipe.gate((z - self.mean) / self.sd, self.parameters["hidden"].shape[1])

    def _forward(self, z: Array, x_max: int) -> tuple[Array, Array, Array]:
        p = self.parameters
        h = np.maximum(np.float32(0), z @ p["hidden"] + p["hidden bias"])
        if self.recipe.gate.kind != "none":
            h *= self._gate(z)
        return z, h, special.softmax(h @ p["output"] + p["output bias"], axis=1)

    def _credit(self, h: Array, e: Array) -> Array:
        """Backpropagate the output's error e to the hidden units; a closed gate has made h 0."""
        return (e @ self.parameters["output"].T) * (h > 0)

    def _backward(self, z: Array, h: Array, e: Array) -> dict[str, Array]:
        found = {"output": h.T @ e, "output bias": e.sum(axis=0)}
        if not self.recipe.frozen:
            d = self._credit(h, e)
            found |= {"hidden": z.T @ d, "hidden bias": d.sum(axis=0)}
        return found

    def _step(self, gradients: dict[str, Array]) -> None:
        lr = np.float32(self.recipe.lr)
        for name, g in gradients.items():
            w = self.parameters[name]
            w -= lr * g
            if name in self._precision:
                w += lr * self._pull[name]
                w /= 1 + lr * self._precision[name]

    def _remember(self, x: Array, y: Array, x_max: int) -> None:
        """Keep what later tasks need of this one: samples, or the Fisher information."""
        if self.recipe.joint:
            self._kept = x, y
        elif self.recipe.buffer:
            x, y = np.concatenate([self._kept[0], x]), np.concatenate([self._kept[1], y])
            present = np.unique(y)
            quota = max(1, self.recipe.buffer // len(present))
            order = rng.permutation(len(x), self.seed, rng.STREAM_REPLAY, 2 * self._epoch + 1)
            kept = np.concatenate([order[y[order] == k][:quota] for k in present])
            self._kept = x[kept], y[kept]
        if self.recipe.penalty:
            self._consolidate(x, x_max)

    def _consolidate(self, x: Array, x_max: int) -> None:
        fisher = {name: np.zeros_like(w) for name, w in self.parameters.items()}
        draws = rng.uniform(len(x), self.seed, rng.STREAM_REPLAY, 2 * self._epoch + 2**20)
        for first in range(0, len(x), _CHUNK):
            part = slice(first, first + _CHUNK)
            z, h, p = self._forward((x[part] / np.float32(x_max)).astype(np.float32), x_max)
            drawn = (p.cumsum(axis=1) < draws[part, None] * p.sum(axis=1, keepdims=True)).sum(axis=1)
            p[np.arange(len(p)), np.minimum(drawn, self.n_classes - 1)] -= 1
            fisher["output"] += (h**2).T @ p**2
            fisher["output bias"] += (p**2).sum(axis=0)
            d = self._credit(h, p) ** 2
            fisher["hidden"] += (z**2).T @ d
            fisher["hidden bias"] += d.sum(axis=0)
        for name, f in fisher.items():
            f *= np.float32(self.recipe.penalty / len(x))
            w = self.parameters[name]
            self._precision[name] = self._precision.get(name, 0) + f
            self._pull[name] = self._pull.get(name, 0) + f * w
