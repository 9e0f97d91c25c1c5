"""Records by kind: those of one metric and quantity have comparable numbers."""

from collections.abc import Iterable, Iterator, Sequence

from fairaudit.result import Record


def by_kind(records: Iterable[Record]) -> dict[tuple[str, str], list[Record]]:
    """Return the records of each metric and quantity, in the order of the report."""
    kinds: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        name = record.quantity.name if record.quantity else ""
        kinds.setdefault((record.metric, name), []).append(record)
    return kinds


def ordered(records: Sequence[Record]) -> Iterator[list[Record]]:
    """Sort by kind, then keep findings about one subject together; one list a kind.

    Subjects, and the findings about each, stay in the order of the report.
    """
    first: dict[str, int] = {}
    for record in records:
        first.setdefault(record.subject, len(first))
    for _, group in sorted(by_kind(records).items()):
        yield sorted(group, key=lambda record: first[record.subject])
