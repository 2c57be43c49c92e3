r"""Lateral inhibition that settles in time: what a network does where algebra solves a system of equations.

While the class neuron k drives the pooled neurons backwards with its prototype :math:`\mu_k`, lateral synapses
:math:`A = \hat L + \epsilon I` inhibit them, and every neuron follows what it lacks:

.. math::
    v_i \leftarrow \beta v_i + \frac{\mu_{ki} - \sum_j A_{ij} r_j}{\sum_j |A_{ij}|}, \qquad
    r_i \leftarrow r_i + v_i

A neuron knows its drive, the inhibition that reaches it, and the sum of its own synapses, which sets its gain; the
momentum :math:`\beta` is that of a synaptic current that decays more slowly than the neuron. The fixed point is
:math:`A r = \mu_k`. As A is symmetric and positive definite and the gain bounds it from above by Gershgorin's circles
(eigenvalues of the scaled matrix lie in (0, 1]), this converges for :math:`0 \le \beta < 1`, whatever A.

Sums are taken in the order of their terms, so no bit depends on a library or on threads.

Momentum: B. T. Polyak (1964), USSR Comput. Math. Math. Phys. 4:1-17, doi:10.1016/0041-5553(64)90137-5. Lateral
inhibition that decorrelates: P. Földiák (1990), Biol. Cybern. 64:165-170, doi:10.1007/BF02331346.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..reference.rowwise import rowwise_product

Array = np.ndarray[Any, Any]


def relax(
    lateral: Array, drive: Array, *, momentum: float = 0.99, tolerance: float = 1e-2, most: int = 2_000
) -> tuple[Array, int]:
    """Settle r of ``lateral @ r = drive``, for each row of ``drive`` alone.

    Parameters
    ----------
    lateral : float64 (n, n), symmetric and positive definite
    drive : float64 (k, n)
    momentum : beta
    tolerance : it has settled once no neuron lacks more than this share of the largest drive
    most : steps after which it is left as it is, settled or not

    Returns
    -------
    r : float64 (k, n)
    steps : int
    """
    gain = 1.0 / np.maximum(np.abs(lateral).sum(axis=1), np.finfo(float).tiny)
    r, v = np.zeros_like(drive), np.zeros_like(drive)
    least = tolerance * float(np.abs(drive).max(initial=0.0))
    for step in range(most):
        lack = drive - rowwise_product(r, lateral)
        if float(np.abs(lack).max(initial=0.0)) <= least:
            return r, step
        v = momentum * v + gain * lack
        r = r + v
    return r, most
