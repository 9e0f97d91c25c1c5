"""The two tasks of StereoSet: what is asked of a model, and the scores it gives."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import AnyArray, Array, BoolArray
from fairaudit.data import Completions, Continuations
from fairaudit.model import (
    ModelCard,
    NextSentence,
    Reading,
    Request,
    SpanLogProb,
    Start,
    TokenLogProb,
)
from fairaudit_metrics.intrinsic.tokens import Tokens, has_mask, lacks

INTRA, INTER = "intrasentence", "intersentence"


@dataclass(frozen=True)
class Scored:
    """Scores of the three completions of n contexts.

    Parameters
    ----------
    values
        Shape (n, 3): of the stereotypical, anti-stereotypical and unrelated completion.
    scored
        Shape (n,): contexts that have all three.
    terms
        Shape (n,): target term of each context.
    """

    values: Array
    scored: BoolArray
    terms: AnyArray

    def take(self, rows: BoolArray) -> "Scored":
        """Return some contexts."""
        return Scored(self.values[rows], self.scored[rows], self.terms[rows])

    @classmethod
    def join(cls, parts: "Sequence[Scored]") -> "Scored":
        """Return the contexts of all parts."""
        return cls(
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.scored for part in parts]),
            np.concatenate([part.terms for part in parts]),
        )


@dataclass(frozen=True)
class Task:
    """One task: its contexts and the request about them, or why there is none.

    Parameters
    ----------
    name
        ``"intrasentence"`` or ``"intersentence"``.
    targets, categories
        Of each context.
    request
        About the three completions of each context, one after the other.
    reason
        Why the model is not asked.
    begins
        For a causal model, where in each text the characters begin that count.
    """

    name: str
    targets: tuple[str, ...]
    categories: tuple[str, ...]
    request: Request | None = None
    reason: str = ""
    begins: tuple[int, ...] = ()

    def scored(self, reading: Reading) -> Scored:
        """Return the scores of the completions."""
        if isinstance(self.request, NextSentence):
            values, whole = reading["logprob"].astype(float), ~reading["truncated"]
        else:
            probability = isinstance(self.request, SpanLogProb)
            values, whole = _means(reading, probability, self.begins)
        scored: BoolArray = np.all(whole.reshape(-1, 3), axis=1)
        terms = np.array(self.targets, dtype=object)
        return Scored(values.reshape(-1, 3), scored, terms)


def tasks(data: Completions, card: ModelCard, start: Start) -> list[Task]:
    """Return the tasks that the data hold."""
    found = [_intra(data, card, start)] if data.targets else []
    if data.continuations is not None:
        found.append(_inter(data.continuations, card, start))
    return found


def _intra(data: Completions, card: ModelCard, start: Start) -> Task:
    about = (INTRA, data.targets, data.categories)
    if has_mask(card):
        spans = tuple((int(a), int(b)) for a, b in data.spans.reshape(-1, 2))
        return Task(*about, SpanLogProb(_flat(data.filled), spans))
    if reason := lacks(card, TokenLogProb.kind):
        return Task(*about, reason=reason)
    texts = _flat(data.sentences)
    begins = (0,) * len(texts)
    return Task(*about, TokenLogProb(texts, "none", start=start), begins=begins)


def _inter(data: Continuations, card: ModelCard, start: Start) -> Task:
    about = (INTER, data.targets, data.categories)
    firsts = tuple(text for text in data.contexts for _ in range(3))
    seconds = _flat(data.sentences)
    missing = lacks(card, NextSentence.kind)
    if not missing:
        return Task(*about, NextSentence(firsts, seconds))
    if has_mask(card) or lacks(card, TokenLogProb.kind):
        return Task(*about, reason=missing)
    texts = tuple(f"{a} {b}" for a, b in zip(firsts, seconds, strict=True))
    begins = tuple(len(first) + 1 for first in firsts)
    return Task(*about, TokenLogProb(texts, "none", start=start), begins=begins)


def _means(
    reading: Reading, probability: bool, begins: tuple[int, ...]
) -> tuple[Array, BoolArray]:
    """Average probabilities, or log-probabilities, of the tokens of each text.

    A token counts where it holds a character from `begins` on.
    """
    tokens = Tokens(reading)
    values = np.exp(tokens.logprob) if probability else tokens.logprob
    counts = np.ones(len(values), dtype=bool)
    if begins:
        counts = reading["end"] > np.array(begins)[tokens.row]
    lengths = tokens.total(counts)
    means = tokens.total(values * counts) / np.maximum(lengths, 1)
    whole: BoolArray = (lengths > 0) & ~reading["truncated"]
    return means, whole


def _flat(triples: tuple[tuple[str, str, str], ...]) -> tuple[str, ...]:
    return tuple(text for triple in triples for text in triple)
