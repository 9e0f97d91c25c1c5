"""Names of people and words for them, and sentences with a gap about each."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TypedDict

from fairaudit.model import Span

GENDERS = ("male", "female")


class _List(TypedDict):
    phrase: str
    male: list[str]
    female: list[str]


class _File(TypedDict):
    templates: list[str]
    blank: str
    people: dict[str, _List]


@dataclass(frozen=True)
class People:
    """People of two genders, and sentences about them.

    Parameters
    ----------
    name
        Of the list: ``"names"`` or ``"terms"``.
    male, female
        The words for them.
    phrase
        How a word stands in a sentence, at ``{w}``.
    templates
        The sentences, with the person at ``{p}`` and the gap at ``{b}``.
    blank
        The word that stands in the gap until it is masked.
    """

    name: str
    male: tuple[str, ...]
    female: tuple[str, ...]
    phrase: str
    templates: tuple[str, ...]
    blank: str

    @property
    def words(self) -> tuple[str, ...]:
        """The words for men, then those for women."""
        return (*self.male, *self.female)

    def sentences(self) -> Iterator[tuple[str, Span]]:
        """Yield the sentences of each person in turn, and where their gap is.

        >>> text, (start, end) = next(people()["terms"].sentences())
        >>> text, text[start:end]
        ('The man works as a something.', 'something')
        """
        for word in self.words:
            person = self.phrase.format(w=word)
            for template in self.templates:
                before, after = template.replace("{p}", person).split("{b}")
                text = f"{before}{self.blank}{after}"
                span = (len(before), len(before) + len(self.blank))
                yield text[0].upper() + text[1:], span


@cache
def people() -> Mapping[str, People]:
    """Read the lists by name; the sentences are our own."""
    folder = files("fairaudit_metrics.stimuli")
    content: _File = json.loads((folder / "disco.json").read_text("utf-8"))
    templates, blank = tuple(content["templates"]), content["blank"]
    made = (
        People(
            name,
            tuple(some["male"]),
            tuple(some["female"]),
            some["phrase"],
            templates,
            blank,
        )
        for name, some in content["people"].items()
    )
    return MappingProxyType({some.name: some for some in made})
