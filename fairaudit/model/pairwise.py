"""Requests about two texts at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from fairaudit.model.likelihood import TOKEN_COLUMNS


@dataclass(frozen=True)
class NextSentence:
    """Ask a next-sentence head whether one text follows another.

    Columns of shape (n,): ``logprob``, the natural-log probability that it follows, and
    ``truncated`` where the two are longer than the model reads. Only heads whose
    weights are in the checkpoint answer.

    Parameters
    ----------
    texts
        The first text of each row.
    following
        The second text of each row.
    """

    texts: tuple[str, ...]
    following: tuple[str, ...]
    kind: ClassVar[str] = "next_sentence"
    ragged: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.following):
            raise ValueError("following: one for each text")

    @property
    def settings(self) -> Mapping[str, str]:
        """Everything but the rows that determines the answer."""
        return {}

    def row_keys(self) -> tuple[str, ...]:
        """Return what, beside the text, determines each row's answer."""
        return tuple(f"{len(text)}:{text}" for text in self.following)

    def take(self, rows: Sequence[int]) -> "NextSentence":
        """Return the request for some of the rows."""
        return NextSentence(
            tuple(self.texts[row] for row in rows),
            tuple(self.following[row] for row in rows),
        )


@dataclass(frozen=True)
class JointLogProb:
    """Ask a masked language model for the tokens that another text has not.

    All of them are masked at once, so none sees another: log P(token | the tokens that
    both texts share). Columns as for `TokenLogProb`, one row a token that
    `shared_tokens` does not find in both.

    Parameters
    ----------
    texts
        One text a row.
    pairs
        For each text two that it is one of, in the order in which they are compared.
    """

    texts: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    kind: ClassVar[str] = "joint_logprob"
    ragged: ClassVar[tuple[str, ...]] = TOKEN_COLUMNS

    def __post_init__(self) -> None:
        if any(t not in p for t, p in zip(self.texts, self.pairs, strict=True)):
            raise ValueError("pairs: a text is one of its pair")

    @property
    def settings(self) -> Mapping[str, str]:
        """Everything but the rows that determines the answer."""
        return {}

    def row_keys(self) -> tuple[str, ...]:
        """Return what, beside the text, determines each row's answer."""
        return tuple(f"{len(first)}:{first}{second}" for first, second in self.pairs)

    def take(self, rows: Sequence[int]) -> "JointLogProb":
        """Return the request for some of the rows."""
        return JointLogProb(
            tuple(self.texts[row] for row in rows),
            tuple(self.pairs[row] for row in rows),
        )
