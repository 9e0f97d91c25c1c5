"""AUCs of groups: how well scores separate the classes, within and across groups."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fairaudit.arrays import BoolArray
from fairaudit.result import Finding, Interval, Json, Quantity
from fairaudit.stats.auc import AucEstimate, delong
from fairaudit_metrics.extrinsic.rows import ScoredAxis

BORKAN = "Borkan et al. (2019), arXiv 1903.04561, section 3"
METHOD = "DeLong, logit scale"


def _auc(name: str, definition: str) -> Quantity:
    return Quantity(
        name=name,
        unit="probability",
        ideal=None,
        low=0,
        high=1,
        definition=definition,
        reference=BORKAN,
    )


AUCS = (
    _auc(
        "subgroup_auc",
        "Chance that a positive of the group outscores a negative of the group.",
    ),
    _auc(
        "bpsn_auc",
        "Chance that a positive of the background outscores a negative of the group.",
    ),
    _auc(
        "bnsp_auc",
        "Chance that a positive of the group outscores a negative of the background.",
    ),
)
LOWEST = tuple(
    _auc(f"lowest_{q.name}", f"Smallest {q.name} of the groups of an axis.")
    for q in AUCS
)
SIDES = (
    ("positives in the group", "negatives in the group"),
    ("positives in the background", "negatives in the group"),
    ("positives in the group", "negatives in the background"),
)


@dataclass(frozen=True, kw_only=True)
class AucTable:
    """AUCs of all groups of an axis.

    Parameters
    ----------
    rows
        The scored rows.
    background
        ``"all"``: rows known to be outside the group; ``"identity"``: only those of
        them that are in another group of the axis.
    min_count
        Least number of positives and of negatives.
    level
        Of the intervals.
    """

    rows: ScoredAxis
    background: str
    min_count: int
    level: float

    def findings(self) -> Iterator[Finding]:
        """Return the AUCs of every group, then the lowest of each kind."""
        table = [self._estimates(group) for group in range(len(self.rows.names))]
        for group, estimates in enumerate(table):
            for kind, estimate in enumerate(estimates):
                yield self._finding(kind, group, estimate)
        for kind in range(len(AUCS)):
            yield self._lowest(kind, [estimates[kind] for estimates in table])

    def _estimates(self, group: int) -> list[AucEstimate | str]:
        member, positive = self.rows.member[:, group], self.rows.positive
        outside = self._outside(group)
        inside = member & positive, member & ~positive
        beyond = outside & positive, outside & ~positive
        pairs = (inside, (beyond[0], inside[1]), (inside[0], beyond[1]))
        return [self._estimate(kind, *pair) for kind, pair in enumerate(pairs)]

    def _outside(self, group: int) -> BoolArray:
        outside = self.rows.known[:, group] & ~self.rows.member[:, group]
        if self.background == "identity":
            return outside & self.rows.member.any(axis=1)
        return outside

    def _estimate(
        self, kind: int, positive: BoolArray, negative: BoolArray
    ) -> AucEstimate | str:
        """Return the AUC, or the reason why it is undefined."""
        counts = int(positive.sum()), int(negative.sum())
        if min(counts) < self.min_count:
            found = " and ".join(
                f"{count} {side}"
                for count, side in zip(counts, SIDES[kind], strict=True)
            )
            return f"{found}; min_count is {self.min_count}"
        return delong(self.rows.score[positive], self.rows.score[negative])

    def _finding(self, kind: int, group: int, found: AucEstimate | str) -> Finding:
        quantity, subject = AUCS[kind], self.rows.subject(group)
        detail: dict[str, Json] = {**self.rows.left_out(group)}
        if isinstance(found, str):
            return Finding(
                quantity=quantity, subject=subject, reason=found, detail=detail
            )
        detail |= {"positives": found.positives, "negatives": found.negatives}
        return Finding(
            quantity=quantity,
            subject=subject,
            value=found.value,
            n=found.positives + found.negatives,
            interval=Interval(*found.interval(self.level), self.level, METHOD),
            detail=detail,
        )

    def _lowest(self, kind: int, found: list[AucEstimate | str]) -> Finding:
        """Return the lowest AUC; the interval holds for the minimum over groups.

        With G groups, intervals of level 1 - (1 - level) / G hold for all at once
        (Bonferroni); then the minimum lies between their smallest ends.
        """
        groups = dict(zip(self.rows.names, found, strict=True))
        known = {g: e for g, e in groups.items() if isinstance(e, AucEstimate)}
        reasons = {g: e for g, e in groups.items() if isinstance(e, str)}
        axis, quantity = self.rows.axis, LOWEST[kind]
        if not known:
            return Finding(
                quantity=quantity,
                subject=axis,
                reason=f"no group of {axis} has enough positives and negatives",
                detail={"left_out": reasons},
            )
        name = min(known, key=lambda name: known[name].value)
        return Finding(
            quantity=quantity,
            subject=f"{axis}: {name} (lowest)",
            value=known[name].value,
            n=known[name].positives + known[name].negatives,
            interval=_lowest_interval(list(known.values()), self.level),
            detail={
                "lowest": name,
                "aucs": {name: e.value for name, e in known.items()},
                "left_out": reasons,
            },
        )


def _lowest_interval(known: Sequence[AucEstimate], level: float) -> Interval:
    each = 1 - (1 - level) / len(known)
    ends = [estimate.interval(each) for estimate in known]
    low, high = (min(side) for side in zip(*ends, strict=True))
    method = f"{METHOD}, Bonferroni over {len(known)} groups"
    return Interval(low, high, level, method)
