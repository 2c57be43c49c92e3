"""What reaches a layer during a window, as lists of weighted rows.

The input of a trial is held as *deviations from what is expected*: each channel that is more likely on than off is
listed once for the trial (the base), and a tick then lists only the channels that differ: +1 for an unexpected spike,
-1 for an expected spike that did not come. On MNIST at 20 ticks this takes 22 rows a tick instead of 103, and the
currents are the same sums.

Shapes: ``n_trials`` trials of ``n_ticks`` ticks; slot ``trial * n_ticks + tick``. The last channel, ``n_channels``,
is the bias: always on, hence part of every base.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .rng import philox


@njit(nogil=True, cache=True, error_model="numpy")
def encode_bernoulli(x, threshold, key, offset, n_ticks, epoch, stream, k0, k1, first, last, events):  # type: ignore[no-untyped-def]
    """Draw ``x_i(t) = [u < threshold[x_i]]`` for trials ``first`` to ``last``; u is a 32-bit Philox word.

    The counter is (channel, tick / 4 and epoch, content key, stream): what a sample draws is a function of its own
    pixels, never of its neighbours in the batch. ``tegmentum.datasets.bernoulli`` draws the same spikes.
    """
    n_channels = x.shape[1]
    certain = np.uint64(1) << np.uint64(32)
    half = certain >> np.uint64(1)
    low = np.uint64(0xFFFFFFFF)
    for b in range(first, last):
        room = (offset[b + 1] - offset[b]) // (n_ticks + 1)
        base = offset[b]
        events.base_start[b] = base
        n_base = 0
        slots = b * n_ticks
        for t in range(n_ticks):
            events.start[slots + t] = base + (1 + t) * room
            events.count[slots + t] = 0
        spikes = 0
        c2 = key[b] & low
        c3 = ((key[b] >> np.uint64(32)) ^ (stream << np.uint64(24))) & low
        for i in range(n_channels):
            thr = threshold[x[b, i]]
            if thr == 0:
                continue
            expected = thr > half
            if expected:
                events.index[base + n_base] = i
                events.value[base + n_base] = np.float32(1.0)
                n_base += 1
            if thr >= certain:
                spikes += n_ticks
                continue
            for quad in range((n_ticks + 3) // 4):
                words = philox(np.uint64(i), np.uint64(quad) + (epoch << np.uint64(8)), c2, c3, k0, k1)
                for lane in range(min(4, n_ticks - 4 * quad)):
                    slot = slots + 4 * quad + lane
                    spike = words[lane] < thr
                    spikes += spike
                    at = events.start[slot] + events.count[slot]
                    events.index[at] = i
                    events.value[at] = np.float32(-1.0) if expected else np.float32(1.0)
                    events.count[slot] += spike != expected
        events.index[base + n_base] = n_channels
        events.value[base + n_base] = np.float32(1.0)
        events.base_count[b] = n_base + 1
        events.spikes[b] = spikes


@njit(nogil=True, cache=True)
def encode_graded(x, scale, offset, n_ticks, first, last, events):  # type: ignore[no-untyped-def]
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


@njit(nogil=True, cache=True)
def from_outputs(outputs, n_neurons, first, last, events):  # type: ignore[no-untyped-def]
    """List the non-zero outputs of the layer before: ``outputs`` (n_trials, n_ticks, >= n_neurons)."""
    n_ticks = outputs.shape[1]
    room = n_ticks * (n_neurons + 1) + 1  # one entry more in each slot: the loop writes before it counts
    for b in range(first, last):
        at = b * room
        events.index[at] = n_neurons
        events.value[at] = np.float32(1.0)
        events.base_start[b] = at
        events.base_count[b] = 1
        spikes = 0
        for t in range(n_ticks):
            begin = at + 1 + t * (n_neurons + 1)
            n = 0
            for i in range(n_neurons):
                out = outputs[b, t, i]
                events.index[begin + n] = i
                events.value[begin + n] = np.float32(out)
                n += out != 0
            events.start[b * n_ticks + t] = begin
            events.count[b * n_ticks + t] = n
            spikes += n
        events.spikes[b] = spikes


@njit(nogil=True, cache=True)
def sort_by_row(events, first, n_trials, n_ticks, rows):  # type: ignore[no-untyped-def]
    """Fill ``rows`` with the events of one batch: a counting sort, stable in (trial, tick)."""
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
    for b in range(first, first + n_trials):
        slot0 = (b - first) * (n_ticks + 1)
        for k in range(events.base_start[b], events.base_start[b] + events.base_count[b]):
            at = start[events.index[k]]
            rows.slot[at] = slot0
            rows.value[at] = events.value[k]
            start[events.index[k]] = at + 1
        for t in range(n_ticks):
            slot = b * n_ticks + t
            for k in range(events.start[slot], events.start[slot] + events.count[slot]):
                at = start[events.index[k]]
                rows.slot[at] = slot0 + 1 + t
                rows.value[at] = events.value[k]
                start[events.index[k]] = at + 1
    for i in range(len(start) - 1, 0, -1):  # each start was advanced to its end
        start[i] = start[i - 1]
    start[0] = 0
