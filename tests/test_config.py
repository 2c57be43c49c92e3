"""Network files: what each table is held against, what is refused before anything is built, ``--set``, the schema."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import shutil
import tomllib

import numpy as np
import pytest
from test_config_mutants import EVERYTHING, toml

from tegmentum.cli import config as tables
from tegmentum.cli.config import network_of, read, rehearsed
from tegmentum.simcore import (
    LIF,
    FixedIndegree,
    Lognormal,
    Network,
    Poisson,
    Population,
    Projection,
    Record,
    SpikeTrain,
    Trace,
    Uniform,
)
from tegmentum.simcore.advance.rehearsal import rehearse
from tegmentum.simcore.errors import DescriptionError

SMALL = """
[simulation]
duration = 20.0
[populations.p]
size = 5
model = { type = "LIF", i_e = 1000.0 }
[[projections]]
pre = "p"
post = "p"
rule = { type = "AllToAll", autapses = false }
weight = 0.1
delay = 1.5
[[poisson]]
post = "p"
rate = 10.0
weight = 1.0
[record.traces.v]
population = "p"
"""


@pytest.fixture
def written(tmp_path):
    """Write a file, the small one or a changed copy of it."""

    def write(change=("", ""), extra=""):
        assert change[0] in SMALL
        path = tmp_path / "network.toml"
        path.write_text(SMALL.replace(*change, 1) + extra, encoding="utf-8")
        return path

    return write


# -------------------------------------------------------------------------------------- misspelt and mistyped

_TABLES = [
    ("duration =", "simulation.", "durations ="),
    ("size =", "populations.p.", "sizes ="),
    ("type =", "populations.p.model.", "typ ="),
    ("i_e =", "populations.p.model.", "i_x ="),
    ("post =", "projections.0.", "posts ="),
    ("autapses =", "projections.0.rule.", "autapsis ="),
    ("rate =", "poisson.0.", "rates ="),
    ("population =", "record.traces.v.", "popullation ="),
]


@pytest.mark.parametrize(("key", "where", "wrong"), _TABLES)
def test_a_misspelt_key_is_named_in_every_table(written, key, where, wrong):
    with pytest.raises(DescriptionError) as info:
        read(written((key, wrong)))
    misspelt, right = wrong.split()[0], key.split()[0]
    assert f"{where}{misspelt}: there is no such key; did you mean {right!r}?" in str(info.value)


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ("[[currents]]\npost = 'p'\namplitude = 1.0\nstrat = 1.0", "currents.0.strat: there is no such key"),
        ("[[noise]]\npost = 'p'\nstdd = 1.0", "noise.0.stdd: there is no such key; did you mean 'std'?"),
        ("[spike_trains.t]\nsize = 1\ntimes = [1.0]\nneuro = [0]", "spike_trains.t.neuro: there is no such key"),
        ("[populations.p.initial]\nv = { type = 'Uniform', low = 0.0, hihg = 1.0 }", "populations.p.initial.v.hihg"),
        ("[populations.p.initial]\nv = { type = 'Uniform', low = 'a', high = 1.0 }", "populations.p.initial.v.low"),
        ("[populations.p.initial]\nv = { type = 'Unifrom', low = 0.0 }", "there is no type 'Unifrom'; did you mean"),
        ("[populations.p.initial]\nu = 1.0", "Population 'p': initial: no state 'u'"),
        ("[[noise]]\npost = []\nstd = 1.0", "noise.0.post: "),
        ("[[noise]]\npost = 'p'\nstd = true", "noise.0.std: input should be a valid number, got True"),
        ("[[poisson]]\npost = 'p'\nrate = [1.0, nan]\nweight = 1.0", "poisson.1.rate: must hold finite numbers"),
        ("[[poisson]]\npost = 'p'\nrate = [[1.0, 2.0], [3.0]]\nweight = 1.0", "poisson.1.rate: must have rows"),
        ("[[poisson]]\npost = 'p'\nrate = 1.0\nweight = 1.0\nreceptor = 'foo'", "receptor"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_an_inner_table_is_named(written, table, where):
    with pytest.raises(DescriptionError) as info:
        rehearsed(read(written(extra=table)))
    assert where in str(info.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("weight = 0.1", "weight = inf"), "projections.0.weight"),
        (
            ("weight = 0.1", "weight = '0.1'"),
            "projections.0.weight: input should be a valid number, got '0.1'",
        ),
        (("weight = 0.1", "weight = 1e300"), "projections.0.weight: must be below 3.4e38"),
        (("size = 5", "size = 5.0"), "populations.p.size: input should be a valid integer"),
        (("size = 5", "size = 0x" + "f" * 5000), "populations.p.size: "),
        (("size = 5", "size = " + "9" * 5000), "is not TOML"),
        (("weight = 0.1", "weight = " + "[" * 5000 + "]" * 5000), "nested too deeply"),
        (("delay = 1.5", "delay = 1e9"), "delay"),
        (("delay = 1.5", "delay = { type = 'Uniform', low = 1.0, high = 1e8 }"), "delays as long"),
        (("duration = 20.0", "duration = 20.05"), "must be a multiple of dt"),
        (("duration = 20.0", "duration = nan"), "simulation.duration"),
        (("duration = 20.0", "duration = 1e-9"), "must be a multiple of dt"),
        (("duration = 20.0", "duration = 20.0\ndt = 1e-300"), "run: ms must be below"),
        (("size = 5", "size = 2000000000"), "this machine has"),
        (('"AllToAll", autapses = false', '"FixedIndegree", k = 1000000000000'), "this machine has"),
        (('"AllToAll", autapses = false', '"AvgPool2D", shape = [1, 1000000000, 1], size = 1'), "shape must"),
        (("weight = 0.1", "weight = [0.1, 0.2]"), "weight must have"),
        (("duration = 20.0", "duration = 20.0\nthreads = 100000000"), "simulation.threads"),
        (
            ('model = { type = "LIF", i_e = 1000.0 }', "model = 'LIF'"),
            'must be a table such as { type = "LIF" }',
        ),
        (("rate = 10.0", "rate = 1e9"), "Poisson onto 'p'"),
        (('population = "p"', 'population = "p"\nneurons = [7]'), "neurons must be in [0, 5)"),
        (('population = "p"', 'population = "q"'), "record.traces.v.population: there is no population 'q'"),
    ],
)
def test_what_cannot_be_is_refused_before_it_is_built(written, change, message):
    with pytest.raises(DescriptionError) as info:
        rehearsed(read(written(change)))
    assert message in str(info.value)
    assert str(info.value).isprintable()


@pytest.mark.parametrize("kind", ["poisson", "currents", "noise"])
def test_a_spike_train_takes_no_input(written, kind):
    train = "[spike_trains.t]\nsize = 1\ntimes = [1.0]\nneuron = [0]\n"
    more = {"poisson": "rate = 1.0\nweight = 1.0", "currents": "amplitude = 1.0", "noise": "std = 1.0"}[kind]
    with pytest.raises(DescriptionError, match="'t' is a spike train"):
        network_of(read(written(extra=f"{train}[[{kind}]]\npost = 't'\n{more}")))


def test_one_name_cannot_name_two_projections(written):
    with pytest.raises(DescriptionError, match=r"projections\.0\.name: cannot name 2 parts"):
        network_of(read(written(('post = "p"', 'post = ["p", "p"]\nname = "x"'))))


def test_values_reach_the_network_as_they_are_written(tmp_path):
    file = tmp_path / "network.toml"
    file.write_text("\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in EVERYTHING.items()))
    network, record, _ = rehearsed(read(file))
    assert network["a"].model.tau_m == tables.DISTRIBUTIONS["Normal"].of(20.0, 1.0, low=5.0)
    assert network["a"].model.v_thresh == LIF().v_thresh
    assert network["b"].model.v_rest.tolist() == [-60.0, -61.0, -62.0, -63.0]
    assert network["d"].initial["u"] == Lognormal(0.1, 0.2, high=3.0, outside="redraw")
    assert network["t"].neuron.tolist() == [0, 8, 3]
    assert network["second"].receptor == "exc"
    assert network["b-a"].plasticity.w_max == 1.0
    assert network["d-h"].rule.stride == (1, 2)
    assert np.shape(network["t-e"].rule.kernel) == (2, 2, 1, 1)
    assert record.traces["v"].numbers().tolist() == [0, 3]
    current = next(source for source in network.sources if type(source).__name__ == "Current")
    assert (current.start, current.stop) == (5.0, 20.0)


# ------------------------------------------------------------------------------------------------------ --set


def test_set_reaches_into_lists(written):
    changed = read(
        written(), ["projections.0.weight=-5", "poisson.0.rate=2.5", "populations.p.model.tau_m=9.0"]
    )
    assert changed.projections[0].weight == -5
    assert changed.poisson[0].rate == 2.5
    assert network_of(changed)["p"].model.tau_m == 9.0


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("projections.1.weight=1", "projections has entries 0 to 0, got '1'"),
        ("projections.-1.weight=1", "projections has entries 0 to 0, got '-1'"),
        ("projections.weight=1", "projections has entries 0 to 0, got 'weight'"),
        ("projections.0.weight.mean=1", "projections.0.weight is 0.1, neither a table nor a list"),
        ("simulation.duration.x.y=1", "simulation.duration is 20.0, neither a table nor a list"),
        ("simulation.sed=1", "simulation.sed: there is no such key; did you mean 'seed'?"),
        ("simulation.seed", "--set: must be like simulation.seed=3"),
        ("=3", "--set: must be like simulation.seed=3"),
    ],
)
def test_set_says_what_it_cannot_reach(written, override, message):
    with pytest.raises(DescriptionError) as info:
        read(written(), [override])
    assert message in str(info.value)


# ----------------------------------------------------------------------------------------------------- schema


#: what a file does not say, since the rule's place does
OF_THE_PLACE = {("ClopathSTDP", "post"), ("ClopathSTDP", "name"), ("EProp", "slope"), ("EPropALIF", "slope")}


def _parameters():
    for tables_ in (tables.MODELS, tables.RULES, tables.PLASTICITY, tables.SHORT_TERM, tables.DISTRIBUTIONS):
        for name, table in tables_.items():
            fields = (
                f for f in dataclasses.fields(table.of) if f.init and (name, f.name) not in OF_THE_PLACE
            )
            yield from ((name, field) for field in fields)


def test_the_schema_names_every_parameter_with_unit_range_and_default(tegmentum):
    schema = json.loads(tegmentum("config", "schema", "--json").out, parse_constant=pytest.fail)
    for name, field in _parameters():
        key = schema["$defs"][name]["properties"][field.name]
        if field.metadata.get("unit"):
            assert key["unit"] == field.metadata["unit"]
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            assert field.name in schema["$defs"][name]["required"]
        elif isinstance(field.default, float) and math.isfinite(field.default):
            assert key["default"] == field.default
        text = json.dumps(key)
        for bound, word in (("above", "exclusiveMinimum"), ("least", "minimum"), ("most", "maximum")):
            if math.isfinite(field.metadata.get(bound, math.inf)):
                assert field.metadata[bound] in map(float, re.findall(rf'"{word}": ([-+.e\d]+)', text))
    for source in ("Poisson", "Current", "Noise", "SpikeTrain"):
        assert source in schema["$defs"]
    assert schema["$defs"]["Poisson"]["properties"]["rate"]["unit"] == "Hz"


def test_the_schema_can_be_read(tegmentum):
    text = tegmentum("config", "schema").out
    words = text.split()
    for name, field in _parameters():
        assert name in words
        assert field.name in words
    assert "tau_m     number > 0 [ms]; default 20.0; membrane time constant" in text
    assert "rate      number >= 0 or list of numbers [Hz]; required" in text
    assert "p         number >= 0 and <= 1; required" in text
    assert max(map(len, text.splitlines())) <= 130


def test_no_class_of_the_simulator_is_left_out():
    """A model, rule or distribution that is exported can be named in a file."""
    from tegmentum import simcore

    known = {**tables.MODELS, **tables.RULES, **tables.DISTRIBUTIONS}
    for name in simcore.__all__:
        exported = getattr(simcore, name)
        kinds = (simcore.NeuronModel, simcore.Rule, simcore.Distribution)
        if (
            isinstance(exported, type)
            and issubclass(exported, kinds)
            and exported not in kinds
            and name != "GradedUnit"
        ):
            assert name in known


# ------------------------------------------------------------------------------------ before anything is built


def test_run_refuses_a_taken_store_before_it_builds(tegmentum, written, tmp_path, monkeypatch):
    file = written()
    (tmp_path / "network.zarr").mkdir()
    (tmp_path / "network.zarr" / "other").touch()
    monkeypatch.setattr(
        "tegmentum.simcore.advance.simulation.Simulation._lower", lambda self: pytest.fail("built")
    )
    assert tegmentum("run", file).code == 4
    assert tegmentum("run", file, "--out", tmp_path / "no" / "folder.zarr").code == 4
    done = tegmentum("run", file, "--set", "simulation.duration=20.05", "--out", tmp_path / "new.zarr")
    assert (done.code, len(done.err.splitlines())) == (3, 1)
    assert "multiple of dt" in done.err


def test_run_refuses_more_traces_than_the_disk_holds(tegmentum, written, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=3_999))
    monkeypatch.setattr(
        "tegmentum.simcore.advance.simulation.Simulation._lower", lambda self: pytest.fail("built")
    )
    done = tegmentum("run", written())  # 200 samples of 5 neurons, 4 bytes each
    assert done.code == 4
    assert "the recordings take about 4.0 kB, the disk has 4.0 kB free" in done.err


def test_check_performs_every_check_without_building(tegmentum, written):
    assert tegmentum("config", "check", written()).code == 0
    wrong = written(("weight = 1.0", "weight = 1.0\nreceptor = 'foo'"))
    done = tegmentum("config", "check", wrong)
    assert done.code == 3
    assert "foo" in done.err
    assert tegmentum("config", "check", written(), "--set", "projections.0.delay=1e9").code == 3


def test_rehearsal_in_python():
    p = Population("p", 1500, LIF(tau_m=Uniform(10.0, 20.0)))
    n, n_bytes = rehearse(Network(p, Projection(p, p, FixedIndegree(10), 0.1)), ms=10.0)
    assert n == 15_000
    assert n_bytes > 2 * n
    with pytest.raises(DescriptionError, match=r"Population 'p': |too large or too small"):
        rehearse(Network(Population("p", 3, LIF(tau_m=1e-30, c_m=1e-300, i_e=1e38))))
    with pytest.raises(DescriptionError, match="trial must be in"):
        rehearse(Network(p, SpikeTrain("t", 1, [1.0], [0], [3])), n_trials=2)
    with pytest.raises(DescriptionError, match="every must be"):
        rehearse(Network(p), record=Record(traces={"v": Trace(p)}, every=0.25))
    with pytest.raises(DescriptionError, match="foo"):
        rehearse(Network(p, Poisson(p, 10.0, 1.0, receptor="foo")))


def test_toml_of_the_mutants_is_toml():
    assert tomllib.loads("x = " + toml({"a": [1.0, True, "b\n"], "c": {}}))["x"] == {
        "a": [1.0, True, "b\n"],
        "c": {},
    }
