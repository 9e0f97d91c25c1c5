"""Parts of a long text around a span: a target word is never cut off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fairaudit.arrays import AnyArray, BoolArray, IntArray
from fairaudit.model import Ask, Embed
from fairaudit.models.encoded import Encoded


@dataclass(frozen=True)
class Whole:
    """All tokens of a text that is longer than the model reads.

    Parameters
    ----------
    inputs
        What the network would take, shape (t,) each.
    offsets
        Shape (t, 2): characters of each token.
    special
        Shape (t,): tokens that the tokenizer added.
    limit
        Longest input in tokens.
    """

    inputs: Mapping[str, IntArray]
    offsets: IntArray
    special: BoolArray
    limit: int

    @property
    def lead(self) -> int:
        """Number of special tokens at the beginning."""
        return int(np.argmin(self.special))

    @property
    def tail(self) -> int:
        """Number of special tokens at the end."""
        return int(np.argmin(self.special[::-1]))

    @property
    def room(self) -> int:
        """Number of the text's own tokens that the model reads."""
        return self.limit - self.lead - self.tail

    @property
    def text(self) -> BoolArray:
        """Tokens that stand for characters of the text."""
        stands: BoolArray = ~self.special & (self.offsets[:, 1] > self.offsets[:, 0])
        return stands

    def begins(self, spans: IntArray, pool: str) -> tuple[IntArray, BoolArray]:
        """Return the first token of the window around each span.

        The span is in the middle as far as the text's ends allow. Of a span that does
        not fit, the window holds the end for ``"last"``, else the beginning.

        Returns
        -------
        tuple
            Places among the text's own tokens, and which spans do not fit; shape (n,).
        """
        begin, end = self.offsets[:, 0], self.offsets[:, 1]
        inside = self.text & (begin < spans[:, 1:]) & (end > spans[:, :1])
        first = np.argmax(inside, axis=1) - self.lead
        last = inside.shape[1] - 1 - np.argmax(inside[:, ::-1], axis=1) - self.lead
        found = inside.any(axis=1)
        spare = np.where(found, self.room - (last - first + 1), 0)
        start = first - spare // 2
        large = spare < 0
        start[large] = (last - self.room + 1 if pool == "last" else first)[large]
        most = len(self.special) - self.lead - self.tail - self.room
        begins: IntArray = np.clip(np.where(found, start, 0), 0, max(most, 0))
        return begins, large

    def columns(self, begin: int) -> IntArray:
        """Return the tokens of a window: special tokens at both ends, text between."""
        total = len(self.special)
        own = np.arange(self.lead, total - self.tail)[begin : begin + self.room]
        ends = np.arange(self.lead), np.arange(total - self.tail, total)
        found: IntArray = np.concatenate([ends[0], own, ends[1]])
        return found


@dataclass(frozen=True)
class Windows:
    """Windows of all asks about a batch, each once.

    Parameters
    ----------
    batch
        One window a row; None where all texts are read whole.
    where
        For each ask the window of each row, -1 where the text itself is read.
    cut
        For each ask the rows of which some of the span is not read.
    """

    batch: Encoded | None
    where: tuple[IntArray, ...]
    cut: tuple[BoolArray, ...]

    def flags(self, asks: Sequence[Ask]) -> list[dict[str, BoolArray]]:
        """Return for each ask what was not read whole, and what through a window."""
        found = []
        for ask, where, cut in zip(asks, self.where, self.cut, strict=True):
            embeds = isinstance(ask.request, Embed)
            windowed = {"windowed": where >= 0} if embeds else {}
            found.append({"truncated": cut, **windowed})
        return found


def windows(
    asks: Sequence[Ask],
    texts: Sequence[str],
    batch: Encoded,
    tokenizer: Any,  # noqa: ANN401
    limit: int,
) -> Windows:
    """Place windows for the spans of texts that the batch holds cut off.

    Asks for anything but the vector of a span get none: they read the beginning.
    """
    concerned = np.zeros(len(texts), dtype=bool)
    for ask in filter(_spans, asks):
        concerned[ask.where] = True
    long = np.flatnonzero(batch.truncated & concerned).tolist()
    read = _wholes([texts[at] for at in long], tokenizer, limit)
    wholes = dict(zip(long, read, strict=True))
    numbers: dict[tuple[int, int], int] = {}
    placed = [_placed(ask, batch, wholes, numbers) for ask in asks]
    parts = [(wholes[text], wholes[text].columns(begin)) for text, begin in numbers]
    device = batch.inputs["input_ids"].device
    return Windows(
        _stacked(parts, device) if parts else None,
        tuple(where for where, _ in placed),
        tuple(cut for _, cut in placed),
    )


def _spans(ask: Ask) -> bool:
    return isinstance(ask.request, Embed) and ask.request.pool != "cls"


def _placed(
    ask: Ask,
    batch: Encoded,
    wholes: Mapping[int, Whole],
    numbers: dict[tuple[int, int], int],
) -> tuple[IntArray, BoolArray]:
    where = np.full(len(ask.where), -1)
    cut: BoolArray = batch.truncated[ask.where]
    request = ask.request
    if not isinstance(request, Embed) or request.pool == "cls":
        return where, cut
    cut = np.zeros(len(where), dtype=bool)
    spans = np.array(request.spans, dtype=np.int64).reshape(-1, 2)
    for text, whole in wholes.items():
        rows = np.flatnonzero(ask.where == text)
        begins, cut[rows] = whole.begins(spans[rows], request.pool)
        where[rows] = [
            numbers.setdefault((text, begin), len(numbers)) for begin in begins.tolist()
        ]
    return where, cut


def _wholes(
    texts: Sequence[str],
    tokenizer: Any,  # noqa: ANN401
    limit: int,
) -> list[Whole]:
    if not texts:
        return []
    encoded = tokenizer(
        list(texts),
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        return_attention_mask=True,
        verbose=False,
    )
    columns: dict[str, list[AnyArray]] = {
        name: [np.array(row, dtype=np.int64) for row in rows]
        for name, rows in encoded.items()
    }
    offsets = columns.pop("offset_mapping")
    special = columns.pop("special_tokens_mask")
    return [
        Whole(
            {name: rows[at] for name, rows in columns.items()},
            offsets[at].reshape(-1, 2),
            special[at].astype(bool),
            limit,
        )
        for at in range(len(texts))
    ]


def _stacked(parts: Sequence[tuple[Whole, IntArray]], device: torch.device) -> Encoded:
    return Encoded(
        {
            name: torch.from_numpy(
                np.stack([whole.inputs[name][at] for whole, at in parts])
            ).to(device)
            for name in parts[0][0].inputs
        },
        np.stack([whole.offsets[at] for whole, at in parts]),
        np.stack([whole.text[at] for whole, at in parts]),
        np.ones(len(parts), dtype=bool),
    )
