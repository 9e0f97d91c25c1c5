"""Whether one text follows another, by a checkpoint's next-sentence head."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fairaudit.arrays import AnyArray
from fairaudit.errors import AuditError
from fairaudit.model import NextSentence, Reading
from fairaudit.models import ModelOptions
from fairaudit.models.checkpoint import Checkpoint
from fairaudit.models.network import load_network

TOKENS = 2048
"""Upper bound of the padded tokens of one pass, but for a single pair."""
_FOLLOWS = 0


@dataclass(frozen=True)
class Follower:
    """A network with a next-sentence head.

    It is loaded beside the one that answers all else, and only when it is asked.
    """

    network: Any
    tokenizer: Any
    limit: int

    @classmethod
    def load(
        cls,
        checkpoint: Checkpoint,
        options: ModelOptions,
        tokenizer: Any,  # noqa: ANN401
        limit: int,
    ) -> "Follower":
        """Load the head and the body below it; every tensor must be there."""
        return cls(load_network(checkpoint, options, "next_sentence"), tokenizer, limit)

    def answer(self, request: NextSentence) -> Reading:
        """Answer the request, pairs of like length together."""
        rows = list(zip(request.texts, request.following, strict=True))
        lengths = np.array(
            [len(ids) for ids in self.tokenizer(rows, verbose=False)["input_ids"]]
        )
        self._require_pairs(rows[0])
        logprob = np.empty(len(rows), dtype=np.float32)
        order = np.argsort(lengths, kind="stable")
        step = max(1, TOKENS // int(min(lengths.max(), self.limit)))
        for begin in range(0, len(rows), step):
            at = order[begin : begin + step]
            logprob[at] = self._read([rows[row] for row in at])
        return {"logprob": logprob, "truncated": lengths > self.limit}

    def _read(self, rows: list[tuple[str, str]]) -> AnyArray:
        two = getattr(self.network.config, "type_vocab_size", 1) > 1
        encoded = self.tokenizer(
            rows,
            padding=True,
            truncation="longest_first",
            max_length=self.limit,
            return_tensors="pt",
            # Which text a token is of; not every tokenizer says it unasked.
            return_token_type_ids=two,
        )
        device = next(self.network.parameters()).device
        inputs = {name: tensor.to(device) for name, tensor in encoded.items()}
        logits: torch.Tensor = self.network(**inputs).logits
        found: AnyArray = logits.float().log_softmax(-1)[:, _FOLLOWS].cpu().numpy()
        return found

    def _require_pairs(self, row: tuple[str, str]) -> None:
        marks = self.tokenizer([row], return_special_tokens_mask=True, verbose=False)[
            "special_tokens_mask"
        ][0]
        if sum(marks[1:-1]) == 0:
            raise AuditError(
                "The tokenizer puts nothing between two texts, so the next-sentence "
                "head cannot tell them apart. Save the tokenizer of the model again, "
                "or leave the intersentence task out (stereoset:part=intrasentence)."
            )
