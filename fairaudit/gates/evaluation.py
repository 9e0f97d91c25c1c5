"""Hold an audit against limits: flagged, not flagged, inconclusive or not run."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Final, TypeAlias

from fairaudit.errors import AuditError, suggest
from fairaudit.gates.limits import Bounds, Configuration, Gate
from fairaudit.result import (
    AuditReport,
    Change,
    GateOutcome,
    Interval,
    Quantity,
    Record,
)
from fairaudit.stats.correction import adjust

Found: TypeAlias = Record | Change
MOST_NEEDED: Final = 10**9


@dataclass(frozen=True)
class Case:
    """A gate and one number that it is about."""

    gate: Gate
    bounds: Bounds
    outcome: GateOutcome

    @property
    def level(self) -> float:
        """Error rate on one side of the interval."""
        interval = self.outcome.interval
        return (1 - interval.level) / 2 if interval else 0.0


def evaluate(
    report: AuditReport, configuration: Configuration, known: Iterable[str] = ()
) -> tuple[GateOutcome, ...]:
    """Return what every gate says of every finding that it is about.

    A gate on the interval is flagged where the quantity lies beyond its limit by a
    one-sided test whose p-value, corrected over all gates, is below the error rate of
    one side of the interval: .025 at 95 %. With one gate that is the interval lying
    wholly beyond the limit. It is not flagged where the interval lies wholly within,
    and inconclusive else.

    Parameters
    ----------
    known
        Names of all metrics, to tell a metric that did not run from a misspelt one.

    Raises
    ------
    AuditError
        Where a gate names a metric that nobody knows.
    """
    _require_known(report, configuration, known)
    cases = [case for gate in configuration.gate for case in _cases(report, gate)]
    raw = [case.outcome.p_value for case in cases]
    adjusted = adjust(raw, configuration.correction)
    pairs = zip(cases, adjusted, strict=True)
    return tuple(_decided(case, p) for case, p in pairs)


def exit_code(outcomes: Iterable[GateOutcome], *, strict: bool) -> int:
    """Return 1 where a gate is flagged; 3 where one is open and `strict`; else 0."""
    verdicts = {outcome.verdict for outcome in outcomes}
    if "flagged" in verdicts:
        return 1
    return 3 if strict and verdicts & {"inconclusive", "not run"} else 0


def _require_known(
    report: AuditReport, configuration: Configuration, known: Iterable[str]
) -> None:
    names = {*known, *(record.metric for record in report.records)}
    for gate in configuration.gate:
        if not set(gate.metric) & set("*?[") and gate.metric not in names:
            raise AuditError(
                f"Gate {gate.name!r} is about a metric {gate.metric!r}, which does not "
                f"exist. {suggest(gate.metric, names)}"
            )


def _cases(report: AuditReport, gate: Gate) -> Iterator[Case]:
    every: Sequence[Found] = report.changes if gate.on == "change" else report.records
    found = [item for item in every if gate.matches(item)]
    if not found:
        reason = (
            "there is no baseline with such a finding (--baseline AUDIT.json)"
            if gate.on == "change"
            else "the audit has no such finding"
        )
        yield _absent(gate, reason)
    for item in found:
        yield _case(gate, item)


def _absent(gate: Gate, reason: str) -> Case:
    bounds = gate.bounds(0.0) or Bounds(None, None)
    outcome = GateOutcome(
        gate=gate.name,
        limit=bounds.words(gate.on),
        verdict="not run",
        reason=reason,
        metric=gate.metric,
    )
    return Case(gate, bounds, outcome)


def _case(gate: Gate, found: Found) -> Case:
    quantity = found.quantity
    known = quantity if isinstance(quantity, Quantity) else None
    ideal = known.ideal if known else None
    bounds = gate.bounds(ideal)
    outcome = GateOutcome(
        gate=gate.name,
        limit=(bounds or Bounds(None, None)).words(gate.on),
        verdict="not run",
        reason="",
        model=found.model,
        dataset=found.dataset,
        metric=found.metric,
        quantity=quantity
        if isinstance(quantity, str)
        else getattr(quantity, "name", ""),
        subject=found.subject,
        value=found.change if isinstance(found, Change) else found.value,
        interval=found.interval,
        n=found.n,
    )
    if outcome.value is None:
        outcome = replace(outcome, reason=found.reason or "the finding has no value")
    elif bounds is None:
        outcome = replace(outcome, reason="the quantity has no ideal to be within")
    elif gate.on != "value" and found.interval is not None:
        outcome = replace(outcome, p_value=_p_value(outcome, bounds))
    return Case(gate, bounds or Bounds(None, None), outcome)


def _p_value(outcome: GateOutcome, bounds: Bounds) -> float:
    """Test one-sided whether the quantity lies within the limit.

    The standard error on the side of the limit is had from the interval's arm on that
    side, so that the p-value and the interval agree.
    """
    from scipy.stats import norm

    value, interval = outcome.value or 0.0, outcome.interval
    if interval is None:
        return 1.0
    reach = norm.ppf((1 + interval.level) / 2)
    sides = [
        (value - bounds.high, value - interval.low)
        if bounds.high is not None and value > bounds.high
        else None,
        (bounds.low - value, interval.high - value)
        if bounds.low is not None and value < bounds.low
        else None,
    ]
    beyond = [side for side in sides if side is not None]
    if not beyond:
        return 1.0
    distance, arm = beyond[0]
    return float(norm.sf(distance / arm * reach)) if arm > 0 else 0.0


def _decided(case: Case, p_adjusted: float | None) -> GateOutcome:
    outcome = replace(case.outcome, p_adjusted=p_adjusted)
    if outcome.reason:
        return outcome
    if outcome.n < case.gate.min_n:
        return replace(
            outcome,
            verdict="inconclusive",
            reason=f"{outcome.n} units, fewer than the {case.gate.min_n} asked for",
            n_needed=case.gate.min_n,
        )
    if case.gate.on == "value":
        return _by_value(outcome, case.bounds)
    if outcome.interval is None:
        reason = "the finding has no interval; gate its value with on = 'value'"
        return replace(outcome, verdict="inconclusive", reason=reason)
    return _by_interval(outcome, outcome.interval, case)


def _by_value(outcome: GateOutcome, bounds: Bounds) -> GateOutcome:
    value = outcome.value or 0.0
    if _within(value, value, bounds):
        return replace(outcome, verdict="not flagged", reason="the value is within")
    return replace(outcome, verdict="flagged", reason="the value lies beyond the limit")


def _by_interval(outcome: GateOutcome, interval: Interval, case: Case) -> GateOutcome:
    if outcome.p_adjusted is not None and outcome.p_adjusted < case.level:
        reason = "the interval lies beyond the limit, corrected over all gates"
        return replace(outcome, verdict="flagged", reason=reason)
    if _within(interval.low, interval.high, case.bounds):
        reason = "the interval lies within the limit"
        return replace(outcome, verdict="not flagged", reason=reason)
    needed = _needed(outcome, interval, case.bounds)
    told = f"; about {needed:,} units would decide" if needed else ""
    reason = f"the interval does not settle on which side of the limit it is{told}"
    return replace(outcome, verdict="inconclusive", reason=reason, n_needed=needed)


def _within(low: float, high: float, bounds: Bounds) -> bool:
    above = bounds.low is None or low >= bounds.low
    return above and (bounds.high is None or high <= bounds.high)


def _needed(outcome: GateOutcome, interval: Interval, bounds: Bounds) -> int | None:
    """Return the units at which an interval around this value leaves the limit.

    Its width goes with one over the root of n; None where the value is on the limit.
    """
    value = outcome.value or 0.0
    gaps = [
        abs(value - limit) for limit in (bounds.low, bounds.high) if limit is not None
    ]
    arm = max(value - interval.low, interval.high - value)
    if not gaps or min(gaps) <= 0 or arm <= 0:
        return None
    ratio = arm / min(gaps)
    if ratio > MOST_NEEDED or outcome.n * ratio**2 > MOST_NEEDED:
        return None
    return max(ceil(outcome.n * ratio**2), outcome.n + 1)
