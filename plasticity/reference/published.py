r"""The networks of the published class-continual experiments, spiking and graded, one hidden layer.

What a recipe says is learned in the same loop as published: only the images of one class at a time, in batches of
256, the last short one included; after each epoch the "validation" accuracy is measured on those very training
images; learning of the class stops as soon as it exceeds 95 %, at the latest after 100 epochs, and the state of
lowest validation loss is restored.

======== =========================================================== ==========================================
\        spiking                                                     graded
======== =========================================================== ==========================================
input    :math:`x_t = [p > U(\min, \max)]` of the batch's pixels p    standardised pixels
hidden   :math:`S = g [V > \theta]`, :math:`I = \sigma(W x_t)`        :math:`h = g\,\sigma(W x)`
output   the same without a gate, with a bias; rate over T ticks      :math:`o = \sigma(W_o h)`, no bias
NACA     :math:`\Phi` of the expected class at the last tick          :math:`\Phi\, g\, \sigma'(W x)\, x^\top`
error    rate - expected, at the last tick                            (output - expected) :math:`\sigma'`
======== =========================================================== ==========================================

The range of the input coding does not depend on the standardisation, which therefore matters for the gate and the
graded network alone. SGD and EWC backpropagate through both layers, and through time, with the same local factor.
Gradients of NACA are summed over the batch, those of SGD and EWC averaged, all with the same learning rate: the
published comparison. EWC has its published constants (penalty 5e4, gradients clipped at 100, Fisher information from
batches of 20 with the penalty's own gradient in it, averaged over tasks), none of them tuned.

Sources: T. Zhang et al. (2023), Sci. Adv. 9:eadi2947, doi:10.1126/sciadv.adi2947, as their public code computes it;
EWC, J. Kirkpatrick et al. (2017), "Overcoming catastrophic forgetting in neural networks", PNAS 114:3521-3526,
doi:10.1073/pnas.1611835114.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from tegmentum.simcore.errors import DescriptionError, SimulationError
from tegmentum.simcore.random import philox as rng

from ..continual.kept import copied, fitting
from ..continual.model import LearningCost, OnProgress
from ..modulation.expectation import Expectation
from ..modulation.neuromodulator import Dopamine
from ..modulation.receptor import NacaReceptor
from .gate import Gate
from .published_forward import Forward, GradedPair, SpikingPair

Array = np.ndarray[Any, Any]
Gradients = dict[str, Array]

_PATIENCE = 5


@dataclass(frozen=True)
class Recipe:
    """How such a network learns.

    Parameters
    ----------
    hidden : {'naca', 'frozen', 'gradient'}
        what the hidden layer learns by: the neuromodulator's gain, nothing, or the backpropagated error
    loss : {'injected', 'mse', 'cross-entropy'}
        what the output's error is: the bare difference, summed over the batch; or the gradient of a loss, averaged
    gate : Gate
    spiking : bool
    epochs : int, 100
        passes over a task at most
    stop_at : float or None, 0.95
        accuracy on the task's own training images beyond which learning stops; None: all epochs, unwatched
    lr, lr_least : float, 5e-4
        learning rate, and what it becomes at least if the validation loss has not fallen for five epochs
    clip : float, 1e4
        norm to which a longer gradient is shortened
    penalty : float, 0
        strength of elastic weight consolidation
    """

    hidden: str = "naca"
    loss: str = "injected"
    gate: Gate = Gate("batch")  # noqa: RUF009 - frozen
    spiking: bool = True
    epochs: int = 100
    stop_at: float | None = 0.95
    lr: float = 5e-4
    lr_least: float = 5e-4
    clip: float = 1e4
    penalty: float = 0.0

    def __post_init__(self) -> None:
        for name, known in (("hidden", ("naca", "frozen", "gradient")),
                            ("loss", ("injected", "mse", "cross-entropy"))):  # fmt: skip
            if getattr(self, name) not in known:
                raise DescriptionError(
                    f"Recipe: {name} must be one of {', '.join(known)}, got {getattr(self, name)!r}"
                )
        if self.epochs < 1:
            raise DescriptionError(f"Recipe: epochs must be >= 1, got {self.epochs}")
        if not self.lr > 0:
            raise DescriptionError(f"Recipe: lr must be > 0, got {self.lr}")


def published_recipe(rule: str, spiking: bool = True) -> Recipe:
    """Recipe of the published rule ``naca``, ``frozen``, ``sgd`` or ``ewc``."""
    recipes = {
        "naca": Recipe(spiking=spiking),
        "frozen": Recipe("frozen", spiking=spiking),
        "sgd": Recipe("gradient", "mse", Gate("none"), spiking, lr_least=1e-3),
        "ewc": Recipe(
            "gradient", "cross-entropy", Gate("none"), spiking, lr_least=1e-3, clip=100.0, penalty=5e4
        ),
    }
    if rule not in recipes:
        raise DescriptionError(f"rule: must be one of {', '.join(recipes)}, got {rule!r}")
    return recipes[rule]


class PublishedNet:
    """A network with one hidden layer that learns by a :class:`Recipe`; a ``ContinualModel``.

    Parameters
    ----------
    n_inputs, n_classes : int
    recipe : Recipe
    n_hidden : int, 1000
    n_ticks : int, 20
        ticks of a window T; a graded network takes one
    batch : int, 256
    seed : int
        of weights, levels of the neuromodulator, order of samples and spikes of the input
    threads : int
        no result depends on it
    mean, sd : float
        of all pixels, as intensities 0 to 1; the published values for MNIST by default
    rho, v_thresh, lens : float, 0.2, 0.5, 0.2
        see DiscreteLIF and StateDifference
    """

    def __init__(self, n_inputs: int, n_classes: int, recipe: Recipe, *, n_hidden: int = 1000, n_ticks: int = 20,
                 batch: int = 256, seed: int = 0, threads: int = 1, mean: float = 0.1307, sd: float = 0.3081,
                 rho: float = 0.2, v_thresh: float = 0.5, lens: float = 0.2):  # fmt: skip
        for name, value in (
            ("n_hidden", n_hidden),
            ("n_ticks", n_ticks),
            ("batch", batch),
            ("threads", threads),
        ):
            if value < 1:
                raise DescriptionError(f"PublishedNet: {name} must be >= 1, got {value}")
        if not sd > 0:
            raise DescriptionError(f"PublishedNet: sd must be > 0, got {sd}")
        self.n_inputs, self.n_classes, self.recipe = n_inputs, n_classes, recipe
        self.batch, self.seed, self.mean, self.sd = batch, seed, mean, sd
        self._constants = np.array([n_ticks, rho, v_thresh, lens], np.float64)
        dtype = np.float32 if recipe.spiking else np.float64
        self.parameters = _draw_weights(n_inputs, n_hidden, n_classes, seed, recipe.spiking, dtype)
        levels = Dopamine(Expectation(n_classes)).levels(n_hidden, seed)
        self.gains: Array = NacaReceptor().gain(levels).astype(dtype)
        self.pair: Any = (
            SpikingPair(n_ticks, seed, threads, rho, v_thresh, lens) if recipe.spiking else GradedPair()
        )
        self._epoch = self._n_tasks = 0
        self._fisher: Gradients = {}
        self._anchor: Gradients = {}

    # ------------------------------------------------------------------------------------------ ContinualModel

    def learn_task(self, x: Array, y: Array, x_max: int, classes: tuple[int, ...],
                   on_progress: OnProgress | None = None) -> LearningCost:  # fmt: skip
        """Learn until the recipe's stop; see the module."""
        self._check(x, x_max)
        recipe, start, n = self.recipe, time.perf_counter(), len(x)
        events = updates = seen = 0
        lr, patience, least = recipe.lr, _PATIENCE, np.inf
        best = self.weights()
        for _ in range(recipe.epochs):
            order = rng.permutation(n, self.seed, rng.STREAM_SHUFFLE, self._epoch)
            for first in range(0, n, self.batch):
                index = order[first : first + self.batch]
                forward = self._forward(x[index], x_max, learning=True)
                gradients = self._gradients(forward, y[index])
                updates += self._step(gradients, forward.active, lr)
                events, seen = events + forward.synaptic_events, seen + len(index)
                if on_progress is not None:
                    on_progress(seen)
            self._epoch += 1
            if recipe.stop_at is None:
                continue
            loss, accuracy = self._watch(x, y, x_max)
            if loss < least:
                least, best, patience = loss, self.weights(), _PATIENCE
            else:
                patience -= 1
                if patience == 0:
                    lr, patience = max(lr, recipe.lr_least), _PATIENCE
            if accuracy > recipe.stop_at:
                break
        if recipe.stop_at is not None:
            self.set_weights(best)
        if recipe.penalty:
            self._consolidate(x, y, x_max)
        for name, w in self.parameters.items():
            if not np.isfinite(w).all():
                raise SimulationError(
                    f"PublishedNet: weights {name!r} are not finite; lower the learning rate"
                )
        return LearningCost(seen, events, updates, time.perf_counter() - start)

    def predict(self, x: Array, x_max: int) -> Array:
        """Class of the highest output; x is one batch, whose mean the gate of kind ``batch`` looks at."""
        self._check(x, x_max)
        if not len(x):
            return np.zeros(0, np.int64)
        outputs = self._forward(x, x_max, learning=False, exact=True).outputs
        return np.asarray(outputs.argmax(axis=1), np.int64)

    def weights(self) -> dict[str, Array]:
        """Copy ``hidden`` (n_inputs, n_hidden), ``output`` (n_hidden, n_classes), ``bias`` if spiking."""
        return {name: w.copy() for name, w in self.parameters.items()}

    def set_weights(self, weights: dict[str, Array]) -> None:
        """Replace all weights."""
        for name, w in weights.items():
            self.parameters[name][...] = w

    def state(self) -> dict[str, Array]:
        """Weights, passes and tasks so far, and with a penalty the Fisher information and the weights it anchors."""
        return copied(self._setting() | self._arrays())

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Go on from a state; see :class:`~tegmentum.plasticity.continual.model.ContinualModel`."""
        saved = fitting("PublishedNet", state, self._arrays(), self._setting())
        self.set_weights({name: saved[f"weights/{name}"] for name in self.parameters})
        self._epoch, self._n_tasks = int(saved["epoch"]), int(saved["n_tasks"])
        if self.recipe.penalty and self._n_tasks:
            self._fisher = {name: np.array(saved[f"fisher/{name}"], order="C") for name in self.parameters}
            self._anchor = {name: np.array(saved[f"anchor/{name}"], order="C") for name in self.parameters}

    # -------------------------------------------------------------------------------------------------- inside

    def _setting(self) -> dict[str, Any]:
        return {
            "setting/recipe": repr(self.recipe),
            "setting/seed": np.uint64(self.seed),
            "setting/batch": self.batch,
            "setting/mean": self.mean,
            "setting/sd": self.sd,
            "setting/constants": self._constants,
        }

    def _arrays(self) -> dict[str, Any]:
        """All that learning changes, not copied; before the first task Fisher information and anchors are 0."""
        found: dict[str, Any] = {"epoch": np.int64(self._epoch), "n_tasks": np.int64(self._n_tasks)}
        for name, w in self.parameters.items():
            found[f"weights/{name}"] = w
            if self.recipe.penalty:
                found[f"fisher/{name}"] = self._fisher.get(name, np.zeros_like(w))
                found[f"anchor/{name}"] = self._anchor.get(name, np.zeros_like(w))
        return found

    def _check(self, x: Array, x_max: int) -> None:
        if x.dtype != np.uint8 or x.ndim != 2 or x.shape[1] != self.n_inputs:
            raise DescriptionError(
                f"PublishedNet: x must be uint8 (n, {self.n_inputs}), got {x.dtype} {x.shape}"
            )
        if x_max < 1 or (len(x) and x.max() > x_max):
            raise DescriptionError(f"PublishedNet: x must be <= x_max = {x_max} and x_max >= 1")

    def _forward(self, x: Array, x_max: int, learning: bool, exact: bool = False) -> Forward:
        z = (x / x_max - self.mean) / self.sd
        gate = self.recipe.gate(z, self.parameters["hidden"].shape[1])
        if self.recipe.gate.kind == "batch":  # the published coding too is a matter of the whole batch
            low, high = int(x.min()), int(x.max())
        else:
            low, high = 0, x_max
        epoch, stream = (self._epoch, rng.STREAM_ENCODE_TRAIN) if learning else (0, rng.STREAM_ENCODE_TEST)
        forward: Forward = self.pair.forward(self.parameters, x, z, gate, low, high, epoch, stream, exact)
        return forward

    def _gradients(self, forward: Forward, y: Array) -> Gradients:
        """Gradient of each array of weights, of the active neurons alone."""
        outputs, loss = forward.outputs, self.recipe.loss
        error = outputs - np.eye(self.n_classes, dtype=outputs.dtype)[y]
        if loss == "mse":
            error *= 2.0 / outputs.size
        elif loss == "cross-entropy":
            error = (special.softmax(outputs, axis=1) - np.eye(self.n_classes)[y]) / len(y)
        signal: Any = None
        if self.recipe.hidden == "naca":
            signal = self.gains[y][:, forward.active]
        found: Gradients = self.pair.gradients(
            self.parameters, forward, error.astype(outputs.dtype), loss != "injected", signal,
            self.recipe.hidden == "gradient",
        )  # fmt: skip
        return found

    def _penalise(self, gradients: Gradients) -> None:
        """Add the gradient of the penalty ``penalty / 2 * sum F (w - w*)^2``."""
        for name, fisher in self._fisher.items():
            pull = self.recipe.penalty * fisher * (self.parameters[name] - self._anchor[name])
            gradients[name] += pull.astype(gradients[name].dtype)

    def _step(self, gradients: Gradients, active: Array, lr: float) -> int:
        """Take one step of gradient descent; returns the number of weights it wrote."""
        self._penalise(gradients)
        norm = np.sqrt(sum(float(np.vdot(g, g)) for g in gradients.values()))
        scale = lr * min(1.0, self.recipe.clip / (norm + 1e-6))
        every = len(active) == self.parameters["hidden"].shape[1]
        for name, g in gradients.items():
            w, g = self.parameters[name], g * g.dtype.type(scale)
            if every or name == "bias":
                w -= g
            elif name == "hidden":
                w[:, active] -= g
            else:
                w[active] -= g
        return sum(g.size for g in gradients.values())

    def _batches(self, x: Array, size: int) -> Iterator[slice]:
        for first in range(0, len(x), size):
            yield slice(first, min(first + size, len(x)))

    def _watch(self, x: Array, y: Array, x_max: int) -> tuple[float, float]:
        """Loss and accuracy on a task's own training images, in sequential batches."""
        loss = right = 0.0
        for part in self._batches(x, self.batch):
            outputs = self._forward(x[part], x_max, learning=False).outputs.astype(np.float64)
            if self.recipe.loss == "cross-entropy":
                own = outputs[np.arange(len(outputs)), y[part]]
                loss += float((special.logsumexp(outputs, axis=1) - own).sum())
            else:
                loss += float(((outputs - np.eye(self.n_classes)[y[part]]) ** 2).sum()) / self.n_classes
            right += float((outputs.argmax(axis=1) == y[part]).sum())
        return loss / len(x), right / len(x)

    def _consolidate(self, x: Array, y: Array, x_max: int) -> None:
        """Mix the task's Fisher information into that of the tasks before, and anchor the weights where they are."""
        fisher = {name: np.zeros_like(w) for name, w in self.parameters.items()}
        for part in self._batches(x, 20):
            gradients = self._gradients(self._forward(x[part], x_max, learning=True), y[part])
            self._penalise(gradients)
            for name, g in gradients.items():
                fisher[name] += (part.stop - part.start) * g * g
        t = self._n_tasks
        for name, f in fisher.items():
            f /= len(x)
            if t:
                f[...] = (f + self._fisher[name] * t) / (t + 1)
        self._fisher, self._anchor, self._n_tasks = fisher, self.weights(), t + 1


def _draw_weights(
    n_inputs: int, n_hidden: int, n_classes: int, seed: int, spiking: bool, dtype: Any
) -> Gradients:
    """Uniform in +-1/sqrt(n_pre); the spiking network's output has a bias."""
    shapes = {"hidden": ((n_inputs, n_hidden), n_inputs), "output": ((n_hidden, n_classes), n_hidden)}
    if spiking:
        shapes["bias"] = ((n_classes, 1), n_hidden)
    drawn = {}
    for k, (name, (shape, n_pre)) in enumerate(shapes.items()):
        u = rng.uniform(shape[0] * shape[1], seed, rng.STREAM_WEIGHTS, k).reshape(shape)
        drawn[name] = ((2.0 * u - 1.0) * n_pre**-0.5).astype(dtype)
    if spiking:
        drawn["bias"] = drawn["bias"][:, 0].copy()
    return drawn
