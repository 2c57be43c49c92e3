"""The manifest of a run in rows, and the command that repeats it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

_COMMAND = re.compile(r"(^|[/\\])(tegmentum(\.exe|-script\.py)?|(tegmentum|cli)[/\\](__main__|main)\.py)$")


def status(summary: dict[str, Any]) -> str:
    """Say how a run ended, or that nobody knows yet."""
    if summary["status"] != "running":
        return str(summary["status"])
    return f"running, or killed; last commit {summary['last_commit']}"


def rows(summary: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the manifest's entries but for command and configuration."""
    yield "store", str(summary["path"])
    yield "run", str(summary.get("id", "-"))
    yield "status", status(summary)
    yield "started", str(summary["started"])
    yield "ended", str(summary["ended"] or "-")
    for moment in summary.get("resumed", []):
        yield "resumed", f"{moment['at']}: {command(moment['argv'])}"
    for key in ("seed", "threads"):
        yield key, "-" if summary[key] is None else str(summary[key])
    for name, version in summary["versions"].items():
        yield f"version of {name}", str(version or "-")
    yield "platform", str(summary["platform"])
    yield "store schema", str(summary["tegmentum_schema"])


def command(argv: Sequence[Any]) -> str:
    """Return the line that began a run, quoted for a POSIX shell; "" if it was no command."""
    words = [str(word) for word in argv]
    if not words or words[0] in ("", "-c", "-"):
        return ""
    if _COMMAND.search(words[0]):
        return shlex.join(["tegmentum", *words[1:]])
    return shlex.join(["python", *words])


def document(summary: dict[str, Any]) -> dict[str, Any] | None:
    """Return the network's file that the store holds, None if the run had none."""
    config = summary["config"]
    found = config.get("document") if isinstance(config, dict) else None
    return found if isinstance(found, dict) and "text" in found else None
