"""Bootstraps and the gaps inferred from them: definitions, invariants, calibration."""

import time

import numpy as np
import pytest
from scipy.stats import norm, studentized_range, t

from fairaudit.stats import bootstrap as module
from fairaudit.stats import units as chunking
from fairaudit.stats.bootstrap import Bootstrap, inflation, normal_draws, resample
from fairaudit.stats.cells import Cells, count_cells, one_vs_rest
from fairaudit.stats.gaps import largest_gap
from fairaudit.stats.patterns import patterns
from fairaudit.stats.units import cluster_units, row_units

RATES = one_vs_rest((1,), 2)
LEVEL = 0.95


def counted(member, label, decision):
    code, first = patterns(member)
    return count_cells(member[first], code, label, decision), code


def table(sizes, rates, rng):
    """Exclusive groups of positives with binomial decisions."""
    hits = rng.binomial(sizes, rates)
    counts = np.zeros((len(sizes), 2, 2), dtype=np.int64)
    counts[:, 1] = np.column_stack([np.array(sizes) - hits, hits])
    return Cells(np.eye(len(sizes), dtype=bool), counts)


def draw(cells, draws, rng):
    return resample(row_units(cells), RATES, draws, rng, LEVEL)


def test_draws_vary_as_smoothed_proportions_do():
    cells = table([40, 60], [0.2, 0.5], np.random.default_rng(2))
    sample = draw(cells, 20_000, np.random.default_rng(3))
    hits, totals = cells.tables[:, 1, 1], cells.tables[:, 1].sum(axis=1)
    smooth = (hits + 1) / (totals + 2)
    assert sample.centre[2:4] == pytest.approx(smooth)
    assert sample.draws[2:4].mean(axis=1) == pytest.approx(smooth, abs=0.004)
    expected = np.sqrt(smooth * (1 - smooth) / totals)
    assert sample.draws[2:4].std(axis=1) == pytest.approx(expected, rel=0.05)


def test_the_limit_varies_as_the_bootstrap_does(monkeypatch):
    """Groups that overlap included; the limit takes over where cells are many."""
    rng = np.random.default_rng(4)
    member = rng.random((3000, 4)) < 0.4
    label = rng.integers(0, 2, 3000)
    decision = rng.random(3000) < np.where(label == 1, 0.7, 0.2)
    cells, _ = counted(member, label, decision)
    exact = draw(cells, 20_000, np.random.default_rng(5))
    monkeypatch.setattr(module, "EXACT", 0)
    limit = draw(cells, 20_000, np.random.default_rng(6))
    assert np.array_equal(exact.centre, limit.centre)
    assert limit.spread == pytest.approx(exact.spread, rel=0.05)
    correlation = [np.corrcoef(sample.draws) for sample in (exact, limit)]
    assert correlation[0] == pytest.approx(correlation[1], abs=0.04)
    assert (exact.method, limit.method) == (
        "multinomial bootstrap of counts, smoothed",
        "normal limit of the bootstrap of counts, smoothed",
    )


def test_two_groups_give_the_normal_test_of_two_proportions():
    cells = table([400, 500], [0.4, 0.48], np.random.default_rng(4))
    sample = draw(cells, 40_000, np.random.default_rng(5))
    found = largest_gap(sample, [np.array([2, 3])], LEVEL)
    smooth, n = sample.centre[2:4], cells.tables[:, 1].sum(axis=1)
    error = np.sqrt((smooth * (1 - smooth) / n).sum())
    gap = abs(smooth[0] - smooth[1])
    assert found.p_value == pytest.approx(2 * norm.sf(gap / error), abs=0.01)
    assert found.low == pytest.approx(max(0, gap - 1.96 * error), abs=0.003)
    assert found.high == pytest.approx(gap + 1.96 * error, abs=0.003)
    (pair,) = found.pairs
    expected = (2, 3) if smooth[0] > smooth[1] else (3, 2)
    assert (pair.higher, pair.lower) == expected
    assert pair.difference == pytest.approx(gap)
    assert pair.p_value == pair.p_alone == found.p_value


def test_many_groups_give_tukeys_range():
    cells = table([1000] * 4, [0.5] * 4, np.random.default_rng(6))
    sample = draw(cells, 40_000, np.random.default_rng(7))
    found = largest_gap(sample, [np.arange(4, 8)], LEVEL)
    centre = sample.centre[4:8]
    range_ = (centre.max() - centre.min()) / np.sqrt(2 * 0.25 / 1000)
    expected = studentized_range.sf(range_ * np.sqrt(2), 4, np.inf)
    assert found.p_value == pytest.approx(expected, abs=0.02)
    alone = [pair.p_alone for pair in found.pairs]
    normal = [
        2 * norm.sf(pair.difference / np.sqrt(2 * 0.25 / 1000)) for pair in found.pairs
    ]
    assert alone == pytest.approx(normal, abs=0.02)
    assert all(pair.p_value >= pair.p_alone for pair in found.pairs)
    assert len(found.pairs) == 6


