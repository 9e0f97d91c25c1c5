import json
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit.stats.contextdraws import WordContexts
from fairaudit.stats.pooling import random_effects
from fairaudit.stats.spread import variance_interval
from fairaudit_metrics.intrinsic import ceatgroups
from fairaudit_metrics.intrinsic.ceat import CEAT
from fairaudit_metrics.intrinsic.ceatform import Found
from fairaudit_metrics.intrinsic.ceatgroups import (
    ASSOCIATION_VARIANCE,
    GROUP_ASSOCIATION,
)
from fairaudit_metrics.intrinsic.contextpool import ContextPool, ContextVectors
from fairaudit_metrics.intrinsic.inference import Drawing
from fairaudit_metrics.intrinsic.stimuli import group_tests
from fairaudit_metrics.intrinsic.wordsets import GroupTest, WordSet
from tests.test_ceat import CARD, contexts, noise, run

GENDER = group_tests()["gender"]


def own(folder, sizes=(4, 4), groups=(2, 1, 1), name="axis"):
    """Write a test of groups g0, g1, ... with words such as g0w0."""
    test = {
        pole: {"name": f"pole {pole}", "words": [f"{pole}{i}" for i in range(size)]}
        for pole, size in zip("AB", sizes, strict=True)
    }
    test["groups"] = {
        f"g{number}": [f"g{number}w{i}" for i in range(size)]
        for number, size in enumerate(groups)
    }
    path = folder / "groups.json"
    path.write_text(json.dumps({name: test}))
    return str(path)


def words_of(sizes=(4, 4), groups=(2, 1, 1)):
    poles = [f"{p}{i}" for p, n in zip("AB", sizes, strict=True) for i in range(n)]
    return [*poles, *(f"g{g}w{i}" for g, n in enumerate(groups) for i in range(n))]


def metric(folder, **options):
    return CEAT(form="group", test_file=own(folder), **{"min_contexts": 1, **options})


def one_group(vectors, group, a, b):
    """Compute the effect size from the definition."""

    def cos(u, v):
        return u @ v / np.sqrt((u @ u) * (v @ v))

    near = np.array([np.mean([cos(v, g) for g in group]) for v in [*a, *b]])
    gap = near[: len(a)].mean() - near[len(a) :].mean()
    return gap / near.std(ddof=1)


def by_group(found):
    return {
        f.subject.partition("=")[2].partition(":")[0]: f
        for f in found
        if f.quantity is GROUP_ASSOCIATION
    }


def variance_of(found):
    [one] = [f for f in found if f.quantity is ASSOCIATION_VARIANCE]
    return one


# Word lists


def test_groups_and_poles_have_the_published_sizes():
    groups = {name: len(test.groups) for name, test in group_tests().items()}
    assert groups == {
        "gender": 2,
        "gender-toxicity": 2,
        "race": 4,
        "race-toxicity": 4,
        "religion": 10,
        "religion-toxicity": 10,
    }
    for name, test in group_tests().items():
        size = 20 if name.endswith("toxicity") else 25
        assert (len(test.a.words), len(test.b.words)) == (size, size)
        assert len(set(test.words)) == len(test.words)
    assert "violence" in group_tests()["race-toxicity"].b.words


def test_the_words_of_all_forms_are_stimuli_for_a_pool():
    words = set(CEAT.stimuli(""))
    assert {"Muslim", "garbage", "Yvette", "aster"} <= words
    assert set(CEAT.stimuli("gender+C6")) == {
        *GENDER.words,
        *CEAT.stimuli("C6"),
    }


# The numbers


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_one_context_a_word_is_the_definition(tmp_path_factory, seed):
    folder = tmp_path_factory.mktemp("own")
    data = contexts(words_of(), 1)
    by_text = noise(data, seed)
    found = run(metric(folder, draws=3), data, by_text)

    def of(prefix):
        return [v for text, v in by_text.items() if text.startswith(prefix)]

    values = by_group(found)
    for group in ("g0", "g1", "g2"):
        expected = one_group(None, of(group), of("A"), of("B"))
        assert values[group].value == pytest.approx(expected, abs=1e-9)
    domain = variance_of(found)
    spread = [values[g].value for g in ("g0", "g1", "g2")]
    assert domain.value == pytest.approx(np.var(spread), abs=1e-9)
    assert domain.n == 3


def test_a_group_of_one_word_is_the_effect_size_of_single_words(tmp_path):
    # Guo & Caliskan 2021, single words: the same as in wefat.
    from tests.test_wefat import effect

    data = contexts(words_of(), 1)
    by_text = noise(data)
    found = by_group(run(metric(tmp_path, draws=1), data, by_text))
    a, b = (
        [v for text, v in by_text.items() if text.startswith(pole)] for pole in "AB"
    )
    word = by_text["g1w0 in sentence 0"]
    assert found["g1"].value == pytest.approx(effect(word, a, b), abs=1e-9)


