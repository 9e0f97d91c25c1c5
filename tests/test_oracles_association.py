"""Published and reference numbers of association tests, and where we deviate."""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from fairaudit.stats.association import association, effect_size
from fairaudit.stats.pooling import random_effects
from fairaudit_metrics.intrinsic.stimuli import tests as published
from fairaudit_metrics.intrinsic.wordpermutation import published_p, word_p

ORACLES = Path(__file__).parent / "oracles"


def load(name):
    return json.loads((ORACLES / name).read_text())


WORD2VEC = load("weat_word2vec_scores.json")
SYNTHETIC = {c["name"]: c for c in load("ceat_weat_synthetic.json")["cases"]}
POOLING = {c["name"]: c for c in load("ceat_random_effects.json")["cases"]}
TABLE = load("ceat_published.json")


def scores_of(test, without=()):
    case = WORD2VEC["tests"][test]
    sets = [[w for w in case[key] if w not in without] for key in "XY"]
    scores = np.array([case["scores"][w] for one in sets for w in one])
    return scores, len(sets[0])


def synthetic(name):
    case = SYNTHETIC[name]
    x, y, a, b = (np.array(case[key]) for key in "XYAB")
    return association(np.vstack([x, y]), a, b), len(x), case["expected"]


def strict_and_conservative(scores, first):
    sums = np.array(
        [scores[list(c)].sum() for c in combinations(range(len(scores)), first)]
    )
    mine = scores[:first].sum()
    return np.mean(sums > mine + 1e-9), np.mean(sums >= mine - 1e-9)


def seed(number=0):
    return np.random.SeedSequence(number)


# word2vec, as published in 2017


@pytest.mark.parametrize("test", WORD2VEC["tests"])
def test_word2vec_effect_sizes(test):
    case = WORD2VEC["tests"][test]
    scores, first = scores_of(test)
    d = float(effect_size(scores, first)[0])
    assert d == pytest.approx(case["expected"]["effect_size_ddof1"], abs=1e-6)
    statistic = scores[:first].sum() - scores[first:].sum()
    assert statistic == pytest.approx(
        case["expected"]["test_statistic_sXYAB"], abs=1e-6
    )
    ratio = np.sqrt(len(scores) / (len(scores) - 1))
    assert d * ratio == pytest.approx(case["effect_size_if_ddof0"], abs=1e-6)


@pytest.mark.parametrize("test", [f"C{i}" for i in (1, 2, 3, 5, 6, 7, 8, 9)])
def test_word2vec_table_to_two_decimals(test):
    scores, first = scores_of(test)
    d = float(effect_size(scores, first)[0])
    assert round(d, 2) == WORD2VEC["tests"][test]["published"]


def test_the_other_ddof_does_not_give_the_published_table():
    cases = [WORD2VEC["tests"][f"C{i}"] for i in (1, 6, 7, 8, 9)]
    assert all(round(c["effect_size_if_ddof0"], 2) != c["published"] for c in cases)


@pytest.mark.parametrize("test", ["C1", "C3", "C4", "C5", "C6", "C7", "C8", "C9"])
def test_word2vec_p_values(test):
    scores, first = scores_of(test)
    theirs = WORD2VEC["tests"][test]["expected"]["p_value"]
    ours = published_p(scores, first, seed())["published_p"]["ties_count"]
    exact = test in {"C6", "C7", "C8", "C9"}
    error = 0 if exact else 5 * np.sqrt(2 * theirs * (1 - theirs) / 100_000)
    assert ours == pytest.approx(theirs, abs=error + 1e-12)


@pytest.mark.parametrize("test", ["C4", "C5"])
def test_sixteen_names_give_other_numbers(test):
    scores, first = scores_of(test, WORD2VEC["sixteen_names"]["without"])
    assert (first, len(scores)) == (16, 32)
    d = float(effect_size(scores, first)[0])
    assert d == pytest.approx(WORD2VEC["sixteen_names"][test], abs=5e-4)
    assert abs(d - WORD2VEC["tests"][test]["expected"]["effect_size_ddof1"]) > 0.05


@pytest.mark.parametrize("test", WORD2VEC["tests"])
def test_word_lists_are_those_of_the_reference(test):
    mend = {"Bill": "Billy"} if test == "C10" else {}
    case, ours = WORD2VEC["tests"][test], published()[test]
    for key, one in zip("XYAB", ours.sets, strict=True):
        theirs = {mend.get(word, word) for word in case[key]}
        assert set(one.words) - theirs == ({"axe"} if "axe" in one.words else set())
        assert theirs <= set(one.words)


# The code of May et al.


@pytest.mark.parametrize("name", SYNTHETIC)
def test_statistic(name):
    scores, first, expected = synthetic(name)
    statistic = scores[:first].sum() - scores[first:].sum()
    assert statistic == pytest.approx(expected["test_statistic_sXYAB"], abs=1e-9)


@pytest.mark.parametrize(
    "name", [n for n in SYNTHETIC if n.startswith(("exact", "ties"))]
)
def test_tie_rules(name):
    scores, first, expected = synthetic(name)
    strict, conservative = strict_and_conservative(scores, first)
    ours = published_p(scores, first, seed())["published_p"]
    assert ours["ties_count"] == pytest.approx(expected["p_value"], abs=1e-12)
    assert ours["ties_count"] == pytest.approx(conservative, abs=1e-12)
    assert ours["ties_do_not_count"] == pytest.approx(strict, abs=1e-12)
    two_sided, detail = word_p(scores, first, seed())
    assert detail["p_one_sided"] == pytest.approx(conservative, abs=1e-12)
    assert two_sided >= min(conservative, 1 - strict) - 1e-12


