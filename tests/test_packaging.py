"""The wheel holds everything, and importing it never imports the folders by their bare names."""

from __future__ import annotations

import configparser
import importlib.metadata
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("simcore", "plasticity", "datasets", "cli")
FRONT = "cli/front/"  # becomes the package ``tegmentum`` itself
NOT_SHIPPED = {".pyc", ".nbi", ".nbc"}


def sources() -> set[str]:
    """Every file of the four folders, Python or data, as it is called within the package."""
    files = (file for folder in FOLDERS for file in (ROOT / folder).rglob("*"))
    return {
        file.relative_to(ROOT).as_posix().removeprefix(FRONT)
        for file in files
        if file.is_file() and file.suffix not in NOT_SHIPPED and not file.name.startswith(".")
    }


def modules() -> list[str]:
    """Names of all modules, sub-packages included."""
    names = (f"tegmentum/{file}".removesuffix(".py") for file in sources() if file.endswith(".py"))
    return sorted(name.removesuffix("/__init__").replace("/", ".") for name in names)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from a copy of the sources, so that nothing a former build left behind comes in."""
    try:
        found = importlib.metadata.version("setuptools")
    except importlib.metadata.PackageNotFoundError:
        found = "0"
    if int(found.partition(".")[0]) < 77:
        pytest.skip(f"building without network needs setuptools >= 77 in this environment, found {found}")
    with zipfile.ZipFile(built(copied(tmp_path_factory.mktemp("sources")))) as archive:
        yield archive


def copied(copy: Path) -> Path:
    """Copy all that a wheel is built of."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE", "docs/package.md", ".ci/backend.py", ".ci/sources.in"):
        (copy / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    return copy


def built(sources: Path) -> Path:
    """Build a wheel in an empty folder beside the sources."""
    out = sources.parent / f"{sources.name}-wheel"
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", str(out)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(sources)], check=True, timeout=300)
    (path,) = out.glob("tegmentum-*.whl")
    return path


def test_the_wheel_holds_every_file_and_no_other(wheel):
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert shipped == {f"tegmentum/{name}" for name in sources()}
    for name in ("datasets/digits.csv.gz", "datasets/DIGITS_LICENSE.txt", "simcore/neurons/lif.py"):
        assert f"tegmentum/{name}" in shipped
    for folder in ("", *(f"{folder}/" for folder in FOLDERS)):
        assert f"tegmentum/{folder}py.typed" in shipped
    assert wheel.testzip() is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tag", "version"), [("v1.2.3", r"1\.2\.3"), ("", r"0\.1\.0\.dev1\+g[0-9a-f]+"), (None, r"0\.1\.0\.dev0")]
)
def test_the_version_is_that_of_the_tag(tmp_path, tag, version):
    """Of a tagged clone, of one without a tag, and of a copy that is no clone."""
    pytest.importorskip("setuptools_scm", reason="building without network needs setuptools-scm here")
    copy = copied(tmp_path / "sources")
    if tag is not None:
        (copy / ".gitignore").write_text("build/\n*.egg-info/\n", encoding="utf-8")
        nobody = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost"]
        commands = [["init", "-q"], ["add", "-A"], [*nobody, "commit", "-qm", "all"], ["tag", tag]]
        for command in commands if tag else commands[:-1]:
            subprocess.run(["git", "-C", str(copy), *command], check=True)
    path = built(copy)
    assert re.fullmatch(rf"tegmentum-{version}-py3-none-any\.whl", path.name), path.name
    with zipfile.ZipFile(path) as archive:  # what the tool that reads git knows of must not add to it
        assert {name for name in archive.namelist() if ".dist-info/" not in name} == {
            f"tegmentum/{name}" for name in sources()
        }


def test_the_wheel_holds_the_licences_and_the_command(wheel):
    details = {Path(name).name: name for name in wheel.namelist() if ".dist-info/" in name}
    assert b"MIT" in wheel.read(details["LICENSE"])
    assert (
        wheel.read(details["DIGITS_LICENSE.txt"]) == (ROOT / "datasets" / "DIGITS_LICENSE.txt").read_bytes()
    )
    scripts = configparser.ConfigParser()
    scripts.read_string(wheel.read(details["entry_points.txt"]).decode())
    assert dict(scripts["console_scripts"]) == {"tegmentum": "tegmentum.cli.main:main"}


def test_the_command_is_installed():
    (command,) = importlib.metadata.entry_points(group="console_scripts", name="tegmentum")
    assert command.value == "tegmentum.cli.main:main"
    assert callable(command.load())


def test_importing_everything_imports_no_bare_folder():
    code = (
        "import importlib, sys\n"
        f"for name in {modules()!r}:\n"
        "    importlib.import_module(name)\n"
        f"print([name for name in {FOLDERS!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_conda_recipe_asks_for_what_the_package_asks_for():
    import tomllib

    yaml = pytest.importorskip("yaml")
    recipe = yaml.safe_load((ROOT / ".ci" / "conda" / "recipe.yaml").read_text(encoding="utf-8"))
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, tool = pyproject["project"], pyproject["tool"]
    wanted = {f"python {project['requires-python']}"} | {
        requirement.replace(">=", " >=") for requirement in project["dependencies"]
    }
    assert set(recipe["requirements"]["run"]) == wanted
    fallback = tool["setuptools_scm"]["fallback_version"]
    assert f'default="{fallback}"' in recipe["context"]["version"]
    assert recipe["build"]["script"]["env"] == {"SETUPTOOLS_SCM_PRETEND_VERSION": "${{ version }}"}
    assert recipe["build"]["python"]["entry_points"] == [
        f"{name} = {target}" for name, target in project["scripts"].items()
    ]
    assert recipe["about"]["license"] == project["license"]
    assert all((ROOT / name).is_file() for name in recipe["about"]["license_file"])
