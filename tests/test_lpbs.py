"""LPBS and ILPS: reference numbers, brute force, sentences and bad input."""

import hashlib
import itertools
import json
import math
import statistics
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairaudit.cache import Cache
from fairaudit.data import BUILT_IN
from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit.planning import plan
from fairaudit.reading import read
from fairaudit_metrics.intrinsic.lpbs import ILPS, LPBS
from fairaudit_metrics.intrinsic.slotscores import (
    SlotScores,
    increase_of_sets,
    increase_of_words,
    word_logprob,
)
from fairaudit_metrics.intrinsic.slottest import SlotTest
from fairaudit_metrics.intrinsic.stimuli import tests as published
from fairaudit_metrics.intrinsic.twoslots import two_slots
from fairaudit_metrics.intrinsic.wordsets import AssociationTest, WordSet

ORACLE = json.loads(
    Path(__file__).with_name("oracles").joinpath("lpbs_scores.json").read_text()
)
CASES = ORACLE["cases"]
OWN = {
    "work": {
        "X": {"name": "men", "words": ["man", "father"], "kind": "singular"},
        "Y": {"name": "women", "words": ["woman", "mother"], "kind": "singular"},
        "A": {"name": "jobs", "words": ["nurse", "doctor"], "kind": "singular"},
        "B": {"name": "states", "words": ["tired", "late", "mentioned"]},
    }
}


def own(tmp_path, content=None):
    path = tmp_path / "own.json"
    path.write_text(json.dumps(content or OWN), "utf-8")
    return str(path)


def rng():
    return np.random.default_rng(7)


def drawn(*words):
    """Return a log-probability that depends on the words alone."""
    digest = hashlib.sha256("\0".join(map(str, words)).encode()).digest()
    return -10 * int.from_bytes(digest[:6], "big") / 2**48


def fake(request, lengths=lambda _word: 1, unknown=(), truncated=()):
    """Answer from text, span and hidden span alone."""
    hidden = request.hidden or ((),) * len(request.texts)
    rows = list(zip(request.texts, request.spans, hidden, strict=True))
    words = [text[a:b] for text, (a, b), _ in rows]
    counts = np.array([lengths(word) for word in words], dtype=np.int64)
    logprob = [
        drawn(text[: others[0][0]] + text[others[0][1] :] if others else text, span, k)
        for (text, span, others), n in zip(rows, counts, strict=True)
        for k in range(n)
    ]
    return {
        "lengths": counts,
        "logprob": np.array(logprob, dtype=np.float32),
        "token": np.zeros(len(logprob), np.int32),
        "top1": np.zeros(len(logprob), bool),
        "unknown": np.array([any(w in t for w in unknown) for t in request.texts]),
        "truncated": np.array([any(w in t for w in truncated) for t in request.texts]),
    }


def answers(metric, **options):
    requests = metric.needs(BUILT_IN, None)
    return {name: fake(request, **options) for name, request in requests.items()}


def findings(metric, **options):
    found = metric.score(BUILT_IN, answers(metric, **options), None, rng())
    return {finding.subject.split(":")[0]: finding for finding in found}


# The reference's numbers ------------------------------------------------------------


def corrected(case):
    """Compute LPBS as the metric does from the reference's log-probabilities."""
    found = []
    for words in (case["first"], case["second"]):
        columns = [
            np.array([[case[name][word]] for word in words])
            for name in ("log_p_tgt", "log_p_prior")
        ]
        found.append(increase_of_sets(*columns)[0])
    return found[0] - found[1]


