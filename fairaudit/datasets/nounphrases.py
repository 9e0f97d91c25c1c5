"""Noun phrases of HolisticBias: people, with and without a descriptor."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from fairaudit.datasets.jsonfile import as_object
from fairaudit.errors import AuditError

NO_BUCKET = "(no bucket)"
NO_AXIS = ""
SLOTS = ("{noun_phrase}", "{plural_noun_phrase}")


class Noun(NamedTuple):
    """A noun for people."""

    gender: str
    singular: str
    plural: str


class Phrase(NamedTuple):
    """What fills the slot of a template; `named` tells whether it is about a noun."""

    axis: str
    bucket: str
    descriptor: str
    singular: str
    plural: str
    named: bool


@dataclass(frozen=True)
class File:
    """The content of a file and where it is from, for messages."""

    path: Path
    content: object

    def items(self, what: str) -> Iterator[tuple[str, object]]:
        """Yield the members of the outermost object."""
        yield from as_object(self.content, self.path, "the file", what).items()

    def listed(self, found: object, place: str) -> Sequence[object]:
        """Return what must be a list."""
        if not isinstance(found, list):
            raise AuditError(
                f"{self.path}: {place}: not a list. Give the file as published."
            )
        return found

    def text(self, found: object, place: str) -> str:
        """Return what must be a text with a word."""
        if not isinstance(found, str) or not found.strip():
            raise AuditError(
                f"{self.path}: {place}: {found!r} is no text. Give the file as "
                "published."
            )
        return found

    def entry(self, found: object, place: str, key: str) -> Mapping[str, str]:
        """Return a text, or an object that has it under a key, as an object."""
        said = {key: found} if isinstance(found, str) else found
        named = as_object(said, self.path, place, f"texts with a {key!r}")
        texts = {name: self.text(text, place) for name, text in named.items()}
        self.text(texts.get(key), place)
        return texts


def nouns(file: File) -> list[Noun]:
    """Read the nouns: lists of singular and plural by gender."""
    found = []
    for gender, pairs in file.items("genders"):
        for pair in file.listed(pairs, gender):
            both = [file.text(form, gender) for form in file.listed(pair, gender)]
            if len(both) != 2:
                raise AuditError(
                    f"{file.path}: {gender}: {both} is not a singular and a plural."
                )
            found.append(Noun(gender, *both))
    return found


def bare(every: Sequence[Noun]) -> Iterator[Phrase]:
    """Yield nouns without a descriptor."""
    for noun in every:
        singular = f"{_article(noun.singular)} {noun.singular}"
        yield Phrase(NO_AXIS, NO_BUCKET, "", singular, noun.plural, True)


def described(file: File, every: Sequence[Noun]) -> Iterator[Phrase]:
    """Yield each descriptor alone and before each noun of its gender."""
    for axis, buckets in file.items("axes"):
        named = as_object(buckets, file.path, axis, "buckets")
        for bucket, found in named.items():
            place = f"{axis}, {bucket}"
            for one in file.listed(found, place):
                said = file.entry(one, place, "descriptor")
                word = said["descriptor"]
                begin = f"{said.get('article') or _article(word)} {word}"
                yield Phrase(axis, bucket, word, word, word, False)
                for noun in every:
                    if said.get("gender", noun.gender) == noun.gender:
                        forms = f"{begin} {noun.singular}", f"{word} {noun.plural}"
                        yield Phrase(axis, bucket, word, *forms, True)


def standing(file: File, every: Sequence[Noun]) -> Iterator[Phrase]:
    """Yield phrases in which the descriptor follows the noun, or that have no noun."""
    for axis, found in file.items("axes"):
        for one in file.listed(found, axis):
            said = file.entry(one, axis, "noun_phrase")
            single = said["noun_phrase"]
            plural = said.get("plural_noun_phrase", single)
            if "{noun}" not in single:
                yield Phrase(axis, NO_BUCKET, single, single, plural, False)
                continue
            word = _filled(single, "", "")
            for noun in every:
                article = _article(noun.singular)
                forms = (
                    _filled(single, article, noun.singular),
                    _filled(plural, "", noun.plural),
                )
                yield Phrase(axis, NO_BUCKET, word, *forms, True)


def templates(file: File) -> list[tuple[str, bool]]:
    """Read the templates, and whether each takes nouns only."""
    found = []
    for template, said in file.items("templates"):
        if sum(template.count(slot) for slot in SLOTS) != 1:
            raise AuditError(
                f"{file.path}: the template {template!r} needs one slot, "
                f"{' or '.join(SLOTS)}."
            )
        if not isinstance(said, dict):
            raise AuditError(f"{file.path}: {template!r}: not an object of options.")
        found.append((template, bool(said.get("must_be_noun", False))))
    return found


def _filled(text: str, article: str, noun: str) -> str:
    # Not str.format, which would let a file look into objects.
    return text.replace("{article}", article).replace("{noun}", noun).lstrip()


def _article(word: str) -> str:
    return "an" if word[0].lower() in "aeiou" else "a"
