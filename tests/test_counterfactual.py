"""The metric `counterfactual` against published code, scipy and its invariants."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fairaudit.data import Examples
from fairaudit.engine import Settings, audit
from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit.model import ModelCard
from fairaudit.perturbation import Perturber
from fairaudit.registry import build, load
from fairaudit.result import DatasetEntry, ModelEntry
from fairaudit_metrics.extrinsic.change_quantities import CHANGES
from fairaudit_metrics.extrinsic.counterfactual import Counterfactual
from tests.fakes import FakeModel

ORACLE = json.loads(
    (Path(__file__).parent / "oracles" / "counterfactual_scores.json").read_text(
        "utf-8"
    )
)
EXPECTED = ORACLE["expected"]
SCORES = np.array(ORACLE["scores"])
TERMS = """part,A,B,C
noun,alpha,beta,gamma
"""
TEN = ("The woman waited in room {}.", "A man paid for seat {}.")


def card(labels=("fine", "toxic")):
    entry = ModelEntry(name="m", path="m", fingerprint="0", architecture="x")
    return ModelCard(entry=entry, labels=labels)


def examples(texts, labels=None, clusters=None):
    n = len(texts)
    return Examples(
        card=DatasetEntry(name="d", kind="examples", n=n, sha256="0"),
        texts=tuple(texts),
        labels=np.full(n, -1) if labels is None else np.asarray(labels),
        label_names=() if labels is None else ("fine", "toxic"),
        groups=(),
        clusters=clusters,
    )


def measure(data, predict, labels=("fine", "toxic"), seed=0, **params):
    """Return the findings; `predict` gives a score, or a row of probabilities."""
    metric = Counterfactual(**params)
    texts = metric.needs(data, card(labels))["predictions"].texts
    assert len(set(texts)) == len(texts)
    found = np.array([predict(text) for text in texts], dtype=float)
    table = found if found.ndim == 2 else np.column_stack([1 - found, found])
    readings = {"predictions": {"probabilities": table}}
    rng = np.random.default_rng(seed)
    return list(metric.score(data, readings, card(labels), rng))


def only(findings, quantity, subject):
    found = [f for f in findings if (f.quantity.name, f.subject) == (quantity, subject)]
    assert len(found) == 1, [(f.quantity.name, f.subject) for f in findings]
    return found[0]


def bytes_score(text):
    return sum((at + 1) * byte for at, byte in enumerate(text.encode())) % 997 / 997


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    """Twenty texts about A whose versions have the scores of the oracle."""
    path = tmp_path_factory.mktemp("terms") / "letters.csv"
    path.write_text(TERMS, encoding="utf-8")
    words = ("alpha", "beta", "gamma")
    texts = [f"Template {row} tells of alpha." for row in range(len(SCORES))]
    known = {
        text.replace("alpha", word): SCORES[row, at]
        for row, text in enumerate(texts)
        for at, word in enumerate(words)
    }
    data = examples(texts, ORACLE["labels"])

    def run(**params):
        return measure(data, known.__getitem__, terms=str(path), **params)

    return run


def test_change_of_an_original_is_that_of_garg(oracle):
    found = only(oracle(), "mean_absolute_change", "letters")
    assert found.value == pytest.approx(EXPECTED["ctf_gap_original_A"], abs=1e-9)
    assert found.n == 20
    fine = only(oracle(), "mean_absolute_change", "letters, label=fine")
    expected = EXPECTED["ctf_gap_original_A_nontoxic_only"]
    assert fine.value == pytest.approx(expected, abs=1e-9)
    assert fine.n == 13


def test_spread_over_versions_is_that_of_published_code(oracle):
    findings = oracle()
    spread = {
        "score_range": "perturbation_score_range",
        "score_deviation": "perturbation_score_deviation_ddof0",
    }
    for name, key in spread.items():
        found = only(findings, name, "letters")
        assert found.value == pytest.approx(EXPECTED[key], abs=1e-9)


def test_distances_and_gaps_of_groups_are_those_of_published_code(oracle):
    detail = only(oracle(), "mean_absolute_change", "letters").detail
    to_all = EXPECTED["average_group_fairness_W1_vs_all"]
    for name, value in detail["wasserstein_1"]["to_all"].items():
        assert value == pytest.approx(to_all[name], abs=1e-9)
    between = detail["wasserstein_1"]["between"]
    for pair, value in EXPECTED["pairwise_W1"].items():
        assert between[pair.replace("|", " vs ")] == pytest.approx(value, abs=1e-9)
    for side in ("positive", "negative"):
        for name, value in EXPECTED[f"{side}_aeg_vs_other_groups"].items():
            gap = detail["average_equality_gap"][name][side]
            assert gap == pytest.approx(value, abs=1e-9)
    assert detail["friedman"]["chi2"] == pytest.approx(
        EXPECTED["friedman_all_groups"]["chi2"], abs=1e-9
    )
    assert detail["friedman"]["p"] == pytest.approx(
        EXPECTED["friedman_all_groups"]["p"], abs=1e-9
    )


@pytest.mark.parametrize(("operator", "suffix"), [(">", "gt"), (">=", "ge")])
@pytest.mark.parametrize("to", ["B", "C"])
def test_flip_rates_are_those_of_published_code(oracle, operator, suffix, to):
    findings = oracle(threshold=0.5, operator=operator)
    rates = only(findings, "flip_rate", "letters").detail["by_pair"][f"A -> {to}"]
    expected = EXPECTED[f"flip_rates_A_to_{to}@0.5"]
    assert rates["overall"] == pytest.approx(expected[f"overall_{suffix}"], abs=1e-9)
    if operator == ">":
        assert rates["from toxic"] == pytest.approx(expected["pos_to_neg_gt"], abs=1e-9)
        assert rates["to toxic"] == pytest.approx(expected["neg_to_pos_gt"], abs=1e-9)


def test_flip_rate_is_the_mean_over_texts_and_strict_without_a_threshold(oracle):
    found = only(oracle(), "flip_rate", "letters")
    rates = [EXPECTED[f"flip_rates_A_to_{to}@0.5"]["overall_gt"] for to in "BC"]
    assert found.value == pytest.approx(np.mean(rates), abs=1e-9)
    assert found.interval.method == "Wilson"


def test_inconsistency_is_that_of_checklist(oracle):
    expected = {
        0.0: EXPECTED["checklist_INV_failure_rate_tolerance_0"],
        0.1: EXPECTED["checklist_INV_failure_rate_tolerance_0.1"],
    }
    for tolerance, value in expected.items():
        found = only(oracle(tolerance=tolerance), "inconsistency_rate", "letters")
        assert found.value == pytest.approx(value, abs=1e-9)
    any_differs = EXPECTED["label_inconsistency_any_group_differs_gt"]
    found = only(oracle(threshold=0.5, operator=">"), "inconsistency_rate", "letters")
    assert found.value == pytest.approx(any_differs, abs=1e-9)


def test_paired_tests_are_those_of_scipy(oracle):
    found = only(oracle(pairs=True), "signed_change", "letters: A -> C")
    expected = EXPECTED["paired_tests_C_minus_A"]
    assert found.value == pytest.approx(expected["mean_diff"], abs=1e-9)
    t, ranks = (
        found.detail[f"{name}_rows_independent"] for name in ("t_test", "wilcoxon")
    )
    assert t["t"] == pytest.approx(expected["ttest_rel_t"], abs=1e-9)
    assert t["p"] == pytest.approx(expected["ttest_rel_p"], abs=1e-9)
    assert ranks["W"] == pytest.approx(expected["wilcoxon_W"], abs=1e-9)
    assert ranks["p"] == pytest.approx(expected["wilcoxon_p"], abs=1e-9)
    moved = SCORES[:, 2] - SCORES[:, 0]
    student = stats.ttest_1samp(moved, 0).confidence_interval(0.95)
    assert found.interval.low == pytest.approx(student.low, abs=1e-9)
    assert found.interval.high == pytest.approx(student.high, abs=1e-9)
    # Of 2^20 sign patterns 10,000 are drawn; the smallest p is that of the observed.
    assert found.p_value == pytest.approx(1 / 10_001)
    reached = only(oracle(), "signed_change", "letters: others -> C")
    assert reached.value == pytest.approx(expected["mean_diff"], abs=1e-9)


def people(n=24):
    return [TEN[row % 2].format(row) for row in range(n)]


def test_signs_go_with_the_order_of_the_groups():
    def predict(text):
        return 0.5 + 0.1 * ("woman" in text) + bytes_score(text[-5:]) / 10

    findings = measure(examples(people()), predict, axes="gender")
    to_men = only(findings, "signed_change", "gender: women -> men")
    to_women = only(findings, "signed_change", "gender: men -> women")
    assert to_men.value == pytest.approx(-0.1)
    assert to_women.value == pytest.approx(0.1)
    assert to_men.n == to_women.n == 12
    assert to_men.p_value == pytest.approx(2 / 2**12)
    mean = only(findings, "mean_absolute_change", "gender")
    assert mean.value == pytest.approx(0.1)
    assert mean.n == 24
    assert mean.p_value is None


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_findings_agree_with_arithmetic_on_the_swapped_texts(seed):
    rng = np.random.default_rng(seed)
    data = examples(people(int(rng.integers(10, 30))))
    scores = {}

    def predict(text):
        return scores.setdefault(text, float(rng.random()))

    findings = measure(data, predict, axes="gender", min_count=1)
    swapped = Perturber("gender").swap(data.texts)
    moved = np.array(
        [
            scores[new] - scores[data.texts[row]]
            for row, new in zip(swapped.rows, swapped.texts, strict=True)
        ]
    )
    mean = only(findings, "mean_absolute_change", "gender")
    largest = only(findings, "largest_absolute_change", "gender")
    assert mean.value == pytest.approx(np.abs(moved).mean())
    assert largest.value == pytest.approx(np.abs(moved).max())
    assert largest.interval is None
    flips = [
        (scores[new] > 0.5) != (scores[data.texts[row]] > 0.5)
        for row, new in zip(swapped.rows, swapped.texts, strict=True)
    ]
    assert only(findings, "flip_rate", "gender").value == pytest.approx(np.mean(flips))
    for f in findings:
        if f.interval:
            assert f.interval.low <= f.value <= f.interval.high


def test_rows_in_another_order_give_the_same_numbers():
    data = examples(people(40))
    turned = examples(data.texts[::-1])
    one, other = (measure(d, bytes_score, axes="gender+age") for d in (data, turned))
    for f, g in zip(one, other, strict=True):
        assert (f.quantity, f.subject, f.n) == (g.quantity, g.subject, g.n)
        assert f.value == pytest.approx(g.value, abs=1e-12)
        if f.p_value is not None:
            assert f.p_value == pytest.approx(g.p_value, abs=0.03)


def test_what_rounding_moves_has_no_direction():
    def predict(text, moved):
        return 0.5 + moved * ("woman" in text)

    data = examples(people(40))
    for moved, value in ((9e-6, 0.0), (2e-5, 2e-5)):
        findings = measure(data, partial(predict, moved=moved), axes="gender")
        signed = only(findings, "signed_change", "gender: men -> women")
        assert signed.value == pytest.approx(value, abs=1e-12)
        assert (signed.p_value < 0.05) == (value > 0)
        assert only(findings, "mean_absolute_change", "gender").value > 0


def test_a_model_that_does_not_see_the_terms_changes_nothing():
    findings = measure(examples(people()), lambda _text: 0.7, axes="gender")
    for name in ("mean_absolute_change", "largest_absolute_change", "flip_rate"):
        assert only(findings, name, "gender").value == 0.0
    flips = only(findings, "flip_rate", "gender")
    assert flips.interval.low == pytest.approx(0.0, abs=1e-12)
    assert flips.interval.high == pytest.approx(0.138, abs=1e-3)
    signed = only(findings, "signed_change", "gender: men -> women")
    assert signed.value == 0.0
    assert signed.p_value == 1.0
    assert "t_test_rows_independent" not in signed.detail
    largest = only(findings, "largest_absolute_change", "gender")
    assert largest.detail["pairs"] == []


def test_clusters_are_what_intervals_and_tests_rest_on():
    texts = people(48)
    clusters = np.arange(48) // 8
    alone = measure(examples(texts), bytes_score, axes="gender")
    grouped = measure(examples(texts, clusters=clusters), bytes_score, axes="gender")
    for f, g in zip(alone, grouped, strict=True):
        assert f.value == pytest.approx(g.value)
    found = only(grouped, "signed_change", "gender: men -> women")
    assert found.detail["test"] == "sign flips of clusters, exact, 64 patterns"
    assert found.detail["clusters"] == 6
    swapped = Perturber("gender").swap(texts)
    moved = {
        row: bytes_score(new) - bytes_score(texts[row])
        for row, new in zip(swapped.rows.tolist(), swapped.texts, strict=True)
        if swapped.from_groups[row] == "men"
    }
    sums = np.bincount(clusters[list(moved)], list(moved.values()))
    exact = stats.permutation_test(
        (sums,), np.sum, permutation_type="samples", n_resamples=np.inf
    )
    assert found.p_value == pytest.approx(exact.pvalue)
    assert "clusters" in found.interval.method


def test_every_text_left_out_is_counted():
    texts = [*people(20), "He saw her.", "Hey guys!", "It rains.", "A black table"]
    findings = measure(examples(texts), bytes_score, axes="gender+race")
    detail = only(findings, "mean_absolute_change", "gender").detail
    assert {k: detail[k] for k in ("texts", "swapped", "no_term")} == {
        "texts": 24,
        "swapped": 20,
        "no_term": 2,
    }
    assert detail["ambiguous"] == detail["asymmetric"] == 1
    assert detail["reasons"] == {
        "a word that may or may not speak of a group": 1,
        "names more than one group": 1,
    }
    race = only(findings, "mean_absolute_change", "race")
    assert race.value is None
    assert race.reason == "no text can be swapped (race: 23 no term, 1 ambiguous)"
    assert race.detail["ambiguous"] == 1


def test_few_texts_give_a_reason_and_the_largest_change_all_the_same():
    findings = measure(examples(people(4)), bytes_score, axes="gender")
    mean = only(findings, "mean_absolute_change", "gender")
    assert mean.value is None
    assert mean.reason == "4 texts to compare; min_count is 10"
    assert only(findings, "largest_absolute_change", "gender").n == 4
    one = measure(examples(people(1)), bytes_score, axes="gender", min_count=1)
    alone = only(one, "mean_absolute_change", "gender")
    assert alone.value is not None
    assert alone.interval is None


def test_several_groups_are_tested_by_the_group_written_in():
    texts = [
        f"The {word} in street {n} is closed."
        for n in range(12)
        for word in ("church", "mosque", "synagogue")
    ]
    findings = measure(examples(texts), bytes_score, axes="religion")
    signed = {f.subject: f for f in findings if f.quantity.name == "signed_change"}
    assert list(signed) == [
        f"religion: others -> {name}"
        for name in ("Christians", "Muslims", "Jews", "Hindus", "Sikhs")
    ]
    assert signed["religion: others -> Christians"].n == 24
    assert signed["religion: others -> Sikhs"].n == 36
    all_pairs = measure(examples(texts), bytes_score, axes="religion", pairs=True)
    pairs = [f for f in all_pairs if f.subject == "religion: Jews -> Muslims"]
    assert pairs[0].n == 12


THREE = ("bad", "good", "mixed")


def three(text):
    score = bytes_score(text)
    return [score / 2, (1 - score) / 2, 0.5]


def test_many_classes_are_compared_by_total_variation():
    data = examples(people())
    findings = measure(data, three, labels=THREE, axes="gender")
    mean = only(findings, "mean_absolute_change", "gender")
    swapped = Perturber("gender").swap(data.texts)
    tables = [
        np.array([three(text) for text in texts])
        for texts in ([data.texts[row] for row in swapped.rows], swapped.texts)
    ]
    expected = np.abs(tables[1] - tables[0]).sum(axis=1).mean() / 2
    assert mean.value == pytest.approx(expected)
    assert mean.detail["score"] == "total variation distance of the class probabilities"
    signed = only(findings, "signed_change", "gender")
    assert signed.value is None
    assert "with 3 classes no single score" in signed.reason
    named = measure(data, three, labels=THREE, axes="gender", label="good")
    assert only(named, "mean_absolute_change", "gender").value == pytest.approx(
        expected
    )
    each = measure(data, three, labels=THREE, axes="gender", per_class=True)
    values = [
        only(each, "signed_change", f"gender: men -> women, P({name})").value
        for name in THREE
    ]
    assert sum(values) == pytest.approx(0, abs=1e-12)


def test_worst_pairs_are_kept_short_and_in_order():
    long = "word " * 200
    texts = [f"{long}the woman in room {n} {long}" for n in range(12)]
    findings = measure(examples(texts), bytes_score, axes="gender", evidence=3)
    pairs = only(findings, "largest_absolute_change", "gender").detail["pairs"]
    assert len(pairs) == 3
    changes = [pair["change"] for pair in pairs]
    assert changes == sorted(changes, reverse=True)
    for pair in pairs:
        assert pair["groups"] == ["women", "men"]
        assert "woman in room" in pair["first"]
        assert "the man in room" in pair["second"]
        assert max(len(pair["first"]), len(pair["second"])) < 260
        assert abs(pair["scores"][1] - pair["scores"][0]) == pytest.approx(
            pair["change"]
        )


def test_terms_of_ones_own_stand_for_their_axis(tmp_path):
    path = tmp_path / "gender.csv"
    path.write_text("part,women,men\nnoun,woman,man\n", encoding="utf-8")
    texts = [*people(20), *["The aunt left."] * 5]
    own = measure(examples(texts), bytes_score, terms=str(path))
    assert {f.subject.split(":")[0].split(",")[0] for f in own} == {"gender"}
    detail = only(own, "mean_absolute_change", "gender").detail
    assert detail["no_term"] == 5
    both = measure(examples(texts), bytes_score, terms=str(path), axes="gender+age")
    assert only(both, "mean_absolute_change", "gender").n == 20
    assert only(both, "mean_absolute_change", "age").reason


def test_nothing_to_swap_is_a_reason():
    with pytest.raises(Unmeasurable, match="no text can be swapped"):
        Counterfactual(axes="gender").needs(examples(["It rains."]), card())


def test_missing_probabilities_are_refused():
    with pytest.raises(Unmeasurable, match="no finite probability for 24 of 48"):
        measure(
            examples(people()), lambda t: np.nan if "woman" in t else 0.5, axes="gender"
        )


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"threshold": 1.5}, "threshold"),
        ({"tolerance": -0.1}, "tolerance"),
        ({"min_count": 0}, "min_count"),
        ({"draws": 5}, "draws"),
        ({"level": 1.0}, "level"),
        ({"evidence": -1}, "evidence"),
    ],
)
def test_parameters_without_meaning_are_refused(params, problem):
    with pytest.raises(AuditError, match=f"Parameter {problem} of counterfactual"):
        Counterfactual(**params)


def test_labels_and_axes_are_checked():
    data = examples(people())
    with pytest.raises(Unmeasurable, match="'x' is not a label"):
        Counterfactual(label="x").needs(data, card())
    with pytest.raises(Unmeasurable, match="name it with the parameter 'label'"):
        Counterfactual(threshold=0.5).needs(data, card(THREE))
    with pytest.raises(Unmeasurable, match="does not name two classes"):
        Counterfactual().needs(data, card(()))
    with pytest.raises(AuditError, match="Did you mean 'gender'"):
        Counterfactual(axes="gendre").needs(data, card())


def test_metric_is_found_and_takes_its_parameters_as_text():
    found = load("fairaudit.metrics", "counterfactual")
    options = {"axes": "age", "operator": ">", "threshold": "0.4", "pairs": "true"}
    metric = build(found, options, "metric counterfactual")
    assert (metric.operator, metric.threshold, metric.pairs) == (">", 0.4, True)
    assert metric.params["axes"] == "age"
    assert metric.quantities == CHANGES


def test_only_texts_with_a_term_cost_anything():
    texts = [*people(20), *[f"Rain in town {n}." for n in range(30)]]
    model = FakeModel()
    report = audit(
        [model], [Counterfactual(axes="gender")], [examples(texts)], Settings()
    )
    assert report.cost.forward_passes == 40
    assert not any(text.startswith("Rain") for text in model.seen)
    assert all(record.status == "ok" for record in report.records)


def test_batches_seed_and_other_metrics_do_not_change_the_numbers(opened, zoo):
    model = opened(zoo())
    data = [examples(people(20))]
    chosen = [Counterfactual(axes="gender", draws=200)]
    more = [*chosen, Counterfactual(axes="gender+age", draws=200)]
    runs = [
        audit([model], metrics, data, replace(Settings(), batch_tokens=tokens))
        for metrics, tokens in ((chosen, 64), (chosen, 512), (more, 64))
    ]
    first, *others = [
        [r for r in run.records if r.params["axes"] == "gender"] for run in runs
    ]
    assert first
    for records in others:
        for one, other in zip(first, records, strict=True):
            assert one.subject == other.subject
            assert one.value == pytest.approx(other.value, abs=1e-6)
            assert (one.p_value is None) == (other.p_value is None)
            if one.p_value is not None:
                assert one.p_value == pytest.approx(other.p_value, abs=1e-9)
