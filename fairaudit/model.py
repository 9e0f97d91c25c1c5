"""What can be asked of a model, and what a model answers.

Requests are columnar: one object asks about n rows. An answer is a mapping of column
names to arrays. A column has n rows, or is *ragged*: then the answer also has a column
``lengths`` of n rows, and the ragged column holds ``lengths.sum()`` rows in order. The
request's `ragged` attribute names its ragged columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Literal, Protocol, TypeAlias

from fairaudit.arrays import AnyArray, IntArray
from fairaudit.result import ModelEntry

Reading: TypeAlias = Mapping[str, AnyArray]
Piece: TypeAlias = Literal["last", "first", "mean"]
Masking: TypeAlias = Literal["each", "none"]
Start: TypeAlias = Literal["token", "none"]

_TOKEN_COLUMNS = ("logprob", "token", "top1", "start", "end")
Pool: TypeAlias = Literal["cls", "last", "first", "mean"]
STATIC = "static vectors"
"""Architecture of a model that has one vector a word, whatever the context."""


@dataclass(frozen=True)
class Predict:
    """Ask for class probabilities: column ``probabilities`` of shape (n, classes)."""

    texts: tuple[str, ...]
    kind: ClassVar[str] = "predict"
    ragged: ClassVar[tuple[str, ...]] = ()

    @property
    def settings(self) -> Mapping[str, str]:
        """Everything but the rows that determines the answer."""
        return {}

    def row_keys(self) -> tuple[str, ...]:
        """Return what, beside the text, determines each row's answer."""
        return ("",) * len(self.texts)

    def take(self, rows: Sequence[int]) -> "Predict":
        """Return the request for some of the rows."""
        return Predict(tuple(self.texts[row] for row in rows))


@dataclass(frozen=True)
class Embed:
    """Ask for the vector of a span of each text: column ``vectors``, shape (n, dim).

    Parameters
    ----------
    texts
        One text a row.
    spans
        Character offsets (start, end) of the span in each text.
    layer
        Hidden layer, 0 the embedding output, -1 the last.
    pool
        Which sub-tokens of the span make the vector; special tokens never count. A
        span over the whole text pools the text. ``"cls"`` takes the first position
        instead, special or not, whatever the span.
    """

    texts: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    layer: int = -1
    pool: Pool = "last"
    kind: ClassVar[str] = "embed"
    ragged: ClassVar[tuple[str, ...]] = ()

    @property
    def settings(self) -> Mapping[str, str]:
        """Everything but the rows that determines the answer."""
        return {"layer": str(self.layer), "pool": self.pool}

    def row_keys(self) -> tuple[str, ...]:
        """Return what, beside the text, determines each row's answer."""
        return tuple(f"{start}:{end}" for start, end in self.spans)

    def take(self, rows: Sequence[int]) -> "Embed":
        """Return the request for some of the rows."""
        texts = tuple(self.texts[row] for row in rows)
        return Embed(
            texts, tuple(self.spans[row] for row in rows), self.layer, self.pool
        )


@dataclass(frozen=True)
class Sensitivity:
    """Ask how a classifier's output moves in the direction a PSM attends to.

    Columns: ``probabilities`` (n, classes) of the task classifier, ``psm`` (n, groups)
    of the protected-status model, ``absolute`` and ``token`` (n,), ``uniform`` and
    ``uniform_token`` (n,), and the ragged ``contribution``, ``start`` and ``end``
    (one row per token; character offsets).
    """

    texts: tuple[str, ...]
    kind: ClassVar[str] = "sensitivity"
    ragged: ClassVar[tuple[str, ...]] = ("contribution", "start", "end")

    @property
    def settings(self) -> Mapping[str, str]:
        """Everything but the rows that determines the answer."""
        return {}

    def row_keys(self) -> tuple[str, ...]:
        """Return what, beside the text, determines each row's answer."""
        return ("",) * len(self.texts)

    def take(self, rows: Sequence[int]) -> "Sensitivity":
        """Return the request for some of the rows."""
        return Sensitivity(tuple(self.texts[row] for row in rows))


