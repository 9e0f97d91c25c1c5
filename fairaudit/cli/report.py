"""The command ``fairaudit report``: render an audit again, without a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairaudit.cli.collector import paused
from fairaudit.errors import AuditError

if TYPE_CHECKING:
    from fairaudit.report import Writer
    from fairaudit.result import AuditReport


@paused()
def report(
    audit: Annotated[
        Path,
        typer.Argument(help="JSON file that an audit wrote.", metavar="AUDIT.json"),
    ],
    formats: Annotated[
        str,
        typer.Option(
            "--format", help="Comma-separated: terminal, csv, json, html, charts, ..."
        ),
    ] = "terminal",
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the files go.")
    ] = Path("fairaudit-report"),
) -> None:
    """Render an audit again in other formats, without running a model."""
    wanted = writers(formats)
    found = read(audit)
    for writer in wanted:
        deliver(writer, found, out)


def read(path: Path) -> "AuditReport":
    """Read the JSON file of an audit.

    Raises
    ------
    AuditError
        Where the file cannot be read or is not an audit.
    """
    from fairaudit.report.schema import load

    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise AuditError(
            f"Cannot read {path}: {error.strerror or error}. Give the audit.json that "
            "an audit wrote."
        ) from error
    except UnicodeDecodeError as error:
        raise AuditError(
            f"{path}: byte {error.start} is not UTF-8 text. Give the audit.json that "
            "an audit wrote."
        ) from error
    return load(text, path)


def writers(formats: str) -> "list[Writer]":
    """Return the writers of a comma-separated list of formats."""
    return [_writer(name) for name in _names(formats)]


def deliver(
    writer: "Writer", found: "AuditReport", out: Path, *, quiet: bool = False
) -> None:
    """Print what one writer makes, or save it in the directory and say where."""
    from fairaudit.report import Illustrator, Publisher, save

    text = writer.render(found)
    if writer.filename is None:
        typer.echo(text, nl=False)
        return
    path = out / writer.filename
    save(text, path)
    if isinstance(writer, Illustrator):
        for name, content in writer.files(found):
            save(content, path.parent / name)
    told = f", {writer.publish(found)}" if isinstance(writer, Publisher) else ""
    if not quiet:
        typer.echo(f"{writer.name}: {path}{told}", err=True)


def _names(formats: str) -> list[str]:
    """Return the names, each once, in the order given."""
    names = [name.strip() for name in formats.split(",")]
    found = list(dict.fromkeys(filter(None, names)))
    if not found:
        raise AuditError("--format names no format. Give one, such as terminal.")
    return found


def _writer(name: str) -> "Writer":
    from fairaudit.registry import load
    from fairaudit.report import Publisher

    writer: Writer = load("fairaudit.reports", name)()
    if isinstance(writer, Publisher):
        writer.require()
    return writer
