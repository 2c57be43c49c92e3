"""Small things that strangers stumble over: help texts, output that fails, threads, how to install what is missing."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import typer

from tegmentum.cli.app import app
from tegmentum.cli.main import main
from tegmentum.simcore import LIF, Network, Population, Simulation, machine
from tegmentum.simcore.advance.cuda import available
from tegmentum.simcore.installed import install_line
from tegmentum.simcore.record.store import RunStore

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = [sys.executable, "-P", "-m", "tegmentum.cli.main"]
SMALL = """
simulation = { duration = 1.0 }
populations.p = { size = 2, model = { type = "LIF" } }
"""


# -------------------------------------------------------------------------------------------------- help texts


def _commands(group=None, path=()):
    group = typer.main.get_command(app) if group is None else group
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name), command


@pytest.mark.parametrize(
    ("path", "command"), list(_commands()), ids=lambda part: " ".join(part) if isinstance(part, tuple) else ""
)
def test_help_shows_what_stands_in_brackets(tegmentum, monkeypatch, path, command):
    """Rich takes ``[ms]`` for markup and shows nothing, unless it is escaped."""
    monkeypatch.setenv("COLUMNS", "400")
    shown = tegmentum(*path, "--help").out
    helps = [getattr(parameter, "help", None) or "" for parameter in command.params] + [command.help or ""]
    for text in helps:
        for inside in re.findall(r"\[[^\]]*\]", text):
            assert inside in shown


def test_bench_says_its_units(tegmentum):
    shown = tegmentum("bench", "--help").out
    assert "Model time to measure [ms]" in shown
    assert "Length of a tick [ms]" in shown


@pytest.mark.slow
@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.stem)
def test_no_example_takes_an_option_for_a_file(example, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(example.parent)  # as where it is the program

    def called(option):
        monkeypatch.setattr(sys, "argv", [str(example), option])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(example), run_name="__main__")
        return stop.value.code, *capsys.readouterr()

    try:
        code, out, err = called("--help")
    except ModuleNotFoundError as missing:
        pytest.skip(str(missing))
    assert (code, err) == (0, "")
    assert out.startswith("usage: ")
    assert called("--no-such-option")[0] == 2
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------- output that cannot be


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["config", "schema"], ["datasets", "list"], ["doctor", "--json"]]
)
def test_a_full_disk_is_one_line(arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run([*PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize(
    "arguments", [["config", "schema", "--json"], ["datasets", "list", "--json"], ["--help"]]
)
def test_a_reader_that_has_gone_is_no_traceback(arguments):
    gone, end = os.pipe()
    os.close(gone)
    done = subprocess.run([*PROGRAM, *arguments], stdout=end, stderr=subprocess.PIPE, text=True)
    os.close(end)
    assert (done.returncode, done.stderr) == (1, "")


def test_standard_output_closed_from_the_beginning():
    done = subprocess.run(
        f"'{sys.executable}' -P -m tegmentum.cli.main --version >&-", shell=True, capture_output=True
    )
    assert done.stderr == b""


def test_unicode_paths_on_a_terminal_without_unicode(tmp_path):
    path = tmp_path / "Übung.zarr"
    RunStore.create(path, {}).close()
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "300"}
    done = subprocess.run([*PROGRAM, "inspect", str(path)], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    warned = [line for line in done.stderr.splitlines() if "Warning: " in line or line.startswith("  ")]
    assert done.stderr.splitlines() == warned  # a library may warn there, at its lowest version; nothing else
    assert "\\xdcbung.zarr" in "".join(done.stdout.split())


@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        (MemoryError(), 1, "error: there is not enough memory: a smaller network may fit"),
        (PermissionError(13, "Permission denied", "/some/file"), 1, "error: /some/file: Permission denied"),
        (
            FileNotFoundError(2, "No such file or directory", "a", None, "b"),
            1,
            "error: a: b: No such file or directory",
        ),
        (OSError("strange"), 1, "error: strange"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_what_the_machine_refuses_is_one_line(monkeypatch, capsys, raised, code, line):
    def fail() -> None:
        raise raised

    monkeypatch.setattr("tegmentum.cli.app.app", fail)
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == code
    assert capsys.readouterr() == ("", line + "\n")


def test_a_bug_is_still_a_traceback(monkeypatch):
    def fail() -> None:
        raise TypeError("a bug")

    monkeypatch.setattr("tegmentum.cli.app.app", fail)
    with pytest.raises(TypeError, match="a bug"):
        main()


# ------------------------------------------------------------------------------------------------------ threads


@pytest.mark.parametrize(
    ("variables", "threads"),
    [
        ({}, 8),
        ({"OMP_NUM_THREADS": "3"}, 3),
        ({"NUMBA_NUM_THREADS": "2", "OMP_NUM_THREADS": "3"}, 2),
        ({"SLURM_CPUS_PER_TASK": "4"}, 4),
        ({"OMP_NUM_THREADS": "64"}, 8),
        ({"OMP_NUM_THREADS": "4,2"}, 4),
        ({"OMP_NUM_THREADS": "0", "SLURM_CPUS_PER_TASK": "many", "NUMBA_NUM_THREADS": "-1"}, 8),
        ({"OMP_NUM_THREADS": "", "SLURM_CPUS_PER_TASK": "9" * 5000, "NUMBA_NUM_THREADS": "²"}, 8),
    ],
)
def test_what_decides_the_number_of_threads(monkeypatch, variables, threads):
    for name in machine.THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(machine, "cpu_count", lambda: 8)
    assert machine.default_threads() == threads


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_affinity_decides(monkeypatch):
    code = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
    code += "from tegmentum.simcore.machine import default_threads; print(default_threads())"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_simulation_learner_and_doctor_ask_the_same(tegmentum, monkeypatch):
    from tegmentum.plasticity import Learner, naca
    from tegmentum.simcore.advance.simulation import _default_threads

    for name in machine.THREAD_VARIABLES:
        monkeypatch.setenv(name, "1")
    network = Network(Population("p", 30_000, LIF()))
    assert _default_threads(network, 1) == 1
    assert Learner(naca(4, (3,), 2)).threads == 1
    report = tegmentum("doctor", "--json").document
    assert report["threads"] == 1
    assert report["thread_variables"]["OMP_NUM_THREADS"] == "1"


# ------------------------------------------------------------------------------------ what is missing, and where


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        (
            {"dir_info": {"editable": True}, "url": "file:///home/me/my%20code"},
            'pip install -e "/home/me/my code[data]"',
        ),
        ({"dir_info": {}, "url": "file:///srv/code"}, 'pip install "/srv/code[data]"'),
        (
            {"archive_info": {}, "url": "file:///tmp/t.whl"},
            'pip install "tegmentum[data] @ file:///tmp/t.whl"',
        ),
        (
            {"vcs_info": {"vcs": "git"}, "url": "https://example.org/t.git"},
            'pip install "tegmentum[data] @ git+https://example.org/t.git"',
        ),
        (None, 'pip install "pooch>=1.8"'),
    ],
)
def test_the_line_to_type_works_from_where_it_was_installed(monkeypatch, origin, line):
    class Found:
        requires = ("numpy>=2", "pooch>=1.8; extra == 'data'", 'xarray>=1; extra == "analysis"')

        def read_text(self, name):
            assert name == "direct_url.json"
            return None if origin is None else json.dumps(origin)

    monkeypatch.setattr(metadata, "distribution", lambda name: Found())
    assert install_line("data") == line


def test_no_message_names_a_package_that_nobody_published():
    advice = re.compile(r"pip install [^\n]*tegmentum")
    for folder in ("simcore", "plasticity", "datasets", "cli"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name != "installed.py":
                assert not advice.search(path.read_text(encoding="utf-8")), path


# ----------------------------------------------------------------------------------------------------- commands


def test_datasets_list_fits_80_columns(tegmentum, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "80")
    shown = tegmentum("datasets", "list", "--data-dir", tmp_path).out
    assert max(map(len, shown.splitlines())) <= 80
    assert re.search(r"^digits +in the package +1,438 \+ 359 images", shown, re.MULTILINE)
    assert re.search(r"^mnist +absent ", shown, re.MULTILINE)


def test_warmup_takes_a_network_file(tegmentum, tmp_path, monkeypatch):
    file = tmp_path / "network.toml"
    file.write_text(SMALL)
    ran = []
    monkeypatch.setattr(Simulation, "run", lambda self, ms, record: ran.append((self.network["p"].size, ms)))
    done = tegmentum("warmup", file)
    assert done.code == 0
    assert ran == [(2, 0.1)]
    assert f"{file}: its network built" in done.err
    file.write_text("simulation = 3")
    assert tegmentum("warmup", file).code == 3


@pytest.mark.slow
def test_continual_without_arguments_learns_the_digits_of_the_package(tegmentum):
    result = tegmentum("continual", "--limit-train", 20, "--json").document
    assert result["dataset"] == "digits"
    assert np.isfinite(result["final_accuracy"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--sim-ms", "-1"],
        ["--sim-ms", "nan"],
        ["--warm-ms", "inf"],
        ["--dt", "0"],
        ["--dt", "1e-300"],
        ["--sim-ms", "0.05"],
        ["--precision", "float16"],
        ["--scale", "inf"],
        ["--scale", "1000000"],
    ],
)
def test_bench_refuses_before_it_builds(tegmentum, monkeypatch, arguments):
    monkeypatch.setattr(Simulation, "_lower", lambda self: pytest.fail("built"))
    done = tegmentum("bench", "brunel", *arguments)
    assert done.code == 3
    assert len(done.err.splitlines()) == 1


def test_bench_on_a_device_needs_one(tegmentum, monkeypatch):
    monkeypatch.setattr(Simulation, "_lower", lambda self: pytest.fail("built"))
    monkeypatch.setattr(available, "missing", lambda: "no CUDA device or driver is found")
    done = tegmentum("bench", "brunel", "--scale", "0.02", "--backend", "cuda")
    assert done.code == 2
    assert "backend='cuda': no CUDA device" in done.err
    assert "--backend: must be one of" in tegmentum("bench", "brunel", "--backend", "gpu").err
    assert "rules are compared on the CPU" in tegmentum("bench", "rules", "--backend", "auto").err


@pytest.mark.parametrize("where", ["file/cache", "x" * 300])
def test_doctor_says_of_an_invalid_cache(tegmentum, monkeypatch, tmp_path, where):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TEGMENTUM_CACHE", str(tmp_path / where))
    problems = tegmentum("doctor", "--json").document["problems"]
    assert any("TEGMENTUM_CACHE" in problem for problem in problems)
