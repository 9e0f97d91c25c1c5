"""Jigsaw's sentence templates: toxic and other sentences about identity terms."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

from fairaudit.datasets.coding import Classes, Clusters
from fairaudit.datasets.labelled import LabelledReader
from fairaudit.datasets.layout import Layout
from fairaudit.datasets.membership import Names
from fairaudit.datasets.rows import Table
from fairaudit.datasets.table import Source, read_header
from fairaudit.errors import AuditError

LAYOUTS = (("Text", "Label", "Template"), ("phrase", "toxicity", "template"))
LABELS = {
    "BAD": "toxic",
    "NOT_BAD": "non-toxic",
    "toxic": "toxic",
    "nontoxic": "non-toxic",
}
TERMS: Mapping[str, Sequence[str]] = {
    "sexuality": (
        "lesbian",
        "gay",
        "bisexual",
        "queer",
        "lgbt",
        "lgbtq",
        "homosexual",
        "straight",
        "heterosexual",
    ),
    "gender": ("transgender", "trans", "cis", "male", "female", "nonbinary"),
    "ethnicity": (
        "african",
        "african american",
        "black",
        "white",
        "european",
        "hispanic",
        "latino",
        "latina",
        "latinx",
        "mexican",
        "canadian",
        "american",
        "asian",
        "indian",
        "middle eastern",
        "chinese",
        "japanese",
    ),
    "religion": (
        "christian",
        "muslim",
        "jewish",
        "buddhist",
        "catholic",
        "protestant",
        "sikh",
        "taoist",
    ),
    "age": (
        "old",
        "older",
        "young",
        "younger",
        "teenage",
        "millenial",
        "middle aged",
        "elderly",
    ),
    "disability": ("blind", "deaf", "paralyzed"),
}
"""The 50 terms of the published sentences, spelt as there, and ``cis`` of later ones.

Source: conversationai/unintended-ml-bias-analysis, CC BY 4.0.
"""
GAP = "[IDENTITY]"


@dataclass(frozen=True)
class JigsawMadlibsReader(LabelledReader):
    """Read the synthetic test sets of Jigsaw (``bias_madlibs_77k.csv`` and later ones).

    A text speaks of a term that it contains as whole words, whatever the case, so that
    ``african american`` is also ``african`` and ``american``, as in the published
    evaluation. Labels of both releases are called toxic and non-toxic.

    Parameters
    ----------
    split
        Only this split of a folder of splits.
    where
        Only rows in which a column equals a value: ``column:value``, several joined by
        ``+``, such as ``Template:name_adj``.
    cluster
        Which rows depend on one another: those of one ``frame`` (equal but for the
        identity terms) or of one ``template`` of the file, of which one has nearly all
        rows.
    axes
        ``one`` puts all terms on the axis ``identity``, as the published evaluation
        does; ``category`` gives gender, religion and so on an axis each.
    terms
        A file with other terms, one a line, all on the axis ``identity``: for other
        languages.
    """

    name: ClassVar[str] = "jigsaw_madlibs"
    summary: ClassVar[str] = "Jigsaw's sentence templates with 50 identity terms"
    columns: ClassVar[Mapping[str, str]] = {
        "Text | phrase": "the sentence",
        "Label | toxicity": "BAD or NOT_BAD; toxic or nontoxic",
        "Template | template": "name of the template",
    }
    licence: ClassVar[str] = "CC-BY-4.0"
    source: ClassVar[str] = (
        "https://github.com/conversationai/unintended-ml-bias-analysis"
    )
    traits: ClassVar[Mapping[str, str]] = {
        "notion": "toxicity",
        "domain": "templates",
        "language": "en",
    }

    cluster: Literal["frame", "template"] = "frame"
    axes: Literal["one", "category"] = "one"
    terms: str = ""

    def claims(self, path: Path) -> bool:
        """Tell whether a table has the columns of one of the two releases."""
        header = set(read_header(path))
        return any(header >= set(layout) for layout in LAYOUTS)

    def layout(self, source: Source) -> Layout:
        """Return where the prepared columns stand."""
        lower = "phrase" in source.columns
        text, label, template = LAYOUTS[lower]
        for name in (text, label, template):
            source.require(name)
        finder = TermFinder(self._terms())
        return Layout(
            text=text,
            labels=Classes(label, LABELS),
            groups=[Names(axis, axis) for axis in finder.terms],
            clusters=Clusters(template if self.cluster == "template" else "frame"),
            prepare=lambda table, _: finder.prepare(table, text),
            columns=(text, label, template),
        )

    def _terms(self) -> Mapping[str, Sequence[str]]:
        if self.terms:
            return {"identity": _listed(Path(self.terms))}
        if self.axes == "category":
            return TERMS
        return {"identity": [term for terms in TERMS.values() for term in terms]}


@dataclass(frozen=True)
class TermFinder:
    """Finds terms as whole words, and what is left of a text without them.

    Parameters
    ----------
    terms
        By axis.
    """

    terms: Mapping[str, Sequence[str]]

    def prepare(self, table: Table, column: str) -> Table:
        """Add a column of terms for each axis and one of frames."""
        texts = table.strings(column)
        found = [self.find(text) for text in texts]
        columns: dict[str, Sequence[object]] = {
            axis: [tuple(term for term in terms if term in all_) for all_ in found]
            for axis, terms in self.terms.items()
        }
        columns["frame"] = [self._longest.sub(GAP, text) for text in texts]
        return replace(table, columns={**table.columns, **columns})

    def find(self, text: str) -> frozenset[str]:
        """Return the terms in a text, also those within longer ones.

        >>> finder = TermFinder({"identity": ["african", "african american"]})
        >>> sorted(finder.find("An African American."))
        ['african', 'african american']
        """
        hits = self._everywhere.findall(text)
        return frozenset(part for hit in hits for part in self._within(hit))

    @cached_property
    def _longest(self) -> re.Pattern[str]:
        return re.compile(rf"\b(?:{self._alternatives})\b", re.IGNORECASE)

    @cached_property
    def _everywhere(self) -> re.Pattern[str]:
        """Matches the longest term at each place, also within another one."""
        return re.compile(rf"\b(?=({self._alternatives})\b)", re.IGNORECASE)

    @cached_property
    def _alternatives(self) -> str:
        terms = {term for terms in self.terms.values() for term in terms}
        return "|".join(map(re.escape, sorted(terms, key=len, reverse=True)))

    @cached_property
    def _patterns(self) -> Mapping[str, re.Pattern[str]]:
        return {
            term: re.compile(rf"\b{re.escape(term)}\b", re.IGNORECASE)
            for terms in self.terms.values()
            for term in terms
        }

    @cached_property
    def _known(self) -> dict[str, list[str]]:
        return {}

    def _within(self, hit: str) -> list[str]:
        """Return the terms that a found one contains, itself among them."""
        if hit not in self._known:
            found = [t for t, pattern in self._patterns.items() if pattern.search(hit)]
            self._known[hit] = found
        return self._known[hit]


def _listed(path: Path) -> Sequence[str]:
    if not path.is_file():
        raise AuditError(f"terms={path}: there is no such file. Check the path.")
    terms = [line.strip() for line in path.read_text("utf-8").splitlines()]
    found = list(dict.fromkeys(term for term in terms if term))
    if not found:
        raise AuditError(f"{path}: there is no term in it. Write one a line.")
    return found
