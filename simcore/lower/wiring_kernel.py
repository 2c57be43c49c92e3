"""Builders of rows: whom each neuron reaches, for each connection rule.

A kernel template without models. Every number drawn is a function of (seed, projection, neuron, count), so a builder
gives the same rows however its loop is split: each call works on a range of neurons and writes into arrays that all
calls share. A *row* holds the targets of one pre neuron, in CSR form.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..random.philox import STREAM_CONNECT, philox


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
    before: Any,
    first: int,
    last: int,
    n_post: int,
    p: float,
    same: bool,
    autapses: bool,
    projection: int,
    key: Any,
) -> None:
    """Connect each pair with probability ``p``, by geometric jumps along each row; keep targets in [first, last).

    With an empty ``post`` targets are counted, to ``ptr[i]``, and those before ``first``, to ``before[i]``; else they
    are written from ``post[ptr[i]]`` on.
    """
    scale = 0.0 if p >= 1.0 else 1.0 / math.log1p(-p)
    fill = len(post) > 0
    for i in range(lo, hi):
        x: Any = -1
        n, n_before, j = ptr[i] if fill else 0, 0, 0
        while True:
            w = draw(i, j, projection, key)
            j += 1
            u = (np.float64(w[0] * np.uint64(1 << 21) + (w[1] >> np.uint64(11))) + 0.5) * 2.0**-53
            jump = math.log(u) * scale
            x += 1 + (np.int64(jump) if jump < n_post else n_post)
            if x >= last:
                break
            if same and not autapses and x == i:
                continue
            if x < first:
                n_before += 1
                continue
            if fill:
                post[n] = x
            n += 1
        if not fill:
            ptr[i], before[i] = n, n_before


def count_total(lo: int, hi: int, n: int, n_pre: int, count: Any, projection: int, key: Any) -> None:
    """Draw the pre neurons of synapses ``4 * lo`` to ``4 * hi - 1`` of ``n``, and count those of each."""
    for j in range(lo, hi):
        w = philox(np.uint64(j), np.uint64(1), np.uint64(projection), STREAM_CONNECT, key[0], key[1])
        for c in range(min(4, n - 4 * j)):
            count[below(w[c], n_pre)] += 1


def fixed_total(
    lo: int, hi: int, ptr: Any, post: Any, n_post: int, same: bool, autapses: bool, projection: int, key: Any
) -> None:
    """Draw the targets of neurons ``lo`` to ``hi - 1``, whose numbers are known, with replacement."""
    avoid = same and not autapses
    room = n_post - (1 if avoid else 0)
    for i in range(lo, hi):
        row = post[ptr[i] : ptr[i + 1]]
        for j in range((len(row) + 3) // 4):
            w = draw(i, j + (1 << 31), projection, key)
            for c in range(min(4, len(row) - 4 * j)):
                x = below(w[c], room)
                row[4 * j + c] = x + 1 if avoid and x >= i else x
