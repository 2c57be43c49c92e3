"""Stores at URLs: in memory, local, and in an S3 server on this machine."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from tegmentum.simcore import LIF, Network, Population, Record, Simulation
from tegmentum.simcore.errors import StoreError
from tegmentum.simcore.record.store import RunStore, read_manifest

xr = pytest.importorskip("xarray")
pytest.importorskip("fsspec", reason="needs tegmentum[remote]")


@pytest.fixture(params=["memory", "file", "s3"])
def url(request, tmp_path):
    name = request.node.name.replace("[", "-").strip("]")
    if request.param == "s3":
        return f"{request.getfixturevalue('s3')}/{name}.zarr"
    return {"memory": f"memory://{name}.zarr", "file": f"{tmp_path.as_uri()}/run.zarr"}[request.param]


@pytest.mark.filterwarnings("ignore::Warning:(moto|boto|werkzeug|s3fs|aiobotocore|aiohttp|fsspec).*")
def test_a_run_at_a_url_is_the_run_on_disk(url, tmp_path):
    def simulation():
        return Simulation(Network(Population("p", 5, LIF(i_e=1000.0))))

    simulation().run(100.0, Record(["p"]), to=tmp_path / "local.zarr")
    simulation().run(100.0, Record(["p"]), to=url)
    with (
        xr.open_datatree(url, engine="zarr") as there,
        xr.open_datatree(tmp_path / "local.zarr", engine="zarr") as here,
    ):
        assert there.attrs["status"] == "complete"
        assert there.groups == here.groups
        xr.testing.assert_identical(there["spikes/p"].to_dataset(), here["spikes/p"].to_dataset())


@pytest.mark.filterwarnings("ignore::Warning:(moto|boto|werkzeug|s3fs|aiobotocore|aiohttp|fsspec).*")
def test_what_is_not_committed_is_not_seen_and_force_replaces(url):
    store = RunStore.create(url, {"seed": 1}, commit_every=1e9)
    spikes = store.spikes("p", 9, 0.1)
    spikes.append([1, 2], [3, 4])
    store.commit()
    spikes.append([5], [6])
    with xr.open_datatree(url, engine="zarr") as tree:
        assert tree["spikes/p"]["t"].values.tolist() == [1, 2]
    store.close()
    with xr.open_datatree(url, engine="zarr") as tree:
        np.testing.assert_array_equal(tree["spikes/p"]["t"], [1, 2, 5])
    with pytest.raises(StoreError, match="exists; overwrite it with force"):
        RunStore.create(url, {"seed": 2})
    RunStore.create(url, {"seed": 2}, force=True).close()
    with xr.open_datatree(url, engine="zarr") as tree:
        assert tree.groups == ("/",)


def test_what_is_no_run_store_is_never_deleted():
    import fsspec

    files = fsspec.filesystem("memory")
    files.pipe_file("/thesis/chapter.tex", b"years")
    with pytest.raises(StoreError, match="is not a Tegmentum run store"):
        RunStore.create("memory://thesis", {}, force=True)
    assert files.cat_file("/thesis/chapter.tex") == b"years"


@pytest.mark.parametrize("url", ["nonsense://x/run.zarr", "https://127.0.0.1:9/run.zarr"])
def test_urls_that_cannot_be_written_are_clear_errors(url):
    with pytest.raises(StoreError, match="cannot"):
        RunStore.create(url, {})


@pytest.mark.filterwarnings("ignore::Warning:(moto|boto|werkzeug|s3fs|aiobotocore|aiohttp|fsspec).*")
def test_the_command_line_reads_urls(tegmentum, url, tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("plotly")
    network = Network(Population("p", 5, LIF(i_e=1000.0)))
    for to in (url, tmp_path / "local.zarr"):
        Simulation(network).run(100.0, Record(["p"]), to=to)
    there, here = (tegmentum("inspect", to, "--json").document for to in (url, "local.zarr"))
    assert there["spikes"] == here["spikes"]
    assert there["spikes"]["p"]["bytes"] > 0
    assert there["bytes"] == pytest.approx(here["bytes"], abs=300)  # manifests differ in times and places
    assert abs(datetime.now(UTC) - datetime.fromisoformat(there["last_commit"])).total_seconds() < 600
    assert tegmentum("plot", url, "raster", "-o", "there.png").code == 0
    assert tegmentum("report", url, "-o", "there.html").code == 0
    watched = tegmentum("watch", url)
    assert watched.code == 0
    assert "complete" in watched.out
    assert tegmentum("export", url, "--to", "parquet", "-o", "there").code == 0
    assert (tmp_path / "there.png").stat().st_size > 1000


def test_what_is_not_at_a_url_is_a_clear_error(tegmentum):
    for command in (
        ["inspect"],
        ["plot", "raster"],
        ["report"],
        ["watch"],
        ["export", "--to", "parquet", "-o", "x"],
        ["resume"],
    ):
        found = tegmentum(command[0], "memory://nowhere.zarr", *command[1:])
        assert found.code == 4
        assert "memory://nowhere.zarr: no such run store" in found.err


def test_the_command_line_writes_to_urls(tegmentum, tmp_path):
    file = tmp_path / "network.toml"
    file.write_text(
        '[simulation]\nduration = 20.0\n[populations.p]\nsize = 3\nmodel = { type = "LIF", i_e = 1000.0 }\n'
        '[record]\nspikes = ["p"]\n'
    )
    assert tegmentum("run", file, "--out", "memory://cli.zarr").code == 0
    assert read_manifest("memory://cli.zarr")["status"] == "complete"
    assert tegmentum("run", file, "--out", "memory://cli.zarr").code == 4
    assert tegmentum("run", file, "--out", "memory://cli.zarr", "--force", "--durable").code == 0
    assert tegmentum("run", file, "--out", (tmp_path / "x.zarr").as_uri(), "--durable").code == 0
    assert read_manifest(tmp_path / "x.zarr")["status"] == "complete"
