import json
from dataclasses import replace

import numpy as np
import pytest

from fairaudit.engine import Settings, audit
from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit_metrics.intrinsic.ceat import CEAT
from fairaudit_metrics.intrinsic.stimuli import group_tests
from tests.fakes import FakeModel
from tests.test_ceat import C6, CARD, contexts, noise

DEEP = replace(CARD, layers=4)


def readings_for(metric, data, card, *seeds):
    """Give each layer vectors of its own, by seed in the order of the requests."""
    found = {}
    for (name, request), seed in zip(
        metric.needs(data, card).items(), seeds, strict=True
    ):
        by_text = noise(data, seed)
        found[name] = {"vectors": np.array([by_text[t] for t in request.texts])}
    return found


def score(metric, data, card, *seeds):
    readings = readings_for(metric, data, card, *seeds)
    rng = np.random.default_rng(0)
    return list(metric.score(data, readings, card, rng))


def test_one_layer_is_asked_for_by_default():
    data = contexts(C6.words, 8)
    requests = CEAT(draws=5).needs(data, DEEP)
    assert list(requests) == ["vectors"]
    [found] = score(CEAT(draws=5), data, DEEP, 0)
    assert "layer" not in found.subject


@pytest.mark.parametrize(
    ("layer", "layers", "expected"),
    [
        (-1, "all", [-1, 0, 1, 2]),
        (1, "all", [1, 0, 2, 3]),
        (-1, "0+2", [-1, 0, 2]),
        (-1, "3+0", [-1, 0]),
        (-2, "2 3 3", [-2, 3]),
    ],
)
def test_every_layer_is_asked_for_once_the_main_one_first(layer, layers, expected):
    data = contexts(C6.words, 8)
    requests = CEAT(layer=layer, layers=layers).needs(data, DEEP)
    assert [r.layer for r in requests.values()] == expected
    assert len({r.texts for r in requests.values()}) == 1
    assert len({r.spans for r in requests.values()}) == 1


def test_only_the_main_layer_has_a_p_value_of_the_audit():
    data = contexts(C6.words, 8)
    found = score(CEAT(draws=40, layers="0+1"), data, DEEP, 7, 8, 9)
    assert [f.subject for f in found] == [
        f"{C6.subject} (layer {layer})" for layer in (3, 0, 1)
    ]
    assert [f.p_value is not None for f in found] == [True, False, False]
    assert [bool(f.null) for f in found] == [True, False, False]
    for one in found[1:]:
        assert 0 < one.detail["p_value_of_this_layer"] <= 1
        assert "curve" in one.detail["no_p_value_because"]
        assert one.interval is not None
    json.dumps([f.detail for f in found])


def test_the_curve_is_on_the_same_draws():
    data = contexts(C6.words, 8)
    found = score(CEAT(draws=40, layers="0+1"), data, DEEP, 7, 7, 9)
    main, same, other = found
    assert same.value == main.value
    assert same.interval == main.interval
    assert same.detail["p_value_of_this_layer"] == main.p_value
    assert other.value != main.value
    [alone] = score(CEAT(draws=40), data, DEEP, 7)
    assert alone.value == main.value
    assert alone.p_value == main.p_value


def test_groups_have_a_curve_too():
    data = contexts(group_tests()["gender"].words, 8)
    metric = CEAT(form="group", tests="gender", draws=10, layers="0")
    found = score(metric, data, DEEP, 1, 2)
    assert [f.subject for f in found[2::3]] == [
        "gender: pleasant vs unpleasant (layer 3)",
        "gender: pleasant vs unpleasant (layer 0)",
    ]
    assert [f.p_value is not None for f in found] == [False, False, True] + [False] * 3
    assert "p_value_of_this_layer" in found[5].detail
    assert "p_value_of_this_layer" not in found[3].detail


def test_layers_that_are_not_there_are_named():
    data = contexts(C6.words, 8)
    for metric in (CEAT(layers="0+4"), CEAT(layer=4), CEAT(layer=-5)):
        with pytest.raises(Unmeasurable, match=r"0 \(embedding output\) to 3"):
            metric.needs(data, DEEP)
    with pytest.raises(Unmeasurable, match="name them, such as layers=0"):
        CEAT(layers="all").needs(data, CARD)
    assert list(CEAT(layers="2").needs(data, CARD)) == ["vectors", "layer 2"]


@pytest.mark.parametrize("layers", ["first", "-1", "0+x", "1.5"])
def test_layers_that_are_no_numbers_are_refused(layers):
    with pytest.raises(AuditError, match="layers has"):
        CEAT(layers=layers)


def test_the_curve_costs_no_further_forward_pass():
    data = contexts(C6.words, 8)
    settings = Settings(debug=True)
    one, all_layers = FakeModel(), FakeModel()
    audit([one], [CEAT(draws=5)], [data], settings)
    report = audit([all_layers], [CEAT(draws=5, layers="0+1+2")], [data], settings)
    assert sum(all_layers.seen.values()) == sum(one.seen.values()) == len(data.texts)
    assert len(report.records) == 4
    assert sum(r.p_adjusted is not None for r in report.records) == 1


@pytest.mark.parametrize(
    "family", ["Bert", "Albert", "Electra", "DistilBert", "MPNet", "DebertaV2", "GPT2"]
)
def test_the_card_tells_the_number_of_hidden_states(zoo, opened, family):
    import torch
    import transformers

    path = zoo(family, seed=0)
    card = opened(path).card
    network = transformers.AutoModel.from_pretrained(path)
    with torch.no_grad():
        states = network(torch.tensor([[5, 6]]), output_hidden_states=True)
    assert card.layers == len(states.hidden_states) == 3
