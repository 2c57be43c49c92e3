"""Synapses that change by chance: a cascade of states against its Markov chain, and a slow walk with the same draws."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from reference_rules import Synapse
from scipy.stats import chisquare

from tegmentum.plasticity import CascadeSTDP
from tegmentum.simcore import (
    LIF,
    AllToAll,
    Conv2D,
    FromCOO,
    Network,
    OneToOne,
    Population,
    Projection,
    Simulation,
    SpikeTrain,
)
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.random.philox import STREAM_SYNAPSE, philox, seed_key

DT = 0.1
CELL = LIF(v_thresh=200.0, t_ref=0.0)


def accepted(n: int, x: float) -> np.ndarray:
    """Columns of where a state goes under a proposal of depression, and of potentiation; weak states first.

    As the paper's equations say, not from the rule's functions.
    """
    i = np.arange(1, n + 1)
    q, p = x ** (i - 1.0), x**i / (1.0 - x)
    q[-1] = x ** (n - 1) / (1.0 - x) if n > 1 else 1.0
    out = np.zeros((2, 2 * n, 2 * n))
    for up, now in itertools.product((0, 1), range(2 * n)):
        strength, depth = divmod(now, n)
        if strength != up:
            there, chance = up * n, q[depth]
        else:
            there, chance = (now + 1, p[depth]) if depth < n - 1 else (now, 1.0)
        out[up, now, now] += 1.0 - chance
        out[up, there, now] += chance
    return out


@pytest.mark.parametrize(("n", "x"), [(1, 0.5), (2, 0.5), (10, 0.5), (6, 0.3)])
def test_functions_have_the_papers_probabilities(n, x):
    """Of many equal steps of ``u``, as many lead from state to state as the equations say."""
    rule = CascadeSTDP(a_plus=0.8, a_minus=0.5, n=n, x=x)
    f, c, steps = rule.home(), rule.derive(DT), 4096
    moves = accepted(n, x)
    for now in range(2 * n):
        strength, depth = divmod(now, n)
        for up, do, chance in ((1, f.on_post, 0.8), (0, f.on_pre, 0.5)):
            found = np.zeros(2 * n)
            for k in range(steps):
                s = do(f.Synapse(strength, depth), f.Pre(1.0), f.Post(1.0), c, (k + 0.5) / steps)
                found[int(s.w) * n + int(s.depth)] += 1.0 / steps
            expected = chance * moves[up][:, now]
            expected[now] += 1.0 - chance
            np.testing.assert_allclose(found, expected, atol=1.0 / steps)


def test_all_states_are_equally_likely_in_balance():
    for n, x in ((2, 0.5), (10, 0.5), (6, 0.3)):
        values, vectors = np.linalg.eig(accepted(n, x).mean(0))
        k = int(np.argmax(values.real))
        assert values[k] == pytest.approx(1.0, abs=1e-12)
        assert np.sum(np.abs(values - 1.0) < 1e-9) == 1
        np.testing.assert_allclose(vectors[:, k] / vectors[:, k].sum(), 1.0 / (2 * n), rtol=1e-9)


def test_a_cascade_forgets_as_a_power_of_time_and_two_states_at_once():
    """What one proposal left, after further ones: exponents that the docstring states, and the exponential beyond."""

    def left(n: int, times: np.ndarray) -> np.ndarray:
        moves = accepted(n, 0.5)
        after = moves[1] @ np.full(2 * n, 0.5 / n) - 0.5 / n
        values, vectors = np.linalg.eig(moves.mean(0))
        parts = np.linalg.solve(vectors, after)
        states = (vectors @ (parts[:, None] * values[:, None] ** times)).real
        return np.asarray(states[n:].sum(0) - states[:n].sum(0))

    times = 2.0 ** np.arange(2, 9)
    slopes = np.diff(np.log(left(10, times))) / np.log(2.0)
    assert np.all(slopes < -0.5)
    assert np.all(slopes > -0.83)
    assert left(1, np.array([0.0]))[0] == pytest.approx(1.0)
    assert np.abs(left(1, times)).max() < 1e-15
    late = left(5, np.array([200.0, 400.0, 800.0]))  # beyond 2^4 proposals: exponential
    assert late[1] / late[0] == pytest.approx((late[2] / late[1]) ** 0.5, rel=0.05)


def trains(seed: int, n_pre: int, n_post: int, ms: float, n: int):
    """Return inputs and drivers with spikes on ticks, some of which coincide."""
    rng = np.random.default_rng(seed)
    last = round(ms / DT)
    return (
        SpikeTrain("inputs", n_pre, rng.integers(1, last, n) * DT, rng.integers(0, n_pre, n)),
        SpikeTrain("driver", n_post, rng.integers(1, last, n) * DT, rng.integers(0, n_post, n)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 6])
def test_many_synapses_are_distributed_as_the_chain_says(n):
    """20000 synapses that see the same spikes: the product of the chain's matrices, one for each proposal."""
    rule = CascadeSTDP(a_plus=0.1, a_minus=0.08, n=n)
    pres, posts = 20, 1000
    rng = np.random.default_rng(5)
    arrivals, spikes = (np.sort(rng.choice(3000, 60, replace=False)) + 1 for _ in range(2))
    inputs = SpikeTrain("inputs", pres, np.tile(arrivals * DT, pres), np.repeat(np.arange(pres), 60))
    driver = SpikeTrain("driver", 1, spikes * DT, np.zeros(60, int))
    cells = Population("cells", posts, CELL)
    drive = Projection(driver, cells, AllToAll(), 1e4, 1.0)
    learn = Projection(inputs, cells, AllToAll(), 0.0, 1.0, plasticity=rule, name="learn")
    simulation = Simulation(Network(inputs, driver, cells, learn, drive), DT, seed=3)
    chance = np.eye(2 * n)[0]
    moves, x, y, now = accepted(n, 0.5), 0.0, 0.0, 0
    events = sorted([(int(t) + 10, 0) for t in arrivals] + [(int(t) + 10, 1) for t in spikes])
    stops, compared = [events[k][0] for k in (30, 52, 75, 96, 119)], 0
    for tick, side in events:
        fade = np.exp(-(tick - now) * DT / 20.0)
        x, y, now = x * fade, y * fade, tick
        proposes = min(1.0, 0.1 * x) if side else min(1.0, 0.08 * y)
        chance = chance + proposes * (moves[side] @ chance - chance)
        x, y = (x, y + 1.0) if side else (x + 1.0, y)
        after = events[events.index((tick, side)) + 1 :]
        if tick in stops and not (after and after[0][0] == tick):
            simulation.run((tick - simulation.tick) * DT)
            found = simulation.synapses("learn")
            state = found.weight.astype(int) * n + found.kept["depth"].astype(int)
            count = np.bincount(state, minlength=2 * n)
            likely = chance * count.sum() > 5.0
            assert np.sum(count[~likely]) <= 20
            if likely.sum() > 1:
                expected = chance[likely] / chance[likely].sum() * count[likely].sum()
                assert chisquare(count[likely], expected).pvalue > 1e-3
            if 0.02 < found.weight.mean() < 0.98:
                pairs = found.weight.reshape(pres, posts)
                for one, other in ((pairs[:-1], pairs[1:]), (pairs[:, :-1], pairs[:, 1:])):
                    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 4.0 / np.sqrt(one.size)
                compared += 1
    assert compared > 1


