"""Continuations that were written and scored elsewhere: audited without a model."""

import json

import numpy as np
import pytest

from fairaudit.__main__ import main
from fairaudit.cache import Cache
from fairaudit.continuations import holds_continuations, open_continuations
from fairaudit.datasets.real_toxicity import RealToxicityReader
from fairaudit.engine import Settings, audit
from fairaudit.errors import AuditError
from fairaudit.model import Generate
from fairaudit_metrics.extrinsic.open_generation import OpenGeneration

SAMPLES = 4


def record(number, toxicity, scores, texts=None):
    texts = texts or [f" and so {number} {k}" for k in range(len(scores))]
    pairs = zip(texts, scores, strict=True)
    return {
        "filename": "f",
        "begin": 0,
        "end": 9,
        "challenging": False,
        "prompt": {"text": f"Prompt {number} ", "toxicity": toxicity},
        "continuation": {"text": " then", "toxicity": 0.1},
        "generations": [{"text": t, "toxicity": s, "insult": s} for t, s in pairs],
    }


def written(path, records):
    path.write_text("".join(json.dumps(row) + "\n" for row in records))
    return path


@pytest.fixture
def table():
    return np.random.default_rng(0).random((24, SAMPLES)).round(2)


@pytest.fixture
def results(tmp_path, table):
    rows = [
        record(at, 0.9 if at % 2 else 0.1, scores.tolist())
        for at, scores in enumerate(table)
    ]
    return written(tmp_path / "gens.jsonl", rows)


def prompts(path):
    return RealToxicityReader().read(path, None, np.random.default_rng(0))


def findings(path, metric=None, data=None):
    data = data or prompts(path)
    metric = metric or OpenGeneration(draws=200)
    model = open_continuations(path, [data])
    found = audit([model], [metric], [data], Settings(debug=True))
    return {(r.quantity and r.quantity.name, r.subject): r for r in found.records}


def test_extremes_are_those_of_the_scores_in_the_file(results, table):
    assert holds_continuations(results)
    found, worst = findings(results), table.max(axis=1)
    for subject, rows in (
        ("all prompts", slice(None)),
        ("prompt toxicity=non-toxic", slice(0, None, 2)),
        ("prompt toxicity=toxic", slice(1, None, 2)),
    ):
        largest = found["expected_maximum_toxicity", subject]
        share = found["toxicity_probability", subject]
        assert largest.value == pytest.approx(worst[rows].mean())
        spread = worst[rows].std(ddof=1)
        assert largest.detail["standard_deviation"] == pytest.approx(spread)
        assert share.value == pytest.approx((worst[rows] >= 0.5).mean())
        assert largest.interval.low < largest.value < largest.interval.high
    toxic = found["toxicity_mean", "prompt toxicity=toxic"]
    assert toxic.value == pytest.approx(table[1::2].mean())
    assert toxic.detail["samples"] == SAMPLES
    assert toxic.detail["scorer"] == "gens.jsonl, the score 'toxicity' as given"
    assert toxic.detail["continuations"]["written before and held in a file"] == 96
    assert not any("insult" in name or "sentiment" in name for name, _ in found)


def test_the_operator_is_a_parameter_and_recorded(tmp_path):
    rows = [record(at, 0.1, [0.5, 0.2]) for at in range(12)]
    path = written(tmp_path / "gens.jsonl", rows)
    for operator, share in ((">=", 1.0), (">", 0.0)):
        metric = OpenGeneration(draws=50, operator=operator)
        found = findings(path, metric)["toxicity_probability", "all prompts"]
        assert (found.value, found.detail["operator"]) == (share, operator)
        assert found.params["operator"] == operator


def test_missing_scores_are_counted_and_never_zeros(tmp_path):
    rows = [record(at, 0.1, [0.6, None]) for at in range(12)]
    rows += [record(12, 0.1, [None, None]), record(13, 0.1, [0.8, None], ["x", " "])]
    rows += [record(14, 0.1, [0.7])]
    found = findings(written(tmp_path / "gens.jsonl", rows))
    largest = found["expected_maximum_toxicity", "all prompts"]
    assert (largest.n, largest.value) == (14, pytest.approx((12 * 0.6 + 1.5) / 14))
    assert largest.detail["without_a_score"] == 14
    assert largest.detail["prompts_without_a_score"] == 1
    assert len(largest.detail["highest"]) == 5
    states = found["toxicity_mean", "prompt toxicity=non-toxic"].detail["continuations"]
    assert states["not in the file of continuations"] == 1
    assert states["empty: the model ended at once"] == 1


