"""The same units in two audits, and the standard error of their differences."""

from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array
from fairaudit.result import Units

SAME = 1e-12


@dataclass(frozen=True)
class Unpaired:
    """Why two findings are not compared unit by unit."""

    reason: str


def differences(now: Units, then: Units) -> Array | Unpaired:
    """Return the differences of the contributions, unit by unit.

    Only where both rest on the same units, and where their differences tell how much
    they vary: a change of all units by the same amount does not.
    """
    mine, other = np.argsort(now.keys), np.argsort(then.keys)
    if not np.array_equal(now.keys[mine], then.keys[other]):
        shared = len(np.intersect1d(now.keys, then.keys))
        most = max(len(mine), len(other))
        return Unpaired(f"only {shared} of {most} units are in both audits")
    found: Array = now.values[mine] - then.values[other]
    if len(found) < 2:
        return Unpaired("there is a single unit")
    if found.any() and np.ptp(found) <= SAME * np.abs(found).max():
        return Unpaired("all units changed alike")
    return found


def standard_error(found: Array) -> float:
    """Return the standard deviation of differences over the root of their number."""
    return float(np.std(found, ddof=1) / np.sqrt(len(found)))


def degrees_of_freedom(found: Array) -> float:
    """Return the degrees of freedom of the variance of differences.

    The variance of n values with kurtosis k has about 2 n / (k - 1) (Satterthwaite
    1946, Biometrics Bulletin 2:110); here at most n - 1, as of normal ones, and at
    least 1. Where few units changed at all, as decisions do, there are few.
    """
    away = found - found.mean()
    if not away.any():
        return len(found) - 1
    squares = (away / np.abs(away).max()) ** 2
    excess = float(np.mean(squares**2) / np.mean(squares) ** 2) - 1
    return float(np.clip(2 * len(found) / max(excess, 1.0), 1, len(found) - 1))
