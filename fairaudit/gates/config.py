"""The limits of a project: ``fairaudit.toml``, or a table in ``pyproject.toml``."""

import json
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from fairaudit.errors import AuditError, suggest
from fairaudit.gates.limits import Configuration, Gate
from fairaudit.result import Json

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

FILENAME: Final = "fairaudit.toml"

TEMPLATE: Final = """\
# Limits that `fairaudit evaluate` and `fairaudit gate` hold an audit against.
# The same tables may stand in pyproject.toml under [tool.fairaudit].
# Exit codes: 0 none flagged, 1 flagged, 2 usage or data error,
# 3 inconclusive or not run (only with strict = true, or --strict).

strict = false
correction = "holm"   # over the tests of all gates: "holm" or "bh"

[[gate]]
name = "Gap between true positive rates"
metric = "disparity"
quantity = "true_positive_rate_difference"
# subject = "gender"          # * and ? match anything; default: every subject
# dataset = "my_test_set"     # default: every dataset
# model = "my-model"          # default: every model
at_most = 0.1                 # at_most, at_least, or both; or within = distance
# within = 0.1                # from the quantity's ideal, in both directions
on = "interval"               # "interval": flagged when the interval lies beyond the
                              # limit; "value": the value alone; "change": the change
                              # against --baseline
min_n = 30                    # fewer units: inconclusive

# [[gate]]
# name = "No worse than before"
# metric = "disparity"
# quantity = "*_difference"
# on = "change"
# at_most = 0.02
"""


def find(directory: Path) -> Path | None:
    """Return the configuration of a directory, or None.

    ``fairaudit.toml`` comes before ``[tool.fairaudit]`` in ``pyproject.toml``.
    """
    own, shared = directory / FILENAME, directory / "pyproject.toml"
    if own.is_file():
        return own
    return shared if shared.is_file() and _table(shared) is not None else None


def load(path: Path) -> Configuration:
    """Read and check a configuration.

    Raises
    ------
    AuditError
        Where the file cannot be read, or a limit makes no sense: which, and why.
    """
    from pydantic import ValidationError

    table = _table(path)
    if table is None:
        raise AuditError(f"{path} has no table [tool.fairaudit]. Add one.")
    try:
        # By way of JSON: only there do pydantic's strict tuples take lists.
        found = _adapter().validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        raise AuditError(_explain(error, path)) from error
    for gate in found.gate:
        if problem := gate.problem():
            raise AuditError(f"{path}: gate {gate.name!r}: {problem}")
    _require_names(found, path)
    return found


def json_schema() -> dict[str, Json]:
    """Return the JSON Schema of ``fairaudit.toml``."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {**head, **cast("dict[str, Json]", _adapter().json_schema())}


@cache
def _adapter() -> "TypeAdapter[Configuration]":
    from pydantic import TypeAdapter

    return TypeAdapter(Configuration)


def _table(path: Path) -> Mapping[str, object] | None:
    try:
        parsed = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise AuditError(f"Cannot read {path}: {reason}. Check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AuditError(f"{path} is not TOML: {error}. Mend the line.") from error
    if path.name != "pyproject.toml":
        return parsed
    table = parsed.get("tool", {}).get("fairaudit")
    return cast("Mapping[str, object] | None", table)


def _explain(error: "ValidationError", path: Path) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    told = f"{path}: {place}: {first['msg']}."
    if first["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        known = Gate if "gate" in first["loc"] else Configuration
        told += " " + suggest(str(first["loc"][-1]), known.__dataclass_fields__)
    return told


def _require_names(found: Configuration, path: Path) -> None:
    names = [gate.name for gate in found.gate]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise AuditError(f"{path}: two gates are called {twice!r}. Rename one.")
