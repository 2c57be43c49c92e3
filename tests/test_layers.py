"""Who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = {"simcore", "plasticity", "datasets", "cli"}
#: folder to the other folders that it may import; datasets only a few modules of simcore
ALLOWED = {"simcore": set(), "plasticity": {"simcore"}, "datasets": {"simcore"}, "cli": FOLDERS}
#: files that describe and lower: importing them must not import Numba
LIGHT = [
    "describe/network",
    "describe/connectivity",
    "describe/sources",
    "lower/plan",
    "describe/record",
    "random/philox",
    "errors",
    "describe/reprs",
    "lower/footprint",
    "neurons/*",
]


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    """Absolute names of the modules that a file imports."""
    folder = path.relative_to(ROOT).parts[:-1]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = ("tegmentum", *folder)[: len(folder) + 2 - node.level]
                module = ".".join(base + ((node.module,) if node.module else ()))
            else:
                module = str(node.module)
            found.add(module)
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_layers(folder):
    for path in (ROOT / folder).rglob("*.py"):
        for name in imports(path):
            parts = name.split(".")
            assert parts[0] not in FOLDERS, f"{path}: import tegmentum.{name}, not {name}"
            if parts[0] == "tegmentum" and len(parts) > 1 and parts[1] != folder:
                assert parts[1] in ALLOWED[folder], f"{path}: {folder} must not import {name}"
                if folder == "datasets" and len(parts) > 2:
                    assert parts[2] in ("errors", "random", "installed", "encode"), (
                        f"{path}: datasets must not import {name}"
                    )


#: stage of simcore to the other stages that its files may import; what lies flat serves all
STAGES = {
    "random": set(),
    "intrinsics": set(),
    "neurons": {"describe"},
    "describe": {"neurons"},
    "compile": {"describe"},
    "lower": {"describe", "neurons", "random", "compile"},
    "record": {"describe", "lower", "advance"},
    "interchange": {"describe", "neurons", "advance"},
    "sweeps": {"describe", "record", "advance"},
    "advance": {"describe", "neurons", "lower", "compile", "record", "random", "intrinsics"},
}
#: a network's repr says how many bytes its synapses take
EXCEPTIONS = {("describe/reprs.py", "lower")}


def test_every_stage_has_a_wall():
    folders = {path.name for path in (ROOT / "simcore").iterdir() if (path / "__init__.py").is_file()}
    assert folders == STAGES.keys()


@pytest.mark.parametrize("stage", STAGES)
def test_stages(stage):
    for path in (ROOT / "simcore" / stage).rglob("*.py"):
        here = path.relative_to(ROOT / "simcore").as_posix()
        for name in imports(path):
            other = [*name.split("."), "", ""][2]
            if name.startswith("tegmentum.simcore.") and other in STAGES and other != stage:
                allowed = other in STAGES[stage] or (here, other) in EXCEPTIONS
                assert allowed, f"{here}: {stage} must not import {name}"


#: the engine's front, from the inside out: each of these files may import only those before it
FRONT = ["machine", "controls", "simulation"]


@pytest.mark.parametrize("name", FRONT)
def test_construction_knows_nothing_of_controls_and_these_nothing_of_runs(name):
    here = "tegmentum.simcore.advance"
    found = imports(ROOT / "simcore" / "advance" / f"{name}.py")
    later = FRONT[FRONT.index(name) :]
    assert not found & {f"{here}.{other}" for other in later}
    runs = {f"{here}.guards", f"{here}.workers", f"{here}.signals", "tegmentum.simcore.record.log"}
    assert found & runs == (runs if name == "simulation" else set())


def test_datasets_need_numpy_and_pooch_only():
    for path in (ROOT / "datasets").rglob("*.py"):
        for name in imports(path):
            top = name.split(".")[0]
            allowed = sys.stdlib_module_names | {
                "tegmentum",
                "numpy",
                "pooch",
                "PIL",
                "aedat",
            }  # the last two: extras
            assert top in allowed, f"{path}: imports {name}"


@pytest.mark.parametrize("pattern", LIGHT)
def test_descriptions_never_import_numba(pattern):
    for path in (ROOT / "simcore").glob(f"{pattern}.py"):
        names = {name.split(".")[0] for name in imports(path, top_level_only=True)}
        assert not names & {"numba", "llvmlite", "zarr"}, path


def test_describing_a_network_imports_neither_numba_nor_zarr():
    code = (
        "import sys; from tegmentum.simcore import LIF, Network, Population; "
        "Network(Population('p', 3, LIF()));"
        "print([m for m in ('numba', 'zarr', 'xarray', 'simcore', 'cli') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
