"""The text that binds a model or a rule to the kernel templates: loads and stores of its state, picks of its constants.

What comes out for a LIF neuron and for pair STDP under a neuromodulator can be read in
:mod:`..advance.ticks.binding` and :mod:`..advance.ticks.rule_binding`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..describe.modulation import ByPost, ByPre, BySynapse, Whole


def lines(name: str, arguments: str, *body: str) -> str:
    """Write a function."""
    return "\n".join([f"@jit\ndef {name}({arguments}):", *(f"    {line}" for line in body)])


def tuple_of(cls: str, items: Iterable[str]) -> str:
    """Write the return of a named tuple."""
    return f"return {cls}({', '.join(items)})"


def binding(state: Any, constants: Any, n_inputs: int, varying: tuple[str, ...], current: bool) -> str:
    """Write loads, stores and picks for a model, as :mod:`.binding` shows them for a LIF neuron."""
    n = len(constants._fields)
    where = {name: varying.index(name) for name in varying}

    return "\n\n".join(
        [
            lines(
                "window",
                "fields, trial, lo, hi",
                tuple_of("State", (f"fields.{f}[trial, lo:hi]" for f in state._fields)),
            ),
            lines("load", "fields, i", tuple_of("State", (f"fields.{f}[i]" for f in state._fields))),
            lines("store", "fields, i, s", *(f"fields.{f}[i] = s.{f}" for f in state._fields)),
            lines(
                "peek",
                "fields, field, trial, i",
                *(f"if field == {k}: return fields.{f}[trial, i]" for k, f in enumerate(state._fields)),
                "return real(0.0)",
            ),
            lines(
                "prefetch_state",
                "fields, i",
                *(f"prefetch(fields.{f}, i)" for f in state._fields),
            ),
            lines(
                "gather",
                "table, arrays, p, lo, hi",
                tuple_of(
                    "Constants",
                    (
                        f"arrays[{where[f]}][lo:hi]" if f in where else f"table[p, {k}]"
                        for k, f in enumerate(constants._fields[:n])
                    ),
                ),
            ),
            lines(
                "pick",
                "c, i",
                tuple_of("Constants", (f"c.{f}[i]" if f in where else f"c.{f}" for f in constants._fields)),
            ),
            lines("inject", "current, i", "return current[i]" if current else "return real(0.0)"),
            lines(
                "rows",
                "inputs, lo, hi",
                f"return ({''.join(f'inputs[{r}, lo:hi], ' for r in range(n_inputs))})",
            ),
            lines(
                "take_input",
                "s, c, inputs, i",
                *(f"x{r} = inputs[{r}][i]" for r in range(n_inputs)),
                *(f"inputs[{r}][i] = real(0.0)" for r in range(n_inputs)),
                f"return receive(s, c, {', '.join(f'x{r}' for r in range(n_inputs))})",
            ),
        ]
    )


UNMODULATED = """@jit
def origin(plastic):
    return 0

@jit
def moment(plastic, zero, tick):
    return 0

@jit
def drifted(plastic, synapse, slot, segment, at, before, now):
    return synapse

@jit
def to_store(now):
    return real(1.0)

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
#: Whether the synapses of one segment may have other levels than those of the next.
BY_SEGMENT = {kind: f"@jit\ndef by_segment():\n    return {kind is ByPre}" for kind in (Whole, ByPost, ByPre)}
_PLACE = {Whole: "0", ByPost: "slot", ByPre: "segment", BySynapse: "at"}


