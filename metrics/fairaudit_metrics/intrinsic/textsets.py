"""Texts that stand for the words of an association test."""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from fairaudit.errors import AuditError, suggest
from fairaudit_metrics.intrinsic.stimuli import AssociationTest, WordSet

Spell: TypeAlias = Callable[[str, str, str], tuple[str, ...]]
"""From the name of a set, a word and its kind (or "") to the texts of the word."""


@dataclass(frozen=True)
class TextSet:
    """Words that stand for one concept, and the texts of each."""

    name: str
    words: tuple[str, ...]
    texts: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, words: WordSet, spell: Spell, kind: str = "") -> "TextSet":
        """Spell the words out."""
        texts = tuple(spell(words.name, word, kind) for word in words.words)
        return cls(words.name, words.words, texts)

    @property
    def flat(self) -> tuple[str, ...]:
        """All texts, word by word."""
        return tuple(text for texts in self.texts for text in texts)

    def missing(self, known: Container[str]) -> tuple[str, ...]:
        """Return the words one of whose texts is unknown."""
        pairs = zip(self.words, self.texts, strict=True)
        return tuple(w for w, texts in pairs if any(t not in known for t in texts))

    def within(self, known: Container[str]) -> "TextSet":
        """Return the set without these words."""
        gone = set(self.missing(known))
        pairs = zip(self.words, self.texts, strict=True)
        kept = [(word, texts) for word, texts in pairs if word not in gone]
        return TextSet(
            self.name,
            tuple(word for word, _ in kept),
            tuple(texts for _, texts in kept),
        )


@dataclass(frozen=True)
class TextTest:
    """Targets X and Y, and attributes A and B: a positive effect means X with A.

    Parameters
    ----------
    words_known
        Whether it is known which texts belong to one word.
    """

    name: str
    title: str
    x: TextSet
    y: TextSet
    a: TextSet
    b: TextSet
    words_known: bool = True

    @classmethod
    def of(cls, test: AssociationTest, spell: Spell) -> "TextTest":
        """Spell the words of a published test out."""
        x, y, a, b = (TextSet.of(words, spell) for words in test.sets)
        return cls(test.name, test.title, x, y, a, b)

    @property
    def sets(self) -> tuple[TextSet, TextSet, TextSet, TextSet]:
        """The four sets in the order X, Y, A, B."""
        return (self.x, self.y, self.a, self.b)

    @property
    def subject(self) -> str:
        """Name and title in one string."""
        return f"{self.name}: {self.title}"

    @property
    def texts(self) -> tuple[str, ...]:
        """All texts, set by set."""
        return tuple(text for one in self.sets for text in one.flat)

    @property
    def size(self) -> int:
        """Number of words of all sets."""
        return sum(len(one.words) for one in self.sets)

    def missing(self, known: Container[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the words without vectors of each set that has some."""
        gaps = {one.name: one.missing(known) for one in self.sets}
        return {name: words for name, words in gaps.items() if words}

    def within(self, known: Container[str]) -> "TextTest":
        """Return the test without these words."""
        x, y, a, b = (one.within(known) for one in self.sets)
        return replace(self, x=x, y=y, a=a, b=b)

    def obstacle(self, known: Container[str], max_missing: float) -> str:
        """Say why the test cannot run, or return an empty string.

        A set may lose the share `max_missing` of its words and must keep two; one that
        had a single word from the start must keep it.
        """
        losses = [
            f"{one.name} lacks {len(gone)} of {len(one.words)}: {', '.join(gone)}"
            for one in self.sets
            if (gone := one.missing(known)) and _unusable(one, gone, max_missing)
        ]
        return f"Words without a vector: {'; '.join(losses)}." if losses else ""


def _unusable(one: TextSet, gone: tuple[str, ...], max_missing: float) -> bool:
    size, lost = len(one.words), len(gone)
    return lost > max_missing * size or size - lost < 2


def choose(names: str, known: Mapping[str, TextTest]) -> tuple[TextTest, ...]:
    """Return tests by names parted by spaces or plus signs; all where none is named.

    Raises
    ------
    AuditError
        For an unknown name.
    """
    wanted: Iterable[str] = dict.fromkeys(names.replace("+", " ").split()) or known
    for name in wanted:
        if name not in known:
            hint = suggest(name, known)
            raise AuditError(f"There is no association test {name!r}. {hint}")
    return tuple(known[name] for name in wanted)
