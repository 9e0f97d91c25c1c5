"""Rules that tell from its neighbours which sense a word has."""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import TypeAlias

from fairaudit.perturbation.lexicon import Mention, Reading
from fairaudit.perturbation.terms import Part
from fairaudit.perturbation.tokens import Tokens, capitalised

Rule: TypeAlias = Callable[[Tokens, int, int], Part | None]
# A mark behind the word, a closing quotation mark, or a dash.
_CLOSING = re.compile(
    r"[.,;:!?)\]}\u2026]|[\"'\u2019\u201d](?!\w)|\s*[\u2013\u2014]|\s+-+\s"
)
_CONTRACTED = frozenset({"'m", "'re", "'s", "\u2019m", "\u2019re", "\u2019s"})
_NOMINAL = (
    "tion",
    "tions",
    "sion",
    "sions",
    "ment",
    "ments",
    "ness",
    "ity",
    "ities",
    "ship",
    "ships",
    "ance",
    "ence",
    "hood",
    "ism",
    "ology",
)
_OPEN_ENDINGS = ("ly", "ing", "ed")


@cache
def english() -> Mapping[str, frozenset[str]]:
    """Return classes of English words, our own compilation.

    >>> "husband" in english()["things"]
    True
    """
    text = (files("fairaudit.perturbation") / "english.json").read_text("utf-8")
    return {name: frozenset(words) for name, words in json.loads(text).items()}


def choose(mention: Mention, tokens: Tokens, target: str) -> Reading | None:
    """Return the sense of a term, None where no rule decides.

    Senses with equal counterparts need not be told apart.
    """
    readings = mention.entry.readings
    if len(readings) == 1 and not readings[0].needs:
        return readings[0]
    if len(readings) > 1:
        same = len({r.counterparts.get(target) for r in readings}) == 1
        if same and not any(r.needs for r in readings):
            return readings[0]
        part = _part(mention, tokens)
        readings = tuple(r for r in readings if r.part == part)
    if len(readings) == 1 and _met(readings[0], mention, tokens):
        return readings[0]
    return None


def _part(mention: Mention, tokens: Tokens) -> Part | None:
    parts = frozenset(reading.part for reading in mention.entry.readings)
    rule = _RULES.get(parts)
    return rule(tokens, mention.at, mention.end) if rule else None


def _met(reading: Reading, mention: Mention, tokens: Tokens) -> bool:
    if not reading.needs:
        return True
    if _before_people(tokens, mention.end):
        return True
    return reading.needs == "person" and _said_of_person(tokens, mention)


def _before_people(tokens: Tokens, end: int) -> bool:
    """Tell whether a noun for people follows, or an adjective and such a noun."""
    words = english()
    word = tokens.following(end)
    if word in words["adjectives"]:
        word = tokens.following(end + 1)
    return word in words["people"]


def _said_of_person(tokens: Tokens, mention: Mention) -> bool:
    """Tell whether the term stands as in "she is old" or "I'm very old"."""
    if not closed(tokens, mention.end):
        return False
    words, at = english(), mention.at
    while tokens.before(at) in words["degree"]:
        at -= 1
    subjects = words["subjects"] | words["people"]
    if tokens.gaps[at].strip() in _CONTRACTED:
        return tokens.word(at - 1) in subjects
    return tokens.before(at) in words["linking"] and tokens.before(at - 1) in subjects


def closed(tokens: Tokens, end: int) -> bool:
    """Tell whether nothing follows that belongs to the word before.

    Punctuation, the end, or a word such as "to", which begins no noun phrase; in
    capitals it may begin a title ("his In Memoriam").
    """
    gap, last = tokens.gaps[end], end >= len(tokens.words)
    if gap.isspace() and not last:
        word = tokens.word(end)
        title = capitalised(tokens.raw(end)) and word != "i"
        return word in english()["closed"] and not title
    return _CLOSING.match(gap) is not None or (last and gap[:1] != "'")


