r"""Dropout whose probabilities a neuromodulator sets: units take part where its level is high.

While class k is learned, hidden unit j takes part in a sample with the probability :math:`\nu_{kj}`, the level that the
expectation of class k gives its subpopulation, and is dropped otherwise:

.. math:: h_j \leftarrow m_j h_j, \qquad P(m_j = 1) = \nu_{kj}.

So the classes are learned by subsets of units that overlap by chance. Levels are NACA's, from a fixed random table. A
test does not know the class: each unit answers with its mean, :math:`h_j\,\frac1C \sum_k \nu_{kj}`, as dropout does
with its constant probability. All else is :class:`~.networks.ReferenceNet`, by gradient descent.

No paper's equations were at hand for this reference; the level as probability and the mean over classes at test are
assumptions of ours. Dropout: N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov (2014), JMLR
15:1929-1958. Levels: T. Zhang et al. (2023), Sci. Adv. 9:eadi2947, doi:10.1126/sciadv.adi2947.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from tegmentum.simcore.random import philox as rng

from ..modulation.expectation import Expectation
from ..modulation.neuromodulator import Dopamine
from .networks import NetRecipe, ReferenceNet
from .rowwise import rowwise_product

Array = np.ndarray[Any, Any]


class ModulatedDropoutNet(ReferenceNet):
    """A :class:`~.networks.ReferenceNet` with neuromodulated dropout; see the module's text.

    Parameters
    ----------
    n_inputs, n_classes : int
    n_hidden, seed
        as of the network; the seed draws the table of levels, too

    Attributes
    ----------
    levels : float64 (n_classes, n_hidden)
    """

    def __init__(self, n_inputs: int, n_classes: int, *, n_hidden: int = 1000, seed: int = 0):
        super().__init__(n_inputs, n_classes, NetRecipe(), n_hidden=n_hidden, seed=seed)
        self.levels = Dopamine(Expectation(n_classes)).levels(n_hidden, seed)
        self._labels: Array = np.zeros(0, np.int64)
        self._at = 0

    def learn_task(self, x: Array, y: Array, x_max: int, classes: Any, on_progress: Any = None) -> Any:
        """Learn one task; who takes part in a sample depends on its place in the order of learning."""
        order = rng.permutation(len(x), self.seed, rng.STREAM_SHUFFLE, self._epoch)
        self._labels, self._at = y[order], 0
        return super().learn_task(x, y, x_max, classes, on_progress)

    def predict(self, x: Array, x_max: int) -> Array:
        """Class of the highest output, each sample on its own."""
        p = {name: w.astype(np.float64) for name, w in self.parameters.items()}
        mean = self.levels.mean(axis=0)
        found = np.zeros(len(x), np.int64)
        for first in range(0, len(x), 1024):
            part = slice(first, first + 1024)
            h = np.maximum(0.0, rowwise_product(x[part] / x_max, p["hidden"]) + p["hidden bias"]) * mean
            found[part] = (rowwise_product(h, p["output"]) + p["output bias"]).argmax(axis=1)
        return found

    def _forward(self, z: Array, x_max: int) -> tuple[Array, Array, Array]:
        p = self.parameters
        level = self.levels[self._labels[self._at : self._at + len(z)]]
        entity = (self._epoch << 20) + self._at  # of the epoch's first sample in the batch
        draw = rng.uniform(level.size, self.seed, rng.STREAM_REPLAY, entity).reshape(level.shape)
        self._at += len(z)
        h = np.maximum(np.float32(0), z @ p["hidden"] + p["hidden bias"]) * (draw < level).astype(np.float32)
        return z, h, special.softmax(h @ p["output"] + p["output bias"], axis=1)
