"""Recordings of event cameras: the container, its reductions, and the readers of each file format."""

import io
import os
import struct
from dataclasses import replace
from hashlib import md5, sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packing import tar_bytes, zip_bytes

from tegmentum import datasets
from tegmentum.datasets import EventDataset, EventTable, Recordings, aedat, gesture, nmnist, prophesee
from tegmentum.datasets.catalogue import DVS128_GESTURE, DVS128_GESTURE_CUT, NMNIST, NMNIST_FULL, DataFile
from tegmentum.simcore.errors import DataError, DescriptionError


@pytest.fixture(autouse=True)
def cache(request, monkeypatch, tmp_path):
    """An empty cache folder and, but for the tests of real files, no other folder."""
    monkeypatch.setenv("TEGMENTUM_CACHE", str(tmp_path / "cache"))
    if "real" not in request.node.name:
        monkeypatch.delenv("TEGMENTUM_DATA", raising=False)


def table(*events):
    """Events (t, x, y, p) as the readers give them."""
    t, x, y, p = np.array(events, dtype=np.int64).reshape(-1, 4).T
    return EventTable(t, x.astype(np.uint16), y.astype(np.uint16), p.astype(np.uint8))


def as_list(events):
    assert [column.dtype.str[1:] for column in events] == ["i8", "u2", "u2", "u1"]
    return [tuple(map(int, event)) for event in zip(*events, strict=True)]


@st.composite
def recordings(draw):
    height, width = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    event = st.tuples(
        st.integers(0, 99), st.integers(0, width - 1), st.integers(0, height - 1), st.integers(0, 1)
    )
    tables = draw(st.lists(st.lists(event, max_size=20).map(sorted), max_size=5))
    labels = [k % 3 for k in range(len(tables))]
    return tables, Recordings.of([table(*each) for each in tables], labels, (height, width, 2), 100)


# the container


@given(recordings(), st.integers(1, 30), st.integers(1, 120))
def test_windows_and_counts_are_binned_events(both, n_ticks, duration):
    tables, found = both
    height, width, _ = found.shape
    expected = np.zeros((len(tables), n_ticks, height * width * 2), dtype=int)
    for trial, events in enumerate(tables):
        for t, x, y, p in events:
            if t < duration:
                expected[trial, t * n_ticks // duration, (y * width + x) * 2 + p] += 1
    np.testing.assert_array_equal(found.counts(n_ticks, duration), expected)
    windows = found.to_windows(n_ticks, duration)
    np.testing.assert_array_equal(
        np.stack([windows.trial, windows.tick, windows.channel], axis=1), np.argwhere(expected)
    )
    assert (windows.n_trials, windows.n_ticks, windows.n_channels) == expected.shape
    assert (windows.trial.dtype, windows.tick.dtype, windows.channel.dtype) == (np.int64, np.int64, np.uint32)


@given(recordings(), st.randoms())
def test_windows_of_a_recording_do_not_depend_on_the_others(both, random):
    _, found = both
    order = list(range(len(found)))
    random.shuffle(order)
    np.testing.assert_array_equal(found.take(order).counts(7), found.counts(7)[order])
    np.testing.assert_array_equal(found.take(order).label, found.label[order])


def test_take_some_and_none():
    found = Recordings.of(
        [table((1, 0, 0, 0)), table(), table((5, 1, 1, 1), (6, 0, 1, 0))], [2, 0, 1], (2, 2, 2), 10
    )
    twice = found.take([2, 1, 2])
    assert (twice.offsets.tolist(), twice.t.tolist(), twice.label.tolist()) == (
        [0, 2, 2, 4],
        [5, 6, 5, 6],
        [1, 0, 1],
    )
    assert len(found.take([])) == len(found.take([]).to_windows(3)) == 0
    for index in ([3], [-1]):
        with pytest.raises(DescriptionError, match="take: index must be from 0 to 2, got"):
            found.take(index)


def test_pool_joins_squares_of_pixels():
    """A 5 x 4 camera in squares of 2: the fifth column has no square."""
    found = Recordings.of(
        [table((0, 0, 0, 1), (1, 1, 1, 1), (2, 2, 0, 0), (3, 4, 0, 0), (4, 3, 3, 1))], [0], (4, 5, 2), 5
    )
    assert found.counts(pool=2).tolist() == [[[0, 2, 1, 0, 0, 0, 0, 1]]]
    assert found.to_windows(1, pool=2).channel.tolist() == [1, 2, 7]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_ticks": 0}, "n_ticks must be at least 1, got 0"),
        ({"n_ticks": 1, "duration_us": 0}, "duration_us must be at least 1 us, got 0"),
        ({"n_ticks": 1, "pool": 0}, "pool must be from 1 to 2, got 0"),
        ({"n_ticks": 1, "pool": 3}, "pool must be from 1 to 2, got 3"),
    ],
)
def test_windows_refuse(arguments, message):
    found = Recordings.of([table((0, 0, 0, 0))], [0], (2, 3, 2), 10)
    for method in (found.to_windows, found.counts):
        with pytest.raises(DescriptionError, match=message):
            method(**arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"t": np.zeros(3)}, "t must be a one-dimensional int64 array, got float64"),
        ({"p": np.zeros(2, np.uint8)}, "t, x, y and p must be equally long"),
        ({"label": np.zeros(3, np.int64)}, "3 labels need 4 offsets, got 3"),
        ({"offsets": np.array([0, 4, 3])}, "offsets must ascend from 0 to 3"),
        ({"offsets": np.array([0, 2, 2])}, "offsets must ascend from 0 to 3"),
        ({"x": np.array([0, 1, 3], np.uint16)}, "x must be below 3, got 3"),
        ({"y": np.array([0, 2, 0], np.uint16)}, "y must be below 2, got 2"),
        ({"p": np.array([0, 2, 0], np.uint8)}, "p must be below 2, got 2"),
        ({"t": np.array([-1, 0, 1])}, "t must be >= 0 us, got -1"),
        ({"t": np.array([5, 7, 6])}, "t descends within recording 1, after event 1"),
        ({"shape": (2, 3)}, r"shape must be \(height, width, 2\)"),
    ],
)
def test_recordings_refuse(change, message):
    found = Recordings.of([table((9, 0, 0, 0)), table((5, 1, 1, 1), (6, 2, 0, 0))], [0, 1], (2, 3, 2), 10)
    with pytest.raises(DataError, match=message):
        replace(found, **change)


