"""Data sets in archives: letters, symbols and photographs, from small archives in the published formats."""

import csv
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import struct
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from packing import tar_bytes, zip_bytes
from typer.testing import CliRunner

from tegmentum import datasets
from tegmentum.cli.datasets import app
from tegmentum.datasets import archives, cifar10, emnist, hasy, locate, omniglot, png
from tegmentum.datasets.catalogue import CIFAR10, EMNIST_LETTERS, HASYV2, LETTERS, SYMBOLS, DataFile
from tegmentum.simcore.errors import DataError
from tegmentum.simcore.installed import install_line


@pytest.fixture(autouse=True)
def cache(request, monkeypatch, tmp_path):
    """An empty cache folder and, but for the tests of real files, no other folder."""
    monkeypatch.setenv("TEGMENTUM_CACHE", str(tmp_path / "cache"))
    if "real" not in request.node.name:
        monkeypatch.delenv("TEGMENTUM_DATA", raising=False)
    yield tmp_path / "cache"
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)  # decoded CIFAR-10 is large


def published(entry, folder, content, name=None):
    """The entry, with this file as the one that was published; the file lies in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    name = name or entry.files[0].name
    (folder / name).write_bytes(content)
    return replace(entry, files=(DataFile(name, len(content), md5=hashlib.md5(content).hexdigest()),))


# PNG


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_bytes(rows, width, depth, colour, palette=b"", interlaced=0):
    """A PNG of coded rows, each of which starts with its filter."""
    header = struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, interlaced)
    extra = chunk(b"PLTE", palette) if palette else b""
    packed = zlib.compress(b"".join(rows))
    halves = chunk(b"IDAT", packed[:7]) + chunk(b"IDAT", packed[7:])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + halves + chunk(b"IEND", b"")


def ink_png(ink):
    """A 1-bit PNG, as Omniglot's: ink is black."""
    rows = [b"\0" + np.packbits(~row).tobytes() for row in ink]
    return png_bytes(rows, ink.shape[1], 1, 0)


