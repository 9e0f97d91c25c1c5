"""What models answer about their slopes, on tiny networks of eight architectures."""

import numpy as np
import pytest

from fairaudit.errors import AuditError
from fairaudit.model import (
    FAULTS,
    Ask,
    Directional,
    HeldOut,
    Predict,
    Sensitivity,
    Slope,
)

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
POINTED = ("signed", "absolute", "token")
POSITIVE = ("absolute", "token", "uniform", "uniform_token")
FORMS = (*POSITIVE, "signed", "lexicon")
TERMS = ((15, 18), (49, 51))
LISTED = (TERMS, (), ((2, 9),), ((0, 5),))


def answer(model, request):
    where = np.arange(len(request.texts))
    return model.read(request.texts, [Ask(request, where)])[0]


def pair(zoo, opened, family="Bert", **config):
    return opened(zoo(family, **config), zoo(family, seed=1))


def same(found, expected, rows=slice(None), rtol=2e-4, names=FORMS):
    for name in names:
        size = np.abs(np.nan_to_num(expected[name])).max()
        np.testing.assert_allclose(
            found[name], expected[name][rows], rtol, 1e-5 * size, err_msg=name
        )


@pytest.mark.parametrize("family", FAMILIES)
def test_every_architecture(zoo, opened, family):
    model = pair(zoo, opened, family)
    found = answer(model, Sensitivity(TEXTS, terms=LISTED))
    for path, column in [(zoo(family), "probabilities"), (zoo(family, seed=1), "psm")]:
        plain = answer(opened(path), Predict(TEXTS))["probabilities"]
        np.testing.assert_allclose(found[column], plain, atol=1e-6)
    for form in POSITIVE:
        assert (found[form] > 0).all()
    assert (np.abs(found["signed"]) <= found["absolute"]).all()
    assert np.isnan(found["lexicon"]).tolist() == [False, True, False, False]
    assert not found["fault"].any()
    assert not found["psm_fault"].any()
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


def alone_as_together(model, slope):
    together = answer(model, Sensitivity(TEXTS, terms=LISTED, slope=slope))
    one = Sensitivity(TEXTS[:1], terms=LISTED[:1], slope=slope)
    same(answer(model, one), together, [0])
    turned = Sensitivity(TEXTS[::-1], terms=LISTED[::-1], slope=slope)
    same(answer(model, turned), together, slice(None, None, -1))


@pytest.mark.parametrize("family", FAMILIES)
def test_batch_equals_one_by_one(zoo, opened, family):
    alone_as_together(pair(zoo, opened, family), Slope())


@pytest.mark.parametrize(
    "slope",
    [
        Slope(smooth="noise", points=3, noise=0.5),
        Slope(smooth="path", points=3),
        Slope("log_odds", (0.5, 2.0), "l1", "unit", "relative"),
    ],
)
@pytest.mark.parametrize("family", ["Bert", "GPT2"])
def test_batch_equals_one_by_one_however_measured(zoo, opened, family, slope):
    alone_as_together(pair(zoo, opened, family), slope)


def test_asks_of_a_batch_share_one_pass_and_one_gradient(zoo, opened, monkeypatch):
    import torch

    model = pair(zoo, opened)
    network = model._runner.network
    forwards, grads = [], []
    forward, grad = network.forward, torch.autograd.grad
    monkeypatch.setattr(
        network, "forward", lambda *a, **k: forwards.append(1) or forward(*a, **k)
    )
    monkeypatch.setattr(
        torch.autograd, "grad", lambda *a, **k: grads.append(1) or grad(*a, **k)
    )
    where = np.arange(len(TEXTS))
    requests = (
        Sensitivity(TEXTS),
        Predict(TEXTS),
        Directional(TEXTS, TEXTS[::-1]),
        Sensitivity(TEXTS, terms=LISTED, psm=False),
    )
    found = model.read(TEXTS, [Ask(request, where) for request in requests])
    assert len(forwards) == 1
    assert len(grads) == 2, "one backward pass for each of the two models"
    for other in found[1:]:
        np.testing.assert_array_equal(other["probabilities"], found[0]["probabilities"])


