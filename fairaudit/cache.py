"""Readings on disk, by what determines them.

A *shelf* holds the answers to one kind of request under one model, arithmetic and set
of library versions: a directory with a manifest and shards. A shard is a safetensors
file of many rows with their keys, named by the digest of its content. Shards are
written whole and moved into place, so readers never see half of one, processes never
disturb each other, a kill loses only what was not yet written, and a shard that was
damaged later is known by its name and not used.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import numpy as np

from fairaudit.arrays import AnyArray, IntArray
from fairaudit.errors import AuditError
from fairaudit.model import Reading, Request

FORMAT = "2"
_KEYS = "keys"
_SHARD_BYTES = 64 * 1024 * 1024
_SECONDS = 20.0


def default_directory() -> Path:
    """Return ``$FAIRAUDIT_CACHE``, or the user's cache directory."""
    named = os.environ.get("FAIRAUDIT_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(named) if named else Path(base) / "fairaudit"


def row_keys(request: Request) -> AnyArray:
    """Return one 16-byte key a row, shape (n,), from text and row settings."""
    rows = zip(request.texts, request.row_keys(), strict=True)
    contents = (
        f"{extra}\0{text}".encode("utf-8", "surrogatepass") for text, extra in rows
    )
    digests = [hashlib.blake2b(c, digest_size=16).digest() for c in contents]
    return np.array(digests, dtype="V16")


@dataclass(frozen=True)
class Cache:
    """All shelves under one directory; None keeps nothing."""

    directory: Path | None

    def shelf(self, request: Request, identity: Mapping[str, str]) -> "Shelf":
        """Return the shelf for a kind of request to one model."""
        manifest = {
            "format": FORMAT,
            "kind": request.kind,
            **{f"request.{k}": v for k, v in request.settings.items()},
            **{f"identity.{k}": v for k, v in identity.items()},
        }
        text = json.dumps(manifest, sort_keys=True, indent=1)
        name = hashlib.sha256(text.encode()).hexdigest()[:32]
        place = self.directory / "readings" / name if self.directory else None
        return Shelf(place, text, request.ragged)


@dataclass
class Shelf:
    """Rows of one kind, found by key. Call `flush` when done."""

    place: Path | None
    manifest: str
    ragged: tuple[str, ...] = ()
    _waiting: list[tuple[AnyArray, Reading]] = field(default_factory=list)
    _bytes: int = 0
    _since: float = field(default_factory=monotonic)

    def find(self, keys: AnyArray) -> Iterator[tuple[IntArray, Reading]]:
        """Yield (row numbers of `keys`, their reading), one shard at a time.

        Each row is yielded at most once. Unreadable shards are as good as absent.
        """
        open_rows: dict[bytes, list[int]] = {}
        for row, key in enumerate(keys):
            open_rows.setdefault(bytes(key), []).append(row)
        for path in self._shards():
            if not open_rows:
                return
            shard = _load(path)
            if shard is not None:
                yield from self._match(shard, open_rows)

    def prepare(self) -> None:
        """Write the manifest: what cannot be written fails before the work."""
        self._write("manifest.json", self.manifest.encode())

    def add(self, keys: AnyArray, reading: Reading) -> None:
        """Keep rows; they reach the disk at the next flush or when many wait."""
        if self.place is None or not len(keys):
            return
        self._waiting.append((keys, reading))
        self._bytes += sum(column.nbytes for column in reading.values())
        if self._bytes > _SHARD_BYTES or monotonic() - self._since > _SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what waits as one shard."""
        if self._waiting:
            content = _pack(self._waiting)
            self._write(f"{_digest(content)}.safetensors", content)
        self._waiting, self._bytes, self._since = [], 0, monotonic()

    def _write(self, name: str, content: bytes) -> None:
        if self.place is None:
            return
        try:
            _place(self.place / name, content)
        except OSError as error:
            raise AuditError(
                f"The cache {self.place} cannot be written ({error.strerror}). "
                "Choose another with --cache DIR, or pass --no-cache."
            ) from error

    def _shards(self) -> list[Path]:
        if self.place is None:
            return []
        return sorted(self.place.glob("*.safetensors"))

    def _match(
        self, shard: Reading, open_rows: dict[bytes, list[int]]
    ) -> Iterator[tuple[IntArray, Reading]]:
        wanted: list[int] = []
        held: list[int] = []
        for at, key in enumerate(shard[_KEYS]):
            for row in open_rows.pop(key.tobytes(), ()):
                wanted.append(row)
                held.append(at)
        if wanted:
            rows = np.array(held)
            yield np.array(wanted), take(shard, rows, self.ragged)


def take(reading: Reading, rows: IntArray, ragged: Sequence[str]) -> Reading:
    """Return some rows of a reading, in the given order."""
    plain = {n: c[rows] for n, c in reading.items() if n not in {*ragged, _KEYS}}
    if not ragged:
        return plain
    lengths = reading["lengths"]
    begins = np.cumsum(lengths) - lengths
    flat = spread(begins[rows], lengths[rows])
    return {**plain, **{name: reading[name][flat] for name in ragged}}


def spread(begins: IntArray, lengths: IntArray) -> IntArray:
    """Return begins[0], begins[0]+1, ... for each run, all runs in one array.

    >>> spread(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(lengths)
    shift = np.repeat(begins - (ends - lengths), lengths)
    places: IntArray = np.arange(ends[-1] if len(ends) else 0) + shift
    return places


def _pack(parts: Sequence[tuple[AnyArray, Reading]]) -> bytes:
    from safetensors.numpy import save

    columns = {
        name: np.concatenate([np.ascontiguousarray(r[name]) for _, r in parts])
        for name in parts[0][1]
    }
    keys = np.concatenate([k for k, _ in parts])
    return bytes(save({**columns, _KEYS: keys.view(np.uint8).reshape(-1, 16)}))


def _load(path: Path) -> Reading | None:
    """Return a shard, None where its content is not what its name says."""
    from safetensors.numpy import load

    with suppress(OSError):
        content = path.read_bytes()
        if _digest(content) == path.stem:
            return load(content)
    return None


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _place(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
