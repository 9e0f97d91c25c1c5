"""What a dataset holds, in words and counts."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fairaudit.data import Data, Examples, Group


def describe(data: "Data") -> Iterator[tuple[str, str]]:
    """Return rows, labels, groups and what was left out, each with its count."""
    from fairaudit.data import Examples

    card = data.card
    yield "name", card.name
    yield "kind", card.kind
    yield "rows", f"{card.n:,}"
    if isinstance(data, Examples):
        yield from _examples(data)
    for reason, count in card.left_out.items():
        yield f"left out: {reason}", f"{count:,}"
    yield "sha256", card.sha256
    yield "licence", card.licence
    yield "source", card.source


def _examples(data: "Examples") -> Iterator[tuple[str, str]]:
    counted = np.bincount(data.labels + 1, minlength=len(data.label_names) + 1)
    for name, count in zip(data.label_names, counted[1:], strict=True):
        yield f"label {name}", f"{count:,}"
    if counted[0]:
        yield "without a label", f"{counted[0]:,}"
    for group in data.groups:
        yield f"group {group.label}", _group(group)
    if data.clusters is not None:
        yield "clusters", f"{len(np.unique(data.clusters)):,}"


def _group(group: "Group") -> str:
    members = int(np.count_nonzero(group.member & group.known))
    unknown = int(np.count_nonzero(~group.known))
    return f"{members:,}" + f" (not known: {unknown:,})" * bool(unknown)
