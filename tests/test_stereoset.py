"""StereoSet: reader, word scores, aggregation over target terms."""

import json
from pathlib import Path

import numpy as np
import pytest

from fairaudit.cache import Cache
from fairaudit.data import Completions
from fairaudit.datasets.stereoset import LABELS, StereoSetReader
from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit.model import ModelCard, SpanLogProb, TokenLogProb
from fairaudit.reading import read
from fairaudit.result import DatasetEntry, ModelEntry
from fairaudit_metrics.intrinsic.stereoset import StereoSet, term_scores

ORACLE = json.loads(
    (Path(__file__).with_name("oracles") / "stereoset_synthetic_ties.json").read_text()
)
CAUSAL, MASKED = ("token_logprob",), ("token_logprob", "span_logprob")
NAMES = {
    "LM Score": "language_modeling_score",
    "SS Score": "stereotype_score",
    "ICAT Score": "icat",
}


def card(reads=CAUSAL):
    entry = ModelEntry(name="m", path="", fingerprint="", architecture="", reads=reads)
    return ModelCard(entry=entry)


def completions(targets, categories, sentences=None):
    n = len(targets)
    rows = tuple(sentences or [("a s", "a a", "a u")] * n)
    return Completions(
        card=DatasetEntry(name="gaps", kind="completions", n=n, sha256=""),
        targets=tuple(targets),
        categories=tuple(categories),
        sentences=rows,
        filled=rows,
        spans=np.array([[[2, len(text)] for text in row] for row in rows]),
    )


def answer(scores, truncated=()):
    flat = np.asarray(scores, dtype=float).ravel()
    return {
        "lengths": np.ones(len(flat), dtype=np.int64),
        "truncated": np.isin(np.arange(len(flat)), truncated),
        "logprob": flat,
        "top1": np.ones(len(flat), dtype=bool),
        "token": np.ones(len(flat), dtype=np.int32),
    }


def findings(metric, data, reading, reads=CAUSAL):
    rng = np.random.default_rng(0)
    found = metric.score(data, {"tokens": reading}, card(reads), rng)
    return {(f.subject, f.quantity.name): f for f in found}


# The reference code's numbers ------------------------------------------------------


def gold(*tasks):
    entries = [e for task in tasks for e in ORACLE["gold"]["data"][task]]
    said = {
        row["id"]: row["score"] for task in tasks for row in ORACLE["predictions"][task]
    }
    scores = []
    for entry in entries:
        by_label = {s["gold_label"]: said[s["id"]] for s in entry["sentences"]}
        scores.append([by_label[label] for label in LABELS])
    data = completions(
        [e["target"] for e in entries], [e["bias_type"] for e in entries]
    )
    return data, answer(scores)


@pytest.mark.parametrize("task", ["intrasentence", "intersentence"])
def test_reference_predictions_give_the_reference_scores(task):
    data, reading = gold(task)
    found = findings(StereoSet(draws=10), data, reading)
    for domain, expected in ORACLE["expected"][task].items():
        subject = "overall" if domain == "overall" else f"bias type: {domain}"
        for said, name in NAMES.items():
            value = found[subject, name].value
            assert value == pytest.approx(expected[said], abs=1e-9)
        # The published code counts each context once for each of its sentences.
        times = 1 if domain == "overall" else 3
        assert found[subject, "icat"].n * times == expected["Count"]


def test_a_term_of_several_kinds_is_one_term_overall():
    data, reading = gold("intrasentence", "intersentence")
    found = findings(StereoSet(draws=10), data, reading)
    for said, name in NAMES.items():
        expected = ORACLE["expected"]["overall"][said]
        assert found["overall", name].value == pytest.approx(expected, abs=1e-9)


# Aggregation -----------------------------------------------------------------------


def test_ties_lose():
    table = term_scores(np.array([[0.3, 0.3, 0.3]]), np.array(["t"]))
    assert table.totals.tolist() == [0, 0, 0]
    assert table.ties == {
        "ties_of_stereotype_and_anti_stereotype": 1,
        "ties_with_unrelated": 2,
    }


def test_terms_count_alike_however_many_contexts_they_have():
    scores = np.array([[3.0, 2, 1]] * 9 + [[2.0, 3, 1]])
    terms = np.array(["many"] * 9 + ["one"])
    assert term_scores(scores, terms).totals.tolist() == [100, 50, 100]


def test_icat_is_of_the_means():
    # Per term ICAT would be 0 for both; of the means it is 100.
    scores = np.array([[3.0, 2, 1], [2.0, 3, 1]])
    assert term_scores(scores, np.array(["a", "b"])).totals[2] == 100


