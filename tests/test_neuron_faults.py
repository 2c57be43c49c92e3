"""Neurons under input that is strong, sudden or hidden: lazy ones that fire alone, volleys, deep jumps, precision."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from tegmentum.simcore import (
    LIF,
    AdEx,
    Current,
    DescriptionError,
    Izhikevich,
    LIFCond,
    Network,
    NeuronModel,
    Noise,
    Normal,
    Parrot,
    Poisson,
    Population,
    Record,
    Simulation,
    Trace,
    Uniform,
)
from tegmentum.simcore.lower.plan import fires_alone, plan
from tegmentum.simcore.neurons.base import fires_from

pytestmark = pytest.mark.numbers

# ------------------------------------------------- a model of one's own: v follows a current, in closed form


class State(NamedTuple):
    v: float
    i: float


class Constants(NamedTuple):
    decay: float
    log_decay: float
    drive: float


@dataclass(frozen=True, eq=False)
class Slow(NeuronModel):
    """Fires some ticks after its input, so that it must not be lazy, although it has a leap."""

    drive: float = 0.5
    receptors: ClassVar[tuple[str, ...]] = ("i",)

    def derive(self, dt):
        return Constants(np.exp(-dt / 5.0), -dt / 5.0, self.drive)

    def initial(self):
        return State(0.0, 0.0)


def flow(s, c, i):
    return State(s.v * c.decay + c.drive * s.i, s.i * c.decay)


def receive(s, c, x):
    return State(s.v, s.i + x)


def threshold(s, c):
    return s.v >= 1.0


def reset(s, c):
    return State(0.0, 0.0)


def leap(s, c, k):
    d = math.exp(c.log_decay * k)
    return State(d * s.v + c.drive * k * s.i * math.exp(c.log_decay * (k - 1.0)), d * s.i)


# ------------------------------------------------------------------------------------------------------------ lazy


def lazy(population, *parts, seed=0):
    return population.name in plan(Network(population, *parts), 0.1, 1, seed).lazy


FIRING = [
    (LIF(tau_m=Uniform(10.0, 30.0), i_e=200.0), {}),  # some are fast enough
    (LIF(tau_m=np.r_[np.full(1999, 20.0), 26.0], i_e=200.0), {}),  # the last alone: v_inf = 20.8
    (LIF(v_thresh=Normal(20.0, 5.0, low=1.0), i_e=100.0), {}),
    (LIF(i_e=Normal(100.0, 60.0)), {}),
    (LIF(v_rest=30.0), {}),
    (LIF(v_rest=20.0), {}),  # v comes to the threshold, as far as it is rounded
    (LIF(c_m=Uniform(50.0, 250.0), i_e=200.0), {}),
    (LIF(), {"v": 25.0}),
    (LIF(), {"v": Normal(0.0, 10.0)}),
    (LIF(), {"v": np.r_[np.zeros(1999), 21.0]}),
    (LIF(), {"v": 25.0, "refractory": 7.0}),  # above, and held there
]
QUIET = [
    (LIF(), {}),
    (LIF(tau_m=Uniform(10.0, 30.0), i_e=100.0), {}),
    (LIF(tau_m=Normal(20.0, 2.0), v_thresh=Normal(20.0, 1.0)), {"v": Uniform(0.0, 10.0)}),
    (LIF(), {"v": -1000.0}),
    (LIF(), {"v": 20.05}),  # below the threshold one tick later, before anyone looks
    (Parrot(), {}),
    (Parrot(), {"x": 1.0}),  # forgotten before anyone looks
]


@pytest.mark.parametrize(("model", "initial"), FIRING)
def test_neurons_that_fire_alone_are_never_lazy(model, initial):
    for seed in (0, 1):
        assert not lazy(Population("c", 2000, model, initial=initial), seed=seed)
        with pytest.raises(
            DescriptionError, match="update cannot be lazy, as its neurons fire without input"
        ):
            lazy(Population("c", 2000, model, "lazy", initial=initial), seed=seed)


@pytest.mark.parametrize(("model", "initial"), QUIET)
def test_neurons_that_wait_for_input_may_be_lazy(model, initial):
    assert lazy(Population("c", 2000, model, initial=initial))
    assert lazy(
        Population("c", 3, model, "lazy", initial={k: v for k, v in initial.items() if np.ndim(v) == 0})
    )


@pytest.mark.parametrize(
    "source", [lambda p: Current(p, 0.0), lambda p: Noise(p, 1.0), lambda p: Noise(p, 0.0, 9.0)]
)
def test_currents_and_noise_need_every_tick(source):
    p, q = Population("p", 2000, LIF()), Population("p", 2000, LIF(), "lazy")
    assert not lazy(p, source(p))
    with pytest.raises(DescriptionError, match="a current is injected"):
        lazy(q, source(q))


@pytest.mark.slow
def test_the_check_is_the_engines_own_answer():
    # neuron by neuron, through the scalar functions, against the arrays of LIF
    random = np.random.default_rng(3)
    functions = LIF().functions()
    for _ in range(200):
        model = LIF(v_rest=float(random.normal(15.0, 4.0)), i_e=float(random.normal(0.0, 60.0)))
        v, n_ref = float(random.normal(15.0, 4.0)), float(random.integers(0, 3))
        population = Population("p", 1, model, initial={"v": v, "refractory": n_ref})
        s, c = functions["State"](v, n_ref), model.derive(0.1)
        assert (fires_alone(population, 0.1, 0) is not None) == fires_from(functions, s, c)
        # and the definition: 100 time constants, tick by tick
        fired = False
        for _ in range(20_000):
            s = functions["receive"](functions["flow"](s, c, 0.0), c, 0.0)
            if functions["threshold"](s, c):
                fired = True
                break
        assert fired == fires_from(functions, functions["State"](v, n_ref), c)


def test_lif_next_spike_is_when_it_fires():
    functions = LIF().functions()
    for v, n_ref, i_e in (
        (0.0, 0, 300.0),
        (25.0, 0, 300.0),
        (25.0, 4, 0.0),
        (30.0, 0, 0.0),
        (5.0, 9, 260.0),
        (24.0, 0, 280.0),
    ):
        c, s = LIF(i_e=i_e).derive(0.1), functions["State"](v, float(n_ref))
        told, k = functions["next_spike"](s, c), 0
        while k < 5000:
            k += 1
            s = functions["receive"](functions["flow"](s, c, 0.0), c, 0.0)
            if functions["threshold"](s, c):
                break
        assert told == k


def test_a_model_that_fires_after_its_input_is_never_lazy():
    assert not lazy(Population("c", 2000, Slow()))
    with pytest.raises(DescriptionError, match="may fire later than their input arrives"):
        lazy(Population("c", 5, Slow(), "lazy"))
    with pytest.raises(DescriptionError, match="fire without input"):
        lazy(Population("c", 5, Slow(), "lazy", initial={"i": 3.0}))
    assert lazy(Population("c", 2000, Slow(drive=0.0)))


def test_many_neurons_are_asked_at_once():
    n = 1_000_000  # one by one they would take minutes
    model = LIF(tau_m=Normal(20.0, 1.0), v_thresh=Uniform(19.0, 21.0))
    assert lazy(Population("c", n, model, initial={"v": Uniform(0.0, 15.0)}))
    late = np.zeros(n)
    late[-1] = 30.0
    assert not lazy(Population("c", n, model, initial={"v": late}))


@pytest.mark.slow
def test_driven_and_started_neurons_fire_as_stepped_ones():
    n_spikes = []
    for update in ("auto", "stepped"):
        driven = Population("driven", 3000, LIF(tau_m=Uniform(10.0, 30.0), i_e=200.0), update)
        started = Population("started", 1200, LIF(), update, initial={"v": 25.0})
        n_spikes.append(Simulation(Network(driven, started)).run(100.0).n_spikes)
    assert n_spikes[0] == n_spikes[1]
    assert n_spikes[0]["started"] == 1200
    assert n_spikes[0]["driven"] > 300


@pytest.mark.slow
def test_whole_ticks_of_refractoriness():
    # a drawn refractory time ends in the same tick for lazy neurons as for stepped ones
    found = []
    for update in ("lazy", "stepped"):
        p = Population(
            "p", 200, LIF(v_thresh=1e9), update, initial={"v": 10.0, "refractory": Uniform(-5.0, 90.0)}
        )
        simulation = Simulation(Network(p, Poisson(p, 500.0, 0.1)), precision="float64", seed=4)
        simulation.run(20.0)
        found.append(simulation.run(1.0, Record(traces={"v": Trace(p)})).traces["v"][0, -1])
    np.testing.assert_allclose(*found, rtol=1e-12)


@pytest.mark.slow
def test_states_are_loaded_only_where_the_population_lives_on_from_them():
    def make(update):
        p = Population("p", 20, LIF(), update)
        return Simulation(Network(p, Poisson(p, 2000.0, 0.1)))

    first = make("lazy")
    first.run(1.0)
    state = first.state()
    with pytest.raises(
        DescriptionError, match=r"populations\.p\.update is 'stepped' here, 'lazy' in the state"
    ):
        make("stepped").load_state(state)
    state["state/p/v"] = state["state/p/v"].copy()
    state["state/p/v"][0, 7] = 40.0
    with pytest.raises(
        DescriptionError, match="'p' is lazy, but in this state its neurons fire without input"
    ):
        make("lazy").load_state(state)


# ------------------------------------------------------------ strong input, against adaptive integrators


def steps(model, start, dt, ms, precision, i=0.0):
    """States tick by tick, through the model's own functions in one precision, up to the first spike."""
    real = np.float32 if precision == "float32" else np.float64
    functions = model.functions()
    make = functions["State"]
    c = type(model.derive(dt))(*(real(x) for x in model.derive(dt)))
    s = make(*(real(x) for x in start))
    out = []
    with np.errstate(over="ignore"):
        for _ in range(round(ms / dt)):
            s = functions["flow"](s, c, real(i))
            s = make(*(real(x) for x in s))
            out.append(s)
            if functions["threshold"](s, c):
                break
    return np.array(out, dtype=np.float64)


