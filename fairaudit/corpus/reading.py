"""Read corpora as blocks of whole documents, in bounded memory."""

from codecs import getincrementaldecoder
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from fairaudit.arrays import IntArray
from fairaudit.corpus.columns import read_cells
from fairaudit.corpus.opening import Corpus, Lenience, Position, open_stream
from fairaudit.corpus.records import (
    BOM,
    Record,
    delimited_records,
    json_records,
    where,
)
from fairaudit.corpus.scan import places

BLOCK = 1 << 22
"""Bytes of a block."""
_PIECE, _FEED = 1 << 16, ord("\n")


@dataclass(frozen=True)
class Block:
    """Documents one after the other, as valid UTF-8.

    Parameters
    ----------
    content
        The documents, each followed by a line feed.
    begins, ends
        Offsets of each document in the content.
    numbers
        Line or row of each document in the corpus, from 1.
    done
        Bytes of the corpus read from the disk so far.
    """

    content: bytes
    begins: IntArray
    ends: IntArray
    numbers: IntArray
    done: int

    def around(self, at: IntArray) -> tuple["Block", IntArray]:
        """Return the documents in which some bytes are, and where these are then.

        All documents stay where the others are the smaller part.
        """
        rows = np.maximum(np.searchsorted(self.begins, at, side="right") - 1, 0)
        used = np.unique(rows)
        begins, ends = self.begins[used], self.ends[used]
        lengths = ends - begins
        if lengths.sum() > len(self.content) // 2:
            return self, at
        spans = zip(begins.tolist(), ends.tolist(), strict=True)
        content = b"\n".join(self.content[begin:end] for begin, end in spans)
        moved = np.cumsum(lengths + 1) - lengths - 1
        then = at + (moved - begins)[np.searchsorted(used, rows)]
        block = Block(content, moved, moved + lengths, self.numbers[used], self.done)
        return block, then


def read_blocks(
    corpus: Corpus, column: str, lenience: Lenience, size: int = BLOCK
) -> Iterator[Block]:
    """Yield all documents of a corpus in order.

    Parameters
    ----------
    corpus
        What to read.
    column
        Column that holds the text; plain text has none.
    lenience
        What happens with documents that cannot be read.
    size
        Bytes of a block, at least roughly; it has no bearing on what is found, except
        that a longer line of plain text is cut into documents of this size.

    Raises
    ------
    AuditError
        Where something cannot be read; the message names corpus and line.
    """
    if corpus.kind in {"parquet", "arrow"}:
        yield from _columnar(corpus, column, lenience, size)
        return
    with open_stream(corpus.files[0]) as (stream, position):
        if corpus.kind == "text":
            yield from _lines(corpus, stream, position, lenience, size)
            return
        records = json_records if corpus.kind == "jsonl" else delimited_records
        found = records(corpus, stream, column, lenience)
        yield from _gathered(corpus, found, position, lenience, size)


def _lines(
    corpus: Corpus, stream: BinaryIO, position: Position, lenience: Lenience, size: int
) -> Iterator[Block]:
    line, rest = 1, stream.read(size).removeprefix(BOM)
    while rest:
        more = stream.read(size)
        cut = _cut(rest) if more else len(rest)
        content = rest[:cut]
        feeds = places(content, lambda text: text == _FEED)
        yield _line_block(corpus, content, feeds, line, position(), lenience)
        line += len(feeds)
        rest = rest[cut:] + more


def _cut(content: bytes) -> int:
    """Return where whole lines end; in one long line words, in one word characters."""
    for separator in (b"\n", b" "):
        if (at := content.rfind(separator)) >= 0:
            return at + 1
    at = len(content)
    while at > 1 and content[at - 1] & 0xC0 == 0x80:
        at -= 1
    return max(at - 1, 1)


def _line_block(
    corpus: Corpus,
    content: bytes,
    feeds: IntArray,
    line: int,
    done: int,
    lenience: Lenience,
) -> Block:
    if not _is_utf8(content):
        lines = content.split(b"\n")
        return _block(corpus, lines, range(line, line + len(lines)), done, lenience)
    begins = np.concatenate([[0], feeds + 1])
    ends = np.concatenate([feeds, [len(content)]])
    return Block(content, begins, ends, line + np.arange(len(begins)), done)


def _block(
    corpus: Corpus,
    documents: Sequence[bytes],
    numbers: Sequence[int],
    done: int,
    lenience: Lenience,
) -> Block:
    """Join documents, without those that are not UTF-8."""
    content = b"\n".join(documents)
    if not _is_utf8(content):
        kept = []
        for number, document in zip(numbers, documents, strict=True):
            if _is_utf8(document):
                kept.append((number, document))
            else:
                _refuse_bytes(corpus, number, document, lenience)
        numbers, documents = [n for n, _ in kept], [d for _, d in kept]
        content = b"\n".join(documents)
    lengths = np.array(list(map(len, documents)), dtype=np.int64)
    ends = np.cumsum(lengths + 1) - 1
    return Block(content, ends - lengths, ends, np.array(numbers, np.int64), done)


def _refuse_bytes(
    corpus: Corpus, number: int, document: bytes, lenience: Lenience
) -> None:
    try:
        document.decode("utf-8")
    except UnicodeDecodeError as error:
        lenience.refuse(
            f"{where(corpus, number)}, byte {error.start + 1}",
            f"0x{document[error.start]:02x} is not UTF-8. Save the corpus as UTF-8",
        )


def _is_utf8(content: bytes) -> bool:
    if content.isascii():
        return True
    # In pieces, for a text as long as a block costs more to store than to decode.
    decode, view = getincrementaldecoder("utf-8")().decode, memoryview(content)
    try:
        for at in range(0, len(content), _PIECE):
            decode(view[at : at + _PIECE])
        decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _gathered(
    corpus: Corpus,
    records: Iterator[Record],
    position: Position,
    lenience: Lenience,
    size: int,
) -> Iterator[Block]:
    documents: list[bytes] = []
    numbers: list[int] = []
    held = 0
    for number, document in records:
        documents.append(_encoded(document))
        numbers.append(number)
        held += len(documents[-1]) + 1
        if held >= size:
            yield _block(corpus, documents, numbers, position(), lenience)
            documents, numbers, held = [], [], 0
    if documents:
        yield _block(corpus, documents, numbers, position(), lenience)


def _encoded(document: str) -> bytes:
    # Bytes that were not UTF-8 come out again, for the block to refuse; a lone half
    # of a surrogate pair, which JSON can hold, becomes bytes that are no UTF-8 either.
    try:
        return document.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return document.encode("utf-8", "surrogatepass")


def _columnar(
    corpus: Corpus, column: str, lenience: Lenience, size: int
) -> Iterator[Block]:
    done, number = 0, 0
    for path in corpus.files:
        for cells in read_cells(path, corpus, column, max(1, size >> 10)):
            documents = [cell or b"" for cell in cells]
            rows = range(number + 1, number + 1 + len(documents))
            yield _block(corpus, documents, rows, done, lenience)
            number += len(documents)
        done += path.stat().st_size
