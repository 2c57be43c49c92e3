"""One writer for a run store: a lock of the operating system's on a file beside it, which goes with the process.

``.run.zarr.lock`` says in JSON who holds it. What a killed process leaves there locks nothing.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import weakref
from pathlib import Path

from ..errors import StoreError

#: What a system says when another process has the lock; whatever else it says, its file system knows no locks.
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK)


class Lock:
    """The lock of a run store, held until :meth:`release`, or until this object or the process has gone.

    Parameters
    ----------
    store : Path
        directory of the store, which need not be there yet

    Raises
    ------
    StoreError
        if another writer has it, in this process or in another one, or the folder cannot be written
    """

    def __init__(self, store: Path) -> None:
        path = store.with_name(f".{store.name}.lock")
        try:
            descriptor = _locked(store, path)
        except OSError as error:
            raise StoreError(f"{store}: cannot be written: {error.strerror or error}") from error
        self.release = weakref.finalize(self, _release, descriptor, path, os.getpid())


def _locked(store: Path, path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _take(descriptor):
                raise StoreError(
                    f"{store}: is being written by {_holder(descriptor)}; stop it, or write elsewhere"
                )
            if _is_at(descriptor, path):  # else its last holder has deleted it meanwhile
                _sign(descriptor, path)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _sign(descriptor: int, path: Path) -> None:
    """Write who holds the lock; leave no lock where that fails, as on a full disk."""
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps({"host": platform.node(), "pid": os.getpid()}).encode())
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise


def _take(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:
        return _take_on_windows(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _TAKEN
    return True


def _take_on_windows(descriptor: int) -> bool:
    import importlib

    msvcrt = importlib.import_module("msvcrt")
    os.lseek(descriptor, 1 << 20, os.SEEK_SET)  # a byte that nobody reads
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    os.lseek(descriptor, 0, os.SEEK_SET)
    return True


def _holder(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        found = json.loads(os.read(descriptor, 4096))
        return f"process {found['pid']} on {found['host']}"
    except (ValueError, LookupError, TypeError):
        return "another process"


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _release(descriptor: int, path: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked copy must not delete what its parent holds
        with contextlib.suppress(OSError):
            os.unlink(path)
    os.close(descriptor)
