"""The page of a run: its numbers are the store's, its size is bounded, and nothing of the store becomes HTML."""

from __future__ import annotations

import numpy as np
import pytest
from reports import HOSTILE, Page, R, continual_store, run_store, train_store, unpacked
from test_store_schema import old_store

from tegmentum.cli.report import page as page_module
from tegmentum.cli.report.budget import DOTS, MOST
from tegmentum.cli.report.manifest import command
from tegmentum.simcore.installed import install_line
from tegmentum.simcore.record.store import RunStore

pytest.importorskip("plotly")
LIBRARY = page_module.library_file().stat().st_size


@pytest.fixture
def made(tegmentum, tmp_path):
    """Make the page of a store and take it apart."""

    def make(store, *options):
        file = tmp_path / f"{store.stem}.html"
        done = tegmentum("report", store, "-o", file, *options)
        assert done.code == 0, done.err
        assert done.out.startswith(str(file))
        return Page(file)

    return make


def test_a_run_has_every_figure_and_its_numbers(made, tmp_path):
    page = made(run_store(tmp_path / "run.zarr"))
    assert list(page.figures) == [
        "Spikes of exc, inh", "Rates of populations", "Rates of neurons", "Regularity of spikes",
        "Weights of exc-inh", "Weights of exc-inh over time", "Matrix of the weights of exc-inh",
        "Eligibilities of exc-inh",
        "Eligibilities of exc-inh over time", "Level of dopamine", "v of exc_v",
    ]  # fmt: skip
    exc, inh = page.figures["Spikes of exc, inh"]["data"]
    np.testing.assert_allclose(unpacked(exc["x"]), np.arange(1, 201) * 0.5)
    np.testing.assert_array_equal(unpacked(inh["y"]), np.arange(200) * 7 % 10)
    rate, _ = page.figures["Rates of populations"]["data"]
    np.testing.assert_allclose(unpacked(rate["y"]).mean(), 200 / 0.1 / 40)
    assert page.figures["Rates of neurons"]["data"][1]["name"] == "inh"
    share = unpacked(page.figures["Rates of neurons"]["data"][1]["y"])
    assert share.sum() == pytest.approx(100)
    assert page.rows[1][:6] == ["exc", "40", "200", "50", "0", "1"]
    cvs = unpacked(page.figures["Regularity of spikes"]["data"][0]["y"])
    assert cvs.sum() == 40
    before, after = page.figures["Weights of exc-inh"]["data"]
    assert unpacked(before["y"]).sum() == unpacked(after["y"]).sum() == 50
    course = {line["name"]: line for line in page.figures["Weights of exc-inh over time"]["data"]}
    np.testing.assert_allclose(unpacked(course["mean"]["y"]), 2.45 + np.arange(4), rtol=1e-6)
    np.testing.assert_allclose(unpacked(course["mean"]["x"]), [0, 25, 50, 75])
    levels = page.figures["Level of dopamine"]["data"]
    np.testing.assert_allclose(unpacked(levels[2]["y"]), 2 + 0.1 * np.arange(20), rtol=1e-6)
    trace = page.figures["v of exc_v"]["data"][1]
    assert trace["name"] == "neuron 7"
    np.testing.assert_array_equal(unpacked(trace["y"]), np.arange(1, 400, 2))


def test_trials_are_laid_one_after_another(made, tmp_path):
    page = made(run_store(tmp_path / "run.zarr", n_trials=3))
    exc = unpacked(page.figures["Spikes of exc, inh"]["data"][0]["x"])
    np.testing.assert_allclose(exc, np.arange(1, 601) * 0.5)
    rate = unpacked(page.figures["Rates of populations"]["data"][0]["y"])
    np.testing.assert_allclose(rate.mean(), 200 / 0.1 / 40)
    assert "averaged over 3 trials" in page.text


