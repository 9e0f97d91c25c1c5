"""Rates of groups at a threshold, and the largest gap between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.result import Finding, Interval, Json, Quantity
from fairaudit.stats.cells import (
    Bootstrap,
    Cells,
    Gap,
    count_cells,
    largest_gap,
    resample,
)
from fairaudit.stats.proportions import wilson
from fairaudit_metrics.extrinsic.rows import ScoredAxis

HARDT = "Hardt, Price and Srebro (2016), arXiv 1610.02413, definitions 2.1 and 2.2"


def _rate(name: str, definition: str) -> Quantity:
    return Quantity(
        name=name,
        unit="proportion",
        ideal=None,
        low=0,
        high=1,
        definition=definition,
    )


def _gap(name: str, definition: str, reference: str) -> Quantity:
    return Quantity(
        name=name,
        unit="difference of proportions",
        ideal=0,
        low=0,
        high=1,
        definition=definition,
        reference=reference,
    )


RATES = (
    _rate("selection_rate", "Share of the group's texts with score >= threshold."),
    _rate(
        "true_positive_rate",
        "Share of the group's positive texts with score >= threshold.",
    ),
    _rate(
        "false_positive_rate",
        "Share of the group's negative texts with score >= threshold.",
    ),
)
GAPS = (
    _gap(
        "selection_rate_difference",
        "Highest minus lowest selection rate of the groups (demographic parity).",
        "Dwork et al. (2012), arXiv 1104.3913, section 3",
    ),
    _gap(
        "true_positive_rate_difference",
        "Highest minus lowest true positive rate (equal opportunity).",
        HARDT,
    ),
    _gap(
        "false_positive_rate_difference",
        "Highest minus lowest false positive rate.",
        HARDT,
    ),
    _gap(
        "equalized_odds_difference",
        "The larger of the true and the false positive rate difference.",
        HARDT,
    ),
)
COUNTED = ("texts", "positives", "negatives")


@dataclass(frozen=True, kw_only=True)
class RateTable:
    """Rates of all groups of an axis."""

    rows: ScoredAxis
    decision: str
    min_count: int
    level: float

    @cached_property
    def cells(self) -> Cells:
        """Counts of the rows."""
        return count_cells(self.rows.member, self.rows.positive, self.rows.selected)

    @cached_property
    def totals(self) -> IntArray:
        """Denominators, shape (3, groups)."""
        return self.cells.totals

    @cached_property
    def values(self) -> Array:
        """Rates, shape (3, groups); NaN where undefined, never reported."""
        found, hits = np.full(self.totals.shape, np.nan), self.cells.successes
        enough = self.totals >= self.min_count
        np.divide(hits, self.totals, out=found, where=enough)
        return found

    def reason(self, rate: int, group: int) -> str:
        """Return why a rate is undefined, "" if it is not."""
        count = self.totals[rate, group]
        if count >= self.min_count:
            return ""
        return f"{count} {COUNTED[rate]} in the group; min_count is {self.min_count}"

    def measured(self, rate: int) -> IntArray:
        """Return the groups whose rate is defined."""
        return np.flatnonzero(self.totals[rate] >= self.min_count)

    def findings(self) -> Iterator[Finding]:
        """Return the rates of every group with Wilson intervals."""
        low, high = wilson(self.cells.successes, np.maximum(self.totals, 1), self.level)
        for group in range(len(self.rows.names)):
            for rate in range(len(RATES)):
                limits = low[rate, group], high[rate, group]
                yield self._finding(rate, group, limits)

    def _finding(self, rate: int, group: int, limits: tuple[float, float]) -> Finding:
        reason = self.reason(rate, group)
        interval = Interval(float(limits[0]), float(limits[1]), self.level, "Wilson")
        selected = int(self.cells.successes[rate, group])
        return Finding(
            quantity=RATES[rate],
            subject=self.rows.subject(group),
            value=None if reason else float(self.values[rate, group]),
            n=int(self.totals[rate, group]),
            interval=None if reason else interval,
            reason=reason,
            detail={
                "selected": selected,
                "decision": self.decision,
                **self.rows.left_out(group),
            },
        )


def gap_findings(
    table: RateTable, draws: int, rng: np.random.Generator
) -> Iterator[Finding]:
    """Return the largest gaps between the groups of the axis.

    The interval is the simultaneous one of `fairaudit.stats.cells.largest_gap`, on
    smoothed rates, widened where needed to hold the value; the value is not smoothed.
    """
    sample = resample(table.cells, draws, rng)
    for quantity, rates in zip(GAPS, ((0,), (1,), (2,), (1, 2)), strict=True):
        few = [r for r in rates if len(table.measured(r)) < 2]
        if few:
            yield _undefined(table, quantity, few[0], rates)
        else:
            yield _measured(table, sample, quantity, rates)


def _undefined(
    table: RateTable, quantity: Quantity, rate: int, rates: Sequence[int]
) -> Finding:
    enough, groups = len(table.measured(rate)), len(table.rows.names)
    return Finding(
        quantity=quantity,
        subject=table.rows.axis,
        reason=(
            f"a gap needs two groups with {table.min_count} {COUNTED[rate]} "
            f"(min_count); {enough} of the {groups} of {table.rows.axis} have them"
        ),
        detail={"left_out": _left_out(table, rates)},
    )


def _measured(
    table: RateTable, sample: Bootstrap, quantity: Quantity, rates: Sequence[int]
) -> Finding:
    names = table.rows.names
    families = [rate * len(names) + table.measured(rate) for rate in rates]
    found = largest_gap(sample, families, table.level)
    widest = max((_extremes(table, rate) for rate in rates), key=lambda w: w.size)
    words = " and the same ".join(RATES[r].name.replace("_", " ") for r in rates)
    return Finding(
        quantity=quantity,
        subject=f"{table.rows.axis}: {names[widest.high]} vs {names[widest.low]}",
        value=widest.size,
        n=_rows_compared(table, rates),
        interval=_interval(found, widest.size, table.level, sample.draws.shape[1]),
        p_value=found.p_value,
        null=f"all groups of {table.rows.axis} have the same {words}",
        detail={
            "rate": RATES[widest.rate].name,
            "highest": names[widest.high],
            "lowest": names[widest.low],
            "rates": {RATES[r].name: _rates(table, r) for r in rates},
            "left_out": _left_out(table, rates),
            "strongest_evidence": _evidence(found, names),
            "decision": table.decision,
            "unlabelled_rows": table.rows.unlabelled,
        },
    )


@dataclass(frozen=True)
class _Widest:
    rate: int
    high: int
    low: int
    size: float


def _extremes(table: RateTable, rate: int) -> _Widest:
    """Return the first highest and the last lowest group: never the same one."""
    groups = table.measured(rate)
    values = table.values[rate, groups]
    high, low = np.argmax(values), len(groups) - 1 - np.argmin(values[::-1])
    size = float(values[high] - values[low])
    return _Widest(rate, int(groups[high]), int(groups[low]), size)


def _interval(found: Gap, value: float, level: float, draws: int) -> Interval:
    method = f"bootstrap of smoothed counts, max-t over all pairs, {draws} draws"
    return Interval(min(found.low, value), max(found.high, value), level, method)


def _evidence(found: Gap, names: Sequence[str]) -> dict[str, Json]:
    rate = RATES[found.pair[0] // len(names)].name
    higher, lower = (names[column % len(names)] for column in found.pair)
    return {"rate": rate, "higher": higher, "lower": lower}


def _rates(table: RateTable, rate: int) -> dict[str, Json]:
    names, values = table.rows.names, table.values[rate]
    return {names[g]: float(values[g]) for g in table.measured(rate)}


def _left_out(table: RateTable, rates: Sequence[int]) -> dict[str, Json]:
    names = table.rows.names
    return {
        RATES[rate].name: {
            name: table.reason(rate, group)
            for group, name in enumerate(names)
            if table.reason(rate, group)
        }
        for rate in rates
    }


def _rows_compared(table: RateTable, rates: Sequence[int]) -> int:
    weights = table.cells.weights.reshape(len(table.cells.label), 3, -1)
    used = [weights[:, rate, table.measured(rate)].any(axis=1) for rate in rates]
    return int(table.cells.counts.sum(axis=1)[np.any(used, axis=0)].sum())
