"""``tegmentum datasets``: list, fetch and verify the data sets."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tegmentum.datasets import DatasetInfo, FileCheck

app = typer.Typer(no_args_is_help=True, help="List, fetch and verify the data sets.")

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Folder of the files, instead of TEGMENTUM_DATA and the user's cache.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]

EXIT_DATA = 3
_ABSENT, _BY_HAND = "absent", "absent, by hand"
_KINDS = {"images": "images", "events": "recordings"}


@app.command("list")
def list_(data_dir: DataDir = None, as_json: Json = False) -> None:
    """List the data sets, and whether their files are there."""
    from tegmentum import datasets

    entries = [(datasets.info(name), datasets.available(name, data_dir)) for name in datasets.names()]
    if as_json:
        _print_json({"datasets": [_describe(entry, there) for entry, there in entries]})
        return
    for entry, there in entries:
        counts = (
            f"{entry.n_train:,} + {entry.n_test:,} {_KINDS[entry.kind]}"
            if entry.n_train
            else _KINDS[entry.kind]
        )
        size = f", {entry.n_bytes / 1e6:,.1f} MB" if entry.n_bytes else ""
        state = _whereabouts(entry, there, data_dir)
        typer.echo(f"{entry.name:15} {state:16} {counts}{size}")
        for line in textwrap.wrap(entry.title, 74):
            typer.echo(f"    {line}")
        if state == _BY_HAND:
            typer.echo(f"    {entry.homepage}")
    typer.echo(f"\n{_ABSENT}: fetch it with `tegmentum datasets get NAME`, or by hand from its page")


@app.command()
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the data set.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Fetch the files that are absent or damaged, and verify them."""
    from tegmentum import datasets

    entry = datasets.info(name)
    paths = datasets.download(name, data_dir)
    if as_json:
        _print_json({"name": entry.name, "embedded": entry.embedded, "files": [str(path) for path in paths]})
    elif entry.embedded:
        typer.echo(f"{entry.name} is part of the package; nothing to fetch")
    else:
        _print_table(("file", "path"), [(path.name, str(path)) for path in paths])


@app.command()
def verify(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Name of the data set; default all.")
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Hold every file against its checksum; exit 3 if one is damaged or, with NAME, absent."""
    from tegmentum import datasets

    checks = {
        datasets.info(each).name: datasets.verify(each, data_dir)
        for each in ([name] if name else datasets.names())
    }
    ok = all(check.ok or (check.path is None and not name) for each in checks.values() for check in each)
    if as_json:
        reports = {each: [_report(check) for check in found] for each, found in checks.items()}
        _print_json({"ok": ok, "datasets": reports})
    else:
        rows = [
            (each, check.file, _verdict(check), check.detail) for each in checks for check in checks[each]
        ]
        _print_table(("data set", "file", "verdict", "detail"), rows)
    if not ok:
        raise typer.Exit(EXIT_DATA)


def _describe(entry: DatasetInfo, available: bool) -> dict[str, Any]:
    return {
        **asdict(entry),
        "n_classes": entry.n_classes,
        "n_bytes": entry.n_bytes,
        "downloadable": entry.downloadable,
        "available": available,
    }


def _whereabouts(entry: DatasetInfo, available: bool, data_dir: Path | None) -> str:
    from tegmentum.datasets.locate import chosen

    if entry.embedded:
        return "in the package"
    if available:
        return "found" if chosen(entry, data_dir) == entry.files else "found: stand-in"
    return _ABSENT if entry.downloadable else _BY_HAND


def _report(check: FileCheck) -> dict[str, Any]:
    return {**check._asdict(), "path": None if check.path is None else str(check.path)}


def _verdict(check: FileCheck) -> str:
    if check.ok:
        return "ok"
    return "absent" if check.path is None else "DAMAGED"


def _print_json(document: dict[str, Any]) -> None:
    typer.echo(json.dumps(document))


def _print_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    table = Table(*(Column(title, no_wrap=k < 2, overflow="fold") for k, title in enumerate(header)))
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)
