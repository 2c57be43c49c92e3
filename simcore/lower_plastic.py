"""Lowering of plastic projections: the traces of their synapses, and the tables by which these fade."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .errors import DescriptionError
from .lower import Plan
from .lower_rows import Group, order_of
from .lowered import MAX_LENGTH, PLASTIC, Plastic, Wires

HISTORY = 32  # as in .plastic
LONGEST_FADE = 1 << 26  # ticks that the table of a trace's decay may have


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
        mine = np.flatnonzero(wires.segment_entry & 255 == number)
        length = (wires.segment_entry[mine] >> 8) & MAX_LENGTH
        begin = wires.plastic_begin[done : done + len(mine)]
        done += len(mine)
        constants = rules[len(out)].Constants(*(real(c) for c in rule.derive(p.dt)))
        tables = []
        for tau in rule.time_constants():
            ticks = -math.log(1e-12) * tau / p.dt
            if ticks > LONGEST_FADE:
                longest = LONGEST_FADE * p.dt / -math.log(1e-12)
                raise DescriptionError(
                    f"Projection {projection.name!r}: {type(rule).__name__}: time constants must be below "
                    f"{longest:g} ms at dt = {p.dt} ms, got {tau:g}"
                )
            n = math.ceil(ticks)
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
