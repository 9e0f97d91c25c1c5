"""A batch of texts that a classifier was run on with gradients."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import torch

from fairaudit.arrays import AnyArray, Array, IntArray
from fairaudit.errors import AuditError
from fairaudit.model import Directional, Sensitivity, Slope
from fairaudit.models.encoded import Encoded
from fairaudit.models.gradients import Move, Point, Slopes, slopes, weighted_slopes


class Outputs(Protocol):
    """What running a classifier leaves."""

    @property
    def probabilities(self) -> torch.Tensor | None:
        """Shape (b, classes)."""
        ...

    @property
    def point(self) -> Point | None:
        """Where it ran, None where it cannot be differentiated."""
        ...


@dataclass(frozen=True)
class Classifier:
    """What a classifier has to be able to do for its slopes to be measured.

    Parameters
    ----------
    encode
        Tokenise and pad texts.
    at
        Run with gradients, the word embeddings moved.
    embed
        Look token ids up in the table of word embeddings.
    """

    encode: Callable[[Sequence[str]], Encoded]
    at: Callable[[Encoded, Move | None], Outputs]
    embed: Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Answers:
    """Numbers of the texts of a batch: shape (b,) each, and (b, t) for tokens."""

    texts: Mapping[str, AnyArray]
    tokens: Array | None = None


@dataclass(frozen=True)
class Differentiated:
    """A batch that a classifier was run on with gradients.

    Parameters
    ----------
    task
        The classifier.
    texts, batch
        The texts and their tokens.
    outputs
        Of the classifier on the batch.
    """

    task: Classifier
    texts: Sequence[str]
    batch: Encoded
    outputs: Outputs
    _known: dict[object, Slopes | None] = field(default_factory=dict)

    @cached_property
    def probabilities(self) -> Array:
        """Shape (b, classes)."""
        if self.outputs.probabilities is None:
            raise AuditError("the model gave no class probabilities")
        found: Array = self.outputs.probabilities.numpy()
        return found

    def classes(self, request: Sensitivity | Directional, rows: IntArray) -> IntArray:
        """Return the class of each text that is differentiated, -1 for none."""
        predicted: IntArray = np.nan_to_num(self.probabilities).argmax(1)
        if not request.classes:
            return predicted
        given = np.array([*request.classes, 0], dtype=np.int64)[rows]
        return np.where(rows >= 0, given, predicted)

    def slopes(
        self, at: Point | None, classes: IntArray, slope: Slope, *, unsigned: bool
    ) -> Slopes | None:
        """Differentiate; at the texts themselves what was once done is kept."""
        if at is None or at is not self.outputs.point:
            return _slopes(at, classes, slope, unsigned=unsigned)
        every = unsigned or not slope.weights
        key = slope.readout, slope.weights, slope.norm, every, classes.tobytes()
        if key not in self._known:
            self._known[key] = _slopes(at, classes, slope, unsigned=unsigned)
        return self._known[key]

    def fault(self, classes: IntArray) -> AnyArray:
        """Return why each text has no slope, as far as that is known beforehand."""
        fault = np.zeros(len(classes), dtype=np.int8)
        fault[~np.isfinite(self.probabilities).all(1)] = 2
        fault[classes < 0] = 4
        fault[~self.batch.text.any(1)] = 1
        if self.outputs.point is None:
            fault[:] = 3
        return fault

    def common(
        self, slope: Slope, classes: IntArray, fault: AnyArray
    ) -> dict[str, AnyArray]:
        """Return the columns that all answers have."""
        steep = np.full(len(classes), np.nan)
        if self.outputs.point is not None and not slope.weights:
            chosen = torch.from_numpy(np.maximum(classes, 0))
            steep = self.outputs.point.steepness(chosen).numpy()
        return {
            "probabilities": self.probabilities,
            "steepness": np.where(fault > 0, np.nan, steep),
            "fault": fault,
        }


def mark(fault: AnyArray, values: Array) -> None:
    """Mark texts without another fault whose slope is not finite."""
    fault[(fault == 0) & ~np.isfinite(values)] = 2


def rounds(
    request: Sensitivity | Directional, where: IntArray, texts: int
) -> tuple[list[IntArray], IntArray]:
    """Split rows so that each round has one row a text.

    Rows about one text may ask for different classes or terms of it; equal rows are
    answered once.

    Returns
    -------
    tuple
        The row of each text in each round, -1 for none, and the round of each row.
    """
    seen: list[dict[str, int]] = [{} for _ in range(texts)]
    number = np.zeros(len(where), dtype=np.int64)
    found: list[IntArray] = []
    for row, (at, key) in enumerate(zip(where, request.row_keys(), strict=True)):
        number[row] = seen[at].setdefault(key, len(seen[at]))
        if number[row] == len(found):
            found.append(np.full(texts, -1))
        found[number[row]][at] = row
    return found, number


def _slopes(
    at: Point | None, classes: IntArray, slope: Slope, *, unsigned: bool
) -> Slopes | None:
    if at is None:
        return None
    if slope.weights:
        return weighted_slopes(
            at, slope.weights, slope.readout, slope.norm, unsigned=unsigned
        )
    return slopes(
        at, torch.from_numpy(np.maximum(classes, 0)), slope.readout, slope.norm
    )
