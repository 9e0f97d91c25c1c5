"""Contexts: offsets, even samples and refusals."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairaudit.datasets.contexts import ContextsReader
from fairaudit.errors import AuditError

COLUMNS = ("word", "text", "start", "end")


def read(tmp_path, rows, limit=None, seed=0):
    path = tmp_path / "c.jsonl"
    lines = [json.dumps(dict(zip(COLUMNS, row, strict=False))) for row in rows]
    path.write_text("\n".join(lines))
    return ContextsReader().read(path, limit, np.random.default_rng(seed))


def test_words_texts_and_spans(tmp_path):
    data = read(
        tmp_path, [("amy", "🙂 Amy is in.", 2, 5), ("art", "On art.", "3", "6")]
    )
    assert data.words == ("amy", "art")
    assert data.texts == ("🙂 Amy is in.", "On art.")
    assert data.spans.tolist() == [[2, 5], [3, 6]]
    assert dict(data.rows) == {"amy": (0,), "art": (1,)}
    assert (data.card.kind, data.card.n, dict(data.card.groups)) == ("contexts", 2, {})


def test_csv_is_read_as_well(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text('word,text,start,end\nart,"Art, again",0,3\n')
    data = ContextsReader().read(path, None, np.random.default_rng(0))
    assert data.texts == ("Art, again",)
    assert ContextsReader().claims(path)


GOOD = ("art", "On art.", 3, 6)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("art", "On art.", 3, 8), "offsets 3 to 8 are empty or outside the text of 7"),
        (("art", "On art.", 3, 3), "offsets 3 to 3 are empty or outside"),
        (("art", "On art.", 2, 5), "mark ' ar', but the word is 'art'. Count charac"),
        (("art", "On art.", -4, 6), "column 'start' holds '-4'. Give the offset as a"),
        (("art", "On art.", 3, "x"), "column 'end' holds 'x'. Give the offset"),
        (("art", "On art.", 3, None), "column 'end' holds ''. Give the offset"),
        (("art", "", 3, 6), "column 'text' is empty"),
        (("", "On art.", 3, 6), "column 'word' is empty"),
    ],
)
def test_bad_row_is_refused_with_its_line(tmp_path, row, message):
    with pytest.raises(AuditError) as error:
        read(tmp_path, [GOOD, row])
    assert "c.jsonl, line 2: " in str(error.value)
    assert message in str(error.value)


def test_missing_column_is_refused(tmp_path):
    with pytest.raises(
        AuditError, match=r"no column 'end'\. .*Known: start, text, word"
    ):
        read(tmp_path, [GOOD[:3]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("contexts")


@given(
    words=st.lists(st.sampled_from("abcd"), min_size=1, max_size=40),
    limit=st.integers(1, 45),
    seed=st.integers(0, 5),
)
def test_limit_spreads_rows_evenly_over_words(folder, words, limit, seed):
    rows = [(word, f"{word} {i}", 0, 1) for i, word in enumerate(words)]
    data = read(folder, rows, limit, seed)
    assert len(data.words) == data.card.n == min(limit, len(words))
    numbers = [int(text[2:]) for text in data.texts]
    assert numbers == sorted(set(numbers))
    assert [words[i] for i in numbers] == list(data.words)
    kept, full = Counter(data.words), Counter(words)
    most = max(kept.values())
    assert all(kept[w] >= most - 1 or kept[w] == full[w] for w in full)
    assert read(folder, rows, limit, seed).texts == data.texts


def test_limit_below_one_is_refused(tmp_path):
    with pytest.raises(AuditError, match="The limit of rows is 0"):
        read(tmp_path, [GOOD], limit=0)


def test_claims_need_all_four_columns(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("word,text,start\na,a,0\n")
    assert not ContextsReader().claims(path)
