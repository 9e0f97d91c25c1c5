import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairaudit.data import BUILT_IN
from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit.model import Ask, ModelCard
from fairaudit.models import ModelOptions
from fairaudit.models.vectors import VectorsLoader
from fairaudit.result import ModelEntry
from fairaudit.stats.association import effect_size
from fairaudit.stats.wordbootstrap import WordTable, weighted_effect_size
from fairaudit_metrics.intrinsic import textassociation
from fairaudit_metrics.intrinsic.stimuli import tests as published
from fairaudit_metrics.intrinsic.weat import WEAT

ORACLES = Path(__file__).parent / "oracles"
CARD = ModelCard(entry=ModelEntry(name="m", path="", fingerprint="", architecture=""))


def load(name):
    return json.loads((ORACLES / name).read_text())


def own(folder, sizes, kinds=("", "", "", ""), name="mine"):
    """Write a file with one test of words x0, x1, ..., y0, ... and return its path."""
    sets = {
        key: {"name": f"set {key}", "words": [f"{key.lower()}{i}" for i in range(size)]}
        | ({"kind": kind} if kind else {})
        for key, size, kind in zip("XYAB", sizes, kinds, strict=True)
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps({name: sets}))
    return str(path)


def run(metric, vectors, seed=0, **columns):
    """Score with `vectors` by text; a text that is not among them has none."""
    texts = metric.needs(BUILT_IN, CARD)["vectors"].texts
    width = len(next(iter(vectors.values())))
    rows = np.array([vectors.get(t, np.full(width, np.nan)) for t in texts])
    readings = {"vectors": {"vectors": rows, **columns}}
    return list(metric.score(BUILT_IN, readings, CARD, np.random.default_rng(seed)))


def named(X, Y, A, B):
    """Give the vectors of four sets the words of `own`."""
    return {
        f"{key}{i}": np.array(vector)
        for key, vectors in zip("xyab", (X, Y, A, B), strict=True)
        for i, vector in enumerate(vectors)
    }


def noise(sizes, seed=0, dim=6):
    rng = np.random.default_rng(seed)
    return named(*(rng.normal(size=(size, dim)) for size in sizes))


# Reference numbers


@pytest.mark.parametrize("name", ["C6", "C9"])
def test_word2vec_by_a_file_of_vectors(tmp_path, name):
    case = load("ceat_weat_word2vec.json")["tests"][name]
    rows = [f"{w} {' '.join(map(repr, v))}" for w, v in case["vectors"].items()]
    path = tmp_path / "w2v.txt"
    path.write_text("\n".join(rows))
    model = VectorsLoader().open(str(path), ModelOptions())
    metric = WEAT(tests=name)
    request = metric.needs(BUILT_IN, model.card)["vectors"]
    [reading] = model.read(request.texts, [Ask(request, np.arange(len(request.texts)))])
    rng = np.random.default_rng(0)
    [found] = metric.score(BUILT_IN, {"vectors": reading}, model.card, rng)
    expected = case["expected"]
    assert found.value == pytest.approx(expected["effect_size_ddof1"], abs=1e-6)
    assert abs(found.value - case["effect_size_if_ddof0"]) > 0.01
    assert found.detail["published_p"]["ties_count"] == pytest.approx(
        expected["p_value"], abs=1e-12
    )
    assert found.detail["p_one_sided"] == pytest.approx(expected["p_value"], abs=1e-12)
    assert found.detail["permutation_method"] == "exact"


SYNTHETIC = {c["name"]: c for c in load("ceat_weat_synthetic.json")["cases"]}


@pytest.mark.parametrize("name", SYNTHETIC)
def test_the_code_of_may_et_al(tmp_path, name):
    case, expected = SYNTHETIC[name], SYNTHETIC[name]["expected"]
    sets = [case[key] for key in "XYAB"]
    metric = WEAT(test_file=own(tmp_path, map(len, sets)))
    [found] = run(metric, named(*sets))
    assert found.value == pytest.approx(expected["effect_size_ddof1"], abs=1e-9)
    if name.startswith(("exact", "ties")):
        p = found.detail["published_p"]["ties_count"]
        assert p == pytest.approx(expected["p_value"], abs=1e-12)
    elif name.startswith("sampled"):
        p = found.detail["published_p"]["ties_count"]
        assert p == pytest.approx(expected["p_value"], abs=0.02)


