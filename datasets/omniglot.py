"""Omniglot: handwritten alphabets, drawn online by 20 people each, reduced to 28 x 28 as MNIST was.

``letters`` is the Latin alphabet, ``symbols`` Greek followed by Early Aramaic. The 105 x 105 drawings (ink is
black) become 28 x 28 intensities (ink is bright) in one step, in integers, so that every machine gets the same
bytes; see :func:`reduce`.

The split is by writer: in an alphabet, writers 1 to 15 are training samples, writers 16 to 20 test samples.
Both parts are ordered by writer, then by class, so that any first part of them holds all classes alike. Writer
``k`` of one alphabet need not be writer ``k`` of another, and may have drawn for both.

Source: B. M. Lake, R. Salakhutdinov, J. B. Tenenbaum (2015), Human-level concept learning through
probabilistic program induction, Science 350:1332-1338, doi:10.1126/science.aab3050. The reduction follows
Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), Gradient-based learning applied to document recognition,
Proc. IEEE 86:2278-2324, doi:10.1109/5.726791.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.errors import DataError

from . import locate, png
from .archives import zip_members
from .dataset import Dataset
from .description import DatasetInfo
from .files import open_verified

ALPHABETS = {"letters": ("Latin",), "symbols": ("Greek", "Early_Aramaic")}
N_WRITERS, N_TRAIN_WRITERS = 20, 15
RAW_SHAPE = (105, 105)

#: Side of the reduced image, and of the square that its ink fills.
SIDE, BOX = 28, 20

_MEMBER = re.compile(r"[^/]+/(?P<alphabet>[^/]+)/character(?P<character>\d+)/\d+_(?P<writer>\d+)\.png")


def load(info: DatasetInfo, data_dir: Path | None = None) -> Dataset:
    """Read, verify and reduce the drawings.

    Raises
    ------
    DataError
        If the archive is missing, or is not what was published.
    """
    ((file, path),) = locate.paths(info, data_dir)
    with open_verified(path, file) as archive:
        members = dict(zip_members(archive.stream, archive.source, _MEMBER.fullmatch))
    x, y, writer = samples(members, ALPHABETS[info.name], info.n_classes, archive.source)
    train = writer <= N_TRAIN_WRITERS
    return Dataset.of(
        info,
        x_train=x[train],
        y_train=y[train],
        x_test=x[~train],
        y_test=y[~train],
        checksums={file.name: archive.sha256},
    )


def samples(
    members: dict[str, bytes], alphabets: tuple[str, ...], n_classes: int, source: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Reduced images, classes and writers (from 1) of some alphabets, by writer, then by class.

    Parameters
    ----------
    members : dict of str to bytes
        ``.../ALPHABET/characterNN/ID_WW.png``, as in the published archive.
    alphabets : tuple of str
        The classes are their characters, numbered through.
    n_classes : int
        How many there must be, each with all writers.
    source : str
        What error messages call the archive.

    Raises
    ------
    DataError
        If a drawing is missing, or is not a PNG of the published shape.
    """
    names: dict[tuple[str, int, int], str] = {}
    for name in members:
        if (match := _MEMBER.fullmatch(name)) and match["alphabet"] in alphabets:
            names[match["alphabet"], int(match["character"]), int(match["writer"])] = name
    classes = sorted({key[:2] for key in names}, key=lambda key: (alphabets.index(key[0]), key[1]))
    if len(classes) != n_classes or len(names) != n_classes * N_WRITERS:
        raise DataError(
            f"{source}: holds {len(names)} drawings of {len(classes)} characters of {' and '.join(alphabets)} "
            f"instead of {n_classes * N_WRITERS} of {n_classes}"
        )
    x = np.empty((len(names), SIDE * SIDE), dtype=np.uint8)
    order = [(writer, c) for writer in range(1, N_WRITERS + 1) for c in range(n_classes)]
    for row, (writer, c) in enumerate(order):
        key = (*classes[c], writer)
        if key not in names:
            raise DataError(f"{source}: writer {writer} has not drawn {'/'.join(map(str, classes[c]))}")
        name = names[key]
        x[row] = reduce(png.grey(members[name], f"{source}: {name}", RAW_SHAPE) < 128).ravel()
    writers, y = np.array(order, dtype=np.int64).T
    return x, np.ascontiguousarray(y), writers


def reduce(ink: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Reduce a drawing to 28 x 28 intensities, by MNIST's rule and area averaging.

    The drawing is scaled so that the longer side of its ink's bounding box is 20 pixels, and laid so that its
    ink's centre of mass is the image's centre, or as near to it as keeps all ink inside. A pixel is 255 times
    the share of its area that ink covers, rounded half up.

    Parameters
    ----------
    ink : bool array, shape (height, width)

    Returns
    -------
    uint8 array, shape (28, 28)
        All zero without ink.
    """
    if not ink.any():
        return np.zeros((SIDE, SIDE), dtype=np.uint8)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    cell = max(int(np.ptp(rows)), int(np.ptp(columns))) + 1  # in 1/20 of a drawn pixel, as all lengths here
    vertical = _overlaps(ink.sum(axis=1), rows, cell)
    horizontal = _overlaps(ink.sum(axis=0), columns, cell)
    covered = vertical @ ink.astype(np.int64) @ horizontal.T
    return ((2 * 255 * covered + cell**2) // (2 * cell**2)).astype(np.uint8)


def _overlaps(mass: NDArray[np.int64], inked: NDArray[np.int64], cell: int) -> NDArray[np.int64]:
    """Length that each of the 28 cells of one axis shares with each drawn pixel: shape (28, pixels)."""
    pixel, total = np.arange(len(mass)), int(mass.sum())
    centre = (BOX * (2 * int(mass @ pixel) + total) + total) // (2 * total)
    start = centre - SIDE * cell // 2
    start = max(min(start, BOX * int(inked[0])), BOX * (int(inked[-1]) + 1) - SIDE * cell)
    low = start + cell * np.arange(SIDE)[:, None]
    shared = np.minimum(low + cell, BOX * (pixel + 1)) - np.maximum(low, BOX * pixel)
    return np.asarray(np.maximum(shared, 0))