def gain_binding(modulations: Sequence[Any], taus: Mapping[str, float], kept: Sequence[str]) -> str:
    """Write how neuromodulators act on what synapses keep, as :mod:`.rule_binding` shows it for one.

    Of one modulator ``area`` is a number, of several a tuple; so is ``fade`` of one eligibility and of several. Without
    a modulator ``area`` is the time in ticks.

    Parameters
    ----------
    taus : time constants of what synapses keep; inf for what stays, 0 for what lasts a tick
    kept : names of what synapses keep besides the weight
    """
    fading = [name for name in kept if taus[name] != math.inf]
    of = {name: next(g for g, m in enumerate(modulations) if m.trace == name) for name in fading}
    brief = [name for name in fading if taus[name] == 0.0]
    number = len(modulations) <= 1
    ticks = [] if modulations else ["real(np.int64(row) - np.int64(start))"]
    areas, pulsed = [*ticks], [*ticks]
    for g, m in enumerate(modulations):
        at = f"plastic.gains[{g}]"
        last = "min(start + np.uint64(1), row)" if taus[m.trace] == 0.0 else "row"
        level = f"level_of_g{g}(plastic, slot, segment, at)"
        areas.append(f"real({at}.area[{last}, {level}] - {at}.area[start, {level}])")
        pulsed.append(f"real({at}.area[{last}, {level}] - {at}.area[start, {level}] + {at}.pulse[{level}])")
    brief_fade = "(real(1.0) if row == start else real(0.0))"

    def fades(items: list[str]) -> str:
        return f"return {[*items, 'real(1.0)'][0]}" if len(items) <= 1 else tuple_of("Fades", items)

    out = []
    if len(modulations) > 1:
        out.append(_class("Areas", [m.label for m in modulations]))
    if len(fading) > 1:
        out.append(_class("Fades", fading))
    for g, m in enumerate(modulations):
        place = _PLACE[type(m.subpopulations)]
        out.append(
            lines(f"level_of_g{g}", "plastic, slot, segment, at", f"return plastic.gains[{g}].which[{place}]")
        )
        for name, arguments, above in (("idle", "gain", ""), ("present", "gain, k", " + above({f}, k)")):
            factors = [f"gain.factors[{n}]" for n in range(len(m.factors))]
            curves = [
                f"curve_{g}_{n}({f}.rest[0]{above.format(f=f)}, *{f}.receptor)" for n, f in enumerate(factors)
            ]
            out.append(lines(f"{name}_of_g{g}", arguments, f"return {' * '.join(curves)}"))
    for name, items in (("areas", areas), ("pulsed_areas", pulsed)):
        body = f"return {items[0]}" if number else tuple_of("Areas", items)
        out.append(lines(name, "plastic, slot, segment, at, row, start", body))
    for name, table in (("falls", "fall"), ("rises", "rise")):
        items = [f"real(plastic.gains[{of[f]}].{table}[row])" for f in fading]
        out.append(lines(name, "plastic, row", fades(items)))
    fall = ["fall"] if len(fading) == 1 else [f"fall.{f}" for f in fading]
    items = [brief_fade if f in brief else there for f, there in zip(fading, fall, strict=True)]
    out.append(lines("fade_from", "fall, row, start", fades(items)))
    out.append(lines("silenced", "", fades(["real(0.0)"] * len(fading))))
    return "\n\n".join(["import numpy as np", ABOVE, *out])


ABOVE = """@jit
def above(factor, k):
    j = k if len(factor.level) > 1 else 0
    if len(factor.fast) > 0:
        return factor.level[j] * factor.mean[0] - factor.fast[j] * factor.mean[1]
    return factor.level[j] * factor.mean[0]
"""
#: What :mod:`.trial_plastic` calls them, which serves rules under one modulator.
ONLY = "level_of, present_of = level_of_g0, present_of_g0"


def _class(name: str, fields: Sequence[str]) -> str:
    return "\n".join(
        [f"class {name}(NamedTuple):", *([f"    {field}: float" for field in fields] or ["    pass"])]
    )


def short_term_binding(rule: Mapping[str, Any] | None = None, short: Mapping[str, Any] | None = None) -> str:
    """Write what scales a delivery: nothing, or the variables of short-term plasticity beside the rule's traces."""
    if rule is None or short is None:
        return "\n\n".join(
            [
                lines("release_of", "pre, c", "return real(1.0)"),
                lines("delivered", "w, released", "return w"),
            ]
        )
    traces, own = rule["RulePre"]._fields, short["ShortPre"]._fields
    constants = (*rule["RuleConstants"]._fields, *short["ShortConstants"]._fields)
    items = [*(f"a.{f}" for f in traces), *(f"b.{f}" for f in own)]
    return "\n\n".join(
        [
            _class("Pre", (*traces, *own)),
            _class("Constants", constants),
            lines(
                "pre_spike",
                "pre, c",
                "a, b = rule_pre_spike(pre, c), short_spike(pre, c)",
                tuple_of("Pre", items),
            ),
            lines("release_of", "pre, c", "return release(pre, c)"),
            lines("delivered", "w, released", "return w * released"),
        ]
    )


