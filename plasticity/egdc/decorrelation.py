r"""A read-out that decorrelates: Hebbian prototypes behind anti-Hebbian lateral inhibition.

Neurons j respond with spike counts :math:`x_j`. Three kinds of synapses learn from them, each by what it sees:

* those onto the class neuron k, opened by the gain :math:`\gamma_k` of its own dopamine receptor, Hebbian:
  :math:`\mu_k \leftarrow \mu_k + \frac{\gamma_k}{n_k} (x - \mu_k)`;
* lateral ones between the responding neurons, anti-Hebbian, driven by the *mismatch* with the expected prototype:
  :math:`L_{ij} \leftarrow L_{ij} + (x_i - \mu_{ki}) (x_j - \mu_{kj})`.

At rest between classes the lateral inhibition settles, :math:`(\hat L + \epsilon I)\, w_k = \mu_k`, and what remains of
a prototype is what the others do not share. A class neuron integrates :math:`\sum_j w_{kj} x_j` from the offset
:math:`-\frac12 w_k \cdot \mu_k`; the highest potential wins. The statistics are sums, so they are the same in whatever
order classes come: there is nothing to forget. Gaussian classes of equal covariance make this linear discriminant
analysis: T. L. Hayes, C. Kanan (2020), CVPR workshops, doi:10.1109/CVPRW50498.2020.00118 (streaming form); the
shrinkage is the oracle approximating one of Y. Chen, A. Wiesel, Y. C. Eldar, A. O. Hero (2010), IEEE Trans. Signal
Process. 58:5016-5029, doi:10.1109/TSP.2010.2053029, or, with a ``prior``, :math:`\hat L + \frac{n_0}{n} s I`, s the
mean variance: as if :math:`n_0` samples had been seen whose responses all vary alike and independently.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from tegmentum.simcore.machine import one_blas_thread

from ..reference.rowwise import rowwise_product
from .settling import relax

Array = np.ndarray[Any, Any]
_ROWS = 2048
_EXACT = 2.0**24  # below it sums of whole numbers are exact in float32, whatever their order


class DecorrelatingReadOut:
    """Prototypes, lateral synapses and the read-out they settle to.

    Parameters
    ----------
    n_inputs, n_classes : int
    lateral : whether lateral inhibition exists; without it the read-out is the nearest prototype
    prior : n_0, samples that the prior counts for; None for the approximate oracle's shrinkage
    settling : 'solve', by Cholesky's factors, or 'relax', in time, see :mod:`.settling`

    Attributes
    ----------
    steps : steps that the last settling in time took
    """

    def __init__(self, n_inputs: int, n_classes: int, lateral: bool = True, prior: float | None = None,
                 settling: str = "solve"):  # fmt: skip
        self.lateral, self.prior, self.settling, self.steps = lateral, prior, settling, 0
        self.count = np.zeros(n_classes)
        self.total = np.zeros((n_classes, n_inputs))
        self.products = np.zeros((n_inputs, n_inputs)) if lateral else np.zeros((0, 0))
        self.n_samples = 0
        self.read_out = np.zeros((n_classes, n_inputs))
        self.offset = np.full(n_classes, -np.inf)

    def learn(self, x: Array, gain: Array) -> None:
        """Learn responses x, float32 (n, n_inputs) of whole numbers, with gains (n, n_classes) of the class neurons.

        All sums are of whole numbers and exact, so they do not depend on the order or grouping of the samples.
        """
        self.count += gain.sum(axis=0)
        self.total += gain.T @ x.astype(np.float64)
        self.n_samples += len(x)
        if not self.lateral:
            return
        for first in range(0, len(x), _ROWS):
            self._add_products(np.ascontiguousarray(x[first : first + _ROWS]))

    def _add_products(self, x: Array) -> None:
        """Add the products of all pairs of columns, in float32 if no sum can exceed what that holds exactly."""
        if (
            len(x) > 1 and float(np.square(x).sum(axis=0, dtype=np.float64).max()) >= _EXACT
        ):  # by Cauchy and Schwarz
            half = len(x) // 2
            self._add_products(x[:half])
            self._add_products(x[half:])
        else:
            self.products += x.T @ x

    def sums(self) -> dict[str, Array]:
        """Arrays that change, by name, not copied: sums over samples, and the read-out they settled to."""
        names = ("count", "total", "products", "read_out", "offset")
        return {name: getattr(self, name) for name in names}

    @one_blas_thread
    def settle(self) -> None:
        """Let the lateral inhibition settle; done after each task."""
        known = self.count > 0
        mean = self.total[known] / self.count[known, None]
        self.read_out[:], self.offset[:] = 0.0, -np.inf
        self.read_out[known] = mean if not self.lateral else self._decorrelated(mean)
        self.offset[known] = -0.5 * (self.read_out[known] * mean).sum(axis=1)

    def _decorrelated(self, mean: Array) -> Array:
        within = (mean.T * self.count[self.count > 0]) @ mean
        np.subtract(self.products, within, out=within)  # in place: with many neurons it is large
        within /= self.n_samples
        p, trace = len(within), float(np.trace(within))
        if trace <= 0:
            return mean
        if self.prior is not None:
            within[np.diag_indices(p)] += self.prior / self.n_samples * trace / p
            return self._solved(within, mean) * (trace / p)
        square = float(np.square(within).sum())
        shrinkage = ((1 - 2 / p) * square + trace**2) / (
            (self.n_samples + 1 - 2 / p) * (square - trace**2 / p)
        )
        shrinkage = min(max(shrinkage, 1e-3), 1.0)
        within *= 1 - shrinkage
        within[np.diag_indices(p)] += shrinkage * trace / p
        return self._solved(within, mean) * (trace / p)

    def _solved(self, within: Array, mean: Array) -> Array:
        if self.settling == "relax":
            settled, self.steps = relax(within, mean)
            return settled
        factor = linalg.cho_factor(within, overwrite_a=True, check_finite=False)
        return np.asarray(linalg.cho_solve(factor, mean.T, check_finite=False).T)

    def potentials(self, x: Array) -> Array:
        """Potentials of the class neurons, float64 (n, n_classes); -inf for classes never expected."""
        product = rowwise_product(x.astype(np.float64), np.ascontiguousarray(self.read_out.T))
        return np.asarray(product + self.offset)
