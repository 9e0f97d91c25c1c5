import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from sklearn.metrics import roc_curve
from statsmodels.stats.proportion import proportion_confint

from fairaudit.data import BUILT_IN
from fairaudit.errors import AuditError
from fairaudit.stats.twoproportions import difference_interval, fisher_p
from fairaudit_metrics.intrinsic.detection import GRID, Comparisons, Curve
from fairaudit_metrics.intrinsic.detectionset import published, read_detection_set
from fairaudit_metrics.intrinsic.ibd import (
    DETECTED,
    FALSE_FOUND,
    GAP,
    GOLD_FOUND,
    IBD,
)
from tests.test_weat import CARD, run
from tests.test_wefat import effect

OLD_WOMEN, AXES = (
    "older women",
    {
        "older women": {"age": "older", "gender": "women"},
        "older men": {"age": "older", "gender": "men"},
        "younger women": {"age": "younger", "gender": "women"},
        "younger men": {"age": "younger", "gender": "men"},
    },
)


def content(words=10, gold=True, names=3):
    groups = {
        name: {"axes": axes, "words": [f"{name} {i}" for i in range(names)]}
        for name, axes in AXES.items()
    }
    found = {"groups": groups, "words": [f"w{i}" for i in range(words)]}
    if gold:
        chosen = {"intersectional": ["w0", "w1", "w2"], "emergent": ["w1"]}
        found["gold"] = {OLD_WOMEN: chosen}
    return found


def write(folder, made):
    path = folder / "groups.json"
    path.write_text(json.dumps(made))
    return str(path)


def vectors_of(metric, seed=0, dim=6):
    rng = np.random.default_rng(seed)
    return {text: rng.normal(size=dim) for text in metric.texts}


def by_quantity(found, subject):
    return {f.quantity.name: f for f in found if f.subject == subject}


def words_detected(comparisons, threshold, drop="all"):
    """Apply the rules of the paper word by word."""
    inter, emergent = set(), set()
    for word in range(comparisons.others.shape[1]):
        if any(d > threshold for d in comparisons.others[:, word]):
            inter.add(word)
            above = sum(d > threshold for d in comparisons.parts[:, word])
            lost = above == len(comparisons.parts) if drop == "all" else above > 0
            if not lost:
                emergent.add(word)
    return inter, emergent


# Word lists


def test_published_lists_have_the_published_sizes():
    given = published()
    assert len(given.words.words) == len(set(given.words.words)) == 98
    assert {len(one.words) for one in given.groups.values()} == {12}
    sizes = {
        name: (len(gold.intersectional), len(gold.emergent))
        for name, gold in given.gold.items()
    }
    assert sizes == {
        "African American women": (14, 9),
        "Mexican American women": (13, 6),
    }
    for gold in given.gold.values():
        assert set(gold.emergent) < set(gold.intersectional) < set(given.words.words)


def test_a_group_is_compared_with_all_others_and_along_each_axis():
    given = published()
    group = "Mexican American women"
    others = set(given.groups) - {group}
    # The code of the authors takes European American men twice here.
    assert set(given.others(group)) == others
    assert len(given.others(group)) == 5
    parts = given.parts(group)
    assert list(parts) == [
        "Mexican American vs African American",
        "Mexican American vs European American",
        "women vs men",
    ]
    mine, theirs = parts["women vs men"]
    assert all(name.endswith("women") for name in mine)
    assert all(name.endswith(" men") for name in theirs)
    assert (len(mine), len(theirs)) == (3, 3)


# The rules


effects = arrays(float, (5, 12), elements=st.floats(-2, 2))


@given(effects, effects, st.floats(-2, 2), st.sampled_from(["all", "any"]))
@settings(max_examples=60, deadline=None)
def test_rules_word_by_word(others, parts, threshold, drop):
    comparisons = Comparisons(others, parts[:3])
    inter, emergent = words_detected(comparisons, threshold, drop)
    found = {
        kind: set(np.flatnonzero(comparisons.detected(kind, threshold, drop)[0]))
        for kind in ("intersectional", "emergent")
    }
    assert found == {"intersectional": inter, "emergent": emergent}
    assert emergent <= inter


@given(effects, effects, st.floats(-2, 2))
@settings(max_examples=30, deadline=None)
def test_emergent_words_are_the_union_over_the_parts(others, parts, threshold):
    # The paper: the union over constituents of the intersectional words less theirs.
    comparisons = Comparisons(others, parts[:3])
    inter, emergent = words_detected(comparisons, threshold)
    theirs = [set(np.flatnonzero(row > threshold)) for row in comparisons.parts]
    assert emergent == set.union(*(inter - own for own in theirs))


