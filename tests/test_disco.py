"""DisCo: tests of equal rates, counts of significant words, and its p-value."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, fisher_exact

from fairaudit.cache import Cache
from fairaudit.data import BUILT_IN
from fairaudit.errors import AuditError
from fairaudit.model import filled, fills
from fairaudit.planning import plan
from fairaudit.reading import read
from fairaudit.stats.equalrates import equal_rate_p
from fairaudit_metrics.intrinsic.disco import DisCo
from fairaudit_metrics.intrinsic.people import people
from fairaudit_metrics.intrinsic.supply import Supply

FEW = {"draws": 200}


def rng():
    return np.random.default_rng(3)


def answer(metric, supplied, lost=()):
    """Make an answer; `supplied` is asked by list, gender, person and template."""
    rows, unknown = [], []
    for name in metric.lists.split("+"):
        some = people()[name]
        for at, word in enumerate(some.words):
            for template in range(len(some.templates)):
                rows.append(supplied(name, at < len(some.male), at, template))
                unknown.append(word in lost)
    return {
        **filled(rows),
        "id": np.ones((len(rows), metric.k), dtype=np.int32),
        "truncated": np.zeros(len(rows), dtype=bool),
        "unknown": np.array(unknown),
    }


def findings(metric, supplied, lost=()):
    readings = {"words": answer(metric, supplied, lost)}
    found = metric.score(BUILT_IN, readings, None, rng())
    return {finding.subject.split(":")[0]: finding for finding in found}


# The tests of equal rates -----------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), [(12, 12), (7, 18)])
def test_p_values_are_those_of_scipy(first, second):
    p_values, exact = equal_rate_p(first, second)
    assert p_values.shape == exact.shape == (first + 1, second + 1)
    for a in range(first + 1):
        for b in range(second + 1):
            table = np.array([[a, first - a], [b, second - b]])
            expected = table.sum(0) * table.sum(1)[:, None] / table.sum()
            assert exact[a, b] == (expected.min() < 5)
            if exact[a, b]:
                wanted = fisher_exact(table).pvalue
            else:
                wanted = chi2_contingency(table, correction=False).pvalue
            assert p_values[a, b] == pytest.approx(wanted, rel=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_p_values_do_not_depend_on_the_order(first, second, data):
    a, b = data.draw(st.integers(0, first)), data.draw(st.integers(0, second))
    p_value = equal_rate_p(first, second)[0][a, b]
    assert p_value == pytest.approx(equal_rate_p(second, first)[0][b, a])
    assert p_value == pytest.approx(
        equal_rate_p(first, second)[0][first - a, second - b]
    )


# Counting significant words ---------------------------------------------------------


def by_hand(words, first, alpha):
    """Count significant words template by template with dictionaries and scipy."""
    templates = range(words.shape[1])
    tables = []
    for template in templates:
        men, women = (
            Counter(word for row in part[:, template] for word in set(row))
            for part in (words[:first], words[first:])
        )
        tables.append({word: (men[word], women[word]) for word in {*men, *women}})
    tests = sum(map(len, tables))
    sizes = (first, len(words) - first)
    found = []
    for table in tables:
        significant = 0
        for a, b in table.values():
            cells = np.array([[a, sizes[0] - a], [b, sizes[1] - b]])
            margins = cells.sum(0) * cells.sum(1)[:, None] / cells.sum()
            if margins.min() < 5:
                p_value = fisher_exact(cells).pvalue
            else:
                p_value = chi2_contingency(cells, correction=False).pvalue
            significant += p_value <= alpha / tests
        found.append(significant)
    return found, tests


@pytest.mark.parametrize("seed", range(4))
def test_counts_are_those_of_brute_force(seed):
    draw = np.random.default_rng(seed)
    vocabulary = np.array(list("abcdefgh"), dtype=object)
    weights = draw.dirichlet(np.full(8, 0.5), size=(2, 5))
    words = np.empty((30, 5, 3), dtype=object)
    for person in range(30):
        for template in range(5):
            chances = weights[int(person >= 14), template] + 1e-6
            words[person, template] = draw.choice(
                vocabulary, 3, replace=False, p=chances / chances.sum()
            )
    supply = Supply(words, 14, 0.05)
    expected, tests = by_hand(words, 14, 0.05)
    assert supply.per_template.tolist() == expected
    assert supply.tests == tests
    assert supply.threshold == 0.05 / tests
    assert sum(expected) == len(supply.significant(list("vwxyz"), ("male", "female")))


def gendered(name, male, _person, template):
    if name == "terms" and template < 7:
        return ("king", "same", "other") if male else ("queen", "same", "other")
    return ("same", "other", "third")


def test_a_planted_difference_is_found():
    found = findings(DisCo(**FEW), gendered)
    terms, names = found["terms"], found["names"]
    assert terms.value == pytest.approx(2 * 7 / 14), "two words in half the templates"
    assert terms.n == 14
    assert terms.p_value == 1 / 201
    assert terms.interval.low < 1 < terms.interval.high
    assert (names.value, names.p_value) == (0.0, 1.0)
    rows = terms.detail["significant"]
    assert {row["word"] for row in rows} == {"king", "queen"}
    assert {(row["male"], row["female"]) for row in rows} == {(25, 0), (0, 25)}
    assert terms.detail["tests"] == 7 * 4 + 7 * 3
    assert terms.detail["level_of_one_test"] == 0.05 / 49
    assert terms.detail["people"] == {"male": 25, "female": 25}


def test_a_word_that_comes_twice_counts_once():
    def twice(_name, male, _person, _template):
        return ("he", "he", "x") if male else ("x", "y", "y")

    found = findings(DisCo(lists="names", **FEW), twice)["names"]
    assert found.value == 2, "he and y; x is everybody's"


def test_people_with_unknown_words_are_left_out_and_listed():
    found = findings(DisCo(lists="terms", **FEW), gendered, lost=("king", "nun"))
    detail = found["terms"].detail
    assert detail["left_out"] == ["king", "nun"]
    assert detail["people"] == {"male": 24, "female": 24}


def test_groups_too_small_for_any_difference_are_a_reason_not_zero():
    kept = ("man", "boy", "woman", "girl")
    lost = tuple(word for word in people()["terms"].words if word not in kept)
    found = findings(DisCo(lists="terms", **FEW), gendered, lost)["terms"]
    assert found.value is None
    assert "too few people" in found.reason
    assert found.detail["people"] == {"male": 2, "female": 2}
    every = people()["terms"].words
    nobody = findings(DisCo(lists="terms", **FEW), gendered, every)["terms"]
    assert "too few people" in nobody.reason


def test_draws_depend_on_the_name_of_the_list_alone():
    def some(_name, male, person, template):
        return (f"w{(person * 7 + template) % 5}", "x" if male else "y", "z")

    both = findings(DisCo(**FEW), some)
    for name in ("names", "terms"):
        assert findings(DisCo(lists=name, **FEW), some)[name] == both[name]
    turned = findings(DisCo(lists="terms+names", **FEW), some)
    assert turned["names"] == both["names"]


def test_relabelling_keeps_the_sizes_of_the_groups(monkeypatch):
    monkeypatch.setattr("fairaudit_metrics.intrinsic.supply._CHUNK", 100)
    words = np.array([[["a"]]] * 12 + [[["b"]]] * 8, dtype=object)
    supply = Supply(words, 12, 0.05)
    assert supply.per_template.tolist() == [2.0]
    drawn = supply.relabelled(500, rng())
    assert drawn.shape == (500,)
    assert set(np.unique(drawn)) <= {0.0, 2.0}, "a and b are each other's complement"
    assert (drawn == 2).mean() < 0.06


@pytest.mark.slow
def test_the_p_value_keeps_its_level_where_gender_does_not_matter():
    draw, small = np.random.default_rng(11), 0
    for _ in range(300):
        words = np.empty((24, 2, 1), dtype=object)
        words[:, :, 0] = draw.choice(list("ab"), size=(24, 2), p=[0.6, 0.4])
        supply = Supply(words, 12, 0.3)
        observed = supply.per_template.mean()
        drawn = supply.relabelled(199, draw)
        small += (np.count_nonzero(drawn >= observed - 1e-9) + 1) / 200 <= 0.05
    assert small / 300 <= 0.07


# A model ----------------------------------------------------------------------------


def test_a_model_answers_and_is_scored(zoo, opened):
    model = opened(zoo("Roberta", "ForMaskedLM"))
    metric = DisCo(lists="terms", **FEW)
    request = metric.needs(BUILT_IN, model.card)["words"]
    assert len(request.texts) == 50 * 14
    readings, _ = read(model, [request], Cache(None), 4096)
    found = list(metric.score(BUILT_IN, {"words": readings[0]}, model.card, rng()))
    assert [finding.subject for finding in found] == ["terms: male vs female"]
    words = np.array(fills(readings[0]), dtype=object).reshape(50, 14, 3)
    expected, tests = by_hand(words, 25, 0.05)
    assert found[0].value == np.mean(expected)
    assert found[0].detail["tests"] == tests


@pytest.mark.parametrize(
    ("family", "head", "why"),
    [("Bert", "Model", "random head"), ("GPT2", "LMHeadModel", "has no mask")],
)
def test_models_without_a_masked_head_give_the_reason(zoo, opened, family, head, why):
    jobs, refused = plan(opened(zoo(family, head)).card, [DisCo()], [])
    assert not jobs
    assert why in refused[0].reason


def test_sentences_have_the_gap_where_they_say():
    for some in people().values():
        assert len(set(some.words)) == len(some.words)
        assert len(some.male) == len(some.female)
        for text, (begin, end) in some.sentences():
            assert text[begin:end] == some.blank
            assert text[0].isupper()
            assert "{" not in text


@pytest.mark.parametrize(
    "bad",
    [{"k": 0}, {"alpha": 0.0}, {"level": 1.0}, {"draws": 0}, {"lists": "names+cats"}],
)
def test_impossible_parameters_are_refused(bad):
    with pytest.raises(AuditError, match=r"disco: "):
        DisCo(**bad)
    with pytest.raises(AuditError, match="names, terms or both"):
        DisCo(lists=" ")
