"""Datasets on the command line: guessed formats, splits, options, names, checks."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from fairaudit.__main__ import main
from fairaudit.cli.specs import data_reader, named_reader, read_data
from fairaudit.datasets.hatexplain import HateXplainReader
from fairaudit.errors import AuditError
from tests.test_datasets_civil_comments import hub, kaggle, later, wilds
from tests.test_datasets_classifiers import BIOS, CASES, csv, newer, older
from tests.test_datasets_hatexplain import hub_jsonl, published

NOTES = "text,label,group:g,lang,split\na,x,p,en,train\nb,y,,de,test\nc,x,?,en,test\n"


def notes(folder, name="notes.csv"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(NOTES)
    return folder / name


def bios(folder):
    return csv(folder / "t.csv", hard_text=BIOS, profession=[1, 2, 3], gender=[0, 1, 1])


def cases(folder):
    return csv(folder / "t.csv", **CASES)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (notes, "examples"),
        (kaggle, "civil_comments"),
        (later, "civil_comments"),
        (hub, "civil_comments"),
        (wilds, "civil_comments"),
        (published, "hatexplain"),
        (hub_jsonl, "hatexplain"),
        (bios, "bias_in_bios"),
        (cases, "hatecheck"),
        (older, "jigsaw_madlibs"),
        (newer, "jigsaw_madlibs"),
    ],
)
def test_the_format_of_a_file_is_guessed(tmp_path, make, name):
    reader, path = data_reader(str(make(tmp_path)))
    assert reader.name == name
    assert path.exists()


def test_a_folder_is_guessed_by_what_is_in_it(tmp_path):
    pd.read_csv(notes(tmp_path)).to_parquet(tmp_path / "train.parquet")
    (tmp_path / "notes.csv").unlink()
    assert data_reader(str(tmp_path))[0].name == "examples"


def test_split_and_options_stand_behind_the_name():
    reader, path = data_reader("hatexplain@test:labels=binary,where=a:b=x=y.json")
    assert reader == HateXplainReader(split="test", labels="binary", where="a:b")
    assert path == Path("x=y.json")
    mapped = "examples:text=comment,label=toxic,groups=gender+s:race,where=l:en=f.csv"
    reader, path = data_reader(mapped)
    assert (reader.text, reader.groups, reader.where) == (
        "comment",
        "gender+s:race",
        "l:en",
    )
    assert path == Path("f.csv")
    assert named_reader("hatexplain@val").split == "val"


def test_options_may_be_longer_than_a_file_name():
    groups = "+".join(f"identity:column_{number}" for number in range(40))
    assert data_reader(f"examples:groups={groups}=f.csv")[0].groups == groups


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("notes.csv@test", "Give a split as NAME@SPLIT=PATH."),
        ("hatexplan@test=x", "Did you mean 'hatexplain'?"),
        ("crows_pairs@test=x", "dataset crows_pairs has no parameter 'split'"),
        ("hatexplain:labels=two=x", "dataset hatexplain:labels='two' cannot be used"),
        ("civil_comments:treshold=0.4=x", "Did you mean 'threshold'?"),
    ],
)
def test_mistyped_specs_are_refused_with_a_hint(spec, message):
    with pytest.raises(AuditError) as error:
        data_reader(spec)
    assert message in str(error.value)


def test_unknown_columns_come_with_the_way_to_map_them(tmp_path):
    path = csv(tmp_path / "t.csv", comment=["a"], toxic=[1])
    with pytest.raises(AuditError) as error:
        data_reader(str(path))
    assert "fits no known format" in str(error.value)
    assert "This one has comment, toxic; labelled texts" in str(error.value)
    assert f"--data examples:text=COLUMN,label=COLUMN={path}" in str(error.value)


def test_a_malformed_name_is_refused():
    with pytest.raises(AuditError, match=r"not of the form NAME\[@SPLIT\]"):
        named_reader("hatexplain@")


def names(*specs):
    return [data.card.name for data in read_data(list(map(str, specs)), None, 0)]


def test_datasets_are_told_apart_by_split_folder_and_options(tmp_path):
    one, two = notes(tmp_path / "one"), notes(tmp_path / "two")
    assert names(one, notes(tmp_path, "more.csv")) == ["notes", "more"]
    assert names(one, two) == ["one/notes", "two/notes"]
    assert names(f"examples@train={one}", f"examples@test={one}") == [
        "notes@train",
        "notes@test",
    ]
    assert names(f"examples:where=lang:en={one}", f"examples:where=lang:de={one}") == [
        "one/notes (where=lang:en)",
        "one/notes (where=lang:de)",
    ]
    with pytest.raises(AuditError, match="names one/notes twice"):
        names(one, one)


def test_the_sample_of_a_dataset_does_not_depend_on_the_others(tmp_path):
    path = csv(tmp_path / "t.csv", text=[f"t{i}" for i in range(50)])
    alone = read_data([str(path)], 5, 3)[0]
    beside = read_data([str(notes(tmp_path)), str(path)], 5, 3)[1]
    assert alone.texts == beside.texts
    assert alone.texts != read_data([str(path)], 5, 4)[0].texts


@pytest.fixture
def run(capsys):
    def run_it(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["datasets", *map(str, arguments)])
        out, err = capsys.readouterr()
        return stop.value.code or 0, out, err

    return run_it


def table(out):
    lines = [re.split(r"\s{2,}", line.strip()) for line in out.splitlines()]
    return {line[0]: line[-1] for line in lines}


def test_check_prints_what_is_in_a_file(run, tmp_path):
    code, out, _ = run("--check", notes(tmp_path))
    said = table(out)
    assert code == 0
    assert said["format"] == "examples"
    assert said["rows"] == "3"
    assert (said["label x"], said["label y"]) == ("2", "1")
    assert said["group g=p"] == "1 (not known: 1)"


def test_check_counts_what_was_left_out(run, tmp_path):
    spec = "examples@test:unknown=leave_out,cluster=lang"
    code, out, _ = run(spec, "--check", notes(tmp_path))
    found = table(out)
    assert code == 0
    assert found["left out: other split"] == "1"
    assert found["left out: a group is not known"] == "1"
    assert (found["rows"], found["clusters"]) == ("1", "1")


def test_check_of_a_bad_file_exits_2_with_its_line(run, tmp_path):
    (tmp_path / "t.csv").write_text("text,label\na,b\n,c\n")
    code, out, err = run("examples", "--check", tmp_path / "t.csv")
    assert code == 2
    assert "t.csv, line 3: column 'text' is empty" in err
    assert "Traceback" not in out + err
    code, _, err = run("--check", tmp_path / "none.csv")
    assert (code, "there is no such file" in err) == (2, True)


def test_check_reads_other_kinds_of_data(run, tmp_path):
    row = {"word": "art", "text": "On art.", "start": 3, "end": 6}
    (tmp_path / "t.jsonl").write_text(json.dumps(row))
    code, out, _ = run("--check", tmp_path / "t.jsonl")
    assert code == 0
    assert "contexts" in out


@pytest.mark.parametrize(
    "name",
    ["bias_in_bios", "civil_comments", "hatecheck", "hatexplain", "jigsaw_madlibs"],
)
def test_a_format_is_explained_in_full(run, name):
    from fairaudit.registry import load

    code, out, _ = run(name)
    reader = load("fairaudit.datasets", name)
    words = "".join(out.split())
    assert code == 0
    assert f"--data{name}[@SPLIT]" in words
    assert "".join(reader.licence.split()) in words
    assert reader.source in words
    assert "parameterwheredefault''" in words
    assert all("".join(text.split()) in words for text in reader.columns.values())
