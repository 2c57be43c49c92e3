"""Data sets: what is read, and what is said of a file that cannot be."""

import gzip
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tegmentum import datasets
from tegmentum.cli.datasets import app
from tegmentum.datasets import digits, files, fsdd, idx, locate, mnist
from tegmentum.datasets.catalogue import CATALOGUE, MNIST, DataFile
from tegmentum.simcore.errors import DataError, DescriptionError
from tegmentum.simcore.installed import install_line
from tegmentum.simcore.random.philox import STREAM_SHUFFLE, permutation

FIRST_LABELS = {
    "mnist": ([5, 0, 4, 1, 9, 2, 1, 3, 1, 4], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]),
    "fashion-mnist": ([9, 0, 0, 3, 0, 2, 7, 2, 5, 5], [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]),
}
MEAN_TRAINING_PIXEL = {"mnist": 0.1307, "fashion-mnist": 0.2860}  # as often quoted, of 1


def idx_bytes(values):
    values = np.asarray(values, dtype=np.uint8)
    return b"".join(
        [bytes((0, 0, 8, values.ndim)), *(n.to_bytes(4, "big") for n in values.shape), values.tobytes()]
    )


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """No data set anywhere but in the package; the empty cache folder."""
    monkeypatch.delenv("TEGMENTUM_DATA", raising=False)
    monkeypatch.setenv("TEGMENTUM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def tiny(alone):
    """A data set like MNIST, of three training and two test images, and its files by name."""
    contents = {
        "train-images-idx3-ubyte": idx_bytes(np.arange(12).reshape(3, 2, 2)),
        "train-labels-idx1-ubyte": idx_bytes([0, 1, 9]),
        "t10k-images-idx3-ubyte": idx_bytes(np.arange(8).reshape(2, 2, 2)),
        "t10k-labels-idx1-ubyte": idx_bytes([3, 4]),
    }
    entries = []
    for name, content in contents.items():
        packed = gzip.compress(content, mtime=0)
        hashes = hashlib.sha256(packed).hexdigest(), hashlib.sha256(content).hexdigest()
        entries.append(DataFile(f"{name}.gz", len(packed), *hashes))
    return replace(MNIST, name="tiny-mnist", shape=(2, 2), files=tuple(entries)), contents


def write(folder, contents, packed):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(content, mtime=0) if packed else content)


# digits


def test_digits_are_those_of_scikit_learn():
    sklearn = pytest.importorskip(
        "sklearn.datasets", reason="scikit-learn is not installed: nothing to compare with"
    )
    theirs, ours = sklearn.load_digits(), datasets.load("digits")
    test = digits.is_test(theirs.target.astype(np.int64))
    np.testing.assert_array_equal(ours.x_train, theirs.data[~test])
    np.testing.assert_array_equal(ours.x_test, theirs.data[test])
    np.testing.assert_array_equal(ours.y_train, theirs.target[~test])
    np.testing.assert_array_equal(ours.y_test, theirs.target[test])


def test_digits_description():
    found, entry = datasets.load("digits"), datasets.info("digits")
    assert (len(found.y_train), len(found.y_test)) == (entry.n_train, entry.n_test) == (1438, 359)
    assert (found.n_classes, found.n_features, found.shape, found.x_max) == (10, 64, (8, 8), 16)
    assert found.x_train.max() == found.x_test.max() == 16
    assert found.checksums == {"digits.csv": entry.files[0].content_sha256}


def test_digits_split_is_stratified():
    found = datasets.load("digits")
    train, test = np.bincount(found.y_train), np.bincount(found.y_test)
    np.testing.assert_array_equal(test, np.round((train + test) / 5))


def test_digits_split_follows_its_rule():
    y = np.array([1, 0] * 8 + [1] * 4)
    zeros, ones = np.flatnonzero(y == 0), np.flatnonzero(y == 1)
    expected = {
        *zeros[permutation(8, digits.SPLIT_SEED, STREAM_SHUFFLE, entity=0)[:2]],
        *ones[permutation(12, digits.SPLIT_SEED, STREAM_SHUFFLE, entity=1)[:2]],
    }
    assert set(np.flatnonzero(digits.is_test(y))) == expected


def test_digits_split_never_changes():
    """Published accuracies refer to this split."""
    labels = datasets.load("digits").y_test.astype(np.uint8).tobytes()
    assert (
        hashlib.sha256(labels).hexdigest()
        == "ee80c3ca1ec2d50bd133939e24e2563fe57227132cce5b1fd43ac6f726cd8835"
    )


# the catalogue and the container


