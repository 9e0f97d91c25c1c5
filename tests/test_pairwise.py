"""Next-sentence heads, and tokens that are masked together."""

import json
import shutil

import numpy as np
import pytest

from fairaudit.cache import Cache
from fairaudit.errors import AuditError
from fairaudit.model import (
    Ask,
    JointLogProb,
    NextSentence,
    TokenLogProb,
    shared_tokens,
)
from fairaudit.models import following
from fairaudit.reading import read

FIRST = (
    "the nurse said she was tired",
    "bad weather",
    "the old man walked to the market because food was good",
)
SECOND = (
    "he was late",
    "the doctor called the clinic and the patient",
    "she is kind !",
)
PAIRS = tuple((a, b) for a in FIRST for b in SECOND)
REQUEST = NextSentence(*zip(*PAIRS, strict=True))


def knowing_pairs(path):
    """Let the tokenizer of a model put its separator between two texts."""
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(path)
    names = ("[CLS]", tokenizer.cls_token_id), ("[SEP]", tokenizer.sep_token_id)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=list(names),
    )
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def paired(zoo, tmp_path_factory):
    """Return a checkpoint with a language-model and a next-sentence head."""
    path = tmp_path_factory.mktemp("paired") / "both"
    shutil.copytree(zoo("Bert", "ForPreTraining"), path)
    return knowing_pairs(path)


def without(path, part, tmp_path):
    """Copy a checkpoint, without the tensors that have `part` in their name."""
    from safetensors.numpy import load_file, save_file

    copy = tmp_path / "copy"
    shutil.copytree(path, copy)
    tensors = load_file(copy / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if part not in name}
    assert len(kept) < len(tensors)
    save_file(kept, copy / "model.safetensors", {"format": "pt"})
    return copy


def ask(model, request):
    where = np.arange(len(request.texts))
    return model.read(request.texts, [Ask(request, where)])[0]


def follows(path, first, second):
    """Log-probability that one text follows another, by transformers alone."""
    import torch
    from transformers import AutoTokenizer, BertForNextSentencePrediction

    tokenizer = AutoTokenizer.from_pretrained(path)
    network = BertForNextSentencePrediction.from_pretrained(path).eval()
    inputs = tokenizer(first, second, return_tensors="pt", return_token_type_ids=True)
    assert inputs["token_type_ids"].unique().tolist() == [0, 1]
    with torch.no_grad():
        return float(network(**inputs).logits[0].log_softmax(-1)[0])


def test_the_head_of_the_checkpoint_answers(paired, opened, monkeypatch):
    model = opened(paired)
    assert {"next_sentence", "token_logprob"} <= set(model.card.entry.reads)
    expected = [follows(paired, *pair) for pair in PAIRS]
    found = ask(model, REQUEST)
    np.testing.assert_allclose(found["logprob"], expected, atol=1e-5)
    assert np.ptp(expected) > 0.01, "the check needs answers that differ"
    assert not found["truncated"].any()
    monkeypatch.setattr(following, "TOKENS", 1)
    np.testing.assert_allclose(ask(model, REQUEST)["logprob"], expected, atol=1e-5)


def test_answers_do_not_depend_on_the_batch_and_are_cached(paired, opened, tmp_path):
    both = [REQUEST, TokenLogProb(FIRST, mask="none")]
    alone = [ask(opened(paired), request) for request in both]
    for size in (1, 4096):
        found, cost = read(opened(paired), both, Cache(tmp_path / str(size)), size)
        assert cost.forward_passes == len(FIRST)
        for one, other in zip(found, alone, strict=True):
            for name, column in other.items():
                np.testing.assert_allclose(one[name], column, atol=1e-5)
        again, cost = read(opened(paired), both, Cache(tmp_path / str(size)), size)
        assert cost.forward_passes == 0
        np.testing.assert_array_equal(again[0]["logprob"], found[0]["logprob"])


def test_a_model_that_was_saved_with_this_head_alone_answers(zoo, opened, tmp_path):
    path = tmp_path / "alone"
    shutil.copytree(zoo("Bert", "ForNextSentencePrediction"), path)
    model = opened(knowing_pairs(path))
    assert "token_logprob" not in model.card.entry.reads
    found = ask(model, REQUEST.take([4]))["logprob"]
    np.testing.assert_allclose(found, [follows(path, *PAIRS[4])], atol=1e-5)


@pytest.mark.parametrize("part", ["cls.seq_relationship", "pooler"])
def test_a_head_that_is_not_in_the_checkpoint_is_never_scored(
    paired, opened, tmp_path, part
):
    card = opened(without(paired, part, tmp_path)).card
    assert "next_sentence" not in card.entry.reads
    assert "random head is never scored" in card.why_not["next_sentence"]


