"""Writer of Markdown for the summary of a CI job, and of its annotations."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from fairaudit.report import wording
from fairaudit.report.ci.lines import title, verdict
from fairaudit.result import AuditReport, Change, GateOutcome

MOST: Final = 30
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]()<>#+!|~&@-])")
_ORDER: Final = ("flagged", "inconclusive", "not run", "not flagged")


@dataclass(frozen=True)
class MarkdownWriter:
    """Writes a summary: verdicts, changes, the findings farthest from their ideal."""

    name: ClassVar[str] = "markdown"
    filename: ClassVar[str | None] = "summary.md"

    def render(self, report: AuditReport) -> str:
        """Return the Markdown text, everything from data escaped."""
        lines = [*_head(report), *_gates(report), *_changes(report), *_findings(report)]
        return "\n".join([*lines, *_missing(report)]) + "\n"


@dataclass(frozen=True)
class GitHubWriter:
    """Prints workflow commands that GitHub shows as annotations.

    An error a flagged gate, a warning an inconclusive one, a notice one that did not
    run.
    """

    name: ClassVar[str] = "github"
    filename: ClassVar[str | None] = None

    def render(self, report: AuditReport) -> str:
        """Return one command a line."""
        kinds = {"flagged": "error", "inconclusive": "warning", "not run": "notice"}
        return "".join(
            f"::{kinds[o.verdict]} title={_property(title(o))}::{_data(verdict(o))}\n"
            for o in report.gates
            if o.verdict in kinds
        )


def escape(text: str) -> str:
    r"""Return text that Markdown shows as it is.

    >>> escape("a|b *c* <img>")
    'a\\|b \\*c\\* \\<img\\>'
    """
    return _MARKUP.sub(r"\\\1", wording.visible(text))


def _head(report: AuditReport) -> Iterator[str]:
    models = ", ".join(escape(model.name) for model in report.models)
    datasets = ", ".join(escape(data.name) for data in report.datasets)
    counts = wording.tally(report)
    yield "## Bias audit"
    yield ""
    yield f"Models: {models or 'none'}. Datasets: {datasets or 'none'}. "
    yield (
        f"{wording.count(counts['findings'], 'finding')}, {counts['excludes']:,} with "
        f"an interval that excludes the ideal; {counts['not run']:,} not run; "
        f"{wording.count(counts['errors'], 'error')}."
    )


def _gates(report: AuditReport) -> Iterator[str]:
    if not report.gates:
        return
    found = Counter(outcome.verdict for outcome in report.gates)
    told = ", ".join(f"{found[v]} {v}" for v in _ORDER if found[v])
    yield from ("", f"### Gates: {told}", "")
    yield from ("| verdict | gate | finding | why |", "| --- | --- | --- | --- |")
    ordered = sorted(report.gates, key=lambda o: _ORDER.index(o.verdict))
    yield from map(_row, ordered[:MOST])
    yield from _more(len(ordered))


def _row(outcome: GateOutcome) -> str:
    about = f"{outcome.metric} {outcome.quantity} {outcome.subject}"
    place = f"{outcome.model} {outcome.dataset}"
    cells = (outcome.verdict, outcome.gate, f"{about} {place}", verdict(outcome))
    return f"| {' | '.join(escape(' '.join(cell.split())) for cell in cells)} |"


def _changes(report: AuditReport) -> Iterator[str]:
    found = [c for c in report.changes if c.change is not None]
    if not found:
        return
    yield from ("", "### Changes since the baseline", "")
    yield from (
        "| finding | before | after | change | interval | p (adjusted) |",
        "| --- | --- | --- | --- | --- | --- |",
    )
    ordered = sorted(found, key=lambda c: 2.0 if c.p_adjusted is None else c.p_adjusted)
    yield from map(_changed, ordered[:MOST])
    yield from _more(len(ordered))


def _changed(change: Change) -> str:
    p = change.p_adjusted
    cells = (
        f"{change.metric} {change.quantity} {change.subject}",
        wording.number(change.before),
        wording.number(change.after),
        wording.number(change.change),
        wording.interval(change.interval),
        "none" if p is None else f"{p:.3f}",
    )
    return f"| {' | '.join(map(escape, cells))} |"


def _findings(report: AuditReport) -> Iterator[str]:
    found = [
        record
        for record in wording.by_distance(wording.measured(report.records))
        if wording.standing(record) == "excludes"
    ]
    if not found:
        return
    yield from ("", "### Intervals that exclude the ideal", "")
    for record in found[:MOST]:
        about = f"{record.metric}, {record.subject}"
        yield f"- {escape(about)}: {escape(wording.sentence(record))}"
    yield from _more(len(found))


def _missing(report: AuditReport) -> Iterator[str]:
    absent = wording.missing(report.records)
    if not absent:
        return
    yield from ("", "### Not run, and why", "")
    for record in absent[:MOST]:
        what = f"{record.metric} {record.subject}".strip()
        yield f"- {escape(what)}: {escape(wording.why(record))}"
    yield from _more(len(absent))


def _more(count: int) -> Iterator[str]:
    if count > MOST:
        yield from ("", f"{count - MOST:,} more in the other reports.")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
