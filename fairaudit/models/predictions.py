"""Predictions that a system made elsewhere, looked up by text."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fairaudit.arrays import Array
from fairaudit.errors import AuditError
from fairaudit.model import ModelCard, Predict, Reading, Request
from fairaudit.models.filed import FiledModel

ARCHITECTURE = "predictions in a file"
_REFUSED = ("embed", "gradient", "sensitivity", "token_logprob", "span_logprob")


@dataclass(frozen=True, kw_only=True, eq=False)
class PredictionsModel(FiledModel):
    """A model that is known by its predictions alone.

    Parameters
    ----------
    labels
        The classes.
    rows
        Row of `probabilities` by text.
    probabilities
        Shape (rows, classes).
    path, sha256, unmatched, name
        As in `FiledModel`.
    """

    labels: tuple[str, ...]
    rows: Mapping[str, int]
    probabilities: Array

    @cached_property
    def card(self) -> ModelCard:
        """Name, hash of the file, classes, and the texts it is about."""
        return ModelCard(
            entry=self._entry(ARCHITECTURE, Predict.kind),
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
