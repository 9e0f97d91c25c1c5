"""Readers of given pairs: EEC, WinoBias and Winogender, in their published formats."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from fairaudit.cli.specs import read_data
from fairaudit.data import Counterparts
from fairaudit.datasets.eec import EecReader
from fairaudit.datasets.winobias import BEYOND, UNCLEAR, WinoBiasReader
from fairaudit.datasets.winogender import WinogenderReader
from fairaudit.errors import AuditError
from tests.pair_files import eec_rows, write_eec

READERS = (EecReader, WinoBiasReader, WinogenderReader)


def read(reader, path, limit=None, seed=0):
    return reader.read(Path(path), limit, np.random.default_rng(seed))


# EEC


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_eec(tmp_path_factory.mktemp("eec") / "corpus.csv", eec_rows())


def test_eec_has_the_pairs_of_the_paper(corpus):
    data = read(EecReader(), corpus)
    units = set(zip(data.axis, data.units, strict=True))
    assert Counter(axis for axis, _ in units) == {"gender": 1584, "race": 288}
    assert Counter(data.axis) == {"gender": 4320, "race": 2880}
    assert len(set(data.templates)) == 11
    emotions = Counter(
        category
        for category, _ in {
            (category, unit)
            for axis, category, unit in zip(
                data.axis, data.categories, data.units, strict=True
            )
            if axis == "gender"
        }
    )
    assert emotions == {
        "": 44,
        **dict.fromkeys(("anger", "fear", "joy", "sadness"), 385),
    }
    assert data.card.left_out == {}
    assert data.card.groups == {
        "gender": {"male": 4320, "female": 4320},
        "race": {"European": 2880, "African-American": 2880},
    }
    assert data.card.licence == "not stated"


@pytest.mark.parametrize(
    ("options", "units"),
    [
        ({"persons": "phrases", "race": "none"}, {"gender": 1440}),
        ({"persons": "names", "race": "together"}, {"gender": 144, "race": 144}),
    ],
)
def test_eec_options(corpus, options, units):
    data = read(EecReader(**options), corpus)
    names = data.units or tuple(map(str, range(data.card.n)))
    found = set(zip(data.axis, names, strict=True))
    assert Counter(axis for axis, _ in found) == units


def test_eec_pairs_speak_of_two_genders_or_races(corpus):
    data = read(EecReader(), corpus)
    by_sentence = {row["Sentence"]: row for row in eec_rows()}
    rows = zip(
        data.first,
        data.second,
        data.axis,
        data.first_groups,
        data.second_groups,
        strict=True,
    )
    for first, second, axis, one, other in rows:
        a, b = by_sentence[first], by_sentence[second]
        assert (a["Template"], a["Emotion word"]) == (b["Template"], b["Emotion word"])
        column = "Gender" if axis == "gender" else "Race"
        assert (a[column], b[column]) == (one, other)
        if axis == "race":
            assert a["Gender"] == b["Gender"]
    assert ("In story 0, he: word 0.", "In story 0, she: word 0.") in set(
        zip(data.first, data.second, strict=True)
    )


def test_eec_limit_keeps_whole_units(corpus):
    data, again = (read(EecReader(), corpus, limit=50) for _ in range(2))
    assert data == again
    sizes = Counter(data.units)
    assert len(sizes) == 50
    assert {1} < set(sizes.values()) <= {1, 10, 20}
    assert read(EecReader(), corpus, limit=50, seed=1).first != data.first


def test_eec_counts_persons_without_a_counterpart(tmp_path):
    kept = [
        row
        for row in eec_rows()[:60]
        if row["Person"] not in ("she", "Alonzo") and row["Person"] != "Amanda"
    ]
    data = read(EecReader(), write_eec(tmp_path / "eec.csv", kept))
    # "he" once; 19 names of each gender; 10 against 9 names in both genders.
    assert data.card.left_out == {"persons without a counterpart": 1 + 0 + 1 + 1}
    assert len(set(data.units)) == 9 + 1 + 2


@pytest.mark.parametrize(
    ("change", "line", "problem"),
    [
        ({"Gender": "woman"}, 4, "column 'Gender' holds 'woman'"),
        ({"Race": "Martian"}, 4, "column 'Race' holds 'Martian'"),
        ({"Sentence": " "}, 4, "column 'Sentence' is empty"),
        ({"Person": None}, 4, "stands in this template twice"),
    ],
)
def test_eec_errors_name_the_line(tmp_path, change, line, problem):
    rows = [dict(row) for row in eec_rows()[:60]]
    rows[2] |= change
    if rows[2]["Person"] is None:
        rows[2]["Person"] = rows[0]["Person"]
    path = write_eec(tmp_path / "eec.csv", rows)
    with pytest.raises(AuditError) as caught:
        read(EecReader(), path)
    assert f"{path}, line {line}: " in str(caught.value)
    assert problem in str(caught.value)


# WinoBias

PRO = """1 [The pilot] greeted the nurse because [he] was polite.
2 The pilot greeted [the nurse] because [she] was polite.
3 [The guard] waved to the maid and then [he] lost [his] cap.
4 The guard called the [the maid] about a bill and paid [her].
5 The guard thanked [ the maid] and gave [her] a key.
6 [The cook] saw the clerk before [he] left.
"""
ANTI = """1 [The pilot] greeted the nurse because [she] was polite.
2 The pilot greeted [the nurse] because [he] was polite.
3 [The guard] waved to the maid and then [she] lost [her] cap.
4 The guard called the [the maid] about a bill and paid [him].
5 The guard thanked [the maid] and gave [him] two keys.
6 [The cook] saw the clerk before [he] left.
"""


def winobias(folder, pro=PRO, anti=ANTI, kind="type1", split="dev"):
    for side, text in (("pro", pro), ("anti", anti)):
        path = folder / f"{side}_stereotyped_{kind}.txt.{split}"
        path.write_text(text, encoding="utf-8")
    return folder / f"pro_stereotyped_{kind}.txt.{split}"


def test_winobias_pairs_lines_of_both_files(tmp_path):
    path = winobias(tmp_path)
    data = read(WinoBiasReader(), path)
    assert data.first[0] == "The pilot greeted the nurse because he was polite."
    assert data.second[0] == "The pilot greeted the nurse because she was polite."
    assert data.first[2].endswith("and then he lost his cap.")
    assert data.first[3] == "The guard called the the maid about a bill and paid him."
    assert data.second[3].endswith("and paid her.")
    assert set(data.first_groups) == {"men"}
    assert set(data.second_groups) == {"women"}
    assert data.templates == ("dev 1", "dev 1", "dev 2", "dev 2")
    assert data.categories == tuple(
        f"type1, stereotype of {who}" for who in ("men", "women", "men", "women")
    )
    assert data.card.left_out == {BEYOND: 1, UNCLEAR: 1}
    assert data.card.n == 4
    assert (
        read(WinoBiasReader(), str(path).replace("pro_", "anti_")).first == data.first
    )


def test_winobias_keeps_other_differences_on_request(tmp_path):
    data = read(WinoBiasReader(minimal=False), winobias(tmp_path))
    assert len(data.first) == 5
    assert data.card.left_out == {UNCLEAR: 1}


def test_winobias_reads_a_folder_whole(tmp_path):
    winobias(tmp_path)
    winobias(tmp_path, kind="type2", split="test")
    (tmp_path / "README.md").write_text("about", encoding="utf-8")
    data = read(WinoBiasReader(), tmp_path)
    assert data.card.n == 8
    assert {c.split(",")[0] for c in data.categories} == {"type1", "type2"}
    assert {t.split()[0] for t in data.templates} == {"dev", "test"}
    limited = read(WinoBiasReader(), tmp_path, limit=3)
    assert limited.card.n == 3


@pytest.mark.parametrize(
    ("pro", "place", "problem"),
    [
        ("", "", "the file is empty"),
        ("1 A sentence without marks.\n", ", line 1", "not a number and a sentence"),
        ("[The pilot] left as [he] was told.\n", ", line 1", "not a number"),
        ("1 [A] met [him].\n\n1 [A] met [him].\n", ", line 3", "occurs twice"),
        (f"1 [A] met [him]{' x' * 9000}.\n", ", line 1", "not a number"),
    ],
)
def test_winobias_errors_name_the_line(tmp_path, pro, place, problem):
    path = winobias(tmp_path, pro=pro)
    with pytest.raises(AuditError) as caught:
        read(WinoBiasReader(), path)
    assert f"{path}{place}: " in str(caught.value)
    assert problem in str(caught.value)


def test_winobias_needs_both_files_and_all_lines(tmp_path):
    path = winobias(tmp_path)
    anti = tmp_path / "anti_stereotyped_type1.txt.dev"
    anti.write_text(ANTI.rpartition("6 ")[0], encoding="utf-8")
    with pytest.raises(AuditError, match="there is no sentence 6"):
        read(WinoBiasReader(), path)
    anti.unlink()
    with pytest.raises(AuditError, match="needs both of a pair"):
        read(WinoBiasReader(), path)
    with pytest.raises(AuditError, match="no file of WinoBias"):
        read(WinoBiasReader(), tmp_path / "other.txt")
    path.write_bytes(b"1 [A] met [him].\n2 [B] met \xff.\n")
    anti.write_text(ANTI, encoding="utf-8")
    with pytest.raises(AuditError, match="line 2: not UTF-8"):
        read(WinoBiasReader(), path)


# Winogender

SCHEMAS = "sentid\tsentence\n" + "".join(
    f"{job}.{other}.{answer}.{gender}.txt\t"
    f"The {job} told {other} that {word} had a question about part {answer}.\n"
    for job in ("welder", "florist")
    for other in ("customer", "someone")
    for answer in (0, 1)
    for gender, word in (("male", "he"), ("female", "she"), ("neutral", "they"))
)


def winogender(folder, text=SCHEMAS):
    path = folder / "all_sentences.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def test_winogender_pairs_the_genders_of_a_schema(tmp_path):
    data = read(WinogenderReader(), winogender(tmp_path))
    assert data.card.n == 8
    assert (
        data.first[0] == "The welder told customer that he had a question about part 0."
    )
    assert data.second[0].replace("she", "he") == data.first[0]
    assert set(zip(data.first_groups, data.second_groups, strict=True)) == {
        ("male", "female")
    }
    assert Counter(data.categories) == {"participant": 4, "someone": 4}
    assert Counter(data.templates) == {
        f"{job}.{answer}": 2 for job in ("welder", "florist") for answer in (0, 1)
    }
    assert data.card.licence == "MIT"


def test_winogender_takes_the_neutral_sentences_on_request(tmp_path):
    data = read(WinogenderReader(neutral=True), winogender(tmp_path))
    pairs = Counter(zip(data.first_groups, data.second_groups, strict=True))
    assert pairs == {
        ("male", "female"): 8,
        ("male", "neutral"): 8,
        ("female", "neutral"): 8,
    }


def test_winogender_counts_sentences_alone(tmp_path):
    rows = SCHEMAS.splitlines(keepends=True)
    data = read(WinogenderReader(), winogender(tmp_path, "".join(rows[:1] + rows[2:])))
    assert data.card.n == 7
    assert data.card.left_out == {"sentences without a counterpart": 1}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("welder.customer.2.male.txt\tA text.\n", "'sentid' is"),
        ("welder.customer.1.men.txt\tA text.\n", "a gender of male, female, neutral"),
        ("welder.customer.0.male.txt\tA text.\n", "occurs twice"),
        ("smith.customer.0.male.txt\t \n", "column 'sentence' is empty"),
    ],
)
def test_winogender_errors_name_the_line(tmp_path, row, problem):
    path = winogender(tmp_path, SCHEMAS + row)
    with pytest.raises(AuditError) as caught:
        read(WinogenderReader(), path)
    assert f"{path}, line 26: " in str(caught.value)
    assert problem in str(caught.value)


# All of them


@pytest.mark.parametrize("reader", READERS)
def test_other_files_are_not_claimed(tmp_path, reader):
    path = tmp_path / "notes.csv"
    path.write_text("text,label\nA note.,x\n", encoding="utf-8")
    assert not reader().claims(path)
    assert not reader().claims(tmp_path)
    assert not reader().claims(tmp_path / "none.csv")


def test_formats_are_told_apart_without_a_name(tmp_path, corpus):
    folder = tmp_path / "wino"
    folder.mkdir()
    winobias(folder)
    paths = [str(corpus), str(folder), str(winogender(tmp_path))]
    found = read_data(paths, 20, 0)
    assert all(isinstance(data, Counterparts) for data in found)
    assert [data.card.name for data in found] == ["corpus", "wino", "all_sentences"]
    named = read_data([f"winogender:neutral=true={paths[2]}"], None, 0)
    assert named[0].card.n == 24
