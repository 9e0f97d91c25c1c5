"""CEAT of single groups between two poles."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairaudit.arrays import Array, BoolArray
from fairaudit.data import Contexts
from fairaudit.result import Finding, Interval, Json, Quantity
from fairaudit.stats.contextdraws import Draws, WordContexts
from fairaudit.stats.permutation import joint_permutation_test
from fairaudit.stats.pooling import random_effects
from fairaudit.stats.spread import variance_interval
from fairaudit_metrics.intrinsic.ceatform import Form, Found, enough
from fairaudit_metrics.intrinsic.contextpool import ContextPool, Undefined
from fairaudit_metrics.intrinsic.inference import (
    BOOTSTRAP,
    NO_INTERVAL,
    REPLICATES,
    Drawing,
    Replicates,
    draws_detail,
    words_detail,
)
from fairaudit_metrics.intrinsic.stimuli import group_tests
from fairaudit_metrics.intrinsic.testfile import read_group_tests
from fairaudit_metrics.intrinsic.wordpermutation import PERMUTATIONS
from fairaudit_metrics.intrinsic.wordsets import GroupTest, WordSet, shortfall

_REFERENCE = "after Cao et al. 2022, arXiv:2203.13928"
GROUP_ASSOCIATION = Quantity(
    name="group_association",
    unit="standard deviations",
    ideal=None,
    definition="Random-effects mean, over draws of one context a word, of the "
    "difference between the mean cosine of a group's words with the words of A and "
    "with those of B, divided by the standard deviation (ddof=1) over A and B. n "
    "counts the words of the group, of A and of B.",
    reference=_REFERENCE,
)
ASSOCIATION_VARIANCE = Quantity(
    name="association_variance",
    unit="squared standard deviations",
    ideal=0.0,
    low=0.0,
    definition="Variance of the group associations over the groups of an axis. n "
    "counts the groups.",
    reference=_REFERENCE,
)
NULL = (
    "How near a word of A or B is to a group, compared with the other groups and in "
    "standard deviations of each, does not depend on whether the word is of A or of B."
)
_NO_SPREAD = (
    "The association is undefined: in a draw the group is equally near to all of A "
    "and B."
)
_TOO_FEW = "A variance takes two groups that have an association."


@dataclass(frozen=True)
class Groups(Form[GroupTest]):
    """Groups of an axis between poles A and B: one finding a group and their variance.

    Parameters
    ----------
    ddof
        The variance divides by the number of groups less this.
    """

    ddof: int = 0

    quantity: ClassVar[Quantity] = ASSOCIATION_VARIANCE

    def published(self) -> Mapping[str, GroupTest]:
        """Return the groups of Cao et al. 2022 with each pair of poles."""
        return group_tests()

    def read(self, path: Path) -> Mapping[str, GroupTest]:
        """Return the tests of a file."""
        return read_group_tests(path)

    def needed(self, test: GroupTest) -> tuple[WordSet, ...]:
        """Return the poles."""
        return (test.a, test.b)

    def touched(self, test: GroupTest, data: Contexts) -> bool:
        """Tell whether both poles and a group have a word in the data."""
        some = any(one.within(data.rows).words for one in test.groups)
        return some and super().touched(test, data)

    def kept(self, test: GroupTest, pool: ContextPool, max_missing: float) -> GroupTest:
        """Return the test without unknown words, and without groups that lose more."""
        groups = (g for g in test.groups if not shortfall((g,), pool, max_missing))
        return replace(test, groups=tuple(groups)).within(pool)

    def findings(
        self, found: Found[GroupTest], drawing: Drawing, seeds: np.random.SeedSequence
    ) -> Iterator[Finding]:
        """Yield the association of each group, and the variance over them."""
        test, pool = found.kept, found.vectors.pool
        names = {group.name for group in test.groups}
        for group in found.test.groups:
            if group.name not in names:
                lost = ", ".join(group.missing(pool))
                reason = f"Too few contexts of {lost}. {enough(pool)}"
                yield _none(GROUP_ASSOCIATION, found.test.about(group), reason)
        if not test.groups:
            raise Undefined(f"No group has enough contexts. {enough(pool)}")
        axis = _Axis.of(found, drawing, seeds)
        for number, group in enumerate(test.groups):
            yield axis.finding(number, group, drawing.level)
        yield axis.variance(drawing.level, self.ddof)


@dataclass(frozen=True)
class _Axis:
    """All groups of one axis, on the same draws of the poles.

    Parameters
    ----------
    drawn
        Draws of each group.
    values
        Combined effect size of each group; NaN where it is undefined.
    p_values
        Two-sided, of each group, and of the standard deviation over the groups.
    """

    found: Found[GroupTest]
    sample: WordContexts
    drawn: Sequence[Draws]
    values: Array
    replicates: Replicates
    p_values: Array
    tested: Mapping[str, Json]

    @classmethod
    def of(
        cls, found: Found[GroupTest], drawing: Drawing, seeds: np.random.SeedSequence
    ) -> "_Axis":
        """Draw contexts, resample them, and permute the words of the poles."""
        draws, words, interval = map(np.random.default_rng, seeds.spawn(3))
        sample = _sample(found, drawing)
        drawn = sample.draw(drawing.draws, draws, drawing.sampling)
        values = np.array([_combined(one) for one in drawn])
        replicates = Replicates.of(sample, interval)
        known = [one for one, v in zip(drawn, values, strict=True) if np.isfinite(v)]
        p_values, tested = _p_values(known, sample.first, words)
        return cls(found, sample, drawn, values, replicates, p_values, tested)

    def finding(self, number: int, group: WordSet, level: float) -> Finding:
        """Return the association of one group."""
        test, value = self.found.kept, self.values[number]
        subject = test.about(group)
        if not np.isfinite(value):
            return _none(GROUP_ASSOCIATION, subject, _NO_SPREAD)
        drawn = self.drawn[number]
        interval = self.replicates.interval(number, level)
        place = int(np.isfinite(self.values[:number]).sum())
        return Finding(
            quantity=GROUP_ASSOCIATION,
            subject=subject,
            value=float(value),
            n=len(test.a.words) + len(test.b.words) + len(group.words),
            interval=interval,
            detail={
                "p_equally_near_to_both_poles": float(self.p_values[place]),
                **draws_detail(drawn, random_effects(drawn.effects, drawn.variances)),
                **self.tested,
                **words_detail(test.sets, self.sample.picker.counts),
                **self.found.missing,
                **({} if interval else {"no_interval": NO_INTERVAL}),
            },
        )

    def variance(self, level: float, ddof: int) -> Finding:
        """Return the variance over the groups."""
        test, known = self.found.kept, np.isfinite(self.values)
        if known.sum() < 2:
            return _none(ASSOCIATION_VARIANCE, test.subject, _TOO_FEW)
        pairs = zip(test.groups, self.values.tolist(), known, strict=True)
        values = self.values[known]
        interval = self._interval(values, known, level, ddof)
        return Finding(
            quantity=ASSOCIATION_VARIANCE,
            subject=test.subject,
            value=float(values.var(ddof=ddof)),
            n=values.size,
            interval=interval,
            p_value=float(self.p_values[-1]),
            null=NULL,
            detail={
                "ddof": ddof,
                "groups": {group.name: v for group, v, defined in pairs if defined},
                **self.tested,
                **self.found.missing,
                **({} if interval else {"no_interval": NO_INTERVAL}),
            },
        )

    def _interval(
        self, values: Array, known: BoolArray, level: float, ddof: int
    ) -> Interval | None:
        replicates = self.replicates.values[:, known]
        defined = replicates[np.isfinite(replicates).all(axis=1)]
        if len(defined) < REPLICATES / 2:
            return None
        low, high = variance_interval(values, defined, level, ddof)
        method = f"{BOOTSTRAP}, all groups at once, {len(defined)} replicates"
        return Interval(low, high, level, method)


def _sample(found: Found[GroupTest], drawing: Drawing) -> WordContexts:
    test, vectors = found.kept, found.vectors
    try:
        return WordContexts.of_groups(
            vectors.vectors,
            vectors.rows(test.words),
            (len(test.a.words), len(test.b.words)),
            tuple(len(group.words) for group in test.groups),
            drawing.expected,
        )
    except ValueError as error:
        raise Undefined(f"The association is undefined: {error}.") from error


def _combined(drawn: Draws) -> float:
    if not np.isfinite(drawn.effects).all():
        return float("nan")
    return float(random_effects(drawn.effects, drawn.variances).effect)


def _p_values(
    drawn: Sequence[Draws], first: int, rng: np.random.Generator
) -> tuple[Array, Mapping[str, Json]]:
    """Permute words between the poles: each group alone, and all together."""
    if not drawn:
        return np.ones(1), {}
    found = joint_permutation_test(
        np.column_stack([one.word_scores for one in drawn]),
        first,
        rng,
        lambda sums: np.vstack([np.abs(sums), sums.std(axis=0)]),
        draws=PERMUTATIONS,
    )
    return found.p_values, {
        "permutation_method": found.method,
        "permutation_partitions": found.partitions,
    }


def _none(quantity: Quantity, subject: str, reason: str) -> Finding:
    return Finding(quantity=quantity, subject=subject, reason=reason)
