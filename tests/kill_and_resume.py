"""Kill runs at random moments, look at what is left, go on, and compare with runs that were left alone.

    python tests/kill_and_resume.py --kills 100

For `run`, `train` and `continual` in turn: the command is killed with SIGKILL, its store must open in plain xarray and
hold a prefix of the uninterrupted run's; then `tegmentum resume`, which may be killed as well, must end with a store
equal to it in every number but the times of the clock.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

NETWORK = """
[simulation]
duration = 2000.0
seed = 3
[populations.exc]
size = 400
model = { type = "LIF", tau_m = 20.0, v_thresh = 20.0, v_reset = 10.0, t_ref = 2.0 }
[modulators.dopamine]
tau = 200.0
baseline = 0.002
[[projections]]
pre = "exc"
post = "exc"
name = "learn"
rule = { type = "FixedIndegree", k = 40 }
weight = 0.05
delay = 1.5
plasticity = { type = "DopamineSTDP", modulator = "dopamine", receptor = { type = "LinearReceptor", slope = 0.1 }, \
tau_e = 1000.0, a_plus = 1e-3, a_minus = 1e-3, w_max = 0.1 }
[[poisson]]
post = "exc"
rate = 1500.0
weight = 0.5
[record]
spikes = "all"
weights = { learn = { every = 50.0, changed = true } }
eligibility = { learn = 100.0 }
modulators = { dopamine = 1.0 }
every = 0.5
[record.traces.v]
population = "exc"
neurons = [0, 7]
"""
COMMANDS = {
    "run": ["run", "net.toml"],
    "train": ["train", "--hidden", "100", "--epochs", "10", "--limit-test", "50"],
    "train-naca": ["train", "--rule", "naca", "--hidden", "100", "--epochs", "10", "--limit-test", "50"],
    "train-columns": ["train", "--rule", "dopamine-columns", "--epochs", "15", "--limit-test", "50"],
    "continual": ["continual", "--limit-train", "60"],
}
#: what the clock says, and so differs from run to run
TIMES = {"run_time", "learning_time", "seconds", "learn_s", "wall_s"}


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a command."""
    command = [sys.executable, "-P", "-m", "tegmentum.cli.main", *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def wait_for(store: Path, child: subprocess.Popen[bytes]) -> None:
    """Wait until a command has made its store, or ended."""
    until = time.monotonic() + 600
    while not store.exists() and child.poll() is None and time.monotonic() < until:
        time.sleep(0.01)


def finish(folder: Path, store: str, *arguments: str) -> float:
    """Let a command end by itself; return the seconds from when its store was there."""
    child = start(folder, *arguments, "--out", store)
    wait_for(folder / store, child)
    began = time.monotonic()
    _, error = child.communicate()
    assert child.returncode == 0, f"{arguments}: {error.decode()}"
    return time.monotonic() - began


def kill_after(child: subprocess.Popen[bytes], seconds: float) -> bool:
    """Kill a command after so long; tell whether it was still running."""
    try:
        _, error = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.communicate()
        return True
    assert child.returncode == 0, error.decode()
    return False


def arrays(store: Path) -> dict[str, np.ndarray]:
    """Return every array of a store, as plain xarray reads it."""
    import xarray as xr

    with xr.open_datatree(store, engine="zarr", mask_and_scale=False, decode_cf=False) as tree:
        return {
            f"{node.path}/{name}": node.dataset[name].values
            for node in tree.subtree
            for name in node.dataset.variables
            if name not in TIMES
        }


def is_complete(store: Path) -> bool:
    """Tell whether a run has said that it is."""
    return bool(json.loads((store / "zarr.json").read_text())["attributes"]["status"] == "complete")


def check_prefix(store: Path, whole: dict[str, np.ndarray], finished: bool) -> None:
    """Check that a store holds the beginning of another, or all of it."""
    found = arrays(store)
    for name, values in found.items():
        assert name in whole, f"{store}: {name} should not be there"
        wanted = whole[name]
        if not finished and values.ndim:
            wanted = wanted[: len(values)]
        assert np.array_equal(values, wanted, equal_nan=values.dtype.kind == "f"), f"{store}: {name}"
    if finished:
        assert found.keys() == whole.keys(), found.keys() ^ whole.keys()


def once(folder: Path, kind: str, whole: dict[str, np.ndarray], took: float, draw: random.Random) -> int:
    """Kill, look, go on until the end; return how often it was killed."""
    store = folder / "killed.zarr"
    shutil.rmtree(store, ignore_errors=True)
    every = f"{draw.choice([0.02, 0.1, 0.5])}"
    child = start(folder, *COMMANDS[kind], "--out", store.name, "--checkpoint-every", every)
    wait_for(store, child)
    kills = int(kill_after(child, draw.uniform(0.0, took)))
    while kills:
        check_prefix(store, whole, finished=False)
        if is_complete(store):
            break
        # threads that meet in every tick crawl where a test suite has the cores
        threads = 1 if kind == "train" else draw.choice([1, 2])
        again = start(folder, "resume", store.name, "--threads", f"{threads}")
        if kill_after(again, draw.uniform(1.0, took + 3.0) if draw.random() < 0.4 else 600.0):
            kills += 1
        else:
            break
    check_prefix(store, whole, finished=True)
    return kills


def main() -> None:
    """Kill as often as was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="at least so many")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--only", choices=[*COMMANDS], help="one command alone")
    args = parser.parse_args()
    draw, kills, stores = random.Random(args.seed), dict.fromkeys(COMMANDS, 0), 0
    kinds = [args.only] if args.only else [*COMMANDS]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "net.toml").write_text(NETWORK)
        whole, took = {}, {}
        for kind in kinds:
            finish(folder, "first.zarr", *COMMANDS[kind])  # compiles, once
            shutil.rmtree(folder / "first.zarr")
            took[kind] = finish(folder, f"{kind}.zarr", *COMMANDS[kind])
            whole[kind] = arrays(folder / f"{kind}.zarr")
        while sum(kills.values()) < args.kills:
            kind = kinds[stores % len(kinds)]
            kills[kind] += once(folder, kind, whole[kind], took[kind], draw)
            stores += 1
            print(f"{stores} stores whole after {kills} kills", flush=True)


if __name__ == "__main__":
    main()
