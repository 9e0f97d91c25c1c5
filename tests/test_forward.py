import warnings
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairaudit.errors import AuditError
from fairaudit.model import Ask, Embed, Predict, Sensitivity

TEXTS = (
    "the nurse said she was tired and the doctor said he was late",
    "bad cold !",
    "zebra Ünwanted, <she> is UNHAPPY",
    "a patient called the clinic because the pain was bad , bad , bad",
)
LENGTH = 64
FAMILIES = (
    *("Bert", "Albert", "Electra", "DistilBert"),
    *("MPNet", "DebertaV2", "Roberta", "GPT2"),
)


def answer(model, request):
    where = np.arange(len(request.texts))
    return model.read(request.texts, [Ask(request, where)])[0]


def probabilities(model, texts=TEXTS):
    return answer(model, Predict(tuple(texts)))["probabilities"]


@cache
def plain(path):
    """Tokenizer and network as transformers alone loads them."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    auto = transformers.AutoModelForSequenceClassification
    return tokenizer, auto.from_pretrained(path)


def direct(path, text):
    """One text through transformers alone."""
    import torch

    tokenizer, network = plain(path)
    with torch.no_grad():
        out = network(**tokenizer(text, return_tensors="pt"), output_hidden_states=True)
    return tokenizer, out


@pytest.mark.parametrize("family", FAMILIES)
def test_probabilities_equal_a_direct_call(zoo, opened, family):
    path = zoo(family)
    found = probabilities(opened(path))
    for text, row in zip(TEXTS, found, strict=True):
        logits = direct(path, text)[1].logits[0].numpy().astype(float)
        expected = np.exp(logits) / np.exp(logits).sum()
        np.testing.assert_allclose(row, expected, atol=1e-5)
    assert np.ptp(found[:, 0]) > 1e-3, "the check needs outputs that differ"
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_equals_one_by_one(zoo, opened, family):
    model = opened(zoo(family))
    spans = tuple((4, 9) for _ in TEXTS)
    together = probabilities(model)
    vectors = answer(model, Embed(TEXTS, spans, pool="mean"))["vectors"]
    for row, text in enumerate(TEXTS):
        np.testing.assert_allclose(
            probabilities(model, [text])[0], together[row], atol=1e-5
        )
        alone = answer(model, Embed((text,), spans[:1], pool="mean"))["vectors"]
        np.testing.assert_allclose(alone[0], vectors[row], atol=1e-5)


def test_padding_changes_nothing(zoo, opened):
    model = opened(zoo("GPT2"))
    short = "bad cold !"
    alone = probabilities(model, [short])[0]
    for other in ("she " * 5, "she " * 40):
        np.testing.assert_allclose(
            probabilities(model, [short, other])[0], alone, atol=1e-5
        )


def test_rows_may_share_and_reorder_texts(zoo, opened):
    model = opened(zoo())
    request = Predict((TEXTS[2], TEXTS[0], TEXTS[2]))
    (found,) = model.read(TEXTS, [Ask(request, np.array([2, 0, 2]))])
    expected = probabilities(model)[[2, 0, 2]]
    np.testing.assert_array_equal(found["probabilities"], expected)


SENTENCE = "the walking man is unwanted , walking unhappy unwanted"
SPAN = (SENTENCE.rindex("unwanted"), len(SENTENCE))


@pytest.mark.parametrize("family", ["Bert", "GPT2", "Roberta"])
@pytest.mark.parametrize("pool", ["last", "first", "mean"])
@pytest.mark.parametrize("layer", [0, 1, 2, -1, -3])
def test_the_vector_of_the_right_sub_tokens(zoo, opened, family, pool, layer):
    path = zoo(family)
    tokenizer, out = direct(path, SENTENCE)
    pieces = tokenizer(" unwanted", add_special_tokens=False)["input_ids"]
    ids = tokenizer(SENTENCE)["input_ids"]
    starts = [at for at in range(len(ids)) if ids[at : at + len(pieces)] == pieces]
    assert len(pieces) > 1, "the check needs a word of several sub-tokens"
    assert len(starts) == 2, "the check needs the same sub-tokens earlier"
    states = out.hidden_states[layer][0].numpy()
    part = states[starts[1] : starts[1] + len(pieces)]
    expected = {"last": part[-1], "first": part[0], "mean": part.mean(0)}[pool]
    request = Embed((SENTENCE, "bad"), (SPAN, (0, 3)), layer, pool)
    found = answer(opened(path), request)["vectors"]
    np.testing.assert_allclose(found[0], expected, atol=1e-5)
    earlier = states[starts[0] : starts[0] + len(pieces)]
    other = {"last": earlier[-1], "first": earlier[0], "mean": earlier.mean(0)}[pool]
    assert np.abs(found[0] - other).max() > 1e-3


def test_a_span_of_two_texts_of_one_sentence(zoo, opened):
    """Two spans of one text come from one pass."""
    model = opened(zoo("Bert", "Model"))
    first = SENTENCE.index("unwanted")
    spans = (SPAN, (first, first + len("unwanted")))
    request = Embed((SENTENCE, SENTENCE), spans)
    (found,) = model.read((SENTENCE,), [Ask(request, np.array([0, 0]))])
    alone = [answer(model, Embed((SENTENCE,), (span,)))["vectors"][0] for span in spans]
    np.testing.assert_array_equal(found["vectors"], alone)
    assert np.abs(alone[0] - alone[1]).max() > 1e-3


@pytest.mark.parametrize("layer", [3, -4, 99])
def test_a_layer_that_is_not_there(zoo, opened, layer):
    request = Embed((SENTENCE,), (SPAN,), layer)
    with pytest.raises(AuditError, match=rf"no layer {layer}.*0 .* to 2"):
        answer(opened(zoo()), request)


# Texts that are longer than the model reads ------------------------------------------

LONG = "she " * 70 + "nurse " + "bad " * 40 + "cold " + "the " * 60 + "clinic"
LONG_SPANS = tuple(
    (LONG.index(word), LONG.index(word) + len(word))
    for word in ("she", "nurse", "cold", "clinic")
)


def window_of(path, text, span):
    """The tokens that are to be read for a span, and the last one's state, by hand."""
    import torch
    import transformers

    tokenizer, _ = plain(path)
    network = transformers.AutoModel.from_pretrained(path).eval()
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
    begin, end = (
        ([], [])
        if tokenizer.cls_token_id is None
        else (
            [tokenizer.cls_token_id],
            [tokenizer.sep_token_id],
        )
    )
    first, *rest = [
        at for at, (a, b) in enumerate(offsets) if a < span[1] and b > span[0]
    ]
    last = rest[-1] if rest else first
    room = opened_limit(path) - len(begin) - len(end)
    left = first - (room - (last - first + 1)) // 2
    left = min(max(left, 0), len(ids) - room)
    chosen = [*begin, *ids[left : left + room], *end]
    with torch.no_grad():
        states = network(input_ids=torch.tensor([chosen])).last_hidden_state[0]
    return left, states[len(begin) + last - left].numpy()


