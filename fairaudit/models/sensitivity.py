"""How a classifier's output moves along what is protected, text by text.

The Jacobian never leaves this step: what is reported is one number a text and form, and
one a token.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from fairaudit.arrays import AnyArray, Array, BoolArray, IntArray
from fairaudit.errors import AuditError
from fairaudit.model import Ask, Reading, Sensitivity
from fairaudit.models.accumulation import FORMS, REACH, Tokens, accumulate
from fairaudit.models.differentiated import Answers, Differentiated, mark, rounds
from fairaudit.models.encoded import Encoded
from fairaudit.models.gradients import Point, token_norms
from fairaudit.models.protected import Companion
from fairaudit.models.smoothing import around

POINTED = ("signed", "absolute", "token")
"""The forms that need a protected-status model."""


def accumulated(
    texts: Differentiated, companion: Companion | None, ask: Ask
) -> Reading:
    """Answer a `Sensitivity` request about a batch."""
    request = ask.request
    if not isinstance(request, Sensitivity):
        raise TypeError(f"{request.kind} is no question of sensitivity")
    if request.psm and companion is None:
        raise AuditError("no protected-status model was given (--psm DIR)")
    asked, number = rounds(request, ask.where, len(texts.texts))
    other = companion if request.psm else None
    found = [_Round(texts, other, request, rows).answers() for rows in asked]
    columns = {
        name: np.stack([answers.texts[name] for answers in found])[number, ask.where]
        for name in found[0].texts
    }
    tokens = np.stack([a.tokens for a in found if a.tokens is not None])
    return {**columns, **_ragged(tokens[number, ask.where], ask.where, texts.batch)}


@dataclass(frozen=True)
class _Round:
    """One row of each text; -1 where a text has none."""

    on: Differentiated
    companion: Companion | None
    request: Sensitivity
    rows: IntArray

    def answers(self) -> Answers:
        """Accumulate, at the texts or as a mean over points around them."""
        slope = self.request.slope
        classes = self.on.classes(self.request, self.rows)
        share = 1.0 if slope.smooth == "none" else 1 / slope.points
        psm_fault = np.zeros(len(self.rows), dtype=np.int8)
        total: dict[str, torch.Tensor] = {}
        for mine, other in self._points():
            part, faults = self._at(classes, mine, other)
            psm_fault = np.maximum(psm_fault, faults)
            for name, found in part.items():
                total[name] = total.get(name, torch.zeros_like(found)) + share * found
        return self._finished(classes, total, psm_fault)

    def _points(self) -> Iterator[tuple[Point | None, Point | None]]:
        """Yield the points at which both models are differentiated."""
        slope, on, psm = self.request.slope, self.on, self.companion
        if slope.smooth == "none":
            yield on.outputs.point, psm.outputs.point if psm else None
            return
        others = around(slope, on.texts, psm.batch) if psm else iter(())
        for move in around(slope, on.texts, on.batch):
            mine = on.task.at(on.batch, move).point
            other = psm.model.at(psm.batch, next(others)).point if psm else None
            yield mine, other

    def _at(
        self, classes: IntArray, mine: Point | None, other: Point | None
    ) -> tuple[Mapping[str, torch.Tensor], AnyArray]:
        """Return the summands at one point, and what keeps the PSM from counting."""
        request, faults = self.request, np.zeros(len(self.rows), dtype=np.int8)
        task = self.on.slopes(mine, classes, request.slope, unsigned=request.unsigned)
        if task is None or mine is None:
            return {}, faults
        protected = None
        if self.companion is not None:
            protected, faults = self.companion.protected(
                other, request.group, request.slope, task
            )
        device = task.signed.device
        relative = request.slope.step == "relative"
        tokens = Tokens(
            torch.from_numpy(self.on.batch.text).to(device),
            torch.from_numpy(self._terms()).to(device),
            token_norms(mine.embeddings.detach(), "l2") if relative else None,
        )
        return accumulate(task, protected, tokens, request.slope.normalise), faults

    def _finished(
        self, classes: IntArray, total: dict[str, torch.Tensor], psm_fault: AnyArray
    ) -> Answers:
        fault = self.on.fault(classes)
        values = _sums(total, len(self.rows))
        if total:
            mark(fault, total[REACH].sum(-1).numpy())
        for name in FORMS:
            bad = (fault > 0) | ((psm_fault > 0) & (name in POINTED))
            values[name][bad] = np.nan
        columns: dict[str, AnyArray] = {
            **values,
            **self.on.common(self.request.slope, classes, fault),
            "terms": self._terms().sum(1).astype(np.int32),
        }
        if self.companion is not None:
            columns["psm"] = self.companion.probabilities
            columns["psm_fault"] = psm_fault
        lead = total.get("token" if self.request.psm else "lexicon")
        tokens = np.full(self.on.batch.text.shape, np.nan)
        return Answers(columns, tokens if lead is None else lead.numpy())

    def _terms(self) -> BoolArray:
        """Return which tokens of the texts share a character with a term."""
        batch = self.on.batch
        covered = np.zeros(batch.text.shape, dtype=bool)
        if not self.request.terms:
            return covered
        begin, end = batch.offsets[..., 0], batch.offsets[..., 1]
        for at, row in enumerate(self.rows.tolist()):
            for start, stop in self.request.terms[row] if row >= 0 else ():
                covered[at] |= (begin[at] < stop) & (end[at] > start)
        return covered & batch.text


def _sums(parts: Mapping[str, torch.Tensor], texts: int) -> dict[str, Array]:
    """Sum over tokens; what could not be had is NaN."""
    missing = np.full(texts, np.nan)
    return {
        form: parts[form].sum(-1).numpy() if form in parts else missing.copy()
        for form in FORMS
    }


def _ragged(contribution: Array, where: IntArray, batch: Encoded) -> Reading:
    text, offsets = batch.text[where], batch.offsets[where]
    return {
        "lengths": text.sum(1).astype(np.int64),
        "contribution": contribution[text].astype(np.float32),
        "start": offsets[..., 0][text].astype(np.int32),
        "end": offsets[..., 1][text].astype(np.int32),
    }
