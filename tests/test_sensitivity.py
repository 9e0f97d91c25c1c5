"""The metric: from answers about texts to findings."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from fairaudit.data import Examples, Group
from fairaudit.engine import Settings, audit
from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit.model import (
    Ask,
    Directional,
    HeldOut,
    ModelCard,
    Predict,
    Sensitivity,
    Slope,
)
from fairaudit.registry import build
from fairaudit.result import DatasetEntry, ModelEntry
from fairaudit_metrics.sensitivity.accumulated import AccumulatedSensitivity

READS = ("predict", "gradient", "sensitivity")
FORMS = "absolute+token"


def entry(labels=(), psm=None, shared=True, reads=READS, why_not=None, held_out=None):
    named = ModelEntry(name="m", path="", fingerprint="", architecture="", reads=reads)
    return ModelCard(
        entry=named,
        labels=labels,
        psm=psm,
        shared_embedding=shared,
        why_not=why_not,
        held_out=held_out,
    )


CARD = entry(("no", "yes"), entry(("men", "women")))
WOMEN = np.arange(60) % 3 == 0


def examples(women, axis="gender", names=("men", "women"), known=None, **more):
    n = len(women)
    known = np.ones(n, dtype=bool) if known is None else known
    card = DatasetEntry(name="notes", kind="examples", n=n, sha256="")
    base = Examples(
        card=card,
        texts=tuple(f"text {i}" for i in range(n)),
        labels=np.full(n, -1),
        label_names=(),
        groups=(
            Group(axis, names[0], ~women & known, known),
            Group(axis, names[1], women & known, known),
        ),
    )
    return replace(base, **more)


def reading(women, values, psm_noise=0.05, seed=0, **more):
    rng = np.random.default_rng(seed)
    n = len(women)
    score = np.clip(women * 0.8 + 0.1 + psm_noise * rng.normal(size=n), 0, 1)
    return {
        "probabilities": np.tile([0.2, 0.8], (n, 1)),
        "psm": np.stack([1 - score, score], axis=1),
        "absolute": values,
        "token": 2 * values,
        "signed": values * np.where(np.arange(n) % 2, 1, -1),
        "lexicon": 3 * values,
        "uniform": np.full(n, 0.5),
        "uniform_token": np.full(n, 1.0),
        "steepness": np.full(n, 0.16),
        "terms": np.ones(n, dtype=np.int32),
        "fault": np.zeros(n, dtype=np.int8),
        "psm_fault": np.zeros(n, dtype=np.int8),
        "truncated": np.zeros(n, dtype=bool),
        "lengths": np.full(n, 2),
        "contribution": np.tile([0.5, 1.5], n).astype(np.float32),
        "start": np.tile([0, 5], n),
        "end": np.tile([4, 7], n),
        **more,
    }


def make(**options):
    return AccumulatedSensitivity(**{"forms": FORMS, "draws": 400, **options})


def score(data, read, card=CARD, metric=None, seed=0, **more):
    metric = metric or make()
    rng = np.random.default_rng(seed)
    return list(metric.score(data, {"texts": read, **more}, card, rng))


def find(findings, quantity, subject=None):
    (found,) = [
        f
        for f in findings
        if f.quantity.name == quantity and subject in {None, f.subject}
    ]
    return found


# --- means and differences ---------------------------------------------------------


def test_means_are_those_of_the_texts():
    values = np.random.default_rng(1).uniform(1, 2, 60)
    found = score(examples(WOMEN), reading(WOMEN, values))
    for form, factor in (("absolute", 1), ("token", 2)):
        name = f"sensitivity_{form}"
        parts = {
            "all texts": values,
            "gender=women": values[WOMEN],
            "gender=men": values[~WOMEN],
            "predicted as yes": values,
        }
        for subject, part in parts.items():
            finding = find(found, name, subject)
            assert finding.value == pytest.approx(factor * part.mean())
            assert finding.n == len(part)
            assert finding.interval.low < finding.value < finding.interval.high
        gap = find(found, f"{name}_difference")
        expected = abs(values[WOMEN].mean() - values[~WOMEN].mean())
        assert gap.value == pytest.approx(factor * expected)
        detail = find(found, name, "all texts").detail
        flat = factor * values.mean() / (0.5 * factor)
        assert detail["ratio_to_uniform_v"] == pytest.approx(flat)
        assert detail["mean_confidence"] == pytest.approx(0.8)
        odds = factor * values.mean() / 0.16
        assert detail["mean_in_log_odds"] == pytest.approx(odds)
        assert len(detail["deciles"]) == 11
        assert detail["deciles"][5] == pytest.approx(factor * np.median(values))
        assert "comparable between models with one" in detail["comparability"]
        assert not [f for f in found if f.subject == "predicted as no"]


def test_intervals_are_those_of_students_t():
    from scipy import stats

    values = np.random.default_rng(2).uniform(1, 2, 60)
    found = find(
        score(examples(WOMEN), reading(WOMEN, values)),
        "sensitivity_absolute",
        "gender=women",
    )
    part = values[WOMEN]
    expected = stats.ttest_1samp(part, 0).confidence_interval(0.95)
    assert found.interval.low == pytest.approx(expected.low, rel=1e-6)
    assert found.interval.high == pytest.approx(expected.high, rel=1e-6)


def test_rows_of_a_cluster_count_together():
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.arange(12), 5)
    values = np.abs(rng.normal(1, 0.3, 12))[clusters] + 0.01 * rng.random(60)
    free = examples(WOMEN)
    tied = examples(WOMEN, clusters=clusters)
    read = reading(WOMEN, values)
    alone, together = (
        find(score(data, read), "sensitivity_token", "all texts").interval
        for data in (free, tied)
    )
    assert together.high - together.low > 1.8 * (alone.high - alone.low)
    assert "clusters" in together.method
    assert "texts" in alone.method


def test_a_planted_gap_is_found_and_none_is_not():
    noise = np.random.default_rng(2).normal(0, 0.1, 60)
    planted = score(examples(WOMEN), reading(WOMEN, 1 + 0.5 * WOMEN + noise))
    gap = find(planted, "sensitivity_absolute_difference")
    assert gap.subject == "gender=women vs gender=men"
    assert gap.value == pytest.approx(0.5, abs=0.1)
    assert gap.p_value < 0.01
    assert gap.interval.low > 0.3
    assert gap.detail["test"] == "400 permutations of rows"
    equal = np.where(WOMEN, np.cumsum(WOMEN), np.cumsum(~WOMEN)) % 5 * 0.1 + 1.0
    none = find(
        score(examples(WOMEN), reading(WOMEN, equal)), "sensitivity_absolute_difference"
    )
    assert none.p_value > 0.5
    assert none.interval.low == 0


def test_a_third_small_group_is_left_out_of_the_gap():
    group = np.arange(64)
    known = np.ones(64, dtype=bool)
    women = (group % 3 == 0) & (group < 60)
    data = examples(women, known=known)
    other = Group("gender", "other", group >= 60, known)
    men = Group("gender", "men", ~women & (group < 60), known)
    data = replace(data, groups=(men, data.groups[1], other))
    found = score(data, reading(women, 1.0 + women))
    small = find(found, "sensitivity_token", "gender=other")
    assert small.reason == "4 texts have a value; 10 are needed"
    gap = find(found, "sensitivity_token_difference")
    assert gap.detail["left_out"] == ["gender=other"]
    assert gap.value == pytest.approx(2.0)
    assert find(found, "psm_auc").n == 60


def test_texts_without_a_value_are_left_out_and_counted_by_reason():
    values = np.ones(60)
    values[[0, 7, 9, 12]] = np.nan
    fault, psm_fault = np.zeros(60, np.int8), np.zeros(60, np.int8)
    fault[[0, 9]] = 2, 1
    psm_fault[7] = 5
    read = reading(WOMEN, values, fault=fault, psm_fault=psm_fault)
    mean = find(score(examples(WOMEN), read), "sensitivity_absolute", "all texts")
    assert mean.value == pytest.approx(1.0)
    assert mean.n == 56
    assert mean.detail["texts_without_value"] == {
        "no token of the text was read": 1,
        "a gradient is not finite": 1,
        "PSM: the gradient is zero in single precision, so it has no direction": 1,
        "the two models cut the text into different tokens": 1,
    }


def test_no_value_at_all_has_a_reason_and_its_cause():
    read = reading(WOMEN, np.full(60, np.nan), fault=np.full(60, 3, np.int8))
    found = score(examples(WOMEN), read)
    for form in ("absolute", "token"):
        finding = find(found, f"sensitivity_{form}", "all texts")
        assert finding.reason == "0 texts have a value; 10 are needed"
        (cause,) = finding.detail["texts_without_value"]
        assert "cannot be differentiated" in cause
    assert not [f for f in found if f.quantity.name.endswith("difference")]


def test_rows_of_unknown_group_count_only_overall():
    known = np.arange(60) >= 6
    values = np.where(known, 1.0, 7.0)
    found = score(examples(WOMEN, known=known), reading(WOMEN, values))
    assert find(found, "sensitivity_absolute", "all texts").n == 60
    for name in ("men", "women"):
        assert find(found, "sensitivity_absolute", f"gender={name}").value == 1.0
    assert find(found, "psm_auc").n == 54


def test_same_seed_same_findings_whatever_the_other_forms():
    values = np.random.default_rng(6).uniform(size=60)
    data, read = examples(WOMEN), reading(WOMEN, values)
    both = score(data, read)
    assert both == score(data, read)
    alone = score(data, read, metric=make(forms="token"))
    assert [f for f in both if "token" in f.quantity.name] == [
        f for f in alone if "token" in f.quantity.name
    ]


# --- the protected-status model ----------------------------------------------------


def test_psm_quality_agrees_with_scikit_learn():
    from sklearn.metrics import accuracy_score, brier_score_loss, roc_auc_score

    read = reading(WOMEN, np.ones(60), psm_noise=0.5)
    found = score(examples(WOMEN), read, metric=make(min_auc=0.0))
    p = read["psm"][:, 1]
    quality = find(found, "psm_auc")
    assert quality.subject == "PSM: gender=women vs gender=men"
    assert 0.5 < quality.value < 1
    assert quality.value == pytest.approx(roc_auc_score(WOMEN, p))
    assert quality.n == 60
    accuracy = find(found, "psm_accuracy")
    assert accuracy.value == pytest.approx(accuracy_score(WOMEN, p > 0.5))
    brier = find(found, "psm_brier")
    assert brier.value == pytest.approx(brier_score_loss(WOMEN, p))
    assert brier.interval.low < brier.value < brier.interval.high
    beside = find(found, "sensitivity_token", "all texts").detail["psm"]
    assert beside["psm_auc PSM: gender=women vs gender=men"] == quality.value
    assert beside["psm_brier PSM"] == brier.value


def test_calibration_error_agrees_with_a_loop():
    from fairaudit_metrics.sensitivity.protected import calibration_error

    rng = np.random.default_rng(4)
    table = rng.dirichlet([1, 1, 1], 200)
    truth = rng.integers(0, 3, 200)
    top, hit = table.max(1), table.argmax(1) == truth
    expected = 0.0
    for b in range(10):
        inside = (top >= b / 10) & ((top < (b + 1) / 10) | (b == 9))
        if inside.any():
            expected += inside.mean() * abs(hit[inside].mean() - top[inside].mean())
    assert calibration_error(table, truth) == pytest.approx(expected)


def test_a_psm_of_three_groups_has_an_auc_for_each():
    known = np.ones(90, dtype=bool)
    names = ("men", "women", "others")
    groups = tuple(
        Group("gender", name, np.arange(90) % 3 == i, known)
        for i, name in enumerate(names)
    )
    data = replace(examples(np.arange(90) % 3 == 1), groups=groups)
    card = entry(("no", "yes"), entry(names))
    psm = np.eye(3)[np.arange(90) % 3] * 0.8 + 0.2 / 3
    read = reading(np.zeros(90, bool), np.ones(90), psm=psm)
    found = score(data, read, card)
    subjects = [f.subject for f in found if f.quantity.name == "psm_auc"]
    assert subjects == [f"PSM: gender={name} vs its other groups" for name in names]
    assert find(found, "psm_accuracy").value == 1.0


def test_a_poor_psm_withholds_what_follows_it():
    read = reading(WOMEN, np.ones(60))
    read["psm"] = np.random.default_rng(3).dirichlet([1, 1], 60)
    found = score(examples(WOMEN), read)
    auc = find(found, "psm_auc").value
    assert auc < 0.7
    for form in ("absolute", "token"):
        finding = find(found, f"sensitivity_{form}")
        assert finding.value is None
        assert "not interpretable" in finding.reason
        assert f"PSM AUC {auc:.3f} on the audited texts is below 0.7" in finding.reason
        assert finding.detail["psm"]["min_auc"] == 0.7
    assert not [f for f in found if f.quantity.name.endswith("difference")]


def noted(auc, task="group"):
    psm = entry(("men", "women"), held_out=HeldOut(task, 40, 0.9, auc))
    return entry(("no", "yes"), psm)


def test_what_training_noted_counts_where_the_texts_have_no_groups():
    data = replace(examples(WOMEN), groups=())
    read = reading(WOMEN, np.ones(60))
    found = score(data, read, noted(0.93))
    mean = find(found, "sensitivity_token", "all texts")
    assert mean.value == 2.0
    assert mean.detail["psm"]["held_out_auc"] == 0.93
    assert mean.detail["psm"]["held_out_n"] == 40
    low = find(score(data, read, noted(0.6)), "sensitivity_token")
    assert "PSM AUC 0.600 on the held-out rows" in low.reason
    unknown = find(score(data, read, noted(None)), "sensitivity_token")
    assert "the quality of the PSM is unknown" in unknown.reason


def test_the_audited_texts_count_more_than_the_note():
    read = reading(WOMEN, np.ones(60))
    read["psm"] = np.random.default_rng(3).dirichlet([1, 1], 60)
    found = score(examples(WOMEN), read, noted(0.99))
    assert "on the audited texts" in find(found, "sensitivity_token").reason


def test_classes_that_are_no_groups_are_refused():
    """A task classifier handed in as a PSM."""
    data = examples(WOMEN, axis="age", names=("young", "old"))
    metric = make()
    for card in (CARD, noted(0.9, task="label")):
        with pytest.raises(Unmeasurable, match=r"men, women.*its axes: age"):
            metric.needs(data, card)


def test_a_group_too_small_has_a_reason():
    few = np.arange(60) < 4
    found = score(examples(few), reading(few, np.ones(60)))
    quality = find(found, "psm_auc")
    assert quality.value is None
    assert "4 texts of the group" in quality.reason
    assert "quality of the PSM is unknown" in find(found, "sensitivity_token").reason


def test_other_embeddings_withhold_the_forms_by_features_only():
    card = entry(("no", "yes"), CARD.psm, shared=False)
    metric = make(forms="absolute+token+signed")
    found = score(examples(WOMEN), reading(WOMEN, np.ones(60)), card, metric)
    for form in ("absolute", "signed"):
        reason = find(found, f"sensitivity_{form}").reason
        assert "different word embeddings" in reason
    assert find(found, "sensitivity_token", "all texts").value == pytest.approx(2)


# --- what is asked -----------------------------------------------------------------


def needs(data, card=CARD, **options):
    return make(**options).needs(data, card)


def test_the_parameters_reach_the_request():
    data = examples(WOMEN)
    request = needs(
        data,
        output="log_odds",
        norm="l1",
        normalise="unit",
        step="relative",
        smooth="noise",
        points=4,
        noise=0.2,
        w="weights:1+3",
    )["texts"]
    assert request == Sensitivity(
        data.texts,
        group=1,
        slope=Slope("log_odds", (1.0, 3.0), "l1", "unit", "relative", "noise", 4, 0.2),
    )


def test_w_picks_the_classes():
    labels = np.array([0, 1, -1] * 20)
    data = examples(WOMEN, labels=labels, label_names=("yes", "no"))
    assert needs(data)["texts"].classes == ()
    assert needs(data, w="class:yes")["texts"].classes == (1,) * 60
    assert needs(data, w="true")["texts"].classes == (1, 0, -1) * 20
    assert needs(data, w="uniform")["texts"].slope.weights == (0.5, 0.5)


@pytest.mark.parametrize(
    ("w", "reason"),
    [
        ("class:maybe", "no class 'maybe'; its classes: no, yes"),
        ("weights:1+2+3", "3 weights, but the model has 2 classes"),
        ("true", "labels of the data .good. are not those of the model"),
    ],
)
def test_a_w_that_does_not_fit_has_a_reason(w, reason):
    data = examples(WOMEN, labels=np.zeros(60, int), label_names=("good",))
    with pytest.raises(Unmeasurable, match=reason):
        needs(data, w=w)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"w": "best"}, "class:NAME"),
        ({"w": "class:"}, "class:NAME"),
        ({"w": "weights:0+0"}, "class:NAME"),
        ({"w": "weights:1+x"}, "class:NAME"),
        ({"forms": "tokn"}, r"Did you mean 'token'"),
        ({"output": "odds"}, "probability, log_odds, logit"),
        ({"points": 0}, "at least 1"),
        ({"draws": 5}, "at least 100"),
        ({"level": 1.0}, "between 0 and 1"),
        ({"noise": float("nan")}, "0 or more"),
        ({"min_auc": 2.0}, "from 0 to 1"),
    ],
)
def test_parameters_without_a_meaning_are_refused(options, message):
    with pytest.raises(AuditError, match=message):
        make(**options)


def test_parameters_come_from_the_command_line():
    words = {"forms": "all", "points": "3", "values": "true", "output": "logit"}
    found = build(AccumulatedSensitivity, words, "metric sensitivity")
    assert (found.points, found.values, found.output) == (3, True, "logit")
    assert found.params["forms"] == "all"
    with pytest.raises(AuditError, match="norm"):
        build(AccumulatedSensitivity, {"norm": "l3"}, "metric sensitivity")


def test_uniform_w_is_refused_for_the_signed_forms():
    read = reading(WOMEN, np.ones(60))
    metric = make(forms="signed+token", w="uniform")
    found = score(examples(WOMEN), read, metric=metric)
    assert (
        "equally weighted sum never moves" in find(found, "sensitivity_signed").reason
    )
    assert find(found, "sensitivity_token", "all texts").value == 2.0
    logits = make(forms="signed", w="uniform", output="logit")
    fine = score(examples(WOMEN), read, metric=logits)
    assert find(fine, "sensitivity_signed", "all texts").value is not None
    multi = {**read, "probabilities": np.tile([0.7, 0.8], (60, 1))}
    fine = score(examples(WOMEN), multi, metric=make(forms="signed", w="uniform"))
    assert find(fine, "sensitivity_signed", "all texts").value is not None


def test_negative_weights_are_for_the_signed_form():
    metric = make(forms="signed+token", w="weights:-1+1")
    request = metric.needs(examples(WOMEN), CARD)["texts"]
    assert not request.unsigned
    read = reading(WOMEN, np.ones(60))
    found = score(examples(WOMEN), read, metric=metric)
    assert "no negative weights" in find(found, "sensitivity_token").reason
    signed = find(found, "sensitivity_signed", "all texts")
    assert signed.value == pytest.approx(0.0)
    assert signed.interval.low < 0
    assert signed.detail["backward_passes"] == 1
    assert signed.detail["w"] == "-1 no + 1 yes"


def test_general_weights_say_what_they_cost():
    labels = ("a", "b", "c", "d")
    card = entry(labels, CARD.psm)
    read = reading(WOMEN, np.ones(60), probabilities=np.full((60, 4), 0.25))
    metric = make(forms="token", w="weights:1+0+1+1")
    mean = find(
        score(examples(WOMEN), read, card, metric), "sensitivity_token", "all texts"
    )
    assert mean.detail["backward_passes"] == 3


def test_a_signed_form_of_many_groups_needs_one_named():
    names = ("men", "women", "others")
    known = np.ones(60, dtype=bool)
    groups = tuple(
        Group("gender", name, np.arange(60) % 3 == i, known)
        for i, name in enumerate(names)
    )
    data = replace(examples(WOMEN), groups=groups)
    card = entry(("no", "yes"), entry(names))
    with pytest.raises(Unmeasurable, match=r"3 groups apart.*parameter group"):
        needs(data, card, forms="signed")
    assert needs(data, card)["texts"].group == -1
    assert needs(data, card, forms="signed", group="others")["texts"].group == 2
    with pytest.raises(Unmeasurable, match="no group 'x'"):
        needs(data, card, group="x")


def test_the_counterpart_may_be_left_out():
    data = examples(WOMEN, texts=SPOKEN)
    assert set(needs(data)) == {"texts", "swaps", "swapped"}
    plain = make(forms="token+directional", counterfactual=False)
    assert set(plain.needs(data, CARD)) == {"texts", "swaps"}
    change, more = swap_readings(data)
    found = score(data, reading(WOMEN, np.ones(60)), metric=plain, swaps=more["swaps"])
    value = find(found, "sensitivity_directional", "all texts").value
    assert value == pytest.approx(np.abs(change).mean())
    assert not [f for f in found if "counterfactual" in f.quantity.name]
    assert set(needs(data, forms="token", counterfactual=False)) == {"texts"}


def test_without_psm_and_terms_there_is_nothing_to_ask():
    card = entry(("no", "yes"), reads=("gradient",), why_not={"sensitivity": "no PSM"})
    data = examples(WOMEN, axis="side", names=("left", "right"))
    with pytest.raises(Unmeasurable, match=r"no PSM; no list of terms.*side"):
        needs(data, card, forms="all")


def test_units_say_how_slopes_were_measured():
    read = reading(WOMEN, np.ones(60))

    def unit(form="token", **options):
        metric = make(forms=form, **options)
        return find(
            score(examples(WOMEN), read, metric=metric),
            f"sensitivity_{form}",
            "all texts",
        ).quantity.unit

    assert unit() == "probability per unit of embedding"
    assert unit(step="relative") == "probability per relative change of embedding"
    assert unit(output="logit") == "logit per unit of embedding"
    assert unit(normalise="none").endswith("times the slope of the PSM")


# --- saturation and evidence -------------------------------------------------------


def test_saturation_is_flagged():
    probabilities = np.tile([0.2, 0.8], (60, 1))
    probabilities[:40] = [0.001, 0.999]
    read = reading(WOMEN, np.ones(60), probabilities=probabilities)
    found = find(score(examples(WOMEN), read), "share_saturated")
    assert found.value == pytest.approx(40 / 60)
    assert found.detail["flagged"] is True
    assert "output=log_odds" in found.detail["flag"]
    calm = find(
        score(examples(WOMEN), read, metric=make(most_saturated=0.7)),
        "share_saturated",
    )
    assert calm.detail["flagged"] is False
    assert calm.detail["flag"] == ""


def test_the_top_texts_come_with_their_tokens():
    values = np.linspace(0, 1, 60)
    values[59] = np.nan
    read = reading(WOMEN, values)
    found = score(examples(WOMEN), read, metric=make(examples=2))
    top = find(found, "sensitivity_token", "all texts").detail["top"]
    assert [one["row"] for one in top] == [58, 57]
    assert top[0]["text"] == "text 58"
    assert top[0]["value"] == pytest.approx(2 * values[58])
    assert top[0]["predicted"] == "yes"
    assert top[0]["confidence"] == pytest.approx(0.8)
    assert top[0]["tokens"] == [
        {"start": 0, "end": 4, "contribution": 0.5},
        {"start": 5, "end": 7, "contribution": 1.5},
    ]
    assert "top" not in find(found, "sensitivity_absolute", "all texts").detail


def test_long_texts_are_cut_and_the_strongest_tokens_kept():
    from fairaudit_metrics.sensitivity.evidence import LONGEST, MOST_TOKENS, Texts

    count = 200
    read = {
        "lengths": np.array([1, count]),
        "start": np.r_[0, np.arange(count) * 4],
        "end": np.r_[1, np.arange(count) * 4 + 3],
        "contribution": np.r_[9.0, np.arange(count, 0, -1.0)],
        "probabilities": np.array([[0.5, 0.5], [0.3, 0.7]]),
    }
    texts = Texts(("x", "abc " * count), ("no", "yes"), read)
    (one,) = texts.top(np.array([0.0, 1.0]), 1)
    assert len(one["text"]) == LONGEST
    assert len(one["tokens"]) == MOST_TOKENS
    assert one["tokens_left_out"] == count - MOST_TOKENS
    assert [t["start"] for t in one["tokens"]] == [4 * i for i in range(MOST_TOKENS)]
    assert all(t["end"] <= LONGEST for t in one["tokens"])


def test_all_values_are_listed_where_wanted():
    values = np.linspace(0, 1, 60)
    values[3] = np.nan
    found = score(examples(WOMEN), reading(WOMEN, values), metric=make(values=True))
    listed = find(found, "sensitivity_absolute", "all texts").detail["values"]
    assert listed[3] is None
    assert listed[4] == pytest.approx(values[4])


# --- terms and swaps ---------------------------------------------------------------

SPOKEN = tuple(
    f"{'She' if i % 3 == 0 else 'He'} was seen on day {i}." for i in range(60)
)
LEXICON = "lexicon+directional"


def swap_readings(data, factor=1.0, noise=0.0, seed=0):
    """A classifier whose first-order change is `factor` times the finite one."""
    rng = np.random.default_rng(seed)
    m = len(data.texts)
    change = rng.normal(0, 0.1, m)
    before = np.tile([0.2, 0.8], (m, 1))
    after = np.stack([0.2 - change, 0.8 + change], axis=1)
    first = factor * change + noise * rng.normal(size=m)
    towards = {
        "probabilities": before,
        "directional": first,
        "moved": np.ones(m, int),
        "aligned": np.ones(m, bool),
        "steepness": np.full(m, 0.16),
        "fault": np.zeros(m, np.int8),
        "truncated": np.zeros(m, bool),
    }
    return change, {"swaps": towards, "swapped": {"probabilities": after}}


def test_terms_and_swaps_are_found_without_a_psm():
    card = entry(("no", "yes"), reads=("gradient", "predict"))
    data = examples(WOMEN, texts=SPOKEN)
    requests = needs(data, card, forms=LEXICON)
    assert requests["texts"].kind == "gradient"
    assert requests["texts"].terms[0] == ((0, 3),)
    assert requests["texts"].terms[1] == ((0, 2),)
    assert requests["swaps"] == Directional(
        SPOKEN,
        tuple(
            t.replace("She", "He") if "She" in t else t.replace("He", "She")
            for t in SPOKEN
        ),
    )
    assert requests["swapped"] == Predict(requests["swaps"].counterparts)


def test_a_named_axis_or_file_of_terms_counts(tmp_path):
    card = entry(("no", "yes"), reads=("gradient", "predict"))
    data = examples(WOMEN, axis="side", names=("left", "right"), texts=SPOKEN)
    by_axis = needs(data, card, forms=LEXICON, terms="gender")
    assert by_axis["texts"].terms[0] == ((0, 3),)
    path = tmp_path / "days.csv"
    path.write_text("part,first,second\nnoun,day/days,night/nights\n")
    by_file = needs(data, card, forms=LEXICON, terms=str(path))
    start = SPOKEN[0].index("day")
    assert by_file["texts"].terms[0] == ((start, start + 3),)
    assert by_file["swaps"].counterparts[0] == SPOKEN[0].replace("day", "night")
    with pytest.raises(AuditError, match="no such file"):
        needs(data, card, forms=LEXICON, terms="nowhere.csv")


def test_the_counterfactual_change_is_the_mean_over_swaps():
    data = examples(WOMEN, texts=SPOKEN)
    change, more = swap_readings(data)
    metric = make(forms="lexicon+directional+token")
    found = score(data, reading(WOMEN, np.abs(change)), metric=metric, **more)
    value = find(found, "counterfactual_change", "all texts")
    assert value.value == pytest.approx(np.abs(change).mean())
    assert value.n == 60
    directional = find(found, "sensitivity_directional", "all texts")
    assert directional.value == pytest.approx(np.abs(change).mean())
    assert directional.quantity.unit == "probability"
    for form in ("lexicon", "directional", "token"):
        agreement = find(found, "counterfactual_rank_correlation", form)
        assert agreement.value == pytest.approx(1.0)
        assert agreement.interval.high == pytest.approx(1.0)
    linear = find(found, "linearisation_correlation")
    assert linear.value == pytest.approx(1.0)
    assert linear.detail["slope_through_origin"] == pytest.approx(1.0)
    assert linear.detail["same_sign"] == 1.0
    assert linear.detail["median_absolute_error"] == pytest.approx(0, abs=1e-12)


def test_several_swaps_of_a_text_are_averaged():
    texts = tuple(f"A Muslim man came on day {i}." for i in range(12))
    women = np.arange(12) % 2 == 0
    data = examples(women, axis="religion", names=("a", "b"), texts=texts)
    card = entry(("no", "yes"), reads=("gradient", "predict"))
    metric = make(forms="directional", min_count=5)
    rows = len(metric.needs(data, card)["swaps"].texts)
    assert rows % 12 == 0
    assert rows > 24
    change, more = swap_readings(replace(data, texts=texts * (rows // 12)))
    each = np.repeat(np.arange(12), rows // 12)
    found = score(data, reading(women, np.ones(12)), card, metric, **more)
    expected = np.bincount(each, np.abs(change)) / (rows // 12)
    value = find(found, "counterfactual_change", "all texts")
    assert value.value == pytest.approx(expected.mean())
    assert value.n == 12
    linear = find(found, "linearisation_correlation")
    assert linear.n == rows
    assert "clusters" in linear.interval.method


def test_a_poor_linearisation_is_said_to_be_poor():
    data = examples(WOMEN, texts=SPOKEN)
    _, more = swap_readings(data, factor=0.0, noise=0.1)
    found = score(
        data, reading(WOMEN, np.ones(60)), metric=make(forms="directional"), **more
    )
    linear = find(found, "linearisation_correlation")
    assert linear.interval.low < 0 < linear.interval.high
    assert linear.detail["median_absolute_error"] > 0.01


def test_the_linearisation_is_checked_in_the_output_that_was_differentiated():
    data = examples(WOMEN, texts=SPOKEN)
    _, more = swap_readings(data)
    after = more["swapped"]["probabilities"][:, 1]
    odds = np.log(after / (1 - after)) - np.log(0.8 / 0.2)
    more["swaps"]["directional"] = odds
    read = reading(WOMEN, np.ones(60))
    metric = make(forms="directional", output="log_odds")
    linear = find(score(data, read, metric=metric, **more), "linearisation_correlation")
    assert linear.detail["slope_through_origin"] == pytest.approx(1.0)
    logit = make(forms="directional", output="logit")
    none = find(score(data, read, metric=logit, **more), "linearisation_correlation")
    assert "logits" in none.reason


def test_texts_without_a_swap_are_counted_by_reason():
    texts = (*SPOKEN[:40], *(f"Nothing on day {i}." for i in range(20)))
    data = examples(WOMEN, texts=texts)
    change, more = swap_readings(replace(data, texts=texts[:40]))
    values = np.where(np.arange(60) < 40, 1.0, np.nan)
    read = reading(WOMEN, values, terms=(np.arange(60) < 40).astype(int))
    metric = make(forms="lexicon+directional")
    found = score(data, read, metric=metric, **more)
    value = find(found, "counterfactual_change", "all texts")
    assert (value.n, value.value) == (40, pytest.approx(np.abs(change).mean()))
    assert value.detail["texts_without_swap"] == {"no listed term": 20}
    listed = find(found, "sensitivity_lexicon", "all texts")
    assert listed.n == 40
    assert listed.detail["texts_without_value"] == {"no listed term": 20}
    assert listed.detail["terms"] == "gender"


# --- human judgements --------------------------------------------------------------


def judged(tmp_path, content, data=None, name="human.csv", **options):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    metric = make(human=str(path), forms="token+directional", **options)
    return metric, data or examples(WOMEN, texts=SPOKEN)


def wide(values, texts=SPOKEN):
    rows = [f'"{t}",{v:.6f},{v + 0.5:.6f}' for t, v in zip(texts, values, strict=True)]
    return "text,ann,ben\n" + "\n".join(rows) + "\n"


def test_human_agreement_of_two_metrics(tmp_path):
    from scipy import stats

    rng = np.random.default_rng(8)
    human = rng.normal(size=60)
    values = human + 0.3 * rng.normal(size=60)
    metric, data = judged(tmp_path, wide(human))
    change, more = swap_readings(data, seed=9)
    found = score(data, reading(WOMEN, values), metric=metric, **more)
    alpha = find(found, "annotator_agreement")
    assert 0.5 < alpha.value < 1
    assert alpha.detail["annotators"] == 2
    written = np.round(human, 6) + 0.25
    for kind, of in (("spearman", stats.spearmanr), ("pearson", stats.pearsonr)):
        one = find(found, f"human_{kind}", "token")
        assert one.value == pytest.approx(of(values, written).statistic)
        assert one.interval.low < one.value < one.interval.high
        other = find(found, f"human_{kind}", "counterfactual change")
        assert other.value == pytest.approx(of(np.abs(change), written).statistic)
    gap = find(found, "human_correlation_difference", "token vs counterfactual change")
    assert gap.value == pytest.approx(
        gap.detail["correlations"][0] - gap.detail["correlations"][1]
    )
    assert gap.interval.low > 0
    assert gap.detail["p_value_uncorrected"] < 0.01
    assert "Williams" in gap.detail["test"]
    assert gap.p_value is None


def test_long_files_and_ids_say_the_same(tmp_path):
    ids = tuple(f"row{i}" for i in range(60))
    data = examples(WOMEN, texts=SPOKEN, ids=ids)
    values = np.linspace(0, 1, 60)
    rows = [
        f"{name},{who},{v + add:.4f}"
        for name, v in zip(ids, values, strict=True)
        for who, add in (("ann", 0), ("ben", 0.5))
    ]
    long = "id,annotator,judgement\n" + "\n".join(rows) + "\nother,ann,3\n"
    from fairaudit_metrics.sensitivity.judgements import read_judgements

    (tmp_path / "long.csv").write_text(long)
    (tmp_path / "wide.csv").write_text(wide(values))
    one = read_judgements(tmp_path / "long.csv", data)
    other = read_judgements(tmp_path / "wide.csv", data)
    assert one.annotators == other.annotators == ("ann", "ben")
    np.testing.assert_allclose(one.table, other.table, atol=1e-4)
    assert (one.unmatched, other.unmatched) == (1, 0)


def test_missing_judgements_are_missing(tmp_path):
    from fairaudit_metrics.sensitivity.judgements import read_judgements

    path = tmp_path / "human.tsv"
    path.write_text(f"text\tann\tben\n{SPOKEN[0]}\t1\t\n{SPOKEN[1]}\t2\t4\n")
    found = read_judgements(path, examples(WOMEN, texts=SPOKEN))
    assert found.mean[:2].tolist() == [1, 3]
    assert np.isnan(found.mean[2:]).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("txt,ann\na,1\n", r"line 1: no column is called id or text"),
        ("text,ann\na,1\nb,2,3\n", r"line 3: 3 cells, but the header has 2"),
        (f'text,ann\n"{SPOKEN[0]}",good\n', r"line 2: ann judges 'good'"),
        (f'text,ann\n"{SPOKEN[0]}",nan\n', r"line 2: ann judges 'nan'"),
        (
            f'text,ann\n"{SPOKEN[0]}",1\n"{SPOKEN[0]}",2\n',
            r"line 3: ann judges this text a second time",
        ),
        ("text,ann\n", "no judgements"),
        ("", "no column"),
        ("id,ann\n1,2\n", "no ids"),
        ('text,ann\n"a,1\n', "line 2: this row cannot be parsed"),
        ("id,text,annotator,judgement\n,,,1\n", "annotator is empty"),
    ],
)
def test_errors_of_the_file_name_the_line(tmp_path, content, message):
    ids = () if "no ids" in message else tuple(map(str, range(60)))
    data = examples(WOMEN, texts=SPOKEN, ids=ids)
    metric, data = judged(tmp_path, content, data)
    with pytest.raises(AuditError, match=message):
        metric.needs(data, CARD)


def test_other_files_are_refused(tmp_path):
    data = examples(WOMEN, texts=SPOKEN)
    for name, message in (
        ("x.xlsx", r"\.csv or \.tsv"),
        ("none.csv", "cannot be read"),
    ):
        metric = make(human=str(tmp_path / name))
        with pytest.raises(AuditError, match=message):
            metric.needs(data, CARD)
    path = tmp_path / "latin.csv"
    path.write_bytes("text,änn\n".encode("latin-1"))
    with pytest.raises(AuditError, match="UTF-8"):
        make(human=str(path)).needs(data, CARD)


# --- end to end --------------------------------------------------------------------


def notes(n=40):
    words = ("nurse", "doctor", "patient", "person", "day", "market", "clinic")
    women = np.arange(n) % 2 == 0
    texts = tuple(
        f"the {words[i % 7]} said {'she' if w else 'he'} was {words[i % 5]} {'!' * i}"
        for i, w in enumerate(women)
    )
    return examples(women, texts=texts)


def psm_of(zoo, **more):
    names = {"id2label": {0: "men", 1: "women"}, "label2id": {"men": 0, "women": 1}}
    return zoo(seed=1, **names, **more)


def test_audit_of_two_models(zoo, opened):
    data = notes()
    model = opened(zoo(), psm_of(zoo))
    metric = AccumulatedSensitivity(min_auc=0.0, draws=200, forms="all")
    runs = [
        audit([model], [metric], [data], Settings(batch_tokens=size, debug=True))
        for size in (256, 2048)
    ]
    where = np.arange(40)
    (expected,) = model.read(data.texts, [Ask(Sensitivity(data.texts), where)])
    values = []
    for report in runs:
        named = {(r.quantity.name, r.subject): r for r in report.records if r.quantity}
        mean = named["sensitivity_token", "all texts"]
        assert mean.value == pytest.approx(expected["token"].mean(), rel=1e-4)
        lost = {r.reason for r in report.records if r.status != "ok"}
        assert any("different word embeddings" in reason for reason in lost)
        assert report.cost.forward_passes == 80, "the texts and their swaps"
        assert (
            named["linearisation_correlation", "first-order vs finite change"].n == 40
        )
        assert named["sensitivity_lexicon", "all texts"].value > 0
        assert len(mean.detail["top"]) == 5
        values.append([r.value for r in report.records])
    for one, other in zip(*values, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            assert one == pytest.approx(other, rel=0.05, abs=1e-4)


def test_audit_of_one_embedding_space_has_all_forms(zoo, opened):
    """A PSM of the same weights: v follows the classifier's own slope."""
    data = notes()
    place = zoo()
    twin = place.with_name("twin-psm")
    if not twin.exists():
        shutil.copytree(place, twin)
        config = json.loads((twin / "config.json").read_text())
        names = {"id2label": {"0": "men", "1": "women"}}
        (twin / "config.json").write_text(json.dumps({**config, **names}))
    model = opened(place, twin)
    assert model.psm.card.labels == ("men", "women")
    assert model.card.shared_embedding
    metric = AccumulatedSensitivity(min_auc=0.0, draws=200, forms="all")
    report = audit([model], [metric], [data], Settings(debug=True))
    found = {r.quantity.name for r in report.records if r.status == "ok"}
    for form in ("absolute", "signed", "token", "lexicon", "directional"):
        assert f"sensitivity_{form}" in found


