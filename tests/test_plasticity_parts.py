"""The parts that NACA is composed of, against the published tables, closed forms and each other."""

import math

import numpy as np
import pytest
from dense_naca import Adam as DenseAdam
from dense_naca import first_row, gains, phi

from tegmentum.plasticity.learning.learner import Learner
from tegmentum.plasticity.modulation.expectation import Expectation
from tegmentum.plasticity.modulation.neuromodulator import Dopamine, Neuromodulator
from tegmentum.plasticity.modulation.receptor import LinearReceptor, NacaReceptor
from tegmentum.plasticity.rules.naca import naca
from tegmentum.plasticity.rules.optimiser import SGD, Adam
from tegmentum.plasticity.rules.surrogate import Slope, StateDifference
from tegmentum.plasticity.rules.three_factor import ErrorDriven, Modulated
from tegmentum.simcore.describe.connectivity import AllToAll
from tegmentum.simcore.describe.network import Network, Population, Projection
from tegmentum.simcore.describe.sources import SpikeTrain
from tegmentum.simcore.errors import DescriptionError
from tegmentum.simcore.neurons import DiscreteLIF, GradedUnit
from tegmentum.simcore.random import philox as rng

pytestmark = pytest.mark.numbers

ROWS = {
    10: [18, 15, 13, 11, 9, 8, 7, 5, 3, 0],
    11: [20, 16, 14, 12, 11, 10, 8, 7, 5, 3, 0],
    26: [50, 44, 40, 37, 35, 33, 31, 30, 28, 27, 25, 24, 23, 21, 20, 19, 18, 16, 15, 14, 12, 11, 9, 7, 5, 0],
}  # fmt: skip


class TestExpectation:
    @pytest.mark.parametrize("n_classes", ROWS)
    def test_published_rows(self, n_classes):
        assert Expectation(n_classes).first_row().tolist() == ROWS[n_classes]

    def test_published_rows_of_46_classes(self):
        rows = Expectation(46).first_row().tolist()
        assert rows[:3] == [90, 81, 75]
        assert rows[-5:] == [13, 11, 9, 6, 0]
        assert len(rows) == 46

    @pytest.mark.parametrize(
        ("n_classes", "read", "shared"), [(10, 18, 2), (11, 19, 3), (26, 42, 10), (46, 71, 21)]
    )
    def test_published_counts_of_rows_read_and_shared(self, n_classes, read, shared):
        code = Expectation(n_classes).code()
        assert code.shape == (n_classes, 2 * n_classes)
        assert np.count_nonzero(code.any(axis=0)) == read
        overlap = code @ code.T > 0
        assert np.count_nonzero(np.triu(overlap, 1)) == shared

    @pytest.mark.parametrize("n_classes", [2, 3, 10, 46, 100])
    def test_code_is_the_mean_of_two_neighbouring_rows(self, n_classes):
        expectation = Expectation(n_classes)
        for code, r in zip(expectation.code(), first_row(n_classes), strict=True):
            assert np.flatnonzero(code).tolist() == [r, r + 1]
            assert code[r] == code[r + 1] == 0.5
        assert expectation.n_rows == 2 * n_classes

    def test_at_least_two_classes(self):
        with pytest.raises(DescriptionError, match="Expectation: n_classes must be >= 2, got 1"):
            Expectation(1)


