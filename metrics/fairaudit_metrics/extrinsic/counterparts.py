"""Compare a classifier's predictions for given pairs of texts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fairaudit.data import Counterparts
from fairaudit.metric import Unmeasurable
from fairaudit.model import ModelCard, Reading, Request
from fairaudit.result import Finding
from fairaudit_metrics.extrinsic.change_metric import ChangeMetric, answers, asked
from fairaudit_metrics.extrinsic.versions import given_versions


@dataclass(frozen=True)
class GivenPairs(ChangeMetric[Counterparts]):
    """Measure how predictions differ between given texts about different groups.

    The same findings as `counterfactual`, on pairs that a dataset brings along (EEC,
    WinoBias, Winogender): with f the probability of a class, f(second) - f(first).

    Parameters
    ----------
    label, per_class, threshold, operator, tolerance, min_count, draws, level, evidence
        As in `ChangeMetric`.

    Notes
    -----
    - Texts that pairs link are one set, which counts once; rows that the dataset puts
      in one unit are averaged first, as names are in the EEC.
    - Pairs with one template depend on one another: intervals and tests are over
      templates. The published paired t-test takes pairs as independent; it stands in
      the detail as ``t_test_rows_independent``.
    - Categories of the dataset, such as the EEC's emotions, are reported too.
    - For coreference data (WinoBias, Winogender) this is the change of a classifier's
      output with the pronoun, not the accuracy of a coreference system.

    References
    ----------
    Kiritchenko & Mohammad 2018, "Examining Gender and Race Bias in Two Hundred
    Sentiment Analysis Systems", arXiv 1805.04508.
    Zhao et al. 2018 (WinoBias), arXiv 1804.06876.
    Rudinger et al. 2018 (Winogender), arXiv 1804.09301.
    """

    name: ClassVar[str] = "counterparts"
    accepts: ClassVar[type[Counterparts]] = Counterparts
    summary: ClassVar[str] = (
        "Change of a classifier's predictions between given pairs of texts about "
        "different groups (EEC, WinoBias, Winogender)."
    )
    formula: ClassVar[str] = (
        "mean of f(second) - f(first) by groups, tested by flipping signs; mean of "
        "|f(second) - f(first)|; flips: argmax differs"
    )
    limits: ClassVar[str] = (
        "Pairs made from templates say little about other texts. Behind the length "
        "that the model reads, a difference changes nothing."
    )
    source: ClassVar[str] = "Kiritchenko & Mohammad (2018), arXiv 1805.04508"
    traits: ClassVar[Mapping[str, str]] = {"task": "classification"}

    def needs(self, data: Counterparts, card: ModelCard) -> Mapping[str, Request]:
        """Ask for predictions of all texts."""
        self._scale(card)
        if not data.first:
            raise Unmeasurable("the data has no pairs")
        return asked((*data.first, *data.second))

    def score(
        self,
        data: Counterparts,
        readings: Mapping[str, Reading],
        card: ModelCard,
        rng: np.random.Generator,
    ) -> Iterator[Finding]:
        """Return the changes, axis by axis."""
        scale = self._scale(card)
        predicted = answers((*data.first, *data.second), readings)
        for axis in dict.fromkeys(data.axis):
            versions = given_versions(data, axis, predicted)
            yield from self._findings(versions, scale, rng, pairs=True)
