r"""Expectation encoding: how the levels of a neuromodulator are set at the end of a trial.

A trial shows one sample. At its end the level of subpopulation :math:`s` rises, for a pulse, to

.. math:: L_s = \mathrm{clip}\Bigl(L_0 + a \sum_c T_{cs} u_c, \; 0, 1\Bigr)

with a table :math:`T` and a signal :math:`u`: what kind of input this was, what class it should be, how wrong the
output was (:math:`u_k = [k = label] - p_k`, :math:`p = \mathrm{softmax}(\beta n)` of the readout's spike counts), or
how much better than of late (:math:`u = r - \bar r`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DescriptionError
from . import checks

Array = np.ndarray[Any, Any]

#: What an expectation can depend on.
SIGNALS = ("error", "label", "kind", "reward")


@dataclass(frozen=True, eq=False)
class Expected:
    r"""Source of a neuromodulator: levels that an expectation sets at the end of each trial, for a pulse.

    Parameters
    ----------
    signal : {'error', 'label', 'kind', 'reward'}
        :math:`u`: the output error of each class; 1 for the class that the sample should be; 1 for the kind of input
        that it is; or, one number, whether the answer was right less how often it was of late
    table : array of float, shape (n_codes, n_levels)
        :math:`T`, a row for each class, kind, or the one row of a reward: how the signal reaches subpopulations
    tonic : level, 0.5
        :math:`L_0`, in [0, 1]: the modulator's baseline must be the same
    scale : no unit, 0.5
        :math:`a`
    beta : no unit, 2.0
        :math:`\beta`, how sharply spike counts decide in the softmax
    width : float, ms, 1.0
        duration of the pulse, short against the eligibility's time constant: a synapse gains
        ``width * gain(level) * eligibility``
    shuffled : bool, False
        give each subpopulation the signal of a class drawn anew in each trial: a control

    Notes
    -----
    One row for each class and one level for each class, :func:`one_hot`, gives each class a subpopulation of its own;
    :func:`random_table` mixes. E. M. Izhikevich (2007), Cereb. Cortex 17:2443-2452, doi:10.1093/cercor/bhl152, has
    pulses of dopamine on eligibilities; T. Zhang et al. (2023), Sci. Adv. 9:eadi2947, doi:10.1126/sciadv.adi2947,
    tables from expectations to levels.
    """

    signal: str
    table: Any
    tonic: float = 0.5
    scale: float = 0.5
    beta: float = 2.0
    width: float = 1.0
    shuffled: bool = False

    def __post_init__(self) -> None:
        where = type(self).__name__
        if self.signal not in SIGNALS:
            raise DescriptionError(
                f"{where}: signal must be one of {', '.join(SIGNALS)}, got {checks.shown(self.signal)}"
            )
        table = checks.array(self.table, where, "table")
        if table.ndim != 2 or not table.size:
            raise DescriptionError(
                f"{where}: table must have two dimensions (code, level), got {checks.shown(self.table)}"
            )
        if self.signal == "reward" and len(table) != 1:
            raise DescriptionError(f"{where}: table of a reward must have one row, got {len(table)}")
        checks.number(self.tonic, where, "tonic", least=0.0, most=1.0)
        checks.number(self.scale, where, "scale")
        checks.number(self.beta, where, "beta", least=0.0)
        checks.number(self.width, where, "width", "ms", above=0.0)
        problem = checks.flag(self.shuffled, "shuffled")
        if problem is None and self.shuffled and self.signal == "reward":
            problem = "shuffled means nothing to a reward, which has one row"
        if problem:
            raise DescriptionError(f"{where}: {problem}")

    @property
    def n_codes(self) -> int:
        """Rows of the table."""
        return int(np.shape(self.table)[0])

    @property
    def n_levels(self) -> int:
        """Columns of the table: levels that it sets."""
        return int(np.shape(self.table)[1])


@dataclass(frozen=True, eq=False)
class Presented:
    """What came out of trials.

    Attributes
    ----------
    chosen : int32[n_trials]
        class with most spikes of the readout, of several such that with the highest potential; -1 without a readout
    votes : int32[n_trials, n_classes]
        spikes of each class
    spikes : dict of int32[n_trials]
        spikes of each population
    levels : dict of float64[n_trials, n_levels]
        of each neuromodulator, at the pulses; empty where nothing was learned
    synaptic_events : int
        synapses that delivered a spike
    seconds : float
        wall time of the ticks
    record : Result
        what was recorded
    """

    chosen: Array
    votes: Array
    spikes: dict[str, Array]
    levels: dict[str, Array]
    synaptic_events: int
    seconds: float
    record: Any


def one_hot(n: int) -> Array:
    """Table with a level for each class, moved by its own signal alone."""
    return np.eye(n)


def random_table(n_codes: int, n_levels: int, seed: int = 0) -> Array:
    """Table of numbers drawn from U(-1, 1)."""
    return np.random.Generator(np.random.Philox(seed)).uniform(-1.0, 1.0, (n_codes, n_levels))