class TestNacaReceptor:
    def test_published_values(self):
        level = np.arange(9) / 8
        expected = [1, 1.2, 1, 0.25, 0, -0.25, -1, -1.2, -1]
        np.testing.assert_allclose(NacaReceptor().gain(level), expected, rtol=0, atol=1e-6)

    @pytest.mark.parametrize(
        ("lambda_inv", "expected", "decimals"),
        [
            (0.1, [1, 0.6, 32.6, 104.6, 216.6], 6),
            (0.3, [1, 0.11, -1.18, 0.6, 6.82], 2),
            (0.7, [1, 1.16, 0.33, -0.02, -0.73], 2),
            (1.0, [1, 1.2, 1, 0.25, 0], 6),
        ],
    )
    def test_published_table_of_lambda(self, lambda_inv, expected, decimals):
        found = NacaReceptor(lambda_inv=lambda_inv).gain(np.array([0, 0.25, 0.5, 0.75, 1]))
        atol = 1e-6 if decimals == 6 else 0.5 * 10.0**-decimals + 1e-9  # some are published to two decimals
        np.testing.assert_allclose(found, expected, rtol=0, atol=atol)

    @pytest.mark.parametrize(("lam", "m"), [(0.5, 1.2), (0.3, 1.2), (0.7, 2.0), (1.0, 0.5)])
    def test_equals_the_formula_level_by_level(self, lam, m):
        level = np.concatenate([np.linspace(-0.1, 2.2 * lam, 467), [lam / 2, lam, 1.5 * lam]])
        found = NacaReceptor(lam, m).gain(level)
        np.testing.assert_allclose(found, [phi(nu, lam, m) for nu in level], rtol=1e-14, atol=1e-14)

    def test_is_odd_around_lambda_and_continuous(self):
        receptor = NacaReceptor(0.5, 1.2)
        x = np.linspace(0, 0.5, 1001)
        np.testing.assert_allclose(receptor.gain(0.5 + x), -receptor.gain(0.5 - x), rtol=0, atol=1e-12)
        assert np.abs(np.diff(receptor.gain(np.linspace(0, 1, 100_001)))).max() < 2e-4

    def test_keeps_the_shape(self):
        assert NacaReceptor().gain(np.zeros((3, 4))).shape == (3, 4)

    @pytest.mark.parametrize("field", ["lambda_inv", "theta_max"])
    def test_parameters_are_positive(self, field):
        with pytest.raises(DescriptionError, match=f"NacaReceptor: {field} must be > 0, got 0"):
            NacaReceptor(**{field: 0})

    def test_linear_receptor(self):
        np.testing.assert_array_equal(LinearReceptor(2.0, 0.5).gain(np.array([0.0, 0.5, 1.0])), [-1, 0, 1])


class TestNeuromodulator:
    def test_levels_are_means_of_rows_of_a_table_drawn_from_the_seed(self):
        table = rng.uniform(20 * 7, 5, rng.STREAM_TABLE, 3).reshape(20, 7)
        levels = Dopamine(Expectation(10)).levels(7, seed=5, entity=3)
        for k, r in enumerate(ROWS[10]):
            np.testing.assert_allclose(levels[k], (table[r] + table[r + 1]) / 2, rtol=1e-15)
        np.testing.assert_allclose(NacaReceptor().gain(levels), gains(table), rtol=0, atol=1e-14)

    def test_seed_and_projection_draw_tables_of_their_own(self):
        dopamine = Dopamine(Expectation(10))
        first = dopamine.levels(50, 0, 0)
        np.testing.assert_array_equal(first, dopamine.levels(50, 0, 0))
        assert (first != dopamine.levels(50, 0, 1)).all()
        assert (first != dopamine.levels(50, 1, 0)).all()

    def test_published_statistics_of_a_uniform_table(self):
        levels = Dopamine(Expectation(10)).levels(20_000, seed=0)
        gain = NacaReceptor().gain(levels)
        # 20 000 independent neurons: four standard errors of the mean over ten classes are .006
        assert gain.mean() == pytest.approx(0, abs=0.01)
        assert gain.std() == pytest.approx(0.662, abs=0.01)
        assert (gain > 0).mean() == pytest.approx(0.5, abs=0.01)
        assert (np.abs(gain) < 0.1).mean() == pytest.approx(0.29, abs=0.01)
        assert (np.abs(gain) >= 1).mean() == pytest.approx(0.25, abs=0.01)
        assert np.var(levels) == pytest.approx(1 / 24, rel=0.02)  # triangular on [0, 1]

    def test_classes_that_share_a_row_correlate_by_half(self):
        levels = Dopamine(Expectation(10)).levels(20_000, seed=1)
        correlation = np.corrcoef(levels)
        rows = ROWS[10]
        for k in range(10):
            for j in range(k):
                expected = 0.5 if abs(rows[k] - rows[j]) == 1 else 0.0
                assert correlation[k, j] == pytest.approx(expected, abs=0.03)

    @pytest.mark.parametrize("n_classes", [2, 10, 26])
    def test_no_modulator_is_a_gain_of_one(self, n_classes):
        levels = Dopamine(Expectation(n_classes), table="zeros").levels(40, seed=0)
        np.testing.assert_array_equal(NacaReceptor().gain(levels), np.ones((n_classes, 40)))

    def test_beta_table(self):
        table = tables("beta")
        assert table.min() >= 0
        assert table.max() <= 1
        assert table.mean() == pytest.approx(0.5, abs=0.005)
        assert table.var() == pytest.approx(1 / 8, abs=0.002)
        for p in (0.1, 0.3, 0.7):  # distribution function 2 / pi arcsin(sqrt(x))
            assert (table < p).mean() == pytest.approx(2 / math.pi * math.asin(math.sqrt(p)), abs=0.005)

    def test_normal_table(self):
        table = tables("normal")
        tail = 0.5 * math.erfc(0.5 / math.sqrt(2))
        assert (table == 0).mean() == pytest.approx(tail, abs=0.005)
        assert (table == 1).mean() == pytest.approx(tail, abs=0.005)
        inside = table[(table > 0) & (table < 1)]
        below = 0.5 * math.erf(0.3 / math.sqrt(2))  # P(0.2 < x < 0.5)
        assert ((inside > 0.2) & (inside < 0.5)).sum() / table.size == pytest.approx(below, abs=0.005)

    def test_uniform_table(self):
        table = tables("uniform")
        for p in (0.1, 0.5, 0.9):
            assert (table < p).mean() == pytest.approx(p, abs=0.005)

    def test_unknown_table(self):
        with pytest.raises(
            DescriptionError,
            match=r"Dopamine 'dopamine': table must be one of .*zeros, identity, got 'cauchy'",
        ):
            Dopamine(Expectation(10), table="cauchy")


