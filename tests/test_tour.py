"""What a newcomer does wrong, and what befalls them: a line that says what, an exit code, and nothing lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tegmentum.simcore import StoreError, open_run
from tegmentum.simcore.record import target as target_module
from tegmentum.simcore.record.manifest import committed_nodes

NETWORK = (
    '[simulation]\nduration = 20.0\n[populations.p]\nsize = 3\nmodel = { type = "LIF", i_e = 1000.0 }\n'
    '[record]\nspikes = ["p"]\n'
)
LOOKS = (
    ["inspect"],
    ["plot", "raster"],
    ["report"],
    ["watch"],
    ["export", "--to", "parquet", "-o", "out"],
    ["resume", "--until", 30],
)


@pytest.fixture
def run(tegmentum, tmp_path):
    (tmp_path / "net.toml").write_text(NETWORK)
    assert tegmentum("run", "net.toml", "--out", "run.zarr").code == 0
    return tmp_path / "run.zarr"


def change(path: Path, alter) -> None:
    root = json.loads((path / "zarr.json").read_text())
    alter(root)
    (path / "zarr.json").write_text(json.dumps(root))


@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (
            lambda root: root["attributes"].update(config=None),
            "damaged, config should be an object, got None",
        ),
        (lambda root: root["attributes"].update(argv="run"), "damaged, argv should be a list, got 'run'"),
        (lambda root: root["attributes"].pop("status"), "damaged, status should be text, got None"),
        (lambda root: root["attributes"].update(tegmentum_schema=99), "written with store schema 99"),
        (lambda root: root.pop("consolidated_metadata"), "damaged, "),
    ],
)
def test_a_manifest_that_is_none_is_told_by_every_command(tegmentum, run, alter, message):
    pytest.importorskip("matplotlib")
    pytest.importorskip("plotly")
    change(run, alter)
    for command, *rest in LOOKS:
        found = tegmentum(command, run, *rest)
        assert (found.code, message in found.err) == (4, True), (command, found)


def test_arrays_that_disagree_are_damage(tegmentum, run):
    """As a root's metadata that were changed by hand: xarray cannot align what it finds."""
    nodes = committed_nodes(run)
    change(run, lambda root: root["consolidated_metadata"]["metadata"]["spikes/p/t"].update(shape=[10**6]))
    assert nodes != committed_nodes(run)
    with pytest.raises(StoreError, match="damaged"):
        open_run(run)
    assert tegmentum("export", run, "--to", "parquet", "-o", "out").code == 4


def test_a_full_disk_below_a_store_is_told_as_such(tegmentum, tmp_path, monkeypatch):
    """The disk's error names no file, as those of a full standard output do."""
    (tmp_path / "net.toml").write_text(NETWORK)

    def full(target, path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(target_module.LocalTarget, "_write", full)
    found = tegmentum("run", "net.toml")
    assert found.code == 4
    assert "cannot write: No space left on device" in found.err
    assert "output" not in found.err


def test_a_lock_that_cannot_be_written_is_not_left(tegmentum, tmp_path, monkeypatch):
    from tegmentum.simcore.record import lock

    def full(descriptor, data):
        raise OSError(28, "No space left on device")

    (tmp_path / "net.toml").write_text(NETWORK)
    monkeypatch.setattr(lock.os, "write", full)
    found = tegmentum("run", "net.toml")
    assert (found.code, "net.zarr: cannot be written: No space left on device" in found.err) == (4, True)
    assert [path.name for path in tmp_path.iterdir()] == ["net.toml"]


def test_a_picture_is_written_whole_or_not_at_all(tegmentum, run, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    from tegmentum.simcore.record import manifest

    def full(path, to):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(manifest.Path, "replace", full)
    found = tegmentum("plot", run, "raster", "-o", "raster.png")
    assert (found.code, "No space left on device" in found.err) == (2, True)
    assert not list(tmp_path.glob("raster*"))


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupt_while_commands_load_is_no_traceback(tmp_path):
    """The hook stands for whatever is being imported when Ctrl-C is pressed."""
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored where tests run in the background
        "import tegmentum.cli.main as main\n"
        "class Slow:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'tegmentum.cli.app':\n"
        "            print('loading', flush=True)\n"
        "            time.sleep(30)\n"
        "sys.meta_path.insert(0, Slow())\n"
        "main.main()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert child.stdout.readline() == "loading\n"
    time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, error = child.communicate(timeout=20)
    assert (child.returncode, error) == (-signal.SIGINT, "")


def test_resumed_twice_at_once_the_second_is_refused(tegmentum, tmp_path):
    from tegmentum.simcore.record.store import RunStore

    (tmp_path / "net.toml").write_text(NETWORK)
    assert tegmentum("run", "net.toml").code == 0
    with RunStore.reopen(tmp_path / "net.zarr"):
        found = tegmentum("resume", "net.zarr", "--until", 30)
        assert (found.code, "is being written by process" in found.err) == (4, True)
    assert tegmentum("resume", "net.zarr", "--until", 30).code == 0


def test_a_network_without_synapses_has_no_bytes_for_each(tegmentum, tmp_path):
    (tmp_path / "net.toml").write_text(NETWORK)
    assert "bytes each" not in tegmentum("run", "net.toml").err


def test_what_may_not_be_read_is_not_called_damaged(tegmentum, run, monkeypatch):
    """Root reads everything, so the system's answer is put in its place."""
    from zarr.storage import LocalStore

    get = LocalStore.get

    async def refusing(store, key, *rest, **options):
        if key.endswith("/t/c.0"):
            raise PermissionError(13, "Permission denied", key)
        return await get(store, key, *rest, **options)

    monkeypatch.setattr(LocalStore, "get", refusing)
    found = tegmentum("inspect", run)
    assert (found.code, "cannot read spikes/p/t/c.0: Permission denied" in found.err) == (4, True)
    assert "damaged" not in found.err
