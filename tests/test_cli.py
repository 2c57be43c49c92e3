"""The command line as a whole: help, version, doctor, warmup and what it does not import."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tegmentum.plasticity import RULES
from tegmentum.simcore.installed import install_line

COMMANDS = ("train", "inspect", "plot", "report", "watch", "bench", "datasets", "doctor", "warmup")
HEAVY = ("numba", "llvmlite", "numpy", "scipy", "zarr", "xarray", "matplotlib", "plotly", "pooch")
PROGRAM = [sys.executable, "-P", "-m", "tegmentum.cli.main"]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["train", "--help"]])
def test_help_imports_nothing_heavy(arguments):
    code = (
        "import sys\n"
        f"sys.argv = ['tegmentum', *{arguments!r}]\n"
        "from tegmentum.cli.main import main\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        f"    print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_help_names_every_command(tegmentum):
    done = tegmentum("--help")
    assert done.code == 0
    for command in COMMANDS:
        assert f" {command} " in done.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(tegmentum, command):
    done = tegmentum(command, "--help")
    assert done.code == 0
    assert f" {command} [OPTIONS]" in done.out


def test_version(tegmentum):
    done = tegmentum("--version")
    assert (done.code, done.out) == (0, f"tegmentum {importlib.metadata.version('tegmentum')}\n")


def test_unknown_command_is_wrong_usage(tegmentum):
    done = tegmentum("trian")
    assert done.code == 2
    assert "trian" in done.err


def test_doctor(tegmentum):
    done = tegmentum("doctor")
    assert done.code == 0
    assert f"numba {importlib.metadata.version('numba')}" in done.out
    assert "GPU" in done.out


def test_doctor_json(tegmentum):
    report = tegmentum("doctor", "--json").document
    assert report["tegmentum"] == importlib.metadata.version("tegmentum")
    assert report["packages"]["core"]["numpy"] == importlib.metadata.version("numpy")
    assert report["cpus"] >= 1
    assert Path(report["cache"]).is_absolute()
    assert isinstance(report["problems"], list)


def test_doctor_says_what_to_type_for_a_missing_extra(tegmentum, monkeypatch):
    version = importlib.metadata.version

    def without_xarray(name: str) -> str:
        if name == "xarray":
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", without_xarray)
    problems = tegmentum("doctor", "--json").document["problems"]
    assert problems == [f"xarray missing: {install_line('analysis')}"]
    done = tegmentum("doctor")
    assert "xarray MISSING" in done.out
    assert install_line("analysis") in done.out


def test_doctor_lists_what_few_need_and_what_to_type(tegmentum, monkeypatch):
    version = importlib.metadata.version

    def without_exports(name: str) -> str:
        if name in ("nixio", "pyarrow"):
            raise importlib.metadata.PackageNotFoundError(name)
        return "9.9" if name in ("neo", "fsspec", "s3fs") else version(name)

    monkeypatch.setattr(importlib.metadata, "version", without_exports)
    report = tegmentum("doctor", "--json").document
    assert {"parquet", "sonata", "neo", "nwb", "pynapple", "dask", "remote"} <= report["optional"].keys()
    assert report["optional"]["neo"] == {
        "packages": {"neo": "9.9", "nixio": None},
        "install": install_line("neo"),
    }
    assert report["optional"]["remote"]["install"] is None
    assert not any("nixio" in problem for problem in report["problems"])
    assert f"pyarrow not installed: {install_line('parquet')}" in tegmentum("doctor").out


def test_reading_for_a_report_does_not_import_matplotlib():
    code = (
        "import sys, pkgutil, importlib, tegmentum.cli as cli, tegmentum.cli.report as report\n"
        "for package in (cli, report):\n"
        "    for module in pkgutil.iter_modules(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(module.name)\n"
        "print('matplotlib' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_doctor_sees_a_cache_that_cannot_be_written(tegmentum, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TEGMENTUM_CACHE", str(tmp_path / "file" / "cache"))
    problems = tegmentum("doctor", "--json").document["problems"]
    assert any("TEGMENTUM_CACHE" in problem for problem in problems)


WANTED = """
import json, sys
from pathlib import Path
from tegmentum.cli.main import main

wanted = set()

def note(event, arguments):
    if event == "open" and str(arguments[0]).endswith(".nbc"):
        wanted.add(str(arguments[0]))

sys.addaudithook(note)
try:
    main()
finally:
    Path("wanted.json").write_text(json.dumps(sorted(wanted)))
"""


@pytest.mark.slow
def test_warmup_compiles_all_that_learning_needs(tmp_path):
    """Of every rule: the kernels for which a training looks in the cache are among those that warmup left there."""

    def wanted(*arguments: str) -> tuple[str, set[Path]]:
        command = [sys.executable, "-P", "-c", WANTED, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
        return done.stderr, set(map(Path, json.loads((tmp_path / "wanted.json").read_text())))

    said, compiled = wanted("warmup")
    kept = {path: path.stat().st_mtime_ns for path in compiled}
    small = ("--epochs", "1", "--limit-train", "100", "--record", "0", "--out")
    for rule in ("dopamine-stdp", "dopamine-columns", *RULES):
        assert f"{rule}: " in said
        hidden = () if rule == "dopamine-columns" else ("--hidden", "300")
        _, needed = wanted("train", "--rule", rule, *hidden, *small, f"{rule}.zarr")
        assert needed
        assert needed <= compiled
    assert {path: path.stat().st_mtime_ns for path in compiled} == kept
