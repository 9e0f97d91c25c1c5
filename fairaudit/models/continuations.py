"""Continuations that a model wrote elsewhere, looked up by prompt and sample."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.errors import AuditError
from fairaudit.model import Ask, Generate, ModelCard, Reading, Request
from fairaudit.model.generation import ABSENT, EMPTY, HELD, SCORE
from fairaudit.result import ModelEntry

ARCHITECTURE: Final = "continuations in a file"
_REFUSED = ("embed", "predict", "gradient", "sensitivity", "token_logprob")
_ALSO_REFUSED = ("span_logprob", "joint_logprob", "fill", "next_sentence")


@dataclass(frozen=True, kw_only=True)
class ContinuationsModel:
    """A model that is known by what it wrote.

    Parameters
    ----------
    path, sha256
        The file and the hash of its bytes.
    written
        The continuations of each prompt, in the order of the file.
    scores
        By name of the score and by prompt, one a continuation; NaN where it has none.
    unmatched
        Rows of the file that are about no prompt of the data, or about one for which
        a row stands before.
    name
        In the report; by default that of the file.
    """

    path: Path
    sha256: str
    written: Mapping[str, tuple[str, ...]]
    scores: Mapping[str, Mapping[str, Array]]
    unmatched: int = 0
    name: str = ""

    @cached_property
    def card(self) -> ModelCard:
        """Name, hash of the file, the prompts it continues, and how often."""
        return ModelCard(
            entry=ModelEntry(
                name=self.name or self.path.name,
                path=self.path.as_posix(),
                fingerprint=self.sha256,
                architecture=ARCHITECTURE,
                reads=(Generate.kind,),
            ),
            why_not=dict.fromkeys(
                (*_REFUSED, *_ALSO_REFUSED),
                "a file of continuations has no representations, predictions or "
                "likelihoods; audit the model itself for it",
            ),
            texts=self.written.keys(),
            samples=max(map(len, self.written.values()), default=1),
        )

    def identity(self, request: Request) -> Mapping[str, str]:
        """Return the hash of the file, which says all."""
        known = "\0".join(self.scores)
        told = hashlib.sha256(f"{self.sha256}\0{known}".encode()).hexdigest()
        return {"model": ARCHITECTURE, "continuations": told}

    def token_counts(self, texts: Sequence[str]) -> IntArray:
        """Count each prompt as one: the length does not matter to a lookup."""
        return np.ones(len(texts), dtype=np.int64)

    def read(self, texts: Sequence[str], asks: Sequence[Ask]) -> list[Reading]:
        """Look the continuations up."""
        return [self._answer(ask.request) for ask in asks]

    def _answer(self, request: Request) -> Reading:
        if not isinstance(request, Generate):
            raise AuditError(f"{self.path} answers no {request.kind!r}.")
        asked = list(zip(request.texts, request.samples, strict=True))
        found = [self._text(prompt, sample) for prompt, sample in asked]
        raw = [(text or "").encode("utf-8", "replace") for text in found]
        state = [
            ABSENT if text is None else HELD if text.strip() else EMPTY
            for text in found
        ]
        return {
            "state": np.array(state, dtype=np.int8),
            "tokens": np.zeros(len(found), dtype=np.int64),
            "utf8": np.frombuffer(b"".join(raw), dtype=np.uint8),
            "lengths": np.array([len(part) for part in raw], dtype=np.int64),
            **{
                SCORE + name: np.array(
                    [_at(scores.get(prompt), sample) for prompt, sample in asked]
                )
                for name, scores in self.scores.items()
            },
        }

    def _text(self, prompt: str, sample: int) -> str | None:
        found = self.written.get(prompt)
        if found is None:
            raise AuditError(
                f"{self.path} has no continuation of {prompt[:60]!r}. Add it."
            )
        return found[sample] if sample < len(found) else None

    def __hash__(self) -> int:
        return hash(self.path)


def _at(scores: Array | None, sample: int) -> float:
    if scores is None or sample >= len(scores):
        return float("nan")
    return float(scores[sample])
