"""How likely words are in a slot, with and without another word in the sentence."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.model import Reading
from fairaudit_metrics.intrinsic.tokens import Tokens

Pieces: TypeAlias = Literal["chain", "first", "skip"]
Shape: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True)
class SlotScores:
    """Log-probabilities of words in their slot: (targets, attributes, frames).

    Parameters
    ----------
    filled
        With the other slot's word in the sentence.
    prior
        With one mask in place of the other slot's word.
    several
        Where the word has several tokens.
    unusable
        Where there is no log-probability: the tokenizer does not know one of the words,
        the sentence is longer than the model reads, or the word has several tokens and
        such words are skipped.
    """

    filled: Array
    prior: Array
    several: BoolArray
    unusable: BoolArray

    @classmethod
    def of(cls, filled: Reading, prior: Reading, pieces: Pieces) -> "SlotScores":
        """Take the answers about sentences, in one long row."""
        lengths = filled["lengths"]
        unusable = prior["unknown"] | filled["truncated"] | (lengths == 0)
        return cls(
            word_logprob(filled, pieces),
            word_logprob(prior, pieces),
            lengths > 1,
            unusable | (lengths > 1) if pieces == "skip" else unusable,
        )

    def split(self, shapes: Sequence[Shape]) -> "list[SlotScores]":
        """Cut a long row into one table a test."""
        ends = np.cumsum([np.prod(shape) for shape in shapes], dtype=np.int64)
        columns = [
            np.split(getattr(self, field.name), ends[:-1]) for field in fields(self)
        ]
        return [
            SlotScores(*(column.reshape(shape) for column in parts))
            for shape, *parts in zip(shapes, *columns, strict=True)
        ]

    def take(self, targets: IntArray, attributes: IntArray) -> "SlotScores":
        """Return the table of some targets and attributes."""
        kept = np.ix_(targets, attributes)
        return SlotScores(*(getattr(self, field.name)[kept] for field in fields(self)))

    @property
    def gone_targets(self) -> BoolArray:
        """Targets with which no sentence is usable."""
        gone: BoolArray = np.all(self._lost, axis=1)
        return gone

    @property
    def gone_attributes(self) -> BoolArray:
        """Attributes with which a sentence of another target is not usable."""
        gone: BoolArray = np.any(self._lost[~self.gone_targets], axis=0)
        return gone

    @property
    def _lost(self) -> BoolArray:
        lost: BoolArray = np.any(self.unusable, axis=2)
        return lost


def word_logprob(reading: Reading, pieces: Pieces) -> Array:
    """Return the log-probability of the word in each text, 0 where it has no token.

    ``"first"`` is that of its first token, else it is the sum over tokens.
    """
    tokens = Tokens(reading)
    if pieces != "first":
        return tokens.total(tokens.logprob)
    lengths = reading["lengths"]
    begins = np.cumsum(lengths) - lengths
    found = np.zeros(len(lengths))
    found[lengths > 0] = tokens.logprob[begins[lengths > 0]]
    return found


def increase_of_sets(filled: Array, prior: Array) -> Array:
    """Return log of the sum of probabilities over targets, less that of the priors.

    >>> filled, prior = np.log([[0.5], [0.25]]), np.log([[0.25], [0.125]])
    >>> np.exp(increase_of_sets(filled, prior)).round(9).tolist()
    [2.0]
    """
    increase: Array = _log_sum(filled) - _log_sum(prior)
    return increase


def increase_of_words(filled: Array, prior: Array) -> Array:
    """Return the mean over targets of the increase in log-probability."""
    increase: Array = (filled - prior).mean(axis=0)
    return increase


def _log_sum(logprobs: Array) -> Array:
    total: Array = np.logaddexp.reduce(logprobs, axis=0)
    return total
