"""Permutation test of the difference between the means of groups."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.stats.units import chunks

_TIE = 1e-9


@dataclass(frozen=True)
class Regrouped:
    """A permutation p-value and what was permuted."""

    p_value: float
    method: str


def permuted_gap(
    values: Array,
    member: BoolArray,
    clusters: IntArray | None,
    draws: int,
    rng: np.random.Generator,
) -> Regrouped:
    """Test whether the mean is the same in all groups, by exchanging memberships.

    The statistic is the largest |mean_i - mean_j| / sqrt(1/n_i + 1/n_j) over pairs of
    groups. Rows exchange their memberships; where rows come in clusters, whole clusters
    do if no cluster has rows of different memberships, and otherwise rows do within
    their cluster. The p-value is (1 + hits) / (1 + draws) (Phipson & Smyth 2010,
    doi:10.2202/1544-6115.1585).

    Parameters
    ----------
    values
        Shape (n,).
    member
        Shape (n, groups); a row may be in several, every group has rows.
    clusters
        Shape (n,), None where rows are independent.
    """
    units = _units(values - values.mean(), member, clusters)
    observed = float(_statistic(units, np.arange(len(units.values))[None])[0])
    least = observed - _TIE * float(np.abs(units.values).max(initial=0.0))
    hits = 0
    for order in units.orders(draws, rng):
        hits += int((_statistic(units, order) >= least).sum())
    method = f"{draws} permutations of {units.told}"
    return Regrouped((1 + hits) / (1 + draws), method)


@dataclass(frozen=True)
class _Units:
    """What is permuted: sums of values, sizes, memberships and strata, unit by unit."""

    values: Array
    sizes: Array
    member: Array
    strata: IntArray
    told: str

    def orders(self, draws: int, rng: np.random.Generator) -> Iterator[IntArray]:
        """Yield permutations that leave each unit in its stratum."""
        units, alike = np.arange(len(self.values)), not self.strata.any()
        for part in chunks(draws, len(units)):
            shape = part.stop - part.start, len(units)
            if alike:
                yield rng.permuted(np.broadcast_to(units, shape), axis=1)
            else:
                # Units are sorted by stratum, so every stratum keeps its places.
                yield np.argsort(self.strata + rng.random(shape), axis=1)


def _units(values: Array, member: BoolArray, clusters: IntArray | None) -> _Units:
    ones = np.ones(len(values))
    together = np.zeros(len(values), dtype=np.int64)
    if clusters is None:
        return _Units(values, ones, member.astype(float), together, "rows")
    found, first, number = np.unique(clusters, return_index=True, return_inverse=True)
    if (member == member[first][number]).all():
        sums: Array = np.bincount(number, values).astype(float)
        sizes: Array = np.bincount(number).astype(float)
        strata = np.zeros(len(found), dtype=np.int64)
        return _Units(sums, sizes, member[first].astype(float), strata, "clusters")
    order = np.argsort(number, kind="stable")
    inside = member[order].astype(float)
    return _Units(values[order], ones, inside, number[order], "rows within clusters")


def _statistic(units: _Units, order: IntArray) -> Array:
    sums, sizes = units.values[order] @ units.member, units.sizes[order] @ units.member
    with np.errstate(divide="ignore", invalid="ignore"):
        means, errors = sums / sizes, 1 / sizes
    left, right = np.triu_indices(units.member.shape[1], 1)
    scale = np.sqrt(errors[:, left] + errors[:, right])
    # A group that a permutation of clusters of unlike size left empty has no mean.
    apart = np.nan_to_num(np.abs(means[:, left] - means[:, right]) / scale)
    largest: Array = apart.max(axis=1)
    return largest
