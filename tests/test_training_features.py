"""A head trained on cached features is the head of an ordinary model directory."""

import json
import shutil
from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest

from fairaudit.models.checkpoint import TRAINING_CARD
from fairaudit.recipe import Recipe, select
from fairaudit.training import fine_tune, loop
from tests.test_training import notes, probabilities, weights

HEAD = Recipe(
    epochs=2,
    learning_rate=1e-2,
    batch_size=16,
    held_out=0.25,
    freeze="encoder",
    device="cpu",
)
VIEWS = {
    "Bert": "pooled",
    "Albert": "pooled",
    "Roberta": "first",
    "DistilBert": "first",
    "Electra": "first",
    "MPNet": "first",
    "DebertaV2": "first",
    "GPT2": "last",
}


@pytest.fixture
def learnt(monkeypatch):
    """Keep what the training found on the held-out rows."""
    kept = []
    original = loop.learn

    def keep(*arguments):
        kept.append(original(*arguments))
        return kept[-1]

    monkeypatch.setattr(loop, "learn", keep)
    return kept


@pytest.mark.parametrize("family", VIEWS)
def test_the_saved_model_gives_the_logits_of_the_head_on_the_features(
    zoo, opened, tmp_path, learnt, family
):
    from scipy.special import softmax

    start = zoo(family, "Model", scale=1.0)
    data = notes(60)
    card = fine_tune(str(start), data, HEAD, tmp_path / "out")
    assert card.training["encoder_features_cached"] is True
    rows = select(data, HEAD)
    found = probabilities(
        opened(tmp_path / "out"), [data.texts[row] for row in rows.held_out]
    )
    np.testing.assert_allclose(found, softmax(learnt[0].logits, axis=1), atol=1e-5)


@pytest.mark.parametrize("family", ["Bert", "Roberta", "GPT2"])
def test_only_the_head_has_changed(zoo, tmp_path, family):
    from safetensors.torch import load_file

    start = zoo(family, "Model", scale=1.0)
    fine_tune(str(start), notes(60), HEAD, tmp_path / "out")
    before = load_file(start / "model.safetensors")
    after = load_file(tmp_path / "out" / "model.safetensors")
    prefix = {"Bert": "bert.", "Roberta": "roberta.", "GPT2": "transformer."}[family]
    body = {
        name.removeprefix(prefix): tensor
        for name, tensor in after.items()
        if name.startswith(prefix)
    }
    assert len(body) < len(after)
    for name, tensor in body.items():
        assert (tensor == before[name]).all(), name


def test_the_encoder_reads_each_text_once(zoo, tmp_path, monkeypatch):
    from transformers import BertModel

    start = zoo("Bert", "Model", scale=1.0)
    data = notes(60)
    data = replace(data, texts=data.texts[:30] * 2, labels=np.tile(data.labels[:30], 2))
    read = []
    original = BertModel.forward

    def count(self, *arguments, **named):
        read.append(len(arguments[0] if arguments else named["input_ids"]))
        return original(self, *arguments, **named)

    monkeypatch.setattr(BertModel, "forward", count)
    seen = []
    fine_tune(
        str(start), data, HEAD, tmp_path / "out", watch=lambda *step: seen.append(step)
    )
    assert seen[0] == ("reading texts", 30, 30)
    # Beside all 30 once: two looks at 8 texts, to find what the head reads.
    assert sum(read) == 30 + 2 * 8


