"""Texts that stand behind findings: pairs that differ, and what tokens contribute.

The details of a record come from a file, so nothing is taken for granted: what does
not have the known form is counted, not shown.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from math import ceil
from typing import Final, TypeAlias

from fairaudit.report import wording
from fairaudit.result import AuditReport, Json, Record

Part: TypeAlias = tuple[str, bool]
"""A piece of text, and whether it differs from the other text."""

LEVELS: Final = 5
STRONGEST: Final = 3
_LONGEST: Final = 400
_KNOWN: Final = ("pairs", "top")


@dataclass(frozen=True)
class Pair:
    """Two texts that differ in the group they name, and what the model made of them."""

    first: Sequence[Part]
    second: Sequence[Part]
    groups: tuple[str, str]
    predicted: tuple[str, str]
    change: float


@dataclass(frozen=True)
class Token:
    """A piece of a text; `level` from 0 to `LEVELS` is its share of the largest."""

    text: str
    level: int
    contribution: float | None


@dataclass(frozen=True)
class Strip:
    """A text with the contributions of its tokens."""

    tokens: Sequence[Token]
    strongest: Sequence[Token]
    value: float
    predicted: str
    left_out: int


@dataclass(frozen=True)
class Exhibit:
    """The texts behind one finding; `unread` entries were not in a known form."""

    record: Record
    pairs: Sequence[Pair]
    strips: Sequence[Strip]
    unread: int


def exhibits(report: AuditReport) -> Iterator[Exhibit]:
    """Return the evidence that the records hold, in the order of the report."""
    for record in report.records:
        if record.detail.keys().isdisjoint(_KNOWN):
            continue
        pairs = _listed(record.detail.get("pairs"))
        texts = _listed(record.detail.get("top"))
        if pairs or texts:
            told = [pair for pair in map(_pair, pairs) if pair]
            strips = [strip for strip in map(_strip, texts) if strip]
            unread = len(pairs) + len(texts) - len(told) - len(strips)
            if told or strips:
                yield Exhibit(record, told, strips, unread)


def differences(first: str, second: str) -> tuple[list[Part], list[Part]]:
    """Return two texts in parts, marked where their words differ.

    >>> differences("she is here", "he is here")[0]
    [('she', True), (' is here', False)]
    """
    one, other = _words(first[:_LONGEST]), _words(second[:_LONGEST])
    steps = SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    left = [("".join(one[a:b]), kind != "equal") for kind, a, b, _, _ in steps]
    right = [("".join(other[c:d]), kind != "equal") for kind, _, _, c, d in steps]
    return [part for part in left if part[0]], [part for part in right if part[0]]


def _words(text: str) -> list[str]:
    """Return words and the spaces between them, so that joining gives the text."""
    parts = text.split(" ")
    return [piece for word in parts for piece in (word, " ")][:-1]


def _listed(found: Json) -> list[Mapping[str, Json]]:
    if isinstance(found, str) or not isinstance(found, Sequence):
        return []
    return [entry for entry in found if isinstance(entry, Mapping)]


def _pair(entry: Mapping[str, Json]) -> Pair | None:
    first, second = entry.get("first"), entry.get("second")
    change = _number(entry.get("change"))
    if not isinstance(first, str) or not isinstance(second, str) or change is None:
        return None
    parts = differences(first, second)
    groups, predicted = _two(entry.get("groups")), _two(entry.get("predicted"))
    return Pair(*parts, groups, predicted, change)


def _strip(entry: Mapping[str, Json]) -> Strip | None:
    text, value = entry.get("text"), _number(entry.get("value"))
    if not isinstance(text, str) or value is None:
        return None
    tokens = list(_tokens(text[:_LONGEST], _listed(entry.get("tokens"))))
    known = [token for token in tokens if token.contribution]
    strongest = sorted(known, key=lambda t: -abs(t.contribution or 0.0))[:STRONGEST]
    left_out = _number(entry.get("tokens_left_out")) or 0
    predicted = str(entry.get("predicted", ""))
    return Strip(tokens, strongest, value, predicted, int(left_out))


def _tokens(text: str, entries: Sequence[Mapping[str, Json]]) -> Iterator[Token]:
    """Cut a text into its tokens and what lies between them."""
    spans = sorted(span for span in map(_span, entries) if span)
    most = max((abs(span[2]) for span in spans), default=0.0) or 1.0
    at = 0
    for start, end, contribution in spans:
        start = max(start, at)  # noqa: PLW2901 - tokens may overlap
        if start >= min(end, len(text)):
            continue
        if at < start:
            yield Token(text[at:start], 0, None)
        level = ceil(LEVELS * abs(contribution) / most)
        yield Token(text[start:end], level, contribution)
        at = end
    if at < len(text):
        yield Token(text[at:], 0, None)


def _span(entry: Mapping[str, Json]) -> tuple[int, int, float] | None:
    start, end = entry.get("start"), entry.get("end")
    contribution = _number(entry.get("contribution"))
    if not isinstance(start, int) or not isinstance(end, int) or contribution is None:
        return None
    return (start, end, contribution) if 0 <= start < end else None


def _number(found: Json) -> float | None:
    plain = isinstance(found, int | float) and not isinstance(found, bool)
    return float(found) if plain else None  # type: ignore[arg-type]


def _two(found: Json) -> tuple[str, str]:
    if isinstance(found, str) or not isinstance(found, Sequence) or len(found) != 2:
        return "", ""
    return wording.visible(str(found[0])), wording.visible(str(found[1]))
