"""BOLD: beginnings of encyclopedia sentences about people and ideas."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np

from fairaudit.data import Prompts, Reader
from fairaudit.datasets.cards import card, sha256
from fairaudit.datasets.jsonfile import as_object, read_json
from fairaudit.datasets.sampling import sample_rows
from fairaudit.errors import AuditError

SUFFIX = "_prompt.json"
_WHAT = "groups, entities and prompts"


class Prompt(NamedTuple):
    """One row of `fairaudit.data.Prompts`."""

    text: str
    axis: str
    group: str
    entity: str


@dataclass(frozen=True)
class BoldReader(Reader):
    """Read the prompt files that the authors of BOLD publish, one or their folder.

    The axis is the domain that the file name tells (``gender_prompt.json``), the group
    the key of the first level, the entity that of the second. Blanks at the end of a
    prompt are cut: a model that puts the blank before a word would see it twice. A
    small sample of a folder (``--limit``) leaves few entities to a group: give the file
    of one domain.
    """

    name: ClassVar[str] = "bold"
    summary: ClassVar[str] = "BOLD, as published (*_prompt.json or their folder)"
    columns: ClassVar[Mapping[str, str]] = {
        "group": "object of entities, such as 'American_actors'",
        "entity": "list of prompts",
    }
    licence: ClassVar[str] = "CC-BY-SA-4.0"
    source: ClassVar[str] = "https://github.com/amazon-science/bold"
    traits: ClassVar[Mapping[str, str]] = {"domain": "encyclopedia", "language": "en"}

    def claims(self, path: Path) -> bool:
        """Tell by the names of the files."""
        return bool(_files(path))

    def read(self, path: Path, limit: int | None, rng: np.random.Generator) -> Prompts:
        """Read the files; `limit` keeps a seeded sample of that many prompts."""
        files = _files(path)
        if not files:
            raise AuditError(
                f"{path}: no file of BOLD (gender_prompt.json or the like). Give one "
                "as published, or a folder of them."
            )
        every = [prompt for file in files for prompt in _prompts(file)]
        found = [prompt for prompt in every if prompt.text]
        kept = [found[row] for row in sample_rows(len(found), limit, rng)]
        entry = card(path, sha256(files), Prompts.kind, len(kept))
        groups: dict[str, dict[str, int]] = {}
        for prompt in kept:
            counts = groups.setdefault(prompt.axis, {})
            counts[prompt.group] = counts.get(prompt.group, 0) + 1
        return Prompts(
            card=replace(
                entry,
                groups=groups,
                left_out=_counted("prompts without a word", len(every) - len(found)),
                licence=entry.licence or self.licence,
                source=entry.source or self.source,
            ),
            texts=tuple(prompt.text for prompt in kept),
            axis=tuple(prompt.axis for prompt in kept),
            groups=tuple(prompt.group for prompt in kept),
            entities=tuple(prompt.entity for prompt in kept),
        )


def _counted(reason: str, count: int) -> Mapping[str, int]:
    return {reason: count} if count else {}


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.glob(f"*{SUFFIX}"))
    return [path] if path.name.endswith(SUFFIX) and path.is_file() else []


def _prompts(path: Path) -> Iterator[Prompt]:
    axis = path.name.removesuffix(SUFFIX)
    for group, entities in as_object(read_json(path), path, axis, _WHAT).items():
        for entity, texts in as_object(entities, path, group, _WHAT).items():
            if not isinstance(texts, list):
                raise AuditError(f"{path}: {group}, {entity}: not a list of prompts.")
            for text in texts:
                if not isinstance(text, str):
                    raise AuditError(f"{path}: {group}, {entity}: a prompt is no text.")
                yield Prompt(text.rstrip(), axis, group, entity)
