"""A receptor that nothing reaches is left out of the update loop, and makes no difference."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from tegmentum.simcore import (
    AdEx,
    DescriptionError,
    HodgkinHuxley,
    LIFAlpha,
    LIFCond,
    LIFExp,
    Network,
    Poisson,
    Population,
    Record,
    Simulation,
    Trace,
)


@pytest.mark.parametrize("kind", [LIFExp, LIFAlpha, LIFCond, AdEx, HodgkinHuxley])
def test_what_a_receptor_moves_stays_0_while_nothing_reaches_it(kind):
    functions, constants = kind.functions(), kind().derive(0.1)
    generator = np.random.default_rng(0)
    for receptor in kind.receptors:
        silent = kind.moved_by([receptor])
        assert silent
        for _ in range(100):
            near = [x * generator.uniform(0.8, 1.2) + generator.uniform(0.0, 0.1) for x in kind().initial()]
            s = functions["State"](*near)._replace(**dict.fromkeys(silent, 0.0))
            inputs = [0.0 if r == receptor else generator.uniform(0.0, 5.0) for r in kind.receptors]
            s = functions["receive"](functions["flow"](s, constants, 1.0), constants, *inputs)
            after = functions["reset"](s, constants)
            assert all(getattr(x, name) == 0.0 for x in (s, after) for name in silent)
            assert any(getattr(s, name) != 0.0 for name in set(s._fields) - {"v", *silent})


def driven(model, initial=None, *, also=0.0, n=300):
    """Return a population that Poisson input drives by one receptor; ``also`` is the rate of input of weight 0."""
    p = Population("p", n, model, initial=initial or {})
    sources = [Poisson(p, rate=8_000.0, weight=60.0, receptor="exc")]
    if also:
        sources.append(Poisson(p, rate=also, weight=0.0, receptor="inh"))
    return Network(p, *sources)


def ran(network, **more):
    record = Record(spikes=["p"], traces={name: Trace("p", name) for name in ("v", "i_exc", "i_inh")})
    simulation = Simulation(network, seed=1, **more)
    return simulation, simulation.run(50.0, record)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [LIFExp, LIFAlpha])
def test_the_receptor_left_out_gives_the_same_bits_as_one_that_gets_weights_of_0(kind):
    (one, a), (two, b) = (ran(driven(kind(c_m=100.0), also=rate)) for rate in (0.0, 2_000.0))
    assert (one._plan.model_groups[0].silent, two._plan.model_groups[0].silent) == (("inh",), ())
    assert len(a.spikes["p"]) > 100
    np.testing.assert_array_equal(a.spikes["p"].tick, b.spikes["p"].tick)
    np.testing.assert_array_equal(a.spikes["p"].neuron, b.spikes["p"].neuron)
    for name in ("v", "i_exc", "i_inh"):
        np.testing.assert_array_equal(a.traces[name], b.traces[name])
    assert not a.traces["i_inh"].any()


def test_a_state_that_begins_elsewhere_is_kept():
    initial = np.zeros(20)
    initial[7] = -300.0
    _, result = ran(driven(LIFExp(tau_inh=10.0), {"i_inh": initial}, n=20))
    decay = math.exp(-0.1 / 10.0) ** result.trace_tick
    np.testing.assert_allclose(result.traces["i_inh"][0, :, 7], -300.0 * decay, rtol=1e-4)


def test_a_state_that_could_not_have_come_about_is_refused():
    simulation, _ = ran(driven(LIFExp(), n=20))
    saved = simulation.state()
    simulation.load_state(saved)
    changed = saved["state/p/i_inh"].copy()
    changed[0, 3] = 5.0
    with pytest.raises(DescriptionError, match=r"state/p/i_inh must be 0, .* initial=\{'i_inh'"):
        simulation.load_state({**saved, "state/p/i_inh": changed})
    assert simulation.tick == 500


def test_a_subclass_is_asked_itself():
    class Restless(LIFExp):
        @staticmethod
        def flow(s, c, i):
            return Restless.State(s.v, s.refractory, s.i_exc, s.i_inh + 1.0)

    assert LIFExp.moved_by(["inh"]) == ["i_inh"]
    assert Restless.moved_by(["inh"]) == []
    assert dataclasses.is_dataclass(Restless)