def opened_limit(path):
    return LENGTH - (2 if "Roberta" in path.name or "MPNet" in path.name else 0)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_long_text_is_read_around_each_span(zoo, opened, family):
    path = zoo(family)
    found = answer(opened(path), Embed((LONG,) * 4, LONG_SPANS))
    lefts = []
    for span, vector in zip(LONG_SPANS, found["vectors"], strict=True):
        left, expected = window_of(path, LONG, span)
        np.testing.assert_allclose(vector, expected, atol=1e-5)
        lefts.append(left)
    assert lefts == sorted(set(lefts)), "the check needs different windows"
    assert found["windowed"].tolist() == [True] * 4
    assert found["truncated"].tolist() == [False] * 4


def test_spans_of_a_long_text_may_come_in_any_order_and_with_other_texts(zoo, opened):
    model = opened(zoo("Bert", "Model"))
    alone = [
        answer(model, Embed((LONG,), (span,)))["vectors"][0] for span in LONG_SPANS
    ]
    texts = (LONG, "bad cold !", LONG, LONG, "a nurse")
    spans = (LONG_SPANS[2], (4, 8), LONG_SPANS[0], LONG_SPANS[2], (2, 7))
    (found,) = model.read(
        ("bad cold !", LONG, "a nurse"),
        [Ask(Embed(texts, spans), np.array([1, 0, 1, 1, 2]))],
    )
    expected = [
        alone[2],
        answer(model, Embed(texts[1:2], spans[1:2]))["vectors"][0],
        alone[0],
        alone[2],
        answer(model, Embed(texts[4:], spans[4:]))["vectors"][0],
    ]
    np.testing.assert_allclose(found["vectors"], expected, atol=1e-5)
    assert found["windowed"].tolist() == [True, False, True, True, False]


