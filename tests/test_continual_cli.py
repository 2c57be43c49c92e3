"""``tegmentum continual``: what it prints and writes, that a leak is never hidden, and what it refuses."""

import numpy as np
import pytest
import xarray as xr

from tegmentum.simcore.record.manifest import read_manifest

DIGITS = ("continual", "--dataset", "digits", "--limit-train", 30)
LEAK = "task identity leaks at test"
KEYS = {
    *("dataset", "rule", "protocol", "seed", "class_order", "accuracy_matrix", "final_accuracy"),
    *("average_forgetting", "backward_transfer", "samples_seen", "synaptic_events", "weight_updates"),
    *("wall_s", "leak", "store"),
}


def test_json_of_an_honest_run(tegmentum, tmp_path):
    done = tegmentum(*DIGITS, "--rule", "slda", "--seed", 3, "--out", "run.zarr", "--json")
    assert done.code == 0
    assert done.out.count("\n") == 1
    result = done.document
    assert set(result) >= KEYS
    assert (result["dataset"], result["rule"], result["protocol"], result["seed"]) == (
        "digits",
        "slda",
        "honest",
        3,
    )
    assert result["leak"] is False
    assert LEAK not in done.out + done.err
    assert sorted(result["class_order"]) == list(range(10))
    r = result["accuracy_matrix"]
    assert [[a is None for a in row] for row in r] == [[j > i for j in range(10)] for i in range(10)]
    assert result["final_accuracy"] > 0.8
    lost = [max(r[i][j] for i in range(j, 9)) - r[9][j] for j in range(9)]
    assert result["average_forgetting"] == pytest.approx(np.mean(lost))
    assert result["backward_transfer"] == pytest.approx(np.mean([r[9][j] - r[j][j] for j in range(9)]))
    assert result["samples_seen"] == 300
    assert result["weight_updates"] > 0
    assert done.err.count("task ") == 10
    assert (tmp_path / "run.zarr").is_dir()


def test_published_run_says_that_it_leaks_everywhere(tegmentum, tmp_path):
    done = tegmentum(*DIGITS, "--rule", "naca-ann", "--protocol", "published", "--out", "run.zarr", "--json")
    assert done.code == 0
    result = done.document
    assert result["leak"] is True
    assert result["note"] == LEAK
    assert LEAK in done.err
    assert result["mixed_final_accuracy"] < result["final_accuracy"] - 0.2
    assert len(result["mixed_accuracy_matrix"]) == 10
    root = xr.open_zarr("run.zarr")
    assert root.attrs["note"] == root.attrs["config"]["note"] == LEAK
    assert root.attrs["config"]["leak"] is True
    learning = xr.open_datatree("run.zarr", engine="zarr")["learning"]
    np.testing.assert_array_equal(learning["mixed_accuracy"][-1], result["mixed_accuracy_matrix"][-1])
    for kind in ("matrix", "forgetting", "changes"):
        assert tegmentum("plot", "run.zarr", kind, "-o", f"{kind}.svg").code == 0
        assert f"published protocol: {LEAK}" in (tmp_path / f"{kind}.svg").read_text()

    table = tegmentum(*DIGITS, "--rule", "naca-ann", "--protocol", "published", "--out", "again.zarr")
    assert table.out.count(LEAK) == 2  # above the matrix and in the last line
    assert "mixed batches" in table.out


def test_store_opens_in_xarray(tegmentum):
    done = tegmentum(*DIGITS, "--rule", "sgd", "--classes-per-task", 4, "--validation-fraction", 0.1, "--forward",
                     "--out", "run.zarr", "--json")  # fmt: skip
    result = done.document
    tree = xr.open_datatree("run.zarr", engine="zarr")
    assert tree.attrs["status"] == "complete"
    assert tree.attrs["config"]["class_order"] == result["class_order"]
    learning = tree["learning"]
    assert learning["accuracy"].dims == ("after", "task")
    np.testing.assert_array_equal(learning["accuracy"], result["accuracy_matrix"])
    assert int(learning["samples_seen"].sum()) == result["samples_seen"] == 270
    assert 0 <= float(learning["validation_accuracy"][-1]) <= 1
    assert result["forward_transfer"] is not None
    assert list(tree["tasks"]["class"].values) == result["class_order"]
    assert list(tree["tasks"]["task"].values) == [0] * 4 + [1] * 4 + [2] * 2
    edges = tree["change_edges"]["change"]
    for name, n in (("hidden", 64 * 1000), ("output", 1000 * 10)):
        found = tree[f"changes/{name}"]
        assert found["histogram"].shape == (3, len(edges) - 1)
        np.testing.assert_array_equal(found["histogram"].sum("bin"), [n] * 3)
        assert ((found["unchanged"] >= 0) & (found["unchanged"] < 1)).all()
        assert (found["largest"] > 0).all()


