"""Gradients with respect to word embeddings, against closed forms and differences."""

from types import SimpleNamespace

import numpy as np
import pytest

from fairaudit.model import Slope

TEXTS = (
    "the nurse said she was tired and the doctor said he was late",
    "bad cold !",
    "a patient called the clinic because the pain was bad",
)
READOUTS = ("probability", "log_odds", "logit")


def in_doubles(zoo, opened, family="Bert", **config):
    """A runner of its own whose network computes in double precision."""
    runner = opened(zoo(family, **config))._runner
    runner.network.double()
    return runner


def at(runner, texts):
    batch = runner.encode(texts)
    return runner.run(batch, hidden=False, gradient=True).point, batch


def readout_of(logits, kind, multi_label=False):
    """Probability, log-odds or logit of every class, written down anew."""
    import torch

    if kind == "logit":
        return logits
    p = logits.sigmoid() if multi_label else logits.softmax(-1)
    return p if kind == "probability" else torch.log(p) - torch.log1p(-p)


def differences(runner, batch, of, step=1e-5):
    """Central differences of a function of the logits of one text."""
    import torch

    network = runner.network
    lookup = network.get_input_embeddings()
    with torch.no_grad():
        base = lookup(batch.inputs["input_ids"])
        moves = step * torch.eye(base.numel(), dtype=base.dtype)
        moves = torch.cat([moves, -moves]).reshape(-1, *base.shape[1:])
        inputs = {k: v.expand(len(moves), -1) for k, v in batch.inputs.items()}
        handle = lookup.register_forward_hook(lambda *_: base + moves)
        values = of(network(**inputs).logits)
        handle.remove()
    up, down = values.reshape(2, *base.shape)
    return ((up - down) / (2 * step)).numpy()


def close(found, expected):
    size = np.abs(expected).max()
    assert size > 1e-6
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * size)


def values(slopes, name="signed"):
    found = getattr(slopes, name)
    factor = slopes.factor.reshape(-1, *[1] * (found.dim() - 1))
    return (found * factor).numpy()


@pytest.mark.parametrize("kind", READOUTS)
@pytest.mark.parametrize("family", ["Bert", "GPT2"])
def test_one_class_agrees_with_finite_differences(zoo, opened, family, kind):
    import torch

    from fairaudit.models.gradients import slopes

    runner = in_doubles(zoo, opened, family, num_labels=3)
    point, batch = at(runner, TEXTS[1:2])
    found = slopes(point, torch.tensor([2]), kind, "l2")
    expected = differences(runner, batch, lambda z: readout_of(z, kind)[:, 2])
    close(values(found), expected)
    close(values(found, "absolute"), np.abs(expected))
    close(values(found, "norms"), np.linalg.norm(expected, axis=-1))


WEIGHTS = (0.5, 2.0, 0.0)


@pytest.mark.parametrize("kind", READOUTS)
def test_weighted_classes_agree_with_finite_differences(zoo, opened, kind):
    from fairaudit.models.gradients import weighted_slopes

    runner = in_doubles(zoo, opened, "DistilBert", num_labels=3)
    point, batch = at(runner, TEXTS[1:2])
    found = weighted_slopes(point, WEIGHTS, kind, "l1", unsigned=True)
    signed = weighted_slopes(point, WEIGHTS, kind, "l1", unsigned=False)
    rows = [
        differences(runner, batch, lambda z, k=k: readout_of(z, kind)[:, k])
        for k in range(3)
    ]
    close(values(found), sum(w * j for w, j in zip(WEIGHTS, rows, strict=True)))
    close(values(signed), values(found))
    absolute = sum(w * np.abs(j) for w, j in zip(WEIGHTS, rows, strict=True))
    close(values(found, "absolute"), absolute)
    close(values(found, "norms"), absolute.sum(-1))
    assert signed.absolute is None
    assert signed.norms is None


def test_an_unsigned_weighted_sum_takes_a_pass_a_weight_and_a_signed_one_in_all(
    zoo, opened, monkeypatch
):
    import torch

    from fairaudit.models.gradients import weighted_slopes

    point, _ = at(in_doubles(zoo, opened, num_labels=4), TEXTS)
    calls = []
    grad = torch.autograd.grad
    monkeypatch.setattr(
        torch.autograd, "grad", lambda *a, **k: calls.append(1) or grad(*a, **k)
    )
    weighted_slopes(point, (1, 0, 1, 3), "probability", "l2", unsigned=True)
    assert len(calls) == 3
    weighted_slopes(point, (1, 0, 1, 3), "probability", "l2", unsigned=False)
    assert len(calls) == 4


