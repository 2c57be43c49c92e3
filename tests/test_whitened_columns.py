"""EGDC on whitened patches: kernels against the equations, whitening against its definition, exactness, bad input."""

import functools
from dataclasses import replace

import numpy as np
import pytest

from tegmentum.datasets import load
from tegmentum.plasticity.continual.run import HONEST, ClassSplit, ContinualData, class_order, run_continual
from tegmentum.plasticity.continual.summed_ticks import longest, summed
from tegmentum.plasticity.egdc.answers import KeptAnswers
from tegmentum.plasticity.egdc.columns import ColumnParameters
from tegmentum.plasticity.egdc.decorrelation import DecorrelatingReadOut
from tegmentum.plasticity.egdc.egdc import EGDC, EGDCParameters
from tegmentum.plasticity.egdc.settling import relax
from tegmentum.plasticity.egdc.whitened import WhitenedColumns, WhitenedParameters
from tegmentum.plasticity.egdc.whitening import UNIT, PatchGeometry, drawn_patches, kernels, zca
from tegmentum.plasticity.registry import Setting, continual_rule, make_model
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.random import philox as rng

SMALL = WhitenedParameters(n_features=12, size=3, pools=2)
SPIKES = WhitenedParameters(n_features=12, size=3, pools=2, n_ticks=20, quantum=0.5, mirrored=True)


def images(n, shape, seed=0):
    """Noise with some structure: neighbours are alike, one image is blank and one white."""
    x = np.random.default_rng(seed).integers(0, 256, (n, *shape)).astype(float)
    x = (x + np.roll(x, 1, axis=1) + np.roll(x, 1, axis=2)) / 3
    x[0], x[1] = 0, 255
    return x.astype(np.uint8).reshape(n, -1)


def patch(image, y, x, size, contrast=10.0):
    """Normalised patch of an image (height, width, channels), by the equation."""
    p = image[y : y + size, x : x + size].astype(float).ravel()
    return (p - p.mean()) / np.sqrt(p.var() + contrast)


def learned(shape, parameters=SMALL, threads=1, seed=3, n=40):
    columns = WhitenedColumns(shape, parameters, seed, threads)
    assert columns.learn(images(n, shape, 5), 255) >= parameters.n_features
    return columns