def test_deviation_the_first_version_drops_more_words():
    comparisons = Comparisons(np.array([[1.0, 1.0]]), np.array([[1.0, 1.0], [1, 0]]))
    limit = np.array(0.5)
    assert comparisons.detected("emergent", limit, "all").tolist() == [[False, True]]
    assert comparisons.detected("emergent", limit, "any").tolist() == [[False, False]]


def test_an_undefined_effect_size_exceeds_nothing():
    comparisons = Comparisons(
        np.array([[np.nan, np.nan], [1.0, np.nan]]), np.array([[np.nan, 1.0]])
    )
    limit = np.array(0.5)
    assert comparisons.detected("intersectional", limit, "all").tolist() == [
        [True, False]
    ]
    assert comparisons.detected("emergent", limit, "all").tolist() == [[True, False]]


# The curve


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_the_curve_is_that_of_sklearn(seed):
    rng = np.random.default_rng(seed)
    comparisons = Comparisons(rng.normal(size=(3, 40)), rng.normal(size=(2, 40)))
    gold = np.arange(40) < 12
    curve = Curve.of(comparisons.detected("intersectional", GRID, "all"), gold)
    false, found, limits = roc_curve(
        gold, comparisons.others.max(axis=0), drop_intermediate=False
    )
    for at, threshold in enumerate(GRID):
        step = np.flatnonzero(limits > threshold)[-1]
        assert curve.found[at] == pytest.approx(found[step])
        assert curve.false[at] == pytest.approx(false[step])


def test_the_best_threshold_is_the_largest_of_equal_ones():
    scores = np.array([1.5, 1.2, -0.5, -0.6, -0.7, -0.8])
    gold = np.array([True, True, False, False, False, False])
    comparisons = Comparisons(scores[None], scores[None])
    curve = Curve.of(comparisons.detected("intersectional", GRID, "all"), gold)
    assert GRID[curve.best("youden")] == pytest.approx(1.15)
    assert GRID[curve.best("accuracy")] == pytest.approx(1.15)
    assert (len(GRID), GRID[0], GRID[-1]) == (80, -2.0, 1.95)


def test_accuracy_may_prefer_to_detect_nothing():
    scores = np.array([1.0] * 6 + [0.0] * 4)
    gold = np.arange(10) < 2
    comparisons = Comparisons(scores[None], scores[None])
    curve = Curve.of(comparisons.detected("intersectional", GRID, "all"), gold)
    assert GRID[curve.best("youden")] < 1.0
    assert curve.found[curve.best("accuracy")] == 0


# The metric


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_findings_follow_from_the_definition(tmp_path_factory, seed):
    folder = tmp_path_factory.mktemp("own")
    metric = IBD(test_file=write(folder, content()), threshold=0.4)
    vectors = vectors_of(metric, seed)
    names = {
        group: np.array([vectors[f"{group} {i}"] for i in range(3)]) for group in AXES
    }
    words = [vectors[f"w{i}"] for i in range(10)]
    others = [
        [effect(w, names[OLD_WOMEN], names[other]) for w in words]
        for other in AXES
        if other != OLD_WOMEN
    ]

    def along(axis):
        own = AXES[OLD_WOMEN][axis]
        mine = np.vstack([names[g] for g in AXES if AXES[g][axis] == own])
        rest = np.vstack([names[g] for g in AXES if AXES[g][axis] != own])
        return [effect(w, mine, rest) for w in words]

    comparisons = Comparisons(
        np.array(others), np.array([along("age"), along("gender")])
    )
    inter, emergent = words_detected(comparisons, 0.4)
    found = run(metric, vectors)
    for kind, detected, gold in (
        ("intersectional", inter, {0, 1, 2}),
        ("emergent", emergent, {1}),
    ):
        mine = by_quantity(found, f"{OLD_WOMEN}: {kind}")
        hit, false = len(detected & gold), len(detected - gold)
        assert mine["gold_words_found"].value == pytest.approx(hit / len(gold))
        assert mine["other_words_found"].value == pytest.approx(
            false / (10 - len(gold))
        )
        gap = mine["detection_gap"]
        assert gap.value == pytest.approx(hit / len(gold) - false / (10 - len(gold)))
        assert gap.interval.low - 1e-9 <= gap.value <= gap.interval.high + 1e-9
        table = [[hit, len(gold) - hit], [false, 10 - len(gold) - false]]
        assert gap.p_value == pytest.approx(stats.fisher_exact(table).pvalue)
        low, high = proportion_confint(hit, len(gold), method="wilson")
        interval = mine["gold_words_found"].interval
        assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-12)
        detail = mine["gold_words_found"].detail
        assert set(detail["words"]) == {f"w{i}" for i in detected}
        right = sum((i in detected) == (i in gold) for i in range(10))
        assert detail["accuracy"] == pytest.approx(right / 10)
        assert detail["share_of_gold_words"] == pytest.approx(len(gold) / 10)
    json.dumps([f.detail for f in found])


