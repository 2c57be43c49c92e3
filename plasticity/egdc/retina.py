r"""Spiking columns behind a retina that whitens: what natural images need, in spikes.

A retina normalises contrast and whitens by convolution: with :math:`\hat p` the normalised patch around a pixel and Z
the ZCA matrix of such patches in the critical period, :math:`z` is the row of :math:`Z (\hat p - \mu)` of the middle
pixel. An ON cell fires with probability :math:`\min(1, g \max(0, z))` in a tick, an OFF cell with that of :math:`-z`.

Their spikes reach the columns of :mod:`.columns`, whose fields are imprinted: a neuron that has never fired takes up a
patch of the retina's answer, of length 1, an excitatory weight from the ON cell and its negative from the OFF cell of
the same pixel. What a pool's neurons fire is counted; the read-out sees the square root of counts, in eighths.

With ``mirrored`` fields have twins, as in :mod:`.whitened`.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.random import philox as rng

from .columns import ColumnParameters, Columns
from .whitening import UNIT, PatchGeometry, drawn_patches, kernels, zca

Array = np.ndarray[Any, Any]
_CHUNK = 64  # samples that a thread looks at at once
_FINE = 8.0  # units of the root of a count


@dataclass(frozen=True)
class RetinaParameters:
    """Parameters of a retina and the spiking columns behind it.

    Parameters
    ----------
    n_features : fields K (of each twin), a multiple of 16
    size : side of a field [cells]
    stride : from one column to the next [cells]
    pool : side of a pool [columns]
    theta, quantum, n_ticks : of the columns, see :class:`~tegmentum.plasticity.egdc.columns.ColumnParameters`
    surround : side of the patch that a cell whitens with [pixels], odd
    gain : g, spike probability of a cell in a tick for a whitened pixel of 1
    contrast, epsilon : see :class:`~tegmentum.plasticity.egdc.whitened.WhitenedParameters`
    mirrored : each field has a twin that sees mirrored patches
    n_patches : patches that are looked at in each sample of the critical period
    """

    n_features: int = 400
    size: int = 6
    stride: int = 2
    pool: int = 4
    theta: float = 0.1
    quantum: float = 0.5
    n_ticks: int = 20
    surround: int = 5
    gain: float = 0.25
    contrast: float = 10.0
    epsilon: float = 0.1
    mirrored: bool = False
    n_patches: int = 40

    #: fields of a critical period; there is no control without
    learned = True

    def __post_init__(self) -> None:
        if self.surround < 3 or self.surround % 2 == 0:
            raise DescriptionError(f"RetinaParameters: surround must be odd and >= 3, got {self.surround}")
        for name in ("gain", "contrast", "epsilon"):
            if not getattr(self, name) > 0:
                raise DescriptionError(f"RetinaParameters: {name} must be > 0, got {getattr(self, name)}")
        self.columns()

    def columns(self) -> ColumnParameters:
        """Parameters of the columns behind the retina."""
        return ColumnParameters(
            n_features=self.n_features * (1 + self.mirrored), size=self.size, pool=self.pool, theta=self.theta,
            quantum=self.quantum, n_ticks=self.n_ticks, n_patches=self.n_patches, stride=self.stride,
        )  # fmt: skip


class RetinaColumns:
    """Spiking columns behind a retina that looks at an image (height, width) or (height, width, channels).

    Parameters
    ----------
    shape, parameters : see above
    seed, threads : of spikes and of the patches looked at; no result depends on threads

    Attributes
    ----------
    fields : float32 (size * size * channels * 2, twins * n_features)
    n_outputs : pools times features
    """

    def __init__(self, shape: tuple[int, ...], parameters: RetinaParameters, seed: int, threads: int):
        self.p, self.seed, self.threads = parameters, seed, threads
        p, (height, width) = parameters, shape[:2]
        if min(height, width) < p.surround + p.size - 1:
            raise DescriptionError(
                f"RetinaColumns: surround + size - 1 must be <= the image's {min(height, width)}, got "
                f"{p.surround + p.size - 1}"
            )
        self.retina = PatchGeometry.of(shape, p.surround)
        channels = self.retina.channels
        self.n_channels = height * width * channels
        cells = (self.retina.rows, self.retina.columns, 2 * channels)
        self.columns = Columns(cells, p.columns(), seed, threads)
        self.geometry = self.columns.geometry
        side = self.geometry.columns
        if p.mirrored and (side % p.pool or (cells[1] - p.size) % p.stride):
            raise DescriptionError(
                f"RetinaColumns: mirrored needs pools that mirror each other; pool must divide the {side} columns "
                f"and stride the {cells[1] - p.size} cells that a field can move, got {p.pool} and {p.stride}"
            )
        self.across = -(-side // p.pool)
        self.n_outputs = self.columns.n_outputs // (1 + p.mirrored)
        self._weights = np.zeros((channels, self.retina.n_inputs))
        middle = (p.surround * p.surround // 2) * channels + np.arange(channels)
        self._middle = middle
        self._weights[np.arange(channels), middle] = 1 / UNIT
        self._offset = np.zeros(channels)

    @property
    def fields(self) -> Array:
        """Fields of the columns."""
        return self.columns.fields

    def arrays(self) -> dict[str, Any]:
        """All that learning changes, not copied: the retina's weights, and the fields."""
        return {"retina": self._weights, "offset": self._offset, **self.columns.arrays()}

    def restore(self, arrays: Mapping[str, Array]) -> None:
        """Take up what :meth:`arrays` returned."""
        self._weights, self._offset = np.array(arrays["retina"]), np.array(arrays["offset"])
        self.columns.restore(arrays)

    def see(self, x: Array, x_max: int) -> Array:
        """Answer of the ON and OFF cells, uint8 (n, cells * 2): 255 is a spike in every tick."""
        p = self.p
        out = np.zeros((len(x), self.columns.n_channels), np.uint8)

        def some(first: int) -> None:
            part = slice(first, first + _CHUNK)
            kernels().on_off(
                x[part], 255.0 / x_max, self.retina, UNIT, p.contrast, self._weights, self._offset, 255.0 * p.gain,
                out[part],
            )  # fmt: skip

        starts = range(0, len(x), _CHUNK)
        if self.threads == 1 or len(x) <= _CHUNK:
            for first in starts:
                some(first)
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(some, starts))
        return out

    def learn(self, x: Array, x_max: int) -> int:
        """Learn to whiten, and imprint the fields, from samples; returns the number of patches looked at.

        Raises
        ------
        DescriptionError
            if the samples have fewer patches of any contrast than there are fields
        """
        n, p, g = len(x), self.p, self.geometry
        draws = rng.uniform(n * p.n_patches, self.seed, rng.STREAM_TABLE, 1000).reshape(n, p.n_patches)
        patches = drawn_patches(x, x_max, self.retina, p.contrast, draws)
        mean, whitening = zca(patches, self.retina, p.epsilon, p.mirrored)
        rows = whitening[self._middle]
        self._weights, self._offset = rows / UNIT, (rows * mean).sum(axis=1)
        cells = self.see(x, x_max).reshape(n, self.retina.rows, self.retina.columns, -1, 2).astype(np.float64)
        whitened = cells[..., 0] - cells[..., 1]
        fields = np.zeros((p.n_features, p.size, p.size, whitened.shape[-1]))
        found = 0
        for k, b in np.ndindex(draws.shape[::-1]):  # of each sample one patch, then of each another
            if found == p.n_features:
                break
            y, x0 = np.array(divmod(int(draws[b, k] * g.rows * g.columns), g.columns)) * g.stride
            patch = whitened[b, y : y + p.size, x0 : x0 + p.size]
            length = np.sqrt(np.square(patch).sum())
            if length > 255 * p.gain:
                fields[found] = patch / length
                found += 1
        if found < p.n_features:
            raise DescriptionError(
                f"RetinaColumns: n_features must be <= the {found} patches with contrast in the {n} samples of the "
                f"critical period, got {p.n_features}"
            )
        twins = [fields, fields[:, :, ::-1]][: 1 + p.mirrored]
        signed = np.concatenate(twins)[..., None] * np.array([1.0, -1.0])
        self.columns.restore(
            {"fields": signed.reshape(len(signed), -1), "n_recruited": np.array(len(signed))}
        )
        return len(patches)

    def respond(self, x: Array, x_max: int) -> tuple[Array, int]:
        """Roots of the spikes of each pool and feature, float32 (n, n_outputs) of whole numbers, and synaptic events.

        The spikes of the retina are drawn from a sample's content alone.
        """
        count, events = self.columns.respond(self.see(x, x_max), 255)
        root = np.sqrt(count.reshape(len(x), -1, self.across, self.columns.p.n_features))
        if self.p.mirrored:
            root = 0.5 * (root[..., : self.p.n_features] + root[:, :, ::-1, self.p.n_features :])
        return np.rint(_FINE * root).reshape(len(x), -1).astype(np.float32), events
