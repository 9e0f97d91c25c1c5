"""Split what is asked about a batch into passes, and join the answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import BoolArray, IntArray
from fairaudit.model import Ask, Embed, Reading
from fairaudit.models.encoded import Encoded
from fairaudit.models.windows import Windows

TOKENS = 2048
"""Tokens of a pass over windows, at most, but for a single window."""


@dataclass(frozen=True)
class Part:
    """Texts or windows that one pass reads.

    Parameters
    ----------
    batch
        What is read.
    asks
        For each ask about them its number, its rows, and the ask about these rows.
    """

    batch: Encoded
    asks: tuple[tuple[int, IntArray, Ask], ...]

    @property
    def hidden(self) -> bool:
        """Whether hidden states are asked for."""
        return any(isinstance(ask.request, Embed) for _, _, ask in self.asks)

    @property
    def head(self) -> bool:
        """Whether more than hidden states is asked for."""
        return not all(isinstance(ask.request, Embed) for _, _, ask in self.asks)


def parts(asks: Sequence[Ask], batch: Encoded, placed: Windows) -> Iterator[Part]:
    """Yield the texts that are read as they are as one part, then windows in chunks."""
    plain = [where < 0 for where in placed.where]
    skipped = np.zeros(len(batch.text), dtype=bool)
    for ask, where in zip(asks, placed.where, strict=True):
        skipped[ask.where[where >= 0]] = True
    for ask, whole in zip(asks, plain, strict=True):
        skipped[ask.where[whole]] = False
    if any(rows.any() for rows in plain):
        texts = [ask.where for ask in asks]
        yield _part(asks, batch, np.flatnonzero(~skipped), texts, plain)
    if placed.batch is None:
        return
    total, limit = placed.batch.text.shape
    step = max(1, TOKENS // limit)
    for begin in range(0, total, step):
        rows = np.arange(begin, min(begin + step, total))
        chosen = [np.isin(where, rows) for where in placed.where]
        yield _part(asks, placed.batch, rows, placed.where, chosen)


def _part(
    asks: Sequence[Ask],
    batch: Encoded,
    used: IntArray,
    where: Sequence[IntArray],
    chosen: Sequence[BoolArray],
) -> Part:
    found = []
    for number, ask in enumerate(asks):
        rows = np.flatnonzero(chosen[number])
        if rows.size:
            request = ask.request
            if len(rows) < len(ask.where):
                request = request.take(rows.tolist())
            about = np.searchsorted(used, where[number][rows])
            found.append((number, rows, Ask(request, about)))
    part = batch if len(used) == len(batch.text) else batch.take(used)
    return Part(part, tuple(found))


def joined(pieces: Sequence[tuple[IntArray, Reading]]) -> Reading:
    """Put rows that were answered by several passes in order; none is ragged then."""
    if len(pieces) == 1:
        return pieces[0][1]
    order = np.argsort(np.concatenate([rows for rows, _ in pieces]))
    return {
        name: np.concatenate([reading[name] for _, reading in pieces])[order]
        for name in pieces[0][1]
    }
