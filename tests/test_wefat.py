from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairaudit.data import BUILT_IN
from fairaudit.errors import AuditError
from fairaudit.stats.permutation import permutation_test
from fairaudit_metrics.intrinsic import wordeffects
from fairaudit_metrics.intrinsic.stimuli import tests as published
from fairaudit_metrics.intrinsic.wefat import (
    SET_EFFECT_SIZE,
    WEFAT,
    WORD_EFFECT_SIZE,
)
from tests.test_weat import CARD, noise, own, run

SIZES = (3, 2, 5, 4)


def effect(word, a, b):
    """Compute the effect size of a word from the definition."""

    def cos(u, v):
        return u @ v / np.sqrt((u @ u) * (v @ v))

    near, far = [cos(word, v) for v in a], [cos(word, v) for v in b]
    return (np.mean(near) - np.mean(far)) / np.std([*near, *far], ddof=1)


def sets_of(vectors):
    return [np.array([v for w, v in vectors.items() if w[0] == key]) for key in "xyab"]


def word_of(finding):
    return finding.subject.partition(": ")[2].partition(",")[0]


def by_word(found):
    return {word_of(f): f for f in found if f.quantity is WORD_EFFECT_SIZE}


def by_set(found):
    return {word_of(f): f for f in found if f.quantity is SET_EFFECT_SIZE}


def scores_of(vectors, words):
    """Return cosines in standard deviations of each word, (attributes, words)."""
    _, _, a, b = sets_of(vectors)
    both = np.vstack([a, b])
    units = both / np.linalg.norm(both, axis=1, keepdims=True)
    rows = np.array([units @ vectors[w] / np.linalg.norm(vectors[w]) for w in words])
    return (rows / rows.std(axis=1, ddof=1, keepdims=True)).T


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_effects_equal_the_definition(tmp_path_factory, seed):
    metric = WEFAT(test_file=own(tmp_path_factory.mktemp("own"), SIZES))
    vectors = noise(SIZES, seed)
    _, _, a, b = sets_of(vectors)
    found = run(metric, vectors)
    assert [f.subject for f in found] == [
        f"mine: {w}, set A vs set B"
        for w in ("set X", "x0", "x1", "x2", "set Y", "y0", "y1")
    ]
    words = by_word(found)
    for word, finding in words.items():
        assert finding.value == pytest.approx(effect(vectors[word], a, b), abs=1e-9)
        assert finding.interval.low <= finding.interval.high
        assert (finding.n, finding.p_value) == (9, None)
    for key, finding in by_set(found).items():
        mine = [f.value for w, f in words.items() if w[0] == key[-1].lower()]
        assert finding.value == pytest.approx(np.mean(mine), abs=1e-12)
        assert finding.n == 9 + len(mine)
        assert finding.interval.low <= finding.value <= finding.interval.high


def test_only_the_means_of_sets_have_a_p_value_of_the_audit(tmp_path):
    found = run(WEFAT(test_file=own(tmp_path, SIZES)), noise(SIZES))
    assert [f.p_value is not None for f in found] == [
        f.quantity is SET_EFFECT_SIZE for f in found
    ]
    assert all(f.null for f in by_set(found).values())


def test_p_values_permute_the_attribute_words(tmp_path):
    vectors = noise(SIZES)
    found = run(WEFAT(test_file=own(tmp_path, SIZES)), vectors)
    words, rng = ("x0", "x1", "x2"), np.random.default_rng(0)
    scores = scores_of(vectors, words)
    mean = permutation_test(scores.mean(axis=1), 5, rng)
    assert by_set(found)["set X"].p_value == pytest.approx(mean.p_value, abs=1e-12)
    for word, row in zip(words, scores.T, strict=True):
        detail = by_word(found)[word].detail
        alone = permutation_test(row, 5, rng).p_value
        assert detail["p_uncorrected"] == pytest.approx(alone, abs=1e-12)
        assert detail["permutation_partitions"] == 126


def test_words_are_corrected_by_the_largest_of_their_set(tmp_path):
    vectors = noise(SIZES)
    words = ("x0", "x1", "x2")
    scores = scores_of(vectors, words)
    scores = scores - scores.mean(axis=0)
    largest = np.array(
        [
            np.abs(scores[list(first)].sum(axis=0)).max()
            for first in combinations(range(9), 5)
        ]
    )
    found = by_word(run(WEFAT(test_file=own(tmp_path, SIZES)), vectors))
    for at, word in enumerate(words):
        mine = abs(scores[:5, at].sum())
        expected = np.mean(largest >= mine - 1e-9)
        detail = found[word].detail
        assert detail["p_corrected_within_set"] == pytest.approx(expected, abs=1e-12)
        assert detail["p_corrected_within_set"] >= detail["p_uncorrected"]
        assert detail["set"] == "set X"


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_swapping_attributes_flips_the_sign_and_lengths_do_not_matter(
    tmp_path_factory, seed
):
    folder, rng = tmp_path_factory.mktemp("own"), np.random.default_rng(seed)
    sizes = (2, 2, 4, 4)
    vectors = noise(sizes, seed)
    swap = str.maketrans("ab", "ba")
    turned = {w.translate(swap): 3.0 * rng.random() * v for w, v in vectors.items()}
    metric = WEFAT(test_file=own(folder, sizes))
    for one, other in zip(run(metric, vectors), run(metric, turned), strict=True):
        assert other.value == pytest.approx(-one.value, abs=1e-9)
        assert (other.p_value is None) == (one.p_value is None)
        if one.p_value is not None:
            assert other.p_value == pytest.approx(one.p_value, abs=1e-12)
        assert abs(one.value) <= 2


