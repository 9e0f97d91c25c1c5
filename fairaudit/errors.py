"""Errors that are shown to the user without a traceback."""

from collections.abc import Iterable
from difflib import get_close_matches


class AuditError(Exception):
    """A mistake the user can mend: the message says what, where and how to mend it."""


def suggest(name: str, known: Iterable[str]) -> str:
    """Return a sentence that names the nearest known name and lists all of them.

    >>> suggest("ceta", ["ceat", "disparity"])
    "Did you mean 'ceat'? Known: ceat, disparity."
    """
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return f"{hint}Known: {', '.join(names) or 'none'}."
