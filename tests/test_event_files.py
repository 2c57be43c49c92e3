"""A user's own recordings of an event camera: each format, what is refused, and the way into a network."""

import doctest
import gzip
import io
import os
import random
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from tegmentum.datasets import archives, cifar10, event_files, idx, png, read_events
from tegmentum.datasets.catalogue import CIFAR10
from tegmentum.simcore import (
    LIFExp,
    Network,
    OneToOne,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
)
from tegmentum.simcore.errors import DataError, DescriptionError

EVENTS = [(10, 3, 7, 1), (1_010, 0, 0, 0), (1_010, 5, 2, 1), (4_000, 9, 11, 0)]  # t (us), x, y, p
AEDAT2 = b"#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.davis.DAVIS240C\r\n"
AEDAT3 = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DAVIS240C\r\n#!END-HEADER\r\n"
DAT = b"% Data file\n% Version 2\n% Height 12\n% Width 16\n"


def davis(events, header=AEDAT2):
    return header + b"".join(struct.pack(">II", y << 22 | x << 12 | p << 11, t) for t, x, y, p in events)


def dvs128(events, header=b"#!AER-DAT2.0\r\n# AEChip: ch.unizh.ini.jaer.chip.retina.DVS128\r\n"):
    return header + b"".join(struct.pack(">II", y << 8 | x << 1 | 1 - p, t) for t, x, y, p in events)


def aedat3(events, header=AEDAT3, kind=1, overflows=0):
    n = len(events)
    body = b"".join(struct.pack("<Ii", x << 17 | y << 2 | p << 1 | 1, t) for t, x, y, p in events)
    return header + struct.pack("<hhiiiiii", kind, 1, 8, 4, overflows, n, n, n) + body


def dat(events, header=DAT, kind=0x0C, size=8):
    return (
        header
        + bytes((kind, size))
        + b"".join(struct.pack("<II", t, p << 28 | y << 14 | x) for t, x, y, p in events)
    )


def nmnist(events):
    return b"".join(bytes((x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255)) for t, x, y, p in events)


#: name of a file: its bytes, its format and the camera's height and width
FILES = {
    "a.aedat": (davis(EVENTS), "AEDAT 2.0", (180, 240)),
    "b.aedat": (dvs128(EVENTS), "AEDAT 2.0", (128, 128)),
    "c.aedat": (aedat3(EVENTS), "AEDAT 3.1", (180, 240)),
    "d.aedat": (
        aedat3(EVENTS, header=b"#!AER-DAT3.0\r\n#Format: RAW\r\n"),
        "AEDAT 3.0",
        (12, 10),  # no camera is named: what holds all events
    ),
    "e.dat": (dat(EVENTS), "Prophesee DAT 2", (12, 16)),
    "f.bin": (nmnist(EVENTS), "N-MNIST", (34, 34)),
}


def as_list(found):
    assert [c.dtype.str[1:] for c in (found.t, found.x, found.y, found.p)] == ["i8", "u2", "u2", "u1"]
    return list(zip(found.t.tolist(), found.x.tolist(), found.y.tolist(), found.p.tolist(), strict=True))


def write(path, data):
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", FILES)
def test_each_format_is_told_and_read(tmp_path, name, packed):
    data, kind, shape = FILES[name]
    path = write(tmp_path / (name + ".gz" * packed), gzip.compress(data) if packed else data)
    found = read_events(path)
    assert as_list(found) == EVENTS
    assert (found.format, (found.height, found.width), found.source) == (kind, shape, str(path))
    assert as_list(read_events(str(path), shape=(40, 50))) == EVENTS


def test_first_event_of_row_140_is_no_header_line(tmp_path):
    """Its address begins with '#', as a line of the header does."""
    events = [(5, 1, 140, 1), (6, 10, 140, 0)]
    assert as_list(read_events(write(tmp_path / "a.aedat", davis(events)))) == events


def test_signals_from_outside_are_no_events(tmp_path):
    data = davis(EVENTS) + struct.pack(">II", 1 << 10, 5_000) + struct.pack(">II", 1 << 31, 5_001)
    assert as_list(read_events(write(tmp_path / "a.aedat", data))) == EVENTS
    data = dvs128(EVENTS) + struct.pack(">II", 1 << 15, 5_000)
    assert as_list(read_events(write(tmp_path / "b.aedat", data))) == EVENTS