def test_the_two_tie_rules_differ_by_the_ties(tmp_path):
    case = SYNTHETIC["exact_4v4_dim5"]
    metric = WEAT(test_file=own(tmp_path, (4, 4, 3, 3)))
    [found] = run(metric, named(*(case[key] for key in "XYAB")))
    p = found.detail["published_p"]
    # Without ties only the observed partition of 70 is as large as itself.
    assert p["ties_count"] - p["ties_do_not_count"] == pytest.approx(1 / 70)


def test_the_largest_partition_has_the_p_value_zero_of_the_paper(tmp_path):
    sets = ([[1, 0]] * 3, [[-1, 0.1]] * 3, [[1, 0.2]], [[0, 1]])
    [found] = run(WEAT(test_file=own(tmp_path, (3, 3, 1, 1))), named(*sets))
    assert found.detail["published_p"]["ties_do_not_count"] == 0
    assert found.detail["published_p"]["ties_count"] == pytest.approx(1 / 20)
    assert found.p_value == pytest.approx(2 / 20)


# The bootstrap


def test_weighted_effect_size_repeats_scores():
    rng = np.random.default_rng(0)
    scores, weights = rng.normal(size=9), rng.integers(0, 3, size=(20, 9)) * 1.0
    weights[:, [0, 8]] += 1
    for row, found in zip(
        weights, weighted_effect_size(scores, weights, 4)[0], strict=True
    ):
        times = row.astype(int)
        repeated = np.repeat(scores, times)
        expected, _ = effect_size(repeated, int(times[:4].sum()))
        assert found == pytest.approx(float(expected), abs=1e-12)


