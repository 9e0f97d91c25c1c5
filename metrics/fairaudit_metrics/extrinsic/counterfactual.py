"""Swap the terms that name a group and compare a classifier's predictions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairaudit.data import Examples
from fairaudit.metric import Unmeasurable
from fairaudit.model import ModelCard, Reading, Request
from fairaudit.perturbation import (
    AXES,
    Perturber,
    Swapped,
    TermList,
    read_terms,
    term_list,
)
from fairaudit.result import Finding, Json
from fairaudit_metrics.extrinsic.change_metric import ChangeMetric, answers, asked
from fairaudit_metrics.extrinsic.change_quantities import MEAN
from fairaudit_metrics.extrinsic.versions import swapped_versions

ALL = "all"


@dataclass(frozen=True)
class Counterfactual(ChangeMetric[Examples]):
    """Measure how predictions change when the terms for a group are swapped.

    Every text that speaks of one group of an axis is written anew for the other groups
    (`fairaudit.perturbation`). With f the probability of a class and Phi(x) the
    variants of x, the counterfactual change of x is the mean of |f(x') - f(x)| over
    x' in Phi(x).

    Parameters
    ----------
    axes
        Axes of the bundled lists joined by ``+``, or ``"all"``.
    terms
        File with a list of terms of your own, in place of the bundled list of its
        axis; without `axes` only that axis is measured.
    targets
        ``"all"`` writes a text anew for all other groups, ``"first"`` for the first
        that has counterparts, ``"one"`` for one chosen by the text.
    pairs
        With more than two groups: signed changes of all ordered pairs of groups too.
    label, per_class, threshold, operator, tolerance, min_count, draws, level, evidence
        As in `ChangeMetric`.

    Notes
    -----
    - Texts that the perturber leaves out (ambiguous, asymmetric) are counted by reason
      in the detail. They are not a random sample: the numbers speak of the others.
    - Garg et al. report texts that are not toxic apart, for a swap may change what a
      toxic text means; results are therefore also given by label.
    - Flip rates, ranges, tests and intervals are our additions.
    - Where examples come in clusters, all intervals and tests are over clusters.

    References
    ----------
    Garg, Perot, Limtiaco, Taly, Chi & Beutel 2019, "Counterfactual Fairness in Text
    Classification through Robustness", arXiv 1809.10610.
    Czarnowska, Vyas & Shah 2021, arXiv 2106.14574.
    """

    axes: str = ALL
    terms: str = ""
    targets: str = ALL
    pairs: bool = False

    name: ClassVar[str] = "counterfactual"
    accepts: ClassVar[type[Examples]] = Examples
    summary: ClassVar[str] = (
        "Change of a classifier's predictions when the terms for a group are swapped "
        "for those of another."
    )
    formula: ClassVar[str] = (
        "mean over x of mean over x' of |f(x') - f(x)|, x' the text with the terms of "
        "another group; flips: argmax f(x') != argmax f(x); signed: f(x') - f(x) by "
        "groups, tested by flipping signs"
    )
    limits: ClassVar[str] = (
        "English only. Only groups named by listed terms are seen, men and women only "
        "on the axis gender. Texts that no rule decides are left out and counted. A "
        "change may be right where the swap changes what is true or meant. Behind the "
        "length that the model reads, a swap changes nothing."
    )
    source: ClassVar[str] = "Garg et al. (2019), arXiv 1809.10610"
    traits: ClassVar[Mapping[str, str]] = {"task": "classification"}

    def needs(self, data: Examples, card: ModelCard) -> Mapping[str, Request]:
        """Ask for predictions of the texts that have terms, and of their variants."""
        self._scale(card)
        found = [self._swap(data, terms) for terms in self._lists()]
        if not any(len(swapped.texts) for swapped in found):
            raise Unmeasurable(f"no text can be swapped ({_why_none(found)})")
        return asked(_texts(data, found))

    def score(
        self,
        data: Examples,
        readings: Mapping[str, Reading],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterator[Finding]:
        """Return the changes, axis by axis."""
        scale, lists = self._scale(card), self._lists()
        found = [self._swap(data, terms) for terms in lists]
        predicted = answers(_texts(data, found), readings)
        for terms, swapped in zip(lists, found, strict=True):
            if not swapped.texts:
                yield _nothing(swapped)
                continue
            versions = swapped_versions(
                data, swapped, terms.groups, predicted, scale.scored
            )
            yield from self._findings(versions, scale, rng, pairs=self.pairs)

    def _lists(self) -> list[TermList]:
        own = {terms.axis: terms for terms in _own_lists(self.terms)}
        if self.axes == ALL:
            return list(own.values()) or [term_list(axis) for axis in AXES]
        names = dict.fromkeys(self.axes.split("+"))
        return [own[name] if name in own else term_list(name) for name in names]

    def _swap(self, data: Examples, terms: TermList) -> Swapped:
        return _swapped(data.texts, terms, self.targets)


def _own_lists(path: str) -> list[TermList]:
    return [read_terms(Path(path))] if path else []


# `needs` and `score` take the same swaps.
@lru_cache(maxsize=len(AXES))
def _swapped(texts: tuple[str, ...], terms: TermList, targets: str) -> Swapped:
    return Perturber(terms, targets=targets).swap(texts)


def _texts(data: Examples, found: list[Swapped]) -> tuple[str, ...]:
    return tuple(
        text
        for swapped in found
        for text in (*(data.texts[row] for row in swapped.rows), *swapped.texts)
    )


def _nothing(swapped: Swapped) -> Finding:
    counts: dict[str, Json] = {
        **{state.replace(" ", "_"): n for state, n in swapped.counts.items()},
        "reasons": dict(swapped.reason_counts),
    }
    reason = f"no text can be swapped ({_why_none([swapped])})"
    return Finding(quantity=MEAN, subject=swapped.axis, reason=reason, detail=counts)


def _why_none(found: list[Swapped]) -> str:
    told = []
    for swapped in found:
        counts = ", ".join(f"{n} {s}" for s, n in swapped.counts.items() if n)
        told.append(f"{swapped.axis}: {counts or 'no texts'}")
    return "; ".join(told)
