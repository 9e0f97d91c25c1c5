"""HateXplain: posts with labels and target communities of several annotators."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from fairaudit.datasets.coding import Classes, Ids
from fairaudit.datasets.labelled import LabelledReader
from fairaudit.datasets.layout import Layout
from fairaudit.datasets.membership import Names
from fairaudit.datasets.posts import Posts
from fairaudit.datasets.rows import Table
from fairaudit.datasets.table import Source, read_header

LABELS = ("hatespeech", "normal", "offensive")
"""In the order of their numbers on the hub."""
BINARY = {"hatespeech": "toxic", "offensive": "toxic", "normal": "non-toxic"}
TEN = (
    "African",
    "Islam",
    "Jewish",
    "Homosexual",
    "Women",
    "Refugee",
    "Arab",
    "Caucasian",
    "Asian",
    "Hispanic",
)
NOBODY = ("None", "Other")
LEAST = 2
"""Annotators who must name a community."""
_HEAD = 4096

Annotation: TypeAlias = tuple[str, frozenset[str]]


@dataclass(frozen=True)
class HateXplainReader(LabelledReader):
    """Read the file that the authors of HateXplain publish, or its hub layout.

    The label of a post is the one that more than half of its annotators give; a post
    without one is in none of the published splits, and is left out and counted. A post
    speaks of a community where two annotators name it. The text is the tokens joined
    by blanks. Rationales may be missing and are not read.

    Parameters
    ----------
    split
        Only this split. ``dataset.json`` needs ``post_id_divisions.json`` next to it
        (``train``, ``val``, ``test``).
    where
        Only rows in which a column equals a value: ``column:value``, several joined by
        ``+``.
    labels
        ``three``: hatespeech, normal, offensive; ``binary``: toxic (either of the
        outer two) and non-toxic, after the majority was found among the three.
    communities
        ``ten``: those of the published evaluation; ``all`` but None and Other.

    Notes
    -----
    The published evaluation leaves posts without any of the ten communities out of the
    background of its AUCs; here they are read, and a metric's own option says what its
    background is.
    """

    name: ClassVar[str] = "hatexplain"
    summary: ClassVar[str] = "HateXplain, as published (dataset.json) or from the hub"
    columns: ClassVar[Mapping[str, str]] = {
        "post_id | id": "identifier of the post",
        "post_tokens": "the words of the post",
        "annotators": "for each annotator label (by name or hub number) and target",
    }
    licence: ClassVar[str] = "MIT"
    source: ClassVar[str] = "https://github.com/hate-alert/HateXplain"
    traits: ClassVar[Mapping[str, str]] = {
        "notion": "hate",
        "domain": "social media",
        "language": "en",
    }

    labels: Literal["three", "binary"] = "three"
    communities: Literal["ten", "all"] = "ten"

    def claims(self, path: Path) -> bool:
        """Tell whether the head of the file has posts with annotators."""
        if path.suffix.lower() != ".json" or not path.is_file():
            return {"annotators", "post_tokens"} <= set(read_header(path))
        with path.open("rb") as file:
            head = file.read(_HEAD)
        return b'"annotators"' in head and b'"annotator_id"' in head

    def opened(self, path: Path) -> Source:
        """Find the file of posts, or a table or folder in the hub layout."""
        if path.suffix.lower() == ".json":
            return Posts.at(path, self.split)
        return super().opened(path)

    def layout(self, source: Source) -> Layout:
        """Return where the prepared columns stand."""
        key = "id" if "id" in source.columns else "post_id"
        for name in (key, "annotators", "post_tokens"):
            source.require(name)
        names = BINARY if self.labels == "binary" else {n: n for n in LABELS}
        return Layout(
            text="text",
            labels=Classes("label", names),
            groups=[Names("target", "target")],
            ids=Ids(key),
            prepare=self._prepare,
            columns=(key, "annotators", "post_tokens"),
        )

    def _prepare(self, table: Table, left_out: Counter[str]) -> Table:
        read = [_annotations(table, row) for row in range(len(table))]
        labels = [_majority(label for label, _ in post) for post in read]
        columns: dict[str, Sequence[object]] = {
            "text": [_text(table, row) for row in range(len(table))],
            "label": labels,
            "target": [tuple(self._targets(post)) for post in read],
        }
        whole = replace(table, columns={**table.columns, **columns})
        decided = np.flatnonzero([bool(label) for label in labels])
        left_out["no majority label"] += len(labels) - len(decided)
        return whole.take(decided)

    def _targets(self, post: Sequence[Annotation]) -> Iterator[str]:
        named = Counter(target for _, targets in post for target in targets)
        for target in sorted(named):
            wanted = (
                target not in NOBODY if self.communities == "all" else target in TEN
            )
            if wanted and named[target] >= LEAST:
                yield target


def _majority(labels: Iterable[str]) -> str:
    """Return the label of more than half, "" if there is none."""
    counted = Counter(labels)
    label, count = counted.most_common(1)[0]
    return label if 2 * count > counted.total() else ""


def _text(table: Table, row: int) -> str:
    tokens = table.columns["post_tokens"][row]
    if not isinstance(tokens, list) or not all(isinstance(t, str) for t in tokens):
        table.fail(row, "'post_tokens' is no list of texts. Download the file again.")
    return " ".join(tokens)


def _annotations(table: Table, row: int) -> list[Annotation]:
    """Return labels and targets, from one object an annotator or one list a field."""
    raw = table.columns["annotators"][row]
    labels, targets = _field(raw, "label"), _field(raw, "target")
    if not labels or len(labels) != len(targets):
        table.fail(
            row,
            "'annotators' does not hold a label and a list of targets for each "
            "annotator. Download the file again.",
        )
    read = [_label(table, row, label) for label in labels]
    return [(label, _names(t)) for label, t in zip(read, targets, strict=True)]


def _field(raw: object, key: str) -> list[object]:
    """Return a field of all annotators."""
    if isinstance(raw, dict):
        return _list(raw.get(key))
    entries = [entry for entry in _list(raw) if isinstance(entry, dict)]
    return [entry[key] for entry in entries if key in entry]


def _label(table: Table, row: int, raw: object) -> str:
    if type(raw) is int and 0 <= raw < len(LABELS):  # True is no label
        return LABELS[raw]
    if raw not in LABELS:
        table.fail(
            row,
            f"an annotator's label is {raw!r}. Write {', '.join(LABELS)}, or 0, 1, 2 "
            "in this order.",
        )
    return str(raw)


def _names(raw: object) -> frozenset[str]:
    return frozenset(map(str, _list(raw)))


def _list(raw: object) -> list[object]:
    return raw if isinstance(raw, list) else []
