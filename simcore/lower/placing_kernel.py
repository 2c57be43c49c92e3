"""Where synapses lie: rows of targets become segments in a shard's memory, with their delays and weights.

A kernel template without models. The delay and the weight of a synapse are functions of (seed, projection, pre neuron,
number in its row), drawn for 256 synapses at a time in vector registers; those onto other shards are skipped.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..random.philox import STREAM_DELAYS, STREAM_WEIGHTS
from ..random.words_kernel import BLOCK, GROUP, draw
from .arrays import MAX_LENGTH
from .entries import packed
from .halves import half_of, value_of, word_of

CELLS = 16384  # of a quantile table


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


def tick_of(k: int, s: int, draws: Any) -> Any:
    """Delay in ticks of synapse ``s``, the ``k``-th of its block of words: given or drawn; at least 1."""
    if len(draws.delays) == 1:
        return np.int64(draws.delays[0])
    if len(draws.delays) > 1:
        return np.int64(draws.delays[s])
    return max(np.int64(1), np.int64(round(quantile(np.uint64(draws.delay_words[k]), draws.delay_table))))


def weight_of(k: int, s: int, draws: Any) -> Any:
    """Weight of synapse ``s``, the ``k``-th of its block of words: given or drawn."""
    if len(draws.weights) == 1:
        return draws.weights[0]
    if len(draws.weights) > 1:
        return draws.weights[s]
    return quantile(np.uint64(draws.weight_words[k]), draws.weight_table)


def draw_delays(i: int, first: int, draws: Any) -> None:
    """Draw the words for the delays of neuron ``i``'s synapses from the ``first`` on, if delays are drawn."""
    if len(draws.delays) == 0:
        counter, number = first // BLOCK * GROUP, draws.projection
        draw(draws.delay_words, draws.counters, STREAM_DELAYS, number, counter, i, 0, draws.key)


def draw_weights(i: int, first: int, draws: Any) -> None:
    """Draw the words for the weights of neuron ``i``'s synapses from the ``first`` on, if weights are drawn."""
    if len(draws.weights) == 0:
        counter, number = first // BLOCK * GROUP, draws.projection
        draw(draws.weight_words, draws.counters, STREAM_WEIGHTS, number, counter, i, 0, draws.key)


def number_of(i: int, s: int, ptr: Any, draws: Any) -> Any:
    """Return the number of synapse ``s`` in the row of pre neuron ``i``, of which a rank may hold a part."""
    if len(draws.number):
        return np.int64(draws.number[s])
    if len(draws.start):
        return draws.start[i] + s - ptr[i]
    return s - ptr[i]


def block_end(i: int, s: int, end: int, ptr: Any, draws: Any) -> Any:
    """Return where the synapses end whose words are drawn with those of ``s``, at most ``end``."""
    n = number_of(i, s, ptr, draws)
    last = n // BLOCK * BLOCK + BLOCK
    if len(draws.number) == 0:
        return min(end, s + last - n)
    while s < end and draws.number[s] < last:
        s += 1
    return s


def count_delays(ptr: Any, post: Any, lo: int, hi: int, least: int, count: Any, draws: Any) -> None:
    """Add to ``count[i, delay - least]`` the synapses of each pre neuron onto targets in [lo, hi)."""
    for i in range(len(ptr) - 1):
        begin, end = ptr[i], ptr[i + 1]
        while begin < end:
            first = number_of(i, begin, ptr, draws) // BLOCK * BLOCK
            stop = block_end(i, begin, end, ptr, draws)
            draw_delays(i, first, draws)
            for s in range(begin, stop):
                if lo <= post[s] < hi:
                    k = number_of(i, s, ptr, draws) - first
                    count[i, tick_of(k, s, draws) - least] += 1
            begin = stop


