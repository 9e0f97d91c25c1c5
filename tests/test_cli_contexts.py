"""The command that samples contexts."""

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from fairaudit.cli.contexts import contexts, stimuli_from
from fairaudit.datasets.contexts import ContextsReader
from fairaudit.errors import AuditError

app = typer.Typer()
app.command()(contexts)
TEXT = "Amy has a career. The family met John.\nA home, a wedding; her parents.\n"


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_pool_is_read_as_data(tmp_path, corpus, suffix):
    out = tmp_path / f"pool{suffix}"
    result = run(corpus, "--tests", "C6", "--out", out)
    assert result.exit_code == 0, result.output
    data = ContextsReader().read(out, None, np.random.default_rng(0))
    rows = set(
        zip(data.words, data.texts, map(tuple, data.spans.tolist()), strict=True)
    )
    assert ("Amy", "Amy has a career.", (0, 3)) in rows
    assert ("wedding", "A home, a wedding; her parents.", (10, 17)) in rows
    assert set(data.words) == {
        "Amy", "career", "family", "John", "home", "wedding", "parents"
    }  # fmt: skip
    assert "sha256" in data.card.source
    assert data.card.licence == ""
    assert "7 contexts of 7 of 32 words from 2 documents" in result.output
    assert "Fewer than 8 contexts" in result.output
    assert "Paul (0)" in result.output


def test_same_seed_same_bytes(tmp_path, corpus):
    outs = [tmp_path / f"{name}.jsonl" for name in "ab"]
    for out in outs:
        assert run(corpus, "--out", out, "--quiet").output == ""
    assert outs[0].read_bytes() == outs[1].read_bytes()
    first = json.loads(outs[0].read_text().splitlines()[0])
    assert list(first) == ["word", "text", "start", "end", "source"]
    assert first["source"].startswith("corpus.txt:")


def test_words_come_from_files_and_tests(tmp_path):
    lines, listed = tmp_path / "w.txt", tmp_path / "w.json"
    lines.write_text("home\n\nhouse\nhome\n")
    listed.write_text('["home", "house"]')
    assert stimuli_from(lines, None, "ceat") == ("home", "house")
    assert stimuli_from(listed, None, "ceat") == ("home", "house")
    both = stimuli_from(listed, "C6", "ceat")
    assert both[:2] == ("home", "house")
    assert len(both) == 33
    assert set(stimuli_from(listed, "all", "ceat")) > set(
        stimuli_from(None, None, "ceat")
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tests", "C66"], "There is no association test 'C66'"),
        (["--metric", "disparity"], "'disparity' brings no words"),
        (["--metric", "ceta"], "Did you mean 'ceat'"),
        (["--words", "none.txt"], "none.txt: cannot be read"),
        (["--words", "zero.txt"], "there are no words"),
        (["--words", "bad.json"], "the list holds more than texts"),
        (["--words", "other.txt"], "None of the 1 words occurs"),
        (["--out", "pool.txt"], "a pool is written as"),
    ],
)
def test_mistakes_are_named(tmp_path, monkeypatch, corpus, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zero.txt").write_text("\n")
    (tmp_path / "other.txt").write_text("elsewhere\n")
    (tmp_path / "bad.json").write_text("[1]")
    result = run(corpus, "--out", "pool.jsonl", *options)
    assert isinstance(result.exception, AuditError)
    assert message in str(result.exception)
    assert not (tmp_path / "pool.jsonl").exists()
