"""Every quick example runs, prints what it says and writes where it is told."""

from __future__ import annotations

import gzip
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tegmentum.simcore.record.manifest import read_manifest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PNG = b"\x89PNG"
#: examples that another file runs, and those that no test can run to the end, with the reason
ELSEWHERE = {
    "brunel.toml": "test_run.py",
    "check_device.py": "test_cuda.py",
    "compare_simulators.py": "test_workloads.py",
    "custom_neuron.py": "test_guards.py",
    "distal_reward.toml": "test_modulators.py",
    "dopamine.toml": "test_dopamine_stdp.py",
    "microcircuit_statistics.py": "test_microcircuit_statistics.py",
}
NOT_RUN = {
    "events.py": "needs N-MNIST's recordings, and minutes; test_whitened_columns.py tests what it puts together",
    "speech.py": "needs the recordings of spoken digits, and minutes; test_speech.py tests what it puts together",
    "benchmark_pytorch.py": "compares with PyTorch, which no extra installs",
    "try_features.py": "tries other simulators, which no extra installs; docs/compare.md has what came out",
    "compare_rules.py": "compares with NEST, which no extra installs; test_nest_values.py has what it delivered",
}


@pytest.fixture
def run(tmp_path):
    """Run an example, or a module, in an empty directory; returns what it prints."""

    def run_program(*arguments: object) -> str:
        command = [sys.executable, "-P", "-W", "error", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run_program


def test_every_example_is_run_or_says_why_not():
    files = {file.name for file in EXAMPLES.iterdir() if file.suffix in (".py", ".toml")}
    here = {name for name in files if f"test_{name.removesuffix('.py')}" in globals()}
    assert files == here | ELSEWHERE.keys() | NOT_RUN.keys()
    for name, test in ELSEWHERE.items():
        assert name.removesuffix(".py") in (Path(__file__).parent / test).read_text()


@pytest.mark.slow
def test_own_equations(run):
    *errors, rate = run(EXAMPLES / "own_equations.py").splitlines()
    coarse, middle, fine = (float(re.search(r"within (\S+) mV", line)[1]) for line in errors)
    assert coarse / middle > 10 < middle / fine  # order 4: 16 times less for half the tick
    assert fine < 1e-5
    assert 2.0 < float(rate.split()[0]) < 20.0


def test_self_backpropagation(run):
    options = "--hidden", 20, "--epochs", 2, "--seeds", 2, "--limit-train", 200, "--limit-test", 100
    table = run(EXAMPLES / "self_backpropagation.py", "--task", "digits", *options)
    head, *rows = table.splitlines()
    assert head.startswith("digits, spiking, 64-20-10, 200 samples, 2 epochs, 2 seeds")
    assert [row[:24].strip() for row in rows] == [
        "none, f = 0", "published, f = 0.2", "strong, f = 20", "uniform of that size", "shuffled of that size",
        "matched learning rate", "symmetric rule",
    ]  # fmt: skip


@pytest.mark.slow
def test_depth(run):
    small = (
        "--dataset",
        "digits",
        "--width",
        40,
        "--epochs",
        4,
        "--ticks",
        8,
        "--lr",
        0.003,
        "--seeds",
        0,
        1,
    )
    rows = "naca-3", "error-short-3", "error-wide-3", "mix-0"
    table = run(EXAMPLES / "depth.py", *small, "--only", *rows)
    assert len(re.findall(r", seed [01]: ", table)) == 2 * len(rows)
    last = dict(re.findall(r"^([\w-]+) +\d+\.\d+ +(\d+\.\d+) +\d", table, re.MULTILINE))
    assert set(last) == set(rows)
    assert float(last["error-short-3"]) > 80 > float(last["naca-3"])


@pytest.mark.slow
def test_distal_reward(run):
    out = run(EXAMPLES / "distal_reward.py", "--hours", 0.01)
    assert re.search(
        r"^seed 0: chosen synapse at 3.5 mV after inf s, 0\.\d\d mV at the end", out, re.MULTILINE
    )


@pytest.mark.slow
def test_d1_d2_signs(run, tmp_path):
    """As published: signs of both orders without dopamine and with much."""
    out = run(EXAMPLES / "d1_d2_signs.py", "--out", "signs.png")
    for kind, low, high in (("D1", "-, -", "+, 0"), ("D2", "+, +", "+, -")):
        assert f"{kind} at dopamine    0: {low}\n" in out
        assert f"{kind} at dopamine   30: {high}\n" in out
    assert (tmp_path / "signs.png").read_bytes().startswith(PNG)


@pytest.mark.slow
def test_dopamine_stdp(run, tmp_path):
    out = run(EXAMPLES / "dopamine_stdp.py", "--hidden", 200, "--epochs", 3)
    accuracy = [float(found) for found in re.findall(r"^epoch \d: test accuracy (0\.\d+)", out, re.MULTILINE)]
    assert len(accuracy) == 3
    assert accuracy[-1] > 0.85  # 0.94 with this seed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_timing(run):
    out = run(EXAMPLES / "timing.py", "--seeds", 1, "--samples", 2000, "--epochs", 2)
    right = dict(re.findall(r"^(\w[\w ]+?) +\d+\.\d\d +(\d+\.\d\d)$", out, re.MULTILINE))
    assert set(right) == {"causal STDP", "rate Hebb", "frozen"}
    assert float(right["causal STDP"]) > 90
    assert float(right["rate Hebb"]) < 40  # chance is 10
    assert float(right["frozen"]) < 40


@pytest.mark.slow
def test_learning_pictures(run, tmp_path):
    out = run(EXAMPLES / "learning_pictures.py", "--hidden", 100, "--epochs", 2)
    assert float(re.search(r"right answers in the last epoch: (\d+\.\d) %", out)[1]) > 70
    for name in ("learning-pair.png", "learning-trials.png"):
        picture = (tmp_path / name).read_bytes()
        assert picture.startswith(PNG)
        assert 10_000 < len(picture) < 100_000


@pytest.mark.slow
def test_short_term(run, tmp_path):
    out = run(EXAMPLES / "short_term.py", "--out", tmp_path / "short-term.png")
    assert re.search(r"^depression +0\.50000  0\.26515", out, re.MULTILINE)
    assert re.search(r"^facilitation +0\.03000  0\.05533", out, re.MULTILINE)
    picture = (tmp_path / "short-term.png").read_bytes()
    assert picture.startswith(PNG)
    assert len(picture) > 10_000


def test_first_network(run, tmp_path):
    out = run(EXAMPLES / "first_network.py", "--out", tmp_path / "raster.png")
    assert re.search(r"^exc: \d+\.\d Hz$", out, re.MULTILINE)
    assert re.search(r"^inh: \d+\.\d Hz$", out, re.MULTILINE)
    picture = (tmp_path / "raster.png").read_bytes()
    assert picture.startswith(PNG)
    assert len(picture) > 10_000


@pytest.mark.slow
def test_sparse_naca(run, tmp_path):
    out = run(EXAMPLES / "sparse_naca.py", "--epochs", 3)
    accuracy = [float(found) for found in re.findall(r"^epoch \d: test accuracy (0\.\d+)", out, re.MULTILINE)]
    assert len(accuracy) == 3
    assert accuracy[-1] > 0.8
    assert list(tmp_path.iterdir()) == []


def test_learn_digits(run, tmp_path):
    out = run(EXAMPLES / "learn_digits.py", "--hidden", 200, "--epochs", 4)
    accuracy = [float(found) for found in re.findall(r"^epoch \d: test accuracy (0\.\d+)", out, re.MULTILINE)]
    assert len(accuracy) == 4
    assert accuracy[-1] > 0.85  # 0.88 with this seed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["dopamine-stdp", "naca", "frozen"])
def test_analyse_in_xarray(run, tmp_path, rule):
    store, online = tmp_path / "run.zarr", rule == "dopamine-stdp"
    small = ("--rule", rule, "--hidden", 100, "--epochs", 2, *(() if online else ("--hidden-gain", 5)))
    run("-m", "tegmentum.cli.main", "train", *small, "--out", store)
    before = read_manifest(store)
    out = run(EXAMPLES / "analyse_in_xarray.py", store, "--out", tmp_path / "analysis.png")
    assert f"digits by {rule}, seed 0: complete" in out
    assert "test_accuracy" in out
    assert f"{'pixels-hidden' if online else 'input-hidden1'}: rms change of weights 0.0" in out
    assert bool(re.search(r"^dopamine-hidden: standard deviation 0\.\d+ in the first", out, re.M)) == online
    assert re.search(r"hidden1?: 0\.\d+ spikes per tick", out)
    assert ("correlation of rate and level of dopamine" in out) == (rule == "naca")
    assert (tmp_path / "analysis.png").read_bytes().startswith(PNG)
    assert read_manifest(store) == before


@pytest.mark.slow
def test_continual_learning(run):
    out = run(EXAMPLES / "continual_learning.py")
    accuracy = [float(found) for found in re.findall(r"class \d: +(\d+\.\d)", out)]
    assert len(accuracy) == 20
    assert accuracy[9] > 95
    assert accuracy[19] < 30


@pytest.mark.slow
def test_cost_of_events(run):
    out = run(EXAMPLES / "cost_of_events.py", "--scale", 0.02, "--sim-ms", 100, "--repeat", 1)
    rows = re.findall(r"^(\w[\w ]+?) +\d\.\d+ +\d+ +\d+\.\d +(\d+\.\d+)x +(\d\.\d+)x$", out, re.MULTILINE)
    assert [name for name, _, _ in rows] == ["as published", "half the kicks", "dt ten times finer"]
    assert float(rows[1][2]) < 0.6
    assert float(rows[2][2]) == pytest.approx(1.0, abs=0.25)  # a few dozen spikes, each of 100 events


def test_make_digits(run, tmp_path):
    """The digits of the package are written again, to the byte of their content."""
    pytest.importorskip("sklearn", reason="scikit-learn, of the extra [dev], is not installed")
    out = run(EXAMPLES / "make_digits.py", tmp_path / "digits.csv.gz")
    shipped = EXAMPLES.parent / "datasets" / "digits.csv.gz"
    content = gzip.decompress((tmp_path / "digits.csv.gz").read_bytes())
    assert content == gzip.decompress(shipped.read_bytes())
    assert f"content_sha256 {hashlib.sha256(content).hexdigest()}" in out


@pytest.mark.slow
def test_custom_rule(run, tmp_path):
    out = run(EXAMPLES / "custom_rule.py")
    with_, without = (
        [float(w) for w in re.findall(r" (\d\.\d{3})", line)] for line in out.strip().split("\n")
    )
    assert with_[0] > 1.1 * with_[1] > 0.5
    assert without == [0.5, 0.5]


@pytest.mark.slow
def test_rule_figures(run, tmp_path):
    out = run(EXAMPLES / "rule_figures.py", "window", "oja", "--out", "figures")
    assert out.startswith("window: as expected: largest distance from the closed form")
    assert "\noja: as expected: angles" in out
    assert (tmp_path / "figures" / "window.png").read_bytes().startswith(PNG)


@pytest.mark.long
def test_all_rule_figures_are_as_expected(run):
    code = f"import runpy; print(*runpy.run_path({str(EXAMPLES / 'rule_figures.py')!r})['FIGURES'])"
    for name in run("-c", code).split():
        assert run(EXAMPLES / "rule_figures.py", name).startswith(f"{name}: as expected: ")


@pytest.mark.slow
def test_maze(run):
    out = run(EXAMPLES / "maze.py", "--seeds", 1, "--trials", 25)
    ways = dict(
        re.findall(r"^(with dopamine|without): the last ten ways are (\d+\.\d\d) times", out, re.MULTILINE)
    )
    assert float(ways["with dopamine"]) < 3.0  # 1.57 with this seed
    assert float(ways["without"]) > 5.0


@pytest.mark.slow
def test_moved_reward(run):
    out = run(EXAMPLES / "moved_reward.py", "--seeds", 3)
    found = re.findall(r"^.*: found in (\d+)% .* move, (\d+)% of", out, re.MULTILINE)
    (before, after), (before_alone, after_alone) = ([int(n) for n in row] for row in found)
    assert min(before, before_alone) > 50
    assert after > after_alone + 15


@pytest.mark.slow
def test_convolution(run):
    head, seed, learned, frozen, pixels = run(
        EXAMPLES / "convolution.py", "--seeds", 1, "--maps", 16, "--limit", 300
    ).splitlines()
    assert head == "300 digits, 359 to test, 16 maps; accuracy (spikes an image)"
    assert re.fullmatch(r"seed 1: learned 0\.\d{4} \([\d.]+\) frozen 0\.\d{4} \([\d.]+\)", seed)
    of = {line.split(": ")[0]: float(line.split(": ")[1][:6]) for line in (learned, frozen, pixels)}
    assert of["pixels themselves"] > 0.75
    assert of["learned"] > of["frozen"] + 0.02