def test_names_and_unknown_name():
    images = ["digits", "mnist", "fashion-mnist", "letters", "emnist-letters", "symbols", "hasyv2", "cifar10"]
    images += ["fsdd", *(f"fsdd-{name}" for name in fsdd.SPEAKERS)]
    events = ["nmnist", "nmnist-full", "dvs128-gesture", "dvs128-gesture-cut"]
    assert datasets.names() == images + events
    assert [name for name in datasets.names() if datasets.info(name).kind == "events"] == events
    assert datasets.info("fashion_mnist") is datasets.info("Fashion-MNIST")
    with pytest.raises(
        DescriptionError, match=r"'mnits' is unknown; there are digits, mnist.*did you mean 'mnist'"
    ):
        datasets.load("mnits")
    with pytest.raises(DescriptionError, match=r"dvs128-gesture-cut$"):
        datasets.verify("zebra")


def test_catalogue_is_complete():
    published = {file for entry in CATALOGUE.values() for file in (*entry.files, *entry.stand_in)}
    hashes = [value for file in published for value in (file.sha256, file.content_sha256) if value]
    assert all(len(value) == 64 and int(value, 16) for value in hashes)
    assert len(set(hashes)) == len(hashes)
    for file in published:
        assert file.published_hash in (f"sha256:{file.sha256}", f"md5:{file.md5}")
        assert file.sha256 or (len(file.md5) == 32 and int(file.md5, 16))
        assert all(url.startswith("https://") for url in file.urls)
    for entry in CATALOGUE.values():
        assert entry.licence
        assert entry.citation
        assert len(set(entry.class_names)) == entry.n_classes
        assert entry.embedded or entry.downloadable or entry.homepage
        assert all(mirror.endswith("/") for mirror in entry.mirrors)


def test_images_are_no_events():
    with pytest.raises(
        DescriptionError, match=r"'nmnist' holds events, not images; read it with load_events"
    ):
        datasets.load("nmnist")
    with pytest.raises(DescriptionError, match=r"'mnist' holds images, not events; read it with load\(\)"):
        datasets.load_events("mnist")


def test_limited():
    whole = datasets.load("digits")
    part = whole.limited(train=10, test=3)
    np.testing.assert_array_equal(part.x_train, whole.x_train[:10])
    np.testing.assert_array_equal(part.y_test, whole.y_test[:3])
    np.testing.assert_array_equal(whole.limited().x_test, whole.x_test)
    assert len(whole.limited(test=359).y_train) == 1438


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"train": 0}, "train limit must be from 1 to 1438, .* got 0"),
        ({"train": 1439}, "train limit must be from 1 to 1438, .* got 1439"),
        ({"test": 360}, "test limit must be from 1 to 359, .* got 360"),
        ({"test": -1}, "test limit must be .* got -1"),
    ],
)
def test_limited_refuses(limits, message):
    with pytest.raises(DescriptionError, match=message):
        datasets.load("digits").limited(**limits)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x_train": np.zeros((1438, 64))}, "x_train must be a C-contiguous uint8"),
        ({"x_test": np.zeros((359, 63), np.uint8)}, r"shape \(n, 64\), got uint8 \(359, 63\)"),
        (
            {"y_train": np.zeros(3, np.int64)},
            r"y_train must be an int64 array of shape \(1438,\), got int64 \(3,\)",
        ),
        ({"y_test": np.full(359, 10)}, "y_test must be from 0 to 9, got 10 to 10"),
        ({"x_max": 15}, "x_train must not exceed x_max = 15, got 16"),
    ],
)
def test_dataset_refuses(change, message):
    with pytest.raises(DataError, match=message):
        replace(datasets.load("digits"), **change)


def test_import_is_lazy():
    code = "import sys, tegmentum.datasets; print({'PIL', 'pooch', 'sklearn', 'requests'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


# single files


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_round_trip(tmp_path, pack):
    path, values = tmp_path / "images", np.arange(24).reshape(2, 3, 4)
    path.write_bytes(pack(idx_bytes(values)))
    found = idx.images(files.unpack(path), str(path), (3, 4))
    np.testing.assert_array_equal(found, values.reshape(2, 12))
    assert (found.dtype, found.flags.c_contiguous, found.flags.writeable) == (np.uint8, True, True)


GOOD = gzip.compress(idx_bytes(np.arange(256).reshape(1, 16, 16)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file; check the path"),
        (b"", r"empty \(0 bytes\); delete it"),
        (GOOD[:100], "truncated gzip, ends after 100 bytes; delete it"),
        (GOOD[:40] + b"\xff\xff\xff" + GOOD[43:], "corrupt gzip .*; delete it"),
        (GOOD + b"more", "corrupt gzip .*; delete it"),
    ],
)
def test_unpack_refuses(tmp_path, content, message):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=f"train-images-idx3-ubyte.gz: {message}"):
        files.unpack(path)