@dataclass(frozen=True)
class TokenLogProb:
    """Ask for the natural-log probability of every token of each text.

    A token counts when it stands for at least one character of the text; special tokens
    do not. Columns: ``truncated`` (n,), and one row a token in the ragged ``logprob``,
    ``token`` (id), ``top1`` (whether no token is more likely), ``start`` and ``end``
    (character offsets); with `attention` also ``attention``.

    Parameters
    ----------
    texts
        One text a row.
    mask
        For a masked language model: ``"each"`` masks one token at a time and gives
        log P(token | all others); ``"none"`` masks nothing. A causal language model
        always gives log P(token | left context) and takes ``"none"`` only.
    attention
        Ask for the attention each token receives, averaged over layers, heads and query
        positions (special tokens are queries too); needs ``mask="none"``.
    start
        For a causal language model, what the first token is conditioned on: the start
        token that its tokenizer adds, else its bos token, else its eos token.
        ``"none"``: as before for the first token, but the others do not see it.
    """

    texts: tuple[str, ...]
    mask: Masking = "each"
    attention: bool = False
    start: Start = "token"
    kind: ClassVar[str] = "token_logprob"

    def __post_init__(self) -> None:
        if self.attention and self.mask != "none":
            raise ValueError("attention is that of the unmasked text: mask='none'")

    @property
    def ragged(self) -> tuple[str, ...]:
        """Names of the columns with one row a token."""
        return (*_TOKEN_COLUMNS, *(("attention",) if self.attention else ()))

    @property
    def settings(self) -> Mapping[str, str]:
        """Everything but the rows that determines the answer."""
        attention = str(self.attention).lower()
        return {"mask": self.mask, "attention": attention, "start": self.start}

    def row_keys(self) -> tuple[str, ...]:
        """Return what, beside the text, determines each row's answer."""
        return ("",) * len(self.texts)

    def take(self, rows: Sequence[int]) -> "TokenLogProb":
        """Return the request for some of the rows."""
        return replace(self, texts=tuple(self.texts[row] for row in rows))


@dataclass(frozen=True)
class SpanLogProb:
    """Ask a masked language model for a span's tokens, revealed from left to right.

    At step k the first k tokens of the span stand in the text, followed by one mask in
    place of all the others; the answer is log P(token k | that text). Columns as for
    `TokenLogProb`, one row a token of the span.

    Parameters
    ----------
    texts
        One text a row.
    spans
        Character offsets (start, end) of the span in each text.
    """

    texts: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    kind: ClassVar[str] = "span_logprob"
    ragged: ClassVar[tuple[str, ...]] = _TOKEN_COLUMNS

    @property
    def settings(self) -> Mapping[str, str]:
        """Everything but the rows that determines the answer."""
        return {}

    def row_keys(self) -> tuple[str, ...]:
        """Return what, beside the text, determines each row's answer."""
        return tuple(f"{start}:{end}" for start, end in self.spans)

    def take(self, rows: Sequence[int]) -> "SpanLogProb":
        """Return the request for some of the rows."""
        texts = tuple(self.texts[row] for row in rows)
        return SpanLogProb(texts, tuple(self.spans[row] for row in rows))


Request: TypeAlias = Predict | Embed | Sensitivity | TokenLogProb | SpanLogProb


BACKWARD: Final = frozenset({"sensitivity"})
"""Kinds of request that cost a backward pass."""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What is known of a model before its weights are loaded.

    Parameters
    ----------
    entry
        As the report names it; `entry.reads` lists the kinds of request it answers.
    labels
        Class names in the order of the output.
    why_not
        For each kind of request it cannot answer, the reason.
    psm
        The protected-status model it is paired with.
    shared_embedding
        Whether model and PSM have equal word embeddings, so that element-wise
        products of their gradients have a meaning.
    """

    entry: ModelEntry
    labels: tuple[str, ...] = ()
    why_not: Mapping[str, str] | None = None
    psm: "ModelCard | None" = None
    shared_embedding: bool = False

    @property
    def name(self) -> str:
        """Name in the report."""
        return self.entry.name


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