@pytest.mark.parametrize(
    ("colour", "depth"), [(0, 1), (0, 2), (0, 4), (0, 8), (2, 8), (3, 2), (3, 8), (4, 8), (6, 8)]
)
def test_png_is_read_as_pillow_reads_it(colour, depth):
    """All five filters, on random bytes, so that every predictor wraps and every tie occurs."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: nothing to compare with")
    rng = np.random.default_rng(colour * 10 + depth)
    width, height = 13, 40
    n_row = (width * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] * depth + 7) // 8
    rows = [bytes([k % 5]) + rng.integers(0, 256, n_row, dtype=np.uint8).tobytes() for k in range(height)]
    palette = rng.integers(0, 256, 3 * 2**depth, dtype=np.uint8).tobytes() if colour == 3 else b""
    data = png_bytes(rows, width, depth, colour, palette)
    theirs = image.open(io.BytesIO(data))
    if colour in (4, 6):
        theirs = theirs.convert("RGBA")
        theirs = image.alpha_composite(image.new("RGBA", theirs.size, "white"), theirs).convert("RGB")
    ours = png.grey(data, "a-file", (height, width)).astype(int)
    expected = np.asarray(theirs.convert("RGB" if colour else "L").convert("L")).astype(int)
    assert np.abs(ours - expected).max() <= (1 if colour else 0)  # Pillow rounds its weights to 16 bits


GOOD = png_bytes([b"\0\x80", b"\2\x80"], 2, 1, 0)
TWO_WHITE_PIXELS = [[255, 0], [0, 0]]


def test_png_filter_up():
    np.testing.assert_array_equal(png.grey(GOOD, "a-file", (2, 2)), TWO_WHITE_PIXELS)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"GIF89a", "not a PNG, starts with 0x474946383961"),
        (GOOD[:-1], "truncated PNG, ends after"),
        (GOOD[:20], "truncated PNG, ends after 20 bytes"),
        (GOOD[:17] + b"\xff" + GOOD[18:], "corrupt PNG, wrong CRC of its chunk at byte 8"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""), "PNG without a header"),
        (png_bytes([b"\0\x80"], 2, 1, 0), r"image of shape \(1, 2\) instead of \(2, 2\)"),
        (
            png_bytes([b"\0\x80"] * 2, 2, 1, 0, interlaced=1),
            r"colour type 0, 1 bits \(interlaced\) is not supported",
        ),
        (png_bytes([b"\0" * 5] * 2, 2, 16, 0), "colour type 0, 16 bits is not supported"),
        (png_bytes([b"\0\x80", b"\0"], 2, 1, 0), "its pixels are not 4 bytes"),
        (png_bytes([b"\0\x80"] * 2, 2, 1, 3, palette=b"abc"), "its palette lacks a colour"),
        (
            GOOD.replace(chunk(b"IDAT", zlib.compress(b"\0\x80\2\x80")[:7]), chunk(b"IDAT", b"no")),
            "corrupt PNG",
        ),
    ],
)
def test_png_refuses(data, message):
    with pytest.raises(DataError, match=f"a-file: .*{message}"):
        png.grey(data, "a-file", (2, 2))


# Omniglot: the reduction


def naive_reduce(ink):
    """The rule of omniglot.reduce, pixel by pixel, in fractions."""
    from fractions import Fraction as F

    height, width = ink.shape
    points = [(i, j) for i in range(height) for j in range(width) if ink[i, j]]
    spans = [(min(axis), max(axis) + 1) for axis in zip(*points, strict=True)]
    side = F(max(high - low for low, high in spans), 20)
    starts = []
    for k, (low, high) in enumerate(spans):
        centre = F(sum(2 * point[k] + 1 for point in points), 2 * len(points))
        centre = F((20 * centre + F(1, 2)).__floor__(), 20)  # to 1/20 pixel, half up
        starts.append(max(min(centre - 14 * side, F(low)), high - 28 * side))
    out = np.zeros((28, 28), dtype=np.uint8)
    for a in range(28):
        for b in range(28):
            top, left = starts[0] + a * side, starts[1] + b * side
            covered = sum(
                max(F(0), min(top + side, i + 1) - max(top, i))
                * max(F(0), min(left + side, j + 1) - max(left, j))
                for i, j in points
            )
            out[a, b] = (255 * covered / side**2 + F(1, 2)).__floor__()
    return out


@settings(deadline=None, max_examples=12)
@given(arrays.arrays(np.bool_, st.tuples(st.integers(1, 8), st.integers(1, 8))))
def test_reduce_is_area_averaging(ink):
    if ink.any():
        np.testing.assert_array_equal(omniglot.reduce(ink), naive_reduce(ink))
    else:
        assert not omniglot.reduce(ink).any()


def test_reduce_of_a_square():
    """40 pixels on 20: each of the 20 x 20 pixels in the middle is covered wholly."""
    ink = np.zeros((105, 105), dtype=bool)
    ink[50:90, 3:43] = True
    expected = np.zeros((28, 28), dtype=np.uint8)
    expected[4:24, 4:24] = 255
    np.testing.assert_array_equal(omniglot.reduce(ink), expected)


@settings(deadline=None)
@given(st.integers(0, 50), st.integers(0, 60), st.integers(0, 2**32 - 1))
def test_reduce_ignores_the_place(down, right, seed):
    drawing = np.random.default_rng(seed).random((55, 45)) < 0.1
    placed, corner = np.zeros((2, 105, 105), dtype=bool)
    placed[down : down + 55, right : right + 45] = corner[:55, :45] = drawing
    np.testing.assert_array_equal(omniglot.reduce(placed), omniglot.reduce(corner))


def test_reduce_keeps_ink_inside_and_transposes():
    """All mass in one corner: centred on it, the rest would fall off."""
    ink = np.zeros((105, 105), dtype=bool)
    ink[10:30, 10:30] = True
    ink[10, 10:100] = ink[10:100, 10] = True
    small = omniglot.reduce(ink)
    assert np.isclose(small.sum() / 255 * (90 / 20) ** 2, ink.sum(), rtol=0.01)
    np.testing.assert_array_equal(omniglot.reduce(ink.T), small.T)


# Omniglot: the archive


def drawing(alphabet, character, writer):
    """A bar whose height and width tell who drew what."""
    ink = np.zeros((105, 105), dtype=bool)
    ink[20 : 20 + 2 * writer, 30 : 30 + 2 * (character + 30 * (alphabet == "Early_Aramaic"))] = True
    return ink


@pytest.fixture(scope="module")
def drawings():
    return {
        f"images_background_small1/{alphabet}/character{character:02d}/{900 + character:04d}_{writer:02d}.png": ink_png(
            drawing(alphabet, character, writer)
        )
        for alphabet, n in (("Latin", 26), ("Greek", 24), ("Early_Aramaic", 22))
        for character in range(1, n + 1)
        for writer in range(1, 21)
    }


@pytest.mark.parametrize(
    ("entry", "alphabet_of"),
    [
        (LETTERS, [("Latin", k) for k in range(1, 27)]),
        (SYMBOLS, [("Greek", k) for k in range(1, 25)] + [("Early_Aramaic", k) for k in range(1, 23)]),
    ],
)
def test_omniglot(tmp_path, drawings, entry, alphabet_of):
    shuffled = dict(sorted(drawings.items(), key=lambda item: hash(item[1])))
    content = zip_bytes(
        {"images_background_small1/": b"", **shuffled, "images_background_small1/x.txt": b"?"}
    )
    entry = published(entry, tmp_path / "omniglot_small", content)
    found = omniglot.load(entry, tmp_path)
    n = entry.n_classes
    assert (len(found.y_train), len(found.y_test)) == (entry.n_train, entry.n_test) == (15 * n, 5 * n)
    np.testing.assert_array_equal(found.y_train, np.tile(np.arange(n), 15))  # by writer, then by class
    np.testing.assert_array_equal(found.y_test, np.tile(np.arange(n), 5))
    for writer, c in ((1, 0), (7, n - 1), (15, 3), (16, 0), (20, n - 1)):
        x = found.x_train[(writer - 1) * n + c] if writer <= 15 else found.x_test[(writer - 16) * n + c]
        np.testing.assert_array_equal(x.reshape(28, 28), omniglot.reduce(drawing(*alphabet_of[c], writer)))
    assert found.checksums == {entry.files[0].name: hashlib.sha256(content).hexdigest()}
    assert "15 writers" in found.note


def test_omniglot_refuses(tmp_path, drawings):
    def refused(members, message):
        entry = published(LETTERS, tmp_path, zip_bytes(members))
        with pytest.raises(DataError, match=f"{tmp_path}.*{message}"):
            omniglot.load(entry, tmp_path)

    first = "images_background_small1/Latin/character01/0901_01.png"
    others = {name: content for name, content in drawings.items() if name != first}
    refused(others, "holds 519 drawings of 26 characters of Latin instead of 520 of 26")
    refused({**others, first.replace("_01.png", "_21.png"): b""}, "writer 1 has not drawn Latin/1")
    refused({**others, first: b"not a PNG"}, "0901_01.png: not a PNG")
    refused({**others, first: ink_png(np.eye(28, dtype=bool))}, r"shape \(28, 28\) instead of \(105, 105\)")


# an archive's damage


def test_damaged_archive_is_refused(tmp_path, drawings):
    content = zip_bytes(dict(list(drawings.items())[:3]))
    entry = published(LETTERS, tmp_path, content)
    path = tmp_path / entry.files[0].name
    path.write_bytes(content[:-1])
    with pytest.raises(
        DataError, match=f"{path}: the file's MD5 is not that of .* expected .*, found .*fetch it"
    ):
        omniglot.load(entry, tmp_path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match=r"empty \(0 bytes\)"):
        omniglot.load(entry, tmp_path)
    assert [(check.ok, check.path) for check in locate.verify(entry, tmp_path)] == [(False, path)]
    path.unlink()
    with pytest.raises(
        DataError, match=r"not found in .*; fetch with `tegmentum datasets get letters`, or name"
    ):
        omniglot.load(entry, tmp_path)


@pytest.mark.parametrize("mode", ["gz", "bz2", "xz"])
def test_cut_or_corrupt_tar(mode):
    content = tar_bytes({"a": np.random.default_rng(1).bytes(50_000)}, mode)
    flipped = content[:9000] + bytes(value ^ 0xFF for value in content[9000:9100]) + content[9100:]
    damaged = [content[: len(content) // 2], b"", b"no archive at all"]
    if mode != "gz":  # its checksum comes last, after what tarfile reads: the archive's own is held before
        damaged.append(flipped)
    for each in damaged:
        with pytest.raises(DataError, match=r"a-file: damaged archive \(.*; delete it and fetch it again"):
            list(archives.tar_members(io.BytesIO(each), "a-file", str))


def test_cut_or_corrupt_zip():
    content = zip_bytes({"a": bytes(1000), "b": b""})
    for damaged in (content[:500], content[:100] + b"\xff" + content[101:], b""):
        with pytest.raises(DataError, match=r"a-file: damaged archive \("):
            list(archives.zip_members(io.BytesIO(damaged), "a-file", str))


# EMNIST


def idx_bytes(values):
    values = np.asarray(values, dtype=np.uint8)
    return struct.pack(f">I{values.ndim}I", 0x800 + values.ndim, *values.shape) + values.tobytes()


def emnist_members(train_labels=(1, 26, 2), prefix="gzip/emnist-letters-"):
    images = np.arange(5 * 28 * 28).reshape(5, 28, 28) % 251
    parts = {
        "train-images-idx3": images[:3],
        "train-labels-idx1": train_labels,
        "test-images-idx3": images[3:],
        "test-labels-idx1": [13, 14],
    }
    packed = {f"{prefix}{name}-ubyte.gz": gzip.compress(idx_bytes(part)) for name, part in parts.items()}
    return images, {"gzip/emnist-digits-train-images-idx3-ubyte.gz": b"others", **packed}


def test_emnist(tmp_path):
    images, members = emnist_members()
    entry = published(EMNIST_LETTERS, tmp_path / "emnist_letters", zip_bytes(members))
    found = emnist.load(entry, tmp_path)
    np.testing.assert_array_equal(found.x_train.reshape(-1, 28, 28), images[:3].transpose(0, 2, 1))
    np.testing.assert_array_equal(found.x_test.reshape(-1, 28, 28), images[3:].transpose(0, 2, 1))
    assert [found.class_names[c] for c in found.y_train] == ["a", "z", "b"]
    assert found.y_test.tolist() == [12, 13]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (emnist_members(train_labels=(1, 0, 2))[1], "train-labels-idx1-ubyte.gz: label 0 at position 1"),
        (emnist_members(train_labels=(1, 27, 2))[1], "label 27 at position 1 is out of range"),
        (emnist_members(train_labels=(1, 2))[1], r"y_train must be an int64 array of shape \(3,\)"),
        (
            emnist_members(prefix="emnist-letters-")[1],
            "holds no gzip/emnist-letters-train-images-idx3-ubyte.gz",
        ),
        (
            {
                **emnist_members()[1],
                "gzip/emnist-letters-test-labels-idx1-ubyte.gz": gzip.compress(b"1" * 99)[:-9],
            },
            "gzip.zip: gzip/emnist-letters-test-labels-idx1-ubyte.gz: truncated gzip",
        ),
    ],
)
def test_emnist_refuses(tmp_path, members, message):
    entry = published(EMNIST_LETTERS, tmp_path, zip_bytes(members))
    with pytest.raises(DataError, match=message):
        emnist.load(entry, tmp_path)


# HASYv2


def hasy_members(root=""):
    """Symbols 31 (4 images), 7 (3), 900 (3) and 5 (1); the last image of each symbol is a test image."""
    symbols = {31: "A", 7: r"\alpha", 900: "'x,y'", 5: r"\pi"}
    owners = [31, 7, 31, 900, 7, 31, 900, 5, 31, 7, 900]
    images = np.random.default_rng(3).random((len(owners), 32, 32)) < 0.2
    names = [f"hasy-data/v2-{k:05d}.png" for k in range(len(owners))]
    rows = [f"{name},{owner},{symbols[owner]}" for name, owner in zip(names, owners, strict=True)]
    test = {max(k for k, each in enumerate(owners) if each == owner) for owner in symbols}
    fold = [f"../../{row}" for row in rows]
    tables = {
        "hasy-data-labels.csv": ["path,symbol_id,latex,user_id", *(f"{row},50" for row in rows)],
        "classification-task/fold-1/train.csv": [
            "path,symbol_id,latex",
            *(row for k, row in enumerate(fold) if k not in test),
        ],
        "classification-task/fold-1/test.csv": ["path,symbol_id,latex", *(fold[k] for k in sorted(test))],
        "classification-task/fold-2/test.csv": ["something else"],
    }
    members = {f"{root}{name}": ink_png(ink) for name, ink in zip(names, images, strict=True)}
    return images, members | {f"{root}{name}": "\n".join(lines).encode() for name, lines in tables.items()}


@pytest.mark.parametrize("root", ["", "./", "HASYv2/"])
def test_hasy(tmp_path, root):
    images, members = hasy_members(root)
    entry = replace(HASYV2, class_names=("0", "1", "2"))
    found = hasy.load(published(entry, tmp_path / "hasyv2", tar_bytes(members, "bz2")), tmp_path)
    assert found.class_names == (r"\alpha", "A", "x,y")  # the three commonest, by symbol_id
    train, test = [0, 1, 2, 3, 4, 5, 6], [8, 9, 10]
    np.testing.assert_array_equal(found.x_train, images[train].reshape(7, -1) * 255)
    np.testing.assert_array_equal(found.x_test, images[test].reshape(3, -1) * 255)
    assert found.y_train.tolist() == [1, 0, 1, 2, 0, 1, 2]
    assert found.y_test.tolist() == [1, 0, 2]


def test_hasy_ties_go_to_the_lower_symbol():
    assert hasy.most_frequent([9, 9, 3, 3, 5, 5, 5, 8], 2, "") == [3, 5]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("hasy-data-labels.csv", None, "holds no hasy-data-labels.csv; is it another archive"),
        (
            "hasy-data-labels.csv",
            b"path,symbol_id\nhasy-data/v2-00000.png,31",
            "row 1 lacks a path, a symbol_id or",
        ),
        ("hasy-data-labels.csv", b"\xff", "hasy-data-labels.csv is not a table"),
        (
            "hasy-data/v2-00003.png",
            None,
            "hasy-data/v2-00003.png of .*train.csv has no label or is not there",
        ),
        ("hasy-data/v2-00003.png", b"\x89PNG", "hasy-data/v2-00003.png: not a PNG"),
        ("hasy-data/v2-00003.png", ink_png(np.eye(8, dtype=bool)), r"shape \(8, 8\) instead of \(32, 32\)"),
    ],
)
def test_hasy_refuses(tmp_path, name, content, message):
    members = {**hasy_members()[1], name: content}
    kept = {each: value for each, value in members.items() if value is not None}
    entry = published(replace(HASYV2, class_names=("0", "1", "2")), tmp_path, tar_bytes(kept, "bz2"))
    with pytest.raises(DataError, match=message):
        hasy.load(entry, tmp_path)


def test_hasy_with_too_few_symbols(tmp_path):
    entry = published(HASYV2, tmp_path, tar_bytes(hasy_members()[1], "bz2"))
    with pytest.raises(DataError, match="names 4 symbols, fewer than 46"):
        hasy.load(entry, tmp_path)


# CIFAR-10


def binary_members(n=2):
    """Six files of n records; pixel (row, column) of colour c is random."""
    rng = np.random.default_rng(10)
    pixels, labels = rng.integers(0, 256, (6, n, 32, 32, 3), dtype=np.uint8), rng.integers(0, 10, (6, n))
    names = [f"cifar-10-batches-bin/data_batch_{k}.bin" for k in (1, 2, 3, 4, 5)]
    names.append("cifar-10-batches-bin/test_batch.bin")
    members = {
        name: b"".join(
            bytes([label]) + image.transpose(2, 0, 1).tobytes() for image, label in zip(*each, strict=True)
        )
        for name, *each in zip(names, pixels, labels, strict=True)
    }
    return pixels, labels, {"cifar-10-batches-bin/readme.html": b"?", **members}


def test_cifar10_binary(tmp_path):
    pixels, labels, members = binary_members()
    backwards = dict(reversed(members.items()))
    entry = published(CIFAR10, tmp_path / "cifar10", tar_bytes(backwards, "gz"))
    found = cifar10.load(entry, tmp_path)
    np.testing.assert_array_equal(found.x_train.reshape(10, 32, 32, 3), pixels[:5].reshape(10, 32, 32, 3))
    np.testing.assert_array_equal(found.x_test.reshape(2, 32, 32, 3), pixels[5])
    np.testing.assert_array_equal(found.y_train, labels[:5].ravel())
    np.testing.assert_array_equal(found.y_test, labels[5])
    assert found.note == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "holds no cifar-10-batches-bin/data_batch_3.bin"),
        (b"", "truncated, 0 bytes are no multiple"),
        (bytes(3072), "data_batch_3.bin: truncated, 3,072 bytes are no multiple of a record's 3,073"),
        (b"\x0a" + bytes(3072), "label 10 is out of range, there are 10 classes"),
    ],
)
def test_cifar10_binary_refuses(tmp_path, content, message):
    members = {**binary_members()[2], "cifar-10-batches-bin/data_batch_3.bin": content}
    kept = {name: value for name, value in members.items() if value is not None}
    entry = published(CIFAR10, tmp_path, tar_bytes(kept, "gz"))
    with pytest.raises(DataError, match=message):
        cifar10.load(entry, tmp_path)


def jpeg_bytes(colour):
    image = pytest.importorskip("PIL.Image", reason="Pillow, of the extra [images], is not installed")
    stream = io.BytesIO()
    image.new("RGB", (32, 32), colour).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def jpeg_members():
    """Two training images and one test image a class, each of one colour."""
    return {
        f"{part}/{name}/{number:04d}.jpg": jpeg_bytes((20 * c, 100 * number, 200))
        for part, n in (("train", 2), ("test", 1))
        for c, name in reversed(list(enumerate(CIFAR10.class_names)))
        for number in range(n)
    }


@pytest.fixture
def jpeg(tmp_path):
    """CIFAR-10 with only its stand-in there; the stand-in's path."""

    def write(members):
        content = zip_bytes(members)
        path = tmp_path / "cifar10" / CIFAR10.stand_in[0].name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        file = DataFile(path.name, len(content), hashlib.sha256(content).hexdigest())
        return replace(CIFAR10, stand_in=(file,))

    return write


