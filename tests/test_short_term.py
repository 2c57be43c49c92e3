"""Short-term plasticity: published recurrences, NEST's values, beside STDP, over threads, splits, saves and trials."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tegmentum.cli.config import network_of, read
from tegmentum.plasticity import D1D2, STDP, DopamineSTDP, TsodyksMarkram
from tegmentum.simcore import (
    LIF,
    AllToAll,
    DescriptionError,
    Expected,
    FixedIndegree,
    FromCOO,
    LIFExp,
    Modulator,
    Network,
    Population,
    Projection,
    Record,
    Simulation,
    SpikeTrain,
    Trace,
    one_hot,
)
from tegmentum.simcore.describe.as_dict import described
from tegmentum.simcore.lower.footprint import footprint
from tegmentum.simcore.lower.plastic import learns_in_trials
from tegmentum.simcore.lower.rows import delay_of

pytestmark = pytest.mark.slow  # engines of their own

NEST = json.loads((Path(__file__).parent / "nest_values.json").read_text())
N, N_TICKS = 5, 12_000


def released(rule, times):
    """What each of some spikes releases [ms]."""
    do, c, taus = rule.functions(), rule.derive(0.1), rule.time_constants()
    pre, last, out = do["Pre"](*(0.0 for _ in do["Pre"]._fields)), 0.0, []
    for t in times:
        pre = do["Pre"](*(v * math.exp((last - t) / taus[f]) for f, v in pre._asdict().items()))
        out.append(do["release"](pre, c))
        pre, last = do["pre_spike"](pre, c), t
    return np.array(out)


def test_depression_at_20_hz():
    """The recurrence, and where it goes: u x = U (1 - E) / (1 - (1 - U) E)."""
    rule, decay = TsodyksMarkram(U=0.5, tau_rec=800.0), math.exp(-50.0 / 800.0)
    found = released(rule, np.arange(1, 81) * 50.0)
    np.testing.assert_allclose(found[:5], [0.5, 0.26515, 0.15483, 0.10302, 0.07868], atol=5e-6)
    assert found[-1] == pytest.approx(0.5 * (1 - decay) / (1 - 0.5 * decay), rel=1e-12)
    assert found[-1] == pytest.approx(0.05713, abs=5e-6)


def test_facilitation_at_20_hz():
    rule = TsodyksMarkram(U=0.03, tau_rec=130.0, tau_fac=530.0)
    found = released(rule, np.arange(1, 201) * 50.0)
    np.testing.assert_allclose(found[:5], [0.03, 0.05533, 0.07574, 0.09178, 0.10428], atol=5e-6)
    u = 0.03 / (1 - 0.97 * math.exp(-50.0 / 530.0))
    decay = math.exp(-50.0 / 130.0)
    assert found[-1] == pytest.approx(u * (1 - decay) / (1 - (1 - u) * decay), rel=1e-9)
    assert found[59] == pytest.approx(0.16544, abs=5e-6)  # it still rises, to 0.165486
    assert found[-1] == pytest.approx(0.165486, abs=5e-7)


@pytest.mark.parametrize("name", ["tsodyks2_dep", "tsodyks_fac"])
def test_every_weight_that_nest_delivered(name):
    case = NEST["cases"][name]
    p = case["params"]
    rule = TsodyksMarkram(p["U"], p["tau_rec"], p["tau_fac"], p.get("tau_psc", 0.0))
    found = case["w0"] * released(rule, [*NEST["pre"], NEST["sim_ms"] - 5.0])
    np.testing.assert_allclose(found, np.array(case["w_delivered"], float), rtol=1e-12)
    assert len(found) == 41


@pytest.mark.parametrize("rule", [TsodyksMarkram(0.4, 200.0, 90.0, 6.0), TsodyksMarkram(1.0, 50.0)])
def test_equations_by_small_steps(rule):
    """Euler's steps of the equations as published, which never see the combinations that decay."""
    times, h = [3.0, 8.0, 21.0, 22.0, 60.0], 1e-4
    x, y, u, t, found = 1.0, 0.0, 0.0, 0.0, []
    for spike in times:
        while t < spike - h / 2:
            x += h * (1.0 - x - y) / rule.tau_rec
            y -= h * y / rule.tau_psc if rule.tau_psc else 0.0
            u -= h * u / rule.tau_fac if rule.tau_fac else 0.0
            t += h
        u = (u if rule.tau_fac else 0.0) + rule.U * (1.0 - (u if rule.tau_fac else 0.0))
        found.append(u * x)
        x -= u * x
        y += found[-1] if rule.tau_psc else 0.0
    np.testing.assert_allclose(released(rule, times), found, rtol=1e-5)