N_PRE, N_POST, MS = 3, 4, 150.0
PRE = np.concatenate([np.repeat(np.arange(N_PRE), N_POST)] * 3)
POST = np.concatenate([np.tile(np.arange(N_POST), N_PRE)] * 3)
DELAY = np.repeat([1.0, 1.0, 2.5], N_PRE * N_POST)  # three contacts of each pair, two of one delay
RULE = CascadeSTDP(a_plus=0.7, a_minus=0.6, n=4)


def network() -> Network:
    inputs, driver = trains(8, N_PRE, N_POST, MS, 200)
    twice = np.arange(0, 200, 9)  # spikes that are given twice in their tick
    inputs = SpikeTrain(
        "inputs",
        N_PRE,
        np.concatenate([inputs.times, inputs.times[twice]]),
        np.concatenate([inputs.neuron, inputs.neuron[twice]]),
    )
    cells = Population("cells", N_POST, CELL)
    learn = Projection(inputs, cells, FromCOO(PRE, POST), 1.0, DELAY, plasticity=RULE, name="learn")
    return Network(inputs, driver, cells, Projection(driver, cells, OneToOne(), 1e4, 1.0), learn)


def drawn(seed: int, projection: int, pre: int, post: int, contact: int, repeat: int, tick: int, side: int):
    """Return what a synapse draws, by the counter that chance.py describes."""
    counter = post + N_POST * contact, pre, tick, int(STREAM_SYNAPSE) | projection << 8 | repeat << 24
    words = philox(*(np.uint64(word) for word in counter), *seed_key(seed))
    return float(words[side]) * 2.0**-32


