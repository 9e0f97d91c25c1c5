"""Find where sentences end in a block of text, without decoding it.

A sentence ends at ``.``, ``!`` or ``?``, with closing quotes or brackets, before white
space and a capital (not after a title such as Dr. or an initial), and at an empty line.
"""

import re

import numpy as np

from fairaudit.arrays import AnyArray, BoolArray, IntArray
from fairaudit.corpus.scan import places

_SPACE = (
    rb"(?:[ \t-\r\x1c-\x1f]|\xc2[\x85\xa0]|\xe1\x9a\x80"
    rb"|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80)"
)
_END = re.compile(
    rb"(?:\n|[.!?]"
    rb"(?<!\b[A-Z]\.)(?<!\b(?:Mr|Ms|Dr|St)\.)(?<!\b(?:Mrs|Rev|Gen|Sen)\.)"
    rb"(?<!\bProf\.)"
    rb"(?:[\"')\]]|\xe2\x80[\x9d\x99])*)"
    rb"(?P<gap>" + _SPACE + rb"*)"
    rb"(?:[\"'(\[]|\xe2\x80[\x9c\x98])*"
    rb"(?P<next>[A-Za-z0-9_]|[\xc2-\xf4][\x80-\xbf]+)?"
)
_FEED, _BLANK, _STOP = ord("\n"), ord(" "), ord(".")
_MARKS = b".!?"


def _table(characters: str) -> BoolArray:
    table = np.zeros(256, dtype=bool)
    table[[ord(c) for c in characters]] = True
    return table


_UPPER = _table("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_RUN = _table(".!?")
_WHITE = _table(" \t\n\v\f\r\x1c\x1d\x1e\x1f")
# What makes one look further behind a line feed, another mark, a mark and a blank.
_FAR = _WHITE | (np.arange(256) > 127)
_CLOSES, _OPENS = _FAR | _table("\"')]"), _FAR | _table("\"'([")
# Last letters of the titles: Mr, Ms, Dr, St, Mrs, Rev, Gen, Sen, Prof.
_TITLE = _table("rstvnf")


def sentence_ends(content: bytes) -> tuple[IntArray, IntArray]:
    """Return where sentences end, and where the text goes on behind each of them.

    Ends are behind the closing marks; text goes on behind the white space. Both are
    byte offsets in ascending order.

    >>> ends, starts = sentence_ends(b"Dr. Who came. He left!  Then (at 3.5) we ate.")
    >>> ends.tolist(), starts.tolist()
    ([13, 22], [14, 24])
    """
    marks = places(content, _is_mark)
    plain, unclear = _sorted_out(np.frombuffer(content, np.uint8), marks)
    ends, starts = _examined(content, unclear)
    ends, starts = np.append(plain + 1, ends), np.append(plain + 2, starts)
    order = np.argsort(ends, kind="stable")
    return ends[order], starts[order]


def _is_mark(text: AnyArray) -> BoolArray:
    # Comparisons, for looking up each byte in a table takes four times as long.
    found: BoolArray = text == _FEED
    for mark in _MARKS:
        found |= text == mark
    return found


def _sorted_out(text: AnyArray, marks: IntArray) -> tuple[IntArray, IntArray]:
    """Return the marks that end a sentence for sure, and those to be looked at."""
    last = len(text) - 1
    this, one = text[marks], text[np.minimum(marks + 1, last)]
    two = text[np.minimum(marks + 2, last)]
    feed = this == _FEED
    # Of several marks in a row the last one counts.
    counts = feed | ~_RUN[one] | (marks == last)
    blank = counts & ~feed & ((one == _BLANK) | (one == _FEED))
    capital = blank & _UPPER[two]
    short = capital & (this == _STOP) & _after_short(text, marks)
    behind = np.where(feed, _FAR[one], _CLOSES[one])
    unclear = short | np.where(blank, _OPENS[two], counts & behind)
    return marks[capital & ~short], marks[unclear]


def _after_short(text: AnyArray, marks: IntArray) -> BoolArray:
    """Tell where an initial or a title may stand before the mark."""
    near = [text[np.maximum(marks - back, 0)] for back in (1, 2, 3, 4)]
    title = _TITLE[near[0]] & (_UPPER[near[1]] | _UPPER[near[2]] | _UPPER[near[3]])
    found: BoolArray = _UPPER[near[0]] | title
    return found


def _examined(content: bytes, marks: IntArray) -> tuple[IntArray, IntArray]:
    ends: list[int] = []
    starts: list[int] = []
    done = 0
    for at in marks.tolist():
        match = _END.match(content, at) if at >= done else None
        if match:
            done = match.end("gap")
            if _ends(match):
                feed = content[at] == _FEED
                ends.append(at if feed else match.start("gap"))
                starts.append(done)
    return np.array(ends, dtype=np.int64), np.array(starts, dtype=np.int64)


def _ends(match: re.Match[bytes]) -> bool:
    gap, following = match["gap"], match["next"] or b""
    feed = match[0][:1] == b"\n"
    if gap.count(b"\n") + feed > 1:
        return True
    letter = following.decode("utf-8", "ignore")[:1]
    return bool(gap) and not feed and letter.isupper() and letter.isalnum()
