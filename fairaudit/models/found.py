"""What is read off the logits at single positions."""

from dataclasses import dataclass

import numpy as np
import torch

from fairaudit.arrays import AnyArray, BoolArray, IntArray
from fairaudit.model import Reading
from fairaudit.models.encoded import Encoded


@dataclass(frozen=True)
class Found:
    """Log-probability, id and rank of tokens, each of shape (tokens,)."""

    logprob: AnyArray
    token: AnyArray
    top1: AnyArray

    @classmethod
    def of(cls, logits: torch.Tensor, at: IntArray, targets: IntArray) -> "Found":
        """Read token `targets[i]` off row `at[i]` of the logits for each i."""
        rows = torch.from_numpy(at).to(logits.device)
        columns = torch.from_numpy(targets).to(logits.device)
        chosen = logits[rows, columns]
        logprob = chosen - logits.logsumexp(-1)[rows]
        top1 = chosen >= logits.amax(-1)[rows]
        return cls(logprob.cpu().numpy(), targets.astype(np.int32), top1.cpu().numpy())

    @classmethod
    def empty(cls, n: int) -> "Found":
        """Return room for tokens."""
        return cls(np.empty(n, np.float32), np.empty(n, np.int32), np.empty(n, bool))

    @classmethod
    def join(cls, parts: "list[Found]") -> "Found":
        """Return the tokens of all parts in order."""
        parts = parts or [cls.empty(0)]
        return cls(
            np.concatenate([part.logprob for part in parts]),
            np.concatenate([part.token for part in parts]),
            np.concatenate([part.top1 for part in parts]),
        )

    def put(self, where: IntArray, part: "Found") -> None:
        """Set the tokens at `where`."""
        self.logprob[where] = part.logprob
        self.token[where] = part.token
        self.top1[where] = part.top1

    def replaced(self, where: BoolArray, by: "Found") -> "Found":
        """Return the tokens with those at `where` exchanged."""
        logprob, top1 = self.logprob.copy(), self.top1.copy()
        logprob[where], top1[where] = by.logprob, by.top1
        return Found(logprob, self.token, top1)


@dataclass(frozen=True)
class Likeliest:
    """The k most likely tokens of n positions, each of shape (n, k)."""

    token: AnyArray
    logprob: AnyArray

    @classmethod
    def empty(cls, n: int, k: int) -> "Likeliest":
        """Return room where nothing is known: ids of -1, log-probabilities of NaN."""
        return cls(np.full((n, k), -1, np.int32), np.full((n, k), np.nan, np.float32))

    @classmethod
    def of(cls, logits: torch.Tensor, k: int, barred: AnyArray) -> "Likeliest":
        """Take the most likely tokens that are not barred."""
        logprobs = logits.log_softmax(-1)
        logprobs[:, torch.from_numpy(barred).to(logits.device)] = -torch.inf
        values, tokens = logprobs.topk(k, dim=-1)
        return cls(tokens.cpu().numpy().astype(np.int32), values.cpu().numpy())

    @classmethod
    def join(cls, parts: "list[Likeliest]") -> "Likeliest":
        """Return the positions of all parts in order."""
        return cls(
            np.concatenate([part.token for part in parts]),
            np.concatenate([part.logprob for part in parts]),
        )

    def take(self, rows: IntArray) -> "Likeliest":
        """Return some positions."""
        return Likeliest(self.token[rows], self.logprob[rows])

    def put(self, where: IntArray, part: "Likeliest") -> None:
        """Set the positions at `where`."""
        self.token[where] = part.token
        self.logprob[where] = part.logprob


def columns(batch: Encoded, wanted: BoolArray, found: Found) -> Reading:
    """Return the columns about the tokens of a batch that are wanted."""
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
