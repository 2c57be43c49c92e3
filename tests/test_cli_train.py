"""``tegmentum train``: what it prints and writes, what it refuses, and how it stops."""

from __future__ import annotations

import functools
import gzip
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.record.manifest import read_manifest

SMALL = ("--rule", "naca", "--hidden", 100, "--epochs", 2, "--limit-train", 640, "--limit-test", 100)
KEYS = {
    *("dataset", "rule", "layers", "seed", "threads", "backend", "epochs", "n_train", "n_test"),
    *("train_accuracy", "test_accuracy", "test_accuracy_by_epoch"),
    *("compile_s", "train_s", "wall_s", "synaptic_events", "store"),
}


def tree_of(path: Path) -> dict[str, bytes]:
    """Content of every file under a directory."""
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


# ------------------------------------------------------------------------------------------- what it prints


@pytest.mark.slow
def test_json_is_one_object_with_all_results(tegmentum, tmp_path):
    done = tegmentum("train", *SMALL, "--seed", 3, "--threads", 2, "--out", "run.zarr", "--json")
    assert done.code == 0
    assert done.out.count("\n") == 1
    result = done.document
    assert set(result) >= KEYS
    assert (result["dataset"], result["rule"], result["layers"]) == ("digits", "naca", [64, 100, 10])
    assert (result["seed"], result["threads"], result["backend"]) == (3, 2, "cpu")
    assert (result["epochs"], result["n_train"], result["n_test"]) == (2, 640, 100)
    by_epoch = result["test_accuracy_by_epoch"]
    assert len(by_epoch) == 2
    assert result["test_accuracy"] == by_epoch[-1]
    assert 0 <= result["train_accuracy"] <= 1
    assert result["synaptic_events"] > 2 * 640 * 100
    assert 0 < result["train_s"] < result["wall_s"]
    assert (tmp_path / result["store"]).is_dir()


def test_table_and_cost(tegmentum):
    done = tegmentum("train", *SMALL, "--out", "run.zarr")
    assert done.code == 0
    for words in ("digits by naca", "test accuracy", "synaptic events", "run.zarr"):
        assert words in done.out
    assert "640 training and 100 test samples" in done.err
    assert f"{65 * 100 + 101 * 10:,} synapses" in done.err
    assert "epoch 2: test accuracy" in done.err


@pytest.mark.numbers
def test_learns_digits(tegmentum):
    """Half of the neurons of the main job, a quarter of its epochs: far above chance, near the result."""
    result = tegmentum(
        "train", "--rule", "naca", "--hidden", 500, "--epochs", 5, "--record", 0, "--json"
    ).document
    assert result["test_accuracy"] > 0.9
    assert result["train_accuracy"] > 0.85


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["naca-ann", "frozen"])
def test_other_rules(tegmentum, rule):
    done = tegmentum("train", *SMALL, "--rule", rule, "--out", "run.zarr", "--json")
    assert done.code == 0
    assert done.document["rule"] == rule
    weights = xr.open_datatree("run.zarr", engine="zarr")["weights/input-hidden1"]["w"]
    moved = bool((weights[0] != weights[-1]).any())
    assert moved == (rule != "frozen")


@pytest.mark.slow
def test_short_cuts_and_the_error_of_the_expectation(tegmentum):
    """Two projections onto a hidden layer: the weights of each, the layer's biases, levels and spikes once."""
    small = ("--limit-train", 640, "--limit-test", 100, "--epochs", 2, "--hidden", "60,50", "--record", 3)
    done = tegmentum("train", "--rule", "naca-error", *small, "--shortcuts", "--out", "run.zarr", "--json")
    assert done.code == 0
    tree = xr.open_datatree("run.zarr", engine="zarr")
    sizes = {"input-hidden1": 64 * 60, "hidden1-hidden2": 60 * 50, "input-hidden2": 64 * 50,
             "hidden1-output": 60 * 10, "hidden2-output": 50 * 10}  # fmt: skip
    for name, n_synapses in sizes.items():
        weights = tree[f"weights/{name}"]["w"]
        assert weights.shape == (3, n_synapses)
        assert bool((weights[0] != weights[-1]).any())
    biases = {f"weights/{name}-bias" for name in ("input-hidden1", "input-hidden2", "hidden1-output")}
    assert {name for name in sizes if f"{name}-bias" in tree["weights"].children} == {
        name.removeprefix("weights/").removesuffix("-bias") for name in biases
    }
    assert xr.open_zarr("run.zarr").attrs["config"]["shortcuts"] is True
    assert len(tree["trials"]["label"]) == 3


