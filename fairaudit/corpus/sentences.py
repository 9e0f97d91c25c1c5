"""Cut the sentence around a word out of a document."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from fairaudit.corpus.matching import Stimulus

_BYTES_A_WORD, _LEAST_BYTES = 16, 256
_NEAR = 200
# Begins with a set of characters, which `re` looks for quickly.
_BOUNDARY = re.compile(
    r"(?P<mark>[.!?\n])"
    r"(?<!\b[A-Z]\.)(?<!\b(?:Mr|Ms|Dr|St)\.)(?<!\b(?:Mrs|Rev|Gen|Sen)\.)(?<!\bProf\.)"
    r"[.!?]*[\"'”’)\]]*(?P<gap>\s*)[\"'“‘(\[]*(?P<next>\w?)"
)
_WORD = re.compile(r"\S+")


class Context(NamedTuple):
    """A sentence and where the word is in it, in characters."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Window:
    """How much of a document is kept around a word.

    A sentence ends at ``.``, ``!`` or ``?`` before white space and a capital (not after
    a title such as Dr. or an initial), and at an empty line. What is kept is the
    sentence, and of a long one at most `words` words with the stimulus in the middle.

    Parameters
    ----------
    words
        Words of a context, at most.
    """

    words: int = 64

    def around(
        self, content: bytes, document: tuple[int, int], at: int, stimulus: Stimulus
    ) -> Context | None:
        """Return the context of a candidate; None where it is no match.

        Parameters
        ----------
        content, document
            The block, and begin and end of the document in it.
        at
            Byte offset of the candidate.
        stimulus
            What is to be found there.
        """
        (begin, stop), end = document, at + len(stimulus.encoded)
        if at < begin or end > stop:
            return None
        if stimulus.cased and content[at:end] != stimulus.encoded:
            return None
        reach = max(_BYTES_A_WORD * self.words, _LEAST_BYTES)
        # Only the far ends can cut through a character; those bytes are dropped.
        before = content[max(begin, at - reach) : at].decode("utf-8", "ignore")
        found = content[at:end].decode("utf-8", "ignore")
        after = content[end : min(stop, end + reach)].decode("utf-8", "ignore")
        if not stimulus.matches(before, found, after):
            return None
        if at - reach > begin:
            before = _after_space(before)
        if end + reach < stop:
            after = _before_space(after)
        return self._sentence(before, found, after)

    def _sentence(self, before: str, found: str, after: str) -> Context:
        text, start = before + found + after, len(before)
        end = start + len(found)
        before = text[_sentence_begin(text, start) : start]
        after = text[end : _sentence_end(text, end)]
        left = (self.words - 1) // 2
        before = _last_words(before, left).lstrip()
        after = _first_words(after, self.words - 1 - left).rstrip()
        return Context(before + found + after, len(before), len(before) + len(found))


def _sentence_begin(text: str, at: int) -> int:
    """Return the last sentence start up to `at`, searched nearby first."""
    for low in (max(0, at - _NEAR), 0):
        starts = [start for _, start in _boundaries(text, low, at + 1) if start <= at]
        if starts:
            return starts[-1]
    return 0


def _sentence_end(text: str, at: int) -> int:
    return next((end for end, _ in _boundaries(text, at, len(text))), len(text))


def _boundaries(text: str, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield the end of a sentence and the start of the next."""
    for match in _BOUNDARY.finditer(text, low, high):
        mark, gap, following = match.groups()
        if (mark + gap).count("\n") > 1 or (
            gap and mark != "\n" and following.isupper()
        ):
            yield (
                match.start() if mark == "\n" else match.start("gap"),
                match.end("gap"),
            )


def _last_words(text: str, n: int) -> str:
    if len(text.split()) <= n:
        return text
    return text[[*(m.start() for m in _WORD.finditer(text)), len(text)][-n - 1] :]


def _first_words(text: str, n: int) -> str:
    if len(text.split()) <= n:
        return text
    return text[: [0, *(m.end() for m in _WORD.finditer(text))][n]]


def _after_space(text: str) -> str:
    match = re.search(r"\s", text)
    return text[match.end() :] if match else text


def _before_space(text: str) -> str:
    return text[: len(_after_space(text[::-1]))]
