"""Neuron models against closed forms, quadrature and published patterns."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from tegmentum.simcore import (
    AdEx,
    AllToAll,
    Izhikevich,
    LIFAlpha,
    LIFCond,
    LIFExp,
    Network,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
    Trace,
)

MODELS = [LIFExp, LIFAlpha, LIFCond, AdEx, Izhikevich]


def response(model, weight, ms, dt=0.1, precision="float64", state="v"):
    """Potential after one input spike that arrives at t = 1 ms: times since then [ms], v [mV]."""
    p = Population("p", 1, model)
    train = SpikeTrain("in", 1, [1.0 - dt], [0])
    network = Network(p, train, Projection(train, p, AllToAll(), weight=weight, delay=dt))
    simulation = Simulation(network, dt=dt, precision=precision)
    result = simulation.run(ms, Record(traces={"v": Trace(p, state)}))
    return result.trace_tick * dt - 1.0, result.traces["v"][0, :, 0]


def spike_times(model, ms, dt=0.1):
    p = Population("p", 1, model)
    return Simulation(Network(p), dt=dt, precision="float64").run(ms, Record(spikes=[p])).spikes["p"].t


@pytest.mark.numbers
@pytest.mark.parametrize(("tau_m", "tau"), [(10.0, 2.0), (10.0, 0.5), (7.0, 20.0)])
def test_exponential_psp_is_the_closed_form_and_peaks_when_it_should(tau_m, tau):
    model = LIFExp(tau_m=tau_m, tau_exc=tau, c_m=250.0, v_thresh=1e9)
    t, v = response(model, 80.0, 60.0, dt=0.01)
    after = t > 0
    factor = 80.0 / 250.0 * tau * tau_m / (tau_m - tau)
    expected = factor * (np.exp(-t[after] / tau_m) - np.exp(-t[after] / tau))
    np.testing.assert_allclose(v[after], expected, rtol=1e-9, atol=1e-12)
    assert t[v.argmax()] == pytest.approx(np.log(tau_m / tau) / (1 / tau - 1 / tau_m), abs=0.01)


@pytest.mark.slow
def test_alpha_psp_is_the_quadrature():
    tau_m, tau, w, c_m = 10.0, 2.0, 50.0, 250.0
    t, v = response(LIFAlpha(tau_m=tau_m, tau_exc=tau, c_m=c_m, v_thresh=1e9), w, 40.0)
    # \int_0^t e^{-(t-s)/tau_m} s e^{-s/tau} ds in closed form
    x = t[t > 0]
    k = 1 / tau - 1 / tau_m
    expected = w * math.e / tau / c_m * np.exp(-x / tau_m) * (1 - np.exp(-k * x) * (1 + k * x)) / k**2
    np.testing.assert_allclose(v[t > 0], expected, rtol=1e-10)


@pytest.mark.numbers
@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize(("tau_m", "tau"), [(10.0, 2.0), (10.0, 0.5), (7.0, 20.0)])
def test_alpha_psp_peaks_where_its_derivative_vanishes(tau_m, tau, precision):
    t, v = response(
        LIFAlpha(tau_m=tau_m, tau_exc=tau, v_thresh=1e9), 80.0, 90.0, dt=0.02, precision=precision
    )
    k = 1 / tau - 1 / tau_m

    def slope(x):  # of e^{-x/tau_m} (1 - e^{-kx} (1 + kx)) / k^2
        return (
            x * math.exp(-x / tau)
            - math.exp(-x / tau_m) * (1 - math.exp(-k * x) * (1 + k * x)) / k**2 / tau_m
        )

    peak = brentq(slope, 0.1 * tau, 80.0)
    flat = 0.02 if precision == "float64" else 0.02 + 3e-3 * peak  # float32 does not resolve the very top
    assert t[v.argmax()] == pytest.approx(peak, abs=flat)


@pytest.mark.numbers
@pytest.mark.parametrize("kind", [LIFExp, LIFAlpha])
def test_smooth_where_the_synapse_is_as_slow_as_the_membrane(kind):
    values = [
        response(kind(tau_m=10.0, tau_exc=10.0 + d, v_thresh=1e9), 100.0, 20.0)[1][-1]
        for d in (-1e-4, -1e-7, -1e-10, 0.0, 1e-10, 1e-7, 1e-4)
    ]
    slope = np.diff(values)
    assert np.all(np.isfinite(values))
    assert np.all(np.abs(slope) <= 1.1 * np.abs(slope).max())
    assert max(values) - min(values) < 1e-4 * values[3]
    peak = 100.0 / 250.0 * 19.0 * np.exp(-1.9)
    if kind is LIFExp:
        assert values[3] == pytest.approx(peak, rel=1e-9)


@pytest.mark.slow
def test_conductances_converge_at_second_order():
    model = LIFCond(v_thresh=1e9, v_reset=-100.0)

    def exact(t, y):
        g = 200.0 * np.exp(-t / 5.0)
        return [(-10.0 * (y[0] + 60.0) - g * y[0]) / 200.0]

    y = solve_ivp(exact, (0, 20.0), [-60.0], rtol=1e-11, atol=1e-11).y[0, -1]
    errors = [abs(response(model, 200.0, 21.0, dt=dt)[1][-1] - y) for dt in (0.2, 0.1, 0.05)]
    assert errors[1] < 1e-3
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4.0, rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("tau_syn", [2.0, 20.0])
def test_driven_rate_is_the_closed_form(tau_syn):
    for model in (
        LIFExp(tau_m=20.0, tau_exc=tau_syn, v_thresh=15.0, v_reset=5.0, t_ref=3.0, i_e=250.0),
        LIFAlpha(tau_m=20.0, tau_exc=tau_syn, v_thresh=15.0, v_reset=5.0, t_ref=3.0, i_e=250.0),
    ):
        interval = 3.0 + 20.0 * np.log((20.0 - 5.0) / (20.0 - 15.0))
        assert np.diff(spike_times(model, 500.0, 0.01)).mean() == pytest.approx(interval, abs=0.011)


def integrated(slope, after_spike, start, peak, ms):
    """Spike times of a two-variable model, by an adaptive integrator that stops at each crossing of the peak [ms]."""
    t, y, spikes = 0.0, np.array(start, float), []

    def crossing(_, y):
        return y[0] - peak

    crossing.terminal, crossing.direction = True, 1.0
    while t < ms:
        out = solve_ivp(lambda _, y: slope(*y), (t, ms), y, "DOP853", events=crossing, rtol=1e-9, atol=1e-9)
        t, y = out.t[-1], out.y[:, -1]
        if out.status == 1:
            spikes.append(t)
            y = np.array(after_spike(*y))
    return np.array(spikes)


#: R. Naud, N. Marcille, C. Clopath, W. Gerstner (2008), Biol. Cybern. 99:335-347, doi:10.1007/s00422-008-0264-7,
#: table 1: c_m, g_l, e_l, v_t, delta_t, a, tau_w, b, v_reset and the step of current whose answer their figure 4 shows.
NAUD = {
    "tonic": (200.0, 10.0, -70.0, -50.0, 2.0, 2.0, 30.0, 0.0, -58.0, 500.0),
    "adaptation": (200.0, 12.0, -70.0, -50.0, 2.0, 2.0, 300.0, 60.0, -58.0, 500.0),
    "initial burst": (130.0, 18.0, -58.0, -50.0, 2.0, 4.0, 150.0, 120.0, -50.0, 400.0),
    "regular bursting": (200.0, 10.0, -58.0, -50.0, 2.0, 2.0, 120.0, 100.0, -46.0, 210.0),
    "delayed accelerating": (200.0, 12.0, -70.0, -50.0, 2.0, -10.0, 300.0, 0.0, -58.0, 300.0),
    "delayed regular bursting": (100.0, 10.0, -65.0, -50.0, 2.0, -10.0, 90.0, 30.0, -47.0, 110.0),
    "transient": (100.0, 10.0, -65.0, -50.0, 2.0, 10.0, 90.0, 100.0, -47.0, 180.0),
    "irregular": (100.0, 12.0, -60.0, -50.0, 2.0, -11.0, 130.0, 30.0, -48.0, 160.0),
}


@pytest.mark.slow
@pytest.mark.parametrize("pattern", NAUD)
def test_adex_patterns(pattern):
    c_m, g_l, e_l, v_t, delta_t, a, tau_w, b, v_reset, i_e = NAUD[pattern]
    model = AdEx(c_m=c_m, g_l=g_l, e_l=e_l, v_t=v_t, delta_t=delta_t, a=a, tau_w=tau_w, b=b,
                 v_reset=v_reset, i_e=i_e)  # fmt: skip
    t = spike_times(model, 500.0, 0.01)

    def slope(v, w):
        upstroke = g_l * delta_t * math.exp((v - v_t) / delta_t)
        return (-g_l * (v - e_l) + upstroke - w + i_e) / c_m, (a * (v - e_l) - w) / tau_w

    exact = integrated(slope, lambda _, w: (v_reset, w + b), (e_l, 0.0), model.v_peak, 500.0)
    early = min(len(exact), 2 if "bursting" in pattern or pattern == "irregular" else 10)
    assert early >= 1
    np.testing.assert_allclose(
        t[:early], exact[:early], atol=0.02 * early, rtol=2e-3
    )  # spikes wait for their tick
    intervals = np.diff(t)
    if pattern == "tonic":
        assert intervals[2:].std() < 0.1 * intervals.mean()
    elif pattern == "adaptation":
        assert np.all(np.diff(intervals[:5]) > 0)
        assert intervals[-1] > 2 * intervals[0]
    elif pattern == "initial burst":
        assert intervals[0] < 0.25 * intervals[-1]
        assert intervals[-4:].std() < 0.05 * intervals[-1]
    elif pattern == "transient":
        assert t[-1] < 100.0
    elif pattern == "delayed accelerating":
        assert t[0] > 1.5 * intervals[0]
        assert np.all(np.diff(intervals[:4]) < 0)
    elif "bursting" in pattern:
        pauses = intervals > 3 * np.median(intervals)
        assert pauses.sum() >= 3
        assert len(intervals) > 1.5 * pauses.sum()
    else:
        assert intervals.std() > 0.3 * intervals.mean()


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"a": 0.1, "d": 2.0}, {"b": 0.25, "d": 2.0}])
def test_izhikevich_spikes_are_those_of_an_adaptive_integrator(changes):
    model = Izhikevich(**changes, i_e=10.0)

    def slope(v, u):
        return 0.04 * v * v + 5.0 * v + 140.0 - u + 10.0, model.a * (model.b * v - u)

    start = (model.c, model.b * model.c)
    exact = integrated(slope, lambda _, u: (model.c, u + model.d), start, model.v_peak, 200.0)
    t = spike_times(model, 200.0, 0.01)
    assert len(exact) > 4
    np.testing.assert_allclose(t[:5], exact[:5], atol=0.1)


@pytest.mark.parametrize(
    ("parameters", "pattern"),
    [
        ({}, "regular"),
        ({"c": -55.0, "d": 4.0}, "intrinsic burst"),
        ({"c": -50.0, "d": 2.0}, "chattering"),
        ({"a": 0.1, "d": 2.0}, "fast"),
        ({"b": 0.25, "d": 2.0}, "low threshold"),
    ],
)
def test_izhikevich_patterns(parameters, pattern):
    t = spike_times(Izhikevich(**parameters, i_e=10.0), 600.0)
    intervals = np.diff(t)
    rate = len(t) / 0.6
    if pattern == "regular":
        assert 10 < rate < 40
        assert intervals[-1] > intervals[0]
    elif pattern == "intrinsic burst":
        assert intervals[0] < 10 < intervals[-1]
    elif pattern == "chattering":
        assert intervals.max() > 5 * intervals.min()
        assert np.sum(intervals > 3 * intervals.min()) > 5
    else:
        assert rate > 60
        assert intervals[5:].std() < 0.1 * intervals.mean()


@pytest.mark.slow
def test_float32_and_plain_python_agree_with_float64():
    """Of one neuron of each model, side by side, so that one engine is compiled for each precision."""
    weights = {kind: {LIFCond: 20.0, Izhikevich: 5.0}.get(kind, 50.0) for kind in MODELS}
    cells = {kind: Population(kind.__name__, 1, kind()) for kind in MODELS}
    train = SpikeTrain("in", 1, [0.9], [0])
    parts = [Projection(train, p, AllToAll(), weights[kind], 0.1) for kind, p in cells.items()]
    network = Network(train, *cells.values(), *parts)
    traces = {p.name: Trace(p, "v") for p in cells.values()}
    double, single = (
        Simulation(network, precision=precision).run(20.0, Record(traces=traces)).traces
        for precision in ("float64", "float32")
    )
    for kind, weight in weights.items():
        model, v = kind(), double[kind.__name__][0, :, 0]
        np.testing.assert_allclose(single[kind.__name__][0, :, 0], v, rtol=2e-5, atol=2e-5)
        home = model.home()
        c, s, plain = model.derive(0.1), model.initial(), []
        for k in range(1, len(v) + 1):
            x = [weight if k == 10 else 0.0, 0.0][: len(model.receptors)]
            s = home.receive(home.flow(s, c, 0.0), c, *x)
            s = home.reset(s, c) if home.threshold(s, c) else s
            plain.append(s.v)
        assert np.ptp(plain) > 0.1, kind
        np.testing.assert_allclose(v, plain, rtol=1e-12, atol=1e-12, err_msg=kind.__name__)
