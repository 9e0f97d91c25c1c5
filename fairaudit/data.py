"""Typed, columnar data that metrics accept."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairaudit.arrays import BoolArray, IntArray
from fairaudit.result import DatasetEntry


@dataclass(frozen=True, kw_only=True)
class Data:
    """Any dataset: `card` is what the report says of it."""

    card: DatasetEntry
    kind: ClassVar[str] = "data"

    def named(self, name: str) -> "Data":
        """Return the same data under another name."""
        return replace(self, card=replace(self.card, name=name))


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
    """

    kind: ClassVar[str] = "examples"
    texts: tuple[str, ...]
    labels: IntArray
    label_names: tuple[str, ...]
    groups: tuple[Group, ...]

    @cached_property
    def axes(self) -> Mapping[str, tuple[Group, ...]]:
        """Groups by axis, in the order of the data."""
        names = dict.fromkeys(group.axis for group in self.groups)
        return {a: tuple(g for g in self.groups if g.axis == a) for a in names}

    def relabelled(self, mapping: Mapping[str, str]) -> "Examples":
        """Return the same texts with classes renamed; equal names become one class."""
        renamed = [mapping.get(name, name) for name in self.label_names]
        names = tuple(sorted(set(renamed)))
        codes = np.array([names.index(name) for name in renamed] + [-1])
        return replace(self, label_names=names, labels=codes[self.labels])


@dataclass(frozen=True, kw_only=True)
class Contexts(Data):
    """Sentences in which a stimulus word occurs, for contextual association tests.

    Parameters
    ----------
    words
        The stimulus of each row, as the word lists spell it.
    texts
        The sentence of each row.
    spans
        Shape (n, 2): character offsets of the word in its sentence, end exclusive.
    """

    kind: ClassVar[str] = "contexts"
    words: tuple[str, ...]
    texts: tuple[str, ...]
    spans: IntArray

    @cached_property
    def rows(self) -> Mapping[str, tuple[int, ...]]:
        """Row numbers by stimulus word."""
        found: dict[str, list[int]] = {}
        for row, word in enumerate(self.words):
            found.setdefault(word, []).append(row)
        return {word: tuple(rows) for word, rows in found.items()}


@dataclass(frozen=True, kw_only=True)
class BuiltIn(Data):
    """No data: what a metric accepts that brings its own stimuli along."""

    kind: ClassVar[str] = "built-in"


BUILT_IN = BuiltIn(
    card=DatasetEntry(name="built-in", kind=BuiltIn.kind, n=0, sha256="")
)


@dataclass(frozen=True, kw_only=True)
class Pairs(Data):
    """Minimally different texts, the first the more stereotypical one.

    Parameters
    ----------
    first, second
        The two texts of each row.
    categories
        Kind of stereotype of each row, such as ``"age"``.
    directions
        Whether the stereotype speaks against the disadvantaged group (``"stereo"``) or
        the row turns it round (``"antistereo"``); the order of the texts is the same.
    """

    kind: ClassVar[str] = "pairs"
    first: tuple[str, ...]
    second: tuple[str, ...]
    categories: tuple[str, ...]
    directions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Completions(Data):
    """Contexts with a gap that three words can fill, each about a target term.

    Each of the last three tuples holds one triple a row: for the stereotypical, the
    anti-stereotypical and the unrelated completion, in this order.

    Parameters
    ----------
    targets
        The term that each row is about.
    categories
        Kind of stereotype of each row, such as ``"profession"``.
    sentences
        The completed sentences as the dataset writes them.
    filled
        The contexts with the gap filled; letter case may differ from the sentences.
    spans
        Shape (n, 3, 2): character offsets of the filling word in `filled`.
    """

    kind: ClassVar[str] = "completions"
    targets: tuple[str, ...]
    categories: tuple[str, ...]
    sentences: tuple[tuple[str, str, str], ...]
    filled: tuple[tuple[str, str, str], ...]
    spans: IntArray


@dataclass(frozen=True)
class Reader(ABC):
    """Reads one dataset format: a frozen dataclass whose fields are its options."""

    name: ClassVar[str]
    summary: ClassVar[str]
    columns: ClassVar[Mapping[str, str]]
    licence: ClassVar[str] = ""
    source: ClassVar[str] = ""

    @abstractmethod
    def claims(self, path: Path) -> bool:
        """Tell whether the file looks like this format, from its name and its head."""

    @abstractmethod
    def read(self, path: Path, limit: int | None, rng: np.random.Generator) -> Data:
        """Read the file; `limit` keeps a seeded sample of that many rows.

        Raises
        ------
        AuditError
            Where the file cannot be used: what, in which file and line, how to mend it.
        """