# ------------------------------------------------------------------------------------------- what it writes


def test_store_opens_in_xarray(tegmentum):
    done = tegmentum("train", *SMALL, "--hidden", "100,50", "--record", 5, "--out", "run.zarr", "--json")
    result = done.document

    root = xr.open_zarr("run.zarr")
    assert dict(root.sizes) == {"epoch": 2}
    assert list(root["epoch"].values) == [1, 2]
    assert list(root["test_accuracy"].values) == result["test_accuracy_by_epoch"]
    assert int(root["synaptic_events"].sum()) == result["synaptic_events"]
    assert root.attrs["status"] == "complete"
    assert root.attrs["config"]["hidden"] == [100, 50]

    tree = xr.open_datatree("run.zarr", engine="zarr")
    sizes = {"input-hidden1": 64 * 100, "hidden1-hidden2": 100 * 50, "hidden2-output": 50 * 10}
    for name, n_synapses in sizes.items():
        weights = tree[f"weights/{name}"]
        assert weights["w"].dims == ("snapshot", "synapse")
        assert weights["w"].shape == (3, n_synapses)
        assert weights["pre"].dims == weights["post"].dims == ("synapse",)
    assert tree["weights/input-hidden1-bias"]["w"].shape == (3, 100)
    for name, n_neurons in {"hidden1": 100, "hidden2": 50, "output": 10}.items():
        spikes = tree[f"spikes/{name}"]
        assert spikes["trial_offset"].shape == (6,)
        assert list(spikes["trial_ticks"].values) == [20] * 5
        assert int(spikes["trial_offset"][-1]) == spikes.sizes["spike"]
        if spikes.sizes["spike"]:
            assert int(spikes["t"].max()) < 20
            assert int(spikes["neuron"].max()) < n_neurons
    for name, n_neurons in {"hidden1": 100, "hidden2": 50}.items():
        level = tree[f"modulators/{name}"]["level"]
        assert level.dims == ("expected_class", "channel", "subpopulation")
        assert level.shape == (10, 2, n_neurons)
        assert (
            0 <= float(level.sel(channel="dopamine").min()) <= float(level.sel(channel="dopamine").max()) <= 1
        )
    confusion = tree["learning"]["confusion"]
    assert confusion.dims == ("evaluation", "label", "prediction")
    assert list(confusion.sum(("label", "prediction")).values) == [100, 100]
    right = sum(int(confusion[-1, k, k]) for k in range(10))
    assert right / 100 == result["test_accuracy"]


def test_threads_change_nothing(tegmentum):
    for threads in (1, 2):
        done = tegmentum(
            "train", *SMALL, "--hidden", "200,100", "--threads", threads, "--out", f"{threads}.zarr"
        )
        assert done.code == 0
    one, two = (xr.open_datatree(f"{threads}.zarr", engine="zarr") for threads in (1, 2))
    for name in one["weights"]:
        a, b = (tree[f"weights/{name}"]["w"].values for tree in (one, two))
        assert a.tobytes() == b.tobytes(), name
    for name in one["spikes"]:
        for column in ("t", "neuron", "trial_offset"):
            a, b = (tree[f"spikes/{name}"][column].values for tree in (one, two))
            np.testing.assert_array_equal(a, b)


def test_seed_changes_everything(tegmentum):
    for seed in (0, 1):
        tegmentum("train", *SMALL, "--epochs", 1, "--seed", seed, "--out", f"{seed}.zarr")
    a, b = (xr.open_datatree(f"{k}.zarr", engine="zarr")["weights/input-hidden1"]["w"].values for k in (0, 1))
    assert not np.any(np.all(a == b, axis=1))