def test_other_scores_are_chosen_by_name(results):
    found = findings(results, OpenGeneration(draws=50, scores="insult+toxicity"))
    insult = found["expected_maximum_insult", "all prompts"]
    assert insult.value == found["expected_maximum_toxicity", "all prompts"].value
    with pytest.raises(AuditError, match="no score 'threat'"):
        findings(results, OpenGeneration(draws=50, scores="threat"))


def test_texts_without_scores_fall_to_the_lexicon(tmp_path, results):
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    bare = [{**row, "generations": [" is kind", " is cruel"]} for row in rows]
    found = findings(written(tmp_path / "bare.jsonl", bare))
    assert ("sentiment_mean", "prompt toxicity=toxic") in found
    assert not any("maximum" in name for name, _ in found)


def test_prompts_that_are_not_asked_about_are_counted(tmp_path, results):
    data = prompts(results)
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    first = {**rows[0], "generations": [{"text": "other", "toxicity": 1.0}]}
    more = written(tmp_path / "more.jsonl", [*rows, record(99, 0.1, [0.1]), first])
    model = open_continuations(more, [data])
    assert model.unmatched == 2
    assert model.written["Prompt 0"] == tuple(f" and so 0 {k}" for k in range(SAMPLES))
    few = written(tmp_path / "few.jsonl", rows[:3])
    reason = next(iter(findings(few, data=data).values())).reason
    assert "nothing about 21 of the 24 texts" in reason


def test_a_file_answers_nothing_else(results):
    model = open_continuations(results, [prompts(results)])
    assert "no representations" in model.card.why_not["embed"]
    request = Generate(("Prompt 1", "unknown"), (0, 0))
    with pytest.raises(AuditError, match="no continuation of 'unknown'"):
        model.read((), [type("Ask", (), {"request": request})()])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"generations": []}, "no list of continuations"),
        ({"generations": "text"}, "no list of continuations"),
        ({"generations": [3]}, "no text, nor an object"),
        ({"generations": [{"text": "a", "toxicity": 1.5}]}, "no number from 0 to 1"),
        ({"prompt": 3}, "no text, nor an object"),
    ],
)
def test_what_is_not_of_the_form_is_refused(tmp_path, results, change, told):
    data = prompts(results)
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    path = written(tmp_path / "bad.jsonl", [rows[0], {**rows[1], **change}])
    with pytest.raises(AuditError, match=f"line 2: .*{told}"):
        open_continuations(path, [data])


def test_a_file_about_other_prompts_is_refused(tmp_path, results):
    other = written(tmp_path / "other.jsonl", [record(77, 0.1, [0.2])])
    with pytest.raises(AuditError, match="continues no prompt of the data"):
        open_continuations(other, [prompts(results)])


def test_readings_in_a_cache_are_the_same(tmp_path, results):
    data, cache = prompts(results), Cache(tmp_path / "cache")
    model, metric = open_continuations(results, [data]), OpenGeneration(draws=50)
    runs = [
        audit([model], [metric], [data], Settings(cache=cache, batch_tokens=tokens))
        for tokens in (7, 2048)
    ]
    assert runs[0].records == runs[1].records


def test_the_command_line_takes_the_file(tmp_path, results, table, capsys):
    words = ["evaluate", "--predictions", results, "--no-cache", "--json"]
    words += ["--data", f"real_toxicity_prompts={results}", "--out", tmp_path / "out"]
    with pytest.raises(SystemExit) as stop:
        main([str(w) for w in (*words, "--metric", "open_generation:draws=50")])
    out = capsys.readouterr().out
    assert not stop.value.code
    for record in json.loads(out)["records"]:
        if record["subject"] == "all prompts":
            worst = table.max(axis=1)
            values = worst if "expected" in str(record["quantity"]) else worst >= 0.5
            assert record["value"] == pytest.approx(values.mean())
