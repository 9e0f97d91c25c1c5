"""Writers turn an `AuditReport` into text; this module puts the text into files."""

import os
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import ClassVar, Protocol, runtime_checkable

from fairaudit.errors import AuditError
from fairaudit.result import AuditReport


class Writer(Protocol):
    """One output format, entered by the door ``fairaudit.reports``."""

    name: ClassVar[str]
    filename: ClassVar[str | None]
    """Name of the file in the output directory; None for standard output."""

    def render(self, report: AuditReport) -> str:
        """Return the whole output."""
        ...


@runtime_checkable
class Illustrator(Writer, Protocol):
    """A writer with further files beside the one that it renders."""

    def files(self, report: AuditReport) -> Iterator[tuple[str, bytes]]:
        """Return the further files, by name, one after the other."""
        ...


@runtime_checkable
class Publisher(Writer, Protocol):
    """A writer that also sends what it renders somewhere."""

    def require(self) -> None:
        """Find out before the work that this can be done."""
        ...

    def publish(self, report: AuditReport) -> str:
        """Send it, and return in words where it is."""
        ...


def save(text: str | bytes, path: Path) -> None:
    """Write a file in one step: readers see the old content or the new, never half.

    Missing directories are made. Raises `AuditError` where the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_through(text, temporary)
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise AuditError(
            f"Cannot write {path}: {reason}. Choose a directory that can be written."
        ) from error
    finally:
        _discard(temporary)


def _write_through(text: str | bytes, path: Path) -> None:
    """Write bytes down to the disk, so that a crash cannot leave an empty file."""
    raw = text.encode("utf-8", "backslashreplace") if isinstance(text, str) else text
    with path.open("xb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())


def _discard(path: Path) -> None:
    """Remove a leftover temporary file, if there is one and it can be removed."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
