import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from fairaudit import training
from fairaudit.data import Contexts, Examples, Group
from fairaudit.errors import AuditError
from fairaudit.model import Ask, Predict, Sensitivity
from fairaudit.models import ModelOptions
from fairaudit.models.checkpoint import TRAINING_CARD, open_checkpoint
from fairaudit.recipe import Recipe, select
from fairaudit.result import DatasetEntry
from fairaudit.training import fine_tune, loop
from fairaudit.training.places import replace_directory

WORDS = ("the", "nurse", "doctor", "said", "day", "person", "market", "mother")
RECIPE = Recipe(
    epochs=12, learning_rate=5e-3, batch_size=16, held_out=0.25, device="cpu"
)
GROUPS = replace(RECIPE, task="group", axis="gender")
SHORT = replace(RECIPE, epochs=1)


def notes(n=160, seed=0):
    """Build texts in which one word tells the class and another the group."""
    rng = np.random.default_rng(seed)
    positive, women = np.arange(n) % 2 == 1, np.arange(n) // 2 % 2 == 1
    known = np.arange(n) < n - 4
    texts = []
    for good, woman in zip(positive, women, strict=True):
        words = list(rng.choice(WORDS, rng.integers(3, 7)))
        words.insert(rng.integers(len(words)), "good" if good else "bad")
        words.insert(rng.integers(len(words)), "she" if woman else "he")
        texts.append(" ".join(words))
    sha = hashlib.sha256("\n".join(texts).encode()).hexdigest()
    return Examples(
        card=DatasetEntry(name="notes", kind="examples", n=n, sha256=sha),
        texts=tuple(texts),
        labels=positive.astype(np.int64),
        label_names=("negative", "positive"),
        groups=(
            Group("gender", "men", ~women & known, known),
            Group("gender", "women", women & known, known),
        ),
    )


@pytest.fixture(scope="session")
def encoder(zoo):
    return zoo("Bert", "Model", scale=1.0)


@pytest.fixture(scope="session")
def trained(encoder, tmp_path_factory):
    """A task classifier and a PSM of one encoder, with their cards."""
    place = tmp_path_factory.mktemp("trained")
    data = notes()
    cards = {
        name: fine_tune(str(encoder), data, recipe, place / name)
        for name, recipe in (("task", RECIPE), ("psm", GROUPS))
    }
    return place, cards


def probabilities(model, texts):
    request = Predict(tuple(texts))
    (answer,) = model.read(request.texts, [Ask(request, np.arange(len(texts)))])
    return answer["probabilities"]


def weights(path):
    return (path / "model.safetensors").read_bytes()


@pytest.mark.parametrize(("name", "recipe"), [("task", RECIPE), ("psm", GROUPS)])
def test_a_separable_task_is_learnt_and_the_card_says_so(trained, opened, name, recipe):
    from sklearn.metrics import accuracy_score, roc_auc_score

    place, cards = trained
    data, card = notes(), cards[name]
    rows = select(data, recipe)
    found = probabilities(
        opened(place / name), [data.texts[row] for row in rows.held_out]
    )
    truth = rows.classes[rows.held_out]
    accuracy = accuracy_score(truth, found.argmax(1))
    assert accuracy > 0.9
    assert card.held_out_accuracy == pytest.approx(accuracy)
    assert card.held_out_auc == pytest.approx(roc_auc_score(truth, found[:, 1]))


def test_the_card_on_disk(trained, encoder):
    place, cards = trained
    data = notes()
    stored = json.loads((place / "psm" / TRAINING_CARD).read_text())
    assert stored == open_checkpoint(place / "psm", ModelOptions()).training_card()
    assert stored["held_out_auc"] == cards["psm"].held_out_auc
    assert stored["data"] == {
        "name": "notes",
        "sha256": data.card.sha256,
        "n": 160,
        "rows_sha256": select(data, GROUPS).fingerprint,
    }
    fingerprint = open_checkpoint(encoder, ModelOptions()).fingerprint
    assert stored["encoder"]["fingerprint"] == fingerprint
    assert stored["labels"] == ["men", "women"]
    assert stored["n_left_out"] == 4
    assert stored["n_train"] + stored["n_held_out"] == 156
    assert sum(stored["held_out_counts"].values()) == stored["n_held_out"]
    rows = select(data, GROUPS)
    counts = np.bincount(rows.classes[rows.held_out]).tolist()
    assert list(stored["held_out_counts"].values()) == counts
    assert stored["recipe"]["axis"] == "gender"
    assert stored["recipe"]["seed"] == 0
    assert "156" not in cards["task"].summary()
    assert f"AUC {cards['task'].held_out_auc:.3f}" in cards["task"].summary()


