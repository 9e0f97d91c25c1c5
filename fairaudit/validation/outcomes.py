"""Which planted strengths each quantity noticed, and how it moves with them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fairaudit.result import Family, Interval, Record
from fairaudit.validation.planting import Cue
from fairaudit.validation.series import Series, apart, flagged
from fairaudit.validation.slopes import mean, ordered, rank_correlation, slope


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What a quantity is at one strength.

    Parameters
    ----------
    strength
        Planted.
    runs
        How many runs have a number.
    value, interval
        Mean over runs.
    tested, flagged
        How many runs tested the ideal, and how many flagged the model.
    compared, apart
        How many runs have intervals here and at strength 0, and in how many the two
        have nothing in common.
    reasons
        Why runs have no number.
    """

    strength: float
    runs: int
    value: float | None = None
    interval: Interval | None = None
    tested: int = 0
    flagged: int = 0
    compared: int = 0
    apart: int = 0
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a quantity answers to planted bias.

    Parameters
    ----------
    metric, family, quantity, unit, ideal, subject, params
        What was measured.
    cells
        One a strength.
    slope, slope_interval, slope_runs
        Least squares over strengths; runs with a number at all of them.
    slope_excludes_zero
        None without an interval.
    rank_correlation
        Spearman's, of strength and distance from the ideal, over all runs.
    orders
        Whether the means over runs lie farther from the ideal at each strength.
    false_alarm
        Whether more than half of the runs that test flag the model at strength 0; None
        where none tests.
    detects_from
        The smallest planted strength that more than half of the runs flag, as they do
        all greater ones: the minimum detectable effect. None where there is none.
    apart_from
        The same by intervals that have nothing in common with those at strength 0.
    shared_lean
        Whether the interval over runs excludes the ideal at strength 0: what all runs
        share, unlike what one training leaves. None with one run, and for a quantity
        that cannot lie on either side of its ideal.
    runs_detect_from
        The smallest planted strength at which the interval over runs excludes the
        ideal, as it does at all greater ones; None where there is none.
    control
        At the largest strength, where a proxy alone carries the group.
    """

    metric: str
    family: Family
    quantity: str
    unit: str
    ideal: float
    subject: str
    params: str
    cells: tuple[Cell, ...]
    slope: float | None
    slope_interval: Interval | None
    slope_runs: int
    slope_excludes_zero: bool | None
    rank_correlation: float | None
    orders: bool | None
    false_alarm: bool | None
    detects_from: float | None
    apart_from: float | None
    shared_lean: bool | None
    runs_detect_from: float | None
    control: Cell

    @property
    def tested(self) -> bool:
        """Whether any run tests the ideal."""
        return any(cell.tested for cell in self.cells)

    @property
    def headline(self) -> bool:
        """Whether it is about all texts: not about one group or class of them."""
        alone = "=" in self.subject and " vs " not in self.subject
        return not (alone or self.subject.startswith("predicted as "))


def outcome(found: Series, strengths: Sequence[float]) -> Outcome:
    """Sum up a series over strengths in rising order, the first of which is 0."""
    cells = tuple(_cell(found, "identity", strength) for strength in strengths)
    points, values = np.array(strengths), found.values(strengths)
    line = slope(points, values) if len(values) else None
    interval = line.interval if line else None

    def beyond(cell: Cell) -> bool | None:
        return _excludes(cell.interval, found.ideal) if found.two_sided else None

    return Outcome(
        metric=found.key.metric,
        family=found.family,
        quantity=found.quantity.name,
        unit=found.quantity.unit,
        ideal=found.ideal,
        subject=found.key.subject,
        params=found.key.params,
        cells=cells,
        slope=line.value if line else None,
        slope_interval=interval,
        slope_runs=len(values),
        slope_excludes_zero=_excludes(interval, 0.0),
        rank_correlation=(
            rank_correlation(points, np.abs(values - found.ideal)) if line else None
        ),
        orders=ordered(values, found.ideal) if line else None,
        false_alarm=_most(cells[0].flagged, cells[0].tested),
        detects_from=_from(cells, lambda cell: _most(cell.flagged, cell.tested)),
        apart_from=_from(cells, lambda cell: _most(cell.apart, cell.compared)),
        shared_lean=beyond(cells[0]),
        runs_detect_from=_from(cells, beyond),
        control=_cell(found, "proxy", max(strengths)),
    )


def _cell(found: Series, cue: Cue, strength: float) -> Cell:
    records = found.measured(cue, strength)
    reasons = found.reasons(cue, strength)
    if not records:
        told = reasons or ("the metric reported no such quantity",)
        return Cell(strength=strength, runs=0, reasons=told)
    average = mean(np.array([record.value for record in records.values()]))
    flags = [flag for r in records.values() if (flag := flagged(r)) is not None]
    moved = _moved(records, found.measured("identity", 0.0))
    return Cell(
        strength=strength,
        runs=len(records),
        value=average.value,
        interval=average.interval,
        tested=len(flags),
        flagged=sum(flags),
        compared=len(moved),
        apart=sum(moved),
        reasons=reasons,
    )


def _moved(records: Mapping[int, Record], base: Mapping[int, Record]) -> list[bool]:
    """Compare the interval of each run with that of the same run at strength 0."""
    pairs = [(record, base[seed]) for seed, record in records.items() if seed in base]
    return [moved for pair in pairs if (moved := apart(*pair)) is not None]


def _excludes(interval: Interval | None, value: float) -> bool | None:
    return None if interval is None else not interval.low <= value <= interval.high


def _most(hits: int, n: int) -> bool | None:
    return 2 * hits > n if n else None


def _from(cells: Sequence[Cell], hit: Callable[[Cell], bool | None]) -> float | None:
    """Return the smallest strength above 0 from which on all are hit."""
    smallest = None
    for cell in reversed(cells[1:]):
        if not hit(cell):
            break
        smallest = cell.strength
    return smallest
