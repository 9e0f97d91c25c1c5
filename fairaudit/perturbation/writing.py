"""Write a counterpart in the place of a term: letter case, article, apostrophe."""

from typing import NamedTuple

from fairaudit.perturbation.context import choose
from fairaudit.perturbation.lexicon import Found, Mention
from fairaudit.perturbation.terms import Number
from fairaudit.perturbation.tokens import Tokens

SEVERAL_SENSES = "a word of several senses"
LETTER_CASE = "unusual letter case"
APOSTROPHE = "an apostrophe that may be a quotation mark"
NO_COUNTERPART = "a term without counterpart in the other group"
_CONSONANT_SOUND = (
    "eu",
    "ew",
    "one",
    "once",
    "ouija",
    "uga",
    "uku",
    "ukr",
    "uni",
    "ura",
    "uru",
    "usa",
    "use",
    "usu",
    "ute",
    "uti",
    "uto",
)
_VOWEL_ALL_THE_SAME = ("unid", "unim", "unin", "uninv", "unint")
_SILENT_H = ("heir", "honest", "honor", "honour", "hour")
_APOSTROPHES = ("'", "\u2019")
_ARTICLES = ("a", "an")

Span = tuple[int, int]


class Undecided(Exception):
    """No rule says what to write; the message is the reason."""


class Edit(NamedTuple):
    """A span of the text and what takes its place."""

    span: Span
    text: str


def edits(found: Found, turn: dict[str, str]) -> list[Edit]:
    """Return what changes where the groups in `turn` become others.

    Raises
    ------
    Undecided
        Where a term has no counterpart or no rule decides.
    """
    made: list[Edit] = []
    for mention in found.mentions:
        target = turn.get(mention.entry.readings[0].group)
        if target is not None:
            made += _replacing(found.tokens, mention, target)
    return made


def apply(text: str, made: list[Edit]) -> tuple[str, list[Span]]:
    """Return the new text and where the changes stand in it.

    >>> apply("an old man", [Edit((0, 2), "a"), Edit((3, 6), "young")])
    ('a young man', [(0, 1), (2, 7)])
    """
    parts, spans, done, length = [], [], 0, 0
    for edit in made:
        start, end = edit.span
        parts += [text[done:start], edit.text]
        begin = length + start - done
        length = begin + len(edit.text)
        spans.append((begin, length))
        done = end
    return "".join((*parts, text[done:])), spans


def indefinite(word: str) -> str:
    """Return the indefinite article for an English word.

    >>> [indefinite(word) for word in ("heir", "woman", "uncle", "European", "Arab")]
    ['an', 'a', 'an', 'a', 'an']
    """
    low = word.lower()
    if low.startswith(_SILENT_H):
        return "an"
    sounds = low.startswith(_CONSONANT_SOUND) and not low.startswith(
        _VOWEL_ALL_THE_SAME
    )
    return "an" if low[:1] in set("aeiouáéíóú") and not sounds else "a"


def recased(raw: str, listed: str, target: str, *, begins: bool) -> str | None:
    """Write the target in the letter case of the term, None where that is unusual.

    >>> recased("Mothers", "mothers", "fathers", begins=False)
    'Fathers'
    >>> recased("Catholic", "Catholic", "atheist", begins=True)
    'Atheist'
    """
    if raw == listed:
        return _capital(target) if begins and raw[0].isupper() else target
    if raw == listed.lower():
        return target.lower()
    if raw == listed.upper():
        return target.upper()
    if raw == _capital(listed):
        return _capital(target)
    return _title(target) if raw == _title(listed) else None


def _replacing(tokens: Tokens, mention: Mention, target: str) -> list[Edit]:
    entry, (start, end) = mention.entry, mention.span
    reading = choose(mention, tokens, target)
    wanted = reading.counterparts.get(target) if reading else None
    if reading is None or wanted is None:
        listed = any(target in sense.counterparts for sense in entry.readings)
        raise Undecided(SEVERAL_SENSES if listed and not reading else NO_COUNTERPART)
    raw, whole = tokens.text[start:end], start == tokens.span(mention.at)[0]
    begins = whole and tokens.begins(mention.at)
    new = recased(raw, entry.listed, wanted, begins=begins)
    if new is None:
        raise Undecided(LETTER_CASE)
    article = _article(tokens, mention.at, raw, new) if whole else []
    made = [*article, Edit((start, end), new)]
    if tokens.text[end : end + 1] in _APOSTROPHES:
        made += _possessive(tokens.text, end, raw, new, reading.number)
    return made


def _article(tokens: Tokens, at: int, old: str, new: str) -> list[Edit]:
    before = tokens.before(at)
    if before not in _ARTICLES or before != indefinite(old):
        return []
    if before == (wanted := indefinite(new)):
        return []
    raw = tokens.raw(at - 1)
    upper = raw.isupper() and (len(raw) > 1 or (len(old) > 1 and old.isupper()))
    cased = wanted.upper() if upper else _capital(wanted) if raw[0] == "A" else wanted
    return [Edit(tokens.span(at - 1), cased)]


def _possessive(text: str, end: int, old: str, new: str, number: Number) -> list[Edit]:
    """Turn ladies' into gentlemen's and back."""
    old_s, new_s = old[-1] in "sS", new[-1] in "sS"
    mark, follows = text[end], text[end + 1 : end + 2]
    if old_s == new_s:
        return []
    if old_s and not follows.isalnum():
        # A quotation that was opened before may close here.
        opened = any(quote in text[:end] for quote in (*_APOSTROPHES, "\u2018"))
        if opened or not text[end + 1 :].lstrip()[:1].isalpha():
            raise Undecided(APOSTROPHE)
        return [Edit((end, end + 1), f"{mark}S" if new.isupper() else f"{mark}s")]
    if new_s and follows in ("s", "S") and not text[end + 2 : end + 3].isalnum():
        return [Edit((end, end + 2), mark)] if number == "plural" else []
    return []


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _title(phrase: str) -> str:
    return " ".join(_capital(word) for word in phrase.split(" "))
