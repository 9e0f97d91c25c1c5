"""Which rows of a table are read: its split and simple filters."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fairaudit.arrays import BoolArray
from fairaudit.datasets.rows import Table
from fairaudit.datasets.table import Source
from fairaudit.errors import AuditError, suggest

SPLIT = "split"
_SHOWN = 8


@dataclass
class Condition:
    """Keep the rows whose cell equals a value.

    Parameters
    ----------
    column, value
        What must be equal, as text without surrounding blanks.
    reason
        How the rows that are left out are counted.
    """

    column: str
    value: str
    reason: str
    _seen: dict[str, None] = field(default_factory=dict, init=False)

    def rows(self, table: Table) -> BoolArray:
        """Return which rows are kept."""
        cells = [cell.strip() for cell in table.strings(self.column)]
        if len(self._seen) <= _SHOWN:
            self._seen.update(dict.fromkeys(cells))
        return np.fromiter((c == self.value for c in cells), bool, len(cells))

    def explain(self) -> str:
        """Say what values the column has."""
        found = [repr(value) for value in self._seen][:_SHOWN]
        more = ", ..." if len(self._seen) > _SHOWN else ""
        return f"{self.column!r} is {self.value!r} (it holds {', '.join(found)}{more})"


def conditions(source: Source, split: str, where: str) -> list[Condition]:
    """Return what the rows must meet.

    Parameters
    ----------
    source
        The table.
    split
        Wanted split; it is the column ``split`` where the source is no folder of
        splits. Empty for all rows.
    where
        ``column:value``, several joined by ``+``.

    Raises
    ------
    AuditError
        Where a column is missing or `where` is not of that form.
    """
    found = [_parse(source, part.strip()) for part in where.split("+") if part.strip()]
    if split and not source.split:
        if SPLIT not in source.columns:
            raise AuditError(
                f"{source.path}: there is no column {SPLIT!r} to take the split "
                f"{split!r} from. Choose rows by another column with the option "
                "where=COLUMN:VALUE."
            )
        found.insert(0, Condition(SPLIT, split, "other split"))
    return found


def _parse(source: Source, part: str) -> Condition:
    """Split at the last colon that has the name of a column before it."""
    cuts = [at for at, character in enumerate(part) if character == ":"]
    if not cuts:
        raise AuditError(
            f"where={part}: write COLUMN:VALUE, such as where=lang:en; join several "
            "with +."
        )
    for cut in reversed(cuts):
        if part[:cut].strip() in source.columns:
            column, value = part[:cut].strip(), part[cut + 1 :].strip()
            return Condition(column, value, f"{column} is not {value}")
    name = part[: cuts[0]]
    raise AuditError(
        f"{source.path}: where={part}: there is no column {name!r}. "
        f"{suggest(name, source.columns)}"
    )


def none_left(source: Source, wanted: Sequence[Condition]) -> AuditError:
    """Say that no row meets the conditions."""
    explained = " and ".join(condition.explain() for condition in wanted)
    return AuditError(
        f"{source.path}: no row is left in which {explained}. Check split and where."
    )