def test_clocks_wrap(tmp_path):
    late = [(2**32 - 5, 1, 2, 0), (3, 1, 2, 1)]
    for name, data in (("a.aedat", davis(late)), ("e.dat", dat(late))):
        assert read_events(write(tmp_path / name, data)).t.tolist() == [2**32 - 5, 2**32 + 3]
    data = aedat3([(2**31 - 1, 1, 2, 0)]) + aedat3([(3, 1, 2, 0)], header=b"", overflows=1)
    assert read_events(write(tmp_path / "c.aedat", data)).t.tolist() == [2**31 - 1, 2**31 + 3]


BACK = [(10, 0, 0, 0), (30, 1, 0, 0), (20, 2, 0, 1), (20, 3, 0, 1)]


def test_time_that_goes_back_is_refused_or_sorted(tmp_path):
    path = write(tmp_path / "e.dat", dat(BACK))
    with pytest.raises(
        DataError, match=r"e.dat: time goes back from 30 us \(event 1\) to 20 us, and so 1 times"
    ):
        read_events(path)
    assert as_list(read_events(path, sort=True)) == [BACK[0], BACK[2], BACK[3], BACK[1]]


def test_a_file_without_events(tmp_path):
    found = read_events(write(tmp_path / "a.aedat", davis([])))
    assert (len(found), found.height, found.width) == (0, 180, 240)
    times, channel = found.spikes()
    assert len(times) == len(channel) == 0
    with pytest.raises(DataError, match="holds no events, which makes no recording"):
        found.to_recordings()
    path = write(tmp_path / "e.dat", dat([], header=b"% Version 2\n"))
    with pytest.raises(DataError, match=r"does not state its camera's size; give shape=\(height, width\)"):
        read_events(path)
    assert len(read_events(path, shape=(3, 4))) == 0


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.aedat", b"", r"empty \(0 bytes\)"),
        (
            "a.aedat",
            b"\x00\x01\x02\x03",
            "expected '#!AER-DAT' and a version at byte 0.*AEDAT 1.0 is not read",
        ),
        ("a.aedat", b"#!AER-DAT1.0\r\n", "AEDAT 1.0 is not read; AEDAT 2.0, 3.0, 3.1 and 4.0"),
        ("a.aedat", b"#!AER-DAT5.2\r\n", "AEDAT 5.2 is not read"),
        ("a.aedat", b"#!AER-DAT2.0\r\n" + bytes(8), r"no line '# AEChip: ...'.*give camera="),
        (
            "a.aedat",
            davis([], header=b"#!AER-DAT2.0\r\n# AEChip: x.Cochlea\r\n"),
            "must be one of DVS128.*Cochlea",
        ),
        (
            "a.aedat",
            davis(EVENTS)[:-3],
            "truncated, 29 bytes after the header are no multiple of an event's 8",
        ),
        (
            "a.aedat",
            davis([(1, 240, 3, 0)]),
            r"event 0 at column 240, row 3 is outside of a camera of 180 x 240",
        ),
        ("c.aedat", aedat3(EVENTS)[:-3], "truncated, the packet at byte 64 lacks 3 bytes"),
        ("c.aedat", aedat3(EVENTS)[:80], "truncated in the packet header at byte 64"),
        ("c.aedat", aedat3(EVENTS, kind=-0x7FFF), "corrupt packet at byte 64"),
        ("c.aedat", aedat3(EVENTS, overflows=-1), "corrupt packet at byte 64"),
        ("c.aedat", aedat3([(-4, 1, 1, 1)]), "packet at byte 64, the time of its event 0 is below 0"),
        (
            "c.aedat",
            AEDAT3.replace(b"RAW", b"SerializedTS"),
            "format is SerializedTS, which is compressed; only RAW is read",
        ),
        ("d.aedat4", b"#!AER-DAT4.0\r\n\x01", "truncated in its header, at 15 bytes"),
        ("d.aedat4", b"#!AER-DAT4.0\r\n" + struct.pack("<I", 99), "needs 117 bytes of the 18 found"),
        ("d.aedat4", b"#!AER-DAT4.0\r\n" + struct.pack("<II", 4, 77), "corrupt header at byte 18"),
        ("e.dat", DAT.replace(b"Version 2", b"Version 1") + b"\x0c\x08", "not a .dat file of version 2"),
        ("e.dat", dat(EVENTS, kind=0x0E), "type 0x0e at byte 47 instead of a camera's"),
        ("e.dat", dat(EVENTS, size=16), "events of 16 bytes instead of 8"),
        ("e.dat", dat(EVENTS)[:-1], "truncated, 31 bytes after the header"),
        ("e.dat", dat([(1, 3, 12, 0)]), "event 0 at column 3, row 12 is outside of a camera of 12 x 16"),
        ("f.bin", nmnist(EVENTS)[:-1], "truncated, 19 bytes are no multiple of an event's 5"),
        ("f.bin", nmnist([(1, 34, 0, 0)]), "event 0 at column 34, row 0 is outside of a camera of 34 x 34"),
        ("g.txt", b"t,x,y,p\n1,2,3,1\n", "of no known format, starts with b't,x,y,p.*AEDAT 2.0"),
        ("e.dat.gz", gzip.compress(dat(EVENTS))[:-9], "truncated"),
    ],
)
def test_refused(tmp_path, name, data, message):
    path = write(tmp_path / name, data)
    with pytest.raises(DataError, match=message) as refused:
        read_events(path)
    assert str(refused.value).startswith(f"{path}: ")


