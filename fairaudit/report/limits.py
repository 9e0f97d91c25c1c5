"""How much of an audit the page shows: it stays under 500 kB whatever it holds."""

from dataclasses import dataclass, fields
from typing import Final

PAGE: Final = 490_000
"""Bytes that a page may have; one that has more is made again with less."""
EMBEDDED: Final = 120_000
"""Characters of JSON that are put into the page."""


MANY: Final = 10_000
"""Records of an audit whose page begins with half of everything."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Most items of each part of the page; what is beyond is counted."""

    sentences: int = 12
    charts: int = 16
    rows: int = 150
    lines: int = 4
    models: int = 40
    gates: int = 100
    changes: int = 60
    dumbbells: int = 6
    rankings: int = 20
    ranked: int = 8
    scatters: int = 6
    pairs: int = 30
    tables: int = 12
    groups: int = 40
    columns: int = 8
    exhibits: int = 6
    checks: int = 60
    missing: int = 100
    datasets: int = 20
    cards: int = 80

    def halved(self) -> "Limits":
        """Return limits of half the size, at least 1."""
        return Limits(
            **{f.name: max(1, getattr(self, f.name) // 2) for f in fields(self)}
        )
