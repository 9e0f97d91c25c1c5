"""Any table through a column mapping: labels, groups, filters, ids and clusters."""

import json
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairaudit.datasets import labelled
from fairaudit.datasets.examples import ExamplesReader
from fairaudit.errors import AuditError

TABLE = """key,comment,toxic,female,gender,lang,author,split
1,first,0.9,1,women,en,ann,train
2,second,0.1,0.4,men|women,en,bob,test
3,third,0.5,,,de,ann,test
4,fourth,,true,unknown,en,,test
"""


def read(folder, content=TABLE, limit=None, name="t.csv", **options):
    path = folder / name
    path.write_text(content, encoding="utf-8")
    options = {"text": "comment", **options}
    return ExamplesReader(**options).read(path, limit, np.random.default_rng(0))


def refuse(folder, message, content=TABLE, **options):
    with pytest.raises(AuditError) as error:
        read(folder, content, **options)
    assert message in str(error.value)


def states(data):
    """Return 1, 0 or None for each group and row."""
    return {
        group.label: [
            int(m) if k else None
            for m, k in zip(group.member, group.known, strict=True)
        ]
        for group in data.groups
    }


# Labels ----------------------------------------------------------------------------


def test_scores_are_cut_at_the_threshold(tmp_path):
    data = read(tmp_path, label="toxic", label_threshold=0.5)
    assert data.label_names == ("non-toxic", "toxic")
    assert data.labels.tolist() == [1, 0, 1, -1]
    assert read(tmp_path, label="toxic", label_threshold=0.6).labels.tolist() == [
        1,
        0,
        0,
        -1,
    ]


@pytest.mark.parametrize("score", ["1.5", "-0.1", "high", "nan", "inf"])
def test_scores_outside_0_and_1_are_refused(tmp_path, score):
    table = TABLE.replace("0.5", score)
    message = f"t.csv, line 4: column 'toxic': {score!r} is no fraction"
    refuse(tmp_path, message, table, label="toxic", label_threshold=0.5)


def test_classes_close_the_set_of_labels(tmp_path):
    data = read(tmp_path, label="lang", classes="de+en+fr")
    assert data.label_names == ("de", "en", "fr")
    assert data.labels.tolist() == [1, 1, 0, 1]
    message = "line 4: column 'lang' holds 'de', which is none of its labels. Did you"
    refuse(tmp_path, message, label="lang", classes="den+en")
    refuse(
        tmp_path, "either 'classes' or", label="toxic", label_threshold=1.0, classes="a"
    )


def test_a_column_of_texts_is_no_column_of_labels(tmp_path):
    table = "comment,label\n" + "".join(f"a,{i}\n" for i in range(1001))
    refuse(tmp_path, "holds more than 1000 different labels", table)


def test_one_class_only_is_read(tmp_path):
    data = read(tmp_path, "comment,label\na,x\nb,x\n")
    assert (data.label_names, data.labels.tolist()) == (("x",), [0, 0])


@pytest.mark.parametrize("threshold", [0.0, 2.0])
def test_label_threshold_must_be_a_fraction(threshold):
    with pytest.raises(AuditError, match="label_threshold of the examples reader is"):
        ExamplesReader(label_threshold=threshold)


# Groups ----------------------------------------------------------------------------


def test_a_column_as_the_membership_in_one_group(tmp_path):
    data = read(tmp_path, groups="sex:female")
    assert states(data) == {"sex=female": [1, 0, None, 1]}
    data = read(tmp_path, groups="sex:female", threshold=0.4)
    assert states(data) == {"sex=female": [1, 1, None, 1]}
    refuse(tmp_path, "no column 'femal'. Did you mean 'female'", groups="sex:femal")


