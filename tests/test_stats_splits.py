"""Whole blocks, whatever hangs together; shares as they are asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairaudit.stats.splits import blocks, divide

KEYS = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=30
)


def spread(pairs):
    """Give rows one number as long as any two share a value: the slow way."""
    number = list(range(len(pairs)))
    changed = True
    while changed:
        changed = False
        for i, first in enumerate(pairs):
            for j, second in enumerate(pairs):
                alike = first[0] == second[0] or first[1] == second[1]
                if alike and number[i] != number[j]:
                    number[i] = number[j] = min(number[i], number[j])
                    changed = True
    return number


@settings(deadline=None)
@given(KEYS)
def test_blocks_are_what_hangs_together(pairs):
    texts, authors = zip(*pairs, strict=True)
    found = blocks([f"t{text}" for text in texts], list(authors))
    expected = {at: no for no, at in enumerate(dict.fromkeys(spread(pairs)))}
    assert found.tolist() == [expected[at] for at in spread(pairs)]


@given(st.lists(st.text(max_size=2), min_size=1, max_size=20))
def test_one_key_numbers_its_values_in_order(texts):
    order = list(dict.fromkeys(texts))
    assert blocks(texts).tolist() == [order.index(text) for text in texts]


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), min_size=1, max_size=60),
    st.floats(0.05, 0.95),
    st.integers(0, 5),
)
def test_blocks_stay_whole_and_no_part_is_far_too_large(rows, share, seed):
    _, block = np.unique([row[0] for row in rows], return_inverse=True)
    strata = np.array([row[1] for row in rows])
    chosen = divide(block, strata, share, np.random.default_rng(seed))
    for number in range(block.max() + 1):
        assert len(set(chosen[block == number])) == 1
    assert chosen.any()
    again = divide(block, strata, share, np.random.default_rng(seed))
    assert (chosen == again).all()
    sizes = np.bincount(block)
    home = [np.bincount(strata[block == b]).argmax() for b in range(len(sizes))]
    for stratum in set(home):
        mine = np.flatnonzero(np.array(home) == stratum)
        taken = sizes[[b for b in mine if chosen[block == b].all()]].sum()
        quota = np.ceil(share * sizes[mine].sum() - 1e-9)
        assert 0 < taken <= max(quota, sizes[mine].min())


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_single_rows_give_the_ceiling_of_the_share_of_each_stratum(share):
    strata = np.repeat([0, 1, 2], [40, 13, 1])
    chosen = divide(np.arange(54), strata, share, np.random.default_rng(0))
    expected = [int(np.ceil(share * n - 1e-9)) for n in (40, 13, 1)]
    assert np.bincount(strata[chosen], minlength=3).tolist() == expected


def test_a_giant_block_is_not_taken_while_small_ones_fill_the_share():
    block = np.array([0] * 80 + list(range(1, 21)))
    for seed in range(5):
        rng = np.random.default_rng(seed)
        chosen = divide(block, np.zeros(100, dtype=int), 0.2, rng)
        assert chosen.sum() == 20
        assert not chosen[:80].any()
