"""Predictions that a system made elsewhere, looked up by text."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.errors import AuditError
from fairaudit.model import Ask, ModelCard, Predict, Reading, Request
from fairaudit.result import ModelEntry

ARCHITECTURE = "predictions in a file"
_REFUSED = ("embed", "gradient", "sensitivity", "token_logprob", "span_logprob")


@dataclass(frozen=True, kw_only=True)
class PredictionsModel:
    """A model that is known by its predictions alone.

    Parameters
    ----------
    path, sha256
        The file and the hash of its bytes.
    labels
        The classes.
    rows
        Row of `probabilities` by text.
    probabilities
        Shape (rows, classes).
    unmatched
        Rows of the file that are about no text of the data.
    name
        In the report; by default that of the file.
    """

    path: Path
    sha256: str
    labels: tuple[str, ...]
    rows: Mapping[str, int]
    probabilities: Array
    unmatched: int = 0
    name: str = ""

    @cached_property
    def card(self) -> ModelCard:
        """Name, hash of the file, classes, and the texts it is about."""
        return ModelCard(
            entry=ModelEntry(
                name=self.name or self.path.name,
                path=self.path.as_posix(),
                fingerprint=self.sha256,
                architecture=ARCHITECTURE,
                reads=(Predict.kind,),
            ),
            labels=self.labels,
            why_not=dict.fromkeys(
                _REFUSED,
                "a file of predictions has no representations, gradients or "
                "likelihoods; audit the model itself for it",
            ),
            texts=self.rows.keys(),
        )

    def identity(self, request: Request) -> Mapping[str, str]:
        """Return a digest of what each text is predicted to be.

        The file alone does not say it where the data tells which text has which id.
        """
        return {"model": ARCHITECTURE, "predictions": self._digest}

    def token_counts(self, texts: Sequence[str]) -> IntArray:
        """Count each text as one: the length does not matter to a lookup."""
        return np.ones(len(texts), dtype=np.int64)

    def read(self, texts: Sequence[str], asks: Sequence[Ask]) -> list[Reading]:
        """Look the texts up."""
        return [self._answer(ask.request) for ask in asks]

    def _answer(self, request: Request) -> Reading:
        if not isinstance(request, Predict):
            raise AuditError(f"{self.path} answers no {request.kind!r}.")
        rows = [self.rows.get(text, -1) for text in request.texts]
        if -1 in rows:
            text = request.texts[rows.index(-1)]
            raise AuditError(
                f"{self.path} has no prediction for {text[:60]!r}. Add it."
            )
        return {"probabilities": self.probabilities[rows]}

    @cached_property
    def _digest(self) -> str:
        total = hashlib.sha256("\0".join(self.labels).encode())
        for text in self.rows:
            total.update(text.encode("utf-8", "surrogatepass") + b"\0")
        order = np.fromiter(self.rows.values(), np.int64, len(self.rows))
        total.update(np.ascontiguousarray(self.probabilities[order]).tobytes())
        return total.hexdigest()

    def __hash__(self) -> int:
        return hash(self.path)
