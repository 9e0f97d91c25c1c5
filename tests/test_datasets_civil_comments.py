"""Civil Comments: four layouts, thresholds, identities that nobody annotated."""

import numpy as np
import pandas as pd
import pytest

from fairaudit.datasets.civil_comments import (
    IDENTITIES,
    KAGGLE,
    CivilCommentsReader,
)
from fairaudit.datasets.examples import ExamplesReader
from fairaudit.errors import AuditError

SUBTYPES = ("severe_toxicity", "obscene", "identity_attack", "insult", "threat")
COMMENTS = ["kind words\nin two lines", 'a "rude" reply', "no opinion", "a long walk"]
SCORES = [0.0, 0.8, 0.5, 0.49]
PARTS = {"female": [0.5, 0.49, None, 1.0], "jewish": [0.0, 0.7, None, 0.0]}


def frame(text="comment_text", score="target", identities=IDENTITIES, **more):
    found = pd.DataFrame({"id": range(10, 14), score: SCORES, text: COMMENTS})
    for name in SUBTYPES:
        found[name] = 0.0
    for name in identities:
        found[name] = PARTS.get(name, [0.0, 0.0, None, 0.0])
    for name, values in more.items():
        found[name] = values
    return found


def read(path, limit=None, **options):
    reader = CivilCommentsReader(**options)
    return reader.read(path, limit, np.random.default_rng(0))


def kaggle(folder):
    frame().to_csv(folder / "train.csv", index=False)
    return folder / "train.csv"


def later(folder):
    found = frame(score="toxicity", split=["train", "train", "test", "test"])
    found.to_csv(folder / "all_data.csv", index=False)
    return folder / "all_data.csv"


def hub(folder):
    found = frame("text", "toxicity").drop(columns="id")
    numbers = found.select_dtypes("number").columns
    found[numbers] = found[numbers].astype("float32")
    found.to_parquet(folder / "train.parquet", index=False)
    return folder / "train.parquet"


def wilds(folder):
    annotated = frame(score="toxicity", split=["train", "val", "val", "test"])
    annotated["LGBTQ"] = annotated["identity_any"] = 0.0
    annotated.to_csv(folder / "all_data_with_identities.csv", index=True)
    return folder / "all_data_with_identities.csv"


def group(data, name):
    found = next(group for group in data.groups if group.name == name)
    return [
        int(member) if known else None
        for member, known in zip(found.member, found.known, strict=True)
    ]


@pytest.mark.parametrize("layout", [kaggle, later, hub, wilds])
def test_all_layouts_give_the_same_data(tmp_path, layout):
    path = layout(tmp_path)
    data = read(path)
    assert CivilCommentsReader().claims(path)
    assert data.texts == tuple(COMMENTS)
    assert data.label_names == ("non-toxic", "toxic")
    assert data.labels.tolist() == [0, 1, 1, 0]
    assert [g.name for g in data.groups] == list(IDENTITIES)
    assert {g.axis for g in data.groups} == {"identity"}
    assert group(data, "female") == [1, 0, None, 1]
    assert group(data, "jewish") == [0, 1, None, 0]
    assert group(data, "male") == [0, 0, None, 0]
    assert data.card.left_out == {}
    assert data.card.licence == "CC0-1.0"


def test_general_tables_give_way_to_this_format(tmp_path):
    path = hub(tmp_path)
    assert ExamplesReader().claims(path)
    assert ExamplesReader.general
    assert not CivilCommentsReader.general


def test_thresholds(tmp_path):
    data = read(kaggle(tmp_path), threshold=0.6, identity_threshold=0.7)
    assert data.labels.tolist() == [0, 1, 0, 0]
    assert group(data, "female") == [0, 0, None, 1]
    for name in ("threshold", "identity_threshold"):
        with pytest.raises(AuditError, match=f"The {name} of the civil_comments"):
            CivilCommentsReader(**{name: 0.0})