def test_time_starts_again_with_each_recording():
    empty_ends = Recordings.of(
        [table(), table((9, 0, 0, 0)), table(), table((1, 0, 0, 0)), table()], [0] * 5, (1, 1, 2), 10
    )
    assert empty_ends.counts().sum(axis=(1, 2)).tolist() == [0, 1, 0, 1, 0]


def test_event_dataset_refuses():
    part = Recordings.of([table((0, 0, 0, 0))], [10], (34, 34, 2), 10)
    good = replace(part, label=np.array([9]))
    with pytest.raises(DataError, match="labels of test must be from 0 to 9, got 10 to 10"):
        EventDataset.of(NMNIST, train=good, test=part, checksums={})
    with pytest.raises(DataError, match=r"train is of shape \(34, 34, 2\) instead of \(128, 128, 2\)"):
        EventDataset.of(DVS128_GESTURE, train=good, test=good, checksums={})
    found = EventDataset.of(NMNIST, train=good, test=good, checksums={})
    assert (found.n_classes, found.n_features, found.note) == (10, 2312, NMNIST.note)


# N-MNIST


def nmnist_bytes(*events):
    return b"".join(struct.pack(">BBBH", x, y, p << 7 | t >> 16, t & 0xFFFF) for t, x, y, p in events)


@given(
    st.lists(st.tuples(st.integers(0, 2**23 - 1), st.integers(0, 33), st.integers(0, 33), st.integers(0, 1)))
)
def test_nmnist_round_trip(events):
    assert as_list(nmnist.read(nmnist_bytes(*events), "a-file")) == events


def test_nmnist_overflow_of_the_clock():
    found = nmnist.read(nmnist_bytes((8000, 1, 2, 1), (0, 0, 240, 0), (5, 3, 4, 0)), "a-file")
    assert as_list(found) == [(8000, 1, 2, 1), (8192 + 5, 3, 4, 0)]


def test_nmnist_refuses():
    data = nmnist_bytes((1, 2, 3, 1), (2, 34, 0, 0))
    with pytest.raises(DataError, match="a-file: truncated, 9 bytes are no multiple of an event's 5"):
        nmnist.read(data[:-1], "a-file")
    with pytest.raises(DataError, match=r"a-file: event 1 at \(34, 0\) is outside of 34 x 34 pixels"):
        nmnist.read(data, "a-file")


