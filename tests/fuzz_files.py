"""Damaged files of every kind that the command line or the library reads; each is read, or refused in a line.

    python tests/fuzz_files.py [mutations] [first number]

prints what raised anything but an error with an exit code, or took longer than a minute, and exits with 1 then.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import random
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

SECONDS = 60
#: done, wrong usage, invalid configuration or data, store
ALLOWED = {0, 2, 3, 4}


class Late(BaseException):
    """A file that is read for too long."""


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    def late(*_: object) -> None:
        raise Late(f"still reading after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Flip, cut, empty, repeat or overwrite."""
    out = bytearray(data)
    how = rng.choice(["flip", "flip", "cut", "empty", "twice", "zeros", "noise", "insert"])
    if how == "flip":
        for _ in range(rng.choice([1, 1, 3, 20])):
            if out:
                out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    elif how == "cut":
        del out[rng.randrange(len(out) + 1) :]
    elif how == "empty":
        out.clear()
    elif how == "twice":
        out += bytes(out)
    elif how == "insert":
        at = rng.randrange(len(out) + 1)
        out[at:at] = rng.randbytes(rng.randrange(1, 9))
    elif out:
        at = rng.randrange(len(out))
        n = min(len(out) - at, rng.randrange(1, 64))
        out[at : at + n] = bytes(n) if how == "zeros" else rng.randbytes(n)
    return bytes(out)


