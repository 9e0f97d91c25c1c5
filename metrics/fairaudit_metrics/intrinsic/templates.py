"""Sentences that say next to nothing, for words of known kinds."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TypedDict

from fairaudit.errors import AuditError, suggest

OTHER = "other"


class _File(TypedDict):
    templates: dict[str, list[str]]
    lists: dict[str, str]
    words: dict[str, list[str]]
    an: list[str]
    a: list[str]


@dataclass(frozen=True)
class Bleached:
    """The declared table: templates by kind, and which words are of which kind."""

    content: _File

    def kind(self, listed: str, word: str) -> str:
        """Return the kind of a word of a list; ``"other"`` where it is not declared.

        >>> bleached().kind("flowers", "orchid"), bleached().kind("science", "NASA")
        ('singular', 'name')
        """
        default = self.content["lists"].get(listed)
        if default is None:
            return OTHER
        own = (kind for kind, some in self.content["words"].items() if word in some)
        return next(own, default)

    def article(self, word: str) -> str:
        """Return the indefinite article, by sound for the declared beginnings.

        >>> [bleached().article(w) for w in ("orchid", "heir", "unicorn", "rose")]
        ['an', 'an', 'a', 'a']
        """
        low = word.lower()
        if low.startswith(tuple(self.content["an"])):
            return "an"
        if low.startswith(tuple(self.content["a"])):
            return "a"
        return "an" if low[:1] in "aeiou" else "a"

    def sentences(self, listed: str, word: str, kind: str) -> tuple[str, ...]:
        """Return the sentences of a word; `kind` overrides the declared one.

        >>> bleached().sentences("flowers", "iris", "")[4]
        'That one is an iris.'
        """
        known = self.content["templates"]
        chosen = kind or self.kind(listed, word)
        if chosen not in known:
            raise AuditError(
                f"{listed}: there is no kind of word {chosen!r}. "
                f"{suggest(chosen, known)}"
            )
        article = self.article(word)
        made = (t.format(w=word, a=article) for t in known[chosen])
        return tuple(text[0].upper() + text[1:] for text in made)


@cache
def bleached() -> Bleached:
    """Read the declared table.

    The sentences are our own, after the idea of May et al. 2019
    (doi:10.18653/v1/N19-1063): short, with little meaning besides the word's.
    """
    folder = files("fairaudit_metrics.stimuli")
    return Bleached(json.loads((folder / "bleached.json").read_text("utf-8")))
