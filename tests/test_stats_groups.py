"""Means, distances, sizes under noise and power means of groups."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fairaudit.stats.binned import binned_means
from fairaudit.stats.bootstrap import inflation
from fairaudit.stats.calibration import calibration_errors
from fairaudit.stats.distance import largest_distance, wasserstein
from fairaudit.stats.norms import chance_of_size, norm, norm_intervals
from fairaudit.stats.patterns import patterns
from fairaudit.stats.powermean import WeightedMeans, power_mean

LEVEL = 0.95


def overlapping(n, groups, rng):
    member = rng.random((n, groups)) < 0.5
    member[0] = True
    code, first = patterns(member)
    return member, member[first], code


@pytest.mark.parametrize("clustered", [False, True])
def test_sums_in_bins_and_their_covariance_by_moves_of_rows(clustered):
    rng = np.random.default_rng(0)
    rows, member, code = overlapping(120, 3, rng)
    values, bins = rng.normal(size=120), rng.integers(0, 4, 120)
    cluster = rng.integers(0, 30, 120) if clustered else np.arange(120)
    given_clusters = cluster if clustered else None
    found = binned_means(member, code, values, bins, 4, given_clusters)
    size = rows.sum(axis=0)
    in_bin = bins[:, None] == np.arange(4)
    part = rows[:, :, None] * in_bin[:, None, :] * values[:, None, None]
    means = part.sum(axis=0) / size[:, None]
    moves = (part - means * rows[:, :, None]) / size[:, None]
    by_unit = np.zeros((cluster.max() + 1, 12))
    np.add.at(by_unit, cluster, moves.reshape(120, -1))
    assert found.means == pytest.approx(means)
    assert found.covariance == pytest.approx(by_unit.T @ by_unit, abs=1e-12)
    expected = [len(np.unique(cluster[rows[:, g]])) for g in range(3)]
    assert found.units.tolist() == expected


def test_one_bin_gives_the_means_of_groups_and_student_intervals():
    rng = np.random.default_rng(1)
    values = rng.exponential(size=40)
    member, code = np.ones((1, 1), dtype=bool), np.zeros(40, dtype=int)
    found = binned_means(member, code, values, np.zeros(40, dtype=int), 1)
    sample = found.draws(60_000, rng, LEVEL)
    half = stats.norm.ppf(0.975) * sample.spread[0]
    reference = stats.t.interval(LEVEL, 39, values.mean(), stats.sem(values))
    assert sample.centre[0] == pytest.approx(values.mean())
    assert sample.centre[0] + np.array([-half, half]) == pytest.approx(
        np.array(reference), abs=0.005
    )


@given(
    st.lists(st.integers(0, 8), min_size=1, max_size=12),
    st.lists(st.integers(0, 8), min_size=1, max_size=12),
)
def test_wasserstein_is_that_of_scipy(first, second):
    scores = np.r_[first, second] / 8
    code = np.repeat([0, 1], [len(first), len(second)])
    order = np.argsort(scores, kind="stable")
    found = wasserstein(np.eye(2, dtype=bool), code[order], scores[order])
    expected = stats.wasserstein_distance(np.array(first) / 8, np.array(second) / 8)
    assert found[0, 1] == found[1, 0] == pytest.approx(expected, abs=1e-12)


def test_chunks_and_overlaps_do_not_change_distances(monkeypatch):
    rng = np.random.default_rng(2)
    rows, member, code = overlapping(300, 4, rng)
    scores = np.sort(rng.random(300))
    whole = wasserstein(member, code, scores)
    monkeypatch.setattr("fairaudit.stats.units.CHUNK", 50)
    assert wasserstein(member, code, scores) == pytest.approx(whole, abs=1e-12)
    expected = stats.wasserstein_distance(scores[rows[:, 0]], scores[rows[:, 3]])
    assert whole[0, 3] == pytest.approx(expected)


def distance_of(groups, rng, draws=400, clusters=None):
    scores = np.concatenate(groups)
    code = np.repeat(np.arange(len(groups)), [len(g) for g in groups])
    order = np.argsort(scores, kind="stable")
    member = np.eye(len(groups), dtype=bool)
    some = None if clusters is None else clusters[order]
    return largest_distance(member, code[order], scores[order], draws, LEVEL, rng, some)


def test_distance_is_near_the_permutation_test():
    rng = np.random.default_rng(3)
    first, second = rng.beta(2, 2, 60), rng.beta(2.8, 2, 80)
    found = distance_of([first, second], rng, 4000)
    reference = stats.permutation_test(
        (first, second),
        stats.wasserstein_distance,
        n_resamples=2000,
        alternative="greater",
        vectorized=False,
        rng=np.random.default_rng(0),
    )
    assert found.value == pytest.approx(reference.statistic)
    assert found.p_value == pytest.approx(reference.pvalue, abs=0.06)
    assert found.low < found.value < found.high
    assert found.pair == (0, 1)


def test_far_apart_constant_and_clustered_scores():
    rng = np.random.default_rng(4)
    far = distance_of([np.full(20, 0.1), np.full(30, 0.9)], rng)
    assert (far.value, far.p_value) == pytest.approx((0.8, 1 / 401))
    same = distance_of([np.full(20, 0.5), np.full(30, 0.5)], rng)
    assert (same.value, same.low, same.p_value) == (0, 0, 1)
    groups = [np.repeat(rng.random(6), 20), np.repeat(rng.random(6), 20)]
    plain = distance_of(groups, rng)
    whole = distance_of(groups, rng, clusters=np.repeat(np.arange(12), 20))
    assert whole.p_value > 4 * plain.p_value


def errors(score, outcome, rng, bins=10, draws=400, clusters=None):
    member, code = np.ones((1, 1), dtype=bool), np.zeros(len(score), dtype=int)
    return calibration_errors(
        member, code, score, outcome, bins, draws, LEVEL, rng, clusters
    )


def test_calibration_error_by_its_definition():
    rng = np.random.default_rng(5)
    score = np.r_[rng.random(300), 0.0, 0.1, 0.7, 1.0]
    outcome = rng.random(304) < score**2
    found = errors(score, outcome, rng)
    expected = 0.0
    for low in range(10):
        inside = np.minimum((score * 10).astype(int), 9) == low
        gap = outcome[inside].mean() - score[inside].mean()
        expected += inside.mean() * abs(gap)
    assert found.values[0] == pytest.approx(expected, abs=1e-12)
    ((low, high),) = found.intervals(LEVEL)
    assert 0 < low < found.values[0] < high < 1
    wider = found.intervals(0.99)[0]
    assert wider[0] <= low < high < wider[1]


def test_sizes_and_their_chance_under_noise():
    vectors = np.array([[3.0, -4.0]])
    assert norm(vectors, "sum")[0] == 7
    assert norm(vectors, "rms")[0] == pytest.approx(np.sqrt(12.5))
    noise = np.random.default_rng(6).normal(0, 1, (1, 2, 4000))
    chance = chance_of_size(np.array([[1.0, 1.0]]), noise, "rms")[0]
    assert chance == pytest.approx(stats.chi2.sf(2, 2), abs=0.02)
    ((low, high),) = norm_intervals(vectors, noise, "rms", LEVEL)
    assert low < 3.5 < high
    ((low, high),) = norm_intervals(np.zeros((1, 2)), noise, "sum", LEVEL)
    assert low == 0
    assert 2 < high < 5


@given(
    st.lists(st.floats(0.01, 1), min_size=1, max_size=9), st.sampled_from([-5, -1, 2])
)
def test_power_mean_by_its_definition_and_gradient(values, power):
    values = np.array(values)
    mean = power_mean(values, power)
    assert mean == pytest.approx(np.mean(values**power) ** (1 / power))
    assert values.min() - 1e-12 <= mean <= values.max() + 1e-12
    sums = WeightedMeans(power, [(0.5, np.arange(len(values))), (2.0, np.array([0]))])
    assert sums.value(values) == pytest.approx(0.5 * mean + 2 * values[0])
    step = np.zeros(len(values))
    step[-1] = 1e-6
    slope = (sums.value(values + step) - sums.value(values - step)) / 2e-6
    assert sums.gradient(values)[-1] == pytest.approx(slope, rel=1e-3, abs=1e-4)


def test_power_mean_of_a_zero():
    assert power_mean(np.array([0.0, 0.9]), -5) == 0
    assert power_mean(np.array([0.0, 1.0]), 1) == 0.5
    assert power_mean(np.zeros(2), 2) == 0
    assert WeightedMeans(-5, [(1.0, np.arange(2))]).gradient(np.zeros(2)).tolist() == [
        0,
        0,
    ]


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(10, 500), (40, 60, 80)])
def test_distance_keeps_its_level(sizes):
    rng = np.random.default_rng(7)
    found = [
        distance_of([rng.beta(0.5, 0.5, n) for n in sizes], rng, 300)
        for _ in range(400)
    ]
    assert 0.02 <= np.mean([f.p_value <= 0.05 for f in found]) <= 0.07


@pytest.mark.slow
def test_interval_of_the_distance_covers_it():
    rng = np.random.default_rng(8)
    grid = np.linspace(0, 1, 2001)
    gap = stats.beta.cdf(grid, 2, 2) - stats.beta.cdf(grid, 3, 2)
    truth = np.abs(gap).mean()
    found = [
        distance_of([rng.beta(2, 2, 60), rng.beta(3, 2, 90), rng.beta(2, 2, 30)], rng)
        for _ in range(300)
    ]
    assert np.mean([f.low <= truth <= f.high for f in found]) >= 0.94


@pytest.mark.slow
@pytest.mark.parametrize(
    ("slope", "n"), [(0.0, 40), (0.0, 400), (0.05, 400), (0.3, 40), (0.3, 400)]
)
def test_interval_of_the_calibration_error_covers_it(slope, n):
    """Conservative, as it says; a calibrated classifier included."""
    rng = np.random.default_rng(9)
    truth = 0.5 * slope
    covered = []
    for _ in range(300):
        score = rng.random(n)
        outcome = rng.random(n) < score * (1 - slope)
        ((low, high),) = errors(score, outcome, rng, draws=300).intervals(LEVEL)
        covered.append(low <= truth <= high)
    assert np.mean(covered) >= 0.94


@pytest.mark.slow
@pytest.mark.parametrize("size", [0.0, 0.1])
def test_interval_of_a_root_mean_square_covers_it(size):
    rng = np.random.default_rng(10)
    truth = np.full(12, size) * rng.choice([-1, 1], 12)
    covered, rejected = [], []
    for _ in range(400):
        found = (truth + rng.normal(0, 0.07, 12))[None]
        noise = rng.normal(0, 0.07, (1, 12, 300))
        ((low, high),) = norm_intervals(found, noise, "rms", LEVEL)
        covered.append(low <= size <= high)
        rejected.append(chance_of_size(found, noise, "rms")[0] <= 0.05)
    assert np.mean(covered) >= 0.94
    assert (np.mean(rejected) <= 0.07) == (size == 0)


@pytest.mark.slow
def test_inflated_means_of_few_clusters_cover_the_mean():
    rng = np.random.default_rng(11)
    member, code = np.ones((1, 1), dtype=bool), np.zeros(80, dtype=int)
    cluster = np.repeat(np.arange(8), 10)
    covered = []
    for _ in range(700):
        values = rng.normal(size=80) + rng.normal(size=8)[cluster]
        found = binned_means(member, code, values, code, 1, cluster)
        factor = inflation(found.units, LEVEL)[0]
        half = 1.96 * np.sqrt(found.covariance[0, 0]) * factor
        covered.append(abs(found.means[0, 0]) <= half)
    assert 0.93 <= np.mean(covered) <= 0.97
