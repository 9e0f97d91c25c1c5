import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from statsmodels.stats.meta_analysis import combine_effects

from fairaudit.stats.pooling import random_effects

ORACLE = json.loads(
    (Path(__file__).parent / "oracles" / "ceat_random_effects.json").read_text()
)
CASES = {case["name"]: case for case in ORACLE["cases"]}


@pytest.mark.parametrize("name", CASES)
def test_reference_implementation(name):
    case = CASES[name]
    pooled = random_effects(np.array(case["effect_sizes"]), np.array(case["variances"]))
    derived = case["expected_derived"]
    for field, key in (("tau2", "tau2"), ("se", "SE"), ("p_two_sided", "p_two_sided")):
        assert getattr(pooled, field) == pytest.approx(derived[key], abs=1e-9)
    expected = case["expected_reference"]["CES"]
    single = case["effect_sizes"][0]
    assert pooled.effect == pytest.approx(
        single if expected is None else expected, abs=1e-9
    )


# statsmodels lets tau2 fall below 0; truncated, the model is the fixed-effect one.
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize("n", [2, 5, 40])
@pytest.mark.parametrize("spread", [0.01, 3.0])
def test_statsmodels(n, spread):
    rng = np.random.default_rng(n)
    effects, variances = rng.normal(0.3, spread, n), rng.uniform(0.05, 0.5, n)
    pooled = random_effects(effects, variances)
    theirs = combine_effects(effects, variances, method_re="dl")
    assert pooled.tau2 == pytest.approx(max(0.0, theirs.tau2), abs=1e-9)
    assert pooled.q == pytest.approx(theirs.q, abs=1e-9)
    fixed = theirs.tau2 <= 0
    mean = theirs.mean_effect_fe if fixed else theirs.mean_effect_re
    se = theirs.sd_eff_w_fe if fixed else theirs.sd_eff_w_re
    assert pooled.effect == pytest.approx(mean, abs=1e-9)
    assert pooled.se == pytest.approx(se, abs=1e-9)


def test_leading_axes_are_pooled_one_by_one():
    rng = np.random.default_rng(0)
    effects, variances = rng.normal(size=(2, 3, 7)), rng.uniform(0.1, 1, (2, 3, 7))
    pooled = random_effects(effects, variances)
    assert pooled.effect.shape == (2, 3)
    alone = random_effects(effects[1, 2], variances[1, 2])
    assert pooled.effect[1, 2] == pytest.approx(float(alone.effect), rel=1e-12)
    assert pooled.p_two_sided[1, 2] == pytest.approx(float(alone.p_two_sided))


def test_one_effect_is_returned_with_its_own_error():
    pooled = random_effects(np.array([0.4]), np.array([0.09]))
    assert (pooled.effect, pooled.tau2, pooled.q) == (0.4, 0.0, 0.0)
    assert pooled.se == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("effects", "variances"),
    [([0.1, 0.2], [0.1, 0.0]), ([0.1], [np.nan]), ([], []), ([0.1, 0.2], [0.1])],
)
def test_bad_input_is_refused(effects, variances):
    with pytest.raises(ValueError, match="variances"):
        random_effects(np.array(effects), np.array(variances))


@given(
    arrays(float, 6, elements=st.floats(-2, 2)),
    arrays(float, 6, elements=st.floats(0.01, 2)),
)
def test_invariants(effects, variances):
    pooled, turned = (random_effects(s * effects, variances) for s in (1, -1))
    assert effects.min() - 1e-9 <= pooled.effect <= effects.max() + 1e-9
    assert turned.effect == pytest.approx(-pooled.effect, abs=1e-12)
    assert turned.p_two_sided == pytest.approx(pooled.p_two_sided, abs=1e-12)
    assert pooled.tau2 >= 0
    assert pooled.se >= np.sqrt(1 / (1 / variances).sum()) - 1e-12
