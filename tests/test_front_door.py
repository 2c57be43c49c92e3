"""What a newcomer meets first: the import, its names and types, printed networks, and what is shipped and promised."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import os
import re
import subprocess
import sys
import tarfile
import tomllib
from importlib.metadata import requires, version
from pathlib import Path

import pytest

import tegmentum
from tegmentum.cli.workloads import WORKLOADS, workload
from tegmentum.simcore import (
    LIF,
    AllToAll,
    DescriptionError,
    Distribution,
    FixedIndegree,
    Network,
    NeuronModel,
    OneToOne,
    Poisson,
    Population,
    Projection,
    Rule,
    SpikeTrain,
    SynapseRule,
    WindowRule,
)
from tegmentum.simcore.lower.footprint import footprint

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = {"simcore": ROOT / "simcore", "plasticity": ROOT / "plasticity"}


def python(*arguments: object, cwd: Path | None = None, **environment: str) -> str:
    """Run Python, warnings being errors; returns what it prints."""
    command = [sys.executable, "-P", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env=os.environ | environment, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# the package itself


def test_importing_the_package_imports_nothing_else():
    code = (
        "import sys; before = set(sys.modules); import tegmentum; print(*sorted(set(sys.modules) - before))"
    )
    modules = {name.split(".")[0] for name in python("-c", code).split()}
    assert modules <= {"tegmentum", *sys.stdlib_module_names} | {m for m in modules if m.startswith("_")}
    assert "tegmentum" in modules


def test_the_version_is_that_of_what_is_installed():
    assert tegmentum.__version__ == version("tegmentum")
    assert python("-m", "tegmentum", "--version").split() == ["tegmentum", tegmentum.__version__]


def test_names_of_the_package():
    from tegmentum.simcore.record.reader import open_run

    assert tegmentum.open_run is open_run
    for name in ("simcore", "plasticity", "datasets", "cli"):
        assert getattr(tegmentum, name) is importlib.import_module(f"tegmentum.{name}")
    assert set(tegmentum.__all__) <= set(dir(tegmentum))
    with pytest.raises(AttributeError, match="module 'tegmentum' has no attribute 'simulate'"):
        tegmentum.simulate  # noqa: B018


# names, typed


def imported(nodes: list[ast.stmt]) -> dict[str, str]:
    """Names that relative imports bring in, and the modules that they come from."""
    found = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            found |= {alias.asname or alias.name: str(node.module) for alias in node.names}
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_lazy_names_are_the_typed_ones(package):
    module = importlib.import_module(f"tegmentum.{package}")
    tree = ast.parse((PACKAGES[package] / "__init__.py").read_text())
    (block,) = (
        n for n in tree.body if isinstance(n, ast.If) and getattr(n.test, "id", "") == "TYPE_CHECKING"
    )
    typed, eager = imported(block.body), imported(tree.body)
    assert typed == module._HOME_OF
    assert sorted({*typed, *eager}) == sorted(module.__all__)
    assert set(module.__all__) <= set(dir(module))
    for name, home in (typed | eager).items():
        assert getattr(module, name) is getattr(importlib.import_module(f"tegmentum.{package}.{home}"), name)
    with pytest.raises(AttributeError, match=f"module 'tegmentum.{package}' has no attribute 'nothing'"):
        module.nothing  # noqa: B018


def defined(package: str, *bases: type) -> set[str]:
    """Public classes, defined in a package, that derive from one of the bases or are one."""
    found = set()
    for path in PACKAGES[package].rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGES[package]).with_suffix("").parts)
        if name.endswith("__init__"):
            continue
        module = importlib.import_module(f"tegmentum.{package}.{name}")
        found |= {
            name
            for name, value in vars(module).items()
            if inspect.isclass(value)
            and value.__module__ == module.__name__
            and not name.startswith("_")
            and (issubclass(value, bases) or (hasattr(value, "learn_task") and hasattr(value, "predict")))
        }
    return found


def test_every_rule_and_every_model_is_exported():
    plasticity, simcore = tegmentum.plasticity, tegmentum.simcore
    rules = defined("plasticity", SynapseRule, WindowRule)
    assert rules >= {"STDP", "Modulated", "EGDC", "PublishedNet", "ReferenceNet", "ClosedForm"}
    assert rules <= set(plasticity.__all__)
    parts = defined("simcore", NeuronModel, Rule, Distribution, SynapseRule, WindowRule)
    assert parts >= {"LIF", "AdEx", "FixedTotal", "Conv2D", "Lognormal"}
    assert parts - set(simcore.__all__) <= {
        "Explicit",
        "Mirrored",  # what FromCOO and the grids have in common
        "Nearby",  # what nearby() returns
        "Static",  # what synapses have that are under a short-term rule alone
    }


SNIPPET = """
import tegmentum
from tegmentum.plasticity import STDP, Learner
from tegmentum.simcore import LIF, Network, Population, Record, Simulation, open_run
reveal_type(tegmentum.__version__)
reveal_type(tegmentum.simcore.LIF)
reveal_type(Population("p", 3, LIF()).size)
reveal_type(Simulation(Network()).run(1.0, Record()).rates())
reveal_type(STDP().lam)
reveal_type(Learner)
reveal_type(open_run)
LIF(tau=3.0)
"""


@pytest.mark.slow
def test_type_checkers_see_types(tmp_path):
    pytest.importorskip("mypy", reason="mypy, of the extra [dev], is not installed")
    package = tmp_path / "path" / "tegmentum"
    package.mkdir(parents=True)
    for file in (ROOT / "cli" / "front").glob("*.py*"):
        (package / file.name).symlink_to(file)
    for name in ("simcore", "plasticity", "datasets", "cli"):
        (package / name).symlink_to(ROOT / name)
    (tmp_path / "user.py").write_text(SNIPPET)
    command = [sys.executable, "-m", "mypy", "--follow-imports=silent", "--ignore-missing-imports"]
    command += ["--cache-dir", str(tmp_path / "cache"), "--config-file=", "user.py"]
    environment = os.environ | {"MYPYPATH": str(tmp_path / "path")}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300)
    revealed = re.findall(r'Revealed type is "(.*)"', done.stdout)
    assert len(revealed) == 7, done.stdout + done.stderr
    for found, expected in zip(
        revealed, ("str", "tau_m", "int", r"dict\[.*str, .*float", "float", "n_ticks", "-> .*DataTree|-> Any"),
        strict=True,
    ):  # fmt: skip
        assert re.search(expected, found), (found, expected)
        assert found != "Any"
    assert 'Unexpected keyword argument "tau" for "LIF"' in done.stdout


# networks that print themselves


def small() -> Network:
    exc, train = Population("exc", 1_000, LIF()), SpikeTrain("in <1>", 5, [], [])
    return Network(
        exc,
        train,
        Projection(exc, exc, FixedIndegree(100), weight=1.0, delay=1.5),
        Projection(train, exc, AllToAll()),
        Poisson(exc, rate=2_000.0, weight=1.0),
    )


def test_a_network_prints_what_it_is():
    text = repr(small())
    n_synapses, n_bytes = footprint(small())
    assert n_synapses == 105_000
    first, *lines = text.splitlines()
    assert first == (
        "Network of 1 population (1,000 neurons), 2 projections (105,000 synapses expected, "
        f"{n_bytes / 1e3:.3g} kB), 1 spike train, 1 source"
    )
    assert [line.split() for line in lines if not line.endswith(":")] == [
        ["exc", "1,000", "LIF"],
        ["in", "<1>", "5"],
        ["exc-exc", "exc", "exc", "FixedIndegree", "100,000"],
        ["in", "<1>-exc", "in", "<1>", "exc", "AllToAll", "5,000"],
        ["Poisson", "exc"],
    ]


def test_html_says_the_same_and_is_escaped():
    html = small()._repr_html_()
    assert "105,000 synapses expected" in html
    assert "<td>in &lt;1&gt;</td>" in html
    assert "in <1>" not in html
    for tag in ("div", "table", "details", "tr", "td", "th", "summary"):
        assert html.count(f"<{tag}>") + html.count(f"<{tag} ") == html.count(f"</{tag}>")


def test_a_large_network_prints_briefly_and_builds_nothing():
    populations = [Population(f"p{k}", 10_000_000, LIF()) for k in range(40)]
    chain = [Projection(a, b, OneToOne()) for a, b in itertools.pairwise(populations)]
    text = repr(Network(*populations, *chain))
    assert "40 populations (400,000,000 neurons), 39 projections (390,000,000 synapses expected" in text
    assert len(text.splitlines()) < 32
    assert "... and 28 more" in text
    assert "... and 27 more" in text
    assert repr(Network()) == "Network of 0 populations (0 neurons), 0 projections (0 synapses expected)"


def test_what_a_simulation_would_refuse_prints_as_well():
    p = Population("p", 3, LIF())
    network = Network(p, Projection(p, p, AllToAll(), delay=0.01))  # of dt 0.01, not of the default
    with pytest.raises(DescriptionError):
        footprint(network)
    assert "(9 synapses expected)" in repr(network)
    assert "2 projections" in repr(tegmentum.plasticity.naca(64, [10], 10, rule="naca-ann"))
    for name in WORKLOADS:
        if name != "microcircuit":  # which needs its data
            assert re.search(r"synapses expected, [\d.]+ .B\)", repr(workload(name, 1.0)))


# what is promised is what is tested


def bounds() -> dict[str, str]:
    """Lowest versions that pyproject.toml promises to those who run the tests: those of the extras that test names."""
    project = PYPROJECT["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"]]
    for extra in extras.keys() - {
        "dev",
        "docs",
        "cuda12",
        "cuda13",
        "export",
        "neo",
        "nir",
        "nwb",
        "pynapple",
    }:
        wanted += [line for line in extras[extra] if not line.startswith("tegmentum[")]
    return dict(re.fullmatch(r"([a-z0-9-]+)>=([\d.]+)", line).groups() for line in wanted)


def padded(number: str) -> tuple[int, ...]:
    parts = [int(part) for part in number.split(".")]
    return tuple(parts + [0] * (4 - len(parts)))


def test_the_lowest_versions_are_those_of_pyproject():
    ours, _ = (ROOT / ".ci" / "lowest.txt").read_text().split("\n\n")
    pinned = dict(line.split("==") for line in ours.splitlines() if not line.startswith("#"))
    assert {name: padded(number) for name, number in pinned.items()} == {
        name: padded(number) for name, number in bounds().items()
    }


def test_supported_pythons_are_those_that_ci_looks_for():
    project = PYPROJECT["project"]
    stated = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    script = (ROOT / ".ci" / "run").read_text()
    assert stated == re.search(r"^supported=\((.*)\)", script, re.MULTILINE)[1].split()
    assert project["requires-python"] == f">={stated[0]}"
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in stated


def test_an_extra_installs_only_what_is_imported():
    imported = {"numba-cuda": "numba", "pillow": "PIL", "s3fs": "fsspec"}  # fsspec loads it
    sources = "\n".join(path.read_text() for folder in ("simcore", "plasticity", "datasets", "cli")
                        for path in (ROOT / folder).rglob("*.py"))  # fmt: skip
    for line in requires("tegmentum"):
        name = re.match(r"[\w-]+", line)[0].lower()
        if not re.search(r"extra == .(?!test|dev|docs)", line) or name == "tegmentum":
            continue
        assert re.search(rf"\b(import|from) {imported.get(name, name)}\b|\"{name}\"", sources), name


def bash(script: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    code = f"source '{ROOT / '.ci' / 'run'}'; {script}"
    environment = {name: v for name, v in os.environ.items() if name != "PYTHON"} | environment
    return subprocess.run(
        ["bash", "-c", code], capture_output=True, text=True, cwd=cwd, env=environment, timeout=60
    )


@pytest.mark.parametrize("broken", [None, "slow-cuda", "slow-1", "slow-2", "dev", "newest", "lowest"])
def test_ci_fails_where_any_of_its_runs_fails(tmp_path, broken):
    """The step that runs the tests, with programs in the place of Python: each log's end, a failed one's whole."""
    for where in ("dev", "newest", "lowest"):
        program = tmp_path / where / "bin" / "python"
        program.parent.mkdir(parents=True)
        program.write_text(
            f'#!/bin/sh\nif [ "$1" = --version ]; then echo Python 3; exit; fi\n'
            'case "$*" in *test_cuda.py*) name=slow-cuda;; *test_cli.py*) name=slow-1;; *test_sign.py*) name=slow-2;; '
            f"*) name={where};; esac\n"
            'echo first of $name; echo "== slowest 10 durations =="; echo "last of $name: $*"\n'
            f"[ $name != {broken} ]\n"
        )
        program.chmod(0o755)
    settings = f"work={tmp_path}; oldest=one; newest=two; lowest_too() {{ true; }}; beside() {{ true; }}"
    done = bash(f"{settings}; step 'the tests' all_at_once; echo went on", tmp_path)
    assert (done.returncode == 0) == (broken is None)
    assert ("went on" in done.stdout) == (broken is None)
    for name in ("slow-cuda", "slow-1", "slow-2", "dev", "newest", "lowest"):
        (line,) = (
            line for line in done.stdout.splitlines() if line.startswith(f"last of {name}: -m pytest ")
        )
        marks = {"dev": "not slow", "newest": "not slow", "lowest": "not slow and not numbers"}.get(
            name, "slow"
        )
        assert line.endswith(f" -m {marks}")
        assert (f"first of {name}" in done.stdout) == (name == broken)


@pytest.mark.parametrize("left_out", [None, "events.play", "rule.learn"])
def test_ci_fails_where_the_lowest_dependencies_leave_a_kernel_out(tmp_path, left_out):
    (tmp_path / "dev.kernels").write_text("events.play\nrule.learn\nevents.reach\n")
    names = [name for name in ("rule.learn", "bits.more", "events.reach", "events.play") if name != left_out]
    (tmp_path / "lowest.kernels").write_text("\n".join([*names, ""]))
    done = bash(f"work={tmp_path}; step kernels as_many_kernels; echo went on", tmp_path)
    assert (done.returncode == 0) == ("went on" in done.stdout) == (left_out is None)
    assert (f"no test compiles\n{left_out}\n" in done.stdout) == (left_out is not None)


def test_kernels_are_noted_by_name(tmp_path):
    code = (
        "import conftest; conftest.note_kernels('kernels')\n"
        "from tegmentum.simcore.compile.modules import _HEADER, load\n"
        "text = _HEADER.format(real='float32') + '@entry\\ndef twice(x):\\n    return x + x\\n'\n"
        "for x in (1, 2, 0.5):\n"
        "    assert load('tiny_one', text).twice(x) == 2 * x\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests"), "TEGMENTUM_CACHE": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "kernels").read_text() == "tiny_one.twice\n"


def test_a_step_of_ci_fails_by_any_of_its_commands(tmp_path):
    done = bash("both() { false; true; }; step 'two commands' both; echo went on", tmp_path)
    assert done.returncode == 1
    assert "=== FAILED: two commands" in done.stderr
    assert "went on" not in done.stdout


@pytest.mark.parametrize("broken", [None, "one", "two"])
def test_steps_of_ci_beside_each_other_fail_by_any_of_them(tmp_path, broken):
    steps = "; ".join(
        f"{name}() {{ step {name} {'false' if name == broken else 'true'}; echo end of {name}; }}"
        for name in ("one", "two")
    )
    done = bash(f"work={tmp_path}; {steps}; beside one two; echo went on", tmp_path)
    assert (done.returncode == 0) == ("went on" in done.stdout) == (broken is None)
    assert re.findall("end of (.*)", done.stdout) == [name for name in ("one", "two") if name != broken]
    assert ("=== FAILED: " in done.stdout) == (broken is not None)


# what is shipped beside the package


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """A source distribution, built from the tree as it stands and unpacked."""
    found = tuple(map(int, version("setuptools").split(".")[:1]))
    if found < (77,):
        pytest.skip("building without network needs setuptools >= 77 in this environment")
    copy, out = tmp_path_factory.mktemp("tree") / "tree", tmp_path_factory.mktemp("sdist")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    if listed.returncode or ".ci/backend.py" not in listed.stdout.splitlines():
        pytest.skip("not in a git checkout, which says what belongs to the sources")
    files = [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    for name in files:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes((ROOT / name).read_bytes())
    code = f"import sys; sys.path.insert(0, '.ci'); import backend; backend.build_sdist({str(out)!r})"
    python("-c", code, cwd=copy)
    (archive,) = out.glob("tegmentum-*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(out, filter="data")
    return out / archive.name.removesuffix(".tar.gz"), files


@pytest.mark.slow
def test_the_source_distribution_holds_every_file(unpacked):
    folder, files = unpacked
    assert [name for name in files if not (folder / name).is_file()] == []
    assert not [path for path in folder.rglob("*") if path.suffix in (".pyc", ".nbi", ".nbc")]


@pytest.mark.slow
def test_the_tests_are_collected_from_the_source_distribution(unpacked):
    folder, _ = unpacked
    found = python("-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", cwd=folder)
    assert int(re.search(r"(\d+) tests collected", found)[1]) > 500


LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.slow
def test_links_and_pictures_lead_somewhere(unpacked):
    """In a checkout and in the source distribution; the index page's text has none that could lead nowhere."""
    folder, _ = unpacked
    texts = [folder / "README.md", folder / "CONTRIBUTING.md", *(folder / "docs").glob("*.md")]
    n_pictures = 0
    for text in texts:
        for target in LINK.findall(text.read_text()):
            if not target.startswith(("https://", "#")):
                assert (text.parent / target.partition("#")[0]).exists(), f"{text.name}: {target}"
                n_pictures += target.endswith(".png")
    assert n_pictures >= 3
    details = (folder / "PKG-INFO").read_text()
    assert "# Tegmentum" in details
    assert [t for t in LINK.findall(details) if not t.startswith("https://")] == []


