"""Log-probabilities of tokens against plain one-by-one transformers."""

from functools import cache

import numpy as np
import pytest
import torch

from fairaudit.cache import Cache
from fairaudit.errors import AuditError
from fairaudit.model import Ask, SpanLogProb, TokenLogProb
from fairaudit.models import attention, likelihood
from fairaudit.reading import read

TEXTS = (
    "the nurse said she was tired",
    "he walked",
    "an unhappy doctor mentioned the market , the clinic and good food",
    "she is kind !",
)
MASKED = ("Bert", "Roberta", "DistilBert", "Albert", "Electra", "MPNet", "DebertaV2")
CLOSE = {"rtol": 2e-5, "atol": 2e-5}


def ask(model, request):
    rows = np.arange(len(request.texts))
    return model.read(request.texts, [Ask(request, rows)])[0]


def rows_of(reading, name):
    return np.split(reading[name], np.cumsum(reading["lengths"])[:-1])


@cache
def plain(path, head):
    """Load with transformers alone."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    network = getattr(transformers, head).from_pretrained(path, dtype=torch.float32)
    return tokenizer, network.eval()


@torch.no_grad()
def scored(network, ids, at, target):
    logits = network(input_ids=torch.tensor([ids])).logits[0, at]
    logprob = logits.double().log_softmax(-1)[target]
    return float(logprob), int(logits.argmax()) == target


def one_by_one(path, text):
    """Mask every token in turn, one sentence at a time."""
    tokenizer, network = plain(path, "AutoModelForMaskedLM")
    ids = tokenizer(text)["input_ids"]
    found = []
    for at in range(1, len(ids) - 1):
        masked = [*ids[:at], tokenizer.mask_token_id, *ids[at + 1 :]]
        found.append((*scored(network, masked, at, ids[at]), ids[at]))
    return found


@pytest.mark.parametrize("family", MASKED)
def test_each_token_masked_equals_a_loop_over_single_sentences(zoo, opened, family):
    path = zoo(family, "ForMaskedLM")
    reading = ask(opened(path), TokenLogProb(TEXTS))
    columns = (rows_of(reading, name) for name in ("logprob", "top1", "token"))
    rows = zip(*columns, strict=True)
    for text, (logprob, top1, token) in zip(TEXTS, rows, strict=True):
        expected = one_by_one(path, text)
        np.testing.assert_allclose(logprob, [e[0] for e in expected], **CLOSE)
        assert top1.tolist() == [e[1] for e in expected]
        assert token.tolist() == [e[2] for e in expected]
    assert reading["logprob"].dtype == np.float32


@pytest.mark.parametrize("family", MASKED)
def test_nothing_masked_equals_the_logits_of_one_sentence(zoo, opened, family):
    path = zoo(family, "ForMaskedLM")
    reading = ask(opened(path), TokenLogProb(TEXTS, mask="none"))
    tokenizer, network = plain(path, "AutoModelForMaskedLM")
    for text, logprob in zip(TEXTS, rows_of(reading, "logprob"), strict=True):
        ids = tokenizer(text)["input_ids"]
        places = range(1, len(ids) - 1)
        expected = [scored(network, ids, at, ids[at])[0] for at in places]
        np.testing.assert_allclose(logprob, expected, **CLOSE)


@pytest.mark.parametrize("family", ["Bert", "Roberta", "DistilBert", "Albert"])
def test_attention_is_what_each_token_receives(zoo, opened, family):
    import transformers

    path = zoo(family, "ForMaskedLM")
    reading = ask(opened(path), TokenLogProb(TEXTS, mask="none", attention=True))
    tokenizer, _ = plain(path, "AutoModelForMaskedLM")
    network = transformers.AutoModelForMaskedLM.from_pretrained(
        path, attn_implementation="eager"
    ).eval()
    for text, weights in zip(TEXTS, rows_of(reading, "attention"), strict=True):
        with torch.no_grad():
            out = network(
                **tokenizer(text, return_tensors="pt"), output_attentions=True
            )
        mean = torch.cat(out.attentions).mean(dim=(0, 1)).mean(0)
        np.testing.assert_allclose(weights, mean[1:-1], **CLOSE)
        assert 0 < weights.sum() < 1, "special tokens receive attention too"


def test_asking_for_attention_changes_nothing_else(zoo, opened):
    model = opened(zoo("Bert", "ForMaskedLM"))
    before = ask(model, TokenLogProb(TEXTS, mask="none"))
    after = ask(model, TokenLogProb(TEXTS, mask="none", attention=True))
    again = ask(model, TokenLogProb(TEXTS, mask="none"))
    assert set(after) - set(before) == {"attention"}
    for name, column in before.items():
        np.testing.assert_array_equal(after[name], column)
        np.testing.assert_array_equal(again[name], column)


def test_a_model_without_attention_weights_is_refused(zoo, opened, monkeypatch):
    model = opened(zoo("Bert", "ForMaskedLM"))
    request = TokenLogProb(TEXTS, mask="none", attention=True)
    monkeypatch.setattr(attention, "_eager", lambda _network: torch.no_grad())
    with pytest.raises(AuditError, match="gives no attention weights"):
        ask(model, request)


def test_offsets_mark_the_tokens(zoo, opened):
    reading = ask(opened(zoo("Bert", "ForMaskedLM")), TokenLogProb(TEXTS))
    starts, ends = rows_of(reading, "start"), rows_of(reading, "end")
    for text, begin, end in zip(TEXTS, starts, ends, strict=True):
        pieces = [text[a:b] for a, b in zip(begin, end, strict=True)]
        assert "".join(pieces) == text.replace(" ", "")


@pytest.mark.parametrize("mask", ["each", "none"])
def test_answers_do_not_depend_on_the_batch(zoo, opened, mask, monkeypatch):
    model = opened(zoo("Bert", "ForMaskedLM"))
    request = TokenLogProb(TEXTS, mask=mask)
    together = ask(model, request)
    monkeypatch.setattr(likelihood, "TOKENS", 1)
    monkeypatch.setattr(likelihood, "LOGITS", 1)
    for size in (1, 4096):
        read_, _ = read(model, [request], Cache(None), size)
        assert set(read_[0]) == set(together)
        for name, column in together.items():
            np.testing.assert_allclose(read_[0][name], column, rtol=1e-4, atol=1e-5)


def test_the_head_sees_the_wanted_positions_only(zoo, opened):
    model = opened(zoo("Bert", "ForMaskedLM"))
    ask(model, TokenLogProb(TEXTS[:1]))
    seen = []
    head = model._runner.network.cls
    handle = head.register_forward_hook(lambda _m, args, _o: seen.append(args[0].shape))
    reading = ask(model, TokenLogProb(TEXTS))
    handle.remove()
    assert sum(shape[0] * shape[1] for shape in seen) == reading["lengths"].sum()


def test_rows_may_come_in_any_order_and_twice(zoo, opened):
    model = opened(zoo("Bert", "ForMaskedLM"))
    request = TokenLogProb(tuple(TEXTS[at] for at in (2, 0, 2)))
    mixed = model.read(TEXTS, [Ask(request, np.array([2, 0, 2]))])[0]
    straight = rows_of(ask(model, TokenLogProb(TEXTS)), "logprob")
    for found, at in zip(rows_of(mixed, "logprob"), (2, 0, 2), strict=True):
        np.testing.assert_allclose(found, straight[at], **CLOSE)


def test_answers_come_back_from_the_cache(zoo, opened, tmp_path):
    request = TokenLogProb(TEXTS, mask="none", attention=True)
    path, cache = zoo("Bert", "ForMaskedLM"), Cache(tmp_path)
    first, _ = read(opened(path), [request], cache, 64)
    model = opened(path)
    second, cost = read(model, [request], cache, 64)
    assert cost.forward_passes == 0
    assert "_runner" not in vars(model)
    for name, column in first[0].items():
        np.testing.assert_array_equal(second[0][name], column)


# Causal language models ------------------------------------------------------------


def left_to_right(path, text, *, start=True):
    tokenizer, network = plain(path, "AutoModelForCausalLM")
    ids = tokenizer(text)["input_ids"]
    begin = [tokenizer.bos_token_id]
    first = scored(network, begin, 0, ids[0])[0]
    full = [*begin, *ids] if start else ids
    shift = len(full) - len(ids)
    rest = [scored(network, full, at + shift - 1, ids[at]) for at in range(1, len(ids))]
    return [first, *(logprob for logprob, _ in rest)]


@pytest.mark.parametrize("start", ["token", "none"])
def test_causal_models_condition_on_the_left(zoo, opened, start):
    path = zoo("GPT2", "LMHeadModel")
    reading = ask(opened(path), TokenLogProb(TEXTS, mask="none", start=start))
    for text, logprob in zip(TEXTS, rows_of(reading, "logprob"), strict=True):
        expected = left_to_right(path, text, start=start == "token")
        np.testing.assert_allclose(logprob, expected, **CLOSE)


def test_the_start_token_matters_to_all_tokens(zoo, opened):
    model = opened(zoo("GPT2", "LMHeadModel"))
    with_start = ask(model, TokenLogProb(TEXTS, mask="none"))["logprob"]
    without = ask(model, TokenLogProb(TEXTS, mask="none", start="none"))["logprob"]
    same = np.isclose(with_start, without, atol=1e-6)
    assert 4 <= same.sum() < len(same), "the first token of each text at least"


def test_causal_models_have_no_mask(zoo, opened):
    model = opened(zoo("GPT2", "LMHeadModel"))
    assert "token_logprob" in model.card.entry.reads
    assert "no mask" in model.card.why_not["span_logprob"]
    with pytest.raises(AuditError, match="no mask"):
        ask(model, TokenLogProb(TEXTS))


def test_a_text_of_full_length_loses_its_last_token_to_the_start(zoo, opened):
    path = zoo("GPT2", "LMHeadModel", n_positions=8)
    model = opened(path)
    text = "the nurse and the doctor and the old man"
    reading = ask(model, TokenLogProb((text, "he"), mask="none"))
    assert reading["truncated"].tolist() == [True, False]
    assert reading["lengths"][0] == 7
    whole = ask(opened(zoo("GPT2", "LMHeadModel")), TokenLogProb((text,), mask="none"))
    assert whole["lengths"][0] > 7
    np.testing.assert_array_equal(reading["token"][:7], whole["token"][:7])
    assert np.isfinite(reading["logprob"]).all()


# Spans -----------------------------------------------------------------------------


def revealed(path, text, span):
    """Reveal a span's tokens from left to right, one sentence at a time."""
    tokenizer, network = plain(path, "AutoModelForMaskedLM")
    encoded = tokenizer(text, return_offsets_mapping=True)
    ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
    inside = [
        at
        for at, (begin, end) in enumerate(offsets)
        if begin < span[1] and end > span[0] and end > begin
    ]
    found = []
    for at in inside:
        masked = [*ids[:at], tokenizer.mask_token_id, *ids[inside[-1] + 1 :]]
        found.append(scored(network, masked, at, ids[at])[0])
    return found