def test_draws_are_pooled_by_random_effects(tmp_path):
    data = contexts(words_of(), 6)
    by_text = noise(data)
    found = by_group(run(metric(tmp_path, draws=200), data, by_text))
    rng = np.random.default_rng(3)
    rows = {w: [by_text[f"{w} in sentence {i}"] for i in range(6)] for w in words_of()}
    effects, variances = [], []
    for _ in range(600):
        pick = {w: some[rng.integers(6)] for w, some in rows.items()}
        a, b = ([pick[f"{p}{i}"] for i in range(4)] for p in "AB")
        group = [pick["g0w0"], pick["g0w1"]]
        unit = [v / np.linalg.norm(v) for v in group]
        near = [np.mean([v @ g / np.linalg.norm(v) for g in unit]) for v in [*a, *b]]
        effects.append(one_group(None, group, a, b))
        variances.append(np.var(near, ddof=1))
    pooled = random_effects(np.array(effects), np.array(variances))
    tolerance = 4 * np.hypot(found["g0"].detail["paper_se"], pooled.se)
    assert found["g0"].value == pytest.approx(float(pooled.effect), abs=tolerance)
    assert found["g0"].detail["tau2"] == pytest.approx(float(pooled.tau2), rel=0.5)


def test_p_values_permute_the_words_of_the_poles_for_all_groups_at_once(tmp_path):
    data = contexts(words_of(), 1)
    by_text = noise(data, 5)
    found = run(metric(tmp_path, draws=2), data, by_text)
    units = {t.split()[0]: v / np.linalg.norm(v) for t, v in by_text.items()}
    poles = np.array([units[w] for w in words_of()[:8]])
    scores = []
    for group in (["g0w0", "g0w1"], ["g1w0"], ["g2w0"]):
        near = np.mean([poles @ units[w] for w in group], axis=0)
        scores.append(near / near.std(ddof=1))
    scores = np.array(scores)

    def gaps(first):
        rest = [i for i in range(8) if i not in first]
        return scores[:, list(first)].mean(axis=1) - scores[:, rest].mean(axis=1)

    all_gaps = np.array([gaps(first) for first in combinations(range(8), 4)])
    mine = gaps((0, 1, 2, 3))
    expected = np.mean(all_gaps.std(axis=1) >= mine.std() - 1e-9)
    assert variance_of(found).p_value == pytest.approx(expected, abs=1e-12)
    for at, group in enumerate(("g0", "g1", "g2")):
        alone = np.mean(np.abs(all_gaps[:, at]) >= abs(mine[at]) - 1e-9)
        detail = by_group(found)[group].detail
        assert detail["p_equally_near_to_both_poles"] == pytest.approx(alone, abs=1e-12)
        assert by_group(found)[group].p_value is None


@pytest.mark.parametrize("ddof", [0, 1])
def test_the_variance_divides_by_the_groups_less_ddof(tmp_path, ddof):
    data = contexts(words_of(), 3)
    by_text = noise(data)
    found = run(metric(tmp_path, draws=20, ddof=ddof), data, by_text)
    values = [f.value for f in by_group(found).values()]
    domain = variance_of(found)
    assert domain.value == pytest.approx(np.var(values, ddof=ddof), abs=1e-12)
    assert domain.detail["ddof"] == ddof
    assert domain.interval.low <= domain.value <= domain.interval.high
    assert list(domain.detail["groups"].values()) == values


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_swapping_the_poles_flips_groups_and_keeps_the_variance(tmp_path_factory, seed):
    one = metric(tmp_path_factory.mktemp("own"), draws=2)
    data = contexts(words_of(), 1)
    by_text = noise(data, seed)
    swap = str.maketrans("AB", "BA")
    lengths = np.random.default_rng(seed).uniform(0.1, 9, len(by_text))
    turned = {
        text: k * by_text[text.translate(swap)]
        for k, text in zip(lengths, by_text, strict=True)
    }
    found, other = run(one, data, by_text), run(one, data, turned)
    for group, finding in by_group(found).items():
        assert by_group(other)[group].value == pytest.approx(-finding.value, abs=1e-9)
    assert variance_of(other).value == pytest.approx(variance_of(found).value, abs=1e-9)
    assert variance_of(other).p_value == variance_of(found).p_value


