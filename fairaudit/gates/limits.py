"""One limit: which findings it is for, and where it lies."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

from fairaudit.result import Change, Record

On: TypeAlias = Literal["interval", "value", "change"]


class _Strict:
    """Pydantic's settings: unknown keys are refused, numbers are not made of text."""

    __pydantic_config__ = {"extra": "forbid", "strict": True, "allow_inf_nan": False}  # noqa: RUF012


@dataclass(frozen=True, kw_only=True)
class Gate(_Strict):
    """A limit on findings.

    Parameters
    ----------
    name
        What the reports call it.
    metric, quantity, subject, dataset, model
        Which findings; ``*`` and ``?`` match anything. A subject matches a finding's
        subject or its key.
    at_most, at_least
        Bounds of what is accepted.
    within
        Accepted distance from the quantity's ideal, instead of bounds.
    on
        What is held against the limit: the ``"interval"``, the ``"value"`` alone, or
        the ``"change"`` since the baseline.
    min_n
        With fewer units the gate is inconclusive.
    """

    name: str
    metric: str
    quantity: str = "*"
    subject: str = "*"
    dataset: str = "*"
    model: str = "*"
    at_most: float | None = None
    at_least: float | None = None
    within: float | None = None
    on: On = "interval"
    min_n: int = 0

    def problem(self) -> str:
        """Say why the limit makes no sense, in one sentence; empty where it does."""
        bounds = (self.at_most, self.at_least)
        if self.within is None and bounds == (None, None):
            return "give a limit: at_most, at_least or within."
        if self.within is not None and bounds != (None, None):
            return "within excludes at_most and at_least; give one or the other."
        if self.within is not None and self.within < 0:
            return "within is a distance and cannot be negative."
        if None not in bounds and self.at_least > self.at_most:  # type: ignore[operator]
            return (
                f"nothing is at least {self.at_least:g} and at most {self.at_most:g}; "
                "the limits contradict each other."
            )
        return ""

    def matches(self, found: Record | Change) -> bool:
        """Tell whether the gate is about a finding."""
        quantity = found.quantity
        named = quantity if isinstance(quantity, str) else quantity and quantity.name
        pairs = (
            (found.metric, self.metric),
            (named or "", self.quantity if named else "*"),
            (found.dataset, self.dataset),
            (found.model, self.model),
        )
        subjects = (found.subject, getattr(found, "key", "") or found.subject)
        return all(fnmatchcase(*pair) for pair in pairs) and any(
            fnmatchcase(subject, self.subject) for subject in subjects
        )

    def bounds(self, ideal: float | None) -> "Bounds | None":
        """Return what is accepted; None where `within` has no ideal to be around."""
        if self.within is None:
            return Bounds(self.at_least, self.at_most)
        if self.on == "change":
            return Bounds(-self.within, self.within)
        if ideal is None:
            return None
        return Bounds(ideal - self.within, ideal + self.within)


@dataclass(frozen=True)
class Bounds:
    """Accepted values, None where unbounded."""

    low: float | None
    high: float | None

    def words(self, on: On) -> str:
        """Return the limit in words.

        >>> Bounds(None, 0.1).words("interval")
        'interval at most 0.1'
        """
        parts = [] if self.low is None else [f"at least {self.low:g}"]
        parts += [] if self.high is None else [f"at most {self.high:g}"]
        return f"{on} {' and '.join(parts)}"


@dataclass(frozen=True, kw_only=True)
class Configuration(_Strict):
    """All limits of a project.

    Parameters
    ----------
    gate
        The limits.
    correction
        Over the tests of all gates.
    strict
        Whether inconclusive gates, and those that did not run, fail the run.
    """

    gate: tuple[Gate, ...] = ()
    correction: Literal["holm", "bh"] = "holm"
    strict: bool = False
