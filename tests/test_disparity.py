"""The metric `disparity` against fairlearn, published code and its invariants."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from fairlearn.metrics import (
    MetricFrame,
    equalized_odds_difference,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)

from fairaudit.data import Examples, Group
from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit.model import ModelCard, Predict
from fairaudit.result import DatasetEntry, ModelEntry
from fairaudit_metrics.extrinsic.disparity import Disparity

ORACLES = Path(__file__).parent / "oracles"
LABELS = ("fine", "toxic")
RATES = ("selection_rate", "true_positive_rate", "false_positive_rate")
AUCS = ("subgroup_auc", "bpsn_auc", "bnsp_auc")


def cases(name):
    found = json.loads((ORACLES / name).read_text(encoding="utf-8"))["cases"]
    return [pytest.param(case, id=case["name"]) for case in found]


def card(labels=LABELS):
    entry = ModelEntry(name="m", path="m", fingerprint="0", architecture="x")
    return ModelCard(entry=entry, labels=labels)


def examples(labels, groups, axis="axis", known=None, label_names=LABELS):
    n = len(labels)
    everyone = np.ones(n, dtype=bool)
    return Examples(
        card=DatasetEntry(name="d", kind="examples", n=n, sha256="0"),
        texts=tuple(f"text {row}" for row in range(n)),
        labels=np.asarray(labels, dtype=np.int64),
        label_names=label_names,
        groups=tuple(
            Group(
                axis,
                name,
                np.asarray(member, dtype=bool),
                (known or {}).get(name, everyone),
            )
            for name, member in groups.items()
        ),
    )


def split(values):
    values = np.asarray(values)
    return {str(name): values == name for name in dict.fromkeys(values.tolist())}


def audit(data, scores, seed=0, **params):
    scores = np.asarray(scores, dtype=float)
    readings = {"predictions": {"probabilities": np.column_stack([1 - scores, scores])}}
    metric = Disparity(**{"min_count": 1, "draws": 200, **params})
    assert metric.needs(data, card())["predictions"] == Predict(data.texts)
    rng = np.random.default_rng(seed)
    return list(metric.score(data, readings, card(), rng))


def only(findings, quantity, subject=""):
    found = [
        f
        for f in findings
        if f.quantity.name == quantity and f.subject.startswith(subject)
    ]
    assert len(found) == 1
    return found[0]


def random_case(n=300, groups=3, seed=0):
    rng = np.random.default_rng(seed)
    names = rng.choice([f"g{i}" for i in range(groups)], n)
    return rng.integers(0, 2, n), rng.random(n).round(2), names


def compare_rates(findings, by_group, difference, undefined):
    for group, rates in by_group.items():
        for rate, value in rates.items():
            found = only(findings, rate, f"axis={group}")
            if (group, rate) in undefined:
                assert found.value is None
                assert found.reason.startswith("0 ")
            else:
                assert found.value == pytest.approx(value, abs=1e-9)
    for rate, value in difference.items():
        found = only(findings, f"{rate}_difference")
        if rate in {name for _, name in undefined}:
            assert "two groups" in found.reason
        else:
            assert found.value == pytest.approx(value, abs=1e-9)


UNDEFINED = {
    "group_without_positives": {("b", "true_positive_rate")},
    "group_without_negatives": {("b", "false_positive_rate")},
    "singleton_group": {("b", "false_positive_rate")},
}


@pytest.mark.parametrize("case", cases("disparity_fairlearn.json"))
def test_stored_fairlearn_tables(case):
    """Where a group lacks a class, fairlearn says 0; here the rate is undefined."""
    data = examples(case["y_true"], split(case["group"]))
    undefined = UNDEFINED.get(case["name"], set())
    for group, rate in undefined:
        assert case["by_group"][group][rate] == 0
    findings = audit(data, case["y_pred"])
    compare_rates(findings, case["by_group"], case["difference"], undefined)


@pytest.mark.parametrize("seed", range(3))
def test_rates_and_gaps_agree_with_fairlearn(seed):
    labels, scores, names = random_case(groups=4, seed=seed)
    decisions = (scores >= 0.6).astype(int)
    frame = MetricFrame(
        metrics=dict(
            zip(
                RATES,
                (selection_rate, true_positive_rate, false_positive_rate),
                strict=True,
            )
        ),
        y_true=labels,
        y_pred=decisions,
        sensitive_features=names,
    )
    findings = audit(examples(labels, split(names)), scores, threshold=0.6)
    compare_rates(
        findings, frame.by_group.to_dict("index"), frame.difference().to_dict(), set()
    )
    odds = equalized_odds_difference(labels, decisions, sensitive_features=names)
    found = only(findings, "equalized_odds_difference")
    assert found.value == pytest.approx(odds, abs=1e-9)
    assert found.value == only(findings, f"{found.detail['rate']}_difference").value
    assert found.n == 300


@pytest.mark.parametrize("case", cases("disparity_subgroup_auc.json"))
def test_published_code_for_aucs(case):
    findings = audit(examples(case["label"], case["groups"]), case["score"])
    for group, expected in case["expected"].items():
        for name in AUCS:
            found = only(findings, name, f"axis={group}")
            if expected[name] is None:
                assert "min_count is 1" in found.reason
            else:
                assert found.value == pytest.approx(expected[name], abs=1e-9)
                assert found.interval.low < found.interval.high
    for name in AUCS:
        known = [e[name] for e in case["expected"].values() if e[name] is not None]
        found = only(findings, f"lowest_{name}")
        assert found.value == pytest.approx(min(known), abs=1e-9)
        assert found.interval.low <= found.value <= found.interval.high


def test_permuted_rows_change_nothing():
    labels, scores, names = random_case()
    order = np.random.default_rng(1).permutation(len(labels))
    groups = {n: m[order] for n, m in split(names).items()}
    moved = audit(examples(labels[order], groups), scores[order])
    assert moved == audit(examples(labels, split(names)), scores)


def test_renamed_groups_change_names_only():
    labels, scores, names = random_case()
    groups = split(names)
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


def test_the_same_rows_twice_have_no_gap():
    labels, scores, _ = random_case(100)
    half = np.arange(100) < 60
    findings = audit(examples(labels, {"a": half, "b": half}), scores)
    for rate in (*RATES, "equalized_odds"):
        found = only(findings, f"{rate}_difference")
        assert found.value == 0
        assert (found.interval.low, found.p_value) == (0, 1)
        assert found.subject == "axis: a vs b"


def test_equal_groups_have_an_interval_that_reaches_zero():
    """The percentile interval of max - min, for contrast, leaves zero out."""
    labels, scores, _ = random_case(200)
    names = np.repeat(["a", "b", "c"], 200)
    data = examples(np.tile(labels, 3), split(names))
    for rate in (*RATES, "equalized_odds"):
        found = only(audit(data, np.tile(scores, 3)), f"{rate}_difference")
        assert found.value == 0
        assert found.interval.low == 0
        assert 0.05 < found.interval.high < 0.4
        assert found.p_value == 1


def test_constant_scores_give_half_aucs_and_no_gap():
    labels, _, names = random_case()
    findings = audit(examples(labels, split(names)), np.full(300, 0.4), min_count=10)
    for found in findings:
        if found.quantity.name.endswith("auc"):
            assert found.value == 0.5
            assert found.interval.high - found.interval.low > 0.1
        if found.quantity.name.endswith("difference"):
            assert found.value == 0
            assert found.interval.low == 0 < found.interval.high
            assert found.p_value > 0.5


def test_a_plain_gap_is_found_and_explained():
    rng = np.random.default_rng(5)
    names = np.repeat(["women", "men"], 400)
    chance = np.where(names == "women", 0.6, 0.3)
    labels = rng.integers(0, 2, 800)
    scores = (rng.random(800) < chance).astype(float)
    data = examples(labels, split(names), axis="gender")
    found = only(audit(data, scores, draws=2000), "selection_rate_difference")
    assert found.subject == "gender: women vs men"
    assert found.null == "all groups of gender have the same selection rate"
    assert found.p_value == pytest.approx(1 / 2001)
    assert 0.2 < found.interval.low < found.value < found.interval.high < 0.4
    assert found.detail["decision"] == "P(toxic) >= 0.5"
    assert found.detail["strongest_evidence"]["higher"] == "women"
    json.dumps(found.detail)


def test_min_count_leaves_small_groups_out_and_says_so():
    labels = [1] * 12 + [0] * 12 + [1] * 12 + [0] * 12 + [1] * 3 + [0] * 12
    names = ["a"] * 24 + ["b"] * 24 + ["c"] * 15
    scores = np.random.default_rng(0).random(63)
    findings = audit(examples(labels, split(names)), scores, min_count=10)
    reason = "3 positives in the group; min_count is 10"
    assert only(findings, "true_positive_rate", "axis=c").reason == reason
    assert only(findings, "false_positive_rate", "axis=c").value is not None
    gap = only(findings, "true_positive_rate_difference")
    assert gap.detail["left_out"] == {"true_positive_rate": {"c": reason}}
    assert set(gap.detail["rates"]["true_positive_rate"]) == {"a", "b"}
    assert gap.n == 24
    auc = only(findings, "subgroup_auc", "axis=c")
    assert auc.reason.startswith("3 positives in the group and 12 negatives in the")
    assert only(findings, "lowest_subgroup_auc").detail["left_out"] == {"c": auc.reason}


def test_an_axis_with_one_group_has_aucs_but_no_gap():
    labels, scores, _ = random_case(100)
    findings = audit(examples(labels, {"a": np.arange(100) < 50}), scores)
    assert only(findings, "bpsn_auc", "axis=a").value is not None
    gap = only(findings, "equalized_odds_difference")
    assert "1 of the 1 of axis have them" in gap.reason


def test_rows_without_label_or_membership_are_left_out_and_counted():
    labels, scores, names = random_case(200, groups=2)
    extra = np.full(7, -1)
    unknown = np.r_[np.zeros(200, bool), np.zeros(7, bool), np.ones(9, bool)]
    groups = {n: np.r_[m, np.ones(16, bool)] for n, m in split(names).items()}
    data = examples(
        np.r_[labels, extra, np.ones(9, int)],
        groups,
        known=dict.fromkeys(groups, ~unknown),
    )
    found = audit(data, np.r_[scores, np.ones(16)])
    bare = audit(examples(labels, split(names)), scores)
    for one, two in zip(found, bare, strict=True):
        assert (one.value, one.n) == (two.value, two.n)
    detail = found[0].detail
    assert (detail["unlabelled_rows"], detail["unknown_membership"]) == (7, 9)


def test_background_may_be_narrowed_to_other_groups():
    labels, scores, names = random_case(300)
    groups = split(names)
    groups.pop("g2")
    findings = audit(examples(labels, groups), scores, background="identity")
    rest = names == "g1"
    wins = np.subtract.outer(
        scores[rest & (labels == 1)], scores[(names == "g0") & (labels == 0)]
    )
    expected = (wins > 0).mean() + (wins == 0).mean() / 2
    assert only(findings, "bpsn_auc", "axis=g0").value == pytest.approx(expected)
    every = audit(examples(labels, groups), scores)
    assert only(every, "bpsn_auc", "axis=g0").value != pytest.approx(expected)


def test_labels_are_matched_by_name_and_any_class_may_be_positive():
    labels, scores, names = random_case(150)
    swapped = examples(1 - labels, split(names), label_names=LABELS[::-1])
    assert audit(swapped, scores) == audit(examples(labels, split(names)), scores)
    readings = {
        "predictions": {
            "probabilities": np.column_stack([scores, 1 - scores, 0 * scores])
        }
    }
    three = card(("toxic", "fine", "other"))
    metric = Disparity(positive="toxic", min_count=1, draws=200)
    data = examples(labels, split(names))
    assert metric.needs(data, three)
    found = list(metric.score(data, readings, three, np.random.default_rng(0)))
    assert found == audit(data, scores)


@pytest.mark.parametrize(
    ("change", "labels", "positive", "reason"),
    [
        ({"labels": np.full(4, -1)}, LABELS, None, "no labels"),
        ({"label_names": ()}, LABELS, None, "no labels"),
        ({"groups": ()}, LABELS, None, "no groups"),
        ({}, ("fine", "toxic", "other"), None, "3 classes; name the positive one"),
        ({}, LABELS, "rude", "'rude' is not a label of the model"),
        ({}, ("LABEL_0", "LABEL_1"), None, r"\(fine, toxic\).*\(LABEL_0, LABEL_1\)"),
        ({}, (), None, "none"),
    ],
)
def test_what_cannot_be_measured_has_a_reason(change, labels, positive, reason):
    fields = {"labels": np.array([0, 1, 0, 1]), "label_names": LABELS}
    data = examples(fields["labels"], split(list("aabb")))
    data = Examples(**{**vars(data), **change})
    with pytest.raises(Unmeasurable, match=reason):
        Disparity(positive=positive).needs(data, card(labels))


def test_probabilities_that_are_not_numbers_are_refused():
    labels, scores, names = random_case(20)
    scores[3] = np.nan
    with pytest.raises(Unmeasurable, match="no finite probability for 1 of 20 texts"):
        audit(examples(labels, split(names)), scores)


@pytest.mark.parametrize(
    "params",
    [
        {"threshold": 1.5},
        {"min_count": 0},
        {"draws": 10},
        {"level": 1},
        {"background": "none"},
    ],
)
def test_parameters_without_meaning_are_refused(params):
    with pytest.raises(
        AuditError, match=f"Parameter {next(iter(params))} of disparity"
    ):
        Disparity(**params)


def test_every_quantity_is_declared_and_every_number_has_an_interval():
    labels, scores, names = random_case()
    findings = audit(examples(labels, split(names)), scores)
    assert {f.quantity for f in findings} == set(Disparity.quantities)
    assert all(f.interval and f.n for f in findings)
    assert all(f.interval.low <= f.value <= f.interval.high for f in findings)
    assert findings == audit(examples(labels, split(names)), scores)


def test_a_hundred_thousand_rows_take_seconds():
    labels, scores, names = random_case(100_000, groups=8)
    data = examples(labels, split(names))
    audit(examples(labels[:99], split(names[:99])), scores[:99])
    start = time.perf_counter()
    assert audit(data, scores, draws=10_000)
    assert time.perf_counter() - start < 3
