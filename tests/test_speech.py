"""Spoken digits: the cochlea, the readers, and EGDC on what the cochlea's neurons fire."""

import hashlib
import io
import wave
from dataclasses import replace

import numpy as np
import pytest
from packing import tar_bytes

from tegmentum import datasets
from tegmentum.datasets import Cochlea, cochlea, fsdd, load_tidigits, tidigits
from tegmentum.datasets.catalogue import CATALOGUE, FSDD, DataFile
from tegmentum.plasticity import EGDC, EGDCParameters, WhitenedParameters
from tegmentum.simcore.errors import DataError, DescriptionError

RATE = 8_000


def tone(hertz, n=2_000, silence=0, loudness=0.1):
    sound = loudness * np.sin(2 * np.pi * hertz * np.arange(n) / RATE)
    return np.concatenate([np.zeros(silence), sound, np.zeros(silence)])


# the cochlea


@pytest.mark.parametrize("band", [3, 12, 20])
def test_a_tone_drives_the_band_of_its_frequency_most(band):
    p = Cochlea()
    counts = cochlea.cochleagram(tone(p.frequencies[band]), RATE, p).reshape(p.n_bands, p.n_bins)
    assert counts.sum(axis=1).argmax() == band


def test_a_tone_at_the_centre_passes_as_the_equation_says():
    """A sine of mean power 1 has the envelope sqrt(2), and G(f_b) = 1; a bandwidth off, |G| = |1 + i / 1.019|^-4."""
    p = Cochlea(n_bands=1, lowest=1_000.0, highest=1_000.0)
    erb = 24.7 * (4.37 + 1)
    for off, gain in ((0.0, 1.0), (erb, abs(1 + 1j / 1.019) ** -4)):
        middle = cochlea.envelopes(tone(1_000.0 + off), RATE, p)[0, 800:1_200]
        np.testing.assert_allclose(middle, np.sqrt(2) * gain, rtol=0.02)


def test_spikes_are_those_of_a_neuron_that_integrates():
    """Sample by sample, against the closed form."""
    p = Cochlea(n_bands=3, rate=900.0)
    envelope = cochlea.envelopes(tone(700.0, 300), RATE, p)
    times, bands = cochlea.spikes(tone(700.0, 300), RATE, p)
    expected = []
    v = np.zeros(3)
    for k, a in enumerate(envelope.T):
        v += a**p.compression * p.rate / RATE
        expected += [((k + 1) * 1000 / RATE, b) for b in range(3) if v[b] >= 1 - 1e-9]
        v -= v >= 1 - 1e-9
    assert [(t, int(b)) for t, b in zip(times, bands, strict=True)] == expected


def test_silence_around_a_word_and_its_loudness_do_not_matter():
    bare = cochlea.cochleagram(tone(900.0), RATE).astype(int)
    held = cochlea.cochleagram(tone(900.0, silence=400), RATE).astype(int)
    loud = cochlea.cochleagram(8 * tone(900.0), RATE).astype(int)
    assert bare.max() > 30
    assert np.abs(loud - bare).max() <= 1
    middle = slice(5, -5)
    strong = bare[:, middle] > 20
    assert np.abs(held - bare)[:, middle][strong].max() < 0.35 * bare.max()


@pytest.mark.parametrize(
    ("sound", "p", "message"),
    [
        (np.zeros(9), Cochlea(), "not all 0"),
        (np.array([np.nan, 1.0]), Cochlea(), "finite"),
        (tone(200.0), Cochlea(highest=4_000.0), "below half the sampling rate of 8000 Hz"),
    ],
)
def test_the_cochlea_refuses(sound, p, message):
    with pytest.raises(DescriptionError, match=message):
        cochlea.cochleagram(sound, RATE, p)


@pytest.mark.parametrize("options", [{"n_bands": 0}, {"rate": 0.0}, {"lowest": 0.0}, {"onset": 1.0}])
def test_bad_parameters(options):
    with pytest.raises(DescriptionError, match=next(iter(options))):
        Cochlea(**options)


# Free Spoken Digit Dataset


