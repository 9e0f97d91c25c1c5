"""Lines about gates and about changes since the baseline."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from fairaudit.report import wording
from fairaudit.report.ci.lines import title, verdict
from fairaudit.result import AuditReport, Change, Verdict

MARKS: Final[Mapping[Verdict, str]] = {
    "flagged": "!",
    "inconclusive": "?",
    "not run": "-",
    "not flagged": "+",
}
"""A sign for each verdict, the worst first: no meaning rests on colour."""
MOST: Final = 30


def gate_lines(report: AuditReport) -> list[str]:
    """Return a line a gate, flagged ones first, and how many there are of each."""
    order = list(MARKS)
    found = sorted(report.gates, key=lambda o: order.index(o.verdict))
    lines = [f"{MARKS[o.verdict]} {title(o)}: {verdict(o)}" for o in found]
    return [*lines, tally(report)] if lines else []


def tally(report: AuditReport) -> str:
    """Count the verdicts, such as ``"1 flagged, 2 not flagged"``."""
    counts = Counter(outcome.verdict for outcome in report.gates)
    return ", ".join(f"{counts[v]} {v}" for v in MARKS if counts[v])


def change_lines(report: AuditReport) -> list[str]:
    """Return a line a change, the clearest first."""
    found = sorted(report.changes, key=_clarity)
    lines = [change_line(change) for change in found[:MOST]]
    more = len(found) - MOST
    return [*lines, f"{more:,} more in the other reports"] if more > 0 else lines


def change_line(change: Change) -> str:
    """Return a change in one line."""
    what = f"{change.metric} {change.quantity} ({change.subject})"
    was, now = wording.number(change.before), wording.number(change.after)
    told = f"{what}: {was} to {now}"
    if change.interval is None:
        return f"{told}; {change.reason}"
    p = change.p_adjusted
    tested = "" if p is None else f", adjusted p {wording.number(p)}"
    paired = "paired" if change.paired else "not paired"
    moved = f"change {wording.number(change.change)}"
    return f"{told}; {moved} {wording.interval(change.interval)}{tested}, {paired}"


def _clarity(change: Change) -> tuple[float, str]:
    p = 2.0 if change.p_adjusted is None else change.p_adjusted
    return p, change.subject
