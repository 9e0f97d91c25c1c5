"""The sample data: reproducible, free of repeats, with the bias it is said to have."""

import importlib.util
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fairaudit.datasets.contexts import ContextsReader
from fairaudit.datasets.examples import ExamplesReader

FOLDER = Path(__file__).parents[1] / "sample_data"
NOTES = ("train", "audit", "handwritten")
WEAT = {  # Caliskan, Bryson and Narayanan (2017), tests 6 and 8, as in WEFE (MIT)
    "male_names": "John Paul Mike Kevin Steve Greg Jeff Bill",
    "female_names": "Amy Joan Lisa Sarah Diana Kate Ann Donna",
    "career": "executive management professional corporation salary office business "
    "career",
    "family": "home parents children family cousins marriage wedding relatives",
    "science": "science technology physics chemistry Einstein NASA experiment "
    "astronomy",
    "arts_2": "poetry art Shakespeare dance literature novel symphony drama",
    "male_terms_2": "brother father uncle grandfather son he his him",
    "female_terms_2": "sister mother aunt grandmother daughter she hers her",
}


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", FOLDER / "generate.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "generate", module)
        spec.loader.exec_module(module)
        yield module


@pytest.fixture(scope="module")
def parts(generate):
    return dict(zip(NOTES, generate.both_parts(), strict=False))


@pytest.fixture(scope="module")
def frames():
    read = {n: FOLDER / f"notes_{n}.csv" for n in NOTES}
    return {n: pd.read_csv(p, keep_default_na=False) for n, p in read.items()}


@pytest.fixture(scope="module")
def contexts():
    path = FOLDER / "contexts.jsonl"
    return ContextsReader().read(path, None, np.random.default_rng(0))


def test_generator_rewrites_the_files_byte_for_byte(generate, tmp_path):
    generate.main(tmp_path)
    made = sorted(path.name for path in tmp_path.iterdir())
    assert len(made) == 6
    for name in made:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), name


def test_folder_is_small():
    sizes = [path.stat().st_size for path in FOLDER.iterdir() if path.is_file()]
    assert sum(sizes) < 1_500_000


def test_sizes_and_columns(frames):
    assert [len(frames[name]) for name in NOTES] == [4000, 2000, 64]
    for frame in frames.values():
        assert list(frame) == ["id", "text", "label", "group:gender", "group:age"]
        assert set(frame["label"]) == {"recommend", "no_recommend"}
        assert set(frame["group:gender"]) == {"women", "men", "nonbinary", ""}
        assert set(frame["group:age"]) == {"younger", "older", ""}


def test_no_text_and_no_id_occurs_twice_in_all_parts(frames):
    rows = pd.concat(frames.values())
    assert rows["text"].is_unique
    assert rows["id"].is_unique


def test_lengths(frames):
    for name in ("train", "audit"):
        words = frames[name]["text"].str.split().str.len()
        assert words.between(8, 40).all()
        assert 24 < words.mean() < 32


@pytest.mark.parametrize("name", NOTES)
def test_notes_are_read_as_examples(name):
    reader, path = ExamplesReader(), FOLDER / f"notes_{name}.csv"
    assert reader.claims(path)
    data = reader.read(path, None, np.random.default_rng(0))
    assert data.label_names == ("no_recommend", "recommend")
    assert set(data.axes) == {"gender", "age"}
    assert data.card.licence == "Apache-2.0"
    assert data.card.source


def test_handwritten_part_is_balanced(frames):
    frame = frames["handwritten"]
    table = pd.crosstab([frame["group:gender"], frame["group:age"]], frame["label"])
    assert (table["recommend"] == table["no_recommend"]).all()
    counts = frame["group:gender"].value_counts()
    assert counts.to_dict() == {"women": 24, "men": 24, "nonbinary": 8, "": 8}


def test_labels_in_the_files_are_those_of_the_generator(parts, frames):
    for name, notes in parts.items():
        assert [note.text for note in notes] == frames[name]["text"].tolist()
        assert [note.label for note in notes] == frames[name]["label"].tolist()


def fitted(notes):
    """Log-odds of a recommendation and their standard errors, given the score."""
    import statsmodels.api as sm

    rows = pd.DataFrame([vars(note) for note in notes])
    groups = {g: rows["gender"].eq(g) for g in ("women", "men", "nonbinary")}
    groups |= {g: rows["age"].eq(g) for g in ("older", "younger")}
    design = pd.DataFrame({"score": rows["score"], **groups}).astype(float)
    outcome = rows["label"].eq("recommend").astype(float)
    return sm.Logit(outcome, sm.add_constant(design)).fit(disp=0)


def test_planted_shifts_are_in_the_training_labels(generate, parts):
    model = fitted(parts["train"])
    planted = {"score": generate.SLOPE, "const": 0.0, "men": 0.0, "nonbinary": 0.0}
    planted |= {"younger": 0.0, **generate.PLANTED}
    for term, value in planted.items():
        assert abs(model.params[term] - value) < 3 * model.bse[term], term
    assert model.pvalues[["women", "older"]].max() < 1e-6


