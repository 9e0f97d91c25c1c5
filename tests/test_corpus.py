"""Corpora: exact matches, sentences, samples and formats."""

import gzip
import json
import re
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from scipy.stats import chisquare

from fairaudit.corpus.boundaries import sentence_ends
from fairaudit.corpus.matching import Finder, Stimulus, check_words
from fairaudit.corpus.opening import Lenience, find_corpora
from fairaudit.corpus.pool import Settings, sample, write
from fairaudit.corpus.reading import Block, read_blocks
from fairaudit.corpus.reservoir import Reservoir
from fairaudit.corpus.sampling import Sampler
from fairaudit.corpus.scan import PIECE
from fairaudit.corpus.sentences import Context
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
MARKS = [
    *[". ", "! ", "?! ", "... ", ".\n", "\n\n", "\r\n", "\n \n", '." ', ".) (", ".” “"],
    *["Dr. ", "Mrs. ", "Prof. ", "J. ", "éA. ", "St. ", "It’s ", "Éa ", "«", "\u2003"],
    *["\xa0", ". 3", ".A", "_", ".é", "Ⓐ", "\x1f"],
]
LINES = [
    "He was kind. She met Rose in New York! They left.",
    "",
    "A short-term plan, said Dr. Rose.",
]


def occurrences(text: str, word: str) -> list[int]:
    flags = 0 if word != word.lower() else re.IGNORECASE
    hyphen = "[-\u2010\u2011]"
    pattern = rf"(?<!\w)(?<!\w{hyphen}){re.escape(word)}(?!\w)(?!{hyphen}\w)"
    return [m.start() for m in re.finditer(pattern, text, flags)]


EDGE = re.compile(
    r"""(?:\n|[.!?]+(?<!(?a:\b)[A-Z]\.)(?<!(?a:\b)(?:Mr|Ms|Dr|St)\.)
    (?<!(?a:\b)(?:Mrs|Rev|Gen|Sen)\.)(?<!(?a:\b)Prof\.)["'”’)\]]*)
    (?P<gap>\s*)["'“‘(\[]*(?P<next>\w?)""",
    re.VERBOSE,
)


def edges(text: str) -> list[tuple[int, int]]:
    """Ends of sentences and beginnings of the next, by one pattern over the text."""
    found = []
    for match in EDGE.finditer(text):
        feed = match[0].startswith("\n")
        blank_line = match["gap"].count("\n") + feed > 1
        if blank_line or (match["gap"] and not feed and match["next"].isupper()):
            end = match.start() if feed else match.start("gap")
            found.append((end, match.end("gap")))
    return found


def kept(text: str, start: int, end: int, words: int) -> Context:
    """One context, as the rule says it, without any haste."""
    begins = [start_ for _, start_ in edges(text) if start_ <= start]
    stops = [stop for stop, _ in edges(text) if stop >= end]
    before = text[begins[-1] if begins else 0 : start]
    after = text[end : stops[0] if stops else len(text)]
    left = (words - 1) // 2
    most = words - 1 - left
    if len(before.split()) > left:
        before = (
            before[([m.start() for m in re.finditer(r"\S+", before)])[-left:][0] :]
            if left
            else ""
        )
    if len(after.split()) > most:
        after = (
            after[: [m.end() for m in re.finditer(r"\S+", after)][most - 1]]
            if most
            else ""
        )
    before, after = before.lstrip(), after.rstrip()
    word = text[start:end]
    return Context(before + word + after, len(before), len(before) + len(word))


def expected(text: str, word: str, words: int) -> set[Context]:
    at = occurrences(text, word)
    return {kept(text, start, start + len(word), words) for start in at}


def contexts(text: str, stimuli: list[str], window: int) -> dict[str, set[Context]]:
    """What a document gives when everything is kept."""
    content = text.encode()
    block = Block(content, np.array([0]), np.array([len(content)]), np.array([1]), 0)
    sampler = Sampler(stimuli, 10**6, window, 0)
    sampler.take(block, "c")
    pairs = zip(stimuli, sampler.samples, strict=True)
    return {word: {context for context, _ in r.contexts()} for word, r in pairs}


def pool_of(path: Path, words, lenience=None, **said):
    return sample(find_corpora([path]), words, Settings(**said), lenience or Lenience())


