"""Slopes accumulated over tokens, against plain loops."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

POINTED = ("signed", "absolute", "token")
UNIFORM = ("uniform", "uniform_token")


def accumulate(task, protected, text, terms=None, how="sum", factor=None, size=None):
    """Run the function under test on arrays; one class, so |w'J| = w'|J|."""
    import torch

    from fairaudit.models.accumulation import Protected, Tokens
    from fairaudit.models.accumulation import accumulate as under_test
    from fairaudit.models.gradients import Slopes, token_norms

    s, a, keep = map(torch.from_numpy, (task, protected, text))
    ones = torch.ones(len(text)).double()
    mine = ones if factor is None else torch.from_numpy(factor[0])
    other = ones if factor is None else torch.from_numpy(factor[1])
    listed = torch.zeros_like(keep) if terms is None else torch.from_numpy(terms)
    tokens = Tokens(keep, listed, None if size is None else torch.from_numpy(size))
    slopes = Slopes(s, s.abs(), token_norms(s, "l2"), mine)
    psm = Protected(a, token_norms(a, "l2"), other)
    return {k: v.numpy() for k, v in under_test(slopes, psm, tokens, how).items()}


def sums(*args, **kwargs):
    return {form: v.sum(-1) for form, v in accumulate(*args, **kwargs).items()}


def divided(weights, how):
    """Weights by key, normalised."""
    by = {
        "sum": sum(abs(w) for w in weights.values()),
        "unit": sum(w * w for w in weights.values()) ** 0.5,
        "none": 1.0,
    }[how]
    return {key: w / by for key, w in weights.items()}


def brute_force(task, protected, text, terms, how):
    """Plain loops over one text."""
    tokens = [t for t in range(len(text)) if text[t]]
    features = [(t, i) for t in tokens for i in range(task.shape[1])]
    length = {t: sum(x * x for x in task[t]) ** 0.5 for t in tokens}
    v = divided({at: protected[at] for at in features}, how)
    by_token = {t: sum(x * x for x in protected[t]) ** 0.5 for t in tokens}
    v_token = divided(by_token, how)
    listed = divided({t: 1.0 for t in tokens if terms[t]}, how)
    flat = divided(dict.fromkeys(features, 1.0), how)
    flat_token = divided(dict.fromkeys(tokens, 1.0), how)
    return {
        "signed": sum(task[at] * v[at] for at in features),
        "absolute": sum(abs(task[at]) * abs(v[at]) for at in features),
        "token": sum(length[t] * v_token[t] for t in tokens),
        "lexicon": sum(length[t] * w for t, w in listed.items()),
        "uniform": sum(abs(task[at]) * flat[at] for at in features),
        "uniform_token": sum(length[t] * flat_token[t] for t in tokens),
    }


def gradients(seed, shape=(4, 6, 3)):
    rng = np.random.default_rng(seed)
    text = rng.random(shape[:2]) < 0.7
    text[:, 1] = True
    terms = rng.random(shape[:2]) < 0.3
    terms[:, 1] = True
    return rng.normal(size=shape), rng.normal(size=shape), text, terms


@pytest.mark.parametrize("how", ["sum", "unit", "none"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_every_form_agrees_with_plain_loops(how, seed):
    task, protected, text, terms = gradients(seed)
    found = sums(task, protected, text, terms, how)
    for row in range(len(text)):
        expected = brute_force(task[row], protected[row], text[row], terms[row], how)
        assert {*expected, "reach"} == set(found)
        for name, value in expected.items():
            np.testing.assert_allclose(found[name][row], value, 1e-11, 1e-12)


def test_factors_and_sizes_multiply():
    task, protected, text, terms = gradients(7)
    size = np.random.default_rng(1).uniform(1, 2, text.shape)
    factor = np.random.default_rng(2).uniform(1, 2, (2, len(text)))
    plain = accumulate(task, protected, text, terms, "none")
    found = accumulate(task, protected, text, terms, "none", factor, size)
    for form in plain:
        psm = factor[1] if form in POINTED else 1.0
        expected = plain[form] * size * (factor[0] * psm)[:, None]
        np.testing.assert_allclose(found[form], expected, rtol=1e-12)
    normalised = accumulate(task, protected, text, terms, "sum", factor)
    same = accumulate(task, protected, text, terms, "sum", factor * [[1], [9]])
    for form in plain:
        np.testing.assert_allclose(same[form], normalised[form], rtol=1e-12)


def test_special_tokens_and_padding_contribute_exactly_nothing():
    task, protected, text, terms = gradients(1)
    found = accumulate(task, protected, text, terms)
    for part in found.values():
        assert (part[~text] == 0).all()
    task[~text], protected[~text] = 1e6, np.nan
    for name, value in accumulate(task, protected, text, terms).items():
        np.testing.assert_array_equal(value, found[name])


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    scale=st.sampled_from([1e-30, 1e-22, 1e-9, 3.0, 1e9, 1e22]),
)
def test_the_scale_of_the_psm_changes_nothing(seed, scale):
    """Also in single precision, where squares of small gradients would vanish."""
    task, protected, text, _ = gradients(seed)
    task, protected = task.astype(np.float32), protected.astype(np.float32)
    found = sums(task, protected, text)
    scaled = sums(task, protected * np.float32(scale), text)
    for name in (*POINTED, *UNIFORM):
        np.testing.assert_allclose(scaled[name], found[name], rtol=1e-4, atol=1e-6)


def test_small_slopes_of_the_classifier_do_not_vanish():
    task, protected, text, terms = gradients(3)
    task, protected = task.astype(np.float32), protected.astype(np.float32)
    found = sums(task, protected, text, terms)
    small = sums(task * np.float32(1e-25), protected, text, terms)
    for name, value in found.items():
        np.testing.assert_allclose(small[name] / 1e-25, value, rtol=1e-4)


def test_without_a_direction_there_is_no_number():
    task, protected, text, terms = gradients(4)
    protected[2] = 0.0
    terms[0] = False
    found = sums(task, protected, text, terms)
    for name in POINTED:
        assert np.isfinite(found[name][[0, 1]]).all()
        assert np.isnan(found[name][2])
    assert np.isnan(found["lexicon"][0])
    assert np.isfinite(found["lexicon"][[1, 2]]).all()


def test_a_token_that_the_classifier_ignores_contributes_exactly_zero():
    task, protected, text, terms = gradients(5)
    task[:, 1] = 0.0
    terms[:] = False
    terms[:, 1] = text[:, 1] = True
    found = accumulate(task, protected, text, terms)
    for name in (*POINTED, "lexicon"):
        assert (found[name][:, 1] == 0).all()
    assert (found["lexicon"].sum(1) == 0).all()
    assert (found["token"].sum(1) > 0).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_signed_never_exceeds_absolute(seed):
    task, protected, text, _ = gradients(seed)
    found = sums(task, protected, text)
    assert (np.abs(found["signed"]) <= found["absolute"] * (1 + 1e-12)).all()


# --- which tokens stand for which --------------------------------------------------


def encoded(spans, text=None):
    from fairaudit.models.encoded import Encoded

    offsets = np.array(spans)
    keep = offsets[..., 1] > offsets[..., 0] if text is None else np.array(text)
    return Encoded({}, offsets, keep, np.zeros(len(offsets), dtype=bool))


def test_weights_go_where_the_characters_are():
    """Mine: [CLS] nurse s; theirs: nur ses."""
    from fairaudit.models.alignment import shares

    mine = encoded([[[0, 0], [0, 5], [5, 6]]])
    other = encoded([[[0, 3], [3, 6], [0, 0]]])
    expected = [[0, 0, 0], [1, 2 / 3, 0], [0, 1 / 3, 0]]
    np.testing.assert_allclose(shares(mine, other)[0], expected)


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.lists(st.integers(1, 19), max_size=6), min_size=2, max_size=2))
def test_no_weight_is_lost_or_made_where_both_read_the_whole_text(cuts):
    from fairaudit.models.alignment import shares

    edges = [sorted({0, 20, *cut}) for cut in cuts]
    mine, other = (encoded([list(pairwise(cut))]) for cut in edges)
    found = shares(mine, other)[0]
    np.testing.assert_allclose(found.sum(0), 1, rtol=1e-12)
    for t, (a, b) in enumerate(mine.offsets[0]):
        for u, (c, d) in enumerate(other.offsets[0]):
            common = len(set(range(a, b)) & set(range(c, d)))
            assert found[t, u] == pytest.approx(common / (d - c))


def test_a_token_that_the_other_never_read_has_no_weight():
    from fairaudit.models.alignment import shares

    mine = encoded([[[0, 3], [4, 9]]], [[True, False]])
    other = encoded([[[0, 3], [4, 9]]])
    np.testing.assert_array_equal(shares(mine, other)[0], [[1, 0], [0, 0]])


def test_replaced_tokens_are_found():
    from fairaudit.models.alignment import replacements

    texts = [[1, 5, 6, 9], [1, 5, 9], [1, 5, 9], [1, 9]]
    others = [[1, 7, 6, 9], [1, 5, 9], [1, 7, 8, 9], [1, 7, 9]]
    found = replacements(texts, others)
    assert found.targets.shape == (4, 4, 4)
    assert found.aligned.tolist() == [True, True, False, False]
    assert found.moved.sum(1).tolist() == [1, 0, 1, 0]
    assert found.targets[0, 1].tolist() == [0, 1, 0, 0]
    assert found.targets[2, 1].tolist() == [0, 0.5, 0.5, 0]


# --- closed form -------------------------------------------------------------------


def test_linear_models_give_the_closed_form():
    """Logits Σ_t c_t W x_t: ∇p = p (1 - p) c_t (w1 - w0) at token t."""
    import torch

    from fairaudit.models.accumulation import Protected, Tokens
    from fairaudit.models.accumulation import accumulate as under_test
    from fairaudit.models.gradients import Point, slopes

    rng = np.random.default_rng(5)
    x = rng.normal(size=(2, 4, 3))
    weights, protected = rng.normal(size=(2, 2, 3))
    task_share, psm_share = np.array([1, 2, 0, 3.0]), np.array([2, 1, 1, 0.5])

    def differentiated(matrix, shares):
        leaf = torch.from_numpy(x).requires_grad_()
        pooled = (leaf * torch.from_numpy(shares)[:, None]).sum(1)
        point = Point(leaf, pooled @ torch.from_numpy(matrix).T, multi_label=False)
        p = point.logits.softmax(-1).detach().numpy()
        return slopes(point, torch.tensor([1, 1]), "probability", "l2"), p.prod(1)

    task, steep = differentiated(weights, task_share)
    psm, psm_steep = differentiated(protected, psm_share)
    text = torch.ones(2, 4, dtype=torch.bool)
    tokens = Tokens(text, torch.tensor([[False, True, False, True]] * 2))

    def sums(how):
        pointed = Protected(psm.signed, psm.norms, psm.factor)
        found = under_test(task, pointed, tokens, how)
        assert (found["token"][:, 2] == 0).all(), "the classifier skips this token"
        return {form: part.sum(-1).numpy() for form, part in found.items()}

    apart, direction = weights[1] - weights[0], protected[1] - protected[0]
    length, reach = np.linalg.norm(apart), np.linalg.norm(direction)
    both = (task_share * psm_share).sum()
    found, literal = sums("sum"), sums("none")
    share = both / psm_share.sum()
    overlap = np.abs(apart) @ np.abs(direction)
    expected = {
        "token": steep * share * length,
        "absolute": steep * share * overlap / np.abs(direction).sum(),
        "signed": steep * share * (apart @ direction) / np.abs(direction).sum(),
        "lexicon": steep * length * (2 + 3) / 2,
        "uniform_token": steep * length * task_share.mean(),
    }
    for form, value in expected.items():
        np.testing.assert_allclose(found[form], value, rtol=1e-9, err_msg=form)
    expected = {
        "token": steep * psm_steep * both * length * reach,
        "absolute": steep * psm_steep * both * overlap,
        "signed": steep * psm_steep * both * (apart @ direction),
    }
    for form, value in expected.items():
        np.testing.assert_allclose(literal[form], value, rtol=1e-9, err_msg=form)
