"""Findings about the gaps of classes between two groups."""

from collections.abc import Iterator

import numpy as np

from fairaudit.arrays import Array, IntArray
from fairaudit.result import Finding, Interval, Json, Quantity
from fairaudit.stats.correlation import (
    coefficients,
    permutation_test,
    standard_interval,
)
from fairaudit.stats.norms import chance_of_size, norm, norm_intervals
from fairaudit_metrics.extrinsic.profession_quantities import (
    CHANGE,
    COMPOUNDING,
    CORRELATION,
    GAP,
    RMS,
)
from fairaudit_metrics.extrinsic.professions import Professions


def class_findings(table: Professions) -> Iterator[Finding]:
    """Return the gap of each class, and how the imbalance changes.

    The interval of a gap is that of Agresti and Caffo (2000) by bootstrap: smoothed
    difference +- z spreads; it is widened where needed to hold the value.
    """
    known = table.measured
    if len(known):
        ends = _gap_intervals(table, known)
        shifts = _change_intervals(table, known)
    for number in table.decisions.rated:
        if reason := table.reason(number):
            for quantity in (GAP, CHANGE):
                yield _undefined(table, quantity, number, reason)
        else:
            at = int(np.flatnonzero(known == number)[0])
            yield _gap(table, number, *(interval[at] for interval in ends))
            yield _change(table, number, shifts[at])


def axis_findings(
    table: Professions, draws: int, rng: np.random.Generator
) -> Iterator[Finding]:
    """Return size of the gaps, correlation with the share, compounding imbalance."""
    if not len(table.measured):
        for quantity in (RMS, CORRELATION, COMPOUNDING):
            yield _nothing(table, quantity, "no class has enough texts in both groups")
        return
    yield _rms(table)
    yield _correlation(table, draws, rng)
    yield _compounding(table)


def _gap_intervals(table: Professions, known: IntArray) -> tuple[Array, ...]:
    from scipy.special import ndtri

    sample = table.drawn_gaps(known)
    every = np.arange(len(known))
    reaches = ndtri((1 + table.level) / 2), sample.critical(every, table.level)
    found = []
    for reach in reaches:
        half = reach * sample.spread
        low = np.minimum(sample.centre - half, table.gaps[known])
        high = np.maximum(sample.centre + half, table.gaps[known])
        found.append(np.clip(np.column_stack([low, high]), -1, 1))
    return tuple(found)


def _change_intervals(table: Professions, known: IntArray) -> Array:
    tail = (1 - table.level) / 2
    drawn = table.drawn_hit_shares(known) - table.shares[known, None]
    return np.nanquantile(drawn, [tail, 1 - tail], axis=1).T


def _counts(table: Professions, number: int) -> dict[str, Json]:
    return {
        "n": dict(zip(table.names, table.totals[number].tolist(), strict=True)),
        "unlabelled_rows": table.decisions.unlabelled,
    }


def _subject(table: Professions, number: int) -> str:
    name = table.decisions.names[table.decisions.rated.index(number)]
    first, second = table.names
    return f"{table.axis.name}: {first} vs {second}, class {name}"


def _undefined(
    table: Professions, quantity: Quantity, number: int, reason: str
) -> Finding:
    return Finding(
        quantity=quantity,
        subject=_subject(table, number),
        reason=reason,
        detail=_counts(table, number),
    )


def _gap(table: Professions, number: int, alone: Array, joint: Array) -> Finding:
    names = table.names
    wrong = table.false_positive_rates[number]
    rates = zip(names, table.rates[number].tolist(), strict=True)
    return Finding(
        quantity=GAP,
        subject=_subject(table, number),
        value=float(table.gaps[number]),
        n=int(table.totals[number].sum()),
        interval=Interval(
            float(alone[0]), float(alone[1]), table.level, table.sample.method
        ),
        detail={
            **_counts(table, number),
            "true_positive_rates": dict(rates),
            "false_positive_rates": {
                name: rate
                for name, rate in zip(names, wrong.tolist(), strict=True)
                if np.isfinite(rate)
            },
            "share": float(table.shares[number]),
            "simultaneous_interval": joint.tolist(),
        },
    )


