"""Statistics of the sensitivity metric, against published numbers and brute force."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy import stats

from fairaudit.stats.annotators import krippendorff
from fairaudit.stats.dependent import correlation_draws, williams
from fairaudit.stats.regrouping import permuted_gap
from fairaudit.stats.resampling import row_weights

NAN = float("nan")
# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", part D: four
# observers, twelve units; alpha for interval data is 0.849.
PUBLISHED = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
).T


def generator(seed=0):
    return np.random.default_rng(seed)


def test_alpha_is_the_published_one():
    found = krippendorff(PUBLISHED, 500, 0.95, generator())
    assert round(found.value, 3) == 0.849
    assert found.units == 11, "the unit with one judgement does not count"
    assert found.judgements == 40
    assert found.low < found.value < found.high <= 1


def test_alpha_agrees_with_a_sum_over_pairs():
    rng = generator(1)
    table = rng.integers(0, 5, (9, 4)).astype(float)
    table[rng.random(table.shape) < 0.3] = np.nan
    units = [row[np.isfinite(row)] for row in table]
    units = [row for row in units if len(row) > 1]
    every = np.concatenate(units)

    def pairs(values):
        return sum((a - b) ** 2 for a, b in permutations(values, 2))

    observed = sum(pairs(row) / (len(row) - 1) for row in units) / len(every)
    by_chance = pairs(every) / (len(every) * (len(every) - 1))
    found = krippendorff(table + 1e6, 50, 0.95, rng)
    assert found.value == pytest.approx(1 - observed / by_chance, rel=1e-6)


def test_alpha_does_not_exist_without_difference_or_pairs():
    assert krippendorff(np.ones((5, 2)), 50, 0.95, generator()) is None
    single = np.array([[1, NAN], [NAN, 2], [3, NAN]])
    assert krippendorff(single, 50, 0.95, generator()) is None


def test_independent_judgements_have_an_alpha_around_zero():
    found = krippendorff(generator(2).normal(size=(400, 3)), 400, 0.95, generator())
    assert found.low < 0 < found.high


@pytest.mark.parametrize(
    ("first", "second", "between", "n", "t"),
    [
        # Revelle's documentation of psych::r.test (Steiger 1980, case A).
        (0.4, 0.5, 0.1, 103, -0.89),
        (0.5, 0.5, 0.3, 50, 0.0),
    ],
)
def test_williams_is_the_published_one(first, second, between, n, t):
    found = williams(first, second, between, n)
    assert round(found.t, 2) == t
    assert found.degrees == n - 3
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(found.t), n - 3))


def test_williams_keeps_its_level_and_finds_a_difference():
    rng = generator(3)

    def share(gain, runs=300, n=60):
        hits = 0
        for _ in range(runs):
            human, a, b = rng.normal(size=(3, n))
            one, two = human + a, gain * human + b
            r = np.corrcoef([human, one, two])
            hits += williams(r[0, 1], r[0, 2], r[1, 2], n).p_value < 0.05
        return hits / runs

    assert 0.02 < share(1.0) < 0.09
    assert share(0.2) > 0.8


def test_williams_needs_four_rows_and_two_different_variables():
    with pytest.raises(ValueError, match="four rows"):
        williams(0.1, 0.2, 0.3, 3)
    assert williams(0.5, 0.5, 1.0, 20).p_value == 1.0


@pytest.mark.parametrize("clusters", [None, np.array([0, 0, 1, 2, 2, 2])])
def test_row_weights_are_those_of_drawn_units(clusters):
    found = np.concatenate(list(row_weights(6, clusters, 4000, generator(4))))
    assert found.shape == (4000, 6)
    sizes = np.ones(6, int) if clusters is None else np.bincount(clusters)
    number = np.arange(6) if clusters is None else clusters
    first = [int(np.flatnonzero(number == c)[0]) for c in range(len(sizes))]
    drawn = found[:, first]
    np.testing.assert_array_equal(drawn.sum(1), len(sizes))
    np.testing.assert_array_equal(found, drawn[:, number])
    np.testing.assert_allclose(drawn.mean(0), 1, atol=0.06)
    expected = 1 - 1 / len(sizes)
    np.testing.assert_allclose(drawn.var(0), expected, atol=0.08)


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_correlation_draws_are_those_of_resampled_rows(kind):
    rng = generator(5)
    target, others = rng.integers(0, 6, 30).astype(float), rng.normal(size=(2, 30))
    found = correlation_draws(kind, target, others, None, 40, generator(6))
    weights = np.concatenate(list(row_weights(30, None, 40, generator(6))))
    of = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}[kind]
    for at, weight in enumerate(weights):
        rows = np.repeat(np.arange(30), weight.astype(int))
        for column, other in enumerate(others):
            expected = of(target[rows], other[rows]).statistic
            assert found[column, at] == pytest.approx(expected, abs=1e-10)


def test_a_variable_that_does_not_vary_has_no_correlation():
    others = np.stack([np.full(20, 0.1), np.arange(20.0)])
    found = correlation_draws("pearson", np.arange(20.0), others, None, 9, generator())
    assert np.isnan(found[0]).all()
    np.testing.assert_allclose(found[1], 1.0)


def brute_force_p(values, member, orders):
    def statistic(v):
        means = [v[column].mean() for column in member.T]
        sizes = member.sum(0)
        return max(
            abs(means[i] - means[j]) / np.sqrt(1 / sizes[i] + 1 / sizes[j])
            for i in range(len(means))
            for j in range(i)
        )

    found = [statistic(values[list(order)]) for order in orders]
    return np.mean(np.array(found) >= statistic(values) - 1e-12)


def test_the_permutation_p_is_that_of_all_permutations():
    values = np.array([3.0, 5.0, 4.0, 1.0, 2.0, 2.5, 0.5])
    member = np.array([[1, 0], [1, 0], [1, 1], [0, 1], [0, 1], [0, 1], [0, 0]], bool)
    expected = brute_force_p(values, member, permutations(range(7)))
    found = permuted_gap(values, member, None, 20_000, generator(7))
    assert found.p_value == pytest.approx(expected, abs=0.01)
    assert found.method == "20000 permutations of rows"


def test_rows_of_unlike_groups_are_exchanged_within_their_cluster():
    """A template's level is no difference between groups."""
    values = np.array([10.0, 10.5, 20.0, 20.4, 30.0, 30.6])
    member = np.array([[1, 0], [0, 1]] * 3, bool)
    clusters = np.array([4, 4, 9, 9, 2, 2])
    pairs = ((0, 1), (2, 3), (4, 5))
    swaps = [
        [row for pair, turn in zip(pairs, turns, strict=True) for row in pair[::turn]]
        for turns in product((1, -1), repeat=3)
    ]
    expected = brute_force_p(values, member, swaps)
    found = permuted_gap(values, member, clusters, 8000, generator(8))
    assert expected == 0.25
    assert found.p_value == pytest.approx(expected, abs=0.02)
    assert found.method.endswith("rows within clusters")


