"""HASYv2: handwritten symbols, 32 x 32, black and white; the 46 classes with the most images.

HASYv2 has 369 very unequal classes. The 46 that have most images are kept (of equals, the lower ``symbol_id``),
numbered by ``symbol_id``; the class names are their LaTeX commands. The split is the published fold 1, in the
files' order. Ink, black in the files, is 255 here.

Source: M. Thoma (2017), The HASYv2 dataset, arXiv:1701.08380, doi:10.5281/zenodo.259444.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.errors import DataError

from . import locate, png
from .archives import tar_members
from .dataset import Dataset
from .description import DatasetInfo
from .files import open_verified

_LABELS, _FOLD = "hasy-data-labels.csv", "classification-task/fold-1"
_MEMBER = re.compile(rf"(.*/)?(hasy-data/[^/]+\.png|{_LABELS}|{_FOLD}/(train|test)\.csv)")


def load(info: DatasetInfo, data_dir: Path | None = None) -> Dataset:
    """Read and verify the archive.

    Raises
    ------
    DataError
        If the archive is missing, or is not what was published.
    """
    ((file, path),) = locate.paths(info, data_dir)
    with open_verified(path, file) as archive:
        found = tar_members(archive.stream, archive.source, _MEMBER.fullmatch)
        members = {_published(name): content for name, content in found}
    labels = _table(members, _LABELS, archive.source)
    symbol_of = {_image(row["path"]): int(row["symbol_id"]) for row in labels}
    latex_of = {int(row["symbol_id"]): row["latex"] for row in labels}
    symbols = most_frequent(list(symbol_of.values()), info.n_classes, archive.source)
    x_train, y_train = _part(members, "train", symbols, symbol_of, info, archive.source)
    x_test, y_test = _part(members, "test", symbols, symbol_of, info, archive.source)
    return Dataset.of(
        replace(info, class_names=tuple(latex_of[symbol] for symbol in symbols)),
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        checksums={file.name: archive.sha256},
    )


def most_frequent(symbol_ids: list[int], n_classes: int, source: str) -> list[int]:
    """Find the ``n_classes`` commonest symbols (of equals, the lower number), ascending.

    Raises
    ------
    DataError
        If there are fewer.
    """
    counts = Counter(symbol_ids)
    if len(counts) < n_classes:
        raise DataError(f"{source}: {_LABELS} names {len(counts)} symbols, fewer than {n_classes}")
    return sorted(sorted(counts, key=lambda symbol: (-counts[symbol], symbol))[:n_classes])


def _part(
    members: dict[str, bytes],
    part: str,
    symbols: list[int],
    symbol_of: dict[str, int],
    info: DatasetInfo,
    source: str,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    class_of = {symbol: c for c, symbol in enumerate(symbols)}
    images = [_image(row["path"]) for row in _table(members, f"{_FOLD}/{part}.csv", source)]
    if unknown := [image for image in images if image not in symbol_of or image not in members]:
        raise DataError(f"{source}: {unknown[0]} of {_FOLD}/{part}.csv has no label or is not there")
    kept = [image for image in images if symbol_of[image] in class_of]
    height, width = info.shape
    x = np.empty((len(kept), height * width), dtype=np.uint8)
    for row, image in enumerate(kept):
        x[row] = 255 - png.grey(members[image], f"{source}: {image}", (height, width)).ravel()
    return x, np.array([class_of[symbol_of[image]] for image in kept], dtype=np.int64)


def _table(members: dict[str, bytes], name: str, source: str) -> list[dict[str, str]]:
    """Rows of a CSV file, which quotes with ``'``."""
    if name not in members:
        raise DataError(f"{source}: holds no {name}; is it another archive?")
    try:
        rows = list(csv.DictReader(io.StringIO(members[name].decode()), quotechar="'"))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{source}: {name} is not a table ({error}); fetch it again") from error
    for k, row in enumerate(rows):
        if not (row.get("path") and str(row.get("symbol_id")).isdecimal() and row.get("latex")):
            raise DataError(f"{source}: {name}: row {k + 1} lacks a path, a symbol_id or its latex")
    return rows


def _published(name: str) -> str:
    """Member name from ``hasy-data`` on, in whichever folder the archive holds it."""
    match = _MEMBER.fullmatch(name)
    return match[2] if match else name


def _image(path: str) -> str:
    """Member name of an image; a fold's path is relative to the fold."""
    return f"hasy-data/{path.rpartition('/')[2]}"
