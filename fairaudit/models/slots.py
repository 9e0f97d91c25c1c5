"""Texts with masks in them: where masks go, and each distinct input once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import BoolArray, IntArray
from fairaudit.model import Fill, SpanLogProb
from fairaudit.models.encoded import Encoded

CELLS = 1 << 20


@dataclass(frozen=True)
class Slots:
    """Where masks go in the texts of a batch; arrays of shape (b, t).

    Parameters
    ----------
    wanted
        Columns that are asked for, each masked in an input of its own.
    own
        Columns of the span that is asked for: of those behind a masked one none stands.
    veiled
        Columns that a mask stands in place of in every input.
    gone
        Columns that stand in no input.
    """

    wanted: BoolArray
    own: BoolArray
    veiled: BoolArray
    gone: BoolArray

    @classmethod
    def each(cls, wanted: BoolArray) -> "Slots":
        """Mask one column at a time; all others stand."""
        none = np.zeros_like(wanted)
        return cls(wanted, none, none, none)

    @classmethod
    def spans(cls, request: SpanLogProb, batch: Encoded) -> "Slots":
        """Mask the rest of a span from each of its columns on."""
        own = covered(request.spans, batch)
        veiled, gone = np.zeros_like(own), np.zeros_like(own)
        for spans in _layers(request.hidden):
            inside = covered(spans, batch) & ~own
            first = _first(inside)
            veiled, gone = veiled | first, gone | (inside & ~first)
        return cls(own, own, veiled, gone)

    @classmethod
    def whole(cls, request: Fill, batch: Encoded) -> "Slots":
        """Mask a span as a whole."""
        own = covered(request.spans, batch)
        none = np.zeros_like(own)
        return cls(_first(own), own, none, none)

    def inputs(
        self, batch: Encoded, mask: int, pad: int
    ) -> Iterator[tuple["Masked", IntArray]]:
        """Yield the masked inputs, part by part, with the ids that they ask for."""
        known = {name: x.cpu().numpy() for name, x in batch.inputs.items()}
        rows, cols = np.nonzero(self.wanted)
        step = max(1, CELLS // max(1, self.wanted.shape[1]))
        for begin in range(0, len(rows), step):
            part = slice(begin, begin + step)
            targets = known["input_ids"][rows[part], cols[part]]
            yield self._masked(known, rows[part], cols[part], mask, pad), targets

    def _masked(
        self,
        known: Mapping[str, IntArray],
        rows: IntArray,
        cols: IntArray,
        mask: int,
        pad: int,
    ) -> "Masked":
        inputs = {name: x[rows] for name, x in known.items()}
        inputs["input_ids"][self.veiled[rows]] = mask
        inputs["input_ids"][np.arange(len(rows)), cols] = mask
        later = np.arange(self.own.shape[1]) > cols[:, None]
        gone = self.gone[rows] | (self.own[rows] & later)
        if not gone.any():
            return Masked(inputs, cols)
        before = np.where(later, 0, gone).sum(1)
        order = np.argsort(gone, axis=1, kind="stable")
        beyond = np.sort(gone, axis=1)
        for name, x in inputs.items():
            moved = np.take_along_axis(x, order, axis=1)
            moved[beyond] = pad if name == "input_ids" else 0
            inputs[name] = moved
        return Masked(inputs, cols - before)


@dataclass(frozen=True)
class Masked:
    """Inputs with masks.

    Parameters
    ----------
    inputs
        What the network takes, shape (n, t), padded on the right.
    cols
        Shape (n,): place of the mask that is asked about.
    """

    inputs: Mapping[str, IntArray]
    cols: IntArray

    @property
    def lengths(self) -> IntArray:
        """Shape (n,): number of tokens."""
        lengths: IntArray = self.inputs["attention_mask"].sum(1)
        return lengths

    def take(self, rows: IntArray) -> "Masked":
        """Return some rows."""
        return Masked({n: x[rows] for n, x in self.inputs.items()}, self.cols[rows])

    def distinct(self) -> tuple["Masked", IntArray]:
        """Return each distinct row once, the longest first, and which one each is.

        Examples
        --------
        >>> ids = np.array([[7, 4, 9], [7, 4, 9], [5, 6, 4]])
        >>> said = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        >>> once, which = Masked(said, np.array([1, 1, 2])).distinct()
        >>> once.inputs["input_ids"].tolist(), which.tolist()
        ([[7, 4, 9], [5, 6, 4]], [0, 0, 1])
        """
        table = np.column_stack([*self.inputs.values(), self.cols])
        table = np.ascontiguousarray(table)
        keys = table.view(np.dtype((np.void, table.itemsize * table.shape[1])))
        _, first, which = np.unique(keys[:, 0], return_index=True, return_inverse=True)
        order = np.lexsort((first, -self.lengths[first]))
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        return self.take(first[order]), rank[which]


def covered(spans: Sequence[tuple[int, int]], batch: Encoded) -> BoolArray:
    """Mark the tokens that stand for characters of the span of each text."""
    table = np.array(spans, dtype=np.int64).reshape(-1, 1, 2)
    begins, ends = batch.offsets[..., 0], batch.offsets[..., 1]
    inside: BoolArray = batch.text & (begins < table[..., 1]) & (ends > table[..., 0])
    return inside


def _first(inside: BoolArray) -> BoolArray:
    first: BoolArray = inside & (inside.cumsum(1) == 1)
    return first


def _layers(
    hidden: Sequence[Sequence[tuple[int, int]]],
) -> Iterator[list[tuple[int, int]]]:
    """Yield the first span of each text, the second, and so on; (0, 0) is none."""
    for at in range(max(map(len, hidden), default=0)):
        yield [spans[at] if at < len(spans) else (0, 0) for spans in hidden]
