"""Scripts of this folder run in a process of their own, as CUDA's simulator and its compiler need."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


def lines(script, *arguments, **environment):
    """Run a script of this folder in a process of its own and return what it prints, one JSON object a line."""
    command = [sys.executable, "-W", "error", str(HERE / script), *arguments]
    out = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )
    assert out.returncode == 0, out.stderr
    return [json.loads(line) for line in out.stdout.splitlines()]


def in_simulator():
    """Tell why Numba's simulator of CUDA cannot run here, or None."""
    return None if importlib.util.find_spec("numba.cuda") else "numba.cuda is not installed"


@cache
def simulated(script):
    """Run all cases of a script in the simulator, on both backends; return what it says of each, by name."""
    return {row["case"]: row for row in lines(script, NUMBA_ENABLE_CUDASIM="1")}
