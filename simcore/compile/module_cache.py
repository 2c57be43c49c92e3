"""Machine code kept on disk for the functions of generated modules: found again, shared, and healed.

A generated module is named by the hash of all that it is made of (:mod:`.modules`), so machine code of one of its
functions is right for as long as the name is. It lies beside the module's text, one file for each signature, behind a
checksum: what is damaged is compiled anew. Where nothing can be written, everything works but is compiled at every
start. Processes that need the same function at once let one compile it and wait; the operating system frees the lock
of one that dies.

Only generated modules import this file.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import pickle
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import filelock
import numba
from numba.core import sigutils
from numba.core.compiler_lock import global_compiler_lock
from numba.core.serialize import dumps

try:
    from .linked import EntryCompiler, LinkedCompiler, rebuild, remembering

    LINKED = True
except (ImportError, AttributeError):  # a Numba that this was not tried with
    from numba.core.compiler import Compiler, CompileResult

    LINKED, EntryCompiler, LinkedCompiler = False, Compiler, Compiler  # type: ignore[misc, assignment, unused-ignore]
    remembering = contextlib.nullcontext  # type: ignore[misc, assignment, unused-ignore]

    def rebuild(context: Any, payload: tuple[Any, ...]) -> Any:
        """Return a compiled function from what is kept on disk."""
        return CompileResult._rebuild(context, *payload)


PATIENCE = 900.0  #: how long one process waits for another that compiles, before it does so itself [s]


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Let no cyclic garbage be collected meanwhile: looking for it took a fifth of the time of a first compilation."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def cached(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return ``numba.njit(**options)`` whose machine code is kept on disk; stands where ``cache=True`` would.

    ``numba.njit`` itself goes by the time of a file, does not see a change in another file, and takes damaged ones.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = numba.njit(**options)(function)
        dispatcher._cache = cache = KernelCache(function)
        compile_ = dispatcher.compile

        def compile_once(signature: Any) -> Any:
            # the lock is taken before any file's, in all threads: neither can wait for the other
            with global_compiler_lock, uncollected(), remembering():
                try:
                    return compile_(signature)
                finally:
                    cache.release()

        dispatcher.compile = compile_once
        return dispatcher

    return decorate


def called(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return ``cached(**options)`` for a function that Python calls, and that kernels may call, too.

    Kernels link it as they link others. What Python calls, with all that it calls and a way in that takes arguments
    apart, is compiled when Python first does: many a network never asks for its weights.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        own = cached(**options, pipeline_class=EntryCompiler)(function)
        if not LINKED:
            return own
        linked = cached(**options, pipeline_class=LinkedCompiler, no_cpython_wrapper=True)(function)
        linked._cache.stem += ".linked"
        own.get_call_template, own.get_overload = linked.get_call_template, linked.get_overload
        return own

    return decorate


class KernelCache:
    """What a Numba dispatcher asks for machine code before it compiles, and gives it to afterwards."""

    def __init__(self, function: Callable[..., Any]) -> None:
        module = Path(function.__code__.co_filename)
        self.stem = f"{module.stem}.{function.__qualname__}"
        self._lock_file = module.with_suffix(".lock")
        self._directory = module.parent
        self._held: filelock.BaseFileLock | None = None
        self.cache_path = str(self._directory)

    def load_overload(self, signature: Any, context: Any) -> Any:
        """Return the compiled function, or None, and then this process may compile it: no other one does now."""
        context.refresh()
        found = self._load(signature, context)
        if found is None and self._acquire():
            found = self._load(signature, context)  # another process may have compiled it meanwhile
        return found

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep a compiled function, if it can be kept."""
        if any(not lifted.can_cache for lifted in result.lifted) or result.library.has_dynamic_globals:
            return
        body = dumps(result._reduce())
        write(self._path(signature, result.codegen), hashlib.sha256(body).digest() + body)

    def release(self) -> None:
        """Let other processes go on."""
        if self._held is not None:
            self._held.release()
            self._held = None

    def flush(self) -> None:
        """Forget what is kept of this function."""
        for path in self._directory.glob(f"{self.stem}.*.nbc"):
            path.unlink(missing_ok=True)

    def _path(self, signature: Any, codegen: Any) -> Path:
        key = f"{signature}\0{codegen.magic_tuple()}"  # the second: the processor
        return self._directory / f"{self.stem}.{hashlib.sha256(key.encode()).hexdigest()[:20]}.nbc"

    def _load(self, signature: Any, context: Any) -> Any:
        path = self._path(signature, context.codegen())
        try:
            data = path.read_bytes()
        except (OSError, ValueError):
            return None
        if hashlib.sha256(data[32:]).digest() != data[:32]:
            warnings.warn(f"{path} is damaged: compiled anew", RuntimeWarning, stacklevel=2)
            return None
        try:
            payload = pickle.loads(data[32:])
        except (ImportError, AttributeError):  # types of another program, of the same names
            return None
        if payload[3].args != tuple(sigutils.normalize_signature(signature)[0]):
            return None
        return rebuild(context, payload)

    def _acquire(self) -> bool:
        if self._held is not None:
            return False
        lock = filelock.FileLock(self._lock_file, timeout=PATIENCE, is_singleton=True)
        try:
            lock.acquire()
        except (
            OSError,
            ValueError,
            NotImplementedError,
        ):  # nothing can be written or locked, or patience has ended
            return False
        self._held = lock
        return True


def write(path: Path, data: bytes) -> None:
    """Write a file in one step; where it cannot be written, say so once and go on without it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(temporary, path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        _say_once(f"{path.parent} cannot be written ({reason})")


@cache
def _say_once(problem: str) -> None:
    """Warn, the first time: Python's own filter forgets whenever some library touches it, as Numba does."""
    advice = "so kernels compile at every start: set TEGMENTUM_CACHE to a directory that can be written"
    warnings.warn(f"{problem}, {advice}", RuntimeWarning, stacklevel=3)
