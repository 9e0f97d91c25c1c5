"""Labelled and scored rows of one axis."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.data import Examples, Group


@dataclass(frozen=True, kw_only=True)
class ScoredAxis:
    """The labelled rows of a dataset, seen by the groups of one axis.

    Parameters
    ----------
    axis
        Such as ``"gender"``.
    names
        The groups.
    member, known
        Shape (n, groups): row is in the group; its membership is known.
    positive, selected
        Shape (n,): the label is the positive class; the score reaches the threshold.
    score
        Shape (n,): probability of the positive class.
    unlabelled
        Rows left out for want of a label.
    """

    axis: str
    names: tuple[str, ...]
    member: BoolArray
    known: BoolArray
    positive: BoolArray
    selected: BoolArray
    score: Array
    unlabelled: int

    def subject(self, group: int) -> str:
        """Return axis and group in one string."""
        return f"{self.axis}={self.names[group]}"

    def left_out(self, group: int) -> dict[str, int]:
        """Count the rows a group's numbers do not rest on."""
        unknown = int((~self.known[:, group]).sum())
        return {"unlabelled_rows": self.unlabelled, "unknown_membership": unknown}


def scored_axes(
    data: Examples, score: Array, positive: str, threshold: float
) -> list[ScoredAxis]:
    """Drop unlabelled rows and order the rest by score, which makes AUCs fast."""
    rows = np.flatnonzero(data.labels >= 0)
    rows = rows[np.argsort(score[rows], kind="stable")]
    is_positive = np.array([name == positive for name in data.label_names])
    memberships = [_membership(groups, rows) for groups in data.axes.values()]
    return [
        ScoredAxis(
            axis=axis,
            names=tuple(group.name for group in groups),
            member=member & known,
            known=known,
            positive=is_positive[data.labels[rows]],
            selected=score[rows] >= threshold,
            score=score[rows],
            unlabelled=len(data.labels) - len(rows),
        )
        for (axis, groups), (member, known) in zip(
            data.axes.items(), memberships, strict=True
        )
    ]


def _membership(groups: Sequence[Group], rows: IntArray) -> tuple[BoolArray, BoolArray]:
    member = np.column_stack([group.member[rows] for group in groups])
    known = np.column_stack([group.known[rows] for group in groups])
    return member, known
