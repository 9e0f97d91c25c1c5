import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairaudit.data import BUILT_IN
from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit.model import STATIC, Ask, Embed
from fairaudit.stats.association import association, effect_size
from fairaudit.stats.permutation import permutation_test
from fairaudit_metrics.intrinsic import textassociation, wordpermutation
from fairaudit_metrics.intrinsic.seat import SEAT
from fairaudit_metrics.intrinsic.stimuli import tests as published
from fairaudit_metrics.intrinsic.templates import bleached
from fairaudit_metrics.intrinsic.weat import WEAT
from tests.test_weat import CARD, own, run

SIZES = (5, 5, 4, 3)


def sentences(metric):
    return metric.needs(BUILT_IN, CARD)["vectors"].texts


def around(metric, seed, spread=1.0, dim=6):
    """Draw a centre for each word and put its sentences around it."""
    rng = np.random.default_rng(seed)
    words = [w for test in metric.chosen for one in test.sets for w in one.words]
    centres = {word: rng.normal(size=dim) for word in words}
    texts = {
        text: word
        for test in metric.chosen
        for one in test.sets
        for word, texts in zip(one.words, one.texts, strict=True)
        for text in texts
    }
    return {t: centres[w] + spread * rng.normal(size=dim) for t, w in texts.items()}


def may(folder, name="sent", **sets):
    """Write a file in the format of May et al."""
    path = folder / f"{name}.json"
    keys = ("targ1", "targ2", "attr1", "attr2")
    plain = {
        key: {"category": key, "examples": [f"This is {key} {i}." for i in range(4)]}
        for key in keys
    }
    path.write_text(json.dumps(plain | sets))
    return str(path)


# Templates


def test_every_published_word_has_five_sentences_of_its_kind():
    seen = {}
    for test in published().values():
        for one in test.sets:
            for word in one.words:
                found = bleached().sentences(one.name, word, "")
                assert len(set(found)) == 5
                assert all(word.lower() in text.lower() for text in found)
                assert all("{" not in text and text.endswith(".") for text in found)
                assert one.name in bleached().content["lists"]
                seen.setdefault(word, set()).add(found)
    assert all(len(forms) == 1 for forms in seen.values())


def test_no_word_of_the_table_has_two_kinds():
    words = [w for some in bleached().content["words"].values() for w in some]
    known = {w for test in published().values() for w in test.words}
    assert len(words) == len(set(words))
    assert set(words) <= known


@pytest.mark.parametrize(
    ("listed", "word", "sentence"),
    [
        ("flowers", "orchid", "Here you can see an orchid."),
        ("flowers", "rose", "Here you can see a rose."),
        ("female names", "Amy", "Amy was there."),
        ("family", "cousins", "The cousins were there."),
        ("family", "wedding", "The wedding was there."),
        ("science", "NASA", "Someone mentioned NASA."),
        ("male terms", "him", 'The word "him" was there.'),
        ("pleasant", "honest", "That one is honest."),
        ("weapons", "teargas", "That is teargas."),
        ("a list of mine", "unicorn", 'That one is "unicorn".'),
    ],
)
def test_sentences_fit_the_word(listed, word, sentence):
    assert sentence in bleached().sentences(listed, word, "")


@pytest.mark.parametrize(
    ("word", "article"),
    [
        ("hour", "an"),
        ("unicorn", "a"),
        ("uncle", "an"),
        ("European", "a"),
        ("Ann", "an"),
    ],
)
def test_articles_go_by_sound(word, article):
    assert bleached().article(word) == article


def test_a_file_may_say_the_kind_of_word(tmp_path):
    kinds = ("singular", "plural", "", "mass")
    texts = sentences(SEAT(test_file=own(tmp_path, (2, 2, 1, 1), kinds)))
    assert "Here you can see a x0." in texts
    assert "The y0 were there." in texts
    assert 'Here you can see "a0".' in texts
    assert "That is b0." in texts
    with pytest.raises(AuditError, match="Did you mean 'plural'"):
        SEAT(test_file=own(tmp_path, (2, 2, 1, 1), ("plurals", "", "", "")))


# The numbers


