"""Wrong arguments to public classes: each is valid or a DescriptionError, and never another exception."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import fractions

import numpy as np
import pytest

from tegmentum.plasticity import BCM, Hebb, InhibitorySTDP, Learner, Oja, TripletSTDP, naca
from tegmentum.plasticity.rules.power_stdp import PowerSTDP
from tegmentum.plasticity.rules.stdp import STDP
from tegmentum.simcore import (
    LIF,
    AllToAll,
    AvgPool2D,
    Constant,
    Conv2D,
    Current,
    DescriptionError,
    Distribution,
    FixedIndegree,
    FixedOutdegree,
    FixedProbability,
    FixedTotal,
    FromCOO,
    LIFCond,
    LIFExp,
    Lognormal,
    Network,
    Noise,
    Normal,
    OneToOne,
    Poisson,
    Population,
    Projection,
    Rule,
    Simulation,
    SpikeTrain,
    Uniform,
)
from tegmentum.simcore.describe.connectivity import Explicit
from tegmentum.simcore.describe.plasticity import SynapseRule, WindowRule
from tegmentum.simcore.lower.footprint import footprint


class Unfriendly:
    """An object whose every trait fails."""

    def __repr__(self):
        raise RuntimeError("no repr")

    def __array__(self, *args, **kwargs):
        raise RuntimeError("no array")


ODD = [
    None,
    True,
    np.bool_(False),
    0,
    -1,
    1,
    2,
    2.0,
    0.5,
    -0.5,
    float("nan"),
    float("inf"),
    -float("inf"),
    1e300,
    -1e300,
    1e-300,
    10**400,
    2**63,
    1j,
    "",
    "x",
    "exc",
    "a/b",
    b"exc",
    "\n",
    [],
    [1.0],
    [1, 2],
    [0.5, 1.9],
    [[1, 2], [3]],
    [[]],
    ["a"],
    [None],
    [float("nan"), 1.0, 2.0, 3.0],
    (),
    {},
    {"type": "Normal"},
    {1},
    object(),
    Unfriendly(),
    print,
    int,
    range(4),
    lambda t: "x",
    lambda t: t * 1e300,
    lambda: 1.0,
    np.array(1.5),
    np.float32(1.5),
    np.int8(3),
    np.zeros(0),
    np.zeros((0, 4)),
    np.ones(4),
    np.ones(5),
    np.ones((4, 4)),
    np.ones((5, 4)),
    np.full(4, -1.0),
    np.arange(4),
    np.array([True] * 4),
    np.array(["a"] * 4),
    np.array([1 + 1j] * 4),
    np.array([None] * 4),
    np.array(["2020-01-01"] * 4, "M8[D]"),
    np.ma.masked_array(np.ones(4), [True] * 4),
    decimal.Decimal("1.5"),
    fractions.Fraction(3, 2),
    datetime.timedelta(seconds=1),
    float,
    Normal(1.0, 0.1),
    Normal("a", 1.0),
    Normal(1.0, None),
    Normal(float("inf"), 1.0),
    Normal(1.0, 0.1, low="x"),
    Normal(1.0, 0.1, outside=["clip"]),
    Normal(1e300, 1.0),
    Lognormal(0.0, 1000.0),
    Lognormal("a", 1.0),
    Lognormal(0.0, 1.0, low=float("nan")),
    Uniform(2.0, 1.0),
    Uniform(-float("inf"), 1.0),
    Uniform("a", "b"),
    Constant("a"),
    Constant(float("nan")),
    Constant([1.0]),
    Constant(None),
    Distribution(),
    Rule(),
    Explicit(),
    LIF(),
    AllToAll(),
    OneToOne(),
    STDP(),
    SynapseRule(),
    WindowRule(),
    Population("q", 4, LIF()),
    SpikeTrain("s", 4, [], []),
]

CELLS = [Population(name, 4, model) for name, model in (("p", LIF()), ("e", LIFExp()), ("c", LIFCond()))]
CELL = CELLS[0]
TRAIN = SpikeTrain("t", 4, [1.0], [0])
COO = FromCOO([0, 1], [2, 3])
CONV = Conv2D(np.ones((1, 1, 1, 1)), (2, 2, 1))
POOL = AvgPool2D((2, 2, 1), 1)
#: rules whose engines test_rules.py compiles
ALIKE = (TripletSTDP(), InhibitorySTDP(w_min=0.0, w_max=1.0), Hebb(), Oja(), BCM())
FREE = {"initial", "model", "update"}  # of populations: tested with the models


def projected(rule):
    return Network(CELL, TRAIN, Projection(TRAIN, CELL, rule), Projection(CELL, CELL, rule))


def weighted(d):
    return Network(CELL, TRAIN, Projection(TRAIN, CELL, AllToAll(), d, d))


def learning(rule):
    return Network(CELL, TRAIN, Projection(TRAIN, CELL, AllToAll(), Uniform(0.0, 0.5), plasticity=rule))


def driven(source):
    return Network(source.post, source)


#: what is right, and the network that it is part of
RIGHT = [
    *((rule, projected) for rule in (AllToAll(), FixedProbability(0.5), FixedIndegree(2), FixedOutdegree(2))),
    *((rule, projected) for rule in (FixedTotal(3), COO, CONV, POOL)),
    *((d, weighted) for d in (Constant(1.0), Normal(2.0, 0.1), Lognormal(0.0, 0.1), Uniform(1.0, 2.0))),
    *((rule, learning) for rule in (STDP(), PowerSTDP(), *ALIKE)),
    *((Projection(TRAIN, c, AllToAll()), lambda q: Network(q.pre, q.post, q)) for c in CELLS),
    (Projection(TRAIN, CELL, COO, [0.1, 0.2], [1.0, 2.0]), lambda q: Network(q.pre, q.post, q)),
    (Projection(TRAIN, CELL, CONV), lambda q: Network(q.pre, q.post, q)),
    (Projection(CELL, CELL, FixedIndegree(2), 0.5, plasticity=STDP()), lambda q: Network(q.pre, q.post, q)),
    *((Poisson(c, 10.0, 1.0), driven) for c in CELLS),
    (Poisson(CELL, [[1.0] * 4], 1.0, every=1.0), driven),
    (Current(CELL, 1.0), driven),
    (Current(CELL, [1.0, 2.0], every=1.0), driven),
    (Noise(CELL, 1.0), driven),
    (Noise(CELL, [1.0, 2.0], every=1.0), driven),
    (TRAIN, lambda train: Network(CELL, train, Projection(train, CELL, FixedTotal(3)))),
    (SpikeTrain("t", 4, [1.0], [0], [0]), lambda t: Network(CELL, t, Projection(t, CELL, FixedTotal(3)))),
]

outcomes = {"valid": 0, "refused": 0}


def attempt(make):
    """Make something of odd parts; returns it, or None where it was refused as it should be."""
    try:
        made = make()
    except DescriptionError as error:
        message = str(error)
    else:
        outcomes["valid"] += 1
        return made
    assert 10 < len(message) < 600
    assert ":" in message, message
    outcomes["refused"] += 1
    return None


def changed(right, field, value):
    """The same object with another value of one field, as its constructor takes it."""
    arguments = {f.name: getattr(right, f.name) for f in dataclasses.fields(right) if f.init}
    if isinstance(right, Projection) and isinstance(right.rule, Conv2D):
        arguments["weight"] = 1.0  # the rule's weights have taken its place
    return type(right)(**{**arguments, field: value})


CASES = [
    pytest.param(right, network, f.name, id=f"{type(right).__name__}{k}-{f.name}")
    for k, (right, network) in enumerate(RIGHT)
    for f in dataclasses.fields(right)
]


@pytest.mark.parametrize(("right", "network", "field"), CASES)
def test_descriptions(right, network, field):
    before = dict(outcomes)
    for value in ODD:
        made = attempt(lambda v=value: network(changed(right, field, v)))
        if made is not None:  # what is accepted can be lowered, or is refused there
            attempt(lambda m=made: footprint(m))
    assert outcomes["refused"] > before["refused"] + 10  # not every odd value can be right


@pytest.mark.slow
def test_what_is_accepted_can_be_simulated():
    """A fifth of the accepted descriptions; kernels are shared by nearly all."""
    number = 0
    for right, network in RIGHT:
        for field in dataclasses.fields(right):
            for value in ODD:
                number += 1
                if number % 5 or isinstance(right, (Poisson, Noise)):
                    continue
                made = attempt(lambda v=value, r=right, f=field, n=network: n(changed(r, f.name, v)))
                if made is None or isinstance(getattr(right, "plasticity", None), STDP) or right in ALIKE:
                    continue
                simulation = attempt(lambda m=made: Simulation(m, threads=1))
                if simulation is not None:
                    attempt(lambda s=simulation: s.run(0.5))


@pytest.mark.parametrize("rule", [CONV, POOL], ids=lambda rule: type(rule).__name__)
def test_shapes_of_grids(rule):
    for field in dataclasses.fields(rule):
        for value in ODD:
            attempt(lambda f=field.name, v=value: changed(rule, f, v).out_shape)


def test_names_and_sizes_of_networks():
    for value in ODD:
        attempt(lambda v=value: Network(v))
        attempt(lambda v=value: Network(CELL, v))
        attempt(lambda v=value: Population(v, 4, LIF())) if isinstance(value, str) else None


@pytest.mark.parametrize("field", ["network", "dt", "seed", "threads", "n_trials", "precision", "max_rate"])
def test_simulation(field):
    right = {"network": projected(AllToAll())}
    for value in ODD:
        attempt(lambda v=value: Simulation(**{**right, field: v}))


def test_methods_of_simulation():
    network = Network(CELL, TRAIN, Projection(TRAIN, CELL, AllToAll(), Uniform(0.0, 1.0), name="x"))
    simulation = Simulation(network)
    for value in ODD:
        attempt(lambda v=value: simulation.set_weights("x", v))
        attempt(lambda v=value: simulation.set_weights(v, 1.0))
        attempt(lambda v=value: simulation.synapses(v))
        attempt(lambda v=value: simulation.set_delays("x", v))
        attempt(lambda v=value: simulation.set_delays(v, 1.0))
        attempt(lambda v=value: simulation.set_spikes("t", v, [0]))
        attempt(lambda v=value: simulation.set_spikes("t", [1.0], v))
        attempt(lambda v=value: simulation.set_spikes("t", [1.0], [0], v))
        attempt(lambda v=value: simulation.set_spikes(v, [1.0], [0]))
        attempt(lambda v=value: simulation.reset(v))
        attempt(lambda v=value: simulation.reset(seed=v))
        attempt(lambda v=value: simulation.load_state(v))
        attempt(lambda v=value: simulation.load_state({"tick": v}))
        attempt(lambda v=value: simulation.load_state({**simulation.state(), "tick": v}))
        attempt(lambda v=value: simulation.load_state({**simulation.state(), "state/p/v": v}))
        if not isinstance(value, int) or value < 100:
            attempt(lambda v=value: simulation.run(v))
            simulation.reset()


@pytest.mark.parametrize("field", ["network", "n_ticks", "batch", "seed", "threads", "rate_scale"])
def test_learner(field):
    right = {"network": naca(4, [3], 2)}
    for value in ODD:
        attempt(lambda v=value: Learner(**{**right, field: v}))


def test_rules_of_windows_are_for_a_learner():
    with pytest.raises(
        DescriptionError, match=r"'.*': \w+ learns at the end of a window, .*; a Learner runs"
    ):
        Simulation(naca(4, [3], 2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Poisson(CELL, 1.0, np.ones(4)), "Poisson onto 'p': weight must be a number, got an array"),
        (lambda: Poisson(CELL, 1.0, 1.0, "foo"), "Poisson onto 'p': receptor must be one of v, got 'foo'"),
        (lambda: Poisson("p", 1.0, 1.0), "Poisson: post must be a Population, got 'p'"),
        (lambda: Poisson(CELL, 1.0, 1.0, name="a/b"), "Poisson onto 'p': name must be printable text"),
        (
            lambda: Projection(CELL, CELL, FixedIndegree(2.0)),
            "FixedIndegree: k must be a whole number >= 0, got 2.0",
        ),
        (lambda: Projection(CELL, CELL, FixedIndegree(True)), "k must be a whole number >= 0, got True"),
        (lambda: Projection(CELL, CELL, AllToAll(autapses="no")), "autapses must be True or False, got 'no'"),
        (
            lambda: Projection(CELL, CELL, FixedIndegree(2, multapses=0)),
            "multapses must be True or False, got 0",
        ),
        (lambda: Projection(CELL, CELL, AllToAll(), receptor="ecx"), "receptor must be one of v, got 'ecx'"),
        (lambda: Projection("p", CELL, AllToAll()), "pre must be a Population or a SpikeTrain, got 'p'"),
        (lambda: Projection(CELL, CELL, AllToAll(), name=""), "name must be printable text, not empty"),
        (
            lambda: Projection(CELL, CELL, AllToAll(), Normal(float("inf"), 1.0)),
            "weight: mean must be finite, got inf",
        ),
        (
            lambda: Projection(CELL, CELL, AllToAll(), 1e300),
            "weight must be finite and below 3.4e.38 in magnitude",
        ),
        (
            lambda: SpikeTrain("t", 2, [1.0, 2.0], [0.5, 1.9]),
            "SpikeTrain 't': neuron must be whole numbers, got",
        ),
        (lambda: SpikeTrain("a/b", 2, [], []), "SpikeTrain: name must be printable text"),
        (lambda: SpikeTrain("t", 2.0, [], []), "SpikeTrain 't': size must be a whole number >= 1"),
        (
            lambda: Simulation(Network(CELL), max_rate=float("nan")),
            "Simulation: max_rate must be > 0 Hz and finite",
        ),
        (lambda: Simulation(Network(CELL), n_trials=1.5), "Simulation: n_trials must be a whole number >= 1"),
        (lambda: Simulation(Network(CELL), threads=True), "Simulation: threads must be a whole number >= 1"),
        (lambda: Simulation(Network(CELL), seed=-1), "Simulation: seed must be >= 0"),
        (lambda: Simulation("net"), "Simulation: network must be a Network, got 'net'"),
        (lambda: Simulation(Network(CELL)).run("100 ms"), "run: ms must be a number, got '100 ms'"),
    ],
)
def test_messages_name_object_field_and_value(make, message):
    with pytest.raises(DescriptionError, match=message):
        make()