def test_unpack_refuses_a_folder(tmp_path):
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\)"):
        files.unpack(tmp_path)


IMAGES = idx_bytes(np.zeros((2, 3, 3)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"<html>404</html>",
            "not an IDX file of unsigned bytes, starts with 0x3c68746d instead of 0x00000803",
        ),
        (b"\0\0\x0d\x03" + IMAGES[4:], "not an IDX file of unsigned bytes, starts with 0x00000d03"),
        (b"\0\0\x08", "has no dimensions instead of 3"),
        (idx_bytes([1, 2, 3]), "has 1 dimensions instead of 3; are image and label files swapped"),
        (IMAGES[:10], "truncated in its header, at 10 bytes"),
        (IMAGES[:-4], r"truncated, shape \(2, 3, 3\) needs 4 more bytes than the 30 found"),
        (IMAGES + b"..", "2 trailing bytes after the values of shape"),
        (idx_bytes(np.zeros((2, 4, 3))), r"holds images of shape \(4, 3\) instead of \(3, 3\)"),
    ],
)
def test_images_refuse(content, message):
    with pytest.raises(DataError, match=f"a-file: {message}"):
        idx.images(content, "a-file", (3, 3))


def test_labels_refuse():
    with pytest.raises(
        DataError, match="a-file: label 10 at position 1 is out of range, there are 10 classes"
    ):
        idx.labels(idx_bytes([9, 10, 11]), "a-file", 10)
    with pytest.raises(DataError, match="has 3 dimensions instead of 1"):
        idx.labels(IMAGES, "a-file", 10)


# four files


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("folder", ["tiny-mnist", "tiny_mnist", "."])
@pytest.mark.parametrize("given", ["data_dir", "TEGMENTUM_DATA", "cache"])
def test_four_files_are_found(tiny, alone, tmp_path, monkeypatch, packed, folder, given):
    entry, contents = tiny
    base = alone if given == "cache" else tmp_path / "data"
    write(base / folder, contents, packed)
    if given == "TEGMENTUM_DATA":
        monkeypatch.setenv("TEGMENTUM_DATA", str(base))
    found = mnist.load(entry, base if given == "data_dir" else None)
    np.testing.assert_array_equal(found.x_train, np.arange(12).reshape(3, 4))
    np.testing.assert_array_equal(found.x_test, np.arange(8).reshape(2, 4))
    assert (found.y_train.tolist(), found.y_test.tolist()) == ([0, 1, 9], [3, 4])
    assert all(check.ok for check in locate.verify(entry, base))


def test_checksum_mismatch(tiny, tmp_path):
    entry, contents = tiny
    contents["train-labels-idx1-ubyte"] = idx_bytes([0, 1, 8])
    found = hashlib.sha256(contents["train-labels-idx1-ubyte"]).hexdigest()
    write(tmp_path, contents, packed=True)
    message = (
        "train-labels-idx1-ubyte.gz: the content's SHA-256 .* "
        f"expected {entry.files[1].content_sha256}, found {found} .*fetch it again"
    )
    with pytest.raises(DataError, match=message):
        mnist.load(entry, tmp_path)
    assert [check.ok for check in locate.verify(entry, tmp_path)] == [True, False, True, True]


def test_absent_files_say_what_to_do(alone, tmp_path):
    with pytest.raises(DataError) as caught:
        datasets.load("mnist")
    for part in ("train-images-idx3-ubyte.gz", str(alone), "tegmentum datasets get mnist", "--data-dir DIR"):
        assert part in str(caught.value)
    with pytest.raises(DataError, match="TEGMENTUM_DATA"):
        datasets.load("fashion-mnist", data_dir=tmp_path / "nowhere")
    checks = datasets.verify("mnist")
    assert [(check.path, check.ok) for check in checks] == [(None, False)] * 4


def test_data_dir_is_the_only_place(tiny, alone, tmp_path):
    entry, contents = tiny
    write(alone, contents, packed=True)
    with pytest.raises(DataError, match=r"not found in .*elsewhere;"):
        mnist.load(entry, tmp_path / "elsewhere")


# download


@pytest.fixture
def web(tiny, monkeypatch):
    """Pooch with a network of two mirrors, the first of which is down; the addresses asked for."""
    pooch = pytest.importorskip("pooch", reason="pooch, of the extra [data], is not installed")
    entry, contents = tiny
    entry, asked = replace(entry, mirrors=("https://down.example/", "https://up.example/")), []

    def retrieve(url, known_hash, fname, path):
        asked.append(url)
        if "down" in url:
            raise ConnectionError("no route to host")
        content = gzip.compress(contents[fname.removesuffix(".gz")], mtime=0)
        if f"sha256:{hashlib.sha256(content).hexdigest()}" != known_hash:
            raise ValueError(f"SHA256 hash of downloaded file ({fname}) does not match")
        path.mkdir(parents=True, exist_ok=True)
        (path / fname).write_bytes(content)
        return str(path / fname)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    return entry, contents, asked


