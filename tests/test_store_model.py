"""A store against a model of it in plain Python: whatever is done to it, in whatever order, readers see a commit."""

from __future__ import annotations

import gc
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tegmentum.simcore.errors import StoreError
from tegmentum.simcore.record import layout
from tegmentum.simcore.record.manifest import committed_shapes, read_manifest
from tegmentum.simcore.record.store import RunStore

xr = pytest.importorskip("xarray")


class Stores(RuleBasedStateMachine):
    """Spikes with trials and snapshots of three weights, in chunks of seven numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "run.zarr"
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(layout, "CHUNK", 7)
        self.store: RunStore | None = None
        self.seen = self.kept = None
        self.status = "running"

    def teardown(self) -> None:
        self.kill()
        self.patch.undo()
        shutil.rmtree(self.folder)

    @initialize()
    def create(self) -> None:
        self.store = RunStore.create(self.path, {}, commit_every=1e9)
        self.now = {"t": [], "edges": [0], "w": []}
        self.declare()
        self.seen = None
        self.status = "running"

    def declare(self) -> None:
        assert self.store is not None
        self.spikes = self.store.spikes("p", 100, 0.1)
        self.weights = self.store.weights("q", [0, 1, 2], [2, 1, 0])

    @precondition(lambda self: self.store is not None)
    @rule(n=st.integers(0, 25))
    def append(self, n: int) -> None:
        first = len(self.now["t"])
        self.spikes.append(np.arange(first, first + n), np.arange(first, first + n) % 100)
        self.now["t"] += range(first, first + n)

    @precondition(lambda self: self.store is not None)
    @rule()
    def end_trial(self) -> None:
        self.spikes.end_trial(5)
        self.now["edges"].append(len(self.now["t"]))

    @precondition(lambda self: self.store is not None)
    @rule(value=st.floats(-1, 1, width=32))
    def snapshot(self, value: float) -> None:
        self.weights.snapshot(len(self.now["w"]), [value, 0, -value])
        self.now["w"].append(value)

    @precondition(lambda self: self.store is not None)
    @rule()
    def commit(self) -> None:
        self.store.commit()
        self.seen = {key: list(values) for key, values in self.now.items()}

    @precondition(lambda self: self.store is not None and self.seen is not None)
    @rule()
    def checkpoint(self) -> None:
        self.commit()
        self.kept = {key: list(values) for key, values in self.now.items()}, committed_shapes(self.path)

    @precondition(lambda self: self.store is not None)
    @rule()
    def second_writer(self) -> None:
        for open_it in (RunStore.reopen, lambda path: RunStore.create(path, {}, force=True)):
            with pytest.raises(StoreError, match="is being written by"):
                open_it(self.path)

    @precondition(lambda self: self.store is not None)
    @rule()
    def close(self) -> None:
        self.store.close()
        if len(self.now["edges"]) == 1:
            self.now["edges"].append(len(self.now["t"]))
        self.seen = {key: list(values) for key, values in self.now.items()}
        self.store, self.status = None, "complete"

    @precondition(lambda self: self.store is not None)
    @rule()
    def kill(self) -> None:
        """Forget the writer; what its thread has begun may be on disk, no commit is."""
        self.store = self.spikes = self.weights = None
        gc.collect()

    @precondition(lambda self: self.store is None and self.seen is not None)
    @rule()
    def reopen(self) -> None:
        self.store = RunStore.reopen(self.path, commit_every=1e9)
        self.now = {key: list(values) for key, values in self.seen.items()}
        self.declare()
        self.status = "running"

    @precondition(lambda self: self.store is None and self.kept is not None)
    @rule()
    def resume(self) -> None:
        """Go on from a checkpoint that may be older than the last commit."""
        kept, shapes = self.kept
        self.store = RunStore.reopen(self.path, shapes, commit_every=1e9)
        self.now = {key: list(values) for key, values in kept.items()}
        self.seen = {key: list(values) for key, values in kept.items()}
        self.declare()
        self.status = "running"

    @precondition(lambda self: self.store is None)
    @rule()
    def replace(self) -> None:
        self.store = RunStore.create(self.path, {}, force=True, commit_every=1e9)
        self.now = {"t": [], "edges": [0], "w": []}
        self.declare()
        self.seen = self.kept = None
        self.status = "running"

    @invariant()
    def readers_see_the_last_commit(self) -> None:
        if not self.path.exists():
            return
        assert read_manifest(self.path)["status"] == self.status
        with xr.open_datatree(self.path, engine="zarr") as tree:
            if self.seen is None:
                assert tree.groups == ("/",)
                return
            spikes, weights = tree["spikes/p"].load(), tree["weights/q"].load()
        np.testing.assert_array_equal(spikes.t, self.seen["t"])
        np.testing.assert_allclose(spikes.time, np.array(self.seen["t"]) * 0.1)
        np.testing.assert_array_equal(spikes.neuron, np.array(self.seen["t"]) % 100)
        np.testing.assert_array_equal(spikes.trial_offset, self.seen["edges"])
        assert spikes.trial_ticks.size == len(self.seen["edges"]) - 1
        np.testing.assert_array_equal(weights.w[:, 0], np.array(self.seen["w"], np.float32))
        np.testing.assert_array_equal(weights.snapshot, np.arange(len(self.seen["w"])))


TestStores = pytest.mark.slow(Stores.TestCase)
TestStores.settings = settings(
    max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
