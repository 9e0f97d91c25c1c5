"""Corpora: exact matches, sentences, samples and formats."""

import gzip
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from scipy.stats import chisquare

from fairaudit.corpus.matching import Finder, Stimulus, check_words
from fairaudit.corpus.opening import Lenience, find_corpora
from fairaudit.corpus.pool import Settings, sample, write
from fairaudit.corpus.reading import read_blocks
from fairaudit.corpus.reservoir import Reservoir
from fairaudit.corpus.sentences import Context, Window
from fairaudit.errors import AuditError

WORDS = [
    "he",
    "she",
    "ant",
    "Rose",
    "rose",
    "term",
    "short-term",
    "New_York",
    "New",
    "kind",
    "naïve",
    "élan",
    "мир",
    "Мира",
    "caterpillar",
    "o'clock",
    "中",
    "New York",
]
TOKENS = [
    *WORDS,
    *[
        "HE",
        "Ant",
        "antler",
        "ROSE",
        "kindness",
        "KIND",
        "long-term",
        "term-",
        "-he",
        "’",
        "“",
        "—",
        ".",
        ",",
        "?",
        "\x00",
        "é",
        "İ",
    ],
    *" \t'-_1жM",
    "МИР",
    "caterpillars",
    "  ",
    ". ",
]
LINES = [
    "He was kind. She met Rose in New York! They left.",
    "",
    "A short-term plan, said Dr. Rose.",
]


def oracle(text: str, word: str) -> list[int]:
    flags = 0 if word != word.lower() else re.IGNORECASE
    hyphen = "[-\u2010\u2011]"
    pattern = rf"(?<!\w)(?<!\w{hyphen}){re.escape(word)}(?!\w)(?!{hyphen}\w)"
    return [m.start() for m in re.finditer(pattern, text, flags)]


def found(text: str, word: str) -> list[int]:
    content, stimulus = text.encode(), Stimulus(word)
    at = dict(Finder([stimulus]).find(content))
    window = Window(10_000)
    return sorted(
        len(content[:byte].decode())
        for byte in at.get(0, np.array([], int)).tolist()
        if window.around(content, (0, len(content)), byte, stimulus)
    )


def pool_of(path: Path, words, lenience=None, **said):
    return sample(find_corpora([path]), words, Settings(**said), lenience or Lenience())


@given(st.lists(st.sampled_from(TOKENS), max_size=14).map("".join))
@settings(deadline=None)
def test_matches_agree_with_a_plain_pattern(text):
    for word in WORDS:
        assert found(text, word) == oracle(text, word), word


@given(
    st.lists(st.sampled_from(TOKENS), max_size=80).map(" ".join),
    st.integers(1, 12),
)
@settings(deadline=None)
def test_contexts_hold_their_word_and_keep_the_window(text, words):
    content = text.encode()
    stimuli = [Stimulus(word) for word in WORDS]
    for number, offsets in Finder(stimuli).find(content):
        for at in offsets.tolist():
            stimulus = stimuli[number]
            context = Window(words).around(content, (0, len(content)), at, stimulus)
            if context:
                spelt = context.text[context.start : context.end]
                assert spelt.casefold() == stimulus.word.casefold()
                assert stimulus.word in {spelt, spelt.lower()}
                around = context.text[: context.start], context.text[context.end :]
                assert sum(len(part.split()) for part in around) < words
                assert context.text == context.text.strip()
                assert context.text in text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("One went. Then the term came. Next!", "Then the term came."),
        ('"Stop!" he said. "The term is over." Yes.', '"The term is over."'),
        ("He saw Dr. Who. The term of J. Smith ended.", "The term of J. Smith ended."),
        ("no capital. the term ends. ok", "no capital. the term ends. ok"),
        ("Title\n\nThe term of\nthe lease\n\nmore", "The term of\nthe lease"),
        ("Is it 3.5? A term!", "A term!"),
        ("term", "term"),
    ],
)
def test_sentence_around_the_word(text, sentence):
    content = text.encode()
    at = content.index(b"term")
    context = Window().around(content, (0, len(content)), at, Stimulus("term"))
    assert context is not None
    assert context.text == sentence


def test_long_sentence_is_cut_to_whole_words_around():
    text = " ".join(f"w{i}" for i in range(5000)) + " term " + "x" * 40
    text += " " + " ".join(f"v{i}" for i in range(5000))
    content = text.encode()
    context = Window(6).around(
        content, (0, len(content)), content.index(b"term"), Stimulus("term")
    )
    assert context is not None
    assert context.text.split() == ["w4998", "w4999", "term", "x" * 40, "v0", "v1"]


