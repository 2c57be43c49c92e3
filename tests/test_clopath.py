"""Clopath's neuron and its pairing experiments, against NEST's aeif_psc_delta_clopath and clopath_synapse."""

from __future__ import annotations

import numpy as np
import pytest

from tegmentum.plasticity import ClopathSTDP
from tegmentum.simcore import (
    AllToAll,
    ClopathAdEx,
    DescriptionError,
    Network,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
    Trace,
)

pytestmark = pytest.mark.slow  # engines of their own

DT = 0.1
#: NEST 3.10: t [ms], then V_m, w, z, V_th of a neuron with I_e 300 pA, t_ref 1 ms, +80 mV at 50.1 and 130.1
NEST = [
    (10.0, -64.0480219764715, 1.0434409001275922, 0.0, -50.4),
    (50.0, -60.8943865324418, 9.664135577827885, 0.0, -50.4),
    (50.1, 19.105426935432952, 9.684377122954158, 0.0, -50.4),
    (51.0, 33.0, 90.18437712295417, 391.1004948773347, 28.95861141455071),
    (53.2, -60.0, 89.85369071635445, 370.17080975865497, 25.542537252719995),
    (80.0, -55.943680709494714, 84.59218829708364, 189.41957859969398, -5.967243096094586),
    (120.0, -60.179469989414834, 75.91363011550489, 69.6835687221855, -30.43507536749583),
    (150.0, -56.650636337684176, 142.2302933071151, 243.21955334043906, 3.8702918351172695),
    (200.0, -61.533862822293614, 113.5759087613792, 69.68356872222863, -30.43507536748597),
]
#: Pairings of test_clopath_synapse.py: post before pre at 10, 30 and 50 Hz, pre before post [ms]; weights after 75 [%]
PRE = (
    (29.0, 129.0, 229.0, 329.0, 429.0),
    (29.0, 62.3, 95.7, 129.0, 162.3),
    (29.0, 49.0, 69.0, 89.0, 109.0),
    (129.0, 229.0, 329.0, 429.0, 529.0, 629.0),
    (62.3, 95.6, 129.0, 162.3, 195.6, 229.0),
    (49.0, 69.0, 89.0, 109.0, 129.0, 149.0),
)
POST = (
    (19.0, 119.0, 219.0, 319.0, 419.0),
    (19.0, 52.3, 85.7, 119.0, 152.3),
    (19.0, 39.0, 59.0, 79.0, 99.0),
    (139.0, 239.0, 339.0, 439.0, 539.0, 639.0),
    (72.3, 105.6, 139.0, 172.3, 205.6, 239.0),
    (59.0, 79.0, 99.0, 119.0, 139.0, 159.0),
)
PERCENT = (57.82638722, 72.16730112, 149.43359357, 103.30408341, 124.03640668, 157.02882555)


EARLY = {"i_sp": 400.0 * np.exp(-DT / 40.0), "v_t_max": -50.4 + 80.8 * np.exp(-DT / 50.0)}


@pytest.mark.parametrize("more", [{}, EARLY], ids=["as it is", "decayed by a tick"])
def test_the_neuron_follows_that_of_nest(more):
    """To 1e-8 until it fires; then z and v_t begin their decay a tick later here, where NEST goes on at once."""
    cell = Population("cell", 1, ClopathAdEx(i_e=300.0, t_ref=1.0, **more))
    train = SpikeTrain("train", 1, [50.0, 130.0], [0, 0])
    network = Network(cell, train, Projection(train, cell, AllToAll(), 80.0, DT))
    traces = {name: Trace(cell, name) for name in ("v", "w", "z", "v_t")}
    result = Simulation(network, DT, precision="float64").run(201.0, Record(spikes=[cell], traces=traces))
    np.testing.assert_allclose(result.spikes["cell"].t, [50.2, 130.2])
    for t, *expected in NEST:
        k = round(t / DT) - 1
        found = [result.traces[name][0, k, 0] for name in traces]
        after = (0.011, 0.4, 1e-8, 1e-8) if more else (0.011, 0.4, 1.0, 0.16)
        close = (1e-8, 1e-8, 1e-12, 1e-12) if t < 50.2 else after
        assert np.all(np.abs(np.subtract(found, expected)) <= close), (t, found, expected)
    v = result.traces["v"][0, :, 0]
    assert np.count_nonzero(v == 33.0) == 2 * 20  # spikes of 2 ms
    assert np.count_nonzero(v == -60.0) == 2 * 11  # and the refractory time, after the tick that ends them


