"""Numbers of a run as tables of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..inspect import size_text

_MOST_ROWS = 200


class Numbers(NamedTuple):
    """A table."""

    caption: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def at_a_glance(summary: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the few numbers that matter most."""
    for name, title in (("test_accuracy", "test accuracy"), ("train_accuracy", "accuracy while learning"),
                        ("accuracy_so_far", "accuracy on all tasks so far")):  # fmt: skip
        known = [value for value in summary["curve"].get(name, []) if value is not None]
        if known:
            yield f"{title}, at the end", f"{100 * known[-1]:.2f} %"
    populations = summary["populations"] or summary["spikes"]
    if populations:
        yield "spikes", f"{sum(entry['n_spikes'] for entry in populations.values()):,}"
        yield "neurons", f"{sum(entry['n_neurons'] for entry in populations.values()):,}"
    cost = summary["cost"]
    if "synaptic_events" in cost:
        yield "synaptic events", f"{cost['synaptic_events']:.4g}"
    if "model_s" in cost:
        yield "model time", f"{cost['model_s']:g} s"
    if "run_s" in cost or "learning_s" in cost:
        yield (
            "running" if "run_s" in cost else "learning",
            f"{cost.get('run_s', cost.get('learning_s')):.3g} s",
        )
    yield "size on disk", size_text(summary["bytes"])


def tables(summary: dict[str, Any]) -> Iterator[Numbers]:
    """Give a table for each kind of numbers that the store holds."""
    made = (_spikes(summary), _curve(summary), _synapses(summary), _modulators(summary), _traces(summary),
            _tables(summary), _cost(summary))  # fmt: skip
    yield from (table for table in made if table.rows)


def _spikes(summary: dict[str, Any]) -> Numbers:
    rows = []
    known = summary["populations"]
    for name in {**known, **summary["spikes"]}:
        told, kept = known.get(name, {}), summary["spikes"].get(name, {})
        of = told or kept
        rows.append((
            name, f"{of['n_neurons']:,}", f"{of['n_spikes']:,}", _number(of["mean_rate"]),
            _number(kept.get("isi_cv")), f"{kept['n_trials']:,}" if kept else "not recorded",
            size_text(kept["bytes"]) if kept else "-", _number(kept.get("bytes_per_spike")),
        ))  # fmt: skip
    head = ("population", "neurons", "spikes", "mean rate (Hz)", "CV of intervals", "trials", "on disk",
            "bytes a spike")  # fmt: skip
    return Numbers("Populations", head, rows)


def _curve(summary: dict[str, Any]) -> Numbers:
    curve = {name: values for name, values in summary["curve"].items() if values}
    n = max((len(values) for values in curve.values()), default=0)
    titles = {"train_accuracy": "while learning (%)", "test_accuracy": "test (%)",
              "accuracy_so_far": "all tasks so far (%)"}  # fmt: skip
    step = max(1, -(-n // _MOST_ROWS))
    chosen = sorted({*range(0, n, step), n - 1}) if n else []
    rows = [(str(k + 1), *(_percent(values[k]) for values in curve.values())) for k in chosen]
    every = f", every {step}th" if step > 1 else ""
    first = "task" if "accuracy_so_far" in curve else "epoch"
    return Numbers(f"Accuracy{every}", (first, *(titles.get(name, name) for name in curve)), rows)


def _synapses(summary: dict[str, Any]) -> Numbers:
    rows = []
    for kind in ("weights", "eligibility"):
        for name, entry in summary[kind].items():
            ends = dict.fromkeys(f"{at:.10g}" for at in entry["first_and_last"])
            unit = " ms" if "n_changes" in entry else ""
            changes = entry.get("n_changes")
            rows.append((
                name, kind, f"{entry['n_pre']:,} x {entry['n_post']:,}", f"{entry['n_synapses']:,}",
                entry["unit"] or "1",
                f"{entry['n_snapshots']:,}" + (f" ({' to '.join(ends)}{unit})" if ends else ""),
                "whole" if changes is None else f"{changes:,} changes", size_text(entry["bytes"]),
            ))  # fmt: skip
    head = ("projection", "quantity", "pre x post", "synapses", "unit", "snapshots", "kept", "on disk")
    return Numbers("Synapses", head, rows)


def _modulators(summary: dict[str, Any]) -> Numbers:
    rows = [
        (name, ", ".join(entry["channels"]), f"{entry['n_subpopulations']:,}", f"{entry['n_samples']:,}", entry["time"],
         size_text(entry["bytes"]))
        for name, entry in summary["modulators"].items()
    ]  # fmt: skip
    return Numbers(
        "Neuromodulators", ("name", "channels", "subpopulations", "samples", "along", "on disk"), rows
    )


def _traces(summary: dict[str, Any]) -> Numbers:
    rows = [
        (name, ", ".join(f"{key} ({unit or '1'})" for key, unit in entry["variables"].items()),
         f"{entry['n_neurons']:,}", f"{entry['n_samples']:,}", size_text(entry["bytes"]))
        for name, entry in summary["traces"].items()
    ]  # fmt: skip
    return Numbers("Traces", ("name", "variables", "neurons", "samples", "on disk"), rows)


def _tables(summary: dict[str, Any]) -> Numbers:
    rows = []
    for name, entry in summary["tables"].items():
        if not name:
            continue  # the root: accuracies and cost have tables of their own
        last = ", ".join(
            f"{key} {_number(value)}" for key, value in entry["last"].items() if key != entry["dim"]
        )
        rows.append((name, f"{entry['n_rows']:,}", entry["dim"], last or "-", size_text(entry["bytes"])))
    return Numbers("Other tables", ("name", "rows", "along", "last row", "on disk"), rows)


def _cost(summary: dict[str, Any]) -> Numbers:
    names = {
        "synaptic_events": ("synaptic events", "{:,}"),
        "synaptic_events_per_s": ("synaptic events a second", "{:.4g}"),
        "weight_updates": ("weight updates", "{:,}"),
        "samples_seen": ("samples seen", "{:,}"),
        "model_s": ("model time", "{:g} s"),
        "run_s": ("running", "{:.4g} s"),
        "learning_s": ("learning", "{:.4g} s"),
        "wall_s": ("from start to end", "{:g} s"),
    }
    rows = [
        (words, form.format(summary["cost"][key]))
        for key, (words, form) in names.items()
        if key in summary["cost"]
    ]
    return Numbers("Cost", ("what", "how much"), [*rows, ("size on disk", size_text(summary["bytes"]))])


def _number(value: float | int | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"