def test_detected_words_come_with_their_effect_sizes(tmp_path):
    metric = IBD(test_file=write(tmp_path, content()), threshold=-2.5)
    vectors = vectors_of(metric)
    found = by_quantity(run(metric, vectors), f"{OLD_WOMEN}: intersectional")
    words = found["gold_words_found"].detail["words"]
    assert len(words) == 10
    assert set(words["w0"]["against_groups"]) == set(AXES) - {OLD_WOMEN}
    assert set(words["w0"]["along_axes"]) == {"older vs younger", "women vs men"}
    mine, theirs = (
        np.array([vectors[f"{group} {i}"] for i in range(3)])
        for group in (OLD_WOMEN, "older men")
    )
    assert words["w4"]["against_groups"]["older men"] == pytest.approx(
        effect(vectors["w4"], mine, theirs), abs=1e-9
    )


@pytest.mark.parametrize("rule", ["youden", "accuracy"])
def test_a_threshold_chosen_on_the_gold_words_has_no_p_value(tmp_path, rule):
    path = write(tmp_path, content())
    metric = IBD(test_file=path, threshold=rule)
    vectors = vectors_of(metric)
    found = by_quantity(run(metric, vectors), f"{OLD_WOMEN}: intersectional")
    gap = found["detection_gap"]
    assert (gap.p_value, gap.null) == (None, "")
    assert "same gold words" in gap.detail["no_p_value_because"]
    chosen = gap.detail["threshold"]
    fixed = by_quantity(
        run(IBD(test_file=path, threshold=chosen), vectors),
        f"{OLD_WOMEN}: intersectional",
    )
    assert fixed["detection_gap"].value == gap.value
    for threshold in GRID[::7]:
        other = by_quantity(
            run(IBD(test_file=path, threshold=float(threshold)), vectors),
            f"{OLD_WOMEN}: intersectional",
        )["detection_gap"]
        if rule == "youden":
            assert other.value <= gap.value + 1e-12
        else:
            assert other.detail["accuracy"] <= gap.detail["accuracy"] + 1e-12


def test_the_detail_has_the_corners_of_the_curve(tmp_path):
    metric = IBD(test_file=write(tmp_path, content()))
    found = by_quantity(run(metric, vectors_of(metric)), f"{OLD_WOMEN}: intersectional")
    corners = found["detection_gap"].detail["threshold_found_false"]
    assert corners[0] == [-2.0, 1.0, 1.0]
    assert len({tuple(c[1:]) for c in corners}) == len(corners) < 80


def test_without_gold_words_the_detected_ones_are_told(tmp_path):
    path = write(tmp_path, content(gold=False))
    metric = IBD(test_file=path)
    found = run(metric, vectors_of(metric))
    assert [f.quantity for f in found] == [DETECTED] * 8
    assert [f.p_value for f in found] == [None] * 8
    assert {f.n for f in found} == {10}
    chosen = IBD(test_file=path, groups="older men+older women", threshold="youden")
    found = run(chosen, vectors_of(metric))
    assert [f.subject for f in found][::2] == [
        "older men: intersectional",
        "older women: intersectional",
    ]
    assert all("gold words" in f.reason for f in found)


def test_published_words_run_by_default():
    metric = IBD()
    request = metric.needs(BUILT_IN, CARD)["vectors"]
    assert len(request.texts) == len(set(request.texts)) == 98 + 6 * 12
    found = run(metric, vectors_of(metric))
    assert [f.quantity for f in found] == [GOLD_FOUND, FALSE_FOUND, GAP] * 4
    assert found[0].n == 14
    assert found[0].detail["share_of_gold_words"] == pytest.approx(14 / 98)
    assert found[3].subject == "African American women: emergent"
    assert sum(f.p_value is not None for f in found) == 4


def test_missing_words_are_listed_and_too_many_give_a_reason(tmp_path):
    metric = IBD(test_file=write(tmp_path, content(names=6)))
    vectors = vectors_of(metric)
    del vectors["w0"], vectors["older men 3"]
    found = by_quantity(run(metric, vectors), f"{OLD_WOMEN}: intersectional")
    assert found["gold_words_found"].n == 2
    assert found["detection_gap"].detail["missing_words"] == {
        "words": ["w0"],
        "older men": ["older men 3"],
    }
    del vectors["older men 4"]
    [refused] = run(metric, vectors)
    assert refused.reason == (
        "Words without a vector: older men lacks 2 of 6: older men 3, older men 4."
    )


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_lengths_rotations_and_order_do_not_matter(tmp_path_factory, seed):
    made = content()
    metric = IBD(test_file=write(tmp_path_factory.mktemp("a"), made))
    made["words"] = made["words"][::-1]
    for group in made["groups"].values():
        group["words"] = group["words"][::-1]
    other = IBD(test_file=write(tmp_path_factory.mktemp("b"), made))
    vectors, rng = vectors_of(metric, seed), np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    moved = {w: rng.uniform(0.1, 9) * (v @ turn) for w, v in vectors.items()}
    for one, two in zip(run(metric, vectors), run(other, moved), strict=True):
        assert (one.subject, one.value, one.p_value) == (
            two.subject,
            two.value,
            two.p_value,
        )