def spikes_of(counts, first):
    rng = np.random.default_rng(first)
    return [np.sort(rng.choice(np.arange(first, N_TICKS), size=k, replace=False)) for k in counts]


def train(name, ticks):
    return SpikeTrain(
        name,
        len(ticks),
        np.concatenate(ticks) * 0.1,
        np.repeat(np.arange(len(ticks)), [len(t) for t in ticks]),
    )


BOTH = STDP(lam=0.02, w_max=2.0, mu=0.5), TsodyksMarkram(0.3, 150.0, 60.0, 4.0)
ARRIVING = spikes_of((400, 5, 90, 0, 200), 1)
FIRING = spikes_of((300, 100, 20, 500, 0), 2)
WEIGHTS = np.random.default_rng(3).uniform(0.2, 1.8, (N, N))
DELAYS = np.random.default_rng(4).integers(1, 30, (N, N))


def network():
    """A neuron for each of NEST's two tests, and 25 synapses under STDP whose neurons forget within a tick."""
    regular = SpikeTrain(
        "regular",
        2,
        np.append(98.0 + 50.0 * np.arange(20), 98.1 + 50.1 * np.arange(20)),
        np.repeat([0, 1], 20),
    )
    soma = Population(
        "soma", 2, LIFExp(tau_m=[40.0, 60.0], tau_exc=[3.0, 1.5], c_m=[40.0, 60.0], v_thresh=1e9)
    )
    pre, kick = train("pre", ARRIVING), train("kick", [t - 1 for t in FIRING])
    cell = Population("cell", N, LIF(v_thresh=1e6, v_reset=0.0, tau_m=1e-3, t_ref=0.0))
    i, j = np.divmod(np.arange(N * N), N)
    dep, fac = TsodyksMarkram(0.5, 800.0, tau_psc=3.0), TsodyksMarkram(0.03, 130.0, 530.0, 1.5)
    return Network(
        regular, soma, pre, kick, cell,
        Projection(regular, soma, FromCOO([0], [0]), 250.0, 1.1, name="depresses", short_term=dep),
        Projection(regular, soma, FromCOO([1], [1]), 1540.0, 1.1, name="facilitates", short_term=fac),
        Projection(pre, cell, FromCOO(i, j), WEIGHTS.ravel(), DELAYS.ravel() * 0.1, name="both",
                   plasticity=BOTH[0], short_term=BOTH[1]),
        Projection(kick, cell, FromCOO(np.arange(N), np.arange(N)), weight=1e8, delay=0.1),
    )  # fmt: skip


def simulate(parts=(N_TICKS / 10,), **options):
    net = network()
    sim = Simulation(net, precision="float64", max_rate=1e5, **options)
    record = Record(
        spikes=[net["cell"]],
        traces={"soma": Trace(net["soma"], "v"), "cell": Trace(net["cell"], "v")},
        weights={"both": 100.0, "depresses": 100.0},
    )
    return sim, [sim.run(ms, record) for ms in parts]


@pytest.fixture(scope="module")
def whole():
    return simulate()


def test_voltages_of_nest(whole):
    """NEST's test_tsodyks_depressing and test_tsodyks_facilitating, to the digits that these give."""
    v = whole[1][0].traces["soma"][0]

    def at(ms, neuron):
        return v[round(ms / 0.1) - 1, neuron]

    assert [at(t, 0) for t in (125, 150, 1075)] == pytest.approx([5.30244, 4.10833, 0.846346], rel=1e-6)
    assert [at(t, 1) for t in (125, 1075)] == pytest.approx([0.770603, 7.32911], rel=1e-6)


def slow(rule, short, arrivals, firing, w):
    """Weight in time and what is delivered, for one synapse, event by event in ticks of 0.1 ms."""
    c, do = rule.derive(0.1), rule.functions()
    tau = rule.time_constants()
    x, y = (0.0, 0), (0.0, 0)
    amounts, out = iter(released(short, np.asarray(arrivals) * 0.1)), []
    for t, fires in sorted([(t, 0) for t in arrivals] + [(t, 1) for t in firing]):
        pre = do["Pre"](x[0] * math.exp((x[1] - t) * 0.1 / tau["x"]))
        post = do["Post"](y[0] * math.exp((y[1] - t) * 0.1 / tau["y"]))
        w = do["on_post" if fires else "on_pre"](do["Synapse"](w), pre, post, c).w
        if fires:
            y = do["post_spike"](post, c).y, t
        else:
            out.append((t, w * next(amounts)))
            x = do["pre_spike"](pre, c).x, t
    return w, out