@pytest.mark.parametrize("batch_tokens", [1, 200, 100_000])
def test_windows_do_not_depend_on_the_batch(zoo, opened, batch_tokens, monkeypatch):
    from fairaudit.cache import Cache
    from fairaudit.models import parts
    from fairaudit.reading import read

    model = opened(zoo("Roberta"))
    texts = (LONG, *TEXTS, LONG[1:], LONG)
    spans = (LONG_SPANS[1], *((4, 9) for _ in TEXTS), (280, 285), LONG_SPANS[3])
    requests = [Embed(texts, spans), Embed(texts, spans, 1, "mean"), Predict(texts)]
    expected = [answer(model, request) for request in requests]
    monkeypatch.setattr(parts, "TOKENS", 1)
    found, _ = read(model, requests, Cache(None), batch_tokens)
    for one, other in zip(found, expected, strict=True):
        assert set(one) == set(other)
        for name, column in other.items():
            np.testing.assert_allclose(one[name], column, atol=1e-5)


def test_a_window_serves_all_layers_and_spans_in_it(zoo, opened):
    """Only windows are read of a text about which nothing else is asked."""
    model = opened(zoo("Bert", "ForMaskedLM"))
    shapes = []
    network = model._runner.network.base_model
    handle = network.register_forward_hook(
        lambda _m, _a, out: shapes.append(tuple(out.last_hidden_state.shape[:2]))
    )
    asks = [
        Ask(Embed((LONG, LONG), (span, span), layer), np.array([0, 0]))
        for layer in (0, 1, -1)
        for span in LONG_SPANS[1:3]
    ]
    model.read((LONG,), asks)
    handle.remove()
    assert shapes == [(2, LENGTH)]


@pytest.mark.parametrize("pool", ["last", "first", "mean"])
def test_a_span_longer_than_the_model_is_read_in_part(zoo, opened, pool):
    path = zoo("Bert", "Model")
    model = opened(path)
    request = Embed((LONG, LONG), ((0, len(LONG)), LONG_SPANS[1]), pool=pool)
    found = answer(model, request)
    assert found["truncated"].tolist() == [True, False]
    assert found["windowed"].tolist() == [True, True]
    words = LONG.split()
    part = words[-(LENGTH - 2) :] if pool == "last" else words[: LENGTH - 2]
    text = " ".join(part)
    alone = answer(model, Embed((text,), ((0, len(text)),), pool=pool))
    np.testing.assert_allclose(found["vectors"][0], alone["vectors"][0], atol=1e-5)
    assert alone["truncated"].tolist() == [False]


def test_the_first_position_of_a_long_text_is_that_of_its_beginning(zoo, opened):
    model = opened(zoo("Bert", "Model"))
    request = Embed((LONG, "bad"), (LONG_SPANS[3], (0, 3)), pool="cls")
    found = answer(model, request)
    assert found["truncated"].tolist() == [True, False]
    assert found["windowed"].tolist() == [False, False]
    begin = " ".join(LONG.split()[: LENGTH - 2])
    alone = answer(model, Embed((begin,), ((0, 3),), pool="cls"))
    np.testing.assert_allclose(found["vectors"][0], alone["vectors"][0], atol=1e-5)


@given(
    tokens=st.integers(1, 30),
    lead=st.integers(0, 2),
    tail=st.integers(0, 2),
    room=st.integers(1, 12),
    span=st.tuples(st.integers(0, 29), st.integers(1, 30)),
    pool=st.sampled_from(["last", "mean"]),
)
def test_windows_hold_the_span_and_are_as_large_as_can_be(
    tokens, lead, tail, room, span, pool
):
    from fairaudit.models.windows import Whole

    begin, end = min(span[0], tokens - 1), min(span[0] + span[1], tokens)
    at = np.arange(tokens)
    offsets = np.pad(np.column_stack([at, at + 1]), ((lead, tail), (0, 0)))
    special = np.pad(np.zeros(tokens, bool), (lead, tail), constant_values=True)
    inputs = {"input_ids": np.arange(lead + tokens + tail)}
    whole = Whole(inputs, offsets, special, lead + room + tail)
    (first,), (cut,) = whole.begins(np.array([[begin, end]]), pool)
    columns = whole.columns(int(first))
    own = columns[lead : len(columns) - tail] - lead
    assert len(columns) == lead + min(room, tokens) + tail
    assert own.tolist() == list(range(own[0], own[0] + len(own)))
    assert cut == (end - begin > room)
    if cut:
        assert own[-1] == end - 1 if pool == "last" else own[0] == begin
    else:
        assert own[0] <= begin <= end - 1 <= own[-1]
        left, right = begin - own[0], own[-1] - (end - 1)
        centred = abs(left - right) <= 1
        assert centred or own[0] == 0 or own[-1] == tokens - 1


