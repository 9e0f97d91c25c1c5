"""What stands beside a number: its texts, its tokens and how far to trust it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fairaudit.arrays import AnyArray, Array, BoolArray, IntArray
from fairaudit.model import FAULTS, Reading
from fairaudit.result import Finding, Interval, Json, Quantity
from fairaudit.stats.proportions import wilson

LONGEST: Final = 400
"""Characters of a text that is shown."""
MOST_TOKENS: Final = 64
SATURATED = Quantity(
    name="share_saturated",
    unit="proportion",
    ideal=None,
    low=0.0,
    high=1.0,
    definition=(
        "Share of texts whose predicted class is more probable than the parameter "
        "`saturated`: there the slope of the probability is small whatever the model "
        "attends to."
    ),
    reference="own",
)
COMPARABLE: Final[Mapping[str, str]] = {
    "unit": "per unit of embedding: comparable between models with one embedding table "
    "only; step=relative takes the scale of the table out",
    "relative": "per relative change of embedding: the scale of the embedding table "
    "drops out; other differences between models (tokens, dimensions, confidence) do "
    "not",
}

_CUT: Final = "the two models cut the text into different tokens"
_OTHERWISE: Final[Mapping[str, str]] = {
    "absolute": _CUT,
    "signed": _CUT,
    "lexicon": "no listed term",
    "directional": "no swap of listed terms",
}


def saturation(
    probabilities: Array, saturated: float, most: float, level: float
) -> Finding:
    """Return the share of saturated texts, flagged where it is more than `most`."""
    top = probabilities.max(axis=1)
    top = top[np.isfinite(top)]
    subject = f"texts with p > {saturated:g}"
    if not len(top):
        reason = "the model gave no finite probability"
        return Finding(quantity=SATURATED, subject=subject, reason=reason)
    hits = int((top > saturated).sum())
    low, high = wilson(hits, len(top), level)
    flagged = hits / len(top) > most
    flag = (
        f"more than {most:g} of the texts are saturated: small values in probability "
        "say little; read output=log_odds"
    )
    return Finding(
        quantity=SATURATED,
        subject=subject,
        value=hits / len(top),
        n=len(top),
        interval=Interval(float(low) if hits else 0.0, float(high), level, "Wilson"),
        detail={
            "mean_confidence": float(top.mean()),
            "flagged": flagged,
            "flag": flag if flagged else "",
        },
    )


def missing(reading: Reading, form: str, values: Array) -> Mapping[str, Json]:
    """Count texts without a value of a form, by reason."""
    left = ~np.isfinite(values)
    counts: dict[str, int] = {}
    columns = [("fault", "")]
    if "psm_fault" in reading and form not in {"lexicon", "directional"}:
        columns.append(("psm_fault", "PSM: "))
    for column, name in columns:
        for number, reason in FAULTS.items():
            concerned = left & (reading[column] == number)
            counts[f"{name}{reason}"] = int(concerned.sum())
            left = left & ~concerned
    counts[_OTHERWISE.get(form, "no value")] = int(left.sum())
    return {reason: count for reason, count in counts.items() if count}


def confidence(values: Array, reading: Reading) -> Mapping[str, Json]:
    """Return confidence beside P, and P on the scale of log-odds.

    dp = p (1 - p) d log-odds, so P in log-odds is P / (p (1 - p)).
    """
    usable = np.isfinite(values)
    if not usable.any():
        return {}
    top = reading["probabilities"][usable].max(axis=1)
    found: dict[str, Json] = {"mean_confidence": float(top.mean())}
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        odds = values[usable] / reading["steepness"][usable]
    if np.isfinite(odds).all():
        found["mean_in_log_odds"] = float(odds.mean())
    return found


def against_uniform(values: Array, flat: Array) -> Mapping[str, Json]:
    """Return the mean with equal weights v, and the ratio to it."""
    usable = np.isfinite(values) & np.isfinite(flat)
    if not usable.any():
        return {}
    mean = float(flat[usable].mean())
    ratio = float(values[usable].mean() / mean) if mean > 0 else None
    return {"mean_with_uniform_v": mean, "ratio_to_uniform_v": ratio}


@dataclass(frozen=True)
class Texts:
    """Texts with the contributions of their tokens.

    Parameters
    ----------
    texts, classes
        The texts and the names of the classes.
    reading
        The answer about them.
    """

    texts: Sequence[str]
    classes: Sequence[str]
    reading: Reading

    def top(self, values: Array, count: int) -> Json:
        """Return the texts with the largest values and what their tokens add to them.

        Long texts are cut, and of many tokens those that contribute most are kept, in
        the order of the text: `left_out` says how many were not.
        """
        size = np.where(np.isfinite(values), np.abs(values), -1.0)
        order = np.argsort(-size, kind="stable")[:count]
        return [
            self._one(int(row), float(values[row])) for row in order if size[row] >= 0
        ]

    def _one(self, row: int, value: float) -> Json:
        ends = np.cumsum(self.reading["lengths"])
        part = slice(int(ends[row] - self.reading["lengths"][row]), int(ends[row]))
        start, end, contribution = (
            self.reading[name][part] for name in ("start", "end", "contribution")
        )
        kept = _kept(contribution, end)
        table = self.reading["probabilities"][row]
        tokens: list[Json] = [
            {"start": int(a), "end": int(b), "contribution": float(c)}
            for a, b, c in zip(start[kept], end[kept], contribution[kept], strict=True)
        ]
        return {
            "row": row,
            "text": self.texts[row][:LONGEST],
            "value": value,
            "predicted": self.classes[int(table.argmax())],
            "confidence": float(table.max()),
            "tokens": tokens,
            "tokens_left_out": len(start) - len(tokens),
        }


def _kept(contribution: AnyArray, end: IntArray) -> IntArray:
    shown: BoolArray = (end <= LONGEST) & np.isfinite(contribution)
    places = np.flatnonzero(shown)
    largest = np.argsort(-np.abs(contribution[places]), kind="stable")[:MOST_TOKENS]
    return np.sort(places[largest])
