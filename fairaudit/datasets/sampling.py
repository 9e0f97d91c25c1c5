"""Seeded samples of rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fairaudit.arrays import AnyArray, BoolArray, IntArray
from fairaudit.errors import AuditError

_KEY = "\0key"


def sample_rows(n: int, limit: int | None, rng: np.random.Generator) -> IntArray:
    """Draw `limit` of `n` rows without replacement, in the order of the file.

    >>> sample_rows(3, None, np.random.default_rng(0)).tolist()
    [0, 1, 2]
    """
    if limit is None or check_limit(limit) >= n:
        return np.arange(n)
    return np.sort(rng.choice(n, limit, replace=False))


def check_limit(limit: int) -> int:
    """Return the limit, which must be at least one row."""
    if limit < 1:
        raise AuditError(f"The limit of rows is {limit}; give 1 or more, or none.")
    return limit


@dataclass
class Sample:
    """Rows that come in chunks: all of them, or a seeded sample in their order.

    Each row gets a uniform random key and the `limit` rows with the smallest keys are
    kept, so that the sample does not depend on how the rows are cut into chunks and
    never holds many more rows than it keeps.

    Parameters
    ----------
    limit
        Rows to keep; None for all.
    rng
        Draws the keys.
    """

    limit: int | None
    rng: np.random.Generator
    seen: int = field(default=0, init=False)
    _parts: list[Mapping[str, AnyArray]] = field(default_factory=list, init=False)
    _held: int = field(default=0, init=False)
    _bar: float = field(default=1.0, init=False)

    def __post_init__(self) -> None:
        """Refuse a limit below one row."""
        if self.limit is not None:
            check_limit(self.limit)

    def add(self, columns: Mapping[str, AnyArray]) -> None:
        """Offer rows as columns of equal length."""
        n = len(next(iter(columns.values())))
        self.seen += n
        if self.limit is not None:
            keys = self.rng.random(n)
            columns = _take({**columns, _KEY: keys}, keys < self._bar)
            n = len(columns[_KEY])
        self._parts.append(columns)
        self._held += n
        if self.limit is not None and self._held > 2 * self.limit:
            self._settle(self.limit)

    def columns(self) -> dict[str, AnyArray]:
        """Return the columns of the rows that are kept; {} if none came."""
        if self.limit is not None and self._held > self.limit:
            self._settle(self.limit)
        joined = _join(self._parts)
        joined.pop(_KEY, None)
        return joined

    def _settle(self, limit: int) -> None:
        joined = _join(self._parts)
        ranked = np.argsort(joined[_KEY], kind="stable")[:limit]
        self._bar = float(joined[_KEY][ranked[-1]])
        self._parts = [_take(joined, np.sort(ranked))]
        self._held = limit


def _take(
    columns: Mapping[str, AnyArray], rows: IntArray | BoolArray
) -> dict[str, AnyArray]:
    return {name: values[rows] for name, values in columns.items()}


def _join(parts: list[Mapping[str, AnyArray]]) -> dict[str, AnyArray]:
    names = parts[0] if parts else ()
    return {name: np.concatenate([part[name] for part in parts]) for name in names}
