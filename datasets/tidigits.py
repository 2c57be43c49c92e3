"""TIDigits (LDC93S10): spoken digits of 326 speakers, for those who have a licence for it.

A folder in the layout of the Linguistic Data Consortium holds, for both parts and four kinds of speakers,
``{train,test}/{man,woman,boy,girl}/{speaker}/{digits}{take}.wav``: ``1a.wav``, ``zb.wav``; *z* is zero, *o* is oh, and
the take is ``a`` or ``b``. Names may be in capitals, and the parts may lie deeper. Sequences of several digits are
left out. Training and test speakers differ.

A recording is a NIST SPHERE file: a header of text, ``NIST_1A``, its length in bytes, then ``name -type value`` up to
``end_head``; then samples of 16 bits. Compressed ones (``shorten``) are refused: ``sph2pipe`` unpacks them. Nothing is
verified by a checksum, since none is published.

Source: R. G. Leonard (1984), A database for speaker-independent digit recognition, Proc. ICASSP 9:328-331,
doi:10.1109/ICASSP.1984.1172716; LDC catalogue LDC93S10.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.errors import DataError

from .fsdd import SpokenDigits

DIGITS = ("z", "1", "2", "3", "4", "5", "6", "7", "8", "9", "o")  #: by class; *oh* is 10

_PATH = re.compile(
    r"(?:.*/)?(?P<part>train|test)/(?P<group>man|woman|boy|girl)/(?P<speaker>\w+)/(?P<digit>[zo1-9])(?P<take>[ab])\.wav",
    re.IGNORECASE,
)


def read_sphere(data: bytes, source: str) -> tuple[NDArray[np.float64], int]:
    """Read samples, from -1 to 1, and the sampling rate of a NIST SPHERE file of one channel and 16 bits.

    Raises
    ------
    DataError
        If it is another file, compressed, of another width, or cut.
    """
    lines = data[:16].split(b"\n")
    if lines[0] != b"NIST_1A" or len(lines) < 2 or not lines[1].strip().isdigit():
        raise DataError(f"{source}: no NIST SPHERE file, starts with {data[:12]!r}")
    length = int(lines[1])
    fields = {}
    for line in data[16:length].decode("ascii", errors="replace").splitlines():
        if line.strip() == "end_head":
            break
        name, _, rest = line.partition(" ")
        fields[name] = rest.partition(" ")[2].strip()
    else:
        raise DataError(f"{source}: truncated, its header has no end_head; copy it again")
    coding = fields.get("sample_coding", "pcm")
    if coding != "pcm":
        raise DataError(f"{source}: samples must be pcm, got {coding}; unpack it, with sph2pipe for one")
    try:
        n, sampling = int(fields["sample_count"]), int(fields["sample_rate"])
    except (KeyError, ValueError) as error:
        raise DataError(
            f"{source}: its header lacks a whole sample_count or sample_rate ({error})"
        ) from error
    shape = fields.get("channel_count", "1"), fields.get("sample_n_bytes", "2")
    if shape != ("1", "2") or sampling < 1 or n < 1:
        raise DataError(
            f"{source}: must be samples of one channel and 2 bytes, got {n} of {shape[0]} channels, {shape[1]} bytes, "
            f"{sampling} Hz"
        )
    if len(data) < length + 2 * n:
        raise DataError(
            f"{source}: truncated, lacks {length + 2 * n - len(data):,} bytes of its samples; copy it again"
        )
    order = fields.get("sample_byte_format", "01")
    if order not in ("01", "10"):
        raise DataError(f"{source}: sample_byte_format must be 01 or 10, got {order}")
    return np.frombuffer(data, "<i2" if order == "01" else ">i2", n, length) / 32768.0, sampling


def load_tidigits(folder: Path | str) -> tuple[SpokenDigits, SpokenDigits]:
    """Read the single digits of a folder in LDC's layout: training and test part, in the order of their paths.

    Raises
    ------
    DataError
        If the folder holds no such recordings for a part, or one is damaged.
    """
    root = Path(folder).expanduser()
    found: dict[str, list[tuple[NDArray[np.float64], int, int, str, int]]] = {"train": [], "test": []}
    for path in sorted(root.rglob("*")):
        match = _PATH.fullmatch("/" + path.relative_to(root).as_posix())
        if match is None or not path.is_file():
            continue
        sound, sampling = read_sphere(path.read_bytes(), str(path))
        label, take = DIGITS.index(match["digit"].lower()), "ab".index(match["take"].lower())
        speaker = f"{match['group']}/{match['speaker']}".lower()
        found[match["part"].lower()].append((sound, sampling, label, speaker, take))
    for part, recordings in found.items():
        if not recordings:
            raise DataError(f"{root}: holds no {part}/man/*/1a.wav or the like; is it LDC93S10's folder?")
        if len(rates := {entry[1] for entry in recordings}) > 1:
            raise DataError(
                f"{root}: recordings of {part} must share a sampling rate, got {sorted(rates)} Hz"
            )
    train, test = (_joined(found[part]) for part in ("train", "test"))
    return train, test


def _joined(recordings: list[tuple[NDArray[np.float64], int, int, str, int]]) -> SpokenDigits:
    sounds, rates, labels, speakers, takes = zip(*recordings, strict=True)
    return SpokenDigits(sounds, rates[0], np.array(labels, np.int64), speakers, np.array(takes, np.int64))
