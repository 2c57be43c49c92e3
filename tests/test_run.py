"""``tegmentum run`` and ``bench``: what a file can say, and what it is told when it is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tegmentum.cli.app import app
from tegmentum.cli.config import network_of, read
from tegmentum.simcore.errors import DescriptionError

EXAMPLE = Path(__file__).parent.parent / "examples" / "brunel.toml"
SMALL = """
[simulation]
duration = 20.0
[populations.p]
size = 5
model = { type = "LIF", i_e = 1000.0, tau_m = { type = "Uniform", low = 9.0, high = 11.0 } }
initial = { v = { type = "Uniform", low = 0.0, high = 10.0 } }
[[projections]]
pre = "p"
post = "p"
rule = { type = "AllToAll", autapses = false }
weight = { type = "Normal", mean = 0.1, std = 0.01 }
delay = 1.5
[[noise]]
post = "p"
std = 20.0
[record.traces.v]
population = "p"
"""


def invoke(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def test_run_writes_a_store_and_one_json_object(tmp_path):
    xarray = pytest.importorskip("xarray")
    file = tmp_path / "small.toml"
    file.write_text(SMALL)
    result = invoke("run", file, "--json", "--set", "simulation.seed=3")
    summary = json.loads(result.stdout)
    assert summary["seed"] == 3
    assert summary["n_synapses"] in (20, 25)
    with xarray.open_datatree(tmp_path / "small.zarr", engine="zarr") as tree:
        assert len(tree["spikes/p"].t) == summary["n_spikes"]["p"] > 0
        assert tree["traces/v"].v.shape == (200, 5)


def test_the_example_is_the_benchmark():
    network = network_of(read(EXAMPLE))
    assert network.n_synapses() == 15_625_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("duration = 20.0", "durations = 20.0"),
            "simulation.durations: there is no such key; did you mean 'duration'?",
        ),
        (("duration = 20.0", "duration = -1"), "simulation.duration: input should be greater than 0, got -1"),
        (('"LIF"', '"LIFE"'), "populations.p.model: there is no type 'LIFE'; did you mean 'LIF'?"),
        (("i_e =", "i_ext ="), "populations.p.model.i_ext: there is no such key; did you mean 'i_e'?"),
        (('post = "p"', 'post = "q"'), "projections.0.post: there is no population 'q'"),
        (
            ("autapses", "autapse"),
            "projections.0.rule.autapse: there is no such key; did you mean 'autapses'?",
        ),
        (('"AllToAll", autapses = false', '"FixedIndegree"'), "projections.0.rule.k: is missing"),
        (("delay = 1.5", "delay = 0.0"), "projections.0.delay: input should be greater than 0, got 0.0"),
        (("[simulation]", "[simulation"), "is not TOML"),
    ],
)
def test_errors_say_where_and_what(tmp_path, change, message):
    file = tmp_path / "wrong.toml"
    file.write_text(SMALL.replace(*change, 1))
    with pytest.raises(DescriptionError) as info:
        network_of(read(file))
    assert message in str(info.value)


def test_schema_is_printed():
    schema = json.loads(invoke("config", "schema", "--json").stdout)
    assert schema["additionalProperties"] is False
    assert "populations" in schema["properties"]


def test_bench_prints_its_keys():
    result = json.loads(
        invoke("bench", "brunel", "--scale", 0.02, "--sim-ms", 20, "--warm-ms", 0, "--json").stdout
    )
    keys = "workload n_neurons n_synapses sim_ms threads build_s compile_s run_s n_spikes rate_hz synaptic_events"
    assert set(f"{keys} bytes_per_synapse peak_rss_mb".split()) <= set(result)