def test_several_seeds(tegmentum, tmp_path):
    done = tegmentum(*DIGITS, "--rule", "ncm", "--seeds", "0,2", "--out", "run.zarr", "--json")
    result = done.document
    assert [run["seed"] for run in result["runs"]] == [0, 2]
    assert [run["store"] for run in result["runs"]] == ["run-seed0.zarr", "run-seed2.zarr"]
    assert result["runs"][0]["class_order"] != result["runs"][1]["class_order"]
    finals = [run["final_accuracy"] for run in result["runs"]]
    assert result["mean"]["final_accuracy"] == pytest.approx(np.mean(finals))
    assert result["sd"]["final_accuracy"] == pytest.approx(np.std(finals, ddof=1))
    assert read_manifest(tmp_path / "run-seed2.zarr")["seed"] == 2

    table = tegmentum(*DIGITS, "--rule", "ncm", "--seeds", "0,2", "--order-seed", 5, "--out", "same.zarr")
    assert "2 seeds" in table.out
    orders = [read_manifest(tmp_path / f"same-seed{k}.zarr")["config"]["class_order"] for k in (0, 2)]
    assert orders[0] == orders[1]


@pytest.mark.slow
def test_threads_change_nothing(tegmentum):
    found = []
    for threads in (1, 2):
        done = tegmentum(*DIGITS, "--rule", "naca", "--classes-per-task", 5,
                         "--threads", threads, "--out", f"{threads}.zarr", "--json")  # fmt: skip
        found.append({k: v for k, v in done.document.items() if k not in ("store", "wall_s", "learn_s")})
    assert found[0] == found[1]


def test_rule_with_a_choice_reports_it(tegmentum):
    done = tegmentum(*DIGITS, "--rule", "ewc", "--classes-per-task", 5, "--out", "run.zarr", "--json")
    assert len(done.document["validation_scores"]) == 4
    assert "chosen on validation" in done.err
    assert xr.open_datatree("run.zarr", engine="zarr")["validation"]["accuracy"].shape == (4,)


REFUSED = [  # arguments, exit code, words of the message
    ("--rule nacca", 3, ["--rule", "nacca", "did you mean 'naca'"]),
    ("--rule slda --protocol published", 3, ["slda", "no published protocol"]),
    ("--protocol fair", 3, ["--protocol", "honest, published", "fair"]),
    ("--seeds 0,x", 3, ["--seeds", "0,x"]),
    ("--seeds 1,1", 3, ["--seeds", "1,1"]),
    ("--classes-per-task 11", 3, ["classes_per_task", "1 to 10", "11"]),
    ("--classes-per-task 0", 2, ["--classes-per-task"]),
    ("--validation-fraction 0.95", 2, ["--validation-fraction"]),
    ("--dataset digts", 3, ["digts", "did you mean 'digits'"]),
    ("--dataset mnist --data-dir nowhere", 3, ["nowhere"]),
]


@pytest.mark.parametrize(("arguments", "code", "words"), REFUSED, ids=[case[0] for case in REFUSED])
def test_bad_input_is_refused_and_nothing_written(tegmentum, tmp_path, arguments, code, words):
    done = tegmentum(*DIGITS, *arguments.split())
    assert done.code == code
    assert done.out == ""
    for word in words:
        assert word in done.err
    assert list(tmp_path.iterdir()) == []


def test_existing_store_is_not_touched(tegmentum, tmp_path):
    run = (*DIGITS, "--rule", "ncm", "--out", "run.zarr")
    assert tegmentum(*run).code == 0
    before = read_manifest(tmp_path / "run.zarr")
    assert tegmentum(*run).code == 4
    assert read_manifest(tmp_path / "run.zarr") == before
    assert tegmentum(*run, "--force").code == 0


def test_plots_of_other_runs_are_refused(tegmentum):
    from tegmentum.simcore.record.store import RunStore

    RunStore.create("empty.zarr", {}).close()
    for kind in ("matrix", "forgetting", "changes"):
        done = tegmentum("plot", "empty.zarr", kind)
        assert done.code == 4
        assert "tegmentum continual" in done.err