def test_a_training_has_its_accuracies(made, tmp_path):
    page = made(train_store(tmp_path / "train.zarr"))
    while_learning, test = page.figures["Learning curve"]["data"]
    np.testing.assert_allclose(unpacked(test["y"]), [50, 62.5, 81.25])
    np.testing.assert_allclose(unpacked(while_learning["y"]), [60, 72.5, 91.25])
    assert ["3", "91.25", "81.25"] in page.rows
    (matrix,) = page.figures["Confusion matrix"]["data"]
    assert matrix["text"] == [[5, 1, 0], [0, 4, 1], [1, 0, 4]]
    assert "13 of 16, 81.25 %, are right" in page.text
    raster = page.figures["Spikes of out"]
    np.testing.assert_allclose(unpacked(raster["data"][0]["x"]), [0, 3, 9, 10, 13, 19])
    assert [note["text"] for note in raster["layout"]["annotations"]] == ["2", "<b>0→1</b>", "<i>out</i>"]
    np.testing.assert_array_equal(unpacked(page.figures["Level of out: dopamine"]["data"][0]["z"]),
                                  np.arange(36).reshape(3, 12).T)  # fmt: skip


@pytest.mark.parametrize("n_done", [1, 3])
def test_continual_learning_has_its_matrix(made, tmp_path, n_done):
    page = made(continual_store(tmp_path / "continual.zarr", n_done))
    (matrix,) = page.figures["Accuracy matrix"]["data"]
    np.testing.assert_array_equal(unpacked(matrix["z"]), 100 * np.array(R[:n_done]))
    assert page.figures["Accuracy matrix"]["layout"]["xaxis"]["ticktext"] == ["5,4", "3,2", "1,0"]
    seen, lost = page.figures["Accuracy task by task"]["data"]
    np.testing.assert_allclose(unpacked(seen["y"]), [100, 62.5, 175 / 3][:n_done], rtol=1e-6)
    np.testing.assert_allclose(unpacked(lost["y"]), [0, 25, 37.5][:n_done], rtol=1e-6)
    np.testing.assert_allclose(
        unpacked(page.figures["Weights left alone"]["data"][0]["y"]), [100, 75, 50][:n_done]
    )
    assert [str(n_done), f"{[100, 62.5, 175 / 3][n_done - 1]:.2f}"] in page.rows


