"""HateXplain: majority labels, communities, divisions, and the hub layout."""

import json

import numpy as np
import pandas as pd
import pytest

from fairaudit.datasets.examples import ExamplesReader
from fairaudit.datasets.hatexplain import HateXplainReader
from fairaudit.datasets.stereoset import StereoSetReader
from fairaudit.errors import AuditError

NUMBERS = {"hatespeech": 0, "normal": 1, "offensive": 2}
POSTS = {
    "1_gab": ("hatespeech", [["Women"], ["Women", "Asian"], ["None"]], "go away"),
    "2_gab": ("normal", [["None"], ["None"], ["Other"]], "lovely garden today"),
    "3_twitter": ("offensive", [["Asian"], ["Asian"], ["Women", "Asian"]], "silly lot"),
    "4_gab": (None, [["Arab"], ["Arab"], ["Arab"]], "hard to say"),
    "5_gab": ("normal", [["Indian"], ["Indian"], ["Arab"]], "a quiet street"),
}
OTHERS = {"hatespeech": "offensive", "offensive": "hatespeech", "normal": "normal"}


def votes(label):
    if label is None:
        return ["hatespeech", "normal", "offensive"]
    return [label, OTHERS[label], label]


def document():
    return {
        key: {
            "post_id": key,
            "annotators": [
                {"label": vote, "annotator_id": i, "target": target}
                for i, (vote, target) in enumerate(
                    zip(votes(label), targets, strict=True)
                )
            ],
            "rationales": [],
            "post_tokens": text.split(),
        }
        for key, (label, targets, text) in POSTS.items()
    }


def published(folder, posts=None, divisions=None):
    path = folder / "dataset.json"
    path.write_text(json.dumps(document() if posts is None else posts))
    if divisions is not None:
        (folder / "post_id_divisions.json").write_text(json.dumps(divisions))
    return path


def hub_rows():
    return [
        {
            "id": key,
            "annotators": {
                "label": [NUMBERS[vote] for vote in votes(label)],
                "annotator_id": [1, 2, 3],
                "target": targets,
            },
            "rationales": [],
            "post_tokens": text.split(),
        }
        for key, (label, targets, text) in POSTS.items()
    ]


def hub_parquet(folder):
    pd.DataFrame(hub_rows()).to_parquet(folder / "train.parquet")
    return folder / "train.parquet"


def hub_jsonl(folder):
    (folder / "t.jsonl").write_text("\n".join(map(json.dumps, hub_rows())))
    return folder / "t.jsonl"


def read(path, limit=None, **options):
    return HateXplainReader(**options).read(path, limit, np.random.default_rng(0))


def refuse(path, message, **options):
    with pytest.raises(AuditError) as error:
        read(path, **options)
    assert message in str(error.value)


@pytest.mark.parametrize("layout", [published, hub_parquet, hub_jsonl])
def test_all_layouts_give_the_same_data(tmp_path, layout):
    path = layout(tmp_path)
    data = read(path)
    assert HateXplainReader().claims(path)
    assert not ExamplesReader().claims(path)
    assert not StereoSetReader().claims(path)
    assert data.ids == ("1_gab", "2_gab", "3_twitter", "5_gab")
    assert data.texts == (
        "go away",
        "lovely garden today",
        "silly lot",
        "a quiet street",
    )
    assert data.label_names == ("hatespeech", "normal", "offensive")
    assert data.labels.tolist() == [0, 1, 2, 1]
    assert data.card.left_out == {"no majority label": 1}
    assert data.card.groups == {"target": {"Asian": 1, "Women": 1}}
    asian, women = data.groups
    assert asian.member.tolist() == [False, False, True, False]
    assert women.member.tolist() == [True, False, False, False]
    assert asian.known.all()


def test_binary_labels_follow_the_majority_among_three(tmp_path):
    data = read(published(tmp_path), labels="binary")
    assert data.label_names == ("non-toxic", "toxic")
    assert data.labels.tolist() == [1, 0, 1, 0]
    assert data.card.left_out == {"no majority label": 1}


def test_all_communities(tmp_path):
    data = read(published(tmp_path), communities="all")
    assert data.card.groups == {"target": {"Asian": 1, "Indian": 1, "Women": 1}}


def test_divisions_tell_the_split(tmp_path):
    divisions = {"train": ["1_gab", "2_gab"], "val": ["5_gab"], "test": ["3_twitter"]}
    path = published(tmp_path, divisions=divisions)
    data = read(path, split="train")
    assert (data.ids, data.card.left_out) == (("1_gab", "2_gab"), {"other split": 3})
    assert data.card.name == "dataset@train"
    assert data.card.sha256 != read(path).card.sha256
    refuse(path, "'split' is 'validation' (it holds 'train'", split="validation")
    divisions["test"].append("1_gab")
    published(tmp_path, divisions=divisions)
    refuse(path, "the post '1_gab' is in train and in test", split="train")
    (tmp_path / "post_id_divisions.json").unlink()
    refuse(path, "It tells the split 'test'. Check the path.", split="test")


def test_limit_keeps_decided_posts(tmp_path):
    data = read(published(tmp_path), limit=2)
    assert len(data.texts) == data.card.n == 2
    assert data.card.left_out == {
        "no majority label": 1,
        "not in the sample (limit)": 2,
    }


def changed(key, value):
    posts = document()
    posts["2_gab"][key] = value
    return posts


@pytest.mark.parametrize(
    ("posts", "message"),
    [
        ({}, "there are no posts. Give HateXplain's file"),
        ([], "not a JSON object"),
        (changed("post_tokens", "a text"), "post 2_gab: 'post_tokens' is no list"),
        (changed("annotators", []), "post 2_gab: 'annotators' does not hold a label"),
        (
            changed("annotators", [{"label": "hate", "target": []}]),
            "post 2_gab: an annotator's label is 'hate'. Write hatespeech, normal",
        ),
        (
            changed("annotators", {"label": [1, 1], "target": [[]]}),
            "does not hold a label and a list of targets",
        ),
        (changed("annotators", {"label": [3], "target": [[]]}), "label is 3."),
        (changed("annotators", {"label": [True], "target": [[]]}), "label is True."),
        (changed("post_tokens", [" "]), "post 2_gab: column 'text' is empty"),
    ],
)
def test_bad_posts_are_refused_by_name(tmp_path, posts, message):
    refuse(published(tmp_path, posts), message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": {}, "a": {}}', "the key 'a' occurs twice"),
        (b'{"a": ', "not valid JSON"),
        (b'{"a":\n"\xe9"}', "line 2: byte 7 of the file (0xe9) is not UTF-8"),
    ],
)
def test_damaged_files_are_refused(tmp_path, content, message):
    path = tmp_path / "dataset.json"
    path.write_bytes(content)
    refuse(path, message)
    refuse(tmp_path / "none.json", "there is no such file. Check the path.")


def test_a_file_without_any_decided_post_is_refused(tmp_path):
    posts = {"4_gab": document()["4_gab"]}
    refuse(published(tmp_path, posts), "no row can be used (no majority label: 1)")
