"""Models given by their equations: the steps made of them against an adaptive integrator, and what is refused."""

from __future__ import annotations

import dataclasses
import math
import pickle
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import tegmentum.simcore as simcore
from tegmentum.simcore import (
    LIF,
    AllToAll,
    Current,
    DescriptionError,
    HodgkinHuxley,
    Network,
    NeuronModel,
    Normal,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
    Trace,
    deviation,
    param,
    runge_kutta,
)
from tegmentum.simcore.neurons.hodgkin_huxley import linoid


@dataclasses.dataclass(frozen=True, eq=False)
class Oscillator(NeuronModel):
    """Harmonic: x'' = -omega^2 x, of which every step has a closed form."""

    omega: Any = param(0.5, "1/ms", above=0.0)

    receptors: ClassVar[tuple[str, ...]] = ("v",)

    class State(NamedTuple):
        """Place and speed."""

        v: float
        speed: float

    class Constants(NamedTuple):
        """Tick and frequency."""

        dt: float
        omega: float

    def derive(self, dt):
        return Oscillator.Constants(dt, self.omega)

    def initial(self):
        return Oscillator.State(1.0, 0.0)

    @staticmethod
    def slope(s, c, i):
        return Oscillator.State(s.speed, -c.omega * c.omega * s.v + i)

    @staticmethod
    def receive(s, c, w):
        return Oscillator.State(s.v, s.speed + w)

    @staticmethod
    def threshold(s, c):
        return s.v > 1e9

    @staticmethod
    def reset(s, c):
        return s


class Halved(Oscillator):
    """The same in two steps a tick."""

    substeps: ClassVar[int] = 2


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_linear_system_takes_the_series_of_its_exponential(steps):
    h, omega = 0.3 / steps, 0.5
    a = np.array([[0.0, 1.0], [-(omega**2), 0.0]]) * h
    one = sum(np.linalg.matrix_power(a, k) / math.factorial(k) for k in range(5))
    expected = np.linalg.matrix_power(one, steps) @ [1.0, -0.2]
    flow = runge_kutta(Oscillator.State, Oscillator.slope, steps)
    got = flow(Oscillator.State(1.0, -0.2), Oscillator.Constants(0.3, omega), 0.0)
    np.testing.assert_allclose(got, expected, rtol=1e-15)


def test_the_error_falls_with_the_fourth_power_of_the_step():
    errors = [deviation(Oscillator(), dt, 24.0)["v"] for dt in (0.8, 0.4, 0.2)]
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    np.testing.assert_allclose(orders, 4.0, atol=0.2)
    assert deviation(Halved(), 0.4, 24.0)["v"] == pytest.approx(errors[2], rel=1e-2)


def test_the_engine_takes_the_same_steps():
    p = Population("p", 1, Halved())
    result = Simulation(Network(p), dt=0.4, precision="float64").run(
        12.0, Record(traces={"v": Trace(p, "v")})
    )
    flow, s = Halved.functions()["flow"], Halved().initial()
    expected = []
    for _ in range(30):
        s = flow(s, Halved().derive(0.4), 0.0)
        expected.append(s.v)
    np.testing.assert_allclose(result.traces["v"][0, :, 0], expected, rtol=1e-13)