class TestWhitening:
    def test_equals_its_definition(self):
        geometry = PatchGeometry.of((9, 8, 2), 3)
        patches = drawn_patches(
            images(50, (9, 8, 2)), 255, geometry, 10.0, np.random.default_rng(1).random((50, 9))
        )
        mean, matrix = zca(patches, geometry, 0.1, mirrored=False)
        covariance = np.cov(patches.T / UNIT, bias=True)
        np.testing.assert_allclose(mean, patches.mean(axis=0) / UNIT, atol=1e-12)
        np.testing.assert_allclose(matrix @ matrix @ (covariance + 0.1 * np.eye(18)), np.eye(18), atol=1e-9)
        np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)

    def test_of_mirror_images_too_it_is_symmetric(self):
        geometry = PatchGeometry.of((9, 8, 2), 3)
        patches = drawn_patches(
            images(50, (9, 8, 2)), 255, geometry, 10.0, np.random.default_rng(1).random((50, 9))
        )
        twin = geometry.mirror()
        mean, matrix = zca(patches, geometry, 0.1, mirrored=True)
        other = zca(np.concatenate([patches, patches[:, twin]]), geometry, 0.1, mirrored=False)
        np.testing.assert_allclose(mean, other[0], atol=1e-12)
        np.testing.assert_allclose(matrix, other[1], atol=1e-9)
        np.testing.assert_allclose(matrix[np.ix_(twin, twin)], matrix, atol=1e-9)

    def test_jacobi_diagonalises(self):
        a = np.random.default_rng(2).normal(size=(30, 30))
        a = a @ a.T
        diagonal, vectors = a.copy(), np.zeros_like(a)
        kernels().eigen(diagonal, vectors)
        np.testing.assert_allclose(np.sort(np.diag(diagonal)), np.linalg.eigvalsh(a), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose((vectors * np.diag(diagonal)) @ vectors.T, a, atol=1e-9)

    def test_patches_without_contrast_are_left_out(self):
        geometry = PatchGeometry.of((6, 6), 3)
        assert len(drawn_patches(np.full((4, 36), 200, np.uint8), 255, geometry, 10.0, np.zeros((4, 5)))) == 0


class TestWhitenedColumns:
    @pytest.mark.parametrize(("shape", "mirrored"), [((9, 8), False), ((8, 9, 2), True)])
    def test_response_is_close_to_the_equations(self, shape, mirrored):
        columns = learned(shape, WhitenedParameters(n_features=12, size=3, pools=2, mirrored=mirrored))
        p, x = columns.p, images(6, shape)
        weights = columns.fields.T.astype(float) / columns._unit
        shift = columns._offset / columns._unit / UNIT
        expected = np.zeros((6, 4, 12))
        for b, image in enumerate(x.reshape(6, *shape[:2], -1)):
            for twin in range(1 + mirrored):
                own = weights[12 * twin : 12 * twin + 12]
                answers = [[] for _ in range(4)]
                rows, across = shape[0] - 2, shape[1] - 2
                for y in range(rows):
                    for x0 in range(across):
                        seen_at = across - 1 - x0 if twin else x0
                        answers[y * 2 // rows * 2 + seen_at * 2 // across].append(
                            np.maximum(own @ patch(image, y, x0, 3) - shift, 0)
                        )
                expected[b] += np.sqrt([np.mean(a, axis=0) for a in answers]) * 64 / (1 + mirrored)
        found = columns.respond(x, 255)[0].reshape(6, 4, 12)
        np.testing.assert_allclose(found, expected, atol=1.5)
        assert (found == np.rint(found)).all()
        assert p.n_features * p.pools**2 == columns.n_outputs

    def test_pools_that_overlap_average_those_of_moved_images(self):
        """Images with a margin, within which they can be moved whole; the columns are asked once for it."""
        within = np.zeros((5, 11, 11), np.uint8)
        within[:, 4:7, 4:7] = images(5, (3, 3)).reshape(5, 3, 3)
        tiled = learned((11, 11))
        overlapping = WhitenedColumns((11, 11), replace(SMALL, overlap=1), 3, 1)
        overlapping.restore(tiled.arrays())
        moved = [
            tiled.respond(np.roll(within, move, (1, 2)).reshape(5, -1), 255)[0]
            for move in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
        ]
        found, events = overlapping.respond(within.reshape(5, -1), 255)
        np.testing.assert_array_equal(found, np.rint(np.mean(moved, axis=0)))
        assert (found != moved[0]).any()
        assert events == tiled.respond(within.reshape(5, -1), 255)[1]

    @pytest.mark.parametrize("overlap", [0, 1])
    def test_a_mirrored_image_is_answered_alike(self, overlap):
        """Of twins the answers are those to the image and to its mirror image, pool by pool."""
        x = images(5, (8, 9))
        both = learned((8, 9), WhitenedParameters(12, 3, pools=2, mirrored=True, overlap=overlap))
        turned = np.ascontiguousarray(x.reshape(5, 8, 9)[:, :, ::-1]).reshape(5, -1)
        np.testing.assert_array_equal(both.respond(x, 255)[0], both.respond(turned, 255)[0])

    def test_spikes_are_those_of_neurons_that_integrate(self):
        """A constant current for 20 ticks, tick by tick, in whole numbers."""
        columns, x = learned((9, 8), SPIKES), images(4, (9, 8))
        unit, q = columns._unit * UNIT, round(SPIKES.quantum * columns._unit * UNIT)
        expected = np.zeros((4, 4, 12))
        patches = np.zeros((columns.pool.shape[1], 9), np.float32)
        for b in range(4):
            kernels().patches_of(x[b], 1.0, columns.geometry, UNIT, 10.0, patches)
            current = patches.astype(int) @ columns.fields.astype(int) - np.tile(columns._offset, 2).astype(
                int
            )
            v, spikes = np.zeros_like(current), np.zeros_like(current)
            for _ in range(SPIKES.n_ticks):
                v += np.maximum(current, 0)
                spikes += v >= q
                v -= q * (v >= q)
            assert (spikes.max() == 20) == (
                b > 1
            )  # the first two have no contrast; strong currents fire in every tick
            for twin in range(2):
                own = spikes[:, 12 * twin : 12 * twin + 12]
                mean = [own[columns.pool[twin] == k].mean(axis=0) * SPIKES.quantum / 20 for k in range(4)]
                expected[b] += np.rint(np.sqrt(mean) * 64 / 2)
        np.testing.assert_array_equal(columns.respond(x, 255)[0].reshape(4, 4, 12), expected)
        assert unit > 2**14

    def test_sums_are_exact_in_any_order(self):
        """Every product of patch and field stays below 2**24, also of the patch that fits best."""
        columns = learned((9, 8))
        longest = np.abs(columns.fields.astype(float)).sum(axis=0).max() * np.sqrt(9) * UNIT
        assert np.sqrt(np.square(columns.fields.astype(float)).sum(axis=0)).max() * 3 * 1.01 * UNIT <= 2**23
        assert longest < 2**26  # no more than a few bits are given away
        patches = np.zeros((columns.pool.shape[1], 9), np.float32)
        kernels().patches_of(images(4, (9, 8))[2], 1.0, columns.geometry, UNIT, 10.0, patches)
        order = np.random.default_rng(0).permutation(9)
        exact = patches.astype(float) @ columns.fields.astype(float)
        np.testing.assert_array_equal(patches @ columns.fields, exact)
        np.testing.assert_array_equal(patches[:, order] @ columns.fields[order], exact)

    @pytest.mark.parametrize("parameters", [SMALL, replace(SPIKES, overlap=1)])
    def test_threads_company_and_restored_fields_change_no_bit(self, parameters):
        shape, x = (10, 10, 2), images(150, (10, 10, 2))
        alone, together = (WhitenedColumns(shape, parameters, 1, threads) for threads in (1, 3))
        assert alone.learn(x[:40], 255) == together.learn(x[:40], 255)
        np.testing.assert_array_equal(alone.fields, together.fields)
        expected, events = together.respond(x, 255)
        assert expected.any()
        order = np.random.default_rng(0).permutation(len(x))
        np.testing.assert_array_equal(alone.respond(x[order], 255)[0], expected[order])
        np.testing.assert_array_equal(alone.respond(x[7:8], 255)[0], expected[7:8])
        assert alone.respond(x[:70], 255)[1] + alone.respond(x[70:], 255)[1] == events
        fresh = WhitenedColumns(shape, parameters, 9, 1)
        fresh.restore({name: np.array(value) for name, value in together.arrays().items()})
        np.testing.assert_array_equal(fresh.respond(x[:9], 255)[0], expected[:9])

    def test_fields_are_whitened_patches_of_length_one(self):
        columns, x = learned((9, 8)), images(40, (9, 8), 5)
        draws = rng.uniform(1600, 3, rng.STREAM_TABLE, 1000).reshape(40, 40)
        patches = drawn_patches(x, 255, columns.geometry, 10.0, draws)
        mean, matrix = zca(patches, columns.geometry, 0.1, mirrored=False)
        fields = np.linalg.solve(matrix, columns.fields.astype(float) / columns._unit).T
        np.testing.assert_allclose(np.linalg.norm(fields, axis=1), 1.0, atol=1e-3)
        whitened = (patches / UNIT - mean) @ matrix
        whitened /= np.linalg.norm(whitened, axis=1, keepdims=True)
        assert (fields @ whitened.T).max(axis=1).min() > 1 - 1e-4

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"n_features": 0}, "n_features must be >= 1, got 0"),
            ({"size": 1}, "size must be >= 2, got 1"),
            ({"threshold": -0.1}, "threshold must be >= 0, got -0.1"),
            ({"threshold": float("nan")}, "threshold must be >= 0, got nan"),
            ({"contrast": 0.0}, "contrast must be > 0, got 0.0"),
            ({"n_ticks": -1}, "n_ticks must be >= 0, got -1"),
            ({"quantum": 0.0}, "quantum must be > 0, got 0.0"),
            ({"epsilon": -1.0}, "epsilon must be > 0, got -1.0"),
            ({"overlap": 2}, "overlap must be 0 or 1, got 2"),
        ],
    )
    def test_bad_parameters(self, options, message):
        with pytest.raises(DescriptionError, match=f"WhitenedParameters: {message}"):
            WhitenedParameters(**options)

    @pytest.mark.parametrize(
        ("shape", "options", "message"),
        [
            ((4, 9), {}, "size must be <= the image's 4, got 6"),
            ((9, 9), {"pools": 5}, "pools must be <= the 4 positions along a side, got 5"),
            ((9, 9), {"stride": 2, "pools": 2, "mirrored": True}, "stride must divide the 3 pixels"),
        ],
    )
    def test_bad_shapes(self, shape, options, message):
        with pytest.raises(DescriptionError, match=f"WhitenedColumns: .*{message}"):
            WhitenedColumns(shape, WhitenedParameters(**options), 0, 1)

    def test_more_fields_than_patches(self):
        columns = WhitenedColumns((9, 8), WhitenedParameters(n_features=50, size=3, n_patches=2), 0, 1)
        with pytest.raises(
            DescriptionError, match=r"n_features must be <= the \d+ patches with contrast in the 10"
        ):
            columns.learn(images(10, (9, 8)), 255)


