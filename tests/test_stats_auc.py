"""AUC and DeLong's interval against brute force, scipy and resampling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, mannwhitneyu, norm

from fairaudit.stats import jointauc
from fairaudit.stats.auc import auc, delong, delong_interval
from fairaudit.stats.jointauc import joint_aucs

NO_HURRY = settings(deadline=None)  # the first call imports scipy
SCORES = st.lists(st.integers(0, 6), min_size=1, max_size=15).map(np.array)


def by_pairs(positives, negatives):
    wins = np.subtract.outer(positives, negatives)
    return (wins > 0).mean() + (wins == 0).mean() / 2


@NO_HURRY
@given(SCORES, SCORES)
def test_auc_counts_pairs_ties_half(positives, negatives):
    found = auc(positives, negatives)
    assert found == pytest.approx(by_pairs(positives, negatives), abs=1e-12)
    u = mannwhitneyu(positives, negatives, method="asymptotic").statistic
    assert found == pytest.approx(u / len(positives) / len(negatives), abs=1e-12)


@NO_HURRY
@given(SCORES, SCORES)
def test_turning_scores_round_mirrors_auc_and_interval(positives, negatives):
    low, high = delong_interval(positives, negatives, 0.95)
    mirrored = delong_interval(-positives, -negatives, 0.95)
    assert auc(-positives, -negatives) == pytest.approx(1 - auc(positives, negatives))
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-9)


@NO_HURRY
@given(SCORES, SCORES)
def test_interval_holds_the_auc_and_has_a_width(positives, negatives):
    low, high = delong_interval(positives, negatives, 0.95)
    assert 0 <= low <= auc(positives, negatives) <= high <= 1
    assert high - low > 0.01


def delong_by_pairs(positives, negatives):
    diff = np.subtract.outer(positives, negatives)
    wins = (diff > 0) + (diff == 0) / 2
    first, second = wins.mean(axis=1), wins.mean(axis=0)
    return np.var(first, ddof=1) / len(first) + np.var(second, ddof=1) / len(second)


def test_variance_follows_delong_and_the_bootstrap():
    rng = np.random.default_rng(3)
    positives, negatives = rng.normal(1, 1, 120), rng.normal(0, 1, 80).round(1)
    found = delong(positives, negatives)
    assert found.variance == pytest.approx(delong_by_pairs(positives, negatives))
    draws = [
        auc(rng.choice(positives, 120), rng.choice(negatives, 80)) for _ in range(3000)
    ]
    assert np.std(draws) == pytest.approx(np.sqrt(found.variance), rel=0.06)


def test_interval_is_the_logit_interval():
    rng = np.random.default_rng(4)
    positives, negatives = rng.normal(1, 1, 40), rng.normal(0, 1, 50)
    value = by_pairs(positives, negatives)
    half = norm.ppf(0.95) * np.sqrt(delong_by_pairs(positives, negatives))
    logit, step = np.log(value / (1 - value)), half / (value * (1 - value))
    expected = 1 / (1 + np.exp(-(logit + np.array([-step, step]))))
    found = delong_interval(positives, negatives, 0.90)
    assert found == pytest.approx(tuple(expected), abs=1e-12)


def test_degenerate_aucs_get_the_interval_of_the_smaller_class():
    ten, thirty = np.arange(10.0), np.arange(30.0)
    assert delong_interval(ten + 50, thirty, 0.95) == pytest.approx((0.025**0.1, 1))
    assert delong_interval(ten - 50, thirty, 0.95) == pytest.approx((0, 1 - 0.025**0.1))
    tied = delong_interval(ten * 0, thirty * 0, 0.95)
    assert tied == pytest.approx((beta.ppf(0.025, 5, 6), beta.ppf(0.975, 6, 5)))


def test_an_empty_class_is_refused():
    with pytest.raises(ValueError, match="positives and negatives"):
        auc(np.array([]), np.array([1.0]))
    with pytest.raises(ValueError, match="positives and negatives"):
        delong_interval(np.array([1.0]), np.array([]), 0.95)


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 1.0, 2.5])
def test_interval_covers_the_true_auc(shift):
    rng = np.random.default_rng(11)
    truth = norm.cdf(shift / np.sqrt(2))
    ends = np.array(
        [
            delong_interval(rng.normal(shift, 1, 25), rng.normal(0, 1, 40), 0.95)
            for _ in range(3000)
        ]
    )
    covered = ((ends[:, 0] <= truth) & (truth <= ends[:, 1])).mean()
    assert 0.93 <= covered <= 0.98


def subsets(n, count, rng, digits=1):
    """Rows in overlapping subsets: scores, kinds, memberships and disjoint pairs."""
    label, member = rng.random(n) < 0.4, rng.random((n, count)) < 0.4
    scores = rng.normal(label, 1).round(digits)
    kinds, key = np.unique(
        np.column_stack([label, member]), axis=0, return_inverse=True
    )
    inside = [side & (kinds[:, 0] == y) for y in (1, 0) for side in kinds[:, 1:].T == 1]
    pairs = [(p, count + n) for p in range(count) for n in range(count)]
    return scores, key, np.array(inside).T, np.array(pairs)


@pytest.mark.parametrize("digits", [0, 1, 9])
def test_joint_aucs_are_those_of_delong_one_by_one(digits, monkeypatch):
    monkeypatch.setattr(jointauc, "WIDTH", 300)
    rng = np.random.default_rng(5)
    scores, key, inside, pairs = subsets(400, 3, rng, digits)
    found = joint_aucs(scores, key, inside, pairs)
    for at, (up, down) in enumerate(pairs):
        alone = delong(scores[inside[key, up]], scores[inside[key, down]])
        one = found.estimate(at)
        assert one.value == pytest.approx(alone.value, abs=1e-12)
        assert one.variance == pytest.approx(alone.variance, abs=1e-12)
        assert (one.positives, one.negatives) == (alone.positives, alone.negatives)
    assert found.covariance == pytest.approx(found.covariance.T)


def test_joint_covariance_is_that_of_the_bootstrap():
    rng = np.random.default_rng(6)
    scores, key, inside, pairs = subsets(300, 2, rng)
    found = joint_aucs(scores, key, inside, pairs)
    drawn = []
    for _ in range(1500):
        rows = rng.integers(0, 300, 300)
        drawn.append(joint_aucs(scores[rows], key[rows], inside, pairs).values)
    spread = np.sqrt(np.diag(found.covariance))
    expected = np.cov(np.array(drawn).T)
    assert spread == pytest.approx(np.sqrt(np.diag(expected)), rel=0.08)
    assert found.covariance / np.outer(spread, spread) == pytest.approx(
        np.corrcoef(np.array(drawn).T), abs=0.08
    )


def test_single_precision_serves_large_data(monkeypatch):
    scores, key, inside, pairs = subsets(3000, 3, np.random.default_rng(7), 9)
    double = joint_aucs(scores, key, inside, pairs)
    monkeypatch.setattr(jointauc, "LARGE", 0)
    single = joint_aucs(scores, key, inside, pairs)
    assert np.array_equal(double.values, single.values)
    scale = np.abs(double.covariance).max()
    assert np.abs(single.covariance - double.covariance).max() < 1e-4 * scale


def test_clusters_add_up_before_they_are_squared():
    """Doubled rows in clusters of two give the variance of the single rows."""
    rng = np.random.default_rng(8)
    scores, key, inside, pairs = subsets(200, 2, rng)
    single = joint_aucs(scores, key, inside, pairs)
    rows = np.repeat(np.arange(200), 2)
    double = joint_aucs(scores[rows], key[rows], inside, pairs, clusters=rows)
    assert double.values == pytest.approx(single.values)
    assert double.covariance == pytest.approx(single.covariance)
    assert np.array_equal(double.units, single.units)
    assert np.array_equal(double.positives, 2 * single.positives)


def test_empty_and_perfect_subsets():
    scores, key = np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 0, 1, 1])
    inside = np.array([[True, False, False], [False, True, False]])
    found = joint_aucs(scores, key, inside, np.array([(1, 0), (1, 2)]))
    assert found.values[0] == 1
    assert np.isnan(found.values[1])
    assert found.negatives.tolist() == [2, 0]
    drawn = found.draws(np.array([0]), 4000, np.random.default_rng(0), 0.95)
    assert drawn.spread[0] == pytest.approx(np.sqrt(0.75 * 0.25 / 4), rel=0.05)
