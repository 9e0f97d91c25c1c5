"""Labelled texts with group memberships."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from fairaudit.arrays import BoolArray, IntArray
from fairaudit.data.base import Data


@dataclass(frozen=True)
class Group:
    """Membership of each row in one group of one axis.

    Parameters
    ----------
    axis, name
        Such as ``"gender"`` and ``"women"``.
    member
        Shape (n,): the row belongs to the group.
    known
        Shape (n,): whether the row's membership is known at all.
    """

    axis: str
    name: str
    member: BoolArray
    known: BoolArray

    @property
    def label(self) -> str:
        """Axis and name in one string."""
        return f"{self.axis}={self.name}"


@dataclass(frozen=True, kw_only=True)
class Examples(Data):
    """Labelled texts with group memberships.

    Parameters
    ----------
    texts
        The n texts.
    labels
        Shape (n,): index into `label_names`, -1 where a row has no label.
    label_names
        The classes; empty when the data has no label column.
    groups
        Groups of all axes. A row may be in several groups, or in none.
    clusters
        Shape (n,): rows with equal numbers depend on one another (one template, one
        author) and are resampled together; None where rows are independent.
    ids
        Identifier of each row as the data has it; empty where there is none.
    """

    kind: ClassVar[str] = "examples"
    texts: tuple[str, ...]
    labels: IntArray
    label_names: tuple[str, ...]
    groups: tuple[Group, ...]
    clusters: IntArray | None = None
    ids: tuple[str, ...] = ()

    @cached_property
    def axes(self) -> Mapping[str, tuple[Group, ...]]:
        """Groups by axis, in the order of the data."""
        names = dict.fromkeys(group.axis for group in self.groups)
        return {a: tuple(g for g in self.groups if g.axis == a) for a in names}

    def take(self, rows: IntArray) -> "Examples":
        """Return some rows, with the card's counts of rows and groups made anew."""
        groups = tuple(
            replace(g, member=g.member[rows], known=g.known[rows]) for g in self.groups
        )
        counts: dict[str, dict[str, int]] = {}
        for group in groups:
            count = int(np.count_nonzero(group.member & group.known))
            counts.setdefault(group.axis, {})[group.name] = count
        return replace(
            self,
            card=replace(self.card, n=len(rows), groups=counts),
            texts=tuple(self.texts[row] for row in rows),
            labels=self.labels[rows],
            groups=groups,
            clusters=None if self.clusters is None else self.clusters[rows],
            ids=tuple(self.ids[row] for row in rows) if self.ids else (),
        )

    def relabelled(self, mapping: Mapping[str, str]) -> "Examples":
        """Return the same texts with classes renamed; equal names become one class."""
        renamed = [mapping.get(name, name) for name in self.label_names]
        names = tuple(sorted(set(renamed)))
        codes = np.array([names.index(name) for name in renamed] + [-1])
        return replace(self, label_names=names, labels=codes[self.labels])
