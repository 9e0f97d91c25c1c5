"""Sets of words that stand for concepts, and the tests made of them."""

from abc import abstractmethod
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self, TypeAlias, TypeVar

from fairaudit.errors import AuditError, suggest

Spell: TypeAlias = Callable[[str, str, str], tuple[str, ...]]
"""From the name of a set, a word and its kind (or "") to the texts of the word."""

_FEWEST = 2


@dataclass(frozen=True)
class WordSet:
    """Words that stand for one concept.

    Parameters
    ----------
    kind
        What kind of words they are, for sentence templates; empty: not said.
    spelt
        The texts of each word; empty: each word is its own text.
    """

    name: str
    words: tuple[str, ...]
    kind: str = ""
    spelt: tuple[tuple[str, ...], ...] = ()

    @property
    def texts(self) -> tuple[tuple[str, ...], ...]:
        """The texts of each word."""
        return self.spelt or tuple((word,) for word in self.words)

    @property
    def flat(self) -> tuple[str, ...]:
        """All texts, word by word."""
        return tuple(text for texts in self.texts for text in texts)

    def missing(self, known: Container[str]) -> tuple[str, ...]:
        """Return the words one of whose texts is unknown."""
        pairs = zip(self.words, self.texts, strict=True)
        return tuple(w for w, texts in pairs if any(t not in known for t in texts))

    def within(self, known: Container[str]) -> "WordSet":
        """Return the set without these words."""
        gone = set(self.missing(known))
        pairs = zip(self.words, self.texts, strict=True)
        kept = [texts for word, texts in pairs if word not in gone]
        words = tuple(word for word in self.words if word not in gone)
        return replace(self, words=words, spelt=tuple(kept) if self.spelt else ())

    def with_texts(self, spell: Spell) -> "WordSet":
        """Return the set with each word spelt out, unless its texts were given."""
        if self.spelt:
            return self
        texts = (spell(self.name, word, self.kind) for word in self.words)
        return replace(self, spelt=tuple(texts))


@dataclass(frozen=True)
class WordTest:
    """A test made of sets of words."""

    name: str
    title: str

    @property
    @abstractmethod
    def sets(self) -> tuple[WordSet, ...]:
        """All sets, in order."""

    @abstractmethod
    def within(self, known: Container[str]) -> Self:
        """Return the test without words that are unknown."""

    @property
    def subject(self) -> str:
        """Name and title in one string."""
        return f"{self.name}: {self.title}"

    @property
    def words(self) -> tuple[str, ...]:
        """All words, set by set."""
        return tuple(word for one in self.sets for word in one.words)

    @property
    def texts(self) -> tuple[str, ...]:
        """All texts, set by set."""
        return tuple(text for one in self.sets for text in one.flat)

    def missing(self, known: Container[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the unknown words of each set that has some."""
        gaps = {one.name: one.missing(known) for one in self.sets}
        return {name: words for name, words in gaps.items() if words}


@dataclass(frozen=True)
class AssociationTest(WordTest):
    """Targets X and Y, and attributes A and B: a positive effect means X with A.

    Parameters
    ----------
    words_known
        Whether it is known which texts belong to one word.
    """

    x: WordSet
    y: WordSet
    a: WordSet
    b: WordSet
    words_known: bool = True

    @property
    def sets(self) -> tuple[WordSet, WordSet, WordSet, WordSet]:
        """The four sets in the order X, Y, A, B."""
        return (self.x, self.y, self.a, self.b)

    def within(self, known: Container[str]) -> "AssociationTest":
        """Return the test without words that are unknown."""
        return self._with(one.within(known) for one in self.sets)

    def with_texts(self, spell: Spell) -> "AssociationTest":
        """Return the test with its words spelt out."""
        return self._with(one.with_texts(spell) for one in self.sets)

    def _with(self, sets: Iterable[WordSet]) -> "AssociationTest":
        x, y, a, b = sets
        return replace(self, x=x, y=y, a=a, b=b)


@dataclass(frozen=True)
class GroupTest(WordTest):
    """Poles A and B, and groups of one axis: a positive effect means a group with A."""

    axis: str
    a: WordSet
    b: WordSet
    groups: tuple[WordSet, ...]

    @property
    def subject(self) -> str:
        """Axis and title in one string."""
        return f"{self.axis}: {self.title}"

    def about(self, group: WordSet) -> str:
        """Name one group and the title in one string."""
        return f"{self.axis}={group.name}: {self.title}"

    @property
    def sets(self) -> tuple[WordSet, ...]:
        """The sets in the order A, B, groups."""
        return (self.a, self.b, *self.groups)

    def within(self, known: Container[str]) -> "GroupTest":
        """Return the test without unknown words, and without groups that had others."""
        groups = (one.within(known) for one in self.groups)
        return replace(
            self,
            a=self.a.within(known),
            b=self.b.within(known),
            groups=tuple(one for one in groups if one.words),
        )


def shortfall(
    sets: Iterable[WordSet], known: Container[str], max_missing: float
) -> str:
    """Say which sets lose too many words, or return an empty string.

    A set may lose the share `max_missing` of its words and must keep two; one that had
    a single word from the start must keep it.
    """
    losses = (
        f"{one.name} lacks {len(gone)} of {len(one.words)}: {', '.join(gone)}"
        for one in sets
        if (gone := one.missing(known)) and _unusable(one, gone, max_missing)
    )
    return "; ".join(losses)


def _unusable(one: WordSet, gone: tuple[str, ...], max_missing: float) -> bool:
    size, lost = len(one.words), len(gone)
    return lost > max_missing * size or size - lost < _FEWEST


T = TypeVar("T", bound=WordTest)


def choose(names: str, known: Mapping[str, T]) -> tuple[T, ...]:
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
