"""The largest differences and the smallest ratios between the rates of groups."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fairaudit.arrays import BoolArray, IntArray
from fairaudit.result import Finding, Interval, Json, Quantity
from fairaudit.stats.gaps import Gap, largest_gap
from fairaudit_metrics.extrinsic.rate_units import Widest
from fairaudit_metrics.extrinsic.rates import COUNTED, RATES, RateTable

HARDT: Final = "Hardt, Price and Srebro (2016), arXiv 1610.02413"
DWORK: Final = "Dwork et al. (2012), arXiv 1104.3913, section 3"
CHOULDECHOVA: Final = "Chouldechova (2017), arXiv 1610.07524"
BERK: Final = "Berk et al. (2018), arXiv 1703.09207"
ODDS: Final = "equalized_odds"
FAMILIES: Final = {
    "selection_rate": ((0,), "demographic parity", DWORK),
    "true_positive_rate": ((1,), "equal opportunity", HARDT),
    "false_positive_rate": ((2,), "", HARDT),
    "positive_predictive_value": ((3,), "predictive parity", CHOULDECHOVA),
    "accuracy": ((4,), "overall accuracy equality", BERK),
    ODDS: ((1, 2), "equalised odds", HARDT),
}
"""For each gap, the rates it is about (numbers in `RATES`), its name and source."""


def _difference(name: str) -> Quantity:
    _, known_as, source = FAMILIES[name]
    told = f"Highest minus lowest {name.replace('_', ' ')} of the groups"
    if name == ODDS:
        told = "The larger of the true and the false positive rate difference"
    return Quantity(
        name=f"{name}_difference",
        unit="difference of proportions",
        ideal=0,
        low=0,
        high=1,
        definition=f"{told} ({known_as})." if known_as else f"{told}.",
        reference=source,
    )


def _ratio(name: str) -> Quantity:
    _, known_as, source = FAMILIES[name]
    told = f"Lowest over highest {name.replace('_', ' ')} of the groups"
    if name == ODDS:
        told = "The smaller of the true and the false positive rate ratio"
    return Quantity(
        name=f"{name}_ratio",
        unit="ratio",
        ideal=1,
        low=0,
        high=1,
        definition=f"{told} ({known_as})." if known_as else f"{told}.",
        reference=source,
    )


DIFFERENCES: Final = {name: _difference(name) for name in FAMILIES}
RATIOS: Final = {name: _ratio(name) for name in FAMILIES}


def gap_findings(table: RateTable) -> Iterator[Finding]:
    """Return the largest differences, tested, and the smallest ratios.

    Over several classes there is one difference of a kind: the largest of any class.
    Intervals are the simultaneous ones of `fairaudit.stats.gaps.largest_gap`, on
    smoothed rates, widened where needed to hold the value, which is not smoothed. A
    ratio has no test of its own: that of the difference has the same null.
    """
    for name, (kinds, _, _) in FAMILIES.items():
        comparison = Comparison.of(table, kinds)
        for quantity in (DIFFERENCES[name], RATIOS[name]):
            reason = comparison.reason
            if not reason and quantity.unit == "ratio":
                reason = comparison.no_ratio
            if reason:
                detail = {"left_out": comparison.left_out()}
                yield Finding(
                    quantity=quantity,
                    subject=table.axis.name,
                    reason=reason,
                    detail=detail,
                )
            elif quantity.unit == "ratio":
                yield comparison.ratio(quantity)
            else:
                yield comparison.difference(quantity)


@dataclass(frozen=True)
class Comparison:
    """Rates of some kinds, compared between groups.

    Parameters
    ----------
    table
        All rates.
    kinds
        Numbers of the kinds in `RATES`.
    rates
        Those of these kinds that two groups have.
    """

    table: RateTable
    kinds: Sequence[int]
    rates: tuple[int, ...]

    @classmethod
    def of(cls, table: RateTable, kinds: Sequence[int]) -> "Comparison":
        """Find the rates that can be compared."""
        rates = [int(r) for kind in kinds for r in table.of_kind(kind)]
        return cls(table, kinds, tuple(r for r in rates if len(table.measured(r)) > 1))

    @property
    def reason(self) -> str:
        """Return why nothing can be compared, "" if something can."""
        table, axis = self.table, self.table.axis
        for kind in self.kinds:
            if not any(table.kind(rate) == kind for rate in self.rates):
                most = max(len(table.measured(int(r))) for r in table.of_kind(kind))
                return (
                    f"a gap needs two groups with {table.min_count} {COUNTED[kind]} "
                    f"(min_count); {most} of the {len(axis.groups)} of {axis.name} "
                    "have them"
                )
        return ""

    @property
    def no_ratio(self) -> str:
        """Return why there is no ratio, "" if there is."""
        for kind in self.kinds:
            rates = [rate for rate in self.rates if self.table.kind(rate) == kind]
            if not any(self._extremes(rate).values[0] > 0 for rate in rates):
                told = RATES[kind].name.replace("_", " ")
                return f"the {told} is 0 in every group, so it has no ratio"
        return ""

    def difference(self, quantity: Quantity) -> Finding:
        """Return the largest difference with its test."""
        sample = self.table.sample
        found = largest_gap(sample, self._families(self.rates), self.table.level)
        widest = max(map(self._extremes, self.rates), key=lambda w: w.difference)
        kinds = [RATES[k].name.replace("_", " ") for k in self.kinds]
        words = " and the same ".join(kinds)
        return Finding(
            quantity=quantity,
            subject=self._subject(widest),
            key=self.table.axis.name,
            value=widest.difference,
            n=self._compared(),
            interval=self._interval(found.low, found.high, widest.difference),
            p_value=found.p_value,
            null=f"all groups of {self.table.axis.name} have the same {words}",
            detail={
                **self._detail(widest),
                "rates": {self.table.label(r): self._rates(r) for r in self.rates},
                "pairs": self._pairs(found),
            },
            units=widest.difference_units(self.table),
        )

    def ratio(self, quantity: Quantity) -> Finding:
        """Return the smallest ratio; rates of 0 in every group have none."""
        rates = [r for r in self.rates if self._extremes(r).values[0] > 0]
        found = largest_gap(
            self.table.sample.logs(), self._families(rates), self.table.level, np.inf
        )
        widest = min(map(self._extremes, rates), key=lambda w: w.ratio)
        low, high = float(np.exp(-found.high)), float(np.exp(-found.low))
        return Finding(
            quantity=quantity,
            subject=self._subject(widest, lowest_first=True),
            key=self.table.axis.name,
            value=widest.ratio,
            n=self._compared(),
            interval=self._interval(low, high, widest.ratio),
            detail={
                **self._detail(widest),
                "tested_by": quantity.name.replace("_ratio", "_difference"),
                "without_ratio": [
                    self.table.label(r) for r in self.rates if r not in rates
                ],
            },
            units=widest.ratio_units(self.table),
        )

    def left_out(self) -> dict[str, Json]:
        """Return the groups that are not compared, each with the reason."""
        table, names = self.table, self.table.axis.groups
        found: dict[str, Json] = {
            table.label(int(rate)): {
                names[int(group)]: table.obstacle(int(rate), int(group))
                for group in np.flatnonzero(~table.comparable[rate])
            }
            for kind in self.kinds
            for rate in table.of_kind(kind)
        }
        if table.axis.left_out:
            found[table.axis.name] = dict(table.axis.left_out)
        return found

    def _families(self, rates: Sequence[int]) -> list[IntArray]:
        first = [self.table.column(rate, 0) for rate in rates]
        pairs = zip(first, rates, strict=True)
        return [at + self.table.measured(rate) for at, rate in pairs]

    def _extremes(self, rate: int) -> Widest:
        """Return the first highest and the last lowest group."""
        groups = self.table.measured(rate)
        values = self.table.values[rate, groups]
        high, low = np.argmax(values), len(groups) - 1 - np.argmin(values[::-1])
        ends = float(values[high]), float(values[low])
        return Widest(rate, int(groups[high]), int(groups[low]), ends)

    def _subject(self, widest: Widest, *, lowest_first: bool = False) -> str:
        names = [self.table.axis.groups[g] for g in (widest.high, widest.low)]
        first, second = names[::-1] if lowest_first else names
        about = self.table.about(widest.rate, ", class ")
        return f"{self.table.axis.name}: {first} vs {second}{about}"

    def _interval(self, low: float, high: float, value: float) -> Interval:
        sample = self.table.sample
        told = f"{sample.method}, max-t over all pairs, {sample.draws.shape[1]} draws"
        return Interval(min(low, value), max(high, value), self.table.level, told)

    def _detail(self, widest: Widest) -> dict[str, Json]:
        table, names = self.table, self.table.axis.groups
        groups = table.measured(widest.rate)
        away = table.values[widest.rate, groups] - table.overall[widest.rate]
        worst = int(np.argmax(np.abs(away)))
        return {
            "rate": table.label(widest.rate),
            "worst_pair": [names[widest.high], names[widest.low]],
            "worst_group": names[int(groups[worst])],
            "difference_to_overall": {
                names[int(g)]: float(d) for g, d in zip(groups, away, strict=True)
            },
            "counts": {
                name: table.group_counts(widest.rate, g) for g, name in enumerate(names)
            },
            "left_out": self.left_out(),
            "decision": table.decisions.rule,
            "unlabelled_rows": table.decisions.unlabelled,
        }

    def _pairs(self, found: Gap) -> list[Json]:
        table, names = self.table, self.table.axis.groups
        return [
            {
                "rate": table.label(pair.higher // len(names)),
                "higher": names[pair.higher % len(names)],
                "lower": names[pair.lower % len(names)],
                "difference": pair.difference,
                "low": pair.low,
                "high": pair.high,
                "p_simultaneous": pair.p_value,
                "p_alone": pair.p_alone,
            }
            for pair in found.pairs
        ]

    def _rates(self, rate: int) -> dict[str, Json]:
        names, values = self.table.axis.groups, self.table.values[rate]
        return {names[g]: float(values[g]) for g in self.table.measured(rate)}

    def _compared(self) -> int:
        """Count the rows in any denominator of a group that is compared."""
        table = self.table
        used: BoolArray = np.zeros(
            (len(table.axis.member), table.rates.whole.shape[1]), dtype=bool
        )
        for rate in self.rates:
            inside = np.any(table.axis.member[:, table.measured(rate)], axis=1)
            used |= np.outer(inside, table.rates.whole[rate])
        return int(table.cells.counts.reshape(used.shape)[used].sum())