def test_words_must_be_words():
    assert check_words(["a", " b ", "", "a"], "here") == ("a", "b")
    with pytest.raises(AuditError, match="'-x' does not begin"):
        check_words(["-x"], "here")
    with pytest.raises(AuditError, match="there are no words"):
        check_words(["", " "], "here")


def test_reservoir_is_uniform_and_bounded():
    counts = Counter()
    for seed in range(600):
        reservoir = Reservoir(5, np.random.default_rng(seed))
        for start in range(0, 60, 12):
            chosen, keys = reservoir.draw(12)
            for at, key in zip(chosen.tolist(), keys.tolist(), strict=True):
                reservoir.add(key, Context(str(start + at), 0, 1), "s")
                assert len(reservoir._kept) < 10
        kept = [context.text for context, _ in reservoir.contexts()]
        assert len(kept) == 5
        counts.update(kept)
    assert chisquare([counts[str(i)] for i in range(60)]).pvalue > 0.001


def test_a_context_is_kept_once_even_when_it_was_dropped_before():
    rng = np.random.default_rng(3)
    keys = rng.permutation(400) / 400
    reservoir = Reservoir(7, rng)
    for n, key in enumerate(keys.tolist()):
        reservoir.add(key, Context(str(n % 40), 0, 1), str(n))
    least = {str(c): keys[c::40].min() for c in range(40)}
    expected = sorted(least, key=least.__getitem__)[:7]
    assert [context.text for context, _ in reservoir.contexts()] == expected


def _random_lines(n: int) -> list[str]:
    rng = np.random.default_rng(1)
    known = [
        "the",
        "a",
        "é",
        "walks",
        "to",
        "and",
        "then",
        "she",
        "he",
        "rose",
        "kind",
        "term",
        "home",
        "Then",
    ]
    return [" ".join(rng.choice(known, rng.integers(3, 30))) + "." for _ in range(n)]


def test_pool_depends_on_neither_blocks_nor_compression_nor_other_words(tmp_path):
    text = "\n".join(_random_lines(800)) + "\n"
    plain, packed = tmp_path / "c.txt", tmp_path / "c.txt.gz"
    plain.write_text(text, encoding="utf-8")
    packed.write_bytes(gzip.compress(text.encode()))
    said = {"per_word": 20, "seed": 4}
    whole = pool_of(plain, ["he", "she", "rose"], **said).contexts
    assert pool_of(plain, ["he", "she", "rose"], block=700, **said).contexts == whole
    assert pool_of(plain, ["she"], **said).contexts["she"] == whole["she"]
    again = pool_of(packed, ["he"], block=5000, **said).contexts["he"]
    assert [c for c, _ in again] == [c for c, _ in whole["he"]]
    other = pool_of(plain, ["he"], per_word=20, seed=5).contexts["he"]
    assert other != whole["he"]
    assert len(other) == 20


def as_jsonl(folder):
    path = folder / "c.jsonl"
    path.write_text("".join(json.dumps({"text": x}) + "\n" for x in LINES))
    return path


def as_csv(folder):
    path = folder / "c.csv"
    path.write_text("id,text\n" + "".join(f'{n},"{x}"\n' for n, x in enumerate(LINES)))
    return path


def as_zstandard(folder):
    path = folder / "c.txt.zst"
    with pa.output_stream(path, compression="zstd") as out:
        out.write(("\n".join(LINES) + "\n").encode())
    return path


def as_parquet(folder):
    path = folder / "c.parquet"
    parquet.write_table(pa.table({"id": [1, 2, 3], "text": LINES}), path)
    return path


def as_saved_dataset(folder):
    path = folder / "saved"
    path.mkdir()
    names = ["data-00000-of-00002.arrow", "data-00001-of-00002.arrow"]
    for name, rows in zip(names, (LINES[:2], LINES[2:]), strict=True):
        table = pa.table({"text": rows})
        with pa.ipc.new_stream(path / name, table.schema) as out:
            out.write_table(table)
    files = [{"filename": name} for name in names]
    (path / "state.json").write_text(json.dumps({"_data_files": files}))
    (path / "dataset_info.json").write_text("{}")
    return path


@pytest.mark.parametrize(
    "make", [as_jsonl, as_csv, as_zstandard, as_parquet, as_saved_dataset]
)
def test_every_format_gives_the_same_contexts(tmp_path, make):
    path = make(tmp_path)
    pool = pool_of(path, ["kind", "New York", "Rose", "short-term", "plan"])
    first = 2 if make is as_csv else 1
    assert {w: [c.text for c, _ in r] for w, r in pool.contexts.items()} == {
        "kind": ["He was kind."],
        "New York": ["She met Rose in New York!"],
        "Rose": [c.text for c, _ in pool.contexts["Rose"]],
        "short-term": [LINES[2]],
        "plan": [LINES[2]],
    }
    assert {c.text for c, _ in pool.contexts["Rose"]} == {
        "She met Rose in New York!",
        LINES[2],
    }
    assert pool.documents == 2
    assert pool.contexts["plan"][0][1] == f"{path.name}:{first + 2}"