def place(
    ptr: Any,
    post: Any,
    lo: int,
    hi: int,
    shift: int,
    least: int,
    cursor: Any,
    target: Any,
    weight: Any,
    word: Any,
    draws: Any,
) -> None:
    """Write the synapses onto targets in [lo, hi) to where ``cursor[i, delay - least]`` points.

    ``shift`` turns a post neuron's number into its target; ``weight`` has length 0 where all are equal, and where they
    lie in one ``word`` with their targets, which else has length 0.
    """
    for i in range(len(ptr) - 1):
        begin, end = ptr[i], ptr[i + 1]
        while begin < end:
            first = number_of(i, begin, ptr, draws) // BLOCK * BLOCK
            stop = block_end(i, begin, end, ptr, draws)
            draw_delays(i, first, draws)
            if len(weight) + len(word):
                draw_weights(i, first, draws)
            for s in range(begin, stop):
                if lo <= post[s] < hi:
                    k = number_of(i, s, ptr, draws) - first
                    d = tick_of(k, s, draws) - least
                    position = cursor[i, d]
                    cursor[i, d] = position + 1
                    if len(word):
                        word[position] = word_of(post[s] + shift, weight_of(k, s, draws))
                        continue
                    target[position] = post[s] + shift
                    if len(weight) and draws.half:
                        weight[position] = value_of(half_of(weight_of(k, s, draws)) << np.uint32(16))
                    elif len(weight):
                        weight[position] = weight_of(k, s, draws)
            begin = stop


def take(ptr: Any, post: Any, lo: int, hi: int, out: Any, weight: Any, draws: Any) -> Any:
    """List the synapses onto targets in [lo, hi), row by row; returns how many.

    Parameters
    ----------
    out : int64[3, n]
        pre, post, delay in ticks; where n is 0, synapses are counted only
    weight : float64[n]
    """
    n = 0
    for i in range(len(ptr) - 1):
        for begin in range(ptr[i], ptr[i + 1], BLOCK):
            draw_delays(i, begin - ptr[i], draws)
            draw_weights(i, begin - ptr[i], draws)
            for k in range(min(BLOCK, ptr[i + 1] - begin)):
                s = begin + k
                if lo <= post[s] < hi:
                    if len(weight):
                        out[0, n], out[1, n], out[2, n] = i, post[s], tick_of(k, s, draws)
                        weight[n] = weight_of(k, s, draws)
                    n += 1
    return n


def fill_dense(n_pre: int, n_post: int, lo: int, hi: int, diagonal: bool, out: Any, draws: Any) -> None:
    """Rows of an all-to-all matrix onto targets in [lo, hi), one after another in ``out``."""
    for i in range(n_pre):
        for first in range(lo // BLOCK * BLOCK, hi, BLOCK):
            draw_weights(i, first, draws)
            for k in range(max(lo - first, 0), min(BLOCK, hi - first)):
                x = first + k
                w = weight_of(k, i * n_post + x, draws)
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
                length = min(n, MAX_LENGTH)
                s = ptr[base + i] + fill[base + i]
                delay[s] = d + least
                entry[s] = packed(start, length, group)
                fill[base + i] += 1
                start += length
                n -= length
    return start


def count_segments(count: Any, base: int, ptr: Any) -> None:
    """Add the number of segments of each pre neuron to ``ptr[base + i + 1]``."""
    for i in range(count.shape[0]):
        for d in range(count.shape[1]):
            ptr[base + i + 1] += (count[i, d] + 0xFFFFE) // 0xFFFFF


def pack(
    begin: Any, length: Any, cursor: int, last: int, shift: int, target: Any, bits: Any, rest_ptr: Any
) -> Any:
    """Turn lists of targets into rows of bits, and list what finds its bit set from ``target[cursor]`` on.

    Lists lie one after another, and none before ``cursor``.

    Parameters
    ----------
    begin, length : int64[n_rows]
        of each list
    last, shift : int
        targets from ``last`` on have their bits ``shift`` places later, see :func:`.bitmaps.last_group`
    bits : uint64[n_rows, n_words]
    rest_ptr : int64[n_rows]
        gets where the rest of each list begins

    Returns
    -------
    int
        place after the last that is listed
    """
    for row in range(len(begin)):
        rest_ptr[row] = cursor
        for s in range(begin[row], begin[row] + length[row]):
            t = np.int64(target[s])
            place = t + shift if t >= last else t
            word, bit = place >> 6, np.uint64(1) << np.uint64(place & 63)
            if bits[row, word] & bit:
                target[cursor] = t
                cursor += 1
            else:
                bits[row, word] |= bit
    return cursor
