"""Where a training works, and how its result takes its place."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairaudit.errors import AuditError

CHECKPOINTS = "checkpoints"
FEATURES = "features"


def refuse_existing(out: Path, *, overwrite: bool) -> None:
    """Refuse to replace what nobody asked to replace, or what is no model."""
    if out.exists() and not overwrite:
        raise AuditError(f"{out} exists; pass --overwrite or choose another --out.")
    if out.exists() and not (out / "config.json").is_file():
        raise AuditError(
            f"{out} exists and is not a model directory, so --overwrite leaves it "
            "alone; choose another --out."
        )


@contextmanager
def workplace(out: Path, key: str, *, restart: bool = False) -> Iterator[Path]:
    """Give a hidden directory beside `out` that is there again for the same key.

    It goes when all went well, and when it holds nothing to go on from.
    """
    work = out.parent / f".{out.name}-{key[:16]}"
    with _locked(work):
        if restart:
            clear(work)
        try:
            yield work
        except BaseException:
            if not _worth_keeping(work):
                shutil.rmtree(work, ignore_errors=True)
            raise
        shutil.rmtree(work, ignore_errors=True)


def clear(work: Path) -> None:
    """Remove what an earlier run left to go on from."""
    for path in (CHECKPOINTS, FEATURES, "model"):
        shutil.rmtree(work / path, ignore_errors=True)


def last_checkpoint(work: Path) -> Path | None:
    """Return the newest checkpoint that is whole; its state is written last."""
    found = filter(_whole, (work / CHECKPOINTS).glob("checkpoint-*/trainer_state.json"))
    numbered = {int(path.parent.name.partition("-")[2]): path.parent for path in found}
    return numbered[max(numbered)] if numbered else None


def replace_directory(place: Path, out: Path) -> None:
    """Give `place` the name `out`; what stood there goes only when that is done."""
    old = place.with_name(f"{place.name}-old")
    if out.exists():
        out.replace(old)
    try:
        place.replace(out)
    except OSError:
        if old.exists():
            old.replace(out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _whole(state: Path) -> bool:
    try:
        json.loads(state.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def _worth_keeping(work: Path) -> bool:
    features = work / FEATURES
    whole = features.is_dir() and any(features.glob("*.npy"))
    return whole or last_checkpoint(work) is not None


@contextmanager
def _locked(work: Path) -> Iterator[None]:
    """Keep other processes out of the directory."""
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock = (work / "lock").open("w")
    except OSError as error:
        raise AuditError(
            f"{work.parent} cannot be written ({error.strerror}); choose another place."
        ) from error
    with lock:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise AuditError(
                    f"Another process is training the same model in {work}. Wait for "
                    "it, or stop it first."
                ) from error
        yield
