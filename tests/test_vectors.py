import hashlib
import json
import struct
import sys
import types
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from fairaudit.cli import app
from fairaudit.errors import AuditError
from fairaudit.model import Ask, Embed, Predict
from fairaudit.models import ModelOptions
from fairaudit.models.hf import HuggingFaceLoader
from fairaudit.models.vectors import VectorsLoader

TABLE = {"rose": [1.0, -2.5, 3e-3], "Ann": [0.0, 4.0, 1.0], "ann": [9.0, 9.0, 9.0]}
PLAIN = "".join(f"{w} {' '.join(map(str, v))}\n" for w, v in TABLE.items())


def binary(table, between=b""):
    rows = [w.encode() + b" " + struct.pack("<3f", *v) for w, v in table.items()]
    return f"{len(table)} 3\n".encode() + b"".join(row + between for row in rows)


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def open_vectors(path, **options):
    return VectorsLoader().open(str(path), ModelOptions(**options))


def read(model, *words, **settings):
    request = Embed(words, tuple((0, len(w)) for w in words), **settings)
    return model.read(words, [Ask(request, np.arange(len(words)))])[0]


FORMATS = {
    "glove.txt": PLAIN,
    "word2vec.txt": f"3 3\n{PLAIN}",
    "trailing.vec": f"3 3\n{PLAIN}".replace("\n", " \n"),
    "glove.6B.300d.glove": PLAIN.replace("\n", "\r\n"),
    "packed.bin": binary(TABLE),
    "lines.bin": binary(TABLE, b"\n"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_words_are_found_as_spelt_then_in_lower_case(tmp_path, name):
    model = open_vectors(write(tmp_path, name, FORMATS[name]))
    found = read(model, "Ann", "Rose", "nowhere", "ANN")
    expected = [TABLE["Ann"], TABLE["rose"], [np.nan] * 3, TABLE["ann"]]
    np.testing.assert_allclose(found["vectors"], expected, rtol=1e-7)
    assert found["lowered"].tolist() == [False, True, False, True]


@pytest.mark.parametrize("name", FORMATS)
def test_an_answer_without_any_word_has_the_width_of_the_file(tmp_path, name):
    found = read(open_vectors(write(tmp_path, name, FORMATS[name])), "nowhere")
    assert found["vectors"].shape == (1, 3)
    assert np.isnan(found["vectors"]).all()


@given(
    st.dictionaries(
        st.text("abcÄß-_", min_size=1, max_size=6),
        st.lists(st.floats(-8, 8, width=32), min_size=3, max_size=3),
        min_size=1,
        max_size=8,
    )
)
@settings(max_examples=25, deadline=None)
def test_text_and_binary_files_agree(tmp_path_factory, table):
    folder = tmp_path_factory.mktemp("vectors")
    rows = "".join(f"{w} {' '.join(map(repr, v))}\n" for w, v in table.items())
    text = write(folder, "a.txt", f"{len(table)} 3\n{rows}")
    packed = write(folder, "a.bin", binary(table))
    one, other = (read(open_vectors(path), *table) for path in (text, packed))
    np.testing.assert_array_equal(one["vectors"], np.float32(list(table.values())))
    np.testing.assert_array_equal(one["vectors"], other["vectors"])


def test_the_first_of_two_equal_words_counts_and_words_may_have_spaces(tmp_path):
    text = "the 1 2 3\n. . . 4 5 6\n. 7 8 9\nthe 0 0 0\n"
    found = read(open_vectors(write(tmp_path, "a.txt", text)), "the", ".")
    assert found["vectors"].tolist() == [[1, 2, 3], [7, 8, 9]]


def test_the_span_is_looked_up_and_one_pass_answers_all(tmp_path):
    model = open_vectors(write(tmp_path, "a.txt", PLAIN))
    texts = ("a rose is", "Ann said")
    asks = [
        Ask(Embed(texts, ((2, 6), (0, 3))), np.arange(2)),
        Ask(Embed(("Ann said",), ((0, 3),), layer=0), np.array([1])),
    ]
    one, other = model.read(texts, asks)
    np.testing.assert_allclose(one["vectors"][0], TABLE["rose"])
    np.testing.assert_allclose(other["vectors"], one["vectors"][1:])


def test_the_card_says_what_it_is_and_what_it_cannot_do(tmp_path):
    path = write(tmp_path, "a.txt", PLAIN)
    model = open_vectors(path)
    card = model.card
    assert card.entry.architecture == "static vectors"
    assert card.entry.fingerprint == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (card.entry.reads, card.name) == (("embed",), "a.txt")
    assert set(card.why_not) == {"predict", "gradient", "sensitivity"}
    assert model.identity(Embed((), ()))["model"] == card.entry.fingerprint
    assert model.token_counts(["rose", "Ann"]).tolist() == [1, 1]
    with pytest.raises(AuditError, match="no class probabilities"):
        model.read(("rose",), [Ask(Predict(("rose",)), np.array([0]))])
    with pytest.raises(AuditError, match="no layer 3"):
        read(model, "rose", layer=3)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "rose 1 2 3\nAnn 1 x 3\n", "line 2: not a number"),
        ("a.txt", "2 3\nrose 1 2 3\nAnn 1 2\n", "line 3"),
        ("a.txt", "rose 1 2 3\nAnn 1 nan 3\n", "line 2: the vector holds NaN"),
        ("a.txt", "just some prose of no interest\n", "line 1"),
        ("a.txt", "", "line 1"),
        ("a.txt", "5 3\n", "holds no vector"),
        ("a.bin", b"PK\x03\x04zip", "no word2vec header"),
        ("a.bin", b"", "no word2vec header"),
        ("a.bin", binary(TABLE)[:-20], "ends after"),
    ],
)
def test_damaged_files_are_refused_with_the_place(tmp_path, name, content, message):
    path = write(tmp_path, name, content)
    with pytest.raises(AuditError, match=message):
        read(open_vectors(path), "Ann", "rose")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(AuditError, match="no such file"):
        open_vectors(tmp_path / "a.txt")


