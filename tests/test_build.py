"""Generated modules: found again by a second process, made anew when a model changes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

MODEL = """
from dataclasses import dataclass
from typing import NamedTuple
from tegmentum.simcore import AllToAll, Network, NeuronModel, Population, Record, Simulation, Trace, param

class State(NamedTuple):
    v: float

class Constants(NamedTuple):
    step: float

GAIN = {gain}

def gained(x):
    return GAIN * x

@dataclass(frozen=True, eq=False)
class Ramp(NeuronModel):
    step: float = param(1.0)
    def derive(self, dt):
        return Constants(self.step)
    def initial(self):
        return State(0.0)

def flow(s, c, i):
    return State(s.v + gained(c.step))

def receive(s, c, v):
    return s

def threshold(s, c):
    return False

def reset(s, c):
    return s

if __name__ == "__main__":
    import time
    p = Population("p", 1, Ramp())
    simulation = Simulation(Network(p), dt=1.0)
    t = time.perf_counter()
    result = simulation.run(3.0, Record(traces={{"v": Trace(p)}}))
    hits = sum(sum(d.stats.cache_hits.values()) for d in [simulation._engine.advance])
    print(*result.traces["v"][0, :, 0], hits)
"""


def simulate(tmp_path, gain):
    script = tmp_path / "ramp.py"
    script.write_text(MODEL.format(gain=gain))
    environment = {**os.environ, "TEGMENTUM_CACHE": str(tmp_path / "cache")}
    out = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env=environment, check=False
    )
    assert out.returncode == 0, out.stderr
    return [float(x) for x in out.stdout.split()]


@pytest.mark.slow
def test_a_users_model_in_a_script_is_cached_and_its_edits_are_noticed(tmp_path):
    assert simulate(tmp_path, 2.0) == [2.0, 4.0, 6.0, 0]
    assert simulate(tmp_path, 2.0) == [2.0, 4.0, 6.0, 1]
    assert simulate(tmp_path, 5.0) == [5.0, 10.0, 15.0, 0]
    assert simulate(tmp_path, 2.0) == [2.0, 4.0, 6.0, 1]


@pytest.mark.slow
def test_engines_name_no_kind_of_another_network(tmp_path):
    """A compiled engine can be loaded where the kinds of other networks of the same process are not known."""
    script = tmp_path / "pairs.py"
    script.write_text(
        "import sys\n"
        "from tegmentum.simcore import LIF, DiscreteLIF, Network, Parrot, Population, Simulation\n"
        "models = {'lif': LIF(), 'discrete': DiscreteLIF(), 'parrot': Parrot()}\n"
        "for pair in sys.argv[1:]:\n"
        "    parts = [Population(name, 1, models[name]) for name in pair.split('+')]\n"
        "    Simulation(Network(*parts)).run(1.0)\n"
    )
    environment = {**os.environ, "TEGMENTUM_CACHE": str(tmp_path / "cache")}
    for pairs in (["lif+discrete", "discrete+parrot"], ["discrete+parrot"]):
        command = [sys.executable, str(script), *pairs]
        out = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert out.returncode == 0, out.stderr