def tables(name):
    """The entries of a table as they were drawn, before an expectation mixes rows."""

    class OneRow(Expectation):
        def code(self):
            return np.eye(self.n_rows)

    return Neuromodulator(OneRow(4), table=name).levels(20_000, seed=3)


class Fixed(Neuromodulator):
    """The same level everywhere, whatever is expected."""

    def levels(self, n_subpopulations, seed, entity=0):
        return np.full((self.expectation.n_classes, n_subpopulations), float(self.table_level))


def one_neuron(level, weight, n_ticks):
    """A neuron whose only input is always on, after one window: (weight, bias) before and after."""
    modulator = Fixed(Expectation(2))
    object.__setattr__(modulator, "table_level", level)
    inp, hidden = SpikeTrain("input", 1, [], []), Population("hidden", 1, DiscreteLIF())
    out = Population("output", 2, DiscreteLIF())
    rule = Modulated(modulator, NacaReceptor(), StateDifference(), SGD(0.125))
    learner = Learner(
        Network(
            inp, hidden, out,
            Projection(inp, hidden, AllToAll(), plasticity=rule),
            Projection(hidden, out, AllToAll(), plasticity=ErrorDriven(StateDifference(), SGD(0.125))),
        ),
        n_ticks=n_ticks, batch=1,
    )  # fmt: skip
    learner.layers[0].set_weights(np.full((1, 1), weight), np.zeros(1))
    learner.learn(np.full((1, 1), 255, np.uint8), np.zeros(1, np.int64), 255, 0)
    weights, bias = learner.layers[0].weights()
    return weights[0, 0] - weight, bias[0]


class TestSign:
    """One neuron, x = 1, lr = 1/8: the change is -lr * gain * delta."""

    @pytest.mark.parametrize(("level", "gain"), [(0.875, -1.2), (0.125, 1.2), (0.75, -1.0), (0.375, 0.25)])
    def test_high_level_potentiates_and_low_level_depresses_a_neuron_that_became_active(self, level, gain):
        change, bias = one_neuron(level, weight=0.75, n_ticks=1)  # v = .75 > 0 and silent before: delta = +1
        assert change == pytest.approx(-0.125 * gain, rel=1e-6)
        assert bias == pytest.approx(-0.125 * gain, rel=1e-6)

    @pytest.mark.parametrize("level", [0.125, 0.875])
    def test_no_change_while_the_neuron_stays_active(self, level):
        change, bias = one_neuron(level, weight=0.75, n_ticks=2)  # fired at both ticks: delta = 0 at the last
        assert change == 0
        assert bias == 0

    def test_the_baseline_changes_nothing(self):
        assert one_neuron(0.5, weight=0.75, n_ticks=1) == (0, 0)

    def test_near_threshold_suffices(self):
        assert one_neuron(0.875, weight=0.25, n_ticks=1)[0] > 0  # 0 < v <= v_thresh: no spike, but delta = +1
        assert one_neuron(0.875, weight=-0.25, n_ticks=1)[0] == 0

    def test_the_reset_hands_credit_back(self):
        """v(1) = .3, v(2) = .06 + .3: never fires, so delta = 1 twice; a(1) = -rho v(1) a(2)."""
        change, _ = one_neuron(0.875, weight=0.3, n_ticks=2)
        assert change == pytest.approx(0.125 * 1.2 * (1 - 0.2 * 0.3), rel=1e-6)


