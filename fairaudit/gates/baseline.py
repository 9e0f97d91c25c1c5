"""What changed since a stored audit."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from fairaudit.errors import AuditError
from fairaudit.gates.pairing import (
    Unpaired,
    degrees_of_freedom,
    differences,
    standard_error,
)
from fairaudit.report.units import Key, identity
from fairaudit.result import AuditReport, Change, Interval, Record
from fairaudit.stats.correction import Method, adjust

if TYPE_CHECKING:
    from fairaudit.arrays import Array

NO_UNITS = "the metric keeps no units of this finding"


def changes(
    report: AuditReport,
    baseline: AuditReport,
    correction: Method = "holm",
    without_units: str = "",
) -> tuple[Change, ...]:
    """Return how every finding that both audits have differs from the baseline.

    Where both audits keep the units of a finding, and they are the same, the test is
    paired: Student's t of the mean difference, standard error from the differences.
    Else it takes the two intervals as independent, which is cautious where the audits
    share texts, and says why. A largest gap is taken to first order, as that of the two
    groups named; where groups hardly differ the paired test is cautious too.

    Parameters
    ----------
    without_units
        Why an audit as a whole has none, "" where both have some.

    Raises
    ------
    AuditError
        Where the baseline is of other data, by hash, or has no finding in common.
    """
    _require_same_data(report, baseline)
    before = _index(baseline, ignore_model=len(baseline.models) == 1)
    one = len(report.models) == 1 and len(baseline.models) == 1
    found = []
    for record in report.records:
        old = before.get((*(() if one else (record.model,)), *identity(record)))
        if record.value is not None and old is not None:
            found.append(_change(record, old, without_units or NO_UNITS))
    if not found:
        raise AuditError(
            "The baseline has no finding in common with this audit: other metrics, "
            "parameters, datasets or, with several models, other names of models."
        )
    adjusted = adjust([change.p_value for change in found], correction)
    pairs = zip(found, adjusted, strict=True)
    return tuple(replace(change, p_adjusted=p) for change, p in pairs)


def _require_same_data(report: AuditReport, baseline: AuditReport) -> None:
    known = {data.name: data for data in baseline.datasets}
    for data in report.datasets:
        old = known.get(data.name)
        if old is not None and (old.sha256, old.n) != (data.sha256, data.n):
            raise AuditError(
                f"The baseline is of another dataset {data.name!r} (by hash or rows: "
                f"{old.n} then, {data.n} now), so a difference could come from the "
                "data. Make a new baseline, or audit the same file with the same "
                "--limit and --seed."
            )


def _index(baseline: AuditReport, *, ignore_model: bool) -> Mapping[Key, Record]:
    return {
        (*(() if ignore_model else (record.model,)), *identity(record)): record
        for record in baseline.records
        if record.value is not None
    }


def _change(record: Record, old: Record, without_units: str) -> Change:
    before, after = float(old.value or 0.0), float(record.value or 0.0)
    found = Change(
        model=record.model,
        dataset=record.dataset,
        metric=record.metric,
        quantity=record.quantity.name if record.quantity else "",
        subject=record.key or record.subject,
        before=before,
        after=after,
        change=after - before,
        n=record.n,
    )
    level = record.interval.level if record.interval else 0.95
    pairs: Array | Unpaired = Unpaired(without_units)
    if record.units is not None and old.units is not None:
        pairs = differences(record.units, old.units)
    if not isinstance(pairs, Unpaired):
        swapped = "" if record.subject == old.subject else f", was {old.subject}"
        return _paired(found, pairs, level, swapped)
    error = _error(record, old)
    if error is None:
        return replace(found, reason="a side has no interval, so none has the change")
    return _independent(found, error, level, pairs.reason)


def _paired(found: Change, pairs: "Array", level: float, swapped: str) -> Change:
    from scipy.stats import t

    change, error = found.change or 0.0, standard_error(pairs)
    freedom = degrees_of_freedom(pairs)
    arm = float(t.ppf((1 + level) / 2, freedom) * error)
    told = f"t, paired over {len(pairs):,} units"
    return replace(
        found,
        interval=Interval(change - arm, change + arm, level, told),
        p_value=float(2 * t.sf(abs(change) / error, freedom)) if error > 0 else 1.0,
        paired=True,
        method=f"{told}, {freedom:,.0f} degrees of freedom{swapped}",
    )


def _independent(found: Change, error: float, level: float, reason: str) -> Change:
    from scipy.stats import norm

    change = found.change or 0.0
    arm = float(norm.ppf((1 + level) / 2) * error)
    told = "z, intervals as independent"
    p_value = (
        float(2 * norm.sf(abs(change) / error)) if error > 0 else float(change == 0)
    )
    return replace(
        found,
        interval=Interval(change - arm, change + arm, level, told),
        p_value=p_value,
        method=f"{told}: {reason}",
    )


def _error(record: Record, old: Record) -> float | None:
    """Return the standard error of the difference of two independent findings."""
    if record.interval is None or old.interval is None:
        return None
    return math.hypot(_deviation(record.interval), _deviation(old.interval))


def _deviation(interval: Interval) -> float:
    from scipy.stats import norm

    reach = norm.ppf((1 + interval.level) / 2)
    return float((interval.high - interval.low) / (2 * reach))
