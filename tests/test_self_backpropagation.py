"""Self-backpropagation against the published equations, neuron by neuron, and what it must keep to."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tegmentum.datasets import load, load_nettalk
from tegmentum.plasticity import Propagation, SelfBackpropagation, SelfBackpropagationParameters
from tegmentum.simcore.errors import DataError, DescriptionError

pytestmark = pytest.mark.numbers

KINDS = ("spiking", "rbm")


def share(values):
    return [v / sum(values) for v in values] if sum(values) > 0 else values


def spread_slowly(changes, f, pre=1.0, post=0.5, back=1.0):
    """The table of propagation.py, synapse by synapse."""
    out, onwards = [], None
    for change in reversed(changes):
        n, m = change.shape
        up = [[max(change[i, j], 0.0) for j in range(m)] for i in range(n)]
        down = [[min(change[i, j], 0.0) for j in range(m)] for i in range(n)]
        row_up = share([sum(up[i]) for i in range(n)])
        row_down = share([-sum(down[i]) for i in range(n)])
        col_down = share([-sum(down[i][j] for i in range(n)) for j in range(m)])
        result = np.zeros((n, m))
        for i in range(n):
            for j in range(m):
                ups = [(1 + pre * f * row_up[i]) * up[i][j]]
                downs = [(1 + pre * f * row_down[i]) * down[i][j], (1 + post * f * col_down[j]) * down[i][j]]
                if onwards is not None:
                    ups.append((1 + back * f * onwards[0][j]) * up[i][j])
                    downs.append((1 + back * f * onwards[1][j]) * down[i][j])
                result[i, j] = sum(ups) / len(ups) + sum(downs) / len(downs)
        scaled = [[(1 + pre * f * row_up[i]) * up[i][j] for j in range(m)] for i in range(n)]
        lowered = [[(1 + pre * f * row_down[i]) * -down[i][j] for j in range(m)] for i in range(n)]
        onwards = share([sum(row) for row in scaled]), share([sum(row) for row in lowered])
        out.append(result)
    return out[::-1]


def network(kind="spiking", seed=0, **options):
    return SelfBackpropagation(SelfBackpropagationParameters((6, 5, 3), kind, **options), seed)


def batch(n=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n, 6)), np.eye(3)[rng.integers(0, 3, n)]


@pytest.mark.parametrize("f", [0.0, 0.2, 5.0])
def test_changes_spread_as_published(f):
    rng = np.random.default_rng(1)
    changes = [rng.normal(size=(6, 5)), rng.normal(size=(5, 3))]
    for found, slow in zip(Propagation(f).spread(changes, rng), spread_slowly(changes, f), strict=True):
        assert np.allclose(found, slow, rtol=1e-12)


def test_the_published_strength_is_a_gain_of_four_in_ten_thousand():
    rng = np.random.default_rng(2)
    gain = Propagation(0.2).gain(1.0, rng.random(500), rng)
    assert gain.mean() == pytest.approx(1.0004)
    assert gain.max() < 1.001
    strong = Propagation(500.0).gain(1.0, rng.random(500), rng)
    assert strong.mean() == pytest.approx(2.0)
    uniform = Propagation(500.0, control="uniform").gain(1.0, rng.random(500), rng)
    assert np.allclose(uniform, 2.0)
    shuffled = Propagation(500.0, control="shuffled").gain(1.0, np.arange(500.0), rng)
    assert not np.array_equal(shuffled, np.sort(shuffled))
    assert np.allclose(np.sort(shuffled), Propagation(500.0).gain(1.0, np.arange(500.0), rng))


def test_a_matched_learning_rate_changes_as_much_in_the_direction_of_each_layers_rule():
    rng = np.random.default_rng(3)
    changes = [rng.normal(size=(6, 5)), rng.normal(size=(5, 3))]
    spread = Propagation(5.0).spread(changes, rng)
    for matched, change, other in zip(
        Propagation(5.0, control="matched").spread(changes, rng), changes, spread, strict=True
    ):
        assert abs(matched).sum() == pytest.approx(abs(other).sum())
        assert np.allclose(matched / change, (matched / change)[0, 0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("base", ["post", "symmetric"])
def test_one_batch_is_the_equations(kind, base):
    """Free and clamped phases and both rules, sample by sample."""
    net, (x, target) = network(kind, base=base, propagation=Propagation(0.0)), batch()
    w, b, p = [a.copy() for a in net.weights], [a.copy() for a in net.biases], net.parameters
    changes, lifts = [np.zeros_like(a) for a in w], [np.zeros_like(a) for a in b]

    def act(v, last):
        if kind == "rbm":
            return np.clip(v, 0, 1)
        return max(v, 0.0) if last else np.tanh(v / 2)

    def relaxed(x, hidden, out, t):
        new_hidden = [
            act(h - p.epsilon * (h - x @ w[0][:, j] - w[1][j] @ out - b[0][j]), False)
            for j, h in enumerate(hidden)
        ]
        new_out = [
            act(
                o
                - p.epsilon * (o - hidden @ w[1][:, k] - b[1][k] + (0 if t is None else p.beta * (o - t[k]))),
                True,
            )
            for k, o in enumerate(out)
        ]
        return np.array(new_hidden), np.array(new_out)

    for xs, ts in zip(x, target, strict=True):
        if kind == "rbm":
            hidden, out = np.full(5, 0.5), np.full(3, 0.5)
        else:
            hidden, out = np.zeros(5), np.zeros(3)
            v, g = [np.zeros(5), np.zeros(3)], [np.zeros(5), np.zeros(3)]
            for step in range(1, 101):
                inputs = xs
                for k in range(2):
                    g[k] = g[k] + 0.1 / 2 * (-g[k] + 5 + np.tanh((inputs @ w[k] + b[k]) / 2))
                    v[k] = v[k] + 0.1 / 10 * (-v[k] - g[k] / 5 * (v[k] - 0.2))
                    v[k][v[k] > 0.05] = -0.1
                    v[k] = step / 100 * v[k]
                    inputs = np.tanh(v[k] / 2)
                    hidden, out = (inputs, out) if k == 0 else (hidden, inputs)
        for _ in range(p.free):
            hidden, out = relaxed(xs, hidden, out, None)
        free = hidden, out
        for _ in range(p.clamped):
            hidden, out = relaxed(xs, hidden, out, ts)
        for k, (f, c) in enumerate(zip(free, (hidden, out), strict=True)):
            before_f, before_c = (xs, xs) if k == 0 else (free[0], hidden)
            if base == "post":
                changes[k] += np.outer(before_f, c - f) / p.beta / len(x)
            else:
                changes[k] += (np.outer(before_c, c) - np.outer(before_f, f)) / p.beta / len(x)
            lifts[k] += (c - f) / p.beta / len(x)
    net.learn(x, target)
    for k in range(2):
        assert np.allclose(net.weights[k], w[k] + p.lr[k] * changes[k], rtol=1e-10)
        assert np.allclose(net.biases[k], b[k] + p.lr[k] * lifts[k], rtol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_do_not_depend_on_the_batch(kind):
    net = network(kind)
    for k in range(3):
        net.learn(*batch(seed=k))
    x, _ = batch(64, seed=9)
    together = net.predict(x)
    order = np.random.default_rng(0).permutation(64)
    assert np.allclose(net.predict(x[order]), together[order], rtol=1e-12, atol=1e-14)
    assert np.allclose(
        np.concatenate([net.predict(x[k : k + 1]) for k in range(64)]), together, rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("kind", KINDS)
def test_one_seed_one_result_also_across_states(kind):
    def learn(net, first, last):
        for k in range(first, last):
            net.learn(*batch(seed=k))
        return net

    options = {"propagation": Propagation(5.0, control="shuffled")}
    whole = learn(network(kind, 3, **options), 0, 8)
    first, second = learn(network(kind, 3, **options), 0, 4), network(kind, 3, **options)
    second.load_state(first.state())
    for name, values in learn(second, 4, 8).state().items():
        assert np.array_equal(values, whole.state()[name]), name
    other = learn(network(kind, 4, **options), 0, 8)
    assert not np.array_equal(other.weights[0], whole.weights[0])


def test_it_learns_the_digits():
    digits = load("digits")
    x, y = digits.x_train / digits.x_max, np.eye(10)[digits.y_train]
    net = SelfBackpropagation(SelfBackpropagationParameters((64, 100, 10)), seed=0)
    for epoch in range(3):
        order = np.random.default_rng(epoch).permutation(len(x))
        for at in range(0, len(x), 20):
            net.learn(x[order[at : at + 20]], y[order[at : at + 20]])
    right = net.predict(digits.x_test / digits.x_max).argmax(axis=1) == digits.y_test
    assert right.mean() > 0.85


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Propagation(-1.0), "fraction must be >= 0"),
        (lambda: Propagation(control="random"), "control must be one of"),
        (lambda: SelfBackpropagationParameters((4, 3)), "sizes must be three layers"),
        (lambda: SelfBackpropagationParameters((4, 3, 2), lr=(0.1,)), "lr must have a value"),
        (lambda: SelfBackpropagationParameters((4, 3, 2), kind="tanh"), "kind must be one of"),
        (lambda: SelfBackpropagationParameters((4, 3, 2), beta=0.0), "beta must be > 0"),
    ],
)
def test_wrong_descriptions_are_refused(make, message):
    with pytest.raises(DescriptionError, match=message):
        make()


def test_wrong_data_are_refused():
    net = network()
    with pytest.raises(DataError, match=r"x: must have shape \(n, 6\)"):
        net.predict(np.zeros((2, 5)))
    with pytest.raises(DataError, match="finite"):
        net.predict(np.full((2, 6), np.nan))
    with pytest.raises(DataError, match="a row for each of 4 samples"):
        net.learn(batch()[0], batch()[1][:3])


LINES = "a header\n----\n\nable\tebL-\t1<0<\t0\ngunpowder\tg^npW-d-R\t0\t\ncat\tk@t\t>1<\t0\n"


def test_nettalk_is_letters_in_windows(tmp_path):
    (tmp_path / "nettalk.data").write_text(LINES)
    data = load_nettalk(tmp_path)
    assert data.words == ("able", "cat")
    assert data.x.shape == (7, 189)
    assert (data.x.sum(axis=1) == 7).all()
    window = data.x[1].reshape(7, 27).argmax(axis=1)  # the b of able
    assert window.tolist() == [26, 26, 0, 1, 11, 4, 26]
    assert [data.phonemes[p] for p in data.phoneme] == list("ebL-k@t")
    assert [("<>012")[s] for s in data.stress] == list("1<0<>1<")
    assert (data.targets().sum(axis=1) == 2).all()
    learned, held = data.split(1)
    assert len(set(data.word[held])) == 1
    assert not (learned & held).any()


def test_nettalk_that_is_none_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        load_nettalk(tmp_path)
    (tmp_path / "nettalk.data").write_text("able\tebL\t1<0<\t0\n")
    with pytest.raises(DataError, match="line 1: no word"):
        load_nettalk(tmp_path)


def test_the_whole_of_nettalk():
    folder = Path(os.environ.get("TEGMENTUM_DATA", "")) / "nettalk"
    if not (folder / "nettalk.data").exists():
        pytest.skip("nettalk.data is absent: set TEGMENTUM_DATA to a folder that holds it in nettalk")
    found = load_nettalk(folder)
    assert len(found.words) == 20_007
    assert len(found.x) == 146_943 - len("gunpowder")
    assert len(found.phonemes) == 51
