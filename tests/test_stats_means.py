import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from fairaudit.stats import means
from fairaudit.stats.means import mean_difference, mean_interval, resampled_means

VALUES = hnp.arrays(np.float64, st.integers(2, 12), elements=st.floats(-100, 100))


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_the_interval_is_the_percentile_bootstrap_of_scipy(level):
    values = rng(5).exponential(size=80)
    mine = mean_interval(values, 40_000, level, rng(1))
    theirs = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=40_000,
        confidence_level=level,
        method="percentile",
        rng=rng(2),
        batch=2000,
    ).confidence_interval
    error = values.std() / np.sqrt(len(values))
    np.testing.assert_allclose(mine, theirs, atol=0.05 * error)
    assert mine[0] < values.mean() < mine[1]


def test_resampled_means_have_the_moments_of_the_bootstrap():
    values = rng(3).exponential(size=50)
    draws = resampled_means(values, 40_000, rng(1))
    error = values.std() / np.sqrt(50)
    assert draws.mean() == pytest.approx(values.mean(), abs=0.03 * error)
    assert draws.std() == pytest.approx(error, rel=0.02)


@pytest.mark.parametrize("chunk", [1, 700, 7 * 100 + 3, 1 << 24])
def test_the_size_of_the_chunks_changes_no_number(monkeypatch, chunk):
    values = rng(3).normal(size=7)
    whole = resampled_means(values, 501, rng(1))
    monkeypatch.setattr(means, "_CHUNK", chunk)
    np.testing.assert_array_equal(resampled_means(values, 501, rng(1)), whole)
    assert whole.shape == (501,)


def test_chunks_bound_the_memory_of_a_draw(monkeypatch):
    sizes = []

    class Watched:
        def integers(self, n, size):
            sizes.append(size)
            return np.zeros(size, dtype=np.int64)

    monkeypatch.setattr(means, "_CHUNK", 100)
    resampled_means(np.arange(30.0), 10, Watched())
    assert sizes == [(3, 30), (3, 30), (3, 30), (1, 30)]


@settings(deadline=None, max_examples=60)
@given(
    groups=st.lists(VALUES, min_size=2, max_size=4), level=st.sampled_from([0.9, 0.95])
)
def test_interval_and_p_value_agree_with_the_value_and_with_each_other(groups, level):
    gap = mean_difference(groups, 200, level, rng())
    centres = [group.mean() for group in groups]
    spread = max(centres) - min(centres)
    assert gap.value == pytest.approx(spread, abs=1e-9)
    assert 0 <= gap.low <= gap.value <= gap.high
    assert 1 / 201 <= gap.p_value <= 1
    if gap.low > 1e-9:
        assert gap.p_value <= 1 - level + 2 / 201
    if gap.p_value < 1 - level - 2 / 201:
        assert gap.low > 0


@settings(deadline=None, max_examples=40)
@given(
    groups=st.lists(VALUES, min_size=2, max_size=3),
    shift=st.integers(-1000, 1000),
)
def test_a_shift_of_all_values_changes_nothing(groups, shift):
    first = mean_difference(groups, 100, 0.95, rng())
    second = mean_difference([group + shift for group in groups], 100, 0.95, rng())
    assert second.value == pytest.approx(first.value, abs=1e-9)
    assert second.high == pytest.approx(first.high, abs=1e-7)


def test_two_groups_are_tested_as_by_welch():
    first, second = rng(1).normal(size=200), rng(2).normal(0.25, 2, size=150)
    gap = mean_difference([first, second], 20_000, 0.95, rng())
    welch = stats.ttest_ind(first, second, equal_var=False)
    assert gap.p_value == pytest.approx(welch.pvalue, abs=0.01)
    bound = sorted(map(abs, welch.confidence_interval(0.95)))[1]
    assert gap.high == pytest.approx(bound, rel=0.02)


def test_the_order_of_the_groups_changes_only_the_draws():
    groups = [rng(i).normal(0.1 * i, 1, size=60 + i) for i in range(3)]
    there = mean_difference(groups, 20_000, 0.95, rng())
    back = mean_difference(groups[::-1], 20_000, 0.95, rng())
    assert there.value == pytest.approx(back.value, abs=1e-12)
    assert there.p_value == pytest.approx(back.p_value, abs=0.015)
    assert there.low == pytest.approx(back.low, abs=0.01)
    assert there.high == pytest.approx(back.high, abs=0.01)


def test_the_interval_of_equal_groups_reaches_zero():
    values = rng(1).normal(size=40)
    gap = mean_difference([values, values, values[::-1]], 2000, 0.95, rng())
    assert gap.value == pytest.approx(0, abs=1e-12)
    assert (gap.low, gap.p_value) == (0, 1)
    assert gap.high > 0.3


def test_a_large_difference_is_beyond_every_draw():
    groups = [rng(1).normal(size=40), rng(2).normal(9, 1, size=40)]
    gap = mean_difference(groups, 999, 0.95, rng())
    assert gap.p_value == 1 / 1000
    assert gap.low > 8


@pytest.mark.parametrize("value", [0.0, 0.1, 1e-300, 1e300, -7.3])
def test_groups_of_one_same_value_do_not_differ(value):
    groups = [np.full(n, value) for n in (20, 31, 7)]
    gap = mean_difference(groups, 100, 0.95, rng())
    assert (gap.value, gap.low, gap.high, gap.p_value) == (0, 0, 0, 1)


@pytest.mark.parametrize("value", [0.3, 10.0, 1e9])
def test_groups_of_one_value_each_differ_by_it(value):
    groups = [np.full(20, 0.1), np.full(31, 0.1 + value)]
    gap = mean_difference(groups, 100, 0.95, rng())
    np.testing.assert_allclose([gap.low, gap.value, gap.high], value, rtol=1e-12)
    assert gap.p_value == 1 / 101


def simulate(shifts, runs, seed):
    source = rng(seed)
    for _ in range(runs):
        groups = [source.exponential(size=60) + shift for shift in shifts]
        yield mean_difference(groups, 400, 0.95, source)


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_under_the_null_five_in_a_hundred_p_values_are_below_five_hundredths(count):
    gaps = list(simulate([0.0] * count, 2000, seed=11))
    share = np.mean([gap.p_value < 0.05 for gap in gaps])
    assert 0.03 <= share <= 0.07
    assert np.mean([gap.low == 0 for gap in gaps]) >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize("shifts", [(0, 0.5), (0, 0, 0, 0.6), (0, 0.2, 0.4, 0.6)])
def test_the_interval_covers_the_largest_true_difference(shifts):
    truth = max(shifts) - min(shifts)
    gaps = list(simulate(shifts, 1500, seed=12))
    assert np.mean([gap.low <= truth <= gap.high for gap in gaps]) >= 0.94