def test_download_tries_the_mirrors_in_turn(web, alone):
    entry, _, asked = web
    paths = locate.download(entry)
    assert paths == [alone / "tiny_mnist" / file.name for file in entry.files]
    name = entry.files[0].name
    assert asked[:2] == [f"https://down.example/{name}", f"https://up.example/{name}"]
    assert mnist.load(entry).y_test.tolist() == [3, 4]
    asked.clear()
    assert locate.download(entry) == paths
    assert asked == []  # all there


def test_download_replaces_what_is_damaged(web, tmp_path):
    entry, _, asked = web
    locate.download(entry, tmp_path)
    asked.clear()
    (tmp_path / "tiny_mnist" / entry.files[2].name).write_bytes(b"")
    locate.download(entry, tmp_path)
    assert {Path(url).name for url in asked} == {entry.files[2].name}
    assert all(check.ok for check in locate.verify(entry, tmp_path))


def test_download_without_a_working_mirror(web):
    entry, contents, _ = web
    contents["train-images-idx3-ubyte"] = b"not what was published"
    with pytest.raises(DataError) as caught:
        locate.download(entry)
    for part in (
        "no mirror gave train-images-idx3-ubyte.gz",
        "https://down.example/train-images-idx3-ubyte.gz (ConnectionError: no route to host)",
        "https://up.example/train-images-idx3-ubyte.gz (ValueError: SHA256 hash",
        "--data-dir DIR",
    ):
        assert part in str(caught.value)


def test_download_without_pooch(alone, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DataError, match=re.escape(install_line("data"))):
        datasets.load("mnist", download=True)


def test_embedded_needs_no_download(alone):
    assert datasets.download("digits") == []
    assert datasets.load("digits", download=True).name == "digits"


# the real files


@pytest.mark.parametrize("name", FIRST_LABELS)
def test_real_files(name):
    if not datasets.available(name):
        pytest.skip(f"{name} is absent: set TEGMENTUM_DATA, or run `tegmentum datasets get {name}`")
    found, entry = datasets.load(name), datasets.info(name)
    assert (found.x_train.shape, found.x_test.shape) == ((entry.n_train, 784), (entry.n_test, 784))
    assert (found.y_train[:10].tolist(), found.y_test[:10].tolist()) == FIRST_LABELS[name]
    assert found.x_train.mean() / found.x_max == pytest.approx(MEAN_TRAINING_PIXEL[name], abs=1e-4)
    counts = np.bincount(found.y_train)
    assert len(counts) == entry.n_classes
    assert counts.min() > 5_000


# the command line


def invoke(*arguments, code=0):
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout


def test_cli_list(alone):
    found = {entry["name"]: entry for entry in json.loads(invoke("list", "--json"))["datasets"]}
    assert list(found) == datasets.names()
    assert [name for name, entry in found.items() if entry["available"]] == ["digits"]
    assert [name for name, entry in found.items() if not entry["downloadable"]] == [
        "digits",
        "fsdd",
        *(f"fsdd-{name}" for name in fsdd.SPEAKERS),
        "nmnist",
        "dvs128-gesture",
    ]
    assert found["mnist"]["n_train"] == 60_000
    assert found["mnist"]["files"][0]["name"] == "train-images-idx3-ubyte.gz"
    assert "digits" in invoke("list")


def test_cli_verify(alone):
    report = json.loads(invoke("verify", "--json"))
    assert report["ok"]  # absent is not damaged
    assert [check["ok"] for check in report["datasets"]["digits"]] == [True]
    assert [check["path"] for check in report["datasets"]["mnist"]] == [None] * 4
    assert "ok" in invoke("verify", "digits")


def test_cli_verify_absent_or_damaged(alone, tmp_path):
    assert not json.loads(invoke("verify", "mnist", "--json", code=3))["ok"]
    (tmp_path / MNIST.files[0].name).write_bytes(b"")
    assert "DAMAGED" in invoke("verify", "--data-dir", str(tmp_path), code=3)


def test_cli_get(alone, monkeypatch):
    assert json.loads(invoke("get", "digits", "--json")) == {"name": "digits", "embedded": True, "files": []}
    assert "nothing to fetch" in invoke("get", "digits")
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DataError, match="needs pooch"):
        invoke("get", "mnist")
    with pytest.raises(DescriptionError, match="did you mean 'fashion-mnist'"):
        invoke("get", "fashion-mnits")