def test_cifar10_jpeg(tmp_path, jpeg):
    found = cifar10.load(jpeg(jpeg_members()), tmp_path)
    assert found.y_train.tolist() == [*range(10), *range(10)]  # by number, then by class
    assert found.y_test.tolist() == [*range(10)]
    colours = found.x_train.reshape(20, 32, 32, 3)[:, 16, 16].astype(int)
    expected = [(20 * c, 100 * number, 200) for number in (0, 1) for c in range(10)]
    assert np.abs(colours - expected).max() <= 3
    assert "lossy JPEG" in found.note
    assert (
        found.checksums["decoded pixels"]
        == hashlib.sha256(found.x_train.tobytes() + found.x_test.tobytes()).hexdigest()
    )


def test_cifar10_pixels_are_cached(tmp_path, cache, jpeg, monkeypatch):
    entry = jpeg(jpeg_members())
    first = cifar10.load(entry, tmp_path)
    (pixels,) = (cache / "decoded").glob("*.npy")
    assert sorted(path.suffix for path in (cache / "decoded").iterdir()) == [".npy", ".sha256"]
    decoded = []

    def decode(*arguments, original=cifar10.decode):
        decoded.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(cifar10, "decode", decode)
    np.testing.assert_array_equal(cifar10.load(entry, tmp_path).x_train, first.x_train)
    assert decoded == []
    whole = pixels.read_bytes()
    for damaged in (whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1]), b"", b"junk"):
        pixels.write_bytes(damaged)
        np.testing.assert_array_equal(cifar10.load(entry, tmp_path).x_test, first.x_test)
        assert pixels.read_bytes() == whole
    assert len(decoded) == 4


