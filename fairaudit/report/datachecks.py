"""What was cut, skipped or not found, what is there twice or was seen in training."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fairaudit.report import wording
from fairaudit.result import AuditReport, DataCheck, Json, Record
from fairaudit.result.checks import CheckName

CHECKS: Final[Mapping[str, str]] = {
    "texts_truncated": "texts longer than the model reads, and cut",
    "texts_without_value": "texts without a value",
    "texts_without_finite_gradient": "texts without a finite gradient",
    "texts_without_swap": "texts without a swap",
    "missing_words": "words not found",
    "unknown": "words unknown to the model",
    "skipped": "pairs skipped",
    "skipped_because": "pairs skipped, by reason",
    "unlabelled_rows": "rows without a label",
    "unknown_membership": "rows whose group is not known",
    "left_out": "left out",
    "variants_left_out": "rewritten texts left out",
    "reasons": "texts not rewritten, by reason",
}
REPEATS: Final[Mapping[CheckName, str]] = {
    "repeated": "rows whose text another row has too",
    "contradictory": "labelled rows whose text bears another label elsewhere",
    "seen in training": "rows with a text that the model's fine-tuning used",
}
RULE: Final = (
    "Texts are equal where they are with case folded and white space collapsed. "
    "Near-duplicates are not looked for, nor what an encoder saw in pre-training."
)
_WORDS: Final = 12


@dataclass(frozen=True)
class Check:
    """One count, or one statement where there is no count."""

    model: str
    dataset: str
    metric: str
    what: str
    about: str
    count: int | None


@dataclass(frozen=True)
class Balance:
    """How many rows an axis has in its groups; the least and the most, as a ratio."""

    axis: str
    rows: Sequence[tuple[str, int, float]]
    """Group, rows, and their share of all rows."""

    @property
    def size(self) -> int:
        """How many groups there are."""
        return len(self.rows)

    @property
    def ratio(self) -> float | None:
        """Rows of the largest group for one of the smallest; None where it has none."""
        counts = [count for _, count, _ in self.rows]
        least = min(counts, default=0)
        return max(counts) / least if least else None


def checks(report: AuditReport) -> tuple[list[Check], list[str]]:
    """Return what was found, each thing once, and what was looked for in vain."""
    told: dict[Check, None] = {}
    looked: set[str] = set()
    for record in report.records:
        if record.detail.keys().isdisjoint(CHECKS):
            continue
        for name in CHECKS.keys() & record.detail.keys():
            looked.add(name)
            if record.detail[name] or isinstance(record.detail[name], str):
                told |= dict.fromkeys(_checks(record, name))
    found = sorted(told, key=lambda c: (c.metric, c.what, -(c.count or 0), c.about))
    met = {check.what for check in found}
    return found, [CHECKS[n] for n in CHECKS if n in looked and CHECKS[n] not in met]


def share(check: DataCheck) -> str:
    """Return the share of the rows in per cent, empty where there is none."""
    if check.count is None or not check.n:
        return ""
    return f"{100 * check.count / check.n:.1f}%"


def check_lines(report: AuditReport) -> list[str]:
    """Return the counts of repeated and of seen rows that are not 0."""
    found = [check for check in report.checks if check.count]
    return [
        f"- {check.dataset}{f', {check.model}' if check.model else ''}: "
        f"{wording.count(check.count or 0, 'row')} of {check.n:,} ({share(check)}): "
        f"{REPEATS[check.name]}"
        for check in found
    ]


def balances(groups: Mapping[str, Mapping[str, int]], n: int) -> list[Balance]:
    """Return the balance of each axis, its largest group first."""
    return [
        Balance(
            axis,
            [
                (group, count, count / n if n else 0.0)
                for group, count in sorted(counts.items(), key=lambda c: -c[1])
            ],
        )
        for axis, counts in groups.items()
    ]


def _checks(record: Record, name: str) -> Iterator[Check]:
    for about, count in _counts(record.detail[name], ""):
        if count != 0:
            yield Check(
                record.model,
                record.dataset,
                record.metric,
                CHECKS[name],
                about,
                count,
            )


def _counts(found: Json, about: str) -> Iterator[tuple[str, int | None]]:
    """Walk through counts by reason, lists of words and statements."""
    if isinstance(found, str):
        yield f"{about}: {found}".removeprefix(": "), None
    elif isinstance(found, int | float):
        yield about, int(found)
    elif isinstance(found, Mapping):
        for key, value in found.items():
            yield from _counts(value, f"{about}, {key}".removeprefix(", "))
    elif found:
        words = ", ".join(map(str, found[:_WORDS]))
        more = ", …" if len(found) > _WORDS else ""
        yield f"{about}: {words}{more}".removeprefix(": "), len(found)