def test_an_empty_cell_is_unknown_unless_the_format_says_none(tmp_path):
    assert states(read(tmp_path, groups="gender")) == {
        "gender=men": [0, 1, None, None],
        "gender=women": [1, 1, None, None],
    }
    found = states(read(tmp_path, groups="gender", empty="none"))
    assert found["gender=women"] == [1, 1, 0, None]
    marked = TABLE.replace("gender", "group:gender")
    assert states(read(tmp_path, marked))["gender=women"] == [1, 1, 0, None]
    found = states(read(tmp_path, marked, empty="unknown"))
    assert found["gender=women"] == [1, 1, None, None]


def test_unknown_groups_are_kept_put_outside_or_left_out(tmp_path):
    groups = {"groups": "sex:female+gender"}
    kept = read(tmp_path, **groups)
    assert kept.card.groups == {"sex": {"female": 2}, "gender": {"men": 1, "women": 2}}
    outside = read(tmp_path, **groups, unknown="background")
    assert states(outside) == {
        "sex=female": [1, 0, 0, 1],
        "gender=men": [0, 1, 0, 0],
        "gender=women": [1, 1, 0, 0],
    }
    left = read(tmp_path, **groups, unknown="leave_out")
    assert left.texts == ("first", "second")
    assert left.card.left_out == {"a group is not known": 2}


def test_lists_of_groups(tmp_path):
    cells = [["a", "b"], [], ["b"], None, "a|c", ["?"]]
    lines = [json.dumps({"comment": "t", "group:g": cell}) for cell in cells]
    data = read(tmp_path, "\n".join(lines), name="t.jsonl")
    assert states(data) == {
        "g=a": [1, 0, 0, 0, 1, None],
        "g=b": [1, 0, 1, 0, 0, None],
        "g=c": [0, 0, 0, 0, 1, None],
    }
    pd.DataFrame({"comment": ["t"] * 2, "group:g": [["a"], ["b", "a"]]}).to_parquet(
        tmp_path / "t.parquet"
    )
    found = ExamplesReader(text="comment").read(
        tmp_path / "t.parquet", None, np.random.default_rng(0)
    )
    assert states(found) == {"g=a": [1, 1], "g=b": [0, 1]}


def test_nested_group_cells_are_refused(tmp_path):
    with pytest.raises(AuditError, match="line 1: column 'group:g' holds a dict"):
        read(tmp_path, '{"comment": "t", "group:g": [{}]}', name="t.jsonl")
    with pytest.raises(AuditError, match="line 1: column 'group:g=x' holds a list"):
        read(tmp_path, '{"comment": "t", "group:g=x": [1]}', name="t.jsonl")


def test_a_column_of_scores_is_no_column_of_names(tmp_path):
    table = "comment,score\n" + "".join(f"a,{i / 2000}\n" for i in range(1001))
    refuse(tmp_path, "Write groups=AXIS:score where", table, groups="score")


# Rows ------------------------------------------------------------------------------


def test_rows_are_filtered_and_counted(tmp_path):
    data = read(tmp_path, where="lang:en")
    assert data.texts == ("first", "second", "fourth")
    assert data.card.left_out == {"lang is not en": 1}
    data = read(tmp_path, where="lang:en + author:ann")
    assert data.texts == ("first",)
    assert data.card.left_out == {"lang is not en": 1, "author is not ann": 2}
    marked = TABLE.replace("gender", "group:gender")
    assert read(tmp_path, marked, where="group:gender:women").texts == ("first",)
    assert read(tmp_path, where="author:").texts == ("fourth",)


def test_the_split_column(tmp_path):
    data = read(tmp_path, split="test")
    assert data.texts == ("second", "third", "fourth")
    assert data.card.left_out == {"other split": 1}
    assert data.card.name == "t@test"
    refuse(tmp_path, "'split' is 'dev' (it holds 'train', 'test')", split="dev")
    refuse(
        tmp_path, "no column 'split' to take", TABLE.replace("split", "s"), split="a"
    )


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("lang", "where=lang: write COLUMN:VALUE"),
        ("lagn:en", "there is no column 'lagn'. Did you mean 'lang'?"),
        ("lang:fr", "no row is left in which 'lang' is 'fr' (it holds 'en', 'de')"),
    ],
)
def test_bad_filters_are_refused(tmp_path, where, message):
    refuse(tmp_path, message, where=where)


