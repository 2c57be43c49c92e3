"""``tegmentum inspect``: what a run store holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from .options import RunStoreName, located


def inspect(
    store: RunStoreName,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, configuration included.")
    ] = False,
) -> None:
    """Show what a run store holds and what the run came to; of a sweep its runs.

    How it ended, rates, CVs of the intervals between spikes, weights, tables, the learning curve, what it took, and
    bytes on disk, of each spike as well.
    """
    from tegmentum.simcore.record.measures import add_measures
    from tegmentum.simcore.record.reader import summarise
    from tegmentum.simcore.sweeps.folder import Folder, is_sweep

    at = located(store)
    if isinstance(at, Path) and is_sweep(at):
        _sweep(at, Folder(at).summary(), as_json)
        return
    summary = add_measures(at, summarise(at))
    if as_json:
        import json

        typer.echo(json.dumps(summary))
    else:
        _print(summary)


def _sweep(store: Path, summary: dict[str, Any], as_json: bool) -> None:
    """Show how the runs of a sweep have ended so far."""
    if as_json:
        import json

        typer.echo(json.dumps(summary))
        return
    typer.echo(
        f"{store}: a sweep of {summary['kind']} over {', '.join(summary['parameters'])}: "
        f"{summary['complete']} runs complete, {len(summary['failed'])} failed"
    )
    for name, error in summary["failed"].items():
        typer.echo(f"failed: {name}: {error}")


def _print(summary: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    head = Table.grid(padding=(0, 2))
    for key, value in _head(summary):
        head.add_row(key, Text(value), style="bold" if key == "run" else None)
    console.print(head)
    body = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for title in ("recorded", "name", "content"):
        body.add_column(title, overflow="fold")
    body.add_column("on disk", justify="right", no_wrap=True)
    for kind, name, content, size in _body(summary):
        body.add_row(kind, Text(name), Text(content), size)
    if body.row_count:
        console.print()
        console.print(body)


def _head(summary: dict[str, Any]) -> Iterator[tuple[str, str]]:
    status = summary["status"]
    if status == "running":
        status = f"running, or killed; last commit {summary['last_commit']}"
    versions = ", ".join(f"{name} {version}" for name, version in summary["versions"].items() if version)
    yield "run", summary["path"]
    yield "status", status
    yield "started", summary["started"]
    yield "ended", summary["ended"] or "-"
    yield "seed, threads", f"{_or_dash(summary['seed'])}, {_or_dash(summary['threads'])}"
    yield "command", " ".join(summary["argv"])
    yield "versions", versions
    yield "size", size_text(summary["bytes"])
    if summary["cost"]:
        yield "cost", _cost(summary["cost"])
    for name, values in summary["curve"].items():
        if any(value is not None for value in values):
            yield name.replace("_", " "), _curve(values)


def _cost(cost: dict[str, Any]) -> str:
    """Put into words what a run took."""
    words = {
        "synaptic_events": "{:,} synaptic events",
        "synaptic_events_per_s": "{:.3g} a second",
        "weight_updates": "{:,} weight updates",
        "samples_seen": "{:,} samples",
        "model_s": "{:g} s of model time",
        "run_s": "{:.3g} s of running",
        "learning_s": "{:.3g} s of learning",
        "wall_s": "{:g} s from start to end",
    }
    return ", ".join(form.format(cost[name]) for name, form in words.items() if name in cost)


def _curve(values: list[float | None]) -> str:
    """Draw a curve in a line of text, with its first, its best and its last value in percent."""
    from .sparkline import sparkline

    known = [100 * value for value in values if value is not None]
    ends = f"{known[0]:.1f} to {known[-1]:.1f} %" if len(known) > 1 else f"{known[0]:.1f} %"
    best = f", best {max(known):.1f} %" if len(known) > 2 else ""
    return f"{sparkline(known)} {ends}{best}"


def _body(summary: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Rows of the table: kind, name, content, size."""
    for name, entry in summary["populations"].items():
        yield "population", name, _population(entry), ""
    describe = {
        "spikes": _spikes,
        "weights": _weights,
        "eligibility": _weights,
        "modulators": _modulators,
        "traces": _traces,
        "tables": _table,
    }
    for kind, words in describe.items():
        for name, entry in summary[kind].items():
            yield kind, name or "(root)", words(entry), size_text(entry["bytes"])


def _population(entry: dict[str, Any]) -> str:
    rate = "" if entry["mean_rate"] is None else f", {entry['mean_rate']:.3g} Hz on average"
    return f"{_n(entry['n_neurons'], 'neuron')}, {_n(entry['n_spikes'], 'spike')}{rate}"


def _spikes(entry: dict[str, Any]) -> str:
    rate = "" if entry["mean_rate"] is None else f", {entry['mean_rate']:.3g} Hz on average"
    some = f"{entry['n_recorded']:,} of " if entry["n_recorded"] < entry["n_neurons"] else ""
    counts = f"{_n(entry['n_spikes'], 'spike')} of {some}{_n(entry['n_neurons'], 'neuron')}"
    if entry["window_ms"] is not None:
        start, stop = entry["window_ms"]
        counts += f" after {start:g} ms" + ("" if stop is None else f" until {stop:g} ms")
    return f"{counts} in {_n(entry['n_trials'], 'trial')}{rate}{_regularity(entry)}"


def _regularity(entry: dict[str, Any]) -> str:
    """Say the mean CV of the intervals between spikes, and how much a spike takes on disk."""
    size = "" if entry["bytes_per_spike"] is None else f", {entry['bytes_per_spike']:.2g} bytes each"
    if entry["isi_cv"] is None:
        return size
    first = f" of the first {entry['isi_spikes']:,} spikes" if entry["isi_spikes"] < entry["n_spikes"] else ""
    return f", CV of intervals {entry['isi_cv']:.2f}{first}{size}"


def _weights(entry: dict[str, Any]) -> str:
    taken = " to ".join(f"{at:.10g}" for at in dict.fromkeys(entry["first_and_last"]))
    during = " ms" if "n_changes" in entry else ""
    snapshots = _n(entry["n_snapshots"], "snapshot") + (f" ({taken}{during})" if taken else "")
    unit = f", in {entry['unit']}" if entry["unit"] else ""
    changes = f", {_n(entry['n_changes'], 'change')}" if entry.get("n_changes") is not None else ""
    return f"{snapshots} of {_n(entry['n_synapses'], 'synapse')}{changes}{unit}"


def _modulators(entry: dict[str, Any]) -> str:
    channels = ", ".join(entry["channels"])
    return (
        f"{channels} at {_n(entry['n_subpopulations'], 'subpopulation')}, {_n(entry['n_samples'], 'sample')}"
    )


def _traces(entry: dict[str, Any]) -> str:
    variables = ", ".join(f"{name} ({unit})" if unit else name for name, unit in entry["variables"].items())
    return f"{variables} of {_n(entry['n_neurons'], 'neuron')}, {_n(entry['n_samples'], 'sample')}"


def _table(entry: dict[str, Any]) -> str:
    last = ", ".join(
        f"{name} {_or_dash(value)}" for name, value in entry["last"].items() if name != entry["dim"]
    )
    return f"{_n(entry['n_rows'], entry['dim'])}{'; last: ' if last else ''}{last}"


def _n(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _or_dash(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def size_text(n_bytes: float) -> str:
    """Give a number of bytes in words, decimal units."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"