def test_policies_for_comments_that_nobody_annotated(tmp_path):
    data = read(kaggle(tmp_path), unknown="background")
    assert group(data, "female") == [1, 0, 0, 1]
    data = read(kaggle(tmp_path), unknown="leave_out")
    assert (data.ids, data.card.left_out) == (
        ("10", "11", "13"),
        {"a group is not known": 1},
    )


def test_identities_of_the_competition_and_of_wilds(tmp_path):
    data = read(kaggle(tmp_path), identities="kaggle")
    assert [g.name for g in data.groups] == list(KAGGLE)
    data = read(kaggle(tmp_path), identities="wilds")
    assert group(data, "other_religions") == [0, 1, None, 0]
    assert group(data, "LGBTQ") == [0, 0, None, 0]
    data = read(wilds(tmp_path), identities="LGBTQ+female")
    assert group(data, "LGBTQ") == [0, 0, 0, 0]
    with pytest.raises(AuditError, match=r"'femal' is none\. Did you mean 'female'"):
        read(kaggle(tmp_path), identities="femal")


def test_an_aggregate_is_known_where_one_part_makes_it_so(tmp_path):
    parts = frame()
    parts["hindu"] = [None, 1.0, 1.0, None]
    parts.to_csv(tmp_path / "t.csv", index=False)
    data = read(tmp_path / "t.csv", identities="other_religions")
    assert group(data, "other_religions") == [None, 1, 1, None]


def test_axes_by_category(tmp_path):
    data = read(kaggle(tmp_path), axes="category", identities="wilds")
    assert [group.label for group in data.groups] == [
        "gender=male",
        "gender=female",
        "sexual_orientation=LGBTQ",
        "religion=christian",
        "religion=muslim",
        "religion=other_religions",
        "race_or_ethnicity=black",
        "race_or_ethnicity=white",
    ]


def test_the_hub_without_identities_has_no_groups(tmp_path):
    frame("text", "toxicity", ()).to_csv(tmp_path / "t.csv", index=False)
    assert CivilCommentsReader().claims(tmp_path / "t.csv")
    assert read(tmp_path / "t.csv").groups == ()
    with pytest.raises(AuditError, match="there is no column 'female'"):
        read(tmp_path / "t.csv", identities="female")


def test_splits_and_clusters(tmp_path):
    data = read(later(tmp_path), split="test")
    assert (data.ids, data.card.left_out) == (("12", "13"), {"other split": 2})
    frame(article_id=[1, 1, 2, 2]).to_csv(tmp_path / "t.csv", index=False)
    clusters = read(tmp_path / "t.csv", cluster="article_id").clusters
    assert clusters.tolist() == [0, 0, 1, 1]


def test_rows_without_text_or_score_are_left_out_and_counted(tmp_path):
    holes = frame()
    holes.loc[0, "comment_text"] = None
    holes.loc[3, "target"] = None
    holes.to_csv(tmp_path / "t.csv", index=False)
    data = read(tmp_path / "t.csv")
    assert data.ids == ("11", "12")
    assert data.card.left_out == {"no text": 1, "no label": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": [0, 1.2, 0, 0]}, "line 4: column 'target': '1.2' is no fraction"),
        ({"male": [0, 0, 0, -1]}, "line 6: column 'male': '-1' is no fraction"),
        ({"id": [1, 2, 1, 3]}, "line 5: the id '1' occurs a second time"),
    ],
)
def test_bad_rows_are_refused_with_their_line(tmp_path, change, message):
    frame().assign(**change).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(AuditError) as error:
        read(tmp_path / "t.csv")
    assert message in str(error.value)


def test_missing_columns_are_named(tmp_path):
    frame("comment").to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(AuditError, match="none of the columns comment_text and text"):
        read(tmp_path / "t.csv")
    assert not CivilCommentsReader().claims(tmp_path / "t.csv")
