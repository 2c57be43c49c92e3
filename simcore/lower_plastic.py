"""Lowering of plastic projections: the traces of their synapses, and the tables by which these fade."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .entries import group_of, length_of
from .lower import Plan
from .lower_rows import Group, order_of
from .lowered import HISTORY, PLASTIC, Plastic, Wires


def plastics_of(
    p: Plan, shard: int, groups: list[Group], wires: Wires, real: Any, rules: list[Any]
) -> tuple[Any, ...]:
    """Return the traces of the plastic projections onto one shard, all 0.

    ``rules`` are the generated modules, whose ``Constants`` kernels know.
    """
    out: list[Plastic] = []
    done = 0
    for number, group in enumerate(order_of(groups)):
        if group.format != PLASTIC:
            continue
        projection = p.network.projections[group.members[0]]
        rule, post = projection.plasticity, projection.post
        mine = np.flatnonzero(group_of(wires.segment_entry) == number)
        length = length_of(wires.segment_entry[mine])
        begin = wires.plastic_begin[done : done + len(mine)]
        done += len(mine)
        constants = rules[len(out)].Constants(*(real(c) for c in rule.derive(p.dt)))
        tables = []
        for tau in rule.time_constants():
            n = math.ceil(-math.log(1e-12) * tau / p.dt)
            tables.append(np.exp(-np.arange(n) * p.dt / tau).astype(real))
        lo, hi = p.numbers(shard, post.name)
        ends = [
            p.populations.index(post),
            p.first_source[post.name] + lo,
            p.first_slot[shard][post.name],
            hi - lo,
        ]
        n_slots, n = p.n_slots[shard], len(mine)
        never = -(2**30)
        out.append(
            Plastic(
                constants=constants,
                fade_pre=tables[0],
                fade_post=tables[1],
                begin=begin,
                length=length,
                pre_x=np.zeros(n, real),
                pre_tick=np.zeros(n, np.int64),
                seen=np.zeros(n, np.int64),
                post=np.array(ends, np.int64),
                post_x=np.zeros(n_slots, real),
                post_last=np.full(n_slots, never, np.int32),
                post_tick=np.full((n_slots, HISTORY), never, np.int32),
                post_n=np.zeros(n_slots, np.int64),
                settled=np.zeros(n_slots, np.int64),
                level=np.zeros((HISTORY, int(length.max(initial=0)) + 1), np.int32),
                n_level=np.zeros(HISTORY, np.int64),
            )
        )
    return tuple(out)
