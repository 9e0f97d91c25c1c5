"""HateCheck: functional tests of hate speech detection."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from fairaudit.datasets.coding import Classes, Clusters, Ids
from fairaudit.datasets.labelled import LabelledReader
from fairaudit.datasets.layout import Layout
from fairaudit.datasets.membership import Names
from fairaudit.datasets.table import Source, read_header

NEEDED = ("functionality", "case_id", "test_case", "label_gold", "target_ident")
TEMPLATE = "templ_id"


@dataclass(frozen=True)
class HateCheckReader(LabelledReader):
    """Read the test cases as the authors of HateCheck publish them.

    The tested functionality and the target of a case are two group axes. Cases made
    from one template depend on one another and are of one cluster.

    Parameters
    ----------
    split
        Only this split of a folder of splits.
    where
        Only rows in which a column equals a value: ``column:value``, several joined by
        ``+``, such as ``functionality:derog_neg_emote_h``.
    """

    name: ClassVar[str] = "hatecheck"
    summary: ClassVar[str] = "HateCheck: functional tests by functionality and target"
    columns: ClassVar[Mapping[str, str]] = {
        "functionality": "the tested functionality",
        "case_id": "identifier of the case",
        "test_case": "the text",
        "label_gold": "'hateful' or 'non-hateful'",
        "target_ident": "the group that the text speaks of; empty where it is none",
        "templ_id": "template of the case; optional",
    }
    licence: ClassVar[str] = "CC-BY-4.0"
    source: ClassVar[str] = "https://github.com/paul-rottger/hatecheck-data"
    traits: ClassVar[Mapping[str, str]] = {
        "notion": "hate",
        "domain": "templates",
        "language": "en",
    }

    def claims(self, path: Path) -> bool:
        """Tell whether a table has the columns of the test cases."""
        return set(read_header(path)) >= set(NEEDED)

    def layout(self, source: Source) -> Layout:
        """Return where the parts of a case stand."""
        for name in NEEDED:
            source.require(name)
        classes = {name: name for name in ("hateful", "non-hateful")}
        return Layout(
            text="test_case",
            labels=Classes("label_gold", classes),
            groups=[
                Names("functionality", "functionality"),
                Names("target", "target_ident"),
            ],
            ids=Ids("case_id"),
            clusters=Clusters(TEMPLATE) if TEMPLATE in source.columns else None,
        )