def wave_bytes(sound, channels=1, width=2):
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(RATE)
        file.writeframes(np.rint(sound * 32767).astype("<i2").tobytes())
    return content.getvalue()


@pytest.fixture(scope="module")
def recordings():
    """Two digits of two speakers, takes 4 and 5: tones of two frequencies."""
    return {
        f"recordings/{digit}_{speaker}_{take}.wav": wave_bytes(tone(400.0 + 900 * digit + 7 * take, 900))
        for digit in range(2)
        for speaker in ("theo", "lucas")
        for take in (5, 4)
    }


@pytest.fixture
def published(recordings, tmp_path, monkeypatch):
    content = tar_bytes(recordings, "xz")
    (tmp_path / "fsdd").mkdir()
    (tmp_path / "fsdd" / "a.tar.xz").write_bytes(content)
    file = DataFile("a.tar.xz", len(content), hashlib.sha256(content).hexdigest())
    ordered = sorted(recordings, key=lambda name: (name[11], name.split("_")[1], name[-5]))
    digest = hashlib.sha256(b"".join(recordings[name] for name in ordered)).hexdigest()
    monkeypatch.setattr(fsdd, "RECORDINGS_SHA256", digest)
    return replace(FSDD, files=(file,))


def test_recordings_are_read_from_an_archive_or_a_folder(recordings, published, tmp_path):
    first = fsdd.read(published, tmp_path)
    assert first.digit.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert first.speaker[:4] == ("lucas", "lucas", "theo", "theo")
    assert first.take.tolist() == [4, 5] * 4
    np.testing.assert_allclose(first.sounds[0], tone(428.0, 900), atol=1e-4)
    copy = tmp_path / "copy" / "fsdd" / "recordings"
    copy.mkdir(parents=True)
    for name, content in recordings.items():
        (copy / name.removeprefix("recordings/")).write_bytes(content)
    second = fsdd.read(published, tmp_path / "copy")
    assert all(np.array_equal(a, b) for a, b in zip(first.sounds, second.sounds, strict=True))
    (copy / "1_theo_5.wav").write_bytes(wave_bytes(tone(50.0, 900)))
    with pytest.raises(DataError, match="SHA-256 of its 8 recordings"):
        fsdd.read(published, tmp_path / "copy")


def test_the_authors_split_and_a_speaker_held_out(published, tmp_path):
    both = fsdd.load(published, tmp_path)
    assert (both.y_train.tolist(), both.y_test.tolist()) == ([0, 0, 1, 1], [0, 0, 1, 1])
    held = fsdd.load(replace(published, name="fsdd-theo"), tmp_path)
    spoken = fsdd.read(published, tmp_path)
    every = spoken.cochleagrams()
    np.testing.assert_array_equal(held.x_test, every[np.array(spoken.speaker) == "theo"])
    np.testing.assert_array_equal(held.x_train, every[np.array(spoken.speaker) == "lucas"])
    with pytest.raises(DataError, match="no training or no test part"):
        fsdd.load(replace(published, name="fsdd-george"), tmp_path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"RIFF", "no readable WAVE"),
        (wave_bytes(tone(200.0, 64))[:-9], "truncated|no readable"),
        (wave_bytes(tone(200.0, 64), channels=2), "one channel and 16 bits, got 2"),
    ],
)
def test_wave_refuses(data, message):
    with pytest.raises(DataError, match=f"a-file: .*({message})"):
        fsdd.read_wave(data, "a-file")


def test_each_speaker_has_a_data_set():
    assert [name for name in CATALOGUE if name.startswith("fsdd-")] == [f"fsdd-{s}" for s in fsdd.SPEAKERS]


def test_real_recordings():
    if not datasets.available("fsdd"):
        pytest.skip("fsdd is absent: set TEGMENTUM_DATA")
    spoken = datasets.load_fsdd()
    assert len(spoken) == 3_000
    assert np.bincount(spoken.digit).tolist() == [300] * 10
    assert {name: spoken.speaker.count(name) for name in fsdd.SPEAKERS} == dict.fromkeys(fsdd.SPEAKERS, 500)


