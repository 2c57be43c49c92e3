"""Stores of every kind, made by ``RunStore`` alone, and what a page of one holds: for the tests of reports."""

from __future__ import annotations

import base64
import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from tegmentum.simcore.record.store import RunStore

HOSTILE = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>"


def run_store(path: Path, name: str = "exc", n_trials: int = 1) -> Path:
    """Spikes of two populations, weights and eligibilities, levels, traces: as `tegmentum run` writes them."""
    with RunStore.create(path, {"seed": 3, "threads": 2, "ms": 100.0}) as store:
        for population, n in ((name, 40), ("inh", 10)):
            spikes = store.spikes(population, n, 0.5)
            for _ in range(n_trials):
                spikes.append(np.arange(1, 201), np.arange(200) * 7 % n)
                spikes.end_trial(200)
        synapses = {"synapse": np.arange(50), "pre": np.arange(50) % 40, "post": np.arange(50) % 10,
                    "delay": np.ones(50, int)}  # fmt: skip
        sizes = {"n_pre": 40, "n_post": 10}
        for kind in ("weights", "eligibility"):
            snapshots = store.snapshots(kind, f"{name}-inh", synapses, sizes, 0.5, "f4", "mV")
            for k in range(4):
                snapshots.append(50 * k, np.arange(50) * 0.1 + k)
        levels = store.levels("dopamine", 3, 0.5)
        for k in range(20):
            levels.append(10 * k, np.arange(3) + 0.1 * k)
        store.trace(f"{name}_v", {"v": "mV"}, [3, 7], 0.5).append(
            np.arange(200), v=np.arange(400).reshape(200, 2)
        )
    return path


def train_store(path: Path) -> Path:
    """Three epochs of three classes, and two test samples' spikes: as `tegmentum train` writes them."""
    with RunStore.create(path, {"seed": 0, "dataset": "digits", "rule": "naca"}) as store:
        from tegmentum.cli.training_store import confusion_table, epoch_table

        table, confusion = epoch_table(store), confusion_table(store, 3)
        weights = store.weights("in-out", [0, 0, 1], [0, 1, 1], n_pre=2, n_post=2)
        weights.snapshot(0, [0.0, 0.5, 1.0])
        for epoch, right in ((1, 0.5), (2, 0.625), (3, 0.8125)):
            table.append(epoch=epoch, train_accuracy=right + 0.1, test_accuracy=right, synaptic_events=1000,
                         learning_time=0.5)  # fmt: skip
            confusion.append(evaluation=epoch, confusion=[[5, 1, 0], [0, 4, 1], [1, 0, 4]])
            weights.snapshot(epoch, [0.1 * epoch, 0.5, 1.0])
        spikes = store.spikes("out", 2, 1.0, trial=("label", "prediction"))
        for label, said in ((2, 2), (0, 1)):
            spikes.append([0, 3, 9], [0, 1, 1])
            spikes.end_trial(10, label=label, prediction=said)
        levels = store.modulators("out", ["dopamine"], 12, time_name="expected class", dim="expected_class")
        levels.append(np.arange(3), np.arange(36).reshape(3, 1, 12))
    return path


R = [[1.0, np.nan, np.nan], [0.75, 0.5, np.nan], [0.25, 0.5, 1.0]]


def continual_store(path: Path, n_done: int = 3) -> Path:
    """Tasks of two classes each, in the layout of `tegmentum continual`."""
    with RunStore.create(path, {"seed": 0, "rule": "egdc", "protocol": "honest"}) as store:
        learning = store.table("learning", dim="after", columns={
            "accuracy": ("float64", "fraction", ("task",), (3,)), "samples_seen": ("int64", "")})  # fmt: skip
        tasks = store.table("tasks", dim="position", columns={"class": ("int64", ""), "task": ("int64", "")})
        for k in range(6):
            tasks.append(position=k, task=k // 2, **{"class": 5 - k})
        columns = {"unchanged": ("float64", "fraction"), "largest": ("float64", "")}
        changes = store.table("changes/read-out", dim="after", columns=columns)
        for k in range(n_done):
            learning.append(after=k, accuracy=R[k], samples_seen=10)
            changes.append(after=k, unchanged=1 - 0.25 * k, largest=0.5 * k)
    return path


class Page(HTMLParser):
    """A page taken apart.

    Attributes
    ----------
    figures
        Data and layout of each, by the heading above it.
    text
        What is read on it.
    rows
        Cells of each row of every table.
    attributes
        Of every element: its name, and its attributes.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.figures, self.rows, self.attributes, self.text = {}, [], [], ""
        self._within: list[str] = []
        self._heading = ""
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.attributes.append((tag, dict(attrs)))
        if tag in ("meta", "br"):
            return
        self._within.append(tag)
        if tag == "h3":
            self._heading = ""
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self._within.pop() == tag, "elements are not nested"

    def handle_data(self, data):
        tag = self._within[-1] if self._within else ""
        if tag == "script":
            if dict(self.attributes[-1][1]).get("type") == "application/json":
                assert "<" not in data, "a script's element could end here"
                self.figures[self._heading] = json.loads(data)
            return
        if tag == "h3":
            self._heading += data
        if tag in ("td", "th"):
            self.rows[-1][-1] += data
        if tag != "style":
            self.text += data + " "


def unpacked(value):
    """The numbers of a packed array."""
    array = np.frombuffer(base64.b64decode(value["bdata"]), f"<{value['dtype']}")
    return array.reshape([int(n) for n in value["shape"].split(",")]) if "shape" in value else array
