"""What each plasticity rule costs: ``brunel`` with the rule between excitatory neurons, against pair STDP there.

Rates of learning are so small that all these networks fire alike, so a ratio of times is a ratio of costs. Both run in
turn, a stretch each, and the median over stretches counts: what else the machine does then weighs on both.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from tegmentum.simcore import ALIF, ByPost, Modulator, Network, Population, Projection, Simulation
from tegmentum.simcore.errors import DescriptionError

TINY = 1e-9


class Cost(NamedTuple):
    """A rule's cost."""

    rule: str
    ratio: float  # CPU time as a multiple of that with pair STDP
    bytes_per_synapse: float  # over all synapses of the network
    rate_hz: float  # of the excitatory neurons


def rules() -> dict[str, Callable[[Population], dict[str, Any]]]:
    """Return, by name, what makes a projection onto a population plastic: keywords of :class:`.Projection`."""
    import tegmentum.plasticity as p

    small = {"a_plus": TINY, "a_minus": TINY}
    bounds = {"w_min": 0.0, "w_max": 0.2}

    def ten(post: Population) -> ByPost:
        return ByPost(np.arange(post.size) % 10)

    def released(name: str) -> Modulator:
        return Modulator(name, n_levels=10, tau=200.0, baseline=0.01)

    def plain(rule: Any, **parameters: Any) -> Callable[[Population], dict[str, Any]]:
        return lambda post: {"plasticity": rule(**parameters)}

    def modulated(rule: Any, *names: str, **parameters: Any) -> Callable[[Population], dict[str, Any]]:
        return lambda post: {
            "plasticity": rule(*(released(n) for n in names), subpopulations=ten(post), **parameters)
        }

    def clopath(post: Population) -> dict[str, Any]:
        thresholds: dict[str, Any] = {"theta_minus": 5.0, "theta_plus": 15.0, "rest": 0.0}
        return {"plasticity": p.ClopathSTDP(post, a_ltd=TINY, a_ltp=TINY, **thresholds)}

    def e_prop(post: Population) -> dict[str, Any]:
        slope = Modulator("slope", post.size, source=p.PseudoDerivative(post))
        return {"plasticity": p.EProp(slope, Modulator("signal", baseline=0.01), eta=TINY)}

    def e_prop_alif(post: Population) -> dict[str, Any]:
        slope = Modulator("slope", post.size, source=p.PseudoDerivative(post))
        return {"plasticity": p.EPropALIF(slope, Modulator("signal", baseline=0.01), eta=TINY)}

    return {
        "STDP": plain(p.STDP, lam=TINY, w_max=0.2),
        "STDP, nearest": plain(p.STDP, lam=TINY, w_max=0.2, nearest=True),
        "CentredSTDP": plain(p.CentredSTDP, lam=TINY, w_max=0.2),
        "PowerSTDP": plain(p.PowerSTDP, lam=TINY, w_max=0.2),
        "PowerLawSTDP": plain(p.PowerLawSTDP, lam=TINY),
        "TripletSTDP": plain(p.TripletSTDP, a3_plus=TINY, a2_minus=TINY, **bounds),
        "InhibitorySTDP": plain(p.InhibitorySTDP, eta=TINY, **bounds),
        "Hebb": plain(p.Hebb, eta=TINY, **bounds),
        "Oja": plain(p.Oja, eta=TINY, **bounds),
        "BCM": plain(p.BCM, eta=TINY, **bounds),
        "ScaledSTDP": plain(p.ScaledSTDP, **small, beta=TINY, w_max=0.2),
        "BennaFusiSTDP": plain(p.BennaFusiSTDP, **small, tau=1e9, rest=0.1, **bounds),
        "CascadeSTDP": plain(p.CascadeSTDP, **small, **bounds),
        "DopamineSTDP": modulated(p.DopamineSTDP, "dopamine", **small, w_max=0.2),
        "RewardSTDP": modulated(p.RewardSTDP, "reward", **small, w_max=0.2),
        "RateHebb": modulated(p.RateHebb, "dopamine", a=TINY, w_max=0.2),
        "GatedSTDP": modulated(p.GatedSTDP, "noradrenaline", "acetylcholine", **small, **bounds),
        "TwoTraceSTDP": modulated(p.TwoTraceSTDP, "noradrenaline", "serotonin", eta=TINY, **bounds),
        "CorticostriatalSTDP": modulated(p.CorticostriatalSTDP, "dopamine", eta=TINY, **bounds),
        "SequentialSTDP": modulated(
            p.SequentialSTDP, "acetylcholine", "dopamine", a_ach=TINY, a_da=TINY, kappa=TINY, **bounds
        ),
        "ClopathSTDP": clopath,
        "EProp": e_prop,
        "EPropALIF": e_prop_alif,
        "TsodyksMarkram": lambda post: {"short_term": p.TsodyksMarkram(U=1.0, tau_rec=0.2, tau_fac=0.2)},
        "STDP and TsodyksMarkram": lambda post: {
            "plasticity": p.STDP(lam=TINY, w_max=0.2),
            "short_term": p.TsodyksMarkram(U=1.0, tau_rec=0.2, tau_fac=0.2),
        },
    }


def network(name: str, scale: float) -> Network:
    """Return ``brunel`` with a rule between excitatory neurons."""
    from .workloads import brunel

    known = rules()
    if name not in known:
        raise DescriptionError(f"bench rules: there is no rule {name!r}; there are: {', '.join(known)}")
    # adaptive neurons that do not adapt fire as the others do
    alif = ALIF(tau_m=20.0, v_thresh=20.0, v_reset=10.0, t_ref=2.0, beta=0.0)
    plain = brunel(scale, excitatory=alif if name == "EPropALIF" else None)
    exc = plain["exc"]
    first, *others = plain.projections
    assert isinstance(exc, Population)
    learns = Projection(first.pre, first.post, first.rule, first.weight, first.delay, **known[name](exc))
    return Network(*plain.populations, learns, *others, *plain.sources)


def costs(names: list[str], scale: float, ms: float, stretches: int, seed: int) -> Iterator[Cost]:
    """Measure rules one after another, each in turn with pair STDP; one thread."""
    base = Simulation(network("STDP", scale), seed=seed, threads=1)
    base.run(2 * ms)
    for name in names:
        other = Simulation(network(name, scale), seed=seed, threads=1)
        other.run(2 * ms)
        ratios, fired = [], 0
        for _ in range(stretches):
            times = []
            for simulation in (base, other):
                began = time.process_time()
                result = simulation.run(ms)
                times.append(time.process_time() - began)
            fired += result.n_spikes["exc"]
            ratios.append(times[1] / times[0])
        n, seconds = other.network["exc"].size, stretches * ms * 1e-3
        yield Cost(
            name, statistics.median(ratios), other.synapse_bytes / other.n_synapses, fired / n / seconds
        )