def test_many_spikes_become_an_image_that_holds_them_all(made, tmp_path):
    n, path = 3_000_000, tmp_path / "run.zarr"
    with RunStore.create(path, {}) as store:
        for name, size in (("many", 1000), ("few", 5)):
            spikes = store.spikes(name, size, 0.1)
            spikes.append(
                np.arange(n if name == "many" else 50) // 100 + 1,
                np.arange(n if name == "many" else 50) % size,
            )
            spikes.end_trial(n // 100)
    page = made(path)
    many, few = sorted(page.figures["Spikes of few, many"]["data"], key=lambda trace: trace["type"])
    rate = unpacked(many["z"])
    in_row = np.minimum(many["dy"], 1000 - many["dy"] * np.arange(len(rate)))
    assert (rate * in_row[:, None]).sum() * many["dx"] * 1e-3 == pytest.approx(n, rel=0.01)
    assert many["meta"]["spikes"] == n > DOTS
    assert len(unpacked(few["x"])) == 50
    assert (tmp_path / "run.html").stat().st_size - LIBRARY < 1_000_000


def test_many_groups_are_told_and_take_bounded_room(made, tmp_path):
    path = tmp_path / "run.zarr"
    with RunStore.create(path, {}) as store:
        for k in range(MOST + 6):
            spikes = store.spikes(f"p{k:02}", 200, 0.1)
            spikes.append(np.arange(5000) // 5 + 1, np.arange(5000) % 200)
            spikes.end_trial(1000)
            levels = store.levels(f"m{k:02}", 200, 0.1)
            levels.append(0, np.zeros(200))
    page = made(path)
    assert f"The first {MOST} of {MOST + 6} populations are drawn here" in page.text
    drawn = [
        trace
        for name, figure in page.figures.items()
        if name.startswith("Spikes")
        for trace in figure["data"]
    ]
    assert len(drawn) == MOST
    assert len([name for name in page.figures if name.startswith("Level")]) == MOST
    assert [row for row in page.rows if row[0] == f"p{MOST + 5:02}"]
    assert (tmp_path / "run.html").stat().st_size - LIBRARY < 5_000_000


def test_many_long_traces_take_bounded_room(made, tmp_path):
    path = tmp_path / "run.zarr"
    with RunStore.create(path, {}) as store:
        for k in range(MOST + 4):
            trace = store.trace(f"t{k:02}", {"v": "mV"}, np.arange(8), 0.1)
            trace.append(np.arange(4000), v=np.zeros((4000, 8)))
    page = made(path)
    assert len(page.figures) == MOST
    assert f"The first {MOST} of {MOST + 4} traces are drawn here" in page.text
    assert (tmp_path / "run.html").stat().st_size - LIBRARY < 3_000_000


def test_long_samples_keep_every_peak(made, tmp_path):
    path = tmp_path / "run.zarr"
    values = np.zeros((50_000, 1), np.float32)
    values[[17, 33_333], 0] = 1.0, -2.0
    with RunStore.create(path, {}) as store:
        store.trace("v", {"v": "mV"}, [0], 0.1).append(np.arange(50_000), v=values)
    (trace,) = made(path).figures["v of v"]["data"]
    y = unpacked(trace["y"])
    assert len(y) <= 4000
    assert (y.max(), y.min(), np.count_nonzero(y)) == (1, -2, 2)
    assert trace["x0"] + trace["dx"] * np.argmin(y) == pytest.approx(3333.3, abs=2.5)


def test_nothing_of_the_store_becomes_html(tegmentum, tmp_path):
    with RunStore.create(tmp_path / "hostile.zarr", {"note": HOSTILE, "dataset": HOSTILE}) as store:
        for name in ("<script>window.hacked=1</script>", "<img src=x onerror=window.hacked=1>"):
            store.spikes(name, 4, 0.1).append([1, 2, 3, 9], [0, 1, 1, 1])
    assert tegmentum("report", "hostile.zarr").code == 0
    page = Page(tmp_path / "hostile.html")
    assert "img" not in [tag for tag, _ in page.attributes]
    scripts = [attributes for tag, attributes in page.attributes if tag == "script"]
    assert len(scripts) == len(page.figures) + 2
    assert "<script>window.hacked=1</script>: all 4 spikes" in page.text
    names = [trace["name"] for figure in page.figures.values() for trace in figure["data"]]
    assert not any("<" in name for name in names)
    assert not any(name.startswith("on") for _, attributes in page.attributes for name in attributes)


def test_the_page_asks_for_nothing(made, tmp_path):
    page = made(run_store(tmp_path / "run.zarr"))
    links = [v for _, attributes in page.attributes for k, v in attributes.items() if k in ("src", "href")]
    assert links
    assert all(link.startswith("#") for link in links)
    ids = {attributes["id"] for _, attributes in page.attributes if "id" in attributes}
    assert {link[1:] for link in links} <= ids
    (policy,) = [a["content"] for _, a in page.attributes if "http-equiv" in a]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy
    assert "http" not in policy


def test_a_running_store_is_shown_as_it_is(made, tmp_path):
    path = tmp_path / "run.zarr"
    with RunStore.create(path, {}) as store:
        spikes = store.spikes("exc", 4, 0.1)
        store.commit()
        empty = made(path)
        spikes.append([1, 2, 3], [0, 1, 2])
        store.commit()
        spikes.append([4], [3])
        page = made(path, "--force")
    assert not empty.figures
    assert "Nothing that could be drawn was recorded" in empty.text
    assert len(unpacked(page.figures["Spikes of exc"]["data"][0]["x"])) == 3
    assert "The run goes on, or was killed" in page.text
    assert "The run goes on" not in made(path, "--force").text


def test_numbers_that_are_not_finite_are_told(made, tmp_path):
    path = tmp_path / "run.zarr"
    with RunStore.create(path, {}) as store:
        for name, after in (("some", [0.5, np.nan, np.inf]), ("none", [np.nan] * 3)):
            weights = store.weights(name, [0, 1, 2], [0, 1, 2])
            weights.snapshot(0, [0.0, 0.5, 1.0])
            weights.snapshot(1, after)
            weights.snapshot(2, after)
        columns = {"train_accuracy": ("float64", ""), "test_accuracy": ("float64", "")}
        table = store.table("", dim="epoch", columns=columns)
        table.append(epoch=1, train_accuracy=0.5, test_accuracy=0.25)
        table.append(epoch=2, train_accuracy=0.75)
    page = made(path)
    before, after = page.figures["Weights of some"]["data"]
    assert (unpacked(before["y"]).sum(), unpacked(after["y"]).sum()) == (3, 1)
    assert "mean 0.5, standard deviation 0 at snapshot 2, 2 not finite" in page.text
    assert "3 not finite" in page.text
    mean = page.figures["Weights of none over time"]["data"][-1]
    np.testing.assert_array_equal(unpacked(mean["y"]), np.float32([0.5, np.nan, np.nan]))
    assert "at the end 75.00 % while learning, 25.00 % test" in page.text


@pytest.mark.filterwarnings("ignore::UserWarning")  # zarr's, of how the store is made
def test_stores_of_schema_1_have_a_page(made, tmp_path):
    old_store(tmp_path / "old.zarr")
    page = made(tmp_path / "old.zarr")
    (trace,) = [figure for name, figure in page.figures.items() if name.endswith("of v")]
    assert (trace["data"][0]["x0"], trace["data"][0]["dx"]) == pytest.approx((0.1, 0.1))


def test_a_damaged_store_is_told_and_leaves_no_page(tegmentum, tmp_path):
    path = run_store(tmp_path / "run.zarr")
    (chunk, *_) = (path / "weights/exc-inh/w").glob("c*")
    chunk.write_bytes(b"no chunk")
    done = tegmentum("report", "run.zarr")
    assert done.code == 4
    assert "damaged" in done.err
    assert [file.name for file in tmp_path.iterdir()] == ["run.zarr"]


def test_a_failed_run_says_so(made, tmp_path):
    with pytest.raises(ValueError, match="boom"), RunStore.create(tmp_path / "run.zarr", {}):
        raise ValueError("boom")
    assert "did not end as planned (failed: ValueError: boom)" in made(tmp_path / "run.zarr").text


def test_what_cannot_be_written_is_told_before_any_work(tegmentum, tmp_path, monkeypatch):
    run_store(tmp_path / "run.zarr")
    (tmp_path / "there.html").write_text("mine")
    for output, words in (("there.html", "exists; overwrite it with --force"), ("no/page.html", "there is no folder"),
                          ("page.pdf", "must end in .html")):  # fmt: skip
        done = tegmentum("report", "run.zarr", "-o", output)
        assert done.code == 2
        assert words in " ".join(done.err.replace("│", " ").split())
    assert (tmp_path / "there.html").read_text() == "mine"
    assert tegmentum("report", "run.zarr", "-o", "there.html", "--force").code == 0
    assert "mine" not in (tmp_path / "there.html").read_text()[:10]
    assert tegmentum("report", "none.zarr").code == 4
    assert sorted(file.name for file in tmp_path.iterdir()) == ["run.zarr", "there.html"]


def test_without_plotly_the_line_to_type_is_told(tegmentum, tmp_path, monkeypatch):
    run_store(tmp_path / "run.zarr")
    monkeypatch.setattr(page_module, "library_file", lambda: None)
    done = tegmentum("report", "run.zarr")
    assert (done.code, done.out) == (1, "")
    assert f"reports need plotly: {install_line('report')}" in done.err


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["/venv/bin/tegmentum", "run", "a file.toml", "--set", "x=1"], "tegmentum run 'a file.toml' --set x=1"),
        (["C:\\venv\\Scripts\\tegmentum.exe", "train"], "tegmentum train"),
        (["/checkout/cli/main.py", "train"], "tegmentum train"),
        (["examples/maze.py", "--seed", "2"], "python examples/maze.py --seed 2"),
        (["-c"], ""),
        ([""], ""),
        ([], ""),
    ],
)  # fmt: skip
def test_the_command_is_what_was_typed(argv, line):
    assert command(argv) == line


def test_the_manifest_and_the_networks_file_are_on_the_page(made, tmp_path):
    document = {"text": "[simulation]\nduration = 1 # <ms>\n", "file": "net.toml", "overrides": []}
    with RunStore.create(tmp_path / "run.zarr", {"seed": 9, "document": document}):
        pass
    page = made(tmp_path / "run.zarr")
    assert ["seed", "9"] in page.rows
    assert ["status", "complete"] in page.rows
    assert [row for row in page.rows if row[0] == "version of numba" and row[1] != "-"]
    assert document["text"] in page.text
    assert "net.toml, as it was" in page.text
