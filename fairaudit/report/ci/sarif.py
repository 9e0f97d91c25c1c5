"""Writer of SARIF 2.1.0: one result a gate."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from fairaudit.report import wording
from fairaudit.report.ci.lines import title, verdict
from fairaudit.report.schema import plain
from fairaudit.result import AuditReport, GateOutcome, Json, Verdict

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_KINDS: Final[Mapping[Verdict, tuple[str, str]]] = {
    "flagged": ("fail", "error"),
    "not flagged": ("pass", "none"),
    "inconclusive": ("review", "none"),
    "not run": ("notApplicable", "none"),
}


@dataclass(frozen=True)
class SarifWriter:
    """Writes a run with a rule a gate and a result a finding that it is about.

    Flagged is kind ``fail``, level ``error``; inconclusive ``review``; not run
    ``notApplicable``; not flagged ``pass``.
    """

    name: ClassVar[str] = "sarif"
    filename: ClassVar[str | None] = "audit.sarif"

    def render(self, report: AuditReport) -> str:
        """Return the JSON text."""
        rules = list(dict.fromkeys(outcome.gate for outcome in report.gates))
        log = {
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {"driver": _driver(report, rules)},
                    "columnKind": "unicodeCodePoints",
                    "results": [_result(o, rules, report) for o in report.gates],
                }
            ],
        }
        return json.dumps(log, indent=2, allow_nan=False, default=plain) + "\n"


def _driver(report: AuditReport, rules: list[str]) -> Mapping[str, Json]:
    limits = {outcome.gate: outcome.limit for outcome in report.gates}
    return {
        "name": "fairaudit",
        "semanticVersion": report.fairaudit_version,
        "rules": [
            {
                "id": wording.visible(rule),
                "shortDescription": {"text": wording.visible(f"{limits[rule]}")},
            }
            for rule in rules
        ],
    }


def _result(
    outcome: GateOutcome, rules: list[str], report: AuditReport
) -> Mapping[str, Json]:
    kind, level = _KINDS[outcome.verdict]
    return {
        "ruleId": wording.visible(outcome.gate),
        "ruleIndex": rules.index(outcome.gate),
        "kind": kind,
        "level": level,
        "message": {"text": f"{title(outcome)}: {verdict(outcome)}"},
        "locations": [{"logicalLocations": [_place(outcome)]}],
        "properties": {
            "value": outcome.value,
            "n": outcome.n,
            "p_adjusted": outcome.p_adjusted,
            "seed": report.seed,
        },
    }


def _place(outcome: GateOutcome) -> Mapping[str, Json]:
    parts = (outcome.model, outcome.dataset, outcome.metric, outcome.subject)
    names = [wording.visible(part) for part in parts if part]
    return {
        "name": names[-1] if names else "audit",
        "fullyQualifiedName": "/".join(names),
    }
