"""Tests of pairs of descriptors: whether one is likelier in a template."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fairaudit.arrays import AnyArray, Array, BoolArray, IntArray
from fairaudit.data import Descriptors
from fairaudit.model import Reading
from fairaudit.result import Json
from fairaudit.stats.correction import Method, adjust
from fairaudit.stats.ranksum import pairwise_rank_sum
from fairaudit.stats.resampling import row_weights

SHOWN = 5


@dataclass(frozen=True)
class PairTests:
    """Tests of all pairs of descriptors of an axis within each template.

    Parameters
    ----------
    axis
        Name of the axis.
    names, templates
        Descriptors and templates by number.
    medians
        Shape (descriptors,): median over sentences of the perplexity.
    first, second, template
        Shape (pairs,): numbers of the two descriptors and the template.
    p_values, least
        Shape (pairs,): as in `fairaudit.stats.ranksum.PairwiseTests`.
    """

    axis: str
    names: tuple[str, ...]
    templates: tuple[str, ...]
    medians: Array
    first: IntArray
    second: IntArray
    template: IntArray
    p_values: Array
    least: Array

    def testable(self, alpha: float) -> BoolArray:
        """Tell for which pairs any data could show a difference."""
        return np.asarray(self.least <= alpha)

    def drawn(
        self, tested: BoolArray, differ: BoolArray, draws: int, rng: np.random.Generator
    ) -> Array:
        """Draw descriptors anew: pairs that differ and pairs, shape (draws, 2).

        A pair counts as often as its two descriptors are drawn, multiplied; a
        descriptor is never paired with itself.
        """
        count = len(self.names)
        tables = np.zeros((2, count, count))
        for table, rows in zip(tables, (tested & differ, tested), strict=True):
            np.add.at(table, (self.first[rows], self.second[rows]), 1.0)
        parts = [
            np.einsum("di,tij,dj->dt", weights, tables, weights, optimize=True)
            for weights in row_weights(count, None, draws, rng)
        ]
        return np.concatenate(parts)

    def by_template(self, tested: BoolArray, differ: BoolArray) -> Mapping[str, Json]:
        """Return the share of pairs that differ, template by template."""
        size = len(self.templates)
        pairs = np.bincount(self.template[tested], minlength=size)
        found = np.bincount(self.template[tested & differ], minlength=size)
        return {
            name: float(found[at] / pairs[at]) if pairs[at] else None
            for at, name in enumerate(self.templates)
        }

    def extremes(self) -> Mapping[str, Json]:
        """Return the descriptors with the lowest and the highest median perplexity."""
        order = np.argsort(self.medians, kind="stable").tolist()
        ends = {"likeliest": order[:SHOWN], "least_likely": order[::-1][:SHOWN]}
        return {
            name: [
                {"descriptor": self.names[at], "median_perplexity": self.medians[at]}
                for at in chosen
            ]
            for name, chosen in ends.items()
        }


def mean_nll(reading: Reading) -> tuple[Array, BoolArray]:
    """Return -mean log P(token | left context) of each text, and which were read."""
    lengths = reading["lengths"]
    row = np.repeat(np.arange(len(lengths)), lengths)
    total = np.bincount(row, reading["logprob"].astype(float), minlength=len(lengths))
    whole = (lengths > 0) & ~reading["truncated"]
    return np.asarray(-total / np.maximum(lengths, 1)), np.asarray(whole)


def tested_axes(data: Descriptors, nll: Array, read: BoolArray) -> Iterator[PairTests]:
    """Test the pairs of every axis with sentences that were read."""
    axis = np.array(data.axis, dtype=object)
    who = np.array(data.descriptors, dtype=object)
    stem = np.array(data.templates, dtype=object)
    for name in dict.fromkeys(axis[read].tolist()):
        rows = read & (axis == name)
        yield _test_axis(str(name), who[rows], stem[rows], nll[rows])


def corrected(
    p_values: Array, least: Array, alpha: float, method: Method
) -> tuple[Array, bool]:
    """Return adjusted p-values, and whether any data could make one <= alpha."""
    found = adjust(p_values.tolist(), method)
    best = adjust(least.tolist(), method)
    attainable = any(value is not None and value <= alpha for value in best)
    return np.array(found, dtype=float), attainable


def _test_axis(axis: str, who: AnyArray, stem: AnyArray, nll: Array) -> PairTests:
    names, code = np.unique(who, return_inverse=True)
    templates, of = np.unique(stem, return_inverse=True)
    columns: list[Sequence[AnyArray]] = []
    for number in range(len(templates)):
        rows = np.flatnonzero(of == number)
        there, sample = np.unique(code[rows], return_inverse=True)
        found = pairwise_rank_sum(nll[rows], sample)
        stems = np.full(len(found.u), number)
        pairs = there[found.first], there[found.second]
        columns.append((*pairs, stems, found.p_values, found.least))
    first, second, template, p_values, least = map(
        np.concatenate, zip(*columns, strict=True)
    )
    return PairTests(
        axis=axis,
        names=tuple(map(str, names)),
        templates=tuple(map(str, templates)),
        medians=_medians(np.exp(nll), code),
        first=first,
        second=second,
        template=template,
        p_values=p_values,
        least=least,
    )


def _medians(values: Array, code: IntArray) -> Array:
    from scipy.ndimage import median

    found = median(values, labels=code, index=np.arange(code.max() + 1))
    return np.asarray(found, dtype=float)
