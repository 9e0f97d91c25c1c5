"""What a training notes about itself."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from fairaudit import __version__
from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.data import Examples, Group
from fairaudit.models.checkpoint import TRAINING_CARD
from fairaudit.recipe import Recipe, Rows
from fairaudit.result import Json
from fairaudit.stats.auc import auc

SPLIT = (
    "Rows with equal texts, and rows of one cluster, stay in one part; the parts are "
    "drawn by class and seed."
)
BALANCED = "n / (classes * rows of the class), counted in the training rows"


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """What came of a training.

    Parameters
    ----------
    logits
        Shape (held-out rows, classes), in the order of the rows.
    class_weights
        Weight of each class in the loss.
    epochs
        Passes over the training rows that were made.
    best_epoch, best_loss
        The pass whose weights were kept, and its loss on the validation rows; None
        without early stopping.
    features_cached
        Whether the encoder ran only once over the texts.
    """

    logits: Array
    class_weights: tuple[float, ...]
    epochs: float
    best_epoch: float | None
    best_loss: float | None
    features_cached: bool


@dataclass(frozen=True, kw_only=True)
class TrainingCard:
    """What was trained, on what, and how good it is on rows it has not seen.

    `held_out_auc` is that of two classes, None where there are more; `held_out_aucs` is
    each class against the rest. Rates without a denominator are null, with the count 0
    beside them. `texts` tells of the file of digests of the texts that were used, empty
    in cards of older versions.
    """

    fairaudit_version: str
    task: str
    labels: tuple[str, ...]
    recipe: Mapping[str, Json]
    encoder: Mapping[str, Json]
    data: Mapping[str, Json]
    split: Mapping[str, Json]
    training: Mapping[str, Json]
    n_train: int
    n_validation: int
    n_held_out: int
    n_left_out: int
    held_out_accuracy: float
    held_out_auc: float | None
    held_out_aucs: Mapping[str, float | None]
    held_out_counts: Mapping[str, int]
    held_out_groups: Mapping[str, Json]
    texts: Mapping[str, Json] = field(default_factory=dict)

    def summary(self) -> str:
        """Return one line for the terminal."""
        area = "" if self.held_out_auc is None else f", AUC {self.held_out_auc:.3f}"
        if len(self.labels) > 2:
            told = [f"{k} {v:.3f}" for k, v in self.held_out_aucs.items() if v]
            area = f", AUC against the rest: {', '.join(told)}"
        largest = max(self.held_out_counts.values()) / self.n_held_out
        return (
            f"Trained on {self.n_train} rows ({', '.join(self.labels)}); on "
            f"{self.n_held_out} held-out rows: accuracy {self.held_out_accuracy:.3f} "
            f"(always the largest class: {largest:.3f}){area}."
        )


def load_card(directory: Path) -> TrainingCard:
    """Read the card of a directory that `fine_tune` made."""
    text = (directory / TRAINING_CARD).read_text(encoding="utf-8")
    return TrainingCard(**json.loads(text))


def make_card(
    data: Examples, recipe: Recipe, rows: Rows, learnt: Learnt, encoder: str
) -> TrainingCard:
    """Describe a training and measure its result on the held-out rows."""
    truth = rows.classes[rows.held_out]
    counts = np.bincount(truth, minlength=len(rows.labels)).tolist()
    areas = _areas(learnt.logits, truth)
    return TrainingCard(
        fairaudit_version=__version__,
        task=recipe.task,
        labels=rows.labels,
        recipe=asdict(recipe),
        encoder={"fingerprint": encoder},
        data={
            "name": data.card.name,
            "sha256": data.card.sha256,
            "n": data.card.n,
            "rows_sha256": rows.fingerprint,
        },
        split={"rule": SPLIT, "n_blocks": rows.blocks},
        training=_training(recipe, rows, learnt),
        n_train=len(rows.train),
        n_validation=len(rows.validation),
        n_held_out=len(rows.held_out),
        n_left_out=rows.left_out,
        held_out_accuracy=float((learnt.logits.argmax(1) == truth).mean()),
        held_out_auc=areas[1] if len(areas) == 2 else None,
        held_out_aucs=dict(zip(rows.labels, areas, strict=True)),
        held_out_counts=dict(zip(rows.labels, counts, strict=True)),
        held_out_groups=_groups(data, rows, learnt.logits.argmax(1)),
    )


def _training(recipe: Recipe, rows: Rows, learnt: Learnt) -> Mapping[str, Json]:
    weights = dict(zip(rows.labels, learnt.class_weights, strict=True))
    return {
        "epochs": learnt.epochs,
        "best_epoch": learnt.best_epoch,
        "best_validation_loss": learnt.best_loss,
        "class_weights": weights,
        "class_weights_rule": BALANCED if recipe.class_weights == "balanced" else "",
        "encoder_features_cached": learnt.features_cached,
    }


def _areas(logits: Array, truth: IntArray) -> list[float | None]:
    """Return the AUC of each class against the rest."""
    if logits.shape[1] == 2:
        margin = logits[:, 1] - logits[:, 0]
        scores = np.column_stack([-margin, margin])
    else:
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores = shifted / shifted.sum(axis=1, keepdims=True)
    return [_area(scores[:, c], truth == c) for c in range(logits.shape[1])]


def _area(scores: Array, positive: BoolArray) -> float | None:
    if positive.all() or not positive.any():
        return None
    return auc(scores[positive], scores[~positive])


def _groups(data: Examples, rows: Rows, found: IntArray) -> Mapping[str, Json]:
    return {
        axis: {group.name: _rates(group, rows, found) for group in groups}
        for axis, groups in data.axes.items()
    }


def _rates(group: Group, rows: Rows, found: IntArray) -> Mapping[str, Json]:
    known = group.known[rows.held_out]
    inside = group.member[rows.held_out] & known
    truth, said = rows.classes[rows.held_out][inside], found[inside]
    positive = range(1, 2) if len(rows.labels) == 2 else range(len(rows.labels))
    return {
        "n": int(inside.sum()),
        "n_unknown": int((~known).sum()),
        "accuracy": _share(said == truth),
        "classes": {rows.labels[c]: _class(truth == c, said == c) for c in positive},
    }


def _class(truth: BoolArray, said: BoolArray) -> Mapping[str, Json]:
    return {
        "positives": int(truth.sum()),
        "true_positive_rate": _share(said[truth]),
        "negatives": int((~truth).sum()),
        "false_positive_rate": _share(said[~truth]),
    }


def _share(hits: BoolArray) -> float | None:
    return float(hits.mean()) if len(hits) else None
