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
TICK_BITS = 12  # the first of a word, by which most delays are found without arithmetic


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


def count_own(post: Any, begin: int, stop: int, lo: int, hi: int) -> Any:
    """Count the synapses of a block that reach targets in [lo, hi)."""
    n, least, width = np.uint32(0), np.uint32(lo), np.uint32(hi - lo)
    for s in range(np.uint64(begin), np.uint64(stop)):
        n += np.uint32(np.uint32(np.uint32(post[s]) - least) < width)
    return np.int64(n)


def list_own(i: int, begin: int, stop: int, ptr: Any, post: Any, lo: int, hi: int, draws: Any) -> Any:
    """List those synapses of a block that reach targets in [lo, hi), and their words' numbers; returns how many.

    Of most blocks those are all or none, as rows list their targets about in order.
    """
    n, own, drawn = count_own(post, begin, stop, lo, hi), draws.own, draws.drawn
    if n == stop - begin:
        for k in range(n):
            own[k] = begin + k
    elif n > 0:
        n = 0
        for s in range(begin, stop):
            own[np.uint64(n)] = s
            n += lo <= post[np.uint64(s)] < hi
    if len(draws.number):
        for k in range(n):
            drawn[k] = draws.number[own[k]] % np.uint32(BLOCK)
    else:
        shift = number_of(i, begin, ptr, draws) % BLOCK - begin
        for k in range(n):
            drawn[k] = own[k] + shift
    return n


def draw_words(words: Any, stream: Any, i: int, number: int, draws: Any) -> None:
    """Draw the words of the block of synapses that holds the ``number``-th of neuron ``i``."""
    draw(words, draws.counters, stream, draws.projection, number // BLOCK * GROUP, i, 0, draws.key)


def take_given(given: Any, n: int, own: Any, out: Any) -> None:
    """Put to ``out`` what is given to the ``n`` listed synapses: one value for all, or each its own."""
    for k in range(n):
        out[k] = given[np.uint64(own[k])] if len(given) > 1 else given[0]


def find_delays(i: int, number: int, n: int, draws: Any) -> None:
    """Put the delays of the ``n`` listed synapses to ``draws.tick``: given or drawn; at least 1."""
    tick, drawn = draws.tick, draws.drawn
    if len(draws.delays) > 0:
        take_given(draws.delays, n, draws.own, tick)
    else:
        draw_words(draws.delay_words, STREAM_DELAYS, i, number, draws)
        for k in range(n):
            word = np.uint64(draws.delay_words[np.uint64(drawn[k])])
            known = draws.delay_ticks[word >> np.uint64(32 - TICK_BITS)]
            tick[k] = (
                known if known > 0 else max(np.int64(1), np.int64(round(quantile(word, draws.delay_table))))
            )


def find_weights(i: int, number: int, n: int, draws: Any) -> None:
    """Put the weights of the ``n`` listed synapses to ``draws.value``: given or drawn."""
    value, drawn = draws.value, draws.drawn
    if len(draws.weights) > 0:
        take_given(draws.weights, n, draws.own, value)
    else:
        draw_words(draws.weight_words, STREAM_WEIGHTS, i, number, draws)
        for k in range(n):
            value[k] = quantile(np.uint64(draws.weight_words[np.uint64(drawn[k])]), draws.weight_table)


def count_delays(ptr: Any, post: Any, lo: int, hi: int, least: int, count: Any, draws: Any) -> None:
    """Add to ``count[i, delay - least]`` the synapses of each pre neuron onto targets in [lo, hi)."""
    for i in range(len(ptr) - 1):
        begin, end = ptr[i], ptr[i + 1]
        while begin < end:
            stop = block_end(i, begin, end, ptr, draws)
            n = list_own(i, begin, stop, ptr, post, lo, hi, draws)
            if n > 0:
                find_delays(i, number_of(i, begin, ptr, draws), n, draws)
                for k in range(n):
                    count[i, np.uint64(draws.tick[k] - least)] += 1
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
    own, value = draws.own, draws.value
    for i in range(len(ptr) - 1):
        begin, end = ptr[i], ptr[i + 1]
        while begin < end:
            stop, number = block_end(i, begin, end, ptr, draws), number_of(i, begin, ptr, draws)
            n = list_own(i, begin, stop, ptr, post, lo, hi, draws)
            if n > 0:
                find_delays(i, number, n, draws)
                if len(weight) + len(word):
                    find_weights(i, number, n, draws)
            for k in range(n):
                d = np.uint64(draws.tick[k] - least)
                to, at = post[np.uint64(own[k])] + shift, np.uint64(cursor[i, d])
                cursor[i, d] += 1
                if len(word):
                    word[at] = word_of(to, value[k])
                    continue
                target[at] = to
                if len(weight):
                    weight[at] = value_of(half_of(value[k]) << np.uint32(16)) if draws.half else value[k]
            begin = stop


def take(ptr: Any, post: Any, lo: int, hi: int, out: Any, weight: Any, draws: Any) -> Any:
    """List the synapses onto targets in [lo, hi), row by row; returns how many.

    Parameters
    ----------
    out : int64[3, n]
        pre, post, delay in ticks; where n is 0, synapses are counted only
    weight : float64[n]
    """
    at = 0
    for i in range(len(ptr) - 1):
        for begin in range(ptr[i], ptr[i + 1], BLOCK):
            n = list_own(i, begin, min(begin + BLOCK, ptr[i + 1]), ptr, post, lo, hi, draws)
            if n > 0 and len(weight) > 0:
                find_delays(i, begin - ptr[i], n, draws)
                find_weights(i, begin - ptr[i], n, draws)
                for k in range(n):
                    out[0, at + k], out[1, at + k], out[2, at + k] = i, post[draws.own[k]], draws.tick[k]
                    weight[at + k] = draws.value[k]
            at += n
    return at


def fill_dense(n_pre: int, n_post: int, lo: int, hi: int, diagonal: bool, out: Any, draws: Any) -> None:
    """Rows of an all-to-all matrix onto targets in [lo, hi), one after another in ``out``."""
    for i in range(n_pre):
        for first in range(lo // BLOCK * BLOCK, hi, BLOCK):
            begin, n = max(lo, first), 0
            for x in range(begin, min(first + BLOCK, hi)):
                draws.own[n], draws.drawn[n] = i * n_post + x, x - first
                n += 1
            find_weights(i, first, n, draws)
            for k in range(n):
                x = begin + k
                out[i * (hi - lo) + x - lo] = 0.0 if diagonal and x == i else draws.value[k]


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