def test_the_strongest_ten_pairs_are_kept():
    cells = table([50] * 8, np.linspace(0.1, 0.9, 8), np.random.default_rng(6))
    found = largest_gap(draw(cells, 500, np.random.default_rng(7)), [np.arange(8)], 0.9)
    assert len(found.pairs) == 10
    assert found.pairs[0].p_value == found.p_value
    assert sorted(p.p_value for p in found.pairs) == [p.p_value for p in found.pairs]


def test_interval_and_p_value_agree():
    rng = np.random.default_rng(8)
    for rate in np.linspace(0.2, 0.45, 12):
        sample = draw(table([60, 60, 60], [0.2, 0.2, rate], rng), 999, rng)
        found = largest_gap(sample, [np.arange(3, 6)], LEVEL)
        assert (found.low > 0) == (found.p_value <= 0.05)
        assert 0 <= found.low <= found.high <= 1


def test_groups_of_the_same_rows_have_no_gap():
    rng = np.random.default_rng(9)
    member = np.repeat(rng.random((200, 1)) < 0.3, 2, axis=1)
    cells, _ = counted(member, rng.integers(0, 2, 200), rng.integers(0, 2, 200))
    found = largest_gap(draw(cells, 500, rng), [np.array([0, 1])], LEVEL)
    assert (found.low, found.high, found.p_value) == (0, 0, 1)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_rates_without_variance_give_an_honest_interval(rate):
    rng = np.random.default_rng(10)
    sample = draw(table([20, 30], [rate, rate], rng), 2000, rng)
    found = largest_gap(sample, [np.array([2, 3])], LEVEL)
    assert found.low == 0
    assert 0.1 < found.high < 0.25
    assert found.p_value > 0.2


def test_a_draw_without_the_group_counts_as_no_deviation():
    rng = np.random.default_rng(11)
    sample = draw(table([1, 3], [1.0, 0.0], rng), 5000, rng)
    assert np.isfinite(sample.draws[:4]).all()
    assert np.isfinite(largest_gap(sample, [np.array([0, 1])], LEVEL).p_value)


def test_chunks_do_not_change_the_draws(monkeypatch):
    cells = table([40, 60, 20], [0.2, 0.5, 0.3], np.random.default_rng(12))
    whole = draw(cells, 300, np.random.default_rng(13))
    monkeypatch.setattr(chunking, "CHUNK", 100)
    parts = draw(cells, 300, np.random.default_rng(13))
    assert np.allclose(whole.draws, parts.draws, rtol=0, atol=1e-14)
    family = [np.arange(3, 6)]
    one, two = (largest_gap(sample, family, 0.9) for sample in (whole, parts))
    assert (one.p_value, one.low) == pytest.approx((two.p_value, two.low))


def test_nothing_to_compare_is_refused():
    sample = Bootstrap(np.array([0.5, np.nan]), np.full((2, 9), 0.5))
    for family in ([0], [0, 1]):
        with pytest.raises(ValueError, match="at least two"):
            largest_gap(sample, [np.array(family)], LEVEL)


def test_a_gap_without_any_noise_is_beyond_every_draw():
    sample = Bootstrap(np.array([0.1, 0.9]), np.tile([[0.1], [0.9]], (1, 99)))
    found = largest_gap(sample, [np.arange(2)], LEVEL)
    assert found.p_value == 1 / 100
    assert (found.low, found.high) == pytest.approx((0.8, 0.8))


def test_logarithms_are_linear_in_the_draws():
    sample = Bootstrap(np.array([0.5, 0.25]), np.array([[0.5, 0.6], [0.2, 0.25]]))
    found = sample.logs()
    assert found.centre == pytest.approx(np.log([0.5, 0.25]))
    assert found.draws - found.centre[:, None] == pytest.approx(
        np.array([[0, 0.2], [-0.2, 0]])
    )


def test_critical_value_of_one_and_of_independent_columns():
    rng = np.random.default_rng(14)
    sample = normal_draws(np.zeros(5), np.eye(5), 60_000, rng)
    assert sample.critical(np.array([0]), LEVEL) == pytest.approx(1.96, abs=0.02)
    together = norm.ppf((1 + LEVEL ** (1 / 5)) / 2)
    assert sample.critical(np.arange(5), LEVEL) == pytest.approx(together, abs=0.03)


