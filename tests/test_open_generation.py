"""Open generation: groups of continuations, scorers, states; BOLD and own prompts."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from fairaudit.data import Prompts
from fairaudit.datasets.bold import BoldReader
from fairaudit.datasets.prompts import PromptsReader
from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit.model import ModelCard, Predict, ScorerCard
from fairaudit.model.generation import CUT, EMPTY, FULL
from fairaudit.result import DatasetEntry, ModelEntry
from fairaudit_metrics.extrinsic.open_generation import OpenGeneration

CARD = DatasetEntry(name="prompts", kind="prompts", n=0, sha256="")
ENTRY = ModelEntry(name="lm", path="", fingerprint="", architecture="GPT2")
BARE = ModelCard(entry=ENTRY)
TOXIC = replace(
    BARE,
    scorers={
        "toxicity": ScorerCard(ModelCard(entry=ENTRY, labels=("ok", "bad")), "bad")
    },
)


def prompts(groups, entities=()):
    return Prompts(
        card=CARD,
        texts=tuple(f"prompt {i}" for i in range(len(groups))),
        axis=("gender",) * len(groups),
        groups=tuple(groups),
        entities=tuple(entities),
    )


def written(texts, states=None):
    raw = [text.encode() for text in texts]
    return {
        "lengths": np.array([len(r) for r in raw]),
        "utf8": np.frombuffer(b"".join(raw), dtype=np.uint8),
        "tokens": np.array([len(r) for r in raw]),
        "state": np.array(states or [CUT] * len(texts), dtype=np.int8),
    }


def findings(data, readings, card=BARE, **params):
    metric = OpenGeneration(draws=400, min_units=3, **params)
    found = list(metric.score(data, readings, card, np.random.default_rng(0)))
    return {(f.quantity.name, f.key or f.subject): f for f in found}


def toxicity(values):
    values = np.asarray(values, float)
    return {"probabilities": np.stack([1 - values, values], axis=1)}


def test_the_lexicon_tells_kind_words_from_unkind_ones():
    data = prompts(["women"] * 4 + ["men"] * 4)
    texts = [" is wonderful and kind"] * 4 + [" is horrible and cruel"] * 4
    found = findings(data, {"written": written(texts)})
    assert found["sentiment_mean", "gender=women"].value > 0.5
    assert found["sentiment_mean", "gender=men"].value < -0.5
    gap = found["sentiment_gap", "gender"]
    assert gap.subject == "gender: women vs men"
    assert "VADER" in gap.detail["scorer"]


def test_a_scorer_gives_means_by_group():
    rng = np.random.default_rng(0)
    groups = ["women", "men"] * 20
    values = rng.random(40)
    readings = {"written": written(["word"] * 40), "toxicity": toxicity(values)}
    found = findings(prompts(groups), readings, TOXIC)
    women, men = values[::2], values[1::2]
    assert found["toxicity_mean", "gender=women"].value == pytest.approx(women.mean())
    gap = found["toxicity_gap", "gender"]
    assert gap.value == pytest.approx(abs(women.mean() - men.mean()))
    expected = stats.permutation_test(
        (women, men), lambda a, b: a.mean() - b.mean(), n_resamples=2000, rng=rng
    )
    assert gap.p_value == pytest.approx(expected.pvalue, abs=0.06)


def test_samples_of_a_prompt_are_one_unit():
    values = np.repeat(np.random.default_rng(1).random(8), 3)
    readings = {"written": written(["word"] * 24), "toxicity": toxicity(values)}
    found = findings(prompts(["women", "men"] * 4), readings, TOXIC, samples=3)
    assert found["toxicity_mean", "gender=women"].n == 4


def test_prompts_about_one_entity_are_one_unit():
    names = ["a", "a", "b", "c", "d", "d", "e", "f"]
    readings = {
        "written": written(["word"] * 8),
        "toxicity": toxicity([0, 1, 0.5, 0.5, 0, 0, 0, 0]),
    }
    found = findings(prompts(["women"] * 4 + ["men"] * 4, names), readings, TOXIC)
    women = found["toxicity_mean", "gender=women"]
    assert (women.n, women.value) == (3, pytest.approx(0.5))


def test_extremes_are_over_the_samples_of_each_prompt():
    values = np.array([[0.1, 0.6], [0.2, 0.3], [0.9, 0.5]])
    readings = {
        "written": written(["word"] * 6),
        "toxicity": toxicity(values.ravel()),
    }
    found = findings(prompts(["women"] * 3), readings, TOXIC, samples=2)
    worst = found["expected_maximum_toxicity", "all prompts"]
    assert worst.value == pytest.approx(values.max(1).mean())
    assert worst.detail["standard_deviation"] == pytest.approx(
        values.max(1).std(ddof=1)
    )
    assert worst.detail["highest"][0]["score"] == pytest.approx(0.9)
    share = found["toxicity_probability", "all prompts"]
    assert share.value == pytest.approx(2 / 3)
    assert share.detail["operator"] == ">="


def test_empty_continuations_are_states_and_not_zeros():
    data = prompts(["women"] * 4 + ["men"] * 4)
    texts = ["word", "", "word", "word", "word", "  ", "word", "word"]
    states = [CUT, EMPTY, CUT, CUT, FULL, CUT, CUT, CUT]
    states[4], texts[4] = FULL, ""
    readings = {"written": written(texts, states), "toxicity": toxicity([0.4] * 5)}
    found = findings(data, readings, TOXIC)
    women = found["toxicity_mean", "gender=women"]
    assert (women.value, women.n) == (pytest.approx(0.4), 3)
    counts = women.detail["continuations"]
    assert counts["empty: the model ended at once"] == 1
    assert counts["not generated: the prompt fills the context window"] == 1
    assert counts["without a word"] == 1
    men = found["toxicity_mean", "gender=men"]
    assert "independent units (entities, else texts): 2, fewer than 3" in men.reason
    assert "fewer than two groups" in found["toxicity_gap", "gender"].reason


def test_nothing_written_has_a_reason():
    with pytest.raises(Unmeasurable, match="no continuation holds a word"):
        findings(prompts(["women"]), {"written": written([""], [EMPTY])})


def test_scorers_are_asked_about_what_was_written():
    readings = {"written": written(["one", "", "two"], [CUT, EMPTY, CUT])}
    metric = OpenGeneration()
    asked = metric.follow_up(prompts(["a"] * 3), readings, TOXIC)
    assert asked == {"toxicity": ("toxicity", Predict(("one", "two")))}


def test_samples_stand_in_turn():
    request = OpenGeneration(samples=2).needs(prompts(["a", "b"]), BARE)["written"]
    assert request.texts == ("prompt 0", "prompt 0", "prompt 1", "prompt 1")
    assert request.samples == (0, 1, 0, 1)


@pytest.mark.parametrize(
    "wrong", [{"samples": 0}, {"top_p": 0}, {"temperature": 0, "samples": 2}]
)
def test_senseless_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must be|is at least|equal samples"):
        OpenGeneration(**wrong)


def read(reader, path, limit=None):
    return reader.read(path, limit, np.random.default_rng(0))


def test_reads_bold_as_published(tmp_path):
    content = {"Actors": {"A_B": ["A B is an ", " "]}, "Actresses": {"C": ["C was "]}}
    (tmp_path / "gender_prompt.json").write_text(json.dumps(content))
    (tmp_path / "race_prompt.json").write_text(json.dumps({"X": {"D": ["D is "]}}))
    assert BoldReader().claims(tmp_path)
    found = read(BoldReader(), tmp_path)
    assert found.texts == ("A B is an", "C was", "D is")
    assert found.axis == ("gender", "gender", "race")
    assert found.groups == ("Actors", "Actresses", "X")
    assert found.entities == ("A_B", "C", "D")
    assert found.card.left_out == {"prompts without a word": 1}
    assert found.card.groups["gender"] == {"Actors": 1, "Actresses": 1}


@pytest.mark.parametrize("content", ["[]", '{"a": []}', '{"a": {"b": "c"}}', "{"])
def test_what_is_not_bold_is_refused(tmp_path, content):
    path = tmp_path / "gender_prompt.json"
    path.write_text(content)
    with pytest.raises(AuditError, match="gender_prompt"):
        read(BoldReader(), path)


def test_reads_prompts_of_ones_own(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("prompt,group,entity\nShe was ,women,a\nHe was,men,b\n")
    assert PromptsReader().claims(path)
    found = read(PromptsReader(axis="gender"), path)
    assert found.texts == ("She was", "He was")
    assert found.axis == ("gender", "gender")
    assert found.entities == ("a", "b")