def test_without_out_the_next_free_name(tegmentum):
    stores = [tegmentum("train", *SMALL, "--epochs", 1, "--json").document["store"] for _ in range(2)]
    assert stores == ["run.zarr", "run-2.zarr"]


# ------------------------------------------------------------------------------------------ the main job: dopamine


ONLINE = ("--hidden", 60, "--epochs", 2, "--limit-train", 300, "--limit-test", 80)


def test_the_main_job_learns_digits_by_dopamine(tegmentum):
    done = tegmentum("train", "--hidden", 400, "--epochs", 4, "--record", 0, "--json")
    result = done.document
    assert set(result) >= KEYS | {"ablation", "events_per_sample", "spikes_per_sample"}
    assert (result["rule"], result["ablation"], result["layers"]) == ("dopamine-stdp", "none", [64, 400, 40])
    assert result["test_accuracy"] > 0.93
    assert result["synaptic_events"] == pytest.approx(4 * 1438 * result["events_per_sample"], rel=0.2)
    assert 0 < result["spikes_per_sample"]["hidden"] < 400 * 50
    announced = float(re.search(r"about (\S+) synaptic events an epoch", done.err).group(1))
    assert announced == pytest.approx(result["synaptic_events"] / 4, rel=0.5)


def test_store_of_the_main_job_opens_in_xarray(tegmentum):
    result = tegmentum("train", *ONLINE, "--record", 5, "--out", "run.zarr", "--json").document
    tree = xr.open_datatree("run.zarr", engine="zarr")
    assert list(tree["test_accuracy"].values) == result["test_accuracy_by_epoch"]
    assert tree.attrs["config"]["parameters"]["n_hidden"] == 60
    for name, n in {"pixels-hidden": 64 * 60, "hidden-output": 60 * 40}.items():
        w = tree[f"weights/{name}"]["w"]
        assert w.shape == (3, n)
        assert float(w.min()) >= 0.0  # Dale's law
        assert bool((w[0] != w[-1]).any())
    assert tree["homeostasis"]["threshold"].shape == (3, 60)
    for name in ("dopamine-hidden", "dopamine-output"):
        level = tree[f"modulators/{name}"]["level"]
        assert level.shape == (2, 2, 10)
        assert (
            0
            < float(level.sel(channel="mean level").min())
            < float(level.sel(channel="mean level").max())
            < 1
        )
    for name in ("pixels", "hidden", "output"):
        spikes = tree[f"spikes/{name}"]
        assert spikes["trial_offset"].shape == (6,)
        assert 0 <= int(spikes["t"].min()) <= int(spikes["t"].max()) < 50
    assert list(tree["trials"]["label"].values) == list(tree["spikes/hidden"]["label"].values)
    _check_recorded_trials(tree)
    confusion = tree["learning"]["confusion"]
    assert sum(int(confusion[-1, k, k]) for k in range(10)) / 80 == result["test_accuracy"]