@given(st.permutations(range(5)), st.permutations(range(4)))
@settings(max_examples=10, deadline=None)
def test_order_of_attribute_words_does_not_matter(tmp_path_factory, a, b):
    metric = WEFAT(test_file=own(tmp_path_factory.mktemp("own"), SIZES))
    vectors = noise(SIZES)
    moved = vectors | {
        f"{key}{i}": vectors[f"{key}{j}"]
        for key, order in (("a", a), ("b", b))
        for i, j in enumerate(order)
    }
    for one, other in zip(run(metric, vectors), run(metric, moved), strict=True):
        assert other.value == pytest.approx(one.value, abs=1e-12)
        assert other.p_value == one.p_value


def test_c7_is_the_default_and_others_go_by_name():
    c7, c8 = (published()[name] for name in ("C7", "C8"))
    assert set(WEFAT().needs(BUILT_IN, CARD)["vectors"].texts) == set(c7.words)
    rng = np.random.default_rng(0)
    vectors = {w: rng.normal(size=5) for w in sorted({*c7.words, *c8.words})}
    alone = run(WEFAT(), vectors)
    both = run(WEFAT(tests="C8 C7"), vectors)
    assert [f.subject for f in alone][:2] == [
        "C7: mathematics, male terms vs female terms",
        "C7: math, male terms vs female terms",
    ]
    assert len(alone) == 18
    assert both[18:] == alone


def test_missing_words_give_reasons(tmp_path):
    vectors = noise(SIZES)
    del vectors["x1"], vectors["a0"]
    found = run(WEFAT(test_file=own(tmp_path, SIZES)), vectors)
    words = by_word(found)
    assert words["x1"].reason == "The word has no vector."
    assert words["x0"].n == 8
    assert words["x0"].detail["missing_words"] == {"set X": ["x1"], "set A": ["a0"]}
    assert by_set(found)["set X"].n == 8 + 2
    del vectors["a1"]
    [refused] = run(WEFAT(test_file=own(tmp_path, SIZES)), vectors)
    assert refused.value is None
    assert refused.reason == "Words without a vector: set A lacks 2 of 5: a0, a1."


def test_a_set_of_targets_without_vectors_gives_reasons_only(tmp_path):
    vectors = {w: v for w, v in noise(SIZES).items() if w[0] != "y"}
    found = run(WEFAT(test_file=own(tmp_path, SIZES)), vectors)
    assert [bool(f.reason) for f in found] == [False] * 4 + [True] * 3
    assert found[4].reason == "No word of the set has an effect size."


def test_one_attribute_word_is_too_few(tmp_path):
    sizes = (2, 2, 1, 3)
    [refused] = run(WEFAT(test_file=own(tmp_path, sizes)), noise(sizes))
    assert refused.reason == "set A has one word; a spread takes two."


def test_a_word_equally_near_to_all_has_no_effect(tmp_path):
    vectors = noise(SIZES)
    vectors |= {w: np.eye(6)[1 + i % 4] for i, w in enumerate(vectors) if w[0] in "ab"}
    vectors["x0"] = np.eye(6)[0]
    found = run(WEFAT(test_file=own(tmp_path, SIZES)), vectors)
    words = by_word(found)
    assert "equally near" in words["x0"].reason
    assert words["x1"].value is not None
    kept = [words["x1"].value, words["x2"].value]
    assert by_set(found)["set X"].value == pytest.approx(np.mean(kept))


def test_unknown_tests_are_refused():
    with pytest.raises(AuditError, match="Did you mean 'C7'"):
        WEFAT(tests="C77")


@pytest.mark.slow
def test_p_values_are_uniform_under_the_null(tmp_path, monkeypatch):
    monkeypatch.setattr(wordeffects, "REPLICATES", 2)
    sizes = (4, 2, 6, 6)
    metric = WEFAT(test_file=own(tmp_path, sizes))
    means, least = [], []
    for seed in range(1000):
        found = run(metric, noise(sizes, seed))
        means.append(by_set(found)["set X"].p_value)
        words = [f for f in by_word(found).values() if f.detail["set"] == "set X"]
        least.append(min(f.detail["p_corrected_within_set"] for f in words))
    assert 0.03 < np.mean(np.array(means) < 0.05) < 0.07
    assert 0.03 < np.mean(np.array(least) < 0.05) < 0.07
