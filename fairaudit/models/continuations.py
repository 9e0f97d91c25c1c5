"""Continuations that a model wrote elsewhere, looked up by prompt and sample."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from fairaudit.arrays import Array
from fairaudit.errors import AuditError
from fairaudit.model import Generate, ModelCard, Reading, Request
from fairaudit.model.generation import ABSENT, EMPTY, HELD, SCORE
from fairaudit.models.filed import FiledModel

ARCHITECTURE: Final = "continuations in a file"
_REFUSED = ("embed", "predict", "gradient", "sensitivity", "token_logprob")
_ALSO_REFUSED = ("span_logprob", "joint_logprob", "fill", "next_sentence")


@dataclass(frozen=True, kw_only=True, eq=False)
class ContinuationsModel(FiledModel):
    """A model that is known by what it wrote.

    Parameters
    ----------
    written
        The continuations of each prompt, in the order of the file.
    scores
        By name of the score and by prompt, one a continuation; NaN where it has none.
    path, sha256, unmatched, name
        As in `FiledModel`; a second row about one prompt is unmatched too.
    """

    written: Mapping[str, tuple[str, ...]]
    scores: Mapping[str, Mapping[str, Array]]

    @cached_property
    def card(self) -> ModelCard:
        """Name, hash of the file, the prompts it continues, and how often."""
        return ModelCard(
            entry=self._entry(ARCHITECTURE, Generate.kind),
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


def _at(scores: Array | None, sample: int) -> float:
    if scores is None or sample >= len(scores):
        return float("nan")
    return float(scores[sample])