def test_equal_groups_have_no_variance(tmp_path):
    data = contexts(words_of(groups=(1, 1)), 1)
    by_text = noise(data)
    by_text["g1w0 in sentence 0"] = 2 * by_text["g0w0 in sentence 0"]
    path = own(tmp_path, groups=(1, 1))
    found = run(
        CEAT(form="group", test_file=path, min_contexts=1, draws=5), data, by_text
    )
    domain = variance_of(found)
    assert domain.value == pytest.approx(0, abs=1e-12)
    assert domain.interval.low == 0
    assert domain.p_value == 1.0


def test_groups_share_the_draws_of_the_poles():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 5))
    vectors[50:] = vectors[40:50]  # the second group is the first again
    rows = [np.arange(10) + 10 * word for word in range(6)]
    sample = WordContexts.of_groups(vectors, rows, (2, 2), (1, 1), 100)
    rows_alike = [*rows[:5], rows[4]]
    alike = WordContexts.of_groups(vectors, rows_alike, (2, 2), (1, 1), 100)
    first, second = sample.draw(40, np.random.default_rng(1))
    again, _ = alike.draw(40, np.random.default_rng(1))
    np.testing.assert_allclose(first.effects, again.effects)
    assert not np.allclose(first.effects, second.effects)
    gap = first.word_scores[:2].mean() - first.word_scores[2:].mean()
    assert gap == pytest.approx(first.effects.mean())


def test_the_table_of_cosines_changes_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 5)).astype(np.float32) + 4
    rows = [np.arange(10) + 10 * word for word in range(6)]
    build = (vectors, rows, (2, 2), (1, 1))
    with_table = WordContexts.of_groups(*build, 10_000)
    without = WordContexts.of_groups(*build, 0)
    assert with_table.table.cosines is not None
    assert without.table.cosines is None
    for one, other in zip(
        with_table.draw(50, np.random.default_rng(2)),
        without.draw(50, np.random.default_rng(2)),
        strict=True,
    ):
        np.testing.assert_allclose(one.effects, other.effects, atol=2e-4)


# The metric


def test_published_groups_run_from_the_one_entry_point():
    data = contexts(GENDER.words, 8)
    found = run(CEAT(form="group", tests="gender", draws=50), data, noise(data))
    assert [f.subject for f in found] == [
        "gender=man: pleasant vs unpleasant",
        "gender=woman: pleasant vs unpleasant",
        "gender: pleasant vs unpleasant",
    ]
    first, _, domain = found
    assert (first.n, domain.n) == (51, 2)
    assert first.quantity.ideal is None
    assert domain.detail["permutation_partitions"] == 100_000
    assert "ball" not in domain.interval.method
    assert "all groups at once" in domain.interval.method
    assert set(domain.detail["groups"]) == {"man", "woman"}
    json.dumps([f.detail for f in found])


def test_toxic_poles_go_by_name():
    test = group_tests()["gender-toxicity"]
    data = contexts({*test.words, *GENDER.words}, 8)
    by_text = noise(data)
    found = run(CEAT(form="group", tests="gender-toxicity", draws=20), data, by_text)
    assert variance_of(found).subject == "gender: anti-toxic vs toxic"
    both = run(CEAT(form="group", draws=20), data, by_text)
    assert [f.subject for f in both[:3]][-1] == "gender: pleasant vs unpleasant"
    assert both[3:] == found


def test_a_group_without_contexts_is_left_out_with_a_reason():
    race = group_tests()["race"]
    words = [word for word in race.words if word != "Hispanic"]
    data = contexts(words, 8)
    found = run(CEAT(form="group", tests="race", draws=20), data, noise(data))
    hispanic = by_group(found)["Hispanic"]
    assert hispanic.reason == (
        "Too few contexts of Hispanic. A word needs 8 distinct contexts."
    )
    domain = variance_of(found)
    assert set(domain.detail["groups"]) == {"Asian", "Black", "White"}
    assert domain.detail["missing_words"] == {"Hispanic": ["Hispanic"]}
    assert domain.n == 3


def test_one_group_has_no_variance():
    words = [word for word in GENDER.words if word != "man"]
    data = contexts(words, 8)
    found = run(CEAT(form="group", tests="gender", draws=20), data, noise(data))
    assert by_group(found)["woman"].value is not None
    assert "two groups" in variance_of(found).reason


def test_no_group_gives_a_reason_and_poles_are_needed():
    data = contexts(GENDER.words[:50], 8)
    with pytest.raises(Unmeasurable, match="No association test"):
        CEAT(form="group").needs(data, CARD)
    found = run(CEAT(form="group", tests="gender", draws=5), data, noise(data))
    assert [f.reason for f in found] == [
        "No group has enough contexts. A word needs 8 distinct contexts."
    ]
    few = contexts(GENDER.words[20:], 8)
    with pytest.raises(Unmeasurable, match="pleasant lacks 20 of 25"):
        CEAT(form="group").needs(few, CARD)