def test_rows_that_a_filter_leaves_out_are_not_checked(tmp_path):
    table = TABLE + "5,,2.0,x,a|?,xx,,\n"
    options = {"label": "toxic", "label_threshold": 0.5, "groups": "gender"}
    refuse(tmp_path, "line 6: column 'toxic': '2.0'", table, **options)
    assert len(read(tmp_path, table, where="lang:en", **options).texts) == 3


def test_rows_without_a_text(tmp_path):
    table = TABLE.replace("second", " ")
    refuse(tmp_path, "line 3: column 'comment' is empty (rows like this: 1)", table)
    data = read(tmp_path, table, no_text="leave_out")
    assert data.texts == ("first", "third", "fourth")
    assert data.card.left_out == {"no text": 1}
    with pytest.raises(AuditError, match=r"no row can be used \(no text: 1\)"):
        read(tmp_path, "comment,b\n,1\n", no_text="leave_out")


def test_empty_texts_of_all_chunks_are_counted(tmp_path):
    table = "comment,b\n" + "a,1\n,2\n" * 5
    with patch.object(labelled.gather, "__defaults__", (2,)):
        refuse(tmp_path, "line 3: column 'comment' is empty (rows like this: 5)", table)


# Identifiers and clusters ----------------------------------------------------------


def test_identifiers_must_differ(tmp_path):
    assert read(tmp_path, id="key").ids == ("1", "2", "3", "4")
    refuse(tmp_path, "line 5: column 'author' is empty", id="author")
    named = TABLE.replace("en,,test", "en,eve,test")
    message = "line 4: the author 'ann' occurs a second time"
    refuse(tmp_path, message, named, id="author")
    with patch.object(labelled.gather, "__defaults__", (1,)):
        refuse(tmp_path, message, named, id="author")
    refuse(tmp_path, "no column 'kee'. Did you mean 'key'", id="kee")


def test_equal_cells_are_one_cluster_and_empty_ones_none(tmp_path):
    clusters = read(tmp_path, cluster="author").clusters
    assert clusters[0] == clusters[2]
    assert len(set(clusters.tolist())) == 3
    table = TABLE.replace("ann", "")
    assert len(set(read(tmp_path, table, cluster="author").clusters.tolist())) == 4


# Chunks ----------------------------------------------------------------------------

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["x", "y", ""]),
        st.sampled_from(["a", "b|a", "", "?"]),
        st.sampled_from(["", "0.2", "1"]),
        st.sampled_from(["en", "de"]),
        st.sampled_from(["", "p", "q"]),
    ),
    min_size=1,
    max_size=15,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("chunks")


@given(
    rows=ROWS,
    limit=st.one_of(st.none(), st.integers(1, 16)),
    unknown=st.sampled_from(["keep", "background", "leave_out"]),
    chunk=st.integers(1, 6),
)
def test_the_size_of_chunks_has_no_bearing(folder, rows, limit, unknown, chunk):
    columns = ["label", "group:g", "group:h=z", "lang", "author"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["comment"] = [f"t{i}" for i in range(len(rows))]
    options = {"unknown": unknown, "cluster": "author", "id": "comment"}
    content = frame.to_csv(index=False)

    def outcome(size):
        with patch.object(labelled.gather, "__defaults__", (size,)):
            try:
                data = read(folder, content, limit, where="lang:en", **options)
            except AuditError as error:
                return str(error)
        clusters = data.clusters[:, None] == data.clusters
        whole = (data.texts, data.ids, data.label_names, data.labels.tolist())
        order = list(data.card.left_out)
        return *whole, states(data), clusters.tolist(), order, data.card

    found = outcome(chunk)
    assert found == outcome(100)
    if not isinstance(found, str):
        assert found[-1].n + sum(found[-1].left_out.values()) == len(rows)