def test_missing_files_folders_and_arguments_that_cannot_be(tmp_path):
    for path in (tmp_path / "absent.dat", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_events(path)
    path = write(tmp_path / "a.aedat", davis(EVENTS, header=b"#!AER-DAT2.0\r\n"))
    with pytest.raises(DescriptionError, match=r"camera must be one of DVS128.*got 'X'"):
        read_events(path, camera="X")
    with pytest.raises(DescriptionError, match=r"shape must be \(height, width\).*got \(0, 3\)"):
        read_events(path, shape=(0, 3))
    assert as_list(read_events(path, camera="davis346")) == EVENTS
    with pytest.raises(DescriptionError, match="pool must be from 1 to 180, got 181"):
        read_events(path, camera="DAVIS240C").spikes(pool=181)


def test_aedat4_needs_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "aedat", None)
    path = write(tmp_path / "d.aedat4", b"#!AER-DAT4.0\r\n")
    with pytest.raises(DataError, match=r"AEDAT 4.0 needs the package aedat: pip install aedat"):
        read_events(path)


# the way into a network


def test_spikes_are_binned_as_recordings_are(tmp_path):
    found = read_events(write(tmp_path / "e.dat", dat(EVENTS)))
    times, channel = found.spikes(pool=5)
    assert times.tolist() == [0.0, 1.0, 1.0]  # the last event is in the rows that 5 does not divide
    assert channel.tolist() == [(1 * 3 + 0) * 2 + 1, 0, (0 * 3 + 1) * 2 + 1]
    windows = found.to_recordings().to_windows(n_ticks=3991, pool=5)
    assert sorted(zip(windows.tick, windows.channel, strict=True)) == sorted(
        zip(np.rint(times * 1000), channel, strict=True)
    )
    assert found.n_channels(pool=5) == windows.n_channels
    assert found.spikes(start_us=1_000)[0].tolist() == [0.01, 0.01, 3.0]


def test_events_drive_a_network(tmp_path):
    """Each neuron that is told of an event fires, and no other."""
    found = read_events(write(tmp_path / "e.dat", dat(EVENTS)))
    times, channel = found.spikes()
    camera = SpikeTrain("camera", found.n_channels(), times, channel)
    cells = Population("cells", found.n_channels(), LIFExp())
    network = Network(cells, camera, Projection(camera, cells, OneToOne(), weight=20_000.0))
    fired = Simulation(network, dt=0.1, seed=1).run(6.0, record=Record(spikes=[cells])).spikes["cells"]
    assert set(fired.neuron.tolist()) == set(channel.tolist())


