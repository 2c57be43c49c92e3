"""Checks of options that several commands share."""

from __future__ import annotations

from pathlib import Path

from tegmentum.simcore.errors import DescriptionError, StoreError


def free_path(out: Path | None, force: bool) -> Path:
    """Store to write: the one asked for if it may be written, else the first free ``run-N.zarr``."""
    if out is not None:
        if out.exists() and not force:
            raise StoreError(f"--out {out}: exists already; choose another name, or --force to overwrite it")
        if not out.absolute().parent.is_dir():
            raise StoreError(f"--out {out}: there is no folder {out.absolute().parent}; create it first")
        return out
    path, n = Path("run.zarr"), 1
    while path.exists() and not force:
        n += 1
        path = Path(f"run-{n}.zarr")
    return path


def one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    """Refuse a value that is not among the known ones, with the nearest of them."""
    if value not in known:
        import difflib

        near = difflib.get_close_matches(value, known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DescriptionError(f"{option}: must be one of {', '.join(known)}, got {value!r}{hint}")
