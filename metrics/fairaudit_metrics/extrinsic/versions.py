"""Texts in versions that differ in the group they speak of, with their predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fairaudit.arrays import AnyArray, Array, BoolArray, IntArray
from fairaudit.data import Counterparts, Examples
from fairaudit.perturbation import Swapped
from fairaudit.result import Json, merged, unit_keys


@dataclass(frozen=True, kw_only=True)
class Versions:
    """Texts of one axis in versions, and which versions are compared.

    Parameters
    ----------
    axis, groups
        The axis and its groups.
    texts
        Text of each of the v versions.
    table
        Shape (v, classes): predicted probabilities.
    group, owner
        Shape (v,): group of a version, and the set that it belongs to: a text with all
        its variants, or given texts that are linked by pairs.
    pairs
        Shape (m, 2): versions to compare, the original or the first text first.
    keys
        Shape (sets,): what a set is known by in another audit of the same data.
    clusters
        Shape (sets,): sets with equal numbers depend on one another; None where all
        are independent.
    positive
        Shape (sets,): the text's label is the class scored; None where not known.
    subsets
        Further subjects of the results by name: shape (sets,) each.
    ordered
        Whether it matters which of two groups the original names.
    detail
        Counts of what was left out.
    """

    axis: str
    groups: tuple[str, ...]
    texts: Sequence[str]
    table: Array
    group: IntArray
    owner: IntArray
    pairs: IntArray
    keys: IntArray
    clusters: IntArray | None = None
    positive: BoolArray | None = None
    subsets: Mapping[str, BoolArray] = field(default_factory=dict)
    ordered: bool = True
    detail: Mapping[str, Json] = field(default_factory=dict)

    @property
    def sets(self) -> int:
        """How many sets of versions there are."""
        return int(self.owner.max(initial=-1)) + 1

    @property
    def pair_owner(self) -> IntArray:
        """Shape (m,): the set of each pair."""
        return self.owner[self.pairs[:, 0]]

    @property
    def pair_groups(self) -> IntArray:
        """Shape (m, 2): the groups of each pair."""
        return self.group[self.pairs]

    def by_set(self, values: AnyArray, rows: BoolArray | None = None) -> Array:
        """Average a value of pairs over each set, shape (sets,); NaN for none.

        `rows` tells which pairs count; by default all.
        """
        kept = slice(None) if rows is None else rows
        count = np.bincount(self.pair_owner[kept], minlength=self.sets)
        total = np.bincount(self.pair_owner[kept], values[kept], self.sets)
        found = np.full(self.sets, np.nan)
        np.divide(total, count, out=found, where=count > 0)
        return found


def swapped_versions(
    data: Examples,
    swapped: Swapped,
    groups: tuple[str, ...],
    predicted: Mapping[str, Array],
    scored: str | None,
) -> Versions:
    """Return texts with their swapped variants.

    `predicted` holds the class probabilities of a text; `scored` is the class that is
    scored, where it is one.
    """
    rows, owner = np.unique(swapped.rows, return_inverse=True)
    texts = [*(data.texts[row] for row in rows.tolist()), *swapped.texts]
    number = {name: at for at, name in enumerate(groups)}
    to_group = _numbers(swapped.to_groups, number)
    original = np.zeros(len(rows), dtype=np.int64)
    original[owner] = _numbers(swapped.from_groups, number)
    later = len(rows) + np.arange(len(owner))
    labels = data.labels[rows]
    return Versions(
        axis=swapped.axis,
        groups=groups,
        texts=texts,
        table=np.stack([predicted[text] for text in texts]),
        group=np.r_[original, to_group],
        owner=np.r_[np.arange(len(rows)), owner],
        pairs=np.column_stack([owner, later]),
        keys=unit_keys(data.texts)[rows],
        clusters=None if data.clusters is None else data.clusters[rows],
        positive=_positive(data, labels, scored),
        subsets={
            f"label={name}": labels == at for at, name in enumerate(data.label_names)
        },
        detail=_swap_counts(data, swapped),
    )


def given_versions(
    data: Counterparts, axis: str, predicted: Mapping[str, Array]
) -> Versions:
    """Return the given pairs of one axis; rows of one unit are averaged."""
    rows = np.flatnonzero(np.array(data.axis, dtype=object) == axis)
    first_of, unit = _units(data, rows)
    lead = rows[first_of]
    groups = tuple(dict.fromkeys(_sides(data, lead)))
    number = {name: at for at, name in enumerate(groups)}
    codes = np.column_stack(
        [
            _numbers([side[row] for row in lead.tolist()], number)
            for side in (data.first_groups, data.second_groups)
        ]
    )
    ids, shown = _identities(data, lead, codes, np.bincount(unit))
    table = _averaged(data, rows, ids[unit], len(shown), predicted)
    group = np.zeros(len(shown), dtype=np.int64)
    group[ids] = codes
    owner = _linked(ids, len(shown))
    set_row = np.zeros(owner.max(initial=-1) + 1, dtype=np.int64)
    set_row[owner[ids[::-1, 0]]] = lead[::-1]
    return Versions(
        axis=axis,
        groups=groups,
        texts=shown,
        table=table,
        group=group,
        owner=owner,
        pairs=_oriented(ids, codes),
        keys=merged(unit_keys(data.first, data.second)[rows], owner[ids[unit, 0]]),
        clusters=_codes([data.templates[r] for r in set_row.tolist()])
        if data.templates
        else None,
        subsets=_categories(data, set_row),
        ordered=False,
        detail={"left_out": dict(data.card.left_out)},
    )


def _averaged(
    data: Counterparts,
    rows: IntArray,
    ids: IntArray,
    shown: int,
    predicted: Mapping[str, Array],
) -> Array:
    """Average the predictions of the texts that are one version, shape (shown, k)."""
    sums = np.zeros((shown, len(next(iter(predicted.values())))))
    count = np.zeros(shown)
    for side, texts in enumerate((data.first, data.second)):
        found = np.stack([predicted[texts[row]] for row in rows.tolist()])
        np.add.at(sums, ids[:, side], found)
        np.add.at(count, ids[:, side], 1)
    return sums / count[:, None]


def _numbers(names: Sequence[str], number: Mapping[str, int]) -> IntArray:
    return np.array([number[name] for name in names], dtype=np.int64)


def _codes(names: Sequence[str]) -> IntArray:
    known = {name: at for at, name in enumerate(dict.fromkeys(names))}
    return _numbers(names, known)


def _positive(data: Examples, labels: IntArray, scored: str | None) -> BoolArray | None:
    if scored not in data.label_names or not (labels >= 0).all():
        return None
    found: BoolArray = labels == data.label_names.index(scored)
    return found


def _swap_counts(data: Examples, swapped: Swapped) -> dict[str, Json]:
    return {
        "texts": len(data.texts),
        **{state.replace(" ", "_"): n for state, n in swapped.counts.items()},
        "reasons": dict(swapped.reason_counts),
        "variants": len(swapped.texts),
        "variants_left_out": dict(swapped.left_out),
    }


def _sides(data: Counterparts, rows: IntArray) -> list[str]:
    return [
        name
        for row in rows.tolist()
        for name in (data.first_groups[row], data.second_groups[row])
    ]


def _units(data: Counterparts, rows: IntArray) -> tuple[IntArray, IntArray]:
    """Return the first row of each unit, and the unit of each row."""
    if not data.units:
        return np.arange(len(rows)), np.arange(len(rows))
    unit = _codes([data.units[row] for row in rows.tolist()])
    first = np.zeros(unit.max(initial=-1) + 1, dtype=np.int64)
    first[unit[::-1]] = np.arange(len(rows))[::-1]
    return first, unit


def _identities(
    data: Counterparts, lead: IntArray, codes: IntArray, sizes: IntArray
) -> tuple[IntArray, list[str]]:
    """Return numbers of the versions, shape (units, 2), and what to show of each.

    A text that stands in several pairs of one template is one version; an average is a
    version of its own.
    """
    known: dict[tuple[object, ...], int] = {}
    shown: list[str] = []
    ids = np.zeros((len(lead), 2), dtype=np.int64)
    for at, (row, size) in enumerate(zip(lead.tolist(), sizes.tolist(), strict=True)):
        template = data.templates[row] if data.templates else ""
        for side, text in enumerate((data.first[row], data.second[row])):
            averaged = at if size > 1 else -1
            key = (text, int(codes[at, side]), template, averaged)
            if key not in known:
                known[key] = len(shown)
                shown.append(text if size == 1 else f"{text} (and {size - 1} more)")
            ids[at, side] = known[key]
    return ids, shown


def _linked(ids: IntArray, versions: int) -> IntArray:
    """Return the number of the set of each version; pairs link versions."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = (np.ones(len(ids)), (ids[:, 0], ids[:, 1]))
    graph = coo_array(edges, shape=(versions, versions))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _oriented(ids: IntArray, codes: IntArray) -> IntArray:
    """Turn pairs round so that two groups always stand in the order seen first."""
    low, high = codes.min(axis=1), codes.max(axis=1)
    kind = low * (codes.max(initial=0) + 1) + high
    _, first, number = np.unique(kind, return_index=True, return_inverse=True)
    turned = codes[:, 0] != codes[first[number], 0]
    return np.where(turned[:, None], ids[:, ::-1], ids)


def _categories(data: Counterparts, rows: IntArray) -> dict[str, BoolArray]:
    if not data.categories:
        return {}
    names = np.array([data.categories[row] for row in rows.tolist()], dtype=object)
    return {name: names == name for name in dict.fromkeys(names.tolist()) if name}
