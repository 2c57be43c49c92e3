"""How kernels reach a plasticity rule: its functions, loads and stores of its state.

This file is what :mod:`.modules` writes for pair STDP under a neuromodulator; for other rules it writes the same
functions with their fields. Kernel templates import from here, so they are ordinary Python that tools can check.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tegmentum.simcore.intrinsics.memory import look_up, look_up_at, look_up_pair, look_up_small, own, put_own

real = float


class Synapse(NamedTuple):
    """What a synapse keeps."""

    w: float
    e: float


class Pre(NamedTuple):
    """Traces of arrivals."""

    x: float


class Post(NamedTuple):
    """Traces of the post neuron's spikes."""

    y: float


def on_pre(s: Synapse, pre: Pre, post: Post, c: Any, *u: float) -> Synapse:
    """Synapse after an arrival, at which a rule may have drawn a number."""
    return s


def on_post(s: Synapse, pre: Pre, post: Post, c: Any, *u: float) -> Synapse:
    """Synapse after a post spike, at which a rule may have drawn a number."""
    return s


def pre_spike(pre: Pre, c: Any) -> Pre:
    """Traces after an arrival."""
    return Pre(1.0 + pre.x)


def post_spike(post: Post, c: Any) -> Post:
    """Traces after a post spike."""
    return Post(1.0 + post.y)


def drift(s: Synapse, area: float, fade: float, c: Any) -> Synapse:
    """Synapse after a time without spikes."""
    return s


def curve(level: float, *parameters: float) -> float:
    """Gain of the receptor at a level."""
    return level


def level_of(plastic: Any, slot: Any, segment: int, at: int) -> Any:
    """Return the number of the level that a synapse is under."""
    return look_up_small(plastic.gains[0].which, slot)


def above(factor: Any, k: Any) -> Any:
    """Level of a modulator above its baseline; where it rises and decays, its mean over the coming tick."""
    j = k if len(factor.level) > 1 else 0
    if factor.mean[1] != 0.0:
        return factor.level[j] * factor.mean[0] - factor.fast[j] * factor.mean[1]
    return factor.level[j] * factor.mean[0]


def idle_of(gain: Any) -> Any:
    """Gain at the baseline: of several modulators the product."""
    return curve(gain.factors[0].rest[0], *gain.factors[0].receptor)


def present_of(gain: Any, k: Any) -> Any:
    """Gain at the level ``k``."""
    return curve(gain.factors[0].rest[0] + above(gain.factors[0], k), *gain.factors[0].receptor)


def areas(plastic: Any, slot: Any, segment: int, at: int, row: Any, start: Any) -> Any:
    """Integral of a synapse's gain from one row to another; of what lasts a tick, the gain in that."""
    k = level_of(plastic, slot, segment, at)
    return real(look_up_at(plastic.gains[0].area, row, k) - look_up_at(plastic.gains[0].area, start, k))


def pulsed_areas(plastic: Any, slot: Any, segment: int, at: int, row: Any, start: Any) -> Any:
    """Return the same with the pulse at a trial's end."""
    k = level_of(plastic, slot, segment, at)
    return real(areas(plastic, slot, segment, at, row, start) + plastic.gains[0].pulse[k])


def extend(plastic: Any, now: Any) -> None:
    """Let the maps of all levels go on to the row ``now``, of a rule with a ``Flow``."""


def begin(plastic: Any) -> None:
    """Begin the maps anew."""


def falls(plastic: Any, row: Any) -> Any:
    """Factor from a stored eligibility to that of a row, for each."""
    return look_up_pair(plastic.gains[0].both, row)[0]


def rises(plastic: Any, row: Any) -> Any:
    """Factor back."""
    return look_up_pair(plastic.gains[0].both, row)[1]


def fade_from(fall: Any, row: Any, start: Any) -> Any:
    """Factor from a stored eligibility, 0 after the tick in which it was set for one that lasts a tick."""
    return fall


def silenced() -> Any:
    """Factor that leaves no eligibility."""
    return real(0.0)


def fall_at(gain: Any, row: Any) -> Any:
    """Factor to a row's eligibility by which a pulse counts: of synapses that wait for it, not rounded first."""
    return real(gain.fall[row])


def waits() -> bool:
    """Tell whether synapses learn at the end of trials alone."""
    return False


def listens() -> bool:
    """Tell whether synapses learn from post spikes."""
    return True


def signed(w: Any) -> Any:
    """Return a rule's weight as it is stored, or the other way round: negative where the projection's sign is."""
    return w


def release_of(pre: Pre, c: Any) -> Any:
    """By what short-term plasticity scales an arrival."""
    return real(1.0)


def released_by(plastic: Any, i: Any, k: Any, released: Any) -> Any:
    """By what an arrival is scaled ``k`` ticks after the one before, where a synapse has resources of its own."""
    return released


def restore(plastic: Any) -> None:
    """Give synapses their own resources back, at a trial's end."""


def restore_one(plastic: Any, s: int) -> None:
    """Give one synapse its own resources back."""


def quanta_of(plastic: Any, w: Any, released: Any) -> Any:
    """Return the weight as it is delivered in fixed arithmetic, as a whole number of quanta."""
    return np.rint(signed(w) * plastic.grid[0])


def delivered(plastic: Any, w: Any, released: Any) -> Any:
    """Return the weight as it is delivered: in fixed arithmetic :func:`quanta_of` it times ``plastic.grid[1]``."""
    return signed(w)


