"""What the card says of a training agrees with other people's arithmetic."""

import json
from dataclasses import replace

import numpy as np
import pytest

from fairaudit.data import Group
from fairaudit.models.checkpoint import TRAINING_CARD
from fairaudit.recipe import Recipe, select
from fairaudit.training import fine_tune, load_card
from fairaudit.training.card import Learnt, make_card
from tests.test_training import notes

RECIPE = Recipe(held_out=0.5, seed=4)


def made(data, recipe, logits, weights=(1.0, 1.0)):
    learnt = Learnt(
        logits=logits,
        class_weights=weights,
        epochs=1.0,
        best_epoch=None,
        best_loss=None,
        features_cached=False,
    )
    return make_card(data, recipe, select(data, recipe), learnt, "f00d")


def three_classes(n=150):
    rng = np.random.default_rng(1)
    return replace(notes(n), labels=rng.integers(0, 3, n), label_names=("a", "b", "c"))


def test_the_auc_of_two_classes_and_its_counterpart():
    from sklearn.metrics import roc_auc_score

    data = notes(80)
    rows = select(data, RECIPE)
    logits = np.random.default_rng(0).normal(size=(len(rows.held_out), 2))
    card = made(data, RECIPE, logits)
    truth = rows.classes[rows.held_out]
    expected = roc_auc_score(truth, logits[:, 1] - logits[:, 0])
    assert card.held_out_auc == pytest.approx(expected, abs=1e-12)
    assert card.held_out_aucs["positive"] == pytest.approx(expected, abs=1e-12)
    assert card.held_out_aucs["negative"] == pytest.approx(expected, abs=1e-12)


def test_the_aucs_of_three_classes_are_one_against_the_rest():
    from scipy.special import softmax
    from sklearn.metrics import roc_auc_score

    data = three_classes()
    rows = select(data, RECIPE)
    logits = np.random.default_rng(0).normal(size=(len(rows.held_out), 3))
    card = made(data, RECIPE, logits, (1.0, 1.0, 1.0))
    assert card.held_out_auc is None
    found = roc_auc_score(
        rows.classes[rows.held_out],
        softmax(logits, axis=1),
        multi_class="ovr",
        average=None,
    )
    assert list(card.held_out_aucs.values()) == pytest.approx(found, abs=1e-12)
    assert "AUC against the rest: a 0." in card.summary()


def test_the_rates_of_groups_are_those_of_fairlearn():
    from fairlearn.metrics import (
        MetricFrame,
        count,
        false_positive_rate,
        true_positive_rate,
    )
    from sklearn.metrics import accuracy_score

    data = notes(120)
    rows = select(data, RECIPE)
    logits = np.random.default_rng(3).normal(size=(len(rows.held_out), 2))
    card = made(data, RECIPE, logits)
    men, women = data.groups
    known = men.known[rows.held_out]
    frame = MetricFrame(
        metrics={
            "n": count,
            "accuracy": accuracy_score,
            "tpr": true_positive_rate,
            "fpr": false_positive_rate,
        },
        y_true=rows.classes[rows.held_out][known],
        y_pred=logits.argmax(1)[known],
        sensitive_features=np.where(women.member, "women", "men")[rows.held_out][known],
    ).by_group
    assert set(card.held_out_groups) == {"gender"}
    for name, found in card.held_out_groups["gender"].items():
        expected = frame.loc[name]
        (label, rates), *rest = found["classes"].items()
        assert (label, rest) == ("positive", [])
        assert found["n"] == expected["n"]
        assert found["n_unknown"] == int((~known).sum())
        assert found["accuracy"] == pytest.approx(expected["accuracy"], abs=1e-12)
        assert rates["true_positive_rate"] == pytest.approx(expected["tpr"], abs=1e-12)
        assert rates["false_positive_rate"] == pytest.approx(expected["fpr"], abs=1e-12)
        assert rates["positives"] + rates["negatives"] == found["n"]


def test_rates_of_three_classes_are_told_for_each():
    data = three_classes()
    rows = select(data, RECIPE)
    logits = np.random.default_rng(3).normal(size=(len(rows.held_out), 3))
    card = made(data, RECIPE, logits, (1.0, 1.0, 1.0))
    truth, said = rows.classes[rows.held_out], logits.argmax(1)
    inside = (data.groups[1].member & data.groups[1].known)[rows.held_out]
    rates = card.held_out_groups["gender"]["women"]["classes"]
    for number, name in enumerate("abc"):
        hit = (said == number)[inside & (truth == number)]
        false = (said == number)[inside & (truth != number)]
        assert rates[name]["true_positive_rate"] == pytest.approx(hit.mean())
        assert rates[name]["false_positive_rate"] == pytest.approx(false.mean())
        assert (rates[name]["positives"], rates[name]["negatives"]) == (
            len(hit),
            len(false),
        )


