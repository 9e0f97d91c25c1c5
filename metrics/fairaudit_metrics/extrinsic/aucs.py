"""AUCs within and across groups: their values, counts and intervals."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.result import Interval, Json, Units, units_of
from fairaudit.stats.bootstrap import inflation
from fairaudit.stats.jointauc import JointAucs, joint_aucs
from fairaudit_metrics.extrinsic.axes import Axis
from fairaudit_metrics.extrinsic.decisions import Decisions

SUBSETS: Final = (
    "negatives in the group",
    "positives in the group",
    "negatives in the background",
    "positives in the background",
)
KINDS: Final = {
    "subgroup_auc": (1, 0),
    "bpsn_auc": (3, 0),
    "bnsp_auc": (1, 2),
    "negative_aeg": (0, 2),
    "positive_aeg": (1, 3),
    "background_auc": (3, 2),
}
"""For each kind, the subset that should score higher and the one that should not."""
NAMES: Final = tuple(KINDS)


@dataclass(frozen=True, kw_only=True)
class AucTable:
    """AUCs of all groups of an axis, and of all rows.

    Parameters
    ----------
    axis, decisions
        Groups and scores.
    identity_only
        Whether only rows of some other group of the axis are background.
    unknown_outside
        Whether rows of unknown membership are background.
    min_count
        Least number of rows on either side.
    level
        Of the intervals.
    """

    axis: Axis
    decisions: Decisions
    identity_only: bool
    unknown_outside: bool
    min_count: int
    level: float

    @cached_property
    def joint(self) -> JointAucs:
        """All kinds of the first group, of the second and so on; the overall last."""
        return joint_aucs(
            self.decisions.score,
            self._key,
            self._inside,
            self._pairs,
            self.decisions.clusters,
        )

    @property
    def _pairs(self) -> IntArray:
        """Shape (AUCs, 2): the two subsets of each."""
        groups = len(self.axis.groups)
        pairs = [
            (4 * g + p, 4 * g + n) for g in range(groups) for p, n in KINDS.values()
        ]
        return np.array([*pairs, (4 * groups + 1, 4 * groups)])

    @property
    def _key(self) -> IntArray:
        return 2 * self.axis.code + self.decisions.label

    def rows(self, columns: IntArray) -> int:
        """Count the rows that some AUCs rest on, each once."""
        used = np.any(self._inside[:, np.unique(self._pairs[columns])], axis=1)
        return int(np.bincount(self._key, minlength=len(used))[used].sum())

    @property
    def overall(self) -> int:
        """Where the AUC of all rows stands."""
        return len(self.axis.groups) * len(KINDS)

    def at(self, kind: str, group: int) -> int:
        """Return where the AUC of a group stands."""
        return group * len(KINDS) + NAMES.index(kind)

    def reason(self, kind: str, group: int) -> str:
        """Return why an AUC is undefined, "" if it is not."""
        counts = self.counts(kind, group)
        if min(counts.values()) >= self.min_count:
            return ""
        found = " and ".join(f"{count} {side}" for side, count in counts.items())
        return f"{found}; min_count is {self.min_count}"

    def counts(self, kind: str, group: int) -> dict[str, int]:
        """Return the rows on both sides."""
        at = self.at(kind, group)
        sides = self.joint.positives[at], self.joint.negatives[at]
        return {SUBSETS[s]: int(n) for s, n in zip(KINDS[kind], sides, strict=True)}

    def measured(self, kind: str) -> IntArray:
        """Return the groups whose AUC is defined."""
        groups = range(len(self.axis.groups))
        return np.array([g for g in groups if not self.reason(kind, g)], dtype=np.int64)

    def columns(self, kind: str) -> IntArray:
        """Return where the AUCs of these groups stand."""
        return self.measured(kind) * len(KINDS) + NAMES.index(kind)

    def left_out(self, kind: str) -> dict[str, Json]:
        """Return the other groups, each with the reason."""
        reasons = {
            name: self.reason(kind, g) for g, name in enumerate(self.axis.groups)
        }
        return {**self.axis.left_out, **{g: why for g, why in reasons.items() if why}}

    def units(self, at: int) -> Units | None:
        """Return what each row adds to an AUC.

        The moves of DeLong (`fairaudit.stats.jointauc.joint_aucs`) times the number of
        rows, r: (V+ - A) r / m of m positives, (1 - V- - A) r / n of n negatives.
        """
        sides = self._inside[:, self._pairs[at]]
        used = np.flatnonzero(np.any(sides, axis=1)[self._key])
        up = sides[self._key[used], 0]
        block = self._block[used]
        shares = [_below(block, side)[block] for side in (up, ~up)]
        placed = np.where(up, shares[1], 1 - shares[0])
        value, sizes = placed[up].mean(), np.where(up, up.sum(), (~up).sum())
        moves = (placed - value) * (len(used) / sizes)
        clusters = self.decisions.clusters
        clusters = None if clusters is None else clusters[used]
        return units_of(self.decisions.keys[used], value + moves, clusters)

    def interval(self, at: int, level: float, told: str = "") -> Interval:
        """Return the interval of one AUC at a level; the report says `self.level`."""
        from scipy.special import ndtr, ndtri

        factor = 1.0
        if self.joint.clustered:
            factor = float(inflation(self.joint.units[[at]], level)[0])
        wider = 2 * float(ndtr(factor * ndtri((1 + level) / 2))) - 1
        low, high = self.joint.estimate(at).interval(wider)
        by = " of clusters" if self.joint.clustered else ""
        return Interval(low, high, self.level, f"DeLong{by}, logit scale{told}")

    def intervals(self, columns: IntArray, level: float) -> Array:
        """Return intervals of several AUCs, shape (columns, 2)."""
        found = [self.interval(int(at), level) for at in columns]
        return np.array([(each.low, each.high) for each in found])

    @cached_property
    def _block(self) -> IntArray:
        """Number of the score of each row, rising: tied rows have one number."""
        score = self.decisions.score
        return np.cumsum(np.r_[False, score[1:] != score[:-1]])

    @cached_property
    def _inside(self) -> BoolArray:
        """Return which subsets negatives and positives of each pattern are in."""
        member, known = self.axis.member, self.axis.known
        outside = ~member & (known | self.unknown_outside)
        rated = np.asarray(member.any(axis=1) | (not self.identity_only), dtype=bool)
        sides = np.stack([member, outside & rated[:, None]], axis=2)
        sides = np.concatenate([sides.reshape(len(member), -1), rated[:, None]], axis=1)
        table = np.zeros((len(member), 2, sides.shape[1], 2), dtype=bool)
        for label in (0, 1):
            table[:, label, :, label] = sides
        return table.reshape(2 * len(member), -1)


def _below(block: IntArray, side: BoolArray) -> Array:
    """Return the share of one side's rows below each score, ties half."""
    counts = np.bincount(block, side)
    found: Array = (np.cumsum(counts) - counts / 2) / counts.sum()
    return found
