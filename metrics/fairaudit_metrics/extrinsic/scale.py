"""How two predictions are compared: score, distance and decision."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.metric import Unmeasurable
from fairaudit.model import ModelCard

Operator: TypeAlias = Literal[">", ">="]
BINARY = 2
RESOLUTION: Final = 1e-5
"""Single precision moves a probability by up to about this much as batches differ."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What is read off the predicted probabilities.

    Parameters
    ----------
    labels
        The classes.
    column
        The class whose probability is the score; None where no single one is.
    threshold, operator
        The class is chosen where its score is > or >= the threshold; None: the most
        probable class is chosen, the first of equal ones.
    """

    labels: tuple[str, ...]
    column: int | None
    threshold: float | None
    operator: Operator

    @property
    def scored(self) -> str | None:
        """Name of the class that is scored."""
        return None if self.column is None else self.labels[self.column]

    @property
    def name(self) -> str:
        """What is compared, in words."""
        if self.scored is None:
            return "total variation distance of the class probabilities"
        return f"P({self.scored})"

    @property
    def rule(self) -> str:
        """How decisions are taken, in words."""
        if self.threshold is None:
            return "the most probable class"
        return f"{self.name} {self.operator} {self.threshold:g}"

    def scores(self, table: Array) -> Array:
        """Return the probability of the class scored."""
        if self.column is None:
            raise ValueError("no class is scored")
        found: Array = table[:, self.column]
        return found

    def changes(self, first: Array, second: Array) -> Array:
        """Return s' - s, 0 where rounding alone could make it."""
        moved = self.scores(second) - self.scores(first)
        return np.where(np.abs(moved) < RESOLUTION, 0.0, moved)

    def distances(self, first: Array, second: Array) -> Array:
        """Return |s' - s|, or sum_k |p'_k - p_k| / 2 where no class is scored."""
        if self.column is None:
            total: Array = np.abs(second - first).sum(axis=1) / 2
            return total
        found: Array = np.abs(self.scores(second) - self.scores(first))
        return found

    def decisions(self, table: Array) -> IntArray:
        """Return the class chosen; with a threshold 1 for the class scored, else 0."""
        if self.threshold is None:
            return np.asarray(table.argmax(axis=1), dtype=np.int64)
        scores = self.scores(table)
        above = scores > self.threshold
        at_least = scores >= self.threshold
        return (above if self.operator == ">" else at_least).astype(np.int64)

    def chooses_scored(self, decisions: IntArray) -> BoolArray:
        """Tell where the class scored was chosen."""
        wanted = self.column if self.threshold is None else 1
        found: BoolArray = decisions == wanted
        return found

    def own_changes(self, first: Array, second: Array) -> Array:
        """Return the absolute change of the probability of the first text's class."""
        if self.threshold is not None:
            return self.distances(first, second)
        chosen = first.argmax(axis=1)[:, None]
        before, after = (
            np.take_along_axis(t, chosen, 1)[:, 0] for t in (first, second)
        )
        found: Array = np.abs(after - before)
        return found


def scale_of(
    card: ModelCard, label: str | None, threshold: float | None, operator: Operator
) -> Scale:
    """Choose what is scored: the class named, else the second of two, else none."""
    labels = card.labels
    if len(labels) < BINARY:
        raise Unmeasurable("the model does not name two classes")
    if label is not None and label not in labels:
        raise Unmeasurable(
            f"the class {label!r} is not a label of the model ({', '.join(labels)})"
        )
    column = labels.index(label) if label is not None else None
    if column is None and len(labels) == BINARY:
        column = 1
    if column is None and threshold is not None:
        raise Unmeasurable(
            f"a threshold needs one class; name it with the parameter 'label' "
            f"({', '.join(labels)})"
        )
    return Scale(labels=labels, column=column, threshold=threshold, operator=operator)
