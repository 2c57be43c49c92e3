"""Machine code on disk: never stale, shared, healed; blocks that are repeated; whose functions they are."""

from __future__ import annotations

import ast
import linecache
import os
import shutil
import signal
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest

from tegmentum.simcore import (
    LIF,
    AllToAll,
    DescriptionError,
    Network,
    NeuronModel,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
    Trace,
    param,
)
from tegmentum.simcore.compile import modules as build
from tegmentum.simcore.compile.copied import copied
from tegmentum.simcore.compile.each import unrolled
from tegmentum.simcore.describe.plasticity import SynapseRule
from tegmentum.simcore.lower.entries import begin_of, group_of, length_of, packed

ROOT = Path(__file__).parent.parent
FOLDERS = ("simcore", "plasticity", "datasets", "cli")
KERNEL = """
from tegmentum.simcore.compile.module_cache import cached

@cached(nogil=True)
def total(n, more):
    s = 0
    for i in range(n):
        s += i * {number}
    return s + more
"""


def run(code, cache, *arguments, path=None):
    environment = {**os.environ, "TEGMENTUM_CACHE": str(cache)}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def output(process):
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    return out.split()


def loaded(number):
    """Load the module as a new process would."""
    module = build.load("test", KERNEL.format(number=number))
    del sys.modules[module.__name__]
    return module


class TestStale:
    CODE = """
import numpy as np
from numpy import float32, ones, zeros
from tegmentum.plasticity.reference.published_forward import SpikingPair
from tegmentum.simcore.random import philox as rng; from tegmentum.simcore.lower import window_arrays
pair = SpikingPair(2, 1, 1, 0.5, 0.5, 0.3)
x = np.full((1, 16), 128, np.uint8)
events, offset = pair._events(x)
pair.kernels.encode_bernoulli(x, rng.thresholds(np.arange(256, dtype=np.uint8), 255), offset, 2,
                              np.uint64(0), rng.STREAM_ENCODE_TRAIN, pair.k0, pair.k1, 0, 1, events)
drawn = int(events.spikes[0]), int(events.index[events.start[1] :][: events.count[1]].sum())
events.base_start[0], events.base_count[0], events.count[:2] = 0, 1, 0
events.index[0], events.value[0] = 0, 1
table, v, s = (ones(shape, float32) for shape in ((17, 16), (1, 3, 16), (1, 3, 16)))
scratch = zeros((4, 16), float32)
pair.kernels.advance_hidden(table, events, 0, 1, 2, table[:1], pair.rho, pair.theta, 0, scratch, v, s)
kernels = (pair.kernels.encode_bernoulli, pair.kernels.advance_hidden)
print(*drawn, round(float(v[0, 1, 0]), 6), sum(sum(k.stats.cache_hits.values()) for k in kernels))
"""

    @pytest.mark.slow
    def test_an_edit_of_a_helper_reaches_every_kernel(self, tmp_path):
        """Of rowsum.py, which kernels import, and of rng.py, which philox_block.py imports."""
        for folder in FOLDERS[:3]:
            shutil.copytree(ROOT / folder, tmp_path / "tegmentum" / folder)
        simcore = tmp_path / "tegmentum" / "simcore"

        def result():
            return output(run(self.CODE, tmp_path / "cache", path=tmp_path))

        first = result()
        assert first[2:] == [f"{1 / (1 + np.exp(-1.0)):.6f}", "0"]
        old = {}
        for name, before, after in (
            ("intrinsics/rowsum", "b.call(self.fma, [scale,", "b.call(self.fma, [b.fadd(scale, scale),"),
            ("random/philox", "np.uint64(0xD2511F53)", "np.uint64(0xD2511F55)"),
        ):
            old[name] = (simcore / f"{name}.py").read_text()
            assert before in old[name]
            (simcore / f"{name}.py").write_text(old[name].replace(before, after))
        edited = result()
        assert edited[:2] != first[:2]
        assert edited[2:] == [f"{1 / (1 + np.exp(-2.0)):.6f}", "0"]
        for name, text in old.items():
            (simcore / f"{name}.py").write_text(text)
        assert result() == [*first[:3], "2"]

    def test_numba_keeps_nothing_by_itself(self):
        for folder in FOLDERS:
            for path in (ROOT / folder).rglob("*.py"):
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                    if isinstance(node, ast.keyword) and node.arg == "cache":
                        raise AssertionError(
                            f"{path}, line {node.value.lineno}: cache=; see simcore/compile/module_cache.py"
                        )

    def test_kernel_files_are_called_through_generated_modules_only(self):
        trees = {
            path: ast.parse(path.read_text(encoding="utf-8"))
            for f in FOLDERS
            for path in (ROOT / f).rglob("*.py")
        }
        kernels = {
            path
            for path, tree in trees.items()
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and node.module == "numba" and node.names[0].name == "njit"
        }
        assert len(kernels) > 3
        for path, tree in trees.items():
            if path in kernels:
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom):
                    names = {str(node.module).rpartition(".")[2], *(name.name for name in node.names)}
                    assert not names & {kernel.stem for kernel in kernels}, path


