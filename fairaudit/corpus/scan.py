"""Look for bytes in a block, in pieces that stay in the processor's cache.

Arrays as long as a block would have to be fetched from memory for each operation, which
takes twice as long.
"""

from collections.abc import Callable, Iterator

import numpy as np

from fairaudit.arrays import AnyArray, BoolArray, IntArray

PIECE = 1 << 18


def places(content: bytes, wanted: Callable[[AnyArray], BoolArray]) -> IntArray:
    """Return the offsets of the bytes that are wanted.

    >>> places(b"a b c", lambda text: text == ord(" ")).tolist()
    [1, 3]
    """
    text = np.frombuffer(content, np.uint8)
    found = [
        np.flatnonzero(wanted(text[begin : begin + PIECE])) + begin
        for begin in range(0, len(text), PIECE)
    ]
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def pieces(content: bytes, size: int = PIECE) -> Iterator[tuple[int, bytes]]:
    """Yield parts that end at a blank, with their offsets; no word is cut.

    >>> list(pieces(b"one two three", 6))
    [(0, b'one '), (4, b'two '), (8, b'three')]
    """
    begin = 0
    while begin < len(content):
        end = begin + size
        if end < len(content):
            end = content.rfind(b" ", begin, end) + 1
            end = end or content.find(b" ", begin + size) + 1 or len(content)
        yield begin, content[begin:end]
        begin = end
