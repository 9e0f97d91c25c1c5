"""How well probabilities agree with outcomes, by group."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.result import Finding, Interval, Json, Quantity
from fairaudit.stats.binned import binned_means
from fairaudit.stats.bootstrap import Bootstrap
from fairaudit.stats.calibration import CalibrationErrors, calibration_errors
from fairaudit.stats.gaps import largest_gap
from fairaudit_metrics.extrinsic.axes import Axis
from fairaudit_metrics.extrinsic.decisions import Decisions


def _quantity(name: str, unit: str, definition: str, source: str) -> Quantity:
    return Quantity(
        name=name,
        unit=unit,
        ideal=None,
        low=0,
        high=1,
        definition=definition,
        reference=source,
    )


def _gap(level: Quantity) -> Quantity:
    return Quantity(
        name=f"{level.name}_difference",
        unit=f"difference of {level.unit}",
        ideal=0,
        low=0,
        high=1,
        definition=f"Highest minus lowest {level.name} of the groups.",
        reference="own",
    )


ERROR: Final = _quantity(
    "expected_calibration_error",
    "probability",
    "Sum over equal bins of the score of |sum of (outcome - score)|, over the group's "
    "texts. Score and outcome are P(positive) and whether the label is it; with "
    "several classes P(chosen class) and whether it is right.",
    "Guo et al. (2017), arXiv 1706.04599",
)
BRIER: Final = _quantity(
    "brier_score",
    "squared probability",
    "Mean of (score - label)^2 over the group's texts; with several classes half the "
    "sum over the classes.",
    "Brier (1950), Monthly Weather Review 78",
)
LEVELS: Final = (ERROR, BRIER)
ERROR_GAP, BRIER_GAP = GAPS = (_gap(ERROR), _gap(BRIER))


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Calibration of the groups of an axis.

    Parameters
    ----------
    axis, decisions
        Groups and scores.
    bins
        How many equal bins of the score.
    min_count
        Least number of texts.
    draws, level
        Of the intervals.
    """

    axis: Axis
    decisions: Decisions
    bins: int
    min_count: int
    draws: int
    level: float

    def findings(self, rng: np.random.Generator) -> Iterator[Finding]:
        """Return calibration error and Brier score by group, then their gaps."""
        first, second = rng.spawn(2)
        if len(self._groups):
            yield from self._errors(first)
            yield from self._losses(second)
        for group in np.flatnonzero(self.axis.sizes < self.min_count):
            yield from (self._undefined(level, int(group)) for level in LEVELS)
        if len(self._groups) < 2:
            yield from map(self._no_gap, GAPS)

    @cached_property
    def _groups(self) -> IntArray:
        return np.flatnonzero(self.axis.sizes >= self.min_count)

    @cached_property
    def _counts(self) -> list[dict[str, int]]:
        return self.decisions.counts(self.axis)

    @property
    def _member(self) -> BoolArray:
        return self.axis.member[:, self._groups]

    def _errors(self, rng: np.random.Generator) -> Iterator[Finding]:
        found = calibration_errors(
            self._member,
            self.axis.code,
            self.decisions.score,
            self.decisions.outcome,
            self.bins,
            self.draws,
            self.level,
            rng,
            self.decisions.clusters,
        )
        method = "inverted test of noise in the bins, conservative"
        alone = found.intervals(self.level)
        joint = found.intervals(1 - (1 - self.level) / len(found.values))
        by_chance = found.by_chance
        for at in range(len(self._groups)):
            detail: dict[str, Json] = {
                "bins": self.bins,
                "expected_if_calibrated": float(by_chance[at]),
            }
            yield self._level(ERROR, at, found.values, alone, joint, method, detail)
        if len(self._groups) > 1:
            yield self._error_gap(found, joint)

    def _losses(self, rng: np.random.Generator) -> Iterator[Finding]:
        from scipy.special import ndtri

        rows = np.zeros(len(self.decisions.loss), dtype=np.int64)
        means = binned_means(
            self._member,
            self.axis.code,
            self.decisions.loss,
            rows,
            1,
            self.decisions.clusters,
        )
        sample = means.draws(self.draws, rng, self.level)
        every = np.arange(len(self._groups))
        reach = ndtri((1 + self.level) / 2), sample.critical(every, self.level)
        alone, joint = (_bands(sample, float(r)) for r in reach)
        for at in range(len(self._groups)):
            yield self._level(BRIER, at, sample.centre, alone, joint, sample.method, {})
        if len(self._groups) > 1:
            yield self._loss_gap(sample)

    def _level(
        self,
        quantity: Quantity,
        at: int,
        values: Array,
        alone: Array,
        joint: Array,
        method: str,
        detail: dict[str, Json],
    ) -> Finding:
        group, (low, high) = int(self._groups[at]), alone[at].tolist()
        return Finding(
            quantity=quantity,
            subject=self.axis.subject(group),
            value=float(values[at]),
            n=int(self.axis.sizes[group]),
            interval=Interval(low, high, self.level, method),
            detail={
                **detail,
                **self._counts[group],
                "simultaneous_interval": joint[at].tolist(),
            },
        )

    def _error_gap(self, found: CalibrationErrors, joint: Array) -> Finding:
        """Return the gap; with simultaneous intervals it lies between their ends."""
        value = float(np.ptp(found.values))
        low = max(0.0, float(joint[:, 0].max() - joint[:, 1].min()))
        high = float(joint[:, 1].max() - joint[:, 0].min())
        method = "ends of simultaneous intervals, Bonferroni over groups"
        interval = Interval(min(low, value), max(high, value), self.level, method)
        return self._difference(ERROR_GAP, found.values, interval, None, {})

    def _loss_gap(self, sample: Bootstrap) -> Finding:
        gap = largest_gap(sample, [np.arange(len(self._groups))], self.level)
        value = float(np.ptp(sample.centre))
        method = f"{sample.method}, max-t over all pairs, {self.draws} draws"
        low, high = min(gap.low, value), max(gap.high, value)
        interval = Interval(low, high, self.level, method)
        names = [self.axis.groups[int(g)] for g in self._groups]
        pairs: list[Json] = [
            {
                "higher": names[pair.higher],
                "lower": names[pair.lower],
                "difference": pair.difference,
                "p_simultaneous": pair.p_value,
                "p_alone": pair.p_alone,
            }
            for pair in gap.pairs
        ]
        return self._difference(
            BRIER_GAP, sample.centre, interval, gap.p_value, {"pairs": pairs}
        )

    def _difference(
        self,
        quantity: Quantity,
        values: Array,
        interval: Interval,
        p_value: float | None,
        detail: dict[str, Json],
    ) -> Finding:
        names = [self.axis.groups[int(g)] for g in self._groups]
        high, low = (
            int(np.argmax(values)),
            len(values) - 1 - int(np.argmin(values[::-1])),
        )
        null = f"all groups of {self.axis.name} have the same mean Brier score"
        return Finding(
            quantity=quantity,
            subject=f"{self.axis.name}: {names[high]} vs {names[low]}",
            key=self.axis.name,
            value=float(np.ptp(values)),
            n=int(self.axis.rows[self._member.any(axis=1)].sum()),
            interval=interval,
            p_value=p_value,
            null="" if p_value is None else null,
            detail={
                "worst_group": names[high],
                "worst_pair": [names[high], names[low]],
                "counts": {
                    self.axis.groups[int(g)]: self._counts[int(g)] for g in self._groups
                },
                "left_out": {**self.axis.too_small(self.min_count)},
                **detail,
            },
        )

    def _undefined(self, quantity: Quantity, group: int) -> Finding:
        return Finding(
            quantity=quantity,
            subject=self.axis.subject(group),
            reason=self.axis.too_small(self.min_count)[self.axis.groups[group]],
            detail=self._counts[group],
        )

    def _no_gap(self, quantity: Quantity) -> Finding:
        return Finding(
            quantity=quantity,
            subject=self.axis.name,
            reason=(
                f"a gap needs two groups with {self.min_count} texts (min_count); "
                f"{len(self._groups)} of the {len(self.axis.groups)} of "
                f"{self.axis.name} have them"
            ),
            detail={"left_out": {**self.axis.too_small(self.min_count)}},
        )


def _bands(sample: Bootstrap, reach: float) -> Array:
    half = reach * sample.spread
    return np.clip(np.column_stack([sample.centre - half, sample.centre + half]), 0, 1)
