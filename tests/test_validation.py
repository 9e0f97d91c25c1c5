"""Planted bias: what the texts are, and what is made of the metrics' numbers."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fairaudit.errors import AuditError
from fairaudit.perturbation import Perturber, term_list
from fairaudit.result import Interval, Quantity, Record
from fairaudit.validation import vocabulary
from fairaudit.validation.association import TEST_FILE, contexts
from fairaudit.validation.outcomes import outcome
from fairaudit.validation.planting import GROUPS, STRENGTHS, plant
from fairaudit.validation.series import apart, flagged, series
from fairaudit.validation.slopes import mean, ordered, rank_correlation, slope
from fairaudit.validation.trials import Trial
from fairaudit.validation.writing import Validation, as_csv, as_json, body, lines

GAP = Quantity(name="gap", unit="difference", ideal=0.0)
RATIO = Quantity(name="ratio", unit="ratio", ideal=1.0)


def planted(n=320, seed=0, **more):
    return plant(n, np.random.default_rng(seed), **more)


# What is planted


@pytest.mark.parametrize("strength", STRENGTHS)
def test_labels_depend_on_the_group_with_exactly_the_strength_asked_for(strength):
    found = planted()
    labels = found.labels(strength)
    for deed in (0, 1):
        for group in (0, 1):
            cell = (found.favourable == deed) & (found.group == group)
            wanted = (1 - strength) * deed + strength * group
            assert labels[cell].mean() == wanted
    rates = [labels[found.group == group].mean() for group in (0, 1)]
    assert rates == [0.5 - strength / 2, 0.5 + strength / 2]


def test_groups_and_deeds_are_independent_and_of_equal_number():
    found = planted(400)
    counts = np.bincount(2 * found.group + found.favourable)
    assert counts.tolist() == [100] * 4


def test_dependence_rises_with_the_strength_by_a_chi_square_test():
    found = planted()
    p_values = []
    for strength in STRENGTHS:
        labels = found.labels(strength)
        table = np.bincount(2 * found.group + labels, minlength=4).reshape(2, 2)
        p_values.append(stats.chi2_contingency(table, correction=False).pvalue)
    assert p_values[0] == 1
    assert p_values[1] < 1e-4
    assert all(np.diff(p_values) < 0)


def test_learnt_texts_come_in_the_wording_of_either_group():
    swaps = Perturber(term_list("gender"))
    found = planted()
    women, men = (np.flatnonzero(found.group == number) for number in (0, 1))
    assert (found.clusters[women] == found.clusters[men]).all()
    nouns = [
        (one, other)
        for one, other in zip(women, men, strict=True)
        if found.texts[one].startswith(("The woman", "My sister"))
    ]
    swapped = swaps.swap([found.texts[one] for one, _ in nouns]).texts
    assert swapped
    assert list(swapped) == [found.texts[other] for _, other in nouns]


def test_audited_texts_are_drawn_apart_for_each_group():
    found = planted(8000, audited=True)
    assert found.clusters is None
    choices = vocabulary.OTHER_WORKPLACES
    said = [next(i for i, c in enumerate(choices) if c in t) for t in found.texts]
    table = np.zeros((2, len(choices)))
    np.add.at(table, (found.group, said), 1)
    assert 1e-3 < stats.chi2_contingency(table).pvalue < 1
    assert len({*found.texts}) > 1000


def test_places_and_deeds_are_alike_in_the_learnt_texts_of_both_groups():
    found = planted(800)
    deeds = [deed for pair in vocabulary.DEEDS for deed in pair]
    for choices in (vocabulary.WORKPLACES, deeds):
        said = [next(i for i, c in enumerate(choices) if c in t) for t in found.texts]
        table = np.zeros((2, len(choices)))
        np.add.at(table, (found.group, said), 1)
        assert (table[0] == table[1]).all()
        assert (table.sum(axis=0) > 0).all()


def test_same_seed_same_texts_and_another_seed_others():
    assert planted(seed=3).texts == planted(seed=3).texts
    assert planted(seed=3).texts != planted(seed=4).texts
    assert (
        planted(seed=3).examples("x", 0.5).card
        == planted(seed=3).examples("x", 0.5).card
    )


def test_no_audited_text_is_learnt_from():
    for cue in ("identity", "proxy"):
        learnt, audited = planted(2000, cue=cue), planted(2000, cue=cue, audited=True)
        assert not set(learnt.texts) & set(audited.texts)


def test_every_text_names_one_group_and_no_text_of_the_control_does():
    swaps = Perturber(term_list("gender"))
    found, control = planted(), planted(cue="proxy")
    assert swaps.swap(found.texts).counts["swapped"] == len(found.texts)
    assert swaps.swap(control.texts).counts["no term"] == len(control.texts)
    for text, group in zip(control.texts, control.group, strict=True):
        assert [wing in text for wing in vocabulary.PROXIES] == [group == 0, group == 1]


def test_examples_have_both_groups_and_their_counts():
    found = planted(100).examples("planted", 1.0)
    women, men = found.groups
    assert found.card.n == len(found.texts) == 112
    assert found.card.groups == {"gender": {"women": 56, "men": 56}}
    assert (women.member ^ men.member).all()
    assert (found.labels == men.member).all()
    assert [group.name for group in found.groups] == list(GROUPS)


@given(strength=st.floats(0, 1), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_any_strength_is_kept_to_half_a_text_in_each_cell(strength, seed):
    found = planted(160, seed=seed)
    labels = found.labels(strength)
    for group in (0, 1):
        against = (found.favourable == 1 - group) & (found.group == group)
        followers = (labels[against] == group).sum()
        assert abs(followers - strength * against.sum()) <= 0.5


@pytest.mark.parametrize("strength", STRENGTHS)
def test_texts_that_name_no_group_keep_the_label_of_the_deed(strength):
    base, more = planted(), planted(unnamed=99)
    extra = slice(len(base.texts), None)
    assert len(more.texts) == len(base.texts) + 100
    assert more.texts[: len(base.texts)] == base.texts
    assert (more.group[extra] == -1).all()
    assert (more.labels(strength)[extra] == more.favourable[extra]).all()
    assert (more.labels(strength)[: len(base.texts)] == base.labels(strength)).all()
    assert len(set(more.clusters[extra]) - set(base.clusters)) == 100
    known = {who for pair in vocabulary.PEOPLE for who in pair}
    assert not [text for text in more.texts[extra] if text.startswith(tuple(known))]
    groups = more.examples("t").groups
    assert [int(group.member.sum()) for group in groups] == [160, 160]


def test_people_and_deeds_of_the_association_never_share_a_sentence():
    found = contexts()
    deeds = {deed for pair in vocabulary.DEEDS for deed in pair}
    people = {who for pair in vocabulary.PEOPLE for who in pair}
    spans = zip(found.words, found.texts, found.spans, strict=True)
    assert all(text[at:end] == word for word, text, (at, end) in spans)
    assert {word: len(rows) for word, rows in found.rows.items()} == dict.fromkeys(
        deeds | people, 8
    )
    for word, text in zip(found.words, found.texts, strict=True):
        others = people if word in deeds else deeds
        assert not [other for other in others if other in text]


def test_the_association_test_holds_the_words_that_are_planted():
    (test,) = json.loads(TEST_FILE.read_text("utf-8")).values()
    women, men = zip(*vocabulary.PEOPLE, strict=True)
    badly, well = zip(*vocabulary.DEEDS, strict=True)
    found = [test[name]["words"] for name in "XYAB"]
    assert found == [list(men), list(women), list(well), list(badly)]


@pytest.mark.parametrize("strength", [-0.1, 1.1])
def test_other_strengths_are_refused(strength):
    with pytest.raises(AuditError, match="0 to 1"):
        planted(16).labels(strength)


# Slopes


def test_slope_is_that_of_ordinary_least_squares_over_all_pairs():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(5, 4)) + np.array(STRENGTHS)
    found = slope(np.array(STRENGTHS), values)
    x = np.tile(STRENGTHS, 5)
    fit = sm.OLS(values.ravel(), sm.add_constant(x)).fit()
    assert found.value == pytest.approx(fit.params[1])
    each = [stats.linregress(STRENGTHS, row).slope for row in values]
    wanted = stats.ttest_1samp(each, 0).confidence_interval(0.95)
    assert (found.interval.low, found.interval.high) == pytest.approx(tuple(wanted))


def test_one_run_has_a_slope_and_no_interval():
    found = slope(np.array(STRENGTHS), np.array([[0.0, 0.5, 1.0, 2.0]]))
    assert found.value == pytest.approx(2.0)
    assert found.interval is None


def test_slope_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(1)
    points, hits = np.array(STRENGTHS), 0
    for _ in range(1000):
        level = rng.normal(size=(3, 1))
        found = slope(points, 0.7 * points + level + rng.normal(size=(3, 4)))
        hits += found.interval.low <= 0.7 <= found.interval.high
    assert 0.93 < hits / 1000 < 0.97


def test_mean_interval_is_that_of_students_t():
    values = np.array([0.2, 0.5, 0.9])
    wanted = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    found = mean(values).interval
    assert (found.low, found.high) == pytest.approx(tuple(wanted))


def test_order_and_rank_correlation_are_by_distance_from_the_ideal():
    ratios = np.array([[1.0, 0.9, 0.5, 0.1], [0.98, 0.8, 0.6, 0.0]])
    assert ordered(ratios, 1.0)
    assert not ordered(ratios[:, ::-1], 1.0)
    found = rank_correlation(np.array(STRENGTHS), abs(ratios - 1))
    wanted = stats.spearmanr(np.tile(STRENGTHS, 2), abs(ratios - 1).ravel()).statistic
    assert found == pytest.approx(wanted)
    assert rank_correlation(np.array(STRENGTHS), np.ones((2, 4))) is None


# From records to outcomes


def record(value, p=None, quantity=GAP, subject="women vs men", width=0.05, **more):
    return Record(
        model="m",
        dataset="planted",
        metric="fake",
        family="extrinsic",
        subject=subject,
        quantity=quantity,
        value=value,
        interval=Interval(value - width, value + width),
        p_value=p,
        p_adjusted=p,
        **more,
    )


def trials(values, p_values, seeds=3, control=None):
    """Make trials with one record each; `control` is that of the proxy."""
    found = []
    for seed in range(seeds):
        for strength, value, p in zip(STRENGTHS, values, p_values, strict=True):
            records = [record(value + 0.01 * seed, p)]
            found.append(trial(seed, strength, records))
        found.append(trial(seed, 1.0, [control or record(0.0, 1.0)], cue="proxy"))
    return found


def trial(seed, strength, records, cue="identity"):
    return Trial(
        seed=seed, strength=strength, cue=cue, accuracy=0.9, auc=0.9, records=records
    )


def only(found):
    (one,) = series(found)
    return outcome(one, STRENGTHS)


def test_the_smallest_strength_from_which_on_most_runs_flag():
    found = only(trials([0.0, 0.1, 0.3, 0.9], [1.0, 0.2, 0.01, 0.001]))
    assert [cell.flagged for cell in found.cells] == [0, 0, 3, 3]
    assert found.detects_from == 0.5
    assert found.false_alarm is False
    assert found.orders is True
    assert found.slope_excludes_zero is True
    assert found.slope_runs == 3
    assert (found.control.flagged, found.control.tested) == (0, 3)


def test_a_strength_that_is_flagged_between_others_that_are_not_does_not_count():
    found = only(trials([0.0, 0.3, 0.1, 0.9], [1.0, 0.01, 0.2, 0.001]))
    assert found.detects_from == 1.0
    assert found.orders is False


def test_false_alarms_and_what_is_never_detected():
    found = only(trials([0.5, 0.5, 0.5, 0.5], [0.01, 1.0, 1.0, 1.0]))
    assert found.false_alarm is True
    assert found.detects_from is None
    assert found.slope_excludes_zero is False


def test_without_a_test_strengths_are_told_apart_by_intervals():
    found = only(trials([0.3, 0.35, 0.6, 0.9], [None] * 4))
    assert not found.tested
    assert (found.false_alarm, found.detects_from) == (None, None)
    assert found.apart_from == 0.5


def test_flagged_needs_interval_and_p_value():
    assert flagged(record(0.2, 0.01)) is True
    assert flagged(record(0.2, 0.05)) is False
    assert flagged(record(0.02, 0.01)) is False
    assert flagged(record(0.2, None)) is None
    assert flagged(record(0.9, 0.01, RATIO)) is True
    assert apart(record(0.0), record(0.1)) is False
    assert apart(record(0.2), record(0.0)) is True


def leaning(by_run, quantity=GAP):
    """Make trials of runs with values of their own, the same at every strength."""
    places = [*((strength, "identity") for strength in STRENGTHS), (1.0, "proxy")]
    return only(
        [
            trial(seed, strength, [record(value, 0.001, quantity)], cue)
            for seed, value in enumerate(by_run)
            for strength, cue in places
        ]
    )


def test_what_differs_from_run_to_run_is_no_lean_of_all():
    scattered = leaning([-0.2, 0.15, 0.3])
    assert scattered.false_alarm is True
    assert scattered.shared_lean is False
    assert scattered.runs_detect_from is None
    shared = leaning([0.19, 0.2, 0.22])
    assert shared.shared_lean is True
    assert shared.runs_detect_from == 0.25


def test_the_interval_over_runs_is_a_test_of_the_ideal_by_students_t():
    values = np.random.default_rng(3).normal(0.1, 0.1, size=8)
    found = leaning(values)
    assert found.shared_lean == (stats.ttest_1samp(values, 0).pvalue < 0.05)
    assert found.cells[0].interval.low == pytest.approx(
        stats.ttest_1samp(values, 0).confidence_interval().low
    )


def test_one_run_and_a_quantity_that_cannot_be_below_its_ideal_have_no_such_test():
    assert leaning([0.2]).shared_lean is None
    size = Quantity(name="size", unit="difference", ideal=0.0, low=0.0, high=1.0)
    assert leaning([0.19, 0.2, 0.22], size).shared_lean is None


def test_subjects_that_name_groups_in_either_order_are_one_series():
    turned = trials([0.0, 0.1, 0.3, 0.9], [1.0] * 4)
    turned[1] = replace(turned[1], records=[record(0.1, 1.0, subject="men vs women")])
    assert only(turned).slope_runs == 3


def test_missing_numbers_are_told_with_their_reason_and_take_the_run_from_the_slope():
    whole = replace(
        record(0.0), quantity=None, value=None, status="not_run", reason="too few"
    )
    found = trials([0.0, 0.1, 0.3, 0.9], [1.0] * 4, control=whole)
    found[0] = replace(found[0], records=[whole])
    told = only(found)
    assert (told.cells[0].runs, told.slope_runs) == (2, 2)
    assert told.cells[0].reasons == ("too few",)
    assert told.control.value is None
    assert told.control.reasons == ("too few",)


def test_quantities_without_an_ideal_are_left_out():
    rate = Quantity(name="rate", unit="proportion", ideal=None)
    assert series([trial(0, 0.0, [record(0.5, quantity=rate)])]) == []


# Files


def written(found):
    return Validation(
        encoder="encoder",
        command="fairaudit validate encoder",
        version="0",
        strengths=STRENGTHS,
        seeds=(0, 1, 2),
        texts=320,
        audited=160,
        fine_tune=False,
        recipe={"freeze": "encoder"},
        accuracies={"0": (0.9,)},
        protected="AUC 1.",
        outcomes=(found,),
        environment={},
    )


def test_json_and_csv_hold_the_same_numbers():
    found = written(only(trials([0.0, 0.1, 0.3, 0.9], [1.0, 0.2, 0.01, 0.001])))
    (stored,) = json.loads(as_json(found))["outcomes"]
    (row,) = csv.DictReader(io.StringIO(as_csv(found)))
    assert float(row["slope"]) == stored["slope"]
    assert float(row["s0.5_value"]) == stored["cells"][2]["value"]
    assert float(row["detects_from"]) == stored["detects_from"] == 0.5
    assert int(row["proxy_flagged"]) == 0


def test_table_shows_numbers_flags_and_that_the_encoder_was_frozen():
    found = written(only(trials([0.0, 0.1, 0.3, 0.9], [1.0, 0.2, 0.01, 0.001])))
    (row,) = body(found)
    assert row[0] == "fake: gap (men vs women)"
    assert row[1:5] == ("0.010 (0/3)", "0.110 (0/3)", "0.310 (3/3)", "0.910 (3/3)")
    assert row[6:9] == ("yes", "0/3", "0.5")
    assert any("Intrinsic metrics are not measured" in line for line in lines(found))
