"""Functions that kernels call are kept as intermediate code and linked; what Python calls has machine code."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from tegmentum.simcore.compile import modules

KERNELS = """
class Pair(NamedTuple):
    a: float
    b: float

@jit
def total(pair, i):
    return pair.a[i] + pair.b[i]

@kept
def twice(pair, i):
    return real(2.0) * total(pair, i)

@entry
def clear(pair):
    pair.a[0] = real(0.0)

@entry
def sum_and_clear(pair):
    found = real(0.0)
    for i in range(len(pair.a)):
        found += twice(pair, i)
    clear(pair)
    return found
"""
USER = """
from {module} import Pair, twice

@entry
def first(pair, i):
    return twice(pair, i)
"""


def text(body):
    return modules._HEADER.format(real="float64") + body


def kinds(directory):
    """How each function is kept, by the name of its file without the hashes."""
    found = {}
    for path in directory.glob("*.nbc"):
        found[path.name.split(".", 1)[1].rsplit(".", 2)[0]] = pickle.loads(path.read_bytes()[32:])[0][1]
    return found


@pytest.fixture
def directory(tmp_path, monkeypatch):
    monkeypatch.setenv("TEGMENTUM_CACHE", str(tmp_path))
    loaded = set(sys.modules)
    yield tmp_path
    for name in [n for n in sys.modules if n not in loaded and n.startswith("tegmentum_")]:
        del sys.modules[name]


def test_only_what_python_calls_has_machine_code(directory):
    module = modules.load("linked", text(KERNELS))
    pair = module.Pair(np.array([1.0, 2.0]), np.array([10.0, 20.0]))
    assert module.sum_and_clear(pair) == 66.0
    assert pair.a[0] == 0.0
    assert kinds(directory) == {"twice": "linked", "clear.linked": "linked", "sum_and_clear": "object"}
    pair.a[0] = 5.0
    module.clear(pair)  # now Python asks for it
    assert pair.a[0] == 0.0
    assert kinds(directory)["clear"] == "object"


def test_what_is_kept_is_linked_into_later_modules(directory):
    module = modules.load("linked", text(KERNELS))
    module.sum_and_clear(module.Pair(np.zeros(1), np.zeros(1)))
    del sys.modules[module.__name__]
    module = modules.load("linked", text(KERNELS))  # as another process would
    user = modules.load("user", text(USER.format(module=module.__name__)))
    assert user.first(module.Pair(np.array([1.0]), np.array([10.0])), 0) == 22.0
    assert sum(module.twice.stats.cache_hits.values()) == 1
    assert not module.twice.stats.cache_misses


@pytest.mark.slow
def test_a_numba_that_was_not_tried_compiles_in_its_own_way(tmp_path):
    code = (
        "import numba; numba.version_info = numba.version_info._replace(minor=99);"
        "from tegmentum.simcore.compile import module_cache as m; assert not m.LINKED;"
        "from tegmentum.simcore import LIF, Network, Poisson, Population, Simulation; p = Population('p', 50, LIF());"
        "s = Simulation(Network(p, Poisson(p, 3000.0, 1.0)), seed=1); print(s.run(100.0).n_spikes['p'])"
    )
    command = [sys.executable, "-P", "-c"]
    told = {"env": os.environ | {"TEGMENTUM_CACHE": str(tmp_path)}, "capture_output": True, "text": True}
    plain = subprocess.run([*command, code], check=True, **told).stdout
    linked = subprocess.run([*command, code.split(";", 4)[4]], check=True, **told).stdout
    assert plain == linked
    assert int(plain) > 0


def test_an_edit_of_the_compiler_makes_other_modules():
    assert "tegmentum.simcore.compile.linked" in modules._modules(text(""))
