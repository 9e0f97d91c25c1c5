import json
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairaudit.data import Contexts
from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit.model import ModelCard
from fairaudit.result import DatasetEntry, ModelEntry
from fairaudit.stats.association import association, effect_size, unit
from fairaudit.stats.contextdraws import WordContexts
from fairaudit.stats.contextscores import ContextScores
from fairaudit.stats.permutation import permutation_test
from fairaudit.stats.pooling import random_effects
from fairaudit_metrics.intrinsic import inference
from fairaudit_metrics.intrinsic.ceat import CEAT
from fairaudit_metrics.intrinsic.inference import Replicates
from fairaudit_metrics.intrinsic.stimuli import tests as published

ORACLES = Path(__file__).parent / "oracles"
CARD = ModelCard(entry=ModelEntry(name="m", path="", fingerprint="", architecture=""))
C6 = published()["C6"]


def load(name):
    return json.loads((ORACLES / name).read_text())


def contexts(words, each):
    """Build `each` contexts of each word."""
    rows = [(word, f"{word} in sentence {i}") for word in words for i in range(each)]
    return Contexts(
        card=DatasetEntry(name="pool", kind="contexts", n=len(rows), sha256=""),
        words=tuple(word for word, _ in rows),
        texts=tuple(text for _, text in rows),
        spans=np.array([(0, len(word)) for word, _ in rows], dtype=np.int64),
    )


def vectors_for(request, by_text):
    return {"vectors": {"vectors": np.array([by_text[t] for t in request.texts])}}


def run(metric, data, by_text, seed=0):
    request = metric.needs(data, CARD)["vectors"]
    readings = vectors_for(request, by_text)
    return list(metric.score(data, readings, CARD, np.random.default_rng(seed)))


def noise(data, seed=0, dim=6):
    rng = np.random.default_rng(seed)
    return {text: rng.normal(size=dim) for text in data.texts}


def weat(x, y, a, b):
    """Compute the effect size word by word, from the definition."""

    def cos(u, v):
        return u @ v / np.sqrt((u @ u) * (v @ v))

    def s(w):
        return np.mean([cos(w, v) for v in a]) - np.mean([cos(w, v) for v in b])

    scores = np.array([s(w) for w in chain(x, y)])
    gap = scores[: len(x)].mean() - scores[len(x) :].mean()
    return gap / np.std(scores, ddof=1), np.var(scores, ddof=1)


# Word lists


def test_word_lists_have_the_published_sizes():
    sizes = {n: tuple(len(s.words) for s in t.sets) for n, t in published().items()}
    assert sizes == {
        "C1": (25, 25, 25, 25),
        "C2": (25, 25, 25, 25),
        "C3": (32, 32, 25, 25),
        "C4": (18, 18, 25, 25),
        "C5": (18, 18, 8, 8),
        "C6": (8, 8, 8, 8),
        "C7": (8, 8, 8, 8),
        "C8": (8, 8, 8, 8),
        "C9": (6, 6, 7, 7),
        "C10": (8, 8, 8, 8),
        "I1": (12, 12, 13, 13),
        "I2": (12, 12, 8, 8),
        "I3": (12, 12, 12, 12),
        "I4": (12, 12, 6, 6),
    }


@pytest.mark.parametrize("name", published())
def test_no_word_is_twice_in_a_test(name):
    words = published()[name].words
    assert len(set(words)) == len(words)


def test_word_lists_are_corrected():
    assert "Billy" in published()["C10"].x.words
    assert "short" in published()["C9"].a.words
    assert {"Jay", "Kristen"} <= set(published()["C4"].x.words)


# Effect sizes


def test_reference_effect_size_and_variance():
    oracle = load("ceat_single_effect_size.json")
    x, y, a, b = (np.array(oracle[key]) for key in "XYAB")
    d, variance = effect_size(association(np.vstack([x, y]), a, b), len(x))
    assert d == pytest.approx(oracle["expected"]["effect_size"], abs=1e-9)
    assert variance == pytest.approx(oracle["expected"]["variance"], abs=1e-9)


