r"""Convolution by local rules: columns whose spikes dopamine teaches class neurons to read.

1. **Columns** (:mod:`..egdc.whitened`): neurons with small receptive fields that all positions of the image share,
   imprinted without labels in a critical period, the first samples of the first pass, and then kept. They fire over a
   window of ticks; their spikes are pooled.
2. **Class neurons** (:mod:`.class_neurons_kernel`): the synapses onto each are a subpopulation with a dopamine level of
   its own, the error of the expectation, :math:`L_k = L_0 + a\,([k = label] - p_k)` with p the softmax of their
   potentials. A D1- and D2-like receptor turns it into :math:`\Delta w_{jk} = \eta\, g(L_k)\, x_j`.

Nothing travels back through a weight, no sample is compared with another, and there is one pass after another over
the samples with a rate that falls to 0.

Features of this kind under a linear read-out: A. Coates, A. Y. Ng, H. Lee (2011), AISTATS, PMLR 15:215-223. Dopamine's
error for each class: as in :mod:`.dopamine_classifier`.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from tegmentum.simcore.compile import templates
from tegmentum.simcore.describe import checks
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.machine import memory as machine_memory
from tegmentum.simcore.random import philox as rng

from ..egdc.answers import KeptAnswers
from ..egdc.whitened import MOVES, WhitenedColumns, WhitenedParameters
from ..modulation.receptor import D1D2
from .passes import Pass, part
from .work import Work

Array = np.ndarray[Any, Any]
_AT_ONCE = 1000  # samples between two looks at progress
_LANES = 16  # class neurons that a row of synapses has room for come in so many

#: What can be learned this way, and its controls.
COLUMN_RULES = {
    "dopamine-columns": "convolution: class neurons read spiking columns by dopamine",
    "dopamine-columns-random": "the control: fields as drawn, nothing whitened",
    "dopamine-pixels": "the control: class neurons read the pixels",
}


#: For images of MNIST's size; chosen on the last 10,000 training images, see docs/learning.md.
MNIST = WhitenedParameters(
    n_features=300, size=10, pools=5, threshold=1.45, contrast=1000.0, epsilon=1.0, n_ticks=10, quantum=1.45
)
#: For the small digits of the package.
DIGITS = WhitenedParameters(
    n_features=128, size=4, pools=3, threshold=0.5, contrast=1000.0, epsilon=1.0, n_ticks=10, quantum=1.0
)


@dataclass(frozen=True)
class ColumnClassifierParameters:
    r"""Parameters of :class:`ColumnClassifier`.

    Attributes
    ----------
    columns : WhitenedParameters, or None for the control without columns
        with ticks, in which spikes are counted
    eta : float, 5.0
        rate :math:`\eta` of learning in the first pass; what reaches the class neurons is scaled to a mean length of 1
    epochs : int, 15
        passes, over which the rate falls to 0
    critical_period : int, 1000
        samples from which the fields are imprinted
    shift : int, 1
        augmentation: each pass sees each sample moved by so many pixels, 0 or 1, in one of four directions or not at
        all; never when it is only to be classified
    tonic, scale : level, 0.5
        :math:`L_0` and a
    """

    columns: WhitenedParameters | None = field(default_factory=lambda: MNIST)
    eta: float = 5.0
    epochs: int = 15
    critical_period: int = 1000
    shift: int = 1
    tonic: float = 0.5
    scale: float = 0.5

    def __post_init__(self) -> None:
        where = "ColumnClassifierParameters"
        checks.number(self.eta, where, "eta", above=0.0)
        for name in ("epochs", "critical_period"):
            checks.number(getattr(self, name), where, name, whole=True, least=1)
        checks.number(self.shift, where, "shift", whole=True, least=0, most=1)
        checks.number(self.scale, where, "scale", above=0.0, most=0.5)
        if self.columns is not None and not (self.columns.n_ticks and self.columns.quantum <= 15):
            raise DescriptionError(
                f"{where}: columns must spike: n_ticks >= 1 and quantum <= 15, got {self.columns.n_ticks} and "
                f"{self.columns.quantum}"
            )

    @property
    def moves(self) -> tuple[tuple[int, int], ...]:
        """Moves of which each sample gets one in each pass."""
        return MOVES if self.shift else MOVES[:1]


def column_parameters(rule: str, shape: tuple[int, ...]) -> ColumnClassifierParameters:
    """Return the parameters of one of :data:`COLUMN_RULES` for samples of a shape; ``replace`` changes them."""
    if rule not in COLUMN_RULES:
        raise DescriptionError(f"rule: must be one of {', '.join(COLUMN_RULES)}, got {rule!r}")
    columns = DIGITS if min(shape[:2]) < 16 else MNIST
    if rule == "dopamine-columns-random":
        columns = replace(columns, learned=False)
    found = ColumnClassifierParameters(columns, shift=int(columns is not DIGITS))
    return replace(found, columns=None) if rule == "dopamine-pixels" else found


class ColumnClassifier:
    """Columns, and class neurons that dopamine teaches to read them; see the module's text.

    Parameters
    ----------
    shape : tuple of int
        (height, width) or (height, width, channels) of a sample
    n_classes : int
    parameters : ColumnClassifierParameters, optional
    seed : int
        of first fields, of the patches that are looked at, and of order and moves of the samples
    threads : int, 1
        of the columns; no result depends on it

    Attributes
    ----------
    columns : WhitenedColumns, or what passes pixels on
    levels : float64 (2, n_classes), mean and standard deviation of dopamine in the last pass
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        n_classes: int,
        parameters: ColumnClassifierParameters | None = None,
        *,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        checks.number(n_classes, "ColumnClassifier", "n_classes", whole=True, least=2)
        checks.number(seed, "ColumnClassifier", "seed", whole=True, least=0, most=2**64 - 1)
        self.parameters = p = parameters or ColumnClassifierParameters()
        self.n_classes, self.seed = n_classes, seed
        self.columns: WhitenedColumns | _PixelsAlone
        if p.columns is None:
            self.columns = _PixelsAlone(shape)
        else:
            self.columns = WhitenedColumns(shape, p.columns, seed, threads)
        lanes = -(-n_classes // _LANES) * _LANES
        self._weights = np.zeros((self.columns.n_outputs, lanes), np.float32)
        self._bias = np.zeros(lanes, np.float32)
        self._gain = np.float32(0.0)  # until the critical period is over
        self.receptor = D1D2(tonic=p.tonic)
        self.kernels = _kernels()
        self._seen, self._asked = _Seen(self.columns, p.moves), KeptAnswers(self._answered)
        self._pass = Pass(0)
        self._loaded: Pass | None = None
        self.levels = np.zeros((2, n_classes))

    @property
    def weights(self) -> Array:
        """Synapses of the class neurons, float32 (pools, n_classes)."""
        return self._weights[:, : self.n_classes]

    @property
    def bias(self) -> Array:
        """Biases of the class neurons, float32 (n_classes,)."""
        return self._bias[: self.n_classes]

    @property
    def fields(self) -> Array:
        """Fields of the columns, float32 (inputs of a patch, fields); none for pixels."""
        return self.columns.fields

    def learn(
        self,
        x: Array,
        y: Array,
        x_max: int,
        epoch: int = 1,
        on_progress: Callable[[int], None] | None = None,
        on_state: Callable[[], None] | None = None,
    ) -> Work:
        """Learn all samples once, in an order of their own for each epoch, from 1; see :class:`.OnlineLearner`."""
        self._check(x, x_max)
        p = self.parameters
        if len(y) != len(x) or (len(y) and not (min(y) >= 0 and max(y) < self.n_classes)):
            raise DescriptionError(f"ColumnClassifier: y must hold {len(x)} classes in [0, {self.n_classes})")
        if not 1 <= epoch <= p.epochs:
            raise DescriptionError(f"learn: epoch must be in [1, {p.epochs}], got {epoch}")
        order = rng.permutation(len(x), self.seed, rng.STREAM_SHUFFLE, epoch)
        view = (rng.uniform(len(x), self.seed, rng.STREAM_VIEWS, epoch) * len(p.moves)).astype(np.int64)
        going = Pass.going_on(self._loaded, epoch)
        self._loaded, self._pass = None, going
        if not self._gain:
            self._critical_period(x[: p.critical_period], x_max)
        self._seen.of(x, x_max)
        rate = np.float32(p.eta * (1.0 - (epoch - 1) / p.epochs))
        for first in range(going.done, len(x), _AT_ONCE):
            start = time.perf_counter()
            now = order[first : first + _AT_ONCE]
            answers, events = self._seen.answers(now, view[now])
            sums = np.zeros((2, self.n_classes))
            right, active = self.kernels.learn(
                answers, y[now].astype(np.int64), self._gain, self.n_classes, self._weights, self._bias, rate,
                (p.tonic, p.scale), self.receptor.parameters(), sums,
            )  # fmt: skip
            going.add("levels", sums)
            going.correct += int(right)
            going.events += events + int(active) * self.n_classes
            going.seconds += time.perf_counter() - start
            going.done = first + len(now)
            if on_progress is not None:
                on_progress(going.done)
            if on_state is not None:
                on_state()
        self._told(going)
        return Work(going.correct, len(x), going.events, going.seconds)

    def _critical_period(self, x: Array, x_max: int) -> None:
        """Imprint the fields, and scale what they answer to a mean length of 1."""
        p = self.parameters
        if p.columns is None or p.columns.learned:
            self.columns.learn(x, x_max)
        self._asked.forget()
        out = self._answered(x, x_max)
        square = sum(float(np.square(row, dtype=np.float64).sum()) for row in out)  # of whole numbers: exact
        if not square:
            raise DescriptionError(
                f"ColumnClassifier: no column answers to any of the first {len(x)} samples; lower the threshold"
            )
        self._gain = np.float32(np.sqrt(len(x) / square))

    def _told(self, going: Pass) -> None:
        """Keep mean and spread of the levels over what was done of a pass."""
        first, second = going.sums.get("levels", np.zeros((2, self.n_classes))) / max(going.done, 1)
        self.levels = np.stack([first, np.sqrt(np.maximum(second - first**2, 0.0))])

    def predict(self, x: Array, x_max: int) -> Array:
        """Class of each sample, int64 (n,); a sample's does not depend on the others."""
        self._check(x, x_max)
        found = np.zeros(len(x), np.int64)
        for first in range(0, len(x), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            answers = self._asked(x[some], x_max).astype(np.uint8)
            self.kernels.predict(answers, self._gain, self.n_classes, self._weights, self._bias, found[some])
        return found

    def _answered(self, x: Array, x_max: int) -> Array:
        """Answers of the columns to samples as they are, float32 (n, n_outputs)."""
        out = np.zeros((len(x), 1, self.columns.n_outputs), np.float32)
        self.columns.look(x, x_max, MOVES[:1], out)
        return out[:, 0]

    def state(self) -> dict[str, Array]:
        """Return everything that going on needs, as named arrays; see :meth:`.OnlineLearner.state`."""
        return {
            **{f"columns/{name}": np.array(values) for name, values in self.columns.arrays().items()},
            "class-neurons/weights": self._weights.copy(),
            "class-neurons/bias": self._bias.copy(),
            "class-neurons/gain": np.array(self._gain),
            **{f"pass/{key}": values for key, values in self._pass.arrays().items()},
        }

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Go on from what :meth:`state` returned, bit for bit.

        Raises
        ------
        DescriptionError
            for the state of another network; nothing has changed then
        """
        going = Pass.of(part(state, "pass"))
        for key, values in self.state().items():
            found = state.get(key)
            if not key.startswith("pass/") and (found is None or np.shape(found) != values.shape):
                there = "missing" if found is None else f"of shape {np.shape(found)}"
                raise DescriptionError(f"load_state: {key} must be of shape {values.shape}, but is {there}")
        self.columns.restore(part(state, "columns"))
        self._weights[:], self._bias[:] = state["class-neurons/weights"], state["class-neurons/bias"]
        self._gain = np.float32(state["class-neurons/gain"])
        self._seen.forget()
        self._asked.forget()
        self._pass = self._loaded = going
        self._told(going)

    def _check(self, x: Array, x_max: int) -> None:
        n = self.columns.n_channels
        if x.dtype != np.uint8 or x.ndim != 2 or x.shape[1] != n:
            raise DescriptionError(f"ColumnClassifier: x must be uint8 (n, {n}), got {x.dtype} {x.shape}")
        if x_max < 1 or (len(x) and x.max() > x_max):
            raise DescriptionError(
                f"ColumnClassifier: x must be <= x_max and x_max >= 1, got {x.max(initial=0)} and {x_max}"
            )


class _PixelsAlone:
    """What takes the place of columns in the control: a pixel's answer is its brightness, from 0 to 255."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = (*shape, 1)[:3]
        self.n_channels = self.n_outputs = int(np.prod(self.shape))
        self.fields = np.zeros((0, 0), np.float32)

    def arrays(self) -> dict[str, Any]:
        """Nothing changes."""
        return {}

    def restore(self, arrays: Mapping[str, Array]) -> None:
        """Nothing changes."""

    def learn(self, x: Array, x_max: int) -> int:
        """Nothing is learned."""
        return 0

    def look(self, x: Array, x_max: int, moves: Sequence[tuple[int, int]], out: Array) -> Array:
        """Pass on images moved by whole pixels; see :meth:`.WhitenedColumns.look`."""
        bright = np.rint(x * (255.0 / x_max)).astype(np.uint8).reshape(len(x), *self.shape)
        padded = np.pad(bright, ((0, 0), (1, 1), (1, 1), (0, 0)))
        height, width = self.shape[:2]
        for k, (down, right) in enumerate(moves):
            moved = padded[:, 1 - down : 1 - down + height, 1 - right : 1 - right + width]
            out[:, k] = moved.reshape(len(x), self.n_outputs)
        return np.zeros(len(x), np.int64)


class _Seen:
    """What columns answered to the samples of a pass, kept for the next passes: the columns do not change.

    The experimenter's memory, a byte an answer, and no part of what learns: where it is too large, samples are looked
    at again.
    """

    def __init__(self, columns: WhitenedColumns | _PixelsAlone, moves: Sequence[tuple[int, int]]) -> None:
        self.columns, self.moves = columns, moves
        self.forget()

    def forget(self) -> None:
        """Keep nothing."""
        self._x, self._x_max, self._of = np.zeros((0, 0), np.uint8), 0, (0, 0)
        self._known = np.zeros(0, np.bool_)
        self._kept, self._events = np.zeros((0, 0, 0), np.uint8), np.zeros(0, np.int64)

    def of(self, x: Array, x_max: int) -> None:
        """Turn to a set of samples; of the same as before all is still known."""
        checksum = (zlib.crc32(x.tobytes()), x_max)
        same = checksum == self._of and x.shape == self._x.shape
        self._x, self._x_max, self._of = x, x_max, checksum
        size = len(x) * len(self.moves) * self.columns.n_outputs
        if same or not len(x) or size > (machine_memory() or 2**33) // 4:
            return
        self._known = np.zeros(len(x), np.bool_)
        self._kept = np.zeros((len(x), len(self.moves), self.columns.n_outputs), np.uint8)
        self._events = np.zeros(len(x), np.int64)

    def answers(self, index: Array, view: Array) -> tuple[Array, int]:
        """Answers uint8 (n, n_outputs) to samples, each in one view, and the synaptic events of the columns."""
        if not len(self._known):
            return self._looked_at(index, view)
        new = index[~self._known[index]]
        if len(new):
            found = np.zeros((len(new), len(self.moves), self.columns.n_outputs), np.uint8)
            self._events[new] = self.columns.look(self._x[new], self._x_max, self.moves, found)
            self._kept[new], self._known[new] = found, True
        return self._kept[index, view], int(self._events[index].sum())

    def _looked_at(self, index: Array, view: Array) -> tuple[Array, int]:
        found = np.zeros((len(index), self.columns.n_outputs), np.uint8)
        events = 0
        for k, move in enumerate(self.moves):
            mine = np.flatnonzero(view == k)
            some = np.zeros((len(mine), 1, self.columns.n_outputs), np.uint8)
            events += int(self.columns.look(self._x[index[mine]], self._x_max, (move,), some).sum())
            found[mine] = some[:, 0]
        return found, events


@cache
def _kernels() -> ModuleType:
    """Compile what :mod:`.class_neurons_kernel` holds."""
    return templates.bind(
        "class_neurons", ("tegmentum.plasticity.learning.class_neurons_kernel",), {"curve": D1D2.curve}
    )
