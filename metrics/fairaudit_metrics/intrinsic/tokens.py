"""Token log-probabilities of texts, summed per text."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fairaudit.arrays import AnyArray, Array, BoolArray, IntArray
from fairaudit.model import ModelCard, Reading, SpanLogProb


def has_mask(card: ModelCard) -> bool:
    """Tell whether the model is a masked language model."""
    return SpanLogProb.kind in card.entry.reads


def lacks(card: ModelCard, kind: str) -> str:
    """Return why the model does not answer a kind of request; "" where it does."""
    if kind in card.entry.reads:
        return ""
    return (card.why_not or {}).get(kind) or f"the model does not answer {kind!r}"


@dataclass(frozen=True)
class Tokens:
    """The answer to a request for log-probabilities, one row a token.

    Parameters
    ----------
    reading
        With the columns ``lengths``, ``truncated``, ``logprob``, ``token``, ``top1``.
    """

    reading: Reading

    @cached_property
    def row(self) -> IntArray:
        """Text of each token."""
        lengths = self.reading["lengths"]
        return np.repeat(np.arange(len(lengths)), lengths)

    @property
    def logprob(self) -> Array:
        """Natural-log probability of each token, in double precision."""
        return self.reading["logprob"].astype(np.float64)

    @property
    def ids(self) -> list[AnyArray]:
        """Token numbers of each text."""
        ends = np.cumsum(self.reading["lengths"])
        return np.split(self.reading["token"], ends[:-1])

    def total(self, values: AnyArray) -> Array:
        """Sum values of tokens within each text."""
        texts = len(self.reading["lengths"])
        weights = values.astype(np.float64)
        sums = np.bincount(self.row, weights=weights, minlength=texts)
        return sums.astype(np.float64)

    def health(self, chosen: BoolArray) -> dict[str, float | int | None]:
        """Say how well the model predicts tokens: a broken head is seen here."""
        count = int(chosen.sum())
        if not count:
            return {"tokens": 0, "mean_nll": None, "top1": None}
        return {
            "tokens": count,
            "mean_nll": float(-self.logprob[chosen].mean()),
            "top1": float(self.reading["top1"][chosen].mean()),
        }