class TestLocalFactor:
    @pytest.mark.parametrize(
        ("v", "before", "expected"),
        [(0.6, 0.0, 1), (0.1, 0.0, 1), (0.6, 1.0, 0), (-0.1, 1.0, -1), (-0.1, 0.0, 0), (0.0, 0.0, 0)],
    )
    def test_state_difference(self, v, before, expected):
        local = StateDifference()
        constants = local.derive(DiscreteLIF())
        assert local.function(DiscreteLIF())(v, float(v > 0.5), before, constants) == expected

    def test_lens_and_threshold_set_the_level(self):
        assert StateDifference(0.2).derive(DiscreteLIF(v_thresh=1.0)).threshold == pytest.approx(0.8)
        with pytest.raises(DescriptionError, match=r"StateDifference: lens must be >= 0, got -0\.1"):
            StateDifference(-0.1)

    @pytest.mark.parametrize(
        ("activation", "f"), [("tanh", math.tanh), ("sigmoid", lambda v: 1 / (1 + math.exp(-v)))]
    )
    def test_slope_is_the_derivative(self, activation, f):
        model = GradedUnit(activation)
        function, constants = Slope().function(model), Slope().derive(model)
        for v in (-2.0, -0.3, 0.0, 0.7, 1.5):
            numeric = (f(v + 1e-6) - f(v - 1e-6)) / 2e-6
            assert function(v, f(v), 0.0, constants) == pytest.approx(numeric, abs=1e-9)


class TestOptimiser:
    @staticmethod
    def run(optimiser, gradients, w=1.0):
        m = u = 0.0
        found = []
        for t, g in enumerate(gradients, 1):
            w, m, u = optimiser.function(w, m, u, g, optimiser.constants(t))
            found.append(w)
        return found

    def test_sgd(self):
        assert self.run(SGD(0.25), [1.0, -2.0, 4.0]) == [0.75, 1.25, 0.25]

    def test_adam_of_a_constant_gradient_moves_by_the_learning_rate(self):
        """Both moments are unbiased from the first step: each step is lr * sign(g)."""
        for g in (0.5, -7.0):
            found = self.run(Adam(0.01), [g] * 20)
            expected = 1 - np.sign(g) * 0.01 * np.arange(1, 21)
            np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)

    @pytest.mark.parametrize("beta", [(0.9, 0.999), (0.0, 0.0), (0.5, 0.9)])
    def test_adam_equals_the_textbook(self, beta):
        gradients = np.random.default_rng(0).normal(size=50)
        dense, w, expected = DenseAdam(0.03, *beta, 1e-3), np.array([1.0]), []
        for g in gradients:
            dense.step(w, g)
            expected.append(w[0])
        np.testing.assert_allclose(self.run(Adam(0.03, *beta, 1e-3), gradients), expected, rtol=0, atol=1e-6)

    def test_a_first_moment_that_fades_away_ends_in_zero(self):
        optimiser, w, m, u = Adam(), 1.0, 1e-30, 1e-36
        w, m, u = optimiser.function(w, m, u, 0.0, optimiser.constants(1000))
        assert (w, m, u) == (1.0, 0.0, 0.0)

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: SGD(0.0), r"SGD: lr must be > 0 and finite, got 0\.0"),
            (lambda: Adam(-1.0), r"Adam: lr must be > 0 and finite, got -1\.0"),
            (lambda: Adam(beta_1=1.0), r"Adam: beta_1 must be in \[0, 1\), got 1\.0"),
            (lambda: Adam(beta_2=-0.1), r"Adam: beta_2 must be in \[0, 1\), got -0\.1"),
        ],
    )
    def test_parameter_errors(self, make, message):
        with pytest.raises(DescriptionError, match=message):
            make()


class TestDescription:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"rule": "bp"}, "rule: must be one of naca, naca-ann, naca-error, naca-mix, frozen, got 'bp'"),
            ({"hidden": []}, "hidden: at least one hidden layer is needed, got none"),
            ({"hidden_gain": 0.0}, r"hidden_gain: must be > 0 and finite, got 0\.0"),
            ({"n_classes": 1}, "Expectation: n_classes must be >= 2, got 1"),
        ],
    )
    def test_errors(self, options, message):
        with pytest.raises(DescriptionError, match=message):
            naca(**{"n_inputs": 4, "hidden": [5], "n_classes": 3} | options)

    def test_initial_weights_are_uniform_within_the_published_bound(self):
        learner = Learner(naca(400, [300, 50], 10, hidden_gain=2.0), seed=7)
        for layer, n_pre, gain in zip(learner.layers, (400, 300, 50), (2.0, 2.0, 1.0), strict=True):
            weights, bias = layer.weights()
            bound = n_pre**-0.5
            assert weights.shape == (n_pre, layer.n_post)
            assert np.abs(weights).max() <= gain * bound * (1 + 1e-6)
            assert weights.std() == pytest.approx(gain * bound / math.sqrt(3), rel=0.05)
            assert np.abs(bias).max() <= bound * (1 + 1e-6)
            assert bias.std() == pytest.approx(bound / math.sqrt(3), rel=0.45)