def test_rows_may_ask_for_different_classes_and_terms_of_one_text(zoo, opened):
    model = pair(zoo, opened, num_labels=3)
    rows = (0, 1, 0, 0, 2, 0)
    request = Sensitivity(
        tuple(TEXTS[row] for row in rows),
        classes=(0, 1, 2, 0, 1, -1),
        terms=(LISTED[0], (), LISTED[0], (), LISTED[2], ()),
    )
    (found,) = model.read(TEXTS, [Ask(request, np.array(rows))])
    for row in range(5):
        one = request.take([row])
        alone = answer(model, one)
        same(alone, found, [row])
    assert FAULTS[int(found["fault"][5])].startswith("the text has no label")
    assert np.isnan(found["token"][5])
    assert len(set(found["token"][[0, 2]])) == 2
    assert found["terms"].tolist() == [2, 0, 2, 0, 1, 0]


def test_named_classes_are_the_predicted_ones_where_they_agree(zoo, opened):
    model = pair(zoo, opened, num_labels=3)
    plain = answer(model, Sensitivity(TEXTS))
    predicted = tuple(plain["probabilities"].argmax(1).tolist())
    same(answer(model, Sensitivity(TEXTS, classes=predicted)), plain, names=POINTED)
    weights = Slope(weights=(0.0, 1.0, 0.0))
    named = answer(model, Sensitivity(TEXTS, classes=(1,) * 4))
    same(answer(model, Sensitivity(TEXTS, slope=weights)), named, names=POINTED)
    unsigned = Sensitivity(TEXTS, slope=weights, unsigned=False)
    found = answer(model, unsigned)
    same(found, named, names=("signed",))
    assert np.isnan(found["token"]).all()


def test_log_odds_and_probability_differ_by_the_steepness(zoo, opened):
    model = pair(zoo, opened)
    plain = answer(model, Sensitivity(TEXTS))
    odds = answer(model, Sensitivity(TEXTS, slope=Slope("log_odds")))
    p = plain["probabilities"].max(1)
    np.testing.assert_allclose(plain["steepness"], p * (1 - p), rtol=1e-6)
    for form in POINTED:
        np.testing.assert_allclose(
            odds[form] * plain["steepness"], plain[form], rtol=1e-5
        )


def test_relative_slopes_are_multiplied_by_the_length_of_the_embedding(zoo, opened):
    model = pair(zoo, opened)
    unit = answer(model, Sensitivity(TEXTS))
    relative = answer(model, Sensitivity(TEXTS, slope=Slope(step="relative")))
    runner = model._runner
    batch = runner.encode(TEXTS)
    lookup = runner.network.get_input_embeddings()
    lengths = lookup(batch.inputs["input_ids"]).norm(dim=-1).numpy()[batch.text]
    assert np.ptp(lengths) > 0.1
    np.testing.assert_allclose(
        relative["contribution"], unit["contribution"] * lengths, rtol=1e-5
    )


# --- the protected-status model ----------------------------------------------------


def test_the_group_of_a_two_group_psm_only_turns_the_sign(zoo, opened):
    model = pair(zoo, opened)
    first, second = (answer(model, Sensitivity(TEXTS, group=g)) for g in (0, 1))
    same(first, second, names=("absolute", "token"))
    np.testing.assert_allclose(first["signed"], -second["signed"], rtol=1e-4)
    assert np.abs(first["signed"]).max() > 0


def test_other_width_leaves_the_form_by_token(zoo, opened):
    """Token weights come from the PSM's norms, whatever its width."""
    from fairaudit.models.gradients import slopes

    model = opened(zoo("Bert"), zoo("Albert", seed=1))
    assert not model.card.shared_embedding
    found = answer(model, Sensitivity(TEXTS))
    assert np.isnan(found["absolute"]).all()
    assert np.isnan(found["signed"]).all()
    norms = []
    for path in (zoo("Bert"), zoo("Albert", seed=1)):
        runner = opened(path)._runner
        batch = runner.encode(TEXTS)
        point = runner.run(batch, hidden=False, gradient=True).point
        out = slopes(point, point.logits.argmax(-1), "probability", "l2")
        norms.append((out.norms * out.factor[:, None]).numpy() * batch.text)
    expected = (norms[0] * norms[1]).sum(1) / norms[1].sum(1)
    np.testing.assert_allclose(found["token"], expected, rtol=1e-5)


def test_a_psm_that_takes_other_inputs_is_read_with_its_own_tokenizer(zoo, opened):
    model = opened(zoo("Bert"), zoo("DistilBert"))
    found = answer(model, Sensitivity(TEXTS))
    plain = answer(opened(zoo("DistilBert")), Predict(TEXTS))["probabilities"]
    np.testing.assert_allclose(found["psm"], plain, atol=1e-6)


