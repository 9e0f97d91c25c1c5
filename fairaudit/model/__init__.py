"""What can be asked of a model, and what a model answers.

Requests are columnar: one object asks about n rows. An answer is a mapping of column
names to arrays. A column has n rows, or is *ragged*: then the answer also has a column
``lengths`` of n rows, and the ragged column holds ``lengths.sum()`` rows in order. The
request's `ragged` attribute names its ragged columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from fairaudit.arrays import AnyArray, IntArray
from fairaudit.model.card import HeldOut, ModelCard, ScorerCard, TrainingTexts
from fairaudit.model.generation import Generate, texts_of
from fairaudit.model.likelihood import (
    Fill,
    Likelihood,
    Masking,
    Span,
    SpanLogProb,
    Start,
    TokenLogProb,
    filled,
    fills,
)
from fairaudit.model.pairwise import JointLogProb, NextSentence
from fairaudit.model.requests import Embed, Piece, Pool, Predict
from fairaudit.model.sensitivity import FAULTS, Directional, Sensitivity, Slope, Spans
from fairaudit.model.sharing import shared_tokens

__all__ = [
    "BACKWARD",
    "FAULTS",
    "STATIC",
    "Ask",
    "Directional",
    "Embed",
    "Fill",
    "Generate",
    "HeldOut",
    "JointLogProb",
    "Likelihood",
    "Masking",
    "Model",
    "ModelCard",
    "NextSentence",
    "Piece",
    "Pool",
    "Predict",
    "Reading",
    "Request",
    "ScorerCard",
    "Sensitivity",
    "Slope",
    "Span",
    "SpanLogProb",
    "Spans",
    "Start",
    "TokenLogProb",
    "TrainingTexts",
    "filled",
    "fills",
    "shared_tokens",
    "texts_of",
]

Reading: TypeAlias = Mapping[str, AnyArray]
Request: TypeAlias = (
    Predict
    | Embed
    | Sensitivity
    | Directional
    | Generate
    | Likelihood
    | JointLogProb
    | NextSentence
)
STATIC = "static vectors"
"""Architecture of a model that has one vector a word, whatever the context."""
BACKWARD: Final = frozenset({"sensitivity", "gradient"})
"""Kinds of request that cost a backward pass."""


class Model(Protocol):
    """What the engine needs of a model. Weights are loaded by the first `read`."""

    @property
    def card(self) -> ModelCard:
        """What is known without loading weights."""
        ...

    def identity(self, request: Request) -> Mapping[str, str]:
        """Return all that determines the answer beside the request itself."""
        ...

    def token_counts(self, texts: Sequence[str]) -> IntArray:
        """Return the length of each text in tokens."""
        ...

    def read(self, texts: Sequence[str], asks: Sequence["Ask"]) -> list[Reading]:
        """Answer all asks about a batch of texts with one forward pass."""
        ...


@dataclass(frozen=True)
class Ask:
    """A request about texts of one batch: row i concerns text `where[i]` of it."""

    request: Request
    where: IntArray
