"""Read a model once: all requests, each unique text, in length-sorted batches."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from fairaudit.arrays import AnyArray, IntArray
from fairaudit.cache import Cache, Shelf, row_keys, spread
from fairaudit.model import BACKWARD, Ask, Model, Reading, Request
from fairaudit.result import Cost

Progress: TypeAlias = Callable[[int, int], None]
MEMORY_BUDGET = 1 << 30


def read(
    model: Model,
    requests: Sequence[Request],
    cache: Cache,
    batch_tokens: int,
    progress: Progress = lambda _done, _total: None,
) -> tuple[list[Reading], Cost]:
    """Answer requests, each unique text that the cache does not hold read once.

    Parameters
    ----------
    model
        Weights are loaded only when something is missing in the cache.
    requests
        Of all metrics together.
    cache
        Where answers are looked up and kept; what was read stays there even when the
        run is interrupted.
    batch_tokens
        Upper bound of padded tokens in a batch.
    progress
        Called with (texts done, texts in all).
    """
    tables = [Table(len(r.texts), r.ragged) for r in requests]
    pending = [
        Pending(request, cache.shelf(request, model.identity(request)), table)
        for request, table in zip(requests, tables, strict=True)
    ]
    cost = _read_missing(model, pending, batch_tokens, progress)
    return [table.reading() for table in tables], cost


@dataclass
class Table:
    """Rows of one answer as they arrive, in any order; memory-mapped when large."""

    n: int
    ragged: tuple[str, ...]
    columns: dict[str, AnyArray] = field(default_factory=dict)
    parts: list[tuple[IntArray, Reading]] = field(default_factory=list)

    def put(self, rows: IntArray, reading: Reading) -> None:
        """Store the answer for some rows."""
        for name, column in reading.items():
            if name not in self.ragged:
                if name not in self.columns:
                    self.columns[name] = _allocate((self.n, *column.shape[1:]), column)
                self.columns[name][rows] = column
        if self.ragged:
            self.parts.append(
                (rows, {k: reading[k] for k in (*self.ragged, "lengths")})
            )

    def reading(self) -> Reading:
        """Return all rows in order."""
        if not self.ragged or not self.parts:
            return self.columns
        lengths = self.columns["lengths"]
        begins = np.cumsum(lengths) - lengths
        flat = {
            name: np.empty(lengths.sum(), self.parts[0][1][name].dtype)
            for name in self.ragged
        }
        for rows, part in self.parts:
            where = spread(begins[rows], part["lengths"])
            for name, column in flat.items():
                column[where] = part[name]
        return {**self.columns, **flat}


@dataclass
class Pending:
    """One request on its way: its keys, its shelf and its table."""

    request: Request
    shelf: Shelf
    table: Table
    keys: AnyArray = field(init=False)
    missing: IntArray = field(init=False)

    def __post_init__(self) -> None:
        self.keys = row_keys(self.request)
        found = np.zeros(len(self.keys), dtype=bool)
        for rows, reading in self.shelf.find(self.keys):
            self.table.put(rows, reading)
            found[rows] = True
        self.missing = np.flatnonzero(~found)

    def accept(self, rows: IntArray, reading: Reading) -> None:
        """Keep new rows in the table and on the shelf."""
        self.table.put(rows, reading)
        self.shelf.add(self.keys[rows], reading)


def _read_missing(
    model: Model, pending: Sequence[Pending], batch_tokens: int, progress: Progress
) -> Cost:
    texts, rows_of = _unique(pending)
    unique = len({text for item in pending for text in item.request.texts})
    if not texts:
        return Cost(unique_texts=unique)
    for item in pending:
        item.shelf.prepare()
    counts = model.token_counts(texts)
    done = 0
    try:
        for batch in _batches_alike(counts, batch_tokens, pending, rows_of):
            _read_batch(model, [texts[i] for i in batch], batch, pending, rows_of)
            done += len(batch)
            progress(done, len(texts))
    finally:
        for item in pending:
            item.shelf.flush()
    return Cost(forward_passes=done, unique_texts=unique, tokens=int(counts.sum()))


def _unique(
    pending: Sequence[Pending],
) -> tuple[list[str], list[Mapping[int, list[int]]]]:
    """Return the texts still to read and, per request, the rows about each."""
    number: dict[str, int] = {}
    rows_of: list[Mapping[int, list[int]]] = []
    for item in pending:
        rows: dict[int, list[int]] = {}
        for row in item.missing.tolist():
            text = item.request.texts[row]
            rows.setdefault(number.setdefault(text, len(number)), []).append(row)
        rows_of.append(rows)
    return list(number), rows_of


def _batches_alike(
    counts: IntArray,
    batch_tokens: int,
    pending: Sequence[Pending],
    rows_of: Sequence[Mapping[int, list[int]]],
) -> Iterator[list[int]]:
    """Yield batches of texts that all need a backward pass, or all do not."""
    backward = np.zeros(len(counts), dtype=bool)
    for item, rows in zip(pending, rows_of, strict=True):
        if item.request.kind in BACKWARD:
            backward[list(rows)] = True
    for numbers in (np.flatnonzero(backward), np.flatnonzero(~backward)):
        for batch in batches(counts[numbers], batch_tokens):
            yield numbers[batch].tolist()


def batches(counts: IntArray, batch_tokens: int) -> Iterator[list[int]]:
    """Yield indices sorted by length, longest first, at most `batch_tokens` padded.

    Longest first: when memory does not suffice, it fails at once.
    """
    batch: list[int] = []
    widest = 0
    for index in np.argsort(-counts, kind="stable").tolist():
        widest = max(widest, int(counts[index]))
        if batch and widest * (len(batch) + 1) > batch_tokens:
            yield batch
            batch, widest = [], int(counts[index])
        batch.append(index)
    if batch:
        yield batch


def _read_batch(
    model: Model,
    texts: Sequence[str],
    numbers: Sequence[int],
    pending: Sequence[Pending],
    rows_of: Sequence[Mapping[int, list[int]]],
) -> None:
    asks: list[Ask] = []
    takers: list[tuple[Pending, IntArray]] = []
    for item, rows in zip(pending, rows_of, strict=True):
        pairs = [(row, at) for at, no in enumerate(numbers) for row in rows.get(no, ())]
        if pairs:
            chosen, where = np.array(pairs, dtype=np.int64).T
            asks.append(Ask(item.request.take(chosen.tolist()), where))
            takers.append((item, chosen))
    answers = model.read(texts, asks)
    for (item, chosen), answer in zip(takers, answers, strict=True):
        item.accept(chosen, answer)


def _allocate(shape: tuple[int, ...], like: AnyArray) -> AnyArray:
    size = int(np.prod(shape)) * like.dtype.itemsize
    if size <= MEMORY_BUDGET:
        return np.empty(shape, like.dtype)
    with tempfile.NamedTemporaryFile(prefix="fairaudit-") as file:
        # The mapping outlives the name: the space is freed with the array.
        return np.memmap(file, like.dtype, "w+", shape=shape)