@given(
    st.lists(st.sampled_from(TOKENS), max_size=14).map("".join),
    st.integers(1, 12) | st.just(10_000),
)
@settings(deadline=None)
def test_contexts_are_those_of_a_plain_implementation(text, window):
    found = contexts(text, WORDS, window)
    assert found == {word: expected(text, word, window) for word in WORDS}


@given(
    st.lists(st.sampled_from([*TOKENS, *MARKS]), max_size=60).map("".join),
    st.integers(1, 12),
)
@settings(deadline=None)
def test_sentences_are_those_of_a_plain_implementation(text, window):
    found = contexts(text, ["he", "Rose", "kind", "мир", "short-term"], window)
    assert found == {word: expected(text, word, window) for word in found}
    ends, starts = sentence_ends(text.encode())
    places = [len(text[:at].encode()) for pair in edges(text) for at in pair]
    assert ends.tolist() == places[::2]
    assert starts.tolist() == places[1::2]


@given(
    st.lists(st.sampled_from(TOKENS), max_size=80).map(" ".join),
    st.integers(1, 12),
)
@settings(deadline=None)
def test_contexts_hold_their_word_and_keep_the_window(text, words):
    for word, found in contexts(text, WORDS, words).items():
        for context in found:
            spelt = context.text[context.start : context.end]
            assert spelt.casefold() == word.casefold()
            assert word in {spelt, spelt.lower()}
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
        ("Who?! The term... Élan. Then", "The term..."),
        ("term", "term"),
    ],
)
def test_sentence_around_the_word(text, sentence):
    (context,) = contexts(text, ["term"], 64)["term"]
    assert context.text == sentence


def test_long_sentence_is_cut_to_whole_words_around():
    text = " ".join(f"w{i}" for i in range(5000)) + " term " + "x" * 40
    text += " " + " ".join(f"v{i}" for i in range(5000))
    (context,) = contexts(text, ["term"], 6)["term"]
    assert context.text.split() == ["w4998", "w4999", "term", "x" * 40, "v0", "v1"]


@pytest.mark.parametrize("mark", [".", "\n", '."', ". ", "\n\t", '" (', "?\n"])
def test_long_runs_of_marks_take_no_longer_for_being_long(mark):
    sizes = {n: mark * n + " The term." for n in (2_000, 200_000)}
    seconds = {}
    for n, text in sizes.items():
        content = text.encode()
        begin = time.process_time()
        sentence_ends(content)
        seconds[n] = time.process_time() - begin
    assert seconds[200_000] < 1000 * max(seconds[2_000], 0.001)


def test_long_texts_are_searched_in_pieces_that_cut_no_word():
    rng = np.random.default_rng(2)
    parts = rng.choice(
        ["he ", "she\n", "hehe ", "x" * 300 + " ", "he-", "“he” "], 90_000
    )
    text = "".join(parts.tolist()) + "y" * 400_000 + " he"
    content = text.encode()
    assert len(content) > 8 * PIECE
    ((number, found),) = Finder([Stimulus("he")]).find(content)
    expected = [m.start() for m in re.finditer(rb"(?<!\w)he(?!\w)", content)]
    assert (number, found.tolist()) == (0, expected)


def test_documents_without_a_match_are_left_out_of_the_way(tmp_path):
    lines = [
        f"Line {n}. He went to {n}." if n % 9 == 0 else f"  Line {n}. "
        for n in range(99)
    ]
    path = tmp_path / "c.txt"
    path.write_text("\n".join(lines))
    rows = pool_of(path, ["he", "Line"]).contexts
    assert {source for _, source in rows["he"]} == {
        f"c.txt:{n + 1}" for n in range(0, 99, 9)
    }
    texts = {context.text for context, _ in rows["he"]}
    assert texts == {f"He went to {n}." for n in range(0, 99, 9)}
    (block,) = read_blocks(find_corpora([path])[0], "text", Lenience())
    at = np.array([block.content.index(b"He"), block.content.rindex(b"He")])
    part, then = block.around(at)
    assert part.content == f"{lines[0]}\n{lines[90]}".encode()
    assert [part.content[a : a + 3] for a in then.tolist()] == [b"He ", b"He "]
    assert part.numbers.tolist() == [1, 91]
    assert block.around(np.arange(len(block.content)))[0] is block


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
                reservoir.add(key, (b"%d" % (start + at), 0, 1), ("s", 1))
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
        reservoir.add(key, (b"%d" % (n % 40), 0, 1), ("s", n))
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
        ("c.txt.gz", gzip.compress(b"he " * 9000, mtime=0)[:-9], "may be cut off"),
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
