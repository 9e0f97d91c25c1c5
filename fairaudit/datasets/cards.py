"""What the report says of a dataset, from its files and the card next to them."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from fairaudit.errors import AuditError, suggest
from fairaudit.result import DatasetEntry

SIDECAR = '{"licence": "CC-BY-4.0", "source": "https://..."}'


def card(path: Path, sha256: str, kind: str, n: int) -> DatasetEntry:
    """Describe a dataset, with what the sidecar file says of it."""
    said = read_sidecar(path)
    return DatasetEntry(
        name=_name(path),
        kind=kind,
        n=n,
        sha256=sha256,
        path=path.as_posix(),
        licence=said.get("licence", ""),
        source=said.get("source", ""),
    )


def read_sidecar(path: Path) -> dict[str, str]:
    """Return licence and source from ``<stem>.card.json`` next to a file, if any."""
    sidecar = path.with_name(f"{_name(path)}.card.json")
    if not sidecar.is_file():
        return {}
    try:
        said = json.loads(sidecar.read_text("utf-8-sig"))
    except ValueError as error:
        raise AuditError(f"{sidecar}: not valid JSON ({error}). Mend it.") from error
    if not isinstance(said, dict) or not all(isinstance(v, str) for v in said.values()):
        raise AuditError(f"{sidecar}: write an object with texts, such as {SIDECAR}.")
    for key in said.keys() - {"licence", "source"}:
        known = suggest(key, ("licence", "source"))
        raise AuditError(f"{sidecar}: the key {key!r} is not known. {known}")
    return said


def _name(path: Path) -> str:
    return path.name if path.is_dir() else path.stem


def sha256(files: Sequence[Path]) -> str:
    """Return the hash of a file; of the files' hashes where there are more."""
    digests = [_digest(path) for path in files]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
