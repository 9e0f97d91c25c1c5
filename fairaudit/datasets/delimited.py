"""CSV and TSV files, read in chunks of rows with their line numbers."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import InitVar, dataclass
from operator import itemgetter
from pathlib import Path
from typing import NoReturn, TextIO, TypeAlias

from fairaudit.datasets.rows import Table, check_names
from fairaudit.errors import AuditError

DELIMITERS: Mapping[str, str] = {".csv": ",", ".tsv": "\t"}
LONGEST_CELL = 2**31 - 1

Pick: TypeAlias = Callable[[Sequence[str]], Sequence[str]]


def column_names(path: Path) -> tuple[str, ...]:
    """Return the cells of the first row that is not blank.

    Raises
    ------
    AuditError
        Where the file is empty, not UTF-8, or names a column twice.
    """
    with _opened(path) as file:
        header, (line, *_) = _Rows(path, file).header()
    check_names(path, f"line {line}", header)
    return tuple(header)


def chunks(path: Path, names: Sequence[str], size: int) -> Iterator[Table]:
    """Yield columns of a file, at most `size` rows at a time."""
    with _opened(path) as file:
        rows = _Rows(path, file)
        header, _ = rows.header()
        pick = _picker([header.index(name) for name in names])
        while chunk := rows.take(size, len(header), pick):
            cells, lines = chunk
            columns = dict(zip(names, zip(*cells, strict=True), strict=True))
            yield Table(path, columns, lines)


@contextmanager
def long_cells() -> Iterator[None]:
    """Let cells be longer than `csv` expects."""
    usual = csv.field_size_limit(LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(usual)


def _opened(path: Path) -> TextIO:
    return path.open(encoding="utf-8-sig", newline="")


def _picker(places: Sequence[int]) -> Pick:
    """Return a function that picks cells of a row; `itemgetter` would unwrap one."""
    if len(places) == 1:
        return lambda cells: (cells[places[0]],)
    return itemgetter(*places)


@dataclass
class _Rows:
    """The rows of a file that are not blank."""

    path: Path
    file: InitVar[TextIO]
    start: int = 1

    def __post_init__(self, file: TextIO) -> None:
        delimiter = DELIMITERS[self.path.suffix.lower()]
        self._reader = csv.reader(file, delimiter=delimiter, strict=True)

    def header(self) -> tuple[Sequence[str], list[int]]:
        """Return the first row that is not blank and its line."""
        while found := self.take(1):
            cells, lines = found
            if "".join(cells[0]).strip():
                return cells[0], lines
        raise AuditError(f"{self.path}: the file is empty. Give a file with rows.")

    def take(
        self, size: int, width: int | None = None, pick: Pick = tuple
    ) -> tuple[list[Sequence[str]], list[int]] | None:
        """Return cells of the next rows and the lines on which they start, if any."""
        picked: list[Sequence[str]] = []
        lines: list[int] = []
        reader = self._reader
        with long_cells(), self._explained():
            for cells in reader:
                if cells:
                    if width is not None and len(cells) != width:
                        self._refuse_width(cells, width)
                    picked.append(pick(cells))
                    lines.append(self.start)
                self.start = reader.line_num + 1
                if len(lines) == size:
                    break
        return (picked, lines) if lines else None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except UnicodeDecodeError:
            refuse_encoding(self.path)
        except csv.Error as error:
            raise AuditError(
                f"{self.path}, line {self.start}: this row cannot be parsed ({error}). "
                'Put texts with quotes, delimiters or line breaks in "...", with '
                "quotes doubled."
            ) from error

    def _refuse_width(self, cells: Sequence[str], width: int) -> NoReturn:
        raise AuditError(
            f"{self.path}, line {self.start}: {len(cells)} cells, but the header has "
            f"{width}. Quote cells that hold the delimiter or a line break."
        )


def refuse_encoding(path: Path) -> NoReturn:
    """Say which byte on which line of a file is not UTF-8."""
    begin = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise AuditError(
                    f"{path}, line {number}: byte {begin + error.start} of the file "
                    f"(0x{line[error.start]:02x}) is not UTF-8. Save the file as UTF-8."
                ) from error
            begin += len(line)
    raise AuditError(f"{path}: the file changed while it was read. Read it again.")