def test_a_rate_without_denominator_is_null_beside_its_count():
    data = notes(80)
    nobody = Group("age", "older", np.zeros(80, bool), np.ones(80, bool))
    positive = Group("tone", "good", data.labels == 1, np.ones(80, bool))
    data = replace(data, groups=(*data.groups, nobody, positive))
    rows = select(data, RECIPE)
    card = made(data, RECIPE, np.ones((len(rows.held_out), 2)))
    older = card.held_out_groups["age"]["older"]
    assert (older["n"], older["accuracy"]) == (0, None)
    assert older["classes"]["positive"] == {
        "positives": 0,
        "true_positive_rate": None,
        "negatives": 0,
        "false_positive_rate": None,
    }
    good = card.held_out_groups["tone"]["good"]["classes"]["positive"]
    assert (good["negatives"], good["false_positive_rate"]) == (0, None)


def test_balanced_class_weights_are_those_of_sklearn(zoo, tmp_path):
    from sklearn.utils.class_weight import compute_class_weight

    labels = (np.arange(90) % 5 == 0).astype(np.int64)
    data = replace(notes(90), labels=labels)
    start = zoo("Bert", "Model", scale=1.0)
    recipe = Recipe(class_weights="balanced", device="cpu", batch_size=16)
    card = fine_tune(str(start), data, recipe, tmp_path / "out")
    rows = select(data, recipe)
    expected = compute_class_weight(
        "balanced", classes=np.array([0, 1]), y=labels[rows.train]
    )
    found = card.training["class_weights"]
    assert list(found.values()) == pytest.approx(expected, abs=1e-12)
    assert "n / (classes * rows" in card.training["class_weights_rule"]
    plain = fine_tune(
        str(start), data, replace(recipe, class_weights="none"), tmp_path / "plain"
    )
    assert plain.training["class_weights"] == {"negative": 1.0, "positive": 1.0}
    assert plain.training["class_weights_rule"] == ""


def test_the_weighted_loss_is_the_weighted_mean_of_log_losses():
    import torch
    from sklearn.metrics import log_loss

    from fairaudit.training.trainer import Loss

    rng = np.random.default_rng(0)
    logits, truth = rng.normal(size=(20, 3)), rng.integers(0, 3, 20)
    weights = np.array([0.5, 1.0, 4.0])
    found = Loss(torch.tensor(weights, dtype=torch.float32))(
        {"logits": torch.tensor(logits)}, torch.tensor(truth)
    )
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = log_loss(truth, shares, sample_weight=weights[truth])
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_balanced_weights_find_the_rare_class(zoo, opened, tmp_path):
    """With them, a rare class that the texts do not tell is predicted more often."""
    from tests.test_training import probabilities

    rng = np.random.default_rng(0)
    labels = (rng.random(120) < 0.2).astype(np.int64)
    data = replace(notes(120), labels=labels)
    start = zoo("Bert", "Model", scale=1.0)
    means = {}
    for weights in ("none", "balanced"):
        recipe = Recipe(
            class_weights=weights,
            device="cpu",
            epochs=20,
            freeze="encoder",
            learning_rate=2e-2,
        )
        fine_tune(str(start), data, recipe, tmp_path / weights)
        found = probabilities(opened(tmp_path / weights), data.texts)
        means[weights] = found[:, 1].mean()
    assert means["balanced"] > means["none"] + 0.1


def test_the_card_reads_back_and_states_the_split(zoo, tmp_path):
    start = zoo("Bert", "Model", scale=1.0)
    data = replace(notes(60), clusters=np.arange(60) // 2)
    recipe = Recipe(device="cpu", patience=1)
    card = fine_tune(str(start), data, recipe, tmp_path / "out")
    assert load_card(tmp_path / "out").summary() == card.summary()
    largest = max(card.held_out_counts.values()) / card.n_held_out
    assert f"(always the largest class: {largest:.3f})" in card.summary()
    stored = json.loads((tmp_path / "out" / TRAINING_CARD).read_text())
    assert stored["split"]["n_blocks"] == 30
    assert "one cluster" in stored["split"]["rule"]
    assert stored["n_train"] + stored["n_validation"] + stored["n_held_out"] == 60
    assert stored["n_validation"] > 0
    assert stored["data"]["rows_sha256"] == select(data, recipe).fingerprint
