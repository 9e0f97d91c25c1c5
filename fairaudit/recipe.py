"""What a classifier is trained on: the recipe, and the rows it selects."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fairaudit.arrays import IntArray
from fairaudit.data import Examples
from fairaudit.errors import AuditError, suggest

Freeze = Literal["nothing", "embeddings", "encoder"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a classifier is fine-tuned.

    Parameters
    ----------
    task
        ``"label"`` learns the data's labels, ``"group"`` the groups of `axis`.
    axis, groups
        For ``"group"``: which axis, and which of its groups (empty: all).
    held_out
        Share of the rows kept apart, stratified by class, to measure quality.
    freeze
        ``"embeddings"`` keeps the word embeddings, so that a task classifier and a
        protected-status model of one encoder share their embedding space.
    """

    task: Literal["label", "group"] = "label"
    axis: str | None = None
    groups: tuple[str, ...] = ()
    epochs: float = 1.0
    learning_rate: float = 1e-4
    batch_size: int = 32
    held_out: float = 0.2
    freeze: Freeze = "embeddings"
    max_tokens: int = 256
    dtype: Literal["float32", "bfloat16"] = "float32"
    seed: int = 0
    device: str = "auto"


@dataclass(frozen=True)
class Rows:
    """Texts with class numbers, split into two parts."""

    texts: tuple[str, ...]
    classes: IntArray
    labels: tuple[str, ...]
    train: IntArray
    held_out: IntArray
    left_out: int


def select(data: Examples, recipe: Recipe) -> Rows:
    """Return the rows that have exactly one class, split by class and seed."""
    labels, classes = _classes(data, recipe)
    usable = np.flatnonzero(classes >= 0)
    sizes = np.bincount(classes[usable], minlength=len(labels))
    poor = [name for name, size in zip(labels, sizes, strict=True) if size < 10]
    if poor or len(labels) < 2:
        counts = ", ".join(f"{k}: {n}" for k, n in zip(labels, sizes, strict=True))
        raise AuditError(
            f"{data.card.name}: training needs two classes with 10 rows each; there "
            f"are {counts or 'none'}."
        )
    rng = np.random.default_rng(recipe.seed)
    order = rng.permutation(usable)
    rank = np.empty(len(order))
    for number in range(len(labels)):
        inside = classes[order] == number
        # From 0 on, so that the smallest share holds one row of each class.
        rank[inside] = np.arange(inside.sum()) / inside.sum()
    held = rank < recipe.held_out
    left_out = len(classes) - len(usable)
    train, held_out = np.sort(order[~held]), np.sort(order[held])
    return Rows(data.texts, classes, labels, train, held_out, left_out)


def _classes(data: Examples, recipe: Recipe) -> tuple[tuple[str, ...], IntArray]:
    if recipe.task == "label":
        return data.label_names, data.labels
    if recipe.axis is None or recipe.axis not in data.axes:
        raise AuditError(
            f"--task group needs --axis. {suggest(recipe.axis or '', data.axes)}"
        )
    groups = data.axes[recipe.axis]
    names = recipe.groups or tuple(group.name for group in groups)
    known = {group.name: group for group in groups}
    for name in names:
        if name not in known:
            message = f"{recipe.axis} has no group {name!r}. {suggest(name, known)}"
            raise AuditError(message)
    member = np.stack([known[name].member & known[name].known for name in names])
    classes = np.where(member.sum(0) == 1, member.argmax(0), -1)
    return names, classes.astype(np.int64)