def walked(
    described: Network, seed: int, pre: int, post: int, delay: float, contact: int
) -> tuple[float, float]:
    """Return weight and depth of one synapse after all spikes, by the slow rule."""
    inputs, driver = described["inputs"], described["driver"]
    arrivals = np.round((inputs.times[inputs.neuron == pre] + delay) / DT).astype(int)
    spikes = np.unique(np.round((driver.times[driver.neuron == post] + 1.0) / DT).astype(int))
    number = next(k for k, p in enumerate(described.projections) if p.name == "learn")
    repeat = 0
    slow = Synapse(
        RULE,
        1.0,
        DT,
        lambda t, side: drawn(seed, number, pre, post, contact, 0 if side else repeat, round(t / DT), side),
    )
    before = -1
    for tick, side in sorted([(int(t), 0) for t in arrivals] + [(int(t), 1) for t in spikes]):
        if tick * DT > MS:
            break
        if side:
            slow.fire(tick * DT)
        else:
            repeat = repeat + 1 if tick == before else 0
            before = tick
            slow.arrive(tick * DT)
    return slow.state


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 2**40 + 7])
def test_the_engine_walks_as_a_slow_synapse_would(seed, tmp_path):
    """Several contacts of two neurons, spikes given twice, coincidences; threads, splits and saved states."""
    described = network()
    found = {}
    for threads, split, precision in (
        (1, (MS,), "float64"),
        (2, (40.0, 33.3, MS - 73.3), "float64"),
        (1, (MS,), "float32"),
    ):
        simulation = Simulation(described, DT, seed=seed, threads=threads, precision=precision)
        for ms in split:
            simulation.run(ms)
            simulation.synapses("learn")  # reading changes nothing
            simulation.save(tmp_path / "state")
            simulation = Simulation.load(tmp_path / "state", described, threads=3 - threads)
        synapses = simulation.synapses("learn")
        found[threads, precision] = np.stack([synapses.weight, synapses.kept["depth"]])
    one = found[1, "float64"]
    assert np.array_equal(one, found[2, "float64"])
    assert np.array_equal(one, found[1, "float32"])  # states are whole numbers; no draw is near a bound here
    contact: dict[tuple[int, int], int] = {}
    for k in range(len(synapses)):
        pair = int(synapses.pre[k]), int(synapses.post[k])
        contact[pair] = contact.get(pair, -1) + 1
        expected = walked(described, seed, *pair, float(synapses.delay[k]) * DT, contact[pair])
        assert tuple(one[:, k]) == expected
    assert len({tuple(state) for state in one.T}) > 4
    same = one[:, contact_of(synapses) == 0] == one[:, contact_of(synapses) == 1]
    assert not np.all(same)  # two contacts with the same spikes


def contact_of(synapses) -> np.ndarray:
    """Number of each synapse among the contacts of its two neurons."""
    seen: dict[tuple[int, int], int] = {}
    out = []
    for pair in zip(synapses.pre.tolist(), synapses.post.tolist(), strict=True):
        seen[pair] = seen.get(pair, -1) + 1
        out.append(seen[pair])
    return np.array(out)


@pytest.mark.slow
def test_seeds_differ_and_what_else_is_in_the_network_does_not_matter():
    described = network()
    runs = {}
    for seed in (1, 2):
        simulation = Simulation(described, DT, seed=seed)
        simulation.run(MS)
        runs[seed] = simulation.synapses("learn").weight
    assert not np.array_equal(runs[1], runs[2])
    nodes = [described["inputs"], described["driver"], *described.populations, *described.projections]
    more = Network(Population("more", 7, CELL), *nodes)
    simulation = Simulation(more, DT, seed=1, arithmetic="fixed")
    simulation.run(MS)
    assert np.array_equal(simulation.synapses("learn").weight, runs[1])


@pytest.mark.slow
def test_negative_weights_are_the_mirror_image():
    runs = []
    for sign in (1, -1):
        described = network()
        first = next(p for p in described.projections if p.name == "learn")
        learn = Projection(
            first.pre, first.post, first.rule, sign * 1.0, DELAY, plasticity=RULE, sign=sign, name="learn"
        )
        nodes = [described["inputs"], described["driver"], *described.populations]
        nodes += [learn if p is first else p for p in described.projections]
        simulation = Simulation(Network(*nodes), DT, seed=4)
        simulation.run(MS)
        runs.append(sign * simulation.synapses("learn").weight)
    assert np.array_equal(*runs)


def test_shared_weights_are_refused():
    rule = Conv2D(np.full((3, 3, 1, 1), 0.5), (6, 6, 1))
    image, cells = Population("image", 36, CELL), Population("cells", 16, CELL)
    with pytest.raises(DescriptionError, match=r"shared weights cannot go with CascadeSTDP.*sharing=False"):
        Projection(image, cells, rule, plasticity=RULE)
    Projection(image, cells, rule, plasticity=RULE, sharing=False)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"n": 0}, "n must be"),
        ({"n": 2.5}, "n must be a whole number"),
        ({"n": 33}, "n must be"),
        ({"x": 0.6}, "x must be"),
        ({"a_plus": -0.1}, "a_plus must be"),
        ({"w_min": 1.0}, "w_min must be < w_max"),
    ],
)
def test_wrong_parameters_are_named(wrong, says):
    inputs, _ = trains(1, 2, 2, 10.0, 4)
    with pytest.raises(DescriptionError, match=says):
        Projection(inputs, Population("cells", 2, CELL), AllToAll(), 1.0, plasticity=CascadeSTDP(**wrong))


def test_a_rule_that_draws_must_take_what_it_draws():
    class Deaf(CascadeSTDP):
        @staticmethod
        def on_pre(s, pre, post, c):
            return s

    with pytest.raises(DescriptionError, match="on_pre takes 4 arguments, must take 5"):
        Deaf().functions()
