"""AUC and DeLong's interval against brute force, scipy and resampling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, mannwhitneyu, norm

from fairaudit.stats.auc import auc, delong, delong_interval

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
