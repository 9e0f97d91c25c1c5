"""What limits and a baseline say of an audit."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from fairaudit.result.finding import Interval

Verdict: TypeAlias = Literal["flagged", "not flagged", "inconclusive", "not run"]


@dataclass(frozen=True, kw_only=True)
class GateOutcome:
    """What one limit says of one finding.

    Parameters
    ----------
    gate
        Name of the gate in the configuration.
    limit
        The limit in words, such as ``"interval at most 0.1"``.
    verdict
        Flagged: beyond the limit. Inconclusive: the interval holds the limit, or too
        few units. Not run: there is no such finding, or it has no value.
    reason
        Why the verdict is what it is, in one sentence.
    n_needed
        Units that would be needed to decide, where that can be said.
    """

    gate: str
    limit: str
    verdict: Verdict
    reason: str
    model: str = ""
    dataset: str = ""
    metric: str = ""
    quantity: str = ""
    subject: str = ""
    value: float | None = None
    interval: Interval | None = None
    n: int = 0
    n_needed: int | None = None
    p_value: float | None = None
    p_adjusted: float | None = None


@dataclass(frozen=True, kw_only=True)
class Change:
    """How a finding differs from the same finding of a baseline audit.

    Parameters
    ----------
    before, after, change
        Baseline, now, and their difference; None with a `reason`.
    paired
        Whether the test used the texts that both audits share.
    method
        How interval and p-value were had.
    """

    model: str
    dataset: str
    metric: str
    quantity: str
    subject: str
    before: float | None = None
    after: float | None = None
    change: float | None = None
    interval: Interval | None = None
    n: int = 0
    p_value: float | None = None
    p_adjusted: float | None = None
    paired: bool = False
    method: str = ""
    reason: str = ""
