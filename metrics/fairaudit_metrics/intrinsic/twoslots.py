"""Sentences with a slot for a target and one for an attribute."""

import json
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TypedDict

from fairaudit.errors import AuditError, suggest
from fairaudit.model import Span
from fairaudit_metrics.intrinsic.templates import bleached
from fairaudit_metrics.intrinsic.wordsets import AssociationTest, WordSet


class _File(TypedDict):
    frames: list[str]
    subjects: dict[str, str]
    predicates: dict[str, str]
    pronouns: list[str]
    exchanged: list[str]


@dataclass(frozen=True)
class Slotted:
    """A sentence, and where the target and the attribute stand in it."""

    text: str
    target: Span
    attribute: Span


@dataclass(frozen=True)
class TwoSlots:
    """The declared table: frames, and how words of each kind stand in them."""

    content: _File

    def sentences(
        self, targets: WordSet, target: str, attributes: WordSet, attribute: str
    ) -> tuple[Slotted, ...]:
        """Return the sentences that say that a target is an attribute.

        >>> flowers, pleasant = WordSet("flowers", ()), WordSet("pleasant", ())
        >>> made = two_slots().sentences(flowers, "iris", pleasant, "gift")[0]
        >>> made.text, made.target, made.attribute
        ('It seems that the iris is a gift.', (18, 22), (28, 32))
        """
        kind = "name" if target in self.content["pronouns"] else _kind(targets, target)
        predicate = _one(self.content["predicates"], _kind(attributes, attribute))
        said = predicate.replace("{is}", "are" if kind == "plural" else "is")
        said = said.replace("{a}", bleached().article(attribute))
        subject = _one(self.content["subjects"], kind)
        return tuple(
            _filled(
                frame.replace("{s}", subject).replace("{p}", said), target, attribute
            )
            for frame in self.content["frames"]
        )

    def oriented(self, test: AssociationTest) -> AssociationTest:
        """Return a published test with the groups of people as targets.

        >>> from fairaudit_metrics.intrinsic.stimuli import tests
        >>> two_slots().oriented(tests()["C7"]).title
        'male terms vs female terms, mathematics vs arts'
        """
        if test.name not in self.content["exchanged"]:
            return test
        x, y, a, b = test.a, test.b, test.x, test.y
        title = f"{x.name} vs {y.name}, {a.name} vs {b.name}"
        return replace(test, title=title, x=x, y=y, a=a, b=b)


@cache
def two_slots() -> TwoSlots:
    """Read the declared table; the sentences are our own."""
    folder = files("fairaudit_metrics.stimuli")
    return TwoSlots(json.loads((folder / "two_slots.json").read_text("utf-8")))


def _kind(words: WordSet, word: str) -> str:
    return words.kind or bleached().kind(words.name, word)


def _one(table: dict[str, str], kind: str) -> str:
    if kind not in table:
        raise AuditError(
            f"There is no kind of word {kind!r}. {suggest(kind, table)} Change the "
            "kind in the test file."
        )
    return table[kind]


def _filled(sentence: str, target: str, attribute: str) -> Slotted:
    before, rest = sentence.split("{t}")
    middle, after = rest.split("{w}")
    first = (len(before), len(before) + len(target))
    start = first[1] + len(middle)
    text = f"{before}{target}{middle}{attribute}{after}"
    return Slotted(text, first, (start, start + len(attribute)))