@pytest.mark.parametrize("family", MASKED)
def test_spans_are_revealed_from_left_to_right(zoo, opened, family):
    path = zoo(family, "ForMaskedLM")
    words = ("nurse", "walked", "mentioned", "kind !")
    spans = tuple(
        (text.index(word), text.index(word) + len(word))
        for text, word in zip(TEXTS, words, strict=True)
    )
    reading = ask(opened(path), SpanLogProb(TEXTS, spans))
    rows = rows_of(reading, "logprob")
    for text, span, logprob in zip(TEXTS, spans, rows, strict=True):
        np.testing.assert_allclose(logprob, revealed(path, text, span), **CLOSE)
    assert reading["lengths"].max() > 1, "some word has several tokens"


def test_an_empty_span_has_no_tokens(zoo, opened):
    reading = ask(
        opened(zoo("Bert", "ForMaskedLM")), SpanLogProb(TEXTS[:2], ((0, 0), (0, 2)))
    )
    assert reading["lengths"].tolist() == [0, 1]


def test_a_text_without_tokens_has_none(zoo, opened):
    reading = ask(opened(zoo("Bert", "ForMaskedLM")), TokenLogProb((" ",)))
    assert reading["lengths"].tolist() == [0]
    assert reading["logprob"].size == 0


# Who answers -----------------------------------------------------------------------


def test_an_encoder_without_a_head_gives_a_reason(zoo, opened):
    card = opened(zoo("Bert", "Model")).card
    assert not {"token_logprob", "span_logprob"} & set(card.entry.reads)
    assert "random head is never scored" in card.why_not["token_logprob"]


def test_attention_needs_the_unmasked_text():
    with pytest.raises(ValueError, match="mask='none'"):
        TokenLogProb(TEXTS, mask="each", attention=True)


def test_settings_and_rows_say_all_that_determines_an_answer():
    request = TokenLogProb(TEXTS, mask="none", attention=True, start="none")
    assert request.settings == {"mask": "none", "attention": "true", "start": "none"}
    assert request.take([1]) == TokenLogProb(TEXTS[1:2], "none", True, "none")
    spans = SpanLogProb(TEXTS[:2], ((0, 3), (1, 2)))
    assert spans.row_keys() == ("0:3", "1:2")
    assert spans.take([1]) == SpanLogProb(TEXTS[1:2], ((1, 2),))
