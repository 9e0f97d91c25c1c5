"""Tables: every format, every kind of bad file, and where the error stands."""

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairaudit.datasets.table import read_header, read_table, sample_rows
from fairaudit.errors import AuditError

ODD = st.text(
    st.one_of(
        st.sampled_from('",\n\r\t|;\u2028\x85\ufeff\x00 é🙂'),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=12,
)
ROWS = st.lists(st.tuples(ODD, ODD), min_size=1, max_size=6)


def write(path, text):
    path.write_bytes(text.encode())
    return path


def frame_file(frame, path):
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    elif path.suffix in {".jsonl", ".ndjson"}:
        frame.to_json(path, orient="records", lines=True, force_ascii=False)
    else:
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"])
def test_all_formats_give_the_same_table(tmp_path, suffix):
    frame = pd.DataFrame({"text": ["a, b", 'say "hi"\nthere'], "label": ["x", "y"]})
    path = frame_file(frame, tmp_path / f"table{suffix}")
    table = read_table(path)
    assert table.strings("text") == ("a, b", 'say "hi"\nthere')
    assert table.strings("label") == ("x", "y")
    assert table.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_header(path) == ("text", "label")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("round")


@given(rows=ROWS)
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_delimited_round_trip_of_odd_texts(folder, suffix, rows):
    path = folder / f"odd{suffix}"
    with path.open("w", encoding="utf-8", newline="") as file:
        delimiter = "," if suffix == ".csv" else "\t"
        writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerows([("text", "more"), *rows])
    table = read_table(path)
    assert list(zip(*map(table.strings, ("text", "more")), strict=True)) == rows


@given(rows=ROWS)
def test_json_round_trip_of_odd_texts(folder, rows):
    path = folder / "odd.jsonl"
    lines = [json.dumps({"text": a, "more": b}, ensure_ascii=False) for a, b in rows]
    path.write_text("\n".join(lines), encoding="utf-8", newline="")
    table = read_table(path)
    assert list(zip(*map(table.strings, ("text", "more")), strict=True)) == rows


def test_byte_order_mark_and_blank_lines_are_passed_over(tmp_path):
    path = write(tmp_path / "a.csv", "\ufefftext,b\n\nhi,1\n\n")
    assert read_table(path).strings("text") == ("hi",)
    assert list(read_table(path).lines) == [3]
    assert read_header(path) == ("text", "b")


def test_missing_cells_are_empty_and_truth_values_are_lower_case(tmp_path):
    path = write(
        tmp_path / "a.jsonl", '{"a": null, "b": true}\n{"a": NaN, "c": 3}\n{"a": 0.5}\n'
    )
    table = read_table(path)
    assert table.strings("a") == ("", "", "0.5")
    assert table.strings("b") == ("true", "", "")
    assert table.strings("c") == ("", "3", "")


BAD = {
    "empty.csv": ("", "the file is empty. Give a file with rows."),
    "blank.jsonl": (" \n\n", "the file is empty."),
    "bom.csv": ("\ufeff", "the file is empty."),
    "head.csv": ("text,label\n", "the file has no rows."),
    "suffix.xlsx": ("x", "type '.xlsx' cannot be read as a table. Convert it to one"),
    "twice.csv": ("a,b,a\n1,2,3\n", "line 1: the column 'a' occurs more than once"),
    "twice.jsonl": ('{"a": 1}\n{"a": 1, "a": 2}', "line 2: the column 'a' occurs more"),
    "short.csv": ('a,b\n"x\ny",1\n3\n', "line 4: 1 cells, but the header has 2"),
    "open.csv": ('a,b\n"x\ny",1\n3,"4\n5\n', "line 4: this row cannot be parsed"),
    "after.tsv": ('a\tb\n1\t"x"y\n', "line 2: this row cannot be parsed"),
    "bad.jsonl": ('{"a": 1}\n\n{"a": \n', "line 3: not valid JSON"),
    "list.jsonl": ('{"a": 1}\n[1]\n', "line 2: not a JSON object."),
    "bad.parquet": ("PAR1 nonsense", "not a Parquet file"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_file_is_refused_with_its_place(tmp_path, name):
    content, message = BAD[name]
    path = write(tmp_path / name, content)
    with pytest.raises(AuditError) as error:
        read_table(path)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(AuditError, match=r"there is no such file. Check the path."):
        read_table(tmp_path / "none.csv")


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_other_encodings_are_refused_with_byte_and_line(tmp_path, bom):
    path = tmp_path / "latin.csv"
    path.write_bytes(bom + b"text\nok\ncaf\xe9\n")
    place = rf"line 3: byte {len(bom) + 11} of the file \(0xe9\) is not UTF-8. Save"
    with pytest.raises(AuditError, match=place):
        read_table(path)


def test_duplicate_parquet_column_is_refused(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table([[1], [2]], names=["a", "a"]), path)
    with pytest.raises(AuditError, match="column 'a' occurs more than once"):
        read_table(path)


def test_nested_cell_is_refused_where_it_is_used(tmp_path):
    table = read_table(write(tmp_path / "a.jsonl", '{"a": 1}\n{"a": [1], "b": {}}\n'))
    with pytest.raises(AuditError, match="line 2: column 'a' holds a list; give text"):
        table.strings("a")


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet", "a.txt", "no.csv"])
def test_header_of_an_unreadable_file_is_empty(tmp_path, name):
    if name != "no.csv":
        (tmp_path / name).write_bytes(b"" if name == "a.csv" else b"\xff\xfe")
    assert read_header(tmp_path / name) == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "write an object with texts, such as"),
        ('{"licence": 1}', "write an object with texts, such as"),
        ('{"license": "MIT"}', "Did you mean 'licence'?"),
    ],
)
def test_bad_sidecar_is_refused(tmp_path, content, message):
    path = write(tmp_path / "a.csv", "text\nhi\n")
    write(tmp_path / "a.card.json", content)
    with pytest.raises(AuditError, match=r"a\.card\.json") as error:
        read_table(path).card("examples")
    assert message in str(error.value)


def test_sidecar_is_read_into_the_card(tmp_path):
    path = write(tmp_path / "a.csv", "text\nhi\n")
    write(tmp_path / "a.card.json", '{"licence": "MIT", "source": "here"}')
    card = read_table(path).card("examples")
    assert (card.licence, card.source, card.name) == ("MIT", "here", "a")
    assert Path(card.path) == path


@given(n=st.integers(1, 60), limit=st.integers(1, 70), seed=st.integers(0, 9))
def test_sample_is_seeded_sorted_and_without_repeats(n, limit, seed):
    rows, again = (sample_rows(n, limit, np.random.default_rng(seed)) for _ in "ab")
    assert rows.tolist() == again.tolist() == sorted(set(rows.tolist()))
    assert len(rows) == min(n, limit)
    assert set(rows.tolist()) <= set(range(n))


def test_limit_below_one_is_refused():
    with pytest.raises(AuditError, match="The limit of rows is 0; give 1 or more"):
        sample_rows(3, 0, np.random.default_rng(0))
