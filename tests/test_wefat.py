import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairaudit.data import BUILT_IN
from fairaudit.errors import AuditError
from fairaudit.stats.permutation import permutation_test
from fairaudit_metrics.intrinsic.stimuli import tests as published
from fairaudit_metrics.intrinsic.wefat import WEFAT
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


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_effects_equal_the_definition(tmp_path_factory, seed):
    metric = WEFAT(test_file=own(tmp_path_factory.mktemp("own"), SIZES))
    vectors = noise(SIZES, seed)
    _, _, a, b = sets_of(vectors)
    found = run(metric, vectors)
    assert [f.subject for f in found] == [
        f"mine: {w}, set A vs set B" for w in ("x0", "x1", "x2", "y0", "y1")
    ]
    for finding, word in zip(found, ("x0", "x1", "x2", "y0", "y1"), strict=True):
        assert finding.value == pytest.approx(effect(vectors[word], a, b), abs=1e-9)
        assert finding.interval.low <= finding.interval.high
        assert finding.n == 9


def test_p_values_permute_the_attribute_words(tmp_path):
    vectors = noise(SIZES)
    _, _, a, b = sets_of(vectors)
    found = run(WEFAT(test_file=own(tmp_path, SIZES)), vectors)[0]
    both = np.vstack([a, b])
    row = both @ vectors["x0"] / np.linalg.norm(both, axis=1)
    expected = permutation_test(row, 5, np.random.default_rng(0))
    assert found.p_value == pytest.approx(expected.p_value, abs=1e-12)
    assert found.detail["permutation_partitions"] == 126


def test_the_detail_gives_the_mean_of_the_word_s_set(tmp_path):
    found = run(WEFAT(test_file=own(tmp_path, SIZES)), noise(SIZES))
    for part, name in ((found[:3], "set X"), (found[3:], "set Y")):
        mean = np.mean([f.value for f in part])
        assert {f.detail["set"] for f in part} == {name}
        assert part[0].detail["set_mean"] == pytest.approx(mean)
        assert part[0].detail["set_words"] == len(part)


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
        assert other.p_value == pytest.approx(one.p_value, abs=1e-12)
        assert abs(one.value) <= 2


def test_c7_is_the_default_and_others_go_by_name():
    c7, c8 = (published()[name] for name in ("C7", "C8"))
    assert set(WEFAT().needs(BUILT_IN, CARD)["vectors"].texts) == set(c7.words)
    rng = np.random.default_rng(0)
    vectors = {w: rng.normal(size=5) for w in sorted({*c7.words, *c8.words})}
    alone = run(WEFAT(), vectors)
    both = run(WEFAT(tests="C8 C7"), vectors)
    assert [f.subject for f in alone][:1] == ["C7: math, male terms vs female terms"]
    assert len(alone) == 16
    assert both[16:] == alone


def test_missing_words_give_reasons(tmp_path):
    vectors = noise(SIZES)
    del vectors["x1"], vectors["a0"]
    found = run(WEFAT(test_file=own(tmp_path, SIZES)), vectors)
    by_word = {f.subject.split()[1].strip(","): f for f in found}
    assert by_word["x1"].reason == "The word has no vector."
    assert by_word["x0"].n == 8
    assert by_word["x0"].detail["missing_words"] == {"set X": ["x1"], "set A": ["a0"]}
    del vectors["a1"]
    [refused] = run(WEFAT(test_file=own(tmp_path, SIZES)), vectors)
    assert refused.value is None
    assert "set A keeps 3 of 5 words" in refused.reason
    assert "a0, a1" in refused.reason


def test_a_set_of_targets_without_vectors_gives_reasons_only(tmp_path):
    vectors = {w: v for w, v in noise(SIZES).items() if w[0] != "y"}
    found = run(WEFAT(test_file=own(tmp_path, SIZES)), vectors)
    assert [bool(f.reason) for f in found] == [False] * 3 + [True] * 2


def test_one_attribute_word_is_too_few(tmp_path):
    sizes = (2, 2, 1, 3)
    [refused] = run(WEFAT(test_file=own(tmp_path, sizes)), noise(sizes))
    assert "set A keeps 1 of 1 words" in refused.reason


def test_a_word_equally_near_to_all_has_no_effect(tmp_path):
    vectors = noise(SIZES)
    vectors |= {w: np.eye(6)[1 + i % 4] for i, w in enumerate(vectors) if w[0] in "ab"}
    vectors["x0"] = np.eye(6)[0]
    found = run(WEFAT(test_file=own(tmp_path, SIZES)), vectors)
    assert "equally near" in found[0].reason
    assert found[1].value is not None


def test_unknown_tests_are_refused():
    with pytest.raises(AuditError, match="Did you mean 'C7'"):
        WEFAT(tests="C77")


@pytest.mark.slow
def test_p_values_are_uniform_under_the_null(tmp_path):
    sizes = (2, 2, 8, 8)
    metric = WEFAT(test_file=own(tmp_path, sizes))
    p = [run(metric, noise(sizes, seed))[0].p_value for seed in range(1000)]
    assert 0.03 < np.mean(np.array(p) < 0.05) < 0.07
