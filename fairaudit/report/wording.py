"""Numbers and sentences that the writers share."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Final, Literal, TypeAlias

from fairaudit.report.schema import compact
from fairaudit.result import (
    AuditReport,
    Change,
    Family,
    Interval,
    Quantity,
    Record,
)

Differing: TypeAlias = Mapping[str, frozenset[str]]
Standing: TypeAlias = Literal[
    "excludes", "includes", "not tested", "no interval", "no ideal"
]

FAMILIES: Final[Mapping[Family, str]] = {
    "intrinsic": "associations in the model's representations",
    "extrinsic": "differences between groups in the model's predictions",
    "sensitivity": "how predictions respond to protected attributes",
}
STANDINGS: Final[Mapping[Standing, str]] = {
    "excludes": "interval excludes the ideal",
    "includes": "interval includes the ideal",
    "not tested": "not tested against the ideal",
    "no interval": "no interval",
    "no ideal": "no ideal",
}
_LARGE, _SMALL, _TINY = 1000.0, 0.01, 1e-4
_TINY_P = 0.001
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    r"""Return one line of text in which control and direction characters show.

    >>> visible("a\x1b[31mb\nc\u202ed")
    'a\\x1b[31mb c\\u202ed'
    """
    line = re.sub(r"[\t\n\r\f\v]+", " ", text)
    return _HIDDEN.sub(lambda m: m.group().encode("unicode_escape").decode(), line)


def number(value: float | None) -> str:
    """Return a number as a reader wants it; full precision is in the CSV.

    >>> [number(x) for x in (0.12345, -12.3456, 1234567.0, 0.00001, 0.0)]
    ['0.123', '-12.35', '1,234,567', '1.0e-05', '0']
    """
    if value is None:
        return "none"
    if not isfinite(value):
        return "not finite"
    size = abs(value)
    if size == 0:
        return "0"
    if size >= _LARGE:
        return f"{value:,.0f}" if size < 1e15 else f"{value:.2e}"
    if size < _SMALL:
        return f"{value:.1e}" if size < _TINY else f"{value:.3g}"
    return f"{value:.3f}" if size < 10 else f"{value:.2f}"


def ideal(quantity: Quantity | None) -> str:
    """Return the ideal, or ``"none"`` where no single value is ideal."""
    if quantity is None or quantity.ideal is None:
        return "none"
    return f"{quantity.ideal:g}"


def interval(found: Interval | None) -> str:
    """Return the interval; its level is said where it is not 95 %.

    >>> interval(Interval(-0.1, 0.25)), interval(Interval(0, 1, 0.9))
    ('[-0.100, 0.250]', '[0, 1.000] 90%')
    """
    if found is None:
        return "none"
    level = "" if found.level == 0.95 else f" {100 * found.level:g}%"
    return f"[{number(found.low)}, {number(found.high)}]{level}"


def p_value(record: Record) -> str:
    """Return the adjusted p-value, or the raw one marked as such, or ``"none"``."""
    if record.p_adjusted is not None:
        return _p(record.p_adjusted)
    return f"{_p(record.p_value)} raw" if record.p_value is not None else "none"


def words(identifier: str) -> str:
    """Return an identifier as words.

    >>> words("combined_effect_size")
    'combined effect size'
    """
    return identifier.replace("_", " ")


def count(n: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun.

    >>> count(1, "error"), count(2000, "error")
    ('1 error', '2,000 errors')
    """
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def measured(records: Iterable[Record]) -> list[Record]:
    """Return the records that have a number."""
    return [r for r in records if r.status == "ok" and r.value is not None]


def missing(records: Iterable[Record]) -> list[Record]:
    """Return the records without a number, errors last."""
    found = [r for r in records if r.status != "ok" or r.value is None]
    return sorted(found, key=lambda r: r.status == "error")


def why(record: Record) -> str:
    """Say that a record has no number, and the reason."""
    state = "error" if record.status == "error" else "not run"
    return f"{state}: {record.reason or 'no reason was recorded'}"


def standing(record: Record) -> Standing:
    """Tell how the interval lies to the ideal; its ends belong to the interval.

    Only where the finding tests the ideal: the interval of a quantity that is positive
    by construction excludes 0 always, which says nothing.
    """
    if record.quantity is None or record.quantity.ideal is None:
        return "no ideal"
    if record.interval is None:
        return "no interval"
    if record.p_value is None:
        return "not tested"
    inside = record.interval.low <= record.quantity.ideal <= record.interval.high
    return "includes" if inside else "excludes"


def kind(record: Record) -> tuple[str, str]:
    """Return metric and quantity: records of one kind have comparable numbers."""
    return record.metric, record.quantity.name if record.quantity else ""


