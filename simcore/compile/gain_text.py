"""The text that binds neuromodulators to what synapses keep: levels to gains, integrals to a synapse.

What comes out for one modulator can be read in :mod:`..advance.ticks.rule_binding`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..describe.modulation import ByPost, ByPre, BySynapse, Whole
from .text import class_of, lines, tuple_of

UNMODULATED = """@jit
def moment(plastic, zero, tick):
    return 0

@jit
def drifted(plastic, synapse, slot, segment, at, before, now):
    return synapse

@jit
def to_store(now):
    return real(1.0)
"""
#: What else rules have on the CPU that no neuromodulator acts on.
UNMODULATED_LOOPS = """@jit
def origin(plastic):
    return 0

@kept
def accrue(plastic, wires, tick):
    pass

@kept
def close_trial(plastic, wires, start, tick, width):
    for segment in range(len(plastic.begin)):
        if plastic.pre_tick[segment] > start:
            catch_up(plastic, wires, segment)
    rest(plastic, start, tick)
"""
#: The same on a device.
UNMODULATED_BLOCKS = """@jit
def accrue(plastic, bounds, block, tick, width):
    pass

@jit
def close_trial(plastic, bounds, block, start, tick, pulse, width):
    rest(plastic, bounds, block, start, tick)
"""
#: Whether the synapses of one segment may have other levels than those of the next.
BY_SEGMENT = {kind: f"@jit\ndef by_segment():\n    return {kind is ByPre}" for kind in (Whole, ByPost, ByPre)}
_PLACE = {Whole: "0", ByPost: "slot", ByPre: "segment", BySynapse: "at"}


def gain_binding(
    modulations: Sequence[Any], taus: Mapping[str, float], kept: Sequence[str], decays: Sequence[str] = ()
) -> str:
    """Write how neuromodulators act on what synapses keep, as :mod:`.rule_binding` shows it for one.

    Of one modulator ``area`` is a number, of several a tuple; so is ``fade`` of one eligibility and of several. Without
    a modulator ``area`` is the time in ticks, and ``fade`` has what the rule's ``decays`` are over it.

    Parameters
    ----------
    taus : time constants of what synapses keep; inf for what stays, 0 for what lasts a tick
    kept : names of what synapses keep besides the weight
    decays : names of a rule's decays under no modulator
    """
    fading = [name for name in kept if taus[name] != math.inf]
    of = {name: next(g for g, m in enumerate(modulations) if m.trace == name) for name in fading}
    brief = [name for name in fading if taus[name] == 0.0]
    number = len(modulations) <= 1
    ticks = [] if modulations else ["real(row - start)"]
    areas, pulsed = [*ticks], [*ticks]
    for g, m in enumerate(modulations):
        at = f"plastic.gains[{g}]"
        last = "min(start + 1, row)" if taus[m.trace] == 0.0 else "row"
        level = f"level_of_g{g}(plastic, slot, segment, at)"
        passed = f"look_up_at({at}.area, {last}, {level}) - look_up_at({at}.area, start, {level})"
        areas.append(f"real({passed})")
        pulsed.append(f"real({passed} + {at}.pulse[{level}])")
    brief_fade = "(real(1.0) if row == start else real(0.0))"

    def fades(items: list[str]) -> str:
        return f"return {[*items, 'real(1.0)'][0]}" if len(items) <= 1 else tuple_of("Fades", items)

    out = []
    if len(modulations) > 1:
        out.append(class_of("Areas", [m.label for m in modulations]))
    if len(fading) > 1:
        out.append(class_of("Fades", fading))
    out += _gains(modulations)
    for name, items in (("areas", areas), ("pulsed_areas", pulsed)):
        body = f"return {items[0]}" if number else tuple_of("Areas", items)
        out.append(lines(name, "plastic, slot, segment, at, row, start", body))
    if decays:
        return "\n\n".join(["import numpy as np", _SPAN, *out, *_decaying(decays)])
    for name, k in (("falls", 0), ("rises", 1)):
        items = [f"look_up_pair(plastic.gains[{of[f]}].both, row)[{k}]" for f in fading]
        out.append(lines(name, "plastic, row", fades(items)))
    fall = ["fall"] if len(fading) == 1 else [f"fall.{f}" for f in fading]
    items = [brief_fade if f in brief else there for f, there in zip(fading, fall, strict=True)]
    out.append(lines("fade_from", "fall, row, start", fades(items)))
    out.append(lines("silenced", "", fades(["real(0.0)"] * len(fading))))
    return "\n\n".join(["import numpy as np", ABOVE, *out])


def flow_binding(modulations: Sequence[Any], fields: Sequence[str]) -> str:
    """Write how maps of what synapses keep, a rule's ``Flow`` of these fields, are kept for each level, and read.

    They stand in the place of the integrals of :func:`gain_binding`; a trial's end has no pulse.
    """
    present = [f"present_of_g{g}(gains[{g}], k)" for g in range(len(modulations))]
    kept = (f"plastic.flow[np.uint64(row), k, {n}]" for n in range(len(fields)))
    between = "flow_between(flow_at(plastic, start, k), flow_at(plastic, row, k), plastic.constants)"

    step = f"m = flow_step(flow_at(plastic, row - 1, k), Levels({', '.join(present)}), plastic.constants)"
    put = [f"plastic.flow[row, k, {n}] = m.{f}" for n, f in enumerate(fields)]
    names = "plastic, slot, segment, at, row, start"
    return "\n\n".join(
        [
            "import numpy as np",
            ABOVE,
            class_of("Levels", [m.label for m in modulations]),
            *_gains(modulations),
            lines("flow_at", "plastic, row, k", tuple_of("Flow", kept)),
            lines(
                "areas",
                names,
                "k = level_of_g0(plastic, slot, segment, at)",
                f"m = {between}",
                tuple_of("Flow", (f"real(m.{f})" for f in fields)),
            ),
            lines("pulsed_areas", names, "return areas(plastic, slot, segment, at, row, start)"),
            lines("go_on", "plastic, gains, row, k", step, *put),
            lines("start_from", "plastic, row, k", "m = flow_start(plastic.constants)", *put),
            *(lines(name, "plastic, row", "return real(1.0)") for name in ("falls", "rises")),
            lines("fade_from", "fall, row, start", "return fall"),
            lines("silenced", "", "return real(0.0)"),
        ]
    )


#: How a CPU keeps the maps of all levels.
FLOWS = "\n\n".join(
    lines(name, arguments, "for k in range(plastic.flow.shape[1]):", f"    {does}")
    for name, arguments, does in (
        ("extend_f0", "plastic, now", "go_on(plastic, plastic.gains, now, k)"),
        ("begin_f0", "plastic", "start_from(plastic, 0, k)"),
    )
)


def block_flows(modulations: Sequence[Any]) -> str:
    """Write how a block of a device keeps those of its own neurons; each begins with the map over no time."""
    views = "".join(f"of_block_g{g}(plastic.gains[{g}], block), " for g in range(len(modulations)))
    return lines(
        "extend_f0",
        "plastic, bounds, block, now",
        f"gains = ({views})",
        "k, end = span_of_g0(plastic, bounds, block)",
        "k += cuda.threadIdx.x",
        "while k < end:",
        "    go_on(plastic, gains, now, k)",
        "    k += cuda.blockDim.x",
    )


def _gains(modulations: Sequence[Any]) -> list[str]:
    """Write which level a synapse has of each modulation, and the gains at rest and at a level."""
    out = []
    for g, m in enumerate(modulations):
        place = _PLACE[type(m.subpopulations)]
        out.append(
            lines(
                f"level_of_g{g}",
                "plastic, slot, segment, at",
                f"return look_up_small(plastic.gains[{g}].which, {place})",
            )
        )
        for name, arguments, above in (("idle", "gain", ""), ("present", "gain, k", " + above({f}, k)")):
            factors = [f"gain.factors[{n}]" for n in range(len(m.factors))]
            curves = [
                f"curve_{g}_{n}({f}.rest[0]{above.format(f=f)}, *{f}.receptor)" for n, f in enumerate(factors)
            ]
            out.append(lines(f"{name}_of_g{g}", arguments, f"return {' * '.join(curves)}"))
    return out


_SPAN = "from tegmentum.simcore.lower.arrays import SPAN"


def _decaying(names: Sequence[str]) -> list[str]:
    """Write decays over the time between two of a synapse's spikes: products of two entries of a table, mostly."""
    near = [f"fall.fades[0, near, {n}] * fall.fades[1, far, {n}]" for n in range(len(names))]
    span = [f"f.{f} * fall.fades[1, SPAN - 1, {n}] * fall.fades[1, 1, {n}]" for n, f in enumerate(names)]
    return [
        class_of("Fades", names),
        lines("falls", "plastic, row", "return plastic"),
        lines("rises", "plastic, row", "return real(1.0)"),
        lines(
            "fade_from",
            "fall, row, start",
            "k = np.uint64(row - start)",
            "near, far = k & np.uint64(SPAN - 1), (k // np.uint64(SPAN)) & np.uint64(SPAN - 1)",
            tuple_of("Fades", near).replace("return", "f ="),
            "while k >= np.uint64(SPAN * SPAN):",
            "    k -= np.uint64(SPAN * SPAN)",
            "    " + tuple_of("Fades", span).replace("return", "f ="),
            "return f",
        ),
        lines("silenced", "", "return real(0.0)"),
    ]


