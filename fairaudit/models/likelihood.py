"""Log-probabilities of tokens under masked and causal language models.

The vocabulary projection runs at the wanted positions only: a hook on the base model
hands the head just those rows of the last hidden state.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fairaudit.arrays import AnyArray, BoolArray, IntArray
from fairaudit.errors import AuditError
from fairaudit.model import Reading, SpanLogProb, TokenLogProb
from fairaudit.models.attention import received
from fairaudit.models.encoded import Encoded, Inputs, cut, rearranged, started

LOGITS = 1 << 26
TOKENS = 2048
_CAUSAL = ("ForCausalLM", "LMHeadModel")


@dataclass(frozen=True)
class Scorer:
    """A language model that gives tokens their log-probability.

    Parameters
    ----------
    network, tokenizer
        The loaded model.
    limit
        Longest input in tokens.
    """

    network: Any
    tokenizer: Any
    limit: int

    @property
    def causal(self) -> bool:
        """Whether the model reads from left to right."""
        return type(self.network).__name__.endswith(_CAUSAL)

    def answer(
        self, request: TokenLogProb | SpanLogProb, where: IntArray, batch: Encoded
    ) -> Reading:
        """Answer the request about row `where[i]` of the batch for each i."""
        if self.causal and (isinstance(request, SpanLogProb) or request.mask == "each"):
            raise AuditError("a causal language model has no mask; use mask='none'")
        rows = batch.take(where)
        if isinstance(request, SpanLogProb):
            return self._span(request, rows)
        if self.causal:
            return self._causal(request, rows)
        return self._each(rows) if request.mask == "each" else self._all(request, rows)

    def _each(self, batch: Encoded) -> Reading:
        rows, cols = np.nonzero(batch.text)
        source = np.tile(np.arange(batch.text.shape[1]), (len(rows), 1))
        found = self._masked(batch, rows, cols, source)
        return _reading(batch, batch.text, found)

    def _span(self, request: SpanLogProb, batch: Encoded) -> Reading:
        spans = np.array(request.spans, dtype=np.int64).reshape(-1, 1, 2)
        begins, ends = batch.offsets[..., 0], batch.offsets[..., 1]
        inside = batch.text & (begins < spans[..., 1]) & (ends > spans[..., 0])
        rows, cols = np.nonzero(inside)
        after = np.where(inside, np.arange(inside.shape[1]), -1).max(1, initial=-1)
        place = np.arange(inside.shape[1])
        hidden = (after[rows] - cols)[:, None]
        source = place + np.where(place > cols[:, None], hidden, 0)
        return _reading(batch, inside, self._masked(batch, rows, cols, source))

    def _masked(
        self, batch: Encoded, rows: IntArray, cols: IntArray, source: IntArray
    ) -> "Found":
        """Mask column `cols[i]` of row `rows[i]`, other columns taken from `source`."""
        step = max(1, max(TOKENS, batch.text.size) // max(1, batch.text.shape[1]))
        step = min(step, max(1, LOGITS // self._vocabulary))
        parts = [
            self._masked_part(batch, rows[at], cols[at], source[at])
            for at in _chunks(len(rows), step)
        ]
        return Found.join(parts)

    def _masked_part(
        self, batch: Encoded, rows: IntArray, cols: IntArray, source: IntArray
    ) -> "Found":
        inputs = rearranged(batch.inputs, rows, source, self.tokenizer.pad_token_id)
        at = torch.from_numpy(cols).to(inputs["input_ids"].device)
        every = torch.arange(len(rows), device=at.device)
        # The source of the masked column is the column itself: its token is the target.
        targets = inputs["input_ids"][every, at].clone()
        inputs["input_ids"][every, at] = self.tokenizer.mask_token_id
        return self._pass(cut(inputs), every, at, targets)

    def _all(self, request: TokenLogProb, batch: Encoded) -> Reading:
        found = Found.join([self._unmasked(part) for part in self._parts(batch)])
        reading = _reading(batch, batch.text, found)
        if not request.attention:
            return reading
        weights = [received(self.network, part.inputs) for part in self._parts(batch)]
        flat = [
            weight[part.text]
            for weight, part in zip(weights, self._parts(batch), strict=True)
        ]
        return {**reading, "attention": np.concatenate(flat)}

    def _unmasked(self, batch: Encoded) -> "Found":
        rows, cols = torch.from_numpy(batch.text).nonzero(as_tuple=True)
        ids = batch.inputs["input_ids"]
        rows, cols = rows.to(ids.device), cols.to(ids.device)
        return self._pass(batch.inputs, rows, cols, ids[rows, cols])

    def _causal(self, request: TokenLogProb, batch: Encoded) -> Reading:
        begun = started(batch, self._start, self.limit)
        found = Found.join([self._left(part) for part in self._parts(begun)])
        if request.start == "none":
            found = self._unstarted(begun, found)
        return _reading(begun, begun.text, found)

    def _left(self, batch: Encoded) -> "Found":
        rows, cols = torch.from_numpy(batch.text).nonzero(as_tuple=True)
        ids = batch.inputs["input_ids"]
        rows, cols = rows.to(ids.device), cols.to(ids.device)
        return self._pass(batch.inputs, rows, cols - 1, ids[rows, cols])

    def _unstarted(self, batch: Encoded, found: "Found") -> "Found":
        """Score all but the first token again, without the start token."""
        bare = Encoded(
            {name: x[:, 1:] for name, x in batch.inputs.items()},
            batch.offsets[:, 1:],
            batch.text[:, 1:] & (np.arange(batch.text.shape[1] - 1) > 0),
            batch.truncated,
        )
        again = Found.join([self._left(part) for part in self._parts(bare)])
        _, cols = np.nonzero(batch.text)
        return found.replaced(cols > 1, again)

    @property
    def _start(self) -> int:
        known = (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id)
        found = next((number for number in known if number is not None), None)
        if found is None:
            raise AuditError(
                "The tokenizer has neither a bos nor an eos token, so the first token "
                "of a text has no condition. Name one in tokenizer_config.json."
            )
        return int(found)

    @property
    def _vocabulary(self) -> int:
        return int(self.network.config.vocab_size)

    def _parts(self, batch: Encoded) -> Iterator[Encoded]:
        """Cut a batch so that the logits of a part stay within bounds."""
        step = max(1, LOGITS // (self._vocabulary * max(1, batch.text.shape[1])))
        for at in _chunks(len(batch.text), step):
            yield batch.take(np.arange(len(batch.text))[at])

    def _pass(
        self,
        inputs: Inputs,
        rows: torch.Tensor,
        cols: torch.Tensor,
        targets: torch.Tensor,
    ) -> "Found":
        if not len(rows):
            return Found.nothing()
        with _only(self.network, rows, cols):
            logits = self.network(**inputs).logits
        if logits.shape[:2] != (1, len(rows)):
            raise AuditError(
                f"{type(self.network).__name__} gives its logits in a way that cannot "
                "be read at single positions; its likelihood is not measured."
            )
        return Found.of(logits[0].float(), targets)


@dataclass(frozen=True)
class Found:
    """Log-probability, id and rank of tokens, each of shape (tokens,)."""

    logprob: AnyArray
    token: AnyArray
    top1: AnyArray

    @classmethod
    def of(cls, logits: torch.Tensor, targets: torch.Tensor) -> "Found":
        """Read the targets off the logits, shape (tokens, vocabulary)."""
        chosen = logits.gather(-1, targets[:, None])[:, 0]
        top1 = chosen >= logits.amax(-1)
        logprob = chosen - logits.logsumexp(-1)
        return cls(
            logprob.cpu().numpy(),
            targets.cpu().numpy().astype(np.int32),
            top1.cpu().numpy(),
        )

    @classmethod
    def nothing(cls) -> "Found":
        """Return no token."""
        return cls(np.empty(0, np.float32), np.empty(0, np.int32), np.empty(0, bool))

    @classmethod
    def join(cls, parts: "list[Found]") -> "Found":
        """Return the tokens of all parts in order."""
        parts = parts or [cls.nothing()]
        return cls(
            np.concatenate([part.logprob for part in parts]),
            np.concatenate([part.token for part in parts]),
            np.concatenate([part.top1 for part in parts]),
        )

    def replaced(self, where: BoolArray, by: "Found") -> "Found":
        """Return the tokens with those at `where` exchanged."""
        logprob, top1 = self.logprob.copy(), self.top1.copy()
        logprob[where], top1[where] = by.logprob, by.top1
        return Found(logprob, self.token, top1)


@contextmanager
def _only(network: Any, rows: torch.Tensor, cols: torch.Tensor) -> Iterator[None]:  # noqa: ANN401
    """Let the head see the hidden states at (rows, cols) alone, as one sequence."""

    def gather(_module: object, _args: object, out: Any) -> Any:  # noqa: ANN401
        out.last_hidden_state = out.last_hidden_state[rows, cols].unsqueeze(0)
        return out

    handle = network.base_model.register_forward_hook(gather)
    try:
        yield
    finally:
        handle.remove()


def _reading(batch: Encoded, wanted: BoolArray, found: Found) -> Reading:
    offsets = batch.offsets[wanted]
    return {
        "lengths": wanted.sum(1).astype(np.int64),
        "truncated": batch.truncated,
        "logprob": found.logprob,
        "token": found.token,
        "top1": found.top1,
        "start": offsets[:, 0].astype(np.int32),
        "end": offsets[:, 1].astype(np.int32),
    }


def _chunks(n: int, step: int) -> Iterator[slice]:
    return (slice(begin, begin + step) for begin in range(0, n, step))