@pytest.mark.slow
@pytest.mark.parametrize("text", ["README.md", "docs/package.md"])
def test_the_code_of_the_first_pages_runs(text, tmp_path):
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / text).read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    out = ""
    for k, block in enumerate(blocks):
        (tmp_path / f"block{k}.py").write_text(block)
        out += python("-W", "error", f"block{k}.py", cwd=tmp_path)
    rates = [float(rate) for rate in re.findall(r"'\w+': ([\d.]+)", out)]
    assert rates
    assert all(5.0 < rate < 200.0 for rate in rates)
    for accuracy in re.findall(r"epoch 5: ([\d.]+)", out):
        assert float(accuracy) > 0.9


def test_no_text_holds_both_sides_of_a_merge():
    texts = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    assert len(texts) > 30
    for text in texts:
        assert not re.search(r"^(<{7}|>{7}) ", text.read_text(encoding="utf-8"), re.MULTILINE), text.name


def test_the_citation_is_of_this_package():
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = PYPROJECT["project"]
    assert "version" not in citation  # the tag has it
    assert citation["license"] == project["license"]
    assert citation["authors"] == project["authors"]
    readme = (ROOT / "README.md").read_text()
    for work in citation["references"]:
        assert work["doi"] in readme


def test_commits_are_checked_by_what_ci_runs():
    yaml = pytest.importorskip("yaml")
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert [repo["repo"] for repo in config["repos"]] == ["local"]  # fetches nothing
    assert {hook["language"] for hook in hooks} == {"system"}
    script = (ROOT / ".ci" / "run").read_text()
    for words in ("ruff check", "ruff format", "pytest"):
        assert any(f"-m {words}" in hook["entry"] for hook in hooks)
        assert words.split()[0] in script
    assert any(hook["entry"] == ".ci/types" for hook in hooks)
    assert ".ci/types" in script
    assert os.access(ROOT / ".ci" / "types", os.X_OK)
