from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairaudit.data import Examples, Group
from fairaudit.engine import Settings, audit
from fairaudit.metric import Unmeasurable
from fairaudit.model import Ask, ModelCard, Predict, Sensitivity
from fairaudit.result import DatasetEntry, ModelEntry
from fairaudit_metrics.sensitivity.accumulated import AccumulatedSensitivity

TEXTS = (
    "the nurse said she was tired and the doctor said he was late",
    "bad cold !",
    "a patient called the clinic because the pain was bad",
    "zebra unwanted",
)
FAMILIES = (
    *("Bert", "Albert", "Electra", "DistilBert"),
    *("MPNet", "DebertaV2", "Roberta", "GPT2"),
)
FORMS = ("absolute", "uniform", "token", "uniform_token")


def answer(model, request):
    where = np.arange(len(request.texts))
    return model.read(request.texts, [Ask(request, where)])[0]


# --- the gradient ------------------------------------------------------------------


def in_doubles(zoo, opened, family, seed=0):
    """A runner of its own whose network computes in double precision."""
    runner = opened(zoo(family, seed=seed))._runner
    runner.network.double()
    return runner


def differences(runner, batch, step=1e-5):
    """Central differences of the predicted class of one text, a row per move."""
    import torch

    network = runner.network
    lookup = network.get_input_embeddings()
    with torch.no_grad():
        chosen = int(network(**batch.inputs).logits.argmax())
        base = lookup(batch.inputs["input_ids"])
        moves = step * torch.eye(base.numel(), dtype=base.dtype)
        moves = torch.cat([moves, -moves]).reshape(-1, *base.shape[1:])
        inputs = {k: v.expand(len(moves), -1) for k, v in batch.inputs.items()}
        handle = lookup.register_forward_hook(lambda *_: base + moves)
        p = network(**inputs).logits.softmax(-1)[:, chosen]
        handle.remove()
    up, down = p.reshape(2, *base.shape)
    return ((up - down) / (2 * step)).numpy()


@pytest.mark.parametrize("family", ["Bert", "GPT2"])
def test_gradient_agrees_with_finite_differences(zoo, opened, family):
    runner = in_doubles(zoo, opened, family)
    batch = runner.encode(TEXTS[1:2])
    found = runner.run(batch, hidden=False, gradient=True).gradient.numpy()
    expected = differences(runner, batch)
    assert np.abs(expected).max() > 1e-4
    np.testing.assert_allclose(
        found, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max()
    )


@pytest.mark.parametrize("family", ["Bert", "DistilBert", "GPT2"])
def test_gradient_agrees_with_captum(zoo, opened, family):
    from captum.attr import LayerGradientXActivation

    runner = in_doubles(zoo, opened, family)
    network, batch = runner.network, runner.encode(TEXTS)
    found = runner.run(batch, hidden=False, gradient=True).gradient.numpy()

    def forward(ids, mask):
        return network(input_ids=ids, attention_mask=mask).logits.softmax(-1)

    ids, mask = batch.inputs["input_ids"], batch.inputs["attention_mask"]
    layer = network.get_input_embeddings()
    layer.requires_grad_(True)
    method = LayerGradientXActivation(forward, layer, multiply_by_inputs=False)
    target = forward(ids, mask).argmax(-1)
    expected = method.attribute(ids, target=target, additional_forward_args=(mask,))
    np.testing.assert_allclose(
        found,
        expected.detach().numpy(),
        rtol=1e-6,
        atol=1e-6 * float(expected.abs().max()),
    )


