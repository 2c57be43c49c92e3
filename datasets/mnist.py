"""MNIST and Fashion-MNIST: four IDX files."""

from __future__ import annotations

from pathlib import Path

from . import idx, locate
from .dataset import Dataset
from .description import DatasetInfo
from .files import read_verified


def load(info: DatasetInfo, data_dir: Path | None = None) -> Dataset:
    """Read and verify the four files.

    Raises
    ------
    DataError
        If a file is missing, or is not what was published.
    """
    train_images, train_labels, test_images, test_labels = (
        (read_verified(path, file), str(path)) for file, path in locate.paths(info, data_dir)
    )
    return Dataset.of(
        info,
        x_train=idx.images(*train_images, info.shape),
        y_train=idx.labels(*train_labels, info.n_classes),
        x_test=idx.images(*test_images, info.shape),
        y_test=idx.labels(*test_labels, info.n_classes),
        checksums={file.unpacked_name: file.content_sha256 for file in info.files},
    )