def conductance(g_exc, g_inh, ms, dt):
    m = LIFCond()

    def slope(t, v):
        e, i = g_exc * np.exp(-t / m.tau_exc), g_inh * np.exp(-t / m.tau_inh)
        return (-m.g_l * (v - m.v_rest) - e * (v - m.e_exc) - i * (v - m.e_inh)) / m.c_m

    t = np.arange(1, round(ms / dt) + 1) * dt
    return solve_ivp(slope, (0, t[-1]), [m.v_rest], "LSODA", t, rtol=1e-10, atol=1e-10).y[0]


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize(
    ("g_exc", "g_inh", "dt", "bound"),
    [
        (0.0, 67_000.0, 1.0, 1e-3),  # 1,000 inputs of 67 nS at once
        (0.0, 67_000.0, 0.1, 1e-3),
        (0.0, 67e6, 1.0, 1e-3),
        (0.0, 6_700.0, 1.0, 1e-3),
        (0.0, 670.0, 1.0, 5e-3),
        (0.0, 67.0, 1.0, 5e-3),
        (67_000.0, 0.0, 0.1, 1e-3),
        (670.0, 0.0, 0.1, 1e-3),
        (600.0, 6_700.0, 1.0, 1e-3),
        (60.0, 670.0, 1.0, 5e-3),
        (6.0, 67.0, 1.0, 1e-2),
        (67_000.0, 0.0, 1.0, 5e-2),
    ],
)
def test_volleys_onto_conductances_are_those_of_an_adaptive_integrator(g_exc, g_inh, dt, bound, precision):
    model = LIFCond(v_thresh=1e9)
    v = steps(model, (model.v_rest, 0.0, g_exc, g_inh), dt, 30.0, precision)[:, 0]
    single = 3e-4 if precision == "float32" else 0.0
    np.testing.assert_allclose(v, conductance(g_exc, g_inh, 30.0, dt), rtol=0, atol=bound + single)
    assert v.min() >= model.e_inh - 1e-4  # no jump past the reversal potential


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("dt", [0.05, 0.1, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("v", [-75.0, -85.0, -100.0, -150.0, -300.0, -495.0, -1e3, -1e4, -1e6])
def test_izhikevich_does_not_fire_from_far_below(v, dt, precision):
    model = Izhikevich()
    u = model.b * model.c
    out = steps(model, (v, u), dt, 20.0, precision)
    t = np.arange(1, round(20.0 / dt) + 1) * dt
    exact = solve_ivp(
        lambda _, y: [0.04 * y[0] ** 2 + 5 * y[0] + 140 - y[1], model.a * (model.b * y[0] - y[1])],
        (0, t[-1]), [v, u], "LSODA", t, rtol=1e-10, atol=1e-10,
    ).y  # fmt: skip
    assert out.shape == (len(t), 2)  # no spike
    assert out[:, 0].max() < -69.0
    first = 2e-4 * abs(v) if abs(v) < 500 else 0.02 + 0.14 * dt  # steep: u is held during the tick
    np.testing.assert_allclose(out[:, 0], exact[0], rtol=0, atol=max(first, 2e-3) * max(1.0, dt / 0.1) ** 0.5)
    assert out[-1, 0] == pytest.approx(exact[0, -1], abs=0.012 * max(dt, 0.1))
    assert out[-1, 1] == pytest.approx(exact[1, -1], abs=0.007 * max(dt, 0.1))


@pytest.mark.parametrize("dt", [0.1, 0.5])
@pytest.mark.parametrize("i", [-100.0, -1e3, -1e5])
def test_izhikevich_under_strong_inhibition_settles_where_the_equations_do(i, dt):
    model = Izhikevich()
    out = steps(model, model.initial(), dt, 50.0, "float64", i=i)
    assert len(out) == round(50.0 / dt)
    exact = solve_ivp(
        lambda _, y: [0.04 * y[0] ** 2 + 5 * y[0] + 140 - y[1] + i, model.a * (model.b * y[0] - y[1])],
        (0, 50.0), list(model.initial()), "LSODA", rtol=1e-10, atol=1e-10,
    ).y[0, -1]  # fmt: skip
    assert out[-1, 0] == pytest.approx(exact, rel=1e-3)


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("dt", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("jump", [-1e2, -1e4, -1e6])
def test_adex_does_not_fire_under_strong_inhibition(jump, dt, precision):
    model = AdEx()
    out = steps(model, (model.e_l, 0.0, 0.0, 0.0, jump), dt, 60.0, precision)
    assert len(out) == round(60.0 / dt)
    assert np.isfinite(out).all()

    def slope(t, y):
        v, w = y
        up = model.g_l * model.delta_t * math.exp(min((v - model.v_t) / model.delta_t, 50.0))
        return [
            (-model.g_l * (v - model.e_l) + up - w + jump * math.exp(-t / model.tau_inh)) / model.c_m,
            (model.a * (v - model.e_l) - w) / model.tau_w,
        ]

    end = solve_ivp(slope, (0, 60.0), [model.e_l, 0.0], "LSODA", rtol=1e-10, atol=1e-10).y[:, -1]
    np.testing.assert_allclose(out[-1, :2], end, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("changes", [{}, {"delta_t": 0.7}, {"v_peak": 20.0, "c_m": 1000.0, "g_l": 1.0}])
@pytest.mark.parametrize("jump", [5e4, 1e6, 1e8])
def test_adex_fires_and_stays_finite_under_strong_excitation(jump, changes, precision):
    model = AdEx(**changes)
    for dt in (0.01, 0.1, 0.5):
        out = steps(model, (model.e_l, 0.0, 0.0, jump, 0.0), dt, 5.0, precision)
        assert out[-1, 0] >= model.v_peak
        assert not np.isnan(out).any()
        assert np.isfinite(out[:, 1:]).all()


@pytest.mark.parametrize(("tau_w", "t_ref", "dt"), [(30.0, 20.0, 0.1), (5.0, 20.0, 0.5), (144.0, 2.0, 0.1)])
def test_adaptation_is_exact_while_refractory(tau_w, t_ref, dt):
    model = AdEx(tau_w=tau_w, t_ref=t_ref)
    n = round(t_ref / dt)
    w = steps(model, (model.v_reset, 80.5, n, 0.0, 0.0), dt, t_ref, "float64")[:, 1]
    t = np.arange(1, n + 1) * dt
    goal = model.a * (model.v_reset - model.e_l)
    np.testing.assert_allclose(w, goal + (80.5 - goal) * np.exp(-t / tau_w), rtol=1e-12)


# ----------------------------------------------------------------------------------------------------------- float32


@pytest.mark.parametrize(("dt", "bound"), [(0.1, 1e-5), (0.01, 1e-4), (0.001, 1e-3)])
def test_float32_keeps_the_accuracy_that_the_documents_give(dt, bound):
    # rounded by half a unit in the last place, about tau_m / dt ticks long
    model = LIF(i_e=187.5, v_thresh=1e9)
    v = steps(model, (0.0, 0.0), dt, 60.0, "float32")[:, 0]
    exact = 15.0 * (1 - np.exp(-np.arange(1, len(v) + 1) * dt / 20.0))
    error = np.abs(v - exact).max() / 15.0
    assert error < bound
    assert np.abs(steps(model, (0.0, 0.0), dt, 6.0, "float64")[:, 0] - exact[: round(6.0 / dt)]).max() < 1e-10
