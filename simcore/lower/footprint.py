"""The memory of a network's synapses, told from its description before anything is built."""

from __future__ import annotations

import math

import numpy as np

from ..describe.connectivity import FixedTotal
from ..describe.modulation import BySynapse
from ..describe.network import Network, Projection
from ..describe.plasticity import SynapseRule
from .arrays import BITMAP, DENSE, HALF, OF_ONE_WEIGHT, PLASTIC
from .bitmaps import words_of
from .plan import check, plan, real_of
from .rows import Delay, delay_of, groups_of, reach_of

SEGMENT, SOURCE = 12, 8  # bytes of a segment's entry and delay, and of a source's place among the segments


def footprint(network: Network, dt: float = 0.1, precision: str = "float32") -> tuple[float, float]:
    """Return the expected number of synapses and of their bytes, with the tables that find them.

    A target is 2 bytes, or a bit of a row where that is less, a weight of its own 4 or 8, in half precision 2; a
    segment, the synapses of one source with one delay, 12.

    Raises
    ------
    DescriptionError
        where ``dt``, ``precision`` or a delay cannot be
    """
    n_synapses, parts = by_kind(network, dt, precision)
    return n_synapses, sum(parts.values())


def by_kind(network: Network, dt: float = 0.1, precision: str = "float32") -> tuple[float, dict[str, float]]:
    """Return the expected number of synapses, and their bytes by what they hold.

    Kinds are ``targets``, ``weights``, ``kept by rules`` (eligibilities and levels chosen) and ``segments`` with what
    finds them.
    """
    check(dt, precision)
    delays = [delay_of(projection, dt) for projection in network.projections]
    p, real = plan(network, dt, 1), real_of(precision).itemsize
    n_synapses, targets, weights, kept_bytes, found = 0.0, 0.0, 0.0, 0.0, float(SOURCE * p.n_sources)
    for group in groups_of(p, delays, halves=precision == "mixed"):
        reached: dict[str, float] = {}
        for m in group.members:
            q = network.projections[m]
            n = q.rule.expected(q.pre.size, q.post.size)
            reached[q.pre.name] = reached.get(q.pre.name, 0.0) + n
            n_synapses += n
            own = group.format not in OF_ONE_WEIGHT
            listed = _again(q, n) if group.format == BITMAP else n * (group.format != DENSE)
            targets += 2 * listed
            weights += n * own * (2 if group.format == HALF else real)
            if isinstance(q.plasticity, SynapseRule):
                kept = len(q.plasticity.functions()["Synapse"]._fields) - 1
                if q.short_term is not None and q.short_term.varying:
                    kept += len(q.short_term.functions()["Each"]._fields)
                chosen = sum(isinstance(m.subpopulations, BySynapse) for m in q.modulations)
                kept_bytes += n * (kept * real + 2 * chosen)
        sizes = {network.projections[m].pre.name: network.projections[m].pre.size for m in group.members}
        span = max(_span(delays[m]) for m in group.members)
        segments = sum(size * min(span, reached[name] / size) for name, size in sizes.items())
        found += segments * (SEGMENT + 8 * (group.format in (PLASTIC, BITMAP)))
        if group.format == BITMAP:
            targets += segments * 8 * words_of(reach_of(p, group.members))
    parts = {"targets": targets, "weights": weights, "kept by rules": kept_bytes, "segments": found}
    return n_synapses, parts


def _again(projection: Projection, n: float) -> float:
    """Return how many of ``n`` synapses of a projection lie between two neurons that one joins already."""
    pairs = projection.pre.size * projection.post.size
    rule = projection.rule
    if isinstance(rule, FixedTotal) or getattr(rule, "multapses", False):
        return n + pairs * math.expm1(-n / pairs)
    return 0.0


def _span(delay: Delay) -> float:
    """Return how many different ticks most delays take."""
    if delay.given.size:
        return len(np.unique(delay.given))
    body = delay.table[0]  # quantiles already
    margin = len(body) // 100
    return float(max(1.0, round(body[-1 - margin] - body[margin]) + 1))
