"""Expectation-gated decorrelating columns: kernels against slow loops, read-out against its closed form."""

import numpy as np
import pytest

from tegmentum.datasets import load
from tegmentum.plasticity.continual.run import HONEST, ClassSplit, ContinualData, class_order, run_continual
from tegmentum.plasticity.egdc.columns import ColumnParameters, Columns
from tegmentum.plasticity.egdc.decorrelation import DecorrelatingReadOut
from tegmentum.plasticity.egdc.egdc import EGDC, EGDCParameters
from tegmentum.plasticity.modulation.expectation import OneHotExpectation
from tegmentum.plasticity.modulation.neuromodulator import Dopamine
from tegmentum.plasticity.modulation.receptor import D1
from tegmentum.simcore.encode import bernoulli
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.random.philox import STREAM_ENCODE_TEST

SMALL = ColumnParameters(n_features=16, size=3, pool=3, n_ticks=7)


def images(n, shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, int(np.prod(shape)))).astype(np.uint8)


def slow_response(columns, x):
    """The equations of the kernel's text, one neuron and tick at a time."""
    p, g = columns.p, columns.geometry
    events = bernoulli(x, 255, p.n_ticks, columns.seed, stream=STREAM_ENCODE_TEST)
    spikes = np.zeros((len(x), p.n_ticks, columns.n_channels))
    spikes[events.trial, events.tick, events.channel] = 1
    spikes = spikes.reshape(len(x), p.n_ticks, -1, g.width, g.channels)
    out = np.zeros((len(x), columns.pool.max() + 1, p.n_features))
    for b in range(len(x)):
        for at in range(g.rows * g.columns):
            y0, x0 = divmod(at, g.columns)
            v = np.zeros(p.n_features)
            for t in range(p.n_ticks):
                patch = spikes[b, t, y0 : y0 + p.size, x0 : x0 + p.size].ravel()
                v += patch @ columns.fields.astype(float) - p.theta * np.sqrt(patch.sum() + 0.1)
                fired = v > p.quantum
                v -= p.quantum * fired
                out[b, columns.pool[at]] += fired
    return out.reshape(len(x), -1)


class TestColumns:
    @pytest.mark.parametrize("shape", [(8, 7), (6, 6, 2)])
    def test_equals_the_slow_loop(self, shape):
        columns = Columns(shape, SMALL, seed=3, threads=1)
        columns._set(np.round(columns._by_feature * 64) / 64)  # dyadic: sums do not round
        columns.inhibition = (np.round(columns.inhibition * 64) / 64).astype(np.float32)
        x = images(5, shape)
        x[0] = 255  # every pixel certain, none, and one half
        x[1] = 0
        expected = []
        real_sqrt = columns.inhibition.astype(float)
        p = columns.p
        for one in x:
            expected.append(slow_dyadic(columns, one[None], real_sqrt, p))
        np.testing.assert_array_equal(columns.respond(x, 255)[0], np.concatenate(expected))
        assert columns.respond(x, 255)[0].sum() > 0

    def test_response_is_close_to_the_equations(self):
        columns = Columns((8, 7), SMALL, seed=3, threads=1)
        x = images(6, (8, 7))
        response = columns.respond(x, 255)[0]
        assert np.abs(response - slow_response(columns, x)).sum() <= 0.001 * response.sum()

    def test_threads_and_company_change_nothing(self):
        x = images(150, (8, 7))
        alone = Columns((8, 7), SMALL, seed=1, threads=1)
        together = Columns((8, 7), SMALL, seed=1, threads=3)
        assert alone.learn(x[:40], 255) == together.learn(x[:40], 255)
        np.testing.assert_array_equal(alone.fields, together.fields)
        expected = together.respond(x, 255)[0]
        order = np.random.default_rng(0).permutation(len(x))
        np.testing.assert_array_equal(alone.respond(x[order], 255)[0], expected[order])
        np.testing.assert_array_equal(alone.respond(x[7:8], 255)[0], expected[7:8])

    def test_competition_finds_the_patterns_there_are(self):
        bars = np.zeros((60, 9, 9), np.uint8)
        for k, image in enumerate(bars):
            image[k % 9 if k < 30 else slice(None), slice(None) if k < 30 else k % 9] = 255
        columns = Columns((9, 9), ColumnParameters(n_features=16, size=3, vigilance=0.9), seed=0, threads=1)
        assert columns.learn(bars.reshape(60, -1), 255) > 100
        assert (
            columns.n_recruited == 6
        )  # three places of a horizontal bar in a 3 x 3 patch, three of a vertical one
        np.testing.assert_allclose(np.linalg.norm(columns.fields[:, :6], axis=0), 1.0, rtol=1e-6)

    @pytest.mark.parametrize(
        "options", [{"n_features": 8}, {"size": 0}, {"theta": 0.0}, {"quantum": -1.0}, {"n_ticks": 0}]
    )
    def test_bad_parameters(self, options):
        with pytest.raises(DescriptionError, match=f"ColumnParameters: {next(iter(options))}"):
            ColumnParameters(**options)

    def test_field_larger_than_the_image(self):
        with pytest.raises(DescriptionError, match="size must be <= the image's 4"):
            Columns((4, 9), ColumnParameters(), 0, 1)