SYNTHETIC = {c["name"]: c for c in load("ceat_weat_synthetic.json")["cases"]}


@pytest.mark.parametrize("name", SYNTHETIC)
def test_sentbias_effect_size_and_exact_p(name):
    case, expected = SYNTHETIC[name], SYNTHETIC[name]["expected"]
    x, y, a, b = (np.array(case[key]) for key in "XYAB")
    scores = association(np.vstack([x, y]), a, b)
    np.testing.assert_allclose(scores, expected["s_wAB"], atol=1e-9)
    d, _ = effect_size(scores, len(x))
    assert d == pytest.approx(expected["effect_size_ddof1"], abs=1e-9)
    if name.startswith(("exact", "ties")):
        rng = np.random.default_rng(0)
        result = permutation_test(scores, len(x), rng, alternative="greater")
        assert result.p_value == pytest.approx(expected["p_value"], abs=1e-12)


@pytest.mark.parametrize("name", ["C6", "C9"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_context_a_word_is_weat_on_word2vec(name, dtype):
    case = load("ceat_weat_word2vec.json")["tests"][name]
    data = contexts(case["vectors"], 1)
    by_text = {f"{w} in sentence 0": dtype(v) for w, v in case["vectors"].items()}
    [found] = run(CEAT(tests=name, min_contexts=1, draws=3), data, by_text)
    expected = case["expected"]
    assert found.value == pytest.approx(expected["effect_size_ddof1"], abs=1e-6)
    assert abs(found.value - case["effect_size_if_ddof0"]) > 0.01
    assert found.detail["p_one_sided"] == pytest.approx(expected["p_value"], abs=1e-9)


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_draws_equal_the_definition(table, dtype):
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(40, 5)).astype(dtype) + 8  # nearly parallel
    scores = ContextScores.of(vectors[:20], vectors[20:], 10**6 if table else 0)
    assert (scores.cosines is not None) is table
    t, a = rng.integers(0, 20, (7, 6)), rng.integers(0, 20, (7, 5))
    weights = np.array([1 / 2, 1 / 2, -1 / 3, -1 / 3, -1 / 3])
    effects, variances = effect_size(scores.scores(t, a, weights), 3)
    wide = vectors.astype(float)
    for row in range(7):
        left, right = wide[t[row]], wide[20 + a[row]]
        d, variance = weat(left[:3], left[3:], right[:2], right[2:])
        assert effects[row] == pytest.approx(
            d, abs=1e-5 if dtype is np.float32 else 1e-9
        )
        assert variances[row] == pytest.approx(variance, rel=1e-4)


def test_sampling_without_replacement_uses_each_context_once():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(8 * 5, 4))
    rows = [np.arange(5) + 5 * word for word in range(8)]
    sample = WordContexts.of(vectors, rows, (2, 2, 2, 2), 5)
    [(_, picks)] = sample.picker.draws(5, rng, "paper")
    np.testing.assert_array_equal(
        np.sort(picks, axis=0), sample.picker.starts + np.arange(5)[:, None]
    )
    [(_, more)] = sample.picker.draws(6, rng, "paper")
    assert more.shape == (6, 8)


def test_chunks_of_draws_are_put_together(monkeypatch):
    monkeypatch.setattr("fairaudit.stats.contextdraws._DRAWS_AT_ONCE", 4)
    rng = np.random.default_rng(0)
    rows = [np.array([word]) for word in range(8)]
    sample = WordContexts.of(rng.normal(size=(8, 4)), rows, (2, 2, 2, 2), 10)
    [drawn] = sample.draw(10, rng)
    np.testing.assert_allclose(drawn.effects, drawn.effects[0])
    gap = drawn.word_scores[:2].mean() - drawn.word_scores[2:].mean()
    assert gap == pytest.approx(drawn.effects.mean())


def test_word_scores_carry_the_mean_effect():
    rng = np.random.default_rng(0)
    rows = [np.arange(9) + 9 * word for word in range(10)]
    sample = WordContexts.of(rng.normal(size=(90, 4)), rows, (3, 2, 2, 3), 50)
    [drawn] = sample.draw(50, rng)
    gap = drawn.word_scores[:3].mean() - drawn.word_scores[3:].mean()
    assert gap == pytest.approx(drawn.effects.mean())