def test_gradient_keeps_its_direction_where_the_model_is_sure():
    """p = 1 - 1e-9 in single-precision logits: both logits keep their part."""
    import torch

    from fairaudit.models.forward import Runner

    def network(input_ids, **_):
        embedded = lookup(input_ids)
        return SimpleNamespace(logits=embedded.sum(1) + torch.tensor([20.0, 0.0]))

    lookup = torch.nn.Embedding(3, 2)
    torch.nn.init.zeros_(lookup.weight)
    module = torch.nn.Module()
    module.lookup = lookup
    module.forward = network
    module.get_input_embeddings = lambda: lookup
    runner = Runner(module, None, 8, bfloat16=False, multi_label=False)
    batch = SimpleNamespace(inputs={"input_ids": torch.tensor([[1, 2]])})
    found = runner.run(batch, hidden=False, gradient=True).gradient[0].double()
    slope = np.exp(-20.0) / (1 + np.exp(-20.0)) ** 2
    np.testing.assert_allclose(found, [[slope, -slope]] * 2, rtol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_architecture(zoo, opened, family):
    model = opened(zoo(family), zoo(family, seed=1))
    found = answer(model, Sensitivity(TEXTS))
    for form in FORMS:
        assert np.isfinite(found[form]).all()
        assert (found[form] > 0).all()
    ends = np.cumsum(found["lengths"])[:-1]
    parts = np.split(found["contribution"], ends)
    np.testing.assert_allclose([p.sum() for p in parts], found["token"], rtol=1e-5)
    assert (found["contribution"] >= 0).all()
    offsets = zip(
        TEXTS, np.split(found["start"], ends), np.split(found["end"], ends), strict=True
    )
    for text, start, end in offsets:
        covered = {i for a, b in zip(start, end, strict=True) for i in range(a, b)}
        assert {i for i, c in enumerate(text) if c != " "} <= covered


@pytest.mark.parametrize("family", FAMILIES)
def test_gradient_pass_predicts_as_the_plain_pass(zoo, opened, family):
    model = opened(zoo(family), zoo(family, seed=1))
    found = answer(model, Sensitivity(TEXTS))
    for path, column in [(zoo(family), "probabilities"), (zoo(family, seed=1), "psm")]:
        plain = answer(opened(path), Predict(TEXTS))["probabilities"]
        np.testing.assert_allclose(found[column], plain, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_batch_equals_one_by_one(zoo, opened, family):
    model = opened(zoo(family), zoo(family, seed=1))
    together = answer(model, Sensitivity(TEXTS))
    alone = [answer(model, Sensitivity((text,))) for text in TEXTS]
    for form in (*FORMS, "contribution"):
        one = np.concatenate([found[form] for found in alone])
        np.testing.assert_allclose(one, together[form], rtol=2e-4, atol=1e-7)


def test_all_asks_of_a_batch_share_one_pass(zoo, opened, monkeypatch):
    model = opened(zoo(), zoo(seed=1))
    runner = model._runner
    calls = []
    forward = runner.network.forward
    monkeypatch.setattr(
        runner.network, "forward", lambda **k: calls.append(1) or forward(**k)
    )
    where = np.arange(len(TEXTS))
    both = model.read(
        TEXTS, [Ask(Sensitivity(TEXTS), where), Ask(Predict(TEXTS), where)]
    )
    assert len(calls) == 1
    np.testing.assert_array_equal(both[0]["probabilities"], both[1]["probabilities"])


def test_token_form_works_across_architectures_with_one_tokenizer(zoo, opened):
    model = opened(zoo("Bert"), zoo("Albert", seed=1))
    assert not model.card.shared_embedding
    found = answer(model, Sensitivity(TEXTS))
    assert np.isfinite(found["token"]).all()
    distil = answer(opened(zoo("Bert"), zoo("DistilBert")), Sensitivity(TEXTS))
    plain = answer(opened(zoo("DistilBert")), Predict(TEXTS))["probabilities"]
    np.testing.assert_allclose(distil["psm"], plain, atol=1e-6)


def test_the_norm_of_a_psm_with_other_width_is_what_counts(zoo, opened):
    """Token weights come from the PSM's norms, whatever its width."""
    task, psm = opened(zoo("Bert"))._runner, opened(zoo("Albert", seed=1))._runner
    batch = task.encode(TEXTS)
    s = task.run(batch, hidden=False, gradient=True).gradient.numpy()
    a = psm.run(batch, hidden=False, gradient=True).gradient.numpy()
    assert s.shape != a.shape
    found = answer(opened(zoo("Bert"), zoo("Albert", seed=1)), Sensitivity(TEXTS))
    norms = [np.linalg.norm(x, axis=-1) * batch.text for x in (s, a)]
    expected = (norms[0] * norms[1]).sum(1) / norms[1].sum(1)
    np.testing.assert_allclose(found["token"], expected, rtol=1e-5)


# --- the reduction -----------------------------------------------------------------


def accumulate(task, protected, text):
    import torch

    from fairaudit.models.gradients import accumulate as under_test

    parts = under_test(*map(torch.from_numpy, (task, protected, text)))
    return {k: getattr(parts, k).numpy() for k in (*FORMS, "contribution")}


def brute_force(task, protected, text):
    """Plain loops over one text."""
    tokens = [t for t in range(len(text)) if text[t]]
    features = [(t, i) for t in tokens for i in range(task.shape[1])]
    total = sum(abs(protected[at]) for at in features)
    absolute = sum(abs(task[at]) * abs(protected[at]) / total for at in features)
    norm = {t: sum(x * x for x in task[t]) ** 0.5 for t in tokens}
    weight = {t: sum(x * x for x in protected[t]) ** 0.5 for t in tokens}
    parts = {t: norm[t] * weight[t] / sum(weight.values()) for t in tokens}
    return {
        "absolute": absolute,
        "uniform": sum(abs(task[at]) for at in features) / len(features),
        "token": sum(parts.values()),
        "uniform_token": sum(norm.values()) / len(tokens),
        "contribution": [parts.get(t, 0.0) for t in range(len(text))],
    }


def gradients(seed, shape=(5, 7, 3)):
    rng = np.random.default_rng(seed)
    text = rng.random(shape[:2]) < 0.7
    text[:, 1] = True
    return rng.normal(size=shape), rng.normal(size=shape), text


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_accumulate_agrees_with_plain_loops(seed):
    task, protected, text = gradients(seed)
    found = accumulate(task, protected, text)
    for row in range(len(text)):
        expected = brute_force(task[row], protected[row], text[row])
        for name, value in expected.items():
            np.testing.assert_allclose(found[name][row], value, rtol=1e-12)


def test_what_is_no_text_contributes_exactly_nothing():
    task, protected, text = gradients(1)
    found = accumulate(task, protected, text)
    assert (found["contribution"][~text] == 0).all()
    task[~text], protected[~text] = 1e6, -1e6
    for name, value in accumulate(task, protected, text).items():
        np.testing.assert_array_equal(value, found[name])


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    scale=st.sampled_from([1e-30, 1e-22, 1e-9, 3.0, 1e9, 1e22]),
)
def test_the_scale_of_the_psm_changes_nothing(seed, scale):
    """Also in single precision, where squares of small gradients would vanish."""
    task, protected, text = gradients(seed)
    task, protected = task.astype(np.float32), protected.astype(np.float32)
    found = accumulate(task, protected, text)
    scaled = accumulate(task, protected * np.float32(scale), text)
    for name in FORMS:
        np.testing.assert_allclose(scaled[name], found[name], rtol=1e-5)


def test_small_gradients_of_the_task_classifier_do_not_vanish():
    task, protected, text = gradients(3)
    task, protected = task.astype(np.float32), protected.astype(np.float32)
    found = accumulate(task, protected, text)
    small = accumulate(task * np.float32(1e-25), protected, text)
    for name in FORMS:
        np.testing.assert_allclose(small[name] / 1e-25, found[name], rtol=1e-5)


def test_a_psm_without_gradient_gives_no_number():
    task, protected, text = gradients(4)
    protected[2] = 0.0
    text[3] = False
    found = accumulate(task, protected, text)
    for name in ("absolute", "token"):
        assert np.isnan(found[name][[2, 3]]).all()
        assert np.isfinite(found[name][[0, 1, 4]]).all()
    assert (found["contribution"][~text] == 0).all()


def test_linear_models_give_the_closed_form():
    """Logits Σ_t c_t W x_t: ∇p = p(1-p) c_t (w1 - w0) at token t."""
    import torch

    from fairaudit.models.gradients import embedding_gradient

    rng = np.random.default_rng(5)
    x = rng.normal(size=(2, 4, 3))
    slope, protected = rng.normal(size=(2, 2, 3))
    task_share, psm_share = np.array([1, 2, 0, 3.0]), np.array([2, 1, 1, 0.5])

    def gradient(weights, shares):
        leaf = torch.from_numpy(x).requires_grad_()
        pooled = (leaf * torch.from_numpy(shares)[:, None]).sum(1)
        p = (pooled @ torch.from_numpy(weights).T).softmax(-1)
        return embedding_gradient(p, leaf).numpy(), p.detach().numpy()

    s, p = gradient(slope, task_share)
    a, _ = gradient(protected, psm_share)
    found = accumulate(s, a, np.ones((2, 4), dtype=bool))
    apart, direction = slope[1] - slope[0], protected[1] - protected[0]
    steep = p.prod(1)
    share = (task_share * psm_share).sum() / psm_share.sum()
    np.testing.assert_allclose(
        found["token"], steep * share * np.linalg.norm(apart), rtol=1e-9
    )
    overlap = np.abs(apart) @ np.abs(direction) / np.abs(direction).sum()
    np.testing.assert_allclose(found["absolute"], steep * share * overlap, rtol=1e-9)
    assert (found["contribution"][:, 2] == 0).all(), "the classifier skips this token"
    assert (found["contribution"][:, [0, 1, 3]] > 0).all()


def test_the_order_of_classes_changes_nothing(zoo, opened, tmp_path):
    import shutil

    from safetensors.torch import load_file, save_file

    def flipped(path, name):
        place = shutil.copytree(path, tmp_path / name)
        content = load_file(place / "model.safetensors")
        for part in ("classifier.weight", "classifier.bias"):
            content[part] = content[part].flip(0).contiguous()
        save_file(content, place / "model.safetensors", {"format": "pt"})
        return place

    task, psm = zoo(num_labels=3), zoo(seed=1, num_labels=3)
    found = answer(opened(task, psm), Sensitivity(TEXTS))
    turned = opened(flipped(task, "task"), flipped(psm, "psm"))
    other = answer(turned, Sensitivity(TEXTS))
    np.testing.assert_allclose(
        other["probabilities"][:, ::-1], found["probabilities"], atol=1e-6
    )
    for form in (*FORMS, "contribution"):
        np.testing.assert_allclose(other[form], found[form], rtol=1e-4)


# --- the metric --------------------------------------------------------------------


def entry(labels=(), psm=None, shared=True):
    named = ModelEntry(name="m", path="", fingerprint="", architecture="")
    return ModelCard(entry=named, labels=labels, psm=psm, shared_embedding=shared)


CARD = entry(("no", "yes"), entry(("men", "women")))


def examples(women, axis="gender", names=("men", "women"), known=None, texts=None):
    n = len(women)
    known = np.ones(n, dtype=bool) if known is None else known
    card = DatasetEntry(name="notes", kind="examples", n=n, sha256="")
    return Examples(
        card=card,
        texts=tuple(texts or (f"text {i}" for i in range(n))),
        labels=np.full(n, -1),
        label_names=(),
        groups=(
            Group(axis, names[0], ~women & known, known),
            Group(axis, names[1], women & known, known),
        ),
    )


def reading(women, values, psm_noise=0.05, seed=0):
    rng = np.random.default_rng(seed)
    n = len(women)
    score = np.clip(women * 0.8 + 0.1 + psm_noise * rng.normal(size=n), 0, 1)
    return {
        "probabilities": np.tile([0.2, 0.8], (n, 1)),
        "psm": np.stack([1 - score, score], axis=1),
        "absolute": values,
        "token": 2 * values,
        "uniform": np.full(n, 0.5),
        "uniform_token": np.full(n, 1.0),
        "truncated": np.zeros(n, dtype=bool),
    }


def score(data, read, card=CARD, metric=None, seed=0):
    metric = metric or AccumulatedSensitivity(draws=400)
    rng = np.random.default_rng(seed)
    return list(metric.score(data, {"sensitivity": read}, card, rng))


def find(findings, quantity, subject=None):
    (found,) = [
        f
        for f in findings
        if f.quantity.name == quantity and subject in {None, f.subject}
    ]
    return found


WOMEN = np.arange(60) % 3 == 0


def test_means_are_those_of_the_texts():
    values = np.random.default_rng(1).uniform(1, 2, 60)
    found = score(examples(WOMEN), reading(WOMEN, values))
    for form, factor in (("absolute", 1), ("token", 2)):
        name = f"sensitivity_{form}"
        parts = {
            "all texts": values,
            "gender=women": values[WOMEN],
            "gender=men": values[~WOMEN],
        }
        for subject, part in parts.items():
            finding = find(found, name, subject)
            assert finding.value == pytest.approx(factor * part.mean())
            assert finding.n == len(part)
            assert finding.interval.low < finding.value < finding.interval.high
        gap = find(found, f"{name}_difference")
        expected = abs(values[WOMEN].mean() - values[~WOMEN].mean())
        assert gap.value == pytest.approx(factor * expected)
        detail = find(found, name, "all texts").detail
        assert detail["ratio_to_uniform_v"] == pytest.approx(values.mean() / 0.5)
        assert detail["mean_confidence"] == pytest.approx(0.8)


def test_a_planted_gap_is_found_and_none_is_not():
    noise = np.random.default_rng(2).normal(0, 0.1, 60)
    planted = score(examples(WOMEN), reading(WOMEN, 1 + 0.5 * WOMEN + noise))
    gap = find(planted, "sensitivity_absolute_difference")
    assert gap.subject == "gender=women vs gender=men"
    assert gap.value == pytest.approx(0.5, abs=0.1)
    assert gap.p_value < 0.01
    assert gap.interval.low > 0.3
    equal = np.where(WOMEN, np.cumsum(WOMEN), np.cumsum(~WOMEN)) % 5 * 0.1 + 1.0
    none = find(
        score(examples(WOMEN), reading(WOMEN, equal)), "sensitivity_absolute_difference"
    )
    assert none.p_value > 0.5
    assert none.interval.low == 0


def test_psm_quality_agrees_with_scikit_learn():
    from sklearn.metrics import roc_auc_score

    read = reading(WOMEN, np.ones(60), psm_noise=0.5)
    found = score(examples(WOMEN), read)
    expected = roc_auc_score(WOMEN, read["psm"][:, 1])
    quality = find(found, "psm_auc", "PSM: gender=women vs rest of the axis")
    assert 0.5 < expected < 1
    assert quality.value == pytest.approx(expected)
    assert quality.n == 60


def test_a_poor_psm_withholds_everything():
    read = reading(WOMEN, np.ones(60))
    read["psm"] = np.random.default_rng(3).dirichlet([1, 1], 60)
    found = score(examples(WOMEN), read)
    auc = find(found, "psm_auc", "PSM: gender=men vs rest of the axis").value
    assert auc < 0.7
    for form in ("absolute", "token"):
        finding = find(found, f"sensitivity_{form}")
        assert finding.value is None
        assert f"PSM AUC {auc:.3f} is below 0.7" in finding.reason
    assert not [f for f in found if f.quantity.name.endswith("difference")]


def test_other_embeddings_withhold_the_form_by_features_only():
    card = entry(("no", "yes"), CARD.psm, shared=False)
    found = score(examples(WOMEN), reading(WOMEN, np.ones(60)), card)
    assert "different word embeddings" in find(found, "sensitivity_absolute").reason
    assert find(found, "sensitivity_token", "all texts").value == pytest.approx(2)


def test_a_psm_of_other_groups_is_unmeasurable():
    data = examples(WOMEN, axis="age", names=("young", "old"))
    metric = AccumulatedSensitivity()
    with pytest.raises(Unmeasurable, match=r"men, women.*its axes: age"):
        metric.needs(data, CARD)
    with pytest.raises(Unmeasurable, match="none"):
        metric.needs(data, entry(("no", "yes")))


def test_a_group_too_small_has_a_reason():
    few = np.arange(60) < 4
    found = score(examples(few), reading(few, np.ones(60)))
    quality = find(found, "psm_auc", "PSM: gender=women vs rest of the axis")
    assert quality.value is None
    assert "4 texts of the group" in quality.reason
    assert "quality of the PSM is unknown" in find(found, "sensitivity_token").reason


def test_a_third_small_group_is_left_out_of_the_gap():
    group = np.arange(64)
    known = np.ones(64, dtype=bool)
    women = (group % 3 == 0) & (group < 60)
    data = examples(women, known=known)
    other = Group("gender", "other", group >= 60, known)
    men = Group("gender", "men", ~women & (group < 60), known)
    data = Examples(
        card=data.card,
        texts=data.texts,
        labels=data.labels,
        label_names=(),
        groups=(men, data.groups[1], other),
    )
    found = score(data, reading(women, 1.0 + women))
    small = find(found, "sensitivity_token", "gender=other")
    assert small.reason == "4 texts; 10 are needed"
    gap = find(found, "sensitivity_token_difference")
    assert gap.detail["left_out"] == ["gender=other"]
    assert gap.value == pytest.approx(2.0)
    assert find(found, "psm_auc", "PSM: gender=women vs rest of the axis").n == 60


def test_texts_without_finite_gradient_are_left_out_and_counted():
    values = np.ones(60)
    values[[0, 7]] = np.nan
    found = score(examples(WOMEN), reading(WOMEN, values))
    mean = find(found, "sensitivity_absolute", "all texts")
    assert mean.value == pytest.approx(1.0)
    assert mean.n == 58
    assert mean.detail["texts_without_finite_gradient"] == 2


def test_no_finite_gradient_at_all_has_a_reason():
    found = score(examples(WOMEN), reading(WOMEN, np.full(60, np.nan)))
    for form in ("absolute", "token"):
        finding = find(found, f"sensitivity_{form}")
        assert finding.reason == "0 texts gave finite gradients; 10 are needed"


def test_rows_of_unknown_group_count_only_overall():
    known = np.arange(60) >= 6
    values = np.where(known, 1.0, 7.0)
    found = score(examples(WOMEN, known=known), reading(WOMEN, values))
    assert find(found, "sensitivity_absolute", "all texts").n == 60
    for name in ("men", "women"):
        assert find(found, "sensitivity_absolute", f"gender={name}").value == 1.0
    assert find(found, "psm_auc", "PSM: gender=men vs rest of the axis").n == 54


def test_same_seed_same_findings():
    values = np.random.default_rng(6).uniform(size=60)
    data, read = examples(WOMEN), reading(WOMEN, values)
    assert score(data, read) == score(data, read)


# --- end to end --------------------------------------------------------------------


def notes(n=40):
    words = ("nurse", "doctor", "patient", "mother", "father", "person", "man")
    women = np.arange(n) % 2 == 0
    texts = [
        f"the {words[i % 7]} said {'she' if w else 'he'} was {words[i % 5]} {'!' * i}"
        for i, w in enumerate(women)
    ]
    return examples(women, texts=texts), texts


def test_audit_of_two_models(zoo, opened):
    data, texts = notes()
    names = {"id2label": {0: "men", 1: "women"}, "label2id": {"men": 0, "women": 1}}
    model = opened(zoo(), zoo(seed=1, **names))
    metric = AccumulatedSensitivity(min_auc=0.0, draws=200)
    runs = [
        audit([model], [metric], [data], Settings(batch_tokens=size))
        for size in (256, 2048)
    ]
    expected = answer(model, Sensitivity(tuple(texts)))["token"]
    for report in runs:
        (mean,) = [
            r
            for r in report.records
            if r.quantity
            and r.quantity.name == "sensitivity_token"
            and r.subject == "all texts"
        ]
        assert mean.status == "ok"
        assert mean.value == pytest.approx(expected.mean(), rel=1e-4)
        reasons = [r.reason for r in report.records if r.status != "ok"]
        assert len(reasons) == 1
        assert "different word embeddings" in reasons[0]
        assert report.cost.forward_passes == len(texts)


def test_audit_without_psm_gives_the_reason(zoo, opened):
    data, _ = notes()
    report = audit([opened(zoo())], [AccumulatedSensitivity()], [data], Settings())
    (record,) = report.records
    assert record.status == "not_run"
    assert "--psm" in record.reason
    assert report.cost.forward_passes == 0
