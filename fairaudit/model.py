"""What can be asked of a model, and what a model answers.

Requests are columnar: one object asks about n rows. An answer is a mapping of column
names to arrays. A column has n rows, or is *ragged*: then the answer also has a column
``lengths`` of n rows, and the ragged column holds ``lengths.sum()`` rows in order. The
request's `ragged` attribute names its ragged columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, TypeAlias

from fairaudit.arrays import AnyArray, IntArray
from fairaudit.result import ModelEntry

Reading: TypeAlias = Mapping[str, AnyArray]
Piece: TypeAlias = Literal["last", "first", "mean"]
Pool: TypeAlias = Literal["cls", "last", "first", "mean"]


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


Request: TypeAlias = Predict | Embed | Sensitivity


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
