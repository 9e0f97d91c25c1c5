"""The JSON form of a report: written, read back and validated."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from fairaudit.errors import AuditError
from fairaudit.report.adapter import adapter, stored
from fairaudit.result import SCHEMA_VERSION, AuditReport, Json

if TYPE_CHECKING:
    from pydantic import ValidationError

_UNSAFE = re.compile(
    "[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_EXPONENTS = re.compile(r"e\+?\d{3}"), re.compile(r"E\+?\d{3}")
_MANTISSA = re.compile(r"[\s:,\[]-?\d[\d.]*\Z")
_STRIDE, _LONGEST = 30, 1000
_WORDING: Final = {"unexpected_keyword_argument": "Extra inputs are not permitted"}
_REMEDY = "Run the audit again to write a whole file, or mend the field by hand."


def dump(report: AuditReport) -> str:
    r"""Return the report as JSON text that `load` reads back to the same report.

    What cannot be read back, such as a NaN, is refused with `AuditError`.

    Control and text-direction characters inside strings are written as ``\u`` escapes,
    so the file can be shown in a terminal.
    """
    found = _reread(report) or load(_encode(report), "the report")
    return _shown(adapter().dump_json(found, indent=2).decode()) + "\n"


def load(text: str, where: str | Path) -> AuditReport:
    """Read a report from JSON text; `where` names the file in error messages.

    Raises
    ------
    AuditError
        Where the text is not JSON, not a report, or written by a newer fairaudit.
    """
    from pydantic import ValidationError

    if _may_be_endless(text):
        _parse(text, where)
    try:
        found = adapter().validate_json(text)
    except ValidationError as error:
        _check_version(_parse(text, where), where)
        raise AuditError(_explain(error, where)) from error
    _check_version({"schema_version": found.schema_version}, where)
    return found


def json_schema() -> dict[str, Json]:
    """Return the JSON Schema of the report file."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    schema = adapter().json_schema(mode="serialization")
    return {**head, **cast("dict[str, Json]", schema)}


def plain(value: object) -> object:
    """Return the JSON-ready form of a dataclass, a mapping or a numpy value.

    >>> plain(np.int64(3))
    3
    """
    if is_dataclass(value):
        kind: type = type(value)
        return {f.name: getattr(value, f.name) for f in stored(kind)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} is not JSON")


def compact(value: object) -> str:
    """Return one line of JSON with sorted keys, for a cell of a table.

    >>> compact({"b": 1, "a": "x"})
    '{"a":"x","b":1}'
    """
    try:
        return _dumps(value, separators=(",", ":"), sort_keys=True)
    except (TypeError, ValueError) as error:
        raise AuditError(f"The report is not valid JSON: {error}.") from error


def keys() -> Callable[[Mapping[str, Json]], str]:
    """Return `compact` with a memory: audits repeat the same few parameters."""
    known: dict[str, str] = {}

    def key(params: Mapping[str, Json]) -> str:
        shown = repr(params)
        if shown not in known:
            known[shown] = compact(params)
        return known[shown]

    return key


def _reread(report: AuditReport) -> AuditReport | None:
    """Return the report as read back from what pydantic writes of it.

    None where that is not equal, or not possible: `_encode`, which is slower, takes
    more types and tells what is wrong.
    """
    try:
        text = adapter().dump_json(report, warnings=False).decode()
        found = load(text, "the report")
        return found if found == report else None
    except (AuditError, ValueError):
        return None


def _encode(report: AuditReport) -> str:
    try:
        return _dumps(report)
    except (TypeError, ValueError) as error:
        culprit = _culprit(report)
        raise AuditError(f"The report is not valid JSON: {culprit}{error}.") from error


def _dumps(
    value: object,
    *,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    text = json.dumps(
        value,
        default=plain,
        allow_nan=False,
        ensure_ascii=False,
        separators=separators,
        sort_keys=sort_keys,
    )
    return _shown(text)


def _shown(text: str) -> str:
    """Escape what must not reach a terminal; nothing in most texts."""
    safe = text.isascii() and "\x7f" not in text
    return text if safe else _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    """Escape a character for JSON; half a surrogate pair becomes U+FFFD."""
    code = ord(match.group())
    lone = 0xD800 <= code <= 0xDFFF
    return "\\ufffd" if lone else f"\\u{code:04x}"


def _culprit(report: AuditReport) -> str:
    """Name the first record that cannot be encoded."""
    for number, record in enumerate(report.records):
        try:
            _dumps(record)
        except (TypeError, ValueError):
            what = f"{record.metric} on {record.dataset} ({record.subject})"
            return f"records[{number}], {what}: "
    return ""


def _parse(text: str, where: str | Path) -> object:
    try:
        return json.loads(text, parse_constant=_finite, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise AuditError(
            f"{where}, line {error.lineno}, column {error.colno}: this is not whole "
            f"JSON ({error.msg}). {_REMEDY}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise AuditError(f"{where}: {error}. {_REMEDY}") from error


def _may_be_endless(text: str) -> bool:
    """Tell whether a number in the text may not be finite; `_parse` tells for certain.

    Such a number is a name, or has an exponent of three digits, or 300 digits in a row,
    of which every thirtieth character shows ten.
    """
    if "NaN" in text or "Infinity" in text or re.search(r"\d{9}", text[::_STRIDE]):
        return True
    # Two patterns, as one that begins with a choice of letters takes ten times as long.
    found = (match.start() for e in _EXPONENTS for match in e.finditer(text))
    return any(_MANTISSA.search(text, max(0, at - _LONGEST), at) for at in found)


def _finite(token: str) -> float:
    number = float(token)
    if not isfinite(number):
        raise ValueError(f"the number {token} is not finite")
    return number


def _check_version(parsed: object, where: str | Path) -> None:
    """Refuse what another major version of the format wrote."""
    if not isinstance(parsed, Mapping) or "schema_version" not in parsed:
        raise AuditError(
            f"{where}: this is not an audit report: the field schema_version is "
            "missing. Give the audit.json that an audit wrote."
        )
    version, ours = str(parsed["schema_version"]), SCHEMA_VERSION
    theirs = version.partition(".")[0]
    if theirs != ours.partition(".")[0]:
        raise AuditError(
            f"{where}: schema_version is {version!r}, and this fairaudit reads "
            f"{ours.partition('.')[0]}.x. Use the version of fairaudit that wrote it, "
            "or a newer one."
        )


def _explain(error: "ValidationError", where: str | Path) -> str:
    first, *others = error.errors(include_url=False, include_context=False)
    more = f" ({len(others)} more fields are wrong.)" if others else ""
    told = _WORDING.get(first["type"], first["msg"])
    return f"{where}: field {_spell(first['loc'])}: {told}.{more} {_REMEDY}"


def _spell(location: Iterable[int | str]) -> str:
    """Return a path such as ``records[3].value``."""
    parts = (f"[{p}]" if isinstance(p, int) else f".{p}" for p in location)
    return "".join(parts).removeprefix(".") or "(whole file)"
