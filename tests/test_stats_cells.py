"""Confusion tables of groups and the rates read from them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairaudit.stats.cells import (
    count_cells,
    one_vs_rest,
    ratio,
    true_positive_rates,
)
from fairaudit.stats.patterns import first_rows, patterns


def random_rows(n, groups, rng, classes=2):
    member = rng.random((n, groups)) < 0.3
    return member, *rng.integers(0, classes, (2, n))


def counted(member, label, decision, classes=(2, 2)):
    code, first = patterns(member)
    return count_cells(member[first], code, label, decision, classes)


@pytest.mark.parametrize("groups", [1, 5, 70])
@pytest.mark.parametrize("classes", [2, 4])
def test_cells_count_what_masks_count(groups, classes):
    member, label, decision = random_rows(
        500, groups, np.random.default_rng(0), classes
    )
    found = counted(member, label, decision, (classes, classes))
    assert found.counts.sum() == 500
    for g in range(groups):
        for y in range(classes):
            for d in range(classes):
                rows = member[:, g] & (label == y) & (decision == d)
                assert found.tables[g, y, d] == rows.sum()


def test_cells_do_not_depend_on_the_order_of_rows():
    rng = np.random.default_rng(1)
    rows = random_rows(300, 4, rng)
    order = rng.permutation(300)
    one, two = counted(*rows), counted(*(part[order] for part in rows))
    assert np.array_equal(one.counts, two.counts)
    assert np.array_equal(one.member, two.member)


@given(st.lists(st.lists(st.booleans(), min_size=9, max_size=9), min_size=1))
def test_patterns_are_the_distinct_rows(rows):
    bits = np.array(rows)
    code, first = patterns(bits)
    assert len(first) == len({tuple(row) for row in rows})
    assert np.array_equal(bits[first][code], bits)
    assert np.array_equal(first_rows(code), first)


@pytest.mark.parametrize("classes", [2, 5])
def test_rates_are_conditional_shares(classes):
    rng = np.random.default_rng(2)
    member, label, decision = random_rows(400, 2, rng, classes)
    cells = counted(member, label, decision, (classes, classes))
    rated = (1,) if classes == 2 else tuple(range(classes))
    values = ratio(*one_vs_rest(rated, classes).count(cells.tables))
    for g in range(2):
        y, d = label[member[:, g]], decision[member[:, g]]
        for at, c in enumerate(rated):
            expected = (
                (d == c).mean(),
                (d == c)[y == c].mean(),
                (d == c)[y != c].mean(),
                (y == c)[d == c].mean(),
            )
            assert values[4 * at : 4 * at + 4, g] == pytest.approx(expected)
        assert values[-1, g] == pytest.approx((y == d).mean())


def test_true_positive_rates_of_right_and_wrong():
    label, right = np.array([0, 0, 1, 1, 1, 2]), np.array([1, 0, 1, 1, 0, 0])
    cells = counted(np.ones((6, 1), dtype=bool), label, right, (3, 2))
    part, whole = true_positive_rates(3).count(cells.tables)
    assert part[:, 0].tolist() == [1, 2, 0]
    assert whole[:, 0].tolist() == [2, 3, 1]


def test_a_ratio_without_denominator_is_not_a_number():
    found = ratio(np.array([1, 0]), np.array([2, 0]))
    assert found[0] == 0.5
    assert np.isnan(found[1])