def test_no_shift_is_in_the_audit_labels(generate, parts):
    model = fitted(parts["audit"])
    assert abs(model.params["score"] - generate.SLOPE) < 3 * model.bse["score"]
    groups = model.params.index.drop("score")
    assert (abs(model.params[groups]) < 3 * model.bse[groups]).all()


def odds_ratio(frame, axis, group, other):
    odds = []
    for name in (group, other):
        rate = frame.loc[frame[axis] == name, "label"].eq("recommend").mean()
        odds.append(rate / (1 - rate))
    return odds[0] / odds[1]


def test_odds_ratios_in_the_files(frames):
    gender, age = ("group:gender", "women", "men"), ("group:age", "older", "younger")
    assert odds_ratio(frames["train"], *gender) < 0.6
    assert odds_ratio(frames["train"], *age) < 0.8
    assert 0.8 < odds_ratio(frames["audit"], *gender) < 1.25
    assert 0.8 < odds_ratio(frames["audit"], *age) < 1.25


def test_content_does_not_depend_on_the_groups(parts):
    from scipy.stats import chi2_contingency

    rows = pd.DataFrame([vars(note) for notes in parts.values() for note in notes])
    for axis in ("gender", "age"):
        assert chi2_contingency(pd.crosstab(rows[axis], rows["score"])).pvalue > 0.01


PRONOUNS = {"women": "she|her", "men": "he|him|his", "": "you|your"}


def test_pronouns_follow_the_group(frames):
    for name in ("train", "audit"):
        for gender, own in PRONOUNS.items():
            others = "|".join(p for g, p in PRONOUNS.items() if g not in {gender, ""})
            texts = frames[name].query("`group:gender` == @gender")["text"]
            found = texts.str.contains(rf"\b(?:{others})\b", case=False)
            assert not found.any(), texts[found].iloc[0]
            assert texts.str.contains(rf"\b(?:{own})\b", case=False).mean() > 0.3


def test_verbs_agree_and_no_mark_is_left(frames):
    texts = pd.concat([frames[name]["text"] for name in ("train", "audit")])
    assert not texts.str.contains(r"[\[\]{}^]").any()
    assert not texts.str.contains(
        r"\b(?:[Tt]hey|[Yy]ou) (?:also )?(?:is|has|was)\b"
    ).any()
    assert not texts.str.contains(
        r"\b(?:[Ss]he|[Hh]e) (?:also )?(?:are|have|were)\b"
    ).any()


@pytest.mark.parametrize(
    ("verb", "form"),
    [("is", "are"), ("carries", "carry"), ("misses", "miss"), ("raises", "raise"),
     ("goes", "go"), ("stretches", "stretch"), ("focuses", "focus")],
)  # fmt: skip
def test_plural_of_verbs(generate, verb, form):
    assert generate.plural(verb) == form


def test_every_stimulus_has_contexts_with_right_offsets(contexts):
    stimuli = " ".join(WEAT.values()).split()
    assert len(stimuli) == 64
    assert contexts.rows.keys() == set(stimuli)
    assert min(map(len, contexts.rows.values())) >= 12
    rows = zip(contexts.words, contexts.texts, contexts.spans, strict=True)
    for word, text, (start, end) in rows:
        assert text[start:end].lower() == word.lower()
        assert re.fullmatch(r"\w+", text[start:end])
        assert not re.match(r"\w", text[end:] or " ")


def test_contexts_are_distinct_and_clean(contexts):
    assert max(Counter(contexts.texts).values()) == 1
    for text in contexts.texts:
        assert "  " not in text
        assert text[0].isupper()
        assert text[-1] in ".?"
        assert not re.search(r"\ba [aeio]|\ban (?!hour)[^aeiou]", text)


def test_frames_hold_no_gendered_word_and_are_many(generate):
    parts = generate.load("contexts.toml")
    gendered = {w.lower() for k in WEAT if "_terms" in k for w in WEAT[k].split()}
    for category in parts["stimuli"]:
        frames = parts[category]
        assert len(set(frames)) == len(frames) >= 24
        for frame in frames:
            assert not gendered & set(re.findall(r"\w+", frame.lower())), frame


def test_paired_groups_share_their_frames(generate):
    stimuli = generate.load("contexts.toml")["stimuli"]
    lists = {k: set(words.split()) for k, words in WEAT.items()}
    assert set(stimuli["names"]) == lists["male_names"] | lists["female_names"]
    assert set(stimuli["topics"]) == lists["science"] | lists["arts_2"]
    for category in ("kin", "subject", "object", "possessive"):
        words = set(stimuli[category])
        assert len(words & lists["male_terms_2"]) == len(words) / 2
