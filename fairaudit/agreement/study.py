"""Correlations over models between the scores of different metric families."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final, Literal, TypeAlias

import numpy as np

from fairaudit.agreement.alignment import align
from fairaudit.agreement.series import Panel, Score, Series, panels, values
from fairaudit.arrays import Array
from fairaudit.errors import AuditError
from fairaudit.result import (
    Agreement,
    AuditReport,
    Correlation,
    DomainDistance,
    Family,
    Interval,
)
from fairaudit.stats.correction import Method, adjust
from fairaudit.stats.correlation import (
    COEFFICIENTS,
    Coefficient,
    bootstrap_interval,
    coefficients,
    leave_one_out,
    permutation_test,
    standard_interval,
)

Align: TypeAlias = Literal["none", "groups"]
Pair: TypeAlias = tuple[Series, Series]
FAMILIES: Final[tuple[tuple[Family, Family], ...]] = (
    ("intrinsic", "extrinsic"),
    ("intrinsic", "sensitivity"),
    ("extrinsic", "sensitivity"),
)
LEAST: Final = 3
"""Fewer models have no correlation worth a number."""
INFERENCE: Final = 10
"""Fewer models are described, not tested."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the study is made.

    Parameters
    ----------
    score
        ``"variance"`` over groups (Cao et al. 2022) or the findings' own ``"value"``.
    align
        ``"groups"``: variances over the groups that both metrics have.
    ddof
        Of the variance over groups.
    correction
        Over all p-values of the table, the three coefficients included.
    """

    score: Score = "variance"
    align: Align = "none"
    ddof: int = 1
    draws: int = 9999
    level: float = 0.95
    correction: Method = "holm"
    seed: int = 0


def study(report: AuditReport, settings: Settings) -> tuple[Agreement, ...]:
    """Correlate every metric with those of the other families over the models.

    Raises
    ------
    AuditError
        Where there are no two metrics of different families on the same axis.
    """
    require_pairs(report, settings)
    pairs = _pairs(report, settings)
    found = [agreement(*pair, settings, report.domains) for pair in pairs]
    return _corrected(found, settings)


def require_pairs(report: AuditReport, settings: Settings) -> None:
    """Refuse audits in which there is nothing to correlate, before any long work."""
    if next(_pairs(report, settings), None) is None:
        raise AuditError(
            "No two metrics of different families can be compared: give audits with "
            f"{_wanted(settings)} of at least two families."
        )


def agreement(
    first: Series,
    second: Series,
    settings: Settings,
    domains: Sequence[DomainDistance] = (),
) -> Agreement:
    """Return the agreement of two series over the models that have both."""
    models = sorted(first.values.keys() & second.values.keys())
    x = np.array([first.values[model] for model in models])
    y = np.array([second.values[model] for model in models])
    found = Agreement(
        first=first.name,
        second=second.name,
        families=(first.family, second.family),
        models=tuple(models),
        x=tuple(x.tolist()),
        y=tuple(y.tolist()),
        alignment=align(first, second, domains),
        descriptive=len(models) < INFERENCE,
    )
    if reason := _reason(x, y):
        return replace(found, reason=reason)
    rng = np.random.default_rng(
        [settings.seed, *f"{first.name}|{second.name}".encode()]
    )
    return replace(
        found,
        correlations=tuple(_correlation(k, x, y, settings, rng) for k in COEFFICIENTS),
    )


def _wanted(settings: Settings) -> str:
    if settings.score == "value":
        return "findings that have an ideal,"
    return "scores of at least two groups of one axis (subjects such as gender=women)"


def _pairs(report: AuditReport, settings: Settings) -> Iterator[Pair]:
    for one, other in FAMILIES:
        if settings.score == "value":
            every = values(report.records)
            firsts = [series for series in every if series.family == one]
            seconds = [series for series in every if series.family == other]
            yield from product(firsts, seconds)
        else:
            yield from _variances(panels(report.records), one, other, settings)


def _variances(
    every: Sequence[Panel], one: Family, other: Family, settings: Settings
) -> Iterator[Pair]:
    firsts = [panel for panel in every if panel.series.family == one]
    seconds = [panel for panel in every if panel.series.family == other]
    for first, second in product(firsts, seconds):
        if first.series.axis == second.series.axis:
            shared = first.series.groups & second.series.groups
            groups = shared if settings.align == "groups" else None
            yield (
                first.variance(groups, settings.ddof),
                second.variance(groups, settings.ddof),
            )


def _reason(x: Array, y: Array) -> str:
    if len(x) < LEAST:
        return f"only {len(x)} models have both numbers; at least {LEAST} are needed"
    still = [side for side, v in (("first", x), ("second", y)) if np.ptp(v) == 0]
    return f"the {still[0]} metric is the same for all models" if still else ""


def _correlation(
    kind: Coefficient, x: Array, y: Array, settings: Settings, rng: np.random.Generator
) -> Correlation:
    value = float(coefficients(kind, x, y))
    level = settings.level
    standard = standard_interval(kind, value, len(x), level)
    resampled = bootstrap_interval(kind, x, y, level, settings.draws, rng)
    found = Correlation(
        coefficient=kind,
        value=value,
        interval=_interval(standard, level, "Fisher z"),
        bootstrap=_interval(resampled, level, "percentile bootstrap over models"),
        leave_one_out=leave_one_out(kind, x, y),
    )
    if len(x) < INFERENCE:
        return replace(found, reason=f"fewer than {INFERENCE} models: descriptive only")
    tested = permutation_test(kind, x, y, settings.draws, rng)
    return replace(found, p_value=tested.p_value, method=tested.method)


def _interval(
    bounds: tuple[float, float] | None, level: float, method: str
) -> Interval | None:
    return None if bounds is None else Interval(*bounds, level, method)


def _corrected(found: Sequence[Agreement], settings: Settings) -> tuple[Agreement, ...]:
    """Adjust every p-value of the table together."""
    raw = [c.p_value for agreement in found for c in agreement.correlations]
    adjusted = iter(adjust(raw, settings.correction))
    return tuple(
        replace(
            agreement,
            correlations=tuple(
                replace(c, p_adjusted=next(adjusted)) for c in agreement.correlations
            ),
        )
        for agreement in found
    )
