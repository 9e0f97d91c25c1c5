"""Units of the metrics whose units are pairs, templates, terms or texts."""

import numpy as np
import pytest
from scipy import stats

from fairaudit_metrics.extrinsic.bbq import BBQ
from fairaudit_metrics.intrinsic.stereoset import StereoSet
from tests import test_bbq as bbq
from tests import test_coreference as coreference
from tests import test_counterfactual_pairs as counterparts
from tests import test_sensitivity as sensitivity
from tests import test_stereoset as stereoset


def check_means(found, least):
    """Require units whose mean is the value; return the findings that have them."""
    kept = [f for f in found if f.units is not None]
    assert len(kept) >= least
    for finding in kept:
        assert finding.units.values.mean() == pytest.approx(finding.value, abs=1e-9)
        assert len(set(finding.units.keys.tolist())) == len(finding.units.keys)
    return kept


def error_of(units):
    return float(units.values.std(ddof=1) / np.sqrt(len(units.values)))


def error_behind(interval, reach):
    return (interval.high - interval.low) / 2 / reach


def test_units_of_bbq_are_templates():
    rng = np.random.default_rng(0)
    rows, chosen = bbq.random_rows(1200, rng), rng.integers(0, 3, 1200)
    templates = tuple(f"t{i % 60}" for i in range(1200))
    data = bbq.choices(rows, templates=templates)
    metric = BBQ(draws=4000)
    found = check_means(metric.score(data, bbq.reading(chosen), None, rng), 5)
    for finding in found:
        assert len(finding.units.keys) == 60
        bootstrap = error_behind(finding.interval, stats.norm.ppf(0.975))
        assert error_of(finding.units) == pytest.approx(bootstrap, rel=0.06)


@pytest.mark.parametrize("clustered", [False, True])
def test_units_of_coreference_have_the_error_of_the_interval(clustered):
    rng = np.random.default_rng(1)
    told = [f"type1, stereotype of {('men', 'women')[i % 3 % 2]}" for i in range(90)]
    templates = [f"t{i % 30}" for i in range(90)] if clustered else ()
    data = coreference.pairs(90, told, templates)
    answer = coreference.reading(*rng.normal(size=(2, 90)), truncated=(4,))
    found = check_means(coreference.findings(data, answer).values(), 3)
    for finding in found:
        units = len(finding.units.keys)
        assert units == (30 if clustered else 89)
        reach = stats.t.ppf(0.975, units - 1)
        error = error_behind(finding.interval, reach)
        assert error_of(finding.units) == pytest.approx(error)


def test_units_of_given_pairs_are_sets_or_templates():
    kinds = [("A", "B"), ("B", "C"), ("A", "C")]
    found = check_means(counterparts.letter_pairs(kinds), 6)
    assert {f.quantity.name for f in found} >= {
        "mean_absolute_change",
        "flip_rate",
        "signed_change",
    }
    assert all(len(f.units.keys) <= 20 for f in found)


def test_units_of_sensitivity_are_texts():
    values = np.random.default_rng(2).uniform(1, 2, 60)
    read = sensitivity.reading(sensitivity.WOMEN, values)
    found = sensitivity.score(sensitivity.examples(sensitivity.WOMEN), read)
    kept = check_means(found, 8)
    whole = sensitivity.find(kept, "sensitivity_absolute", "all texts")
    assert sorted(whole.units.values) == pytest.approx(sorted(values))


def test_units_of_stereoset_are_target_terms():
    rng = np.random.default_rng(3)
    terms = [f"term {i % 25}" for i in range(100)]
    data = stereoset.completions(terms, ["race"] * 100)
    answer = stereoset.answer(rng.normal(size=(100, 3)))
    found = stereoset.findings(StereoSet(draws=4000), data, answer)
    kept = check_means(found.values(), 4)
    assert {f.quantity.name for f in kept} == {
        "stereotype_score",
        "language_modeling_score",
    }
    for finding in kept:
        assert len(finding.units.keys) == 25
        bootstrap = error_behind(finding.interval, stats.norm.ppf(0.975))
        assert error_of(finding.units) == pytest.approx(bootstrap, rel=0.08)