class TestSharing:
    CODE = """
import sys, time
from tegmentum.simcore.compile import modules as build
import tegmentum.simcore.compile.module_cache
module = build.load("test", sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(module.total(10, 0), sum(module.total.stats.cache_misses.values()))
"""

    def test_one_of_several_processes_compiles(self, tmp_path):
        text = KERNEL.format(number=3)
        environment = {**os.environ, "TEGMENTUM_CACHE": str(tmp_path)}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        command = [sys.executable, "-c", self.CODE, text]
        processes = [subprocess.Popen(command, env=environment, **pipes) for _ in range(3)]
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        found = [process.communicate(timeout=120)[0].split() for process in processes]
        assert [value for value, _ in found] == ["135"] * 3
        assert sorted(misses for _, misses in found) == ["0", "0", "1"]

    def test_the_lock_of_a_process_that_died_is_free(self, tmp_path, monkeypatch):
        monkeypatch.setenv("TEGMENTUM_CACHE", str(tmp_path))
        module = loaded(4)
        lock = Path(module.__file__).with_suffix(".lock")
        code = (
            "import os, sys, filelock; filelock.FileLock(sys.argv[1]).acquire(); print('held', flush=True); "
            f"os.kill(os.getpid(), {int(signal.SIGKILL)})"
        )
        process = run(code, tmp_path, str(lock))
        assert process.communicate(timeout=60)[0] == "held\n"
        assert lock.exists()
        assert module.total(10, 0) == 180
        assert loaded(4).total(10, 0) == 180

    def test_other_types_are_other_files(self, tmp_path, monkeypatch):
        monkeypatch.setenv("TEGMENTUM_CACHE", str(tmp_path))
        for more in (0, 0.5):
            assert loaded(5).total(10, more) == 225 + more
        assert len(list(tmp_path.glob("*.nbc"))) == 2
        for more in (0, 0.5):
            module = loaded(5)
            assert module.total(10, more) == 225 + more
            assert sum(module.total.stats.cache_hits.values()) == 1


