"""Cut the sentence around a word out of a document."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeAlias

from fairaudit.corpus.matching import Stimulus

_BYTES_A_WORD, _LEAST_BYTES = 16, 256
_WORD = re.compile(r"\S+")

Cut: TypeAlias = tuple[bytes, int, int]
"""A sentence as UTF-8 and where the word is in it, in bytes."""


class Context(NamedTuple):
    """A sentence and where the word is in it, in characters."""

    text: str
    start: int
    end: int

    @classmethod
    def of(cls, cut: Cut) -> "Context":
        """Decode what was cut out."""
        content, start, end = cut
        text = content.decode()
        if text.isascii():
            return cls(text, start, end)
        before, word = content[:start].decode(), content[start:end].decode()
        return cls(text, len(before), len(before) + len(word))


@dataclass(frozen=True)
class Window:
    """How much of a document is kept around a word.

    It is the sentence, and of a long one at most `words` words with the stimulus in the
    middle.

    Parameters
    ----------
    words
        Words of a context, at most.
    """

    words: int = 64

    @cached_property
    def reach(self) -> int:
        """Bytes that are looked at on either side of a word, at most."""
        return max(_BYTES_A_WORD * self.words, _LEAST_BYTES)

    @cached_property
    def sides(self) -> tuple[int, int]:
        """Words before and behind the stimulus, at most."""
        left = (self.words - 1) // 2
        return left, self.words - 1 - left

    def cut(
        self, content: bytes, sentence: tuple[int, int], at: int, stimulus: Stimulus
    ) -> Cut | None:
        """Cut out the context of a candidate; None where it is no match.

        Parameters
        ----------
        content, sentence
            The block, and begin and end of the sentence in it.
        at
            Byte offset of the candidate.
        stimulus
            What is to be found there.
        """
        (begin, stop), end = sentence, at + len(stimulus.encoded)
        before, after = (
            self._before(content, begin, at),
            self._after(content, end, stop),
        )
        word = content[at:end].decode("utf-8", "ignore")
        if not stimulus.matches(before, word, after):
            return None
        left, right = self.sides
        head = _last_words(before, left).lstrip().encode()
        tail = _first_words(after, right).rstrip().encode()
        return head + content[at:end] + tail, len(head), len(head) + end - at

    def _before(self, content: bytes, begin: int, at: int) -> str:
        # The far end can cut through a character; those bytes are dropped.
        if at - begin <= self.reach:
            return content[begin:at].decode("utf-8", "ignore")
        return _after_space(content[at - self.reach : at].decode("utf-8", "ignore"))

    def _after(self, content: bytes, end: int, stop: int) -> str:
        if stop - end <= self.reach:
            return content[end:stop].decode("utf-8", "ignore")
        return _before_space(content[end : end + self.reach].decode("utf-8", "ignore"))


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
