"""Folders that hold one table: saved Hugging Face datasets and Parquet shards."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from fairaudit.errors import AuditError, suggest

_SHARD = re.compile(r"(?P<split>.+?)-\d+-of-\d+.*")
_NUMBERED = re.compile(r"(part[-_.].*|\d+)")


def find_files(folder: Path, split: str) -> tuple[Path, ...]:
    """Return the files of one split of a folder, or of all that it holds.

    Parameters
    ----------
    folder
        Saved by the library `datasets` (with or without splits), or a folder of
        Parquet files whose names or subfolders tell the split.
    split
        Empty where the folder has no splits or only one.

    Raises
    ------
    AuditError
        Where the folder holds nothing that can be read, or not this split, or several
        and none is named.
    """
    splits = _splits(folder)
    if not splits:
        raise AuditError(
            f"{folder}: neither a saved dataset (state.json and data-*.arrow) nor a "
            "folder of Parquet files. Give such a folder or a file."
        )
    files = splits[_chosen(folder, tuple(splits), split)]
    if missing := [path for path in files if not path.is_file()]:
        raise AuditError(
            f"{missing[0]}: there is no such file. Save the dataset again."
        )
    return files


def first_file(folder: Path) -> Path | None:
    """Return one of the files of a folder, None where it holds no table."""
    splits = _splits(folder)
    return next((path for files in splits.values() for path in files), None)


def saved_splits(folder: Path) -> dict[str, tuple[Path, ...]] | None:
    """Return the splits of a dataset that was saved with splits, None if it was not.

    Raises
    ------
    AuditError
        Where a split holds no files.
    """
    names = _json(folder / "dataset_dict.json").get("splits")
    if not isinstance(names, list):
        return None
    found = {}
    for name in names:
        place = folder / _plain(folder, name)
        found[str(name)] = saved_files(place)
        if not found[str(name)]:
            raise AuditError(
                f"{place}: not a saved dataset (state.json and data-*.arrow). Save the "
                "dataset again."
            )
    return found


def saved_files(folder: Path) -> tuple[Path, ...]:
    """Return the Arrow files of a saved dataset in order, () if it is none."""
    listed = _json(folder / "state.json").get("_data_files")
    if not isinstance(listed, list):
        return tuple(sorted(folder.glob("data-*.arrow")))
    names = [e.get("filename") if isinstance(e, Mapping) else None for e in listed]
    return tuple(folder / _plain(folder, name) for name in names)


def _splits(folder: Path) -> dict[str, tuple[Path, ...]]:
    splits = saved_splits(folder)
    if splits is not None:
        return splits
    files = saved_files(folder)
    return {_saved_split(folder): files} if files else _parquet_splits(folder)


def _saved_split(folder: Path) -> str:
    return str(_json(folder / "state.json").get("_split") or "")


def _parquet_splits(folder: Path) -> dict[str, tuple[Path, ...]]:
    found: dict[str, tuple[Path, ...]] = {}
    for path in sorted(folder.rglob("*.parquet")):
        split = _split_of(path, folder)
        found[split] = (*found.get(split, ()), path)
    return found


def _split_of(path: Path, folder: Path) -> str:
    """Return the split that the name of a shard, or of its folder, tells."""
    if match := _SHARD.fullmatch(path.stem):
        return match["split"]
    if not _NUMBERED.fullmatch(path.stem):
        return path.stem
    return "" if path.parent in {folder, folder / "data"} else path.parent.name


def _chosen(folder: Path, splits: Sequence[str], split: str) -> str:
    if split in splits or (not split and len(splits) == 1):
        return split or splits[0]
    known = [name for name in splits if name]
    if not split:
        raise AuditError(
            f"{folder} has the splits {', '.join(known)}. Say which with "
            f"NAME@{known[0]}={folder} (NAME: the format, such as 'examples')."
        )
    raise AuditError(f"{folder} has no split {split!r}. {suggest(split, known)}")


def _plain(folder: Path, name: object) -> str:
    """Return a name that leads to no other folder."""
    if not isinstance(name, str) or Path(name).name != name:
        raise AuditError(
            f"{folder}: {name!r} is no name of a file or folder in it. Save the "
            "dataset again."
        )
    return name


def _json(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise AuditError(f"{path}: cannot be read ({error}). Save it again.") from error
    return content if isinstance(content, dict) else {}