def slow_dyadic(columns, x, inhibition, p):
    """The slow loop with the inhibition taken from a table."""
    g = columns.geometry
    events = bernoulli(x, 255, p.n_ticks, columns.seed, stream=STREAM_ENCODE_TEST)
    spikes = np.zeros((p.n_ticks, columns.n_channels))
    spikes[events.tick, events.channel] = 1
    spikes = spikes.reshape(p.n_ticks, -1, g.width, g.channels)
    out = np.zeros((columns.pool.max() + 1, p.n_features))
    for at in range(g.rows * g.columns):
        y0, x0 = divmod(at, g.columns)
        if not x.reshape(-1, g.width, g.channels)[y0 : y0 + p.size, x0 : x0 + p.size].any():
            continue
        v = np.zeros(p.n_features)
        for t in range(p.n_ticks):
            patch = spikes[t, y0 : y0 + p.size, x0 : x0 + p.size].ravel()
            v += patch @ columns.fields.astype(float) - inhibition[int(patch.sum())]
            fired = v > p.quantum
            v -= p.quantum * fired
            out[columns.pool[at]] += fired
    return out.reshape(1, -1)


class TestReadOut:
    def data(self, n=400, d=12, n_classes=3):
        rng = np.random.default_rng(1)
        y = rng.integers(0, n_classes, n)
        x = rng.poisson(3 + 2 * rng.random((n_classes, d))[y]).astype(np.float32)
        return x, y, np.eye(n_classes)[y]

    def test_equals_linear_discriminant_analysis(self):
        x, y, gain = self.data()
        read_out = DecorrelatingReadOut(12, 3)
        read_out.learn(x, gain)
        read_out.settle()
        mean = np.stack([x[y == k].mean(axis=0, dtype=float) for k in range(3)])
        within = (x - mean[y]).T @ (x - mean[y]) / len(x)
        p, n, trace, square = 12, len(x), np.trace(within), (within**2).sum()
        rho = ((1 - 2 / p) * square + trace**2) / ((n + 1 - 2 / p) * (square - trace**2 / p))
        w = np.linalg.solve((1 - rho) * within + rho * trace / p * np.eye(p), mean.T).T * (trace / p)
        np.testing.assert_allclose(read_out.read_out, w, rtol=1e-9)
        np.testing.assert_allclose(read_out.potentials(x), x @ w.T - 0.5 * (w * mean).sum(axis=1), rtol=1e-7)

    def test_order_and_grouping_change_no_bit(self):
        x, y, gain = self.data()
        one, other = DecorrelatingReadOut(12, 3), DecorrelatingReadOut(12, 3)
        one.learn(x, gain)
        for k in (2, 0, 1):
            for part in np.array_split(np.flatnonzero(y == k), 7):
                other.learn(x[part], gain[part])
        np.testing.assert_array_equal(one.products, other.products)
        np.testing.assert_array_equal(one.total, other.total)

    def test_large_counts_are_summed_exactly(self):
        x = np.full((3000, 2), 250, np.float32)
        read_out = DecorrelatingReadOut(2, 2)
        read_out.learn(x, np.tile([1.0, 0.0], (3000, 1)))
        np.testing.assert_array_equal(read_out.products, np.full((2, 2), 3000 * 62500.0))

    def test_a_class_never_expected_is_never_predicted(self):
        x, _, _ = self.data()
        read_out = DecorrelatingReadOut(12, 3)
        read_out.learn(x, np.tile([1.0, 0.0, 0.0], (len(x), 1)))
        read_out.settle()
        assert set(read_out.potentials(x).argmax(axis=1)) == {0}


def test_dopamine_opens_the_expected_subpopulation_alone():
    levels = Dopamine(OneHotExpectation(4), table="identity").levels(4, seed=0)
    np.testing.assert_array_equal(D1().gain(levels), np.eye(4))
    with pytest.raises(DescriptionError, match="an identity table needs 4 subpopulations, got 5"):
        Dopamine(OneHotExpectation(4), table="identity").levels(5, seed=0)


class TestContinual:
    columns = ColumnParameters(n_features=32, size=3, pool=3)

    def run(self, seed=0, limit=60, **switches):
        data = load("digits")
        model = EGDC(data.shape, 10, EGDCParameters(self.columns, 60, **switches), seed=seed, threads=2)
        arrays = ContinualData(data.x_train, data.y_train, data.x_test, data.y_test, data.x_max)
        return (
            model,
            run_continual(model, ClassSplit(class_order(10, seed), limit_train=limit), arrays, HONEST),
            data,
        )

    def test_learns_the_digits_class_by_class(self):
        _, result, _ = self.run()
        assert result.matrix.average_accuracy() > 0.9  # nearest class mean on pixels: 0.87
        assert result.matrix.forgetting() < 0.08
        assert not result.leak

    def test_every_part_is_needed(self):
        full = self.run()[1].matrix.average_accuracy()
        assert self.run(gated=False)[1].matrix.average_accuracy() < 0.2
        assert self.run(lateral=False)[1].matrix.average_accuracy() < full - 0.02
        assert self.run(ever_surprised=True)[1].matrix.average_accuracy() < full - 0.05

    def test_predictions_do_not_depend_on_the_batch(self):
        model, _, data = self.run()
        together = model.predict(data.x_test, data.x_max)
        order = np.random.default_rng(0).permutation(len(together))
        np.testing.assert_array_equal(model.predict(data.x_test[order], data.x_max), together[order])
        for k in range(0, 40, 7):
            assert model.predict(data.x_test[k : k + 1], data.x_max)[0] == together[k]
        assert len(model.predict(data.x_test[:0], data.x_max)) == 0