def test_ties_are_most_of_the_p_value_where_the_targets_are_equal():
    scores, first, expected = synthetic("ties_X_equals_Y")
    ours = published_p(scores, first, seed())["published_p"]
    assert expected["p_value"] == pytest.approx(5 / 6)
    assert ours["ties_do_not_count"] == pytest.approx(1 / 6)
    assert word_p(scores, first, seed())[0] == 1.0


def test_sampling():
    scores, first, expected = synthetic("sampled_12v12_n1000_seed7")
    ours = published_p(scores, first, seed())["published_p"]["ties_count"]
    error = 5 * np.sqrt(ours * (1 - ours) / 1000)
    assert ours == pytest.approx(expected["p_value"], abs=error)
    detail = word_p(scores, first, seed())[1]
    # Deviation: the reference takes 1,000 samples here, we always take 100,000.
    assert detail["permutation_partitions"] == 100_000


def test_deviation_no_normal_approximation():
    scores, first, expected = synthetic("parametric_8v8_n2000_seed3")
    centred = scores - scores.mean()
    sums = [2 * centred[list(c)].sum() for c in combinations(range(16), first)]
    normal = stats.norm.sf(expected["test_statistic_sXYAB"], 0, np.std(sums))
    # The reference draws 2,000 partitions to estimate mean and deviation.
    assert normal == pytest.approx(expected["p_value"], rel=0.3)
    ours = word_p(scores, first, seed())[1]["p_one_sided"]
    _, exact = strict_and_conservative(scores, first)
    assert ours == pytest.approx(exact, abs=1e-12)
    assert ours < expected["p_value"] / 2


# The code of Guo & Caliskan


def test_difference_of_one_draw_and_its_normal_approximation():
    oracle = load("ceat_single_effect_size.json")
    x, y, a, b = (np.array(oracle[key]) for key in "XYAB")
    scores = association(np.vstack([x, y]), a, b)
    difference = scores[:4].sum() - scores[4:].sum()
    assert difference == pytest.approx(oracle["expected"]["difference"], abs=1e-9)
    # Deviation: theirs is normal, from 100 random relabelings; ours is exact.
    ours = word_p(scores, 4, seed())[1]["p_one_sided"]
    theirs = oracle["expected"]["p_value_normal_approx_num100_seed11"]
    assert ours == pytest.approx(strict_and_conservative(scores, 4)[1], abs=1e-12)
    assert ours == pytest.approx(theirs, abs=0.1)
    assert abs(ours - theirs) > 0.01


@pytest.mark.parametrize("name", [n for n in POOLING if n != "single"])
def test_pooling_and_the_deviating_p_of_the_code(name):
    case = POOLING[name]
    pooled = random_effects(np.array(case["effect_sizes"]), np.array(case["variances"]))
    derived, reference = case["expected_derived"], case["expected_reference"]
    assert pooled.q == pytest.approx(derived["Q"], abs=1e-9)
    excess = max(0.0, derived["Q"] - (len(case["variances"]) - 1))
    assert float(pooled.tau2) * derived["c"] == pytest.approx(excess, abs=1e-9)
    # Deviation: the code has the upper tail without the absolute value.
    one_sided = float(stats.norm.sf(pooled.effect / pooled.se))
    assert one_sided == pytest.approx(reference["p_one_sided"], abs=1e-9)
    folded = 2 * min(one_sided, 1 - one_sided)
    assert float(pooled.p_two_sided) == pytest.approx(folded, abs=1e-12)
    assert abs(float(pooled.p_two_sided) - one_sided) > 1e-5


def test_deviation_one_draw_is_defined():
    case = POOLING["single"]
    pooled = random_effects(np.array(case["effect_sizes"]), np.array(case["variances"]))
    assert case["expected_reference"]["CES"] is None
    assert pooled.effect == case["effect_sizes"][0]


# The published table of CEAT


def test_every_published_test_is_there_under_its_name():
    assert list(TABLE["tests"]) == list(published())
    for name, row in TABLE["tests"].items():
        group = row["pair"].partition(",")[0].split("/")[0]
        titles = {"AF": "African American women", "MF": "Mexican American women"}
        if name[0] == "I":
            assert published()[name].title.startswith(titles[group])


def published_cells():
    for name, row in TABLE["tests"].items():
        for model in ("ELMo", "BERT", "GPT", "GPT-2"):
            d, p = row[model]
            yield name, model, d, p


def test_published_effects_are_possible():
    for name, _, d, _ in published_cells():
        sizes = [len(one.words) for one in published()[name].sets[:2]]
        assert sizes[0] == sizes[1]
        assert abs(d) <= 2 * np.sqrt((sum(sizes) - 1) / sum(sizes))


def test_published_p_values_depend_on_the_number_of_draws():
    known = [
        (abs(d), float(p))
        for _, _, d, p in published_cells()
        if not p.startswith("<") and abs(d) >= 0.03
    ]
    assert len(known) >= 3
    for d, p in known:
        error = d / stats.norm.isf(p / 2)
        between = error * np.sqrt(TABLE["draws"])
        # The spread between draws that d and p imply is that of effect sizes of few
        # words, and ten times the draws would turn the same d into evidence.
        assert 0.3 < between < 1.2
        assert 2 * stats.norm.sf(d / (between / np.sqrt(10_000))) < 0.001
        rng = np.random.default_rng(0)
        for draws, bound in ((1000, 1.0), (10_000, 0.05)):
            effects = d + between * stats.zscore(rng.normal(size=draws))
            pooled = random_effects(effects, np.full(draws, 1e-3))
            assert pooled.effect == pytest.approx(d, abs=1e-9)
            assert float(pooled.p_two_sided) < bound
            if draws == TABLE["draws"]:
                assert float(pooled.p_two_sided) == pytest.approx(p, abs=0.02)
