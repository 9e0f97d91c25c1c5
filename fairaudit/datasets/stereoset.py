"""StereoSet: contexts with three words to fill a gap, or three sentences to follow."""

import hashlib
import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from fairaudit.data import Completions, Continuations, Reader
from fairaudit.datasets.cards import read_sidecar
from fairaudit.datasets.sampling import sample_rows
from fairaudit.errors import AuditError
from fairaudit.result import DatasetEntry

GAP = "BLANK"
LABELS = ("stereotype", "anti-stereotype", "unrelated")
TASKS = ("intrasentence", "intersentence")
Part: TypeAlias = Literal["both", "intrasentence", "intersentence"]
_HEAD = 4096
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class StereoSetReader(Reader):
    """Read the JSON file that the authors of StereoSet publish (``dev.json``).

    In the intrasentence task the filling word is found as in the authors' code: the
    word of the sentence, split at spaces, that has the number of the context's last
    word with a gap, without its punctuation. In a context with several gaps the word
    fills all of them and the last is scored.

    Parameters
    ----------
    part
        Which of the two tasks is read; ``"both"``: what the file holds.
    """

    part: Part = "both"

    name: ClassVar[str] = "stereoset"
    summary: ClassVar[str] = "StereoSet, both tasks, as published (JSON)"
    columns: ClassVar[Mapping[str, str]] = {
        "data.intrasentence[].context": f"a sentence with {GAP} in it",
        "data.intersentence[].context": "a sentence that another one follows",
        "data.*[].target": "the term that the entry is about",
        "data.*[].bias_type": "kind of stereotype, such as 'profession'",
        "data.*[].sentences[].sentence": "the sentence, filled or that follows",
        "data.*[].sentences[].gold_label": ", ".join(LABELS) + "; one sentence each",
    }
    licence: ClassVar[str] = "CC-BY-SA-4.0"
    source: ClassVar[str] = "https://github.com/moinnadeem/StereoSet"
    traits: ClassVar[Mapping[str, str]] = {
        "notion": "stereotype",
        "domain": "crowd-sourced sentences",
        "language": "en",
    }

    def __post_init__(self) -> None:
        if self.part not in {"both", *TASKS}:
            raise AuditError(
                f"stereoset: part is {self.part!r}. Give both, {' or '.join(TASKS)}."
            )

    def claims(self, path: Path) -> bool:
        """Tell whether the head of the file names one of the two tasks."""
        if path.suffix.lower() != ".json" or not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(_HEAD)
        return any(f'"{task}"'.encode() in head for task in TASKS)

    def read(
        self, path: Path, limit: int | None, rng: np.random.Generator
    ) -> Completions:
        """Read the file; `limit` keeps a seeded sample of that many contexts."""
        content = _content(path)
        tasks = TASKS if self.part == "both" else (self.part,)
        found = _entries(path, content, tasks)
        read = [
            _Entry.of(f"{path}, data.{task}[{number}]", raw, gap=task == TASKS[0])
            for task, entries in found.items()
            for number, raw in enumerate(entries)
        ]
        kept = [read[row] for row in sample_rows(len(read), limit, rng)]
        filled = [entry for entry in kept if entry.spans]
        spans = np.array([entry.spans for entry in filled], dtype=np.int64)
        return Completions(
            card=self._card(path, content, len(kept)),
            targets=tuple(entry.target for entry in filled),
            categories=tuple(entry.category for entry in filled),
            sentences=tuple(entry.sentences for entry in filled),
            filled=tuple(entry.filled for entry in filled),
            spans=spans.reshape(-1, len(LABELS), 2),
            continuations=_continuations([e for e in kept if not e.spans]),
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


def _continuations(entries: Sequence["_Entry"]) -> Continuations | None:
    if not entries:
        return None
    return Continuations(
        targets=tuple(entry.target for entry in entries),
        categories=tuple(entry.category for entry in entries),
        contexts=tuple(entry.context for entry in entries),
        sentences=tuple(entry.sentences for entry in entries),
    )


@dataclass(frozen=True)
class _Entry:
    """One context with its three completions in the order of `LABELS`.

    Without a gap `filled` repeats the sentences and there are no `spans`.
    """

    target: str
    category: str
    context: str
    sentences: tuple[str, str, str]
    filled: tuple[str, str, str]
    spans: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, place: str, raw: object, *, gap: bool) -> "_Entry":
        if not isinstance(raw, dict):
            raise AuditError(f"{place} is no JSON object. Download the file again.")
        target, category, context = (
            _string(raw, key, place) for key in ("target", "bias_type", "context")
        )
        sentences = _by_label(raw.get("sentences"), place)
        if not gap:
            return cls(target, category, context, sentences, sentences, ())
        words = [_word(context, sentence, place) for sentence in sentences]
        begin = context.rindex(GAP)
        starts = [len(context[:begin].replace(GAP, word)) for word in words]
        filled = _three([context.replace(GAP, word) for word in words])
        spans = tuple((s, s + len(w)) for s, w in zip(starts, words, strict=True))
        return cls(target, category, context, sentences, filled, spans)


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise AuditError(f"{path}: there is no such file. Check the path.")
    return path.read_bytes()


def _entries(
    path: Path, content: bytes, tasks: Sequence[str]
) -> Mapping[str, list[object]]:
    """Return the entries of each task that the file holds."""
    try:
        document: Any = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise AuditError(
            f"{path}: not valid JSON ({error}). Download the file again."
        ) from error
    data = document.get("data") if isinstance(document, dict) else None
    held = data if isinstance(data, dict) else {}
    found = {task: held[task] for task in tasks if held.get(task) is not None}
    lists = all(isinstance(entries, list) for entries in found.values())
    if not lists or not any(found.values()):
        wanted = " or ".join(f"data.{task}" for task in tasks)
        raise AuditError(
            f"{path}: there is no list {wanted} with entries. Give StereoSet's file as "
            "its authors publish it (dev.json)."
        )
    return found


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
