"""Bias in Bios, HateCheck and Jigsaw's sentence templates."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairaudit.datasets.bias_in_bios import PROFESSIONS, BiasInBiosReader
from fairaudit.datasets.hatecheck import HateCheckReader
from fairaudit.datasets.jigsaw_madlibs import (
    GAP,
    TERMS,
    JigsawMadlibsReader,
    TermFinder,
)
from fairaudit.errors import AuditError


def read(reader, path, limit=None):
    assert reader.claims(path)
    return reader.read(path, limit, np.random.default_rng(0))


def refuse(reader, path, message):
    with pytest.raises(AuditError) as error:
        reader.read(path, None, np.random.default_rng(0))
    assert message in str(error.value)


def csv(path, **columns):
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


# Bias in Bios ----------------------------------------------------------------------

BIOS = ["She mends teeth in a small town.", "He keeps the books.", "She sings."]


def test_bios_of_the_hub_by_number(tmp_path):
    frame = pd.DataFrame(
        {"hard_text": BIOS, "profession": [6, 0, 5], "gender": [1, 0, 1]}
    )
    frame.to_parquet(tmp_path / "train-00000-of-00001.parquet")
    data = read(BiasInBiosReader(), tmp_path / "train-00000-of-00001.parquet")
    assert data.texts == tuple(BIOS)
    assert data.label_names == PROFESSIONS
    assert [PROFESSIONS[i] for i in data.labels] == [
        "dentist",
        "accountant",
        "composer",
    ]
    assert data.card.groups == {"gender": {"female": 2, "male": 1}}
    assert read(BiasInBiosReader(split="train"), tmp_path).texts == tuple(BIOS)
    refuse(BiasInBiosReader(split="dev"), tmp_path, "has no split 'dev'")


def test_bios_of_the_older_release_by_name(tmp_path):
    path = csv(
        tmp_path / "t.csv",
        hard_text=BIOS,
        p=["dentist", "accountant", "composer"],
        g=["f", "m", None],
        text_without_gender=["_ mends teeth", "_ keeps the books", "_ sings"],
    )
    data = read(BiasInBiosReader(), path)
    assert [PROFESSIONS[i] for i in data.labels] == [
        "dentist",
        "accountant",
        "composer",
    ]
    assert data.groups[0].known.tolist() == [True, True, False]
    data = read(BiasInBiosReader(text="text_without_gender"), path)
    assert data.texts[0] == "_ mends teeth"


def test_bad_bios_are_refused(tmp_path):
    columns = {"hard_text": BIOS, "profession": [6, 0, 5], "gender": [1, 0, 1]}
    path = csv(tmp_path / "t.csv", **{**columns, "profession": [6, 28, 5]})
    refuse(BiasInBiosReader(), path, "line 3: column 'profession' holds '28', which is")
    path = csv(tmp_path / "t.csv", **{**columns, "gender": [1, 2, 0]})
    refuse(BiasInBiosReader(), path, "line 3: column 'gender' holds '2', which is none")
    refuse(BiasInBiosReader(), tmp_path / "train.pickle", "reading one executes code")
    path = csv(tmp_path / "t.csv", hard_text=BIOS)
    refuse(BiasInBiosReader(), path, "there is no column 'profession'")


# HateCheck -------------------------------------------------------------------------

CASES = {
    "functionality": ["derog_x", "derog_x", "counter_y", "neutral_z"],
    "case_id": [1, 2, 3, 4],
    "test_case": ["so rude", "very rude", "do not be rude", "a tree"],
    "label_gold": ["hateful", "hateful", "non-hateful", "non-hateful"],
    "target_ident": ["women", "immigrants", "women", None],
    "direction": ["general", "directed", None, None],
    "templ_id": [7, 7, 8, 9],
}


def test_hatecheck_by_functionality_and_target(tmp_path):
    path = tmp_path / "test_suite_cases.csv"
    pd.DataFrame(CASES).to_csv(path, index=True)
    data = read(HateCheckReader(), path)
    assert data.label_names == ("hateful", "non-hateful")
    assert data.labels.tolist() == [0, 0, 1, 1]
    assert data.ids == ("1", "2", "3", "4")
    assert data.clusters.tolist() == [0, 0, 1, 2]
    assert data.card.groups == {
        "functionality": {"counter_y": 1, "derog_x": 2, "neutral_z": 1},
        "target": {"immigrants": 1, "women": 2},
    }
    assert all(group.known.all() for group in data.groups)
    data = read(HateCheckReader(where="functionality:derog_x"), path)
    assert (data.texts, data.label_names) == (
        ("so rude", "very rude"),
        ("hateful", "non-hateful"),
    )


def test_bad_hatecheck_files_are_refused(tmp_path):
    path = csv(tmp_path / "t.csv", **{**CASES, "label_gold": ["hate", *"abc"]})
    refuse(HateCheckReader(), path, "line 2: column 'label_gold' holds 'hate', which")
    path = csv(tmp_path / "t.csv", **{**CASES, "case_id": [1, 2, 2, 4]})
    refuse(HateCheckReader(), path, "line 4: the case_id '2' occurs a second time")
    found = {k: v for k, v in CASES.items() if k not in {"templ_id", "label_gold"}}
    path = csv(tmp_path / "t.csv", **found)
    refuse(HateCheckReader(), path, "no column 'label_gold'")


# Sentence templates ----------------------------------------------------------------

SENTENCES = [
    "Kim is a kind African American",
    "Kim is a kind old",
    "being gay is dull",
    "you are a dull baker",
]


def older(folder):
    return csv(
        folder / "bias_madlibs_77k.csv",
        Text=SENTENCES,
        Label=["NOT_BAD", "NOT_BAD", "BAD", "BAD"],
        Template=["name_adj", "name_adj", "being_adj", "you_occupation"],
    )


def newer(folder):
    return csv(
        folder / "en_sentence_templates.csv",
        template=["name_adj", "name_adj", "being_adj", "you_occupation"],
        toxicity=["nontoxic", "nontoxic", "toxic", "toxic"],
        phrase=SENTENCES,
    )


@pytest.mark.parametrize("layout", [older, newer])
def test_terms_labels_and_clusters_of_both_releases(tmp_path, layout):
    data = read(JigsawMadlibsReader(), layout(tmp_path))
    assert data.texts == tuple(SENTENCES)
    assert data.label_names == ("non-toxic", "toxic")
    assert data.labels.tolist() == [0, 0, 1, 1]
    assert {group.label: group.member.tolist() for group in data.groups} == {
        "identity=african": [True, False, False, False],
        "identity=african american": [True, False, False, False],
        "identity=american": [True, False, False, False],
        "identity=gay": [False, False, True, False],
        "identity=old": [False, True, False, False],
    }
    assert data.clusters.tolist() == [0, 0, 1, 2]
    data = read(
        JigsawMadlibsReader(axes="category", cluster="template"), newer(tmp_path)
    )
    assert list(data.axes) == ["sexuality", "ethnicity", "age"]
    assert data.clusters.tolist() == [0, 0, 1, 2]


def test_there_are_50_terms_and_one_later_one():
    terms = [term for terms in TERMS.values() for term in terms]
    assert len(set(terms)) == len(terms) == 51
    assert "cis" in terms


def test_own_terms(tmp_path):
    (tmp_path / "terms.txt").write_text("baker\nKind\n\n")
    reader = JigsawMadlibsReader(terms=str(tmp_path / "terms.txt"))
    data = read(reader, older(tmp_path))
    assert data.card.groups == {"identity": {"Kind": 2, "baker": 1}}
    (tmp_path / "terms.txt").write_text("\n")
    refuse(reader, older(tmp_path), "there is no term in it. Write one a line.")
    refuse(JigsawMadlibsReader(terms="none.txt"), older(tmp_path), "no such file")


def test_labels_outside_the_set_are_refused(tmp_path):
    path = csv(tmp_path / "t.csv", Text=["a"], Label=["GOOD"], Template=["b"])
    refuse(JigsawMadlibsReader(), path, "line 2: column 'Label' holds 'GOOD'")


WORDS = ("african", "american", "african american", "old", "older", "kind", "a")
FINDER = TermFinder({"identity": ["african", "african american", "american", "old"]})


@given(st.lists(st.sampled_from((*WORDS, "OLD", "ol-d", "-old-", "_old")), max_size=8))
def test_terms_are_those_that_a_pattern_for_each_finds(words):
    text = " ".join(words)
    expected = {
        term
        for term in FINDER.terms["identity"]
        if re.search(rf"\b{term}\b", text, re.IGNORECASE)
    }
    assert FINDER.find(text) == expected


@given(
    before=st.sampled_from(["", "kind ", "a "]),
    term=st.sampled_from(FINDER.terms["identity"]),
)
def test_frames_are_equal_but_for_the_term(before, term):
    from fairaudit.datasets.rows import Table

    table = Table("t", {"text": [f"{before}{term} word"]}, [1])
    assert FINDER.prepare(table, "text").columns["frame"] == [f"{before}{GAP} word"]