def test_replicates_equal_the_definition():
    rng = np.random.default_rng(1)
    targets, attributes = np.array([0, 0, 1, 2, 3, 3]), np.array([0, 1, 1, 2, 3])
    table = WordTable(rng.uniform(-1, 1, (6, 5)), targets, attributes, (2, 2, 2, 2))
    found = table.replicates(50, np.random.default_rng(2))
    again = np.random.default_rng(2)
    draws = [again.multinomial(2, [0.5, 0.5], size=50) for _ in range(4)]
    for number, effect in enumerate(found):
        x, y, a, b = (draw[number] for draw in draws)
        rows = np.repeat(np.arange(6), np.hstack([x, y])[targets])
        columns = np.repeat(np.arange(5), np.hstack([a, b])[attributes])
        on_a = attributes[columns] < 2
        near = table.cosines[np.ix_(rows, columns)]
        scores = near[:, on_a].mean(1) - near[:, ~on_a].mean(1)
        expected, _ = effect_size(scores, int((targets[rows] < 2).sum()))
        np.testing.assert_allclose(effect, expected, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("gap", [0.0, 0.8])
def test_the_interval_covers_the_expected_effect(tmp_path, gap):
    metric = WEAT(test_file=own(tmp_path, (8, 8, 8, 8)))
    rng, found = np.random.default_rng(5), []
    for _ in range(300):
        sets = rng.normal(size=(4, 8, 10))
        sets[:, :, 0] += gap * np.array([1, -1, 1, -1])[:, None]
        found += run(metric, named(*sets))
    expected = np.mean([f.value for f in found])
    inside = [f.interval.low <= expected <= f.interval.high for f in found]
    assert np.mean(inside) > 0.93


# Invariants


SIZES = (5, 5, 4, 3)


@given(st.integers(0, 10**6), st.booleans())
@settings(max_examples=15, deadline=None)
def test_swapping_targets_or_attributes_flips_the_sign(tmp_path_factory, seed, targets):
    folder = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(seed)
    sets = [rng.normal(size=(size, 6)) for size in SIZES]
    order = [1, 0, 2, 3] if targets else [0, 1, 3, 2]
    turned = [sets[i] for i in order]
    [one] = run(WEAT(test_file=own(folder, SIZES)), named(*sets))
    [other] = run(WEAT(test_file=own(folder, map(len, turned))), named(*turned))
    assert other.value == pytest.approx(-one.value, abs=1e-9)
    assert other.p_value == pytest.approx(one.p_value, abs=1e-12)
    assert abs(one.value) <= 2


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_lengths_and_rotations_do_not_matter(tmp_path_factory, seed):
    metric = WEAT(test_file=own(tmp_path_factory.mktemp("own"), SIZES))
    vectors, rng = noise(SIZES, seed), np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    moved = {w: rng.uniform(0.1, 9) * (v @ turn) for w, v in vectors.items()}
    [one], [other] = run(metric, vectors), run(metric, moved)
    assert other.value == pytest.approx(one.value, abs=1e-9)
    assert other.interval.low == pytest.approx(one.interval.low, abs=1e-9)
    assert other.p_value == pytest.approx(one.p_value, abs=1e-12)


def test_order_of_words_does_not_matter_to_effect_and_exact_p(tmp_path):
    sets = [np.random.default_rng(0).normal(size=(size, 6)) for size in SIZES]
    metric = WEAT(test_file=own(tmp_path, SIZES))
    [one] = run(metric, named(*sets))
    [other] = run(metric, named(*(some[::-1] for some in sets)))
    assert other.value == pytest.approx(one.value, abs=1e-12)
    assert other.p_value == one.p_value


def test_same_seed_same_result_whatever_else_runs():
    words = {w for name in ("C1", "C6") for w in published()[name].words}
    rng = np.random.default_rng(0)
    vectors = {word: rng.normal(size=5) for word in sorted(words)}
    [alone] = run(WEAT(tests="C1"), vectors, seed=3)
    both = run(WEAT(tests="C6+C1"), vectors, seed=3)
    [other] = run(WEAT(tests="C1"), vectors, seed=4)
    assert [f.subject[:2] for f in both] == ["C6", "C1"]
    assert both[1] == alone
    assert other.interval != alone.interval
    assert alone.detail["permutation_method"] == "sampled"


@pytest.mark.slow
def test_p_values_are_uniform_under_the_null(tmp_path, monkeypatch):
    monkeypatch.setattr(textassociation, "REPLICATES", 2)
    metric = WEAT(test_file=own(tmp_path, (8, 8, 8, 8)))
    found = [run(metric, noise((8, 8, 8, 8), seed))[0] for seed in range(1000)]
    assert 0.03 < np.mean([f.p_value < 0.05 for f in found]) < 0.07


# The metric


def test_all_tests_run_by_default_each_word_read_once():
    request = WEAT(layer=2, pool="cls").needs(BUILT_IN, CARD)["vectors"]
    words = {w for test in published().values() for w in test.words}
    assert set(request.texts) == words
    assert len(request.texts) == len(words)
    assert (request.layer, request.pool) == (2, "cls")
    assert all(
        s == (0, len(t)) for t, s in zip(request.texts, request.spans, strict=True)
    )
    rng = np.random.default_rng(0)
    found = run(WEAT(), {word: rng.normal(size=5) for word in sorted(words)})
    names = [*(f"C{i}" for i in range(1, 11)), *(f"I{i}" for i in range(1, 5))]
    assert [f.subject.partition(":")[0] for f in found] == names


def test_a_finding_says_what_it_rests_on():
    c6 = published()["C6"]
    rng = np.random.default_rng(0)
    vectors = {word: rng.normal(size=5) for word in c6.words[1:]}
    low = np.array([word == "Amy" for word in c6.words])
    [found] = run(WEAT(tests="C6"), vectors, lowered=low)
    detail = found.detail
    assert found.subject == "C6: male names vs female names, career vs family"
    assert found.n == 31
    assert found.interval.low < found.value < found.interval.high
    assert "2000 replicates" in found.interval.method
    assert detail["missing_words"] == {"male names": ["John"]}
    assert detail["words"]["male names"] == 7
    assert detail["lower_cased"] == ["Amy"]
    assert (detail["permutation_method"], detail["permutation_partitions"]) == (
        "exact",
        6435,
    )
    assert detail["published_p"] is None
    assert "equal size" in detail["no_published_p_because"]
    json.dumps(detail)


def test_too_many_missing_words_give_a_reason(tmp_path):
    vectors = noise((5, 5, 4, 4))
    del vectors["x1"], vectors["x3"]
    metric = WEAT(test_file=own(tmp_path, (5, 5, 4, 4)))
    [found] = run(metric, vectors)
    assert found.value is None
    assert found.reason == "Words without a vector: set X lacks 2 of 5: x1, x3."
    path = own(tmp_path, (5, 5, 4, 4))
    assert run(WEAT(test_file=path, max_missing=0.4), vectors)[0].n == 16


def test_a_zero_vector_counts_as_missing(tmp_path):
    vectors = noise((5, 5, 5, 5)) | {"a2": np.zeros(6)}
    [found] = run(WEAT(test_file=own(tmp_path, (5, 5, 5, 5))), vectors)
    assert found.detail["missing_words"] == {"set A": ["a2"]}


def test_equal_targets_give_a_reason(tmp_path):
    vectors = noise((3, 3, 3, 3))
    vectors |= {word: np.ones(6) for word in vectors if word[0] in "xy"}
    [found] = run(WEAT(test_file=own(tmp_path, (3, 3, 3, 3))), vectors)
    assert found.value is None
    assert "same association" in found.reason


# Bad input


def sets(**changes):
    plain = {
        key: {"name": f"set {key}", "words": [f"{key}1", f"{key}2"]} for key in "XYAB"
    }
    return {"mine": plain | changes}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (sets(Y={"name": "y", "words": ["Y1", "X2"]}), "'X2' is in both set X and y"),
        (sets(A={"name": "a", "words": ["A1", "X1"]}), "'X1' is in both set X and a"),
        (sets(B={"name": "b", "words": ["A1"]}), "'A1' is in both set A and b"),
        (sets(X={"name": "x", "words": []}), "x has 0 of at least 2 words"),
        (sets(X={"name": "x", "words": ["one"]}), "x has 1 of at least 2 words"),
        (sets(A={"name": "a", "words": []}), "a has 0 of at least 1 words"),
        (sets(X={"name": "x", "words": ["q", "q"]}), "'q' is in x twice"),
        (sets(X={"name": "x", "words": ["q", " "]}), "empty word"),
        (sets(X={"name": "set Y", "words": ["q", "r"]}), "two sets have one name"),
        (sets(X={"name": "x"}), "mine, X, words"),
        ({"mine": {"X": {"name": "x", "words": ["a", "b"]}}}, "mine, Y"),
        ({}, "no test"),
        ([], "file"),
    ],
)
def test_unusable_files_are_refused(tmp_path, content, message):
    path = tmp_path / "own.json"
    path.write_text(json.dumps(content))
    with pytest.raises(AuditError, match=message) as caught:
        WEAT(test_file=str(path))
    assert "own.json" in str(caught.value)


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(AuditError, match="cannot be read"):
        WEAT(test_file=str(tmp_path / "none.json"))
    path = tmp_path / "own.json"
    path.write_text("{not json")
    with pytest.raises(AuditError, match="file: Invalid JSON"):
        WEAT(test_file=str(path))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"tests": "C66"}, "Did you mean 'C6'"),
        ({"max_missing": 1.0}, "max_missing"),
        ({"level": 0.0}, "level"),
    ],
)
def test_wrong_parameters_are_refused(parameters, message):
    with pytest.raises(AuditError, match=message):
        WEAT(**parameters)


def test_a_layer_that_is_not_there_gives_a_reason():
    deep = replace(CARD, layers=3)
    with pytest.raises(Unmeasurable, match="no layer 3; its layers are 0"):
        WEAT(layer=3).needs(BUILT_IN, deep)
    assert WEAT(layer=-3).needs(BUILT_IN, deep)
    assert WEAT(layer=3).needs(BUILT_IN, CARD)


def test_tests_of_a_file_are_chosen_by_name(tmp_path):
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"one": sets()["mine"], "two": sets()["mine"]}))
    metric = WEAT(test_file=str(path), tests="two")
    rng = np.random.default_rng(0)
    vectors = {f"{k}{i}": rng.normal(size=3) for k in "XYAB" for i in (1, 2)}
    assert [f.subject for f in run(metric, vectors)] == [
        "two: set X vs set Y, set A vs set B"
    ]
    with pytest.raises(AuditError, match="Known: one, two"):
        WEAT(test_file=str(path), tests="C6")
