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

from tegmentum.simcore import ByPost, Modulator, Network, Population, Projection, Simulation
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

    def released(name: str, post: Population) -> Modulator:
        return Modulator(name, n_levels=10, tau=200.0, baseline=0.01)

    def ten(post: Population) -> ByPost:
        return ByPost(np.arange(post.size) % 10)

    made: dict[str, Callable[[Population], dict[str, Any]]] = {
        "STDP": lambda post: {"plasticity": p.STDP(lam=TINY, w_max=0.2)},
        "PowerSTDP": lambda post: {"plasticity": p.PowerSTDP(lam=TINY, w_max=0.2)},
        "DopamineSTDP": lambda post: {
            "plasticity": p.DopamineSTDP(
                released("dopamine", post),
                p.LinearReceptor(),
                ten(post),
                a_plus=TINY,
                a_minus=TINY,
                w_max=0.2,
            )
        },
        "TwoTraceSTDP": lambda post: {
            "plasticity": p.TwoTraceSTDP(
                released("na", post), released("ht", post), subpopulations=ten(post), eta=TINY, w_max=0.2
            )
        },
        "GatedSTDP": lambda post: {
            "plasticity": p.GatedSTDP(
                released("na", post),
                released("ach", post),
                subpopulations=ten(post),
                a_plus=TINY,
                a_minus=TINY,
                w_max=0.2,
            )
        },
        "CorticostriatalSTDP": lambda post: {
            "plasticity": p.CorticostriatalSTDP.d1(
                released("dopamine", post), subpopulations=ten(post), eta=TINY, w_max=0.2
            )
        },
        "SequentialSTDP": lambda post: {
            "plasticity": p.SequentialSTDP(
                released("ach", post),
                released("dopamine", post),
                subpopulations=ten(post),
                a_ach=TINY,
                a_da=TINY,
                w_min=0.0,
                w_max=0.2,
            )
        },
        "BennaFusiSTDP": lambda post: {
            "plasticity": p.BennaFusiSTDP(a_plus=TINY, a_minus=TINY, rest=0.1, w_max=0.2)
        },
        "ScaledSTDP": lambda post: {
            "plasticity": p.ScaledSTDP(a_plus=TINY, a_minus=TINY, beta=TINY, w_max=0.2)
        },
        "ClopathSTDP": lambda post: {
            "plasticity": p.ClopathSTDP(
                post, a_ltd=TINY, a_ltp=TINY, theta_minus=5.0, theta_plus=15.0, rest=0.0
            )
        },
        "EProp": lambda post: {
            "plasticity": p.EProp(
                Modulator("slope", post.size, source=p.PseudoDerivative(post)),
                Modulator("signal", tau=200.0, baseline=0.01),
                eta=TINY,
            )
        },
        "TsodyksMarkram": lambda post: {"short_term": p.TsodyksMarkram(U=1.0, tau_rec=0.2, tau_fac=0.2)},
    }
    return made


def network(name: str, scale: float) -> Network:
    """Return ``brunel`` with a rule between excitatory neurons."""
    from .workloads import brunel

    known = rules()
    if name not in known:
        raise DescriptionError(f"bench rules: there is no rule {name!r}; there are: {', '.join(known)}")
    plain = brunel(scale)
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
