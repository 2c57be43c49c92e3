"""Builders of rows: whom each neuron reaches, for each connection rule.

A kernel template without models. Every number drawn is a function of (seed, projection, neuron, count), so a builder
gives the same rows however its loop is split: each call works on a range of neurons and writes into arrays that all
calls share. A *row* holds the targets of one pre neuron, in CSR form.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..random.philox import STREAM_CONNECT, STREAM_SPLIT, philox
from ..random.philox_block import philox_block

ROOM = 256  # synapses whose words are drawn together


def draw(i: Any, j: Any, projection: Any, key: Any) -> Any:
    """Four words for the ``j``-th draw of neuron ``i``."""
    return philox(np.uint64(i), np.uint64(j), np.uint64(projection), STREAM_CONNECT, key[0], key[1])


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
            w = draw(i, j, projection, key)
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
        w = draw(i, j, projection, key)
        j += 1
        for c in range(4):
            x = below(w[c], n)
            if position < k and x != taboo and (multapses or mark[x] != i + 1):
                if not multapses:
                    mark[x] = i + 1
                out[position] = x
                position += 1


def fixed_degree(
    lo: int,
    hi: int,
    first: int,
    out: Any,
    mark: Any,
    n_there: int,
    same: bool,
    autapses: bool,
    multapses: bool,
    projection: int,
    key: Any,
) -> None:
    """Draw the partners of neurons ``lo`` to ``hi - 1`` into ``out``, uint32[n_here, k], whose first is ``first``'s.

    ``mark`` is int64[n_there], all 0, where each partner is drawn once.
    """
    for i in range(lo, hi):
        choose(
            out[i - first], mark, i, n_there, i if same and not autapses else -1, multapses, projection, key
        )


def count_partners(lo: int, hi: int, partner: Any, count: Any) -> None:
    """Count in ``count[i]`` how often each ``i`` is among the partners in rows ``lo`` to ``hi - 1``."""
    for i in range(lo, hi):
        for j in range(partner.shape[1]):
            count[partner[i, j]] += 1


def transpose(lo: int, hi: int, first: int, partner: Any, cursor: Any, post: Any) -> None:
    """Write the neurons of rows ``lo`` to ``hi - 1``, that of row 0 being ``first``, to their partners' rows.

    ``cursor`` points to where.
    """
    for i in range(lo, hi):
        for j in range(partner.shape[1]):
            p = partner[i, j]
            post[cursor[p]] = first + i
            cursor[p] += 1


def fixed_probability(
    lo: int,
    hi: int,
    ptr: Any,
    post: Any,
    first: int,
    last: int,
    width: int,
    n_post: int,
    p: float,
    same: bool,
    autapses: bool,
    projection: int,
    key: Any,
) -> None:
    """Connect each pair with probability ``p``, by geometric jumps along each row; keep targets in [first, last).

    Jumps begin anew, with draws of their own, at every multiple of ``width``, which changes no probability: so a slice
    is drawn without what comes before it. With an empty ``post`` targets are counted, to ``ptr[i]``; else they are
    written from ``post[ptr[i]]`` on.
    """
    scale = 0.0 if p >= 1.0 else 1.0 / math.log1p(-p)
    fill = len(post) > 0
    for i in range(lo, hi):
        n = ptr[i] if fill else 0
        for block in range(first // width, -(-last // width)):
            end, j = min(last, (block + 1) * width), 0
            x: Any = block * width - 1
            while True:
                w = philox(
                    np.uint64(i), np.uint64(j), np.uint64(projection),
                    STREAM_CONNECT | np.uint64(block << 8), key[0], key[1],
                )  # fmt: skip
                j += 1
                u = (np.float64(w[0] * np.uint64(1 << 21) + (w[1] >> np.uint64(11))) + 0.5) * 2.0**-53
                jump = math.log(u) * scale
                x += 1 + (np.int64(jump) if jump < n_post else n_post)
                if x >= end:
                    break
                if x < first or (same and not autapses and x == i):
                    continue
                if fill:
                    post[n] = x
                n += 1
        if not fill:
            ptr[i] = n


def ones(word: Any) -> Any:
    """Count the bits of a 32-bit word that are 1."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x55555555))
    word = (word & np.uint64(0x33333333)) + ((word >> np.uint64(2)) & np.uint64(0x33333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F)
    return np.int64(((word * np.uint64(0x01010101)) & np.uint64(0xFFFFFFFF)) >> np.uint64(24))


def upper_half(i: int, node: int, count: int, projection: int, key: Any) -> Any:
    """Draw how many of ``count`` synapses have a 1 as their targets' next bit: binomial, a random bit for each."""
    n, j = 0, 0
    while 128 * j < count:
        stream = STREAM_SPLIT | np.uint64(node << 8)
        w = philox(np.uint64(i), np.uint64(j), np.uint64(projection), stream, key[0], key[1])
        for c in range(4):
            left = count - 128 * j - 32 * c
            if left > 0:
                n += ones(w[c] if left >= 32 else w[c] & np.uint64((1 << left) - 1))
        j += 1
    return n


def split(n: int, i: int, depth: int, counts: Any, first: int, projection: int, key: Any) -> None:
    """Deal ``n`` synapses of neuron ``i`` out to ``2**depth`` equal parts of their targets, multinomially.

    Fills ``counts`` for the parts from ``first`` on, by halving, without drawing what is in the halves outside.
    """
    last, begin, nodes = first + len(counts) - 1, 0, 1
    counts[0] = n
    for level in range(1, depth + 1):
        start, stop = first >> (depth - level), last >> (depth - level)
        for node in range(begin + nodes - 1, begin - 1, -1):
            count = counts[node - begin]
            upper = upper_half(i, (1 << (level - 1)) + node, count, projection, key)
            if 2 * node + 1 <= stop:
                counts[2 * node + 1 - start] = upper
            if 2 * node >= start:
                counts[2 * node - start] = count - upper
        begin, nodes = start, stop - start + 1


def count_pre(
    lo: int,
    hi: int,
    first: int,
    sizes: Any,
    counts: Any,
    words: Any,
    counters: Any,
    projection: int,
    key: Any,
) -> None:
    """Draw the pre neurons of the synapses of the parts ``lo`` to ``hi - 1``, and count them in ``counts[part]``.

    Of each part there are ``sizes[part]`` synapses; that of index 0 is the part ``first``. The words of ROOM synapses
    are drawn together: ``words`` is scratch, uint32[ROOM], and ``counters``, uint32[2, ROOM / 4].
    """
    for part in range(lo, hi):
        count, left = counts[part], int(sizes[part])
        for begin in range(0, left, ROOM):
            n = min(left - begin, ROOM)
            for j in range(ROOM // 4):
                counters[0, j], counters[1, j] = begin // 4 + j, first + part
            draw_some(words, counters, n, STREAM_SPLIT, projection, key)
            for s in range(n):
                count[below(word_of(words, s), len(count))] += 1


def draw_some(words: Any, counters: Any, n: int, stream: Any, projection: int, key: Any) -> None:
    """Draw ``n`` words, at most ROOM, four for each counter, whose first two words are in ``counters``."""
    number, k0, k1 = np.uint64(projection), np.uint64(key[0]), np.uint64(key[1])
    philox_block(words, counters[0], (n + 3) // 4, counters[1], number, stream, k0, k1)


def word_of(words: Any, s: int) -> Any:
    """Return the ``s``-th of some words, four of one counter after another, from where :func:`philox_block` puts it."""
    return np.uint64(words[np.uint64((s & 3) * (ROOM // 4) + (s >> 2))])


def deal(
    lo: int,
    hi: int,
    k: int,
    depth: int,
    part: int,
    skip: int,
    first: int,
    last: int,
    counts: Any,
    ptr: Any,
    post: Any,
    before: Any,
    number: Any,
    words: Any,
    counters: Any,
    n_post: int,
    avoid: bool,
    projection: int,
    key: Any,
) -> None:
    """Draw targets with replacement for neurons ``lo`` to ``hi - 1``; keep those in [first, last).

    Of ``2**depth`` parts of the targets those that hold the range, from ``part`` on, are drawn. How many synapses each
    has is known, ``counts[:, i]``, or, where ``k`` is not negative, drawn to the scratch ``counts[:, 0]``, ``k`` each.
    Where they ``avoid`` autapses, no neuron is its own target. With an empty ``post`` the targets are counted, to
    ``ptr[i]``, and to ``before[i]`` the synapses of the parts but the first, ``skip``, which lower ranges count; else
    they are written from ``post[ptr[i]]`` on and, unless it is empty, to ``number`` their place in the whole row, of
    which lower ranges have counted ``before[i]``. ``words`` and ``counters`` are the scratch of :func:`count_pre`.
    """
    fill, room, spare = len(post) > 0, n_post - (1 if avoid else 0), np.uint64(depth)
    for i in range(lo, hi):
        column = i
        if k >= 0:
            column = 0
            split(k, i, depth, counts[:, 0], part, projection, key)
        n, at = np.int64(ptr[i] if fill else 0), np.int64(before[i] if fill and len(before) > 0 else 0)
        for c in range(skip):
            at -= np.int64(counts[c, column])
        for c in range(len(counts)):
            high = np.uint64(part + c) << (np.uint64(32) - spare)
            count: Any = np.int64(counts[c, column])
            stream = STREAM_CONNECT | np.uint64((part + c) << 8)
            for begin in range(0, count, ROOM):
                some = min(count - begin, ROOM)
                for j in range(ROOM // 4):
                    counters[0, j], counters[1, j] = i, begin // 4 + j
                draw_some(words, counters, some, stream, projection, key)
                for s in range(some):
                    x = below(high | (word_of(words, s) >> spare), room)
                    x += avoid and x >= i
                    if first <= x < last:
                        if fill:
                            post[np.uint64(n)] = x
                            if len(number) > 0:
                                number[np.uint64(n)] = at + begin + s
                        n += 1
            at += count
        if not fill:
            ptr[i], before[i] = n, at
