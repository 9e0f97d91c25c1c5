"""Correlations over texts, with the reason where there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.result import Finding, Interval, Json, Quantity
from fairaudit.stats.correlation import Coefficient, coefficients
from fairaudit.stats.dependent import correlation_draws, williams

FEWEST: Final = 4
CONSTANT: Final = "one of them does not vary"


@dataclass(frozen=True, kw_only=True)
class Correlating:
    """How correlations over rows are measured.

    Parameters
    ----------
    clusters
        Number of the cluster of each row; None where rows are independent.
    min_count
        Least number of rows with both numbers.
    rows
        What a row is, in words.
    """

    clusters: IntArray | None
    min_count: int
    draws: int
    level: float
    rows: str = "texts"

    def correlation(
        self,
        quantity: Quantity,
        subject: str,
        kind: Coefficient,
        target: Array,
        other: Array,
        rng: np.random.Generator,
        detail: Mapping[str, Json] | None = None,
    ) -> Finding:
        """Return the correlation of two columns; rows with a NaN do not count."""
        rows, reason = self._rows(target, other)
        if reason:
            return Finding(quantity=quantity, subject=subject, reason=reason)
        x, y = target[rows], other[rows]
        value = float(coefficients(kind, x, y))
        if np.isnan(value):
            return Finding(quantity=quantity, subject=subject, reason=CONSTANT)
        drawn = self._draws(kind, x, y[None], rows, rng)[0]
        return Finding(
            quantity=quantity,
            subject=subject,
            value=value,
            n=len(x),
            interval=self._interval(drawn, value),
            detail=detail or {},
        )

    def difference(
        self,
        quantity: Quantity,
        subject: str,
        target: Array,
        others: tuple[Array, Array],
        rng: np.random.Generator,
    ) -> Finding:
        """Compare the Pearson correlations of two columns with one target."""
        rows, reason = self._rows(target, *others)
        if reason:
            return Finding(quantity=quantity, subject=subject, reason=reason)
        goal, one, other = (v[rows] for v in (target, *others))
        pairs = ((goal, one), (goal, other), (one, other))
        r = [float(coefficients("pearson", a, b)) for a, b in pairs]
        if np.isnan(r).any():
            return Finding(quantity=quantity, subject=subject, reason=CONSTANT)
        drawn = self._draws("pearson", goal, np.stack([one, other]), rows, rng)
        return Finding(
            quantity=quantity,
            subject=subject,
            value=r[0] - r[1],
            n=len(goal),
            interval=self._interval(drawn[0] - drawn[1], r[0] - r[1]),
            detail=_tested(r, len(goal)),
        )

    def _rows(self, *columns: Array) -> tuple[BoolArray, str]:
        """Return the rows that have all numbers, and why they do not suffice."""
        usable = np.asarray(np.all([np.isfinite(v) for v in columns], axis=0))
        n, least = int(usable.sum()), max(self.min_count, FEWEST)
        if n >= least:
            return usable, ""
        return usable, f"{n} {self.rows} have all numbers; {least} are needed"

    def _draws(
        self,
        kind: Coefficient,
        target: Array,
        others: Array,
        rows: BoolArray,
        rng: np.random.Generator,
    ) -> Array:
        clusters = None if self.clusters is None else self.clusters[rows]
        return correlation_draws(kind, target, others, clusters, self.draws, rng)

    def _interval(self, drawn: Array, value: float) -> Interval:
        """Return the percentile interval; draws without a value do not count."""
        known = drawn[np.isfinite(drawn)]
        tail = (1 - self.level) / 2
        low, high = np.quantile(known, [tail, 1 - tail]) if len(known) else (-1, 1)
        of = self.rows if self.clusters is None else "clusters"
        told = f"percentile bootstrap over {of}, {self.draws} draws"
        return Interval(
            min(float(low), value), max(float(high), value), self.level, told
        )


def _tested(r: list[float], n: int) -> Mapping[str, Json]:
    found = williams(r[0], r[1], r[2], n)
    return {
        "correlations": list(r[:2]),
        "correlation_between_the_two": r[2],
        "test": "Williams's T2 (Steiger 1980), two-sided, rows taken as independent",
        "t": found.t,
        "degrees_of_freedom": found.degrees,
        "p_value_uncorrected": found.p_value,
    }
