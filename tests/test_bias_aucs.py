"""The metric `bias_aucs` against published code, brute force and its invariants."""

import time

import numpy as np
import pytest
from scipy.stats import norm

from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit.stats.auc import delong
from fairaudit_metrics.extrinsic.bias_aucs import BiasAucs
from tests.labelled import card, cases, examples, only, random_case, run, split

AUCS = ("subgroup_auc", "bpsn_auc", "bnsp_auc")
SHIFTS = ("negative_aeg", "positive_aeg")


def audit(data, scores, seed=0, model=None, **params):
    metric = BiasAucs(**{"min_count": 1, "draws": 500, **params})
    return run(metric, data, scores, model, seed)


def sides(labels, member, background):
    """Return masks of group and background, by label."""
    labels, member = np.asarray(labels) == 1, np.asarray(member, dtype=bool)
    return {
        "subgroup_auc": (member & labels, member & ~labels),
        "bpsn_auc": (background & labels, member & ~labels),
        "bnsp_auc": (member & labels, background & ~labels),
        "negative_aeg": (member & ~labels, background & ~labels),
        "positive_aeg": (member & labels, background & labels),
    }


@pytest.mark.parametrize("case", cases("bias_aucs_published.json"))
def test_published_code(case):
    """A group without a class is left out; there every mean becomes undefined."""
    findings = audit(examples(case["label"], case["groups"]), case["score"])
    overall = only(findings, "overall_auc")
    assert overall.value == pytest.approx(case["overall_auc"], abs=1e-9)
    for group, expected in case["per_group"].items():
        for name in (*AUCS, *SHIFTS):
            found = only(findings, name, f"axis={group}")
            if expected[name] is None:
                assert "min_count is 1" in found.reason
            else:
                assert found.value == pytest.approx(expected[name], abs=1e-9)
                assert found.interval.low < found.interval.high
    for name in AUCS:
        values = {g: e[name] for g, e in case["per_group"].items()}
        known = {g: value for g, value in values.items() if value is not None}
        found = only(findings, f"lowest_{name}")
        assert found.value == pytest.approx(min(known.values()), abs=1e-9)
        assert found.interval.low <= found.value <= found.interval.high
        assert set(found.detail["left_out"]) == set(values) - set(known)
        mean = only(findings, f"generalized_mean_{name}")
        assert set(mean.detail["left_out"][name]) == set(values) - set(known)
        if case["power_mean"][name] is not None:
            expected = pytest.approx(case["power_mean"][name], abs=1e-9)
            assert mean.value == expected
        else:
            values = np.array(list(known.values()))
            powers = np.mean(values**-5.0) ** (-1 / 5)
            assert mean.value == pytest.approx(powers, abs=1e-9)
        assert mean.interval.low <= mean.value <= mean.interval.high
    final = only(findings, "final_metric")
    if case["final"] is not None:
        assert final.value == pytest.approx(case["final"], abs=1e-9)
    else:
        means = [only(findings, f"generalized_mean_{name}").value for name in AUCS]
        assert final.value == pytest.approx((overall.value + sum(means)) / 4)


@pytest.mark.parametrize("case", cases("bias_aucs_hatexplain.json"))
def test_evaluation_of_hatexplain(case):
    """Its background are the posts about another community, and no others."""
    data = examples(case["label"], case["groups"])
    findings = audit(data, case["score"], background="identity_only")
    for name in AUCS:
        for group, value in case["auc"][name].items():
            found = only(findings, name, f"axis={group}")
            counts = [n for side, n in found.detail.items() if " in the " in side]
            assert counts == case["counts"][name][group]
            if value is None:
                assert "min_count is 1" in found.reason
            else:
                assert found.value == pytest.approx(value, abs=1e-9)
        mean = only(findings, f"generalized_mean_{name}")
        missing = [g for g, value in case["auc"][name].items() if value is None]
        assert list(mean.detail["left_out"][name]) == missing
        if case["gmb"][name] is not None:
            assert mean.value == pytest.approx(case["gmb"][name], abs=1e-9)
        else:
            assert missing
    everyone = audit(data, case["score"])
    narrow = only(findings, "bpsn_auc", "axis=Islam").value
    assert only(everyone, "bpsn_auc", "axis=Islam").value != pytest.approx(narrow)