def command(*arguments: object) -> tuple[int, str]:
    """Call the command line in this process; return exit code and what it printed."""
    from tegmentum.cli.main import main

    out, argv = io.StringIO(), sys.argv
    sys.argv = ["tegmentum", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            main()
    except SystemExit as stop:
        code = stop.code
    else:
        code = 0
    finally:
        sys.argv = argv
    return (code if isinstance(code, int) else 0 if code is None else 1), out.getvalue()


def make_store(folder: Path) -> Path:
    """A store with something of every kind."""
    from tegmentum.simcore.record.store import RunStore

    path, rng = folder / "run.zarr", np.random.default_rng(0)
    with RunStore.create(path, {"seed": 1}) as store:
        spikes = store.spikes("p", 20, 0.1)
        spikes.append(np.sort(rng.integers(0, 900, 300)), rng.integers(0, 20, 300))
        spikes.end_trial(1_000)
        store.trace("v", {"v": "mV"}, [0, 3], 0.1).append(np.arange(50), v=rng.normal(size=(50, 2)))
        known = {name: np.arange(6) for name in ("synapse", "pre", "post")} | {"delay": np.full(6, 10)}
        sizes = {"n_pre": 6, "n_post": 6}
        whole = store.snapshots("weights", "q", known, sizes, 0.1, np.float32)
        parts = store.snapshots("eligibility", "q", known, sizes, 0.1, np.float32, changed=True)
        for k in range(4):
            whole.append(k, rng.normal(size=6))
            parts.append(k, np.arange(6), rng.normal(size=6))
        store.levels("dopamine", 2, 0.1).append(3, [0.5, 1.0])
        store.populations({"p": 20}, [300], [15.0], {"model_time": (100.0, "ms", "time")})
    return path


def store_mutant(originals: Path, folder: Path, rng: random.Random) -> Iterator[tuple[object, ...]]:
    path = folder / "run.zarr"
    shutil.copytree(originals / "run.zarr", path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    for _ in range(rng.choice([1, 1, 2])):
        file = path / "zarr.json" if rng.random() < 0.4 else rng.choice(files)
        if rng.random() < 0.15:
            file.unlink(missing_ok=True)
        elif file.exists():
            file.write_bytes(damaged(file.read_bytes(), rng))
    reading = [
        ("inspect", path),
        ("inspect", path, "--json"),
        ("plot", path, "raster", "--output", folder / "a.png"),
        ("plot", path, "trajectories", "--output", folder / "b.png"),
    ]
    yield rng.choice(reading)


def resumed_mutant(originals: Path, folder: Path, rng: random.Random) -> Iterator[tuple[object, ...]]:
    path = folder / "run.zarr"
    shutil.copytree(originals / "run.zarr", path)
    file = path / "zarr.json"
    file.write_bytes(damaged(file.read_bytes(), rng))
    yield ("resume", path)


def toml_mutant(originals: Path, folder: Path, rng: random.Random) -> Iterator[tuple[object, ...]]:
    from test_config_mutants import mutant

    text = mutant(rng.randrange(2**32)).encode()
    file = folder / "network.toml"
    file.write_bytes(damaged(text, rng) if rng.random() < 0.5 else text)
    yield ("config", "check", file)


def events_mutant(originals: Path, folder: Path, rng: random.Random) -> Iterator[Callable[[], object]]:
    from test_event_files import EVENTS, aedat3, dat, davis, dvs128, nmnist

    from tegmentum.datasets import read_events

    make, name = rng.choice(
        [(davis, "a.aedat"), (dvs128, "b.aedat"), (aedat3, "c.aedat"), (dat, "d.dat"), (nmnist, "e.bin")]
    )
    data = make(EVENTS * 5 if make is not aedat3 else EVENTS)
    file = folder / name
    file.write_bytes(gzip.compress(damaged(data, rng)) if rng.random() < 0.2 else damaged(data, rng))
    yield lambda: read_events(file, sort=True)


def idx_mutant(originals: Path, folder: Path, rng: random.Random) -> Iterator[Callable[[], object]]:
    from tegmentum.datasets import files, idx

    data = struct.pack(">BBBBIII", 0, 0, 8, 3, 3, 4, 4) + bytes(range(48))
    file = folder / "images-idx3-ubyte.gz"
    packed = rng.random() < 0.5
    file.write_bytes(damaged(gzip.compress(data), rng) if packed else gzip.compress(damaged(data, rng)))
    yield lambda: idx.images(files.unpack(file), str(file), (4, 4))


KINDS = (store_mutant, store_mutant, resumed_mutant, toml_mutant, events_mutant, idx_mutant)


def attempt(number: int, originals: Path) -> tuple[str, int, str]:
    """Try one mutant; return its kind, the exit code, and what is wrong about it, if anything."""
    from tegmentum.cli.main import exit_code
    from tegmentum.simcore.errors import TegmentumError

    rng = random.Random(number)
    kind = rng.choice(KINDS)
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    code, text = 0, ""
    try:
        with in_time(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for act in kind(originals, folder, rng):
                before = _contents(folder)
                if callable(act):
                    try:
                        act()
                    except TegmentumError as error:
                        code, text = exit_code(error), str(error)
                else:
                    code, text = command(*act)
                for name, data in before.items():
                    if not (folder / name).exists() or (
                        kind is not resumed_mutant and (folder / name).read_bytes() != data
                    ):
                        return kind.__name__, code, f"{name} was changed"
    except BaseException:
        return kind.__name__, -1, traceback.format_exc()
    finally:
        shutil.rmtree(folder)
    if code not in ALLOWED or "Traceback" in text:
        return kind.__name__, code, text or "no message"
    if code and not text.strip():
        return kind.__name__, code, "no message"
    return kind.__name__, code, ""


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    originals = Path(tempfile.mkdtemp(prefix="fuzz-"))
    make_store(originals)
    codes: Counter[tuple[str, int]] = Counter()
    wrong, began = 0, time.monotonic()
    for number in range(first, first + n):
        kind, code, problem = attempt(number, originals)
        codes[kind, code] += 1
        if problem:
            wrong += 1
            print(f"--- {number} {kind}: exit code {code}\n{problem}", flush=True)
    shutil.rmtree(originals)
    for (kind, code), count in sorted(codes.items()):
        print(f"{kind:16} {code:3} {count:6}")
    print(f"{n} mutants, {wrong} wrong, {time.monotonic() - began:.0f} s")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
