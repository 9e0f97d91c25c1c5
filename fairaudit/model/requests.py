"""Requests about classes and vectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

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

    Of a text that is longer than the network reads, a window of tokens is read that has
    the span in its middle as far as the text's ends allow. Two more columns of shape
    (n,) tell where: ``windowed``, and ``truncated`` where some of the span itself is
    not read (it alone is longer than the network reads).

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
        instead, special or not, whatever the span; a long text is cut at its end.
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
        return {"layer": str(self.layer), "pool": self.pool, "long": "window"}

    def row_keys(self) -> tuple[str, ...]:
        """Return what, beside the text, determines each row's answer."""
        return tuple(f"{start}:{end}" for start, end in self.spans)

    def take(self, rows: Sequence[int]) -> "Embed":
        """Return the request for some of the rows."""
        texts = tuple(self.texts[row] for row in rows)
        return Embed(
            texts, tuple(self.spans[row] for row in rows), self.layer, self.pool
        )
