from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fairaudit.stats.permutation import permutation_test


def brute_force(scores, first, alternative):
    sums = [sum(scores[list(c)]) for c in combinations(range(len(scores)), first)]
    observed, centre = scores[:first].sum(), first * scores.mean()
    if alternative == "two-sided":
        sums, observed = [abs(s - centre) for s in sums], abs(observed - centre)
    return np.mean([s >= observed - 1e-9 for s in sums])


@given(
    st.lists(st.integers(-4, 4), min_size=3, max_size=9),
    st.data(),
    st.sampled_from(["greater", "two-sided"]),
)
@settings(max_examples=60, deadline=None)
def test_brute_force_with_ties(values, data, alternative):
    scores = np.array(values) / 3
    first = data.draw(st.integers(1, len(values) - 1))
    result = permutation_test(
        scores, first, np.random.default_rng(0), alternative=alternative
    )
    assert result.method == "exact"
    assert result.partitions == comb(len(values), first)
    assert result.p_value == pytest.approx(brute_force(scores, first, alternative))


@pytest.mark.parametrize("alternative", ["greater", "two-sided"])
def test_scipy_exact(alternative):
    x, y = np.random.default_rng(1).normal([[0.6], [0.0]], size=(2, 8))
    centre = np.concatenate([x, y]).mean()
    distance = abs if alternative == "two-sided" else float
    theirs = stats.permutation_test(
        (x, y),
        lambda one, _: distance(one.sum() - 8 * centre),
        n_resamples=np.inf,
        alternative="greater",
    )
    scores = np.concatenate([x, y])
    result = permutation_test(
        scores, 8, np.random.default_rng(0), alternative=alternative
    )
    assert result.partitions == 12_870
    assert result.p_value == pytest.approx(theirs.pvalue, abs=1e-12)


@pytest.mark.parametrize("first", [3, 8])
def test_sampling_approaches_enumeration(first):
    scores = np.random.default_rng(2).normal(size=13)
    exact = permutation_test(scores, first, np.random.default_rng(0))
    sampled = permutation_test(
        scores, first, np.random.default_rng(0), draws=120_000, limit=0
    )
    error = 4 * np.sqrt(exact.p_value * (1 - exact.p_value) / 120_000)
    assert sampled.method == "sampled"
    assert sampled.partitions == 120_000
    assert abs(sampled.p_value - exact.p_value) < error


def test_sampled_p_is_never_zero_and_seeded():
    scores = np.repeat([1.0, 0.0], 30)
    first, again = (
        permutation_test(scores, 30, np.random.default_rng(5), draws=999)
        for _ in range(2)
    )
    assert first == again
    assert first.p_value == pytest.approx(1 / 1000)


def test_equal_scores_all_tie():
    result = permutation_test(np.full(60, 0.1), 20, np.random.default_rng(0), draws=99)
    assert result.p_value == 1.0


@pytest.mark.parametrize("first", [0, 4, -1])
def test_empty_group_is_refused(first):
    with pytest.raises(ValueError, match="empty"):
        permutation_test(np.arange(4.0), first, np.random.default_rng(0))