def _check_recorded_trials(tree: xr.DataTree) -> None:
    """Of each trial the bright pixels fire once, the brightest first, and no class has more spikes than the answer."""
    from tegmentum.datasets import load

    data, p = load("digits"), tree.attrs["config"]["parameters"]
    for k in range(5):
        trains = {name: tree[f"spikes/{name}"] for name in ("pixels", "output")}
        cuts = {name: slice(*s["trial_offset"].values[k : k + 2]) for name, s in trains.items()}
        fired, t = (trains["pixels"][column].values[cuts["pixels"]] for column in ("neuron", "t"))
        assert sorted(fired) == list(np.flatnonzero(data.x_test[k] > p["least"] * data.x_max))
        assert np.all(np.diff(data.x_test[k][fired[np.argsort(t, kind="stable")]].astype(int)) <= 0)
        neuron = trains["output"]["neuron"].values[cuts["output"]]
        votes = np.bincount(neuron // p["per_class"], minlength=10)
        assert votes[int(tree["trials"]["prediction"][k])] == votes.max() > 0


COLUMNS = ("--rule", "dopamine-columns", "--epochs", 2, "--limit-train", 300, "--limit-test", 80)


def test_convolution_learns_digits_and_its_store_opens_in_xarray(tegmentum):
    done = tegmentum("train", *COLUMNS, "--record", 5, "--out", "run.zarr", "--json")
    assert done.code == 0
    result = done.document
    assert set(result) >= KEYS
    assert (result["layers"], result["test_accuracy"] > 0.8) == ([64, 1152, 10], True)
    assert "128 fields of 4 x 4 pixels, 3 x 3 pools, 10 ticks; 11,520 plastic synapses" in done.err
    tree = xr.open_datatree("run.zarr", engine="zarr")
    sizes = {"pools-classes": 11520, "pools-classes-bias": 10, "patch-fields": 16 * 128}
    for name, n_synapses in sizes.items():
        weights = tree[f"weights/{name}"]["w"]
        assert weights.shape == (3, n_synapses)
        assert bool((weights[0] != weights[1]).any())
    fields = tree["weights/patch-fields"]["w"]
    assert bool((fields[1] == fields[2]).all())  # imprinted in the critical period and then kept
    level = tree["modulators/dopamine"]["level"]
    assert level.shape == (2, 2, 10)
    assert np.allclose(level[:, 0], 0.5, atol=0.05)
    assert tree["trials"]["label"].sizes["trial"] == 5
    confusion = tree["learning"]["confusion"]
    assert (confusion.sum(("label", "prediction")) == 80).all()
    assert np.trace(confusion[-1]) / 80 == result["test_accuracy"]


@pytest.mark.parametrize("rule", ["dopamine-columns-random", "dopamine-pixels"])
def test_controls_of_convolution(tegmentum, rule):
    done = tegmentum("train", *COLUMNS, "--rule", rule, "--out", "run.zarr", "--json")
    assert done.code == 0
    assert done.document["test_accuracy"] > 0.7
    names = set(xr.open_datatree("run.zarr", engine="zarr")["weights"].children)
    assert ("patch-fields" in names) == (rule == "dopamine-columns-random")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--shift 0.5", ["--shift", "whole pixels, 0 or 1", "0.5"]),
        ("--rule dopamine-pixels --ticks 5", ["--ticks", "dopamine-pixels has none", "5"]),
        ("--lr 0.1", ["--lr", "naca-mix and frozen", "dopamine-columns"]),
        ("--limit-train 1", ["n_features must be <= the", "1 samples of the critical period"]),
    ],
)
def test_what_columns_cannot_do_is_refused(tegmentum, arguments, words):
    done = tegmentum("train", *COLUMNS, *arguments.split(), "--out", "run.zarr")
    assert done.code == 3
    for word in words:
        assert word in done.err


def test_pictures_of_the_main_job(tegmentum, tmp_path):
    pytest.importorskip("matplotlib")
    tegmentum("train", *ONLINE, "--record", 2, "--out", "run.zarr")
    for kind in ("raster", "weights", "accuracy", "trajectories", "distribution", "levels"):
        done = tegmentum("plot", "run.zarr", kind, "-o", f"{kind}.png")
        assert done.code == 0, done.err
        assert (tmp_path / f"{kind}.png").read_bytes().startswith(b"\x89PNG")


def test_help_names_every_ablation(tegmentum):
    from tegmentum.plasticity import ABLATIONS

    text = tegmentum("train", "--help").out
    assert [name for name in ABLATIONS if name != "none" and name not in text] == []


