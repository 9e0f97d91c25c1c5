"""Which option of each question a language model finds likeliest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.data import Choices
from fairaudit.model import ModelCard, Reading, Request, SpanLogProb, TokenLogProb

Normalise: TypeAlias = Literal["token", "sum"]


@dataclass(frozen=True)
class Answered:
    """What a model chose.

    Parameters
    ----------
    chosen
        Shape (n,): number of the likeliest option, -1 where there is none.
    tied, unread
        Shape (n,): why there is none: equal likelihoods, or an option that the model
        could not read whole.
    """

    chosen: IntArray
    tied: BoolArray
    unread: BoolArray


def questions(data: Choices, card: ModelCard) -> Mapping[str, Request]:
    """Ask for the tokens of each option, after its context and question."""
    texts, spans = [], []
    rows = zip(data.contexts, data.questions, data.answers, strict=True)
    for context, question, answers in rows:
        stem = f"{context.strip()} {question.strip()} "
        for answer in answers:
            texts.append(stem + answer.strip())
            spans.append((len(stem), len(stem) + len(answer.strip())))
    if SpanLogProb.kind in card.entry.reads:
        return {"options": SpanLogProb(tuple(texts), tuple(spans))}
    return {"options": TokenLogProb(tuple(texts), "none")}


def answered(data: Choices, reading: Reading, normalise: Normalise) -> Answered:
    """Choose the likeliest option of each row.

    The score of an option is the sum, or mean, of the log-probabilities of its tokens.
    """
    scores = option_scores(data, reading, normalise).reshape(len(data.questions), -1)
    unread: BoolArray = ~np.all(np.isfinite(scores), axis=1)
    known = np.where(np.isfinite(scores), scores, -np.inf)
    best = known == known.max(axis=1, keepdims=True)
    tied = ~unread & (best.sum(axis=1) > 1)
    chosen = np.where(unread | tied, -1, known.argmax(axis=1))
    return Answered(chosen, tied, unread)


def option_scores(data: Choices, reading: Reading, normalise: Normalise) -> Array:
    """Return the score of every option in turn; NaN where it was not read whole."""
    lengths = reading["lengths"]
    row = np.repeat(np.arange(len(lengths)), lengths)
    begins = np.array(
        [
            len(context.strip()) + len(question.strip()) + 2
            for context, question, answers in zip(
                data.contexts, data.questions, data.answers, strict=True
            )
            for _ in answers
        ]
    )
    # A token may hold the space before the option: its end decides.
    inside = reading["end"] > begins[row]
    count = np.bincount(row[inside], minlength=len(lengths))
    logprob = reading["logprob"][inside].astype(np.float64)
    total = np.bincount(row[inside], logprob, minlength=len(lengths))
    whole = (count > 0) & ~reading["truncated"]
    scores = total / np.maximum(count, 1) if normalise == "token" else total
    return np.where(whole, scores, np.nan)
