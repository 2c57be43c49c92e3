r"""The accuracy matrix of continual learning, and the measures that come from it.

With R[i, j] the accuracy on task j after learning task i, tasks counted 0 ... T - 1:

.. math::
    \text{average accuracy} &= \frac1T \sum_j R_{T-1,j} \\
    \text{forgetting} &= \frac1{T-1} \sum_{j<T-1} \Bigl( \max_{j \le i < T-1} R_{i,j} - R_{T-1,j} \Bigr) \\
    \text{backward transfer} &= \frac1{T-1} \sum_{j<T-1} \bigl( R_{T-1,j} - R_{j,j} \bigr) \\
    \text{forward transfer} &= \frac1{T-1} \sum_{j \ge 1} \bigl( R_{j-1,j} - b_j \bigr)

where :math:`b_j` is the accuracy on task j before anything was learned. With a single task the last three are 0.

Sources: average accuracy, backward and forward transfer, D. Lopez-Paz, M. Ranzato (2017), "Gradient episodic memory
for continual learning", NeurIPS, doi:10.48550/arXiv.1706.08840; forgetting, A. Chaudhry, P. K. Dokania, T. Ajanthan,
P. H. S. Torr (2018), "Riemannian walk for incremental learning: understanding forgetting and intransigence", ECCV,
doi:10.48550/arXiv.1801.10112.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class AccuracyMatrix:
    """Accuracy on each task after each task.

    Parameters
    ----------
    r : float64 (T, T)
        ``r[i, j]``, NaN where task j was not tested after task i
    n_test : int64 (T,)
        test samples of each task
    untrained : float64 (T,)
        accuracy before the first task, NaN where it was not tested
    """

    r: Array = field(repr=False)
    n_test: Array = field(repr=False)
    untrained: Array = field(repr=False)

    @classmethod
    def empty(cls, n_test: Array) -> AccuracyMatrix:
        """Matrix of which nothing is known yet."""
        n = len(n_test)
        return cls(np.full((n, n), np.nan), np.asarray(n_test, np.int64), np.full(n, np.nan))

    @classmethod
    def of(cls, r: Any, n_test: Any = None, untrained: Any = None) -> AccuracyMatrix:
        """Matrix from nested lists; every task has one test sample unless told otherwise."""
        r = np.asarray(r, np.float64)
        made = cls.empty(np.ones(len(r), np.int64) if n_test is None else np.asarray(n_test))
        return (
            replace(made, r=r)
            if untrained is None
            else replace(made, r=r, untrained=np.asarray(untrained, float))
        )

    def with_row(self, i: int, row: Array) -> AccuracyMatrix:
        """Matrix with the accuracies after task i filled in."""
        r = self.r.copy()
        r[i] = row
        return replace(self, r=r)

    def with_untrained(self, untrained: Array) -> AccuracyMatrix:
        """Matrix with the accuracies before the first task filled in."""
        return replace(self, untrained=untrained)

    @property
    def n_tasks(self) -> int:
        """Number of tasks T."""
        return len(self.r)

    def average_accuracy(self, after: int = -1) -> float:
        """Mean over the tasks seen so far; all tasks weigh the same."""
        i = after % self.n_tasks
        return float(self.r[i, : i + 1].mean())

    def overall_accuracy(self, after: int = -1) -> float:
        """Share of all test samples of the tasks seen so far that are right; all samples weigh the same."""
        i = after % self.n_tasks
        return float(np.average(self.r[i, : i + 1], weights=self.n_test[: i + 1]))

    def forgetting(self, after: int = -1) -> float:
        """Mean over the earlier tasks of how far the accuracy has fallen from its best."""
        i = after % self.n_tasks
        if i == 0:
            return 0.0
        best = [self.r[j:i, j].max() for j in range(i)]
        return float(np.mean(best - self.r[i, :i]))

    def backward_transfer(self) -> float:
        """Mean change of the accuracy on a task since it was learned."""
        if self.n_tasks == 1:
            return 0.0
        return float(np.mean(self.r[-1, :-1] - np.diag(self.r)[:-1]))

    def forward_transfer(self) -> float:
        """Mean gain on a task from the tasks before it; NaN unless tasks were tested before they were learned."""
        if self.n_tasks == 1:
            return 0.0
        return float(np.mean(np.diag(self.r, 1) - self.untrained[1:]))