def test_beside_stdp_it_is_the_slow_simulation(whole):
    """Weights learn as without short-term plasticity; what arrives is each weight times what the spike releases."""
    sim, (result,) = whole
    got, arrived = sim.synapses("both"), np.zeros((N_TICKS + 1, N))
    expected = []
    for i, j in zip(got.pre, got.post, strict=True):
        arrivals = [t for t in ARRIVING[i] + DELAYS[i, j] if t <= N_TICKS]
        w, delivered = slow(*BOTH, arrivals, FIRING[j], WEIGHTS[i, j])
        expected.append(w)
        for t, amount in delivered:
            arrived[t, j] += amount
    for j, ticks in enumerate(FIRING):
        arrived[ticks, j] = 0.0  # the neuron fires and is reset
        found = result.spikes["cell"]
        np.testing.assert_array_equal(found.tick[found.neuron == j], ticks)
    np.testing.assert_allclose(got.weight, expected, rtol=1e-11)
    np.testing.assert_allclose(result.traces["cell"][0], arrived[1:], rtol=1e-9, atol=1e-12)
    assert np.ptp(got.weight - WEIGHTS[got.pre, got.post]) > 0.1
    assert (arrived > 0).sum() > 2000


def everything(sim, results):
    traces = [np.concatenate([r.traces[name][0] for r in results]) for name in ("soma", "cell")]
    return [*traces, sim.synapses("both").weight]


