"""Published association tests, and which of their words some data has contexts of."""

import json
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TypeAlias, TypedDict

from fairaudit.data import Contexts
from fairaudit.errors import AuditError, suggest

Context: TypeAlias = tuple[str, int, int]
"""A sentence, and start and end of the word in it."""

_FEWEST = 2


@dataclass(frozen=True)
class WordSet:
    """Words that stand for one concept."""

    name: str
    words: tuple[str, ...]

    def within(self, known: Container[str]) -> "WordSet":
        """Return the set without unknown words."""
        return replace(self, words=tuple(w for w in self.words if w in known))

    def missing(self, known: Container[str]) -> tuple[str, ...]:
        """Return the unknown words."""
        return tuple(w for w in self.words if w not in known)


@dataclass(frozen=True)
class AssociationTest:
    """Targets X and Y, and attributes A and B: a positive effect means X with A."""

    name: str
    title: str
    x: WordSet
    y: WordSet
    a: WordSet
    b: WordSet

    @property
    def sets(self) -> tuple[WordSet, WordSet, WordSet, WordSet]:
        """The four sets in the order X, Y, A, B."""
        return (self.x, self.y, self.a, self.b)

    @property
    def words(self) -> tuple[str, ...]:
        """All words, set by set."""
        return tuple(word for words in self.sets for word in words.words)

    @property
    def subject(self) -> str:
        """Name and title in one string."""
        return f"{self.name}: {self.title}"

    def within(self, known: Container[str]) -> "AssociationTest":
        """Return the test without unknown words."""
        x, y, a, b = (words.within(known) for words in self.sets)
        return replace(self, x=x, y=y, a=a, b=b)

    def missing(self, known: Container[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the unknown words of each set that has some."""
        gaps = {words.name: words.missing(known) for words in self.sets}
        return {name: words for name, words in gaps.items() if words}


class _Words(TypedDict):
    name: str
    words: list[str]


class _Test(TypedDict):
    title: str
    targets: dict[str, _Words]
    attributes: dict[str, _Words]
    source: str
    notes: list[str]


class _File(TypedDict):
    source: str
    tests: dict[str, _Test]


@cache
def tests() -> Mapping[str, AssociationTest]:
    """Read the word embedding association tests C1 to C10 by name.

    Word lists of Caliskan, Bryson & Narayanan 2017 (doi:10.1126/science.aal4230); the
    data file names the origin of each list and where published versions disagree. The
    intersectional tests I1 to I4 of Guo & Caliskan 2021 are not among them.

    Examples
    --------
    >>> tests()["C6"].subject
    'C6: male names vs female names, career vs family'
    """
    folder = files("fairaudit_metrics.stimuli")
    content: _File = json.loads((folder / "weat.json").read_text("utf-8"))
    entries = content["tests"].items()
    return MappingProxyType({name: _parsed(name, test) for name, test in entries})


def _parsed(name: str, test: _Test) -> AssociationTest:
    x, y = (_word_set(test["targets"][key]) for key in "XY")
    a, b = (_word_set(test["attributes"][key]) for key in "AB")
    return AssociationTest(name, test["title"], x, y, a, b)


def _word_set(words: _Words) -> WordSet:
    return WordSet(words["name"], tuple(words["words"]))


@dataclass(frozen=True)
class Coverage:
    """Which tests the data can run, and with which contexts.

    Parameters
    ----------
    runnable
        Tests to run, with the words that have contexts.
    refused
        Tests that cannot run, with the reason.
    missing
        Words left out, by test and set.
    contexts
        Contexts of each word of the runnable tests.
    """

    runnable: tuple[AssociationTest, ...]
    refused: tuple[tuple[AssociationTest, str], ...]
    missing: Mapping[str, Mapping[str, tuple[str, ...]]]
    contexts: Mapping[str, tuple[Context, ...]]

    @property
    def rows(self) -> Mapping[Context, int]:
        """Distinct contexts of all words, numbered in order."""
        found = (row for rows in self.contexts.values() for row in rows)
        return {row: number for number, row in enumerate(dict.fromkeys(found))}


def named(names: str) -> tuple[AssociationTest, ...]:
    """Return the tests of names parted by spaces or plus signs, each once."""
    known, wanted = tests(), dict.fromkeys(names.replace("+", " ").split())
    for name in wanted:
        if name not in known:
            hint = suggest(name, known)
            raise AuditError(f"There is no association test {name!r}. {hint}")
    return tuple(known[name] for name in wanted)


def touched(data: Contexts) -> tuple[AssociationTest, ...]:
    """Return the tests of which each set has a word in the data."""
    known = data.rows
    return tuple(
        test
        for test in tests().values()
        if all(words.within(known).words for words in test.sets)
    )


def cover(
    data: Contexts,
    chosen: Iterable[AssociationTest],
    min_contexts: int,
    max_missing: float,
) -> Coverage:
    """Tell which of the chosen tests the data can run.

    A word of fewer than `min_contexts` distinct contexts is missing; a test is refused
    where a set loses more than the share `max_missing` of its words, or keeps fewer
    than two.
    """
    contexts = _distinct(data)
    known = {word for word, rows in contexts.items() if len(rows) >= min_contexts}
    reasons = {t: _obstacle(t, known, min_contexts, max_missing) for t in chosen}
    runnable = tuple(t.within(known) for t, reason in reasons.items() if not reason)
    refused = tuple((t, reason) for t, reason in reasons.items() if reason)
    missing = {test.name: test.missing(known) for test in reasons}
    used = dict.fromkeys(word for test in runnable for word in test.words)
    return Coverage(runnable, refused, missing, {w: contexts[w] for w in used})


def _distinct(data: Contexts) -> Mapping[str, tuple[Context, ...]]:
    starts, ends = data.spans.T.tolist() if len(data.words) else ([], [])
    keys = list(zip(data.texts, starts, ends, strict=True))
    return {
        word: tuple(dict.fromkeys(keys[row] for row in rows))
        for word, rows in data.rows.items()
    }


def _obstacle(
    test: AssociationTest, known: set[str], min_contexts: int, max_missing: float
) -> str:
    losses = [
        f"{words.name} lacks {len(gone)} of {len(words.words)}: {', '.join(gone)}"
        for words in test.sets
        if _unusable(words, gone := words.missing(known), max_missing)
    ]
    limit = f"A word needs {min_contexts} distinct contexts"
    return f"{'; '.join(losses)}. {limit}." if losses else ""


def _unusable(words: WordSet, gone: tuple[str, ...], max_missing: float) -> bool:
    size, lost = len(words.words), len(gone)
    return bool(gone) and (lost > max_missing * size or size - lost < _FEWEST)
