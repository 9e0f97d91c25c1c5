"""Which tokens two texts have in common."""

from difflib import SequenceMatcher

import numpy as np

from fairaudit.arrays import AnyArray, BoolArray


def shared_tokens(first: AnyArray, second: AnyArray) -> tuple[BoolArray, BoolArray]:
    """Mark the tokens of two texts that are in equal blocks.

    The blocks are those of `difflib.SequenceMatcher` with its default settings, on
    token numbers without special tokens; one such token is put at either end.

    >>> first, second = shared_tokens(np.array([5, 6, 7]), np.array([5, 8, 9, 7]))
    >>> first.tolist(), second.tolist()
    ([True, False, True], [True, False, False, True])
    """
    # The ends stand for special tokens: they decide which of equal blocks is taken.
    texts = [[-1, *ids.tolist(), -2] for ids in (first, second)]
    marks = [np.zeros(len(text), dtype=bool) for text in texts]
    matcher = SequenceMatcher(None, texts[0], texts[1])
    for a, b, size in matcher.get_matching_blocks():
        marks[0][a : a + size] = marks[1][b : b + size] = True
    return marks[0][1:-1], marks[1][1:-1]
