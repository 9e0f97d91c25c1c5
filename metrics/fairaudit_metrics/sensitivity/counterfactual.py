"""The counterfactual counterpart: how predictions change when terms are swapped."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.model import Reading, Slope
from fairaudit.result import Finding, Json, Quantity
from fairaudit_metrics.sensitivity.correlating import Correlating
from fairaudit_metrics.sensitivity.terms import Swaps

CHANGE: Final = Quantity(
    name="counterfactual_change",
    unit="probability",
    ideal=0.0,
    low=0.0,
    high=1.0,
    definition=(
        "Mean over texts of the mean of |w'f(x') - w'f(x)| over the texts x' that have "
        "the listed terms swapped."
    ),
    reference="after Garg et al. 2019, arXiv 1809.10610",
)
AGREEMENT: Final = Quantity(
    name="counterfactual_rank_correlation",
    unit="rank correlation",
    ideal=None,
    low=-1.0,
    high=1.0,
    definition=(
        "Spearman's correlation over texts of the sensitivity with the counterfactual "
        "change of the same text."
    ),
    reference="own",
)
LINEAR: Final = Quantity(
    name="linearisation_correlation",
    unit="correlation",
    ideal=None,
    low=-1.0,
    high=1.0,
    definition=(
        "Pearson's correlation over swapped texts of w'J (e(x') - e(x)), the "
        "first-order change, with the change itself."
    ),
    reference="own",
)


@dataclass(frozen=True, kw_only=True)
class Counterfactual:
    """Predictions of texts and of the same texts with terms swapped.

    Parameters
    ----------
    swaps
        The swapped texts.
    towards, swapped
        Answers to `Directional` and `Predict`, a row each swapped text; the second is
        None where only the first-order change is wanted.
    classes
        Shape (n,): the class of each text that is differentiated; -1 for none.
    slope
        How slopes were measured; with weights `classes` does not count.
    clusters
        Shape (n,), None where texts are independent.
    """

    swaps: Swaps
    towards: Reading
    swapped: Reading | None
    classes: IntArray
    slope: Slope
    clusters: IntArray | None
    min_count: int
    draws: int
    level: float

    @cached_property
    def changes(self) -> Array:
        """Shape (m,): w'f(x') - w'f(x), in probability."""
        return self._output(self._after) - self._output(self.towards)

    @property
    def _after(self) -> Reading:
        if self.swapped is None:
            raise ValueError("the swapped texts were not predicted")
        return self.swapped

    @cached_property
    def change(self) -> Array:
        """Shape (n,): mean absolute change of each text; NaN without a swap."""
        return self._by_text(np.abs(self.changes))

    @cached_property
    def directional(self) -> Array:
        """Shape (n,): mean absolute first-order change of each text."""
        return self._by_text(np.abs(self.towards["directional"]))

    def rank_correlations(
        self, forms: Mapping[str, Array], rng: np.random.Generator
    ) -> Iterator[Finding]:
        """Return the rank correlation of each form with the change."""
        over = self._over(self.clusters, "texts")
        for form, values in forms.items():
            yield over.correlation(
                AGREEMENT, form, "spearman", self.change, values, rng
            )

    def linearisation(self, rng: np.random.Generator) -> Finding:
        """Compare the first-order changes with the finite ones.

        In the output that was differentiated; a finite change in logits is not known
        from probabilities, so there is none to compare with.
        """
        subject = "first-order vs finite change"
        if self.slope.readout == "logit":
            reason = "the finite change in logits is not read; use output=log_odds"
            return Finding(quantity=LINEAR, subject=subject, reason=reason)
        first, finite = self.towards["directional"], self._finite()
        rows = self.swaps.rows
        # Swaps of one text depend on one another, whatever else does.
        clusters = rows if self.clusters is None else self.clusters[rows]
        over = self._over(clusters, "swapped texts")
        return over.correlation(
            LINEAR, subject, "pearson", finite, first, rng, self._fit(first, finite)
        )

    def _over(self, clusters: IntArray | None, rows: str) -> Correlating:
        return Correlating(
            clusters=clusters,
            min_count=self.min_count,
            draws=self.draws,
            level=self.level,
            rows=rows,
        )

    def _output(self, reading: Reading) -> Array:
        """Return w'f, shape (m,); NaN where the text has no class."""
        table: Array = reading["probabilities"].astype(float)
        if self.slope.weights:
            weighted: Array = table @ np.array(self.slope.weights)
            return weighted
        chosen = self.classes[self.swaps.rows]
        found = np.take_along_axis(table, np.maximum(chosen, 0)[:, None], 1)[:, 0]
        return np.where(chosen >= 0, found, np.nan)

    def _finite(self) -> Array:
        """Return the change in the output that was differentiated."""
        if self.slope.readout == "probability":
            return self.changes
        if not self.slope.weights:
            before, after = self._output(self.towards), self._output(self._after)
            return _less(_log_odds(after), _log_odds(before))
        tables = (self._after["probabilities"], self.towards["probabilities"])
        after, before = (
            _log_odds(table.astype(float)) @ np.array(self.slope.weights)
            for table in tables
        )
        return _less(after, before)

    def _by_text(self, values: Array) -> Array:
        """Average over the swaps of each text; texts with a missing one have none."""
        n = len(self.classes)
        count = np.bincount(self.swaps.rows, minlength=n)
        total = np.bincount(self.swaps.rows, values, n)
        found = np.full(n, np.nan)
        np.divide(total, count, out=found, where=count > 0)
        return found

    def _fit(self, first: Array, finite: Array) -> Mapping[str, Json]:
        usable = np.isfinite(first) & np.isfinite(finite)
        if not usable.any():
            return {}
        aligned = self.towards["aligned"][usable]
        first, finite = first[usable], finite[usable]
        square, moved = float((first**2).sum()), finite != 0
        signs = np.sign(first[moved]) == np.sign(finite[moved])
        return {
            "slope_through_origin": float(first @ finite) / square if square else None,
            "median_absolute_error": float(np.median(np.abs(finite - first))),
            "median_absolute_change": float(np.median(np.abs(finite))),
            "same_sign": float(signs.mean()) if moved.any() else None,
            "share_aligned": float(aligned.mean()),
        }


def _less(after: Array, before: Array) -> Array:
    # At p = 1 log-odds are infinite, and so have no difference.
    with np.errstate(invalid="ignore"):
        found: Array = after - before
    return found


def _log_odds(p: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = np.log(p) - np.log1p(-p)
    return found
