"""The metric `disparity`: several classes, intersections, clusters and calibration."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, confusion_matrix

from fairaudit.metric import Unmeasurable
from fairaudit_metrics.extrinsic.axes import axes_of
from fairaudit_metrics.extrinsic.decisions import at_threshold
from fairaudit_metrics.extrinsic.disparity import Disparity
from fairaudit_metrics.extrinsic.rate_gaps import gap_findings
from fairaudit_metrics.extrinsic.rates import RateTable
from tests.labelled import card, examples, only, random_case, run, split

NAMES = ("anger", "fear", "joy")
THREE = card(NAMES)


def audit(data, scores, seed=0, model=None, **params):
    metric = Disparity(**{"min_count": 1, "draws": 200, **params})
    return run(metric, data, scores, model, seed)


def three_classes(n=400, seed=0, groups=2):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    table = rng.dirichlet(np.ones(3), n) + 0.3 * np.eye(3)[labels]
    names = rng.choice([f"g{at}" for at in range(groups)], n)
    return labels, table / table.sum(axis=1, keepdims=True), names


def test_each_class_is_rated_against_the_others():
    labels, table, names = three_classes()
    data = examples(labels, split(names), label_names=NAMES)
    findings = audit(data, table, model=THREE)
    chosen = table.argmax(axis=1)
    for group, inside in split(names).items():
        counts = confusion_matrix(labels[inside], chosen[inside])
        for at, name in enumerate(NAMES):
            subject = f"axis={group}, class {name}"
            expected = {
                "selection_rate": counts[:, at].sum() / counts.sum(),
                "true_positive_rate": counts[at, at] / counts[at].sum(),
                "false_positive_rate": (counts[:, at].sum() - counts[at, at])
                / (counts.sum() - counts[at].sum()),
                "positive_predictive_value": counts[at, at] / counts[:, at].sum(),
            }
            for rate, value in expected.items():
                found = only(findings, rate, subject)
                assert found.value == pytest.approx(value, abs=1e-9)
                assert found.detail["positives"] == counts[at].sum()
        accuracy = only(findings, "accuracy", f"axis={group}")
        assert accuracy.value == pytest.approx(np.trace(counts) / counts.sum())


def test_one_test_of_a_rate_covers_all_classes():
    labels, table, names = three_classes(900)
    table[names == "g0", 2] += 0.3
    data = examples(labels, split(names), label_names=NAMES)
    findings = audit(data, table, model=THREE, draws=1000)
    gap = only(findings, "selection_rate_difference")
    rates = {
        name: [
            only(findings, "selection_rate", f"axis={g}, class {name}").value
            for g in ("g0", "g1")
        ]
        for name in NAMES
    }
    widest = max(rates, key=lambda name: abs(np.subtract(*rates[name])))
    assert widest == "joy"
    assert gap.value == pytest.approx(abs(np.subtract(*rates["joy"])))
    assert gap.subject == "axis: g0 vs g1, class joy"
    assert gap.detail["rate"] == "selection_rate of joy"
    assert gap.p_value == 1 / 1001
    assert gap.n == 900
    tested = [f.quantity.name for f in findings if f.p_value is not None]
    assert len(tested) == len(set(tested)) == 7
    reason = only(findings, "score_distance").reason
    assert reason.endswith("name one class with the parameter 'positive'")


def test_a_named_class_of_three_is_rated_at_the_threshold():
    labels, table, names = three_classes()
    data = examples(labels, split(names), label_names=NAMES)
    findings = audit(data, table, model=THREE, positive="joy", threshold=0.4)
    inside = (names == "g0") & (labels == 2)
    found = only(findings, "true_positive_rate", "axis=g0")
    assert found.value == pytest.approx((table[inside, 2] >= 0.4).mean())
    assert found.detail["decision"] == "P(joy) >= 0.4"
    assert only(findings, "score_distance").value is not None


def test_classes_that_the_data_lacks_are_not_rated():
    labels, table, names = three_classes()
    data = examples(labels % 2, split(names), label_names=NAMES[:2])
    findings = audit(data, table, model=THREE)
    assert not [f for f in findings if "joy" in f.subject]
    accuracy = only(findings, "accuracy", "axis=g0")
    inside = names == "g0"
    expected = (table.argmax(axis=1) == labels % 2)[inside].mean()
    assert accuracy.value == pytest.approx(expected)


def test_calibration_by_its_definition():
    labels, scores, names = random_case(400, groups=2, seed=3)
    findings = audit(examples(labels, split(names)), scores, bins=5)
    for group, inside in split(names).items():
        at = np.minimum((scores[inside] * 5).astype(int), 4)
        gaps = [abs((labels[inside] - scores[inside])[at == b].sum()) for b in range(5)]
        error = only(findings, "expected_calibration_error", f"axis={group}")
        assert error.value == pytest.approx(sum(gaps) / inside.sum(), abs=1e-9)
        assert error.interval.low <= error.value <= error.interval.high
        assert 0 < error.detail["expected_if_calibrated"] < 0.2
        brier = only(findings, "brier_score", f"axis={group}")
        expected = brier_score_loss(labels[inside], scores[inside])
        assert brier.value == pytest.approx(expected, abs=1e-9)
        joint = brier.detail["simultaneous_interval"]
        assert joint[0] <= brier.interval.low < brier.interval.high <= joint[1]
    values = [f.value for f in findings if f.quantity.name == "brier_score"]
    gap = only(findings, "brier_score_difference")
    assert gap.value == pytest.approx(np.ptp(values))
    assert gap.detail["pairs"][0]["p_simultaneous"] == gap.p_value


def test_calibration_of_several_classes_is_that_of_the_chosen_one():
    labels, table, names = three_classes()
    data = examples(labels, split(names), label_names=NAMES)
    findings = audit(data, table, model=THREE, bins=10)
    inside = names == "g1"
    top, right = table.max(axis=1)[inside], (table.argmax(axis=1) == labels)[inside]
    at = np.minimum((top * 10).astype(int), 9)
    gaps = [abs((right - top)[at == b].sum()) for b in range(10)]
    found = only(findings, "expected_calibration_error", "axis=g1")
    assert found.value == pytest.approx(sum(gaps) / inside.sum(), abs=1e-9)
    brier = only(findings, "brier_score", "axis=g1")
    squares = ((table - np.eye(3)[labels]) ** 2).sum(axis=1)[inside] / 2
    assert brier.value == pytest.approx(squares.mean(), abs=1e-9)


def test_intersections_of_axes_and_of_overlapping_groups():
    rng = np.random.default_rng(4)
    labels, scores = rng.integers(0, 2, 600), rng.random(600)
    groups = {
        ("sex", "f"): rng.random(600) < 0.5,
        ("belief", "a"): rng.random(600) < 0.4,
        ("belief", "b"): rng.random(600) < 0.4,
        ("belief", "c"): np.arange(600) < 5,
    }
    groups["sex", "m"] = ~groups["sex", "f"]
    findings = audit(examples(labels, groups), scores, depth=3, min_count=20)
    axes = dict.fromkeys(f.subject.partition("=")[0] for f in findings)
    plain = [axis for axis in axes if ":" not in axis]
    assert {"sex & belief", "belief & belief", "sex & belief & belief"} <= set(plain)
    assert "sex & sex" not in plain
    both = groups["sex", "f"] & groups["belief", "a"] & groups["belief", "b"]
    found = only(findings, "accuracy", "sex & belief & belief=f & a & b")
    assert found.n == both.sum()
    assert found.value == pytest.approx(((scores >= 0.5) == labels)[both].mean())
    gap = only(findings, "accuracy_difference", "sex & belief:")
    count = (groups["sex", "f"] & groups["belief", "c"]).sum()
    assert gap.detail["left_out"]["sex & belief"]["f & c"] == (
        f"{count} texts in the intersection; min_count is 20"
    )


def test_an_intersection_is_known_where_one_group_rules_it_out():
    labels, scores = np.tile([0, 1], 20), np.linspace(0, 1, 40)
    row = np.arange(40)
    groups = {("a", "x"): row < 20, ("b", "y"): row % 4 < 2}
    known = {("a", "x"): row < 30, ("b", "y"): row % 2 == 0}
    data = examples(labels, groups, known=known)
    found = only(audit(data, scores, depth=2), "accuracy", "a & b=x & y")
    inside = (row < 20) & (row % 4 == 0)
    out = ((row >= 20) & (row < 30)) | ((row % 2 == 0) & (row % 4 == 2))
    assert found.n == inside.sum()
    assert found.detail["unknown_membership"] == (~inside & ~out).sum()


def test_too_many_intersections_are_refused():
    rng = np.random.default_rng(5)
    groups = {f"g{at}": rng.random(50) < 0.5 for at in range(40)}
    data = examples(rng.integers(0, 2, 50), groups)
    with pytest.raises(Unmeasurable, match="lower 'depth'"):
        audit(data, rng.random(50), depth=4)


def test_intersections_that_are_all_small_have_one_reason():
    labels, scores, names = random_case(60, groups=2)
    groups = {("a", n): m for n, m in split(names).items()}
    groups["b", "rare"] = np.arange(60) < 6
    findings = audit(examples(labels, groups), scores, depth=2, min_count=10)
    found = [f for f in findings if f.subject == "a & b"]
    assert [f.reason for f in found] == ["no group of a & b has 10 texts (min_count)"]
    assert set(found[0].detail["left_out"]) == {"g0 & rare", "g1 & rare"}


def clustered(seed=6, clusters=60, size=10):
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(clusters), size)
    scores = np.clip(np.repeat(rng.random(clusters), size), 0, 1)
    labels = rng.integers(0, 2, clusters * size)
    names = np.repeat(rng.choice(["a", "b", "c"], clusters), size)
    return labels, scores, names, cluster


def test_clusters_widen_every_interval_and_raise_p_values():
    labels, scores, names, cluster = clustered()
    plain = audit(examples(labels, split(names)), scores, draws=2000)
    data = examples(labels, split(names), clusters=cluster)
    whole = audit(data, scores, draws=2000)

    def widths(findings, quantity):
        found = [f for f in findings if f.quantity.name == quantity]
        return np.array([f.interval.high - f.interval.low for f in found])

    for quantity in ("selection_rate", "brier_score"):
        assert (widths(whole, quantity) > 1.05 * widths(plain, quantity)).all()
    assert (widths(whole, "selection_rate") > 2 * widths(plain, "selection_rate")).all()
    for quantity in ("selection_rate_difference", "score_distance"):
        assert only(whole, quantity).p_value > only(plain, quantity).p_value
    for one, two in zip(plain, whole, strict=True):
        assert one.value == pytest.approx(two.value, abs=1e-12)
    method = only(whole, "selection_rate", "axis=a").interval.method
    assert method == "Wilson, effective rows by a bootstrap of clusters"
    assert "of clusters" in only(whole, "selection_rate_difference").interval.method


def test_clusters_of_one_row_change_little():
    labels, scores, names = random_case(400, groups=2)
    plain = audit(examples(labels, split(names)), scores, draws=4000)
    data = examples(labels, split(names), clusters=np.arange(400)[::-1])
    single = audit(data, scores, draws=4000)
    for one, two in zip(plain, single, strict=True):
        assert one.value == pytest.approx(two.value, abs=1e-12)
        width = one.interval.high - one.interval.low
        assert two.interval.high - two.interval.low == pytest.approx(width, rel=0.12)


def test_a_group_in_one_cluster_has_a_rate_but_no_interval():
    labels, scores, names, cluster = clustered()
    cluster = np.where(names == "c", 999, cluster)
    data = examples(labels, split(names), clusters=cluster)
    findings = audit(data, scores)
    found = only(findings, "selection_rate", "axis=c")
    rows = (names == "c").sum()
    reason = f"its {rows} texts are all in one cluster"
    assert found.value is not None
    assert found.interval is None
    assert found.detail["no_interval"] == reason
    gap = only(findings, "selection_rate_difference")
    assert gap.detail["left_out"]["selection_rate"] == {"c": reason}


def rates_and_gaps(data, scores, rng):
    """Return the findings about rates alone."""
    table = np.column_stack([1 - scores, scores])
    decisions = at_threshold(data, table, card(), "toxic", 0.5)
    (axis,) = axes_of(data, decisions.rows)
    rates = RateTable.of(axis, decisions, 1, 0.95, 300, rng)
    return [*rates.findings(), *gap_findings(rates)]


@pytest.mark.slow
def test_intervals_of_rates_cover_one_by_one_and_together():
    """Pointwise near the level; simultaneous at least at it."""
    rng = np.random.default_rng(7)
    sizes, rates = (40, 60, 90, 150, 250), (0.3, 0.5, 0.2, 0.65, 0.4)
    names = np.repeat([f"g{at}" for at in range(5)], sizes)
    alone, together, ratios = [], [], []
    for _ in range(250):
        scores = (rng.random(len(names)) < np.repeat(rates, sizes)).astype(float)
        data = examples(np.ones(len(names), dtype=int), split(names))
        findings = rates_and_gaps(data, scores, rng)
        found = [f for f in findings if f.quantity.name == "selection_rate"]
        pairs = list(zip(found, rates, strict=True))
        alone += [f.interval.low <= r <= f.interval.high for f, r in pairs]
        joint = [(f.detail["simultaneous_interval"], r) for f, r in pairs]
        together.append(all(low <= r <= high for (low, high), r in joint))
        ratio = only(findings, "selection_rate_ratio").interval
        ratios.append(ratio.low <= min(rates) / max(rates) <= ratio.high)
    assert 0.93 <= np.mean(alone) <= 0.97
    assert np.mean(together) >= 0.94
    assert np.mean(ratios) >= 0.94