def test_threads_change_nothing_of_the_main_job(tegmentum):
    for threads in (1, 2):
        tegmentum("train", *ONLINE, "--threads", threads, "--out", f"{threads}.zarr")
    one, two = (xr.open_datatree(f"{threads}.zarr", engine="zarr") for threads in (1, 2))
    for name in one["weights"]:
        assert one[f"weights/{name}"]["w"].values.tobytes() == two[f"weights/{name}"]["w"].values.tobytes()
    assert np.array_equal(one["spikes/hidden"]["neuron"], two["spikes/hidden"]["neuron"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "ablation", ["frozen", "global", "shuffled", "no-timing", "label", "d1-only", "random-table"]
)
def test_ablations(tegmentum, ablation):
    done = tegmentum("train", *ONLINE, "--ablation", ablation, "--record", 0, "--out", "run.zarr", "--json")
    assert done.code == 0, done.err
    assert done.document["ablation"] == ablation
    first = xr.open_datatree("run.zarr", engine="zarr")["weights/pixels-hidden"]["w"]
    assert bool((first[0] != first[-1]).any()) == (ablation != "frozen")


# ------------------------------------------------------------------------------------------- what it refuses


def test_existing_store_is_not_touched(tegmentum, tmp_path):
    run = ("train", *SMALL, "--epochs", 1, "--out", "run.zarr")
    assert tegmentum(*run).code == 0
    before = tree_of(tmp_path)
    done = tegmentum(*run, "--dataset", "mnist", "--data-dir", "nowhere")
    assert done.code == 4
    assert "run.zarr" in done.err
    assert "--force" in done.err
    assert tree_of(tmp_path) == before

    done = tegmentum(*run, "--seed", 9, "--force", "--json")
    assert done.code == 0
    assert read_manifest(tmp_path / "run.zarr")["seed"] == 9


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_what_is_no_store_is_never_deleted(tegmentum, tmp_path, force):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("years of work")
    before = tree_of(tmp_path)
    done = tegmentum("train", *SMALL, "--out", "thesis", *force)
    assert done.code == 4
    assert "thesis" in done.err
    assert tree_of(tmp_path) == before


REFUSED = [  # arguments, exit code, words of the message
    ("--dataset digts", 3, ["digts", "did you mean 'digits'"]),
    ("--rule nacca", 3, ["--rule", "nacca", "did you mean 'naca'"]),
    ("--optimiser adan", 3, ["--optimiser", "adan", "did you mean 'adam'"]),
    ("--hidden 0", 3, ["--hidden", "'0'"]),
    ("--hidden abc", 3, ["--hidden", "'abc'"]),
    ("--hidden 100,,50", 3, ["--hidden", "'100,,50'"]),
    ("--hidden 1000000000", 3, ["1000000000"]),
    ("--lr 0", 3, ["lr must be > 0", "0.0"]),
    ("--lr -1", 3, ["lr must be > 0", "-1.0"]),
    ("--lr nan", 3, ["lr must be", "nan"]),
    ("--lr inf", 3, ["lr must be", "inf"]),
    ("--hidden-gain 0", 3, ["hidden_gain", "0"]),
    ("--hidden-gain inf", 3, ["hidden_gain", "inf"]),
    ("--rate-scale -1", 3, ["rate_scale", "-1"]),
    ("--ablation frozen", 3, ["--ablation", "dopamine-stdp", "naca"]),
    ("--shift 0.5", 3, ["--shift", "dopamine-stdp", "naca"]),
    ("--rule naca-ann --shortcuts", 3, ["--shortcuts", "naca, naca-error, naca-mix and frozen", "naca-ann"]),
    ("--rule naca --kappa 0.5", 3, ["--kappa", "naca-mix", "--rule naca"]),
    ("--rule naca-mix --kappa 2", 3, ["kappa", "<= 1", "2"]),
    (
        "--rule naca-ann --ticks 5",
        3,
        ["--ticks", "dopamine-stdp, naca, naca-error, naca-mix, frozen, dopamine-columns", "naca-ann"],
    ),
    *(
        (
            f"--rule dopamine-stdp {option}",
            3,
            [option.split()[0], "naca, naca-ann, naca-error, naca-mix and frozen", "dopamine-stdp"],
        )
        for option in ("--batch 3", "--optimiser sgd", "--lr 0.1", "--hidden-gain 2", "--rate-scale 0.5")
    ),
    ("--rule dopamine-stdp --ablation frosen", 3, ["--ablation", "frosen", "did you mean 'frozen'"]),
    ("--rule dopamine-stdp --shift 2", 3, ["shift", "[0, 1]", "2"]),
    (f"--rule dopamine-stdp --seed {2**64}", 3, ["seed", str(2**64)]),
    ("--rule dopamine-stdp --hidden 100,50", 3, ["--hidden", "one hidden layer", "100,50"]),
    ("--rule dopamine-stdp --hidden 1000000000", 3, ["--hidden", "GB"]),
    ("--rule dopamine-stdp --ticks 20", 3, ["ticks", "27", "20"]),
    ("--rule dopamine-columns", 3, ["--hidden", "naca-mix and frozen", "dopamine-columns"]),
    ("--batch 641", 3, ["batch", "640 training samples", "641"]),
    ("--batch 0", 2, ["--batch"]),
    ("--epochs 0", 2, ["--epochs"]),
    ("--seed -1", 2, ["--seed"]),
    (f"--seed {2**64}", 3, ["seed", str(2**64)]),
    ("--limit-train 1439", 3, ["1 to 1438", "1439"]),
    ("--limit-test 360", 3, ["1 to 359", "360"]),
    ("--limit-train 0", 2, ["--limit-train"]),
    ("--dataset mnist --data-dir nowhere", 3, ["nowhere", "tegmentum datasets get mnist"]),
]


@pytest.mark.parametrize(("arguments", "code", "words"), REFUSED, ids=[case[0] for case in REFUSED])
def test_bad_input_is_refused_and_nothing_written(tegmentum, tmp_path, arguments, code, words):
    done = tegmentum("train", *SMALL, *arguments.split())
    assert done.code == code
    assert done.out == ""
    for word in words:
        assert word in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "bad", [("--batch", 641), ("--rule", "dopamine-stdp", "--seed", 2**64)], ids=["batch", "seed"]
)
def test_bad_input_leaves_the_store_that_force_would_replace(tegmentum, tmp_path, bad):
    assert tegmentum("train", *SMALL, "--epochs", 1, "--out", "run.zarr").code == 0
    before = tree_of(tmp_path)
    assert tegmentum("train", *SMALL, *bad, "--out", "run.zarr", "--force").code == 3
    assert tree_of(tmp_path) == before


