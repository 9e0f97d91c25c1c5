"""Rows of datasets that bring pairs of texts along."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from fairaudit.data import Counterparts
from fairaudit.datasets.table import sample_rows
from fairaudit.result import DatasetEntry


class GivenPair(NamedTuple):
    """One row of `fairaudit.data.Counterparts`.

    Parameters
    ----------
    unit
        "" for a row that counts by itself.
    """

    first: str
    second: str
    axis: str
    first_group: str
    second_group: str
    template: str = ""
    category: str = ""
    unit: str = ""


TEMPLATES: Final[Mapping[str, str]] = {"domain": "templates", "language": "en"}


def gathered(
    card: DatasetEntry,
    pairs: Sequence[GivenPair],
    left_out: Mapping[str, int],
    limit: int | None,
    rng: np.random.Generator,
) -> Counterparts:
    """Return the pairs as data; `limit` keeps a seeded sample of that many units."""
    units = [pair.unit or f"row {at}" for at, pair in enumerate(pairs)]
    names = list(dict.fromkeys(units))
    drawn = {names[at] for at in sample_rows(len(names), limit, rng).tolist()}
    kept = [p for p, unit in zip(pairs, units, strict=True) if unit in drawn]
    kept_units = tuple(unit for unit in units if unit in drawn)
    groups: dict[str, dict[str, int]] = {}
    for pair in kept:
        counts = groups.setdefault(pair.axis, {})
        for name in (pair.first_group, pair.second_group):
            counts[name] = counts.get(name, 0) + 1
    return Counterparts(
        card=replace(card, n=len(kept), groups=groups, left_out=dict(left_out)),
        first=tuple(pair.first for pair in kept),
        second=tuple(pair.second for pair in kept),
        axis=tuple(pair.axis for pair in kept),
        first_groups=tuple(pair.first_group for pair in kept),
        second_groups=tuple(pair.second_group for pair in kept),
        templates=tuple(p.template for p in kept)
        if any(p.template for p in kept)
        else (),
        categories=tuple(p.category for p in kept)
        if any(p.category for p in kept)
        else (),
        units=kept_units if any(pair.unit for pair in kept) else (),
    )
