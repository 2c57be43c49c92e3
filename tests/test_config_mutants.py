"""Files that somebody has got wrong: each is valid, or refused in one line that says where; never a traceback."""

from __future__ import annotations

import copy
import json
import random
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tegmentum.cli.config import read, rehearsed
from tegmentum.simcore.errors import DescriptionError

BRUNEL = tomllib.loads(
    (Path(__file__).parent.parent / "examples" / "brunel.toml").read_text(encoding="utf-8")
)
#: every kind of table, and every model, rule, distribution and source
EVERYTHING = tomllib.loads("""
[simulation]
duration = 50.0
dt = 0.1
seed = 3
threads = 2
n_trials = 1
precision = "float64"
[populations.a]
size = 6
model = { type = "LIF", tau_m = { type = "Normal", mean = 20.0, std = 1.0, low = 5.0 }, i_e = 300.0 }
initial = { v = { type = "Uniform", low = 0.0, high = 10.0 } }
[populations.b]
size = 4
model = { type = "LIFCond", v_rest = [-60.0, -61.0, -62.0, -63.0], t_ref = 2.0 }
update = "stepped"
[populations.c]
size = 6
model = { type = "AdEx", b = { type = "Constant", value = 80.0 } }
[populations.d]
size = 9
model = { type = "Izhikevich", a = 0.1, d = 2.0 }
initial = { v = -65.0, u = { type = "Lognormal", mu = 0.1, sigma = 0.2, high = 3.0, outside = "redraw" } }
[populations.e]
size = 4
model = { type = "LIFExp", tau_exc = 2.0 }
[populations.f]
size = 3
model = { type = "LIFAlpha" }
[populations.g]
size = 2
model = { type = "DiscreteLIF", rho = 0.3 }
[populations.h]
size = 2
model = { type = "Parrot" }
[spike_trains.t]
size = 9
times = [1.0, 5.0, 2.5]
neuron = [0, 8, 3]
trial = [0, 0, 0]
[[projections]]
pre = "a"
post = ["a", "c"]
rule = { type = "AllToAll", autapses = false }
weight = { type = "Normal", mean = 0.5, std = 0.1, low = 0.0, high = 2.0, outside = "redraw" }
delay = { type = "Uniform", low = 0.5, high = 2.0 }
[[projections]]
pre = "a"
post = "c"
rule = { type = "OneToOne" }
weight = 2.0
delay = 1.5
receptor = "exc"
name = "second"
[[projections]]
pre = "a"
post = "b"
rule = { type = "FixedProbability", p = 0.5 }
weight = 1.0
receptor = "inh"
[[projections]]
pre = "b"
post = "a"
rule = { type = "FixedIndegree", k = 3, multapses = false }
weight = 0.4
plasticity = { type = "STDP", w_max = 1.0, lam = 0.01, mu = 0.0 }
[[projections]]
pre = "c"
post = "e"
rule = { type = "FixedOutdegree", k = 2 }
weight = 3.0
[[projections]]
pre = "c"
post = "f"
rule = { type = "FixedTotal", n = 5, autapses = true }
weight = -3.0
[[projections]]
pre = "g"
post = "h"
rule = { type = "FromCOO", pre = [0, 1, 1], post = [0, 0, 1] }
weight = [1.0, 2.0, 3.0]
delay = [1.0, 1.0, 2.0]
[[projections]]
pre = "t"
post = "e"
rule = { type = "Conv2D", kernel = [[[[1.0]], [[2.0]]], [[[3.0]], [[4.0]]]], shape = [3, 3, 1], stride = 1 }
[[projections]]
pre = "d"
post = "h"
rule = { type = "AvgPool2D", shape = [3, 3, 1], size = [3, 1], stride = [1, 2] }
[[projections]]
pre = "e"
post = "b"
rule = { type = "AllToAll" }
weight = [[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4]]
receptor = "exc"
[modulators.dopamine]
n_levels = 3
tau = 50.0
baseline = 0.1
releases = [{ population = "h", amount = 0.5, delay = 1.0, onto = [0, 2] }]
[[projections]]
pre = "d"
post = "a"
rule = { type = "AllToAll" }
weight = 0.4
name = "third"
[projections.plasticity]
type = "DopamineSTDP"
modulator = "dopamine"
receptor = { type = "Hill", half = 0.3, exponent = 2.0 }
subpopulations = { type = "ByPost", levels = [0, 1, 2, 0, 1, 2] }
tau_e = 100.0
[[poisson]]
post = ["a", "e"]
rate = 50.0
weight = 1.0
[[poisson]]
post = "b"
rate = [1.0, 2.0, 3.0, 4.0]
weight = 2.0
receptor = "exc"
[[currents]]
post = "c"
amplitude = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
start = 5.0
stop = 20.0
[[noise]]
post = ["a", "c"]
std = 10.0
mean = 1.0
[record]
spikes = ["a", "t"]
every = 0.5
[record.traces.v]
population = "a"
state = "v"
neurons = [0, 3]
""")
BRUNEL_SMALL = copy.deepcopy(BRUNEL)  # quick to try, with the same tables
for _name, _size in (("exc", 1200), ("inh", 300)):
    BRUNEL_SMALL["populations"][_name]["size"] = _size

