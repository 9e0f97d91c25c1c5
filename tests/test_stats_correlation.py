"""Correlation coefficients against scipy, and their inference by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from fairaudit.stats.correlation import (
    COEFFICIENTS,
    bootstrap_interval,
    coefficients,
    leave_one_out,
    permutation_test,
    standard_interval,
)

SCIPY = {
    "pearson": stats.pearsonr,
    "spearman": stats.spearmanr,
    "kendall": stats.kendalltau,
}
WHOLE = st.integers(-4, 4).map(float)


def normal_pairs(n, rho, rng, size=()):
    x, e = rng.standard_normal((2, *size, n))
    return x, rho * x + np.sqrt(1 - rho**2) * e


@pytest.mark.parametrize("kind", COEFFICIENTS)
@given(values=arrays(float, (2, 9), elements=WHOLE))
def test_equals_scipy_ties_included(kind, values):
    x, y = values
    found = float(coefficients(kind, x, y))
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(SCIPY[kind](x, y).statistic, abs=1e-12)


@pytest.mark.parametrize("kind", COEFFICIENTS)
def test_works_along_the_last_axis(kind):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 5, 8))
    one_by_one = [coefficients(kind, a, b) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(coefficients(kind, x, y), one_by_one, atol=1e-12)


def test_pearson_interval_equals_scipy():
    x, y = normal_pairs(12, 0.5, np.random.default_rng(1))
    reference = stats.pearsonr(x, y)
    low, high = standard_interval("pearson", reference.statistic, 12, 0.9)
    expected = reference.confidence_interval(0.9)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("kind", COEFFICIENTS)
def test_has_no_interval_where_none_is_defined(kind):
    assert standard_interval(kind, 0.5, 3, 0.95) is None
    assert standard_interval(kind, 1.0, 30, 0.95) is None


@pytest.mark.parametrize("kind", COEFFICIENTS)
def test_exact_permutation_p_equals_scipy(kind):
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    y = np.array([2.0, 1.0, 4.0, 3.0, 6.0, 5.5])
    found = permutation_test(kind, x, y, 10, np.random.default_rng(0))
    reference = stats.permutation_test(
        (y,),
        lambda shuffled: abs(SCIPY[kind](x, shuffled).statistic),
        permutation_type="pairings",
        alternative="greater",
        n_resamples=np.inf,
        vectorized=False,
    )
    assert found.p_value == pytest.approx(reference.pvalue, abs=1e-12)
    assert found.method == "all 720 permutations"


def test_sampled_permutation_p_is_near_the_asymptotic_one():
    x, y = normal_pairs(60, 0.3, np.random.default_rng(3))
    found = permutation_test("pearson", x, y, 20_000, np.random.default_rng(0))
    assert found.p_value == pytest.approx(stats.pearsonr(x, y).pvalue, abs=0.005)


def test_sampled_p_is_never_zero():
    x = np.arange(20.0)
    found = permutation_test("pearson", x, x, 99, np.random.default_rng(0))
    assert found.p_value == pytest.approx(0.01)


def test_leave_one_out_is_the_range_over_models():
    x, y = normal_pairs(8, 0.4, np.random.default_rng(5))
    expected = [
        stats.spearmanr(np.delete(x, i), np.delete(y, i)).statistic for i in range(8)
    ]
    found = leave_one_out("spearman", x, y)
    assert found == pytest.approx((min(expected), max(expected)), abs=1e-12)


def test_a_side_that_varies_once_only_has_no_bootstrap():
    x = np.array([1.0, 0, 0, 0, 0])
    rng = np.random.default_rng(0)
    assert bootstrap_interval("pearson", x, np.arange(5.0), 0.95, 500, rng) is None


@pytest.mark.parametrize("kind", COEFFICIENTS)
def test_constant_values_of_any_size_do_not_vary(kind):
    constant = np.full(7, 1e9) + np.array([0, 0, 0, 0, 0, 0, 1e-7])
    assert np.isnan(coefficients("pearson", constant, np.arange(7.0)))
    assert np.isnan(coefficients(kind, np.full(7, 0.1), np.arange(7.0)))


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_interval_covers_as_often_as_it_says(rho):
    rng = np.random.default_rng(11)
    x, y = normal_pairs(19, rho, rng, (6000,))
    truth = {
        "pearson": rho,
        "spearman": 6 / np.pi * np.arcsin(rho / 2),
        "kendall": 2 / np.pi * np.arcsin(rho),
    }
    for kind, expected in truth.items():
        found = coefficients(kind, x, y)
        bounds = [standard_interval(kind, float(r), 19, 0.95) for r in found]
        covered = np.mean([low <= expected <= high for low, high in bounds])
        assert 0.93 <= covered <= 0.97, (kind, covered)


@pytest.mark.slow
def test_permutation_p_is_uniform_under_independence():
    rng = np.random.default_rng(12)
    found = [
        permutation_test("spearman", *normal_pairs(12, 0.0, rng), 199, rng).p_value
        for _ in range(1500)
    ]
    assert 0.03 <= np.mean(np.array(found) < 0.05) <= 0.07