@pytest.mark.parametrize("background", ["all", "identity_only"])
@pytest.mark.parametrize("unknown", ["drop", "background"])
def test_backgrounds_by_brute_force(background, unknown):
    rng = np.random.default_rng(3)
    labels, scores = rng.integers(0, 2, 200), rng.random(200).round(1)
    member = {"a": rng.random(200) < 0.3, "b": rng.random(200) < 0.3}
    known = {"a": rng.random(200) < 0.8, "b": rng.random(200) < 0.8}
    data = examples(labels, member, known=known)
    findings = audit(data, scores, background=background, unknown=unknown)
    inside = {name: member[name] & known[name] for name in member}
    for name in member:
        outside = ~inside[name] & (known[name] | (unknown == "background"))
        if background == "identity_only":
            outside &= inside["a"] | inside["b"]
        for kind, (high, low) in sides(labels, inside[name], outside).items():
            gaps = np.subtract.outer(scores[high], scores[low])
            value = (gaps > 0).mean() + (gaps == 0).mean() / 2
            found = only(findings, kind, f"axis={name}")
            shift = 0.5 if kind in SHIFTS else 0.0
            assert found.value == pytest.approx(value - shift, abs=1e-12)
            assert found.n == high.sum() + low.sum()
            assert found.detail["unknown_membership"] == (~known[name]).sum()


def test_intervals_are_those_of_delong():
    labels, scores, names = random_case(400, groups=3)
    findings = audit(examples(labels, split(names)), scores, level=0.9)
    for name, member in split(names).items():
        for kind, (high, low) in sides(labels, member, ~member).items():
            found = only(findings, kind, f"axis={name}")
            shift = 0.5 if kind in SHIFTS else 0.0
            ends = np.array(delong(scores[high], scores[low]).interval(0.9)) - shift
            assert (found.interval.low, found.interval.high) == pytest.approx(
                tuple(ends), abs=1e-9
            )
            joint = found.detail["simultaneous_interval"]
            assert joint[0] <= found.interval.low
            assert joint[1] >= found.interval.high
            assert joint[1] - joint[0] > found.interval.high - found.interval.low


def test_interval_of_the_final_metric_is_near_the_bootstrap():
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, 600)
    scores = np.clip(0.25 * labels + 0.75 * rng.random(600), 0, 1)
    groups = {name: rng.random(600) < 0.4 for name in "abc"}
    findings = audit(examples(labels, groups), scores)
    drawn = []
    for _ in range(100):
        rows = rng.integers(0, 600, 600)
        data = examples(labels[rows], {n: m[rows] for n, m in groups.items()})
        drawn.append(
            {
                f.quantity.name: f.value
                for f in audit(data, scores[rows], draws=100)
                if f.quantity.name == "final_metric" or "mean" in f.quantity.name
            }
        )
    for name in drawn[0]:
        found = only(findings, name)
        spread = np.std([each[name] for each in drawn])
        width = found.interval.high - found.interval.low
        assert width == pytest.approx(2 * 1.96 * spread, rel=0.2)


def test_a_shift_of_scores_is_found_and_named():
    rng = np.random.default_rng(5)
    labels, member = rng.integers(0, 2, 1200), np.arange(1200) < 300
    scores = np.clip(0.3 * labels + 0.15 * member + 0.5 * rng.random(1200), 0, 1)
    groups = {"women": member, "men": ~member, "few": np.arange(1200) % 500 == 0}
    findings = audit(examples(labels, groups, axis="gender"), scores, min_count=10)
    for kind in SHIFTS:
        found = only(findings, f"largest_{kind}")
        assert found.subject.startswith("gender: ")
        assert found.subject.endswith(" vs its background")
        assert found.p_value == 1 / 501
        assert (
            found.detail["signed"]["women"]
            > 0.15
            > -0.15
            > (found.detail["signed"]["men"])
        )
        assert "few" in found.detail["left_out"]
        assert found.key == "gender"
        assert found.interval.low > 0.1
    same = only(findings, "subgroup_auc_difference")
    assert same.p_value > 0.01
    assert {test["group"] for test in same.detail["tests"]} == {"women", "men"}


def test_min_count_applies_to_both_sides():
    labels, scores = [1] * 3 + [0] * 12 + [1] * 30 + [0] * 30, np.linspace(0, 1, 75)
    member = np.arange(75) < 15
    findings = audit(examples(labels, {"c": member}), scores, min_count=10)
    reason = "3 positives in the group and 12 negatives in the group; min_count is 10"
    assert only(findings, "subgroup_auc", "axis=c").reason == reason
    assert only(findings, "bpsn_auc", "axis=c").value is not None
    found = only(findings, "generalized_mean_subgroup_auc")
    assert found.reason == "no group of axis has enough positives and negatives"
    assert found.detail["left_out"] == {"c": reason}
    assert only(findings, "final_metric").reason == found.reason


