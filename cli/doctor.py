"""``tegmentum doctor``: what is installed, what is missing, and the line to type."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

_PARTS = {
    "core": ("numba", "llvmlite", "numpy", "scipy", "zarr", "typer", "pydantic", "filelock"),
    "analysis": ("xarray", "matplotlib"),
    "report": ("plotly",),
    "data": ("pooch",),
}
_OPTIONAL = {
    "images": ("pillow",),
    "events": ("aedat",),
    "parquet": ("pyarrow",),
    "sonata": ("h5py", "libsonata"),
    "neo": ("neo", "nixio"),
    "nwb": ("pynwb",),
    "pynapple": ("pynapple",),
    "dask": ("distributed",),
    "nir": ("nir",),
    "remote": ("fsspec", "s3fs"),
}
"""What few need: that it is missing is no problem."""


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Check the installation: versions, extras, threads, caches, GPU."""
    import json

    report = diagnose()
    if as_json:
        typer.echo(json.dumps(report))
        return
    typer.echo(f"tegmentum {report['tegmentum']}, Python {report['python']}, {report['platform']}")
    said = ", ".join(f"{name}={value}" for name, value in report["thread_variables"].items())
    typer.echo(
        f"{report['cpus']} CPUs usable, {report['threads']} threads by default{f' ({said})' if said else ''}; "
        f"compiled code in {report['cache']}"
    )
    for part, packages in report["packages"].items():
        line = ", ".join(f"{name} {found or 'MISSING'}" for name, found in packages.items())
        typer.echo(f"{part:9} {line}")
    for part, found in report["optional"].items():
        line = ", ".join(
            f"{name} {version or 'not installed'}" for name, version in found["packages"].items()
        )
        typer.echo(f"{part:9} {line}" + (f": {found['install']}" if found["install"] else ""))
    typer.echo(f"GPU       {report['gpu']}")
    for problem in report["problems"]:
        typer.secho(f"problem: {problem}", fg="yellow")
    if not report["problems"]:
        typer.secho("all well", fg="green")


def diagnose() -> dict[str, Any]:
    """Return what the doctor found, as plain values."""
    from tegmentum.simcore.compile.modules import cache_dir
    from tegmentum.simcore.installed import install_line
    from tegmentum.simcore.machine import THREAD_VARIABLES, cpu_count, default_threads

    packages = {part: {name: _version(name) for name in names} for part, names in _PARTS.items()}
    problems = [
        f"{' and '.join(absent)} missing: "
        + (f"pip install {' '.join(absent)}" if part == "core" else install_line(part))
        for part, found in packages.items()
        if (absent := [name for name, version in found.items() if version is None])
    ]
    optional: dict[str, dict[str, Any]] = {}
    for part, names in _OPTIONAL.items():
        found = {name: _version(name) for name in names}
        optional[part] = {
            "packages": found,
            "install": install_line(part) if None in found.values() else None,
        }
    cache = cache_dir()
    if not _writable(cache):
        problems.append(f"{cache} cannot be written, so kernels compile at every start: set TEGMENTUM_CACHE")
    return {
        "tegmentum": _version("tegmentum"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": cpu_count(),
        "threads": default_threads(),
        "thread_variables": {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ},
        "cache": str(cache),
        "data": os.environ.get("TEGMENTUM_DATA"),
        "packages": packages,
        "optional": optional,
        "gpu": _gpu(),
        "problems": problems,
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _writable(path: Path) -> bool:
    """Tell whether a folder can be written, or created."""
    path = path.absolute()
    try:
        while not path.exists():
            path = path.parent
        return path.is_dir() and os.access(path, os.W_OK | os.X_OK)
    except (OSError, ValueError):  # a name that is too long, or holds a null byte
        return False


def _gpu() -> str:
    from tegmentum.simcore.advance.cuda.available import missing

    absent = missing()
    version = _version("numba-cuda")
    return (
        f"not usable, {absent}" if absent else f"numba-cuda {version or 'of Numba'}, ready for --backend cuda"
    )
