"""Free Spoken Digit Dataset: 3,000 recordings of six speakers who say the ten digits, 50 times each.

A recording is ``{digit}_{speaker}_{take}.wav``: 16 bits, 8 kHz, one channel. They lie in an archive, or in the folder
``recordings`` of a copy of the authors' repository; what is verified is the recordings, in the order of their digits,
speakers and takes, one after the other, since the repository's own archives have no published checksum.

Takes 0 to 4 are the authors' test part, 5 to 49 their training part, so that speakers are in both. ``fsdd-NAME`` holds
out the speaker of that name instead: all takes of that voice are the test part, and none is in the training part.

:func:`load` gives the spikes of a cochlea as a picture of counts (see :mod:`.cochlea`), :func:`read` the sounds.

Source: Z. Jackson, C. Souza, J. Flaks, Y. Pan, H. Nicolas, A. Thite (2018), Free Spoken Digit Dataset v1.0.8,
doi:10.5281/zenodo.1342401.
"""

from __future__ import annotations

import hashlib
import io
import re
import wave
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.errors import DataError

from . import locate
from .archives import tar_members
from .cochlea import Cochlea, cochleagram
from .dataset import Dataset
from .description import DatasetInfo

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
N_TEST_TAKES = 5

#: of the 3,000 files, one after the other in the order of digit, speaker and take
RECORDINGS_SHA256 = "785339f71d0b6135255dedb18ad7d4ffd064c47f58940c1489407a0e278b5322"

_MEMBER = re.compile(r"(?:.*/)?(?P<digit>\d)_(?P<speaker>[a-z]+)_(?P<take>\d+)\.wav")


@dataclass(frozen=True, eq=False)
class SpokenDigits:
    """Recordings of spoken digits.

    Attributes
    ----------
    sounds : tuple of float64 arrays
        Samples from -1 to 1, one array a recording.
    sampling : int
        Samples in a second.
    digit : int64 array, shape (n,)
        Class of each recording; TIDigits' *oh* is 10.
    speaker : tuple of str
        Who speaks in each.
    take : int64 array, shape (n,)
        Number of the repetition.
    checksums : mapping of str to str
        SHA-256 of the recordings that were read.
    """

    sounds: tuple[NDArray[np.float64], ...] = field(repr=False)
    sampling: int
    digit: NDArray[np.int64] = field(repr=False)
    speaker: tuple[str, ...] = field(repr=False)
    take: NDArray[np.int64] = field(repr=False)
    checksums: Mapping[str, str] = field(repr=False, default_factory=dict)

    def __len__(self) -> int:
        return len(self.sounds)

    def cochleagrams(self, p: Cochlea | None = None) -> NDArray[np.uint8]:
        """Count the spikes of each recording: uint8 (n, n_bands * n_bins), each from its own recording alone."""
        p = p or Cochlea()
        found = np.zeros((len(self), p.n_bands * p.n_bins), np.uint8)
        for k, sound in enumerate(self.sounds):
            found[k] = cochleagram(sound, self.sampling, p).ravel()
        return found


def read_wave(data: bytes, source: str) -> tuple[NDArray[np.float64], int]:
    """Read samples, from -1 to 1, and the sampling rate of a WAVE file of one channel and 16 bits.

    Raises
    ------
    DataError
        If it is another file, or cut.
    """
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, sampling, n = file.getparams()[:4]
            content = file.readframes(n)
    except (wave.Error, EOFError) as error:
        raise DataError(f"{source}: no readable WAVE file ({error}); copy or fetch it again") from error
    if (channels, width) != (1, 2):
        raise DataError(f"{source}: must be of one channel and 16 bits, got {channels} and {8 * width} bits")
    if len(content) != 2 * n or not n:
        raise DataError(f"{source}: truncated, holds {len(content):,} of {2 * n:,} bytes; fetch it again")
    return np.frombuffer(content, "<i2") / 32768.0, sampling


def read(info: DatasetInfo, data_dir: Path | None = None) -> SpokenDigits:
    """Read and verify all recordings, in the order of digits, speakers and takes.

    Raises
    ------
    DataError
        If they are absent, damaged, or not what was published.
    """
    source, members = _members(info, data_dir)
    if not members:
        raise DataError(f"{source}: holds no recordings; is it another archive?")
    digest, sounds, rates = hashlib.sha256(), [], set()
    for (digit, speaker, take), content in sorted(members.items()):
        digest.update(content)
        sound, sampling = read_wave(content, f"{source}: {digit}_{speaker}_{take}.wav")
        sounds.append(sound)
        rates.add(sampling)
    if digest.hexdigest() != RECORDINGS_SHA256:
        raise DataError(
            f"{source}: the SHA-256 of its {len(members):,} recordings is not the published one: expected "
            f"{RECORDINGS_SHA256}, found {digest.hexdigest()}; fetch them again"
        )
    digits, speakers, takes = zip(*sorted(members), strict=True)
    return SpokenDigits(
        tuple(sounds),
        rates.pop(),
        np.array(digits, np.int64),
        speakers,
        np.array(takes, np.int64),
        {"recordings": digest.hexdigest()},
    )


def _members(info: DatasetInfo, data_dir: Path | None) -> tuple[str, dict[tuple[int, str, int], bytes]]:
    """Where the recordings are, and their contents by digit, speaker and take."""
    (file,) = info.files
    members = {}
    if locate.find(info, file, data_dir) is None and (folder := _folder(info, data_dir)):
        for path in folder.glob("*.wav"):
            if match := _MEMBER.fullmatch(path.name):
                members[_key(match)] = path.read_bytes()
        return str(folder), members
    ((_, path),) = locate.paths(info, data_dir)
    try:
        with path.open("rb") as stream:
            for name, content in tar_members(stream, str(path), _MEMBER.fullmatch):
                if match := _MEMBER.fullmatch(name):
                    members[_key(match)] = content
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check its rights") from error
    return str(path), members


def _folder(info: DatasetInfo, data_dir: Path | None) -> Path | None:
    """Folder ``recordings`` of a copy of the repository, if one is there."""
    places = [place / name for place in locate.places(data_dir) for name in info.folders]
    inside = ("recordings", "free-spoken-digit-dataset/recordings")
    return next((place / each for place in places for each in inside if (place / each).is_dir()), None)


def _key(match: re.Match[str]) -> tuple[int, str, int]:
    return int(match["digit"]), match["speaker"], int(match["take"])


def load(info: DatasetInfo, data_dir: Path | None = None) -> Dataset:
    """Pictures of spike counts, with the authors' split, or with the speaker held out whom the name ends with.

    Raises
    ------
    DataError
        If the archive is missing, damaged, or not what was published.
    """
    spoken = read(info, data_dir)
    held_out = info.name.removeprefix("fsdd").removeprefix("-")
    test = np.array(spoken.speaker) == held_out if held_out else spoken.take < N_TEST_TAKES
    if test.all() or not test.any():
        raise DataError(f"{info.name}: the archive has no training or no test part; is it another one?")
    x = spoken.cochleagrams()
    return Dataset.of(
        info,
        x_train=np.ascontiguousarray(x[~test]),
        y_train=spoken.digit[~test],
        x_test=np.ascontiguousarray(x[test]),
        y_test=spoken.digit[test],
        checksums=spoken.checksums,
    )