@pytest.mark.parametrize("psm", ["Roberta", "GPT2"])
def test_other_tokens_are_aligned_by_characters(zoo, opened, psm):
    model = opened(zoo("Bert"), zoo(psm, seed=1))
    assert "sensitivity" in model.card.entry.reads
    assert not model.card.shared_embedding
    found = answer(model, Sensitivity(TEXTS))
    assert (found["token"] > 0).all()
    assert np.isnan(found["absolute"]).all()
    ends = np.cumsum(found["lengths"])[:-1]
    parts = [p.sum() for p in np.split(found["contribution"], ends)]
    np.testing.assert_allclose(parts, found["token"], rtol=1e-5)
    # v sums to 1, so the result lies between the smallest and the largest norm.
    alone = answer(opened(zoo("Bert")), Sensitivity(TEXTS, psm=False))
    assert (found["token"] < alone["uniform_token"] * found["lengths"]).all()


def test_what_a_shorter_psm_does_not_read_has_no_weight(zoo, opened):
    model = opened(zoo(), zoo(seed=1, max_position_embeddings=8))
    found = answer(model, Sensitivity(TEXTS[:1]))
    assert found["token"] > 0
    late = found["start"] > 30
    assert late.any()
    assert (found["contribution"][late] == 0).all()


def test_a_long_text_changes_nothing_for_the_others_of_its_batch(zoo, opened):
    """The PSM reads only 32 tokens: a longer text is cut differently."""
    model = opened(zoo(), zoo(seed=1, max_position_embeddings=32))
    long = "the nurse said she was late and " * 8
    found = answer(model, Sensitivity((TEXTS[0], long, TEXTS[1])))
    alone = answer(model, Sensitivity((TEXTS[0], TEXTS[1])))
    for form in (*POINTED, "uniform"):
        np.testing.assert_allclose(found[form][[0, 2]], alone[form], rtol=2e-4)
    assert np.isfinite(found["token"][1])
    assert np.isnan(found["absolute"]).tolist() == [False, True, False]
    assert not found["fault"].any()
    signed = Sensitivity((TEXTS[0], long), slope=Slope(weights=(0, 1)), unsigned=False)
    found = answer(model, signed)
    assert np.isnan(found["signed"]).tolist() == [False, True]
    assert not found["fault"].any()


def test_texts_that_only_other_asks_concern_change_nothing(zoo, opened):
    model = pair(zoo, opened)
    expected = answer(model, Sensitivity(TEXTS[:2]))
    asks = [
        Ask(Sensitivity(TEXTS[:2]), np.array([0, 1])),
        Ask(Predict(TEXTS[2:]), np.array([2, 3])),
    ]
    found = model.read(TEXTS, asks)[0]
    same(found, expected, names=(*POINTED, "uniform"))
    (found,) = model.read(TEXTS, asks[:1])
    same(found, expected, names=(*POINTED, "uniform"))


def test_a_missing_psm_is_an_error(zoo, opened):
    with pytest.raises(AuditError, match="--psm"):
        answer(opened(zoo()), Sensitivity(TEXTS))


def test_the_lexicon_needs_no_psm(zoo, opened):
    request = Sensitivity(TEXTS, terms=LISTED, psm=False)
    assert request.kind == "gradient"
    alone = answer(opened(zoo()), request)
    both = answer(pair(zoo, opened), Sensitivity(TEXTS, terms=LISTED))
    same(alone, both, names=("lexicon", "uniform", "uniform_token"))
    assert "psm" not in alone
    ends = np.cumsum(alone["lengths"])[:-1]
    parts = [p.sum() for p in np.split(alone["contribution"], ends)]
    np.testing.assert_allclose(parts, alone["lexicon"], rtol=1e-5)


def test_the_lexicon_is_the_mean_norm_of_its_tokens(zoo, opened):
    model = opened(zoo())
    found = answer(model, Sensitivity(TEXTS[:1], terms=(TERMS,), psm=False))
    parts = []
    for start, end in TERMS:
        one = answer(model, Sensitivity(TEXTS[:1], terms=(((start, end),),), psm=False))
        parts.append(one["lexicon"][0] * one["terms"][0])
    assert found["lexicon"][0] == pytest.approx(sum(parts) / found["terms"][0])
    plain = Sensitivity(
        TEXTS[:1], terms=(TERMS,), psm=False, slope=Slope(normalise="none")
    )
    assert answer(model, plain)["lexicon"][0] == pytest.approx(sum(parts), rel=1e-5)


