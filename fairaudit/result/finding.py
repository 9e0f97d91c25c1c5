"""One number about one subject, or the reason why there is none."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal, TypeAlias

from fairaudit.result.units import Units

Scalar: TypeAlias = str | int | float | bool | None
Json: TypeAlias = Scalar | Sequence["Json"] | Mapping[str, "Json"]
Family: TypeAlias = Literal["intrinsic", "extrinsic", "sensitivity"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """What a number means, said once.

    Parameters
    ----------
    name
        Stable identifier, such as ``"combined_effect_size"``.
    unit
        Unit in words, such as ``"standard deviations"``.
    ideal
        The value that shows no disparity: 0 for a gap, 1 for a ratio, 50 for a
        preference score; None where no single value is ideal (a rate of one group).
    low, high
        Bounds of the possible values, None where unbounded.
    definition
        One sentence or formula.
    reference
        Paper and equation, or "own" where the definition is ours.
    """

    name: str
    unit: str
    ideal: float | None
    low: float | None = None
    high: float | None = None
    definition: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval and how it was made."""

    low: float
    high: float
    level: float = 0.95
    method: str = ""

    def __post_init__(self) -> None:
        _require_finite("interval", self.low, self.high)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One number about one subject, or the reason why there is none.

    Parameters
    ----------
    quantity
        What the number means.
    subject
        What was measured or compared, such as ``"gender: women vs men"``.
    value
        The number; None exactly when `reason` is given.
    n
        How many units (texts, pairs, draws) the number rests on.
    interval
        Confidence interval, where one is defined.
    p_value
        Of the test against `null`; corrected over the whole audit by the engine.
    null
        The null hypothesis in words.
    reason
        Why there is no value.
    detail
        Further figures, as JSON.
    key
        What the finding is called across models, where the subject's words depend on
        the result (which two groups lie farthest apart); else empty.
    units
        Contributions of single units whose mean is the value, where they are exact: for
        a paired test against another audit of the same data. Not part of the JSON.
    """

    quantity: Quantity
    subject: str
    value: float | None = None
    n: int = 0
    interval: Interval | None = None
    p_value: float | None = None
    null: str = ""
    reason: str = ""
    detail: Mapping[str, Json] = field(default_factory=dict)
    key: str = ""
    units: Units | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if (self.value is None) == (not self.reason):
            raise ValueError(f"{self.subject}: give either a value or a reason")
        _require_finite(self.subject, self.value, self.p_value)
        _require_finite(f"{self.subject}: detail", *_floats(self.detail))


def _floats(found: Json) -> Iterator[float]:
    if isinstance(found, float):
        yield found
    elif isinstance(found, Mapping):
        for value in found.values():
            yield from _floats(value)
    elif isinstance(found, Sequence) and not isinstance(found, str):
        for value in found:
            yield from _floats(value)


def _require_finite(subject: str, *values: float | None) -> None:
    if not all(value is None or isfinite(value) for value in values):
        raise ValueError(f"{subject}: {values} is not finite; give a reason instead")