@pytest.mark.parametrize(
    ("family", "head", "name"),
    [
        *(("Bert", "ForMaskedLM", "cls"), ("Roberta", "ForMaskedLM", "lm_head")),
        *(("GPT2", "LMHeadModel", "lm_head"), ("DebertaV2", "ForMaskedLM", "cls")),
    ],
)
def test_vectors_alone_cost_no_logits(zoo, opened, family, head, name):
    import torch

    model = opened(zoo(family, head))
    network, runner = model._runner.network, model._runner
    calls = []
    handle = getattr(network, name).register_forward_hook(lambda *_: calls.append(1))
    spans = tuple((4, 9) for _ in TEXTS)
    found = answer(model, Embed(TEXTS, spans, pool="first"))["vectors"]
    assert not calls
    with torch.no_grad():
        batch = runner.encode(TEXTS)
        whole = network(**batch.inputs, output_hidden_states=True).hidden_states[-1]
    handle.remove()
    assert calls
    inside = batch.text & (batch.offsets[..., 0] < 9) & (batch.offsets[..., 1] > 4)
    first = inside.argmax(1)
    expected = whole[torch.arange(len(TEXTS)), torch.from_numpy(first)]
    np.testing.assert_array_equal(found, expected.numpy())


def test_an_empty_span_has_no_vector(zoo, opened):
    request = Embed(("bad cold", "bad cold"), ((3, 4), (0, 3)), pool="mean")
    found = answer(opened(zoo()), request)["vectors"]
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()


@pytest.mark.parametrize(
    ("family", "special"), [("Bert", 2), ("Roberta", 2), ("GPT2", 0), ("MPNet", 2)]
)
def test_truncated_says_what_was_cut(zoo, opened, family, special):
    model = opened(zoo(family))
    limit = LENGTH - (2 if family in {"Roberta", "MPNet"} else 0)
    room = limit - special
    texts = ("the " + "the " * (room - 1), "the " + "the " * room, "the")
    found = answer(model, Predict(texts))
    assert found["truncated"].tolist() == [False, True, False]
    assert model.token_counts(texts).tolist() == [limit, limit, 1 + special]


def test_what_was_cut_changes_nothing(zoo, opened):
    model = opened(zoo())
    long = "the " * 62
    found = probabilities(model, [long, long + "bad " * 20])
    np.testing.assert_array_equal(found[0], found[1])


def test_counting_long_texts_says_nothing(zoo, opened, capfd, caplog):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened(zoo()).token_counts(["the " * 500])
    assert capfd.readouterr().err == ""
    assert not caplog.records


def test_multi_label_outputs_are_independent(zoo, opened):
    path = zoo("Bert", problem_type="multi_label_classification", num_labels=3)
    found = probabilities(opened(path))
    for text, row in zip(TEXTS, found, strict=True):
        logits = direct(path, text)[1].logits[0].numpy().astype(float)
        np.testing.assert_allclose(row, 1 / (1 + np.exp(-logits)), atol=1e-5)
    assert np.abs(found.sum(1) - 1).max() > 0.01


def test_a_gpt_without_padding_token_classifies(zoo, opened):
    import transformers

    path = zoo("GPT2")
    assert transformers.AutoTokenizer.from_pretrained(path).pad_token is None
    found = probabilities(opened(path), ["bad", "the " * 30, "good day"])
    assert np.isfinite(found).all()


@pytest.mark.parametrize("head", ["Model", "ForMaskedLM"])
def test_a_model_without_head_predicts_nothing(zoo, opened, head):
    with pytest.raises(AuditError, match="no class probabilities"):
        answer(opened(zoo("Bert", head)), Predict(TEXTS))


def test_heads_give_the_same_vectors(zoo, opened):
    """A masked LM and the bare encoder with its weights embed alike."""
    from safetensors.torch import load_file

    path = zoo("Bert", "ForMaskedLM")
    assert any(
        name.startswith("cls.") for name in load_file(path / "model.safetensors")
    )
    request = Embed((SENTENCE,), (SPAN,), pool="mean")
    found = answer(opened(path), request)["vectors"][0]
    import torch
    import transformers

    network = transformers.AutoModel.from_pretrained(path, add_pooling_layer=False)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    encoded = tokenizer(SENTENCE, return_tensors="pt")
    with torch.no_grad():
        state = network(**encoded).last_hidden_state[0].numpy()
    last = [at for at, word in enumerate(encoded.word_ids()) if word == 8]
    assert len(last) > 1
    np.testing.assert_allclose(found, state[last].mean(0), atol=1e-5)


def test_sensitivity_without_a_psm_is_refused(zoo, opened):
    with pytest.raises(AuditError, match="--psm"):
        answer(opened(zoo()), Sensitivity(TEXTS))


def test_bfloat16_is_near(zoo, opened):
    exact = probabilities(opened(zoo()))
    near = probabilities(opened(zoo(), dtype="bfloat16"))
    np.testing.assert_allclose(near, exact, atol=0.05)
    assert (near != exact).any()
