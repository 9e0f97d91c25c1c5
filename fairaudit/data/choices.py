"""Questions with a few answers to choose from."""

from dataclasses import dataclass
from typing import ClassVar

from fairaudit.arrays import IntArray
from fairaudit.data.base import Data


@dataclass(frozen=True, kw_only=True)
class Choices(Data):
    """Multiple-choice questions whose answers speak of groups.

    Parameters
    ----------
    contexts, questions
        What is told, and what is asked, of each row.
    answers
        The options of each row, equally many.
    correct, unknown, stereotyped
        Shape (n,): number of the option that is correct, that says it cannot be known,
        and that speaks of the stereotyped group; -1 where there is none or no single
        one.
    ambiguous
        Shape (n,): whether the context leaves the answer open.
    negative
        Shape (n,): whether the question asks who has the undesirable trait.
    categories
        Kind of stereotype of each row.
    templates
        Rows with an equal template depend on one another.
    """

    kind: ClassVar[str] = "choices"
    contexts: tuple[str, ...]
    questions: tuple[str, ...]
    answers: tuple[tuple[str, ...], ...]
    correct: IntArray
    unknown: IntArray
    stereotyped: IntArray
    ambiguous: IntArray
    negative: IntArray
    categories: tuple[str, ...]
    templates: tuple[str, ...]
