"""The text that binds a plasticity rule to the kernel templates: loads and stores of traces and synapses.

What comes out for pair STDP under a neuromodulator can be read in :mod:`..advance.ticks.rule_binding`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .text import class_of, lines, tuple_of

#: How events call the functions of a rule that draws nothing; :mod:`..advance.ticks.chance` is for one that does.
UNDRAWN = "\n\n".join(
    [
        lines("draw_arrivals", "plastic, segment, first, n, tick", "pass"),
        lines("draw_missed", "plastic, segment, first, n, which, at", "pass"),
        lines("arrived", "plastic, s, pre, post, k", "return on_pre(s, pre, post, plastic.constants)"),
        lines("fired", "plastic, s, pre, post, k", "return on_post(s, pre, post, plastic.constants)"),
    ]
)
#: The same on a device.
UNDRAWN_BLOCKS = "\n\n".join(
    lines(name, "plastic, s, pre, post, row, at, tick", f"return {does}(s, pre, post, plastic.constants)")
    for name, does in (("arrived", "on_pre"), ("fired", "on_post"))
)
#: What a device has to know of rules under a modulator, by whether their synapses wait for a trial's end.
WAITING = {
    True: "\n\n".join(
        [lines("waits", "", "return True"), lines("fall_at", "gain, row", "return gain.fall[row]")]
    ),
    False: "\n\n".join(
        [lines("waits", "", "return False"), lines("fall_at", "gain, row", "return real(gain.fall[row])")]
    ),
}
UNSHARED = "unshared"  # what a synapse of a shared weight has changed since the last sharing moment


def delivery_binding(scaled: bool, fixed: bool) -> str:
    """Write what an arrival delivers: the weight, ``scaled`` by short-term plasticity or not.

    In ``fixed`` arithmetic it is the nearest whole number of quanta.
    """
    weight = "signed(w) * released" if scaled else "signed(w)"
    if not fixed:
        return lines("delivered", "plastic, w, released", f"return {weight}")
    return "\n\n".join(
        [
            lines("quanta_of", "plastic, w, released", f"return nearest({weight} * plastic.grid[0])"),
            lines(
                "delivered",
                "plastic, w, released",
                "return quanta_of(plastic, w, released) * plastic.grid[1]",
            ),
        ]
    )


def short_term_binding(rule: Mapping[str, Any] | None = None, short: Mapping[str, Any] | None = None) -> str:
    """Write what scales a delivery: nothing, or the variables of short-term plasticity beside the rule's traces."""
    if rule is None or short is None:
        return "\n\n".join([lines("release_of", "pre, c", "return real(1.0)"), SHARED])
    traces, own = rule["RulePre"]._fields, short["ShortPre"]._fields
    constants = (*rule["RuleConstants"]._fields, *short["ShortConstants"]._fields)
    items = [*(f"a.{f}" for f in traces), *(f"b.{f}" for f in own)]
    return "\n\n".join(
        [
            class_of("Pre", (*traces, *own)),
            class_of("Constants", constants),
            lines(
                "pre_spike",
                "pre, c",
                "a, b = rule_pre_spike(pre, c), short_spike(pre, c)",
                tuple_of("Pre", items),
            ),
            lines("release_of", "pre, c", "return release(pre, c)"),
            SHARED,
        ]
    )


#: What synapses whose resources are their own do at an arrival and at a trial's end; the others nothing.
SHARED = "\n\n".join(
    [
        lines("released_by", "plastic, i, k, released", "return released"),
        lines("restore", "plastic", "pass"),
        lines("restore_one", "plastic, s", "pass"),
    ]
)


def own_short_term_binding(first: int, fields: Sequence[str], n_state: int) -> str:
    """Write what scales a delivery where each synapse has resources and parameters, ``kept`` from ``first`` on."""
    kept = [f"plastic.kept[{first + n}]" for n in range(len(fields))]
    return "\n\n".join(
        [
            lines("release_of", "pre, c", "return real(1.0)"),
            lines(
                "released_by",
                "plastic, i, k, released",
                f"own, released = deliver(Each({', '.join(f'{a}[i]' for a in kept)}), real(k))",
                *(f"{a}[i] = own.{f}" for a, f in zip(kept[:n_state], fields, strict=False)),
                "return released",
            ),
            lines("restore", "plastic", *(f"{a}[:] = real(0.0)" for a in kept[:n_state])),
            lines("restore_one", "plastic, s", *(f"{a}[s] = real(0.0)" for a in kept[:n_state])),
        ]
    )


