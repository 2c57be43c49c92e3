r"""Columns on whitened patches, their fields imprinted while everything is new: what natural images need.

At each position a column of K neurons sees a patch p of the image. Retina and thalamus normalise its contrast,
:math:`\hat p = (p - \bar p) / \sqrt{\operatorname{var} p + c}`, and take out what neighbouring pixels share,
:math:`z = Z (\hat p - \mu)` with :math:`Z = (\Sigma + \epsilon I)^{-1/2}`, the mean :math:`\mu` and covariance
:math:`\Sigma` of the patches of the critical period (ZCA). A neuron's field is one whitened patch of that period, of
length 1: imprinted in one shot, the Hebbian change of a neuron that had never fired. Its graded answer, the rate of a
neuron of threshold :math:`\theta`, is averaged over a pool, and the pool's neuron answers with the square root:

.. math:: x_{Pf} = \sqrt{\operatorname{mean}_{a \in P} \max(0,\; w_f \cdot z_a - \theta)}

Answers are rounded to whole numbers, and so are patches and weights on the way, to 1/64 and to as fine a unit as
float32 holds without rounding a sum. So no answer depends on the order of its terms: not on threads, the batch, or the
library that multiplies.

*In spikes.* With ``n_ticks`` a neuron integrates the current :math:`w_f \cdot z - \theta` of a retina that does not
spike, without leak, and fires each time it reaches the quantum q, which is taken off, at most once a tick:

.. math:: n_f = \min\bigl(T, \lfloor T \max(0,\; w_f \cdot z - \theta) / q \rfloor\bigr)

spikes over T ticks, which take the place of the rate.

*Overlap.* Pools that tile the image have sharp edges. With ``overlap`` each is also taken a pixel further down, up,
right and left, and the five roots are averaged: a pool sees its border more faintly than its middle, so that an image
moved by a pixel is answered much alike. The columns answer once, which costs no synaptic event.

*Twins.* With ``mirrored`` each field has a twin that sees the patch mirrored, at the mirrored position, and the answers
of the two are added. Under a linear read-out that equals, exactly, learning each image and its mirror image.

Whitening and single-layer features of natural images: A. Coates, A. Y. Ng, H. Lee (2011), "An analysis of
single-layer networks in unsupervised feature learning", AISTATS, PMLR 15:215-223.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.machine import one_blas_thread
from tegmentum.simcore.random import philox as rng

from ..reference.rowwise import rowwise_product
from .whitening import UNIT, PatchGeometry, drawn_patches, kernels, zca

Array = np.ndarray[Any, Any]
_CHUNK = 32  # samples that a thread answers at once
_AT_ONCE = 500  # samples whose pools are averaged at once
_EXACT = 2.0**24  # whole numbers below it are exact in float32
_FINE = 64.0  # units of an answer
#: Moves in pixels down and across: none, and one in each direction.
MOVES = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))


@dataclass(frozen=True)
class WhitenedParameters:
    r"""Parameters of columns on whitened patches.

    Parameters
    ----------
    n_features : fields K (of each twin)
    size : side of a patch [pixels]
    stride : from one position to the next [pixels]
    pools : pools along each side of the image
    threshold : :math:`\theta`, of a match between a whitened patch and a field of length 1
    contrast : c, added to a patch's variance [grey levels of 255, squared]
    epsilon : :math:`\epsilon`, added to the eigenvalues of the patches' covariance
    n_ticks : T, ticks in which spikes are counted; 0 for rates
    quantum : q, threshold of a neuron, and what a spike takes off its potential
    mirrored : each field has a twin that sees mirrored patches
    learned : whitened and imprinted in the critical period; otherwise fields stay random, the control
    n_patches : patches that are looked at in each sample of the critical period
    overlap : pixels, 0 or 1, by which each pool is also taken moved in four directions
    """

    n_features: int = 1000
    size: int = 6
    stride: int = 1
    pools: int = 3
    threshold: float = 0.25
    contrast: float = 10.0
    epsilon: float = 0.1
    n_ticks: int = 0
    quantum: float = 1.0
    mirrored: bool = False
    learned: bool = True
    n_patches: int = 40
    overlap: int = 0

    def __post_init__(self) -> None:
        for name in ("n_features", "stride", "pools", "n_patches"):
            if getattr(self, name) < 1:
                raise DescriptionError(f"WhitenedParameters: {name} must be >= 1, got {getattr(self, name)}")
        if self.size < 2:
            raise DescriptionError(f"WhitenedParameters: size must be >= 2, got {self.size}")
        if not self.threshold >= 0:
            raise DescriptionError(f"WhitenedParameters: threshold must be >= 0, got {self.threshold}")
        if self.n_ticks < 0:
            raise DescriptionError(f"WhitenedParameters: n_ticks must be >= 0, got {self.n_ticks}")
        if self.overlap not in (0, 1):
            raise DescriptionError(f"WhitenedParameters: overlap must be 0 or 1, got {self.overlap}")
        for name in ("contrast", "epsilon", "quantum"):
            if not getattr(self, name) > 0:
                raise DescriptionError(f"WhitenedParameters: {name} must be > 0, got {getattr(self, name)}")


class WhitenedColumns:
    """Columns on whitened patches of an image of ``shape`` (height, width) or (height, width, channels).

    Parameters
    ----------
    shape, parameters : see above
    seed, threads : of initial fields and of the patches looked at; no result depends on threads

    Attributes
    ----------
    fields : float32 (size * size * channels, twins * n_features) of whole numbers, the weights of the normalised patch
        that all positions share: whitening and field in one
    n_outputs : pools times features
    """

    def __init__(self, shape: tuple[int, ...], parameters: WhitenedParameters, seed: int, threads: int):
        self.p, self.seed, self.threads = parameters, seed, threads
        height, width = shape[:2]
        p = parameters
        if min(height, width) < p.size:
            raise DescriptionError(
                f"WhitenedColumns: size must be <= the image's {min(height, width)}, got {p.size}"
            )
        self.geometry = PatchGeometry.of(shape, p.size, p.stride)
        rows, columns = self.geometry.rows, self.geometry.columns
        if p.pools > min(rows, columns):
            raise DescriptionError(
                f"WhitenedColumns: pools must be <= the {min(rows, columns)} positions along a side, got {p.pools}"
            )
        if p.mirrored and (width - p.size) % p.stride:
            raise DescriptionError(
                f"WhitenedColumns: mirrored needs positions that mirror each other; stride must divide the "
                f"{width - p.size} pixels that a patch can move, got {p.stride}"
            )
        self.n_channels = height * width * self.geometry.channels
        y, x = np.divmod(np.arange(rows * columns), columns)
        mirror = (x, columns - 1 - x)[: 1 + p.mirrored]
        self.pool = np.stack([y * p.pools // rows * p.pools + at * p.pools // columns for at in mirror])
        self.n_outputs = p.pools**2 * p.n_features
        self.n_inputs = self.geometry.n_inputs
        self.kernels = kernels()
        drawn = rng.uniform(self.n_inputs * p.n_features, seed, rng.STREAM_WEIGHTS, 1000) - 0.5
        drawn = drawn.reshape(p.n_features, self.n_inputs)
        drawn -= drawn.mean(axis=1, keepdims=True)
        self._set(drawn / np.sqrt(np.square(drawn).sum(axis=1, keepdims=True)), np.zeros(p.n_features))

    def _set(self, weights: Array, shift: Array) -> None:
        """Take up weights (n_features, inputs) of a normalised patch, and what the mean patch gives each."""
        longest = float(np.sqrt(np.square(weights).sum(axis=1).max()))
        room = _EXACT / 2 / (1.01 * UNIT * np.sqrt(self.n_inputs) * max(longest, 1e-9))
        unit = 2.0 ** np.floor(np.log2(room))  # by Cauchy and Schwarz no sum of products exceeds _EXACT
        offset = np.rint((shift + self.p.threshold) * unit * UNIT)
        self.restore({"fields": np.rint(weights * unit), "offset": offset, "unit": np.array(unit)})

    def arrays(self) -> dict[str, Any]:
        """All that learning changes: whole weights (n_features, inputs), offsets, and the unit they are in."""
        return {"fields": self._whole, "offset": self._offset, "unit": np.float64(self._unit)}

    def restore(self, arrays: Mapping[str, Array]) -> None:
        """Take up what :meth:`arrays` returned."""
        self._whole = np.array(arrays["fields"], dtype=np.float64, order="C")
        self._offset = np.array(arrays["offset"], dtype=np.float64)
        self._unit = float(arrays["unit"])
        twins = len(self.pool)
        both = np.concatenate([self._whole, self._whole[:, self.geometry.mirror()]][:twins])
        self.fields = np.ascontiguousarray(both.T, dtype=np.float32)
        self._thresholds = np.tile(self._offset, twins).astype(np.float32)
        count = np.bincount(self.pool[0], minlength=self.p.pools**2)
        p = self.p
        self._quantum = np.float32(np.rint(p.quantum * self._unit * UNIT))
        one = p.n_ticks / p.quantum if p.n_ticks else self._unit * UNIT
        self._factor = (_FINE / twins) ** 2 / (count * one)

    def learn(self, x: Array, x_max: int) -> int:
        """Learn to whiten, and imprint the fields, from samples; returns the number of patches looked at.

        Raises
        ------
        DescriptionError
            if the samples have fewer patches of any contrast than there are fields
        """
        n, p = len(x), self.p
        draws = rng.uniform(n * p.n_patches, self.seed, rng.STREAM_TABLE, 1000).reshape(n, p.n_patches)
        patches = drawn_patches(x, x_max, self.geometry, p.contrast, draws)
        if len(patches) < p.n_features:
            raise DescriptionError(
                f"WhitenedColumns: n_features must be <= the {len(patches)} patches with contrast in the "
                f"{n} samples of the critical period, got {p.n_features}"
            )
        mean, whitening = zca(patches, self.geometry, p.epsilon, p.mirrored)
        chosen = patches[np.arange(p.n_features) * len(patches) // p.n_features] / UNIT - mean
        fields = rowwise_product(chosen, whitening)
        fields /= np.sqrt(np.square(fields).sum(axis=1, keepdims=True))
        weights = rowwise_product(fields, whitening)
        self._set(weights, (weights * mean).sum(axis=1))
        return len(patches)

    def respond(self, x: Array, x_max: int) -> tuple[Array, int]:
        """Answers of each pool and feature, float32 (n, n_outputs) of whole numbers, and the synaptic events."""
        moves = MOVES if self.p.overlap else MOVES[:1]
        answers, events = np.zeros((len(x), self.n_outputs), np.float32), 0
        for first in range(0, len(x), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            out = np.zeros((len(x[some]), len(moves), self.n_outputs), np.float32)
            events += int(self.look(x[some], x_max, moves, out).sum())
            answers[some] = np.rint(out.mean(axis=1))
        return answers, events

    @one_blas_thread
    def look(self, x: Array, x_max: int, moves: Sequence[tuple[int, int]], out: Array) -> Array:
        """Answer each sample, moved by each of several whole pixels: positions are alike, so that pools move instead.

        Parameters
        ----------
        x, x_max : samples uint8 (n, pixels), and the integer that means brightness 1
        moves : pixels down and across; positions that would leave the image stay in the pools at its edge
        out : (n, moves, n_outputs), float32, or uint8 where answers are less than 256; filled with whole numbers

        Returns
        -------
        synaptic events of each sample seen once, int64 (n,)
        """
        ticks, geometry = np.float32(self.p.n_ticks), self.geometry
        n_positions, n_fields = self.pool.shape[1], self.fields.shape[1]
        events = np.zeros(len(x), np.int64)
        y, across = np.divmod(np.arange(n_positions), geometry.columns)
        at = [
            np.clip(y + down, 0, geometry.rows - 1) * geometry.columns
            + np.clip(across + right, 0, geometry.columns - 1)
            for down, right in moves
        ]
        pools = [np.ascontiguousarray(self.pool[:, a]) for a in at]

        def some(first: int) -> None:
            patches = np.zeros((n_positions, self.n_inputs), np.float32)
            drive = np.zeros((n_positions, n_fields), np.float32)
            sums = np.zeros((self.p.pools**2, self.p.n_features), np.float32)
            rounded = np.zeros(self.n_outputs, np.float32)
            for b in range(first, min(first + _CHUNK, len(x))):
                active = self.kernels.patches_of(
                    x[b], 255.0 / x_max, geometry, UNIT, self.p.contrast, patches
                )
                np.matmul(patches, self.fields, out=drive)
                for k, pool in enumerate(pools):
                    self.kernels.pooled(
                        drive, self._thresholds, pool, self._quantum, ticks, self._factor, sums, rounded
                    )
                    out[b, k] = rounded
                events[b] = int(active) * n_fields

        starts = range(0, len(x), _CHUNK)
        if self.threads == 1 or len(x) <= _CHUNK:
            list(map(some, starts))
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(some, starts))
        return events