def published(entry, folder, *contents):
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for file, content in zip(entry.files, contents, strict=True):
        (folder / file.name).write_bytes(content)
        files.append(DataFile(file.name, len(content), md5=md5(content).hexdigest()))
    return replace(entry, files=tuple(files))


SMALL = {
    "NMNISTsmall/2.bs2": nmnist_bytes((7, 1, 1, 0)),
    "NMNISTsmall/1.bs2": nmnist_bytes((3, 0, 0, 1), (4, 33, 33, 1)),
    "NMNISTsmall/60001.bs2": b"",
    "NMNISTsmall/train1K.txt": b"#sample #class\r\n1\t5\r\n2\t0\r\n",
    "NMNISTsmall/test100.txt": b"#sample #class\r\n60001\t7\r\n",
}


def test_nmnist_subset(tmp_path):
    content = tar_bytes(SMALL, "xz")
    found = nmnist.load(published(NMNIST, tmp_path / "nmnist_small", content), tmp_path)
    assert (found.train.offsets.tolist(), found.train.label.tolist()) == ([0, 2, 3], [5, 0])
    assert (found.train.t.tolist(), found.train.x.tolist()) == ([3, 4, 7], [0, 33, 1])
    assert (found.test.offsets.tolist(), found.test.label.tolist()) == ([0, 0], [7])
    assert found.checksums == {"NMNISTsmall.tar.xz": sha256(content).hexdigest()}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("1.bs2", None, "holds no 1.bs2"),
        ("1.bs2", b"1234", "NMNISTsmall.tar.xz: 1.bs2: truncated, 4 bytes"),
        ("train1K.txt", None, "holds no train1K.txt"),
        ("train1K.txt", b"#\n1 2 3\n", "train1K.txt is no list of numbers and classes"),
        ("train1K.txt", b"#\n1 ten\n", "train1K.txt is no list of numbers and classes"),
        ("train1K.txt", b"#\n1 10\n", "labels of train must be from 0 to 9"),
        ("1.bs2", nmnist_bytes((4, 0, 0, 0), (3, 0, 0, 0)), "t descends within recording 0"),
    ],
)
def test_nmnist_subset_refuses(tmp_path, name, content, message):
    members = {**SMALL, f"NMNISTsmall/{name}": content}
    kept = {each: value for each, value in members.items() if value is not None}
    with pytest.raises(DataError, match=message):
        nmnist.load(published(NMNIST, tmp_path, tar_bytes(kept, "xz")), tmp_path)


def test_nmnist_full(tmp_path):
    train = {
        "Train/0/00002.bin": nmnist_bytes((7, 1, 1, 0)),
        "Train/5/00001.bin": nmnist_bytes((3, 2, 0, 1)),
        "Train/4/00003.bin": nmnist_bytes((1, 3, 0, 1)),
    }
    entry = published(NMNIST_FULL, tmp_path, zip_bytes(train), zip_bytes({"Test/7/00001.bin": b""}))
    found = nmnist.load_full(entry, tmp_path)
    assert (found.train.label.tolist(), found.train.x.tolist()) == ([5, 0, 4], [2, 1, 3])
    assert found.test.label.tolist() == [7]
    assert set(found.checksums) == {"train.zip", "test.zip"}
    empty = published(NMNIST_FULL, tmp_path, zip_bytes(train), zip_bytes({"Test/README": b""}))
    with pytest.raises(DataError, match=r"test\.zip: holds no recordings"):
        nmnist.load_full(empty, tmp_path)
    cut = published(NMNIST_FULL, tmp_path, zip_bytes({"Train/0/00002.bin": b"123"}), zip_bytes({}))
    with pytest.raises(DataError, match=r"train.zip: Train/0/00002.bin: truncated"):
        nmnist.load_full(cut, tmp_path)


# AEDAT 2.0

AEDAT2 = b"#!AER-DAT2.0\r\n# a comment\r\n"


def davis_bytes(*events, header=AEDAT2):
    return header + b"".join(struct.pack(">II", y << 22 | x << 12 | p << 11, t) for t, x, y, p in events)