def test_cifar10_works_without_a_cache(tmp_path, jpeg, monkeypatch):
    (tmp_path / "a-file").touch()
    monkeypatch.setenv("TEGMENTUM_CACHE", str(tmp_path / "a-file"))
    assert len(cifar10.load(jpeg(jpeg_members()), tmp_path).y_train) == 20


def test_cifar10_jpeg_refuses(tmp_path, jpeg):
    members, name = jpeg_members(), "train/cat/0001.jpg"
    image = pytest.importorskip("PIL.Image")
    small = io.BytesIO()
    image.new("RGB", (8, 8)).save(small, "JPEG")
    for content, message in (
        (members[name][:200], "train/cat/0001.jpg: damaged JPEG"),
        (b"not a JPEG", "train/cat/0001.jpg: damaged JPEG"),
        (small.getvalue(), r"image of shape \(8, 8, 3\) instead of \(32, 32, 3\)"),
    ):
        with pytest.raises(DataError, match=message):
            cifar10.load(jpeg({**members, name: content}), tmp_path)
    with pytest.raises(DataError, match=r"train/dogs/0000\.jpg names no class"):
        cifar10.load(jpeg({**members, "train/dogs/0000.jpg": b""}), tmp_path)
    with pytest.raises(DataError, match="holds no test images of cat"):
        cifar10.load(
            jpeg({each: value for each, value in members.items() if each != "test/cat/0000.jpg"}), tmp_path
        )


