"""Writer of JUnit XML: one test case a gate."""

from dataclasses import dataclass
from typing import ClassVar
from xml.etree import ElementTree as Xml

from fairaudit.report import wording
from fairaudit.report.ci.lines import title, verdict
from fairaudit.result import AuditReport, GateOutcome, Record


@dataclass(frozen=True)
class JUnitWriter:
    """Writes a case a gate: failed where flagged, skipped where open or not run.

    A metric that raised an exception is a case with an error, gates or not.
    """

    name: ClassVar[str] = "junit"
    filename: ClassVar[str | None] = "junit.xml"

    def render(self, report: AuditReport) -> str:
        """Return the XML text."""
        suites = Xml.Element("testsuites", name="fairaudit")
        suite = Xml.SubElement(suites, "testsuite", _counts(report))
        for outcome in report.gates:
            _case(suite, outcome)
        for record in _errors(report):
            _error(suite, record)
        Xml.indent(suites)
        text: str = Xml.tostring(suites, encoding="unicode")
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _counts(report: AuditReport) -> dict[str, str]:
    verdicts = [outcome.verdict for outcome in report.gates]
    errors = len(_errors(report))
    skipped = verdicts.count("inconclusive") + verdicts.count("not run")
    return {
        "name": "fairaudit gates",
        "tests": str(len(verdicts) + errors),
        "failures": str(verdicts.count("flagged")),
        "errors": str(errors),
        "skipped": str(skipped),
        "timestamp": report.created[:19],
    }


def _errors(report: AuditReport) -> list[Record]:
    return [record for record in report.records if record.status == "error"]


def _case(suite: Xml.Element, outcome: GateOutcome) -> None:
    place = ".".join(filter(None, ("fairaudit", outcome.metric)))
    named = {"name": title(outcome), "classname": wording.visible(place)}
    case = Xml.SubElement(suite, "testcase", named)
    told = verdict(outcome)
    if outcome.verdict == "flagged":
        failure = Xml.SubElement(case, "failure", message=told, type="flagged")
        failure.text = told
    elif outcome.verdict != "not flagged":
        Xml.SubElement(case, "skipped", message=told)
    else:
        Xml.SubElement(case, "system-out").text = told


def _error(suite: Xml.Element, record: Record) -> None:
    what = wording.visible(f"{record.metric} - {record.model} on {record.dataset}")
    named = {"name": what, "classname": wording.visible(f"fairaudit.{record.metric}")}
    case = Xml.SubElement(suite, "testcase", named)
    reason = wording.visible(record.reason)
    Xml.SubElement(case, "error", message=reason, type="metric").text = reason
