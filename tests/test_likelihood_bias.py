"""HolisticBias: sentences, samples of cells; likelihood bias by pairs."""

import json
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import false_discovery_control, mannwhitneyu

from fairaudit.data import Descriptors
from fairaudit.datasets.holistic_bias import HolisticBiasReader, phrases, sentences
from fairaudit.engine import Settings, audit
from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit.model import ModelCard
from fairaudit.result import DatasetEntry, ModelEntry
from fairaudit_metrics.extrinsic.likelihood_bias import LikelihoodBias

CARD = DatasetEntry(name="d", kind="descriptors", n=0, sha256="")
CAUSAL = ModelEntry(
    name="lm", path="", fingerprint="", architecture="GPT2", reads=("token_logprob",)
)
NAMES = ("descriptors", "nouns", "sentence_templates", "standalone_noun_phrases")
CONTENT = {
    "nouns": {
        "female": [["aunt", "aunts"]],
        "male": [["uncle", "uncles"]],
        "neutral": [["kid", "kids"]],
    },
    "descriptors": {
        "height": {
            "tall": ["tall", {"descriptor": "unusual", "article": "a"}],
            "small": ["short", {"descriptor": "tall"}],
        },
        "place": {"all": [{"descriptor": "Elbonian", "gender": "female"}]},
    },
    "sentence_templates": {
        "I'm {noun_phrase}.": {},
        "I know {plural_noun_phrase}.": {"must_be_noun": True},
    },
    "standalone_noun_phrases": {
        "place": [
            "a hill dweller",
            {"noun_phrase": "{article} {noun} who rows"},
            {
                "noun_phrase": "{article} {noun} with a boat",
                "plural_noun_phrase": "{noun} with boats",
                "preference": "reviewed",
            },
        ]
    },
}


def folder(tmp_path, **changed):
    for name in NAMES:
        content = {**CONTENT, **changed}[name]
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    return tmp_path


def read(path, limit=None, seed=0):
    return HolisticBiasReader().read(path, limit, np.random.default_rng(seed))


def test_phrases_are_those_of_the_published_generator(tmp_path):
    found = {(p.descriptor, p.singular, p.plural) for p in phrases(folder(tmp_path))}
    assert ("", "an aunt", "aunts") in found
    assert ("unusual", "a unusual uncle", "unusual uncles") in found
    assert ("Elbonian", "an Elbonian aunt", "Elbonian aunts") in found
    assert not any("Elbonian uncle" in singular for _, singular, _ in found)
    assert ("tall", "tall", "tall") in found
    boat = "with a boat"
    assert (f" {boat}".lstrip(), "a kid with a boat", "kids with boats") in found
    assert ("a hill dweller",) * 3 in found


def test_numbers_of_phrases_and_sentences_are_those_of_the_grammar(tmp_path):
    path = folder(tmp_path)
    # 3 nouns; 4 descriptors alone and with 3 nouns, one with 1; 1 fixed, 2 with nouns.
    assert len(phrases(path)) == 3 + 4 * (1 + 3) + (1 + 1) + 1 + 2 * 3
    named, alone = 3 + 4 * 3 + 1 + 2 * 3, 4 + 1 + 1
    made = [s.text for s in sentences(path)]
    assert len(made) == 2 * named + alone
    assert "I know hill dwellers." not in made
    assert "I'm tall." in made
    assert "I know tall." not in made


def test_equal_sentences_and_bare_nouns_are_counted(tmp_path):
    data = read(folder(tmp_path))
    assert data.card.left_out == {
        "sentences without a descriptor": 6,
        "sentences that a descriptor of an axis has twice": 7,
    }
    assert len(set(data.texts)) == data.card.n == len(data.texts)
    assert data.card.groups["height"] == {"tall": 14, "small": 7}
    assert set(data.axis) == {"height", "place"}


def cells(data):
    return Counter(zip(data.axis, data.descriptors, data.templates, strict=True))


@pytest.mark.parametrize("limit", [8, 14, 20, 40])
def test_a_limit_keeps_whole_cells(tmp_path, limit):
    path = folder(tmp_path)
    whole, some = cells(read(path)), cells(read(path, limit))
    assert 0 < sum(some.values()) <= limit
    assert all(whole[cell] == count for cell, count in some.items())
    assert read(path, limit) == read(path, limit)


def test_a_limit_takes_pairs_of_an_axis_first(tmp_path):
    data = read(folder(tmp_path), 8)
    assert len(set(data.templates)) == 1
    assert len(set(data.descriptors)) == 2
    left = sum(n for reason, n in data.card.left_out.items() if "limit" in reason)
    assert left + data.card.n == read(folder(tmp_path)).card.n


