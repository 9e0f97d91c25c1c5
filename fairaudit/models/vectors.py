"""Files of static word vectors behind the door ``fairaudit.models``."""

import hashlib
import mmap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, TypeAlias

import numpy as np

from fairaudit.arrays import AnyArray, IntArray
from fairaudit.errors import AuditError
from fairaudit.model import STATIC, Ask, Embed, ModelCard, Reading, Request
from fairaudit.models import ModelOptions
from fairaudit.result import ModelEntry

Found: TypeAlias = Mapping[str, AnyArray]
Lookup: TypeAlias = Callable[[Path, set[str]], tuple[int, Found]]
"""From a file and words to the width of vectors and those found."""

_WHY_NOT = {
    "predict": "static vectors give no class probabilities",
    "gradient": "static vectors give no class probabilities",
    "sensitivity": "static vectors give no class probabilities",
}


class VectorsLoader:
    """Opens files of static word vectors."""

    name: ClassVar[str] = "vectors"
    summary: ClassVar[str] = "word2vec and GloVe files (.txt, .vec, .glove, .bin, .kv)"

    def claims(self, reference: str) -> bool:
        """Tell whether the name ends like one of a file of vectors."""
        path = Path(reference)
        return path.suffix.lower() in _LOOKUPS and not path.is_dir()

    def open(
        self, reference: str, options: ModelOptions, psm: str | None = None
    ) -> "VectorsModel":
        """Open the file; its head is read, a protected-status model is not used."""
        path = Path(reference)
        if not path.is_file():
            raise AuditError(f"{path}: there is no such file. Check the path.")
        if path.suffix.lower() == ".kv" and not options.allow_pickle:
            raise AuditError(
                f"{path} is a pickle, which can run code when it is opened. Save it "
                "as word2vec text, or pass --allow-pickle if you trust it."
            )
        return VectorsModel(path)


@dataclass(frozen=True)
class VectorsModel:
    """One vector a word; the file is read through at each `read`.

    Notes
    -----
    A word is looked up as it is spelt and, where that is missing, in lower case: column
    ``lowered`` says for which rows. A word with neither has a vector of NaN. Of a word
    that the file has twice, the first vector counts, as in gensim.
    """

    path: Path

    @cached_property
    def card(self) -> ModelCard:
        """Name, digest of the whole file, and what it cannot answer."""
        return ModelCard(
            entry=ModelEntry(
                name=self.path.name,
                path=str(self.path),
                fingerprint=_fingerprint(self.path),
                architecture=STATIC,
                reads=("embed",),
            ),
            why_not=_WHY_NOT,
        )

    def identity(self, request: Request) -> Mapping[str, str]:
        """Return the digest of the file and the rule of looking up."""
        return {"model": self.card.entry.fingerprint, "lookup": "as is, lower case"}

    def token_counts(self, texts: Sequence[str]) -> IntArray:
        """Count each text as one: the length does not matter to a lookup."""
        return np.ones(len(texts), dtype=np.int64)

    def read(self, texts: Sequence[str], asks: Sequence[Ask]) -> list[Reading]:
        """Look the spans up, in one pass through the file."""
        words = [_spans(ask.request) for ask in asks]
        wanted = {form for some in words for w in some for form in (w, w.lower())}
        width, found = _LOOKUPS[self.path.suffix.lower()](self.path, wanted)
        return [_answer(some, found, width) for some in words]

    def __hash__(self) -> int:
        return hash(self.path)


def _fingerprint(path: Path) -> str:
    """Digest the file, and the arrays that gensim puts beside a large one."""
    digest = hashlib.sha256()
    beside = f"{path.name}."
    arrays = [p for p in path.parent.glob("*.npy") if p.name.startswith(beside)]
    for part in (path, *sorted(arrays)):
        with part.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _spans(request: Request) -> Sequence[str]:
    if not isinstance(request, Embed):
        raise AuditError(_WHY_NOT[request.kind])
    if request.layer not in {0, -1}:
        raise AuditError(
            f"Static vectors have no layer {request.layer}. Leave the layer out."
        )
    pairs = zip(request.texts, request.spans, strict=True)
    return [text[start:end] for text, (start, end) in pairs]


def _answer(words: Sequence[str], found: Found, width: int) -> Reading:
    vectors = np.full((len(words), width), np.nan, dtype=np.float32)
    lowered = np.zeros(len(words), dtype=bool)
    for row, word in enumerate(words):
        form = word if word in found else word.lower()
        if form in found:
            vectors[row] = found[form]
            lowered[row] = form != word
    return {"vectors": vectors, "lowered": lowered}


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


_LOOKUPS: Mapping[str, Lookup] = {
    ".txt": _text,
    ".vec": _text,
    ".glove": _text,
    ".bin": _binary,
    ".kv": _gensim,
}
VECTOR_SUFFIXES = frozenset(_LOOKUPS)