# --- towards another text ----------------------------------------------------------

SWAPPED = tuple(
    text.replace("she", "he").replace("a patient", "a mother") for text in TEXTS
)


def direction(model, **options):
    return answer(model, Directional(TEXTS, SWAPPED, slope=Slope(**options)))


@pytest.mark.parametrize("family", ["Bert", "Albert", "DebertaV2"])
def test_a_path_to_the_counterpart_ends_at_the_finite_change(zoo, opened, family):
    """In double precision: the mean slope along the line is the change itself."""
    import torch

    model = opened(zoo(family, scale=2.0))
    model._runner.network.double()
    found = direction(model, smooth="path", points=40)
    rows = [0, 2]
    assert found["aligned"].all()
    with torch.no_grad():
        before, after = (
            answer(model, Predict(texts))["probabilities"] for texts in (TEXTS, SWAPPED)
        )
    chosen = found["probabilities"].argmax(1)
    change = (after - before)[np.arange(4), chosen]
    assert np.abs(change[rows]).min() > 1e-6
    np.testing.assert_allclose(found["directional"][rows], change[rows], rtol=1e-3)
    model._runner.network.float()


@pytest.mark.parametrize("readout", ["probability", "log_odds", "logit"])
def test_the_direction_agrees_with_finite_differences(zoo, opened, readout):
    import torch

    runner = opened(zoo("Bert", seed=5))._runner
    runner.network.double()
    model = opened(zoo("Bert", seed=5), None)
    model.__dict__["_runner"] = runner
    found = direction(model, readout=readout)
    batch = runner.encode(TEXTS[:1])
    other = runner.encode(SWAPPED[:1])
    lookup = runner.network.get_input_embeddings()
    with torch.no_grad():
        here = lookup(batch.inputs["input_ids"])
        step = lookup(other.inputs["input_ids"]) - here
        values = []
        for share in (1e-6, -1e-6):
            handle = lookup.register_forward_hook(lambda *_, s=share: here + s * step)
            logits = runner.network(**batch.inputs).logits[0]
            handle.remove()
            p = logits.softmax(-1)
            of = {"probability": p, "log_odds": (p / (1 - p)).log(), "logit": logits}
            values.append(of[readout])
    chosen = int(found["probabilities"][0].argmax())
    expected = float((values[0] - values[1])[chosen] / 2e-6)
    assert found["directional"][0] == pytest.approx(expected, rel=1e-6)


def test_texts_that_do_not_differ_move_nowhere(zoo, opened):
    found = direction(opened(zoo()))
    assert found["moved"].tolist() == [1, 0, 1, 0]
    assert (found["directional"][[1, 3]] == 0).all()
    assert (found["directional"][[0, 2]] != 0).all()


def test_several_counterparts_of_one_text(zoo, opened):
    model = opened(zoo())
    texts = (TEXTS[0],) * 3
    others = (TEXTS[0].replace("she", "he"), TEXTS[0], TEXTS[0].replace("he", "she"))
    (found,) = model.read(
        (TEXTS[0],), [Ask(Directional(texts, others), np.zeros(3, dtype=int))]
    )
    for row in range(3):
        alone = answer(model, Directional(texts[:1], others[row : row + 1]))
        np.testing.assert_allclose(found["directional"][row], alone["directional"][0])
    assert len(set(found["directional"])) == 3


def test_a_replacement_of_another_length_moves_to_the_mean(zoo, opened):
    import torch

    model = opened(zoo())
    runner = model._runner
    text, other = "the old man was bad", "the old unwanted was bad"
    found = answer(model, Directional((text,), (other,)))
    ids = runner.encode([other]).inputs["input_ids"][0]
    assert len(ids) == 9
    assert not found["aligned"][0]
    assert found["moved"][0] == 1
    lookup = runner.network.get_input_embeddings()
    batch = runner.encode([text])
    point = runner.run(batch, hidden=False, gradient=True).point
    chosen = point.logits.argmax(-1)
    p = point.logits.softmax(-1)[0, chosen]
    (slope,) = torch.autograd.grad(p.sum(), point.embeddings)
    step = lookup(ids[3:6]).mean(0) - lookup(batch.inputs["input_ids"][0, 3])
    assert found["directional"][0] == pytest.approx(float(slope[0, 3] @ step), rel=1e-4)


# --- smoothing ---------------------------------------------------------------------


