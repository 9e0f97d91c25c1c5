"""Find terms in texts."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from fairaudit.perturbation.terms import Needs, Number, Part, Term, TermList
from fairaudit.perturbation.tokens import Tokens

Kind: TypeAlias = Literal["term", "bound", "unclear", "idiom"]
PREFIXES = frozenset({"ex", "great", "half", "step", "co", "then", "now", "all", "non"})
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Reading:
    """One sense of a term: its group, part of speech and counterparts by group."""

    group: str
    part: Part
    number: Number
    needs: Needs
    counterparts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A word or phrase of the list.

    Parameters
    ----------
    listed
        As the list writes it.
    words, gaps
        Its words in small letters, and what parts them.
    exact
        Whether letter case must be as listed.
    readings
        Senses of a term.
    """

    listed: str
    kind: Kind
    words: list[str]
    gaps: list[str]
    exact: bool
    readings: tuple[Reading, ...] = ()

    @property
    def spellings(self) -> tuple[str, str, str]:
        """What an exact entry may look like."""
        listed = self.listed
        return listed, listed[0].upper() + listed[1:], listed.upper()

    def matches(self, tokens: Tokens, at: int) -> bool:
        """Tell whether the entry stands at a word of the text."""
        end = at + len(self.words)
        if self.gaps and not self._continues(tokens, at, end):
            return False
        return not self.exact or self._as_listed(tokens, at, end)

    def _continues(self, tokens: Tokens, at: int, end: int) -> bool:
        gaps = tokens.gaps[at + 1 : end]
        return tokens.words[at:end] == self.words and self.gaps == [
            _BLANKS.sub(" ", gap) for gap in gaps
        ]

    def _as_listed(self, tokens: Tokens, at: int, end: int) -> bool:
        raw = tokens.text[tokens.span(at)[0] : tokens.span(end - 1)[1]]
        return raw in self.spellings


class Mention(NamedTuple):
    """A term in a text: words from `at` on until before `end`, and its characters."""

    entry: Entry
    at: int
    end: int
    span: tuple[int, int]


@dataclass(slots=True)
class Found:
    """What a text says of the groups of an axis, those named first standing first."""

    tokens: Tokens
    mentions: list[Mention] = field(default_factory=list)
    groups: dict[str, None] = field(default_factory=dict)
    bound: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Lexicon:
    """Entries by their first word, the longest first."""

    entries: Mapping[str, tuple[Entry, ...]]

    @classmethod
    def of(cls, terms: TermList) -> "Lexicon":
        """Index a list of terms."""
        by_word: dict[str, list[Entry]] = {}
        for entry in (*_term_entries(terms), *_word_entries(terms)):
            by_word.setdefault(entry.words[0], []).append(entry)
        for found in by_word.values():
            found.sort(key=lambda entry: -len(entry.words))
        return cls({word: tuple(found) for word, found in by_word.items()})

    def find(self, text: str) -> Found:
        """Find all terms, and the words that speak against a swap."""
        tokens = Tokens(text)
        found, done = Found(tokens), 0
        known, words = self.entries, tokens.words
        if tokens.compounds:
            hits = [at for at, word in enumerate(words) if word in known or "-" in word]
        elif known.keys().isdisjoint(words):
            return found
        else:
            hits = [at for at, word in enumerate(words) if word in known]
        for at in hits:
            if at >= done:
                done = self._take(found, at)
        return found

    def _take(self, found: Found, at: int) -> int:
        """Add what stands at a word, and return the word behind it."""
        tokens = found.tokens
        for entry in self.entries.get(tokens.words[at], ()):
            if entry.matches(tokens, at):
                end = at + len(entry.words)
                span = tokens.span(at)[0], tokens.span(end - 1)[1]
                _add(found, Mention(entry, at, end, span))
                return end
        if "-" in tokens.words[at]:
            self._take_compound(found, at)
        return at + 1

    def _take_compound(self, found: Found, at: int) -> None:
        """Take the last part of ex-wife; elsewhere no rule says what is meant."""
        word, (start, end) = found.tokens.words[at], found.tokens.span(at)
        *before, last = word.split("-")
        entry = self._single(last, found.tokens.text[end - len(last) : end])
        if entry and PREFIXES.issuperset(before):
            _add(found, Mention(entry, at, at + 1, (end - len(last), end)))
            return
        offset = start
        for part in word.split("-"):
            raw = found.tokens.text[offset : offset + len(part)]
            if self._single(part, raw):
                found.unclear.append(word)
                return
            offset += len(part) + 1

    def _single(self, word: str, raw: str) -> Entry | None:
        for entry in self.entries.get(word, ()):
            fits = not entry.exact or raw in entry.spellings
            if len(entry.words) == 1 and entry.kind != "idiom" and fits:
                return entry
        return None


def _add(found: Found, mention: Mention) -> None:
    entry = mention.entry
    if entry.kind == "term":
        found.mentions.append(mention)
        found.groups[entry.readings[0].group] = None
    elif entry.kind == "bound":
        found.bound.append(entry.listed)
    elif entry.kind == "unclear":
        found.unclear.append(entry.listed)


def _term_entries(terms: TermList) -> Iterable[Entry]:
    families: dict[tuple[int, str], dict[str, str]] = {}
    for term in terms.terms:
        families.setdefault((term.family, term.number), {})[term.group] = term.text
    by_text: dict[tuple[str, bool], list[Term]] = {}
    for term in terms.terms:
        by_text.setdefault((term.text, term.exact), []).append(term)
    for (text, exact), senses in by_text.items():
        readings = tuple(
            Reading(s.group, s.part, s.number, s.needs, families[s.family, s.number])
            for s in senses
        )
        yield _entry(text, "term", exact=exact, readings=readings)


def _word_entries(terms: TermList) -> Iterable[Entry]:
    listed: tuple[tuple[Kind, tuple[str, ...]], ...] = (
        ("bound", terms.bound),
        ("unclear", terms.unclear),
        ("idiom", terms.idioms),
    )
    for kind, words in listed:
        for word in words:
            yield _entry(word, kind, exact=not word.islower())


def _entry(
    text: str, kind: Kind, *, exact: bool, readings: tuple[Reading, ...] = ()
) -> Entry:
    tokens = Tokens(text)
    return Entry(text, kind, tokens.words, tokens.gaps[1:-1], exact, readings)
