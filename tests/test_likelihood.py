"""Log-probabilities of tokens against plain one-by-one transformers."""

from functools import cache

import numpy as np
import pytest
import torch

from fairaudit.cache import Cache
from fairaudit.errors import AuditError
from fairaudit.model import (
    Ask,
    Fill,
    SpanLogProb,
    TokenLogProb,
    filled,
    fills,
    shared_tokens,
)
from fairaudit.models import attention, head, masked, slots
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
    monkeypatch.setattr(masked, "TOKENS", 1)
    monkeypatch.setattr(head, "LOGITS", 1)
    monkeypatch.setattr(slots, "CELLS", 1)
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


def passes(model, requests, texts):
    """Count the inputs that go through the network for requests about some texts."""
    seen = []
    handle = model._runner.network.get_input_embeddings().register_forward_hook(
        lambda _m, args, _o: seen.append(len(args[0]))
    )
    for request in requests:
        model.read(texts, [Ask(request, np.arange(len(texts)))])
    handle.remove()
    return sum(seen)


def test_equal_inputs_go_through_the_network_once(zoo, opened):
    model = opened(zoo("Bert", "ForMaskedLM"))
    texts = ("she is a nurse", "he is a nurse")
    ask(model, TokenLogProb(texts))
    words = SpanLogProb(texts, ((0, 3), (0, 2)))
    assert passes(model, [words], texts) == 1, "with the word masked they are equal"
    assert passes(model, [TokenLogProb(texts)], texts) == 2 * 4 - 1
    alone = [ask(model, words.take([row]))["logprob"] for row in (0, 1)]
    np.testing.assert_allclose(ask(model, words)["logprob"], np.concatenate(alone))
    assert alone[0] != alone[1]


@pytest.mark.parametrize("family", ["Bert", "Roberta"])
def test_only_tokens_that_stand_in_the_other_text_too(zoo, opened, family):
    model = opened(zoo(family, "ForMaskedLM"))
    texts = (
        *TEXTS,
        "the doctor said he was tired",
        "he walked to the market",
        " ",
        "a",
    )
    first, second = texts[:4], texts[4:]
    pairs = tuple(zip(first, second, strict=True))
    request = TokenLogProb(first + second, pairs=pairs + pairs)
    some, every = ask(model, request), ask(model, TokenLogProb(request.texts))
    tokens = rows_of(every, "token")
    both = [shared_tokens(tokens[row], tokens[row + 4]) for row in range(4)]
    marks = [mine for mine, _ in both] + [other for _, other in both]
    chosen = np.concatenate(marks)
    assert 0 < chosen.sum() < len(chosen)
    assert some["lengths"].tolist() == [int(mark.sum()) for mark in marks]
    for name in ("token", "start", "end", "top1"):
        np.testing.assert_array_equal(some[name], every[name][chosen])
    np.testing.assert_allclose(some["logprob"], every["logprob"][chosen], **CLOSE)
    inputs = passes(model, [request], request.texts)
    assert inputs <= chosen.sum()


def test_pairs_belong_to_the_row():
    request = TokenLogProb(("a", "b"), pairs=(("a", "c"), ("d", "b")))
    assert request.settings["tokens"] == "shared"
    assert request.settings != TokenLogProb(("a", "b")).settings
    assert request.row_keys() == ("1:ac", "1:db")
    assert request.take([1]) == TokenLogProb(("b",), pairs=(("d", "b"),))
    with pytest.raises(ValueError, match="one for each"):
        TokenLogProb(("a", "b"), pairs=(("a", "c"),))
    with pytest.raises(ValueError, match="one of its pair"):
        TokenLogProb(("a",), pairs=(("b", "c"),))
    with pytest.raises(ValueError, match="mask='each'"):
        TokenLogProb(("a",), mask="none", pairs=(("a", "c"),))


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
    for kind in ("span_logprob", "fill"):
        assert "no mask" in model.card.why_not[kind]
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


