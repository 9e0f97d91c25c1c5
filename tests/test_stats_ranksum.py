"""Mann-Whitney tests of every pair, against scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from fairaudit.stats import ranksum
from fairaudit.stats.ranksum import pairwise_rank_sum


def compared(values, sample):
    found = pairwise_rank_sum(values, sample)
    for i, (a, b) in enumerate(zip(found.first, found.second, strict=True)):
        expected = mannwhitneyu(values[sample == a], values[sample == b])
        assert found.u[i] == pytest.approx(expected.statistic)
        assert found.p_values[i] == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-300)
    return found


@pytest.mark.parametrize("digits", [0, 1, 9], ids=["many ties", "ties", "none"])
def test_every_pair_is_scipys(digits):
    rng = np.random.default_rng(0)
    sizes = (1, 2, 3, 8, 9, 12, 30)
    sample = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    values = (rng.normal(size=len(sample)) + sample / 4).round(digits)
    found = compared(values, sample)
    assert len(found.u) == 21


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 6), min_size=2), st.lists(st.integers(0, 6), min_size=1))
def test_small_samples_are_scipys(some, others):
    values = np.array([7.0, *some, *others])
    compared(values, np.repeat([0, 1], [len(some) + 1, len(others)]))


def test_equal_values_do_not_differ():
    found = pairwise_rank_sum(np.ones(40), np.repeat([0, 1], 20))
    assert found.p_values.tolist() == [1.0]


def test_the_least_p_value_is_that_of_total_separation():
    for sizes in ((1, 3), (4, 4), (9, 20), (1, 60)):
        sample = np.repeat([0, 1], sizes)
        found = pairwise_rank_sum(np.arange(len(sample)) * 1.0, sample)
        assert found.least[0] == pytest.approx(found.p_values[0])


def test_exact_p_values_of_large_samples_are_scipys():
    rng = np.random.default_rng(4)
    for sizes in ((8, 300), (2, 5000), (7, 1500)):
        sample = np.repeat([0, 1], sizes)
        compared(rng.normal(size=len(sample)) - sample / 2, sample)


def test_chunks_do_not_matter(monkeypatch):
    rng = np.random.default_rng(1)
    values = rng.integers(0, 30, 200) * 1.0
    sample = np.r_[np.arange(5), rng.integers(0, 5, 195)]
    whole = pairwise_rank_sum(values, sample)
    monkeypatch.setattr(ranksum, "chunks", lambda rows, _: _threes(rows))
    parts = pairwise_rank_sum(values, sample)
    assert parts.u == pytest.approx(whole.u)
    assert parts.p_values == pytest.approx(whole.p_values)


def _threes(rows):
    return [slice(at, min(at + 3, rows)) for at in range(0, rows, 3)]