def test_shift_is_for_square_images():
    from dataclasses import replace

    from tegmentum.cli.train_online import OnlineConfig, OnlineTraining, parameters_of
    from tegmentum.datasets import load

    data = load("digits")
    half = {part: np.ascontiguousarray(getattr(data, part)[:, :32]) for part in ("x_train", "x_test")}
    data = replace(data, shape=(4, 8), **half)
    p = parameters_of("digits", (20,), None, "none", 1, 0.5)
    config = OnlineConfig(
        dataset="digits", rule="dopamine-stdp", ablation="none", hidden=(20,), epochs=1, ticks=50, parameters=p,
        seed=0, threads=1, n_train=1438, n_test=359, record=0,
    )  # fmt: skip
    with pytest.raises(DescriptionError, match="--shift: is for square images, digits has 32 inputs"):
        OnlineTraining(config, data)


@pytest.mark.parametrize("damage", ["truncated", "corrupt", "empty", "other content"])
def test_damaged_data_is_an_error_and_nothing_written(tegmentum, tmp_path, damage):
    from tegmentum import datasets

    folder = tmp_path / "data"
    folder.mkdir()
    header = b"\0\0\x08\x03" + np.array([60_000, 28, 28], ">i4").tobytes()
    packed = gzip.compress(header + bytes(range(256)) * 100)
    content = {
        "truncated": packed[: len(packed) // 2],
        "corrupt": packed[:40] + bytes(b ^ 0xFF for b in packed[40:60]) + packed[60:],
        "empty": b"",
        "other content": packed,
    }[damage]
    for file in datasets.info("mnist").files:
        (folder / file.name).write_bytes(content)
    done = tegmentum("train", "--dataset", "mnist", "--data-dir", folder, "--out", "run.zarr")
    assert done.code == 3
    assert str(folder) in done.err
    assert "fetch it again" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("parent", ["missing", "file"])
def test_out_that_cannot_be_written(tegmentum, tmp_path, parent):
    (tmp_path / "file").touch()
    done = tegmentum("train", *SMALL, "--out", f"{parent}/run.zarr")
    assert done.code == 4
    assert f"{parent}/run.zarr" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# --------------------------------------------------------------------------------------------- how it stops


FIRST = {"naca": "input-hidden1", "dopamine-stdp": "pixels-hidden"}


@pytest.mark.parametrize("rule", list(FIRST))
def test_every_commit_holds_whole_epochs(tegmentum, tmp_path, monkeypatch, rule):
    """Also where every append is due to be committed."""
    from tegmentum.simcore.record.store import RunStore
    from tegmentum.simcore.record.tree import Tree

    seen = []

    def commit(*arguments):
        committed(*arguments)
        with xr.open_datatree(tmp_path / "run.zarr", engine="zarr") as tree:
            snapshots = tree[f"weights/{FIRST[rule]}"].sizes["snapshot"] if "weights" in tree else 0
            seen.append((tree.sizes.get("epoch", 0), snapshots))

    committed = Tree.commit
    monkeypatch.setattr(Tree, "commit", commit)
    monkeypatch.setattr(RunStore, "create", functools.partial(RunStore.create, commit_every=0.0))
    arguments = (*SMALL, "--rule", rule, "--record", 0, "--threads", 2, "--out", "run.zarr")
    assert tegmentum("train", *arguments).code == 0
    assert seen[-1] == (2, 3)
    assert {(epochs, snapshots) for epochs, snapshots in seen if epochs or snapshots} == {
        (0, 1),
        (1, 2),
        (2, 3),
    }


STOPS = [("SIGINT", "naca"), ("SIGINT", "dopamine-stdp"), ("SIGTERM", "naca"), ("SIGKILL", "dopamine-stdp")]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize(("number", "rule"), STOPS)
def test_interrupted_run_keeps_its_epochs(tmp_path, number, rule):
    path = tmp_path / "run.zarr"
    command = [sys.executable, "-P", "-m", "tegmentum.cli.main", "train", "--rule", rule, "--hidden", "100"]
    command += ["--epochs", "100000", "--record", "0", "--threads", "2", "--out", str(path)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # where tests run in the background, SIGINT is ignored, and so it would be in the child
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        child = subprocess.Popen(command, **pipes, cwd=tmp_path, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    finally:
        signal.signal(signal.SIGINT, before)
    with child:
        try:
            _wait_for_an_epoch(path, child)
            child.send_signal(signal.Signals[number])
            out, err = child.communicate(timeout=60)
        finally:
            child.kill()
    killed = number == "SIGKILL"
    assert child.returncode == (-signal.SIGKILL if killed else 75), err
    assert killed or "go on with: tegmentum resume" in err
    assert out == ""
    assert "Traceback" not in err
    root = xr.open_zarr(path)
    n_epochs = root.sizes["epoch"]
    assert n_epochs >= 1
    assert root.attrs["status"] == ("running" if killed else "interrupted")
    assert list(root["epoch"].values) == list(range(1, n_epochs + 1))
    assert np.isfinite(root["test_accuracy"].values).all()
    weights = xr.open_datatree(path, engine="zarr")[f"weights/{FIRST[rule]}"]
    assert weights["w"].sizes["snapshot"] == n_epochs + 1


def _wait_for_an_epoch(path: Path, child: subprocess.Popen[str]) -> None:
    """Wait until a reader sees the first epoch; the child may have to compile, on a machine with much else to do."""
    until = time.monotonic() + 400
    while time.monotonic() < until:
        assert child.poll() is None, child.communicate()[1]
        try:
            if xr.open_zarr(path).sizes.get("epoch", 0) > 0:
                return
        except (OSError, ValueError, KeyError):  # not there yet, or without consolidated metadata
            pass
        time.sleep(0.1)
    raise AssertionError("no epoch within 400 s")
