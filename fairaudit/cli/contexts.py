"""``fairaudit contexts``: sample a pool of contexts for CEAT from corpora."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairaudit.errors import AuditError

if TYPE_CHECKING:
    from fairaudit.corpus.pool import Pool, Progress


class Errors(StrEnum):
    """What to do with documents that cannot be read."""

    fail = "fail"
    skip = "skip"


def contexts(
    corpora: Annotated[
        list[Path],
        typer.Argument(
            metavar="CORPUS...",
            help="Text (one document a line), JSONL, CSV or TSV, plain or .gz or .zst; "
            "Parquet; a saved Hugging Face dataset folder.",
        ),
    ],
    *,
    out: Annotated[
        Path,
        typer.Option(metavar="POOL", help="The pool to write, .jsonl or .parquet."),
    ],
    words: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Words, one a line or as a JSON list."),
    ] = None,
    tests: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Words of these tests of the metric, such as C6+C8, or all. Default: "
            "all, or none where --words is given.",
        ),
    ] = None,
    metric: Annotated[
        str, typer.Option(help="The metric that has the tests.")
    ] = "ceat",
    text_column: Annotated[
        str, typer.Option(metavar="NAME", help="Column that holds the text.")
    ] = "text",
    window: Annotated[
        int, typer.Option(min=1, help="Words of a context, at most.")
    ] = 64,
    per_word: Annotated[
        int, typer.Option(min=1, help="Contexts of a word, at most.")
    ] = 1000,
    min_contexts: Annotated[
        int, typer.Option(min=1, help="Words with fewer contexts are named.")
    ] = 8,
    errors: Annotated[
        Errors, typer.Option(help="skip: leave out and count unreadable documents.")
    ] = Errors.fail,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the sampling.")] = 0,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress, no table.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks of errors.")
    ] = False,
) -> None:
    """Sample contexts of stimulus words from corpora, for ceat.

    A word matches as a whole (kind is not found in kindness, nor term in short-term);
    a word with a capital in that case only, any other in every case. Each context is
    the sentence around the word. The same corpora and seed give the same pool; its
    card (POOL with .card.json) names corpora, hashes and settings: add the licence.

    Example: `fairaudit contexts wiki.txt.gz forum.jsonl --tests C6+C8 --out
    pool.jsonl`, then `fairaudit evaluate my-model --data pool.jsonl`
    """
    from fairaudit.corpus.opening import Lenience, find_corpora
    from fairaudit.corpus.pool import Settings, describe, sample, write

    _ = debug  # read by the entry point
    _require_suffix(out)
    found = find_corpora(corpora)
    stimuli = stimuli_from(words, tests, metric)
    settings = Settings(text_column, window, per_word, seed)
    lenience = Lenience(errors is Errors.skip)
    with _progress(quiet) as progress:
        pool = sample(found, stimuli, settings, lenience, progress)
    write(pool, out, describe(found, stimuli, settings))
    if not quiet:
        _show(pool, out, min_contexts)


def stimuli_from(file: Path | None, tests: str | None, metric: str) -> tuple[str, ...]:
    """Return the words of the file and of the tests, each once."""
    from fairaudit.corpus.matching import check_words

    found: list[str] = []
    if file is not None:
        found += check_words(_words(file), str(file))
    if file is None or tests is not None:
        named = "" if tests in {None, "all"} else str(tests)
        found += check_words(_stimuli(metric, named), f"metric {metric}")
    return tuple(dict.fromkeys(found))


def _stimuli(metric: str, tests: str) -> Sequence[str]:
    from fairaudit.registry import load

    plugin = load("fairaudit.metrics", metric)
    if not hasattr(plugin, "stimuli"):
        raise AuditError(f"Metric {metric!r} brings no words. Give them with --words.")
    words: Sequence[str] = plugin.stimuli(tests)
    return words


def _words(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise AuditError(
            f"--words {file}: cannot be read ({error.strerror})."
        ) from error
    except UnicodeDecodeError as error:
        raise AuditError(
            f"--words {file}: byte {error.start} is not UTF-8. Save it as UTF-8."
        ) from error
    if not text.lstrip().startswith("["):
        return text.splitlines()
    try:
        words = json.loads(text)
    except ValueError as error:
        raise AuditError(f"--words {file}: not valid JSON ({error}).") from error
    if not all(isinstance(word, str) for word in words):
        raise AuditError(f"--words {file}: the list holds more than texts. Mend it.")
    return list(words)


def _require_suffix(out: Path) -> None:
    from fairaudit.corpus.pool import SUFFIXES

    if out.suffix.lower() not in SUFFIXES:
        raise AuditError(
            f"--out {out}: a pool is written as {' or '.join(SUFFIXES)}. Name it so."
        )


def _show(pool: "Pool", out: Path, least: int) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("word")
    table.add_column("contexts", justify="right")
    for word, found in pool.contexts.items():
        table.add_row(Text(word), str(len(found)))
    Console().print(table)
    typer.echo(_summary(pool, out))
    if few := pool.below(least):
        names = ", ".join(f"{word} ({n})" for word, n in few.items())
        typer.echo(f"Fewer than {least} contexts, so missing for a metric: {names}")


def _summary(pool: "Pool", out: Path) -> str:
    rows = sum(map(len, pool.contexts.values()))
    some = sum(map(bool, pool.contexts.values()))
    left = f", {pool.skipped} skipped as unreadable" if pool.skipped else ""
    return (
        f"{out}: {rows} contexts of {some} of {len(pool.contexts)} words from "
        f"{pool.documents} documents{left}."
    )


@contextmanager
def _progress(quiet: bool) -> "Iterator[Progress]":
    """Show progress on standard error where that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def watch(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(escape(what), total=total)
            bar.update(tasks[what], completed=done)

        yield watch