def test_audit_without_psm_gives_the_reason_and_goes_on(zoo, opened):
    data = notes()
    metric = AccumulatedSensitivity(draws=200)
    report = audit([opened(zoo())], [metric], [data], Settings(debug=True))
    by_form = {r.quantity.name: r for r in report.records if r.subject == "all texts"}
    for form in ("absolute", "token"):
        record = by_form[f"sensitivity_{form}"]
        assert record.status == "not_run"
        assert "--psm" in record.reason
    assert by_form["sensitivity_lexicon"].status == "ok"
    assert by_form["sensitivity_directional"].status == "ok"


def test_a_model_without_head_has_a_reason(zoo, opened):
    model = opened(zoo("Bert", "Model"))
    report = audit([model], [AccumulatedSensitivity()], [notes()], Settings())
    (record,) = report.records
    assert record.status == "not_run"
    assert "classification head" in record.reason
    assert report.cost.forward_passes == 0


def test_bad_texts_leave_the_rest_of_the_audit(zoo, opened):
    """Empty texts and texts longer than the model."""
    data = notes()
    texts = ("", "bad " * 200, *data.texts[2:])
    data = replace(data, texts=texts)
    model = opened(zoo(), psm_of(zoo))
    metric = AccumulatedSensitivity(min_auc=0.0, draws=200, forms="token+lexicon")
    report = audit([model], [metric], [data], Settings(debug=True))
    (mean,) = [
        r
        for r in report.records
        if r.quantity.name == "sensitivity_token" and r.subject == "all texts"
    ]
    assert mean.n == 39
    assert mean.detail["texts_without_value"] == {"no token of the text was read": 1}
    assert mean.detail["texts_truncated"] == 1
