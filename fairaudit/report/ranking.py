"""Ranks of models by distance from the ideal, and how far quantities agree on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array
from fairaudit.report import wording
from fairaudit.report.schema import keys
from fairaudit.result import AuditReport, Family, Record


@dataclass(frozen=True)
class Ranking:
    """Models ordered by one quantity.

    Parameters
    ----------
    records
        The finding of each model, nearest to the ideal first.
    ranks
        Rank by model, 1 the nearest; models at equal distance share their mean rank.
    decisive
        Whether the intervals of the first and the last model are apart.
    """

    family: Family
    records: tuple[Record, ...]
    ranks: Mapping[str, float]
    decisive: bool

    @property
    def name(self) -> str:
        """Metric, quantity, subject and dataset in words."""
        first = self.records[0]
        subject = first.key or first.subject
        place = f" on {first.dataset}" if first.dataset != "built-in" else ""
        return f"{first.metric} {wording.kind(first)[1]} ({subject}){place}"


@dataclass(frozen=True)
class Concordance:
    """Kendall's W over quantities that rank the same models: 0 none, 1 complete."""

    value: float
    quantities: int
    models: int


def rankings(report: AuditReport) -> list[Ranking]:
    """Return a ranking for each quantity with an ideal that several models have."""
    found: dict[tuple[str, ...], list[Record]] = {}
    key_of = keys()
    for record in wording.measured(report.records):
        if record.quantity is not None and record.quantity.ideal is not None:
            key = (key_of(record.params), *record.identity)
            found.setdefault(key, []).append(record)
    return [_ranking(group) for group in found.values() if len(group) > 1]


def concordance(rankings: Sequence[Ranking]) -> Concordance | None:
    """Return Kendall's W of the rankings that hold every model; None for fewer than 2.

    With m rankings of n models and rank sums R_i, W = 12 S / (m^2 (n^3 - n) - m T),
    S = sum((R_i - mean R)^2), T = sum(t^3 - t) over ties (Kendall & Babington Smith
    1939). No p-value is given: rankings of one data set are not independent.
    """
    models = sorted({name for ranking in rankings for name in ranking.ranks})
    full = [r for r in rankings if len(r.ranks) == len(models)]
    if len(full) < 2:
        return None
    table = np.array([[ranking.ranks[name] for name in models] for ranking in full])
    m, n = table.shape
    sums = table.sum(0)
    ties = sum(_ties(row) for row in table)
    most = m**2 * (n**3 - n) - m * ties
    if most <= 0:
        return None
    return Concordance(float(12 * ((sums - sums.mean()) ** 2).sum() / most), m, n)


def _ties(ranks: Array) -> int:
    _, counts = np.unique(ranks, return_counts=True)
    return int((counts**3 - counts).sum())


def _ranking(records: Sequence[Record]) -> Ranking:
    ranked = _mean_ranks(np.array([wording.distance(record) for record in records]))
    ranks = dict(zip((r.model for r in records), ranked.tolist(), strict=True))
    ordered = sorted(records, key=lambda r: (ranks[r.model], r.model))
    return Ranking(
        ordered[0].family, tuple(ordered), ranks, _apart(ordered[0], ordered[-1])
    )


def _mean_ranks(gaps: Array) -> Array:
    """Return ranks from 1, tied ones their mean: `scipy.stats` takes long to import."""
    rounded = gaps.round(12)
    order = np.sort(rounded)
    below, upto = (np.searchsorted(order, rounded, side) for side in ("left", "right"))
    mean: Array = (below + upto + 1) / 2
    return mean


def _apart(near: Record, far: Record) -> bool:
    if near.interval is None or far.interval is None:
        return False
    one, other = near.interval, far.interval
    return one.high < other.low or other.high < one.low
