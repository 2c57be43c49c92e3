"""CUDA: in Numba's simulator the spikes and states of the CPU, and compiled for GPUs that are not here."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cuda_cases
import numpy as np
import pytest
from cuda_runs import in_simulator, lines, simulated

from tegmentum.plasticity import STDP, DopamineSTDP, PowerLawSTDP
from tegmentum.simcore import (
    LIF,
    AllToAll,
    DescriptionError,
    DeviceError,
    Expected,
    Modulator,
    Network,
    Population,
    Projection,
    Simulation,
    SpikeTrain,
)
from tegmentum.simcore.advance import backends
from tegmentum.simcore.advance.cuda import available
from tegmentum.simcore.advance.cuda.geometry import geometry
from tegmentum.simcore.lower import device_plastic

HERE = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.skipif(in_simulator() is not None, reason=str(in_simulator()))
@pytest.mark.parametrize("name", cuda_cases.CASES)
def test_a_device_gives_the_numbers_of_the_cpu(name):
    row = simulated("cuda_cases.py")[name]
    assert not row["problem"], row["problem"]
    assert row["n_spikes"] > 0


def toolkit():
    """Tell what is missing to compile for a GPU, or None."""
    if importlib.util.find_spec("numba_cuda") is None or importlib.util.find_spec("cuda.core") is None:
        return "numba-cuda is not installed"
    return (
        None if importlib.util.find_spec("nvidia") else "the packages of the CUDA toolkit are not installed"
    )


@pytest.fixture(scope="module")
def compiled():
    """Kernels of a few networks that between them have most in them, compiled and linked for three kinds of GPU."""
    return lines("cuda_compiled.py", "few")


@pytest.mark.slow
@pytest.mark.skipif(toolkit() is not None, reason=str(toolkit()))
class TestCompiled:
    def test_each_kernel_is_compiled_for_each_target(self, compiled):
        found = {(row["kernel"], row["cc"]) for row in compiled}
        kernels = ("advance", "update_one", "deliver_one", "settle_all")
        targets = ("8.0", "9.0", "10.0")
        assert found == {(kernel, cc) for kernel in kernels for cc in targets}

    def test_no_register_spills(self, compiled):
        assert [row for row in compiled if row["spilled"] or row["stack"]] == []

    def test_blocks_that_wait_for_each_other_are_launched_together(self, compiled):
        assert all(row["cooperative"] == (row["kernel"] == "advance") for row in compiled)

    def test_no_product_is_fused_where_no_library_function_is_called(self, compiled):
        linear = [
            row
            for row in compiled
            if row["case"].startswith(("LIF", "Izh", "STDP", "mod", "trials"))
            or row["kernel"] == "deliver_one"
        ]
        assert len(linear) > 9
        assert [row for row in linear if row["fused"] or row["loose"]] == []


def small(cells=None, **projection):
    cells = Population("cells", 4, LIF(), "stepped") if cells is None else cells
    spikes = SpikeTrain("in", 2, [0.1], [0])
    return Network(
        cells, spikes, Projection(spikes, cells, AllToAll(), delay=0.1, **{"weight": 0.5} | projection)
    )


def test_without_a_device_an_error_says_what_to_type(monkeypatch, tegmentum, tmp_path):
    monkeypatch.setattr(available.importlib.util, "find_spec", lambda name: None)
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    with pytest.raises(
        DeviceError, match=r"backend='cuda': numba-cuda is not installed: pip install .*cu(da)?13"
    ):
        Simulation(small(), backend="cuda")
    assert Simulation(small(), backend="auto").backend == "cpu"
    example = HERE.parent / "examples" / "brunel.toml"
    done = tegmentum("run", example, "--backend", "cuda", "--out", tmp_path / "x.zarr")
    assert done.code == 2
    assert "pip install" in done.err
    assert not (tmp_path / "x.zarr").exists()
    assert "pip install" in tegmentum("doctor", "--json").document["gpu"]


def test_a_tick_may_be_two_launches(monkeypatch):
    assert geometry(1000, 1, 132).persistent
    monkeypatch.setenv("TEGMENTUM_CUDA_LAUNCHES", "tick")
    assert not geometry(1000, 1, 132).persistent
    monkeypatch.setenv("TEGMENTUM_CUDA_LAUNCHES", "never")
    with pytest.raises(DescriptionError, match="TEGMENTUM_CUDA_LAUNCHES must be run or tick, got 'never'"):
        geometry(1000, 1, 132)


@pytest.fixture
def example():
    """The program that checks a device."""
    path = HERE.parent / "examples" / "check_device.py"
    spec = importlib.util.spec_from_file_location("check_device", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.gpu
@pytest.mark.slow
def test_a_device_that_is_here_agrees_with_the_cpu(example):
    if absent := available.missing():
        pytest.skip(absent)
    found = {name: example.agree(name, scale) for name, scale in example.EQUAL}
    assert {name: verdict for name, verdict in found.items() if "all equal" not in verdict[0]} == {}


def test_check_device_says_what_is_missing(example, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["check_device.py"])
    monkeypatch.setattr(example, "missing", lambda: "numba-cuda is not installed: pip install it")
    assert example.main() == 2
    assert "no CUDA device to check: numba-cuda is not installed" in capsys.readouterr().err


@pytest.mark.slow
def test_check_device_says_when_simulations_part_and_in_what(example):
    """Two on the CPU: fixed arithmetic rounds the weight 0.3 to below a threshold that float arithmetic reaches."""
    cells = Population("cells", 3, LIF(v_thresh=0.3, v_reset=0.0, t_ref=0.0), "stepped")
    spikes, weights = SpikeTrain("in", 2, [1.0, 25.0], [0, 1]), np.array([[1.0] * 3, [0.25, 0.3, 0.25]])
    net = Network(cells, spikes, Projection(spikes, cells, AllToAll(), weight=weights, delay=0.3))

    def both(*arithmetic):
        return [Simulation(net, arithmetic=kind, max_rate=1e6) for kind in arithmetic]

    assert example.parted(*both("fixed", "fixed"), 40.0) is None
    tick, lines = example.parted(*both("float", "fixed"), 40.0)
    assert tick == 253
    assert "neuron 1 of 'cells' fired on cpu alone" in lines
    assert any(line.startswith("n_spikes: 1 of 1 numbers") for line in lines)


def test_no_driver_is_an_error_as_well(monkeypatch):
    if importlib.util.find_spec("numba_cuda") is None:
        pytest.skip("numba-cuda is not installed")
    from numba import cuda

    monkeypatch.setattr(cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="nvidia-smi"):
        Simulation(small(), backend="cuda")


def test_what_a_device_does_not_do_yet_is_refused_by_name(monkeypatch, tegmentum, tmp_path):
    monkeypatch.setattr(available, "missing", lambda: None)
    boundless = small(plasticity=PowerLawSTDP())
    with pytest.raises(DescriptionError, match=r"'in-cells': PowerLawSTDP sets no bound to its weights"):
        Simulation(boundless, backend="cuda")
    assert backends.chosen_backend("auto", boundless) == "cpu"
    judged = Modulator("dopamine", baseline=0.5, source=Expected("label", np.ones((2, 1))))
    for rule in (STDP(), DopamineSTDP(judged)):
        assert backends.chosen_backend("auto", small(plasticity=rule)) == "cuda"
    with pytest.raises(DescriptionError, match="arithmetic='float' does not run on CUDA"):
        Simulation(small(), backend="cuda", arithmetic="float")
    path = tmp_path / "power.toml"
    path.write_text(
        """
        [simulation]
        duration = 1.0
        [populations.cells]
        size = 2
        model = { type = "LIF" }
        [[projections]]
        pre = "cells"
        post = "cells"
        rule = { type = "AllToAll" }
        weight = 0.5
        [projections.plasticity]
        type = "PowerLawSTDP"
        """
    )
    done = tegmentum("run", path, "--backend", "cuda")
    assert done.code == 3
    assert "PowerLawSTDP" in done.err


def test_spikes_that_come_at_once_take_turns():
    """Of one source; what is in flight is written as a tape, each tick's spikes together."""
    trains = SimpleNamespace(
        tick=np.array([1, 1, 1, 2, 2, 1, 1]),
        source=np.array([7, 8, 7, 7, 7, 7, 7]),
        first=np.array([0, 5]),
        last=np.array([5, 7]),
    )
    assert device_plastic.turns_of(trains).tolist() == [0, 0, 1, 0, 1, 0, 1]
    pending = np.array([[0, 3, 7, 1], [0, 5, 2, 3], [0, 5, 4, 1], [0, 9, 7, 1]])  # trial, tick, source, times
    past, ptr = device_plastic.past_of(pending, 9, 5, 10)
    assert past.tolist() == [2, 12, 22, 4, 7]
    assert ptr.tolist() == [0, 4, 4, 4, 4, 5]  # ticks 5 to 9
    device_plastic.check_turns(10**6, 2000)
    with pytest.raises(DescriptionError, match="one source is given 3000 spikes in one tick"):
        device_plastic.check_turns(10**6, 3000)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backend": "gpu"}, "backend must be one of cpu, cuda, auto, got 'gpu'"),
        ({"arithmetic": "exact"}, "arithmetic must be one of float, fixed, got 'exact'"),
    ],
)
def test_unknown_names(arguments, message):
    with pytest.raises(DescriptionError, match=message):
        Simulation(small(), **arguments)


def test_the_cpu_never_imports_cuda(tmp_path):
    code = (
        "import sys; import cuda_cases as c;"
        "s = c.Simulation(c.driven(*c.MODELS['LIF'][:3]), arithmetic='fixed'); s.run(1.0);"
        "print([m for m in sys.modules if m.startswith(('numba.cuda', 'numba_cuda')) and 'redirect' not in m])"
    )
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert out.stdout.strip() == "[]"
