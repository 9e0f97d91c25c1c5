"""Log-probabilities of tokens under masked and causal language models."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fairaudit.arrays import IntArray
from fairaudit.errors import AuditError
from fairaudit.model import Fill, Likelihood, Reading, SpanLogProb, TokenLogProb
from fairaudit.models.attention import received
from fairaudit.models.encoded import Encoded, Inputs, started
from fairaudit.models.found import Found, columns
from fairaudit.models.head import Head
from fairaudit.models.masked import Masks

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

    def answer(self, request: Likelihood, where: IntArray, batch: Encoded) -> Reading:
        """Answer the request about row `where[i]` of the batch for each i."""
        unmasked = isinstance(request, TokenLogProb) and request.mask == "none"
        if self.causal and not unmasked:
            raise AuditError("a causal language model has no mask; use mask='none'")
        rows = batch.take(where)
        masks = Masks(self.head, self.tokenizer, self.limit)
        if isinstance(request, SpanLogProb):
            return masks.span(request, rows)
        if isinstance(request, Fill):
            return masks.fill(request, rows)
        if self.causal:
            return self._causal(request, rows)
        return self._all(request, rows) if unmasked else masks.each(request, rows)

    @property
    def head(self) -> Head:
        """The network, as it is asked for single positions."""
        return Head(self.network)

    def _all(self, request: TokenLogProb, batch: Encoded) -> Reading:
        found = Found.join([self._unmasked(part) for part in self._parts(batch)])
        reading = columns(batch, batch.text, found)
        if not request.attention:
            return reading
        weights = [received(self.network, part.inputs) for part in self._parts(batch)]
        flat = [
            weight[part.text]
            for weight, part in zip(weights, self._parts(batch), strict=True)
        ]
        return {**reading, "attention": np.concatenate(flat)}

    def _unmasked(self, batch: Encoded) -> Found:
        rows, cols = torch.from_numpy(batch.text).nonzero(as_tuple=True)
        ids = batch.inputs["input_ids"]
        rows, cols = rows.to(ids.device), cols.to(ids.device)
        return self._scored(batch.inputs, rows, cols, ids[rows, cols])

    def _causal(self, request: TokenLogProb, batch: Encoded) -> Reading:
        begun = started(batch, self._start, self.limit)
        found = Found.join([self._left(part) for part in self._parts(begun)])
        if request.start == "none":
            found = self._unstarted(begun, found)
        return columns(begun, begun.text, found)

    def _left(self, batch: Encoded) -> Found:
        rows, cols = torch.from_numpy(batch.text).nonzero(as_tuple=True)
        ids = batch.inputs["input_ids"]
        rows, cols = rows.to(ids.device), cols.to(ids.device)
        return self._scored(batch.inputs, rows, cols - 1, ids[rows, cols])

    def _unstarted(self, batch: Encoded, found: Found) -> Found:
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

    def _parts(self, batch: Encoded) -> Iterator[Encoded]:
        """Cut a batch so that the logits of a part stay within bounds."""
        step = max(1, self.head.rows // max(1, batch.text.shape[1]))
        for at in _chunks(len(batch.text), step):
            yield batch.take(np.arange(len(batch.text))[at])

    def _scored(
        self,
        inputs: Inputs,
        rows: torch.Tensor,
        cols: torch.Tensor,
        targets: torch.Tensor,
    ) -> Found:
        if not len(rows):
            return Found.empty(0)
        logits = self.head.logits(inputs, rows, cols)
        return Found.of(logits, np.arange(len(rows)), targets.cpu().numpy())


def _chunks(n: int, step: int) -> Iterator[slice]:
    return (slice(begin, begin + step) for begin in range(0, n, step))