def test_normal_draws_take_a_singular_covariance():
    rng = np.random.default_rng(15)
    covariance = np.array([[1.0, 1.0], [1.0, 1.0]])
    sample = normal_draws(np.array([1.0, 2.0]), covariance, 500, rng)
    assert np.allclose(sample.draws[1] - sample.draws[0], 1.0)


def test_inflation_turns_normal_intervals_into_those_of_student():
    found = inflation(np.array([1, 5, 1000]), 0.9)
    expected = np.sqrt(5 / 4) * t.ppf(0.95, 4) / norm.ppf(0.95)
    assert found[0] == 1
    assert found[1] == pytest.approx(expected)
    assert found[2] == pytest.approx(1, abs=0.002)


def clustered(groups, clusters, size, rate, spread, rng):
    """Clusters of positives with their own selection rate, one group each."""
    group = np.repeat(np.arange(groups), clusters * size)
    own = np.clip(rng.normal(rate, spread, groups * clusters), 0, 1)
    selected = rng.random(len(group)) < np.repeat(own, size)
    cluster = np.repeat(np.arange(groups * clusters), size)
    member = group[:, None] == np.arange(groups)
    label = np.ones(len(group), dtype=int)
    cells, code = counted(member, label, selected)
    units = cluster_units(cells, code, label, selected.astype(int), cluster)
    return cells, units


def test_clusters_give_the_variance_of_cluster_means():
    rng = np.random.default_rng(16)
    cells, units = clustered(2, 60, 30, 0.4, 0.2, rng)
    sample = resample(units, RATES, 20_000, rng, LEVEL)
    factor = inflation(np.array([60]), LEVEL)[0]
    for group in (0, 1):
        rows = units.tables.toarray()[group * 60 : group * 60 + 60]
        mean = rows[:, 4 * group + 3] / 30
        assert sample.spread[2 + group] == pytest.approx(
            factor * mean.std() / np.sqrt(60), rel=0.06
        )
    assert sample.clusters[2:4].tolist() == [60, 60]
    plain = resample(row_units(cells), RATES, 2000, rng, LEVEL)
    assert (sample.spread[2:4] > 1.5 * plain.spread[2:4]).all()
    assert plain.clusters is None


def test_clusters_of_one_row_are_rows():
    rng = np.random.default_rng(17)
    cells, units = clustered(2, 200, 1, 0.4, 0.0, rng)
    single = resample(units, RATES, 20_000, np.random.default_rng(1), LEVEL)
    plain = resample(row_units(cells), RATES, 20_000, np.random.default_rng(2), LEVEL)
    assert single.centre == pytest.approx(plain.centre, nan_ok=True)
    assert single.spread[:4] == pytest.approx(plain.spread[:4], rel=0.05)


def test_clusters_of_one_mind_leave_room_for_others():
    rng = np.random.default_rng(18)
    _, units = clustered(2, 15, 100, 0.0, 0.0, rng)
    sample = resample(units, RATES, 2000, rng, LEVEL)
    found = largest_gap(sample, [np.array([2, 3])], LEVEL)
    assert 0.1 < found.high < 0.4


def simulate(sizes, rates, runs, seed, draws=400):
    rng = np.random.default_rng(seed)
    columns = np.arange(len(sizes), 2 * len(sizes))
    return [
        largest_gap(draw(table(sizes, rates, rng), draws, rng), [columns], LEVEL)
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


@pytest.mark.slow
@pytest.mark.parametrize(("clusters", "size"), [(12, 20), (40, 10)])
def test_clustered_rows_keep_the_level_of_the_test(clusters, size):
    """Taken as independent, the same rows reject far too often."""
    rng = np.random.default_rng(24)
    rejected, as_rows = [], []
    for _ in range(300):
        cells, units = clustered(3, clusters, size, 0.5, 0.15, rng)
        for found, kind in ((rejected, units), (as_rows, row_units(cells))):
            sample = resample(kind, RATES, 300, rng, LEVEL)
            found.append(largest_gap(sample, [np.arange(3, 6)], LEVEL).p_value <= 0.05)
    assert np.mean(rejected) <= 0.065
    assert np.mean(as_rows) > 0.12


def test_ten_thousand_draws_take_no_longer_than_seconds():
    rng = np.random.default_rng(14)
    member = rng.integers(0, 8, 100_000)[:, None] == np.arange(8)
    label, decision = rng.integers(0, 2, (2, 100_000))
    counted(member[:9], label[:9], decision[:9])
    start = time.perf_counter()
    sample = draw(counted(member, label, decision)[0], 10_000, rng)
    for first in range(0, 40, 8):
        largest_gap(sample, [np.arange(first, first + 8)], LEVEL)
    assert time.perf_counter() - start < 3
