"""What reaches a layer during a window, as lists of weighted rows.

The input of a trial is held as *deviations from what is expected*: each channel that is more likely on than off is
listed once for the trial (the base), and a tick then lists only the channels that differ: +1 for an unexpected spike,
-1 for an expected spike that did not come. On MNIST at 20 ticks this takes 22 rows a tick instead of 103, and the
currents are the same sums.

Shapes: ``n_trials`` trials of ``n_ticks`` ticks; slot ``trial * n_ticks + tick``. The last channel, ``n_channels``,
is the bias: always on, hence part of every base.
"""

from __future__ import annotations

import numba
import numpy as np
from numba import njit

from tegmentum.simcore.intrinsics.bits import below, count_bits, count_set, first_set, list_bits
from tegmentum.simcore.lower.window_arrays import SPARE, RowIndex
from tegmentum.simcore.random.philox import KEY, absorb, mixed
from tegmentum.simcore.random.philox_block import philox_block

take_in, mix = numba.njit(absorb), numba.njit(mixed)


@njit(nogil=True, error_model="numpy")
def encode_bernoulli(x, threshold, offset, n_ticks, epoch, stream, k0, k1, first, last, events):
    """Draw ``x_i(t) = [u < threshold[x_i]]`` for trials ``first`` to ``last``; u is a 32-bit Philox word.

    The counter is (channel, tick / 4 and epoch, the sample's content key, stream): what a sample draws is a function of
    its own pixels, never of its neighbours in the batch. ``tegmentum.datasets.bernoulli`` draws the same spikes.
    """
    n_channels = x.shape[1]
    certain, low = np.uint64(1) << np.uint64(32), np.uint64(0xFFFFFFFF)
    half = certain >> np.uint64(1)
    stride = (n_channels + 64) // 64 * 64
    words = np.zeros(4 * stride, np.uint32)
    channel, limit = np.zeros(stride, np.uint32), np.zeros(stride, np.uint32)
    flip = np.zeros(stride // 64, np.uint64)  # a bit for each channel of which an absent spike is listed
    one = np.uint64(1)
    n = offset[first]
    for b in range(first, last):
        base = n  # a stream without gaps is fetched ahead
        n_base, n_random, spikes = 0, 0, 0
        flip[:] = 0
        key = KEY
        for i in range(n_channels):
            key = take_in(key, np.uint64(x[b, i]))
            thr = threshold[x[b, i]]
            if thr > half:  # expected to spike: part of the base, and a tick without the spike deviates
                events.index[base + n_base] = i
                events.value[base + n_base] = np.float32(1.0)
                n_base += 1
            if thr > 0 and thr < certain:
                channel[n_random], limit[n_random] = i, thr
                flip[n_random // 64] |= np.uint64(thr > half) << np.uint64(n_random % 64)
                n_random += 1
        n_words = (n_random + 63) // 64
        limit[n_random : 64 * n_words] = 0
        spikes = n_base * n_ticks
        events.index[base + n_base] = n_channels
        events.value[base + n_base] = np.float32(1.0)
        events.base_start[b], events.base_count[b] = base, n_base + 1
        n = base + n_base + 1
        key = mix(key)
        c2 = key & low
        c3 = ((key >> np.uint64(32)) ^ (stream << np.uint64(24))) & low
        for quad in range((n_ticks + 3) // 4):
            c1 = np.uint64(quad) + (epoch << np.uint64(8))
            philox_block(words, channel, n_random, c1, c2, c3, k0, k1)
            for lane in range(min(4, n_ticks - 4 * quad)):
                tick, at = 4 * quad + lane, n
                for k in range(n_words):
                    absent = flip[k]
                    listed = below(words, lane * stride + 64 * k, limit, 64 * k) ^ absent
                    spikes += count_set(listed & ~absent) - count_set(listed & absent)
                    while listed != 0:
                        i = first_set(listed)
                        events.index[n] = channel[64 * k + i]
                        events.value[n] = 1 - 2 * np.int64(absent >> np.uint64(i) & one)
                        n += 1
                        listed &= listed - one
                events.start[b * n_ticks + tick] = at
                events.count[b * n_ticks + tick] = n - at
        events.spikes[b] = spikes


@njit(nogil=True)
def encode_graded(x, scale, offset, n_ticks, first, last, events):
    """Present the same graded input ``x_i * scale`` at every tick; nothing deviates from it."""
    for b in range(first, last):
        at = offset[b]
        events.base_start[b] = at
        for t in range(n_ticks):
            events.count[b * n_ticks + t] = 0
        for i in range(x.shape[1]):
            if x[b, i] != 0:
                events.index[at] = i
                events.value[at] = np.float32(x[b, i]) * scale
                at += 1
        events.spikes[b] = (at - offset[b]) * n_ticks
        events.index[at] = x.shape[1]
        events.value[at] = np.float32(1.0)
        events.base_count[b] = at + 1 - offset[b]


@njit(nogil=True)
def from_spikes(spikes, n_neurons, first, last, events):
    """List who fired in the layer before: ``spikes`` uint8 (n_trials, n_ticks, >= n_neurons / 8), a bit for each.

    Every entry of ``events.value`` is 1 already and stays so.
    """
    n_ticks, n_bytes = spikes.shape[1], spikes.shape[2]
    room = n_ticks * (n_neurons + SPARE) + 1
    for b in range(first, last):
        at = b * room
        events.index[at] = n_neurons
        events.base_start[b], events.base_count[b] = at, 1
        total, begin = 0, at + 1
        for t in range(n_ticks):
            n = list_bits(spikes, (b * n_ticks + t) * n_bytes, n_neurons, events.index, begin)
            events.start[b * n_ticks + t] = begin
            events.count[b * n_ticks + t] = n
            total += n
            begin += n
        events.spikes[b] = total


@njit(nogil=True)
def from_graded(outputs, n_neurons, first, last, events):
    """List the outputs of a graded layer before: ``outputs`` float32 (n_trials, n_ticks, >= n_neurons)."""
    n_ticks = outputs.shape[1]
    room = n_ticks * (n_neurons + SPARE) + 1
    for b in range(first, last):
        at = b * room
        events.index[at], events.value[at] = n_neurons, np.float32(1.0)
        events.base_start[b], events.base_count[b] = at, 1
        for t in range(n_ticks):
            begin = at + 1 + t * (n_neurons + SPARE)
            for i in range(n_neurons):
                events.index[begin + i] = i
                events.value[begin + i] = outputs[b, t, i]
            events.start[b * n_ticks + t] = begin
            events.count[b * n_ticks + t] = n_neurons
        events.spikes[b] = n_ticks * n_neurons


@njit(nogil=True)
def count_spikes(spikes, n_neurons, first, last, events):
    """Count what :func:`from_spikes` lists, and list nothing: for a layer that takes the bits themselves."""
    n_ticks, n_bytes = spikes.shape[1], spikes.shape[2]
    for b in range(first, last):
        total = 0
        for t in range(n_ticks):
            total += count_bits(spikes, (b * n_ticks + t) * n_bytes, n_neurons)
        events.spikes[b] = total


@njit(nogil=True)
def sort_by_row(events, first, n_trials, n_ticks, rows):
    """Fill ``rows`` with the events of one batch: a counting sort, stable in trials, the last tick first."""
    start = rows.start
    start[:] = 0
    for b in range(first, first + n_trials):
        for k in range(events.base_start[b], events.base_start[b] + events.base_count[b]):
            start[events.index[k] + 1] += 1
        for slot in range(b * n_ticks, (b + 1) * n_ticks):
            for k in range(events.start[slot], events.start[slot] + events.count[slot]):
                start[events.index[k] + 1] += 1
    for i in range(1, len(start)):
        start[i] += start[i - 1]
    for t in range(n_ticks, -1, -1):
        for b in range(first, first + n_trials):
            slot = b * n_ticks + t
            if t == n_ticks:
                begin, count, own = events.base_start[b], events.base_count[b], 0
            else:
                begin, count, own = events.start[slot], events.count[slot], 1 + t
            for k in range(begin, begin + count):
                at = start[events.index[k]]
                rows.slot[at] = (b - first) * (n_ticks + 1) + own
                rows.value[at] = events.value[k]
                start[events.index[k]] = at + 1
        for i in range(rows.end.shape[1]):
            rows.end[t, i] = start[i]
    for i in range(len(start) - 1, 0, -1):  # each start was advanced to its end
        start[i] = start[i - 1]
    start[0] = 0


@njit(nogil=True)
def sort_batches(events, first, last, n_trials, n_ticks, rows):
    """Do :func:`sort_by_row` for batches ``first`` to ``last``; each field of ``rows`` has an axis for them."""
    for k in range(first, last):
        batch = RowIndex(rows.start[k], rows.end[k], rows.slot[k], rows.value[k])
        sort_by_row(events, k * n_trials, n_trials, n_ticks, batch)
