"""Plasticity rules again: one synapse, event by event, in Python floats; the engine is held against it."""

from __future__ import annotations

import math
from typing import Any


class Synapse:
    """One synapse that learns by a rule; times in ms, arrivals before post spikes of the same time.

    Under a neuromodulator the receptor is linear; the level decays from what was released, so that the gain's integral
    has a closed form. Weights are cut at every event, also at those of the neuromodulator.

    What a rule draws is ``draw(time, side)``: side 0 of arrivals, 1 of post spikes.
    """

    def __init__(self, rule: Any, w: float, dt: float = 0.1, draw: Any = None) -> None:
        self.do, self.c, self.tau, self.t = rule.functions(), rule.derive(dt), rule.time_constants(), 0.0
        self.pre, self.post = (
            self.do[name](*(0.0 for _ in self.do[name]._fields)) for name in ("Pre", "Post")
        )
        self.modulation, self.level = rule.modulation, 0.0
        self.state = self.do["Synapse"](w, *(0.0 for _ in self.do["Synapse"]._fields[1:]))
        self.draw = draw

    @property
    def w(self) -> float:
        """Weight after the last event."""
        return float(self.state.w)

    def at(self, t: float) -> Synapse:
        """Live without a spike until ``t``."""
        h, self.t = t - self.t, t
        self.pre, self.post = (
            type(traces)(
                *(x * math.exp(-h / self.tau[f]) for f, x in zip(traces._fields, traces, strict=True))
            )
            for traces in (self.pre, self.post)
        )
        if self.modulation:
            tau_e, tau, receptor = self.tau["e"], self.modulation.modulator.tau, self.modulation.receptor
            both = 1.0 / tau_e + 1.0 / tau
            area = -self.level * math.expm1(-h * both) / both
            area += receptor.baseline * tau_e * math.expm1(-h / tau_e)
            self.state = self.do["drift"](self.state, receptor.slope * area, math.exp(-h / tau_e), self.c)
            self.level *= math.exp(-h / tau)
        return self

    def drawn(self, t: float, side: int) -> tuple[float, ...]:
        """Return the last argument of a rule that draws."""
        return () if self.draw is None else (self.draw(t, side),)

    def release(self, t: float, amount: float) -> None:
        """Raise the neuromodulator's level."""
        self.at(t).level += amount

    def arrive(self, t: float) -> float:
        """Live through an arrival; returns the weight that it delivers."""
        self.at(t)
        self.state = self.do["on_pre"](self.state, self.pre, self.post, self.c, *self.drawn(t, 0))
        self.pre = self.do["pre_spike"](self.pre, self.c)
        return self.w

    def fire(self, t: float) -> float:
        """Live through a post spike; returns the weight after it."""
        self.at(t)
        self.state = self.do["on_post"](self.state, self.pre, self.post, self.c, *self.drawn(t, 1))
        self.post = self.do["post_spike"](self.post, self.c)
        return self.w


def learned(rule: Any, arrivals: Any, posts: Any, w: float, until: float, releases: Any = ()) -> float:
    """Weight at ``until``, after given arrivals, post spikes and releases (time, amount)."""
    synapse = Synapse(rule, w)
    events = [(t, 0, a) for t, a in releases] + [(t, 1, 0.0) for t in arrivals] + [(t, 2, 0.0) for t in posts]
    for t, kind, amount in sorted(events):
        if t > until:
            break
        if kind == 0:
            synapse.release(t, amount)
        else:
            (synapse.fire if kind == 2 else synapse.arrive)(t)
    return synapse.at(until).w
