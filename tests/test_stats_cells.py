"""Cells, and the bootstrap of gaps: definitions, invariants, calibration."""

import time

import numpy as np
import pytest
from scipy.stats import norm, studentized_range

from fairaudit.stats import cells as module
from fairaudit.stats.cells import Bootstrap, count_cells, largest_gap, resample


def table(sizes, rates, rng):
    """Exclusive groups of positives with binomial decisions."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    member = group[:, None] == np.arange(len(sizes))
    selected = rng.random(len(group)) < np.repeat(rates, sizes)
    return count_cells(member, np.ones(len(group), dtype=bool), selected)


def random_rows(n, groups, rng):
    member = rng.random((n, groups)) < 0.3
    return member, rng.random(n) < 0.5, rng.random(n) < 0.4


@pytest.mark.parametrize("groups", [1, 5, 70])
def test_cells_count_what_masks_count(groups):
    member, label, decision = random_rows(500, groups, np.random.default_rng(0))
    found = count_cells(member, label, decision)
    assert found.counts.sum() == 500
    for g in range(groups):
        masks = member[:, g], member[:, g] & label, member[:, g] & ~label
        assert found.totals[:, g].tolist() == [m.sum() for m in masks]
        assert found.successes[:, g].tolist() == [(m & decision).sum() for m in masks]


def test_cells_do_not_depend_on_the_order_of_rows():
    rng = np.random.default_rng(1)
    rows = random_rows(300, 4, rng)
    order = rng.permutation(300)
    one, two = count_cells(*rows), count_cells(*(part[order] for part in rows))
    assert np.array_equal(one.counts, two.counts)
    assert np.array_equal(one.member, two.member)
    assert np.array_equal(one.label, two.label)


def test_draws_vary_as_smoothed_proportions_do():
    cells = table([40, 60], [0.2, 0.5], np.random.default_rng(2))
    sample = resample(cells, 20_000, np.random.default_rng(3))
    hits, totals = cells.successes[1], cells.totals[1]
    smooth = (hits + 1) / (totals + 2)
    assert sample.centre[2:4] == pytest.approx(smooth)
    assert sample.draws[2:4].mean(axis=1) == pytest.approx(smooth, abs=0.003)
    expected = np.sqrt(smooth * (1 - smooth) / totals)
    assert sample.draws[2:4].std(axis=1) == pytest.approx(expected, rel=0.05)
    assert np.isnan(sample.centre[4:]).all()


def test_two_groups_give_the_normal_test_of_two_proportions():
    cells = table([400, 500], [0.4, 0.48], np.random.default_rng(4))
    sample = resample(cells, 40_000, np.random.default_rng(5))
    found = largest_gap(sample, [np.array([2, 3])], 0.95)
    smooth, n = sample.centre[2:4], cells.totals[1]
    error = np.sqrt((smooth * (1 - smooth) / n).sum())
    gap = abs(smooth[0] - smooth[1])
    assert found.p_value == pytest.approx(2 * norm.sf(gap / error), abs=0.01)
    assert found.low == pytest.approx(max(0, gap - 1.96 * error), abs=0.003)
    assert found.high == pytest.approx(gap + 1.96 * error, abs=0.003)
    assert found.pair == ((2, 3) if smooth[0] > smooth[1] else (3, 2))


def test_many_groups_give_tukeys_range():
    sizes = [1000] * 4
    cells = table(sizes, [0.5] * 4, np.random.default_rng(6))
    sample = resample(cells, 40_000, np.random.default_rng(7))
    found = largest_gap(sample, [np.arange(4, 8)], 0.95)
    centre = sample.centre[4:8]
    t = (centre.max() - centre.min()) / np.sqrt(2 * 0.25 / 1000)
    expected = studentized_range.sf(t * np.sqrt(2), 4, np.inf)
    assert found.p_value == pytest.approx(expected, abs=0.02)


def test_interval_and_p_value_agree():
    rng = np.random.default_rng(8)
    for rate in np.linspace(0.2, 0.45, 12):
        sample = resample(table([60, 60, 60], [0.2, 0.2, rate], rng), 999, rng)
        found = largest_gap(sample, [np.arange(3, 6)], 0.95)
        assert (found.low > 0) == (found.p_value <= 0.05)
        assert 0 <= found.low <= found.high <= 1


def test_groups_of_the_same_rows_have_no_gap():
    rng = np.random.default_rng(9)
    member, label, decision = random_rows(200, 1, rng)
    cells = count_cells(np.repeat(member, 2, axis=1), label, decision)
    found = largest_gap(resample(cells, 500, rng), [np.array([0, 1])], 0.95)
    assert (found.low, found.high, found.p_value) == (0, 0, 1)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_rates_without_variance_give_an_honest_interval(rate):
    rng = np.random.default_rng(10)
    sample = resample(table([20, 30], [rate, rate], rng), 2000, rng)
    found = largest_gap(sample, [np.array([2, 3])], 0.95)
    assert found.low == 0
    assert 0.1 < found.high < 0.25
    assert found.p_value > 0.2


def test_a_draw_without_the_group_counts_as_no_deviation():
    rng = np.random.default_rng(11)
    sample = resample(table([1, 3], [1.0, 0.0], rng), 5000, rng)
    assert np.isfinite(sample.draws[:4]).all()
    assert np.isfinite(largest_gap(sample, [np.array([0, 1])], 0.95).p_value)


def test_chunks_do_not_change_the_draws(monkeypatch):
    cells = table([40, 60, 20], [0.2, 0.5, 0.3], np.random.default_rng(12))
    whole = resample(cells, 300, np.random.default_rng(13))
    monkeypatch.setattr(module, "CHUNK", 100)
    parts = resample(cells, 300, np.random.default_rng(13))
    assert np.array_equal(whole.draws, parts.draws, equal_nan=True)
    family = [np.arange(3, 6)]
    assert largest_gap(whole, family, 0.9) == largest_gap(parts, family, 0.9)


def test_nothing_to_compare_is_refused():
    sample = Bootstrap(np.array([0.5, np.nan]), np.full((2, 9), 0.5))
    for family in ([0], [0, 1]):
        with pytest.raises(ValueError, match="at least two"):
            largest_gap(sample, [np.array(family)], 0.95)


def simulate(sizes, rates, runs, seed):
    rng = np.random.default_rng(seed)
    columns = np.arange(len(sizes), 2 * len(sizes))
    return [
        largest_gap(resample(table(sizes, rates, rng), 400, rng), [columns], 0.95)
        for _ in range(runs)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "rate"),
    [
        ([80] * 2, 0.5),
        ([150] * 2, 0.2),
        ([80] * 5, 0.5),
        ([40, 80, 150, 300, 600], 0.4),
    ],
)
def test_p_values_are_calibrated_where_groups_are_equal(sizes, rate):
    found = simulate(sizes, [rate] * len(sizes), 2000, 21)
    rejected = np.mean([gap.p_value <= 0.05 for gap in found])
    assert 0.03 <= rejected <= 0.07


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "rate"), [([10] * 2, 0.5), ([10, 1000], 0.1), ([10] * 5, 0.1)]
)
def test_small_counts_make_the_test_conservative(sizes, rate):
    found = simulate(sizes, [rate] * len(sizes), 1000, 22)
    assert np.mean([gap.p_value <= 0.05 for gap in found]) <= 0.06


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "rates"),
    [
        ([50, 50], [0.3, 0.5]),
        ([10, 10], [0.05, 0.95]),
        ([30] * 5, [0.1, 0.2, 0.3, 0.4, 0.5]),
        ([50] * 5, [0.1, 0.1, 0.1, 0.1, 0.3]),
    ],
)
def test_interval_covers_the_true_gap(sizes, rates):
    truth = max(rates) - min(rates)
    found = simulate(sizes, rates, 1000, 23)
    assert np.mean([gap.low <= truth <= gap.high for gap in found]) >= 0.94


def test_ten_thousand_draws_take_no_longer_than_seconds():
    rng = np.random.default_rng(14)
    member = rng.integers(0, 8, 100_000)[:, None] == np.arange(8)
    label, decision = rng.random((2, 100_000)) < 0.3
    count_cells(member[:9], label[:9], decision[:9])
    start = time.perf_counter()
    sample = resample(count_cells(member, label, decision), 10_000, rng)
    for first in (0, 8, 16):
        largest_gap(sample, [np.arange(first, first + 8)], 0.95)
    assert time.perf_counter() - start < 3