def test_splits_are_corpora_of_their_own(tmp_path):
    root = tmp_path / "all"
    root.mkdir()
    for split in ("train", "test"):
        as_saved_dataset(root).rename(root / split)
    (root / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert [c.label for c in find_corpora([root])] == ["all/train", "all/test"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("c.txt", b"good\nb\xffd\n", r"c.txt, line 2, byte 2: 0xff is not UTF-8"),
        ("c.txt", b" \n\n", "c.txt: the corpus holds no text"),
        ("c.txt", b"", "c.txt: the corpus holds no text"),
        ("c.txt", b"nothing here", "None of the 1 words occurs"),
        ("c.jsonl", b'{"text": "a"}\n{"text', "c.jsonl, line 2: not valid JSON"),
        ("c.jsonl", b'{"texts": "a"}', r"no column 'text'.*mean 'texts'"),
        ("c.jsonl", b'{"text": 3}', "holds a int, not a text"),
        ("c.jsonl", b'{"text": "\\ud800"}', "line 1, byte 1: 0xed is not UTF-8"),
        ("c.jsonl", b"[1]", "line 1: not a JSON object"),
        ("c.csv", b"id,Text\n1,a\n", "no column 'text'.*mean 'Text'"),
        ("c.csv", b"id,text\n1,a,b\n", "line 2: 3 cells, but the header has 2"),
        ("c.csv", b"id,text\n1,\xe9\n", "line 2, byte 1: 0xe9 is not UTF-8"),
        ("c.parquet", b"PAR1", "not a readable Parquet file"),
        ("c.txt.gz", b"no gzip", "reading stopped"),
        ("c.txt.zst", b"no zstandard", "reading stopped"),
        ("c.txt.gz", gzip.compress(b"he " * 9000)[:-9], "may be cut off"),
        ("c.json", b"{}", "cannot be read as a corpus"),
        ("c.parquet.gz", b"", "cannot be read as a corpus"),
    ],
)
def test_unreadable_corpus_is_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AuditError, match=message):
        pool_of(path, ["he"])


def test_missing_files_and_columns_are_refused(tmp_path):
    with pytest.raises(AuditError, match="there is no such file"):
        find_corpora([tmp_path / "none.txt"])
    with pytest.raises(AuditError, match="not a saved dataset"):
        find_corpora([tmp_path])
    path = as_parquet(tmp_path)
    with pytest.raises(AuditError, match=r"no column 'txt'.*mean 'text'"):
        pool_of(path, ["he"], column="txt")
    with pytest.raises(AuditError, match="holds int64, not text"):
        pool_of(path, ["he"], column="id")


@pytest.mark.parametrize(
    ("name", "content", "skipped"),
    [
        ("c.txt", b"he is\n\xff\nhe was\n\xfe\n", 2),
        ("c.jsonl", b'{"text": "he is"}\nx\n{"a": 1}\n\xff\n{"text": "he was"}\n', 3),
        ("c.csv", b"text\nhe is\n\xff\na,b\nhe was\n", 2),
    ],
)
def test_skipped_documents_are_counted(tmp_path, name, content, skipped):
    path = tmp_path / name
    path.write_bytes(content)
    pool = pool_of(path, ["he"], Lenience(skip=True))
    assert {c.text for c, _ in pool.contexts["he"]} == {"he is", "he was"}
    assert pool.skipped == skipped


@given(st.text("ab é中\n", max_size=200), st.integers(4, 30))
@settings(deadline=None)
def test_blocks_hold_the_whole_text(tmp_path_factory, text, size):
    path = tmp_path_factory.mktemp("blocks") / "c.txt"
    path.write_bytes(text.encode())
    blocks = list(read_blocks(find_corpora([path])[0], "text", Lenience(), size))
    assert b"".join(b.content for b in blocks) == text.encode()
    lines = text.encode().split(b"\n")
    for block in blocks:
        for begin, end, number in zip(
            block.begins, block.ends, block.numbers, strict=True
        ):
            assert block.content[begin:end] in lines[number - 1]


def test_interrupted_writing_leaves_nothing(tmp_path, monkeypatch):
    (tmp_path / "c.txt").write_text("he is\n")
    pool = pool_of(tmp_path / "c.txt", ["he"])

    def stop(_pool, file):
        file.write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr("fairaudit.corpus.pool._write_jsonl", stop)
    with pytest.raises(KeyboardInterrupt):
        write(pool, tmp_path / "out" / "pool.jsonl", "")
    assert list((tmp_path / "out").iterdir()) == []
