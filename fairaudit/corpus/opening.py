"""Find out what a corpus is and open it, compressed or not."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias, cast

from fairaudit.datasets.cards import sha256
from fairaudit.datasets.folders import saved_files, saved_splits
from fairaudit.errors import AuditError

Kind: TypeAlias = Literal["text", "jsonl", "csv", "tsv", "parquet", "arrow"]
Position: TypeAlias = Callable[[], int]

KINDS: dict[str, Kind] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".arrow": "arrow",
}
COMPRESSED = (".gz", ".zst")
_UNREAD = (".json", ".bz2", ".xz", ".zip", ".7z", ".tar", ".tgz", ".feather")


@dataclass(frozen=True)
class Corpus:
    """One corpus: a file, or the Arrow files of a saved dataset.

    Parameters
    ----------
    label
        How contexts and messages name it.
    kind
        Format of the content.
    files
        In the order in which they are read.
    """

    label: str
    kind: Kind
    files: tuple[Path, ...]

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(path.stat().st_size for path in self.files)

    def sha256(self) -> str:
        """Return the hash of the file; of the files' hashes where there are more."""
        return sha256(self.files)


@dataclass
class Lenience:
    """What happens with a document that cannot be read.

    Parameters
    ----------
    skip
        Leave it out and count it, instead of raising an error.
    skipped
        How many were left out.
    """

    skip: bool = False
    skipped: int = field(default=0, init=False)

    def refuse(self, where: str, problem: str) -> None:
        """Count the document, or raise an error that names it."""
        if not self.skip:
            raise AuditError(f"{where}: {problem} (--errors skip leaves it out).")
        self.skipped += 1


def find_corpora(paths: Sequence[Path]) -> tuple[Corpus, ...]:
    """Return the corpora of paths; a dataset saved with splits gives one a split.

    Raises
    ------
    AuditError
        Where a path does not exist or is in a format that cannot be read.
    """
    names = [path.name for path in paths]
    found: list[Corpus] = []
    for path in paths:
        label = path.name if names.count(path.name) == 1 else path.as_posix()
        if path.is_dir():
            found += _saved(path, label)
        else:
            found.append(Corpus(label, _kind(path), (path,)))
    return tuple(found)


@contextmanager
def open_stream(path: Path) -> "Iterator[tuple[BinaryIO, Position]]":
    """Open a file, decompressed by its suffix, and tell how far the disk was read."""
    with ExitStack() as stack:
        try:
            raw = stack.enter_context(path.open("rb"))
        except OSError as error:
            raise AuditError(f"Cannot read {path}: {error.strerror}.") from error
        try:
            yield stack.enter_context(_decompressed(path, raw)), raw.tell
        except (OSError, EOFError, zlib.error) as error:
            raise AuditError(
                f"{path}: reading stopped ({error}). The file may be cut off; get it "
                "again."
            ) from error


def _decompressed(path: Path, raw: BinaryIO) -> BinaryIO:
    suffix = path.suffix.lower()
    if suffix == ".gz":
        return cast("BinaryIO", gzip.GzipFile(fileobj=raw, mode="rb"))
    return _zstandard(path, raw) if suffix == ".zst" else raw


def _zstandard(path: Path, raw: BinaryIO) -> BinaryIO:
    import pyarrow as pa

    if not pa.Codec.is_available("zstd"):
        raise AuditError(
            f"{path}: this build of pyarrow lacks Zstandard. Install pyarrow from PyPI "
            "(pip install --force-reinstall pyarrow), or decompress the file."
        )
    return io.BufferedReader(pa.CompressedInputStream(raw, "zstd"), 1 << 16)


def _kind(path: Path) -> Kind:
    if not path.is_file():
        raise AuditError(f"{path}: there is no such file. Check the path.")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = bool(suffixes) and suffixes[-1] in COMPRESSED
    suffix = (suffixes[:-1] if packed else suffixes)[-1:] or [""]
    kind = KINDS.get(suffix[0], "text")
    if suffix[0] in _UNREAD or (packed and kind in {"parquet", "arrow"}):
        raise AuditError(
            f"{path}: files of type {''.join(suffixes[-2:])!r} cannot be read as a "
            f"corpus. Convert it to text (one document a line) or {', '.join(KINDS)}; "
            f"all but Parquet and Arrow may be compressed ({', '.join(COMPRESSED)})."
        )
    return kind


def _saved(folder: Path, label: str) -> list[Corpus]:
    """Return the splits of a dataset that the library `datasets` saved."""
    splits = saved_splits(folder)
    if splits is not None:
        return [Corpus(f"{label}/{name}", "arrow", f) for name, f in splits.items()]
    files = saved_files(folder)
    if not files or not all(path.is_file() for path in files):
        raise AuditError(
            f"{folder}: not a saved dataset (state.json and data-*.arrow). Give such a "
            "folder or the files themselves."
        )
    return [Corpus(label, "arrow", files)]
