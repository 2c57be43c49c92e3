r"""Columns on whitened patches: contrast normalisation, whitening, pooling. A kernel template, see :mod:`.templates`.

A patch :math:`p` of n pixels (0 to 255) reaches its column with its contrast normalised and rounded to whole units,
:math:`\hat p = \operatorname{rint}(u\,(p - \bar p) / \sqrt{\operatorname{var} p + c})`; what neuron f answers,
:math:`\max(0, w_f \cdot \hat p - o_f)` with whole :math:`w_f`, is therefore a whole number, exact in any order of its
terms.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, error_model="numpy")
def normalise(image, scale, geometry, at, unit, constant, patch):
    """Fill ``patch`` with the normalised patch at a position, in whole numbers; returns the variance it had."""
    y, x = at // geometry.columns * geometry.stride, at % geometry.columns * geometry.stride
    across = geometry.size * geometry.channels
    total, square = 0, 0
    for dy in range(geometry.size):
        first = ((y + dy) * geometry.width + x) * geometry.channels
        for i in range(first, first + across):
            value = np.int64(image[i])
            total += value
            square += value * value
    n = geometry.size * across
    mean = total / n
    variance = max(square / n - mean * mean, 0.0) * scale * scale
    gain = unit * scale / np.sqrt(variance + constant)
    for dy in range(geometry.size):
        first = ((y + dy) * geometry.width + x) * geometry.channels
        for i in range(across):
            patch[dy * across + i] = np.rint((image[first + i] - mean) * gain)
    return variance


@njit(nogil=True, error_model="numpy")
def patches_of(image, scale, geometry, unit, constant, patches):
    """Fill ``patches``, float32 (positions, inputs), of one image; returns how many numbers are not 0."""
    active = 0
    for at in range(len(patches)):
        normalise(image, scale, geometry, at, unit, constant, patches[at])
        for i in range(patches.shape[1]):
            active += patches[at, i] != 0
    return active


@njit(nogil=True, error_model="numpy")
def draw_patches(images, scale, geometry, unit, constant, draws, patches, variance):
    """Fill ``patches`` (images * draws, inputs) with patches at drawn positions of each image, and their variances."""
    n_positions = geometry.rows * geometry.columns
    for b in range(len(images)):
        for k in range(draws.shape[1]):
            row = b * draws.shape[1] + k
            at = int(draws[b, k] * n_positions)
            variance[row] = normalise(images[b], scale, geometry, at, unit, constant, patches[row])


@njit(nogil=True, error_model="numpy")
def pooled(drive, offset, pool, factor, sums, out):
    r"""Roots of what the neurons of each pool answer on average, as whole numbers.

    Parameters
    ----------
    drive : float32 (positions, fields), :math:`w_f \cdot \hat p` of one image
    offset : float32 (fields,)
    pool : int64 (twins, positions), pool of each position for the fields of each twin
    factor : float64 (pools,), to the mean in units of the answer, squared
    sums : float32 (pools, fields of a twin), used
    out : float32 (pools * fields of a twin,), filled
    """
    n = sums.shape[1]
    zero = np.float32(0.0)
    rounded = out.reshape(sums.shape)
    rounded[:] = zero
    for twin in range(len(pool)):
        sums[:] = zero
        own = offset[twin * n : (twin + 1) * n]
        for at in range(len(drive)):
            row, target = drive[at, twin * n : (twin + 1) * n], sums[pool[twin, at]]
            for f in range(n):
                target[f] += max(row[f] - own[f], zero)
        for k in range(len(sums)):
            for f in range(n):
                rounded[k, f] += np.rint(np.sqrt(sums[k, f] * factor[k]))


@njit(nogil=True, error_model="numpy")
def eigen(a, vectors):
    """Diagonalise a symmetric matrix by Jacobi's rotations: ``a`` becomes diagonal, columns of ``vectors`` span it.

    In an order of its own, so that the result depends on no library and on no number of threads.
    """
    n = len(a)
    vectors[:] = 0.0
    for i in range(n):
        vectors[i, i] = 1.0
    for _ in range(60):
        off, whole = 0.0, 0.0
        for i in range(n):
            for j in range(n):
                whole += a[i, j] * a[i, j]
                if i != j:
                    off += a[i, j] * a[i, j]
        if off <= 1e-28 * whole:
            return
        for i in range(n):
            for j in range(i + 1, n):
                if a[i, j] == 0.0:
                    continue
                tau = (a[j, j] - a[i, i]) / (2.0 * a[i, j])
                t = (1.0 if tau >= 0 else -1.0) / (abs(tau) + np.sqrt(1.0 + tau * tau))
                c = 1.0 / np.sqrt(1.0 + t * t)
                s = t * c
                for k in range(n):
                    x, y = a[k, i], a[k, j]
                    a[k, i], a[k, j] = c * x - s * y, s * x + c * y
                for k in range(n):
                    x, y = a[i, k], a[j, k]
                    a[i, k], a[j, k] = c * x - s * y, s * x + c * y
                for k in range(n):
                    x, y = vectors[k, i], vectors[k, j]
                    vectors[k, i], vectors[k, j] = c * x - s * y, s * x + c * y


@njit(nogil=True, error_model="numpy")
def on_off(images, scale, geometry, unit, constant, weights, offset, gain, out):
    """ON and OFF intensities, uint8 (n, positions * channels * 2), of whitened images.

    ``weights`` (channels, inputs) and ``offset`` (channels,) give the whitened pixel in the middle of each patch.
    """
    patch = np.zeros(weights.shape[1])
    n_channels = len(weights)
    for b in range(len(images)):
        for at in range(geometry.rows * geometry.columns):
            normalise(images[b], scale, geometry, at, unit, constant, patch)
            for c in range(n_channels):
                value = -offset[c]
                for i in range(len(patch)):
                    value += weights[c, i] * patch[i]
                level = np.uint8(min(np.rint(abs(value) * gain), 255.0))
                first = (at * n_channels + c) * 2
                out[b, first] = level if value > 0 else np.uint8(0)
                out[b, first + 1] = level if value < 0 else np.uint8(0)
