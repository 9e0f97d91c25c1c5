"""Files of static word vectors behind the door ``fairaudit.models``."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairaudit.arrays import IntArray
from fairaudit.errors import AuditError
from fairaudit.model import STATIC, Ask, Embed, ModelCard, Reading, Request
from fairaudit.models import ModelOptions
from fairaudit.result import ModelEntry
from fairaudit.wordvectors import LOOKUPS, Found

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
        return path.suffix.lower() in LOOKUPS and not path.is_dir()

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
        width, found = LOOKUPS[self.path.suffix.lower()](self.path, wanted)
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
