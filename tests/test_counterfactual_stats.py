"""Paired means and sign flips against scipy, and their error rates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fairaudit.stats.paired import paired_mean
from fairaudit.stats.signflip import sign_flip_test

NUMBERS = st.lists(st.integers(-5, 5).map(float), min_size=2, max_size=10)


@given(NUMBERS)
@settings(max_examples=30, deadline=None)
def test_all_sign_patterns_are_those_of_scipy(values):
    changes = np.array(values)
    found = sign_flip_test(changes, None, np.random.default_rng(0))
    expected = stats.permutation_test(
        (changes,), np.sum, permutation_type="samples", n_resamples=np.inf
    )
    assert found.method == "exact"
    assert found.p_value == pytest.approx(expected.pvalue)


def test_sampled_patterns_come_near_to_all_of_them():
    changes = np.random.default_rng(1).normal(0.3, 1, size=12)
    exact = sign_flip_test(changes, None, np.random.default_rng(0))
    sampled = sign_flip_test(changes, None, np.random.default_rng(0), limit=1)
    assert (exact.method, sampled.method) == ("exact", "sampled")
    assert sampled.p_value == pytest.approx(exact.p_value, abs=0.02)
    assert sampled.partitions == 10_000
    again = sign_flip_test(changes, None, np.random.default_rng(0), limit=1)
    assert again == sampled


def test_clusters_flip_together():
    changes = np.array([1.0, 1.0, 1.0, -1.0, 2.0])
    clusters = np.array([7, 7, 3, 3, 1])
    found = sign_flip_test(changes, clusters, np.random.default_rng(0))
    alone = sign_flip_test(np.array([2.0, 2.0]), None, np.random.default_rng(0))
    assert found == alone
    assert found.p_value == 0.5


def test_no_change_at_all_speaks_for_the_hypothesis():
    found = sign_flip_test(np.zeros(40), None, np.random.default_rng(0))
    assert found.p_value == 1.0


@given(NUMBERS)
@settings(max_examples=30, deadline=None)
def test_independent_pairs_get_students_interval(values):
    changes = np.array(values)
    low, high = paired_mean(changes, None).interval(0.9)
    if np.ptp(changes) == 0:
        assert low == pytest.approx(high)
        return
    expected = stats.ttest_1samp(changes, 0.0).confidence_interval(0.9)
    assert low == pytest.approx(expected.low)
    assert high == pytest.approx(expected.high)


def test_clusters_of_one_row_each_are_independent_rows():
    changes = np.random.default_rng(0).normal(size=20)
    alone, grouped = (paired_mean(changes, c) for c in (None, np.arange(20)))
    assert grouped.interval(0.95) == pytest.approx(alone.interval(0.95))
    assert (alone.clustered, grouped.clustered) == (False, True)
    assert paired_mean(changes, np.zeros(20)).interval(0.95) is None
    # Rows that only repeat one another carry no more than one of them.
    doubled = paired_mean(np.repeat(changes, 3), np.repeat(np.arange(20), 3))
    assert doubled.interval(0.95) == pytest.approx(alone.interval(0.95))


@pytest.mark.slow
@pytest.mark.parametrize("clustered", [False, True])
def test_intervals_cover_and_tests_hold_their_level(clustered):
    """Sizes and changes vary between clusters, the mean over rows is 0.1."""
    rng = np.random.default_rng(5)
    covered, rejected, runs = 0, 0, 2000
    for _ in range(runs):
        sizes = rng.integers(1, 6, size=40) if clustered else np.ones(60, int)
        clusters = np.repeat(np.arange(len(sizes)), sizes)
        shared = rng.normal(0, 1, size=len(sizes))[clusters] if clustered else 0
        changes = 0.1 + shared + rng.normal(size=len(clusters))
        low, high = paired_mean(changes, clusters if clustered else None).interval(0.95)
        covered += low <= 0.1 <= high
        test = sign_flip_test(
            changes - 0.1, clusters if clustered else None, rng, draws=199
        )
        rejected += test.p_value <= 0.05
    assert 0.93 <= covered / runs <= 0.97
    assert 0.035 <= rejected / runs <= 0.065