def _change(table: Professions, number: int, ends: Array) -> Finding:
    share, among_hits = table.shares[number], table.hit_shares[number]
    if not np.isfinite(among_hits):
        reason = "no text of the class is predicted correctly"
        return _undefined(table, CHANGE, number, reason)
    value = float(among_hits - share)
    return Finding(
        quantity=CHANGE,
        subject=_subject(table, number),
        value=value,
        n=int(table.totals[number].sum()),
        interval=Interval(
            min(float(ends[0]), value),
            max(float(ends[1]), value),
            table.level,
            f"percentiles, {table.sample.method}",
        ),
        detail={
            **_counts(table, number),
            "share": float(share),
            "share_among_hits": float(among_hits),
            "compounding": bool(table.compounds[number]),
        },
    )


def _rms(table: Professions) -> Finding:
    known = table.measured
    sample, gaps = table.drawn_gaps(known), table.gaps[known]
    noise = (sample.draws - sample.centre[:, None])[None]
    low, high = norm_intervals(gaps[None], noise, "rms", table.level)[0].tolist()
    first, second = table.names
    name = _name(table, int(known[np.argmax(np.abs(gaps))]))
    return Finding(
        quantity=RMS,
        subject=f"{table.axis.name}: {first} vs {second}",
        value=float(norm(gaps[None], "rms")[0]),
        n=int(table.totals[known].sum()),
        interval=Interval(
            low, min(high, 1.0), table.level, "inverted test of noise, conservative"
        ),
        p_value=float(chance_of_size(gaps[None], noise, "rms")[0]),
        null=f"{first} and {second} have the same true positive rate in every class",
        detail={
            **_summary(table),
            "worst_class": name,
            "worst_pair": [first, second],
            "worst_group": first if gaps[np.argmax(np.abs(gaps))] < 0 else second,
            "expected_without_gaps": float(norm(noise, "rms").mean()),
        },
    )


def _correlation(table: Professions, draws: int, rng: np.random.Generator) -> Finding:
    known = table.measured
    shares, gaps = table.shares[known], table.gaps[known]
    value = float(coefficients("pearson", shares, gaps)) if len(known) > 2 else np.nan
    if not np.isfinite(value):
        reason = (
            f"{len(known)} classes have a gap; a correlation needs three"
            if len(known) < 3
            else "the gaps or the shares are all equal"
        )
        return _nothing(table, CORRELATION, reason)
    test = permutation_test("pearson", shares, gaps, draws, rng)
    ends = standard_interval("pearson", value, len(known), table.level)
    detail = _summary(table)
    if ends is None:
        detail["no_interval"] = "Fisher's z needs four classes and |r| < 1"
    first, second = table.names
    return Finding(
        quantity=CORRELATION,
        subject=f"{table.axis.name}: {first} vs {second}",
        value=value,
        n=len(known),
        interval=ends and Interval(*ends, table.level, "Fisher's z over the classes"),
        p_value=test.p_value,
        null=f"the gap of a class does not go with the share of {first} in it",
        detail={**detail, "test": test.method},
    )


def _compounding(table: Professions) -> Finding:
    known = table.measured
    known = known[np.isfinite(table.hit_shares[known])]
    if not len(known):
        reason = "no text of any class is predicted correctly"
        return _nothing(table, COMPOUNDING, reason)
    value = float(table.compounds[known].mean())
    tail = (1 - table.level) / 2
    drawn = table.drawn_compounds(known).mean(axis=0)
    low, high = np.quantile(drawn, [tail, 1 - tail]).tolist()
    first, second = table.names
    return Finding(
        quantity=COMPOUNDING,
        subject=f"{table.axis.name}: {first} vs {second}",
        value=value,
        n=len(known),
        interval=Interval(
            min(low, value),
            max(high, value),
            table.level,
            f"percentiles, {table.sample.method}",
        ),
        detail={
            **_summary(table),
            "compounding": [_name(table, int(y)) for y in known if table.compounds[y]],
        },
    )


def _name(table: Professions, number: int) -> str:
    return table.decisions.names[table.decisions.rated.index(number)]


def _summary(table: Professions) -> dict[str, Json]:
    reasons = {_name(table, y): table.reason(y) for y in table.decisions.rated}
    return {
        "classes": len(table.measured),
        "texts": dict(
            zip(table.names, table.totals[table.measured].sum(0).tolist(), strict=True)
        ),
        "left_out": {name: reason for name, reason in reasons.items() if reason},
        "accuracy": float(table.decisions.outcome.mean()),
        "unlabelled_rows": table.decisions.unlabelled,
    }


def _nothing(table: Professions, quantity: Quantity, reason: str) -> Finding:
    return Finding(
        quantity=quantity,
        subject=f"{table.axis.name}: {table.names[0]} vs {table.names[1]}",
        reason=reason,
        detail=_summary(table),
    )