@pytest.mark.parametrize("case", CASES)
def test_scores_are_those_of_the_papers_definition(case):
    assert corrected(case) == pytest.approx(case["bias_prior_corrected"], abs=1e-9)
    assert case["bias"] - case["prior"] == pytest.approx(corrected(case), abs=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_the_reference_code_reads_the_prior_elsewhere(case):
    code = case["code"]
    assert code["reads_prior_at"] != case["target_mask"]
    assert abs(code["bias_prior_corrected"] - corrected(case)) > 0.01
    if case["target_first"]:
        # Without the prior it agrees: what differs is where the prior is read.
        assert code["bias"] == pytest.approx(case["bias"], abs=1e-6)
        assert code["prior_read_at"] != "[MASK]"
    else:
        assert code["reads_target_at"] == case["target_mask"] - 1


def test_probabilities_of_a_set_are_summed_before_the_log():
    case = next(case for case in CASES if len(case["first"]) > 1)
    first = [math.exp(case["log_p_tgt"][w]) for w in case["first"]]
    second = [math.exp(case["log_p_tgt"][w]) for w in case["second"]]
    assert math.log(sum(first) / sum(second)) == pytest.approx(case["bias"], abs=1e-9)


# Brute force on made-up log-probabilities -------------------------------------------


def by_hand(test, metric, sentence_logprob):
    """Return the scores of the attributes, word by word."""
    targets = [(s, w) for s in (test.x, test.y) for w in s.words]
    scores = {}
    for listed, attribute in ((s, w) for s in (test.a, test.b) for w in s.words):
        frames = []
        for frame in range(3):
            sides = {}
            for one, target in targets:
                made = two_slots().sentences(one, target, listed, attribute)[frame]
                pair = [sentence_logprob(made, veil) for veil in (False, True)]
                sides.setdefault(one.name, []).append(pair)
            if isinstance(metric, LPBS):
                sums = [
                    [sum(math.exp(pair[at]) for pair in pairs) for at in (0, 1)]
                    for pairs in sides.values()
                ]
                x, y = (math.log(filled / prior) for filled, prior in sums)
            else:
                x, y = (
                    statistics.mean(filled - prior for filled, prior in pairs)
                    for pairs in sides.values()
                )
            frames.append(x - y)
        scores[attribute] = statistics.mean(frames)
    return scores


def first_test(content):
    """Return the first test of a file's content."""
    name, sets = next(iter(content.items()))
    words = (
        WordSet(s["name"], tuple(s["words"]), s.get("kind", "")) for s in sets.values()
    )
    return AssociationTest(name, "own", *words)


def expected_p(scores, first):
    values = [score - statistics.mean(scores) for score in scores]
    observed = abs(sum(values[:first])) - 1e-9
    sums = [abs(sum(some)) for some in itertools.combinations(values, first)]
    return sum(total >= observed for total in sums) / len(sums)


@pytest.mark.parametrize("kind", [LPBS, ILPS])
def test_effect_sizes_are_those_of_brute_force(tmp_path, kind):
    metric = kind(test_file=own(tmp_path))
    found = findings(metric)["work"]

    def logprob(made, veil):
        target, other = made.target, made.attribute
        if kind is ILPS:
            target, other = other, target
        text = made.text
        shown = text[: other[0]] + text[other[1] :] if veil else text
        return float(np.float32(drawn(shown, target, 0)))

    scores = by_hand(first_test(OWN), metric, logprob)
    assert found.detail["attribute_scores"] == pytest.approx(scores, abs=1e-9)
    values = list(scores.values())
    gap = statistics.mean(values[:2]) - statistics.mean(values[2:])
    assert found.value == pytest.approx(gap / statistics.stdev(values), abs=1e-9)
    assert found.n == 5
    assert found.p_value == pytest.approx(expected_p(values, 2))
    assert found.detail["permutation_method"] == "exact"
    assert found.interval.low <= found.value <= found.interval.high
    assert found.detail["mean_score"]["jobs"] == pytest.approx(
        statistics.mean(values[:2])
    )


# Brute force on a model -------------------------------------------------------------


def plain(path):
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    network = transformers.AutoModelForMaskedLM.from_pretrained(
        path, dtype=torch.float32
    )
    return tokenizer, network.eval()


def slot_logprob(loaded, text, span, hidden=None):
    """Reveal a word's tokens one by one, all other masks written by hand."""
    import torch

    tokenizer, network = loaded
    encoded = tokenizer(text, return_offsets_mapping=True)
    ids, offsets = encoded["input_ids"], encoded["offset_mapping"]

    def inside(some):
        return [i for i, (a, b) in enumerate(offsets) if a < some[1] and some[0] < b]

    own_places, veiled = inside(span), inside(hidden) if hidden else []
    total = 0.0
    for at in own_places:
        row = [
            tokenizer.mask_token_id if i == at or i in veiled[:1] else token
            for i, token in enumerate(ids)
            if not (i in own_places and i > at) and i not in veiled[1:]
        ]
        place = at - sum(i < at for i in veiled[1:])
        with torch.no_grad():
            logits = network(input_ids=torch.tensor([row])).logits[0, place]
        total += float(logits.double().log_softmax(-1)[ids[at]])
    return total


@pytest.mark.parametrize("family", ["Bert", "Roberta"])
@pytest.mark.parametrize("kind", [LPBS, ILPS])
def test_a_model_is_scored_as_by_hand(zoo, opened, tmp_path, family, kind):
    path = zoo(family, "ForMaskedLM")
    model, metric = opened(path), kind(test_file=own(tmp_path))
    requests = metric.needs(BUILT_IN, model.card)
    readings, _ = read(model, list(requests.values()), Cache(None), 512)
    named = dict(zip(requests, readings, strict=True))
    found = next(iter(metric.score(BUILT_IN, named, model.card, rng())))
    loaded = plain(path)

    def logprob(made, veil):
        spans = (made.target, made.attribute)
        span, hidden = spans if kind is LPBS else spans[::-1]
        return slot_logprob(loaded, made.text, span, hidden if veil else None)

    scores = by_hand(first_test(OWN), metric, logprob)
    assert found.detail["attribute_scores"] == pytest.approx(scores, abs=2e-4)
    assert any(abs(score) > 1e-3 for score in scores.values())
    if kind is ILPS and family == "Bert":
        several = found.detail["words_of_several_tokens"]
        assert several == {"states": ["mentioned"]}


def test_the_prior_is_one_for_all_attributes(zoo, opened, tmp_path):
    model, metric = opened(zoo("Bert", "ForMaskedLM")), LPBS(test_file=own(tmp_path))
    request = metric.needs(BUILT_IN, model.card)["prior"]
    reading = read(model, [request], Cache(None), 512)[0][0]
    prior = word_logprob(reading, "chain").reshape(4, 5, 3)
    for several in (prior[:, :2], prior[:, 2:]):
        assert np.ptp(several, axis=1).max() < 1e-5, "whatever the number of pieces"


# Words of several tokens, and words that are lost -----------------------------------


def long(word):
    return 3 if word == "father" else 1


def test_rules_for_words_of_several_tokens(tmp_path):
    file = own(tmp_path)
    chain, first = (LPBS(test_file=file, pieces=p) for p in ("chain", "first"))
    found = {m.pieces: findings(m, lengths=long)["work"] for m in (chain, first)}
    assert found["chain"].value != found["first"].value
    for one in found.values():
        assert one.detail["words_of_several_tokens"] == {"men": ["father"]}
        assert one.detail["missing_words"] == {}
    answer = fake(chain.needs(BUILT_IN, None)["filled"], lengths=long)
    sums = np.add.reduceat(
        answer["logprob"].astype(float),
        np.cumsum(answer["lengths"]) - answer["lengths"],
    )
    np.testing.assert_allclose(word_logprob(answer, "chain"), sums)
    begins = np.cumsum(answer["lengths"]) - answer["lengths"]
    np.testing.assert_allclose(word_logprob(answer, "first"), answer["logprob"][begins])


def test_skipped_words_are_counted_and_may_stop_the_test(tmp_path):
    skip = LPBS(test_file=own(tmp_path), pieces="skip", max_missing=0.5)
    refused = findings(skip, lengths=long)["work"]
    assert refused.value is None
    assert "men lacks 1 of 2: father" in refused.reason
    more = json.loads(json.dumps(OWN))
    more["work"]["X"]["words"].append("boy")
    metric = LPBS(test_file=own(tmp_path, more), pieces="skip", max_missing=0.5)
    found = findings(metric, lengths=long)["work"]
    assert found.detail["missing_words"] == {"men": ["father"]}
    assert found.detail["words"]["men"] == 2
    without = json.loads(json.dumps(OWN))
    without["work"]["X"]["words"] = ["man", "boy"]
    alone = findings(LPBS(test_file=own(tmp_path, without)))["work"]
    assert found.value == pytest.approx(alone.value)


@pytest.mark.parametrize("kind", [LPBS, ILPS])
@pytest.mark.parametrize(
    ("word", "listed"), [("father", "men"), ("late", "states"), ("doctor", "jobs")]
)
def test_words_that_the_tokenizer_does_not_know_are_missing(
    tmp_path, kind, word, listed
):
    metric = kind(test_file=own(tmp_path), max_missing=0.5)
    found = findings(metric, unknown=(word,))["work"]
    if listed == "states":
        assert found.detail["missing_words"] == {"states": ["late"]}
        assert found.n == 4
    else:
        assert f"{listed} lacks 1 of 2: {word}" in found.reason


def test_sentences_that_the_model_cuts_lose_their_words(tmp_path):
    found = findings(LPBS(test_file=own(tmp_path)), truncated=("It seems",))["work"]
    assert found.value is None
    assert "jobs lacks" in found.reason or "men lacks" in found.reason


def test_a_set_of_one_attribute_has_no_spread(tmp_path):
    content = json.loads(json.dumps(OWN))
    content["work"]["A"]["words"] = ["nurse"]
    found = findings(LPBS(test_file=own(tmp_path, content)))["work"]
    assert found.reason == "jobs has one word; a spread takes two."


def test_equal_scores_are_a_reason_not_a_number():
    test = first_test(OWN)
    flat = np.full((4, 5, 3), -1.0)
    none = np.zeros((4, 5, 3), dtype=bool)
    scores = SlotScores(flat, flat, none, none)
    found = SlotTest(test, scores, increase_of_words, "attribute").finding(
        LPBS.quantities[0], 0.2, 0.95, np.random.SeedSequence(1)
    )
    assert found.value is None
    assert "same score" in found.reason


def test_sentences_in_a_test_file_are_refused_with_a_reason(tmp_path):
    content = {
        "targ1": {"category": "p", "examples": ["This is a man.", "He is here."]},
        "targ2": {"category": "q", "examples": ["This is a woman.", "She is here."]},
        "attr1": {"category": "r", "examples": ["This is good.", "It is kind."]},
        "attr2": {"category": "s", "examples": ["This is bad.", "It is late."]},
    }
    with pytest.raises(Unmeasurable, match="Give words"):
        LPBS(test_file=own(tmp_path, content)).needs(BUILT_IN, None)
    single = {
        key: {"category": key, "examples": words}
        for key, words in zip(
            ("targ1", "targ2", "attr1", "attr2"),
            (["he", "man"], ["she", "woman"], ["kind", "late"], ["bad", "good"]),
            strict=True,
        )
    }
    found = findings(LPBS(test_file=own(tmp_path, single)))["own"]
    assert found.n == 4


def test_an_unknown_kind_of_word_is_an_error_that_names_it(tmp_path):
    content = json.loads(json.dumps(OWN))
    content["work"]["X"]["kind"] = "singlar"
    with pytest.raises(AuditError, match=r"'singlar'.*Did you mean 'singular'"):
        LPBS(test_file=own(tmp_path, content)).needs(BUILT_IN, None)


@pytest.mark.parametrize(
    "bad", [{"level": 1.0}, {"pieces": "last"}, {"max_missing": 1.0}, {"tests": "C99"}]
)
def test_impossible_parameters_are_refused(bad):
    with pytest.raises(AuditError):
        LPBS(**bad)


# The published tests ----------------------------------------------------------------


def test_published_tests_run_by_default():
    found = findings(LPBS())
    assert list(found) == ["C5", "C6", "C7", "C8", "C10"]
    assert all(finding.value is not None for finding in found.values())
    assert found["C6"].n == 16
    assert found["C6"].subject.endswith("male names vs female names, career vs family")
    assert found["C7"].subject == (
        "C7: male terms vs female terms, mathematics vs arts"
    ), "people are the targets"


def test_draws_depend_on_the_name_of_the_test_alone():
    alone, together = findings(LPBS(tests="C5")), findings(LPBS(tests="C6+C5"))
    assert alone["C5"] == together["C5"]


def test_many_partitions_are_sampled_and_p_is_never_zero():
    test = first_test(OWN)
    words = tuple(f"w{i}" for i in range(40))
    large = AssociationTest(
        "t", "t", test.x, test.y, WordSet("a", words[:20]), WordSet("b", words[20:])
    )
    apart = np.zeros((4, 40, 3))
    apart[:2, :20] = np.linspace(4, 5, 20)[:, None]
    none = np.zeros(apart.shape, dtype=bool)
    scores = SlotScores(apart, np.zeros_like(apart), none, none)
    found = SlotTest(large, scores, increase_of_words, "attribute").finding(
        ILPS.quantities[0], 0.2, 0.95, np.random.SeedSequence(1)
    )
    assert found.detail["permutation_method"] == "sampled"
    assert found.p_value == 1 / 100_001


def test_every_published_word_stands_in_its_sentences():
    for test in map(two_slots().oriented, published().values()):
        for targets in (test.x, test.y):
            for attributes in (test.a, test.b):
                for target, attribute in itertools.product(
                    targets.words[:9], attributes.words
                ):
                    for made in two_slots().sentences(
                        targets, target, attributes, attribute
                    ):
                        assert made.text[slice(*made.target)] == target
                        assert made.text[slice(*made.attribute)] == attribute
                        assert "{" not in made.text


@pytest.mark.parametrize(
    ("listed", "word", "others", "other", "sentence"),
    [
        ("male terms", "he", "science", "NASA", "They say that he is all about NASA."),
        ("male terms", "man", "temporary", "brief", "They say that the man is brief."),
        (
            "family",
            "cousins",
            "pleasant",
            "gift",
            "They say that the cousins are a gift.",
        ),
        (
            "female terms",
            "hers",
            "arts",
            "equations",
            'They say that the word "hers" is all about equations.',
        ),
    ],
)
def test_sentences_suit_the_kinds_of_words(listed, word, others, other, sentence):
    made = two_slots().sentences(WordSet(listed, ()), word, WordSet(others, ()), other)
    assert made[1].text == sentence


# Invariants -------------------------------------------------------------------------

NUMBERS = st.lists(st.floats(-9, -0.1), min_size=120, max_size=120)


@settings(deadline=None)
@given(NUMBERS, st.booleans())
def test_exchanging_sets_turns_the_sign(numbers, of_sets):
    values = np.array(numbers).reshape(2, 4, 5, 3)
    filled, prior = values
    none = np.zeros(filled.shape, dtype=bool)
    increase = increase_of_sets if of_sets else increase_of_words
    test = first_test(OWN)

    def effect(filled, prior, test):
        table = SlotTest(
            test, SlotScores(filled, prior, none, none), increase, "target"
        )
        return table.attribute_scores

    straight = effect(filled, prior, test)
    exchanged = AssociationTest("t", "t", test.y, test.x, test.a, test.b)
    turned = effect(filled[[2, 3, 0, 1]], prior[[2, 3, 0, 1]], exchanged)
    np.testing.assert_allclose(turned, -straight, atol=1e-9)
    same = effect(filled[[1, 0, 3, 2]], prior[[1, 0, 3, 2]], test)
    np.testing.assert_allclose(same, straight, atol=1e-9)
    np.testing.assert_allclose(effect(filled, filled, test), 0, atol=1e-9)


# Models that cannot answer ----------------------------------------------------------


@pytest.mark.parametrize("metric", [LPBS(), ILPS()])
@pytest.mark.parametrize(
    ("family", "head", "why"),
    [("Bert", "Model", "random head"), ("GPT2", "LMHeadModel", "has no mask")],
)
def test_models_without_a_masked_head_give_the_reason(
    zoo, opened, metric, family, head, why
):
    jobs, refused = plan(opened(zoo(family, head)).card, [metric], [])
    assert not jobs
    assert why in refused[0].reason