@pytest.mark.parametrize("seed", range(4))
def test_a_limit_below_one_cell_is_refused(tmp_path, seed):
    path = folder(tmp_path)
    with pytest.raises(AuditError, match=r"Give [68] or more"):
        read(path, 2, seed)


def test_only_the_folder_of_a_version_is_claimed(tmp_path):
    (tmp_path / "v1.0").mkdir()
    assert HolisticBiasReader().claims(folder(tmp_path / "v1.0"))
    assert not HolisticBiasReader().claims(tmp_path)
    with pytest.raises(AuditError, match="folder of one version"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("nouns", {"female": [["aunt"]]}, "singular and a plural"),
        ("nouns", {"female": "aunt"}, "not a list"),
        ("descriptors", {"a": ["b"]}, "buckets"),
        ("descriptors", {"a": {"b": [3]}}, "descriptor"),
        ("descriptors", {"a": {"b": [{"article": "a"}]}}, "no text"),
        ("sentence_templates", {"I know people.": {}}, "needs one slot"),
        ("sentence_templates", {"I'm {noun_phrase}.": 3}, "options"),
        ("standalone_noun_phrases", {"a": [""]}, "no text"),
        ("standalone_noun_phrases", [], "not an object"),
    ],
)
def test_what_is_not_as_published_is_refused(tmp_path, name, content, told):
    with pytest.raises(AuditError, match=told) as error:
        read(folder(tmp_path, **{name: content}))
    assert f"{name}.json" in str(error.value)


def test_slots_cannot_look_into_objects(tmp_path):
    odd = {"a": ["{noun.__class__} {noun}"]}
    found = phrases(folder(tmp_path, standalone_noun_phrases=odd))
    assert "{noun.__class__} kid" in {p.singular for p in found}


# The metric -------------------------------------------------------------------------


def made(shifts, sentences=12, templates=("I am {}.", "We are {}."), seed=0):
    """Return data about one axis a key, and mean negative log-likelihoods."""
    rng, rows = np.random.default_rng(seed), []
    for axis, levels in shifts.items():
        for who, shift in enumerate(levels):
            for template in templates:
                for _ in range(sentences):
                    rows.append((axis, f"{axis}{who}", template, shift + rng.normal()))
    axis, who, stem, nll = zip(*rows, strict=True)
    data = Descriptors(
        card=CARD,
        texts=tuple(f"t{i}" for i in range(len(rows))),
        axis=axis,
        descriptors=who,
        templates=stem,
    )
    return data, np.array(nll)


def reading(nll, truncated=()):
    """Spread each mean over two tokens."""
    cut = np.zeros(len(nll), dtype=bool)
    cut[list(truncated)] = True
    return {
        "logprob": np.repeat(-nll, 2) + np.tile([0.25, -0.25], len(nll)),
        "lengths": np.full(len(nll), 2),
        "truncated": cut,
    }


def findings(data, answer, **params):
    metric = LikelihoodBias(**{"draws": 200, **params})
    card = ModelCard(entry=CAUSAL)
    found = metric.score(data, {"tokens": answer}, card, np.random.default_rng(0))
    return {finding.subject: finding for finding in found}


def scipys(data, nll, axis):
    """Return the p-values of all pairs of an axis."""
    columns = zip(data.axis, data.descriptors, data.templates, nll, strict=True)
    by_cell = {}
    for where, who, stem, value in columns:
        if where == axis:
            by_cell.setdefault(stem, {}).setdefault(who, []).append(value)
    return [
        mannwhitneyu(cell[a], cell[b]).pvalue
        for cell in by_cell.values()
        for a, b in combinations(sorted(cell), 2)
    ]


def test_shares_are_those_of_scipy_pair_by_pair():
    data, nll = made({"age": [0, 0.5, 1, 3], "faith": [0, 0, 0]})
    found = findings(data, reading(nll))
    p_values = {axis: np.array(scipys(data, nll, axis)) for axis in ("age", "faith")}
    for axis, values in p_values.items():
        adjusted = false_discovery_control(values)
        assert found[axis].value == pytest.approx((adjusted <= 0.05).mean())
        assert found[axis].p_value == pytest.approx(adjusted.min())
        assert found[axis].n == len(values)
    both = false_discovery_control(np.concatenate(list(p_values.values())))
    assert found["all axes"].value == pytest.approx((both <= 0.05).mean())


def test_the_reference_does_not_correct():
    data, nll = made({"age": np.linspace(0, 1.5, 6)}, seed=3)
    p_values = np.array(scipys(data, nll, "age"))
    found = {
        c: findings(data, reading(nll), correction=c)["age"] for c in ("bh", "holm")
    }
    reference = (p_values < 0.05).mean()
    for finding in found.values():
        assert finding.detail["uncorrected_share"] == pytest.approx(reference)
    assert found["holm"].value < found["bh"].value < reference


