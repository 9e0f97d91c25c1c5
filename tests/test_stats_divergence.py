"""Divergence of texts against brute force and by simulation."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import entropy

from fairaudit.stats.divergence import discrepancy, jensen_shannon


def test_divergence_is_the_mean_information_about_the_source():
    first, second = Counter("aaabbc"), Counter("abbbdd")
    p, q = (np.array([c[x] for x in "abcd"]) / 6 for c in (first, second))
    middle = (p + q) / 2
    expected = (entropy(p, middle, base=2) + entropy(q, middle, base=2)) / 2
    assert jensen_shannon(first, second) == pytest.approx(expected, abs=1e-10)
    assert jensen_shannon(second, first) == jensen_shannon(first, second)


def test_discrepancy_equals_the_double_sum():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 3)), rng.normal(1.0, size=(7, 3))
    pooled = np.concatenate([x, y])
    squares = [
        ((a - b) ** 2).sum() for i, a in enumerate(pooled) for b in pooled[i + 1 :]
    ]

    def kernel(a, b):
        return np.exp(-((a - b) ** 2).sum() / np.median(squares))

    def within(z):
        pairs = [(i, j) for i in range(len(z)) for j in range(len(z)) if i != j]
        return np.mean([kernel(z[i], z[j]) for i, j in pairs])

    across = np.mean([kernel(a, b) for a in x for b in y])
    found = discrepancy(x, y, 99, rng)
    assert found.value == pytest.approx(within(x) + within(y) - 2 * across, abs=1e-12)


def test_far_samples_are_told_apart_and_equal_ones_mostly_not():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 2))
    assert discrepancy(x, x + 3, 199, rng).p_value == pytest.approx(1 / 200)
    null = [
        discrepancy(*rng.normal(size=(2, 20, 2)), 99, rng).p_value < 0.05
        for _ in range(300)
    ]
    assert np.mean(null) < 0.09


def test_equal_vectors_differ_by_nothing():
    found = discrepancy(np.ones((4, 2)), np.ones((5, 2)), 49, np.random.default_rng(0))
    assert (found.value, found.p_value) == (pytest.approx(0), 1.0)
