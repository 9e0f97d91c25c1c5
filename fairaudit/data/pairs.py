"""Texts to compare with one another."""

from dataclasses import dataclass
from typing import ClassVar

from fairaudit.arrays import IntArray
from fairaudit.data.base import Data


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
class Continuations:
    """Sentences that three others can follow, each about a target term.

    Parameters
    ----------
    targets
        The term that each row is about.
    categories
        Kind of stereotype of each row, such as ``"profession"``.
    contexts
        The sentence that comes first.
    sentences
        One triple a row: the stereotypical, the anti-stereotypical and the unrelated
        sentence that follow.
    """

    targets: tuple[str, ...]
    categories: tuple[str, ...]
    contexts: tuple[str, ...]
    sentences: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Completions(Data):
    """Contexts with a gap that three words can fill, each about a target term.

    Each of `sentences`, `filled` and `spans` holds one triple a row: for the
    stereotypical, the anti-stereotypical and the unrelated completion, in this order.

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
    continuations
        Contexts that are continued by a sentence, which belong to the same dataset.
    """

    kind: ClassVar[str] = "completions"
    targets: tuple[str, ...]
    categories: tuple[str, ...]
    sentences: tuple[tuple[str, str, str], ...]
    filled: tuple[tuple[str, str, str], ...]
    spans: IntArray
    continuations: Continuations | None = None


@dataclass(frozen=True, kw_only=True)
class Counterparts(Data):
    """Pairs of texts that differ only in the group that they speak of.

    Parameters
    ----------
    first, second
        The two texts of each row.
    axis
        Such as ``"gender"``, of each row.
    first_groups, second_groups
        Which group each text speaks of, such as ``"women"``.
    templates
        Rows with an equal template depend on one another and are resampled together;
        empty where rows are independent.
    categories
        Kind of each row by which results are told apart, such as an emotion, "" for
        none; empty where there are no kinds.
    units
        Rows with an equal unit are averaged and count as one pair, as where two sets
        of names are compared; empty where every row counts by itself. The rows of a
        unit are of one axis, template and category, and of the same two groups.
    """

    kind: ClassVar[str] = "counterparts"
    first: tuple[str, ...]
    second: tuple[str, ...]
    axis: tuple[str, ...]
    first_groups: tuple[str, ...]
    second_groups: tuple[str, ...]
    templates: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