# Invariants


def swap(by_text, ones, others):
    """Give each word of one set the vectors of a word of the other."""
    partner = dict(zip([*ones, *others], [*others, *ones], strict=True))
    return {
        t: by_text[t.replace(w, partner.get(w, w), 1)]
        for t in by_text
        for w in [t.split()[0]]
    }


@given(st.integers(0, 10**6), st.booleans())
@settings(max_examples=10, deadline=None)
def test_swapping_targets_or_attributes_flips_the_sign(seed, targets):
    data = contexts(C6.words, 1)
    by_text = noise(data, seed)
    ones, others = (C6.x, C6.y) if targets else (C6.a, C6.b)
    metric = CEAT(tests="C6", min_contexts=1, draws=2)
    [found] = run(metric, data, by_text)
    [turned] = run(metric, data, swap(by_text, ones.words, others.words))
    assert turned.value == pytest.approx(-found.value, abs=1e-9)
    assert turned.p_value == pytest.approx(found.p_value, abs=1e-12)


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_lengths_of_vectors_do_not_matter(seed):
    data = contexts(C6.words, 3)
    by_text = noise(data, seed)
    lengths = np.random.default_rng(seed).uniform(0.1, 10, len(by_text))
    scaled = {t: k * v for k, (t, v) in zip(lengths, by_text.items(), strict=True)}
    metric = CEAT(tests="C6", min_contexts=3, draws=20)
    [found], [again] = run(metric, data, by_text), run(metric, data, scaled)
    assert again.value == pytest.approx(found.value, abs=1e-9)
    assert again.interval.low == pytest.approx(found.interval.low, abs=1e-9)
    assert again.p_value == found.p_value


@given(st.permutations(range(len(C6.words))))
@settings(max_examples=10, deadline=None)
def test_order_of_rows_does_not_matter(order):
    data = contexts(C6.words, 1)
    shuffled = contexts([C6.words[i] for i in order], 1)
    metric, by_text = CEAT(tests="C6", min_contexts=1, draws=2), noise(data)
    assert run(metric, data, by_text) == run(metric, shuffled, by_text)


def test_order_of_contexts_hardly_matters():
    data = contexts(C6.words, 30)
    by_text, rng = noise(data), np.random.default_rng(1)
    texts = np.array(data.texts).reshape(-1, 30)
    shuffled = dict(
        zip(
            data.texts,
            [by_text[t] for t in rng.permuted(texts, axis=1).ravel()],
            strict=True,
        )
    )
    metric = CEAT(tests="C6", draws=4000)
    [found], [again] = run(metric, data, by_text), run(metric, data, shuffled)
    assert again.value == pytest.approx(found.value, abs=0.05)


def test_same_seed_same_result_whatever_else_runs():
    data = contexts({*C6.words, *published()["C8"].words}, 8)
    by_text = noise(data)
    alone = run(CEAT(tests="C6", draws=50), data, by_text, seed=4)
    both = run(CEAT(tests="C8+C6", draws=50), data, by_text, seed=4)
    other = run(CEAT(tests="C6", draws=50), data, by_text, seed=5)
    assert [f.subject[:2] for f in both] == ["C8", "C6"]
    assert both[1] == alone[0]
    assert other[0].value != alone[0].value


# The metric


def test_finding_says_what_it_rests_on():
    data = contexts(C6.words[1:], 9)
    [found] = run(CEAT(draws=200), data, noise(data))
    detail = found.detail
    assert found.subject == "C6: male names vs female names, career vs family"
    assert found.n == 31
    assert found.interval.low < found.value < found.interval.high
    assert "words" in found.interval.method
    assert "1000 replicates" in found.interval.method
    assert detail["draws"] == 200
    assert detail["words"]["male names"] == 7
    assert detail["missing_words"] == {"male names": ["John"]}
    assert detail["contexts_per_stimulus"] == {"min": 9, "median": 9, "max": 9}
    assert detail["permutation_method"] == "exact"
    assert detail["permutation_partitions"] == 6435
    assert len(detail["effect_size_deciles"]) == 9
    json.dumps(detail)