def test_clusters_of_one_group_are_exchanged_whole():
    rng = generator(9)
    clusters = np.repeat(np.arange(8), 5)
    level = rng.normal(size=8)
    values = level[clusters] + 0.01 * rng.normal(size=40)
    member = np.stack([clusters < 4, clusters >= 4], axis=1)
    found = permuted_gap(values, member, clusters, 4000, rng)
    means = np.array([values[clusters == c].mean() for c in range(8)])
    expected = stats.permutation_test(
        (means[:4], means[4:]),
        lambda a, b: abs(a.mean() - b.mean()),
        permutation_type="independent",
        n_resamples=np.inf,
        alternative="greater",
    )
    assert found.method.endswith("clusters")
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.03)
    alone = permuted_gap(values, member, None, 4000, rng)
    assert alone.p_value < found.p_value, "rows of a cluster are no evidence apart"


def test_the_permutation_test_keeps_its_level():
    rng = generator(10)
    member = np.arange(60)[:, None] % 3 == np.arange(3)
    found = [
        permuted_gap(rng.exponential(size=60), member, None, 199, rng).p_value
        for _ in range(300)
    ]
    assert 0.02 < np.mean(np.array(found) <= 0.05) < 0.09


def test_equal_values_are_no_difference():
    member = np.arange(12)[:, None] % 2 == np.arange(2)
    assert permuted_gap(np.full(12, 0.1), member, None, 99, generator()).p_value == 1
