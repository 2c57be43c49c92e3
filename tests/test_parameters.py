"""Every parameter of every model as number, array and distribution; wrong ones are refused before work starts."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from tegmentum.simcore import (
    LIF,
    AdEx,
    DescriptionError,
    DiscreteLIF,
    GradedUnit,
    Izhikevich,
    LIFAlpha,
    LIFCond,
    LIFExp,
    Lognormal,
    Network,
    Normal,
    Parrot,
    Population,
    Record,
    Simulation,
    Trace,
    Uniform,
)
from tegmentum.simcore.lower.plan import initial_of, model_group_arrays, plan, resolved
from tegmentum.simcore.random.draws import name_key, uniform_of
from tegmentum.simcore.random.philox import STREAM_CONNECT, STREAM_STATE

MODELS = [LIF, LIFExp, LIFAlpha, LIFCond, AdEx, Izhikevich, DiscreteLIF]
PARAMETERS = [(model, f.name) for model in MODELS for f in dataclasses.fields(model)]
BOUNDED = [
    (model, f.name)
    for model in MODELS
    for f in dataclasses.fields(model)
    if max(f.metadata["above"], f.metadata["least"]) > -math.inf
]
WRONG = ["20", None, 1j, math.nan, -math.inf, True, b"1", object(), 10**400, {}, np.array(["a"] * 5),
         np.array([None] * 5), np.array([1j] * 5), [[1.0], [2.0, 3.0]], [1.0, 2.0, 3.0], np.zeros((5, 1)),
         [math.nan] * 5, [True] * 5, LIF, "2020-01-01"]  # fmt: skip


def default(model, name):
    return next(f.default for f in dataclasses.fields(model) if f.name == name)


def around(model, name, n, step=0.02):
    """``n`` values of a parameter near its default, each of which its model can have."""
    value = default(model, name)
    return value + step * (abs(value) or 1.0) * np.arange(n)


def constants(model, n, seed=3):
    """Constants of a population as the kernels get them in float64: a mapping of name to one value for each neuron."""
    population = Population("p", n, model)
    p = plan(Network(population), 0.1, 1, seed)
    model_group = model_group_arrays(p, p.model_groups[0], 0, seed, 1, np.float64)
    names = type(model.derive(0.1))._fields if p.model_groups[0].varying == () else None
    names = names or type(resolved(population, seed).derive(0.1))._fields
    varying = dict(zip(p.model_groups[0].varying, model_group.arrays, strict=True))
    return {
        name: np.broadcast_to(varying.get(name, model_group.table[0, k]), n) for k, name in enumerate(names)
    }


@pytest.mark.parametrize(("model", "name"), PARAMETERS)
def test_each_parameter_may_be_an_array_and_equals_numbers_bit_for_bit(model, name):
    values = around(model, name, 5)
    found = constants(model(**{name: values}), 5)
    for i, value in enumerate(values):
        for field, one in constants(model(**{name: float(value)}), 1).items():
            assert found[field][i] == one[0], field


@pytest.mark.parametrize(("model", "name"), PARAMETERS)
def test_each_parameter_may_be_drawn(model, name):
    lo, hi = np.sort(around(model, name, 2))
    drawn = model(**{name: Uniform(lo, hi)})
    population = Population("p", 200, drawn)
    values = getattr(resolved(population, 3), name)
    assert values.shape == (200,)
    assert lo <= values.min() < values.max() <= hi
    assert np.unique(values).size == 200
    given = constants(model(**{name: values}), 200)
    for field, numbers in constants(drawn, 200).items():
        np.testing.assert_array_equal(numbers, given[field])


@pytest.mark.parametrize(("model", "name"), BOUNDED)
def test_draws_out_of_range_are_counted_and_refused(model, name):
    population = Population("x", 1000, model(**{name: Normal(10.0, 8.0)}))
    with pytest.raises(DescriptionError) as caught:
        plan(Network(population), 0.1, 1)
    n, least = np.sum(10 + 8 * _normal(1000, "x", name) <= 0), 10 + 8 * _normal(1000, "x", name).min()
    assert f"Population 'x': {name} must be >" in str(caught.value)
    assert f"but {n} of 1000 drawn values are not (least {least:.4g})" in str(caught.value)


def _normal(n, population, name, seed=0):
    from scipy.special import ndtri

    return ndtri(uniform_of(n, seed, STREAM_STATE, population, "parameter", name))


@pytest.mark.parametrize(
    ("model", "pattern"),
    [
        (LIF(v_thresh=Uniform(-5.0, 15.0)), r"v_reset must be < v_thresh, but \d+ of 400 neurons .*v_thresh = -"),
        (LIFCond(v_reset=Normal(-55.0, 5.0)), r"v_reset must be < v_thresh, but \d+ of 400 neurons"),
        (LIFExp(v_thresh=Normal(2.0, 2.0), v_reset=Normal(0.0, 1.0)), r"v_reset must be < v_thresh, but"),
        (LIFAlpha(v_reset=np.linspace(10, 30, 400)), r".*but 200 of 400 neurons break this \(neuron 200: v_reset"),
        (AdEx(v_peak=Normal(-70.0, 5.0)), r"v_reset must be < v_peak, but \d+ of 400 neurons"),
        (AdEx(delta_t=Uniform(0.3, 1.0)), r"v_peak must be at most v_t \+ 80 delta_t, but \d+ of 400"),
        (AdEx(c_m=Uniform(1.0, 500.0)), r"dt = 0.1 ms must be <= 2.5 c_m / g_l, but \d+ of 400 neurons"),
        (Izhikevich(c=Normal(20.0, 10.0)), r"c must be < v_peak, but \d+ of 400 neurons"),
    ],
)  # fmt: skip
def test_combinations_are_checked_for_each_neuron(model, pattern):
    with pytest.raises(DescriptionError, match=f"Population 'x': {pattern}"):
        plan(Network(Population("x", 400, model)), 0.1, 1)


def test_combinations_that_hold_neuron_by_neuron_are_accepted():
    v = np.linspace(0.0, 100.0, 50)  # the highest reset is above the lowest threshold
    assert plan(Network(Population("x", 50, LIF(v_reset=v, v_thresh=v + 1.0))), 0.1, 1).n_sources == 50


@pytest.mark.slow
@pytest.mark.parametrize("model", [LIF, AdEx, LIFCond])
def test_neurons_of_an_array_population_live_as_scalar_ones_do(model):
    names = [f.name for f in dataclasses.fields(model)]
    given = {name: around(model, name, 3, 1e-3) for name in names}
    drive = {LIF: 300.0, LIFCond: 150.0, AdEx: 900.0}[model]
    given |= {"i_e": drive + np.arange(3.0), "t_ref": np.array([0.0, 2.0, 5.0])}
    many = Population("many", 3, model(**given), "stepped")
    alone = [
        Population(f"one{i}", 1, model(**{k: float(v[i]) for k, v in given.items()}), "stepped")
        for i in range(3)
    ]
    parts = [many, *alone]
    record = Record(spikes=parts, traces={p.name: Trace(p, "v") for p in parts})
    result = Simulation(Network(*parts), precision="float32").run(150.0, record)
    assert result.n_spikes["many"] >= 6
    for i, p in enumerate(alone):
        mine = result.spikes["many"].tick[result.spikes["many"].neuron == i]
        np.testing.assert_array_equal(mine, result.spikes[p.name].tick)
        np.testing.assert_array_equal(result.traces["many"][0, :, i], result.traces[p.name][0, :, 0])


@pytest.mark.parametrize(("model", "name"), PARAMETERS)
def test_wrong_values_are_refused_by_name(model, name):
    for value in WRONG:
        with pytest.raises(DescriptionError, match=rf"Population 'x': {name} must "):
            Population("x", 5, model(**{name: value}))


@pytest.mark.parametrize(("model", "name"), PARAMETERS)
def test_distributions_that_are_none_are_refused(model, name):
    for value in (Uniform(2.0, 1.0), Normal(1.0, -1.0), Normal(math.nan, 1.0), Lognormal(0.0, 0.0)):
        with pytest.raises(DescriptionError, match=rf"Population 'x': {name}: "):
            Population("x", 5, model(**{name: value}))


@pytest.mark.parametrize("size", [0, -1, 2.0, True, "3", None, math.nan, [3], np.array([3]), 2**31, 10**30])
def test_sizes_are_whole_numbers(size):
    with pytest.raises(
        DescriptionError, match=r"Population 'x': size must be (a whole number >= 1|at most 2147483647), got"
    ):
        Population("x", size, LIF())


@pytest.mark.parametrize("name", [None, 3, b"x", ["x"], "", "a/b"])
def test_names_are_text(name):
    with pytest.raises(DescriptionError, match="name must"):
        Population(name, 3, LIF())


@pytest.mark.parametrize("model", [None, "LIF", LIF, 3, {"tau_m": 3}])
def test_models_are_models(model):
    with pytest.raises(DescriptionError, match="Population 'x': model must be a neuron model"):
        Population("x", 3, model)


@pytest.mark.parametrize("activation", [None, 3, ["tanh"], "relu"])
def test_activations_are_names(activation):
    with pytest.raises(DescriptionError, match="activation must be 'tanh' or 'sigmoid'"):
        Population("x", 3, GradedUnit(activation))


@pytest.mark.parametrize("model", [*MODELS, Parrot, GradedUnit])
def test_initial_states_are_numbers_for_states_that_there_are(model):
    state = model().initial()._fields[0]
    for value in WRONG:
        with pytest.raises(DescriptionError, match=f"Population 'x': initial {state} must"):
            Population("x", 5, model(), initial={state: value})
    with pytest.raises(DescriptionError, match="initial: no state 'speed'; there are"):
        Population("x", 5, model(), initial={"speed": 1.0})
    for mapping in ([("v", 1.0)], None, "v", 3):
        with pytest.raises(DescriptionError, match="initial must be a mapping"):
            Population("x", 5, model(), initial=mapping)


def test_numbers_that_do_not_fit_the_precision_are_refused():
    too_large = Network(Population("x", 2, LIF(v_thresh=1e39), "stepped"))
    p = plan(too_large, 0.1, 1)
    with pytest.raises(DescriptionError, match="v_thresh = 1e\\+39 is too large for float32; use precision"):
        model_group_arrays(p, p.model_groups[0], 0, 0, 1, np.float32)
    assert model_group_arrays(p, p.model_groups[0], 0, 0, 1, np.float64).table[0, 4] == 1e39
    with pytest.raises(DescriptionError, match=r"Population 'x': initial v: mean must be below 3\.4e\+38"):
        plan(Network(Population("x", 1000, LIF(), initial={"v": Normal(1e308, 1e308)})), 0.1, 1)


@pytest.mark.parametrize("kind", [LIFExp, LIFAlpha])
def test_very_short_time_constants_make_no_nan(kind):
    for values in ({"tau_m": 1e-4}, {"tau_exc": 1e-4}, {"tau_m": 1e-4, "tau_exc": 1e-4}, {"tau_m": 1e-300}):
        assert all(np.isfinite(x).all() for x in kind(**values).derive(0.1))
    tau, h = 5.0, 0.1
    c = kind(tau_m=1e-4, tau_exc=tau).derive(h)  # the membrane follows the current at once
    assert c.from_exc == pytest.approx(1e-4 / 250.0 * math.exp(-h / tau), rel=1e-4)


def test_a_numpy_scalar_is_a_number():
    for value in (np.float32(12.5), np.float64(12.5), np.int64(12), np.array(12.5)):
        found, expected = constants(LIF(tau_m=value), 1), constants(LIF(tau_m=float(value)), 1)
        assert {k: v[0] for k, v in found.items()} == {k: v[0] for k, v in expected.items()}


def test_graded_units_are_refused_by_a_simulation():
    with pytest.raises(
        DescriptionError, match="Population 'g': a GradedUnit never fires; it is for networks that learn"
    ):
        Simulation(Network(Population("g", 3, GradedUnit())))


# ------------------------------------------------------------------------------------------- draws and names


def drawn(name, seed=0, n=500, **initial):
    return initial_of(Population(name, n, LIF(v_rest=Normal(0.0, 5.0)), initial=initial), seed)["v"]


@pytest.mark.parametrize(
    ("one", "other"), [("E_0_1", "E_1_0"), ("c01", "c10"), ("ab", "ba"), ("a", "b"), ("p", "P"), ("é", "e")]
)
def test_populations_of_other_names_have_other_draws(one, other):
    x, y = drawn(one), drawn(other)
    assert abs(np.corrcoef(x, y)[0, 1]) < 5 / math.sqrt(500)
    assert not np.any(x == y)


def test_kinds_of_draws_of_one_name_are_independent():
    parameter = drawn("c")
    initial = drawn("c", v=Normal(0.0, 5.0))
    other = np.asarray(resolved(Population("c", 500, LIF(v_reset=Normal(0.0, 5.0))), 0).v_reset)
    another_seed = drawn("c", seed=1)
    everything = np.stack([parameter, initial, other, another_seed])
    correlations = np.corrcoef(everything) - np.eye(4)
    assert np.abs(correlations).max() < 5 / math.sqrt(500)


def test_draws_are_functions_of_seed_name_and_neuron_alone():
    np.testing.assert_array_equal(drawn("c", n=500)[:100], drawn("c", n=100))
    values = uniform_of(7, 2**63, STREAM_STATE, "c", "initial", "v")
    np.testing.assert_array_equal(values, uniform_of(7, 2**63, STREAM_STATE, "c", "initial", "v"))
    assert np.all((values > 0) & (values < 1))
    assert not np.any(values == uniform_of(7, 2**63, STREAM_CONNECT, "c", "initial", "v"))


def test_name_keys_are_blake2b_of_lengths_and_names():
    import hashlib

    text = b"\x02" + bytes(7) + b"ab" + b"\x01" + bytes(7) + b"c"
    assert name_key("ab", "c") == int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
    assert len({name_key("ab", "c"), name_key("a", "bc"), name_key("abc"), name_key("abc", "")}) == 4
    names = [f"{a}_{b}" for a in range(100) for b in range(100)]
    assert len({name_key(name) for name in names}) == len(names)


def test_more_neurons_than_can_be_numbered_are_refused():
    half = [Population(name, 2**30, Parrot(), "stepped") for name in ("a", "b")]
    with pytest.raises(
        DescriptionError, match="Network: at most 2147483647 neurons can be numbered, got 2147483648"
    ):
        plan(Network(*half), 0.1, 1)


@pytest.mark.parametrize("update", [None, 3, "often", ["lazy"], np.array(["lazy", "auto"])])
def test_updates_are_names(update):
    with pytest.raises(DescriptionError, match="Population 'x': update must be auto, stepped or lazy, got"):
        Population("x", 3, LIF(), update)