def test_an_interrupted_run_does_not_read_again(zoo, tmp_path):
    start = zoo("Bert", "Model", scale=1.0)
    seen = []

    def stop(what, done, _total):
        if what.startswith("training"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fine_tune(str(start), notes(60), HEAD, tmp_path / "out", watch=stop)
    fine_tune(
        str(start),
        notes(60),
        HEAD,
        tmp_path / "out",
        watch=lambda what, *_: seen.append(what),
    )
    assert "reading texts" not in seen
    fine_tune(str(start), notes(60), HEAD, tmp_path / "whole")
    assert weights(tmp_path / "out") == weights(tmp_path / "whole")


def test_a_head_that_reads_more_than_one_state_is_trained_all_the_same(
    zoo, opened, tmp_path, monkeypatch
):
    """Where no view gives the network's own logits, nothing is cached."""
    from fairaudit.training.features import Encoder

    monkeypatch.setattr(Encoder, "view", lambda _self: None)
    start = zoo("Roberta", "Model", scale=1.0)
    card = fine_tune(str(start), notes(60), HEAD, tmp_path / "out")
    assert card.training["encoder_features_cached"] is False
    found = probabilities(opened(tmp_path / "out"), notes(60).texts[:4])
    np.testing.assert_allclose(found.sum(1), 1)


def test_a_view_that_gives_other_logits_is_not_taken(zoo):
    """A head over the mean of all states reads none of the views."""
    import torch

    from fairaudit.training.features import Encoder

    class Mean(torch.nn.Module):
        base_model_prefix = "distilbert"

        def __init__(self, base):
            super().__init__()
            self.distilbert = base

        @property
        def base_model(self):
            return self.distilbert

        def forward(self, input_ids=None, **inputs):
            states = self.distilbert(input_ids, **inputs).last_hidden_state
            return Namespace(logits=states.mean(1)[:, :2])

    network, encode, counts = classifier(zoo("DistilBert", "Model", scale=1.0))
    device = torch.device("cpu")
    assert Encoder(network, encode, counts, device, bfloat16=False).view() == "first"
    mean = Mean(network.distilbert)
    assert Encoder(mean, encode, counts, device, bfloat16=False).view() is None


def classifier(path):
    """Load a network under a fresh head, with a few texts of unequal lengths."""
    from fairaudit.models import ModelOptions
    from fairaudit.models.checkpoint import open_checkpoint
    from fairaudit.models.network import load_tokenizer, load_trainable

    checkpoint = open_checkpoint(path, ModelOptions())
    network = load_trainable(checkpoint, ("a", "b"))
    tokenizer = load_tokenizer(checkpoint, ModelOptions())
    texts = notes(12).texts
    counts = np.array([len(ids) for ids in tokenizer(list(texts))["input_ids"]])

    def encode(chosen):
        found = tokenizer([texts[i] for i in chosen], padding=True, return_tensors="pt")
        return {k: found[k] for k in ("input_ids", "attention_mask")}

    return network, encode, counts


def test_a_pooler_that_the_encoder_lacks_learns_with_the_head(zoo, tmp_path):
    from safetensors.torch import load_file

    start = zoo("Bert", "ForMaskedLM", scale=1.0)
    for name, epochs in (("short", 1), ("long", 4)):
        recipe = replace(HEAD, epochs=epochs)
        card = fine_tune(str(start), notes(60), recipe, tmp_path / name)
        assert card.training["encoder_features_cached"] is True
    short, long = (
        load_file(tmp_path / name / "model.safetensors") for name in ("short", "long")
    )
    pooler, other = "bert.pooler.dense.weight", "bert.encoder.layer.0.output.dense.bias"
    assert (short[pooler] != long[pooler]).any()
    assert (short[other] == long[other]).all()


def test_a_pooler_learns_alike_from_cached_states_and_from_texts(
    zoo, tmp_path, monkeypatch
):
    """Without dropout, what is cached is what would be computed."""
    from safetensors.torch import load_file

    from fairaudit.training.features import Encoder

    start = zoo("Bert", "ForMaskedLM", scale=1.0)
    config = json.loads((start / "config.json").read_text())
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    place = tmp_path / "start"
    shutil.copytree(start, place)
    (place / "config.json").write_text(json.dumps({**config, **still}))
    fine_tune(str(place), notes(60), HEAD, tmp_path / "cached")
    monkeypatch.setattr(Encoder, "view", lambda _self: None)
    card = fine_tune(str(place), notes(60), HEAD, tmp_path / "whole")
    assert card.training["encoder_features_cached"] is False
    cached, whole = (
        load_file(tmp_path / name / "model.safetensors") for name in ("cached", "whole")
    )
    for name, tensor in whole.items():
        np.testing.assert_allclose(cached[name], tensor, rtol=1e-3, atol=1e-4)


def test_the_card_says_how_the_features_came(zoo, tmp_path):
    start = zoo("Bert", "Model", scale=1.0)
    fine_tune(str(start), notes(60), HEAD, tmp_path / "out")
    stored = json.loads((tmp_path / "out" / TRAINING_CARD).read_text())
    assert stored["recipe"]["freeze"] == "encoder"
    assert stored["training"]["encoder_features_cached"] is True