# TIDigits


def sphere(sound, order="01", **changes):
    header = {"sample_count": f"-i {len(sound)}", "sample_rate": "-i 20000", "channel_count": "-i 1",
              "sample_n_bytes": "-i 2", "sample_byte_format": f"-s2 {order}", "sample_coding": "-s3 pcm"}  # fmt: skip
    header |= {name: value for name, value in changes.items() if value}
    lines = "".join(f"{name} {value}\n" for name, value in header.items() if changes.get(name, "x"))
    text = f"NIST_1A\n   1024\n{lines}end_head\n".ljust(1024)
    whole = np.rint(np.asarray(sound) * 32768).astype("<i2" if order == "01" else ">i2")
    return text.encode() + whole.tobytes()


@pytest.mark.parametrize("order", ["01", "10"])
def test_sphere_round_trip(order):
    sound = np.array([0.0, 0.5, -0.25, -1.0])
    found, rate = tidigits.read_sphere(sphere(sound, order), "a-file")
    assert (found.tolist(), rate) == (sound.tolist(), 20_000)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"RIFF1234", "no NIST SPHERE file"),
        (sphere([0.0] * 4)[:60], "no end_head"),
        (sphere([0.0] * 4)[:-1], "lacks 1 bytes"),
        (sphere([0.0], sample_coding="-s26 pcm,embedded-shorten-v2.00"), "sph2pipe"),
        (sphere([0.0], sample_rate=""), "sample_rate"),
        (sphere([0.0], sample_n_bytes="-i 1"), "one channel and 2 bytes"),
    ],
)
def test_sphere_refuses(data, message):
    with pytest.raises(DataError, match=f"a-file: .*{message}"):
        tidigits.read_sphere(data, "a-file")


def test_tidigits_in_the_layout_of_its_publisher(tmp_path):
    for path in ("TRAIN/MAN/AE/1A.WAV", "train/girl/xy/ob.wav", "test/boy/cd/za.wav", "test/boy/cd/12a.wav"):
        (tmp_path / "tidigits" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tidigits" / path).write_bytes(sphere([0.1, 0.2]))
    train, test = load_tidigits(tmp_path)
    assert (train.digit.tolist(), train.speaker, train.take.tolist()) == (
        [1, 10], ("man/ae", "girl/xy"), [0, 1],
    )  # fmt: skip
    assert (test.digit.tolist(), test.speaker, test.sampling) == ([0], ("boy/cd",), 20_000)
    with pytest.raises(DataError, match="holds no train/man"):
        load_tidigits(tmp_path / "tidigits" / "TRAIN")


# columns on what it fires


def test_predictions_depend_on_the_recording_alone():
    """Adversarial company: the same word among others of one class, alone, repeated, at another place, in threads."""
    p = Cochlea(n_bands=12, n_bins=14)
    rng = np.random.default_rng(0)
    sounds = [tone(300.0 + 800 * (k % 3) + 40 * rng.random(), 900) for k in range(90)]
    x = np.stack([cochlea.cochleagram(sound, RATE, p).ravel() for sound in sounds])
    y = np.arange(90) % 3
    found = {}
    for threads in (1, 3):
        columns = WhitenedParameters(n_features=16, size=4, pools=2, contrast=100.0)
        model = EGDC((12, 14), 3, EGDCParameters(columns, prior=20.0), seed=1, threads=threads)
        model.learn_task(x[:60], y[:60], 255, (0, 1, 2))
        found[threads] = model
    one, many = found.values()
    assert all(np.array_equal(a, b) for a, b in zip(one.state().values(), many.state().values(), strict=True))
    mixed = one.predict(x, 255)
    assert (mixed[60:] == y[60:]).mean() > 0.9
    for company in (x[y == 0], x[::-1], np.repeat(x[:1], 70, axis=0)):
        among = one.predict(np.concatenate([company, x[60:70]]), 255)
        np.testing.assert_array_equal(among[-10:], mixed[60:70])
    np.testing.assert_array_equal(np.concatenate([many.predict(x[k : k + 1], 255) for k in range(90)]), mixed)
