"""What changed since a stored audit."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from fairaudit.arrays import Array
from fairaudit.errors import AuditError
from fairaudit.report.schema import compact
from fairaudit.result import AuditReport, Change, Interval, Record
from fairaudit.stats.correction import Method, adjust

Key: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Units:
    """Contributions of single units (texts, pairs) whose mean is a finding's value.

    Parameters
    ----------
    keys
        A digest of each unit, unique.
    values
        Shape (n,).
    """

    keys: tuple[str, ...]
    values: Array


def changes(
    report: AuditReport,
    baseline: AuditReport,
    units: Mapping[Key, Units] | None = None,
    baseline_units: Mapping[Key, Units] | None = None,
    correction: Method = "holm",
) -> tuple[Change, ...]:
    """Return how every finding that both audits have differs from the baseline.

    Where both audits keep the contributions of the same units, the test is paired: z of
    the mean difference, standard error from the differences. Else it takes the two
    intervals as independent, which is cautious where the audits share texts.

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
        key = (*(() if one else (record.model,)), *identity(record))
        old = before.get(key)
        if record.value is not None and old is not None:
            pair = _shared(record, old, units or {}, baseline_units or {})
            found.append(_change(record, old, pair))
    if not found:
        raise AuditError(
            "The baseline has no finding in common with this audit: other metrics, "
            "parameters, datasets or, with several models, other names of models."
        )
    adjusted = adjust([change.p_value for change in found], correction)
    pairs = zip(found, adjusted, strict=True)
    return tuple(replace(change, p_adjusted=p) for change, p in pairs)


def identity(record: Record) -> Key:
    """Return what tells a finding from all others of one model."""
    return (compact(record.params), *record.identity)


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


def _shared(
    record: Record, old: Record, now: Mapping[Key, Units], then: Mapping[Key, Units]
) -> tuple[Array, Array] | None:
    """Return the contributions of the same units, in one order; None where not all."""
    mine = now.get((record.model, *identity(record)))
    other = then.get((old.model, *identity(old)))
    if mine is None or other is None or set(mine.keys) != set(other.keys):
        return None
    place = {key: at for at, key in enumerate(other.keys)}
    return mine.values, other.values[[place[key] for key in mine.keys]]


def _change(record: Record, old: Record, pair: tuple[Array, Array] | None) -> Change:
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
        paired=pair is not None,
    )
    level = record.interval.level if record.interval else 0.95
    error = _paired_error(*pair) if pair is not None else _error(record, old)
    if error is None:
        return replace(found, reason="a side has no interval, so none has the change")
    return _tested(found, error, level)


def _paired_error(after: Array, before: Array) -> float | None:
    if len(after) < 2:
        return None
    return float(np.std(after - before, ddof=1) / np.sqrt(len(after)))


def _error(record: Record, old: Record) -> float | None:
    """Return the standard error of the difference of two independent findings."""
    if record.interval is None or old.interval is None:
        return None
    return float(np.hypot(_deviation(record.interval), _deviation(old.interval)))


def _deviation(interval: Interval) -> float:
    from scipy.stats import norm

    reach = norm.ppf((1 + interval.level) / 2)
    return float((interval.high - interval.low) / (2 * reach))


def _tested(found: Change, error: float, level: float) -> Change:
    from scipy.stats import norm

    change = found.change or 0.0
    arm = float(norm.ppf((1 + level) / 2) * error)
    same = "paired over the same units" if found.paired else "intervals as independent"
    p_value = (
        float(2 * norm.sf(abs(change) / error)) if error > 0 else float(change == 0)
    )
    return replace(
        found,
        interval=Interval(change - arm, change + arm, level, f"z, {same}"),
        p_value=p_value,
        method=f"z test, {same}",
    )
