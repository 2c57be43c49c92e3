"""Builders of synapses: rows of targets for each connection rule, and their places in a shard's memory.

A kernel template without models. Every number drawn is a function of (seed, projection, neuron, count), so
a builder gives the same synapses however its loop is split. A *row* holds the targets of one pre neuron, in
CSR form.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .rng import STREAM_CONNECT, STREAM_DELAYS, STREAM_WEIGHTS, philox

LOW32 = np.uint64(0xFFFFFFFF)
CELLS = 16384  # of a quantile table


def draw(i: Any, j: Any, projection: Any, stream: Any, key: Any) -> Any:
    """Four words for the ``j``-th draw of neuron ``i``."""
    return philox(np.uint64(i), np.uint64(j), np.uint64(projection), stream, key[0], key[1])


def below(word: Any, n: int) -> Any:
    """Scale a 32-bit word to ``range(n)``."""
    return np.int64((word * np.uint64(n)) >> np.uint64(32))


def choose(
    out: Any, mark: Any, i: int, n: int, taboo: int, multapses: bool, projection: int, key: Any
) -> None:
    """Draw ``len(out)`` of ``n`` neurons for neuron ``i``, not ``taboo``; each once if not ``multapses``.

    ``mark`` is scratch of length ``n`` that holds no ``i + 1``.
    """
    k = len(out)
    room = n - (1 if taboo >= 0 else 0)
    if not multapses and 2 * k > room:
        # draw those left out instead
        n_out, j = 0, 0
        while n_out < room - k:
            w = draw(i, j, projection, STREAM_CONNECT, key)
            x = below(w[0], n)
            j += 1
            if x != taboo and mark[x] != i + 1:
                mark[x] = i + 1
                n_out += 1
        position = 0
        for x in range(n):
            if x != taboo and mark[x] != i + 1:
                out[position] = x
                position += 1
        return
    position, j = 0, 0
    while position < k:
        w = draw(i, j, projection, STREAM_CONNECT, key)
        j += 1
        for c in range(4):
            x = below(w[c], n)
            if position < k and x != taboo and (multapses or mark[x] != i + 1):
                if not multapses:
                    mark[x] = i + 1
                out[position] = x
                position += 1


def fixed_degree(
    n_here: int, n_there: int, k: int, same: bool, autapses: bool, multapses: bool, projection: int, key: Any
) -> Any:
    """``k`` partners for each of ``n_here`` neurons: uint32[n_here, k]."""
    out = np.empty((n_here, k), np.uint32)
    mark = np.zeros(0 if multapses else n_there, np.int64)
    for i in range(n_here):
        choose(out[i], mark, i, n_there, i if same and not autapses else -1, multapses, projection, key)
    return out


def transpose(partner: Any, n_pre: int) -> Any:
    """Rows by pre neuron from pre neurons listed by post: (int64[n_pre + 1], uint32[n])."""
    ptr = np.zeros(n_pre + 1, np.int64)
    for i in range(partner.shape[0]):
        for j in range(partner.shape[1]):
            ptr[partner[i, j] + 1] += 1
    for i in range(n_pre):
        ptr[i + 1] += ptr[i]
    cursor = ptr[:-1].copy()
    post = np.empty(partner.size, np.uint32)
    for i in range(partner.shape[0]):
        for j in range(partner.shape[1]):
            p = partner[i, j]
            post[cursor[p]] = i
            cursor[p] += 1
    return ptr, post


def fixed_probability(
    n_pre: int, n_post: int, p: float, same: bool, autapses: bool, projection: int, key: Any
) -> Any:
    """Connect each pair with probability ``p``, by geometric jumps along each row."""
    ptr: Any = np.zeros(n_pre + 1, np.int64)
    post = np.empty(0, np.uint32)
    scale = 0.0 if p >= 1.0 else 1.0 / math.log1p(-p)
    for fill in range(2):
        for i in range(n_pre):
            x: Any = -1
            n, j = ptr[i], 0
            while True:
                w = draw(i, j, projection, STREAM_CONNECT, key)
                j += 1
                u = (np.float64(w[0] * np.uint64(1 << 21) + (w[1] >> np.uint64(11))) + 0.5) * 2.0**-53
                jump = math.log(u) * scale
                x += 1 + (np.int64(jump) if jump < n_post else n_post)
                if x >= n_post:
                    break
                if same and not autapses and x == i:
                    continue
                if fill:
                    post[n] = x
                n += 1
            if not fill:
                ptr[i + 1] = n
        if not fill:
            post = np.empty(ptr[n_pre], np.uint32)
    return ptr, post


def fixed_total(
    n_pre: int, n_post: int, n: int, same: bool, autapses: bool, projection: int, key: Any
) -> Any:
    """``n`` pairs with replacement: first how many each pre neuron has, then their targets row by row."""
    ptr = np.zeros(n_pre + 1, np.int64)
    for j in range((n + 3) // 4):
        w = philox(np.uint64(j), np.uint64(1), np.uint64(projection), STREAM_CONNECT, key[0], key[1])
        for c in range(min(4, n - 4 * j)):
            ptr[below(w[c], n_pre) + 1] += 1
    for i in range(n_pre):
        ptr[i + 1] += ptr[i]
    post = np.empty(n, np.uint32)
    avoid = same and not autapses
    room = n_post - (1 if avoid else 0)
    for i in range(n_pre):
        row = post[ptr[i] : ptr[i + 1]]
        for j in range((len(row) + 3) // 4):
            w = draw(i, j + (1 << 31), projection, STREAM_CONNECT, key)
            for c in range(min(4, len(row) - 4 * j)):
                x = below(w[c], room)
                row[4 * j + c] = x + 1 if avoid and x >= i else x
    return ptr, post


def quantile(word: Any, table: Any) -> Any:
    """Value of a distribution at a 32-bit probability, from tables of its body and its outermost cells."""
    cell = word >> np.uint64(18)
    rest = word & np.uint64((1 << 18) - 1)
    if cell == 0 or cell == CELLS - 1:
        part = 1 if cell == 0 else 2
        fine = rest >> np.uint64(4)
        share = (np.float64(rest & np.uint64(15)) + 0.5) / 16.0
        return table[part, fine] + (table[part, fine + np.uint64(1)] - table[part, fine]) * share
    share = (np.float64(rest) + 0.5) / (1 << 18)
    return table[0, cell] + (table[0, cell + np.uint64(1)] - table[0, cell]) * share


def weight_of(i: int, j: int, s: int, weights: Any, table: Any, projection: int, key: Any) -> Any:
    """Weight of synapse ``s``, the ``j``-th of pre neuron ``i``: given, or drawn from a table."""
    if len(weights) == 1:
        return weights[0]
    if len(weights) > 1:
        return weights[s]
    return quantile(draw(i, j, projection, STREAM_WEIGHTS, key)[0], table)


def delay_of(i: int, j: int, s: int, delays: Any, table: Any, projection: int, key: Any) -> Any:
    """Delay in ticks of synapse ``s``, the ``j``-th of pre neuron ``i``; at least 1."""
    if len(delays) == 1:
        return np.int64(delays[0])
    if len(delays) > 1:
        return np.int64(delays[s])
    return max(np.int64(1), np.int64(round(quantile(draw(i, j, projection, STREAM_DELAYS, key)[0], table))))


def count_delays(
    ptr: Any,
    post: Any,
    lo: int,
    hi: int,
    delays: Any,
    table: Any,
    least: int,
    count: Any,
    projection: int,
    key: Any,
) -> None:
    """Add to ``count[i, delay - least]`` the synapses of each pre neuron onto targets in [lo, hi)."""
    for i in range(len(ptr) - 1):
        for s in range(ptr[i], ptr[i + 1]):
            if lo <= post[s] < hi:
                count[i, delay_of(i, s - ptr[i], s, delays, table, projection, key) - least] += 1


def place(
    ptr: Any,
    post: Any,
    lo: int,
    hi: int,
    shift: int,
    delays: Any,
    delay_table: Any,
    least: int,
    weights: Any,
    weight_table: Any,
    cursor: Any,
    target: Any,
    weight: Any,
    projection: int,
    key: Any,
) -> None:
    """Write the synapses onto targets in [lo, hi) to where ``cursor[i, delay - least]`` points.

    ``shift`` turns a post neuron's number into its slot; ``weight`` has length 0 where all are equal.
    """
    for i in range(len(ptr) - 1):
        for s in range(ptr[i], ptr[i + 1]):
            if lo <= post[s] < hi:
                j = s - ptr[i]
                d = delay_of(i, j, s, delays, delay_table, projection, key) - least
                position = cursor[i, d]
                cursor[i, d] = position + 1
                target[position] = post[s] + shift
                if len(weight):
                    weight[position] = weight_of(i, j, s, weights, weight_table, projection, key)


def take(
    ptr: Any,
    post: Any,
    lo: int,
    hi: int,
    delays: Any,
    delay_table: Any,
    weights: Any,
    weight_table: Any,
    projection: int,
    key: Any,
) -> Any:
    """List the synapses onto targets in [lo, hi), row by row: pre, post, delay in ticks and weight."""
    n = 0
    for s in range(len(post)):
        if lo <= post[s] < hi:
            n += 1
    i_out, j_out, d_out = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    w_out, n = np.empty(n, np.float64), 0
    for i in range(len(ptr) - 1):
        for s in range(ptr[i], ptr[i + 1]):
            if lo <= post[s] < hi:
                i_out[n], j_out[n] = i, post[s]
                d_out[n] = delay_of(i, s - ptr[i], s, delays, delay_table, projection, key)
                w_out[n] = weight_of(i, s - ptr[i], s, weights, weight_table, projection, key)
                n += 1
    return i_out, j_out, d_out, w_out


def fill_dense(
    n_pre: int,
    n_post: int,
    lo: int,
    hi: int,
    weights: Any,
    table: Any,
    diagonal: bool,
    out: Any,
    projection: int,
    key: Any,
) -> None:
    """Rows of an all-to-all matrix onto targets in [lo, hi), one after another in ``out``."""
    for i in range(n_pre):
        for x in range(lo, hi):
            w = weight_of(i, x, i * n_post + x, weights, table, projection, key)
            out[i * (hi - lo) + x - lo] = 0.0 if diagonal and x == i else w


def fill_segments(
    count: Any, least: int, start: int, group: int, base: int, ptr: Any, delay: Any, entry: Any, fill: Any
) -> Any:
    """Turn counts of synapses into segments, and ``count`` into the place of each segment's first synapse.

    Parameters
    ----------
    count : int64[n_pre, n_delays]
    start : int
        place of the group's first synapse
    base : int
        number of the first pre neuron among all sources
    ptr : int64[n_sources + 1]
        where each source's segments begin
    fill : int64[n_sources]
        how many segments of each source are written already

    Returns
    -------
    int
        place after the group's last synapse
    """
    for i in range(count.shape[0]):
        for d in range(count.shape[1]):
            n = count[i, d]
            count[i, d] = start
            while n > 0:
                length = min(n, 0xFFFFF)
                s = ptr[base + i] + fill[base + i]
                delay[s] = d + least
                entry[s] = start << 28 | length << 8 | group
                fill[base + i] += 1
                start += length
                n -= length
    return start


def count_segments(count: Any, base: int, ptr: Any) -> None:
    """Add the number of segments of each pre neuron to ``ptr[base + i + 1]``."""
    for i in range(count.shape[0]):
        for d in range(count.shape[1]):
            ptr[base + i + 1] += (count[i, d] + 0xFFFFE) // 0xFFFFF
