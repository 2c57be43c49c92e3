"""The text that binds a model or a rule to the kernel templates: loads and stores of its state, picks of its constants.

What comes out for a LIF neuron and for pair STDP under a neuromodulator can be read in
:mod:`..advance.ticks.binding` and :mod:`..advance.ticks.rule_binding`.
"""

from __future__ import annotations

from collections.abc import Iterable
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
"""
LEVEL_OF = {
    kind: f"@jit\ndef level_of(plastic, slot, segment, at):\n    return plastic.which[{place}]"
    for kind, place in {Whole: "0", ByPost: "slot", ByPre: "segment", BySynapse: "at"}.items()
}


def rule_binding(functions: dict[str, Any], coincident: bool = True) -> str:
    """Write loads and stores of a rule's state, as :mod:`.rule_binding` shows them."""
    synapse, pre, post = (functions[name]._fields for name in ("Synapse", "Pre", "Post"))
    place = {"w": "weight[s]", "e": "plastic.eligibility[first + s]"}

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
            lines(
                "synapse_of", "plastic, weight, first, s", tuple_of("Synapse", (place[f] for f in synapse))
            ),
            lines(
                "put_synapse",
                "plastic, weight, first, s, v, scale",
                *(f"{place[f]} = v.{f}{' * scale' * (f == 'e')}" for f in synapse),
            ),
            lines("faded", "table, k", "return table[k] if k < len(table) else real(0.0)"),
            lines("pre_of", "plastic, segment", tuple_of("Pre", (f"plastic.pre.{f}[segment]" for f in pre))),
            lines("put_pre", "plastic, segment, v", *(f"plastic.pre.{f}[segment] = v.{f}" for f in pre)),
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
            lines("put_post", "plastic, slot, v", *(f"plastic.post.{f}[slot] = v.{f}" for f in post)),
            lines(
                "past_of",
                "plastic, slot, place",
                tuple_of("Post", (f"plastic.past.{f}[slot, place]" for f in post)),
            ),
            lines(
                "put_past",
                "plastic, slot, place, v",
                *(f"plastic.past.{f}[slot, place] = v.{f}" for f in post),
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
            ),
        ]
    )