def block_views(modulations: Sequence[Any]) -> str:
    """Write how a block of a device sees its own levels, as :mod:`..advance.cuda.rule_views` shows it for one."""
    out = [
        "from tegmentum.simcore.lower.arrays import Factor, Gain",
        lines(
            "factor_of",
            "factor, block",
            "own = min(block, factor.level.shape[0] - 1)",
            "return Factor(factor.level[own], factor.fast[block], factor.rest[block], factor.receptor, factor.mean)",
        ),
    ]
    rest = ", ".join(f"gain.{name}" for name in ("share", "area", "fall", "both", "pulse"))
    for g, m in enumerate(modulations):
        factors = "".join(f"factor_of(gain.factors[{n}], block), " for n in range(len(m.factors)))
        out.append(lines(f"of_block_g{g}", "gain, block", f"return Gain(gain.which, ({factors}), {rest})"))
        follows = any(modulator.watch is not None for modulator, _ in m.factors)
        own = (
            "_, _, slot, count = plastic.ends",
            "return max(bounds[block], slot) - slot, min(bounds[block + 1], slot + count) - slot",
        )
        every = (f"return 0, plastic.gains[{g}].area.shape[1]",)
        out.append(lines(f"span_of_g{g}", "plastic, bounds, block", *(own if follows else every)))
    return "\n\n".join(out)


ABOVE = """@jit
def above(factor, k):
    j = k if len(factor.level) > 1 else 0
    if factor.mean[1] != 0.0:
        return factor.level[j] * factor.mean[0] - factor.fast[j] * factor.mean[1]
    return factor.level[j] * factor.mean[0]
"""
#: What :mod:`.trial_plastic` calls them, which serves rules under one modulator.
ONLY = "level_of, present_of = level_of_g0, present_of_g0"
