"""Corrections of p-values and intervals of proportions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, false_discovery_control

from fairaudit.stats.correction import adjust
from fairaudit.stats.proportions import wilson

FEW = settings(max_examples=30, deadline=None)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def holm(p):
    m = len(p)
    rank = sorted(range(m), key=p.__getitem__)
    adjusted, running = [0.0] * m, 0.0
    for step, index in enumerate(rank):
        running = max(running, min(1.0, (m - step) * p[index]))
        adjusted[index] = running
    return adjusted


def benjamini_hochberg(p):
    m = len(p)
    return [
        min([1.0] + [m * q / sum(r <= q for r in p) for q in p if q >= own])
        for own in p
    ]


@FEW
@given(P_VALUES)
def test_holm_follows_its_definition(p):
    assert adjust(p, "holm") == pytest.approx(holm(p), abs=1e-12)


@FEW
@given(P_VALUES)
def test_bh_follows_its_definition_and_scipy(p):
    found = adjust(p, "bh")
    assert found == pytest.approx(benjamini_hochberg(p), abs=1e-12)
    assert found == pytest.approx(false_discovery_control(p).tolist(), abs=1e-12)


@pytest.mark.parametrize("method", ["holm", "bh"])
def test_none_stays_and_is_not_counted(method):
    bare = adjust([0.01, 0.04, 0.03], method)
    assert adjust([None, 0.01, 0.04, None, 0.03], method) == [
        None,
        *bare[:2],
        None,
        bare[2],
    ]
    assert adjust([None, None], method) == [None, None]
    assert adjust([], method) == []


@FEW
@given(P_VALUES, st.sampled_from(["holm", "bh"]))
def test_order_of_tests_does_not_matter(p, method):
    assert adjust(p[::-1], method)[::-1] == pytest.approx(adjust(p, method))


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="known: holm, bh"):
        adjust([0.1], "bonferroni")
    for bad in (1.2, -0.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            adjust([bad], "bh")


def test_wilson_agrees_with_scipy():
    counts, totals = np.array([0, 3, 17, 20]), np.array([5, 9, 100, 20])
    low, high = wilson(counts, totals, 0.9)
    for k, n, left, right in zip(counts, totals, low, high, strict=True):
        expected = binomtest(int(k), int(n)).proportion_ci(0.9, method="wilson")
        assert (left, right) == pytest.approx(tuple(expected), abs=1e-12)


def test_wilson_refuses_an_empty_total():
    with pytest.raises(ValueError, match="undefined"):
        wilson([0, 1], [0, 2], 0.95)


@FEW
@given(st.floats(0.5, 1e6))
def test_the_interval_of_none_and_of_all_reaches_the_end(total):
    low, high = wilson([0.0, total], [total, total], 0.95)
    assert (low[0], high[1]) == (0.0, 1.0)
