"""Sources: chunks, samples that do not depend on them, folders and Arrow files."""

import json
import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from fairaudit.datasets.examples import ExamplesReader
from fairaudit.datasets.sampling import Sample
from fairaudit.datasets.table import open_source, read_header, read_table
from fairaudit.errors import AuditError

FRAME = pd.DataFrame(
    {"text": ['a "b"', "c\nd", "é", "f", "g"], "n": [0, 1, 2, 3, 4], "x": [0.5] * 5}
)


def arrow_file(path, table, kind="stream"):
    new = pa.ipc.new_stream if kind == "stream" else pa.ipc.new_file
    with pa.OSFile(str(path), "wb") as sink, new(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return path


def saved(folder, frame, features=None, split=None, shards=1):
    """Save a table as the library `datasets` does."""
    folder.mkdir(parents=True)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    said = json.dumps({"info": {"features": features or {}}})
    table = table.replace_schema_metadata({"huggingface": said})
    names = [f"data-{i:05}-of-{shards:05}.arrow" for i in range(shards)]
    size = -(-len(frame) // shards)
    for i, name in enumerate(names):
        arrow_file(folder / name, table.slice(i * size, size))
    state = {"_data_files": [{"filename": name} for name in names], "_split": split}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
    return folder


def written(path, frame=FRAME):
    table = pa.Table.from_pandas(frame, preserve_index=False)
    if path.suffix == ".parquet":
        path.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(table, path, row_group_size=2)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    elif path.suffix == ".arrow":
        arrow_file(path, table)
    else:
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet", ".arrow"])
@pytest.mark.parametrize("size", [1, 2, 3, 99])
def test_chunks_hold_the_whole_file_whatever_their_size(tmp_path, suffix, size):
    source = open_source(written(tmp_path / f"t{suffix}"))
    chunks = list(source.chunks(["text", "n"], size))
    assert max(map(len, chunks)) <= size
    assert [t for c in chunks for t in c.strings("text")] == FRAME["text"].tolist()
    assert [n for c in chunks for n in c.strings("n")] == list("01234")
    assert all(set(chunk.columns) == {"text", "n"} for chunk in chunks)
    lines = [line for chunk in chunks for line in chunk.lines]
    assert lines == ([2, 3, 5, 6, 7] if suffix in {".csv", ".tsv"} else [1, 2, 3, 4, 5])


def test_feather_files_are_arrow_as_well(tmp_path):
    table = pa.Table.from_pandas(FRAME, preserve_index=False)
    path = arrow_file(tmp_path / "t.arrow", table, "file")
    assert read_table(path).strings("text") == tuple(FRAME["text"])


def test_cells_longer_than_the_csv_module_expects(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(f"text,n\n{'a' * 200_000},1\n")
    assert len(read_table(path).strings("text")[0]) == 200_000


def test_keys_that_come_late_in_json_lines_are_columns(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": 1}\n' * 3 + '{"b": 2}\n')
    chunks = list(open_source(path).chunks(None, 2))
    assert [c.strings("b") for c in chunks] == [("", ""), ("", "2")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": "\\ud83d"}\n', r"line 1: a \u escape is half of a surrogate pair"),
        (b'{"a": 1}\n{"a": "\xe9"}\n', "line 2: byte 16 of the file (0xe9) is not"),
        (b"[" * 100_000, "line 1: not valid JSON"),
    ],
)
def test_bad_json_lines_are_refused(tmp_path, content, message):
    path = tmp_path / "t.jsonl"
    path.write_bytes(content)
    with pytest.raises(AuditError) as error:
        read_table(path)
    assert message in str(error.value)


def test_both_halves_of_a_surrogate_pair_are_a_character(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": "\\ud83d\\ude42"}\n')
    assert read_table(path).strings("a") == ("🙂",)


def test_error_beyond_the_first_chunk_names_its_line(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,n\n" + '"a\nb",1\n' * 3 + "c\n")
    with pytest.raises(AuditError, match="line 8: 1 cells, but the header has 2"):
        list(open_source(path).chunks(None, 1))


def test_semicolons_are_named_where_a_column_is_missing(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text;label\na;b\n")
    with pytest.raises(AuditError, match="separated by ';': save them with commas"):
        open_source(path).require("text")


# Samples ---------------------------------------------------------------------------


@given(
    cuts=st.lists(st.integers(0, 9), min_size=1, max_size=12),
    limit=st.integers(1, 30),
    seed=st.integers(0, 5),
)
def test_sample_is_that_of_the_smallest_keys_however_it_is_cut(cuts, limit, seed):
    n = sum(cuts)
    sample, start = Sample(limit, np.random.default_rng(seed)), 0
    for cut in cuts:
        sample.add({"row": np.arange(start, start + cut)})
        start += cut
    keys = np.random.default_rng(seed).random(n)
    expected = np.sort(np.argsort(keys, kind="stable")[:limit])
    assert sample.seen == n
    assert sample.columns()["row"].tolist() == expected.tolist()


def test_every_row_has_the_same_chance():
    hits = np.zeros(20)
    for seed in range(600):
        sample = Sample(5, np.random.default_rng(seed))
        for start in range(0, 20, 4):
            sample.add({"row": np.arange(start, start + 4)})
        hits[sample.columns()["row"]] += 1
    assert abs(hits / 600 - 0.25).max() < 4.5 * np.sqrt(0.25 * 0.75 / 600)


def test_a_sample_is_read_in_little_memory(tmp_path):
    path, rows = tmp_path / "big.csv", 40_000
    text = "word " * 100
    with path.open("w") as file:
        file.write("text,label\n")
        file.writelines(f"{i} {text},x\n" for i in range(rows))
    tracemalloc.start()
    data = ExamplesReader().read(path, 50, np.random.default_rng(0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert data.card.n == 50
    assert data.card.left_out == {"not in the sample (limit)": rows - 50}
    assert path.stat().st_size > 20e6
    assert peak < 10e6


# Folders ---------------------------------------------------------------------------

LABELS = {"label": {"names": ["bad", "good"], "_type": "ClassLabel"}}
NOTES = pd.DataFrame({"text": list("abcde"), "label": [0, 1, 1, -1, 0]})


def examples(path, **options):
    return ExamplesReader(**options).read(path, None, np.random.default_rng(0))


@pytest.mark.parametrize("shards", [1, 3])
def test_saved_dataset_with_class_names(tmp_path, shards):
    folder = saved(tmp_path / "my.notes", NOTES, LABELS, shards=shards)
    data = examples(folder)
    assert data.texts == tuple("abcde")
    assert data.label_names == ("bad", "good")
    assert data.labels.tolist() == [0, 1, 1, -1, 0]
    assert data.card.name == "my.notes"
    assert read_header(folder) == ("text", "label")


def test_splits_of_a_saved_dataset(tmp_path):
    for split, rows in (("train", NOTES[:3]), ("test", NOTES[3:])):
        saved(tmp_path / "d" / split, rows, LABELS, split)
    (tmp_path / "d" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    data = examples(tmp_path / "d", split="test")
    assert (data.texts, data.card.name) == (("d", "e"), "d@test")
    with pytest.raises(AuditError, match=r"has the splits train, test\. Say which"):
        examples(tmp_path / "d")
    with pytest.raises(AuditError, match=r"no split 'tset'\. Did you mean 'test'\?"):
        examples(tmp_path / "d", split="tset")
    assert examples(tmp_path / "d" / "test", split="test").texts == ("d", "e")


@pytest.mark.parametrize(
    "names",
    [
        ("data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"),
        ("train/0000.parquet", "train/0001.parquet"),
        ("train.parquet",),
    ],
)
def test_folders_of_parquet_files(tmp_path, names):
    shards = np.array_split(np.arange(len(NOTES)), len(names))
    for name, rows in zip(names, shards, strict=True):
        written(tmp_path / "d" / name, NOTES.iloc[rows])
    assert examples(tmp_path / "d").texts == tuple("abcde")
    other = tmp_path / "d" / names[0].replace("train", "test")
    written(other, NOTES[:2])
    assert examples(tmp_path / "d", split="train").texts == tuple("abcde")
    assert examples(tmp_path / "d", split="test").texts == ("a", "b")
    with pytest.raises(AuditError, match="has the splits test, train"):
        examples(tmp_path / "d")


def test_shards_must_have_the_same_columns(tmp_path):
    written(tmp_path / "d/part-0.parquet", NOTES)
    written(tmp_path / "d/part-1.parquet", NOTES.rename(columns={"label": "lable"}))
    with pytest.raises(AuditError, match=r"part-1\.parquet: there is no column"):
        examples(tmp_path / "d")


def test_error_in_a_shard_names_the_shard_and_its_row(tmp_path):
    written(tmp_path / "d/part-0.parquet", NOTES)
    written(tmp_path / "d/part-1.parquet", NOTES.assign(text=["a", "", "c", "d", "e"]))
    with pytest.raises(AuditError, match=r"part-1\.parquet, row 2: column 'text' is"):
        examples(tmp_path / "d")


def test_class_number_without_a_name_is_refused(tmp_path):
    folder = saved(tmp_path / "d", NOTES.assign(label=[0, 1, 2, 0, 0]), LABELS)
    with pytest.raises(AuditError, match="row 3: column 'label' holds 2, but its 2"):
        examples(folder)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (
            '{"_data_files": [{"filename": "../x.arrow"}]}',
            "no name of a file or folder",
        ),
        ('{"_data_files": [{}]}', "None is no name of a file"),
        ('{"_data_files": [{"filename": "x.arrow"}]}', "x.arrow: there is no such"),
        ("{", "state.json: cannot be read"),
        ("{}", "neither a saved dataset"),
    ],
)
def test_damaged_folders_are_refused(tmp_path, state, message):
    (tmp_path / "state.json").write_text(state)
    with pytest.raises(AuditError) as error:
        open_source(tmp_path)
    assert message in str(error.value)


def test_empty_and_damaged_columnar_files_are_refused(tmp_path):
    for name in ("a.parquet", "a.arrow"):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(AuditError, match="the file is empty"):
            read_table(tmp_path / name)
        (tmp_path / name).write_bytes(b"nonsense")
        with pytest.raises(AuditError, match=r"not an? (Arrow|Parquet) file"):
            read_table(tmp_path / name)