def rule_binding(
    synapse: Sequence[str],
    pre: Sequence[str],
    post: Sequence[str],
    taus: Mapping[str, float],
    coincident: bool = True,
    listens: bool = True,
    sign: int = 1,
    shares: bool = False,
    more: Sequence[str] = (),
    draws: bool = False,
    flows: bool = False,
    stepwise: bool = False,
) -> str:
    """Write loads and stores of a rule's state, as :mod:`.rule_binding` shows them.

    ``stepwise`` the traces of arrivals fade tick by tick, as in :mod:`..advance.ticks.trial_plastic`.
    With ``sign`` -1 the rule sees magnitudes of weights that are stored, and delivered, negative. Where it ``shares``
    weights, they stay, and what it makes of them is added up in the last of what a synapse keeps. Where it ``draws``,
    the arrivals of a segment in one tick are counted.
    """
    minus = "-" if sign < 0 else ""
    own = list(enumerate(synapse[1:]))
    n, kept = len(own), [*synapse[1:], *([UNSHARED] if shares else []), *more]
    n_stored = n + 1 if shares else n
    put, peek, arriving = [f"real({minus}v.w)"], f"w[i] = {minus}v.w", "v.w"
    if shares:
        peek = f"kept[{n}][i] += real(v.w - ({minus}w[i]))"
        arriving = f"{minus}weight[np.uint64(s)]"
    fading = [f for f in synapse[1:] if taus[f] != math.inf]
    scale = {f: " * scale" if flows or len(fading) == 1 else f" * scale.{f}" for f in fading}
    put += [f"real(v.{f}{scale.get(f, '')})" for f in synapse[1:]]
    if shares:
        put = ["stored.w", *put[1:], f"real(stored.{UNSHARED} + real(v.w - ({minus}stored.w)))"]
    places = ["weight, np.uint64(s)", *(f"plastic.kept[{k}], np.uint64(first + s)" for k in range(n_stored))]
    fields = ["w", *kept[:n_stored]]

    pre_fields = list(enumerate(pre))
    early = [f"plastic.early.{f}" for f in pre]
    if coincident:
        at_once = "return faded_pre(plastic, v, k)"
        keep: tuple[str, ...] = ("pass",)
    else:
        at_once = tuple_of(
            "Pre",
            (
                f"look_up({there}, segment) if k <= 0 else v.{f} * faded(plastic.fade_pre[{k}], k)"
                for k, (there, f) in enumerate(zip(early, pre, strict=True))
            ),
        )
        keep = ("if k > 0:", *(f"    {there}[segment] = v.{f}" for there, f in zip(early, pre, strict=True)))
    if draws:
        again = "plastic.chance.again[segment]"
        keep = (*keep, f"{again} = {again} + 1 if k <= 0 else 1")
    return "\n\n".join(
        [
            lines("listens", "", f"return {listens}"),
            lines("signed", "w", f"return {minus}w"),
            lines("arriving", "weight, s, v", f"return {arriving}"),
            f"KEPT = {tuple(kept)!r}",
            class_of("Stored", fields),
            lines(
                "stored_of", "plastic, weight, first, s", tuple_of("Stored", (f"own({at})" for at in places))
            ),
            lines(
                "put_stored",
                "plastic, weight, first, s, stored",
                *(f"put_own({at}, stored.{f})" for at, f in zip(places, fields, strict=True)),
            ),
            lines(
                "as_seen",
                "stored",
                tuple_of("Synapse", (f"{minus}stored.w", *(f"stored.{f}" for f in synapse[1:]))),
            ),
            lines("as_stored", "stored, v, scale", tuple_of("Stored", put)),
            lines(
                "synapse_of",
                "plastic, weight, first, s",
                "return as_seen(stored_of(plastic, weight, first, s))",
            ),
            lines(
                "put_synapse",
                "plastic, weight, first, s, v, scale",
                "stored = as_stored(stored_of(plastic, weight, first, s), v, scale)",
                "put_stored(plastic, weight, first, s, stored)",
            ),
            lines(
                "put_peeked",
                "w, kept, i, v",
                peek,
                *(f"kept[{n}][i] = v.{f}" for n, f in own),
            ),
            lines(
                "prefetch_kept",
                "plastic, i",
                *(f"prefetch(plastic.kept[{n}], i)" for n in range(len(kept))),
                "pass",
            ),
            lines("faded", "table, k", "return look_up(table, min(k, np.int32(len(table) - 1)))"),
            lines("pre_of", "plastic, segment", tuple_of("Pre", (f"plastic.pre.{f}[segment]" for f in pre))),
            lines(
                "put_pre", "plastic, segment, v", *(f"plastic.pre.{f}[segment] = v.{f}" for f in pre), "pass"
            ),
            lines("faded_pre", "plastic, v, k", *_fading(pre, stepwise)),
            lines(
                "pre_at",
                "plastic, segment, v, k",
                at_once,
            ),
            lines(
                "put_early",
                "plastic, segment, v, k",
                *keep,
            ),
            lines(
                "post_of",
                "plastic, slot",
                tuple_of("Post", (f"look_up(plastic.post.{f}, slot)" for f in post)),
            ),
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
                tuple_of("Post", (f"look_up(plastic.past.{f}, (slot, place))" for f in post)),
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


def _fading(pre: Sequence[str], stepwise: bool) -> list[str]:
    """Write how traces of arrivals fade over ``k`` ticks."""
    if not stepwise:
        return [tuple_of("Pre", (f"v.{f} * faded(plastic.fade_pre[{n}], k)" for n, f in enumerate(pre)))]
    out = []
    for n, f in enumerate(pre):
        out += [
            f"x{n}, d{n}, k{n} = v.{f}, plastic.fade_pre[{n}][1], k",
            f"while k{n} > 0 and x{n} != real(0.0):",
            f"    x{n}, k{n} = x{n} * d{n} if x{n} > real(1e-12) else real(0.0), k{n} - 1",
        ]
    return [*out, tuple_of("Pre", (f"x{n}" for n in range(len(pre))))]