@given(
    st.lists(
        st.tuples(st.integers(0, 2**31), st.integers(0, 1023), st.integers(0, 127), st.integers(0, 1)).map(
            tuple
        )
    )
)
def test_davis_round_trip(events):
    """Rows below 140: a first byte 0x23 would read as one more line of the header."""
    events = sorted(events)
    assert as_list(aedat.read_davis(davis_bytes(*events), "a-file")) == events


def test_davis_skips_other_sensors_and_ends_its_header():
    """Row 140 puts '#' first, which is no line once the header has ended."""
    header = AEDAT2 + b"#End Of ASCII Header\r\n"
    data = davis_bytes((5, 1, 140, 1), header=header) + struct.pack(">II", 1 << 31 | 77, 6)
    assert as_list(aedat.read_davis(data, "a-file")) == [(5, 1, 140, 1)]


def test_davis_clock_wraps():
    found = aedat.read_davis(davis_bytes((2**32 - 1, 0, 0, 0), (3, 0, 0, 0)), "a-file")
    assert found.t.tolist() == [2**32 - 1, 2**32 + 3]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"#!AER-DAT3.1\r\n", "not AER-DAT2.0, starts with b'#!AER-DAT3.1'"),
        (b"", "not AER-DAT2.0, starts with b''"),
        (AEDAT2[:-3], "truncated in its header, at 24 bytes"),
        (
            davis_bytes((1, 1, 1, 1))[:-1],
            "truncated, 7 bytes after the header are no multiple of an event's 8",
        ),
    ],
)
def test_davis_refuses(data, message):
    with pytest.raises(DataError, match=f"a-file: {message}"):
        aedat.read_davis(data, "a-file")


# AEDAT 3.1

AEDAT3 = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n"


def packet(*events, kind=1, size=8, overflows=0, capacity=None, valid=1):
    """One packet of polarity events."""
    n = len(events)
    room = n if capacity is None else capacity
    header = struct.pack("<hhiiiiii", kind, 0, size, 4, overflows, room, n, n)
    body = b"".join(struct.pack("<Ii", x << 17 | y << 2 | p << 1 | valid, t) for t, x, y, p in events)
    return header + body + bytes(max(0, size * (room - n)))


@given(
    st.lists(
        st.lists(
            st.tuples(
                st.integers(0, 2**31 - 1),
                st.integers(0, 2**15 - 1),
                st.integers(0, 2**15 - 1),
                st.integers(0, 1),
            )
        )
    )
)
def test_polarity_round_trip(packets):
    data = AEDAT3 + b"".join(packet(*events) for events in packets)
    assert as_list(aedat.read_polarity(data, "a-file")) == [event for events in packets for event in events]


def test_polarity_skips_what_is_none():
    data = (
        AEDAT3
        + packet((1, 2, 3, 1), capacity=3)
        + packet((9, 9, 9, 0), kind=0)
        + packet((8, 8, 8, 0), valid=0)
        + packet((7, 5, 6, 0), overflows=2)
    )
    assert as_list(aedat.read_polarity(data, "a-file")) == [(1, 2, 3, 1), (2 * 2**31 + 7, 5, 6, 0)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (AEDAT2, "not AER-DAT3.1"),
        (AEDAT3 + packet((1, 2, 3, 1))[:20], "truncated in the packet header at byte 42"),
        (AEDAT3 + packet((1, 2, 3, 1))[:-3], "truncated, the packet at byte 42 lacks 3 bytes"),
        (AEDAT3 + packet((1, 2, 3, 1), capacity=0), "corrupt packet at byte 42"),
        (AEDAT3 + packet(size=0), "corrupt packet at byte 42"),
        (AEDAT3 + packet(size=12), r"corrupt packet at byte 42 \(type 1, 0 of 0 events of 12 bytes\)"),
    ],
)
def test_polarity_refuses(data, message):
    with pytest.raises(DataError, match=f"a-file: {message}"):
        aedat.read_polarity(data, "a-file")


# DVS128 Gesture

LABELS = b"class,startTime_usec,endTime_usec\n"
GESTURES = {
    "DvsGesture/user01_led.aedat": AEDAT3
    + packet((90, 9, 9, 0), (100, 1, 2, 1), (150, 3, 4, 0))
    + packet((130, 5, 6, 1), (200, 7, 8, 0), (300, 127, 127, 1)),
    "DvsGesture/user01_led_labels.csv": LABELS + b"2,100,200\n11,200,400\n1,500,600\n",
    "DvsGesture/user24_lab.aedat": AEDAT3 + packet((5, 0, 0, 0)),
    "DvsGesture/user24_lab_labels.csv": LABELS + b"4,0,10\n",
    "DvsGesture/user30_unlisted.aedat": b"never read",
    "DvsGesture/trials_to_train.txt": b"user01_led.aedat\n\n",
    "DvsGesture/trials_to_test.txt": b"user24_lab.aedat\n",
}


