"""What of an audit goes into a tracking server: runs with metrics, params and tags."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeAlias

from fairaudit.report.schema import compact
from fairaudit.report.wording import visible
from fairaudit.result import AuditReport, GateOutcome, ModelEntry, Record

Parts: TypeAlias = tuple[str, ...]
LONGEST_NAME: Final = 250
LONGEST_PARAM: Final = 6000
LONGEST_TAG: Final = 5000
_ROOM: Final = LONGEST_NAME - 16
"""Longest name of a finding; more is added to it, such as ``/interval_low``."""
_REFUSED: Final = re.compile(r"[^\w.\- ]")


@dataclass(frozen=True)
class Run:
    """All that is logged of one model.

    Parameters
    ----------
    params, tags
        What describes the audit, and what the limits say of it.
    metrics
        Value, bounds of the interval, n and adjusted p of each finding.
    names
        Name of each finding as it is logged, and what it is in the audit.
    """

    model: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    names: Mapping[str, Mapping[str, str]]


def runs(report: AuditReport) -> list[Run]:
    """Return a run for each model of the audit."""
    return [_run(report, model) for model in report.models]


def clean(parts: Sequence[str]) -> str:
    """Return a name of several parts that a tracking server takes.

    Letters, digits, underscores, dots, dashes and single spaces stay, all else becomes
    an underscore.

    >>> clean(["notes", "gender: women vs men", "../x"])
    'notes/gender_ women vs men/.._x'
    """
    return "/".join(_part(part) for part in parts)


def _part(text: str) -> str:
    kept = " ".join(_REFUSED.sub("_", visible(text)).split())
    return kept if kept.strip(". ") else "_" * max(len(kept), 1)


def unique_names(wanted: Sequence[Parts], meanings: Sequence[str]) -> list[str]:
    """Return names no two of which are equal, each within the length allowed.

    Where two would be equal, or one too long, a digest of what it stands for is added.

    >>> unique_names([("a=b",), ("a:b",), ("c",)], ["", "", ""])[2]
    'c'
    """
    found = [clean(parts) for parts in wanted]
    often = Counter(name.casefold() for name in found)
    seen: Counter[Parts] = Counter()
    names = []
    for name, parts, meaning in zip(found, wanted, meanings, strict=True):
        plain = often[name.casefold()] == 1 and len(name) <= _ROOM
        whole = (*parts, meaning)
        names.append(name if plain else _marked(name, (*whole, str(seen[whole]))))
        seen[whole] += 1
    return names


def _marked(name: str, whole: Parts) -> str:
    mark = sha256("\0".join(whole).encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{name[: _ROOM - len(mark) - 1].rstrip('/. ')}-{mark}"


def _run(report: AuditReport, model: ModelEntry) -> Run:
    records = [r for r in report.records if r.model == model.name]
    measured = [r for r in records if r.value is not None]
    settings = [compact(record.params) for record in measured]
    names = unique_names([record.identity for record in measured], settings)
    pairs = list(zip(names, measured, strict=True))
    return Run(
        model=model.name,
        params=_params(report, model, records),
        tags=_tags(report, model, records),
        metrics={k: v for name, r in pairs for k, v in _figures(name, r).items()},
        names={name: _meaning(record) for name, record in pairs},
    )


def _meaning(record: Record) -> Mapping[str, str]:
    dataset, metric, quantity, key = record.identity
    return {
        "dataset": dataset,
        "metric": metric,
        "params": compact(record.params),
        "quantity": quantity,
        "subject": record.subject,
        "key": key,
    }


def _figures(name: str, record: Record) -> Mapping[str, float]:
    bounds = record.interval
    found = {
        "value": record.value,
        "interval_low": bounds.low if bounds else None,
        "interval_high": bounds.high if bounds else None,
        "n": record.n,
        "p_adjusted": record.p_adjusted,
    }
    return {f"{name}/{k}": float(v) for k, v in found.items() if v is not None}


def _params(
    report: AuditReport, model: ModelEntry, records: Sequence[Record]
) -> Mapping[str, str]:
    settings = dict.fromkeys((r.metric, compact(r.params)) for r in records)
    wanted: list[tuple[Parts, str]] = [
        (("fairaudit_version",), report.fairaudit_version),
        (("seed",), str(report.seed)),
        (("command",), report.command),
        (("model", "fingerprint"), model.fingerprint),
        (("model", "architecture"), model.architecture),
        *((("environment", k), str(v)) for k, v in report.environment.items()),
        *((("dataset", d.name, "sha256"), d.sha256) for d in report.datasets),
        *((("dataset", d.name, "rows"), str(d.n)) for d in report.datasets),
        *((("metric", name, "params"), text) for name, text in settings),
    ]
    parts, values = zip(*wanted, strict=True)
    names = unique_names(parts, values)
    told = [visible(value)[:LONGEST_PARAM] for value in values]
    return dict(zip(names, told, strict=True))


def _tags(
    report: AuditReport, model: ModelEntry, records: Sequence[Record]
) -> Mapping[str, str]:
    outcomes = [o for o in report.gates if o.model in ("", model.name)]
    limits = [outcome.limit for outcome in outcomes]
    names = unique_names([("gate", *_outcome(o)) for o in outcomes], limits)
    counts = Counter(outcome.verdict for outcome in outcomes)
    return {
        "fairaudit.findings": str(sum(r.value is not None for r in records)),
        "fairaudit.not_run": str(sum(r.value is None for r in records)),
        **{f"fairaudit.gates.{v.replace(' ', '_')}": str(n) for v, n in counts.items()},
        **{
            name: visible(f"{o.verdict}: {o.limit}; {o.reason}")[:LONGEST_TAG]
            for name, o in zip(names, outcomes, strict=True)
        },
    }


def _outcome(found: GateOutcome) -> Parts:
    return found.gate, found.dataset, found.metric, found.quantity, found.subject
