"""What a classifier is trained on: the recipe, and the rows it selects."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from fairaudit.arrays import IntArray
from fairaudit.data import Examples
from fairaudit.errors import AuditError, suggest
from fairaudit.stats.splits import blocks, divide

ClassWeights = Literal["none", "balanced"]
Freeze = Literal["nothing", "embeddings", "encoder"]
FEWEST = 10


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a classifier is fine-tuned.

    Parameters
    ----------
    task
        ``"label"`` learns the data's labels, ``"group"`` the groups of `axis`.
    axis, groups
        For ``"group"``: which axis, and which of its groups (empty: all).
    epochs
        Passes over the training rows, at most.
    held_out
        Share of the rows kept apart, stratified by class, to measure quality.
    patience
        Stop after this many epochs without a lower loss on the validation rows, and
        keep the weights of the lowest; 0 trains all epochs and needs no such rows.
    validation
        Share of the training rows kept for that.
    class_weights
        ``"balanced"`` weighs the loss of a row by n / (classes * rows of its class),
        counted in the training rows; the loss of a batch is the weighted mean.
    freeze
        ``"embeddings"`` keeps the word embeddings, so that a task classifier and a
        protected-status model of one encoder share their embedding space.
        ``"encoder"`` trains the head alone.
    """

    task: Literal["label", "group"] = "label"
    axis: str | None = None
    groups: tuple[str, ...] = ()
    epochs: float = 1.0
    learning_rate: float = 1e-4
    batch_size: int = 32
    held_out: float = 0.2
    patience: int = 0
    validation: float = 0.1
    class_weights: ClassWeights = "none"
    freeze: Freeze = "embeddings"
    max_tokens: int = 256
    dtype: Literal["float32", "bfloat16"] = "float32"
    seed: int = 0
    device: str = "auto"


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Texts with class numbers, split into parts that share no text and no cluster.

    Parameters
    ----------
    texts, classes, labels
        Of all rows; -1 is the class of a row that is left out.
    train, validation, held_out
        Row numbers in order.
    blocks
        How many sets of rows that hang together were divided.
    """

    texts: tuple[str, ...]
    classes: IntArray
    labels: tuple[str, ...]
    train: IntArray
    validation: IntArray
    held_out: IntArray
    blocks: int

    @property
    def left_out(self) -> int:
        """Number of rows without exactly one class."""
        return int((self.classes < 0).sum())

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the texts, their classes and the division."""
        parts = (self.classes, self.train, self.validation, self.held_out)
        content = [self.texts, self.labels, *(part.tolist() for part in parts)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def select(data: Examples, recipe: Recipe) -> Rows:
    """Return the rows that have exactly one class, split by class and seed.

    Rows with equal texts, and rows of one cluster, stay in one part.

    Raises
    ------
    AuditError
        Where there are too few rows of a class to learn from, or to measure on.
    """
    labels, classes = _classes(data, recipe)
    _refuse_few(data, labels, classes)
    usable = np.flatnonzero(classes >= 0)
    block = _blocks(data, usable)
    rng = np.random.default_rng(recipe.seed)
    held = divide(block, classes[usable], recipe.held_out, rng)
    rest, held_out = usable[~held], usable[held]
    validation = np.zeros(len(rest), dtype=bool)
    if recipe.patience and len(rest):
        _, inner = np.unique(block[~held], return_inverse=True)
        validation = divide(inner, classes[rest], recipe.validation, rng)
    rows = Rows(
        texts=data.texts,
        classes=classes,
        labels=labels,
        train=rest[~validation],
        validation=rest[validation],
        held_out=held_out,
        blocks=int(block.max()) + 1,
    )
    _refuse_empty(data, rows)
    return rows


def part(data: Examples, share: float, seed: int) -> tuple[Examples, Examples]:
    """Divide the data into rows to learn from and rows to audit.

    Rows with equal texts, and rows of one cluster, stay in one part; `share` of the
    rows of each label, and of those without, are to be audited.

    Raises
    ------
    AuditError
        Where all rows hang together.
    """
    every = np.arange(len(data.texts))
    rng = np.random.default_rng(seed)
    block = _blocks(data, every)
    held = divide(block, data.labels + 1, share, rng)
    if held.all():
        raise AuditError(
            f"{data.card.name}: all rows hang together by equal texts or clusters, so "
            "none is left to learn from. Give other rows with --train-data."
        )
    learning, audited = data.take(every[~held]), data.take(every[held])
    return (
        _counted(learning, "kept for the audit", len(audited.texts)),
        _counted(audited, "learnt from", len(learning.texts)),
    )


def _counted(data: Examples, why: str, n: int) -> Examples:
    """Return the data with a reason for rows that are not in it, and their number."""
    left_out = {**data.card.left_out, why: n}
    return replace(data, card=replace(data.card, left_out=left_out))


def _blocks(data: Examples, rows: IntArray) -> IntArray:
    texts = [data.texts[row] for row in rows]
    if data.clusters is None:
        return blocks(texts)
    return blocks(texts, data.clusters[rows].tolist())


def _classes(data: Examples, recipe: Recipe) -> tuple[tuple[str, ...], IntArray]:
    if recipe.task == "label":
        return data.label_names, data.labels
    if recipe.axis is None or recipe.axis not in data.axes:
        raise AuditError(
            f"--task group needs --axis, one that {data.card.name} has. "
            f"{suggest(recipe.axis or '', data.axes)}"
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


def _refuse_few(data: Examples, labels: Sequence[str], classes: IntArray) -> None:
    sizes = np.bincount(classes[classes >= 0], minlength=len(labels))
    poor = [name for name, size in zip(labels, sizes, strict=True) if size < FEWEST]
    if poor or len(labels) < 2:
        counts = ", ".join(f"{k}: {n}" for k, n in zip(labels, sizes, strict=True))
        raise AuditError(
            f"{data.card.name}: training needs two classes with {FEWEST} rows each; "
            f"there are {counts or 'none'}."
        )


def _refuse_empty(data: Examples, rows: Rows) -> None:
    for what, chosen in (("learn from", rows.train), ("measure on", rows.held_out)):
        sizes = np.bincount(rows.classes[chosen], minlength=len(rows.labels))
        if not sizes.all():
            raise AuditError(
                f"{data.card.name}: too many rows hang together by equal texts or "
                f"clusters; none of class {rows.labels[int(sizes.argmin())]!r} is left "
                f"to {what}. Give more different rows, or another share with "
                "--held-out."
            )