def test_example_of_the_docstring(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "recording.dat", dat(EVENTS))
    (test,) = doctest.DocTestFinder(recurse=False).find(read_events, "read_events", globs={})
    assert len(test.examples) >= 5
    assert doctest.DocTestRunner().run(test).failed == 0


# real files


def sample(name):
    path = Path(os.environ.get("TEGMENTUM_DATA", "")) / "dvs_samples" / name
    if not path.is_file():
        pytest.skip(f"{name} is absent: set TEGMENTUM_DATA to a folder that holds it in dvs_samples")
    return path


def by_hand_aedat2(data):
    at = data.index(b"#End of Preferences")
    at = data.index(b"\n", at) + 1
    word, t = np.frombuffer(data, ">u4", offset=at).reshape(-1, 2).astype(np.int64).T
    dvs = word < 2**31
    return t[dvs], word[dvs] // 2**12 % 2**10, word[dvs] // 2**22 % 2**9, word[dvs] // 2**11 % 2


def by_hand_dat(data):
    t, word = np.frombuffer(data, "<u4", offset=93).reshape(-1, 2).astype(np.int64).T
    return t, word % 2**14, word // 2**14 % 2**14, word // 2**28 % 2


def by_hand_nmnist(data):
    b = np.frombuffer(data, np.uint8).reshape(-1, 5).astype(np.int64).T
    return b[2] % 128 * 2**16 + b[3] * 2**8 + b[4], b[0], b[1], b[2] // 128


@pytest.mark.parametrize(
    ("name", "n_events", "shape", "by_hand"),
    [
        ("DVSFLOW16_IMU_rotDisk.aedat", 374_296, (180, 240), by_hand_aedat2),
        ("DVSFLOW16_IMU_translBoxes.aedat", 162_771, (180, 240), by_hand_aedat2),
        ("tonic_sample_ncars.dat", 2_009, (42, 78), by_hand_dat),
        ("tonic_sample_nmnist.bin", 4_325, (34, 34), by_hand_nmnist),
    ],
)
def test_real_files(name, n_events, shape, by_hand):
    path = sample(name)
    found = read_events(path)
    assert (len(found), (found.height, found.width)) == (n_events, shape)
    for column, expected in zip(
        (found.t, found.x, found.y, found.p), by_hand(path.read_bytes()), strict=True
    ):
        np.testing.assert_array_equal(column, expected)


@pytest.mark.parametrize(
    ("name", "n_events", "shape", "first_us", "sums"),
    [
        # sums of t - first_us, x, y and p: of a reading that unpacked LZ4 and FlatBuffers by hand
        (
            "aestream_davis.aedat4",
            117_667,
            (260, 346),
            1_633_953_690_975_950,
            (7_327_758_848, 17_676_033, 10_498_046, 72_363),
        ),
        (
            "tonic_sample.aedat4",
            111_954,
            (240, 320),
            1_605_537_493_718_345,
            (31_685_685_498, 18_342_405, 15_105_898, 55_023),
        ),
    ],
)
def test_real_aedat4(tmp_path, name, n_events, shape, first_us, sums):
    pytest.importorskip("aedat", reason="AEDAT 4.0 is decoded by the package aedat, which is not installed")
    path = sample(name)
    found = read_events(path)
    assert (len(found), (found.height, found.width), int(found.t[0])) == (n_events, shape, first_us)
    assert (found.format, sums) == (
        "AEDAT 4.0",
        (int((found.t - first_us).sum()), *(int(column.sum()) for column in (found.x, found.y, found.p))),
    )
    data = path.read_bytes()
    with pytest.raises(DataError, match="truncated, its data table is at byte"):
        read_events(write(tmp_path / "cut.aedat4", data[:500_000]))
    broken = bytearray(data)
    broken[500_000:500_400] = bytes(400)
    with pytest.raises(DataError, match=r"damaged AEDAT 4.0, after|time goes back|corrupt packet|truncated"):
        read_events(write(tmp_path / "broken.aedat4", bytes(broken)))


# damage at random: a DataError, or events that make sense; never another exception


