"""Intersectional bias detection."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from fairaudit.arrays import Array, BoolArray
from fairaudit.errors import AuditError, suggest
from fairaudit.result import Finding, Interval, Json, Quantity
from fairaudit.stats.proportions import wilson
from fairaudit.stats.twoproportions import difference_interval, fisher_p
from fairaudit_metrics.intrinsic.detection import (
    GRID,
    Comparisons,
    Curve,
    Drop,
    Kind,
)
from fairaudit_metrics.intrinsic.detectionset import (
    DetectionSet,
    published,
    read_detection_set,
)
from fairaudit_metrics.intrinsic.detectiontable import DetectionTable
from fairaudit_metrics.intrinsic.parameters import require
from fairaudit_metrics.intrinsic.vectortable import TextVectors
from fairaudit_metrics.intrinsic.wordmetric import WordMetric
from fairaudit_metrics.intrinsic.wordsets import shortfall

_PAPER = "Guo & Caliskan 2021, doi:10.1145/3461702.3462536"
GOLD_FOUND = Quantity(
    name="gold_words_found",
    unit="proportion",
    ideal=None,
    low=0.0,
    high=1.0,
    definition="Share of the words that people ascribe to the group, of which the "
    "vectors say so too. n counts these words.",
    reference=_PAPER,
)
FALSE_FOUND = Quantity(
    name="other_words_found",
    unit="proportion",
    ideal=None,
    low=0.0,
    high=1.0,
    definition="Share of the other words of which the vectors say that they belong to "
    "the group: the false positive rate. n counts these words.",
    reference=_PAPER,
)
GAP = Quantity(
    name="detection_gap",
    unit="difference of proportions",
    ideal=0.0,
    low=-1.0,
    high=1.0,
    definition="Share of the words that people ascribe to the group that are detected, "
    "less that of the other words. n counts all words.",
    reference=f"own; of the shares of {_PAPER}",
)
DETECTED = Quantity(
    name="words_detected",
    unit="proportion",
    ideal=None,
    low=0.0,
    high=1.0,
    definition="Share of the words of which the vectors say that they belong to the "
    "group, where no gold words are given. n counts the words.",
    reference=_PAPER,
)
NULL = "Whether a word is detected does not depend on whether people ascribe it."
_CHOSEN = "The threshold was chosen on the same gold words."
_NO_RULE = "A threshold can be chosen only where some words are gold words, not all."
_KINDS: tuple[Kind, ...] = ("intersectional", "emergent")


@dataclass(frozen=True)
class IBD(WordMetric):
    r"""Detect words that vectors tie to the members of several groups at once.

    A word w is *intersectional* for a group (IBD) where its effect size

    .. math:: d(w) = \frac{\mathrm{mean}_{a \in A} \cos(w, a)
              - \mathrm{mean}_{b \in B} \cos(w, b)}
              {\mathrm{std}_{v \in A \cup B} \cos(w, v)}

    (ddof=1), A being the group's words and B those of another group, is above the
    threshold for any other group. It is *emergent* (EIBD) where it is intersectional
    and not above the threshold along every single axis too: for women of one race,
    against every other race and against men. Detected words are compared with those
    that people ascribe to the group.

    Parameters
    ----------
    test_file
        JSON file with groups, words and gold words of your own; empty: the published
        ones, names of three races and two genders and 98 words.
    max_missing
        Nothing is detected where a group, or the words to test, lose a larger share.
    layer
        Hidden layer, 0 the embedding output, -1 the last.
    pool
        How an encoder's sub-tokens make a vector: their mean, the first or the last one
        (special tokens do not count), or ``"cls"``, the first position of the input.
    level
        Level of the intervals.
    groups
        Groups to detect words for, plus signs between them; empty: those with gold
        words, or all where none has some.
    threshold
        A number; or, for each group by its gold words, ``"youden"`` (shares of gold
        words and of others farthest apart) or ``"accuracy"`` (most words told right),
        of -2 to 1.95 by .05.
    drop
        An intersectional word is not emergent where it is above the threshold along
        ``"all"`` axes, or along ``"any"``.

    References
    ----------
    Guo & Caliskan 2021, "Detecting Emergent Intersectional Biases: Contextualized Word
    Embeddings Contain a Distribution of Human-like Biases",
    doi:10.1145/3461702.3462536. Ghavami & Peplau 2013, "An Intersectional Analysis of
    Gender and Ethnic Stereotypes", doi:10.1177/0361684312464203.

    Notes
    -----
    Deviations from the paper:

    - The default threshold is .8, a large effect by convention. The paper chooses it by
      the ROC of the gold words; then there is no p-value, and the shares flatter the
      model. The detail has the curve either way.
    - The authors' code compares Mexican American women twice with European American
      men and never with African American men; here each other group counts once.
    - ``drop="any"`` is the rule of the first version of the authors' code.
    - Along the axis of gender, names of all races are compared. Which names the paper
      takes there could not be confirmed.
    - The paper takes static GloVe vectors. An encoder reads each word as a text of its
      own, which it seldom sees.
    - Intervals and the test of the gap (Fisher's exact test, over words) are our own.
    """

    groups: str = ""
    threshold: float | Literal["youden", "accuracy"] = 0.8
    drop: Drop = "all"

    name: ClassVar[str] = "ibd"
    quantities: ClassVar[tuple[Quantity, ...]] = (
        GOLD_FOUND,
        FALSE_FOUND,
        GAP,
        DETECTED,
    )
    summary: ClassVar[str] = "Words tied to members of several groups at once."
    formula: ClassVar[str] = (
        "any d(w; group, other) > t; emergent: not all d(w; axis) > t"
    )
    limits: ClassVar[str] = (
        "Says how words are represented, not how a model treats people; depends on "
        "names standing for groups and on one survey of stereotypes in the USA. A "
        "quarter of the published words are insects: a gap may come from them alone."
    )
    source: ClassVar[str] = "https://doi.org/10.1145/3461702.3462536"
    traits: ClassVar[Mapping[str, str]] = {
        "notion": "association",
        "task": "representation",
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        number = isinstance(self.threshold, str) or isfinite(self.threshold)
        require(number, self.name, "threshold", "a number, youden or accuracy")
        for group in self._chosen:
            if group not in self._set.groups:
                hint = suggest(group, self._set.groups)
                raise AuditError(f"{self.name}: there is no group {group!r}. {hint}")

    @property
    def texts(self) -> tuple[str, ...]:
        """All words of groups and all words to test."""
        return self._set.texts

    def findings(self, vectors: TextVectors, base: int) -> Iterator[Finding]:
        """Yield the findings of each group, for both kinds of words."""
        sets = (self._set.words, *self._set.groups.values())
        if lost := shortfall(sets, vectors.rows, self.max_missing):
            reason = f"Words without a vector: {lost}."
            for group in self._chosen:
                yield Finding(quantity=DETECTED, subject=group, reason=reason)
            return
        table = DetectionTable.of(self._set, vectors)
        for group in self._chosen:
            for kind in _KINDS:
                yield from self._group(group, kind, table)

    def _group(
        self, group: str, kind: Kind, table: DetectionTable
    ) -> Iterator[Finding]:
        gold, subject = table.gold(group, kind), f"{group}: {kind}"
        if gold.any() and not gold.all():
            yield from self._against(gold, group, kind, table)
        elif isinstance(self.threshold, str):
            yield Finding(quantity=DETECTED, subject=subject, reason=_NO_RULE)
        else:
            found = self._detected(table.comparisons(group), kind, self.threshold)[0]
            yield share(
                DETECTED, subject, found, self.level, table.detail(group, found)
            )

    def _against(
        self, gold: BoolArray, group: str, kind: Kind, table: DetectionTable
    ) -> Iterator[Finding]:
        comparisons, subject = table.comparisons(group), f"{group}: {kind}"
        curve = Curve.of(self._detected(comparisons, kind, GRID), gold)
        limit, chosen = self._threshold(curve), isinstance(self.threshold, str)
        found = self._detected(comparisons, kind, limit)[0]
        detail: Mapping[str, Json] = {
            "threshold": limit,
            "accuracy": float((found == gold).mean()),
            "share_of_gold_words": float(gold.mean()),
            "missing_words": table.missing,
        }
        words = {"words": table.detail(group, found)}
        corners = {"threshold_found_false": curve.corners(GRID)}
        yield share(GOLD_FOUND, subject, found[gold], self.level, {**detail, **words})
        yield share(FALSE_FOUND, subject, found[~gold], self.level, detail)
        yield gap(
            subject, found, gold, self.level, {**detail, **corners}, tested=not chosen
        )

    def _threshold(self, curve: Curve) -> float:
        if isinstance(self.threshold, str):
            return float(GRID[curve.best(self.threshold)])
        return self.threshold

    def _detected(
        self, comparisons: Comparisons, kind: Kind, threshold: Array | float
    ) -> BoolArray:
        return comparisons.detected(kind, np.asarray(threshold), self.drop)

    @cached_property
    def _set(self) -> DetectionSet:
        return (
            read_detection_set(Path(self.test_file)) if self.test_file else published()
        )

    @cached_property
    def _chosen(self) -> tuple[str, ...]:
        named = [name.strip() for name in self.groups.split("+") if name.strip()]
        return tuple(dict.fromkeys(named or self._set.gold or self._set.groups))


def share(
    quantity: Quantity,
    subject: str,
    found: BoolArray,
    level: float,
    detail: Mapping[str, Json],
) -> Finding:
    """Return the share of words that are found, with Wilson's interval."""
    hits, total = int(found.sum()), found.size
    (low,), (high,) = wilson([hits], [total], level)
    low, high = (low if hits else 0.0), (high if hits < total else 1.0)  # not by 1e-17
    return Finding(
        quantity=quantity,
        subject=subject,
        value=hits / total,
        n=total,
        interval=Interval(float(low), float(high), level, "Wilson"),
        detail=detail,
    )


def gap(
    subject: str,
    found: BoolArray,
    gold: BoolArray,
    level: float,
    detail: Mapping[str, Json],
    *,
    tested: bool,
) -> Finding:
    """Return how much more often gold words are found, with Newcombe's interval."""
    pairs = [(int(found[rows].sum()), int(rows.sum())) for rows in (gold, ~gold)]
    first, second = pairs
    low, high = difference_interval(first, second, level)
    return Finding(
        quantity=GAP,
        subject=subject,
        value=first[0] / first[1] - second[0] / second[1],
        n=found.size,
        interval=Interval(low, high, level, "Newcombe"),
        p_value=fisher_p(first, second) if tested else None,
        null=NULL if tested else "",
        detail={**detail, **({} if tested else {"no_p_value_because": _CHOSEN})},
    )
