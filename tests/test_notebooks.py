"""The notebooks run from the first cell to the last, and show what a notebook is for."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "examples" / "notebooks"
#: notebook -> what its cells show besides text: tables and folded descriptions, pictures
SHOWN = {
    "analyse_a_run.ipynb": {"text/html": 3, "image/png": 2},
    "dopamine_learns_digits.ipynb": {"text/html": 1, "image/png": 2},
    "first_network.ipynb": {"text/html": 2, "image/png": 2},
}


def test_every_notebook_is_run():
    assert {path.name for path in FOLDER.iterdir() if path.suffix == ".ipynb"} == SHOWN.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", SHOWN)
def test_a_notebook_runs(name, tmp_path):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    import nbformat

    notebook = nbformat.read(FOLDER / name, 4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "notebooks are kept without outputs"
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    shown = [set(out.get("data", {})) for out in outputs]
    assert {kind: sum(kind in data for data in shown) for kind in SHOWN[name]} == SHOWN[name]
    warned = [out for out in outputs if out.output_type == "stream" and out.name == "stderr"]
    assert not warned
    bars = [out["data"]["text/plain"] for out in outputs if set(out.get("data", {})) == {"text/plain"}]
    assert all(bar.startswith("[====") and "x real time" in bar for bar in bars)
    assert len(bars) == (name != "dopamine_learns_digits.ipynb")
