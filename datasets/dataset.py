"""A labelled set of images, held in memory as the integers of its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tegmentum.simcore.errors import DataError, DescriptionError

from .description import DatasetInfo


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and their labels, split into a training and a test part.

    Parameters
    ----------
    name : str
        Name in :func:`tegmentum.datasets.names`.
    x_train, x_test : uint8 array, shape (n, features), C-contiguous
        One flattened image (row by row) a row; an intensity is ``x / x_max``.
    y_train, y_test : int64 array, shape (n,)
        Class of each image, from 0 to ``n_classes - 1``.
    x_max : int
        The integer that means intensity 1.
    shape : tuple of int
        Shape of one image; its product is the number of features.
    class_names : tuple of str
    licence, citation : str
    checksums : mapping of str to str
        File name (unpacked) to the SHA-256 of the bytes that were read.
    note : str
        What has to be said wherever results on it are: that it is a stand-in, say.

    Raises
    ------
    DataError
        If an array has another type, shape or layout, or a label names no class.
    """

    name: str
    x_train: NDArray[np.uint8] = field(repr=False)
    y_train: NDArray[np.int64] = field(repr=False)
    x_test: NDArray[np.uint8] = field(repr=False)
    y_test: NDArray[np.int64] = field(repr=False)
    x_max: int
    shape: tuple[int, ...]
    class_names: tuple[str, ...]
    licence: str
    citation: str = field(repr=False)
    checksums: Mapping[str, str] = field(repr=False)
    note: str = ""

    @classmethod
    def of(
        cls,
        info: DatasetInfo,
        *,
        x_train: NDArray[np.uint8],
        y_train: NDArray[np.int64],
        x_test: NDArray[np.uint8],
        y_test: NDArray[np.int64],
        checksums: Mapping[str, str],
    ) -> Dataset:
        """Join the arrays with everything else that the catalogue says of them."""
        return cls(
            name=info.name,
            x_train=x_train,
            y_train=y_train,
            x_test=x_test,
            y_test=y_test,
            x_max=info.x_max,
            shape=info.shape,
            class_names=info.class_names,
            licence=info.licence,
            citation=info.citation,
            checksums=checksums,
            note=info.note,
        )

    def __post_init__(self) -> None:
        self._check("train", self.x_train, self.y_train)
        self._check("test", self.x_test, self.y_test)

    def _check(self, part: str, x: NDArray[np.uint8], y: NDArray[np.int64]) -> None:
        where = f"Dataset {self.name!r}"
        if x.dtype != np.uint8 or x.ndim != 2 or x.shape[1] != self.n_features or not x.flags.c_contiguous:
            raise DataError(
                f"{where}: x_{part} must be a C-contiguous uint8 array of shape (n, {self.n_features}), "
                f"got {x.dtype} {x.shape}"
            )
        if y.dtype != np.int64 or y.shape != x.shape[:1]:
            raise DataError(
                f"{where}: y_{part} must be an int64 array of shape ({len(x)},), got {y.dtype} {y.shape}"
            )
        if len(y) and not 0 <= y.min() <= y.max() < self.n_classes:
            raise DataError(
                f"{where}: y_{part} must be from 0 to {self.n_classes - 1}, got {y.min()} to {y.max()}"
            )
        if len(x) and x.max() > self.x_max:
            raise DataError(f"{where}: x_{part} must not exceed x_max = {self.x_max}, got {x.max()}")

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def n_features(self) -> int:
        """Number of pixels of one image."""
        return int(np.prod(self.shape))

    def limited(self, train: int | None = None, test: int | None = None) -> Dataset:
        """Keep the first ``train`` training and the first ``test`` test samples (``None``: all of them).

        Raises
        ------
        DescriptionError
            If fewer than one sample, or more than there are, are asked for.
        """
        n_train = self._limit("train", train, len(self.y_train))
        n_test = self._limit("test", test, len(self.y_test))
        return replace(
            self,
            x_train=self.x_train[:n_train],
            y_train=self.y_train[:n_train],
            x_test=self.x_test[:n_test],
            y_test=self.y_test[:n_test],
        )

    def _limit(self, part: str, n: int | None, available: int) -> int:
        if n is None:
            return available
        if not 1 <= n <= available:
            raise DescriptionError(
                f"Dataset {self.name!r}: {part} limit must be from 1 to {available}, the number of {part} "
                f"samples there are, got {n}"
            )
        return n