def test_a_prior_is_samples_that_vary_alike():
    draw = np.random.default_rng(1)
    y = draw.integers(0, 3, 400)
    x = draw.poisson(3 + 2 * draw.random((3, 12))[y]).astype(np.float32)
    read_out = DecorrelatingReadOut(12, 3, prior=50.0)
    read_out.learn(x, np.eye(3)[y])
    read_out.settle()
    mean = np.stack([x[y == k].mean(axis=0, dtype=float) for k in range(3)])
    within = (x - mean[y]).T @ (x - mean[y]) / 400
    scale = np.trace(within) / 12
    w = np.linalg.solve(within + 50 / 400 * scale * np.eye(12), mean.T).T * scale
    np.testing.assert_allclose(read_out.read_out, w, rtol=1e-9)


class TestContinual:
    @staticmethod
    @functools.cache
    def run(columns, threads=2, critical_period=60):
        data = load("digits")
        parameters = EGDCParameters(columns, critical_period, prior=500.0)
        model = EGDC(data.shape, 10, parameters, seed=0, threads=threads)
        arrays = ContinualData(data.x_train, data.y_train, data.x_test, data.y_test, data.x_max)
        return (
            model,
            run_continual(model, ClassSplit(class_order(10, 0), limit_train=60), arrays, HONEST),
            data,
        )

    columns = WhitenedParameters(n_features=64, size=3)

    def test_learns_the_digits_class_by_class(self):
        _, result, _ = self.run(self.columns)
        assert result.matrix.average_accuracy() > 0.95  # spikes of columns: 0.92
        assert result.matrix.forgetting() < 0.05
        assert result.tasks[0].cost.synaptic_events > 0
        assert result.tasks[0].cost.samples_seen == 120  # the critical period is counted twice

    def test_predictions_do_not_depend_on_the_batch(self):
        """Each sample alone, among its own kind, and among blanks, whites and copies of itself."""
        model, _, data = self.run(self.columns)
        x, expected = data.x_test, model.predict(data.x_test, data.x_max)
        order = np.random.default_rng(0).permutation(len(expected))
        np.testing.assert_array_equal(model.predict(x[order], data.x_max), expected[order])
        for k in range(10):
            own = data.y_test == k
            np.testing.assert_array_equal(model.predict(x[own], data.x_max), expected[own])
        for k in range(0, 40, 7):
            among = [np.tile(x[k], (30, 1)), np.zeros((33, 64), np.uint8), np.full((5, 64), 16, np.uint8)]
            for batch in (x[k : k + 1], *(np.concatenate([other, x[k : k + 1]]) for other in among)):
                assert model.predict(batch, data.x_max)[-1] == expected[k]

    def test_threads_change_no_bit_of_what_is_learned(self):
        one, other = (self.run(self.columns, threads)[0].state() for threads in (1, 2))
        assert one.keys() == other.keys()
        for name, array in one.items():
            np.testing.assert_array_equal(array, other[name])

    def test_spikes_are_no_samples(self):
        with pytest.raises(DescriptionError, match=r"EGDC: .* need intensities, got spikes"):
            EGDC((8, 8), 10, EGDCParameters(SMALL), given=True)
        with pytest.raises(DescriptionError, match="EGDCParameters: prior must be > 0, or None, got 0"):
            EGDCParameters(SMALL, prior=0.0)


