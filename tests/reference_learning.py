"""Synapses under a neuromodulator again: every level, trace and weight in every tick, slow and obvious.

A level is the sum over all that was ever released, each with its own course; the gain is integrated over each tick by
Gauss and Legendre's rule. The engine sums in windows, by exponentials, and at spikes only.

A rule may keep several eligibilities under several modulations, and products of them, see :class:`Learning`.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
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

    def at(self, t: Any, silent: bool = False) -> Any:
        """Level at times of one tick, after whose start nothing is released; where silent, its baseline alone."""
        tau, rise = self.modulator.tau, self.modulator.tau_rise
        level = np.full(
            np.shape(t), [value for begin, value in self.steps if begin <= np.min(t) + 1e-9][-1], float
        )
        for begin, amount in () if silent else self.released:
            if begin <= np.min(t) + 1e-9:
                h = np.asarray(t) - begin
                if rise is None:
                    level += amount * np.exp(-h / tau)
                else:
                    peak = math.log(tau / rise) * tau * rise / (tau - rise)
                    norm = math.exp(-peak / tau) - math.exp(-peak / rise)
                    level += amount / norm * (np.exp(-h / tau) - np.exp(-h / rise))
        return level


class Seen:
    """The level of one neuron that follows its potential, 0 until a first tick has ended; without lag."""

    def __init__(self, source: Any, dt: float) -> None:
        assert source.delay == 0.0
        self.do, self.c, self.peak = source.functions(), source.derive(dt), source.peak
        self.state, self.value = source.initial(), 0.0

    def see(self, v: float, fired: bool) -> None:
        v = self.peak if fired and self.peak is not None else v
        self.state = self.do["watch"](self.state, v, self.c)
        self.value = self.do["level"](self.state, v, self.c)

    def at(self, t: Any, silent: bool = False) -> Any:
        return np.full(np.shape(t), self.value)


class Plastic:
    """One synapse; as the weight of a synapse of :func:`.reference.simulate`."""

    def __init__(self, learning: Learning, post: int, level: int, w: float) -> None:
        self.learning, self.post, self.level = learning, post, level
        synapse, pre = learning.do["Synapse"], learning.do["Pre"]
        self.synapse = synapse(w, *(0.0 for _ in synapse._fields[1:]))
        self.pre = pre(*(0.0 for _ in pre._fields))
        self.rest()

    def rest(self) -> None:
        self.area = [0.0] * len(self.learning.modulations)
        self.fade = dict.fromkeys(self.learning.fading, 1.0)

    def live(self, gains: list[Any], decay: dict[str, float]) -> None:
        """Take what a tick adds to the integrals; ``gains`` by modulation and level."""
        for k, modulation in enumerate(self.learning.modulations):
            self.area[k] += self.fade[modulation.trace] * gains[k][self.level]
        for name in self.fade:
            self.fade[name] *= decay[name]

    def now(self) -> Any:
        """Weight and eligibilities of the moment."""
        return self.learning.do["drift"](
            self.synapse, self.learning.areas(self.area), self.learning.fades(self.fade), self.learning.c
        )

    def settle(self) -> None:
        self.synapse = self.now()
        self.rest()

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
    as_ticks : bool
        take the gain of a tick as the engine documents it, instead of the curve's integral: from a level that decays
        alone, the distance of the gain from where it rests decays as the level does; of products and of levels that
        rise, the gain is that at the levels' means. Both are the same for linear receptors of one modulator.
    """

    def __init__(
        self,
        rule: Any,
        population: str,
        n: int,
        synapses: list[tuple[int, int, float]],
        dt: float,
        as_ticks: bool = False,
    ) -> None:
        self.rule, self.do, self.c, self.dt, self.population = (
            rule,
            rule.functions(),
            rule.derive(dt),
            dt,
            population,
        )
        self.modulations, self.tau, self.as_ticks = rule.modulations, rule.time_constants(), as_ticks
        kept = self.do["Synapse"]._fields[1:]
        self.fading = [name for name in kept if self.tau[name] != math.inf]
        self.modulators = []
        for modulation in self.modulations:
            self.modulators += [m for m, _ in modulation.factors if m not in self.modulators]
        self.levels = {
            m.name: [Level(m) if m.watch is None else Seen(m.watch, dt) for _ in range(m.n_levels)]
            for m in self.modulators
        }
        self.post = [self.do["Post"](*(0.0 for _ in self.do["Post"]._fields))] * n
        self.plastic = [Plastic(self, *synapse) for synapse in synapses]
        self.window = min(
            (window_length(self.tau[m.trace] or math.inf, m.n_levels, dt) for m in self.modulations),
            default=1 << 62,
        )
        for m in self.modulators:
            for given in m.given:
                for time, amount, onto in zip(*given.columns(), strict=True):
                    self.release(m, round(time / dt), amount, None if onto < 0 else [onto])

    def areas(self, area: list[float]) -> Any:
        """Integrals as ``drift`` takes them: a number of one modulation, by name of several."""
        if len(area) == 1:
            return area[0]
        return SimpleNamespace(**{m.label: x for m, x in zip(self.modulations, area, strict=True)})

    def fades(self, fade: dict[str, float]) -> Any:
        """Decays in the same way."""
        return SimpleNamespace(**fade) if len(fade) > 1 else next(iter(fade.values()))

    def release(self, modulator: Any, tick: int, amount: float, onto: Any = None) -> None:
        levels = self.levels[modulator.name]
        for k in range(len(levels)) if onto is None else onto:
            levels[k].released.append((tick * self.dt, amount))

    def gains(self, modulation: Any, begin: float) -> list[float]:
        """Integral of the gain over the tick that begins then, discounted by its eligibility, at each level."""
        tau = self.tau[modulation.trace]
        s = (NODES + 1.0) * self.dt / 2.0
        shares = SHARES * self.dt / 2.0
        out = []
        for k in range(modulation.n_levels):
            gain = np.ones(len(s) if tau else 1)
            for m, receptor in modulation.factors:
                level = self.levels[m.name][k if m.n_levels > 1 else 0]
                at = level.at(begin + s) if tau else level.at(np.array([begin]))
                parameters = receptor.parameters()
                if not (tau and self.as_ticks):
                    gain = gain * [receptor.curve(x, *parameters) for x in at]
                elif m.tau_rise is None and len(modulation.factors) == 1:
                    first, rest = level.at(np.array([begin]))[0], level.at(begin + s, silent=True)[0]
                    idle = receptor.curve(rest, *parameters)
                    moved = receptor.curve(first, *parameters) - idle
                    gain = gain * (idle + moved * np.exp(-s / m.tau))
                else:
                    discount = shares * np.exp(-s / tau)
                    gain = gain * receptor.curve(at @ discount / discount.sum(), *parameters)
            out.append(float(gain @ (shares * np.exp(-s / tau))) if tau else float(gain[0]))
        return out

    def begin(self, tick: int) -> None:
        """Live from the tick before to this one; weights are cut where a window of integrals ends."""
        gains = [self.gains(modulation, (tick - 1) * self.dt) for modulation in self.modulations]
        decay = {name: math.exp(-self.dt / self.tau[name]) if self.tau[name] else 0.0 for name in self.fading}
        for p in self.plastic:
            p.live(gains, decay)
            p.pre = self.faded(p.pre)
            if tick % self.window == 0:
                p.settle()
        self.post = [self.faded(post) for post in self.post]

    def faded(self, traces: Any) -> Any:
        """Traces a tick later."""
        pairs = zip(traces._fields, traces, strict=True)
        return type(traces)(*(x * math.exp(-self.dt / self.tau[name]) for name, x in pairs))

    def end(self, tick: int, fired: list[tuple[int, str, int]], state: dict[str, list[Any]]) -> None:
        """Learn from the spikes of this tick, release what they release, and see the potentials at its end."""
        for _, name, j in fired:
            if name == self.population:
                for p in self.plastic:
                    if p.post == j:
                        p.fire()
                self.post[j] = self.do["post_spike"](self.post[j], self.c)
            for m in self.modulators:
                for r in m.releases:
                    if r.population.name == name:
                        onto = None if r.onto is None else [r.onto[j]]
                        self.release(m, tick + max(1, round(r.delay / self.dt)), r.amount, onto)
        for m in self.modulators:
            if m.watch is not None:
                name = m.watch.population.name
                for j, level in enumerate(self.levels[m.name]):
                    level.see(state[name][j].v, (tick, name, j) in fired)
