"""Findings about how predictions change between versions of a text."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from fairaudit.arrays import AnyArray, Array, BoolArray, IntArray
from fairaudit.result import Finding, Interval, Json, Quantity, units_of
from fairaudit.stats.paired import paired_mean
from fairaudit.stats.proportions import wilson
from fairaudit.stats.signflip import sign_flip_test
from fairaudit_metrics.extrinsic.change_evidence import flip_counts, worst_pairs
from fairaudit_metrics.extrinsic.change_quantities import (
    DEVIATION,
    FLIPS,
    INCONSISTENT,
    LARGEST,
    MEAN,
    RANGE,
    SIGNED,
)
from fairaudit_metrics.extrinsic.group_scores import distribution_figures
from fairaudit_metrics.extrinsic.scale import Scale
from fairaudit_metrics.extrinsic.versions import Versions

SAME = 1e-9


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Parameters of the findings; see the metric for what they mean."""

    tolerance: float
    min_count: int
    draws: int
    level: float
    evidence: int
    per_class: bool
    pairs: bool


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Changes of the predictions over the pairs of one axis."""

    versions: Versions
    scale: Scale
    rules: Rules

    def findings(self, rng: np.random.Generator) -> Iterator[Finding]:
        """Return all findings of the axis."""
        axis = self.versions.axis
        yield self._mean(MEAN, axis, self.distance, self._detail())
        for name, inside in self.versions.subsets.items():
            yield self._mean(
                MEAN, f"{axis}, {name}", self._within(self.distance, inside)
            )
        yield self._largest()
        yield self._share(FLIPS, self.versions.by_set(self.flips), self._flip_detail())
        yield self._share(INCONSISTENT, self._inconsistent(), self._rule_detail())
        yield from self._spreads()
        yield from self._signed(rng)

    @cached_property
    def first(self) -> Array:
        """Shape (m, classes): predictions for the first text of each pair."""
        return self.versions.table[self.versions.pairs[:, 0]]

    @cached_property
    def second(self) -> Array:
        """Shape (m, classes): predictions for the other text."""
        return self.versions.table[self.versions.pairs[:, 1]]

    @cached_property
    def distance(self) -> Array:
        """Shape (sets,): mean absolute change."""
        return self.versions.by_set(self.scale.distances(self.first, self.second))

    @cached_property
    def flips(self) -> BoolArray:
        """Shape (m,): the decision differs."""
        decisions = self.scale.decisions
        found: BoolArray = decisions(self.first) != decisions(self.second)
        return found

    def _inconsistent(self) -> Array:
        large = self.scale.own_changes(self.first, self.second) > self.rules.tolerance
        return (self.versions.by_set(self.flips & large) > 0).astype(float)

    def _mean(
        self,
        quantity: Quantity,
        subject: str,
        values: Array,
        detail: Mapping[str, Json] | None = None,
    ) -> Finding:
        """Return a mean over sets; those without a value do not count."""
        used = np.isfinite(values)
        n, found = int(used.sum()), dict(detail or {})
        if n < self.rules.min_count:
            return self._too_few(quantity, subject, n, found)
        clusters = self._clusters(used)
        estimate = paired_mean(values[used], clusters)
        limits = estimate.interval(self.rules.level)
        interval = None
        if limits is not None:
            least = -np.inf if quantity.low is None else quantity.low
            low, high = max(limits[0], least), limits[1]
            low, high = min(low, estimate.value), max(high, estimate.value)
            interval = Interval(low, high, self.rules.level, estimate.method)
        if estimate.clustered:
            found["clusters"] = estimate.units
        return Finding(
            quantity=quantity,
            subject=subject,
            value=estimate.value,
            n=n,
            interval=interval,
            detail=found,
            units=units_of(self.versions.keys[used], values[used], clusters),
        )

    def _share(
        self, quantity: Quantity, values: Array, detail: Mapping[str, Json]
    ) -> Finding:
        """Return a share; where sets are independent or alike, Wilson's interval."""
        found = self._mean(quantity, self.versions.axis, values, detail)
        if found.value is None:
            return found
        clusters = self._clusters(np.isfinite(values))
        varies = found.interval and found.interval.low < found.interval.high
        if clusters is not None and varies:
            return found
        units = found.n if clusters is None else len(np.unique(clusters))
        low, high = wilson(found.value * units, units, self.rules.level)
        method = "Wilson" if clusters is None else "Wilson, clusters as trials"
        interval = Interval(float(low), float(high), self.rules.level, method)
        return replace(found, interval=interval)

    def _too_few(
        self, quantity: Quantity, subject: str, n: int, detail: Mapping[str, Json]
    ) -> Finding:
        reason = f"{n} texts to compare; min_count is {self.rules.min_count}"
        return Finding(
            quantity=quantity, subject=subject, n=n, reason=reason, detail=detail
        )

    def _largest(self) -> Finding:
        distances = self.scale.distances(self.first, self.second)
        worst = worst_pairs(self.versions, self.scale, distances, self.rules.evidence)
        return Finding(
            quantity=LARGEST,
            subject=self.versions.axis,
            value=float(distances.max()),
            n=len(distances),
            detail={
                "score": self.scale.name,
                "interval": "none: a largest value has no bootstrap interval",
                "pairs": worst,
            },
        )

    def _spreads(self) -> Iterator[Finding]:
        """Return range and deviation where texts have more than two versions."""
        sizes = np.bincount(self.versions.owner)
        if self.scale.column is None or sizes.max() < 3:
            return
        scores = self.scale.scores(self.versions.table)
        order = np.lexsort((scores, self.versions.owner))
        ends = np.cumsum(sizes)
        ranked = scores[order]
        owner, axis = self.versions.owner, self.versions.axis
        mean = np.bincount(owner, scores) / sizes
        square = np.bincount(owner, (scores - mean[owner]) ** 2) / sizes
        yield self._mean(RANGE, axis, ranked[ends - 1] - ranked[ends - sizes])
        yield self._mean(DEVIATION, axis, np.sqrt(square))

    def _signed(self, rng: np.random.Generator) -> Iterator[Finding]:
        if self.scale.column is not None:
            yield from self._signed_of(self.scale, "", rng)
        elif self.rules.per_class:
            for column, name in enumerate(self.scale.labels):
                of_class = replace(self.scale, column=column)
                yield from self._signed_of(of_class, f", P({name})", rng)
        else:
            reason = (
                f"with {len(self.scale.labels)} classes no single score changes; name "
                "a class with the parameter 'label', or set per_class=true"
            )
            yield Finding(quantity=SIGNED, subject=self.versions.axis, reason=reason)

    def _signed_of(
        self, scale: Scale, suffix: str, rng: np.random.Generator
    ) -> Iterator[Finding]:
        moved = scale.changes(self.first, self.second)
        for subject, rows in self._comparisons():
            values = self.versions.by_set(moved, rows)
            for name, inside in self._subsets().items():
                yield self._tested(
                    f"{self.versions.axis}: {subject}{name}{suffix}",
                    self._within(values, inside),
                    rng,
                )

    def _subsets(self) -> Mapping[str, BoolArray]:
        everything = np.ones(self.versions.sets, dtype=bool)
        if self.versions.ordered:
            return {"": everything}
        kinds = {f", {name}": rows for name, rows in self.versions.subsets.items()}
        return {"": everything, **kinds}

    def _comparisons(self) -> Iterator[tuple[str, BoolArray]]:
        """Yield the pairs of groups that are compared, and their rows.

        Originals of any group with the variants of one, where there are more than two
        groups and the originals matter.
        """
        groups, found = self.versions.groups, self.versions.pair_groups
        if self.versions.ordered and len(groups) > 2:
            for at in np.unique(found[:, 1]).tolist():
                yield f"others -> {groups[at]}", found[:, 1] == at
            if not self.rules.pairs:
                return
        for a, b in np.unique(found, axis=0).tolist():
            rows = (found == (a, b)).all(axis=1)
            yield f"{groups[a]} -> {groups[b]}", rows

    def _tested(self, subject: str, values: Array, rng: np.random.Generator) -> Finding:
        found = self._mean(SIGNED, subject, values)
        if found.value is None:
            return found
        used = np.isfinite(values)
        changes, clusters = values[used], self._clusters(used)
        test = sign_flip_test(changes, clusters, rng, draws=self.rules.draws)
        told = f"sign flips of {'texts' if clusters is None else 'clusters'}"
        detail: dict[str, Json] = {
            **found.detail,
            "test": f"{told}, {test.method}, {test.partitions} patterns",
            "up": int((changes > 0).sum()),
            "down": int((changes < 0).sum()),
            **paired_tests(changes),
        }
        return replace(
            found,
            p_value=test.p_value,
            null="the score is as likely to rise as to fall by any amount",
            detail=detail,
        )

    def _within(self, values: Array, inside: BoolArray) -> Array:
        return np.where(inside, values, np.nan)

    def _clusters(self, used: BoolArray) -> IntArray | None:
        clusters = self.versions.clusters
        return None if clusters is None else clusters[used]

    def _detail(self) -> dict[str, Json]:
        found: dict[str, Json] = {
            **self.versions.detail,
            "pairs": len(self.versions.pairs),
            "score": self.scale.name,
        }
        if self.scale.column is not None:
            scores = self.scale.scores(self.versions.table)
            found |= distribution_figures(self.versions, scores)
        return found

    def _rule_detail(self) -> dict[str, Json]:
        return {"decision": self.scale.rule, "tolerance": self.rules.tolerance}

    def _flip_detail(self) -> dict[str, Json]:
        counted = flip_counts(self.versions, self.scale, self.first, self.second)
        return {"decision": self.scale.rule, "by_pair": counted}


def paired_tests(changes: AnyArray) -> dict[str, Json]:
    """Return the t and Wilcoxon tests that studies report, rows as independent.

    Left out where they are not defined: fewer than two changes, or all equal up to
    rounding.
    """
    from scipy.stats import ttest_1samp, wilcoxon

    if len(changes) < 2 or np.ptp(changes) <= SAME * np.abs(changes).max():
        return {}
    t = ttest_1samp(changes, 0.0)
    ranks = wilcoxon(changes, method="asymptotic")
    return {
        "t_test_rows_independent": {"t": float(t.statistic), "p": float(t.pvalue)},
        "wilcoxon_rows_independent": {
            "W": float(ranks.statistic),
            "p": float(ranks.pvalue),
        },
    }
