"""AUL and AULA against the published code's scores and plain transformers."""

import numpy as np
import pytest

from fairaudit.cache import Cache
from fairaudit.data import Pairs
from fairaudit.errors import AuditError
from fairaudit.model import ModelCard
from fairaudit.planning import plan
from fairaudit.reading import read
from fairaudit.result import DatasetEntry, ModelEntry
from fairaudit_metrics.intrinsic.aul import AUL, AULA
from fairaudit_metrics.intrinsic.tokens import Tokens
from tests import reference

MORE = ("the nurse said she was tired", "the old man was bad", "she is happy")
LESS = ("the doctor said he was tired", "the young woman was bad", "he is happy")
RNG = np.random.default_rng(0)
CARD = ModelCard(
    entry=ModelEntry(
        name="m",
        path="",
        fingerprint="",
        architecture="",
        reads=("token_logprob", "span_logprob"),
    )
)


def pairs(first, second, categories=None):
    n = len(first)
    return Pairs(
        card=DatasetEntry(name="pairs", kind="pairs", n=n, sha256=""),
        first=tuple(first),
        second=tuple(second),
        categories=tuple(categories or ["gender"] * n),
        directions=("stereo",) * n,
    )


def answer(values, lengths, attention=None):
    total = sum(lengths)
    weights = np.ones(total) if attention is None else np.array(attention)
    return {
        "lengths": np.array(lengths, dtype=np.int64),
        "truncated": np.zeros(len(lengths), dtype=bool),
        "logprob": np.array(values, dtype=float),
        "attention": weights,
        "top1": np.ones(total, dtype=bool),
        "token": np.ones(total, dtype=np.int32),
    }


def findings(metric, data, reading):
    found = metric.score(data, {"tokens": reading}, CARD, RNG)
    return {finding.subject: finding for finding in found}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, opened):
    return opened(reference.write_model(tmp_path_factory.mktemp("aul")))


@pytest.mark.parametrize("data", ["cp", "ss"])
@pytest.mark.parametrize("metric", [AUL(), AULA()])
def test_the_reference_model_gives_the_reference_scores(tiny, data, metric):
    rows = reference.pairs(data)
    request = metric.needs(rows, tiny.card)["tokens"]
    (reading,), _ = read(tiny, [request], Cache(None), 2048)
    first, second = np.split(metric.rate(rows, Tokens(reading)).scores, 2)
    more, less = reference.kaneko(f"{data}_{metric.name}")
    np.testing.assert_allclose(first, more, rtol=1e-6)
    np.testing.assert_allclose(second, less, rtol=1e-6)
    found = metric.score(rows, {"tokens": reading}, tiny.card, RNG)
    values = {finding.subject: finding.value for finding in found}
    for subject, value in reference.printed(f"{data}_{metric.name}").items():
        assert round(values[subject], 2) == value


def test_impossible_parameters_are_refused():
    with pytest.raises(AuditError, match="aula: level must be between 0 and 1"):
        AULA(level=1.0)


def by_hand(path, text, *, weighted):
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    network = transformers.AutoModelForMaskedLM.from_pretrained(
        path, attn_implementation="eager"
    ).eval()
    inputs = tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        out = network(**inputs, output_attentions=True)
    logprob = out.logits[0].log_softmax(-1)
    values = logprob.gather(1, inputs["input_ids"].T)[1:-1, 0]
    if weighted:
        values = values * torch.cat(out.attentions).mean((0, 1)).mean(0)[1:-1]
    return float(values.mean())


@pytest.mark.parametrize("metric", [AUL(), AULA()])
def test_a_model_is_scored_as_by_hand(zoo, opened, metric):
    path = zoo("Bert", "ForMaskedLM")
    model, data = opened(path), pairs(MORE, LESS)
    request = metric.needs(data, model.card)["tokens"]
    (reading,), _ = read(model, [request], Cache(None), 256)
    row = np.repeat(np.arange(6), reading["lengths"])
    values = reading["logprob"] * reading.get("attention", 1)
    scores = np.bincount(row, values) / reading["lengths"]
    expected = [by_hand(path, t, weighted=metric.weighted) for t in (*MORE, *LESS)]
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    found = next(iter(metric.score(data, {"tokens": reading}, model.card, RNG)))
    assert found.value == pytest.approx(
        100 * np.mean(np.greater(expected[:3], expected[3:]))
    )


def test_the_mean_is_over_tokens_of_the_sentence():
    # Sums -3 and -2 prefer the second, means -1 and -2 the first.
    reading = answer([-1.0, -1.0, -1.0, -2.0], [3, 1])
    assert findings(AUL(), pairs("a", "b"), reading)["all pairs"].value == 100


def test_attention_is_not_brought_to_a_sum_of_one():
    reading = answer([-2.0, -1.0], [1, 1], attention=[0.1, 0.9])
    assert findings(AULA(), pairs("a", "b"), reading)["all pairs"].value == 100
    assert findings(AUL(), pairs("a", "b"), reading)["all pairs"].value == 0


def test_ties_count_in_n_and_alone_give_a_reason():
    reading = answer([-1.0, -1.0, -1.0, -2.0], [1] * 4)
    found = findings(AUL(), pairs("ab", "cd"), reading)["all pairs"]
    assert (found.value, found.n, found.detail["neutral"]) == (50, 2, 1)
    tied = findings(AUL(), pairs("a", "c"), answer([-1.0, -1.0], [1, 1]))["all pairs"]
    assert tied.value is None
    assert "1 of 1 tie" in tied.reason


def test_a_sentence_without_tokens_is_skipped():
    reading = answer([-1.0, -1.0, -2.0], [1, 0, 1, 1])
    found = findings(AUL(), pairs("ab", "cd"), reading)["all pairs"]
    assert found.n == 1
    assert found.detail["skipped_because"] == {"a sentence has no token": 1}


@pytest.mark.parametrize(
    ("family", "head", "why"),
    [("GPT2", "LMHeadModel", "no mask"), ("Bert", "Model", "no language-model head")],
)
def test_other_models_give_a_reason(zoo, opened, family, head, why):
    jobs, refused = plan(
        opened(zoo(family, head)).card, [AUL(), AULA()], [pairs(MORE, LESS)]
    )
    assert not jobs
    assert len(refused) == 2
    assert all(why in record.reason for record in refused)
