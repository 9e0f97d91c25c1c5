"""How well the protected-status model knows the groups of the audited texts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.data import Examples, Group
from fairaudit.metric import Unmeasurable
from fairaudit.model import ModelCard
from fairaudit.result import Finding, Interval, Json, Quantity
from fairaudit.stats.auc import auc, delong_interval
from fairaudit.stats.proportions import wilson
from fairaudit_metrics.sensitivity.means import column_means, normal_interval

BINS = 10
AUC = Quantity(
    name="psm_auc",
    unit="probability",
    ideal=None,
    low=0.0,
    high=1.0,
    definition=(
        "AUC of the protected-status model for one group against its other groups on "
        "the audited texts of one group only: how well its gradient can be told to "
        "point there."
    ),
    reference="own",
)
ACCURACY = Quantity(
    name="psm_accuracy",
    unit="proportion",
    ideal=None,
    low=0.0,
    high=1.0,
    definition="Share of these texts whose group is the one the PSM predicts.",
    reference="own",
)
BRIER = Quantity(
    name="psm_brier",
    unit="squared probability",
    ideal=None,
    low=0.0,
    high=1.0,
    definition=(
        "Mean over these texts of half the sum over groups of (probability - 1 for "
        "the text's group, - 0 for the others)²."
    ),
    reference="Brier (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
)


@dataclass(frozen=True)
class Status:
    """The axis whose groups the PSM tells apart, None where the data has none.

    `columns` holds the class of the PSM for each of `groups`.
    """

    axis: str | None
    groups: tuple[Group, ...] = ()


def status(data: Examples, card: ModelCard) -> Status:
    """Find the PSM's groups in the data.

    Raises
    ------
    Unmeasurable
        Where its classes are not groups: those of no axis of the data, and nothing
        says that it was trained on groups.
    """
    labels = card.psm.labels if card.psm else ()
    for axis, groups in data.axes.items():
        names = {group.name: group for group in groups}
        if labels and set(labels) <= set(names):
            return Status(axis, tuple(names[label] for label in labels))
    noted = card.psm.held_out if card.psm else None
    if noted is not None and noted.task == "group":
        return Status(None)
    raise Unmeasurable(
        "no group axis of the data has the PSM's groups "
        f"({', '.join(labels) or 'none'}); its axes: {', '.join(data.axes) or 'none'}"
    )


@dataclass(frozen=True)
class Quality:
    """The PSM's quality, measured and noted.

    Parameters
    ----------
    status, card
        Its groups, and what is known of the two models.
    probabilities
        Shape (n, groups): what it says of the texts.
    usable
        Shape (n,): texts that count.
    clusters
        Of the texts, None where they are independent.
    """

    status: Status
    card: ModelCard
    probabilities: Array
    usable: BoolArray
    clusters: IntArray | None
    min_count: int
    min_auc: float
    level: float

    @cached_property
    def rows(self) -> IntArray:
        """Texts known to be of exactly one of the PSM's groups."""
        if not self.status.groups:
            return np.empty(0, dtype=np.int64)
        known = np.all([group.known for group in self.status.groups], axis=0)
        once = self._member.sum(axis=1) == 1
        return np.flatnonzero(known & once & self.usable)

    @cached_property
    def _member(self) -> BoolArray:
        groups = self.status.groups
        return np.stack([group.member & group.known for group in groups], axis=1)

    @cached_property
    def _truth(self) -> IntArray:
        found: IntArray = self._member[self.rows].argmax(axis=1)
        return found

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """AUC for each group (one where there are two), accuracy and calibration."""
        if not self.status.groups:
            return ()
        return (*self._aucs(), *self._accuracy_and_brier())

    @property
    def reason(self) -> str:
        """Why nothing that follows the PSM can be read, "" where it can."""
        measured = [f for f in self.findings if f.quantity is AUC]
        known = [f.value for f in measured if f.value is not None]
        if measured and len(known) == len(measured):
            return self._too_low(min(known), "on the audited texts")
        noted = self.card.psm.held_out if self.card.psm else None
        if noted is not None and noted.auc is not None and noted.task == "group":
            return self._too_low(noted.auc, "on the held-out rows of its training")
        undefined = ", ".join(f.subject for f in measured if f.value is None)
        missing = undefined or "no texts of its groups, no note of its training"
        return f"the quality of the PSM is unknown ({missing})"

    @property
    def detail(self) -> Mapping[str, Json]:
        """What stands beside every number that follows the PSM."""
        found: dict[str, Json] = {
            f"{f.quantity.name} {f.subject}": f.value
            for f in self.findings
            if f.value is not None
        }
        return {**found, **self._noted(), "min_auc": self.min_auc}

    def _noted(self) -> Mapping[str, Json]:
        noted = self.card.psm.held_out if self.card.psm else None
        if noted is None:
            return {}
        return {
            "held_out_n": noted.n,
            "held_out_accuracy": noted.accuracy,
            "held_out_auc": noted.auc,
        }

    def _too_low(self, value: float, where: str) -> str:
        if value >= self.min_auc:
            return ""
        return (
            f"not interpretable: PSM AUC {value:.3f} {where} is below {self.min_auc:g}"
        )

    def _aucs(self) -> Iterator[Finding]:
        groups = self.status.groups
        two = len(groups) == 2
        for column in range(1, 2) if two else range(len(groups)):
            rest = groups[0].label if two else "its other groups"
            yield self._auc(column, f"PSM: {groups[column].label} vs {rest}")

    def _auc(self, column: int, subject: str) -> Finding:
        inside = self._truth == column
        few = min(inside.sum(), (~inside).sum())
        if few < self.min_count:
            counts = f"{inside.sum()} texts of the group and {(~inside).sum()} others"
            reason = f"{counts}; {self.min_count} of each are needed"
            return Finding(quantity=AUC, subject=subject, reason=reason)
        scores = self.probabilities[self.rows, column]
        low, high = delong_interval(scores[inside], scores[~inside], self.level)
        return Finding(
            quantity=AUC,
            subject=subject,
            value=auc(scores[inside], scores[~inside]),
            n=len(scores),
            interval=Interval(low, high, self.level, "DeLong"),
            detail=self._noted(),
        )

    def _accuracy_and_brier(self) -> Iterator[Finding]:
        n = len(self.rows)
        if n < self.min_count:
            reason = f"{n} texts of one group; {self.min_count} are needed"
            yield Finding(quantity=ACCURACY, subject="PSM", reason=reason)
            yield Finding(quantity=BRIER, subject="PSM", reason=reason)
            return
        table = self.probabilities[self.rows]
        hits = int((table.argmax(axis=1) == self._truth).sum())
        low, high = wilson(hits, n, self.level)
        yield Finding(
            quantity=ACCURACY,
            subject="PSM",
            value=hits / n,
            n=n,
            interval=Interval(float(low), float(high), self.level, "Wilson"),
            detail={"largest_group_share": float(np.bincount(self._truth).max() / n)},
        )
        yield self._brier(table)

    def _brier(self, table: Array) -> Finding:
        losses = squared_losses(table, self._truth)
        value = float(losses.mean())
        clusters = None if self.clusters is None else self.clusters[self.rows]
        everything = np.ones((len(losses), 1), dtype=bool)
        found = column_means(losses, everything, clusters)
        interval = normal_interval(found, 0, self.level)
        error = calibration_error(table, self._truth)
        return Finding(
            quantity=BRIER,
            subject="PSM",
            value=value,
            n=len(losses),
            interval=interval,
            detail={"expected_calibration_error": error, "bins": BINS},
        )


def squared_losses(table: Array, truth: IntArray) -> Array:
    """Return the squared error of each row of probabilities.

    >>> squared_losses(np.array([[0.8, 0.2]]), np.array([0])).round(3).tolist()
    [0.04]
    """
    wrong = table - np.eye(table.shape[1])[truth]
    losses: Array = (wrong**2).sum(axis=1) / 2
    return losses


def calibration_error(table: Array, truth: IntArray, bins: int = BINS) -> float:
    """Return the expected calibration error of the predicted classes.

    Σ_b n_b / n |accuracy of b - mean confidence of b| over `bins` equal parts b of the
    unit interval of confidences (Guo et al. 2017, arXiv 1706.04599, equation 3).

    >>> table = np.array([[0.75, 0.25], [0.75, 0.25]])
    >>> calibration_error(table, np.array([0, 1]))
    0.25
    """
    confidence = table.max(axis=1)
    excess = confidence - (table.argmax(axis=1) == truth)
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    sums = np.bincount(place, excess, bins)
    return float(np.abs(sums).sum() / len(table))