def test_gestures_are_cut_from_trials(tmp_path):
    found = gesture.load(
        published(DVS128_GESTURE, tmp_path / "dvs128_gesture", tar_bytes(GESTURES, "gz")), tmp_path
    )
    train = found.train
    assert [found.class_names[c] for c in train.label] == [
        "right hand wave",
        "other gestures",
        "hand clapping",
    ]
    assert train.offsets.tolist() == [0, 3, 5, 5]
    events = EventTable(train.t, train.x, train.y, train.p)
    assert as_list(events) == [(0, 1, 2, 1), (30, 5, 6, 1), (50, 3, 4, 0), (0, 7, 8, 0), (100, 127, 127, 1)]
    assert (found.test.label.tolist(), found.test.t.tolist()) == ([3], [5])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("trials_to_test.txt", None, "holds no trials_to_test.txt"),
        ("user24_lab.aedat", None, "holds no user24_lab.aedat"),
        ("user24_lab.aedat", AEDAT3 + b"?", "user24_lab.aedat: truncated in the packet header"),
        ("user24_lab.aedat", AEDAT3 + packet((5, 128, 0, 0)), "x must be below 128, got 128"),
        ("user24_lab_labels.csv", None, "holds no user24_lab_labels.csv"),
        (
            "user24_lab_labels.csv",
            b"class,start\n1,2\n",
            "user24_lab_labels.csv is no table of class, startTime_usec",
        ),
        ("user24_lab_labels.csv", LABELS + b"1,2\n", "user24_lab_labels.csv is no table of"),
        ("user24_lab_labels.csv", LABELS + b"12,0,10\n", "class 12 from 0 to 10 us cannot be"),
        ("user24_lab_labels.csv", LABELS + b"1,10,0\n", "class 1 from 10 to 0 us cannot be"),
    ],
)
def test_gestures_refuse(tmp_path, name, content, message):
    members = {**GESTURES, f"DvsGesture/{name}": content}
    kept = {each: value for each, value in members.items() if value is not None}
    with pytest.raises(DataError, match=message):
        gesture.load(published(DVS128_GESTURE, tmp_path, tar_bytes(kept, "gz")), tmp_path)


def npy(events):
    content = io.BytesIO()
    np.save(content, np.array(events))
    return content.getvalue()


CUT = {
    "Train": {"user01_led/10": [[1, 2, 1, 7], [3, 4, 0, 5]], "user01_led/0": [[127, 127, 1, 9]]},
    "Test": {"user24_lab/3": [[0, 0, 0, 4.0]]},
}


