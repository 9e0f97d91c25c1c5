"""Draws of estimates: from units drawn anew, or from their limiting distribution."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.stats.cells import Rates, ratio
from fairaudit.stats.units import Units, chunks

EXACT: Final = 500
"""Up to so many kinds of units are drawn one by one."""
SAME: Final = 1e-9


@dataclass(frozen=True)
class Bootstrap:
    """Estimates and their draws: shapes (columns,) and (columns, draws).

    An estimate without rows is NaN. `method` says in words how the draws were made;
    `clusters` is the number of clusters behind each column, where clusters were drawn.
    """

    centre: Array
    draws: Array
    method: str = "bootstrap"
    clusters: IntArray | None = None

    @cached_property
    def covariance(self) -> Array:
        """Shape (columns, columns)."""
        return np.atleast_2d(np.cov(self.draws))

    @cached_property
    def spread(self) -> Array:
        """Shape (columns,): standard deviations."""
        return np.asarray(self.draws.std(axis=1, ddof=1), dtype=float)

    def logs(self) -> "Bootstrap":
        """Return the logarithms, by the delta method: log r + (r* - r) / r."""
        scale = self.centre[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            draws = np.log(scale) + (self.draws - scale) / scale
            return replace(self, centre=np.log(self.centre), draws=draws)

    def critical(self, columns: IntArray, level: float) -> float:
        """Return c so that all columns deviate by at most c spreads, in `level` draws.

        Bands of c standard errors hold for all columns at once (max-t).
        """
        spread = self.spread[columns]
        scale = np.where(spread > SAME, 1 / np.maximum(spread, SAME), 0.0)[:, None]
        peaks = np.empty(self.draws.shape[1])
        for part in chunks(len(peaks), len(columns)):
            moved = self.draws[columns, part] - self.centre[columns, None]
            peaks[part] = np.abs(moved * scale).max(axis=0)
        return float(np.quantile(peaks, level, method="higher"))


def resample(
    units: Units, rates: Rates, draws: int, rng: np.random.Generator, level: float
) -> Bootstrap:
    """Draw the rates of all groups, in the order (rate, group), from resampled units.

    A draw is multinomial, of as many units as there are; one that leaves a denominator
    empty counts as no deviation. With more than `EXACT` kinds of units the draws come
    from the limit of that, the normal distribution with the same covariance of the
    linearised rates.

    Where units are clusters, deviations are multiplied by `inflation` for the number of
    clusters in the denominator.
    """
    part, whole, clusters = _totals(units, rates)
    centre = ratio(part, whole)
    many = len(units.weight) > EXACT
    if many:
        covariance = _limit(units, rates, centre, whole)
        moved = normal_draws(np.zeros(len(centre)), covariance, draws, rng).draws
    else:
        moved = _multinomial(units, rates, centre, draws, rng)
    factor = inflation(clusters, level) if units.clusters else np.ones(len(centre))
    method = "normal limit of the bootstrap" if many else "multinomial bootstrap"
    told = f"{method} of {'clusters' if units.clusters else 'counts'}, smoothed"
    found = centre[:, None] + moved * factor[:, None]
    return Bootstrap(centre, found, told, clusters if units.clusters else None)


def normal_draws(
    centre: Array, covariance: Array, draws: int, rng: np.random.Generator
) -> Bootstrap:
    """Draw estimates from their normal distribution, singular or not."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    moved = root @ rng.standard_normal((draws, len(centre))).T
    return Bootstrap(centre, centre[:, None] + moved, "normal approximation")


def inflation(units: IntArray, level: float) -> Array:
    """Return what makes normal intervals of few units those of Student's t.

    sqrt(m / (m - 1)) t / z with m - 1 degrees of freedom; 1 where m < 2, where no
    interval is defined.
    """
    from scipy.special import ndtri, stdtrit

    more = np.maximum(units, 2)
    quantile = stdtrit(more - 1, (1 + level) / 2) / ndtri((1 + level) / 2)
    return np.where(units > 1, np.sqrt(more / (more - 1)) * quantile, 1.0)


def _totals(units: Units, rates: Rates) -> tuple[Array, Array, IntArray]:
    """Return numerators, denominators, and how many clusters are in each of these."""
    columns = len(rates.part) * units.groups
    part, whole = np.zeros(columns), np.zeros(columns)
    clusters = np.zeros(columns, dtype=np.int64)
    for kinds in units.chunks(rates):
        some, all_ = units.sums(rates, kinds)
        part += units.weight[kinds] @ some
        whole += units.weight[kinds] @ all_
        clusters += (all_ > 0)[: max(0, units.clusters - kinds.start)].sum(axis=0)
    return part, whole, clusters


def _multinomial(
    units: Units, rates: Rates, centre: Array, draws: int, rng: np.random.Generator
) -> Array:
    part, whole = units.sums(rates, slice(0, len(units.weight)))
    share = units.weight / units.weight.sum()
    moved = np.empty((len(centre), draws))
    for some in chunks(draws, max(len(share), len(centre))):
        drawn = rng.multinomial(units.size, share, size=some.stop - some.start)
        found = ratio(drawn @ part, drawn @ whole)
        moved[:, some] = np.where(np.isnan(found), 0.0, found - centre).T
    return moved


def _limit(units: Units, rates: Rates, centre: Array, total: Array) -> Array:
    """Return the covariance of the rates, each linear in what the units add to it."""
    known = np.where(total > 0, centre, 0.0)
    covariance = np.zeros((len(centre), len(centre)))
    for kinds in units.chunks(rates):
        part, whole = units.sums(rates, kinds)
        added = (part - known * whole) / np.maximum(total, 1)
        covariance += (added * units.weight[kinds, None]).T @ added
    return covariance
