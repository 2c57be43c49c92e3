"""DVS128 Gesture: hand and arm gestures before an event camera, cut from longer trials.

The archive holds trials (``user01_fluorescent.aedat``, AEDAT 3.1), for each a table of its gestures
(``user01_fluorescent_labels.csv``: class from 1, start and end in us), and the lists ``trials_to_train.txt``
and ``trials_to_test.txt``, which share no person. A recording is the events from a gesture's start up to, but
not at, its end, with times since its start; its class is from 0. The order is that of the lists, then of the
tables.

Times are made ascending within a recording where the file's are not. Gestures last about 6 s, which is what is
binned by default.

:func:`load_cut` reads a version of others, which unlike the publishers' has an address: a NumPy array for each gesture,
``ibmGestureTrain/user01_fluorescent/3.npy``, with columns x, y, polarity and time in ms since the gesture's start; the
number is the class from 0. Two archives are the two parts.

Source: A. Amir et al. (2017), A low power, fully event-based gesture recognition system, Proc. CVPR
2017:7388-7397, doi:10.1109/CVPR.2017.781.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path, PurePosixPath

import numpy as np

from tegmentum.simcore.errors import DataError

from . import locate
from .aedat import read_polarity
from .archives import one, tar_members
from .description import DatasetInfo
from .files import open_verified
from .recordings import EventDataset, EventTable, Recordings

DURATION_US = 6_000_000

_COLUMNS = ("class", "startTime_usec", "endTime_usec")
_TABLE = re.compile(r"(?:.*/)?(?:user\w+_labels\.csv|trials_to_(?:train|test)\.txt)")
_CUT = re.compile(r"(?:.*/)?user\w+/\d+\.npy")

Gesture = tuple[int, int, int]


def load(info: DatasetInfo, data_dir: Path | None = None) -> EventDataset:
    """Read and verify the archive, which takes minutes and several GB of memory.

    Raises
    ------
    DataError
        If the archive is missing, or is not what was published.
    """
    ((file, path),) = locate.paths(info, data_dir)
    with open_verified(path, file) as archive:
        found = tar_members(archive.stream, archive.source, _TABLE.fullmatch)
        tables = {PurePosixPath(name).name: content for name, content in found}
        lists = {part: _trials(tables, part, archive.source) for part in ("train", "test")}
        trials = [*lists["train"], *lists["test"]]
        archive.stream.seek(0)
        cut = {
            PurePosixPath(name).stem: _cut(
                read_polarity(content, f"{archive.source}: {name}"),
                _gestures(tables, PurePosixPath(name).stem, info.n_classes, archive.source),
            )
            for name, content in tar_members(
                archive.stream, archive.source, lambda name: _is_trial(name, trials)
            )
        }
    parts = {}
    for part, names in lists.items():
        if absent := [name for name in names if name not in cut]:
            raise DataError(f"{archive.source}: holds no {absent[0]}.aedat; is it another archive?")
        pairs = [pair for name in names for pair in cut[name]]
        labels = [label for label, _ in pairs]
        parts[part] = Recordings.of([table for _, table in pairs], labels, info.shape, DURATION_US)
    return EventDataset.of(
        info, train=parts["train"], test=parts["test"], checksums={file.name: archive.sha256}
    )


def _is_trial(name: str, trials: list[str]) -> bool:
    path = PurePosixPath(name)
    return path.suffix == ".aedat" and path.stem in trials


def _trials(tables: dict[str, bytes], part: str, source: str) -> list[str]:
    """Trials that a list names, without their ``.aedat``."""
    lines = one(tables, f"trials_to_{part}.txt", source).decode("ascii", errors="replace").split()
    return [PurePosixPath(line).stem for line in lines]


def _gestures(tables: dict[str, bytes], trial: str, n_classes: int, source: str) -> list[Gesture]:
    """Class from 0, start and end of each gesture of a trial."""
    name = f"{trial}_labels.csv"
    rows = csv.DictReader(io.StringIO(one(tables, name, source).decode("ascii", errors="replace")))
    gestures = []
    try:
        for row in rows:
            label, start, end = (int(row[column]) for column in _COLUMNS)
            gestures.append((label - 1, start, end))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{source}: {name} is no table of {', '.join(_COLUMNS)} ({error!r})") from error
    for label, start, end in gestures:
        if not 0 <= label < n_classes or end < start:
            raise DataError(f"{source}: {name}: class {label + 1} from {start} to {end} us cannot be")
    return gestures


def _cut(trial: EventTable, gestures: list[Gesture]) -> list[tuple[int, EventTable]]:
    """Each gesture's class and events."""
    order = np.argsort(trial.t, kind="stable")
    t = trial.t[order]
    found = []
    for label, start, end in gestures:
        part = order[slice(*np.searchsorted(t, (start, end)))]
        found.append((label, EventTable(trial.t[part] - start, trial.x[part], trial.y[part], trial.p[part])))
    return found


def load_cut(info: DatasetInfo, data_dir: Path | None = None) -> EventDataset:
    """Read and verify the archives of gestures that others have cut, in the order of their names.

    Raises
    ------
    DataError
        If an archive is missing, or is not what was published.
    """
    parts, checksums = [], {}
    for file, path in locate.paths(info, data_dir):
        with open_verified(path, file) as archive:
            found = dict(tar_members(archive.stream, archive.source, _CUT.fullmatch))
            if not found:
                raise DataError(f"{archive.source}: holds no gestures; is it another archive?")
            names = sorted(found)
            labels = [int(PurePosixPath(name).stem) for name in names]
            if wrong := [name for name, label in zip(names, labels, strict=True) if label >= info.n_classes]:
                raise DataError(f"{archive.source}: {wrong[0]} must be of a class below {info.n_classes}")
            tables = [_array(found[name], f"{archive.source}: {name}") for name in names]
        parts.append(Recordings.of(tables, labels, info.shape, DURATION_US))
        checksums[file.name] = archive.sha256
    train, test = parts
    return EventDataset.of(info, train=train, test=test, checksums=checksums)


def _array(data: bytes, source: str) -> EventTable:
    """Events of one gesture, x, y, polarity and ms, in the order of time."""
    try:
        events = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise DataError(f"{source}: no NumPy array of numbers ({error}); fetch it again") from error
    if events.ndim != 2 or events.shape[1] != 4 or events.dtype.kind not in "biuf":
        raise DataError(f"{source}: must be numbers of shape (n, 4), got {events.dtype} {events.shape}")
    x, y, p, t = events[np.argsort(events[:, 3], kind="stable")].astype(np.int64).T
    if len(t) and min(x.min(), y.min(), p.min(), t.min()) < 0:
        raise DataError(f"{source}: x, y, polarity and time must not be below 0")
    return EventTable(t * 1000, x.astype(np.uint16), y.astype(np.uint16), p.astype(np.uint8))
