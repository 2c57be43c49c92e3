r"""Columns: spiking neurons with small receptive fields that all positions of an image share.

At each position of the image stands a column of K neurons. Neuron f of a column integrates the spikes of its patch
without leak, an interneuron of the column inhibits all its neurons alike, and what the neurons of a pool fire is
counted:

.. math::
    V_f \leftarrow V_f + \sum_i w_{fi} x_i(t) - \theta \sqrt{c(t) + c_0}, \qquad
    S_f = [V_f > q], \quad V_f \leftarrow V_f - q S_f

with c(t) the spikes that reached the patch in this tick. A kernel template, see :mod:`.templates`.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, error_model="numpy")
def drop(event, sign, geometry, fields, target, count):
    """Add the receptive fields that contain one pixel, at all positions that see it, to ``target``."""
    size, channels, stride = geometry.size, geometry.channels, geometry.stride
    pixel, c = event // channels, event % channels
    y, x = pixel // geometry.width, pixel % geometry.width
    for py in range((max(y - size + 1, 0) + stride - 1) // stride, min(y // stride, geometry.rows - 1) + 1):
        for px in range(
            (max(x - size + 1, 0) + stride - 1) // stride, min(x // stride, geometry.columns - 1) + 1
        ):
            at = py * geometry.columns + px
            row, field = target[at], fields[((y - py * stride) * size + (x - px * stride)) * channels + c]
            for f in range(len(row)):
                row[f] += sign * field[f]
            count[at] += np.int64(sign)


@njit(nogil=True, error_model="numpy")
def see(event, geometry, seen):
    """Mark the positions whose patch contains one pixel."""
    pixel, size, stride = event // geometry.channels, geometry.size, geometry.stride
    y, x = pixel // geometry.width, pixel % geometry.width
    for py in range((max(y - size + 1, 0) + stride - 1) // stride, min(y // stride, geometry.rows - 1) + 1):
        for px in range(
            (max(x - size + 1, 0) + stride - 1) // stride, min(x // stride, geometry.columns - 1) + 1
        ):
            seen[py * geometry.columns + px] = True


@njit(nogil=True, error_model="numpy")
def respond(events, n_ticks, first, last, n_channels, geometry, fields, inhibition, quantum, pool, out):
    """Spikes of each pool and feature over the window, for trials ``first`` to ``last``.

    Parameters
    ----------
    events : WindowEvents
    fields : float32 (size * size * channels, K)
    inhibition : float32 (size * size * channels + 1,), of a column by the number of spikes in its patch
    pool : int64 (rows * columns,), pool of each position
    out : float32 (n_trials, n_pools * K), filled with whole numbers
    """
    n_positions, n_features = len(pool), fields.shape[1]
    v, base = np.zeros((n_positions, n_features), np.float32), np.zeros((n_positions, n_features), np.float32)
    expected, spikes = np.zeros(n_positions, np.int64), np.zeros(n_positions, np.int64)
    seen = np.zeros(n_positions, np.bool_)
    zero, one = np.float32(0.0), np.float32(1.0)
    for b in range(first, last):
        v[:] = zero
        base[:] = zero
        expected[:] = 0
        seen[:] = False
        pooled = out[b].reshape((-1, n_features))
        pooled[:] = zero
        for k in range(events.base_start[b], events.base_start[b] + events.base_count[b]):
            if events.index[k] < n_channels:  # the last channel is the bias, which columns do not have
                drop(np.int64(events.index[k]), events.value[k], geometry, fields, base, expected)
                see(np.int64(events.index[k]), geometry, seen)
        for slot in range(b * n_ticks, (b + 1) * n_ticks):
            for k in range(events.start[slot], events.start[slot] + events.count[slot]):
                see(np.int64(events.index[k]), geometry, seen)
        for t in range(n_ticks):
            slot = b * n_ticks + t
            spikes[:] = expected
            for k in range(events.start[slot], events.start[slot] + events.count[slot]):
                drop(np.int64(events.index[k]), events.value[k], geometry, fields, v, spikes)
            for at in range(n_positions):
                if not seen[at]:
                    continue
                off = inhibition[spikes[at]]
                potential, drive, sums = v[at], base[at], pooled[pool[at]]
                for f in range(n_features):
                    now = potential[f] + drive[f] - off
                    fired = one if now > quantum else zero
                    potential[f] = now - quantum * fired
                    sums[f] += fired


@njit(nogil=True, error_model="numpy")
def patch_of(image, geometry, at, patch):
    """Fill ``patch`` with the spike counts at a position, mean removed, length 1; returns the length it had."""
    y, x = at // geometry.columns * geometry.stride, at % geometry.columns * geometry.stride
    n = 0
    mean = 0.0
    for dy in range(geometry.size):
        for dx in range(geometry.size):
            for c in range(geometry.channels):
                patch[n] = image[((y + dy) * geometry.width + x + dx) * geometry.channels + c]
                mean += patch[n]
                n += 1
    mean /= n
    square = 0.0
    for i in range(n):
        patch[i] -= mean
        square += patch[i] * patch[i]
    length = np.sqrt(square)
    for i in range(n):
        patch[i] /= max(length, 1e-9)
    return length


@njit(nogil=True, error_model="numpy")
def compete(events, n_ticks, n_trials, n_channels, geometry, fields, vigilance, least, draws):
    """Let the neurons of one column compete for patches; the winner alone moves towards what it won.

    Parameters
    ----------
    fields : float64 (K, size * size * channels), changed
    vigilance : a patch that no recruited neuron matches this well recruits a fresh one
    least : patches of smaller length are passed over
    draws : float64 (n_trials, n_patches) in [0, 1), which positions are looked at

    Returns
    -------
    recruited neurons, matched patches
    """
    image = np.zeros(n_channels)
    patch = np.zeros(fields.shape[1])
    n_positions = geometry.rows * geometry.columns
    n_features = len(fields)
    wins = np.zeros(n_features, np.int64)
    n_used, total = 0, 0
    for b in range(n_trials):
        image[:] = 0.0
        for k in range(events.base_start[b], events.base_start[b] + events.base_count[b]):
            if events.index[k] < n_channels:
                image[events.index[k]] += n_ticks * events.value[k]
        for slot in range(b * n_ticks, (b + 1) * n_ticks):
            for k in range(events.start[slot], events.start[slot] + events.count[slot]):
                image[events.index[k]] += events.value[k]
        for draw in draws[b]:
            at = int(draw * n_positions)
            if patch_of(image, geometry, at, patch) < least:
                continue
            total += 1
            best, match, closest = -1, -2.0, -2.0
            for f in range(n_used):
                cosine = 0.0
                for i in range(len(patch)):
                    cosine += fields[f, i] * patch[i]
                closest = max(closest, cosine)
                # conscience: who wins more than its share must match better
                handicap = 0.5 * (wins[f] / total - 1.0 / n_used) if total > n_features else 0.0
                if cosine - handicap > match:
                    best, match = f, cosine - handicap
            if n_used < n_features and closest < vigilance:
                best, n_used = n_used, n_used + 1
            wins[best] += 1
            rate = max(1.0 / wins[best], 0.005)
            square = 0.0
            for i in range(len(patch)):
                fields[best, i] += rate * (patch[i] - fields[best, i])
                square += fields[best, i] * fields[best, i]
            for i in range(len(patch)):
                fields[best, i] /= max(np.sqrt(square), 1e-9)
    return n_used, total