def test_effect_and_p_values_equal_the_definition(tmp_path):
    metric = SEAT(test_file=own(tmp_path, (4, 4, 3, 2)))
    vectors = around(metric, 0)
    [found] = run(metric, vectors)
    rows = np.array([vectors[t] for t in sentences(metric)])
    targets, a, b = rows[:40], rows[40:55], rows[55:]
    scores = association(targets, a, b)
    assert found.value == pytest.approx(float(effect_size(scores, 20)[0]), abs=1e-9)
    rng = np.random.default_rng(0)
    words = permutation_test(scores.reshape(8, 5).mean(1), 4, rng)
    assert found.p_value == pytest.approx(words.p_value, abs=1e-12)
    one = permutation_test(scores, 20, rng, alternative="greater", draws=100_000)
    assert found.detail["published_p"]["ties_count"] == pytest.approx(
        one.p_value, abs=0.01
    )
    assert found.n == 13
    assert found.detail["sentences"] == {
        "set X": 20,
        "set Y": 20,
        "set A": 15,
        "set B": 10,
    }
    assert found.interval.low < found.value < found.interval.high


def test_sentences_without_spread_around_words_give_the_word_test(tmp_path):
    path = own(tmp_path, SIZES)
    seat, weat = SEAT(test_file=path), WEAT(test_file=path)
    vectors = around(seat, 1, spread=0.0)
    words = {w: vectors[f'That one is "{w}".'] for w in sentences(weat)}
    [one], [other] = run(seat, vectors), run(weat, words)
    assert one.p_value == pytest.approx(other.p_value, abs=1e-12)
    # ddof=1 counts five times as many texts.
    n, m = 10, 50
    ratio = np.sqrt((n / (n - 1)) / (m / (m - 1)))
    assert one.value == pytest.approx(other.value * ratio, abs=1e-9)


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_lengths_of_vectors_do_not_matter(tmp_path_factory, seed):
    metric = SEAT(test_file=own(tmp_path_factory.mktemp("own"), SIZES))
    vectors, rng = around(metric, seed), np.random.default_rng(seed)
    scaled = {text: rng.uniform(0.1, 9) * v for text, v in vectors.items()}
    [one], [other] = run(metric, vectors), run(metric, scaled)
    assert other.value == pytest.approx(one.value, abs=1e-9)
    assert other.interval.high == pytest.approx(one.interval.high, abs=1e-9)
    assert abs(one.value) <= 2


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_swapping_targets_flips_the_sign(tmp_path_factory, seed):
    metric = SEAT(test_file=own(tmp_path_factory.mktemp("own"), (4, 4, 3, 3)))
    vectors = around(metric, seed)
    partner = dict(zip("xy", "yx", strict=True))
    swapped = {
        text: vectors[re.sub(r"\b([xy])(\d)", lambda m: partner[m[1]] + m[2], text)]
        for text in vectors
    }
    [one], [other] = run(metric, vectors), run(metric, swapped)
    assert other.value == pytest.approx(-one.value, abs=1e-9)
    assert other.p_value == pytest.approx(one.p_value, abs=1e-12)


def test_a_word_is_missing_when_one_of_its_sentences_is(tmp_path):
    metric = SEAT(test_file=own(tmp_path, (5, 5, 5, 5)))
    vectors = around(metric, 0)
    del vectors['That one is "y3".']
    [found] = run(metric, vectors)
    assert found.detail["missing_words"] == {"set Y": ["y3"]}
    assert found.detail["sentences"]["set Y"] == 20


@pytest.mark.slow
def test_p_values_are_uniform_under_the_null_and_published_ones_are_not(
    tmp_path, monkeypatch
):
    # Sentences of a word are few draws around one centre, so they are not independent.
    monkeypatch.setattr(wordpermutation, "PERMUTATIONS", 1000)
    monkeypatch.setattr(textassociation, "REPLICATES", 2)
    metric = SEAT(test_file=own(tmp_path, (8, 8, 8, 8)))
    ours, theirs = [], []
    for seed in range(600):
        [found] = run(metric, around(metric, seed, spread=0.3))
        ours.append(found.p_value)
        theirs.append(found.detail["published_p"]["ties_count"])
    assert 0.03 < np.mean(np.array(ours) < 0.05) < 0.07
    assert np.mean(np.array(theirs) < 0.05) > 0.1


# Files of May et al.


