"""Bias in Bios: biographies with profession and gender."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from fairaudit.datasets.coding import Classes
from fairaudit.datasets.labelled import LabelledReader
from fairaudit.datasets.layout import Layout
from fairaudit.datasets.membership import Names
from fairaudit.datasets.table import Source, read_header
from fairaudit.errors import AuditError

PROFESSIONS = (
    "accountant",
    "architect",
    "attorney",
    "chiropractor",
    "comedian",
    "composer",
    "dentist",
    "dietitian",
    "dj",
    "filmmaker",
    "interior_designer",
    "journalist",
    "model",
    "nurse",
    "painter",
    "paralegal",
    "pastor",
    "personal_trainer",
    "photographer",
    "physician",
    "poet",
    "professor",
    "psychologist",
    "rapper",
    "software_engineer",
    "surgeon",
    "teacher",
    "yoga_teacher",
)
"""In the order of their numbers in the published files."""
GENDERS = {
    "0": "male",
    "1": "female",
    "m": "male",
    "f": "female",
    "male": "male",
    "female": "female",
}
TEXT = "hard_text"


@dataclass(frozen=True)
class BiasInBiosReader(LabelledReader):
    """Read Bias in Bios as published on the hub, or with its older column names.

    The pickles of the older release are not read: unpickling executes code. Export
    them as JSON Lines with the columns that they have.

    Parameters
    ----------
    split
        Only this split: ``train``, ``dev`` or ``test`` of the published folder.
    where
        Only rows in which a column equals a value: ``column:value``, several joined by
        ``+``.
    text
        Column of the biographies, of which the first sentence, that names the
        profession, was removed.
    """

    name: ClassVar[str] = "bias_in_bios"
    summary: ClassVar[str] = "Bias in Bios: 28 professions by gender"
    columns: ClassVar[Mapping[str, str]] = {
        "hard_text": "the biography without its first sentence",
        "profession | p": "one of 28, by name or by number in alphabetical order",
        "gender | g": "0, m or male; 1, f or female",
    }
    licence: ClassVar[str] = "MIT"
    source: ClassVar[str] = "https://huggingface.co/datasets/LabHC/bias_in_bios"
    traits: ClassVar[Mapping[str, str]] = {
        "notion": "occupation",
        "domain": "biographies",
        "language": "en",
    }

    text: str = TEXT

    def claims(self, path: Path) -> bool:
        """Tell whether a table has the columns of one of the two releases."""
        header = set(read_header(path))
        return TEXT in header and (
            header >= {"profession", "gender"} or header >= {"p", "g"}
        )

    def opened(self, path: Path) -> Source:
        """Find the table; a pickle is refused."""
        if path.suffix.lower() in {".pkl", ".pickle"}:
            raise AuditError(
                f"{path}: pickles are not read, because reading one executes code. "
                "Export it as JSON Lines or Parquet with the same columns."
            )
        return super().opened(path)

    def layout(self, source: Source) -> Layout:
        """Return where the release at hand has its columns."""
        older = "profession" not in source.columns and "p" in source.columns
        profession, gender = ("p", "g") if older else ("profession", "gender")
        source.require(self.text, "text")
        source.require(profession)
        source.require(gender)
        numbered = {str(number): name for number, name in enumerate(PROFESSIONS)}
        return Layout(
            text=self.text,
            labels=Classes(profession, {n: n for n in PROFESSIONS} | numbered),
            groups=[Names("gender", gender, "unknown", GENDERS)],
        )