class TestKeptAnswers:
    def test_are_those_worked_out_again(self):
        asked = []

        def respond(x, x_max):
            asked.append(len(x))
            return np.add.outer(x.sum(axis=1), np.arange(3)).astype(np.float32) * x_max

        x = images(9, (4, 4))
        for most in (2**20, 3 * 22, 0):  # all, three, none
            asked.clear()
            answers = KeptAnswers(respond, most)
            for part in (x[:5], x, x[::-1], x[3:4], x[:0]):
                np.testing.assert_array_equal(answers(part, 2), respond(part, 2))
                asked.pop()
            assert asked == {2**20: [5, 4, 0, 0, 0], 66: [5, 6, 6, 1, 0], 0: [5, 9, 9, 1, 0]}[most]
            np.testing.assert_array_equal(answers(x, 3), respond(x, 3))
        answers.forget()
        assert len(answers(x, 2)) == 9

    def test_what_is_learned_or_restored_is_asked_anew(self):
        data = load("digits")
        models = [EGDC((8, 8), 10, EGDCParameters(SMALL), seed=seed) for seed in (0, 0, 1)]
        x, y = data.x_train[:300], data.y_train[:300]
        before = models[0].predict(data.x_test, 16)
        for model in models:
            model.learn_task(x, y, 16, tuple(range(10)))
        after = models[1].predict(data.x_test, 16)
        assert (before != after).any()
        np.testing.assert_array_equal(models[0].predict(data.x_test, 16), after)
        models[0].predict(data.x_test, 16)
        fresh = EGDC((8, 8), 10, EGDCParameters(SMALL), seed=0)
        fresh.predict(data.x_test, 16)
        fresh.load_state(models[0].state())
        np.testing.assert_array_equal(fresh.predict(data.x_test, 16), after)