# Bad input


def changed(**changes):
    return content() | changes


def regrouped(group, **changes):
    made = content()
    made["groups"][group] |= changes
    return made


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (changed(words=["w0"], gold={}), "words has fewer than 2 words"),
        (changed(words=["w0", "w0"], gold={}), "'w0' is in words twice"),
        (changed(words=["w0", ""], gold={}), "empty word"),
        (changed(words=["w0", "older men 0"], gold={}), "in both words and older men"),
        (changed(gold={"older woman": {}}), "Did you mean 'older women'"),
        (changed(gold={OLD_WOMEN: {"intersectional": ["x"]}}), "'x' is not among"),
        (changed(gold={OLD_WOMEN: {"emergent": ["w1"]}}), "'w1' is emergent but not"),
        (changed(groups={}), "groups has 0 of at least 2"),
        (changed(groups=[]), "groups: "),
        (regrouped(OLD_WOMEN, words=["x"]), "older women has fewer than 2"),
        (regrouped(OLD_WOMEN, words=["x", "older men 0"]), "older women and older men"),
        (regrouped("older men", axes={"age": "older"}), "different axes"),
        (regrouped("older men", axes=AXES[OLD_WOMEN]), "have the same values"),
        ({"words": ["a", "b"]}, "groups"),
    ],
)
def test_unusable_files_are_refused(tmp_path, made, message):
    with pytest.raises(AuditError, match=message) as caught:
        IBD(test_file=write(tmp_path, made))
    assert "groups.json" in str(caught.value)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"groups": "African American woman"}, "Did you mean 'African American women'"),
        ({"threshold": float("nan")}, "threshold must be a number"),
        ({"max_missing": 1.0}, "max_missing"),
        ({"level": 0.0}, "level"),
    ],
)
def test_wrong_parameters_are_refused(parameters, message):
    with pytest.raises(AuditError, match=message):
        IBD(**parameters)


def test_parameters_may_be_typed():
    from fairaudit.registry import build

    assert build(IBD, {"threshold": "1.3"}, "metric ibd").threshold == 1.3
    assert build(IBD, {"threshold": "youden"}, "metric ibd").threshold == "youden"
    with pytest.raises(AuditError, match="threshold"):
        build(IBD, {"threshold": "best"}, "metric ibd")


def test_the_published_file_would_pass_as_a_user_s(tmp_path):
    from importlib.resources import files

    source = files("fairaudit_metrics.stimuli") / "detection.json"
    path = tmp_path / "detection.json"
    path.write_text(source.read_text("utf-8"), encoding="utf-8")
    found = read_detection_set(path)
    assert found.words == published().words
    assert found.gold == published().gold


# Two proportions


@given(st.integers(0, 15), st.integers(0, 20))
@settings(max_examples=40, deadline=None)
def test_newcombe_is_made_of_wilson_intervals(first, second):
    low, high = difference_interval((first, 15), (second, 20), 0.9)
    one, two = (
        (k / n, *proportion_confint(k, n, alpha=0.1, method="wilson"))
        for k, n in ((first, 15), (second, 20))
    )
    gap = one[0] - two[0]
    below = np.hypot(one[0] - one[1], two[2] - two[0])
    above = np.hypot(one[2] - one[0], two[0] - two[1])
    assert (low, high) == pytest.approx((gap - below, gap + above), abs=1e-9)
    assert fisher_p((first, 15), (second, 20)) == pytest.approx(
        fisher_p((second, 20), (first, 15)), abs=1e-12
    )


def test_an_empty_total_is_refused():
    with pytest.raises(ValueError, match="empty total"):
        difference_interval((0, 0), (1, 2), 0.95)


@pytest.mark.slow
def test_the_test_of_the_gap_keeps_its_level_under_the_null(tmp_path):
    made = content(words=60, names=4)
    gold = [f"w{i}" for i in range(20)]
    made["gold"] = {OLD_WOMEN: {"intersectional": gold, "emergent": []}}
    metric = IBD(test_file=write(tmp_path, made))
    p_values = [
        by_quantity(
            run(metric, vectors_of(metric, seed)), f"{OLD_WOMEN}: intersectional"
        )["detection_gap"].p_value
        for seed in range(300)
    ]
    # Fisher's test counts whole words, so it is cautious.
    assert 0.01 < np.mean(np.array(p_values) < 0.05) < 0.06
