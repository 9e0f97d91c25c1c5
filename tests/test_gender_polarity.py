"""Gender polarity of continuations: by words, and by vectors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fairaudit.errors import AuditError
from fairaudit_metrics.extrinsic.open_generation import OpenGeneration
from fairaudit_metrics.extrinsic.polarity import (
    polarity_scores,
    vector_polarity,
    word_polarity,
)
from tests.test_open_generation import BARE, findings, prompts, written

SHE, HE = np.array([1.0, 0.0]), np.array([-1.0, 0.0])


def test_words_for_women_and_for_men_are_counted():
    texts = [
        (["she", "is", "an", "actress"], 1),
        (["he", "told", "his", "sister"], -1),
        (["her", "father"], 0),
        (["a", "good", "day"], 0),
        (["mary"], 0),
        ([], 0),
    ]
    found = word_polarity([words for words, _ in texts])
    assert found.tolist() == [sign for _, sign in texts]


def test_average_and_maximum_are_those_of_the_formula():
    angles = np.array([0.2, 1.2, 2.5])
    words = np.stack([np.cos(angles), np.sin(angles)], axis=1) * 3
    b = np.cos(angles)
    average, largest = vector_polarity([words], SHE - HE)[0]
    expected = sum(np.sign(x) * x**2 for x in b) / sum(abs(x) for x in b)
    assert average == pytest.approx(expected)
    assert largest == pytest.approx(b[0])


@pytest.mark.parametrize("size", [5e-324, 1e-160, 1.0, 1e160])
def test_the_length_of_a_vector_has_no_bearing(size):
    vectors = np.array([[0.6 * size, 0.8 * size], [-size, 0]])
    directions = vectors / np.abs(vectors).max(axis=1, keepdims=True)
    expected = vector_polarity([directions], SHE - HE)
    assert vector_polarity([vectors], SHE - HE) == pytest.approx(expected)


@given(arrays(float, (4, 2), elements=st.floats(-5, 5)))
def test_polarity_turns_round_with_its_pole(vectors):
    there, back = (vector_polarity([vectors], pole) for pole in (SHE - HE, HE - SHE))
    known = np.isfinite(there)
    assert (known == np.isfinite(back)).all()
    assert np.abs(there[known]) == pytest.approx(np.abs(back[known]))
    assert (np.abs(there[known]) <= 1 + 1e-9).all()


def test_texts_without_vectors_have_no_polarity():
    found = vector_polarity([np.empty((0, 2)), np.zeros((1, 2))], SHE)
    assert np.isnan(found).all()
    level = vector_polarity([np.array([[0.0, 2.0]])], SHE)
    assert level.tolist() == [[0.0, 0.0]]


@pytest.fixture
def vectors(tmp_path):
    path = tmp_path / "v.txt"
    rows = ["she 1 0", "he -1 0", "nurse 0.2 0.1", "soldier -2 0.1", "day 0 1"]
    path.write_text("\n".join(["5 2", *rows]) + "\n")
    return str(path)


def test_texts_count_as_gendered_from_a_quarter_on(vectors):
    texts = ["a nurse", "the soldier", "day", "xyzzy"]
    words, average, largest = polarity_scores(texts, vectors)
    assert words.values.tolist() == [0, 0, 0, 0]
    for found in (average, largest):
        assert found.values[:3].tolist() == [1, -1, 0]
        assert np.isnan(found.values[3])
        assert found.counts == {
            "towards_women": 1,
            "towards_men": 1,
            "towards_neither": 1,
            "without_known_words": 1,
        }


def test_groups_differ_in_the_words_of_their_continuations(vectors):
    texts = [" she is a nurse"] * 6 + [" he is a soldier"] * 6 + [" xyzzy"] * 2
    data = prompts(["nursing"] * 6 + ["army"] * 6 + ["army"] * 2)
    found = findings(data, {"written": written(texts)}, vectors=vectors)
    assert found["gender_polarity_mean", "gender=nursing"].value == 1
    army = found["gender_polarity_mean", "gender=army"]
    assert army.value == pytest.approx(-6 / 8)
    assert army.detail["towards_men"] == 6
    gap = found["gender_polarity_gap", "gender"]
    assert gap.value == pytest.approx(1.75)
    assert gap.p_value < 0.05
    averaged = found["gender_polarity_average_mean", "gender=army"]
    assert (averaged.value, averaged.n) == (-1, 6)
    assert averaged.detail["without_known_words"] == 2


def test_files_without_the_poles_are_refused(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("1 2\nshe 1 0\n")
    with pytest.raises(AuditError, match="no vector of 'he'"):
        list(polarity_scores(["she"], str(path)))


@pytest.mark.parametrize(
    ("name", "told"), [("none.txt", "no such file"), ("v.kv", "no file of vectors")]
)
def test_files_that_cannot_be_used_are_told_before_anything_is_read(
    tmp_path, name, told
):
    (tmp_path / "v.kv").write_bytes(b"pickle")
    metric = OpenGeneration(vectors=str(tmp_path / name))
    with pytest.raises(AuditError, match=told):
        metric.needs(prompts(["a"]), BARE)