def test_gensim_files_need_gensim_and_leave(tmp_path, monkeypatch):
    path = write(tmp_path, "a.kv", b"pickle")
    with pytest.raises(AuditError, match="allow-pickle"):
        open_vectors(path)
    model = open_vectors(path, allow_pickle=True)
    monkeypatch.setitem(sys.modules, "gensim", None)
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    with pytest.raises(AuditError, match="pip install gensim"):
        read(model, "rose")


def test_gensim_files_are_read_by_gensim(tmp_path, monkeypatch):
    class KeyedVectors(dict):
        vector_size = 3
        key_to_index: ClassVar = {word: row for row, word in enumerate(TABLE)}

        @classmethod
        def load(cls, path, mmap):
            assert path.endswith("a.kv")
            return cls(TABLE)

    fake = types.ModuleType("gensim.models")
    fake.KeyedVectors = KeyedVectors
    monkeypatch.setitem(sys.modules, "gensim", types.ModuleType("gensim"))
    monkeypatch.setitem(sys.modules, "gensim.models", fake)
    model = open_vectors(write(tmp_path, "a.kv", b"x"), allow_pickle=True)
    found = read(model, "Rose", "Ann")["vectors"]
    np.testing.assert_allclose(found, [TABLE["rose"], TABLE["Ann"]])


def test_arrays_beside_a_gensim_file_count_in_the_fingerprint(tmp_path):
    path = write(tmp_path, "a.kv", b"x")
    before = open_vectors(path, allow_pickle=True).card.entry.fingerprint
    write(tmp_path, "other.npy", b"1")
    assert open_vectors(path, allow_pickle=True).card.entry.fingerprint == before
    write(tmp_path, "a.kv.vectors.npy", b"1")
    assert open_vectors(path, allow_pickle=True).card.entry.fingerprint != before


@pytest.mark.parametrize(
    "name",
    ["a.txt", "b/c.vec", "d.bin", "e.kv", "f.glove", "G.TXT", "glove.6B.50d.txt"],
)
def test_one_loader_claims_a_file_of_vectors(name):
    assert VectorsLoader().claims(name)
    assert not HuggingFaceLoader().claims(name)


def test_directories_and_other_names_are_left_to_others(tmp_path):
    folder = tmp_path / "model.bin"
    folder.mkdir()
    assert not VectorsLoader().claims(str(folder))
    assert not VectorsLoader().claims("org/model")
    assert HuggingFaceLoader().claims(str(folder))


def test_evaluate_reads_a_file_of_vectors(tmp_path):
    rng = np.random.default_rng(0)
    words = {
        "X": {"name": "ones", "words": ["a1", "a2", "a3", "a4"]},
        "Y": {"name": "others", "words": ["b1", "b2", "b3", "b4"]},
        "A": {"name": "good", "words": ["c1", "c2"]},
        "B": {"name": "bad", "words": ["d1", "d2"]},
    }
    tests = write(tmp_path, "own.json", json.dumps({"mine": words}))
    rows = [(w, rng.normal(size=4)) for s in words.values() for w in s["words"]]
    text = "".join(f"{w} {' '.join(map(str, v))}\n" for w, v in rows)
    path = write(tmp_path, "v.txt", text)
    metrics = [f"--metric=weat:test_file={tests}", "--metric=seat"]
    options = ["--no-cache", "--json", *metrics]
    result = CliRunner().invoke(app, ["evaluate", str(path), *options])
    report = json.loads(result.stdout)
    by_metric = {record["metric"]: record for record in report["records"]}
    assert by_metric["weat"]["value"] is not None
    assert by_metric["weat"]["n"] == 12
    assert "static vectors" in by_metric["seat"]["reason"]
    assert report["datasets"] == []
