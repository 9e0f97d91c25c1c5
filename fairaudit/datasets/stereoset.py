"""StereoSet: contexts with a gap and three words to fill it (intrasentence task)."""

import hashlib
import json
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fairaudit.data import Completions, Reader
from fairaudit.datasets.table import read_sidecar, sample_rows
from fairaudit.errors import AuditError
from fairaudit.result import DatasetEntry

GAP = "BLANK"
LABELS = ("stereotype", "anti-stereotype", "unrelated")
TASK = "intrasentence"
_HEAD = 4096
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class StereoSetReader(Reader):
    """Read the JSON file that the authors of StereoSet publish (``dev.json``).

    Only the intrasentence task is read. The filling word is found as in the authors'
    code: the word of the sentence, split at spaces, that has the number of the
    context's last word with a gap, without its punctuation. In a context with several
    gaps the word fills all of them and the last is scored.

    The intersentence task needs a next-sentence head that the authors trained for each
    model and that a model directory does not hold.
    """

    name: ClassVar[str] = "stereoset"
    summary: ClassVar[str] = "StereoSet, intrasentence task, as published (JSON)"
    columns: ClassVar[Mapping[str, str]] = {
        "data.intrasentence[].target": "the term that the entry is about",
        "data.intrasentence[].bias_type": "kind of stereotype, such as 'profession'",
        "data.intrasentence[].context": f"a sentence with {GAP} in it",
        "data.intrasentence[].sentences[].sentence": "the sentence without the gap",
        "data.intrasentence[].sentences[].gold_label": ", ".join(LABELS)
        + "; one sentence each",
    }
    licence: ClassVar[str] = "CC-BY-SA-4.0"
    source: ClassVar[str] = "https://github.com/moinnadeem/StereoSet"

    def claims(self, path: Path) -> bool:
        """Tell whether the head of the file names one of the two tasks."""
        if path.suffix.lower() != ".json" or not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(_HEAD)
        return b'"intrasentence"' in head or b'"intersentence"' in head

    def read(
        self, path: Path, limit: int | None, rng: np.random.Generator
    ) -> Completions:
        """Read the file; `limit` keeps a seeded sample of that many contexts."""
        content = _content(path)
        entries = _entries(path, content)
        read = [_Entry.of(path, number, raw) for number, raw in enumerate(entries)]
        kept = [read[row] for row in sample_rows(len(read), limit, rng)]
        return Completions(
            card=self._card(path, content, len(kept)),
            targets=tuple(entry.target for entry in kept),
            categories=tuple(entry.category for entry in kept),
            sentences=tuple(entry.sentences for entry in kept),
            filled=tuple(entry.filled for entry in kept),
            spans=np.array([entry.spans for entry in kept], dtype=np.int64),
        )

    def _card(self, path: Path, content: bytes, n: int) -> DatasetEntry:
        said = read_sidecar(path)
        return DatasetEntry(
            name=path.stem,
            kind=Completions.kind,
            n=n,
            sha256=hashlib.sha256(content).hexdigest(),
            path=path.as_posix(),
            licence=said.get("licence", self.licence),
            source=said.get("source", self.source),
        )


@dataclass(frozen=True)
class _Entry:
    """One context with its three completions in the order of `LABELS`."""

    target: str
    category: str
    sentences: tuple[str, str, str]
    filled: tuple[str, str, str]
    spans: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, path: Path, number: int, raw: object) -> "_Entry":
        place = f"{path}, data.{TASK}[{number}]"
        if not isinstance(raw, dict):
            raise AuditError(f"{place} is no JSON object. Download the file again.")
        target, category, context = (
            _string(raw, key, place) for key in ("target", "bias_type", "context")
        )
        sentences = _by_label(raw.get("sentences"), place)
        words = [_word(context, sentence, place) for sentence in sentences]
        begin = context.rindex(GAP)
        starts = [len(context[:begin].replace(GAP, word)) for word in words]
        return cls(
            target,
            category,
            sentences,
            _three([context.replace(GAP, word) for word in words]),
            tuple((s, s + len(w)) for s, w in zip(starts, words, strict=True)),
        )


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise AuditError(f"{path}: there is no such file. Check the path.")
    return path.read_bytes()


def _entries(path: Path, content: bytes) -> list[object]:
    try:
        document: Any = json.loads(content.decode("utf-8-sig"))
    except ValueError as error:
        raise AuditError(
            f"{path}: not valid JSON ({error}). Download the file again."
        ) from error
    try:
        entries = document["data"][TASK]
    except (KeyError, TypeError, IndexError):
        entries = None
    if not isinstance(entries, list) or not entries:
        raise AuditError(
            f"{path}: there is no list data.{TASK} with entries. Give StereoSet's file "
            "as its authors publish it (dev.json)."
        )
    return entries


def _string(raw: Mapping[str, object], key: str, place: str) -> str:
    found = raw.get(key)
    if not isinstance(found, str) or not found.strip():
        raise AuditError(f"{place}: {key!r} is missing or empty. Fill it in.")
    return found


def _by_label(raw: object, place: str) -> tuple[str, str, str]:
    entries = [s for s in raw if isinstance(s, dict)] if isinstance(raw, list) else []
    found = {s.get("gold_label"): _string(s, "sentence", place) for s in entries}
    if set(found) != set(LABELS) or len(entries) != len(LABELS):
        raise AuditError(
            f"{place}: 'sentences' must hold one sentence for each gold_label of "
            f"{', '.join(LABELS)}; it holds "
            f"{', '.join(str(s.get('gold_label')) for s in entries) or 'none'}."
        )
    return _three([found[label] for label in LABELS])


def _word(context: str, sentence: str, place: str) -> str:
    """Return the word of the sentence that stands where the context has its gap."""
    gaps = [at for at, word in enumerate(context.split(" ")) if GAP in word]
    if not gaps:
        raise AuditError(f"{place}: the context has no {GAP}. Mark the gap with it.")
    words = sentence.split(" ")
    word = words[gaps[-1]] if gaps[-1] < len(words) else ""
    word = word.translate(_PUNCTUATION)
    if not word:
        raise AuditError(
            f"{place}: the sentence {sentence!r} has no word where the context has "
            f"{GAP}. Write context and sentence with the same words around the gap."
        )
    return word


def _three(values: list[str]) -> tuple[str, str, str]:
    first, second, third = values
    return first, second, third