def published_cut(folder, change=None):
    """Two archives of arrays x, y, polarity, ms, one with a member changed."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for part, gestures in CUT.items():
        members = {f"ibmGesture{part}/{name}.npy": npy(events) for name, events in gestures.items()}
        if change and part == "Test":
            members = dict([change])
        content = tar_bytes(members, "gz")
        (folder / f"{part}.tar.gz").write_bytes(content)
        files.append(DataFile(f"{part}.tar.gz", len(content), md5=md5(content).hexdigest()))
    return replace(DVS128_GESTURE_CUT, files=tuple(files))


def test_gestures_that_others_have_cut(tmp_path):
    found = gesture.load_cut(published_cut(tmp_path / "dvs128_gesture_cut"), tmp_path)
    train = found.train
    assert (train.label.tolist(), train.offsets.tolist()) == ([0, 10], [0, 1, 3])
    events = EventTable(train.t, train.x, train.y, train.p)
    assert as_list(events) == [(9_000, 127, 127, 1), (5_000, 3, 4, 0), (7_000, 1, 2, 1)]
    assert (found.test.label.tolist(), found.test.t.tolist()) == ([3], [4_000])
    windows = train.to_windows(n_ticks=4, duration_us=10_000, pool=32)
    assert list(zip(windows.trial, windows.tick, windows.channel, strict=True)) == [
        (0, 3, 31),
        (1, 2, 0),
        (1, 2, 1),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("ibmGestureTest/readme.txt", b""), "holds no gestures"),
        (("user24_lab/11.npy", npy([[0, 0, 0, 0]])), "must be of a class below 11"),
        (("user24_lab/1.npy", npy([[0, 0, 0]])), r"user24_lab/1.npy: must be numbers of shape \(n, 4\)"),
        (("user24_lab/1.npy", npy([[0, 0, 0, -1]])), "must not be below 0"),
        (("user24_lab/1.npy", npy([[128, 0, 0, 1]])), "x must be below 128, got 128"),
        (("user24_lab/1.npy", npy([[0, 0, 0, 1]])[:-3]), "no NumPy array of numbers"),
    ],
)
def test_cut_gestures_refuse(tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        gesture.load_cut(published_cut(tmp_path, change), tmp_path)


# Prophesee

DAT = b"% Data file containing events.\n% Version 2\n% Date 2017-10-31 11:29:21\n\x00\x08"


def dat_bytes(*events):
    return DAT + b"".join(struct.pack("<II", t, p << 28 | y << 14 | x) for t, x, y, p in events)


@given(
    st.lists(
        st.tuples(st.integers(0, 2**32 - 1), *[st.integers(0, 2**14 - 1)] * 2, st.integers(0, 1)).map(tuple)
    )
)
def test_dat_round_trip(events):
    events = sorted(events)
    assert as_list(prophesee.read_dat(dat_bytes(*events), "a-file")) == events


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a .dat file of version 2, starts with b''"),
        (DAT.replace(b"Version 2", b"Version 1"), "not a .dat file of version 2"),
        (DAT[:20], "truncated in its header, at 20 bytes"),
        (DAT[:-1], "truncated in its header"),
        (DAT[:-1] + b"\x10", "events of 16 bytes instead of 8 are not supported"),
        (dat_bytes((1, 2, 3, 0))[:-1], "truncated, 7 bytes after the header are no multiple of an event's 8"),
    ],
)
def test_dat_refuses(data, message):
    with pytest.raises(DataError, match=f"a-file: {message}"):
        prophesee.read_dat(data, "a-file")


# the real files


def test_real_nmnist():
    if not datasets.available("nmnist"):
        pytest.skip("nmnist is absent: set TEGMENTUM_DATA to a folder with NMNISTsmall.tar.xz")
    found = datasets.load_events("nmnist")
    assert len(found.train.t) + len(found.test.t) == 4_518_827
    assert np.bincount(found.train.label).tolist() == [97, 116, 99, 93, 105, 92, 94, 117, 87, 100]
    assert np.bincount(found.test.label).tolist() == [8, 14, 8, 11, 14, 7, 10, 15, 2, 11]
    assert (
        max(found.train.t.max(), found.test.t.max()) == 336_040 < nmnist.DURATION_US
    )  # the default loses nothing
    assert found.test.counts(20).sum() == len(found.test.t)
    first = found.test.take(range(10))
    windows = first.to_windows(20)
    assert len(windows) == np.count_nonzero(first.counts(20))
    if datasets.available("mnist"):
        mnist = datasets.load("mnist")
        np.testing.assert_array_equal(found.train.label, mnist.y_train[:1000])
        np.testing.assert_array_equal(found.test.label, mnist.y_test[:100])


@pytest.mark.parametrize(
    ("name", "read", "n_events", "shape"),
    [
        ("tonic_sample_nmnist.bin", nmnist.read, 4_325, (34, 34)),
        ("tonic_sample_ncars.dat", prophesee.read_dat, 2_009, (100, 120)),
        ("DVSFLOW16_IMU_rotDisk.aedat", aedat.read_davis, 374_296, (180, 240)),
        ("DVSFLOW16_IMU_translBoxes.aedat", aedat.read_davis, 162_771, (180, 240)),
    ],
)
def test_real_recordings(name, read, n_events, shape):
    path = Path(os.environ.get("TEGMENTUM_DATA", "")) / "dvs_samples" / name
    if not path.is_file():
        pytest.skip(f"{name} is absent: set TEGMENTUM_DATA to a folder that holds it in dvs_samples")
    found = read(path.read_bytes(), str(path))
    assert len(found.t) == n_events
    assert (found.y.max() < shape[0], found.x.max() < shape[1]) == (True, True)
    assert (np.diff(found.t) >= 0).all()
    assert 0.3 < found.p.mean() < 0.7
