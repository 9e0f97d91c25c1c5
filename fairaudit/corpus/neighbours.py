"""What stands around candidates in a block, for all of them at once."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from fairaudit.arrays import AnyArray, BoolArray, IntArray
from fairaudit.corpus.boundaries import sentence_ends
from fairaudit.corpus.reading import Block
from fairaudit.corpus.scan import places
from fairaudit.corpus.sentences import Window

_WORD = np.array([c < 128 and (chr(c).isalnum() or c == 95) for c in range(256)])
_FAR = np.arange(256) > 127
_HYPHEN, _FEED, _BLANK = ord("-"), ord("\n"), ord(" ")
_WIDE_BLANKS = (0xC2, 0xE1, 0xE2, 0xE3)
"""First bytes of the white space beyond ASCII, and of other characters."""


@dataclass(frozen=True)
class Neighbours:
    """What stands around n candidates, shape (n,) each.

    Parameters
    ----------
    begins, ends
        Byte offsets of the sentence around each, within its document.
    documents
        Number of the document in the corpus.
    possible
        False where a letter, digit or joining hyphen touches the candidate, or it
        reaches out of its document: it is no match.
    apart
        Whether it is sure that nothing touches it; elsewhere characters beyond ASCII
        decide.
    """

    begins: IntArray
    ends: IntArray
    documents: IntArray
    possible: BoolArray
    apart: BoolArray

    def short(
        self, content: bytes, at: IntArray, end: IntArray, window: Window
    ) -> BoolArray:
        """Tell where the sentence is surely kept as it is.

        That is, with no more words on a side than the window has and no blank at its
        ends.
        """
        text = np.frombuffer(content, np.uint8)
        blank = partial(_is_blank, wide=not content.isascii())
        blanks = places(content, blank)
        begin, left, right, stop = np.searchsorted(
            blanks, [self.begins, at, end, self.ends]
        )
        # A bracket or quote at the word counts as a word of its own.
        left += (at > self.begins) & ~blank(text[np.maximum(at - 1, 0)])
        stop += (end < self.ends) & ~blank(text[np.minimum(end, len(text) - 1)])
        most = window.sides
        few = (left - begin <= most[0]) & (stop - right <= most[1])
        first, last = text[self.begins], text[self.ends - 1]
        bare = ~blank(first) & ~blank(last) & ~_FAR[last]
        found: BoolArray = few & bare & (self.ends - self.begins <= window.reach)
        return found


def neighbours(block: Block, at: IntArray, end: IntArray) -> Neighbours:
    """Look around candidates from byte `at` to byte `end`."""
    rows = np.searchsorted(block.begins, at, side="right") - 1
    begins, stops = block.begins[rows], block.ends[rows]
    inside = (rows >= 0) & (at >= begins) & (end <= stops)
    text = np.frombuffer(block.content, np.uint8)
    left = _touched(*(_byte(text, at - back, begins, stops) for back in (1, 2)))
    right = _touched(*(_byte(text, end + ahead, begins, stops) for ahead in (0, 1)))
    possible = inside & ~(left[0] | right[0])
    ends, starts = sentence_ends(block.content)
    first = np.append(0, starts)[np.searchsorted(starts, at, side="right")]
    last = np.append(ends, len(text))[np.searchsorted(ends, end, side="left")]
    return Neighbours(
        np.maximum(begins, first),
        np.minimum(stops, last),
        block.numbers[rows],
        possible,
        possible & ~(left[1] | right[1]),
    )


def _is_blank(text: AnyArray, *, wide: bool) -> BoolArray:
    """Tell which bytes are white space or, with `wide`, may begin such a character."""
    blank: BoolArray = text <= _BLANK
    for byte in _WIDE_BLANKS if wide else ():
        blank |= text == byte
    return blank


def _byte(text: AnyArray, at: IntArray, begins: IntArray, stops: IntArray) -> AnyArray:
    """Return the bytes at some offsets, a line feed outside of the documents."""
    inside = (at >= begins) & (at < stops)
    found: AnyArray = np.where(inside, text[np.where(inside, at, 0)], _FEED)
    return found


def _touched(one: AnyArray, two: AnyArray) -> tuple[BoolArray, BoolArray]:
    """Tell where the nearest two bytes touch a word, and where that is not sure."""
    hyphen = one == _HYPHEN
    touched: BoolArray = _WORD[one] | (hyphen & _WORD[two])
    unsure: BoolArray = _FAR[one] | (hyphen & _FAR[two])
    return touched, unsure