def veiled(path, text, span, hidden):
    """Reveal a span, one mask in place of each hidden one, by plain transformers."""
    tokenizer, network = plain(path, "AutoModelForMaskedLM")
    encoded = tokenizer(text, return_offsets_mapping=True)
    ids, offsets = encoded["input_ids"], encoded["offset_mapping"]

    def inside(some):
        return [
            at
            for at, (begin, end) in enumerate(offsets)
            if begin < some[1] and end > some[0] and end > begin
        ]

    own, others = inside(span), [inside(some) for some in hidden]
    found = []
    for at in own:
        masked_ids, place = [], None
        for number, token in enumerate(ids):
            if number in own and number > at:
                continue
            if number == at:
                place = len(masked_ids)
            first = [places[0] for places in others if places]
            if number == at or number in first:
                masked_ids.append(tokenizer.mask_token_id)
            elif not any(number in places for places in others):
                masked_ids.append(token)
        found.append(scored(network, masked_ids, place, ids[at])[0])
    return found


@pytest.mark.parametrize("family", MASKED)
def test_hidden_spans_are_one_mask_each(zoo, opened, family):
    path = zoo(family, "ForMaskedLM")
    text = "the unhappy nurse mentioned a market and the clinic"
    words = [
        ("nurse", ["mentioned"]),
        ("mentioned", ["unhappy", "market"]),
        ("clinic", ["unhappy", "mentioned", "market"]),
        ("unhappy", []),
    ]

    def place(word):
        return (text.index(word), text.index(word) + len(word))

    spans = tuple(place(word) for word, _ in words)
    hidden = tuple(tuple(map(place, others)) for _, others in words)
    request = SpanLogProb((text,) * 4, spans, hidden)
    reading = ask(opened(path), request)
    rows = rows_of(reading, "logprob")
    for logprob, span, others in zip(rows, spans, hidden, strict=True):
        np.testing.assert_allclose(logprob, veiled(path, text, span, others), **CLOSE)
    bare = ask(opened(path), SpanLogProb((text,) * 4, spans))
    assert not np.allclose(reading["logprob"][0], bare["logprob"][0])
    np.testing.assert_allclose(rows[3], rows_of(bare, "logprob")[3], **CLOSE)


def test_unknown_words_are_marked(zoo, opened):
    texts = ("she is kind", "she is \u4e2d", "she is kind")
    spans, other = ((0, 3),) * 3, (((7, 11),), ((7, 8),), ())
    model = opened(zoo("Bert", "ForMaskedLM"))
    span, hidden = SpanLogProb(texts, spans), SpanLogProb(texts, spans, other)
    assert ask(model, span)["unknown"].tolist() == [False] * 3
    assert ask(model, hidden)["unknown"].tolist() == [False, True, False]
    own = SpanLogProb(texts, ((7, 11), (7, 8), (7, 11)))
    assert ask(model, own)["unknown"].tolist() == [False, True, False]
    assert ask(model, Fill(texts, spans))["unknown"].tolist() == [False, True, False]
    assert not ask(model, Fill(texts, own.spans))["unknown"].any()
    assert not ask(opened(zoo("Roberta", "ForMaskedLM")), hidden)["unknown"].any()


def test_a_hidden_span_never_overlaps_the_one_asked_for():
    with pytest.raises(ValueError, match="overlaps"):
        SpanLogProb(("she is kind",), ((0, 3),), (((2, 5),),))
    with pytest.raises(ValueError, match="one tuple of spans for each text"):
        SpanLogProb(("a", "b"), ((0, 1), (0, 1)), ((),))


def test_an_empty_span_has_no_tokens(zoo, opened):
    reading = ask(
        opened(zoo("Bert", "ForMaskedLM")), SpanLogProb(TEXTS[:2], ((0, 0), (0, 2)))
    )
    assert reading["lengths"].tolist() == [0, 1]


def test_a_text_without_tokens_has_none(zoo, opened):
    reading = ask(opened(zoo("Bert", "ForMaskedLM")), TokenLogProb((" ",)))
    assert reading["lengths"].tolist() == [0]
    assert reading["logprob"].size == 0


# Fills -----------------------------------------------------------------------------