def heading(record: Record) -> str:
    """Return the quantity in words, with its unit where the words do not say it."""
    if record.quantity is None:
        return "no quantity"
    name, unit = words(record.quantity.name), record.quantity.unit
    return name if unit in name else f"{name} ({unit})"


def distance(record: Record) -> float:
    """Return the distance from the ideal, as a share of the farthest possible one.

    An unbounded quantity gives the distance in its own unit; none without an ideal.
    """
    quantity = record.quantity
    if quantity is None or quantity.ideal is None or record.value is None:
        return 0.0
    return abs(record.value - quantity.ideal) / _reach(quantity, quantity.ideal)


def by_distance(records: Iterable[Record]) -> list[Record]:
    """Sort: intervals that exclude the ideal, those that include it, the untested.

    Within each, the farthest from the ideal comes first.
    """
    order = {kind: at for at, kind in enumerate(STANDINGS)}
    return sorted(records, key=lambda r: (order[standing(r)], -distance(r), r.subject))


def sentence(record: Record) -> str:
    """Say a finding in one sentence, without calling any direction better."""
    parts = [_range(record.interval), f"n = {record.n:,}", _tested(record)]
    name = heading(record)
    told = f"{name} is {number(record.value)} ({'; '.join(filter(None, parts))})"
    return f"{told}, {_relation(record)}."


def varying(records: Sequence[Record]) -> Differing:
    """Return, for each metric, the parameters that differ between its records."""
    found: dict[str, dict[str, Mapping[str, object]]] = {}
    for record in records:
        found.setdefault(record.metric, {})[repr(record.params)] = record.params
    return {
        metric: _differing(list(params.values())) for metric, params in found.items()
    }


def about(record: Record, differing: Differing) -> str:
    """Return the subject, with the parameters that set the record apart."""
    told = variant(record, differing)
    return f"{record.subject} ({told})" if told else record.subject


def variant(record: Record, differing: Differing) -> str:
    """Return the parameters that set the record apart; none is an empty text."""
    names = sorted(differing.get(record.metric, frozenset()) & set(record.params))
    return ", ".join(f"{name}={_bare(record.params[name])}" for name in names)


def provenance(report: AuditReport) -> tuple[str, ...]:
    """Return which of model and dataset are needed to tell records apart."""
    datasets = {record.dataset for record in report.records if record.dataset}
    many = {"model": len(report.models) > 1, "dataset": len(datasets) > 1}
    return tuple(name for name, needed in many.items() if needed)


def place(record: Record | Change, names: Sequence[str]) -> str:
    """Return what tells records apart (`provenance`), such as model and dataset."""
    return " on ".join(str(getattr(record, name)) for name in names)


def seeds(report: AuditReport) -> str:
    """Return the seed, or those of the audits that were put together."""
    return str(report.environment.get("seeds", report.seed))


def tally(report: AuditReport) -> Mapping[str, int]:
    """Count findings, standings, records that did not run, and errors."""
    found, absent = measured(report.records), missing(report.records)
    errors = sum(r.status == "error" for r in absent)
    kinds = Counter(map(standing, found))
    return {
        "findings": len(found),
        **{kind: kinds[kind] for kind in STANDINGS},
        "not run": len(absent) - errors,
        "errors": errors,
    }


def _reach(quantity: Quantity, ideal: float) -> float:
    """Return the farthest possible distance from the ideal; 1 where unbounded."""
    if quantity.low is None or quantity.high is None:
        return 1.0
    return max(ideal - quantity.low, quantity.high - ideal) or 1.0


def _range(found: Interval | None) -> str:
    if found is None:
        return "no interval"
    low, high = number(found.low), number(found.high)
    return f"{100 * found.level:g}% interval {low} to {high}"


def _tested(record: Record) -> str:
    if record.p_adjusted is not None:
        return _named_p("adjusted p", record.p_adjusted)
    return (
        _named_p("unadjusted p", record.p_value) if record.p_value is not None else ""
    )


def _relation(record: Record) -> str:
    if record.quantity is None or record.quantity.ideal is None:
        return "and no single value is ideal"
    gap = abs((record.value or 0.0) - record.quantity.ideal)
    return f"{number(gap)} from the ideal {ideal(record.quantity)}"


def _differing(params: Sequence[Mapping[str, object]]) -> frozenset[str]:
    names = {name for mapping in params for name in mapping}
    values = {name: {compact(m.get(name)) for m in params} for name in names}
    return frozenset(name for name in names if len(values[name]) > 1)


def _bare(value: object) -> str:
    return value if isinstance(value, str) else compact(value)


def _named_p(name: str, value: float) -> str:
    text = _p(value)
    return f"{name} < {text[1:]}" if text.startswith("<") else f"{name} = {text}"


def _p(value: float | None) -> str:
    if value is None:
        return "none"
    return f"<{_TINY_P}" if value < _TINY_P else f"{value:.3f}"