GARBAGE = (
    *("", "nonsense", "LIF", "Normal", "0.1", "exc", True, False),
    *(0, 1, -1, -5, 3, 10**9, 2**31, 10**18, 10**30, -(10**400)),
    *(0.0, -0.0, 0.5, -0.1, 1e-300, 1e-12, 1e9, 1e25, 1e38, 1e300, -1e300),
    *(float("nan"), float("inf"), float("-inf"), [], {}, [[]], [1.0], [1, 2, 3], [-1, 0], [1.5, True], ["a"]),
    *([[1.0, 2.0], [3.0]], [float("nan")], {"type": "Normal"}, {"type": "Normal", "mean": 1.0, "std": -1.0}),
    *({"type": "Uniform", "low": 2.0, "high": 1.0}, {"type": "Normal", "mean": 0.0, "std": 1e300}),
    *({"type": "Lognormal", "mu": 1e4, "sigma": 1.0}, {"type": 5}, {"a": {"b": {"c": [1]}}}),
    *({"type": "Uniform", "low": 1.0, "high": 1e9}, {"type": "Normal", "mean": -20.0, "std": 50.0}),
)  # fmt: skip


def places(node, path=()):
    """Every place in a tree of tables and lists."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def mutate(table, rng: random.Random):
    """Change one place of a file, in a way that people or programs do."""
    path = rng.choice(list(places(table)))
    node = table
    for key in path[:-1]:
        node = node[key]
    key = path[-1]
    how = rng.choice(["value", "value", "value", "delete", "misspell", "extra", "twice", "wrap"])
    if how == "delete":
        del node[key]
    elif how == "misspell" and isinstance(node, dict):
        letters = list(key)
        at = rng.randrange(len(letters))
        letters[at : at + 1] = rng.choice([[], [letters[at]] * 2, ["x"], ["\n"]])
        node["".join(letters)] = node.pop(key)
    elif how == "extra" and isinstance(node, dict):
        node[rng.choice(["colour", "k", "type", "tau", ""])] = rng.choice(GARBAGE)
    elif how == "twice" and isinstance(node, list):
        node.append(copy.deepcopy(node[key]))
    elif how == "wrap":
        node[key] = rng.choice([[node[key]], {"value": node[key]}, {"type": node[key]}, str(node[key])])
    else:
        node[key] = copy.deepcopy(rng.choice(GARBAGE))


def toml(value) -> str:
    """A value in TOML, tables inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, str) else repr(value)


def mutant(number: int) -> str:
    """The file of that number, with one to three mistakes."""
    rng = random.Random(number)
    table = copy.deepcopy(rng.choice([BRUNEL_SMALL, EVERYTHING]))
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        if list(places(table)):
            mutate(table, rng)
    return "\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in table.items())


@pytest.mark.parametrize("table", [BRUNEL, BRUNEL_SMALL, EVERYTHING])
def test_the_originals_are_valid(tmp_path, table):
    file = tmp_path / "network.toml"
    file.write_text("\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in table.items()))
    assert rehearsed(read(file))[0].populations


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("mutants") / "mutant.toml"


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(st.integers(0, 2**32))
def test_a_mutant_is_valid_or_refused_by_name(file, number):
    file.write_text(mutant(number), encoding="utf-8")
    try:
        rehearsed(read(file))
    except DescriptionError as refusal:
        error = refusal
    else:
        return
    assert len(str(error)) > 10
    assert str(error).isprintable()


def test_the_command_line_says_one_line_and_exits_with_3(tegmentum, tmp_path):
    refused = 0
    for number in range(60):
        file = tmp_path / f"mutant-{number}.toml"
        file.write_text(mutant(number), encoding="utf-8")
        done = tegmentum("config", "check", file)
        assert done.code in (0, 3), mutant(number)
        if done.code == 3:
            refused += 1
            assert done.out == ""
            assert len(done.err.splitlines()) == 1
            assert done.err.startswith("error: ")
    assert refused > 20
