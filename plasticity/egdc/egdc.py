r"""EGDC, expectation-gated decorrelating columns: continual learning in spikes, without replay or task identity.

1. **Columns** (:mod:`.columns`). Spikes of the input reach columns of neurons with small receptive fields. *Surprise*
   opens their plasticity: as long as everything is new, during the critical period at the start of the first task,
   the neurons of a column compete for patches, and a patch that none of them matches recruits a fresh one. Then the
   fields are kept, so what later classes are built from does not drift.
2. **Expectation gate** (:class:`Dopamine`, :class:`D1`). The expected class raises dopamine in the subpopulation of
   synapses onto its own class neuron, and in no other. Only those are plastic, so no class overwrites another.
3. **Decorrelation** (:mod:`.decorrelation`). Lateral inhibition learns from the mismatch between the response and the
   expected prototype, and takes out of each prototype what all classes share.

How it differs from NACA: the level selects *which* synapses learn instead of the sign by which all of them do; hidden
plasticity is driven by surprise and competition instead of a random target; there is no gate at test, so nothing
depends on the batch; and learning is a sum over samples, hence the same in every order of the classes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tegmentum.simcore.errors import DescriptionError

from ..continual.kept import copied, fitting
from ..continual.model import LearningCost, OnProgress
from ..modulation.expectation import OneHotExpectation
from ..modulation.neuromodulator import Dopamine, Neuromodulator
from ..modulation.receptor import D1
from .answers import KeptAnswers
from .columns import ColumnParameters, Columns
from .decorrelation import DecorrelatingReadOut
from .mixtures import Mixtures
from .whitened import WhitenedColumns, WhitenedParameters

Array = np.ndarray[Any, Any]
AnyColumns = ColumnParameters | WhitenedParameters
_STEP = 2_000  # samples between two calls of on_progress


@dataclass(frozen=True)
class EGDCParameters:
    """Parameters of EGDC, and the switches that its ablations turn.

    Parameters
    ----------
    columns : ColumnParameters or WhitenedParameters
        which columns; ``learned=False`` leaves the receptive fields random
    critical_period : samples at the start of the first task from which the fields are learned; they are shown again
        afterwards, and counted twice
    gated : dopamine opens the expected class's synapses alone; otherwise those of all classes alike
    lateral : lateral inhibition decorrelates; otherwise the read-out is the nearest prototype
    ever_surprised : plasticity of the fields opens at the start of *every* task, which is what the critical period
        is there to prevent
    prior : samples that the prior of the lateral inhibition counts for; None: as many as the responses themselves
        suggest, see :mod:`.decorrelation`
    settling : how the lateral inhibition settles after a task: 'solve', the reference, or 'relax', in time
    mixtures : neurons that mix at random what the columns answer, see :mod:`.mixtures`, and that the read-out sees in
        their place; 0: none
    """

    columns: AnyColumns = field(default_factory=ColumnParameters)
    critical_period: int = 1_000
    gated: bool = True
    lateral: bool = True
    ever_surprised: bool = False
    prior: float | None = None
    settling: str = "solve"
    mixtures: int = 0

    def __post_init__(self) -> None:
        if self.critical_period < 1:
            raise DescriptionError(
                f"EGDCParameters: critical_period must be >= 1, got {self.critical_period}"
            )
        if self.prior is not None and not self.prior > 0:
            raise DescriptionError(f"EGDCParameters: prior must be > 0, or None, got {self.prior}")
        if self.settling not in ("solve", "relax"):
            raise DescriptionError(f"EGDCParameters: settling must be solve or relax, got {self.settling!r}")
        if self.mixtures < 0:
            raise DescriptionError(f"EGDCParameters: mixtures must be >= 0, got {self.mixtures}")


def _columns(shape: tuple[int, ...], p: AnyColumns, seed: int, threads: int, given: bool
             ) -> Columns | WhitenedColumns:  # fmt: skip
    """Columns that the parameters are of."""
    if isinstance(p, ColumnParameters):
        return Columns(shape, p, seed, threads, given)
    if given:
        raise DescriptionError("EGDC: columns on whitened patches need intensities, got spikes")
    return WhitenedColumns(shape, p, seed, threads)


class EGDC:
    """A :class:`~tegmentum.plasticity.continual.model.ContinualModel`; see the module's text.

    Parameters
    ----------
    shape : (height, width) or (height, width, channels) of a sample
    n_classes : classes of the data set, seen or not
    parameters : EGDCParameters
    seed, threads : of the input's spikes and the initial fields; no result depends on threads
    given : samples are spikes for each tick and channel, see :class:`~tegmentum.plasticity.egdc.columns.Columns`
    """

    def __init__(self, shape: tuple[int, ...], n_classes: int, parameters: EGDCParameters | None = None, *,
                 seed: int = 0, threads: int = 1, given: bool = False):  # fmt: skip
        self.p, self.given = parameters or EGDCParameters(), given
        self.columns = _columns(shape, self.p.columns, seed, threads, given)
        self.mixtures = Mixtures(self.columns.n_outputs, self.p.mixtures, seed) if self.p.mixtures else None
        n_responding = self.p.mixtures or self.columns.n_outputs
        self.read_out = DecorrelatingReadOut(n_responding, n_classes, self.p.lateral, self.p.prior,
                                             self.p.settling)  # fmt: skip
        self.dopamine: Neuromodulator = Dopamine(OneHotExpectation(n_classes), table="identity")
        gain = D1().gain(self.dopamine.levels(n_classes, seed))
        self.gain = gain if self.p.gated else np.ones_like(gain)
        self._fresh = True
        self._answers = KeptAnswers(lambda x, x_max: self._respond(x, x_max)[0])

    def learn_task(self, x: Array, y: Array, x_max: int, classes: tuple[int, ...],
                   on_progress: OnProgress | None = None) -> LearningCost:  # fmt: skip
        """Learn one task in one pass; see :class:`~tegmentum.plasticity.continual.model.ContinualModel`."""
        start = time.perf_counter()
        seen = updates = events = 0
        if self.p.columns.learned and (self._fresh or self.p.ever_surprised):
            early = x[: self.p.critical_period]
            patches = self.columns.learn(early, x_max)
            self._answers.forget()
            seen, updates = len(early), patches * len(self.columns.fields)
        if self.mixtures is not None and (self._fresh or self.p.ever_surprised):
            self.mixtures.learn(self.columns.respond(x[: self.p.critical_period], x_max)[0])
            self._answers.forget()
        self._fresh = False
        for first in range(0, len(x), _STEP):
            part = slice(first, first + _STEP)
            response, n_events = self._respond(x[part], x_max)
            gain = self.gain[y[part]]
            self.read_out.learn(response, gain)
            active = np.count_nonzero(response, axis=1).astype(np.float64)
            updates += int(active @ gain.sum(axis=1)) + (int((active**2).sum()) if self.p.lateral else 0)
            events += n_events + int(active.sum()) * gain.shape[1]
            if on_progress is not None:
                on_progress(seen + min(first + _STEP, len(x)))
        self.read_out.settle()
        events += (
            self.read_out.steps * self.read_out.read_out.shape[1] ** 2 * int((self.read_out.count > 0).sum())
        )
        return LearningCost(seen + len(x), events, updates, time.perf_counter() - start)

    def _respond(self, x: Array, x_max: int) -> tuple[Array, int]:
        """Responses that the read-out sees, float32 (n, neurons) of whole numbers, and the synaptic events."""
        response, events = self.columns.respond(x, x_max)
        if self.mixtures is None:
            return response, events
        return self.mixtures.respond(response), events + int(np.count_nonzero(response)) * self.p.mixtures

    def predict(self, x: Array, x_max: int) -> Array:
        """Classes, int64 (n,): the class neuron of the highest potential."""
        found = [
            self.read_out.potentials(self._answers(x[first : first + _STEP], x_max)).argmax(axis=1)
            for first in range(0, len(x), _STEP)
        ]
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def weights(self) -> dict[str, Array]:
        """Receptive fields (inputs, features) and read-out (classes, inputs)."""
        return {"fields": self.columns.fields.copy(), "read-out": self.read_out.read_out.copy()}

    def state(self) -> dict[str, Array]:
        """Receptive fields (features, inputs) in double precision, sums of the read-out, and what it settled to."""
        return copied(self._setting() | self._arrays())

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Go on from a state; see :class:`~tegmentum.plasticity.continual.model.ContinualModel`."""
        saved = fitting("EGDC", state, self._arrays(), self._setting())
        self._answers.forget()
        self.columns.restore({name: saved[f"columns/{name}"] for name in self.columns.arrays()})
        if self.mixtures is not None:
            self.mixtures.restore({name: saved[f"mixtures/{name}"] for name in self.mixtures.arrays()})
        for name, array in self.read_out.sums().items():
            array[...] = saved[f"read-out/{name}"]
        self.read_out.n_samples = int(saved["read-out/n_samples"])
        self._fresh = bool(saved["fresh"])

    def _setting(self) -> dict[str, Any]:
        shape = np.array([self.columns.n_channels, *self.columns.geometry])
        return {
            "setting/parameters": repr(self.p),
            "setting/geometry": shape,
            "setting/given": self.given,
            "setting/seed": np.uint64(self.columns.seed),
        }

    def _arrays(self) -> dict[str, Any]:
        """All that learning changes, not copied."""
        mixed = {} if self.mixtures is None else self.mixtures.arrays()
        return {
            "fresh": np.bool_(self._fresh),
            **{f"columns/{name}": array for name, array in self.columns.arrays().items()},
            **{f"mixtures/{name}": array for name, array in mixed.items()},
            "read-out/n_samples": np.int64(self.read_out.n_samples),
            **{f"read-out/{name}": array for name, array in self.read_out.sums().items()},
        }