def test_probabilities_of_all_classes_together_never_move(zoo, opened):
    from fairaudit.models.gradients import weighted_slopes

    point, _ = at(in_doubles(zoo, opened, num_labels=5), TEXTS)
    flat = weighted_slopes(point, (1.0,) * 5, "probability", "l2", unsigned=True)
    size = values(flat, "absolute").max()
    assert size > 1e-3
    assert np.abs(values(flat)).max() < 1e-13 * size
    logits = weighted_slopes(point, (1.0,) * 5, "logit", "l2", unsigned=True)
    assert np.abs(values(logits)).max() > 1e-3


def test_the_two_classes_of_a_classifier_mirror_each_other(zoo, opened):
    import torch

    from fairaudit.models.gradients import slopes

    point, _ = at(in_doubles(zoo, opened), TEXTS)
    one, other = (
        values(slopes(point, torch.full((3,), k), "probability", "l2")) for k in (0, 1)
    )
    np.testing.assert_allclose(one, -other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("multi", [False, True])
@pytest.mark.parametrize("family", ["Bert", "DistilBert", "GPT2"])
def test_agreement_with_captum(zoo, opened, family, multi):
    import torch
    from captum.attr import LayerGradientXActivation

    from fairaudit.models.gradients import slopes

    extra = {"problem_type": "multi_label_classification"} if multi else {}
    runner = in_doubles(zoo, opened, family, num_labels=3, **extra)
    point, batch = at(runner, TEXTS)
    target = torch.tensor([0, 2, 1])
    found = values(slopes(point, target, "probability", "l2"))

    def forward(ids, mask):
        logits = runner.network(input_ids=ids, attention_mask=mask).logits
        return readout_of(logits, "probability", multi)

    ids, mask = batch.inputs["input_ids"], batch.inputs["attention_mask"]
    layer = runner.network.get_input_embeddings()
    layer.requires_grad_(True)
    method = LayerGradientXActivation(forward, layer, multiply_by_inputs=False)
    expected = method.attribute(ids, target=target, additional_forward_args=(mask,))
    layer.requires_grad_(False)
    close(found, expected.detach().numpy())


def test_the_mean_over_a_path_agrees_with_captum(zoo, opened):
    """A path from 0 to the text's own tokens, special tokens and padding kept."""
    import torch
    from captum.attr import LayerIntegratedGradients

    from fairaudit.models.gradients import slopes
    from fairaudit.models.smoothing import around

    runner = in_doubles(zoo, opened)
    batch, target = runner.encode(TEXTS), torch.tensor([0, 1, 1])
    how = Slope(smooth="path", points=6)
    points = [
        runner.run(batch, hidden=False, gradient=True, move=move).point
        for move in around(how, TEXTS, batch)
    ]
    found = [values(slopes(p, target, "probability", "l2")) for p in points]
    ids, mask = batch.inputs["input_ids"], batch.inputs["attention_mask"]
    layer = runner.network.get_input_embeddings()
    text = torch.from_numpy(batch.text)
    # Captum's path leads from the baseline's activations to the text's, so the tokens
    # of the text get an id of their own whose embedding is 0.
    blank = layer.weight.shape[0]
    grown = torch.cat([layer.weight.data, torch.zeros_like(layer.weight.data[:1])])
    layer.weight = torch.nn.Parameter(grown)

    def forward(ids, mask):
        network = runner.network
        return network(input_ids=ids, attention_mask=mask).logits.softmax(-1)

    method = LayerIntegratedGradients(forward, layer, multiply_by_inputs=False)
    expected = method.attribute(
        ids,
        baselines=ids.masked_fill(text, blank),
        target=target,
        additional_forward_args=(mask,),
        n_steps=6,
        method="riemann_middle",
    )
    close(np.mean(found, axis=0), expected.detach().numpy())


def linear(lookup, weights, shares):
    """A network with logits Σ_t c_t W x_t."""
    import torch

    class Linear(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lookup = lookup

        def get_input_embeddings(self):
            return self.lookup

        def forward(self, input_ids, **_):
            pooled = (self.lookup(input_ids) * shares[:, None]).sum(1)
            return SimpleNamespace(logits=pooled @ weights.T)

    return Linear()


def run(network, ids, **options):
    import torch

    from fairaudit.models.forward import Runner

    known = {"bfloat16": False, "multi_label": False, **options}
    runner = Runner(network, None, 8, **known)
    batch = SimpleNamespace(inputs={"input_ids": torch.tensor(ids)})
    return runner.run(batch, hidden=False, gradient=True)


def test_a_linear_model_gives_the_closed_form():
    """∇p = p (1 - p) c_t (w1 - w0) at token t, and ∇ log-odds = c_t (w1 - w0)."""
    import torch

    from fairaudit.models.gradients import slopes

    torch.manual_seed(0)
    lookup = torch.nn.Embedding(5, 3).double()
    weights = torch.randn(2, 3).double()
    shares = torch.tensor([1, 2, 0, 3.0]).double()
    out = run(linear(lookup, weights, shares), [[1, 2, 3, 4], [4, 4, 0, 1]])
    one = torch.tensor([1, 1])
    apart = (shares[:, None] * (weights[1] - weights[0])).numpy()
    steep = out.probabilities.prod(-1).numpy()
    found = slopes(out.point, one, "probability", "l2")
    close(values(found), steep[:, None, None] * apart)
    assert (values(found)[:, 2] == 0).all(), "the classifier skips this token"
    close(values(slopes(out.point, one, "log_odds", "l2")), np.stack([apart] * 2))


def test_the_direction_is_kept_where_the_model_is_sure():
    """p = 1 - 1e-17: the probability is 1 in doubles, its slope is not 0."""
    import torch

    from fairaudit.models.gradients import slopes

    lookup = torch.nn.Embedding(3, 2)
    torch.nn.init.zeros_(lookup.weight)
    network = linear(lookup, torch.eye(2), torch.ones(2))
    forward = network.forward
    sure = torch.tensor([40.0, 0.0])
    network.forward = lambda input_ids, **_: SimpleNamespace(
        logits=forward(input_ids).logits + sure
    )
    out = run(network, [[1, 2]])
    assert out.probabilities[0, 0] == 1.0
    found = values(slopes(out.point, torch.tensor([0]), "probability", "l2"))[0]
    slope = np.exp(-40.0)
    np.testing.assert_allclose(found, [[slope, -slope]] * 2, rtol=1e-6)


def test_what_cannot_be_differentiated_has_no_point():
    import torch

    lookup = torch.nn.Embedding(3, 2)
    plain = linear(lookup, torch.eye(2), torch.ones(2))
    assert run(plain, [[1, 2]]).point is not None

    unnamed = linear(lookup, torch.eye(2), torch.ones(2))
    unnamed.get_input_embeddings = lambda: None
    refusing = linear(lookup, torch.eye(2), torch.ones(2))

    def refuse():
        raise NotImplementedError

    refusing.get_input_embeddings = refuse
    cut = linear(lookup, torch.eye(2), torch.ones(2))
    kept = cut.forward
    cut.forward = lambda input_ids, **_: SimpleNamespace(
        logits=kept(input_ids).logits.detach()
    )
    twice = linear(lookup, torch.eye(2), torch.ones(2))
    once = twice.forward
    twice.forward = lambda input_ids, **_: once(input_ids) and once(input_ids)
    for network in (unnamed, refusing, cut, twice):
        out = run(network, [[1, 2]])
        assert out.point is None
        assert out.probabilities.shape == (1, 2)


def test_an_output_without_the_embeddings_has_no_slopes():
    import torch

    from fairaudit.models.gradients import Point, slopes

    free = torch.ones(1, 2, requires_grad=True).double()
    leaf = torch.ones(1, 2, 2, requires_grad=True)
    point = Point(leaf, free * 2, multi_label=False)
    assert slopes(point, torch.tensor([0]), "logit", "l2") is None


@pytest.mark.parametrize(("norm", "order"), [("l1", 1), ("l2", 2), ("linf", np.inf)])
@pytest.mark.parametrize("scale", [1.0, 1e-25, 1e25])
def test_norms_neither_vanish_nor_overflow(norm, order, scale):
    import torch

    from fairaudit.models.gradients import token_norms

    plain = np.random.default_rng(0).normal(size=(2, 4, 3))
    plain[0, 1] = 0
    rows = (plain * scale).astype(np.float32)
    found = token_norms(torch.from_numpy(rows), norm).numpy() / scale
    expected = np.linalg.norm(plain, ord=order, axis=-1)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
