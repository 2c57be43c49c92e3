"""The synapses onto a slice of targets, without those onto the others and without a simulation."""

from __future__ import annotations

import numpy as np

from ..compile import modules as build
from ..describe import checks
from ..describe.network import Network
from ..errors import DescriptionError
from ..random.philox import seed_key
from .plan import plan
from .rows import (
    PLACING,
    WIRING,
    delay_of,
    dense_weights,
    draws_of,
    is_dense,
    row_delays,
    rows_for,
    without_diagonal,
)
from .synapses import Synapses


def slice_of(network: Network, name: str, lo: int, hi: int, dt: float = 0.1, seed: int = 0) -> Synapses:
    """Return the synapses of one projection onto the post neurons ``lo`` to ``hi - 1``.

    They are those that :meth:`.Simulation.synapses` of the same network, ``dt`` and ``seed`` lists for these targets,
    in the same order; weights in float64. Targets of one projection are drawn as a whole, one after another, and only
    the slice is listed: weights and delays are drawn for the slice alone.

    Raises
    ------
    DescriptionError
        if there is no such projection, or the slice is not within its post population
    """
    checks.number(lo, "slice_of", "lo", whole=True)
    checks.number(hi, "slice_of", "hi", whole=True)
    names = [q.name for q in network.projections]
    if name not in names:
        raise DescriptionError(f"slice_of: there is no projection {name!r}")
    number = names.index(name)
    projection = network.projections[number]
    n_pre, n_post = projection.pre.size, projection.post.size
    if not 0 <= lo <= hi <= n_post:
        raise DescriptionError(
            f"slice_of: lo and hi must be in order and in [0, {n_post}], got {lo} and {hi}"
        )
    key, delay = np.array(seed_key(seed), dtype=np.uint64), delay_of(projection, dt)
    placing = build.kernel_module("lower.placing_kernel", PLACING)
    if is_dense(projection, delay, plan(network, dt, 1, seed).lazy):
        weight = dense_weights(projection, number, delay, lo, hi, key, np.float64, placing)
        pre, post = np.repeat(np.arange(n_pre), hi - lo), np.tile(np.arange(lo, hi), n_pre)
        kept = pre != post if without_diagonal(projection) else np.ones(len(pre), bool)
        by_row = row_delays(projection, delay)
        ticks = np.full(n_pre, delay.given[0]) if by_row is None else by_row
        return Synapses(pre[kept], post[kept], np.repeat(ticks, hi - lo)[kept], weight[kept])
    r = rows_for(projection, number, delay, key, build.kernel_module("lower.wiring_kernel", WIRING))
    draws, n = draws_of(number, r.delay, r.weights, r.weight_table, key), 0
    for _ in range(2):  # count, then list
        out, weight = np.zeros((3, n), np.int64), np.zeros(n)
        n = placing.take(r.ptr, r.post, lo, hi, out, weight, draws)
    pre, post, ticks = out
    order = np.lexsort((post, ticks, pre))
    return Synapses(pre[order], post[order], ticks[order], weight[order])