def test_pooling_is_that_of_the_draws():
    data = contexts(C6.words, 8)
    by_text = noise(data)
    [found] = run(CEAT(draws=64), data, by_text)
    rows = [
        np.array([by_text[f"{w} in sentence {i}"] for i in range(8)]) for w in C6.words
    ]
    rng = np.random.default_rng(7)
    picks = rng.integers(0, 8, (400, 32))
    drawn = [weat(*np.split(_pick(rows, p), [8, 16, 24])) for p in picks]
    effects, variances = np.array(drawn).T
    pooled = random_effects(effects, variances)
    tolerance = 4 * np.hypot(found.detail["paper_se"], pooled.se)
    assert found.value == pytest.approx(float(pooled.effect), abs=tolerance)


def _pick(rows, numbers):
    return np.array([row[n] for row, n in zip(rows, numbers, strict=True)])


def test_every_context_is_asked_for_once():
    data = contexts([*C6.words, "elsewhere"], 8)
    twice = Contexts(
        card=data.card,
        words=data.words * 2,
        texts=data.texts * 2,
        spans=np.tile(data.spans, (2, 1)),
    )
    request = CEAT(layer=3, pool="mean").needs(twice, CARD)["vectors"]
    assert len(request.texts) == 32 * 8
    assert len(set(zip(request.texts, request.spans, strict=True))) == 32 * 8
    assert (request.layer, request.pool) == (3, "mean")
    assert not any("elsewhere" in text for text in request.texts)


def test_two_words_of_one_sentence_are_two_contexts():
    pairs = list(zip(C6.x.words, C6.y.words, strict=True))
    rest = contexts([*C6.a.words, *C6.b.words], 1)
    texts = tuple(f"{x} {y}" for x, y in pairs)
    spans = [(0, len(x)) for x, _ in pairs] + [
        (len(x) + 1, len(x + y) + 1) for x, y in pairs
    ]
    data = Contexts(
        card=rest.card,
        words=(*C6.x.words, *C6.y.words, *rest.words),
        texts=(*texts, *texts, *rest.texts),
        spans=np.vstack([spans, rest.spans]),
    )
    request = CEAT(min_contexts=1).needs(data, CARD)["vectors"]
    cut = {t[slice(*s)] for t, s in zip(request.texts, request.spans, strict=True)}
    assert len(request.texts) == 32
    assert cut == set(C6.words)


def test_tests_that_cannot_run_say_which_words_are_missing():
    data = contexts([*C6.words, *published()["C7"].words[2:]], 8)
    by_text = noise(data)
    found = run(CEAT(tests="C7 C6", draws=5), data, by_text)
    assert [f.value is None for f in found] == [False, True]
    assert found[1].reason == (
        "mathematics lacks 2 of 8: math, algebra. A word needs 8 distinct contexts."
    )
    assert "mathematics" in run(CEAT(draws=5), data, by_text)[1].reason


def test_a_word_of_few_contexts_is_missing():
    few = contexts(C6.x.words[:2], 7)
    full = contexts(C6.words[2:], 8)
    data = Contexts(
        card=full.card,
        words=few.words + full.words,
        texts=few.texts + full.texts,
        spans=np.vstack([few.spans, full.spans]),
    )
    with pytest.raises(Unmeasurable, match="male names lacks 2 of 8: John, Paul"):
        CEAT().needs(data, CARD)
    assert CEAT(max_missing=0.25).needs(data, CARD)
    assert CEAT(min_contexts=7).needs(data, CARD)


def test_data_without_any_test_is_unmeasurable():
    with pytest.raises(Unmeasurable, match="No association test"):
        CEAT().needs(contexts(["green"], 8), CARD)
    with pytest.raises(Unmeasurable, match="C1: flowers lacks 25 of 25"):
        CEAT(tests="C1").needs(contexts([], 8), CARD)