def rule_binding(
    synapse: Sequence[str],
    pre: Sequence[str],
    post: Sequence[str],
    taus: Mapping[str, float],
    coincident: bool = True,
    listens: bool = True,
) -> str:
    """Write loads and stores of a rule's state, as :mod:`.rule_binding` shows them."""
    own = list(enumerate(synapse[1:]))
    fading = [f for f in synapse[1:] if taus[f] != math.inf]
    scale = {f: " * scale" if len(fading) == 1 else f" * scale.{f}" for f in fading}

    pre_fields = list(enumerate(pre))
    early = [f"plastic.early.{f}[segment]" for f in pre]
    if coincident:
        at_once: tuple[str, ...] = ()
        keep: tuple[str, ...] = ("pass",)
    else:
        at_once = ("if k <= 0:", "    " + tuple_of("Pre", early))
        keep = ("if k > 0:", *(f"    {there} = v.{f}" for there, f in zip(early, pre, strict=True)))
    return "\n\n".join(
        [
            lines("listens", "", f"return {listens}"),
            lines(
                "synapse_of",
                "plastic, weight, first, s",
                tuple_of("Synapse", ("weight[s]", *(f"plastic.kept[{n}][first + s]" for n, _ in own))),
            ),
            lines(
                "put_synapse",
                "plastic, weight, first, s, v, scale",
                "weight[s] = v.w",
                *(f"plastic.kept[{n}][first + s] = v.{f}{scale.get(f, '')}" for n, f in own),
            ),
            lines("put_peeked", "w, kept, i, v", "w[i] = v.w", *(f"kept[{n}][i] = v.{f}" for n, f in own)),
            lines(
                "prefetch_kept", "plastic, i", *(f"prefetch(plastic.kept[{n}], i)" for n, _ in own), "pass"
            ),
            lines("faded", "table, k", "return table[k] if k < len(table) else real(0.0)"),
            lines("pre_of", "plastic, segment", tuple_of("Pre", (f"plastic.pre.{f}[segment]" for f in pre))),
            lines(
                "put_pre", "plastic, segment, v", *(f"plastic.pre.{f}[segment] = v.{f}" for f in pre), "pass"
            ),
            lines(
                "faded_pre",
                "plastic, v, k",
                tuple_of("Pre", (f"v.{f} * faded(plastic.fade_pre[{n}], k)" for n, f in pre_fields)),
            ),
            lines(
                "pre_at",
                "plastic, segment, v, k",
                *at_once,
                "return faded_pre(plastic, v, k)",
            ),
            lines(
                "put_early",
                "plastic, segment, v, k",
                *keep,
            ),
            lines("post_of", "plastic, slot", tuple_of("Post", (f"plastic.post.{f}[slot]" for f in post))),
            lines("posts", "plastic, lo, hi", tuple_of("Post", (f"plastic.post.{f}[lo:hi]" for f in post))),
            lines("one_of", "posts, j", tuple_of("Post", (f"posts.{f}[j]" for f in post))),
            lines("row_pre", "log, r", tuple_of("Pre", (f"log.pre.{f}[r]" for f in pre))),
            lines("put_row_pre", "log, r, v", *(f"log.pre.{f}[r] = v.{f}" for f in pre), "pass"),
            lines(
                "fade_rows",
                "plastic, log, n",
                *(
                    line
                    for k, f in pre_fields
                    for line in (
                        f"d{k}, {f} = plastic.fade_pre[{k}][1], log.pre.{f}[:n]",
                        "for r in range(n):",
                        f"    {f}[r] = {f}[r] * d{k} if {f}[r] > real(1e-12) else real(0.0)",
                    )
                ),
                "pass",
            ),
            lines("silent_pre", "", tuple_of("Pre", ("real(0.0)" for _ in pre))),
            lines("silent_post", "", tuple_of("Post", ("real(0.0)" for _ in post))),
            lines("put_post", "plastic, slot, v", *(f"plastic.post.{f}[slot] = v.{f}" for f in post), "pass"),
            lines(
                "past_of",
                "plastic, slot, place",
                tuple_of("Post", (f"plastic.past.{f}[slot, place]" for f in post)),
            ),
            lines(
                "put_past",
                "plastic, slot, place, v",
                *(f"plastic.past.{f}[slot, place] = v.{f}" for f in post),
                "pass",
            ),
            lines(
                "fade_post",
                "plastic, lo, hi",
                *(
                    line
                    for n, f in enumerate(post)
                    for line in (
                        f"d{n} = plastic.fade_post[{n}]",
                        f"{f} = plastic.post.{f}[lo:hi]",
                        "for i in range(hi - lo):",
                        f"    {f}[i] = {f}[i] * d{n} if {f}[i] > real(1e-12) else real(0.0)",
                    )
                ),
                "pass",
            ),
        ]
    )
