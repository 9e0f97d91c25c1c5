"""Pairs of sentences about two groups, and how much likelier the one is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import Array, BoolArray, IntArray
from fairaudit.data import Counterparts
from fairaudit.model import Reading
from fairaudit.result import Json, unit_keys

STEREOTYPE = "stereotype of "


def log_ratios(reading: Reading, pairs: int) -> tuple[Array, BoolArray]:
    """Return log P(second) - log P(first) of each pair, and which were read whole."""
    lengths = reading["lengths"]
    row = np.repeat(np.arange(len(lengths)), lengths)
    logprob = reading["logprob"].astype(np.float64)
    total = np.bincount(row, logprob, minlength=len(lengths))
    whole = (lengths > 0) & ~reading["truncated"]
    difference: Array = (total[pairs:] - total[:pairs]).astype(np.float64)
    return difference, whole[:pairs] & whole[pairs:]


@dataclass(frozen=True)
class Pairs:
    """Pairs that were read, n of them.

    Parameters
    ----------
    ratios
        Shape (n,): log P(second) - log P(first).
    sign
        Shape (n,): 1 where the second sentence fits the stereotype, -1 where the first
        does, 0 where the data says of neither.
    keys
        Shape (n,): what a pair is known by in another audit of the same data.
    """

    ratios: Array
    sign: IntArray
    kinds: IntArray
    compared: IntArray
    templates: IntArray
    clusters: IntArray
    keys: IntArray
    unread: int

    @classmethod
    def of(cls, data: Counterparts, ratios: Array, read: BoolArray) -> "Pairs":
        """Take the pairs that were read whole."""
        n = len(read)
        told = data.categories or ("",) * n
        fits = [text.rpartition(STEREOTYPE)[2] for text in told]
        sign = [
            (group == second) - (group == first)
            for group, first, second in zip(
                fits, data.first_groups, data.second_groups, strict=True
            )
        ]
        columns = zip(data.axis, data.first_groups, data.second_groups, strict=True)
        templates = _column(data.templates or tuple(map(str, range(n))))[read]
        return cls(
            ratios=ratios[read],
            sign=np.array(sign, dtype=np.int64)[read],
            kinds=_column(text.partition(",")[0] for text in told)[read],
            compared=_column(f"{a}: {s} vs {f}" for a, f, s in columns)[read],
            templates=templates,
            clusters=np.unique(templates, return_inverse=True)[1],
            keys=unit_keys(data.first, data.second)[read],
            unread=int((~read).sum()),
        )

    @property
    def directed(self) -> BoolArray:
        """Whether a stereotype is known."""
        known: BoolArray = self.sign != 0
        return known

    @property
    def signed(self) -> Array:
        """Shape (n,): log P(pro) - log P(anti)."""
        return self.ratios * self.sign

    def detail(self, rows: BoolArray) -> Mapping[str, Json]:
        """Count the pairs by the side that the stereotype is on."""
        return {
            "stereotype_of_first_group": int((self.sign[rows] < 0).sum()),
            "stereotype_of_second_group": int((self.sign[rows] > 0).sum()),
            "ties": int((self.ratios[rows] == 0).sum()),
            "not_read_whole": self.unread,
        }

    def by_occupation(self) -> Mapping[str, float]:
        """Return the mean log-ratio by occupation, the first part of a template.

        Only pairs of a sentence about a woman with one about a man count.
        """
        found: dict[str, list[float]] = {}
        for template, compared, ratio in zip(
            self.templates.tolist(), self.compared.tolist(), self.ratios, strict=True
        ):
            groups = str(compared).partition(": ")[2].split(" vs ")
            if {"female", "women"} & {groups[0]} and {"male", "men"} & {groups[1]}:
                occupation = str(template).partition(".")[0]
                found.setdefault(occupation, []).append(float(ratio))
        return {name: float(np.mean(ratios)) for name, ratios in found.items()}


def _column(values: Iterable[str]) -> IntArray:
    found: IntArray = np.array(list(values), dtype=object)
    return found