class TestHealing:
    @pytest.mark.parametrize("kind", ["nbc", "py"])
    @pytest.mark.parametrize("damage", ["empty", "truncated", "garbage", "one bit"])
    def test_damaged_files_are_made_anew(self, tmp_path, monkeypatch, kind, damage):
        monkeypatch.setenv("TEGMENTUM_CACHE", str(tmp_path))
        assert loaded(6).total(10, 0) == 270
        (path,) = tmp_path.glob(f"*.{kind}")
        good = path.read_bytes()
        bad = {"empty": b"", "truncated": good[: len(good) // 2], "garbage": os.urandom(100)}
        flipped = bytearray(good)
        flipped[len(good) // 2] ^= 1
        path.write_bytes(bad.get(damage, bytes(flipped)))
        if kind == "py" and damage == "empty":  # as if it were not there
            assert loaded(6).total(10, 0) == 270
        else:
            with pytest.warns(RuntimeWarning, match=rf"{path.name} is damaged: .* anew"):
                assert loaded(6).total(10, 0) == 270
        module = loaded(6)
        assert module.total(10, 0) == 270
        assert sum(module.total.stats.cache_hits.values()) == 1
        assert path.stat().st_size > 100

    def test_a_directory_that_cannot_be_written_is_said_once_and_kernels_run(self, tmp_path):
        (tmp_path / "file").write_text("")
        code = (
            "import sys\nfrom tegmentum.simcore.compile import modules as build\n"
            f"text = {KERNEL!r}\n"
            "for number in (7, 8):\n"
            "    print(build.load('test', text.format(number=number)).total(10, 0))\n"
        )
        process = run(code, tmp_path / "file" / "cache")
        out, error = process.communicate(timeout=60)
        assert (process.returncode, out.split()) == (0, ["315", "360"]), error
        assert error.count("kernels compile at every start: set TEGMENTUM_CACHE") == 1
        assert "Not a directory" in error

    def test_a_complete_cache_is_read_without_writing(self, tmp_path, monkeypatch):
        monkeypatch.setenv("TEGMENTUM_CACHE", str(tmp_path))
        loaded(9).total(10, 0)
        for lock in tmp_path.glob("*.lock"):
            lock.unlink()
        before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert loaded(9).total(10, 0) == 405
        assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


class TestEach:
    REPEATS: ClassVar = {"_0": 2, "_r0": 0}

    def unroll(self, text):
        return ast.unparse(unrolled(ast.parse(text), self.REPEATS, "x"))

    def test_blocks_are_repeated(self):
        text = (
            "from .a import b as b_0, c_r0\n"
            "def f(kinds, poisson_dense_r0, at_0, n):\n"
            "    for i in range(n):\n"
            "        with each('_r0'):\n            c_r0(poisson_dense_r0)\n"
            "    with each('_0') as k:\n        if n == k:\n            b_0(kinds[k], at_0)\n"
            "    g(*kinds, *at_0, *poisson_dense_r0)\n"
        )
        assert self.unroll(text) == (
            "from .a import b as b_0\n\n"
            "def f(kinds, at_0, at_1, n):\n"
            "    for i in range(n):\n        pass\n"
            "    if n == 0:\n        b_0(kinds[0], at_0)\n"
            "    if n == 1:\n        b_1(kinds[1], at_1)\n"
            "    g(*kinds, at_0, at_1)"
        )

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            ("b_0(kinds[0])", "b_0 outside of `with each"),
            ("with each('_0') as k:\n        b_0(kinds[0])", r"kinds\[0\] in a repeated block"),
            ("with each('_0') as k:\n        b(kinds[k])", "nothing within ends in _0"),
            ("with each('_1') as k:\n        b_1(kinds[k])", "the suffixes here are _0, _r0"),
            ("with each('_0') as k:\n        b_0(kinds[k], c_r0)", "c_r0 outside of `with each"),
            ("with eech('_0') as k:\n        b_0(kinds[k])", "b_0 outside of `with each"),
        ],
    )
    def test_what_is_marked_wrongly_is_refused(self, body, problem):
        with pytest.raises(ValueError, match=rf"x\.py, line \d+: .*{problem}"):
            self.unroll(f"def f(kinds):\n    {body}")

    @pytest.mark.parametrize("name", ["advance/ticks/loop", "advance/ticks/events"])
    def test_no_marker_of_a_template_can_be_left_out(self, name):
        tree = ast.parse((ROOT / "simcore" / f"{name}.py").read_text(encoding="utf-8"))
        repeats = {
            "_0": 2,
            "_b0": 1,
            "_h0": 1,
            "_p0": 2,
            "_r0": 1,
            "_v0": 1,
            "_w0": 1,
            "_d0": 1,
            "_t0": 1,
            "_m0": 1,
            "_e0": 1,
            "_u0": 2,
            "_n0": 1,
            "_x0": 1,
        }
        unrolled(ast.parse(ast.unparse(tree)), repeats, name)
        blocks = [
            (parent, at)
            for parent in ast.walk(tree)
            if isinstance(parent, (ast.FunctionDef, ast.For, ast.While, ast.If))
            for at, node in enumerate(parent.body)
            if isinstance(node, ast.With)
        ]
        assert len(blocks) == {"advance/ticks/loop": 25, "advance/ticks/events": 6}[name]
        for parent, at in blocks:
            marked = parent.body[at]
            parent.body[at : at + 1] = marked.body
            with pytest.raises(ValueError, match="outside of `with each"):
                unrolled(ast.parse(ast.unparse(tree)), repeats, name)
            parent.body[at : at + len(marked.body)] = [marked]

    @pytest.mark.slow
    def test_every_probe_reads_its_own_model(self):
        ramp, wave = Population("ramp", 1, Ramp(step=1.0)), Population("wave", 1, Fall(step=1.0))
        simulation = Simulation(Network(ramp, wave, *learning(ramp)), dt=1.0)
        traces = simulation.run(3.0, Record(traces={"ramp": Trace(ramp), "wave": Trace(wave)})).traces
        assert traces["ramp"][0, :, 0].tolist() == [2.0, 4.0, 6.0]
        assert traces["wave"][0, :, 0].tolist() == [-3.0, -6.0, -9.0]
        # the arrivals at ticks 2 and 3 add 1 each
        assert simulation.synapses("learn").weight.tolist() == [0.0 + 2.0]


class TestEntries:
    def test_round_trip(self):
        begin, length, group = (
            np.array([0, 2**35 - 1, 77]),
            np.array([0, 2**20 - 1, 5]),
            np.array([255, 0, 3]),
        )
        entry = packed(begin, length, group)
        assert entry.dtype == np.int64
        np.testing.assert_array_equal(
            [begin_of(entry), length_of(entry), group_of(entry)], [begin, length, group]
        )


# --------------------------------------------------------------------------------- models and rules of this one file

GAIN = 2.0


def gained(x):
    return GAIN * x


@dataclass(frozen=True, eq=False)
class Ramp(NeuronModel):
    """Rises by twice its step."""

    step: Any = param(1.0)  # noqa: RUF009

    class State(NamedTuple):
        v: float

    class Constants(NamedTuple):
        step: float

    def derive(self, dt):
        return Ramp.Constants(self.step)

    def initial(self):
        return Ramp.State(0.0)

    @staticmethod
    def flow(s, c, i):
        return Ramp.State(s.v + gained(c.step))

    @staticmethod
    def receive(s, c, v):
        return s

    @staticmethod
    def threshold(s, c):
        return False

    @staticmethod
    def reset(s, c):
        return s


def load(x):
    """Has the name of a function of the engine, and is another."""
    return 3.0 * x


@dataclass(frozen=True, eq=False)
class Fall(Ramp):
    """Has a ``flow`` of its own and all else of its base; its helper has the name of one of the engine's."""

    @staticmethod
    def flow(s, c, i):
        return Fall.State(s.v - load(c.step))


@dataclass(frozen=True)
class Count(SynapseRule):
    """Adds ``step`` at each arrival."""

    step: float = 1.0

    class Synapse(NamedTuple):
        w: float

    class Pre(NamedTuple):
        x: float

    class Post(NamedTuple):
        y: float

    class Constants(NamedTuple):
        step: float

    def derive(self, dt):
        return Count.Constants(self.step)

    def time_constants(self):
        return {"x": 20.0, "y": 20.0}

    @staticmethod
    def on_pre(s, pre, post, c):
        return Count.Synapse(s.w + c.step)

    @staticmethod
    def on_post(s, pre, post, c):
        return s

    @staticmethod
    def pre_spike(pre, c):
        return pre

    @staticmethod
    def post_spike(post, c):
        return post


def learning(post):
    train = SpikeTrain("train", 1, [1.0, 2.0], [0, 0])
    return train, Projection(train, post, AllToAll(), 0.0, 1.0, plasticity=Count(), name="learn")


def module_of(text, name):
    """Run a text as a file or a notebook's cell is run: its source is known to linecache."""
    module = ModuleType(name)
    sys.modules[name] = module
    file = f"<{name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    exec(compile(text, file, "exec"), module.__dict__)
    return module


HEAD = """
from dataclasses import dataclass
from typing import NamedTuple
from tegmentum.simcore import LIF, NeuronModel, param
from tegmentum.simcore.describe.plasticity import SynapseRule
"""
MODEL = """
class State(NamedTuple):
    v: float
class Constants(NamedTuple):
    step: float
@dataclass(frozen=True, eq=False)
class {name}(NeuronModel):
    step: float = param(1.0)
def flow(s, c, i):
    return State(s.v {sign} c.step)
def receive(s, c, v):
    return s
def threshold(s, c):
    return False
def reset(s, c):
    return s
"""
RULE = """
class Synapse(NamedTuple):
    w: float
class Pre(NamedTuple):
    x: float
class Post(NamedTuple):
    y: float
class Constants(NamedTuple):
    lam: float
@dataclass(frozen=True)
class Mine(SynapseRule):
    pass
def on_pre(s, pre, post, c):
    return s
on_post = on_pre
def pre_spike(pre, c):
    return pre
post_spike = pre_spike
"""


class TestOwn:
    def test_a_file_for_itself(self):
        module = module_of(HEAD + MODEL.format(name="A", sign="+"), "own_a")
        assert module.A.functions()["flow"] is module.flow
        assert "s.v + c.step" in copied(module.A.functions(), "A")

    def test_two_models_that_share_a_file_are_refused(self):
        text = HEAD + MODEL.format(name="A", sign="+") + MODEL.format(name="B", sign="-")
        module = module_of(text, "own_two")
        for name, other in ("AB", "BA"):
            with pytest.raises(
                DescriptionError, match=rf"{name}: State of own_two could be that of {other} as well"
            ):
                getattr(module, name).functions()

    def test_a_model_and_a_rule_that_share_constants_are_refused(self):
        module = module_of(HEAD + MODEL.format(name="A", sign="+") + RULE, "own_both")
        with pytest.raises(DescriptionError, match="A: Constants of own_both could be that of Mine"):
            module.A.functions()
        with pytest.raises(DescriptionError, match="Mine: Constants of own_both could be that of A"):
            module.Mine.functions()

    def test_the_engine_raises_it_before_work_starts(self):
        text = HEAD + MODEL.format(name="A", sign="+") + MODEL.format(name="B", sign="-")
        with pytest.raises(DescriptionError, match="put State into its class"):
            Population("p", 1, module_of(text, "own_early").B())

    def test_a_subclass_shares_with_its_base(self):
        text = HEAD + MODEL.format(name="A", sign="+") + "class Slow(A):\n    pass\n"
        module = module_of(text, "own_sub")
        assert module.Slow.functions()["flow"] is module.A.functions()["flow"] is module.flow

    def test_a_subclass_of_a_model_elsewhere_has_what_that_has(self):
        module = module_of(HEAD + "class Mine(LIF):\n    pass\n", "own_lif")
        assert module.Mine.functions() == LIF.functions()

    def test_it_may_do_without(self):
        module = module_of(HEAD + "class Mine(LIF):\n    leap = None\n", "own_without")
        assert "leap" not in module.Mine.functions()

    def test_functions_named_in_the_class(self):
        text = HEAD + MODEL.format(name="A", sign="+").replace("flow", "ramp").replace("State", "RampState")
        text += "A.flow = staticmethod(ramp)\nA.State = RampState\n"
        source = copied(module_of(text, "own_named").A.functions(), "A")
        assert source.count("(NamedTuple)") == 2
        assert "def flow(s, c, i):\n    return State(s.v + c.step)" in source

    def test_helpers_of_one_name_are_kept_apart(self):
        one = module_of("def help(x):\n    return x + 1\ndef f(x):\n    return help(x)\n", "own_f")
        two = module_of("def help(x):\n    return x + 2\ndef g(x):\n    return help(x)\n", "own_g")
        there: dict[str, Any] = {"jit": lambda f: f, "real": float}
        exec(copied({"f": one.f, "g": two.g, "same": one.f}, "x"), there)
        assert (there["f"](0.0), there["g"](0.0), there["same"](0.0)) == (1.0, 2.0, 1.0)

    def test_classes_within_functions(self):
        factor = 3.0

        class Pair(NamedTuple):
            a: float

        def f(x):
            return Pair(factor * x)

        there: dict[str, Any] = {"jit": lambda f: f, "real": float, "NamedTuple": NamedTuple}
        exec(copied({"f": f}, "x"), there)
        assert there["f"](2.0).a == 6.0

    def test_annotated_locals_and_modules(self):
        text = "import math\nimport math as np\nfrom typing import Any\n"
        text += "def f(x):\n    y: Any = math.sqrt(x)\n    return np.exp(y)\n"
        module = module_of(text, "own_local")
        source = copied({"f": module.f}, "x", around="import math\nimport numpy as np\n")
        there: dict[str, Any] = {"jit": lambda f: f, "real": float}
        exec(source, there)
        assert there["f"](0.0) == 1.0
        assert "import math as math" in source
        assert "import math as np" not in source

    def test_a_class_defined_anew_asks_for_a_new_object(self):
        text = HEAD + MODEL.format(name="A", sign="+")
        module = module_of(text, "own_cell")
        old = module.A()
        exec(compile(text, "<own_cell>", "exec"), module.__dict__)
        module.A.functions()
        with pytest.raises(DescriptionError, match="A: the class was defined anew"):
            old.functions()

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            ("del flow", "A: no flow in the class, nor beside it in own_bad"),
            ("def flow(s, c): return s", "A: flow takes 2 arguments, must take 3"),
            ("A.flow = flow", "A: flow must be a @staticmethod"),
            ("A.flow = staticmethod(max)", "A: flow must be a function"),
            ("A.State = float", "A: State must be a NamedTuple"),
            ("A.receptors = ('a', 'b')", "A: receive takes 1 inputs, but receptors names 2"),
        ],
    )
    def test_errors_of_what_a_model_holds(self, change, problem):
        module = module_of(HEAD + MODEL.format(name="A", sign="+") + change, "own_bad")
        with pytest.raises(DescriptionError, match=problem):
            module.A.functions()

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            ("return missing(s)", "flow uses 'missing', which is not defined"),
            ("return State(A.step)", r"flow uses A.step, the default of a parameter"),
            ("return State(A.gone)", r"flow uses A.gone, which is not defined"),
            ("return NAMES", "its functions use 'NAMES', a list"),
        ],
    )
    def test_errors_of_what_a_function_uses(self, line, problem):
        text = (
            HEAD
            + "NAMES = [1]\n"
            + MODEL.format(name="A", sign="+").replace("return State(s.v + c.step)", line)
        )
        module = module_of(text, "own_use")
        with pytest.raises(DescriptionError, match=problem):
            copied(module.A.functions(), "A")

    def test_a_part_of_the_class_that_is_called_without_it(self):
        text = (
            "class A(NeuronModel):\n    class State(NamedTuple):\n        v: float\n\n"
            "    @staticmethod\n    def flow(s, c, i):\n        return State(s.v)\n"
        )
        module = module_of(HEAD + text, "own_bare")
        with pytest.raises(
            DescriptionError, match=r"flow uses 'State', which is not defined; write A\.State"
        ):
            copied({"State": module.A.State, "flow": module.A.flow}, "A")

    def test_a_source_that_is_not_available(self):
        module = module_of(HEAD + MODEL.format(name="A", sign="+"), "own_lost")
        del linecache.cache["<own_lost>"]
        with pytest.raises(
            DescriptionError, match="A: the source of flow is not available; define it in a file"
        ):
            copied(module.A.functions(), "A")
