"""The documentation: its Python runs, page by page, as a reader would type it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PEERS = ("Brian2", "NEST", "snnTorch", "BindsNET")  # the first line of what another simulator runs
NOT_HERE = {
    "mpi.md": "a fragment for several processes; test_mpi.py runs what it says",
    "events.md": "needs a recording of an event camera",
    "store.md": "a fragment for each kind of store",
    "sweeps.md": "run by test_sweep_cli.py",
    "package.md": "run by test_front_door.py",
}


def blocks(page: Path) -> list[str]:
    """Return the Python of a page, without that of other simulators."""
    found = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [block for block in found if not block.startswith(tuple(f"# {peer}\n" for peer in PEERS))]


PAGES = [page for page in sorted(DOCS.rglob("*.md")) if page.name not in NOT_HERE and blocks(page)]


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A folder with the store of a short training, of which some pages speak."""
    folder = tmp_path_factory.mktemp("docs")
    command = [
        sys.executable,
        "-m",
        "tegmentum",
        "train",
        "--epochs",
        "1",
        "--hidden",
        "60",
        "--out",
        "run.zarr",
    ]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page, learned):
    script = learned / "page.py"
    script.write_text("\n".join(blocks(page)), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-P", script.name], cwd=learned, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_pages_that_are_not_run_exist():
    assert all((DOCS / name).exists() for name in NOT_HERE)
    assert len(PAGES) >= 14