def test_the_result_is_an_ordinary_model_directory(trained, opened):
    place, _ = trained
    model = opened(place / "task", place / "psm")
    assert model.card.labels == ("negative", "positive")
    assert model.card.psm.labels == ("men", "women")
    assert {"embed", "predict", "sensitivity"} <= set(model.card.entry.reads)
    assert sorted(p.name for p in place.iterdir()) == ["psm", "task"]
    inside = {path.name for path in (place / "task").iterdir()}
    assert not inside & {"checkpoints", "features", "lock"}


def test_frozen_embeddings_are_those_of_the_encoder(trained, encoder, opened):
    from safetensors.torch import load_file

    place, _ = trained
    name = "embeddings.word_embeddings.weight"
    before = load_file(encoder / "model.safetensors")
    after = load_file(place / "task" / "model.safetensors")
    assert before[name].numpy().tobytes() == after[f"bert.{name}"].numpy().tobytes()
    other = "encoder.layer.0.output.dense.weight"
    assert (before[other] != after[f"bert.{other}"]).any()
    prints = {
        open_checkpoint(path, ModelOptions()).embedding_fingerprint
        for path in (encoder, place / "task", place / "psm")
    }
    assert len(prints) == 1
    assert opened(place / "task", place / "psm").card.shared_embedding


def test_a_poor_classifier_is_said_to_be_poor(encoder, opened, tmp_path):
    from sklearn.metrics import roc_auc_score

    data, out = notes(80), tmp_path / "poor"
    card = fine_tune(str(encoder), data, SHORT, out)
    rows = select(data, SHORT)
    found = probabilities(opened(out), [data.texts[row] for row in rows.held_out])
    truth = rows.classes[rows.held_out]
    assert 0 < card.held_out_auc < 1
    assert card.held_out_auc == pytest.approx(roc_auc_score(truth, found[:, 1]))


def test_what_the_psm_reads_carries_the_sensitivity(trained, opened):
    """On average the pronoun weighs more than the other words."""
    place, _ = trained
    model = opened(place / "psm", place / "psm")
    texts = notes(40).texts
    (found,) = model.read(texts, [Ask(Sensitivity(texts), np.arange(40))])
    assert np.isfinite(found["absolute"]).all()
    owner = np.repeat(np.arange(40), found["lengths"])
    spans = zip(owner, found["start"], found["end"], strict=True)
    pronoun = np.array([texts[i][a:b] in {"he", "she"} for i, a, b in spans])
    assert pronoun.sum() == 40
    parts = found["contribution"] / found["token"][owner]
    assert parts[pronoun].mean() > 1.5 * parts[~pronoun].mean()


def test_unfrozen_embeddings_are_not_shared(encoder, trained, opened, tmp_path):
    recipe = replace(SHORT, freeze="nothing")
    fine_tune(str(encoder), notes(40), recipe, tmp_path / "free")
    place, _ = trained
    assert not opened(tmp_path / "free", place / "psm").card.shared_embedding


def test_a_frozen_encoder_leaves_all_but_the_head(encoder, tmp_path):
    from safetensors.torch import load_file

    recipe = replace(SHORT, freeze="encoder")
    fine_tune(str(encoder), notes(40), recipe, tmp_path / "head")
    after = load_file(tmp_path / "head" / "model.safetensors")
    for name, tensor in load_file(encoder / "model.safetensors").items():
        assert (after[f"bert.{name}"] == tensor).all(), name
    assert (after["classifier.bias"] != 0).any()


