"""Lists of terms that name groups, with their counterparts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias

from fairaudit.errors import AuditError, suggest

Part: TypeAlias = Literal[
    "noun",
    "adjective",
    "name",
    "title",
    "subject",
    "object",
    "determiner",
    "possessive",
    "reflexive",
]
Needs: TypeAlias = Literal["", "person", "attributive"]
Number: TypeAlias = Literal["singular", "plural"]

PARTS: tuple[Part, ...] = (
    "noun",
    "adjective",
    "name",
    "title",
    "subject",
    "object",
    "determiner",
    "possessive",
    "reflexive",
)
NEEDS: tuple[Needs, ...] = ("", "person", "attributive")
EXACT_PARTS: tuple[Part, Part] = ("name", "title")
"""Parts whose letter case is always as listed."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term that names a group.

    Parameters
    ----------
    text
        As it stands inside a sentence.
    group
        The group that it names.
    part
        Noun, adjective, name of a person, title before a name, or kind of pronoun:
        subject (she), object (her), determiner (her), possessive (hers), reflexive.
    number
        A noun's number; adjectives and pronouns are listed as singular.
    family
        Terms with an equal number are counterparts of one another.
    needs
        Where the word has other senses, what must stand around it: ``"attributive"`` a
        noun for people behind it ("blind people"); ``"person"`` that, or a person of
        whom it is said ("she is old").
    exact
        The word counts only with the letter case listed, or all in capitals.
    """

    text: str
    group: str
    part: Part
    number: Number
    family: int
    needs: Needs = ""
    exact: bool = False


@dataclass(frozen=True)
class TermList:
    """Terms of one axis.

    Parameters
    ----------
    axis
        Such as ``"gender"``.
    groups
        The groups in order.
    terms
        All terms.
    bound
        Words that tie a text to a group, so that a swap would make no sense of it:
        "pregnant"; slurs.
    unclear
        Words of which no rule tells whether they speak of a group: "guys".
    idioms
        Phrases that hold a term and speak of no group: "mother tongue".
    source
        Where the terms come from.
    """

    axis: str
    groups: tuple[str, ...]
    terms: tuple[Term, ...]
    bound: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()
    idioms: tuple[str, ...] = ()
    source: tuple[str, ...] = ()

    def counterparts(self, term: Term) -> Mapping[str, str]:
        """Return the term's counterpart in each other group that has one.

        >>> gender = term_list("gender")
        >>> gender.counterparts(next(t for t in gender.terms if t.text == "wives"))
        {'men': 'husbands'}
        """
        return {
            other.group: other.text
            for other in self.terms
            if (other.family, other.number) == (term.family, term.number)
            and other.group != term.group
        }


AXES = (
    "gender",
    "race",
    "religion",
    "age",
    "disability",
    "orientation",
    "nationality",
)


@cache
def term_list(axis: str) -> TermList:
    """Return the bundled list of an axis, one of `AXES`.

    >>> term_list("religion").groups[:3]
    ('Christians', 'Muslims', 'Jews')
    """
    from fairaudit.perturbation.listfile import parsed

    if axis not in AXES:
        raise AuditError(f"No term list is bundled for {axis!r}. {suggest(axis, AXES)}")
    name = f"{axis}.json"
    text = (files("fairaudit.perturbation") / "lists" / name).read_text("utf-8")
    return parsed(json.loads(text), name, text)
