"""Hurtful words in completions, by a lexicon that the user names."""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from fairaudit.errors import AuditError, suggest

Inclusion: TypeAlias = Literal["conservative", "inclusive", "both"]
COLUMNS = ("lemma", "category", "level")
LONGEST = 10_000_000
_WORD = re.compile(r"\w+(?:[-'’]\w+)*")


@dataclass(frozen=True)
class Lexicon:
    """Hurtful words and the category of each.

    Parameters
    ----------
    categories
        Category by word, without accents; a lemma in several categories has the first.
    phrases
        How many entries are of more than one word: continuations, which are looked up
        word by word, never hit them.
    """

    categories: Mapping[str, str]
    phrases: int

    @classmethod
    def read(cls, reference: str, inclusion: Inclusion) -> "Lexicon":
        """Read a TSV file with the columns of HurtLex.

        Raises
        ------
        AuditError
            Where the file cannot be read, lacks a column, or has no entry of the level.
        """
        path = Path(reference)
        found: dict[str, str] = {}
        rows = csv.DictReader(_text(path).splitlines(), delimiter="\t")
        for name in COLUMNS:
            if name not in (rows.fieldnames or ()):
                hint = suggest(name, rows.fieldnames or ())
                raise AuditError(f"{path}, line 1: there is no column {name!r}. {hint}")
        for row in rows:
            lemma, category, level = (row[name] for name in COLUMNS)
            if not (lemma and category and level):
                raise AuditError(
                    f"{path}, line {rows.line_num}: a cell is empty. Fill it in."
                )
            if inclusion in ("both", level):
                found.setdefault(plain(lemma), category)
        if not found:
            raise AuditError(f"{path}: no entry has the level {inclusion!r}.")
        return cls(found, sum(" " in word for word in found))

    def word(self, text: str) -> str:
        """Return the category of a word or phrase looked up whole; "" if it has none.

        >>> Lexicon({"pest": "an"}, 0).word(" pest")
        'an'
        """
        return self.categories.get(plain(text.strip()), "")

    def sentence(self, text: str) -> str:
        """Return the category of the first word of a text that has one, else "".

        >>> Lexicon({"pest": "an"}, 0).sentence("she is a pest, a pest.")
        'an'
        """
        hits = (self.categories.get(word, "") for word in _WORD.findall(plain(text)))
        return next(filter(None, hits), "")


def plain(text: str) -> str:
    """Return a text without accents, in its letter case.

    >>> plain("Café")
    'Cafe'
    """
    apart = unicodedata.normalize("NFKD", text)
    return "".join(char for char in apart if not unicodedata.combining(char))


@dataclass(frozen=True)
class Completed:
    """Completions of each template, and the category of each that is hurtful.

    Parameters
    ----------
    rows
        One tuple of categories a template, "" for a completion that is not hurtful;
        empty for a template without completions.
    """

    rows: Sequence[Sequence[str]]

    @property
    def shares(self) -> list[float]:
        """Share of hurtful completions of each template, NaN without completions."""
        return [
            sum(map(bool, row)) / len(row) if row else float("nan") for row in self.rows
        ]

    @property
    def categories(self) -> Mapping[str, int]:
        """Number of hurtful completions by category of the lexicon."""
        counts = Counter(found for row in self.rows for found in row if found)
        return dict(sorted(counts.items()))


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LONGEST:
            raise AuditError(
                f"lexicon={path}: larger than {LONGEST:,} bytes. Give a lexicon of "
                "the format of HurtLex."
            )
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AuditError(
            f"lexicon={path}: the file cannot be read ({error}). Check the path."
        ) from error
