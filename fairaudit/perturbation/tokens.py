"""Words of a text with the places where they stand."""

import re
from itertools import accumulate

_LETTERS = r"[\w\u0300-\u036f]+"
_CLITIC = r"(?:s|m|d|ll|ve|re)(?![\w\u0300-\u036f])"
_WORD = re.compile(
    rf"(?<![\w\u0300-\u036f])(?<!\w')({_LETTERS}(?:(?:-|'(?!{_CLITIC})){_LETTERS})*)"
)
_OPAQUE = re.compile(
    r"(?:https?://|www\.)\S+|[\w.+-]+@[\w-]+\.\w[\w.-]*|[@#]\w+", re.IGNORECASE
)
_PLAIN = str.maketrans("\u2010\u2011\u2019", "--'")
_SENTENCE_END = re.compile(r"[.!?\u2026\n]")


class Tokens:
    """The words of a text, without endings such as 's, and what stands between them.

    Parameters
    ----------
    text
        The text.

    Attributes
    ----------
    words
        Its words in small letters with plain hyphens and apostrophes. Addresses,
        mentions and tags are none.
    gaps
        What stands before each word and behind the last.
    compounds
        Whether there is a hyphen.

    Examples
    --------
    >>> Tokens("She\u2019s the boss's ex-wife; see www.example.org").words
    ['she', 'the', 'boss', 'ex-wife', 'see']
    """

    __slots__ = ("_ends", "_parts", "compounds", "gaps", "text", "words")

    def __init__(self, text: str) -> None:
        plain = text.lower()
        if not plain.isascii():
            plain = _lower(text).translate(_PLAIN)
        if "@" in plain or "#" in plain or "://" in plain or "www." in plain:
            plain = _OPAQUE.sub(lambda match: "\0" * len(match[0]), plain)
        self.text = text
        self._parts = _WORD.split(plain)
        self._ends: list[int] = []
        self.words = self._parts[1::2]
        self.gaps = self._parts[::2]
        self.compounds = "-" in plain

    def span(self, at: int) -> tuple[int, int]:
        """Return start and end of a word."""
        if not self._ends:
            self._ends = list(accumulate(map(len, self._parts)))
        return self._ends[2 * at], self._ends[2 * at + 1]

    def word(self, at: int) -> str:
        """Return a word, "" before the first and after the last."""
        return self.words[at] if 0 <= at < len(self.words) else ""

    def raw(self, at: int) -> str:
        """Return a word as the text writes it."""
        start, end = self.span(at)
        return self.text[start:end]

    def following(self, end: int) -> str:
        """Return the word that begins at a place, "" if more than blanks precede it."""
        return self.word(end) if self.blank(end) else ""

    def before(self, at: int) -> str:
        """Return the word before a place, "" if more than blanks lie between."""
        return self.word(at - 1) if self.blank(at) else ""

    def blank(self, at: int) -> bool:
        """Tell whether only blanks stand before a word, or behind the last."""
        return 0 <= at < len(self.gaps) and self.gaps[at].isspace()

    def begins(self, at: int) -> bool:
        """Tell whether a sentence begins with the word."""
        return at == 0 or bool(_SENTENCE_END.search(self.gaps[at]))


def capitalised(word: str) -> bool:
    """Tell whether a word has a first capital and is not all in capitals.

    >>> [capitalised(word) for word in ("Smith", "NATO", "she", "A")]
    [True, False, False, True]
    """
    return word[:1].isupper() and (len(word) == 1 or not word.isupper())


def _lower(text: str) -> str:
    """Return small letters, save where that would change the length of the text."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
