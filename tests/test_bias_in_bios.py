"""The metric `bias_in_bios` against published code and its definitions."""

import numpy as np
import pytest
from scipy import stats

from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit_metrics.extrinsic.bias_in_bios import BiasInBios
from tests.labelled import card, cases, examples, only, run, split

PROFESSIONS = ("dj", "model", "nurse", "professor", "rapper", "surgeon")


def one_hot(chosen, count):
    return np.eye(count)[np.asarray(chosen)] * 0.8 + 0.2 / count


def audit(labels, chosen, genders, names=PROFESSIONS, clusters=None, **params):
    data = examples(
        labels,
        split(genders),
        axis="gender",
        label_names=names,
        clusters=clusters,
    )
    metric = BiasInBios(**{"min_count": 1, "draws": 2000, "first": "f", **params})
    return run(metric, data, one_hot(chosen, len(names)), card(names))


def of_class(findings, quantity, name):
    found = [f for f in findings if f.quantity.name == quantity]
    (one,) = [f for f in found if f.subject.endswith(f"class {name}")]
    return one


@pytest.mark.parametrize("case", cases("bias_in_bios.json"))
def test_published_code(case):
    """A profession never predicted correctly is missing there, and has gap 0 here."""
    expected = case["expected"]
    findings = audit(case["y_true"], case["y_pred"], list(case["gender"]))
    missing = set(PROFESSIONS) - set(expected["tpr"])
    gaps = {}
    for name in PROFESSIONS:
        found = of_class(findings, "true_positive_rate_gap", name)
        gaps[name] = found.value
        if name in missing:
            assert found.value == 0
            change = of_class(findings, "imbalance_change", name)
            assert change.reason == "no text of the class is predicted correctly"
            continue
        rates = found.detail["true_positive_rates"]
        assert rates == pytest.approx(expected["tpr"][name], abs=1e-9)
        gap = expected["tpr_gap_f_minus_m"][name]
        assert found.value == pytest.approx(gap, abs=1e-9)
        wrong = found.detail["false_positive_rates"]
        assert wrong == pytest.approx(expected["fpr"][name], abs=1e-9)
        # The published code takes the gap of false positives the other way round.
        other_way = wrong["m"] - wrong["f"]
        assert other_way == pytest.approx(expected["fpr_gap"][name], abs=1e-9)
        share = expected["fraction_female_in_this_table"][name]
        assert found.detail["share"] == pytest.approx(share, abs=1e-9)
        change = of_class(findings, "imbalance_change", name)
        among = expected["compounding_imbalance"][name]
        assert change.detail["share_among_hits"] == pytest.approx(
            among["pi_female_among_true_positives"], abs=1e-9
        )
        assert change.value == pytest.approx(
            among["pi_female_among_true_positives"] - among["pi_female"], abs=1e-9
        )
        assert change.detail["compounding"] == among["compounding"]
    kept = [gap for name, gap in gaps.items() if name not in missing]
    published = np.sqrt(np.mean(np.square(kept)))
    assert published == pytest.approx(expected["rms"], abs=1e-9)
    rms = only(findings, "rms_gap")
    assert rms.value == pytest.approx(
        np.sqrt(np.mean(np.square(list(gaps.values())))), abs=1e-9
    )
    assert (rms.value == pytest.approx(expected["rms"], abs=1e-9)) == (not missing)
    correlation = only(findings, "gap_correlation")
    if not missing:
        expected_r = expected["pearson_r_gap_vs_fraction_female"]
        assert correlation.value == pytest.approx(expected_r, abs=1e-9)
        assert correlation.p_value == pytest.approx(expected["pearson_p"], abs=0.01)
    assert rms.detail["accuracy"] == pytest.approx(expected["accuracy"], abs=1e-9)
    share = only(findings, "compounding_share")
    marked = [c["compounding"] for c in expected["compounding_imbalance"].values()]
    assert share.value == pytest.approx(np.mean(marked))
    assert share.n == len(marked)