def test_a_group_equally_near_to_all_has_a_reason(tmp_path):
    data = contexts(words_of(), 2)
    by_text = noise(data)
    poles = {t: np.eye(6)[i % 5] for i, t in enumerate(data.texts) if t[0] in "AB"}
    flat = {t: np.eye(6)[5] for t in data.texts if t.startswith("g1")}
    found = run(metric(tmp_path, draws=4), data, by_text | poles | flat)
    assert "equally near" in by_group(found)["g1"].reason
    domain = variance_of(found)
    assert set(domain.detail["groups"]) == {"g0", "g2"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": {"g0": ["x"]}}, "groups has 1 of at least 2"),
        ({"groups": {"g0": ["x"], "g1": []}}, "g1 has 0 of at least 1"),
        ({"groups": {"g0": ["x"], "g1": ["x"]}}, "'x' is in both g0 and g1"),
        ({"groups": {"g0": ["x"], "g1": ["A1"]}}, "'A1' is in both pole A and g1"),
        ({"A": {"name": "pole A", "words": ["a"]}}, "pole A has 1 of at least 2"),
        ({"A": {"name": "pole A"}}, "axis, A, words"),
        ({"groups": []}, "axis, groups"),
    ],
)
def test_unusable_files_are_refused(tmp_path, change, message):
    path = tmp_path / "groups.json"
    own(tmp_path)
    content = json.loads(path.read_text())
    content["axis"] |= change
    path.write_text(json.dumps(content))
    with pytest.raises(AuditError, match=message):
        CEAT(form="group", test_file=str(path))


def test_names_of_the_other_form_are_refused(tmp_path):
    with pytest.raises(AuditError, match="Known: gender, gender-toxicity"):
        CEAT(form="group", tests="C6")
    with pytest.raises(AuditError, match="Known: C1"):
        CEAT(tests="gender")


# Inference


@given(st.integers(0, 10**6), st.integers(2, 6), st.sampled_from([0, 1]))
@settings(max_examples=30, deadline=None)
def test_the_interval_of_a_variance_holds_what_is_near(seed, groups, ddof):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=groups)
    replicates = values + rng.normal(size=(200, groups)) * 0.3
    low, high = variance_interval(values, replicates, 0.9, ddof)
    assert 0 <= low <= values.var(ddof=ddof) <= high
    inside = [low - 1e-9 <= r.var(ddof=ddof) <= high + 1e-9 for r in replicates]
    assert np.mean(inside) >= 0.9
    shifted = variance_interval(values + 5, replicates + 5, 0.9, ddof)
    assert shifted == pytest.approx((low, high), abs=1e-9)


def _null(lean, simulations):
    """Let all groups alike lean to one pole: no variance is to be found."""
    rng, dim, each = np.random.default_rng(11), 12, 4
    test = _simulated_test()
    numbers = {
        (w, i, 0): n * each + i for n, w in enumerate(test.words) for i in range(each)
    }
    pool = ContextPool(
        {w: tuple((w, i, 0) for i in range(each)) for w in test.words}, 1
    )
    for number in range(simulations):
        centres = rng.normal(size=(len(test.words), dim))
        centres[:12, 0] += np.repeat([1.0, -1.0], 6)
        centres[12:, 0] = lean
        spread = rng.normal(size=(len(test.words), each, dim)) * 0.5
        vectors = (centres[:, None] + spread).reshape(-1, dim)
        found = ceatgroups.Groups().score(
            Found(test, test, ContextVectors(pool, vectors, numbers)),
            Drawing(100, "with", 0.95),
            np.random.SeedSequence(number),
        )
        yield variance_of(found)


def _simulated_test():
    a, b = (WordSet(p, tuple(f"{p}{i}" for i in range(6))) for p in "AB")
    groups = tuple(WordSet(f"g{i}", (f"g{i}w",)) for i in range(3))
    return GroupTest("axis", "A vs B", "axis", a, b, groups)


@pytest.mark.slow
@pytest.mark.parametrize(("lean", "least", "runs"), [(0.0, 0.03, 400), (1.5, 0.0, 200)])
def test_p_is_calibrated_and_the_interval_reaches_zero(monkeypatch, lean, least, runs):
    monkeypatch.setattr("fairaudit_metrics.intrinsic.inference.REPLICATES", 100)
    monkeypatch.setattr(ceatgroups, "REPLICATES", 100)
    found = list(_null(lean, runs))
    # The standard deviations hold the lean, so with a strong one the test is cautious.
    assert least < np.mean([f.p_value < 0.05 for f in found]) < 0.07
    assert np.mean([f.interval.low == 0 for f in found]) > 0.93
