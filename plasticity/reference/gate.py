r"""The input-dependent gate on hidden neurons that NACA's class-continual networks use.

With u the mean of the (standardised, flattened) inputs of a batch, drawn out to n neurons,

.. math:: g_j = \sigma\bigl( 1000\, (u_{\lfloor j d / n \rfloor} - \max_k u_{\lfloor k d / n \rfloor} + m) \bigr)

so neuron j is on if its pixel of the *average image* is within the margin m of that image's maximum: on MNIST 5 to 17
of 1000 neurons. If all samples of a batch are of one class, the mask alone names the class (41 of 43 MNIST test
batches): the task oracle of the published protocol. Computed from each sample alone it leaks nothing.

Source: T. Zhang et al. (2023), Sci. Adv. 9:eadi2947, doi:10.1126/sciadv.adi2947, as their public code computes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from tegmentum.simcore.errors import DescriptionError

Array = np.ndarray[Any, Any]

GATES = ("batch", "sample", "none")
_SMALLEST = 2.0**-24  # below the resolution of a float32 next to 1


@dataclass(frozen=True)
class Gate:
    """Which hidden neurons an input lets take part.

    Parameters
    ----------
    kind : {'batch', 'sample', 'none'}
        of the mean of the batch, as published; of each sample alone; or open for all
    margin : standard deviations of the pixels, 0.2
        the published value for MNIST (0.1 for CIFAR-10)
    """

    kind: str = "batch"
    margin: float = 0.2

    def __post_init__(self) -> None:
        if self.kind not in GATES:
            raise DescriptionError(f"Gate: kind must be one of {', '.join(GATES)}, got {self.kind!r}")
        if not self.margin > 0:
            raise DescriptionError(f"Gate: margin must be > 0, got {self.margin}")

    def __call__(self, x: Array, n: int) -> Array:
        """Gate of ``n`` neurons for standardised inputs x (n_samples, d), float32 (1 or n_samples, n).

        A gate that is closed to 2**-24 counts as closed.
        """
        if self.kind == "none":
            return np.ones((1, n), np.float32)
        u = (
            x.mean(axis=0, keepdims=True, dtype=np.float64)
            if self.kind == "batch"
            else np.asarray(x, np.float64)
        )
        u = u[:, np.arange(n) * x.shape[1] // n]
        g = special.expit(1000.0 * (u - u.max(axis=1, keepdims=True) + self.margin))
        return np.where(g < _SMALLEST, 0.0, g).astype(np.float32)