def test_sentences_of_unknown_words_have_an_effect_but_no_p_value(tmp_path):
    metric = SEAT(test_file=may(tmp_path))
    rng = np.random.default_rng(0)
    vectors = {text: rng.normal(size=5) for text in sentences(metric)}
    [found] = run(metric, vectors)
    rows = np.array(list(vectors.values()))
    scores = association(rows[:8], rows[8:12], rows[12:])
    assert found.value == pytest.approx(float(effect_size(scores, 4)[0]), abs=1e-9)
    assert (found.p_value, found.interval) == (None, None)
    assert "which sentences belong" in found.detail["no_p_value_because"]
    assert found.detail["published_p"]["ties_count"] > 0
    assert found.subject == "sent: targ1 vs targ2, attr1 vs attr2"
    assert vectors.keys() >= {"This is targ1 0."}


def test_a_file_may_say_which_sentences_belong_together(tmp_path):
    sets = {
        key: {
            "category": key,
            "examples": [f"{w} {where}." for w in words for where in ("here", "there")],
            "words": [w for w in words for _ in range(2)],
        }
        for key, words in (
            ("targ1", ["Amy", "Joan", "Lisa"]),
            ("targ2", ["Paul", "Mike", "Greg"]),
            ("attr1", ["cosy", "warm"]),
            ("attr2", ["cold", "bleak"]),
        )
    }
    metric = SEAT(test_file=may(tmp_path, **sets))
    rng = np.random.default_rng(0)
    [found] = run(metric, {text: rng.normal(size=5) for text in sentences(metric)})
    assert found.detail["words"]["targ1"] == 3
    assert found.detail["permutation_partitions"] == 20
    assert found.interval is not None
    sets["targ1"]["words"] = ["Amy"]
    with pytest.raises(AuditError, match="1 words for 6 examples"):
        SEAT(test_file=may(tmp_path, **sets))


def test_examples_of_one_word_are_words_and_repeated_ones_count_once(tmp_path):
    sets = {
        key: {"category": key, "examples": [f"{key}{i}" for i in (0, 1, 2, 2)]}
        for key in ("targ1", "targ2", "attr1", "attr2")
    }
    metric = SEAT(test_file=may(tmp_path, **sets))
    assert "targ10" in sentences(metric)
    rng = np.random.default_rng(0)
    [found] = run(metric, {text: rng.normal(size=5) for text in sentences(metric)})
    assert found.detail["words"]["targ1"] == 3
    assert found.p_value is not None


def test_a_sentence_in_two_sets_is_refused(tmp_path):
    shared = {"category": "other", "examples": ["This is targ1 0.", "This is it."]}
    with pytest.raises(
        AuditError, match=r"'This is targ1 0\.' is in both targ1 and other"
    ):
        SEAT(test_file=may(tmp_path, targ2=shared))
    lone = {"category": "other", "examples": ["This is it."]}
    with pytest.raises(AuditError, match="other has 1 of at least 2"):
        SEAT(test_file=may(tmp_path, targ2=lone))
    with pytest.raises(AuditError, match="attr2"):
        SEAT(test_file=may(tmp_path, attr2={"category": "x"}))


# Models


def test_static_vectors_have_no_sentences():
    card = replace(CARD, entry=replace(CARD.entry, architecture=STATIC))
    with pytest.raises(Unmeasurable, match="weat"):
        SEAT().needs(BUILT_IN, card)
    assert WEAT().needs(BUILT_IN, card)


@pytest.mark.parametrize("family", ["Bert", "Roberta", "GPT2"])
@pytest.mark.parametrize("pool", ["cls", "mean", "first", "last"])
def test_whole_texts_are_pooled_over_all_their_tokens(zoo, opened, family, pool):
    import torch
    import transformers

    path = zoo(family)
    texts = ("the nurse was tired", "bad weather and a bad cold make an unhappy person")
    request = Embed(texts, tuple((0, len(t)) for t in texts), -1, pool)
    [found] = opened(path).read(texts, [Ask(request, np.arange(2))])
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    auto = transformers.AutoModelForSequenceClassification.from_pretrained(path)
    for text, row in zip(texts, found["vectors"], strict=True):
        inputs = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            state = auto(**inputs, output_hidden_states=True).hidden_states[-1][0]
        inner = state if family == "GPT2" else state[1:-1]
        expected = {
            "cls": state[0],
            "mean": inner.mean(0),
            "first": inner[0],
            "last": inner[-1],
        }[pool]
        np.testing.assert_allclose(row, expected.numpy(), atol=1e-4)