def test_intervals_draw_terms():
    rng = np.random.default_rng(5)
    scores = rng.normal(size=(400, 3)) + np.array([0.4, 0.0, -1.0])
    terms = np.repeat([f"t{i}" for i in range(20)], 20)
    data = completions(terms.tolist(), ["x"] * 400)
    found = findings(StereoSet(draws=4000), data, answer(scores))
    finding = found["overall", "stereotype_score"]
    shares = 100 * (scores[:, 0] > scores[:, 1]).reshape(20, 20).mean(axis=1)
    expected = shares.mean() + np.array([-1, 1]) * 1.96 * shares.std() / np.sqrt(20)
    interval = finding.interval
    assert finding.value == pytest.approx(shares.mean())
    assert [interval.low, interval.high] == pytest.approx(expected, abs=0.6)
    assert "20 target terms" in interval.method
    again = findings(StereoSet(draws=4000), data, answer(scores))
    assert again["overall", "stereotype_score"].interval == interval


def test_one_term_has_no_interval():
    found = findings(StereoSet(), completions(["t"], ["x"]), answer([[3, 2, 1]]))
    assert found["overall", "icat"].interval is None
    assert found["overall", "icat"].value == 0


def test_contexts_that_cannot_be_scored_are_counted():
    data = completions(["t", "v", "w"], ["x", "x", "y"])
    reading = answer([[3, 2, 1]] * 3, truncated=(8,))
    found = findings(StereoSet(draws=5), data, reading)
    assert found["overall", "icat"].n == 2
    assert found["overall", "icat"].detail["skipped"] == 1
    assert found["bias type: y", "icat"].value is None
    assert "no context" in found["bias type: y", "icat"].reason
    reading["truncated"][:] = True
    with pytest.raises(Unmeasurable, match="none of the 3 contexts"):
        findings(StereoSet(), data, reading)


def test_masked_models_average_probabilities_not_logarithms():
    # Probabilities .9 and .01: mean .455 beats .3 twice; the mean logarithm loses.
    reading = {
        "lengths": np.array([2, 2, 2]),
        "truncated": np.zeros(3, dtype=bool),
        "logprob": np.log([0.9, 0.01, 0.3, 0.3, 0.1, 0.1]),
        "top1": np.ones(6, dtype=bool),
        "token": np.ones(6, dtype=np.int32),
    }
    data = completions(["t"], ["x"])
    masked = findings(StereoSet(), data, reading, MASKED)
    causal = findings(StereoSet(), data, reading, CAUSAL)
    assert masked["overall", "stereotype_score"].value == 100
    assert causal["overall", "stereotype_score"].value == 0


# From the file to the model --------------------------------------------------------


def entry(context, sentences, target="nurse", bias_type="profession"):
    rows = zip(LABELS, sentences, strict=True)
    return {
        "id": "x",
        "target": target,
        "bias_type": bias_type,
        "context": context,
        "sentences": [{"id": "s", "gold_label": g, "sentence": s} for g, s in rows],
    }


ENTRIES = [
    entry(
        "The nurse was BLANK.",
        ("The nurse was kind.", "The nurse was bad.", "The nurse was market."),
    ),
    entry(
        "The BLANK was a nurse , he said",
        ("The woman was a nurse", "The doctor was a nurse", "The walking was a nurse"),
        "woman",
        "gender",
    ),
]


def write(tmp_path, entries, name="dev.json"):
    path = tmp_path / name
    text = json.dumps({"version": "1", "data": {"intrasentence": entries}})
    path.write_text(text, encoding="utf-8")
    return path


def load(path, limit=None):
    return StereoSetReader().read(path, limit, np.random.default_rng(1))


def test_the_published_file_is_read(tmp_path):
    path = write(tmp_path, ENTRIES)
    data = load(path)
    assert StereoSetReader().claims(path)
    assert data.targets == ("nurse", "woman")
    assert data.categories == ("profession", "gender")
    assert data.sentences[0][1] == "The nurse was bad."
    assert data.filled[1][2] == "The walking was a nurse , he said"
    words = [
        [text[a:b] for text, (a, b) in zip(row, spans, strict=True)]
        for row, spans in zip(data.filled, data.spans.tolist(), strict=True)
    ]
    assert words == [["kind", "bad", "market"], ["woman", "doctor", "walking"]]
    assert (data.card.n, data.card.licence) == (2, "CC-BY-SA-4.0")
    assert load(path, limit=1).card.n == 1


