"""Dask clusters: what must hold of the workers before they are given runs."""

from __future__ import annotations

import os
import socket
from collections import defaultdict
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from ..errors import DescriptionError
from ..machine import cpu_count
from ..record.manifest import version_of
from .processes import at_once


def client_of(executor: Executor) -> Any:
    """Return the client behind Dask's ``Client.get_executor()``, None for other executors."""
    if type(executor).__module__.partition(".")[0] == "distributed":
        return executor._client  # type: ignore[attr-defined]
    return None


def check_cluster(client: Any, threads: int, folder: Path | None) -> int:
    """Refuse a cluster that could not do the runs, or with more threads than cores; return how many it does at once.

    Raises
    ------
    DescriptionError
        if it has no workers, if one lacks this version of Tegmentum or does not see the sweep's folder, or if a
        machine's workers do more runs at once than it has cores for
    """
    n_at_once = dict(client.nthreads())
    if not n_at_once:
        raise DescriptionError(
            "sweep: the Dask cluster has no workers yet; start some (dask worker ADDRESS --nthreads 1)"
        )
    try:
        told: dict[str, dict[str, Any]] = client.run(_about, None if folder is None else str(folder))
    except Exception as error:
        raise DescriptionError(
            f"sweep: a worker of the Dask cluster cannot be asked, or has no Tegmentum ({error}); install the same "
            "version there"
        ) from error
    hosts: dict[str, list[str]] = defaultdict(list)
    for address, about in told.items():
        hosts[about["host"]].append(address)
        if about["version"] != version_of("tegmentum"):
            raise DescriptionError(
                f"sweep: Dask worker {address} has Tegmentum {about['version']}, this is "
                f"{version_of('tegmentum')}; install the same version there"
            )
        if not about["sees"]:
            raise DescriptionError(
                f"sweep: Dask worker {address} on {about['host']} does not see {folder}; choose a folder that all "
                "machines share"
            )
    for host, addresses in hosts.items():
        cores = told[addresses[0]]["cores"]
        n = sum(n_at_once.get(address, 1) for address in addresses)
        if n * threads > cores:
            raise DescriptionError(
                f"sweep: the Dask workers on {host} do {at_once(n)} with {threads} thread{'s' * (threads > 1)} "
                f"each, it has {cores} cores; start fewer (dask worker --nworkers, --nthreads)"
            )
    return sum(n_at_once.values())


def _about(folder: str | None) -> dict[str, Any]:
    """Tell of the machine and the installation where this is called."""
    return {
        "host": socket.gethostname(),
        "cores": cpu_count(),
        "version": version_of("tegmentum"),
        "sees": folder is None or os.path.isdir(folder),
    }
