"""The 1,797 handwritten digits that are part of the package: real data without a download.

The rows are those of scikit-learn's ``load_digits``, in its order. For each class ``c``, in file order, the
``permutation(n_c, SPLIT_SEED, STREAM_SHUFFLE, entity=c)`` of its ``n_c`` images is drawn with
:func:`tegmentum.simcore.random.philox.permutation`; the first ``round(n_c / 5)`` of it are test images, the others
training images. Both parts keep the file's order, in which classes alternate.

The split mixes writers: the original data part them (these are the 13 writers of its test part), but no file
says who wrote which digit.

Source: E. Alpaydin, C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning
Repository, doi:10.24432/C50P49.
"""

from __future__ import annotations

import importlib.resources

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.random.philox import STREAM_SHUFFLE, permutation

from .catalogue import DIGITS
from .dataset import Dataset
from .files import FileCheck, check, read_verified

SPLIT_SEED = 1998

_FILE = DIGITS.files[0]
_RESOURCE = importlib.resources.files(__package__) / _FILE.name


def load() -> Dataset:
    """Read and verify the embedded file, and split it.

    Raises
    ------
    DataError
        If the installed file is damaged.
    """
    with importlib.resources.as_file(_RESOURCE) as path:
        lines = read_verified(path, _FILE).decode("ascii").splitlines()
    table = np.loadtxt(lines, dtype=np.uint8, delimiter=",")
    x, y = table[:, :-1], table[:, -1].astype(np.int64)
    test = is_test(y)
    return Dataset.of(
        DIGITS,
        x_train=np.ascontiguousarray(x[~test]),
        y_train=y[~test],
        x_test=np.ascontiguousarray(x[test]),
        y_test=y[test],
        checksums={_FILE.unpacked_name: _FILE.content_sha256},
    )


def is_test(y: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which samples are test samples: a fifth of each class, rounded; see the module's text for the rule."""
    test = np.zeros(len(y), dtype=np.bool_)
    for c in np.unique(y):
        members = np.flatnonzero(y == c)
        n_test = (len(members) + 2) // 5
        test[members[permutation(len(members), SPLIT_SEED, STREAM_SHUFFLE, entity=int(c))[:n_test]]] = True
    return test


def verify() -> list[FileCheck]:
    """Verify the embedded file."""
    with importlib.resources.as_file(_RESOURCE) as path:
        return [check(path, _FILE)]
