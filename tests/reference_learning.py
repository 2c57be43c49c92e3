"""Synapses under a neuromodulator again: every level, trace and weight in every tick, slow and obvious.

A level is the sum over all that was ever released, each with its own course; the gain is integrated over each tick by
Gauss and Legendre's rule. The engine sums in windows, by exponentials, and at spikes only.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tegmentum.simcore.lower.modulation import window_length

NODES, SHARES = np.polynomial.legendre.leggauss(6)


class Level:
    """One level of a modulator in time [ms]."""

    def __init__(self, modulator: Any) -> None:
        self.modulator, self.released = modulator, []
        course = modulator.baseline
        self.steps = (
            list(zip(course.times, course.values, strict=True))
            if hasattr(course, "times")
            else [(0.0, course)]
        )

    def at(self, t: Any) -> Any:
        """Level at times of one tick, after whose start nothing is released."""
        tau, rise = self.modulator.tau, self.modulator.tau_rise
        level = np.full(
            np.shape(t), [value for begin, value in self.steps if begin <= np.min(t) + 1e-9][-1], float
        )
        for begin, amount in self.released:
            if begin <= np.min(t) + 1e-9:
                h = np.asarray(t) - begin
                if rise is None:
                    level += amount * np.exp(-h / tau)
                else:
                    peak = math.log(tau / rise) * tau * rise / (tau - rise)
                    norm = math.exp(-peak / tau) - math.exp(-peak / rise)
                    level += amount / norm * (np.exp(-h / tau) - np.exp(-h / rise))
        return level


class Plastic:
    """One synapse; as the weight of a synapse of :func:`.reference.simulate`."""

    def __init__(self, learning: Learning, post: int, level: int, w: float) -> None:
        self.learning, self.post, self.level = learning, post, level
        self.synapse, self.pre = learning.do["Synapse"](w, 0.0), learning.do["Pre"](0.0)
        self.area, self.fade = 0.0, 1.0

    def now(self) -> Any:
        """Weight and eligibility of the moment."""
        return self.learning.do["drift"](self.synapse, self.area, self.fade, self.learning.c)

    def settle(self) -> None:
        self.synapse, self.area, self.fade = self.now(), 0.0, 1.0

    def arrive(self) -> float:
        do, c = self.learning.do, self.learning.c
        self.settle()
        self.synapse = do["on_pre"](self.synapse, self.pre, self.learning.post[self.post], c)
        self.pre = do["pre_spike"](self.pre, c)
        return self.synapse.w

    def fire(self) -> None:
        self.settle()
        self.synapse = self.learning.do["on_post"](
            self.synapse, self.pre, self.learning.post[self.post], self.learning.c
        )


class Learning:
    """All plastic synapses onto a population, whose neurons have one trace each, as their pre neurons have.

    Parameters
    ----------
    population : name of the post population
    synapses : (post neuron, level, weight) of each
    """

    def __init__(
        self, rule: Any, population: str, n: int, synapses: list[tuple[int, int, float]], dt: float
    ) -> None:
        self.rule, self.do, self.c, self.dt, self.population = (
            rule,
            rule.functions(),
            rule.derive(dt),
            dt,
            population,
        )
        self.modulator, self.tau = rule.modulator, rule.time_constants()
        self.levels = [Level(self.modulator) for _ in range(self.modulator.n_levels)]
        self.post = [self.do["Post"](0.0)] * n
        self.plastic = [Plastic(self, *synapse) for synapse in synapses]
        self.window = window_length(self.tau["e"], self.modulator.n_levels, dt)
        for given in self.modulator.given:
            for time, amount, onto in zip(*given.columns(), strict=True):
                self.release(round(time / dt), amount, None if onto < 0 else [onto])

    def release(self, tick: int, amount: float, onto: Any = None) -> None:
        for k in range(len(self.levels)) if onto is None else onto:
            self.levels[k].released.append((tick * self.dt, amount))

    def begin(self, tick: int) -> None:
        """Live from the tick before to this one; weights are cut where a window of integrals ends."""
        s = (NODES + 1.0) * self.dt / 2.0
        gain, discount = self.rule.receptor, SHARES * np.exp(-s / self.tau["e"]) * self.dt / 2.0
        areas = []
        for level in self.levels:
            at = level.at((tick - 1) * self.dt + s)
            areas.append(
                sum(d * gain.curve(x, *gain.parameters()) for d, x in zip(discount, at, strict=True))
            )
        for p in self.plastic:
            p.area += p.fade * areas[p.level]
            p.fade *= math.exp(-self.dt / self.tau["e"])
            p.pre = type(p.pre)(*(x * math.exp(-self.dt / self.tau["x"]) for x in p.pre))
            if tick % self.window == 0:
                p.settle()
        self.post = [
            type(post)(*(y * math.exp(-self.dt / self.tau["y"]) for y in post)) for post in self.post
        ]

    def end(self, tick: int, fired: list[tuple[int, str, int]]) -> None:
        """Learn from the spikes of this tick, and release what they release."""
        for _, name, j in fired:
            if name == self.population:
                for p in self.plastic:
                    if p.post == j:
                        p.fire()
                self.post[j] = self.do["post_spike"](self.post[j], self.c)
            for r in self.modulator.releases:
                if r.population.name == name:
                    onto = None if r.onto is None else [r.onto[j]]
                    self.release(tick + max(1, round(r.delay / self.dt)), r.amount, onto)