def test_same_seed_same_bytes(encoder, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        recipe = replace(SHORT, seed=seed)
        fine_tune(str(encoder), notes(40), recipe, tmp_path / name)
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert weights(tmp_path / "a") != weights(tmp_path / "c")


def test_another_task_replaces_an_old_head(trained, opened, tmp_path):
    """A classifier may be the start; its head of another size is made anew."""
    place, _ = trained
    data = notes(60)
    three = replace(
        data, labels=np.arange(60) % 3, label_names=("a", "b", "c"), groups=()
    )
    out = tmp_path / "three"
    card = fine_tune(str(place / "task"), three, SHORT, out)
    assert card.held_out_auc is None
    assert set(card.held_out_aucs) == {"a", "b", "c"}
    assert opened(out).card.labels == ("a", "b", "c")
    found = probabilities(opened(out), data.texts[:4])
    assert found.shape == (4, 3)
    np.testing.assert_allclose(found.sum(1), 1)


def test_a_multi_label_start_becomes_single_label(zoo, opened, tmp_path):
    start = zoo("Bert", problem_type="multi_label_classification", num_labels=3)
    fine_tune(str(start), notes(40), SHORT, tmp_path / "out")
    found = probabilities(opened(tmp_path / "out"), notes(40).texts[:4])
    np.testing.assert_allclose(found.sum(1), 1)


def test_a_gpt_without_padding_token_is_trained(zoo, opened, tmp_path):
    start = zoo("GPT2", "LMHeadModel")
    card = fine_tune(str(start), notes(40), SHORT, tmp_path / "out")
    assert card.n_held_out == 10
    found = probabilities(opened(tmp_path / "out"), ["bad", "good day " * 5])
    assert np.isfinite(found).all()


def test_weights_of_half_precision_are_trained_in_single(encoder, tmp_path):
    import torch
    from safetensors.torch import load_file, save_file

    half = shutil.copytree(encoder, tmp_path / "half")
    content = load_file(half / "model.safetensors")
    halved = {name: tensor.half() for name, tensor in content.items()}
    save_file(halved, half / "model.safetensors", {"format": "pt"})
    config = json.loads((half / "config.json").read_text())
    (half / "config.json").write_text(json.dumps({**config, "dtype": "float16"}))
    fine_tune(str(half), notes(40), SHORT, tmp_path / "out")
    after = load_file(tmp_path / "out" / "model.safetensors")
    assert {tensor.dtype for tensor in after.values()} == {torch.float32}


def test_long_texts_are_cut_at_the_position_table(encoder, tmp_path):
    data = notes(40)
    data = replace(data, texts=tuple(f"{text} {'day ' * 90}" for text in data.texts))
    card = fine_tune(str(encoder), data, SHORT, tmp_path / "out")
    assert card.n_train == 30


def test_an_existing_directory_needs_overwrite(trained, encoder, tmp_path):
    place, _ = trained
    out = shutil.copytree(place / "task", tmp_path / "out")
    (out / "mark").touch()
    before = weights(out)
    with pytest.raises(AuditError, match="--overwrite"):
        fine_tune(str(encoder), notes(40), SHORT, out)
    assert weights(out) == before
    fine_tune(str(encoder), notes(40), SHORT, out, overwrite=True)
    assert weights(out) != before
    assert not (out / "mark").exists()
    assert list(tmp_path.iterdir()) == [out]


def test_overwrite_spares_what_is_no_model(encoder, tmp_path):
    (tmp_path / "precious").touch()
    with pytest.raises(AuditError, match="not a model directory"):
        fine_tune(str(encoder), notes(40), SHORT, tmp_path, overwrite=True)
    assert (tmp_path / "precious").exists()


@pytest.mark.parametrize("stage", ["learn", "make_card", "replace_directory"])
def test_a_failure_leaves_the_old_directory_and_nothing_else(
    encoder, tmp_path, monkeypatch, stage
):
    out = shutil.copytree(encoder, tmp_path / "out")
    module = loop if stage == "learn" else training
    original = getattr(module, stage)

    def fail(*args, **kwargs):
        if stage == "learn":
            original(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, stage, fail)
    with pytest.raises(KeyboardInterrupt):
        fine_tune(str(encoder), notes(40), SHORT, out, overwrite=True)
    assert list(tmp_path.iterdir()) == [out]
    assert weights(out) == weights(encoder)


def test_a_failed_move_puts_the_old_directory_back(encoder, tmp_path):
    out = shutil.copytree(encoder, tmp_path / "out")
    with pytest.raises(OSError, match="absent"):
        replace_directory(tmp_path / "absent", out)
    assert list(tmp_path.iterdir()) == [out]
    assert weights(out) == weights(encoder)


def test_training_that_diverges_is_refused(encoder, tmp_path):
    recipe = replace(RECIPE, learning_rate=1e30, epochs=2)
    with pytest.raises(AuditError, match="--learning-rate"):
        fine_tune(str(encoder), notes(40), recipe, tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["missing", "nan"])
def test_an_encoder_with_damaged_tensors_is_refused(encoder, tmp_path, damage):
    from safetensors.torch import load_file, save_file

    path = shutil.copytree(encoder, tmp_path / "damaged")
    content = load_file(path / "model.safetensors")
    name = "encoder.layer.1.attention.self.key.weight"
    if damage == "missing":
        del content[name]
    else:
        content[name][0, 0] = float("nan")
    save_file(content, path / "model.safetensors", {"format": "pt"})
    with pytest.raises(AuditError, match=r"layer\.1\.attention\.self\.key"):
        fine_tune(str(path), notes(40), SHORT, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_gpu_other_than_the_first_is_refused(encoder, tmp_path, monkeypatch):
    """The Trainer would silently take the first one."""
    import torch

    monkeypatch.setattr(loop, "pick_device", lambda _: torch.device("cuda", 1))
    message = refused(
        notes(40), replace(SHORT, device="cuda:1"), encoder, tmp_path / "o"
    )
    assert "CUDA_VISIBLE_DEVICES=1" in message
    assert not list(tmp_path.iterdir())


def refused(data, recipe, encoder, out):
    with pytest.raises(AuditError) as caught:
        fine_tune(str(encoder), data, recipe, out)
    assert not out.exists()
    return str(caught.value)


def test_one_class_is_nothing_to_learn(encoder, tmp_path):
    data = replace(notes(40), labels=np.zeros(40, dtype=np.int64))
    message = refused(data, SHORT, encoder, tmp_path / "out")
    assert "two classes with 10 rows each" in message
    assert "negative: 40, positive: 0" in message


def test_too_few_rows(encoder, tmp_path):
    message = refused(notes(16), SHORT, encoder, tmp_path / "out")
    assert "negative: 8, positive: 8" in message


def test_no_labels_at_all(encoder, tmp_path):
    data = replace(notes(40), labels=np.full(40, -1), label_names=())
    assert "there are none" in refused(data, SHORT, encoder, tmp_path / "out")


def test_groups_need_an_axis_that_is_there(encoder, tmp_path):
    for axis in (None, "gendr"):
        recipe = replace(GROUPS, axis=axis)
        message = refused(notes(40), recipe, encoder, tmp_path / "out")
        assert "--axis" in message
        assert "gender" in message


def test_groups_must_be_of_the_axis(encoder, tmp_path):
    recipe = replace(GROUPS, groups=("women", "man"))
    message = refused(notes(40), recipe, encoder, tmp_path / "out")
    assert "no group 'man'" in message
    assert "'men'" in message


def test_other_data_is_refused(encoder, tmp_path):
    card = DatasetEntry(name="pool", kind="contexts", n=0, sha256="")
    data = Contexts(card=card, words=(), texts=(), spans=np.empty((0, 2), np.int64))
    assert "pool" in refused(data, SHORT, encoder, tmp_path / "out")


def test_rows_in_several_groups_are_left_out():
    data = notes(60)
    known = np.ones(60, dtype=bool)
    men, women = (np.arange(60) < 40), (np.arange(60) >= 30)
    groups = (
        Group("gender", "men", men, known),
        Group("gender", "women", women, known),
    )
    rows = select(replace(data, groups=groups), GROUPS)
    assert rows.left_out == 10
    used = np.sort(np.concatenate([rows.train, rows.held_out]))
    assert used.tolist() == [*range(30), *range(40, 60)]


def test_the_order_of_groups_is_the_order_of_classes():
    recipe = replace(GROUPS, groups=("women", "men"))
    data = notes(40)
    rows = select(data, recipe)
    assert rows.labels == ("women", "men")
    member = data.groups[1].member
    assert (rows.classes[member] == 0).all()


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_the_split_is_stratified_and_seeded(share):
    labels = (np.arange(150) % 15 == 0).astype(np.int64)
    data = replace(notes(150), labels=labels)
    recipe = replace(RECIPE, held_out=share)
    rows = select(data, recipe)
    assert not set(rows.train) & set(rows.held_out)
    assert len(rows.train) + len(rows.held_out) == 150
    held = np.bincount(rows.classes[rows.held_out], minlength=2)
    assert held.tolist() == [int(np.ceil(140 * share)), int(np.ceil(10 * share))]
    again = select(data, recipe)
    assert again.held_out.tolist() == rows.held_out.tolist()
    other = select(data, replace(recipe, seed=1))
    assert other.held_out.tolist() != rows.held_out.tolist()
