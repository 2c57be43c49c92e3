r"""Random rectified mixtures of what columns answer: a wider layer for the read-out to decorrelate.

.. math:: h_m = \operatorname{rint}\Bigl(2^{-k} \max\bigl(0,\; \textstyle\sum_j s_{jm} x_j - o_m\bigr)\Bigr), \qquad
    s_{jm} = \pm 1

Every answer excites or inhibits neuron m, as its sign was drawn, once. In the critical period the neuron takes its mean
drive as its threshold :math:`o_m`, so that it answers about half of the samples; k scales all neurons alike, to a
standard deviation of their drives between 16 and 32. Drives are whole numbers and exact in float32, whatever the order
of their terms, as long as a sample's answers sum up to less than :math:`2^{24}`; where they do not, in float64.

Random rectified features under a linear read-out: A. Rahimi, B. Recht (2008), NIPS 20:1177-1184; of a convolution's
answers: M. D. McDonnell, T. Vladusich (2015), IJCNN, doi:10.1109/IJCNN.2015.7280796.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.random import philox as rng

Array = np.ndarray[Any, Any]
_EXACT = 2.0**24  # whole numbers below it are exact in float32
_SPREAD = 32.0  # largest standard deviation of drives, in units of an answer


class Mixtures:
    """Fixed random mixtures.

    Parameters
    ----------
    n_inputs, n_outputs : int
    seed : of the signs

    Attributes
    ----------
    signs : float32 (n_inputs, n_outputs), 1 or -1
    """

    def __init__(self, n_inputs: int, n_outputs: int, seed: int):
        if n_outputs < 1:
            raise DescriptionError(f"Mixtures: n_outputs must be >= 1, got {n_outputs}")
        drawn = rng.uniform(n_inputs * n_outputs, seed, rng.STREAM_FEATURES, 2)
        self.signs = np.where(drawn < 0.5, np.float32(-1), np.float32(1)).reshape(n_inputs, n_outputs)
        self.n_outputs = n_outputs
        self._threshold, self._scale = np.zeros(n_outputs), 1.0

    def arrays(self) -> dict[str, Any]:
        """All that learning changes: thresholds, whole numbers, and the scale, a power of 2."""
        return {"threshold": self._threshold, "scale": np.float64(self._scale)}

    def restore(self, arrays: Mapping[str, Array]) -> None:
        """Take up what :meth:`arrays` returned."""
        self._threshold, self._scale = np.array(arrays["threshold"], np.float64), float(arrays["scale"])

    def learn(self, x: Array) -> None:
        """Take thresholds and scale from answers x, float32 (n, n_inputs) of whole numbers."""
        drive = self._drive(x)
        mean = drive.mean(axis=0)
        self._threshold = np.rint(mean)
        spread = float(np.sqrt(np.square(drive - mean).mean()))
        self._scale = 2.0 ** np.floor(np.log2(_SPREAD / spread)) if spread > 0 else 1.0

    def respond(self, x: Array) -> Array:
        """Answers, float32 (n, n_outputs) of whole numbers, to answers of columns: a sample's are its own."""
        return np.asarray(
            np.rint(np.maximum(self._drive(x) - self._threshold, 0.0) * self._scale), np.float32
        )

    def _drive(self, x: Array) -> Array:
        """Return the exact sums, float64 (n, n_outputs) of whole numbers."""
        most = np.abs(x).sum(axis=1, dtype=np.float64).max(initial=0.0)
        real = np.float32 if most < _EXACT else np.float64
        return np.asarray(x.astype(real) @ self.signs.astype(real, copy=False), np.float64)