@pytest.mark.slow
def test_hodgkin_huxley_fires_as_its_equations_do():
    # one solution over the whole time, with the current's steps and one synaptic jump, instead of tick by tick
    dt, ms, arrival = 0.1, 80.0, 30.0
    model = HodgkinHuxley(i_e=400.0)
    home, c = model.home(), model.derive(dt)

    def right(t, y):
        return home.slope(home.State(*y), c, 300.0 if 10.0 <= t < 60.0 else 0.0)

    y, values = np.array(model.initial(), float), []
    for lo, hi in ((0.0, 10.0), (10.0, arrival), (arrival, 60.0), (60.0, ms)):
        grid = np.arange(round(lo / dt) + 1, round(hi / dt) + 1) * dt
        solved = solve_ivp(right, (lo, grid[-1]), y, method="DOP853", rtol=1e-10, atol=1e-10, t_eval=grid)
        y = solved.y[:, -1].copy()
        if hi == arrival:
            y[home.State._fields.index("i_exc")] += 500.0
        values.extend(solved.y[0])
    v = np.array(values)
    crossed = np.flatnonzero((v[1:] >= 0.0) & (v[:-1] < 0.0)) + 1

    p = Population("p", 1, model)
    train = SpikeTrain("in", 1, [arrival - 1.0], [0])
    network = Network(
        p,
        train,
        Projection(train, p, AllToAll(), weight=500.0, delay=1.0, receptor="exc"),
        Current(p, 300.0, start=10.0, stop=60.0),
    )
    for precision, tolerance in (("float64", 0.02), ("float32", 0.1)):
        result = Simulation(network, dt=dt, precision=precision).run(
            ms, Record(spikes=[p], traces={"v": Trace(p, "v")})
        )
        trace = result.traces["v"][0, :, 0]
        assert np.abs(trace - v[: trace.size]).max() < tolerance
        np.testing.assert_array_equal(result.spikes["p"].tick, crossed + 1)  # v[k] is that of tick k + 1
    assert crossed.size >= 4


def test_hodgkin_huxley_rests_at_its_rest_and_its_steps_hold_after_inhibition():
    model = HodgkinHuxley()
    assert max(deviation(model, 0.1, 20.0, np.where(np.arange(200) < 50, -2000.0, 1500.0)).values()) < 0.05
    home = model.home()
    rest = home.slope(model.initial(), model.derive(0.1), 0.0)
    assert max(map(abs, rest)) < 0.01  # -65 mV is its rest
    near = [linoid(x) - (1.0 + x / 2.0 + x * x / 12.0) for x in (-2e-3, -9e-4, 0.0, 9e-4, 2e-3)]
    assert max(map(abs, near)) < 1e-6


@pytest.mark.slow
def test_parameters_may_differ_and_models_travel():
    p = Population("p", 20, HodgkinHuxley(i_e=Normal(800.0, 100.0)))
    one = Simulation(Network(p), seed=3).run(50.0, Record(spikes=[p])).spikes["p"]
    again = pickle.loads(pickle.dumps(Network(p)))
    two = Simulation(again, seed=3, threads=2).run(50.0, Record(spikes=["p"])).spikes["p"]
    np.testing.assert_array_equal(one.tick, two.tick)
    np.testing.assert_array_equal(one.neuron, two.neuron)
    assert one.tick.size > 20


def test_steps_that_run_away_are_infinitely_wrong():
    class Coarse(HodgkinHuxley):
        substeps: ClassVar[int] = 1

    assert deviation(Coarse(i_e=1000.0), 0.1, 20.0)["v"] == math.inf


def test_what_is_refused():
    class NoTick(Oscillator):
        class Constants(NamedTuple):
            omega: float

    class Many(Oscillator):
        substeps: ClassVar[int] = 0

    with pytest.raises(
        DescriptionError, match=r"NoTick: slope is integrated .* Constants must have a field dt"
    ):
        Population("p", 1, NoTick())
    with pytest.raises(DescriptionError, match="substeps must be an integer of at least 1, got 0"):
        Population("p", 1, Many())
    with pytest.raises(DescriptionError, match="LIF: has no slope"):
        deviation(LIF(), 0.1, 10.0)
    with pytest.raises(DescriptionError, match="current must be one number or 100, one a tick, got 7"):
        deviation(Oscillator(), 0.1, 10.0, np.zeros(7))
    with pytest.raises(DescriptionError, match="parameters must be numbers here"):
        deviation(Oscillator(omega=np.ones(3)), 0.1, 10.0)
    with pytest.raises(DescriptionError, match=r"dt = 0\.5 ms must be <= 16 c_m"):
        Simulation(Network(Population("p", 1, HodgkinHuxley())), dt=0.5)
    with pytest.raises(AttributeError, match="gap junctions"):
        simcore.GapJunction  # noqa: B018
