"""HateXplain's file of posts (``dataset.json``) as a table."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from fairaudit.datasets.delimited import refuse_encoding
from fairaudit.datasets.rows import Table
from fairaudit.datasets.table import CHUNK, Source
from fairaudit.errors import AuditError

Post: TypeAlias = Mapping[str, object]

COLUMNS = ("post_id", "annotators", "post_tokens", "rationales")
DIVISIONS = "post_id_divisions.json"
SPLIT = "split"


@dataclass(frozen=True)
class Posts(Source):
    """A JSON object of posts by identifier, with the divisions next to it, if any."""

    @classmethod
    def at(cls, path: Path, split: str) -> "Posts":
        """Find the files.

        Raises
        ------
        AuditError
            Where the file, or the divisions that a split needs, are missing.
        """
        divisions = path.with_name(DIVISIONS)
        for needed in (path, divisions) if split else (path,):
            if not needed.is_file():
                mend = "" if needed == path else f" It tells the split {split!r}."
                raise AuditError(
                    f"{needed}: there is no such file.{mend} Check the path."
                )
        return cls(path, (path, divisions) if split else (path,))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns; ``split`` where the divisions are read."""
        return (*COLUMNS, SPLIT) if len(self.files) > 1 else COLUMNS

    def chunks(
        self, names: Collection[str] | None = None, size: int = CHUNK
    ) -> Iterator[Table]:
        """Yield the posts, at most `size` at a time."""
        wanted = [name for name in self.columns if names is None or name in names]
        divisions = _divisions(self.files[1]) if len(self.files) > 1 else {}
        posts = [
            {**post, "post_id": key, SPLIT: divisions.get(key)}
            for key, post in _posts(self.path).items()
        ]
        for start in range(0, len(posts), size):
            some = posts[start : start + size]
            columns = {name: [post.get(name) for post in some] for name in wanted}
            yield Table(self.path, columns, [str(p["post_id"]) for p in some], "post")


def _posts(path: Path) -> Mapping[str, Post]:
    posts = {key: post for key, post in _object(path).items() if isinstance(post, dict)}
    if not posts:
        raise AuditError(
            f"{path}: there are no posts. Give HateXplain's file as its authors "
            "publish it (dataset.json)."
        )
    return posts


def _divisions(path: Path) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for split, keys in _object(path).items():
        for key in keys if isinstance(keys, list) else ():
            if found.setdefault(str(key), split) != split:
                raise AuditError(
                    f"{path}: the post {key!r} is in {found[str(key)]} and in {split}. "
                    "Download the file again."
                )
    return found


def _object(path: Path) -> Mapping[str, object]:
    try:
        found = json.loads(path.read_text("utf-8-sig"), object_pairs_hook=_unique)
    except UnicodeDecodeError:
        refuse_encoding(path)
    except (ValueError, RecursionError) as error:
        raise AuditError(
            f"{path}: not valid JSON ({error}). Download the file again."
        ) from error
    if not isinstance(found, dict):
        raise AuditError(f"{path}: not a JSON object. Download the file again.")
    return found


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} occurs twice")
        found[key] = value
    return found