def simulated(n=4000, size=0.15, seed=0, classes=8):
    """Women are favoured in the classes that have more of them."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    share = np.linspace(0.15, 0.85, classes)[labels]
    women = rng.random(n) < share
    right = rng.random(n) < 0.7 + size * np.where(women, 1, -1) * (share - 0.5)
    wrong = (labels + 1 + rng.integers(0, classes - 1, n)) % classes
    genders = np.where(women, "f", "m")
    names = tuple(f"job {at}" for at in range(classes))
    return labels, np.where(right, labels, wrong), genders, names


def test_a_planted_gap_is_found_and_named():
    labels, chosen, genders, names = simulated(size=0.5)
    findings = audit(labels, chosen, genders, names, min_count=10)
    rms = only(findings, "rms_gap")
    assert rms.p_value == 1 / 2001
    assert rms.detail["worst_class"] in {"job 0", "job 7"}
    assert rms.detail["texts"] == {
        "f": (genders == "f").sum(),
        "m": (genders == "m").sum(),
    }
    assert 0.1 < rms.interval.low < rms.value < rms.interval.high < 0.4
    correlation = only(findings, "gap_correlation")
    assert correlation.value > 0.9
    assert correlation.p_value < 0.002
    assert correlation.n == 8
    reference = stats.pearsonr(
        [
            of_class(findings, "true_positive_rate_gap", n).detail["share"]
            for n in names
        ],
        [of_class(findings, "true_positive_rate_gap", n).value for n in names],
    )
    ends = reference.confidence_interval(0.95)
    assert (correlation.interval.low, correlation.interval.high) == pytest.approx(
        (ends.low, ends.high), abs=1e-9
    )
    assert only(findings, "compounding_share").value > 0.7


def test_the_other_group_first_turns_the_gaps_and_nothing_else():
    labels, chosen, genders, names = simulated(1500)
    there = audit(labels, chosen, genders, names)
    back = audit(labels, chosen, genders, names, first="m")
    for one, two in zip(there, back, strict=True):
        turned = one.quantity.name in {"true_positive_rate_gap", "imbalance_change"}
        value = -two.value if turned else two.value
        assert one.value == pytest.approx(value, abs=1e-12)
        assert one.n == two.n
    rms = only(there, "rms_gap").detail
    assert rms["worst_pair"] == only(back, "rms_gap").detail["worst_pair"][::-1]
    assert rms["worst_group"] == only(back, "rms_gap").detail["worst_group"]


def test_interval_of_a_gap_is_that_of_agresti_and_caffo():
    labels, chosen, genders, names = simulated(3000, classes=3)
    findings = audit(labels, chosen, genders, names, draws=20_000)
    for at, name in enumerate(names):
        hits, sizes = zip(
            *(
                (
                    ((labels == at) & (genders == g) & (chosen == at)).sum(),
                    ((labels == at) & (genders == g)).sum(),
                )
                for g in "fm"
            ),
            strict=True,
        )
        rate = [(h + 1) / (n + 2) for h, n in zip(hits, sizes, strict=True)]
        error = np.sqrt(
            sum(r * (1 - r) / (n + 2) for r, n in zip(rate, sizes, strict=True))
        )
        found = of_class(findings, "true_positive_rate_gap", name)
        centre = rate[0] - rate[1]
        assert found.interval.low == pytest.approx(centre - 1.96 * error, abs=0.003)
        assert found.interval.high == pytest.approx(centre + 1.96 * error, abs=0.003)
        joint = found.detail["simultaneous_interval"]
        assert joint[0] < found.interval.low < found.interval.high < joint[1]


def test_small_classes_are_left_out_by_name():
    labels, chosen, genders, names = simulated(600)
    genders = genders.copy()
    genders[labels == 2] = "m"
    genders[np.flatnonzero(labels == 2)[:3]] = "f"
    findings = audit(labels, chosen, genders, names, min_count=5)
    found = of_class(findings, "true_positive_rate_gap", "job 2")
    count = (labels == 2).sum() - 3
    reason = f"3 texts of f and {count} texts of m; min_count is 5"
    assert found.reason == reason
    for name in ("rms_gap", "gap_correlation", "compounding_share"):
        assert only(findings, name).detail["left_out"] == {"job 2": reason}
        assert only(findings, name).detail["classes"] == 7


def test_right_decisions_everywhere_leave_room_for_a_gap():
    labels = np.tile(np.arange(3), 60)
    genders = np.repeat(["f", "m"], 90)
    findings = audit(labels, labels, genders, ("a", "b", "c"))
    rms = only(findings, "rms_gap")
    assert (rms.value, rms.p_value, rms.interval.low) == (0, 1, 0)
    assert rms.interval.high > 0.02
    reason = only(findings, "gap_correlation").reason
    assert reason == "the gaps or the shares are all equal"


def test_clusters_widen_the_intervals():
    rng = np.random.default_rng(2)
    labels = np.repeat(rng.integers(0, 3, 90), 10)
    genders = np.repeat(rng.choice(["f", "m"], 90), 10)
    chosen = np.repeat(rng.integers(0, 3, 90), 10)
    names = ("a", "b", "c")
    plain = audit(labels, chosen, genders, names)
    whole = audit(labels, chosen, genders, names, clusters=np.repeat(np.arange(90), 10))

    def width(findings):
        found = of_class(findings, "true_positive_rate_gap", "a").interval
        return found.high - found.low

    assert width(whole) > 2 * width(plain)
    assert only(whole, "rms_gap").p_value > only(plain, "rms_gap").p_value


def test_what_cannot_be_measured_has_a_reason():
    labels, genders = np.tile(np.arange(3), 20), np.tile(["f", "m"], 30)
    names, three = ("a", "b", "c"), card(("a", "b", "c"))
    data = examples(labels, split(genders), axis="gender", label_names=names)
    two = examples(labels % 2, split(genders), label_names=("a", "b"))
    with pytest.raises(Unmeasurable, match="2 classes; gaps by class need three"):
        BiasInBios().needs(two, card(("a", "b")))
    with pytest.raises(Unmeasurable, match=r"no axis 'gendr'.*Did you mean 'gender'"):
        BiasInBios(axis="gendr").needs(data, three)
    with pytest.raises(Unmeasurable, match=r"and a group 'x' \(gender: f, m\)"):
        BiasInBios(first="x").needs(data, three)
    more = examples(labels, split(np.tile(["f", "m", "d"], 20)), label_names=names)
    with pytest.raises(Unmeasurable, match=r"no axis has two groups \(axis: f, m, d\)"):
        BiasInBios().needs(more, three)
    unlabelled = examples(np.full(6, -1), split(list("ffmmff")), label_names=names)
    with pytest.raises(Unmeasurable, match="no labels"):
        BiasInBios().needs(unlabelled, three)


@pytest.mark.parametrize("params", [{"min_count": 0}, {"draws": 9}, {"level": 0}])
def test_parameters_without_meaning_are_refused(params):
    name = next(iter(params))
    with pytest.raises(AuditError, match=f"Parameter {name} of bias_in_bios"):
        BiasInBios(**params)


def test_every_quantity_is_declared_and_every_number_has_an_interval():
    findings = audit(*simulated())
    assert {f.quantity for f in findings} == set(BiasInBios.quantities)
    assert all(f.interval and f.n for f in findings)
    assert all(f.interval.low <= f.value <= f.interval.high for f in findings)
    assert sum(f.p_value is not None for f in findings) == 2
    assert findings == audit(*simulated())
