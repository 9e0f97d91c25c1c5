"""What a metric said of one quantity and subject, trial by trial."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from fairaudit.arrays import Array
from fairaudit.result import Family, Quantity, Record
from fairaudit.validation.planting import Cue
from fairaudit.validation.trials import Trial

ALPHA: Final = 0.05


class Key(NamedTuple):
    """What tells a series from the others."""

    metric: str
    params: str
    quantity: str
    subject: str


@dataclass(frozen=True)
class Series:
    """The records of one key; `quantity` is the same in all.

    Parameters
    ----------
    records
        By cue, strength and seed; those without a number too.
    """

    key: Key
    family: Family
    quantity: Quantity
    records: Mapping[tuple[Cue, float, int], Record]

    @property
    def ideal(self) -> float:
        """What the quantity is where nothing depends on the group."""
        if self.quantity.ideal is None:
            raise ValueError(f"{self.quantity.name} has no ideal")
        return self.quantity.ideal

    @property
    def two_sided(self) -> bool:
        """Whether values lie on either side of the ideal: the mean of runs can be it.

        A quantity that is 0 at least and ideally 0 lies above it by chance alone.
        """
        low, high = self.quantity.low, self.quantity.high
        return (low is None or low < self.ideal) and (high is None or high > self.ideal)

    def measured(self, cue: Cue, strength: float) -> Mapping[int, Record]:
        """Return the records with a number, by seed."""
        return {
            seed: record
            for (c, s, seed), record in self.records.items()
            if (c, s) == (cue, strength) and record.value is not None
        }

    def reasons(self, cue: Cue, strength: float) -> tuple[str, ...]:
        """Return why there are no numbers, each reason once."""
        found = [
            record.reason
            for (c, s, _), record in self.records.items()
            if (c, s) == (cue, strength) and record.value is None
        ]
        return tuple(dict.fromkeys(found))

    def values(self, strengths: Sequence[float]) -> Array:
        """Return what was measured, of seeds with all strengths, (seeds, strengths)."""
        found = [self.measured("identity", strength) for strength in strengths]
        seeds = sorted(set(found[0]).intersection(*found[1:]))
        rows = [[by_seed[seed].value for by_seed in found] for seed in seeds]
        return np.array(rows, dtype=float).reshape(len(seeds), len(strengths))


def flagged(record: Record) -> bool | None:
    """Tell whether a metric flags a model; None where it does not test its ideal.

    Flagged: the interval excludes the ideal, and the corrected p-value is below 0.05.
    """
    quantity, interval = record.quantity, record.interval
    if quantity is None or quantity.ideal is None or interval is None:
        return None
    if record.p_adjusted is None:
        return None
    outside = not interval.low <= quantity.ideal <= interval.high
    return outside and record.p_adjusted < ALPHA


def apart(first: Record, second: Record) -> bool | None:
    """Tell whether the intervals of two records have nothing in common."""
    if first.interval is None or second.interval is None:
        return None
    return (
        first.interval.high < second.interval.low
        or second.interval.high < first.interval.low
    )


def series(trials: Sequence[Trial]) -> list[Series]:
    """Return the series of all quantities with an ideal, in the order of the audit."""
    rows: dict[Key, dict[tuple[Cue, float, int], Record]] = {}
    kinds: dict[Key, tuple[Family, Quantity]] = {}
    for trial in trials:
        place = (trial.cue, trial.strength, trial.seed)
        for record in trial.records:
            if record.quantity is not None and record.quantity.ideal is not None:
                key = _key(record)
                rows.setdefault(key, {})[place] = record
                kinds.setdefault(key, (record.family, record.quantity))
    whole = {
        (record.metric, trial.cue, trial.strength, trial.seed): record
        for trial in trials
        for record in trial.records
        if record.quantity is None
    }
    return [
        Series(key, *kinds[key], _completed(key, found, whole))
        for key, found in rows.items()
    ]


def _completed(
    key: Key,
    found: Mapping[tuple[Cue, float, int], Record],
    whole: Mapping[tuple[str, Cue, float, int], Record],
) -> Mapping[tuple[Cue, float, int], Record]:
    """Add the records by which a metric gave no number at all."""
    missing = {
        (cue, strength, seed): record
        for (name, cue, strength, seed), record in whole.items()
        if name == key.metric
    }
    return {**missing, **found}


def _key(record: Record) -> Key:
    name = record.quantity.name if record.quantity else ""
    sides = record.subject.split(" vs ")
    turned = " vs ".join(sorted(sides) if len(sides) == 2 else sides)
    subject = record.key or turned
    params = json.dumps(dict(record.params), sort_keys=True)
    return Key(record.metric, params, name, subject)