def test_noise_of_no_size_changes_nothing(zoo, opened):
    model = pair(zoo, opened)
    plain = answer(model, Sensitivity(TEXTS, terms=LISTED))
    how = Slope(smooth="noise", points=2, noise=0.0)
    same(answer(model, Sensitivity(TEXTS, terms=LISTED, slope=how)), plain)


def test_noise_is_the_same_for_a_text_and_differs_between_texts(zoo, opened):
    import torch

    from fairaudit.models.smoothing import around

    runner = opened(zoo())._runner
    how = Slope(smooth="noise", points=2, noise=0.3)
    texts = (TEXTS[1], TEXTS[0], TEXTS[1])
    batch = runner.encode(texts)
    lookup = runner.network.get_input_embeddings()
    base = lookup(batch.inputs["input_ids"])
    first, second = (move(base) - base for move in around(how, texts, batch))
    assert torch.equal(first[0], first[2])
    assert not torch.equal(first[0], second[0])
    length = int(batch.inputs["attention_mask"][0].sum())
    assert (first[0, length:] == 0).all()
    assert (first[0, :length] != 0).all()
    own = base[1][torch.from_numpy(batch.text[1])]
    expected = 0.3 * float(own.square().mean().sqrt())
    assert float(first[1].std()) == pytest.approx(expected, rel=0.1)


def test_smoothing_is_the_mean_over_points(zoo, opened):
    """A path of one point: the texts' own tokens at half their embeddings."""
    import torch

    model = pair(zoo, opened)
    how = Slope(smooth="path", points=1)
    found = answer(model, Sensitivity(TEXTS, slope=how))
    batch = model._runner.encode(TEXTS)
    half = torch.where(torch.from_numpy(batch.text), 0.5, 1.0)[..., None]
    handles = [
        each._runner.network.get_input_embeddings().register_forward_hook(
            lambda _m, _a, out: out * half
        )
        for each in (model, model.psm)
    ]
    chosen = tuple(found["probabilities"].argmax(1).tolist())
    expected = answer(model, Sensitivity(TEXTS, classes=chosen))
    for handle in handles:
        handle.remove()
    same(found, expected, names=POINTED)


# --- what goes wrong ---------------------------------------------------------------


def test_an_empty_text_has_a_reason(zoo, opened):
    model = pair(zoo, opened)
    found = answer(model, Sensitivity(("bad cold", "", "  ")))
    assert [FAULTS.get(n, "") for n in found["fault"].tolist()] == [
        "",
        "no token of the text was read",
        "no token of the text was read",
    ]
    assert np.isnan(found["token"]).tolist() == [False, True, True]
    moved = answer(model, Directional(("", "bad"), ("she", "good")))
    assert moved["fault"].tolist() == [1, 0]


def test_a_long_text_is_flagged(zoo, opened):
    model = pair(zoo, opened)
    found = answer(model, Sensitivity(("bad " * 100, "bad")))
    assert found["truncated"].tolist() == [True, False]
    assert np.isfinite(found["token"]).all()


@pytest.mark.parametrize("which", ["task", "psm"])
def test_gradients_that_are_not_finite_have_a_reason(zoo, opened, which):
    """A token whose embedding overflows: only its text is concerned."""
    import torch

    task, psm = zoo(seed=7), zoo(seed=8)
    model = opened(task, psm)
    broken = model if which == "task" else model.psm
    lookup = broken._runner.network.get_input_embeddings()
    number = broken._runner.tokenizer.convert_tokens_to_ids("bad")
    with torch.no_grad():
        lookup.weight[number] = torch.inf
    request = Sensitivity(TEXTS)
    found = answer(model, request)
    concerned = ["bad" in text for text in TEXTS]
    column = "fault" if which == "task" else "psm_fault"
    assert (found[column] == 2).tolist() == concerned
    assert np.isnan(found["token"]).tolist() == concerned
    if which == "psm":
        assert np.isfinite(found["uniform_token"]).all()


def test_a_model_that_cannot_be_differentiated_has_a_reason(zoo, opened, monkeypatch):
    model = opened(zoo(seed=9), zoo(seed=1))
    monkeypatch.setattr(
        model._runner.network, "get_input_embeddings", lambda: None, raising=False
    )
    request = Sensitivity(TEXTS)
    found = answer(model, request)
    assert {FAULTS[n] for n in found["fault"].tolist()} == {FAULTS[3]}
    assert np.isnan(found["token"]).all()
    assert np.isfinite(found["probabilities"]).all()
    assert (answer(model, Directional(TEXTS, SWAPPED))["fault"] == 3).all()


