"""The engine's examples run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"


def run_example(name, *arguments):
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout


def test_first_network(tmp_path):
    out = run_example("first_network.py", "--out", str(tmp_path / "raster.png"))
    assert "exc: " in out
    assert (tmp_path / "raster.png").stat().st_size > 10_000