class TestSettling:
    @staticmethod
    def system(n=40):
        draw = np.random.default_rng(3)
        a = draw.normal(size=(n, n))
        return a @ a.T / n + 0.05 * np.eye(n), draw.normal(size=(3, n))

    def test_settles_to_the_solution(self):
        a, drive = self.system()
        r, steps = relax(a, drive, tolerance=1e-10, most=20_000)
        assert 10 < steps < 20_000
        np.testing.assert_allclose(r, np.linalg.solve(a, drive.T).T, rtol=1e-7, atol=1e-8)
        assert np.abs(drive - r @ a).max() <= 1e-10 * np.abs(drive).max() * 1.01

    def test_never_grows_whatever_the_lateral_synapses(self):
        a, drive = self.system()
        for scale in (2.0**-20, 2.0**20):
            one, other = relax(scale * a, drive, most=500)[0] * scale, relax(a, drive, most=500)[0]
            np.testing.assert_array_equal(one, other)

    def test_classes_settle_alone_and_are_left_where_time_ends(self):
        a, drive = self.system()
        together, steps = relax(a, drive, most=7)
        assert steps == 7
        np.testing.assert_array_equal(relax(a, drive[1:2], most=7)[0][0], together[1])
        assert relax(a, np.zeros((2, 40)))[1] == 0

    def test_reads_out_as_the_solve_does(self):
        """Digits, class by class: settling in time is within 0.3 points of the solve, and its events are counted."""
        columns = ColumnParameters(n_features=32, size=3, pool=3)
        data = load("digits")
        arrays = ContinualData(data.x_train, data.y_train, data.x_test, data.y_test, data.x_max)
        split = ClassSplit(class_order(10, 0), 5)
        results = [
            run_continual(EGDC(data.shape, 10, EGDCParameters(columns, 60, settling=settling), seed=0), split, arrays,
                          HONEST)
            for settling in ("solve", "relax")
        ]  # fmt: skip
        solved, relaxed = (result.matrix.average_accuracy() for result in results)
        assert solved > 0.95
        assert abs(relaxed - solved) < 0.003
        costs = [result.tasks[0].cost.synaptic_events for result in results]
        assert costs[1] > 1.1 * costs[0]

    def test_bad_settling(self):
        with pytest.raises(DescriptionError, match="settling must be solve or relax, got 'guess'"):
            EGDCParameters(settling="guess")


def test_events_are_counted_in_windows_of_time():
    """By the definition, tick for tick; and whoever else is tested changes no prediction."""
    r = np.random.default_rng(5)
    spikes = (r.random((90, 7, 12, 12, 2)) < 0.05).astype(np.uint8)
    y = np.arange(90) % 3
    for k in range(90):  # each class moves in a direction of its own, so that windows of time tell it
        for tick in range(7):
            at = (tick, 8 - tick, 4)[y[k]]
            spikes[k, tick, at : at + 3, 2:10, tick % 2] |= r.random((3, 8)) < 0.7
    x = spikes.reshape(90, -1)
    expected = np.zeros((90, 12, 12, 2, 3), int)
    for tick in range(7):
        expected[..., tick * 3 // 7] += spikes[:, tick]
    np.testing.assert_array_equal(summed(x, 7, 3), expected.reshape(90, -1))
    assert expected.max() <= longest(7, 3) == 3

    data = ContinualData(x[:60], y[:60], x[60:], y[60:], 1)
    found = {}
    for threads in (1, 3):
        s = Setting.of(data, 3, (12, 12, 2), 0, threads, ticks=7)
        split = ClassSplit((1, 0, 2))
        model, _ = make_model(continual_rule("egdc-whitened", "honest"), HONEST, s, split, data)
        run_continual(model, split, data)
        found[threads] = model
    one, many = found.values()
    assert all(np.array_equal(a, b) for a, b in zip(one.state().values(), many.state().values(), strict=True))
    whole = one.predict(x, 1)
    assert (whole[60:] == y[60:]).mean() > 0.9
    for company in (x[y == 2], x[::-1], np.repeat(x[:1], 40, axis=0)):
        np.testing.assert_array_equal(one.predict(np.concatenate([company, x[60:66]]), 1)[-6:], whole[60:66])
    np.testing.assert_array_equal([many.predict(x[k : k + 1], 1)[0] for k in range(90)], whole)