def test_a_set_of_one_word_is_refused():
    data = contexts(C6.words[7:], 8)
    with pytest.raises(Unmeasurable, match="male names lacks 7 of 8"):
        CEAT(max_missing=0.9).needs(data, CARD)


def test_vectors_without_direction_give_a_reason():
    data = contexts(C6.words, 8)
    by_text = noise(data) | {data.texts[3]: np.zeros(6)}
    [found] = run(CEAT(draws=5), data, by_text)
    assert found.value is None
    assert "zero or not finite" in found.reason


def test_contexts_cut_off_before_their_word_are_left_out_and_counted():
    data = contexts(C6.words, 8)
    cut = noise(data) | {data.texts[3]: np.full(6, np.nan)}
    [found] = run(CEAT(draws=50), data, cut)
    assert found.detail["contexts"] == 8 * 32
    assert found.detail["contexts_with_a_vector"] == 8 * 32 - 1
    gone = noise(data) | {text: np.full(6, np.nan) for text in data.texts[:8]}
    [found] = run(CEAT(draws=50), data, gone)
    assert found.value is None
    assert "No context with a finite vector is left for" in found.reason


def test_an_interval_that_cannot_be_had_has_a_reason(monkeypatch):
    data = contexts(C6.words, 8)
    [found] = run(CEAT(draws=50), data, noise(data))
    assert "no_interval" not in found.detail
    monkeypatch.setattr(Replicates, "interval", lambda *_: None)
    [found] = run(CEAT(draws=50), data, noise(data))
    assert found.interval is None
    assert "bootstrap replicates" in found.detail["no_interval"]


def test_equal_targets_give_a_reason():
    data = contexts(C6.words, 8)
    by_text = noise(data)
    same = {t: np.ones(6) for t in data.texts if t.split()[0] in C6.words[:16]}
    [found] = run(CEAT(draws=5), data, by_text | same)
    assert found.value is None
    assert "same association" in found.reason


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"tests": "C66"}, "Did you mean 'C6'"),
        ({"draws": 0}, "draws must be at least 1"),
        ({"min_contexts": 0}, "min_contexts"),
        ({"max_missing": 1.0}, "max_missing"),
        ({"level": 1.0}, "level"),
    ],
)
def test_wrong_parameters_are_refused(parameters, message):
    with pytest.raises(AuditError, match=message):
        CEAT(**parameters)


def test_one_draw_is_defined():
    data = contexts(C6.words, 8)
    [found] = run(CEAT(draws=1), data, noise(data))
    assert found.detail["tau2"] == 0
    assert found.value is not None


def test_zero_vectors_have_no_unit():
    with pytest.raises(ValueError, match="no direction"):
        unit(np.array([[0.0, 0.0]]))


# Tests of one's own


def own_test(folder, name="mine", **changes):
    sets = {
        key: {"name": f"set {key}", "words": [f"{key.lower()}{i}" for i in range(3)]}
        for key in "XYAB"
    }
    path = folder / "own.json"
    path.write_text(json.dumps({name: sets | changes}))
    return str(path)


def own_words():
    return [f"{key}{i}" for key in "xyab" for i in range(3)]


def test_a_test_of_ones_own_runs(tmp_path):
    data = contexts(own_words(), 8)
    by_text = noise(data)
    [found] = run(CEAT(test_file=own_test(tmp_path), draws=20), data, by_text)
    assert found.subject == "mine: set X vs set Y, set A vs set B"
    assert found.n == 12
    assert found.detail["permutation_partitions"] == 20
    [again] = run(
        CEAT(test_file=own_test(tmp_path), tests="mine", draws=20), data, by_text
    )
    assert again == found