@pytest.mark.parametrize("options", [{"threads": 2}, {"parts": (100.0, 0.1, 899.9, 200.0), "threads": 1}])
def test_threads_and_splits_change_no_bit(whole, options):
    for one, other in zip(everything(*whole), everything(*simulate(**options)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_state_holds_what_a_synapse_has_spent(whole):
    first, _ = simulate((531.7,), threads=1)
    saved = first.state()
    for threads in (1, 2):
        sim = Simulation(network(), precision="float64", max_rate=1e5, threads=threads)
        sim.load_state(saved)
        result = sim.run(N_TICKS / 10 - 531.7, Record(traces={"v": Trace(sim.network["soma"], "v")}))
        np.testing.assert_array_equal(result.traces["v"][0], whole[1][0].traces["soma"][0, 5317:])
        np.testing.assert_array_equal(sim.synapses("both").weight, whole[0].synapses("both").weight)


def test_weights_set_and_seen_are_absolute_efficacies(whole):
    snapshots = whole[1][0].weights
    np.testing.assert_array_equal(snapshots["depresses"].values, np.full((13, 1), 250.0))
    assert (np.ptp(snapshots["both"].values, axis=0) > 0).sum() > 12
    np.testing.assert_array_equal(snapshots["both"].values[-1], whole[0].synapses("both").weight)
    net = network()
    sim = Simulation(net, precision="float64", max_rate=1e5)
    sim.set_weights("depresses", np.array([500.0]))
    v = sim.run(300.0, Record(traces={"v": Trace(net["soma"], "v")})).traces["v"][0]
    np.testing.assert_allclose(v[:, 0], 2.0 * whole[1][0].traces["soma"][0, :3000, 0], rtol=1e-12)
    sim.reset()  # nothing spent any more
    again = sim.run(300.0, Record(traces={"v": Trace(net["soma"], "v")})).traces["v"][0]
    np.testing.assert_array_equal(v, again)


def test_memory_is_a_target_and_a_weight_of_its_own(whole):
    n, n_bytes = footprint(whole[0].network, precision="float64")
    assert n == whole[0].n_synapses == 32
    assert n_bytes == pytest.approx(whole[0].synapse_bytes, rel=0.1)
    pre, post = Population("pre", 100, LIF()), Population("post", 100, LIF())
    for short_term, own in ((TsodyksMarkram(), 4), (None, 0)):
        net = Network(
            pre,
            post,
            Projection(pre, post, FromCOO([*range(100)] * 50, [*range(100)] * 50), short_term=short_term),
        )
        plain = footprint(net)[1]
        assert plain == pytest.approx(5000 * (2 + own) + 100 * (12 + 8 * bool(own)) + 200 * 8, rel=0.01)


def learning_in_trials(short_term):
    """Three inputs onto one cell, all to all, under a modulator that the label raises; another input makes it fire."""
    inputs = SpikeTrain("inputs", 4, np.zeros(0), np.zeros(0, int))
    cell = Population("cell", 1, LIF(v_thresh=1e6, v_reset=0.0, tau_m=1e-3, t_ref=0.0), update="stepped")
    source = Expected("label", one_hot(1), scale=1.0, beta=0.5)
    dopamine = Modulator("dopamine", 1, baseline=0.5, source=source)
    rule = DopamineSTDP(dopamine, D1D2(), tau_plus=8.0, tau_e=60.0, a_plus=0.5, a_minus=0.0)
    learn = Projection(
        inputs, cell, AllToAll(), np.array([[1.0], [1.5], [0.5], [0.0]]), 1.0, plasticity=rule, short_term=short_term,
        name="learn",
    )  # fmt: skip
    still = Projection(
        inputs, cell, FromCOO([0], [0]), 10.0, 2.0, short_term=TsodyksMarkram(0.5, 300.0), name="still"
    )
    return Network(inputs, cell, learn, still, Projection(inputs, cell, FromCOO([3], [0]), 1e8, 1.0))


TICKS, SHOWN = 40, {0: (1, 5, 9), 1: (3, 20), 2: (), 3: (12, 25)}


def shown(n):
    one = sorted((t, k) for k, ticks in SHOWN.items() for t in ticks)
    tick, channel = np.array(one * n).T
    return SimpleNamespace(
        trial=np.repeat(np.arange(n), len(one)),
        tick=tick,
        channel=channel,
        n_trials=n,
        n_ticks=TICKS,
        n_channels=4,
    )


def test_dense_synapses_that_also_release_do_not_wait_for_the_trial_s_end():
    for short_term, waits in ((None, True), (TsodyksMarkram(), False)):
        projection = learning_in_trials(short_term)["learn"]
        assert learns_in_trials(projection, delay_of(projection, 1.0)) is waits


def test_each_trial_begins_with_all_resources():
    short_term = TsodyksMarkram(0.4, 200.0, 50.0)
    net = learning_in_trials(short_term)
    outcomes = []
    for threads in (1, 2):
        sim = Simulation(net, dt=1.0, precision="float64", threads=threads, max_rate=1e5)
        record = Record(traces={"v": Trace(net["cell"], "v")})
        v = sim.present(shown(3), record=record).record.traces["v"].reshape(3, TICKS)
        np.testing.assert_array_equal(v[0], v[1])
        np.testing.assert_array_equal(v[0], v[2])
        arrivals = np.array(SHOWN[0]) + 1  # after the delay
        own, still = released(short_term, SHOWN[0]), 10.0 * released(TsodyksMarkram(0.5, 300.0), SHOWN[0])
        expected = np.zeros(TICKS)
        expected[arrivals] += own
        expected[arrivals + 1] += still
        expected[np.array(SHOWN[1]) + 1] += 1.5 * released(short_term, SHOWN[1])
        np.testing.assert_allclose(v[0], expected, rtol=1e-9, atol=1e-12)
        sim.present(shown(2), np.zeros(2, int), readout="cell", n_classes=1, learning=1.0)
        outcomes.append(sim.synapses("learn").weight)
    np.testing.assert_array_equal(*outcomes)
    for k in range(4):  # eligibility of a trial's pairs at its end, twice; the gain is 1, the pulse 1 ms
        arrivals = np.array(SHOWN[k]) + 1
        pairs = [
            math.exp((t - s) / 8.0 + (s - TICKS + 1) / 60.0) for s in (13, 26) for t in arrivals if t <= s
        ]
        assert outcomes[0][k] == pytest.approx((1.0, 1.5, 0.5, 0.0)[k] + 2 * 0.5 * sum(pairs), rel=1e-9)
    assert outcomes[0][0] > 2.0


FILE = """
[simulation]
duration = 100.0
[populations.p]
size = 20
model = { type = "LIF" }
[[projections]]
pre = "p"
post = "p"
name = "depresses"
rule = { type = "AllToAll" }
weight = 0.5
short_term = { type = "TsodyksMarkram", U = 0.5, tau_rec = 800.0 }
[[projections]]
pre = "p"
post = "p"
name = "both"
rule = { type = "FixedIndegree", k = 5 }
weight = 0.5
plasticity = { type = "STDP", w_max = 2.0 }
short_term = { type = "TsodyksMarkram", tau_fac = 20.0 }
"""


def test_a_network_file_says_the_same(tegmentum, tmp_path):
    path = tmp_path / "network.toml"
    path.write_text(FILE, encoding="utf-8")
    net, p = network_of(read(path)), Population("p", 20, LIF())
    same = Network(
        p,
        Projection(p, p, AllToAll(), 0.5, name="depresses", short_term=TsodyksMarkram(0.5, 800.0)),
        Projection(
            p,
            p,
            FixedIndegree(5),
            0.5,
            plasticity=STDP(w_max=2.0),
            name="both",
            short_term=TsodyksMarkram(tau_fac=20.0),
        ),
    )
    assert described(net, exact=True) == described(same, exact=True)
    assert described(net)["projections"]["depresses"]["short_term"]["tau_rec"] == 800.0
    assert "500 synapses in" in tegmentum("config", "check", path).out
    for change, message in (
        (("U = 0.5", "U = 0.0"), "projections.0.short_term.U: input should be greater than 0, got 0.0"),
        (
            ("tau_rec", "tau_rek"),
            "projections.0.short_term.tau_rek: there is no such key; did you mean 'tau_rec'?",
        ),
        (('"TsodyksMarkram", U', '"STDP", U'), "projections.0.short_term: there is no type 'STDP'"),
        (("tau_fac = 20.0", "tau_psc = 900.0"), "TsodyksMarkram: tau_psc must be < tau_rec, 800 ms, got 900"),
    ):
        path.write_text(FILE.replace(*change, 1), encoding="utf-8")
        outcome = tegmentum("config", "check", path)
        assert outcome.code != 0
        assert message in outcome.err


def test_a_network_tells_its_short_term_plasticity(whole):
    net = whole[0].network
    rows = {line.split()[0]: line.split()[-1] for line in repr(net).splitlines() if line.startswith("  ")}
    assert rows["depresses"] == "TsodyksMarkram"
    assert "STDP + TsodyksMarkram" in repr(net)
    assert "<td>STDP + TsodyksMarkram</td>" in net._repr_html_()
    assert "Static" not in repr(net) + net._repr_html_()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"U": 0.0}, "TsodyksMarkram: U must be > 0 and <= 1, got 0.0"),
        ({"U": 1.5}, "TsodyksMarkram: U must be > 0 and <= 1, got 1.5"),
        ({"tau_rec": 0.0}, "TsodyksMarkram: tau_rec must be > 0 ms, got 0.0"),
        ({"tau_fac": -1.0}, "TsodyksMarkram: tau_fac must be >= 0 ms, got -1.0"),
        ({"tau_psc": 800.0}, "TsodyksMarkram: tau_psc must be < tau_rec, 800 ms, got 800"),
        ({"tau_fac": float("nan")}, "TsodyksMarkram: tau_fac must be >= 0 ms and finite, got nan"),
    ],
)
def test_parameters_out_of_range(wrong, message):
    p = Population("p", 1, LIF())
    with pytest.raises(DescriptionError) as error:
        Projection(p, p, AllToAll(), short_term=TsodyksMarkram(**wrong))
    assert message in str(error.value)


def test_what_cannot_be():
    p = Population("p", 200, LIF(), update="lazy")
    with pytest.raises(DescriptionError, match="short_term must be a rule such as TsodyksMarkram"):
        Projection(p, p, AllToAll(), short_term=STDP())
    net = Network(p, Projection(p, p, AllToAll(), short_term=TsodyksMarkram()))
    with pytest.raises(DescriptionError, match="update cannot be lazy, as synapses onto it are plastic"):
        Simulation(net)
    q = Population("q", 2, LIF())
    with pytest.raises(DescriptionError, match="n_trials must be 1 where synapses are plastic"):
        Simulation(Network(q, Projection(q, q, AllToAll(), short_term=TsodyksMarkram())), n_trials=2)
    steep = Network(q, Projection(q, q, AllToAll(), short_term=TsodyksMarkram(tau_rec=1e9)))
    with pytest.raises(DescriptionError, match="time constants must be below"):
        Simulation(steep)
