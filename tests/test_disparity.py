"""The metric `disparity` against fairlearn and its invariants."""

import time

import numpy as np
import pytest
from fairlearn.metrics import (
    MetricFrame,
    equalized_odds_difference,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from sklearn.metrics import accuracy_score, precision_score

from fairaudit.data import Examples
from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit_metrics.extrinsic.disparity import Disparity
from tests.labelled import LABELS, card, cases, examples, only, oracle, random_case, run
from tests.labelled import split as split_by

RATES = {
    "selection_rate": selection_rate,
    "true_positive_rate": true_positive_rate,
    "false_positive_rate": false_positive_rate,
    "positive_predictive_value": precision_score,
    "accuracy": accuracy_score,
}
GAPS = (*RATES, "equalized_odds")


def audit(data, scores, seed=0, model=None, **params):
    metric = Disparity(**{"min_count": 1, "draws": 200, **params})
    return run(metric, data, scores, model, seed)


def compare_rates(findings, case, undefined=frozenset()):
    """Compare with fairlearn; `undefined` are (group, rate) that have no value here."""
    for group, rates in case["by_group"].items():
        for rate, value in rates.items():
            found = only(findings, rate, f"axis={group}")
            if (group, rate) in undefined:
                assert found.value is None
                assert found.reason.startswith("0 ")
            else:
                assert found.value == pytest.approx(value, abs=1e-9)
    missing = {rate for _, rate in undefined}
    for rate in RATES:
        found = only(findings, f"{rate}_difference")
        if rate in missing or len(case["by_group"]) < 2:
            assert "two groups" in found.reason
            continue
        assert found.value == pytest.approx(case["difference"][rate], abs=1e-9)
        away = found.detail["difference_to_overall"]
        if "difference_to_overall" in case:
            largest = max(abs(value) for value in away.values())
            expected = case["difference_to_overall"][rate]
            assert largest == pytest.approx(expected, abs=1e-9)
        assert abs(away[found.detail["worst_group"]]) == max(map(abs, away.values()))
        ratio = only(findings, f"{rate}_ratio")
        if case["ratio"][rate] is None or np.isnan(case["ratio"][rate]):
            assert ratio.reason.endswith("is 0 in every group, so it has no ratio")
        else:
            assert ratio.value == pytest.approx(case["ratio"][rate], abs=1e-9)
        assert ratio.p_value is None


UNDEFINED = {
    "group_without_positives": {("b", "true_positive_rate")},
    "group_without_negatives": {("b", "false_positive_rate")},
    "singleton_group": {
        ("b", "false_positive_rate"),
        ("b", "positive_predictive_value"),
    },
    "no_predicted_positives": {
        ("a", "positive_predictive_value"),
        ("b", "positive_predictive_value"),
    },
}


@pytest.mark.parametrize("case", cases("disparity_fairlearn.json"))
def test_stored_fairlearn_tables(case):
    """Where a denominator is empty, fairlearn says 0; here the rate is undefined."""
    data = examples(case["y_true"], split_by(case["group"]))
    rows = {g: np.array(case["group"]) == g for g in case["by_group"]}
    undefined = {
        (group, rate)
        for group, inside in rows.items()
        for rate, counted in {
            "true_positive_rate": np.array(case["y_true"]) == 1,
            "false_positive_rate": np.array(case["y_true"]) == 0,
            "positive_predictive_value": np.array(case["y_pred"]) == 1,
        }.items()
        if not (inside & counted).any()
    }
    assert undefined >= UNDEFINED.get(case["name"], set())
    assert all(case["by_group"][group][rate] == 0 for group, rate in undefined)
    findings = audit(data, case["y_pred"])
    compare_rates(findings, case, undefined)
    odds = only(findings, "equalized_odds_difference")
    if len(rows) > 1 and not {"true_positive_rate", "false_positive_rate"} & {
        rate for _, rate in undefined
    }:
        expected = case["equalized_odds_difference"]
        assert odds.value == pytest.approx(expected, abs=1e-9)
    else:
        assert "two groups" in odds.reason


def test_ratio_of_equalised_odds_does_not_depend_on_which_rate_is_undefined():
    """Fairlearn takes min() of a pair in which NaN counts in one place only."""
    found = {
        case.values[0]["name"]: case.values[0]
        for case in cases("disparity_fairlearn.json")
    }
    assert found["fpr_all_zero"]["equalized_odds_ratio"] == pytest.approx(0.5)
    assert found["tpr_all_zero"]["equalized_odds_ratio"] is None
    for name, rate in {"fpr_all_zero": "false", "tpr_all_zero": "true"}.items():
        case = found[name]
        data = examples(case["y_true"], split_by(case["group"]))
        ratio = only(audit(data, case["y_pred"]), "equalized_odds_ratio")
        told = f"the {rate} positive rate is 0 in every group, so it has no ratio"
        assert ratio.reason == told
    plain = found["three_groups"]
    data = examples(plain["y_true"], split_by(plain["group"]))
    ratio = only(audit(data, plain["y_pred"]), "equalized_odds_ratio")
    assert ratio.value == pytest.approx(plain["equalized_odds_ratio"], abs=1e-9)


def test_intersections_agree_with_fairlearn_and_empty_ones_are_no_groups():
    case = oracle("disparity_fairlearn.json")["intersection"]
    groups = {
        (axis, name): member
        for axis, values in case["axes"].items()
        for name, member in split_by(values).items()
    }
    data = examples(case["y_true"], groups)
    findings = audit(data, case["y_pred"], depth=2)
    expected = case["selection_rate"]
    for name, value in expected.items():
        subject = f"sex & race={name}"
        if value is None:
            assert not [f for f in findings if f.subject == subject]
        else:
            assert only(findings, "selection_rate", subject).value == value
    gap = only(findings, "selection_rate_difference", "sex & race")
    ratio = only(findings, "selection_rate_ratio", "sex & race")
    assert (gap.value, ratio.value) == (case["difference"], case["ratio"])


def test_intervals_are_near_the_row_bootstrap_of_fairlearn():
    case = oracle("disparity_fairlearn.json")["bootstrap"]
    data = examples(case["y_true"], split_by(case["group"]))
    findings = audit(data, case["y_pred"], draws=2000)
    low, _, high = case["selection_rate_interval"]
    for group in low:
        found = only(findings, "selection_rate", f"axis={group}").interval
        ends = low[group]["selection_rate"], high[group]["selection_rate"]
        assert (found.low, found.high) == pytest.approx(ends, abs=0.03)


@pytest.mark.parametrize("seed", range(3))
def test_rates_and_gaps_agree_with_fairlearn(seed):
    labels, scores, names = random_case(groups=4, seed=seed)
    decisions = (scores >= 0.6).astype(int)
    frame = MetricFrame(
        metrics=RATES, y_true=labels, y_pred=decisions, sensitive_features=names
    )
    findings = audit(examples(labels, split_by(names)), scores, threshold=0.6)
    case = {
        "by_group": frame.by_group.to_dict("index"),
        "difference": frame.difference().to_dict(),
        "ratio": frame.ratio().to_dict(),
        "difference_to_overall": frame.difference(method="to_overall").to_dict(),
    }
    compare_rates(findings, case)
    odds = equalized_odds_difference(labels, decisions, sensitive_features=names)
    found = only(findings, "equalized_odds_difference")
    assert found.value == pytest.approx(odds, abs=1e-9)
    assert found.value == only(findings, f"{found.detail['rate']}_difference").value
    assert found.n == 300


@pytest.mark.parametrize("case", cases("bias_aucs_published.json"))
def test_sums_of_differences_are_those_of_the_published_code(case):
    """FPED and FNED (Dixon et al. 2018) add up the differences to the overall rate."""
    data = examples(case["label"], case["groups"])
    for threshold, expected in case["equality_difference"].items():
        findings = audit(data, case["score"], threshold=float(threshold))
        for name, rate in {
            "fped": "false_positive_rate",
            "fned": "true_positive_rate",
        }.items():
            values = [
                only(findings, rate, f"axis={group}").value for group in case["groups"]
            ]
            label = np.array(case["label"]) == (name == "fned")
            chosen = np.array(case["score"]) >= float(threshold)
            total = sum(abs(value - chosen[label].mean()) for value in values)
            assert total == pytest.approx(expected[name], abs=1e-9)


def test_permuted_rows_change_nothing():
    labels, scores, names = random_case()
    order = np.random.default_rng(1).permutation(len(labels))
    groups = {n: m[order] for n, m in split_by(names).items()}
    moved = audit(examples(labels[order], groups), scores[order])
    assert moved == audit(examples(labels, split_by(names)), scores)


def test_renamed_groups_change_names_only():
    labels, scores, names = random_case()
    groups = split_by(names)
    renamed = {f"new {name}": member for name, member in groups.items()}
    pairs = zip(
        audit(examples(labels, groups), scores),
        audit(examples(labels, renamed), scores),
        strict=True,
    )
    for old, new in pairs:
        assert (old.value, old.p_value, old.interval) == (
            new.value,
            new.p_value,
            new.interval,
        )
        assert old.subject != new.subject


def test_another_axis_changes_nothing():
    labels, scores, names = random_case()
    groups = split_by(names)
    more = {**groups, ("other", "x"): names == "g0", ("other", "y"): names != "g0"}
    alone = audit(examples(labels, groups), scores)
    assert audit(examples(labels, more), scores)[: len(alone)] == alone


def test_the_same_rows_twice_have_no_gap():
    labels, scores, _ = random_case(100)
    half = np.arange(100) < 60
    findings = audit(examples(labels, {"a": half, "b": half}), scores)
    for rate in GAPS:
        found = only(findings, f"{rate}_difference")
        assert found.value == 0
        assert (found.interval.low, found.p_value) == (0, 1)
        assert found.subject == "axis: a vs b"
        assert only(findings, f"{rate}_ratio").value == 1
    for name in ("score_distance", "brier_score_difference"):
        found = only(findings, name)
        assert (found.value, found.interval.low) == (0, 0)
        assert found.p_value == 1


def test_equal_groups_have_an_interval_that_reaches_zero():
    """The percentile interval of max - min, for contrast, leaves zero out."""
    labels, scores, _ = random_case(200)
    names = np.repeat(["a", "b", "c"], 200)
    data = examples(np.tile(labels, 3), split_by(names))
    findings = audit(data, np.tile(scores, 3))
    for rate in GAPS:
        found = only(findings, f"{rate}_difference")
        assert found.value == 0
        assert found.interval.low == 0
        assert 0.05 < found.interval.high < 0.4
        assert found.p_value == 1
        ratio = only(findings, f"{rate}_ratio")
        assert ratio.interval.low < ratio.interval.high == 1


def test_constant_scores_give_no_gap():
    labels, _, names = random_case()
    scores = np.full(300, 0.4)
    findings = audit(examples(labels, split_by(names)), scores, min_count=10)
    for rate in ("selection_rate", "true_positive_rate", "false_positive_rate"):
        found = only(findings, f"{rate}_difference")
        assert found.value == 0
        assert found.interval.low == 0 < found.interval.high
        assert found.p_value > 0.5
    distance = only(findings, "score_distance")
    assert (distance.value, distance.p_value) == (0, 1)


def test_a_plain_gap_is_found_and_explained():
    rng = np.random.default_rng(5)
    names = np.repeat(["women", "men"], 400)
    chance = np.where(names == "women", 0.6, 0.3)
    labels = rng.integers(0, 2, 800)
    scores = (rng.random(800) < chance).astype(float)
    data = examples(labels, split_by(names), axis="gender")
    findings = audit(data, scores, draws=2000)
    found = only(findings, "selection_rate_difference")
    assert found.subject == "gender: women vs men"
    assert found.null == "all groups of gender have the same selection rate"
    assert found.p_value == pytest.approx(1 / 2001)
    assert 0.2 < found.interval.low < found.value < found.interval.high < 0.4
    assert found.detail["decision"] == "P(toxic) >= 0.5"
    assert found.detail["worst_pair"] == ["women", "men"]
    assert found.detail["counts"]["men"] == {
        "n": 400,
        "positives": int(labels[400:].sum()),
        "negatives": int(400 - labels[400:].sum()),
    }
    (pair,) = found.detail["pairs"]
    assert (pair["higher"], pair["lower"]) == ("women", "men")
    assert pair["p_simultaneous"] == pair["p_alone"] == found.p_value
    ratio = only(findings, "selection_rate_ratio")
    assert ratio.subject == "gender: men vs women"
    assert 0.35 < ratio.interval.low < ratio.value < ratio.interval.high < 0.7


def test_min_count_leaves_small_groups_out_and_says_so():
    labels = [1] * 12 + [0] * 12 + [1] * 12 + [0] * 12 + [1] * 3 + [0] * 12
    names = ["a"] * 24 + ["b"] * 24 + ["c"] * 15
    scores = np.random.default_rng(0).random(63)
    findings = audit(examples(labels, split_by(names)), scores, min_count=10)
    reason = "3 positives in the group; min_count is 10"
    assert only(findings, "true_positive_rate", "axis=c").reason == reason
    assert only(findings, "false_positive_rate", "axis=c").value is not None
    gap = only(findings, "true_positive_rate_difference")
    assert gap.detail["left_out"] == {"true_positive_rate": {"c": reason}}
    assert set(gap.detail["rates"]["true_positive_rate"]) == {"a", "b"}
    assert gap.n == 24
    few = "15 texts in the group; min_count is 16"
    larger = audit(examples(labels, split_by(names)), scores, min_count=16)
    assert only(larger, "brier_score", "axis=c").reason == few
    assert only(larger, "score_distance").detail["left_out"] == {"c": few}
    assert only(larger, "brier_score_difference").detail["left_out"] == {"c": few}


def test_an_axis_with_one_group_has_rates_but_no_gap():
    labels, scores, _ = random_case(100)
    findings = audit(examples(labels, {"a": np.arange(100) < 50}), scores)
    assert only(findings, "brier_score", "axis=a").value is not None
    gap = only(findings, "equalized_odds_difference")
    assert "1 of the 1 of axis have them" in gap.reason
    for name in ("brier_score_difference", "expected_calibration_error_difference"):
        assert "1 of the 1 of axis have them" in only(findings, name).reason
    assert "two groups" in only(findings, "score_distance").reason


def test_rows_of_one_class_have_accuracy_and_reasons_for_the_rest():
    """As in functional tests, where a group holds positives or negatives only."""
    labels = np.repeat([1, 0, 1], 20)
    names = np.repeat(["slur", "greeting", "threat"], 20)
    scores = np.random.default_rng(0).random(60)
    groups = {("functionality", n): m for n, m in split_by(names).items()}
    groups[("target", "women")] = np.arange(60) % 2 == 0
    groups[("target", "none")] = np.arange(60) % 2 == 1
    findings = audit(examples(labels, groups), scores, min_count=10, depth=2)
    for name, label in (("slur", 1), ("greeting", 0)):
        inside = names == name
        found = only(findings, "accuracy", f"functionality={name}")
        assert found.value == ((scores >= 0.5) == label)[inside].mean()
        other = "false_positive_rate" if label else "true_positive_rate"
        reason = only(findings, other, f"functionality={name}").reason
        assert reason.startswith("0 ")
    both = only(findings, "accuracy", "functionality & target=slur & women")
    assert both.n == 10
    assert only(findings, "accuracy_difference", "functionality:").p_value is not None
    plain = audit(examples(labels, groups), scores, min_count=10)
    gap = only(plain, "false_positive_rate_difference", "functionality")
    assert "1 of the 3 of functionality have them" in gap.reason


def test_rows_without_label_or_membership_are_left_out_and_counted():
    labels, scores, names = random_case(200, groups=2)
    extra = np.full(7, -1)
    unknown = np.r_[np.zeros(200, bool), np.zeros(7, bool), np.ones(9, bool)]
    groups = {n: np.r_[m, np.ones(16, bool)] for n, m in split_by(names).items()}
    data = examples(
        np.r_[labels, extra, np.ones(9, int)],
        groups,
        known=dict.fromkeys(groups, ~unknown),
    )
    found = audit(data, np.r_[scores, np.ones(16)])
    bare = audit(examples(labels, split_by(names)), scores)
    for one, two in zip(found, bare, strict=True):
        assert one.value == pytest.approx(two.value, abs=1e-12)
        assert one.n == two.n
    detail = found[0].detail
    assert (detail["unlabelled_rows"], detail["unknown_membership"]) == (7, 9)


def test_labels_are_matched_by_name_and_any_class_may_be_positive():
    labels, scores, names = random_case(150)
    swapped = examples(1 - labels, split_by(names), label_names=LABELS[::-1])
    plain = audit(examples(labels, split_by(names)), scores)
    assert audit(swapped, scores) == plain
    three = card(("toxic", "fine", "other"))
    table = np.column_stack([scores, 1 - scores, 0 * scores])
    data = examples(labels, split_by(names))
    assert audit(data, table, model=three, positive="toxic") == plain


@pytest.mark.parametrize(
    ("change", "labels", "positive", "reason"),
    [
        ({"labels": np.full(4, -1)}, LABELS, None, "no labels"),
        ({"label_names": ()}, LABELS, None, "no labels"),
        ({"groups": ()}, LABELS, None, "no groups"),
        ({}, LABELS, "rude", "'rude' is not a label of the model"),
        ({}, ("LABEL_0", "LABEL_1"), None, r"\(fine, toxic\).*\(LABEL_0, LABEL_1\)"),
        ({}, (), None, "none"),
    ],
)
def test_what_cannot_be_measured_has_a_reason(change, labels, positive, reason):
    fields = {"labels": np.array([0, 1, 0, 1]), "label_names": LABELS}
    data = examples(fields["labels"], split_by(list("aabb")))
    data = Examples(**{**vars(data), **change})
    with pytest.raises(Unmeasurable, match=reason):
        Disparity(positive=positive).needs(data, card(labels))


def test_probabilities_that_are_not_numbers_are_refused():
    labels, scores, names = random_case(20)
    scores[3] = np.nan
    with pytest.raises(Unmeasurable, match="no finite probability for 1 of 20 texts"):
        audit(examples(labels, split_by(names)), scores)


@pytest.mark.parametrize(
    "params",
    [
        {"threshold": 1.5},
        {"min_count": 0},
        {"depth": 0},
        {"bins": 0},
        {"draws": 10},
        {"level": 1},
    ],
)
def test_parameters_without_meaning_are_refused(params):
    with pytest.raises(
        AuditError, match=f"Parameter {next(iter(params))} of disparity"
    ):
        Disparity(**params)


def test_every_quantity_is_declared_and_every_number_has_an_interval():
    labels, scores, names = random_case()
    findings = audit(examples(labels, split_by(names)), scores)
    assert {f.quantity for f in findings} == set(Disparity.quantities)
    assert all(f.interval and f.n for f in findings)
    assert all(f.interval.low <= f.value <= f.interval.high for f in findings)
    assert findings == audit(examples(labels, split_by(names)), scores)


def test_an_axis_brings_few_tests():
    """One of each rate and no more, however many groups there are."""
    labels, scores, names = random_case(900, groups=9)
    findings = audit(examples(labels, split_by(names)), scores)
    tested = [f.quantity.name for f in findings if f.p_value is not None]
    assert sorted(tested) == sorted(
        [
            *(f"{rate}_difference" for rate in GAPS),
            "brier_score_difference",
            "score_distance",
        ]
    )


def test_a_hundred_thousand_rows_take_seconds():
    labels, scores, names = random_case(100_000, groups=8)
    data = examples(labels, split_by(names))
    audit(examples(labels[:99], split_by(names[:99])), scores[:99])
    start = time.process_time()
    assert audit(data, scores, draws=10_000)
    assert time.process_time() - start < 3