def test_cifar10_jpeg_without_pillow(tmp_path, jpeg, monkeypatch):
    entry = jpeg(jpeg_members())
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(DataError, match=re.escape(install_line("images"))):
        cifar10.load(entry, tmp_path)


def test_cifar10_prefers_the_official_archive(tmp_path, jpeg):
    entry = jpeg(jpeg_members())
    assert locate.chosen(entry, tmp_path) == entry.stand_in
    assert [check.file for check in locate.verify(entry, tmp_path)] == ["CIFAR-10-images.zip"]
    both = replace(published(entry, tmp_path, tar_bytes(binary_members()[2], "gz")), stand_in=entry.stand_in)
    assert locate.chosen(both, tmp_path) == both.files
    assert cifar10.load(both, tmp_path).note == ""
    with pytest.raises(DataError, match=r"cifar-10-binary\.tar\.gz not found"):
        cifar10.load(CIFAR10, tmp_path / "nowhere")


# download


def test_download_by_md5_from_a_full_address(tmp_path, monkeypatch):
    pooch = pytest.importorskip("pooch", reason="pooch, of the extra [data], is not installed")
    content = zip_bytes(emnist_members()[1])
    entry = published(EMNIST_LETTERS, tmp_path / "elsewhere", content)
    url = "https://example.org/some/page?download=1"
    entry = replace(entry, files=(replace(entry.files[0], urls=(url,)),))

    def retrieve(address, known_hash, fname, path):
        assert (address, known_hash) == (url, f"md5:{hashlib.md5(content).hexdigest()}")
        path.mkdir(parents=True)
        (path / fname).write_bytes(content)
        return str(path / fname)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    assert locate.download(entry, tmp_path) == [tmp_path / "emnist_letters" / "gzip.zip"]
    assert len(emnist.load(entry, tmp_path).y_train) == 3


