"""Stores with damaged files: an error that names the store, exit code 4, never a traceback."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest

from tegmentum.simcore.store import RunStore

N_MUTANTS = int(os.environ.get("TEGMENTUM_MUTANTS", "15"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "run.zarr"
    rng = np.random.default_rng(0)
    with RunStore.create(path, {"network": {}, "seed": 1, "dt": 0.1, "ms": 100.0}) as store:
        spikes = store.spikes("exc", 20, 0.1)
        spikes.append(np.sort(rng.integers(1, 1000, 400)), rng.integers(0, 20, 400))
        spikes.end_trial(1000)
        weights = store.weights("exc-exc", np.repeat(np.arange(16), 9), np.tile(np.arange(9), 16))
        for k in range(3):
            weights.snapshot(k, rng.random(144))
        store.trace("v", {"v": "mV"}, [0, 1], 0.1).append(np.arange(50), v=rng.random((50, 2)))
        store.populations({"exc": (20, 400, 200.0)})
    return path


def damage(path, rng):
    """Flip, cut, empty, fill with nonsense or delete one file."""
    files = sorted(file for file in path.rglob("*") if file.is_file())
    file = files[rng.integers(len(files))]
    data = bytearray(file.read_bytes())
    kind = rng.integers(5)
    if kind == 0 and data:
        for at in rng.integers(0, len(data), 8):
            data[at] ^= int(rng.integers(1, 256))
    elif kind == 1:
        data = data[: rng.integers(0, len(data) + 1)]
    elif kind == 2:
        data = bytearray()
    elif kind == 3:
        data = bytearray(rng.bytes(len(data)))
    else:
        file.unlink()
        return f"{file.relative_to(path)} deleted"
    file.write_bytes(bytes(data))
    return f"{file.relative_to(path)} kind {kind}"


def test_damaged_files_are_errors_with_a_name(whole, tmp_path, tegmentum):
    rng = np.random.default_rng(5)
    seen = set()
    for k in range(N_MUTANTS):
        path = tmp_path / f"{k}.zarr"
        shutil.copytree(whole, path)
        what = damage(path, rng)
        for arguments in (("inspect", path), ("plot", path, "raster"), ("plot", path, "weights")):
            outcome = tegmentum(*arguments, *(("--force",) if arguments[0] == "plot" else ()))
            assert outcome.code in (0, 4), (what, arguments, outcome)
            assert outcome.code == 0 or path.name in outcome.err, (what, arguments, outcome)
            seen.add(outcome.code)
        shutil.rmtree(path)
    assert seen == {0, 4}
