"""Whole JSON files."""

import json
from collections.abc import Mapping
from pathlib import Path

from fairaudit.errors import AuditError


def read_json(path: Path) -> object:
    """Read a JSON file.

    Raises
    ------
    AuditError
        Where there is no such file, or it is not UTF-8 or not JSON.
    """
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise AuditError(
            f"{path}: cannot be read ({error.strerror}). Check the path."
        ) from error
    except (ValueError, RecursionError) as error:
        raise AuditError(f"{path}: not valid JSON ({error}). Give it whole.") from error


def as_object(found: object, path: Path, place: str, what: str) -> Mapping[str, object]:
    """Return what must be a JSON object with members.

    Parameters
    ----------
    found
        What the file holds there.
    path, place
        Where it stands.
    what
        What it must be, in words.
    """
    if not isinstance(found, dict) or not found:
        raise AuditError(
            f"{path}: {place}: not an object of {what}. Give the file as published."
        )
    return found
