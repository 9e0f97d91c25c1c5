"""Compare candidates with the words that they may be, all of them at once."""

from collections.abc import Sequence

import numpy as np

from fairaudit.arrays import AnyArray, BoolArray, IntArray
from fairaudit.corpus.matching import Stimulus

_EIGHT = 8
_SMALL = np.uint64(0x2020202020202020)
"""Makes letters of ASCII small; digits stay what they are."""


class Spellings:
    """How stimuli are spelt, as numbers of eight bytes.

    Parameters
    ----------
    stimuli
        In the order of their numbers. Those of one token of at most sixteen bytes can
        be compared; the others are never sure.
    """

    def __init__(self, stimuli: Sequence[Stimulus]) -> None:
        self.lengths = np.array([len(s.encoded) for s in stimuli], dtype=np.int64)
        self._short = np.array([_short(s) for s in stimuli], dtype=bool)
        self._fold = np.array([0 if s.cased else _SMALL for s in stimuli], np.uint64)
        heads = [s.encoded[:_EIGHT].ljust(_EIGHT, b"\0") for s in stimuli]
        tails = [s.encoded[-_EIGHT:].ljust(_EIGHT, b"\0") for s in stimuli]
        masks = [(1 << 8 * min(len(s.encoded), _EIGHT)) - 1 for s in stimuli]
        self._mask = np.array(masks, np.uint64)
        self._head, self._tail = (
            np.frombuffer(b"".join(part), "<u8") for part in (heads, tails)
        )

    def same(self, content: bytes, at: IntArray, number: IntArray) -> BoolArray:
        """Tell where the word that begins at a byte is the stimulus for sure.

        Parameters
        ----------
        content
            At each byte a token of the stimulus' length begins, if it is short.
        at, number
            Shape (n,): byte offset and stimulus of each candidate.
        """
        last = len(content) - _EIGHT
        tails = at + np.maximum(self.lengths[number] - _EIGHT, 0)
        sure = self._short[number] & (tails <= last)
        if last < 0:
            return sure
        eights = np.ndarray((last + 1,), "<u8", content, strides=(1,))
        for place, spelt in ((at, self._head), (tails, self._tail)):
            read = eights[np.where(sure, place, 0)]
            sure &= self._equal(read, spelt[number], number)
        return sure

    def _equal(self, read: AnyArray, spelt: AnyArray, number: IntArray) -> BoolArray:
        fold, mask = self._fold[number], self._mask[number]
        equal: BoolArray = (read | fold) & mask == (spelt | fold) & mask
        return equal


def _short(stimulus: Stimulus) -> bool:
    anchor = stimulus.anchor
    whole = anchor is not None and anchor[0] == stimulus.encoded
    return whole and len(stimulus.encoded) <= 2 * _EIGHT
