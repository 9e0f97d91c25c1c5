"""Sample a pool of contexts from corpora and write it."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import TypeAlias

from fairaudit.corpus.opening import Corpus, Lenience
from fairaudit.corpus.reading import BLOCK, read_blocks
from fairaudit.corpus.sampling import Sampler
from fairaudit.corpus.sentences import Context
from fairaudit.errors import AuditError

SUFFIXES = (".jsonl", ".parquet")
COLUMNS = ("word", "text", "start", "end", "source")

Progress: TypeAlias = Callable[[str, int, int], None]
Row: TypeAlias = tuple[str, str, int, int, str]


@dataclass(frozen=True)
class Settings:
    """How a pool is made.

    Parameters
    ----------
    column
        Column of the text, where the format has columns.
    window
        Words of a context, at most.
    per_word
        Contexts of a word, at most.
    seed
        Of the sampling.
    block
        Bytes that are searched at a time; without bearing on the pool.
    """

    column: str = "text"
    window: int = 64
    per_word: int = 1000
    seed: int = 0
    block: int = BLOCK


@dataclass(frozen=True)
class Pool:
    """Contexts by word, in random order.

    Parameters
    ----------
    contexts
        Each context with its source; words without any are there as well.
    documents
        Number of documents read.
    skipped
        Number of documents left out because they could not be read.
    """

    contexts: Mapping[str, Sequence[tuple[Context, str]]]
    documents: int
    skipped: int

    def rows(self) -> Iterator[Row]:
        """Yield the rows of the file."""
        for word, contexts in self.contexts.items():
            for context, source in contexts:
                yield word, *context, source

    def below(self, least: int) -> Mapping[str, int]:
        """Return the words of fewer contexts, with their number."""
        return {
            w: len(found) for w, found in self.contexts.items() if len(found) < least
        }


def sample(
    corpora: Sequence[Corpus],
    words: Sequence[str],
    settings: Settings,
    lenience: Lenience,
    progress: Progress = lambda _what, _done, _total: None,
) -> Pool:
    """Read the corpora once and sample contexts of each word.

    The contexts of a word depend on the corpora, the seed and the word alone, not on
    the other words.

    Raises
    ------
    AuditError
        Where a corpus cannot be read or holds no text, or no word occurs.
    """
    sampler = Sampler(words, settings.per_word, settings.window, settings.seed)
    documents = 0
    for corpus in corpora:
        blank = True
        for block in read_blocks(corpus, settings.column, lenience, settings.block):
            sampler.take(block, corpus.label)
            documents += int((block.ends > block.begins).sum())
            blank = blank and not block.content.strip()
            progress(corpus.label, block.done, corpus.size)
        if blank:
            raise AuditError(f"{corpus.label}: the corpus holds no text.")
    contexts = {w: r.contexts() for w, r in zip(words, sampler.samples, strict=True)}
    if not any(contexts.values()):
        raise AuditError(
            f"None of the {len(words)} words occurs in the corpora as a whole word "
            f"({documents} documents). Check the corpus, its language and --words."
        )
    return Pool(contexts, documents, lenience.skipped)


def write(pool: Pool, path: Path, source: str) -> None:
    """Write the pool and its card, each in one step: never half a file.

    Parameters
    ----------
    pool
        What to write.
    path
        The suffix tells the format, ``.jsonl`` or ``.parquet``.
    source
        Where the contexts come from, for the card; the licence is left for the user.
    """
    write_rows = _write_parquet if path.suffix.lower() == ".parquet" else _write_jsonl
    card = {"licence": "", "source": source}
    _in_one_step(path, lambda file: write_rows(pool, file))
    _in_one_step(
        path.with_name(f"{path.stem}.card.json"),
        lambda file: _write_text(json.dumps(card, ensure_ascii=False, indent=1), file),
    )


def describe(corpora: Sequence[Corpus], words: Sequence[str], said: Settings) -> str:
    """Return the sentence of the card: corpora with their hashes, and the settings."""
    names = "; ".join(
        f"{corpus.label} (sha256 {corpus.sha256()})" for corpus in corpora
    )
    return (
        f"Sampled by fairaudit contexts from {names}. Settings: {len(words)} words, "
        f"column {said.column}, window {said.window} words, at most {said.per_word} "
        f"contexts a word, seed {said.seed}."
    )


def _in_one_step(path: Path, fill: Callable[[Path], None]) -> None:
    temporary = path.with_name(f".{path.name}.{token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fill(temporary)
        temporary.replace(path)
    except OSError as error:
        raise AuditError(
            f"Cannot write {path}: {error.strerror or error}. Choose another --out."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _write_text(text: str, path: Path) -> None:
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def _write_jsonl(pool: Pool, path: Path) -> None:
    encode = json.JSONEncoder(ensure_ascii=False).encode
    with path.open("x", encoding="utf-8", newline="\n") as file:
        for word, text, start, end, source in pool.rows():
            # Encoding strings alone takes a quarter of the time of whole objects.
            file.write(
                f'{{"word": {encode(word)}, "text": {encode(text)}, "start": {start}, '
                f'"end": {end}, "source": {encode(source)}}}\n'
            )
        file.flush()
        os.fsync(file.fileno())


def _write_parquet(pool: Pool, path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    columns = list(zip(*pool.rows(), strict=True))
    table = pa.table(dict(zip(COLUMNS, columns, strict=True)))
    parquet.write_table(table, path)
