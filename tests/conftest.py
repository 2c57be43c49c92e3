"""What all tests share: where data may lie, and a way to call the command line."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

import hypothesis
import pytest


def use_data_beside_the_checkout() -> None:
    """Set TEGMENTUM_DATA, unless it is set, to ``shared/data`` beside the checkout, if that is there."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if "TEGMENTUM_DATA" not in os.environ and folder.is_dir():
        os.environ["TEGMENTUM_DATA"] = str(folder)


def note_kernels(path: str) -> None:
    """Write to a file the name of each kernel whose machine code is looked for: its template's and its own."""
    seen = set()

    def note(event: str, arguments: tuple) -> None:
        if event == "open" and str(arguments[0]).endswith(".nbc"):
            found = re.search(r"tegmentum_(\w+)_[0-9a-f]{20}\.(\w+)", str(arguments[0]))
            if found and found.groups() not in seen:
                seen.add(found.groups())
                with open(path, "a", encoding="utf-8") as file:
                    file.write(".".join(found.groups()) + "\n")

    sys.addaudithook(note)


def pytest_configure(config: pytest.Config) -> None:
    use_data_beside_the_checkout()
    if "TEGMENTUM_KERNELS" in os.environ:
        note_kernels(os.environ["TEGMENTUM_KERNELS"])
    hypothesis.settings.register_profile(
        "any machine", deadline=None
    )  # compiling counts as the first example's time
    hypothesis.settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what takes minutes, unless it is asked for."""
    if "TEGMENTUM_LONG_TESTS" not in os.environ:
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes minutes; set TEGMENTUM_LONG_TESTS"))


class Outcome(NamedTuple):
    """What one call of the command line came to."""

    code: int
    out: str
    err: str

    @property
    def document(self):
        """The one JSON object on stdout; an error if stdout holds anything else."""
        return json.loads(self.out)


@pytest.fixture
def tegmentum(tmp_path, monkeypatch, capsys):
    """Call ``tegmentum ARGUMENTS...`` in this process and in an empty directory.

    An exception that the command line does not turn into an exit code, which a user would see as a traceback,
    fails the test.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")

    def call(*arguments: object) -> Outcome:
        from tegmentum.cli.main import main

        monkeypatch.setattr(sys, "argv", ["tegmentum", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = 0 if stop.code is None else int(stop.code)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Outcome(code, out, err)

    return call


@pytest.fixture(scope="session")
def s3():
    """The URL of a bucket in an S3 server on this machine; what a client must be told of it is in the environment."""
    reason = "needs tegmentum[remote] and moto[server]"
    pytest.importorskip("s3fs", reason=reason)
    moto = pytest.importorskip("moto.server", reason=reason)
    import s3fs

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", "test")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
            patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
            patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
            s3fs.S3FileSystem().mkdir("bucket")
            yield "s3://bucket"
    finally:
        server.stop()