def pairings(delay: float, more: dict[str, float]) -> Network:
    """Return six neurons, one for each pairing; the post neuron's spike is made by a jump of 80 mV."""
    nodes: list[object] = []
    for k, (pre, post) in enumerate(zip(PRE, POST, strict=True)):
        inputs = SpikeTrain(f"pre {k}", 1, pre, np.zeros(len(pre), int))
        driver = SpikeTrain(f"post {k}", 1, post, np.zeros(len(post), int))
        cell = Population(f"cell {k}", 1, ClopathAdEx(b=0.0805, v_reset=-49.6, **more))
        rule = ClopathSTDP(cell, w_max=100.0, delay=delay)
        nodes += [inputs, driver, cell]
        nodes.append(Projection(inputs, cell, AllToAll(), 0.5, DT, plasticity=rule, name=f"learn {k}"))
        nodes.append(Projection(driver, cell, AllToAll(), 80.0, 2 * DT, name=f"drive {k}"))
    return Network(*nodes)  # type: ignore[arg-type]


def weights(
    delay: float, threads: int = 1, through_states: bool = False, more: dict[str, float] | None = None
) -> np.ndarray:
    """Return the weights of the six pairings just after the last arrival of each."""
    found = np.zeros(6)
    simulation, now = Simulation(pairings(delay, more or {}), DT, precision="float64", threads=threads), 0
    for tick, k in sorted((round(pre[-1] / DT) + 2, k) for k, pre in enumerate(PRE)):
        simulation.run((tick - now) * DT)
        found[k], now = simulation.synapses(f"learn {k}").weight[0], tick
        if through_states:
            state, threads = simulation.state(), 3 - threads
            simulation = Simulation(pairings(delay, more or {}), DT, precision="float64", threads=threads)
            simulation.load_state(state)
    return found


@pytest.fixture(scope="module")
def learned() -> np.ndarray:
    """Weights with filters that lag by the 4 ms of NEST's test, and by the tick in which a potential is held here."""
    return weights(4.0 + DT)


def test_pairings_change_weights_as_published(learned):
    """Within 0.3 percentage points of NEST's integration, all six (10, 30, 50 Hz, either order); start 0.5."""
    percent = 100.0 + 15.0 * 100.0 * (learned - 0.5) / 0.5
    np.testing.assert_allclose(percent, PERCENT, rtol=0.0, atol=0.3)
    assert np.all(np.diff(percent[:3]) > 0.0)
    assert np.all(percent[3:] > percent[:3])


def test_a_tick_of_decay_moves_pairings_by_less_than_a_tenth_of_a_point(learned):
    moved = 100.0 * 15.0 * np.abs(weights(4.0 + DT, more=EARLY) - learned) / 0.5
    assert 0.005 < moved.min() < moved.max() < 0.1


def test_what_filters_wait_for_is_in_the_state(learned):
    assert np.array_equal(weights(4.0 + DT, threads=2, through_states=True), learned)
    assert np.abs(weights(0.0) - learned).max() > 0.01


def test_a_lag_is_a_time():
    cell = Population("cell", 1, ClopathAdEx())
    with pytest.raises(DescriptionError, match="delay must be >= 0 ms and <= 1000 ms, got -1"):
        ClopathSTDP(cell, delay=-1.0)
    with pytest.raises(DescriptionError, match="v_t_max must be >= v_t_rest"):
        Network(Population("cell", 1, ClopathAdEx(v_t_max=-60.0)))