def arriving(weight: Any, s: int, synapse: Synapse) -> Any:
    """Return the weight that arrives, as the rule sees it: what it has made of it, or that which the synapse shares."""
    return synapse.w


class Stored(NamedTuple):
    """What is stored of a synapse: its weight, and its eligibility as :mod:`.drift` says."""

    w: float
    e: float


def stored_of(plastic: Any, weight: Any, first: int, s: Any) -> Stored:
    """Load the synapse number ``s`` of a segment."""
    return Stored(own(weight, s), own(plastic.kept[0], first + s))


def put_stored(plastic: Any, weight: Any, first: int, s: Any, stored: Stored) -> None:
    """Store it."""
    put_own(weight, s, stored.w)
    put_own(plastic.kept[0], first + s, stored.e)


def as_seen(stored: Stored) -> Synapse:
    """Return a synapse as its rule sees it."""
    return Synapse(stored.w, stored.e)


def as_stored(stored: Stored, synapse: Synapse, scale: Any) -> Stored:
    """Return what a rule has made of a synapse as it is stored, ``scale`` for eligibilities."""
    return Stored(real(synapse.w), real(synapse.e * scale))


def synapse_of(plastic: Any, weight: Any, first: int, s: int) -> Synapse:
    """State of the synapse number ``s`` of a segment."""
    return as_seen(stored_of(plastic, weight, first, s))


def put_synapse(plastic: Any, weight: Any, first: int, s: int, synapse: Synapse, scale: Any) -> None:
    """Put a synapse's state back, its eligibility as it is stored."""
    put_stored(plastic, weight, first, s, as_stored(stored_of(plastic, weight, first, s), synapse, scale))


def put_peeked(w: Any, kept: Any, i: int, synapse: Synapse) -> None:
    """Write a synapse's state to where it is wanted."""
    w[i], kept[0][i] = synapse.w, synapse.e


def prefetch_kept(plastic: Any, i: int) -> None:
    """Ask the memory for what a synapse keeps."""


def faded(table: Any, k: int) -> Any:
    """Decay over ``k`` ticks; the table's last is 0, for longer times."""
    return look_up(table, min(k, np.int32(len(table) - 1)))


def pre_of(plastic: Any, segment: int) -> Pre:
    """Traces of a segment after its last arrival."""
    return Pre(plastic.pre.x[segment])


def put_pre(plastic: Any, segment: int, pre: Pre) -> None:
    """Put a segment's traces back."""
    plastic.pre.x[segment] = pre.x


def faded_pre(plastic: Any, pre: Pre, k: int) -> Pre:
    """Traces ``k`` ticks later."""
    return Pre(pre.x * faded(plastic.fade_pre[0], k))


def pre_at(plastic: Any, segment: int, pre: Pre, k: int) -> Pre:
    """Return the traces that a post spike meets ``k`` ticks after the last arrival.

    If that is now and coincident spikes make no pair, those just before the arrival.
    """
    return faded_pre(plastic, pre, k) if k > 0 else Pre(look_up(plastic.early.x, segment))


def put_early(plastic: Any, segment: int, pre: Pre, k: int) -> None:
    """Keep the traces just before an arrival, ``k`` ticks after the one before."""
    if k > 0:
        plastic.early.x[segment] = pre.x


def post_of(plastic: Any, slot: Any) -> Post:
    """Traces of a neuron in the present tick."""
    return Post(look_up(plastic.post.y, slot))


def posts(plastic: Any, lo: int, hi: int) -> Any:
    """Traces of some neurons, as arrays."""
    return plastic.post.y[lo:hi]


def one_of(some: Any, j: Any) -> Post:
    """Traces of one of them."""
    return Post(some[j])


def row_pre(log: Any, r: int) -> Pre:
    """Traces of a row's arrivals."""
    return Pre(log.pre.x[r])


def put_row_pre(log: Any, r: int, pre: Pre) -> None:
    """Put a row's traces back."""
    log.pre.x[r] = pre.x


def fade_rows(plastic: Any, log: Any, n: int) -> None:
    """Let the traces of the first ``n`` rows fade by one tick."""
    d0 = plastic.fade_pre[0][1]
    x = log.pre.x[:n]
    for r in range(n):
        x[r] = x[r] * d0 if x[r] > real(1e-12) else real(0.0)


def silent_pre() -> Pre:
    """Traces of a segment without arrivals."""
    return Pre(0.0)


def silent_post() -> Post:
    """Traces of a neuron without spikes."""
    return Post(0.0)


def by_segment() -> bool:
    """Tell whether the synapses of one segment may be under other levels than those of the next."""
    return False


def put_post(plastic: Any, slot: Any, post: Post) -> None:
    """Put a neuron's traces back."""
    plastic.post.y[slot] = post.y


def past_of(plastic: Any, slot: Any, place: Any) -> Post:
    """Traces of a neuron just before a spike of its history."""
    return Post(look_up(plastic.past.y, (slot, place)))


def put_past(plastic: Any, slot: Any, place: Any, post: Post) -> None:
    """Keep a neuron's traces for the history."""
    plastic.past.y[slot, place] = post.y


def fade_post(plastic: Any, lo: int, hi: int) -> None:
    """Let the traces of neurons fade by one tick; numbers below 1e-38 would be slow."""
    d0 = plastic.fade_post[0]
    y = plastic.post.y[lo:hi]
    for i in range(hi - lo):
        y[i] = y[i] * d0 if y[i] > real(1e-12) else real(0.0)
