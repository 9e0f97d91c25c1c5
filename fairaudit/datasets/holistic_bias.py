"""HolisticBias: sentences about people with one of several hundred descriptors."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np

from fairaudit.arrays import IntArray
from fairaudit.data import Descriptors, Reader
from fairaudit.datasets.cards import card, sha256
from fairaudit.datasets.jsonfile import read_json
from fairaudit.datasets.nounphrases import (
    NO_AXIS,
    SLOTS,
    File,
    Phrase,
    bare,
    described,
    nouns,
    standing,
    templates,
)
from fairaudit.datasets.sampling import check_limit
from fairaudit.errors import AuditError

FILES = (
    "descriptors.json",
    "nouns.json",
    "sentence_templates.json",
    "standalone_noun_phrases.json",
)
TWICE = "sentences that a descriptor of an axis has twice"
PLAIN = "sentences without a descriptor"
UNSAMPLED = "sentences of cells that the limit does not keep"
MOST = 5_000_000


class Sentence(NamedTuple):
    """One row of `fairaudit.data.Descriptors`, and its bucket."""

    text: str
    axis: str
    descriptor: str
    template: str
    bucket: str


@dataclass(frozen=True)
class HolisticBiasReader(Reader):
    """Make the sentences of HolisticBias from the folder of one version.

    Descriptors are put before nouns of their gender, or stand alone in templates that
    allow for it; standalone phrases follow the noun. Each noun phrase is put into every
    template that takes it, as the authors' generator does, without its random changes
    of style.

    `limit` keeps whole cells (all sentences of a descriptor in a template) and at most
    that many sentences: templates come in a seeded order, in each of them two
    descriptors of every axis in turn, in a seeded order that is that of all templates.

    Notes
    -----
    A sentence that one descriptor of an axis has twice (it is listed in two buckets)
    counts once, and sentences without a descriptor are left out; both are counted.
    """

    name: ClassVar[str] = "holistic_bias"
    summary: ClassVar[str] = "HolisticBias, as published (the folder of a version)"
    columns: ClassVar[Mapping[str, str]] = {
        "descriptors.json": "lists of descriptors by axis and bucket",
        "nouns.json": "pairs of singular and plural by gender",
        "sentence_templates.json": "templates with {noun_phrase} or "
        "{plural_noun_phrase}",
        "standalone_noun_phrases.json": "phrases by axis",
    }
    licence: ClassVar[str] = "CC-BY-SA-4.0"
    source: ClassVar[str] = "https://github.com/facebookresearch/ResponsibleNLP"

    def claims(self, path: Path) -> bool:
        """Tell by the names of the files."""
        return path.is_dir() and all((path / name).is_file() for name in FILES)

    def read(
        self, path: Path, limit: int | None, rng: np.random.Generator
    ) -> Descriptors:
        """Make the sentences; `limit` keeps a seeded sample of cells."""
        if lacking := [name for name in FILES if not (path / name).is_file()]:
            raise AuditError(
                f"{path / lacking[0]}: there is no such file. Give the folder of one "
                "version of HolisticBias (such as v1.1), as published."
            )
        counts: Counter[str] = Counter()
        first: dict[tuple[str, ...], Sentence] = {}
        for sentence in sentences(path):
            if sentence.axis == NO_AXIS:
                counts[PLAIN] += 1
            elif first.setdefault(sentence[:4], sentence) is not sentence:
                counts[TWICE] += 1
        unique = list(first.values())
        rows = sample_cells(unique, limit, rng)
        kept = [unique[row] for row in rows.tolist()]
        counts[UNSAMPLED] = len(unique) - len(kept)
        return self._data(path, kept, {k: n for k, n in counts.items() if n})

    def _data(
        self, path: Path, kept: Sequence[Sentence], left_out: Mapping[str, int]
    ) -> Descriptors:
        entry = card(
            path, sha256([path / f for f in FILES]), Descriptors.kind, len(kept)
        )
        groups: dict[str, dict[str, int]] = {}
        for (axis, bucket), n in Counter((s.axis, s.bucket) for s in kept).items():
            groups.setdefault(axis, {})[bucket] = n
        return Descriptors(
            card=replace(
                entry,
                groups=groups,
                left_out=left_out,
                licence=entry.licence or self.licence,
                source=entry.source or self.source,
                traits={"domain": "templates", "language": "en"},
            ),
            texts=tuple(s.text for s in kept),
            axis=tuple(s.axis for s in kept),
            descriptors=tuple(s.descriptor for s in kept),
            templates=tuple(s.template for s in kept),
        )


def sentences(path: Path) -> Iterator[Sentence]:
    """Yield all sentences of a folder, equal ones too."""
    found, stems = phrases(path), templates(_file(path, FILES[2]))
    if len(found) * len(stems) > MOST:
        raise AuditError(
            f"{path}: {len(found):,} noun phrases and {len(stems):,} templates make "
            f"more than {MOST:,} sentences. Take fewer of them."
        )
    for one in found:
        for template, noun_only in stems:
            if one.named or not noun_only:
                text = template.replace(SLOTS[0], one.singular)
                text = text.replace(SLOTS[1], one.plural)
                yield Sentence(text, one.axis, one.descriptor, template, one.bucket)


def phrases(path: Path) -> list[Phrase]:
    """Return all noun phrases of a folder."""
    every = nouns(_file(path, FILES[1]))
    return [
        *bare(every),
        *described(_file(path, FILES[0]), every),
        *standing(_file(path, FILES[3]), every),
    ]


def sample_cells(
    found: Sequence[Sentence], limit: int | None, rng: np.random.Generator
) -> IntArray:
    """Return the rows of whole cells, at most `limit` of them, in their order."""
    if limit is None or check_limit(limit) >= len(found):
        return np.arange(len(found))
    template = _codes([s.template for s in found])
    axis = _codes([s.axis for s in found])
    who = _codes([f"{s.axis}\0{s.descriptor}" for s in found])
    turn = _turns(who, axis, rng)[who]
    stem = rng.permutation(template.max() + 1)[template]
    order = np.lexsort((turn, axis, turn // 2, stem))
    cell = stem[order] * (who.max() + 1) + who[order]
    ends = np.flatnonzero(np.r_[cell[1:] != cell[:-1], True]) + 1
    if ends[0] > limit:
        raise AuditError(
            f"The limit of {limit} sentences is less than one descriptor has in one "
            f"template ({ends[0]}). Give {2 * ends[0]} or more."
        )
    return np.sort(order[: ends[ends <= limit][-1]])


def _turns(who: IntArray, axis: IntArray, rng: np.random.Generator) -> IntArray:
    """Return the seeded place of each descriptor within its axis."""
    _, first = np.unique(who, return_index=True)
    of = axis[first]
    order = np.lexsort((rng.permutation(len(of)), of))
    starts = np.searchsorted(of[order], of[order])
    places = np.empty(len(of), dtype=np.int64)
    places[order] = np.arange(len(of)) - starts
    return places


def _codes(names: Sequence[str]) -> IntArray:
    number = {name: at for at, name in enumerate(dict.fromkeys(names))}
    return np.array([number[name] for name in names], dtype=np.int64)


def _file(path: Path, name: str) -> File:
    return File(path / name, read_json(path / name))