def _her(tokens: Tokens, at: int, end: int) -> Part | None:
    """Tell "saw her" from "her book"."""
    if _bracketed(tokens, at, end) or _shared(tokens, end):
        return None
    if closed(tokens, end):
        return "object"
    word = tokens.following(end)
    if word in english()["after_determiner"]:
        return "determiner"
    return "determiner" if word and _owned(tokens, at, end) else None


def _owned(tokens: Tokens, at: int, end: int) -> bool:
    """Tell whether the word behind is surely owned, not a second object or adverb."""
    words, word, verb = english(), tokens.word(end), tokens.before(at)
    if verb in words["namers"] or word in words["unsure"]:
        return False
    listed = any(word in words[kind] for kind in ("things", "nouns", "adjectives"))
    if listed or word.endswith(_NOMINAL):
        return word in words["things"] or _no_second_object(word, verb)
    if tokens.raw(end)[0].isupper() or not _opens_phrase(tokens, at):
        return False
    if word in words["counting"]:
        return not closed(tokens, end + 1)
    return not word.endswith(_OPEN_ENDINGS)


def _no_second_object(word: str, verb: str) -> bool:
    """Tell whether the verb leaves no other sense than that the word is owned.

    One thing of many is, for "gave her book" would lack an article; "gave her food" and
    "gave her books" would not.
    """
    words = english()
    if verb not in words["givers"]:
        return True
    one = word[-1] != "s" or word[-2:] == "ss"
    countable = word in words["nouns"] and word not in words["mass"]
    return one and countable and verb not in words["causers"]


def _opens_phrase(tokens: Tokens, at: int) -> bool:
    """Tell whether only a determiner can stand here, whatever noun follows."""
    words, before = english(), tokens.before(at)
    openers = words["prepositions"] | words["subordinators"] | words["linking"]
    return before in openers or tokens.begins(at)


def _his(tokens: Tokens, at: int, end: int) -> Part | None:
    """Tell "his book" from "the book is his" and "a friend of his called"."""
    words, word = english(), tokens.following(end)
    if _bracketed(tokens, at, end) or word in ("and", "or"):
        return None
    if closed(tokens, end):
        return "possessive"
    if word in words["things"] or word in words["nouns"]:
        return "determiner"
    if tokens.before(at) == "of" and tokens.word(at - 3) in words["counted"]:
        return None
    if not word or word in words["adverbs"] or word in words["closed"]:
        return None
    return "determiner"


def _bracketed(tokens: Tokens, at: int, end: int) -> bool:
    """Tell whether the word is put in brackets, which says nothing of its sense."""
    return tokens.gaps[at][-1:] in ("(", "[") and tokens.gaps[end][:1] in (")", "]")


def _shared(tokens: Tokens, end: int) -> bool:
    """Tell whether "and" may join two owners, as in "her and Anne's plans"."""
    if tokens.following(end) not in ("and", "or"):
        return False
    gaps = (tokens.gaps[at] for at in range(end + 2, min(end + 5, len(tokens.words))))
    return any(gap[:1] in ("'", "\u2019") for gap in gaps)


def _noun_or_adjective(tokens: Tokens, at: int, end: int) -> Part | None:
    """Tell "a Jew" from "a Jewish man" and "she is Jewish"."""
    words, word, before = english(), tokens.following(end), tokens.before(at)
    if any(word in words[k] for k in ("people", "things", "nouns", "adjectives")):
        return "adjective"
    if not closed(tokens, end):
        return None
    further = tokens.before(at - 1) if before else ""
    if before in words["articles"] or further in words["articles"]:
        return "noun"
    linked = before in words["linking"] or before in words["degree"]
    contracted = tokens.gaps[at].strip() in _CONTRACTED
    return "adjective" if linked or contracted else None


_RULES: Mapping[frozenset[str], Rule] = {
    frozenset({"object", "determiner"}): _her,
    frozenset({"determiner", "possessive"}): _his,
    frozenset({"noun", "adjective"}): _noun_or_adjective,
}
