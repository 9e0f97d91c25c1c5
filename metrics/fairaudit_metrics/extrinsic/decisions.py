"""What a classifier scored and decided, and what was right."""

from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.data import Examples
from fairaudit.metric import Unmeasurable
from fairaudit.model import ModelCard
from fairaudit.result import unit_keys
from fairaudit_metrics.extrinsic.axes import Axis

BINARY = 2


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """Labels, decisions and scores of the labelled rows, scores rising.

    Parameters
    ----------
    names, rated
        The classes that are rated against the others, by name and by number. With one
        positive class that one alone, and class 0 stands for all others.
    classes
        How many numbers there are.
    label, decision
        Shape (n,): numbers of the true and of the chosen class.
    score, outcome
        Shape (n,): the probability of the positive class, and whether the label is it;
        with several classes that of the chosen one, and whether it is right.
    loss
        Shape (n,): squared error of the probabilities.
    rule
        How decisions are taken, in words.
    rows
        Shape (n,): rows of the dataset.
    keys
        Shape (n,): what a row is known by in another audit of the same data.
    unlabelled
        Rows left out for want of a label.
    clusters
        Shape (n,), or None where rows are independent.
    """

    names: tuple[str, ...]
    rated: tuple[int, ...]
    classes: int
    label: IntArray
    decision: IntArray
    score: Array
    outcome: BoolArray
    loss: Array
    rule: str
    rows: IntArray
    keys: IntArray
    unlabelled: int
    clusters: IntArray | None

    @property
    def one_positive(self) -> bool:
        """Whether one class is positive and all others are not."""
        return len(self.rated) == 1

    def counts(self, axis: Axis) -> list[dict[str, int]]:
        """Return texts, positives and negatives of each group of an axis.

        With several classes there are texts only.
        """
        sizes = axis.sizes.tolist()
        if not self.one_positive:
            return [{"n": size} for size in sizes]
        positives = axis.sums(self.outcome).astype(int).tolist()
        return [
            {"n": n, "positives": p, "negatives": n - p}
            for n, p in zip(sizes, positives, strict=True)
        ]


def require_labels(data: Examples, card: ModelCard) -> None:
    """Refuse data without labels or groups, and labels that the model does not have."""
    if not data.label_names or not (data.labels >= 0).any():
        raise Unmeasurable("the data has no labels")
    if not data.groups:
        raise Unmeasurable("the data has no groups to compare")
    unknown = [name for name in data.label_names if name not in card.labels]
    if unknown:
        raise Unmeasurable(
            f"the labels of the data ({', '.join(data.label_names)}) are not those "
            f"of the model ({', '.join(card.labels) or 'none'})"
        )


def positive_class(card: ModelCard, positive: str | None) -> str:
    """Return the positive class: the one named, else the second of two."""
    if positive is None and len(card.labels) != BINARY:
        raise Unmeasurable(
            f"the model has {len(card.labels)} classes; name the positive one with "
            f"the parameter 'positive' ({', '.join(card.labels)})"
        )
    found = card.labels[1] if positive is None else positive
    if found not in card.labels:
        raise Unmeasurable(
            f"the positive class {found!r} is not a label of the model "
            f"({', '.join(card.labels)})"
        )
    return found


def at_threshold(
    data: Examples, probabilities: Array, card: ModelCard, positive: str, least: float
) -> Decisions:
    """Select the rows where the probability of the positive class is >= `least`."""
    score = _finite(probabilities[:, card.labels.index(positive)])
    rows = np.flatnonzero(data.labels >= 0)
    is_positive = np.array([name == positive for name in data.label_names])
    label = is_positive[data.labels[rows]]
    order = np.lexsort((label, score[rows]))
    rows, label = rows[order], label[order]
    found = score[rows]
    return Decisions(
        names=(positive,),
        rated=(1,),
        classes=2,
        label=label.astype(np.int64),
        decision=(found >= least).astype(np.int64),
        score=found,
        outcome=label,
        loss=(found - label) ** 2,
        rule=f"P({positive}) >= {least:g}",
        rows=rows,
        keys=unit_keys(data.texts)[rows],
        unlabelled=len(data.labels) - len(rows),
        clusters=None if data.clusters is None else data.clusters[rows],
    )


def most_probable(data: Examples, probabilities: Array, card: ModelCard) -> Decisions:
    """Choose the most probable class of each row, the first of equal ones."""
    table = _finite(probabilities)
    rows = np.flatnonzero(data.labels >= 0)
    numbers = np.array([card.labels.index(name) for name in data.label_names])
    label = numbers[data.labels[rows]]
    decision, score = table[rows].argmax(axis=1), table[rows].max(axis=1)
    truth = label[:, None] == np.arange(len(card.labels))
    loss = ((table[rows] - truth) ** 2).sum(axis=1) / 2
    order = np.lexsort((loss, decision, label, score))
    rows, label, decision = rows[order], label[order], decision[order]
    return Decisions(
        names=tuple(card.labels[number] for number in sorted(numbers)),
        rated=tuple(sorted(numbers.tolist())),
        classes=len(card.labels),
        label=label,
        decision=decision,
        score=score[order],
        outcome=label == decision,
        loss=loss[order],
        rule="the most probable class",
        rows=rows,
        keys=unit_keys(data.texts)[rows],
        unlabelled=len(data.labels) - len(rows),
        clusters=None if data.clusters is None else data.clusters[rows],
    )


def _finite(found: Array) -> Array:
    known = np.isfinite(found).reshape(len(found), -1).all(axis=1)
    if not known.all():
        raise Unmeasurable(
            f"the model gave no finite probability for {int((~known).sum())} of "
            f"{len(found)} texts"
        )
    return found.astype(float)
