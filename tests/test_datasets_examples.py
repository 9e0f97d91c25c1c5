"""Examples: labels, group columns, limits and refusals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairaudit.data import Examples
from fairaudit.datasets.examples import ExamplesReader
from fairaudit.errors import AuditError

TABLE = """id,text,label,group:gender,group:age=older
1,first,yes,women,1
2,"second
line",no,women | men,0.2
3,third,,,
4,fourth,yes,?,0.5
5,fifth,no,Unknown,true
"""


def read(tmp_path, content, limit=None, seed=0, name="a.csv", **options):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return ExamplesReader(**options).read(path, limit, np.random.default_rng(seed))


def refuse(tmp_path, content, message, **options):
    with pytest.raises(AuditError) as error:
        read(tmp_path, content, **options)
    assert message in str(error.value)


def test_texts_labels_and_groups(tmp_path):
    data = read(tmp_path, TABLE)
    assert isinstance(data, Examples)
    assert data.texts == ("first", "second\nline", "third", "fourth", "fifth")
    assert data.label_names == ("no", "yes")
    assert data.labels.tolist() == [1, 0, -1, 1, 0]
    men, women, older = data.groups
    assert [group.label for group in data.groups] == [
        "gender=men",
        "gender=women",
        "age=older",
    ]
    assert women.member.tolist() == [True, True, False, False, False]
    assert men.member.tolist() == [False, True, False, False, False]
    assert men.known.tolist() == women.known.tolist() == [True] * 3 + [False] * 2
    assert older.member.tolist() == [True, False, False, True, True]
    assert older.known.tolist() == [True, True, False, True, True]


def test_card_counts_known_members(tmp_path):
    card = read(tmp_path, TABLE).card
    assert (card.name, card.kind, card.n) == ("a", "examples", 5)
    assert card.groups == {"gender": {"men": 1, "women": 2}, "age": {"older": 3}}
    assert len(card.sha256) == 64


def test_threshold_moves_membership(tmp_path):
    older = read(tmp_path, TABLE, threshold=0.2).groups[-1]
    assert older.member.tolist() == [True, True, False, True, True]
    older = read(tmp_path, TABLE, threshold=1.0).groups[-1]
    assert older.member.tolist() == [True, False, False, False, True]


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.5, float("nan")])
def test_threshold_outside_the_fractions_is_refused(threshold):
    with pytest.raises(AuditError, match="give a fraction above 0 and at most 1"):
        ExamplesReader(threshold=threshold)


@pytest.mark.parametrize(
    ("chosen", "labels"),
    [
        ("", ["gender=men", "gender=women", "age=older"]),
        ("age", ["age=older"]),
        ("group:gender", ["gender=men", "gender=women"]),
        ("age + gender", ["age=older", "gender=men", "gender=women"]),
        ("id", [f"id={i}" for i in range(1, 6)]),
    ],
)
def test_group_columns_are_chosen_by_column_or_axis(tmp_path, chosen, labels):
    found = [group.label for group in read(tmp_path, TABLE, groups=chosen).groups]
    assert found == labels


def test_label_column_is_optional_only_by_default(tmp_path):
    data = read(tmp_path, "text\nhi\nho\n")
    assert data.label_names == ()
    assert data.labels.tolist() == [-1, -1]
    assert data.groups == ()
    assert read(tmp_path, TABLE, label="").label_names == ()
    refuse(tmp_path, TABLE, "there is no column 'lable'. Did you mean 'label'?",
           label="lable")  # fmt: skip


def test_missing_columns_name_the_nearest_and_the_option(tmp_path):
    problem = "there is no column 'text'. Did you mean 'texts'? Known: label, texts."
    refuse(tmp_path, "texts,label\na,b\n", problem)
    refuse(tmp_path, "texts,label\na,b\n", "with the option 'text'")
    refuse(tmp_path, TABLE, "no column 'gendr'.", groups="gendr")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            'text\n"a\nb"\n" "\n""\n',
            "line 4: column 'text' is empty (rows like this: 2",
        ),
        ("text,group:g\na,x\nb,x|?\n", "line 3: column 'group:g': 'x|?' names a group"),
        (
            "text,group:g=x\na,1\nb,2\n",
            "line 3: column 'group:g=x': '2' is no fraction",
        ),
        ("text,group:g=x\na,no\n", "line 2: column 'group:g=x': 'no' is no fraction"),
        ("text,group:g=x,group:g\na,1,x\n", "two columns give the group 'g=x'"),
        ("text,group:\na,1\n", "the column 'group:' names no axis or no group"),
        ("text,group:g=\na,1\n", "the column 'group:g=' names no axis or no group"),
    ],
)
def test_bad_rows_and_columns_are_refused(tmp_path, content, message):
    refuse(tmp_path, content, message)


def test_json_truth_values_and_null_groups(tmp_path):
    content = (
        '{"text": "a", "label": 1, "group:g=x": true, "group:h": null}\n'
        '{"text": "b", "label": 0, "group:g=x": null, "group:h": "y"}\n'
    )
    data = read(tmp_path, content, name="a.jsonl")
    assert data.label_names == ("0", "1")
    x, y = data.groups
    assert (x.member.tolist(), x.known.tolist()) == ([True, False], [True, False])
    assert (y.member.tolist(), y.known.tolist()) == ([False, True], [True, True])


def test_limit_keeps_rows_whole_in_file_order(tmp_path):
    frame = pd.DataFrame({"text": [f"t{i}" for i in range(50)]})
    frame["label"] = [f"l{i % 7}" for i in range(50)]
    frame["group:g"] = ["x" if i == 3 else "y" for i in range(50)]
    data = read(tmp_path, frame.to_csv(index=False), limit=9, seed=4)
    rows = [int(text[1:]) for text in data.texts]
    assert len(rows) == data.card.n == 9
    assert rows == sorted(rows) != list(range(9))
    assert [data.label_names[i] for i in data.labels] == [f"l{i % 7}" for i in rows]
    assert data.groups[0].member.tolist() == [i == 3 for i in rows]
    assert data.card.groups["g"].keys() == {"x", "y"}
    again = read(tmp_path, frame.to_csv(index=False), limit=9, seed=4)
    assert again.texts == data.texts


CELLS = st.lists(
    st.one_of(
        st.sets(st.sampled_from(["women", "men", "Zoë", 'a "b"', "x=y"])),
        st.sampled_from(["?", "unknown"]),
    ),
    min_size=1,
    max_size=12,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("groups")


@given(cells=CELLS)
def test_group_cells_against_their_definition(folder, cells):
    written = [c if isinstance(c, str) else "|".join(sorted(c)) for c in cells]
    frame = pd.DataFrame({"text": ["t"] * len(cells), "group:g": written})
    data = read(folder, frame.to_csv(index=False))
    names = set().union(*(c for c in cells if isinstance(c, set)))
    assert [group.name for group in data.groups] == sorted(names)
    for group in data.groups:
        known = [isinstance(c, set) for c in cells]
        assert group.known.tolist() == known
        assert group.member.tolist() == [
            k and group.name in c for k, c in zip(known, cells, strict=True)
        ]


def test_claims_by_suffix_and_header(tmp_path):
    heads = {
        "a.csv": ("text,label\n", True),
        "b.csv": ("words,label\n", False),
        "c.txt": ("text\n", False),
        "d.jsonl": ('{"word": "a", "text": "a", "start": 0, "end": 1}', False),
        "e.jsonl": ('{"text": "a", "start": 0}', True),
    }
    for name, (content, claimed) in heads.items():
        (tmp_path / name).write_text(content)
        assert ExamplesReader().claims(tmp_path / name) is claimed
    assert not ExamplesReader().claims(tmp_path / "none.csv")
    assert ExamplesReader(text="words").claims(tmp_path / "b.csv")