def mutants(data, n, seed):
    draw = random.Random(seed)
    for _ in range(n):
        mutant = bytearray(data)
        if draw.random() < 0.3:
            del mutant[draw.randrange(len(mutant)) :]
        for _ in range(draw.choice([1, 2, 6])):
            if mutant:
                at = draw.randrange(min(len(mutant), draw.choice([32, 128, len(data)])))
                mutant[at] = draw.choice([0, 127, 128, 255, draw.randrange(256)])
        yield bytes(mutant)


def refusals(data, n, seed, read):
    refused = 0
    for mutant in mutants(data, n, seed):
        try:
            read(mutant)
        except DataError:
            refused += 1
    return refused


@pytest.mark.parametrize("name", FILES)
def test_damaged_event_files(tmp_path, name):
    path = tmp_path / name

    def read(data):
        found = read_events(write(path, data))
        assert (np.diff(found.t) >= 0).all()
        assert found.x.max(initial=0) < found.width
        assert found.y.max(initial=0) < found.height

    assert refusals(FILES[name][0], 300, 13, read) > 50


@pytest.mark.parametrize(("name", "n"), [("tonic_sample.aedat4", 60), ("aestream_davis.aedat4", 60)])
def test_damaged_aedat4(tmp_path, name, n):
    pytest.importorskip("aedat", reason="AEDAT 4.0 is decoded by the package aedat, which is not installed")
    path = tmp_path / name
    assert refusals(sample(name).read_bytes(), n, 14, lambda data: read_events(write(path, data))) > n // 4


def png_bytes():
    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(bytes([row % 5]) + bytes(range(8)) for row in range(8))
    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def zip_bytes():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b.txt", b"hello" * 50)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "read"),
    [
        (struct.pack(">BBBBIII", 0, 0, 8, 3, 5, 4, 4) + bytes(80), lambda d: idx.images(d, "f", (4, 4))),
        (struct.pack(">BBBBI", 0, 0, 8, 1, 5) + bytes(5), lambda d: idx.labels(d, "f", 10)),
        (png_bytes(), lambda d: png.grey(d, "f", (8, 8))),
        (bytes(3073 * 2), lambda d: cifar10.records(d, "f", CIFAR10)),
        (zip_bytes(), lambda d: list(archives.zip_members(io.BytesIO(d), "f", lambda _: True))),
    ],
    ids=["idx images", "idx labels", "png", "cifar10", "zip"],
)
def test_damaged_images_and_archives(data, read):
    read(data)
    assert refusals(data, 1500, 4, read) > 50


def test_shapes_that_hold_nothing_and_filters_that_do_not_exist():
    with pytest.raises(DataError, match=r"corrupt header, shape .* holds nothing"):
        idx.parse(struct.pack(">BBBBIII", 0, 0, 8, 3, 2**32 - 1, 0, 2**32 - 1), "f", 3)
    start, end = png_bytes().split(b"IDAT")[0][:-4], png_bytes()[-12:]
    body = b"IDAT" + zlib.compress(b"".join(b"\x09" + bytes(8) for _ in range(8)))
    damaged = start + struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)) + end
    with pytest.raises(DataError, match="corrupt PNG, a row's filter is 9"):
        png.grey(damaged, "f", (8, 8))


def test_jpeg_of_another_size_is_refused_before_it_is_decoded():
    """A header of 65,000 x 65,000 pixels in few bytes."""
    image = pytest.importorskip("PIL.Image", reason="JPEG is decoded by Pillow, which is not installed")
    stream = io.BytesIO()
    image.new("RGB", (32, 32)).save(stream, "JPEG")
    data = bytearray(stream.getvalue())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 65_000, 65_000)
    for content in (bytes(data), bytes(data[: at + 5]) + struct.pack(">HH", 33, 32) + bytes(data[at + 9 :])):
        with pytest.raises(DataError, match=r"a.jpg: (damaged JPEG|image of shape)"):
            cifar10.decode([("a.jpg", content)], 1, (32, 32, 3), "f")


def test_reader_is_public():
    from tegmentum import datasets

    assert datasets.EventFile is event_files.EventFile
    assert {"EventFile", "read_events"} <= set(datasets.__all__)
