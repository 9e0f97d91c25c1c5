"""Intersectional words, from effect sizes against other groups."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from fairaudit.arrays import Array, BoolArray

Kind: TypeAlias = Literal["intersectional", "emergent"]
Drop: TypeAlias = Literal["all", "any"]
Rule: TypeAlias = Literal["youden", "accuracy"]

GRID = np.arange(-200, 200, 5) / 100
"""Thresholds that are tried, as in the code of Guo & Caliskan 2021."""


@dataclass(frozen=True)
class Comparisons:
    """Effect sizes of words between a group and what it is compared with.

    Parameters
    ----------
    others
        Against each other group, shape (groups, words).
    parts
        Along one axis at a time, shape (comparisons, words).
    """

    others: Array
    parts: Array

    def detected(self, kind: Kind, threshold: Array, drop: Drop) -> BoolArray:
        """Tell which words are detected at thresholds: (thresholds, words).

        A word is intersectional where its effect size against any other group is above
        the threshold, and emergent where it is not so too along every axis; with
        ``drop="any"``, along no axis.
        """
        limit = np.asarray(threshold, dtype=np.float64).reshape(-1, 1)
        found: BoolArray = _above(self.others).max(axis=0) > limit
        if kind == "intersectional":
            return found
        parts = _above(self.parts)
        reach = parts.min(axis=0) if drop == "all" else parts.max(axis=0)
        emergent: BoolArray = found & (reach <= limit)
        return emergent


def _above(effects: Array) -> Array:
    """Let an effect size that is undefined, all cosines being equal, exceed nothing."""
    return np.where(np.isnan(effects), -np.inf, effects)


@dataclass(frozen=True)
class Curve:
    """How detection agrees with gold words, by threshold."""

    found: Array
    false: Array
    accuracy: Array

    @classmethod
    def of(cls, detected: BoolArray, gold: BoolArray) -> "Curve":
        """Compare detected words, (thresholds, words), with gold words."""
        return cls(
            detected[:, gold].mean(axis=1),
            detected[:, ~gold].mean(axis=1),
            (detected == gold).mean(axis=1),
        )

    def best(self, rule: Rule) -> int:
        """Return the position of the best threshold, the largest of equally good ones.

        ``"youden"``: where the shares of gold words and of others lie farthest apart;
        ``"accuracy"``: where most words are told right.
        """
        score = self.accuracy if rule == "accuracy" else self.found - self.false
        return int(len(score) - 1 - np.argmax(score[::-1]))

    def corners(self, thresholds: Array) -> list[list[float]]:
        """Return threshold, share found and false share wherever a share changes."""
        rows = np.column_stack([thresholds, self.found, self.false])
        moved = np.r_[True, (np.diff(rows[:, 1:], axis=0) != 0).any(axis=1)]
        corners: list[list[float]] = rows[moved].tolist()
        return corners