def test_targets_of_unequal_size_run(tmp_path):
    more = {"name": "set Y", "words": [f"y{i}" for i in range(5)]}
    data = contexts([*own_words(), "y3", "y4"], 1)
    by_text = noise(data)
    metric = CEAT(test_file=own_test(tmp_path, Y=more), min_contexts=1, draws=2)
    [found] = run(metric, data, by_text)
    rows = {t.split()[0]: v for t, v in by_text.items()}
    sets = [
        [rows[f"{k}{i}"] for i in range(n)]
        for k, n in zip("xyab", (3, 5, 3, 3), strict=True)
    ]
    assert found.value == pytest.approx(weat(*sets)[0], abs=1e-9)
    assert found.detail["permutation_partitions"] == 56


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Y": {"name": "y", "words": ["y0", "x1"]}}, "'x1' is in both set X and y"),
        ({"X": {"name": "x", "words": []}}, "x has 0 of at least 2 words"),
        ({"A": {"name": "a", "words": [""]}}, "empty word"),
        ({"B": {"words": ["b"]}}, "mine, B, name"),
    ],
)
def test_unusable_files_are_refused(tmp_path, changes, message):
    with pytest.raises(AuditError, match=message):
        CEAT(test_file=own_test(tmp_path, **changes))


def test_sentences_have_no_contexts(tmp_path):
    path = tmp_path / "may.json"
    sets = {
        key: {"category": key, "examples": [f"This is {key} {i}." for i in range(3)]}
        for key in ("targ1", "targ2", "attr1", "attr2")
    }
    path.write_text(json.dumps(sets))
    with pytest.raises(AuditError, match="the file holds sentences"):
        CEAT(test_file=str(path))


def test_one_context_a_word_is_too_few_by_default(tmp_path):
    data = contexts(own_words(), 1)
    with pytest.raises(Unmeasurable, match="A word needs 8 distinct contexts"):
        CEAT(test_file=own_test(tmp_path)).needs(data, CARD)


def test_contexts_that_were_not_read_as_they_are_are_counted():
    data = contexts(C6.words, 8)
    by_text = noise(data)
    metric = CEAT(draws=5)
    request = metric.needs(data, CARD)["vectors"]
    flags = {"windowed": np.arange(256) < 3, "truncated": np.arange(256) < 1}
    readings = vectors_for(request, by_text)
    readings["vectors"] |= flags
    [found] = metric.score(data, readings, CARD, np.random.default_rng(0))
    assert found.detail["contexts_windowed"] == 3
    assert found.detail["contexts_truncated"] == 1


# Simulations


def simulated(rng, gap, words=8, each=10, dim=20):
    """Draw words, the targets moved apart by `gap`, and contexts around each word."""
    sign = np.repeat([gap, -gap, 1.0, -1.0], words)
    centres = rng.normal(size=(4 * words, dim))
    centres[:, 0] += sign
    vectors = centres[:, None] + rng.normal(size=(4 * words, each, dim))
    rows = list(np.arange(4 * words * each).reshape(4 * words, each))
    flat = vectors.reshape(-1, dim)
    return WordContexts.of(flat, rows, (words,) * 4, 10_000)


@pytest.mark.slow
def test_permutation_p_is_calibrated_and_the_paper_p_is_not():
    rng = np.random.default_rng(20)
    ours, papers = [], []
    for _ in range(1500):
        [drawn] = simulated(rng, 0.0).draw(1000, rng)
        pooled = random_effects(drawn.effects, drawn.variances)
        ours.append(permutation_test(drawn.word_scores, 8, rng).p_value)
        papers.append(float(pooled.p_two_sided))
    ours, papers = np.array(ours), np.array(papers)
    assert 0.03 < (ours < 0.05).mean() < 0.07
    assert (papers < 0.05).mean() > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("gap", [0.0, 0.5, 2.0])
def test_interval_covers_the_expected_effect(gap, monkeypatch):
    monkeypatch.setattr(inference, "REPLICATES", 300)
    rng = np.random.default_rng(21)
    estimates, intervals = [], []
    for _ in range(250):
        sample = simulated(rng, gap)
        [drawn] = sample.draw(300, rng)
        estimates.append(random_effects(drawn.effects, drawn.variances).effect)
        found = Replicates.of(sample, rng).interval(0, 0.95)
        intervals.append((found.low, found.high))
    low, high = np.array(intervals).T
    expected = np.mean(estimates)
    coverage = ((low <= expected) & (expected <= high)).mean()
    assert coverage > 0.95
