"""Dale's law: whatever a rule learns, a synapse stays on its side of zero and within the rule's bounds."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tegmentum.plasticity as plasticity
from tegmentum.plasticity import STDP, DopamineSTDP, LinearReceptor
from tegmentum.simcore import (
    ALIF,
    LIF,
    DescriptionError,
    FixedIndegree,
    LIFCond,
    LIFExp,
    Modulator,
    Network,
    Poisson,
    Population,
    Projection,
    Record,
    Simulation,
    SynapseRule,
    Uniform,
)

pytestmark = pytest.mark.slow  # engines of their own

DOPAMINE = Modulator("dopamine", tau=100.0)

SLOPE = Modulator("slope", 1, source=plasticity.PseudoDerivative(Population("adaptive", 1, ALIF())))

#: e-prop's weights have no sign of their own: bounds give them one
SPECIAL = {
    "ClopathSTDP": {"post": Population("post", 1, LIF()), "a_ltd": 0.02, "a_ltp": 0.01},
    "EProp": {"w_min": 0.0, "w_max": 1.0},
    "EPropALIF": {"slope": SLOPE, "w_min": 0.0, "w_max": 1.0},
}
RATES = ("lam", "eta", "a", "a_plus", "a_minus", "a2_plus", "a2_minus", "a3_plus")


def rules():
    """Every rule for single synapses of the package, with rates of learning at which a weight soon meets its bounds."""
    found = {}
    for name in plasticity.__all__:
        cls = getattr(plasticity, name)
        if not (isinstance(cls, type) and issubclass(cls, SynapseRule)):
            continue
        fields = {f.name: f for f in dataclasses.fields(cls)}
        fast = {name: 0.5 for name in RATES if name in fields}
        needed = [
            n for n, f in fields.items() if f.init and f.default is f.default_factory is dataclasses.MISSING
        ]
        found[name] = cls(**({n: Modulator(n) for n in needed} | fast | SPECIAL.get(name, {})))
    soft = DopamineSTDP(DOPAMINE, a_plus=0.5, a_minus=0.5, soft=True)
    return found | {
        "DopamineSTDP, soft": soft,
        "DopamineSTDP, inhibitory": dataclasses.replace(soft, soft=False, w_min=-4.0, w_max=0.0),
        "DopamineSTDP, soft and inhibitory": dataclasses.replace(soft, w_min=-4.0, w_max=0.0),
        "STDP, additive": STDP(lam=0.5, mu=0.0),
        "STDP, nearest": STDP(lam=0.5, mu=0.5, nearest=True),
    }


RULES = rules()
EVENTS = st.lists(
    st.tuples(st.floats(0.0, 60.0), st.sampled_from(["arrival", "spike"]), st.floats(-1.0, 1.0)), max_size=40
)


def by_name(values):
    """As a rule gets them: one value by itself, several by their names."""
    return next(iter(values.values())) if len(values) == 1 else SimpleNamespace(**values)


def live(rule, w, events):
    """Weights after each event: times since the one before [ms], arrivals and spikes, gains [1/ms] in between."""
    do, c, taus = rule.parts(), rule.derive(0.1), rule.time_constants()
    kept = do["Synapse"]._fields[1:]
    s = do["Synapse"](w, *(0.0 for _ in kept))
    pre, post = (do[end](*(0.0 for _ in do[end]._fields)) for end in ("Pre", "Post"))
    seen = []

    def fade(tau, ms):
        return 1.0 if math.isinf(tau) else math.exp(-ms / tau) if tau else 0.0

    for ms, what, gain in events:
        pre, post = (type(x)(*(v * fade(taus[f], ms) for f, v in x._asdict().items())) for x in (pre, post))
        if "Flow" in do:
            m = do["flow_start"](c)
            for _ in range(min(round(ms / 0.1), 50)):
                m = do["flow_step"](m, SimpleNamespace(slope=0.015 * abs(gain), signal=gain), c)
            s = do["drift"](s, m, 1.0, c)
            seen.append(s.w)
        elif rule.modulations:
            areas = {
                m.label: gain * (taus[m.trace] * (1 - fade(taus[m.trace], ms)) if taus[m.trace] else 0.1)
                for m in rule.modulations
            }
            s = do["drift"](
                s, by_name(areas), by_name({f: fade(taus[f], ms) for f in kept if taus[f] < math.inf}), c
            )
            seen.append(s.w)
        elif "drift" in do:
            over = {f: math.exp(-ms / tau) for f, tau in rule.decays().items()}
            s = do["drift"](s, ms / 0.1, SimpleNamespace(**over) if over else 1.0, c)
            seen.append(s.w)
        drawn = ((gain + 1.0) / 2.001,) if rule.draws else ()
        if what == "arrival":
            s, pre = do["on_pre"](s, pre, post, c, *drawn), do["pre_spike"](pre, c)
        else:
            s, post = do["on_post"](s, pre, post, c, *drawn), do["post_spike"](post, c)
        seen.append(s.w)
    return np.array(seen)


@pytest.mark.parametrize("name", RULES)
@given(at=st.floats(0.0, 1.0), events=EVENTS)
def test_a_rule_keeps_its_bounds_and_a_weight_its_sign(name, at, events):
    rule = RULES[name]
    low, high = rule.weight_bounds()
    assert low >= 0 or high <= 0, f"{name}: the bounds {low} to {high} lie on both sides of zero"
    least, most = max(low, -10.0), min(high, 10.0)
    w = live(rule, least + at * (most - least), events)
    assert np.isfinite(w).all()
    assert not w.size or (w.min() >= low and w.max() <= high)


@pytest.mark.parametrize("name", RULES)
def test_trains_that_would_drive_a_weight_across(name):
    """Regular trains with a lead and a lag, and gains of either sign, move weights, and some to their bounds."""
    rule = RULES[name]
    low, high = rule.weight_bounds()
    middle = 0.5 * (max(low, -2.0) + min(high, 2.0))
    moved = []
    for first, second in (("arrival", "spike"), ("spike", "arrival")):
        for gain in (1.0, -1.0):
            w = live(rule, middle, [(5.0, first, gain), (2.0, second, gain)] * 100)
            assert low <= w.min() <= w.max() <= high
            moved.append(w[-1] - middle)
    assert np.abs(moved).max() > 0.05


def test_plastic_excitation_and_inhibition_stay_apart():
    """Excitatory weights learn by STDP, inhibitory ones by dopamine, both fast: none crosses zero, many reach it."""
    neuron = LIFExp(tau_m=10.0, c_m=100.0, v_thresh=10.0)
    exc, inh = Population("exc", 80, neuron), Population("inh", 20, neuron)
    dopamine, fast = Modulator("dopamine", tau=100.0), STDP(lam=0.2, w_max=40.0)
    out = DopamineSTDP(
        dopamine, LinearReceptor(), tau_e=100.0, a_plus=2.0, a_minus=2.0, w_min=-100.0, w_max=0.0
    )
    net = Network(
        exc, inh,
        Projection(exc, exc, FixedIndegree(20), Uniform(5.0, 40.0), 1.5, plasticity=fast, name="e"),
        Projection(inh, exc, FixedIndegree(10), Uniform(-80.0, -20.0), 1.5, plasticity=out, name="i"),
        Poisson(exc, 4000.0, 60.0), Poisson(inh, 4000.0, 60.0),
    )  # fmt: skip
    assert net["i"].receptor == "inh"
    simulation, seen = Simulation(net, seed=2), []
    for amount in (0.5, -1.0, 1.0, -1.0):
        simulation.release("dopamine", amount)
        result = simulation.run(100.0, Record(spikes=[exc, inh]))
        assert min(result.rates().values()) > 5
        seen.append([simulation.synapses(name).weight for name in ("e", "i")])
    for e, i in seen:
        assert 0 <= e.min() <= e.max() <= 40
        assert -100 <= i.min() <= i.max() <= 0
    e, i = seen[-1]
    assert e.min() < 1
    assert (i == 0).any()
    assert (i == -100).any()


def test_stdp_says_that_it_is_for_weights_from_zero_up():
    for model in (LIF(), LIFExp()):
        p = Population("p", 2, model)
        with pytest.raises(DescriptionError, match=r"STDP keeps weights there"):
            Projection(p, p, FixedIndegree(1), weight=-0.5, plasticity=STDP())
    q = Population("q", 2, LIFCond())  # inhibitory conductances are positive
    found = Projection(q, q, FixedIndegree(1), weight=-0.5, plasticity=STDP())
    assert (found.receptor, found.weight.value) == ("inh", 0.5)
