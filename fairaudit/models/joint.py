"""Log-probabilities of tokens that are masked together."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from fairaudit.arrays import BoolArray, IntArray
from fairaudit.model import JointLogProb, Reading
from fairaudit.models.encoded import Encoded
from fairaudit.models.found import Found, columns
from fairaudit.models.masked import TOKENS, Masks


@dataclass(frozen=True)
class Joint:
    """A masked language model that reads texts with all modified tokens masked."""

    masks: Masks

    def answer(self, request: JointLogProb, where: IntArray, batch: Encoded) -> Reading:
        """Answer the request about row `where[i]` of the batch for each i."""
        rows = batch.take(where)
        wanted = rows.text & ~self.masks.shared(request, rows)
        parts = [self._found(rows.take(at), wanted[at]) for at in self._parts(wanted)]
        return columns(rows, wanted, Found.join(parts))

    def _parts(self, wanted: BoolArray) -> Iterator[IntArray]:
        """Yield rows whose tokens and logits stay within bounds."""
        wide = max(1, wanted.shape[1])
        step = max(1, min(TOKENS, self.masks.head.rows) // wide)
        return (
            np.arange(begin, min(begin + step, len(wanted)))
            for begin in range(0, len(wanted), step)
        )

    def _found(self, batch: Encoded, wanted: BoolArray) -> Found:
        rows, cols = np.nonzero(wanted)
        if not len(rows):
            return Found.empty(0)
        ids = batch.inputs["input_ids"]
        at, place = torch.from_numpy(rows), torch.from_numpy(cols)
        at, place = at.to(ids.device), place.to(ids.device)
        targets = ids[at, place].cpu().numpy()
        masked = ids.clone()
        masked[at, place] = self.masks.tokenizer.mask_token_id
        inputs = {**batch.inputs, "input_ids": masked}
        logits = self.masks.head.logits(inputs, at, place)
        return Found.of(logits, np.arange(len(rows)), targets)