def test_clusters_widen_intervals_and_singletons_do_not():
    rng = np.random.default_rng(6)
    cluster = np.repeat(np.arange(40), 20)
    labels = np.repeat(rng.integers(0, 2, 40), 20)
    scores = np.repeat(rng.random(40), 20) + 0.01 * rng.random(800)
    groups = {"a": np.arange(800) % 2 == 0, "b": np.arange(800) % 2 == 1}
    scores /= scores.max()
    plain = audit(examples(labels, groups), scores)
    single = audit(examples(labels, groups, clusters=np.arange(800)), scores)
    whole = audit(examples(labels, groups, clusters=cluster), scores)

    def width(findings):
        found = only(findings, "subgroup_auc", "axis=a").interval
        return found.high - found.low

    assert width(single) == pytest.approx(width(plain), rel=0.05)
    assert width(whole) > 2 * width(single)
    assert "clusters" in only(whole, "subgroup_auc", "axis=a").interval.method


def test_renamed_and_permuted_rows_give_the_same_numbers():
    labels, scores, names = random_case()
    order = np.random.default_rng(1).permutation(len(labels))
    plain = audit(examples(labels, split(names)), scores)
    groups = {n: m[order] for n, m in split(names).items()}
    for one, two in zip(
        plain, audit(examples(labels[order], groups), scores[order]), strict=True
    ):
        assert one.value == pytest.approx(two.value, abs=1e-12)
        assert one.p_value == two.p_value or one.p_value == pytest.approx(
            two.p_value, abs=0.01
        )
    assert plain == audit(examples(labels, split(names)), scores)


def test_every_quantity_is_declared_and_every_number_has_an_interval():
    labels, scores, names = random_case()
    findings = audit(examples(labels, split(names)), scores)
    assert {f.quantity for f in findings} == set(BiasAucs.quantities)
    assert all(f.interval and f.n for f in findings)
    assert all(f.interval.low <= f.value <= f.interval.high for f in findings)
    assert sum(f.p_value is not None for f in findings) == 3


def test_several_classes_need_a_positive_one():
    labels, _, names = random_case(60)
    data, three = examples(labels, split(names)), card(("fine", "toxic", "odd"))
    with pytest.raises(Unmeasurable, match="3 classes; name the positive one"):
        BiasAucs().needs(data, three)
    assert BiasAucs(positive="toxic").needs(data, three)


@pytest.mark.parametrize(
    "params",
    [
        {"background": "none"},
        {"unknown": "guess"},
        {"min_count": 0},
        {"power": 0},
        {"power": float("inf")},
        {"draws": 10},
        {"level": 1},
    ],
)
def test_parameters_without_meaning_are_refused(params):
    name = next(iter(params))
    with pytest.raises(AuditError, match=f"Parameter {name} of bias_aucs"):
        BiasAucs(**params)


def test_a_hundred_thousand_rows_take_seconds():
    rng = np.random.default_rng(7)
    labels, scores = rng.integers(0, 2, 100_000), rng.random(100_000)
    groups = {f"g{at}": rng.random(100_000) < 0.05 for at in range(24)}
    start = time.process_time()
    assert audit(examples(labels, groups), scores, draws=10_000)
    assert time.process_time() - start < 5


@pytest.mark.slow
def test_intervals_cover_one_by_one_and_together():
    """Scores of a normal model, where every AUC is known."""
    rng = np.random.default_rng(8)
    shifts, alone, together, means, rejected = (0.0, 0.4, -0.3), [], [], [], []
    truth = {
        g: norm.cdf((1 - s) / np.sqrt(2)) for g, s in zip("abc", shifts, strict=True)
    }
    names = np.repeat(list("abc"), 160)
    for _ in range(250):
        labels = rng.integers(0, 2, 480)
        shift = np.repeat(shifts, 160) * (labels == 0)
        scores = norm.cdf(rng.normal(labels + shift, 1))
        findings = audit(examples(labels, split(names)), scores, draws=300)
        found = {g: only(findings, "subgroup_auc", f"axis={g}") for g in "abc"}
        alone += [
            f.interval.low <= truth[g] <= f.interval.high for g, f in found.items()
        ]
        joint = {g: f.detail["simultaneous_interval"] for g, f in found.items()}
        together.append(all(j[0] <= truth[g] <= j[1] for g, j in joint.items()))
        mean = only(findings, "generalized_mean_subgroup_auc").interval
        power = np.mean(np.array(list(truth.values())) ** -5.0) ** (-1 / 5)
        means.append(mean.low <= power <= mean.high)
        same = only(findings, "largest_positive_aeg")
        rejected.append(same.p_value <= 0.05)
    assert 0.93 <= np.mean(alone) <= 0.97
    assert np.mean(together) >= 0.94
    assert 0.92 <= np.mean(means) <= 0.98
    assert 0.02 <= np.mean(rejected) <= 0.08
