"""Log-probabilities of tokens behind masks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fairaudit.arrays import BoolArray, IntArray
from fairaudit.errors import AuditError
from fairaudit.model import (
    Fill,
    JointLogProb,
    Reading,
    SpanLogProb,
    TokenLogProb,
    filled,
    shared_tokens,
)
from fairaudit.models.encoded import Encoded, cut
from fairaudit.models.found import Found, Likeliest, columns
from fairaudit.models.head import Head
from fairaudit.models.slots import Masked, Slots

TOKENS = 2048
"""Upper bound of the tokens of one pass."""


@dataclass(frozen=True)
class Masks:
    """A masked language model that reads texts with masks in them.

    Parameters
    ----------
    head, tokenizer
        The loaded model.
    limit
        Longest input in tokens.
    """

    head: Head
    tokenizer: Any
    limit: int

    def each(self, request: TokenLogProb, batch: Encoded) -> Reading:
        """Mask one token at a time."""
        wanted = self.shared(request, batch) if request.pairs else batch.text
        return columns(batch, wanted, self._masked(batch, Slots.each(wanted)))

    def span(self, request: SpanLogProb, batch: Encoded) -> Reading:
        """Reveal the tokens of a span from left to right."""
        slots = Slots.spans(request, batch)
        found = columns(batch, slots.wanted, self._masked(batch, slots))
        read = slots.own | slots.veiled | slots.gone
        return {**found, "unknown": self._unknown(batch, read)}

    def fill(self, request: Fill, batch: Encoded) -> Reading:
        """Tell what the model would put in place of a span."""
        barred = np.array(self.tokenizer.all_special_ids, dtype=np.int64)
        if request.k > self.head.vocabulary - len(barred):
            raise AuditError(f"the model's vocabulary has no {request.k} words to fill")
        slots = Slots.whole(request, batch)
        parts = [Likeliest.empty(0, request.k)]
        for masked, _ in slots.inputs(batch, *self._mask_and_pad):
            once, which = masked.distinct()
            found = Likeliest.empty(len(once.cols), request.k)
            for at, logits in self._logits(once):
                found.put(at, Likeliest.of(logits, request.k, barred))
            parts.append(found.take(which))
        every = Likeliest.empty(len(batch.text), request.k)
        every.put(np.flatnonzero(slots.wanted.any(1)), Likeliest.join(parts))
        return {
            "id": every.token,
            "logprob": every.logprob,
            "truncated": batch.truncated,
            "unknown": self._unknown(batch, batch.text & ~slots.own),
            **filled(self._words(every.token)),
        }

    def _words(self, tokens: IntArray) -> list[list[str]]:
        rows = [[token for token in row if token >= 0] for row in tokens.tolist()]
        decode = self.tokenizer.decode
        known = {token: decode([token]).strip() for row in rows for token in row}
        return [[known[token] for token in row] for row in rows]

    def _unknown(self, batch: Encoded, places: BoolArray) -> BoolArray:
        unknown = self.tokenizer.unk_token_id
        if unknown is None:
            return np.zeros(len(batch.text), dtype=bool)
        ids = batch.inputs["input_ids"].cpu().numpy()
        found: BoolArray = np.any(places & (ids == unknown), axis=1)
        return found

    def shared(self, request: TokenLogProb | JointLogProb, batch: Encoded) -> BoolArray:
        """Mark the tokens that each text shares with the other one of its pair."""
        wanted = np.zeros_like(batch.text)
        known = self._ids([text for pair in request.pairs for text in pair])
        rows = zip(request.texts, request.pairs, strict=True)
        for row, (text, pair) in enumerate(rows):
            marks = shared_tokens(known[pair[0]], known[pair[1]])
            mine = marks[pair.index(text)]
            own = np.flatnonzero(batch.text[row])
            wanted[row, own] = mine[: len(own)]
        return wanted

    def _ids(self, texts: Sequence[str]) -> Mapping[str, IntArray]:
        """Return the numbers of the tokens of each text, no special ones."""
        once = list(dict.fromkeys(texts))
        found = self.tokenizer(
            once, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        columns = zip(found["input_ids"], found["offset_mapping"], strict=True)
        stands = (
            [number for number, (begin, end) in zip(*row, strict=True) if end > begin]
            for row in columns
        )
        ids = (np.array(row, dtype=np.int64) for row in stands)
        return dict(zip(once, ids, strict=True))

    @property
    def _mask_and_pad(self) -> tuple[int, int]:
        return self.tokenizer.mask_token_id, self.tokenizer.pad_token_id

    def _masked(self, batch: Encoded, slots: Slots) -> Found:
        """Score the tokens that are wanted, each distinct input run once."""
        parts = []
        for masked, targets in slots.inputs(batch, *self._mask_and_pad):
            once, which = masked.distinct()
            found = Found.empty(len(targets))
            for at, logits in self._logits(once):
                rows = np.flatnonzero((which >= at[0]) & (which <= at[-1]))
                found.put(rows, Found.of(logits, which[rows] - at[0], targets[rows]))
            parts.append(found)
        return Found.join(parts)

    def _logits(self, masked: Masked) -> Iterator[tuple[IntArray, torch.Tensor]]:
        """Yield rows of inputs sorted by length, and the logits at their masks."""
        device = self.head.device
        lengths, begin = masked.lengths, 0
        while begin < len(lengths):
            step = max(1, min(TOKENS // int(lengths[begin]), self.head.rows))
            at = np.arange(begin, min(begin + step, len(lengths)))
            part = masked.take(at)
            inputs = {n: torch.from_numpy(x).to(device) for n, x in part.inputs.items()}
            cols = torch.from_numpy(part.cols).to(device)
            rows = torch.arange(len(at), device=device)
            yield at, self.head.logits(cut(inputs), rows, cols)
            begin += len(at)
