"""Write datasets/digits.csv.gz again from scikit-learn's copy of the UCI digits, and print its checksums.

Usage: ``python examples/make_digits.py [FILE]``. The content is the same on every machine; the compressed
bytes, and with them the file's own SHA-256, may differ between versions of zlib.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
from pathlib import Path

import numpy as np

DEFAULT = Path(__file__).resolve().parent.parent / "datasets" / "digits.csv.gz"


def content() -> bytes:
    """One line a digit: 64 pixels from 0 to 16, row by row, and the label."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    rows = np.column_stack([digits.data, digits.target]).astype(int)
    return "".join(",".join(map(str, row)) + "\n" for row in rows).encode("ascii")


def compressed(data: bytes) -> bytes:
    """Gzip without a name and a time, so that the same content gives the same bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as stream:
        stream.write(data)
    return buffer.getvalue()


def main() -> None:
    """Write the file and print what the catalogue must say of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "file", nargs="?", type=Path, default=DEFAULT, help="what to write; by default the package's"
    )
    path = parser.parse_args().file
    data = content()
    packed = compressed(data)
    path.write_bytes(packed)
    print(f"{path}: {len(packed)} bytes")
    print(f"sha256 {hashlib.sha256(packed).hexdigest()}")
    print(f"content_sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