def test_what_has_no_address_is_fetched_by_hand():
    with pytest.raises(
        DataError, match=r"NMNISTsmall.tar.xz has no address to fetch it from; fetch by hand from"
    ):
        datasets.download("nmnist")
    with pytest.raises(
        DataError, match=r"not found in .*; fetch by hand from https://research.ibm.com.* and name"
    ):
        datasets.load_events("dvs128-gesture")


# the command line


def test_cli_tells_a_stand_in(tmp_path, jpeg, monkeypatch):
    jpeg(jpeg_members())

    def listed(*arguments):
        return CliRunner().invoke(
            app, ["list", "--data-dir", str(tmp_path), *arguments], catch_exceptions=False
        )

    monkeypatch.setenv("COLUMNS", "200")
    (line,) = [line for line in listed().stdout.splitlines() if "cifar10" in line]
    assert "found: stand-in" in line
    (line,) = [line for line in listed().stdout.splitlines() if "dvs128-gesture " in line]
    assert "absent, by hand" in line
    found = {entry["name"]: entry for entry in json.loads(listed("--json").stdout)["datasets"]}
    assert found["cifar10"]["available"]
    assert "lossy JPEG" in found["cifar10"]["stand_in_note"]
    assert found["nmnist"]["kind"] == "events"


# the real files