def test_chance_alone_is_not_found():
    shares, plain = [], []
    for seed in range(20):
        data, nll = made({"age": [0] * 8}, seed=seed)
        found = findings(data, reading(nll), draws=1)["age"]
        shares.append(found.value)
        plain.append(found.detail["uncorrected_share"])
    assert np.mean(shares) < 0.01
    assert np.mean(plain) == pytest.approx(0.05, abs=0.02)


def test_pairs_that_cannot_differ_are_not_tested():
    data, nll = made({"age": [0, 3, 6]})
    kept = [i for i, who in enumerate(data.descriptors) if who != "age2" or i % 12 == 0]
    some = Descriptors(
        card=CARD,
        texts=tuple(data.texts[i] for i in kept),
        axis=tuple(data.axis[i] for i in kept),
        descriptors=tuple(data.descriptors[i] for i in kept),
        templates=tuple(data.templates[i] for i in kept),
    )
    found = findings(some, reading(nll[kept]))["age"]
    assert found.n == 2
    assert found.detail["pairs_too_small_to_differ"] == 4


def test_too_few_sentences_have_a_reason_and_no_zero():
    data, nll = made({"age": [0, 9, 18]}, sentences=3)
    found = findings(data, reading(nll))["age"]
    assert found.value is None
    assert "too few sentences" in found.reason
    data, nll = made({"age": [0]})
    assert "fewer than two" in findings(data, reading(nll))["age"].reason


def test_correction_can_make_all_pairs_too_small():
    data, nll = made({"age": [0, 9, 18, 27, 36]}, sentences=4, templates=("{}",))
    assert findings(data, reading(nll))["age"].value == 1.0
    assert (
        "after correction"
        in findings(data, reading(nll), correction="holm")["age"].reason
    )


def test_sentences_that_are_not_read_are_counted():
    data, nll = made({"age": [0, 1, 2]})
    found = findings(data, reading(nll, truncated=[0, 1]))["age"]
    assert found.detail["sentences_not_read_whole"] == 2
    with pytest.raises(Unmeasurable, match="none of the"):
        findings(data, reading(nll, truncated=range(len(nll))))


def test_the_interval_holds_the_share_and_needs_variation():
    data, nll = made({"age": np.linspace(0, 2, 12)})
    found = findings(data, reading(nll))["age"]
    assert found.interval.low <= found.value <= found.interval.high
    assert found.interval.low < found.interval.high
    data, nll = made({"age": np.arange(6) * 50.0})
    one = findings(data, reading(nll))["age"]
    assert (one.value, one.interval) == (1.0, None)


def test_an_axis_does_not_depend_on_the_others():
    data, nll = made({"age": [0, 1, 2], "faith": [0, 1, 3]})
    alone = [i for i, axis in enumerate(data.axis) if axis == "faith"]
    some = Descriptors(
        card=CARD,
        texts=tuple(data.texts[i] for i in alone),
        axis=tuple(data.axis[i] for i in alone),
        descriptors=tuple(data.descriptors[i] for i in alone),
        templates=tuple(data.templates[i] for i in alone),
    )
    both = findings(data, reading(nll))["faith"]
    assert both == findings(some, reading(nll[alone]))["faith"]


def test_the_detail_names_the_likeliest_descriptors():
    data, nll = made({"age": [5, 1, 3]}, sentences=20)
    found = findings(data, reading(nll))["age"].detail
    assert found["likeliest"][0]["descriptor"] == "age1"
    values = nll[[who == "age0" for who in data.descriptors]]
    assert found["least_likely"][0]["median_perplexity"] == pytest.approx(
        np.median(np.exp(values))
    )
    assert set(found["by_template"]) == {"I am {}.", "We are {}."}


def test_on_a_causal_model_and_not_on_a_masked_one(tmp_path, opened, zoo):
    data = read(folder(tmp_path), 8)
    causal = opened(zoo("GPT2", "LMHeadModel"))
    masked = opened(zoo("Bert", "ForMaskedLM"))
    report = audit([causal, masked], [LikelihoodBias(draws=50)], [data], Settings())
    by_model = {}
    for record in report.records:
        by_model.setdefault(record.model, []).append(record)
    told = by_model[masked.card.name]
    assert [r.reason for r in told] == [
        "perplexity needs a causal language model; a masked one has none"
    ]
    assert all(r.status != "error" for r in by_model[causal.card.name])
    assert {r.subject for r in by_model[causal.card.name]} == {"height"}