@pytest.mark.parametrize(
    ("family", "head"),
    [
        *(("Bert", "ForMaskedLM"), ("Bert", "Model")),
        *(("Albert", "ForPreTraining"), ("GPT2", "LMHeadModel")),
    ],
)
def test_other_models_give_a_reason(zoo, opened, family, head):
    card = opened(zoo(family, head)).card
    assert "next_sentence" not in card.entry.reads
    assert "no next-sentence head" in card.why_not["next_sentence"]


def test_a_head_of_another_shape_is_refused(paired, opened, tmp_path):
    from safetensors.numpy import load_file, save_file

    path = tmp_path / "bent"
    shutil.copytree(paired, path)
    tensors = load_file(path / "model.safetensors")
    tensors["cls.seq_relationship.weight"] = np.zeros((3, 16), dtype=np.float32)
    save_file(tensors, path / "model.safetensors", {"format": "pt"})
    with pytest.raises(AuditError, match=r"seq_relationship|cannot be loaded"):
        ask(opened(path), REQUEST)


def test_pairs_longer_than_the_model_are_marked(paired, opened):
    long = "the " * 40
    request = NextSentence((long, long, "bad"), (long, "the " * 21, "cold"))
    found = ask(opened(paired), request)
    assert found["truncated"].tolist() == [True, False, False]
    assert np.isfinite(found["logprob"]).all()


def test_a_tokenizer_that_knows_no_pairs_is_refused(zoo, opened):
    model = opened(zoo("Bert", "ForPreTraining"))
    with pytest.raises(AuditError, match="nothing between two texts"):
        ask(model, REQUEST)


def test_a_request_says_all_that_determines_its_answers():
    assert len(set(zip(REQUEST.texts, REQUEST.row_keys(), strict=True))) == len(PAIRS)
    assert REQUEST.take([4, 0]) == NextSentence(
        (FIRST[1], FIRST[0]), (SECOND[1], SECOND[0])
    )
    with pytest.raises(ValueError, match="one for each text"):
        NextSentence(("a",), ())
    joint = JointLogProb(("a", "b c"), (("a", "b c"),) * 2)
    assert joint.take([1]) == JointLogProb(("b c",), (("a", "b c"),))
    other = JointLogProb(("a", "b c"), (("a", "b c"), ("b c", "a")))
    assert len(set(other.row_keys())) == 2
    with pytest.raises(ValueError, match="one of its pair"):
        JointLogProb(("a",), (("b", "c"),))


# Tokens that are masked together ---------------------------------------------------

MORE = ("the nurse said she was tired", "the old man was bad", "bad weather")
LESS = ("the doctor said he was late", "the unhappy young woman was bad", "bad weather")
TOGETHER = tuple(zip(MORE, LESS, strict=True))


def by_hand(path, text, pair):
    """Mask what the other text of the pair has not, and read it, one text at a time."""
    import torch
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(path)
    network = AutoModelForMaskedLM.from_pretrained(path).eval()
    both = [np.array(tokenizer(each)["input_ids"])[1:-1] for each in pair]
    shared = shared_tokens(*both)[pair.index(text)]
    ids = torch.tensor(tokenizer(text)["input_ids"])
    places = torch.from_numpy(np.flatnonzero(~shared) + 1)
    masked = ids.clone()
    masked[places] = tokenizer.mask_token_id
    with torch.no_grad():
        logits = network(input_ids=masked[None]).logits[0]
    return logits.log_softmax(-1)[places, ids[places]].tolist()


@pytest.mark.parametrize("family", ["Bert", "Roberta"])
@pytest.mark.parametrize("size", [1, 4096])
def test_modified_tokens_do_not_see_one_another(zoo, opened, family, size):
    path = zoo(family, "ForMaskedLM")
    texts, pairs = (*MORE, *LESS), TOGETHER * 2
    (found,), _ = read(opened(path), [JointLogProb(texts, pairs)], Cache(None), size)
    rows = zip(texts, pairs, strict=True)
    expected = [by_hand(path, text, pair) for text, pair in rows]
    assert found["lengths"].tolist() == list(map(len, expected))
    assert found["lengths"].min() == 0
    assert found["lengths"].max() > 2
    flat = [value for row in expected for value in row]
    np.testing.assert_allclose(found["logprob"], flat, atol=1e-5)
    columns = (np.repeat(texts, found["lengths"]), found["start"], found["end"])
    words = [text[begin:end] for text, begin, end in zip(*columns, strict=True)]
    assert not {"the", "was", "said"} & {word.strip() for word in words}


def test_a_causal_model_masks_nothing_together(zoo, opened):
    card = opened(zoo("GPT2", "LMHeadModel")).card
    assert "joint_logprob" not in card.entry.reads
    assert "no mask" in card.why_not["joint_logprob"]
    assert json.dumps(card.why_not)
