"""The executor behind ``--dask``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Executor

from tegmentum.simcore.errors import DescriptionError, TegmentumError
from tegmentum.simcore.installed import install_line


@contextlib.contextmanager
def dask_executor(address: str) -> Iterator[Executor]:
    """Give the executor of a scheduler's cluster."""
    try:
        from distributed import Client
    except ImportError as error:
        raise TegmentumError(f"--dask needs Dask: {install_line('dask')}") from error
    try:
        client = Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise DescriptionError(
            f"--dask {address}: no scheduler answers there ({error}); start one with `dask scheduler`, it prints its "
            "address"
        ) from error
    with client:
        yield client.get_executor()
