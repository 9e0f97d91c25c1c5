"""Word vectors looked up in files: word2vec, GloVe and gensim."""

import mmap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from fairaudit.arrays import AnyArray
from fairaudit.errors import AuditError

Found: TypeAlias = Mapping[str, AnyArray]
Lookup: TypeAlias = Callable[[Path, set[str]], tuple[int, Found]]
"""From a file and words to the width of vectors and those found."""


def _text(path: Path, wanted: set[str]) -> tuple[int, Found]:
    """Look words up in a text file: a word and its numbers a line, header or none."""
    spelt = {word.encode(): word for word in wanted}
    found: dict[str, AnyArray] = {}
    width = 0
    for number, width, line in _lines(path):
        if line.partition(b" ")[0] not in spelt:
            continue
        # GloVe has "words" with spaces: the numbers are counted from the right.
        name, *cells = line.rsplit(b" ", width)
        word = spelt.get(name)
        if word is not None and word not in found:
            found[word] = _numbers(cells, width, f"{path}, line {number}")
    if not width:
        raise AuditError(f"{path} holds no vector. Give a file of word vectors.")
    return width, found


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Yield the number of each line of a vector, the width, and the line."""
    with path.open("rb") as file:
        head = file.readline().strip()
        sizes = _sizes(head)
        width = sizes[1] if sizes else len(head.split()) - 1
        if width < 1:
            raise AuditError(
                f"{path}, line 1: neither a word2vec header (words and dimensions) nor "
                "a word with its numbers. Give a file of word vectors."
            )
        if not sizes:
            _numbers(head.split()[1:], width, f"{path}, line 1")
            yield 1, width, head
        for number, line in enumerate(file, start=2):
            yield number, width, line.strip()


def _sizes(head: bytes) -> tuple[int, int] | None:
    parts = head.split()
    if len(parts) == 2 and all(part.isdigit() for part in parts):
        return int(parts[0]), int(parts[1])
    return None


def _numbers(cells: Sequence[bytes], width: int, where: str) -> AnyArray:
    try:
        vector = np.array([float(cell) for cell in cells], dtype=np.float32)
    except ValueError:
        raise AuditError(
            f"{where}: not a number among the vector's. Mend it."
        ) from None
    return _checked(vector, width, where)


def _checked(vector: AnyArray, width: int, where: str) -> AnyArray:
    if vector.size != width:
        raise AuditError(
            f"{where}: {vector.size} numbers, {width} expected. The file is damaged."
        )
    if not np.isfinite(vector).all():
        raise AuditError(f"{where}: the vector holds NaN or infinity. Mend the file.")
    return vector


def _binary(path: Path, wanted: set[str]) -> tuple[int, Found]:
    """Look words up in a word2vec binary file, one record after the other."""
    spelt = {word.encode(): word for word in wanted}
    found: dict[str, AnyArray] = {}
    with path.open("rb") as file:
        sizes = _sizes(file.readline(100))
        if not sizes:
            raise AuditError(
                f"{path} has no word2vec header (words and dimensions). Give a "
                "word2vec binary file, or the directory of a model."
            )
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for name, start in _records(content, file.tell(), sizes, path):
                word = spelt.get(name)
                if word is not None and word not in found:
                    cells = content[start : start + 4 * sizes[1]]
                    vector = np.frombuffer(cells, dtype="<f4")
                    found[word] = _checked(vector, sizes[1], f"{path}, word {word!r}")
    return sizes[1], found


def _records(
    content: mmap.mmap, place: int, sizes: tuple[int, int], path: Path
) -> Iterator[tuple[bytes, int]]:
    """Yield each word and where its numbers begin."""
    words, width = sizes
    for number in range(words):
        stop = content.find(b" ", place)
        if stop < 0 or stop + 1 + 4 * width > len(content):
            raise AuditError(
                f"{path} ends after {number} of {words} words. Fetch the file again."
            )
        yield content[place:stop].lstrip(b"\n"), stop + 1
        place = stop + 1 + 4 * width


def _gensim(path: Path, wanted: set[str]) -> tuple[int, Found]:
    """Look words up in a file that gensim saved."""
    try:
        from gensim.models import KeyedVectors  # type: ignore[import-not-found]
    except ImportError as error:
        raise AuditError(
            f"{path} needs gensim to be opened. Install it (pip install gensim), or "
            "save the vectors as word2vec text."
        ) from error
    vectors = KeyedVectors.load(str(path), mmap="r")
    known = sorted(wanted & set(vectors.key_to_index))
    found = {word: np.asarray(vectors[word], dtype=np.float32) for word in known}
    return int(vectors.vector_size), found


LOOKUPS: Mapping[str, Lookup] = {
    ".txt": _text,
    ".vec": _text,
    ".glove": _text,
    ".bin": _binary,
    ".kv": _gensim,
}
VECTOR_SUFFIXES = frozenset(LOOKUPS)