def test_a_psm_without_slope_has_a_reason(zoo, opened):
    import torch

    model = opened(zoo(), zoo(seed=11))
    head = model.psm._runner.network.classifier
    with torch.no_grad():
        head.weight.zero_()
    found = answer(model, Sensitivity(TEXTS))
    assert (found["psm_fault"] == 5).all()
    assert np.isnan(found["token"]).all()
    assert (found["uniform_token"] > 0).all()


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
    turned = opened(flipped(task, "task"), flipped(psm, "psm"))
    for weights in ((), (0.2, 0.5, 0.3)):
        one = Slope("probability", weights)
        other = Slope("probability", weights[::-1])
        found = answer(opened(task, psm), Sensitivity(TEXTS, slope=one))
        back = answer(turned, Sensitivity(TEXTS, slope=other))
        same(back, found, names=(*POSITIVE, "signed"))


def test_bfloat16_is_near(zoo, opened):
    exact = answer(pair(zoo, opened), Sensitivity(TEXTS))
    rough = opened(zoo(), zoo(seed=1), dtype="bfloat16")
    near = answer(rough, Sensitivity(TEXTS))
    np.testing.assert_allclose(near["token"], exact["token"], rtol=0.3)
    assert (near["token"] != exact["token"]).all()


def test_what_training_noted_stands_on_the_card(zoo, opened, tmp_path):
    import json
    import shutil

    place = shutil.copytree(zoo(seed=1), tmp_path / "psm")
    noted = {"task": "group", "n_held_out": 40, "held_out_accuracy": 0.875}
    card = place / "fairaudit_training.json"
    card.write_text(json.dumps({**noted, "held_out_auc": 0.95}))
    assert opened(zoo(), place).card.psm.held_out == HeldOut("group", 40, 0.875, 0.95)
    card.write_text(json.dumps({**noted, "held_out_auc": "high"}))
    assert opened(zoo(), place).card.psm.held_out == HeldOut("group", 40, 0.875, None)
    for bad in ({"held_out_accuracy": 7}, {"task": None}, {"n_held_out": "x"}):
        card.write_text(json.dumps({**noted, **bad}))
        assert opened(zoo(), place).card.psm.held_out is None
    assert opened(zoo()).card.held_out is None


# --- requests ----------------------------------------------------------------------


def test_all_that_determines_an_answer_is_in_settings_or_row_keys():
    base = Sensitivity(TEXTS)
    changed = [
        Sensitivity(TEXTS, group=1),
        Sensitivity(TEXTS, unsigned=False),
        *(
            Sensitivity(TEXTS, slope=slope)
            for slope in (
                Slope("logit"),
                Slope(weights=(1.0, 2.0)),
                Slope(norm="l1"),
                Slope(normalise="none"),
                Slope(step="relative"),
                Slope(smooth="noise"),
                Slope(smooth="noise", points=3),
                Slope(smooth="noise", noise=0.2),
                Slope(smooth="path"),
            )
        ),
    ]
    seen = [tuple(sorted(r.settings.items())) for r in (base, *changed)]
    assert len(set(seen)) == len(seen)
    assert Sensitivity(TEXTS, psm=False).kind != base.kind
    keys = [
        base.row_keys(),
        Sensitivity(TEXTS, classes=(0, 1, 0, 1)).row_keys(),
        Sensitivity(TEXTS, terms=LISTED).row_keys(),
    ]
    assert len(set(keys)) == 3
    one = Directional(TEXTS, SWAPPED)
    assert one.row_keys() != Directional(TEXTS, TEXTS).row_keys()
    assert one.settings != Directional(TEXTS, SWAPPED, slope=Slope("logit")).settings
    assert one.settings == Directional(TEXTS, SWAPPED, slope=Slope(norm="l1")).settings


def test_taking_rows_keeps_what_belongs_to_them():
    request = Sensitivity(TEXTS, classes=(3, 2, 1, 0), terms=LISTED)
    part = request.take([2, 0])
    assert part.texts == (TEXTS[2], TEXTS[0])
    assert part.classes == (1, 3)
    assert part.terms == (LISTED[2], LISTED[0])
    assert part.row_keys() == tuple(request.row_keys()[i] for i in (2, 0))
    pairs = Directional(TEXTS, SWAPPED, classes=(3, 2, 1, 0)).take([1, 2])
    assert (pairs.counterparts, pairs.classes) == (SWAPPED[1:3], (2, 1))