def test_sentences_are_ordered_by_label_not_by_place(tmp_path):
    turned = {**ENTRIES[0], "sentences": ENTRIES[0]["sentences"][::-1]}
    assert (
        load(write(tmp_path, [turned])).sentences
        == load(write(tmp_path, ENTRIES[:1], "other.json")).sentences
    )


def test_several_gaps_are_filled_with_one_word_and_the_last_is_scored(tmp_path):
    twice = entry("BLANK is BLANK", ("a is bc", "a is de", "a is fg"))
    data = load(write(tmp_path, [twice]))
    assert data.filled[0] == ("bc is bc", "de is de", "fg is fg")
    assert data.spans[0].tolist() == [[6, 8]] * 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"context": "No gap."}, r"data\.intrasentence\[1\].*has no BLANK"),
        ({"target": ""}, "'target' is missing or empty"),
        (
            {"sentences": ENTRIES[0]["sentences"][:2]},
            "one sentence for each gold_label",
        ),
        ({"context": "a b c d e f BLANK"}, "has no word where the context has BLANK"),
    ],
)
def test_a_flawed_entry_is_named(tmp_path, change, message):
    path = write(tmp_path, [ENTRIES[0], {**ENTRIES[1], **change}])
    with pytest.raises(AuditError, match=message):
        load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ('{"data": {"intersentence": []}}', "no list data.intrasentence"),
        ("[]", "no list data.intrasentence"),
    ],
)
def test_another_file_is_refused(tmp_path, content, message):
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(AuditError, match=message):
        load(path)


def test_other_files_are_not_claimed(tmp_path):
    path = tmp_path / "other.json"
    path.write_text('{"rows": []}')
    assert not StereoSetReader().claims(path)
    assert not StereoSetReader().claims(tmp_path / "absent.json")


def measured(model, metric, data):
    request = metric.needs(data, model.card)["tokens"]
    (reading,), _ = read(model, [request], Cache(None), 256)
    rng = np.random.default_rng(0)
    found = metric.score(data, {"tokens": reading}, model.card, rng)
    return request, {(f.subject, f.quantity.name): f.value for f in found}


def filled_scores(path, data):
    """Mean probability of each word, one masked sentence at a time."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    network = transformers.AutoModelForMaskedLM.from_pretrained(path).eval()
    scores = []
    for row, spans in zip(data.filled, data.spans.tolist(), strict=True):
        for text, (begin, end) in zip(row, spans, strict=True):
            ids = tokenizer(text[begin:end], add_special_tokens=False)["input_ids"]
            probabilities = []
            for step in range(len(ids)):
                left = tokenizer(text[:begin])["input_ids"][:-1]
                right = tokenizer(text[end:])["input_ids"][1:]
                masked = [*left, *ids[:step], tokenizer.mask_token_id, *right]
                with torch.no_grad():
                    logits = network(input_ids=torch.tensor([masked])).logits[0]
                at = len(left) + step
                probabilities.append(float(logits[at].softmax(-1)[ids[step]]))
            scores.append(np.mean(probabilities))
    return np.array(scores).reshape(-1, 3)


def test_a_masked_model_is_scored_as_by_hand(tmp_path, zoo, opened):
    path = zoo("Bert", "ForMaskedLM")
    data = load(write(tmp_path, ENTRIES))
    request, found = measured(opened(path), StereoSet(draws=5), data)
    assert isinstance(request, SpanLogProb)
    s, a, u = filled_scores(path, data).T
    assert found["overall", "stereotype_score"] == 100 * np.mean(s > a)
    assert found["overall", "language_modeling_score"] == pytest.approx(
        50 * np.mean((s > u).astype(int) + (a > u))
    )


@pytest.mark.parametrize("start", ["token", "none"])
def test_a_causal_model_reads_whole_sentences(tmp_path, zoo, opened, start):
    data = load(write(tmp_path, ENTRIES))
    model = opened(zoo("GPT2", "LMHeadModel"))
    request, found = measured(model, StereoSet(start=start, draws=5), data)
    assert request == TokenLogProb(
        tuple(text for row in data.sentences for text in row), "none", start=start
    )
    assert len(found) == 9
    assert all(0 <= value <= 100 for value in found.values())


@pytest.mark.parametrize("bad", [{"level": 0.0}, {"draws": 0}])
def test_impossible_parameters_are_refused(bad):
    with pytest.raises(ValueError, match="must be"):
        StereoSet(**bad)