def likeliest(path, text, span, k):
    """Return the likeliest tokens at one mask, by plain transformers."""
    tokenizer, network = plain(path, "AutoModelForMaskedLM")
    encoded = tokenizer(text, return_offsets_mapping=True)
    ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
    inside = [a < span[1] and b > span[0] and b > a for a, b in offsets]
    at = inside.index(True)
    masked_ids = [
        *ids[:at],
        tokenizer.mask_token_id,
        *(token for token, gone in zip(ids[at:], inside[at:], strict=True) if not gone),
    ]
    with torch.no_grad():
        logits = network(input_ids=torch.tensor([masked_ids])).logits[0, at].double()
    logprobs = logits.log_softmax(-1)
    order = logprobs.argsort(descending=True).tolist()
    kept = [token for token in order if token not in tokenizer.all_special_ids][:k]
    words = [tokenizer.decode([token]).strip() for token in kept]
    return kept, logprobs[kept].numpy(), tuple(words)


@pytest.mark.parametrize("family", MASKED)
def test_fills_are_the_likeliest_single_tokens(zoo, opened, family):
    path = zoo(family, "ForMaskedLM")
    words = ("nurse", "walked", "mentioned", "kind")
    spans = tuple(
        (text.index(word), text.index(word) + len(word))
        for text, word in zip(TEXTS, words, strict=True)
    )
    reading = ask(opened(path), Fill(TEXTS, spans, 4))
    said = fills(reading)
    for row, (text, span) in enumerate(zip(TEXTS, spans, strict=True)):
        tokens, logprobs, expected = likeliest(path, text, span, 4)
        assert reading["id"][row].tolist() == tokens
        np.testing.assert_allclose(reading["logprob"][row], logprobs, **CLOSE)
        assert said[row] == expected
    assert reading["truncated"].tolist() == [False] * 4


def test_fills_come_back_from_the_cache(zoo, opened, tmp_path):
    path, cache = zoo("Roberta", "ForMaskedLM"), Cache(tmp_path)
    request = Fill(TEXTS, ((0, 3), (3, 9), (0, 2), (0, 3)), 3)
    first, _ = read(opened(path), [request], cache, 16)
    second, cost = read(opened(path), [request.take([3, 1])], cache, 64)
    assert cost.forward_passes == 0
    assert [fills(first[0])[row] for row in (3, 1)] == fills(second[0])
    np.testing.assert_array_equal(first[0]["id"][[3, 1]], second[0]["id"])


def test_a_span_that_is_not_read_has_no_fill(zoo, opened):
    model = opened(zoo("Bert", "ForMaskedLM"))
    reading = ask(model, Fill(("she is kind", "he"), ((0, 0), (0, 2)), 2))
    assert reading["id"][0].tolist() == [-1, -1]
    assert np.isnan(reading["logprob"][0]).all()
    assert [len(words) for words in fills(reading)] == [0, 2]


def test_impossible_numbers_of_fills_are_refused(zoo, opened):
    with pytest.raises(ValueError, match="at least 1"):
        Fill(("a",), ((0, 1),), 0)
    model = opened(zoo("Bert", "ForMaskedLM"))
    with pytest.raises(AuditError, match="no 100000 words"):
        ask(model, Fill(("she is kind",), ((0, 3),), 100_000))


def test_words_of_any_letters_survive_the_encoding():
    rows = [["\u00e9t\u00e9", "", "a\0b"], [], ["\U0001f600"]]
    assert fills(filled(rows)) == [
        ("\u00e9t\u00e9", "", "a\ufffdb"),
        (),
        ("\U0001f600",),
    ]
    assert fills(filled([])) == []


# Who answers -----------------------------------------------------------------------


def test_an_encoder_without_a_head_gives_a_reason(zoo, opened):
    card = opened(zoo("Bert", "Model")).card
    for kind in ("token_logprob", "span_logprob", "fill"):
        assert kind not in card.entry.reads
        assert "random head is never scored" in card.why_not[kind]


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
    hidden = SpanLogProb(TEXTS[:2], ((0, 3), (1, 2)), (((4, 5), (7, 9)), ()))
    assert hidden.row_keys() == ("0:3|4:5|7:9", "1:2")
    assert hidden.take([0]) == SpanLogProb(TEXTS[:1], ((0, 3),), (((4, 5), (7, 9)),))
    gaps = Fill(TEXTS[:2], ((0, 3), (1, 2)), 5)
    assert (gaps.settings, gaps.row_keys()) == ({"k": "5"}, ("0:3", "1:2"))
    assert gaps.take([1]) == Fill(TEXTS[1:2], ((1, 2),), 5)
