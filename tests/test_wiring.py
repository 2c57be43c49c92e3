"""What a store tells of its network: synapses, mean weights, delays and signs of each projection."""

from __future__ import annotations

import numpy as np
import pytest
from reports import Page, unpacked

from tegmentum.cli.plots.wiring import wiring
from tegmentum.plasticity import STDP
from tegmentum.simcore import (
    AllToAll,
    FixedIndegree,
    FixedProbability,
    FromCOO,
    LIFExp,
    Lognormal,
    Network,
    Normal,
    Population,
    Projection,
    Record,
    Simulation,
    Uniform,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A network with a projection of each sort, one of them recorded, and the simulation that has its synapses."""
    exc, inh = Population("exc", 80, LIFExp()), Population("inh", 40, LIFExp())
    pre = np.arange(30) % 7
    network = Network(
        exc,
        inh,
        Projection(exc, inh, FixedProbability(0.5), Normal(20.0, 30.0, low=0.0), Uniform(1.0, 3.0), name="p"),
        Projection(inh, exc, FixedIndegree(10), -5.0, 1.5, name="k"),
        Projection(exc, exc, AllToAll(autapses=False), Lognormal(0.0, 0.5), Normal(2.0, 0.5, low=0.5), name="all"),
        Projection(inh, inh, FromCOO(pre, pre + 1), -np.linspace(1.0, 2.0, 30), 1.0, name="list"),
        Projection(exc, inh, FixedProbability(0.3), Uniform(0.0, 1.0), 1.0, plasticity=STDP(), name="learn"),
    )  # fmt: skip
    path = tmp_path_factory.mktemp("wiring") / "run.zarr"
    simulation = Simulation(network, seed=2)
    simulation.run(2.0, Record(weights={"learn": 1.0}), to=path)
    return path, simulation


def test_what_is_told_is_what_was_built(run):
    path, simulation = run
    sizes, links, _ = wiring(path)
    assert sizes == {"exc": 80, "inh": 40}
    for link in links:
        there = simulation.synapses(link.name)
        delay = np.asarray(there.delay) * simulation.dt
        n = len(there.weight)
        assert link.n_synapses == pytest.approx(
            n, rel=0.0 if link.name in ("k", "all", "list", "learn") else 0.05
        )
        assert link.in_degree == pytest.approx(n / sizes[link.post], rel=0.05)
        if link.name != "list":  # of its many weights the description has no more than how many
            assert link.weight == pytest.approx(there.weight.mean(), rel=0.05)
            assert link.sign == np.sign(there.weight.mean())
        assert link.delay[0] <= delay.min() + 1e-9
        assert link.delay[1] >= delay.max() - 1e-9
        assert (link.unit, link.counted, link.plastic) == ("pA", *[link.name == "learn"] * 2)


def test_the_page_has_the_matrix_and_the_table(run, tegmentum, tmp_path):
    assert tegmentum("report", run[0], "-o", "run.html").code == 0
    page = Page(tmp_path / "run.html")
    (image,) = page.figures["Connectivity between populations"]["data"]
    exc_exc, exc_inh, inh_exc, inh_inh = unpacked(image["z"]).ravel()
    assert exc_exc == 79
    assert exc_inh == pytest.approx(0.8 * 80, rel=0.05)
    assert inh_exc == -10
    assert abs(inh_inh) == pytest.approx(30 / 40)
    assert image["text"][1][0] == "800"
    row = next(row for row in page.rows if row[0] == "k")
    assert row[1:] == ["inh", "exc", "≈ 800", "10", "-5 pA", "1.5", "no"]
