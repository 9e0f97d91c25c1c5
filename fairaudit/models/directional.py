"""How a classifier's output moves towards another text, to first order."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from fairaudit.arrays import AnyArray, Array, BoolArray, IntArray
from fairaudit.model import Ask, Directional, Reading
from fairaudit.models.alignment import replacements
from fairaudit.models.differentiated import Answers, Differentiated, mark, rounds
from fairaudit.models.encoded import Encoded
from fairaudit.models.gradients import Point
from fairaudit.models.smoothing import towards


def directed(texts: Differentiated, ask: Ask) -> Reading:
    """Answer a `Directional` request about a batch."""
    request = ask.request
    if not isinstance(request, Directional):
        raise TypeError(f"{request.kind} is no question of direction")
    asked, number = rounds(request, ask.where, len(texts.texts))
    found = [_Round(texts, request, rows).answers().texts for rows in asked]
    return {
        name: np.stack([answers[name] for answers in found])[number, ask.where]
        for name in found[0]
    }


@dataclass(frozen=True)
class _Step:
    """The way from texts to their counterparts.

    Parameters
    ----------
    vectors
        Shape (b, t, d).
    moved
        Shape (b,): how many tokens move.
    aligned
        Shape (b,): whether that is all the difference.
    """

    vectors: torch.Tensor
    moved: IntArray
    aligned: BoolArray


@dataclass(frozen=True)
class _Round:
    """One row of each text; -1 where a text has none."""

    on: Differentiated
    request: Directional
    rows: IntArray

    def answers(self) -> Answers:
        """Differentiate towards the counterparts."""
        slope = self.request.slope
        classes = self.on.classes(self.request, self.rows)
        step = self._step()
        share = 1.0 if slope.smooth == "none" else 1 / slope.points
        value = np.zeros(len(self.rows))
        for at in self._points(step):
            value = value + share * self._along(at, classes, step)
        fault = self.on.fault(classes)
        mark(fault, value)
        columns: dict[str, AnyArray] = {
            **self.on.common(slope, classes, fault),
            "directional": np.where(fault > 0, np.nan, value),
            "moved": step.moved,
            "aligned": step.aligned,
        }
        return Answers(columns)

    def _points(self, step: _Step) -> Iterator[Point | None]:
        slope, on = self.request.slope, self.on
        if slope.smooth == "none":
            yield on.outputs.point
            return
        for move in towards(slope, on.texts, on.batch, step.vectors):
            yield on.task.at(on.batch, move).point

    def _along(self, at: Point | None, classes: IntArray, step: _Step) -> Array:
        found = self.on.slopes(at, classes, self.request.slope, unsigned=False)
        if found is None:
            return np.full(len(classes), np.nan)
        # Only tokens of the text move, so nothing else has a part in the sum.
        sums = (found.signed.to(step.vectors) * step.vectors).sum((1, 2))
        along: Array = (sums.cpu().double() * found.factor.cpu()).numpy()
        return along

    def _step(self) -> _Step:
        others = [
            self.request.counterparts[row] if row >= 0 else text
            for row, text in zip(self.rows, self.on.texts, strict=True)
        ]
        target = self.on.task.encode(others)
        found = replacements(_ids(self.on.batch), _ids(target))
        with torch.no_grad():
            here = self.on.task.embed(self.on.batch.inputs["input_ids"])
            there = self.on.task.embed(target.inputs["input_ids"])
        goal = torch.from_numpy(found.targets).to(here) @ there
        moved = torch.from_numpy(found.moved).to(here)
        counts = found.moved.sum(1).astype(np.int64)
        return _Step(goal - moved[..., None] * here, counts, found.aligned)


def _ids(batch: Encoded) -> list[list[int]]:
    lengths = batch.inputs["attention_mask"].sum(1).tolist()
    rows = batch.inputs["input_ids"].tolist()
    return [row[:length] for row, length in zip(rows, lengths, strict=True)]