@pytest.mark.parametrize("name", ["letters", "symbols"])
def test_real_omniglot(name):
    if not datasets.available(name):
        pytest.skip(f"{name} is absent: set TEGMENTUM_DATA, or run `tegmentum datasets get {name}`")
    found, entry = datasets.load(name), datasets.info(name)
    assert (found.x_train.shape, found.x_test.shape) == ((entry.n_train, 784), (entry.n_test, 784))
    assert set(np.bincount(found.y_train)) == {15}
    assert set(np.bincount(found.y_test)) == {5}
    assert found.x_train.max(axis=1).min() > 128  # strokes survive the reduction
    images = np.concatenate([found.x_train, found.x_test]).reshape(-1, 28, 28) > 0
    extent = [np.ptp(np.flatnonzero(image.any(axis=axis))) + 1 for image in images for axis in (0, 1)]
    assert 20 <= max(extent) <= 21  # the box need not begin at a pixel's edge
    means = np.stack([found.x_train[found.y_train == c].mean(axis=0) for c in range(entry.n_classes)])
    distance = ((found.x_test[:, None] - means) ** 2).sum(axis=2)
    assert (distance.argmin(axis=1) == found.y_test).mean() > 0.7  # labels are those of the images


@pytest.mark.slow
def test_real_cifar10():
    if not datasets.available("cifar10"):
        pytest.skip("cifar10 is absent: set TEGMENTUM_DATA, or run `tegmentum datasets get cifar10`")
    found = datasets.load("cifar10")
    assert (found.x_train.shape, found.x_test.shape) == ((50_000, 3072), (10_000, 3072))
    assert set(np.bincount(found.y_train)) == {5_000}
    assert set(np.bincount(found.y_test)) == {1_000}
    colours = found.x_train.reshape(-1, 3).mean(axis=0, dtype=np.float64) / 255
    np.testing.assert_allclose(
        colours, [0.4914, 0.4822, 0.4465], atol=2e-3
    )  # red, green, blue, as often quoted
    check_against_originals(found)


def check_against_originals(found):
    """4,000 lossless originals, if there: each class's are the first of that class, in the same order."""
    folder = Path(os.environ.get("TEGMENTUM_DATA", "")) / "cifar10"
    if not (folder / "convnetjs_labels.csv").is_file():
        return
    image = pytest.importorskip("PIL.Image", reason="Pillow, of the extra [images], is not installed")
    with (folder / "convnetjs_labels.csv").open() as stream:
        labels = np.array([int(row["label"]) for row in csv.DictReader(stream)])
    rows = [np.asarray(image.open(folder / f"convnetjs_cifar10_batch_{k}.png"))[..., :3] for k in range(4)]
    originals = np.concatenate([each.reshape(-1, 3072) for each in rows])
    for c in range(10):
        theirs = originals[labels == c].astype(int)
        assert np.abs(found.x_train[found.y_train == c][: len(theirs)] - theirs).mean(axis=1).max() < 15
