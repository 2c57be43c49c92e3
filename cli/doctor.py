"""``tegmentum doctor``: what is installed, what is missing, and the line to type."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from typing import Annotated, Any

import typer

_PARTS = {
    "core": ("numba", "llvmlite", "numpy", "scipy", "zarr", "typer", "pydantic", "filelock"),
    "analysis": ("xarray", "matplotlib"),
    "data": ("pooch",),
}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Check the installation: versions, extras, threads, caches, GPU."""
    import json

    report = diagnose()
    if as_json:
        typer.echo(json.dumps(report))
        return
    typer.echo(f"tegmentum {report['tegmentum']}, Python {report['python']}, {report['platform']}")
    typer.echo(f"{report['cpus']} CPUs usable; compiled code in {report['cache']}")
    for part, packages in report["packages"].items():
        line = ", ".join(f"{name} {found or 'MISSING'}" for name, found in packages.items())
        typer.echo(f"{part:9} {line}")
    typer.echo(f"GPU       {report['gpu']}")
    for problem in report["problems"]:
        typer.secho(f"problem: {problem}", fg="yellow")
    if not report["problems"]:
        typer.secho("all well", fg="green")


def diagnose() -> dict[str, Any]:
    """Return what the doctor found, as plain values."""
    from tegmentum.simcore.build import cache_dir

    packages = {part: {name: _version(name) for name in names} for part, names in _PARTS.items()}
    problems = [
        f"{' and '.join(n for n, v in found.items() if v is None)} missing: pip install "
        + ("--force-reinstall tegmentum" if part == "core" else f'"tegmentum[{part}]"')
        for part, found in packages.items()
        if None in found.values()
    ]
    cache = cache_dir()
    if not _writable(cache):
        problems.append(f"{cache} cannot be written, so kernels compile at every start: set TEGMENTUM_CACHE")
    return {
        "tegmentum": _version("tegmentum"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": cpu_count(),
        "cache": str(cache),
        "data": os.environ.get("TEGMENTUM_DATA"),
        "packages": packages,
        "gpu": _gpu(),
        "problems": problems,
    }


def cpu_count() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _writable(path: Any) -> bool:
    while not path.exists():
        path = path.parent
    return path.is_dir() and os.access(path, os.W_OK)


def _gpu() -> str:
    if _version("numba-cuda") is None:
        return 'numba-cuda not installed (pip install "tegmentum[cuda13]"); the learner runs on the CPU alone so far'
    return f"numba-cuda {_version('numba-cuda')}; the learner runs on the CPU alone so far"
