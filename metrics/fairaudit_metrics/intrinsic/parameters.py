"""Checks of parameters that several metrics have."""

from fairaudit.errors import AuditError


def require(holds: bool, metric: str, name: str, condition: str) -> None:
    """Refuse a parameter whose condition does not hold.

    >>> require(True, "ceat", "draws", "at least 1")
    """
    if not holds:
        raise AuditError(f"{metric}: {name} must be {condition}. Change the parameter.")


def require_shares(metric: str, max_missing: float, level: float) -> None:
    """Refuse a share of missing words, or a level, that is none."""
    require(0 <= max_missing < 1, metric, "max_missing", "at least 0, below 1")
    require(0 < level < 1, metric, "level", "between 0 and 1")
