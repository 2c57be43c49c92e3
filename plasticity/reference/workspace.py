r"""A global workspace that gates the hidden layer, after the neuronal workspace of Dehaene, Kerszberg and Changeux.

The hidden units are M specialised *processors* of equally many units. Each processor has one *workspace* unit. These
are driven by what all processors do, inhibit each other, and the k of highest potential are active:

.. math:: a_m = \sum_j u_{jm} \bar h_j, \qquad S_m = [a_m \text{ is among the } k \text{ largest}]

with :math:`\bar h` the units' activities divided by their largest. Through descending connections an active workspace
unit mobilises its processor, an inactive one suppresses it: :math:`h_j \leftarrow h_j S_{m(j)}`. Ascending synapses of
the workspace learn by reward alone, R = 1 after a right answer and -1 after a wrong one,

.. math:: \Delta u_{jm} = \epsilon\, R\, \bar h_j\, (2 S_m - 1),

so that a pattern that led to success is stabilised, and one that failed gives way to others. Processors and output
learn by gradient descent, as in :class:`~.networks.ReferenceNet`.

Taken from the paper: the two spaces, multiplicative descending gating, competition, and a Hebbian rule of reward. Its
text was not at hand: the rule of reward is from memory, and the graded processors, the fixed number of winners in place
of noise and vigilance, and the classification of images are assumptions of ours. The gate is of each sample alone.

Source: S. Dehaene, M. Kerszberg, J.-P. Changeux (1998), A neuronal model of a global workspace in effortful cognitive
tasks, PNAS 95:14529-14534, doi:10.1073/pnas.95.24.14529.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.random import philox as rng

from .networks import NetRecipe, ReferenceNet
from .rowwise import rowwise_product

Array = np.ndarray[Any, Any]
_ENTITY = 2  # of the workspace's synapses, after those of the two layers


class WorkspaceNet(ReferenceNet):
    """A :class:`~.networks.ReferenceNet` whose hidden layer a workspace gates; see the module's text.

    Parameters
    ----------
    n_inputs, n_classes : int
    n_processors : int, 20
        M; must divide ``n_hidden``
    n_active : int, 5
        k
    reward_rate : float, 1e-3
        epsilon
    n_hidden, seed
        as of the network

    Raises
    ------
    DescriptionError
        If a parameter is out of its range.
    """

    def __init__(self, n_inputs: int, n_classes: int, *, n_processors: int = 20, n_active: int = 5,
                 reward_rate: float = 1e-3, n_hidden: int = 1000, seed: int = 0):  # fmt: skip
        if n_processors < 1 or n_hidden % n_processors:
            raise DescriptionError(f"WorkspaceNet: n_processors must divide {n_hidden}, got {n_processors}")
        if not 1 <= n_active <= n_processors:
            raise DescriptionError(f"WorkspaceNet: n_active must be from 1 to {n_processors}, got {n_active}")
        if not reward_rate >= 0:
            raise DescriptionError(f"WorkspaceNet: reward_rate must be >= 0, got {reward_rate}")
        super().__init__(n_inputs, n_classes, NetRecipe(), n_hidden=n_hidden, seed=seed)
        self.n_processors, self.n_active, self.reward_rate = n_processors, n_active, reward_rate
        u = rng.uniform(n_hidden * n_processors, seed, rng.STREAM_WEIGHTS, _ENTITY)
        self.parameters["workspace"] = (2 * u - 1).reshape(n_hidden, n_processors).astype(np.float32)

    def predict(self, x: Array, x_max: int) -> Array:
        """Class of the highest output, each sample on its own."""
        p = {name: w.astype(np.float64) for name, w in self.parameters.items()}
        found = np.zeros(len(x), np.int64)
        for first in range(0, len(x), 1024):
            part = slice(first, first + 1024)
            h = np.maximum(0.0, rowwise_product(x[part] / x_max, p["hidden"]) + p["hidden bias"])
            h = self._gated(h, self._ignited(rowwise_product(self._relative(h), p["workspace"])))
            found[part] = (rowwise_product(h, p["output"]) + p["output bias"]).argmax(axis=1)
        return found

    @staticmethod
    def _relative(h: Array) -> Array:
        """Divide each sample's activities by their largest."""
        return np.asarray(h / np.maximum(h.max(axis=1, keepdims=True), np.finfo(h.dtype).tiny))

    def _ignited(self, drive: Array) -> Array:
        """Mark the ``n_active`` workspace units of the strongest drive; of equals the first."""
        active = np.zeros(drive.shape, drive.dtype)
        np.put_along_axis(active, np.argsort(-drive, axis=1, kind="stable")[:, : self.n_active], 1, axis=1)
        return active

    def _gated(self, h: Array, active: Array) -> Array:
        return np.asarray(h * np.repeat(active, h.shape[1] // self.n_processors, axis=1))

    def _forward(self, z: Array, x_max: int) -> tuple[Array, Array, Array]:
        p = self.parameters
        h = np.maximum(np.float32(0), z @ p["hidden"] + p["hidden bias"])
        self._ascending = self._relative(h)
        self._active = self._ignited(self._ascending @ p["workspace"])
        h = self._gated(h, self._active)
        return z, h, special.softmax(h @ p["output"] + p["output bias"], axis=1)

    def _backward(self, z: Array, h: Array, e: Array) -> dict[str, Array]:
        """Gradients, and the change of the workspace by reward as one; e is (output - expected) / samples."""
        found = super()._backward(z, h, e)
        label = e.argmin(axis=1)  # alone below 0
        answer = e * np.float32(len(e))
        answer[np.arange(len(e)), label] += 1
        reward = np.where(answer.argmax(axis=1) == label, 1, -1).astype(np.float32)
        change = (reward[:, None] * self._ascending).T @ (2 * self._active - 1)
        found["workspace"] = np.float32(-self.reward_rate / self.recipe.lr) * change
        return found

    def _setting(self) -> dict[str, Any]:
        own = (self.n_processors, self.n_active, self.reward_rate)
        return {**super()._setting(), "setting/workspace": np.array(own)}
