"""Read and check lists of terms: JSON as the bundled ones, or CSV."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from fairaudit.errors import AuditError, suggest
from fairaudit.perturbation.terms import (
    EXACT_PARTS,
    NEEDS,
    PARTS,
    Number,
    Term,
    TermList,
)

LARGEST = 16 * 2**20
_LISTS = ("bound", "unclear", "idioms")
_KEYS = ("axis", "groups", "source", "sets", "exact", *_LISTS)
_SETTINGS = ("part", "needs")
_NUMBERS: tuple[Number, Number] = ("singular", "plural")


def read_terms(path: Path) -> TermList:
    """Read a list of terms from a file.

    CSV: a header ``part``, then one column a group, and optionally ``needs``; a line
    holds counterparts, as ``noun,woman/women,man/men`` with the plural behind a slash;
    the axis is the file's name. JSON: an object with ``axis``, ``groups``, ``sets`` (a
    list of such lines as objects), ``source``, ``exact`` (terms that count only in the
    letter case listed), ``bound``, ``unclear`` and ``idioms``, as the bundled lists.

    Raises
    ------
    AuditError
        Where the list cannot be used: what is wrong, in which line, how to mend it.
    """
    text = _text(path)
    if path.suffix.lower() == ".csv":
        return _from_csv(path, text)
    if path.suffix.lower() != ".json":
        raise AuditError(f"{path}: give a list of terms as a .csv or .json file.")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AuditError(f"{path}: not valid JSON ({error}). Mend it.") from error
    return parsed(content, str(path), text)


def parsed(content: object, name: str, text: str) -> TermList:
    """Check the content of a JSON list; `name` and `text` say where errors are."""
    place = _Place(name, text)
    if not isinstance(content, dict):
        place.fail("", f"write an object with {', '.join(_KEYS)}.")
    for key in content.keys() - set(_KEYS):
        place.fail(key, f"the key {key!r} is not known. {suggest(key, _KEYS)}")
    groups = _strings(place, content, "groups")
    axis, rows = content.get("axis"), content.get("sets")
    if not isinstance(axis, str) or not axis.strip():
        place.fail("axis", "'axis' must name the axis, such as 'gender'.")
    if not isinstance(rows, list) or not rows:
        place.fail("sets", "'sets' must be a list of counterparts.")
    sets = [_checked_set(place, row) for row in rows]
    lists = {key: _strings(place, content, key, default=()) for key in _LISTS}
    source = _strings(place, content, "source", default=())
    exact = frozenset(_strings(place, content, "exact", default=()))
    return _built(place, axis, groups, sets, exact=exact, source=source, **lists)


@dataclass(frozen=True)
class _Place:
    """A file, to say where in it something is wrong."""

    name: str
    text: str

    def fail(self, what: str, problem: str, *, last: bool = False) -> NoReturn:
        """Raise an error that names the first, or the last, line with the text."""
        quoted = json.dumps(what, ensure_ascii=False)
        find = self.text.rfind if last else self.text.find
        at = find(quoted) if find(quoted) >= 0 else find(quoted[1:-1])
        self.fail_at(self.text.count("\n", 0, max(at, 0)) + 1, problem)

    def fail_at(self, line: int, problem: str) -> NoReturn:
        """Raise an error that names a line."""
        raise AuditError(f"{self.name}, line {line}: {problem}")


def _text(path: Path) -> str:
    if not path.is_file():
        raise AuditError(f"{path}: there is no such file. Check the path.")
    if path.stat().st_size > LARGEST:
        raise AuditError(f"{path}: larger than {LARGEST:,} bytes. Split the list.")
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise AuditError(
            f"{path}, line {line}: not UTF-8. Save the file as UTF-8."
        ) from error


def _from_csv(path: Path, text: str) -> TermList:
    place = _Place(str(path), text)
    rows = list(_csv_rows(place))
    header = rows[0][1] if rows else []
    if "part" not in header or len(set(header)) < len(header):
        place.fail_at(1, "name the columns part,GROUP,GROUP,... in the first line.")
    for line, row in rows[1:]:
        if len(row) != len(header):
            place.fail_at(line, f"{len(row)} cells, but {len(header)} columns.")
    named = [dict(zip(header, row, strict=True)) for _, row in rows[1:]]
    sets = [_checked_set(place, row) for row in named]
    groups = tuple(name for name in header if name not in _SETTINGS)
    return _built(place, path.stem, groups, sets)


def _csv_rows(place: _Place) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank with the lines on which they end."""
    reader = csv.reader(io.StringIO(place.text, newline=""), strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, [cell.strip() for cell in row]
    except csv.Error as error:
        place.fail_at(reader.line_num, f"{error}. Mend it.")


def _strings(
    place: _Place,
    content: Mapping[str, object],
    key: str,
    default: tuple[str, ...] | None = None,
) -> tuple[str, ...]:
    found = content.get(key, default)
    if not isinstance(found, list | tuple) or not all(
        isinstance(entry, str) and entry.strip() for entry in found
    ):
        place.fail(key, f"{key!r} must be a list of texts, none of them empty.")
    return tuple(found)


def _checked_set(place: _Place, row: object) -> Mapping[str, str]:
    if not isinstance(row, dict):
        place.fail("sets", "each set is an object of a part and a term by group.")
    for key, cell in row.items():
        if not isinstance(cell, str):
            place.fail(str(key), f"{key!r} of a set must be text, such as 'man/men'.")
    return {key: cell.strip() for key, cell in row.items() if cell.strip()}


def _built(
    place: _Place,
    axis: str,
    groups: Sequence[str],
    sets: Sequence[Mapping[str, str]],
    *,
    exact: frozenset[str] = frozenset(),
    bound: tuple[str, ...] = (),
    unclear: tuple[str, ...] = (),
    idioms: tuple[str, ...] = (),
    source: tuple[str, ...] = (),
) -> TermList:
    if len(groups) < 2 or len(set(groups)) < len(groups):
        place.fail("groups", "name two groups or more, each once.")
    if clash := set(groups) & set(_SETTINGS):
        place.fail("groups", f"a group cannot be called {min(clash)!r}.")
    terms = tuple(
        term
        for family, row in enumerate(sets)
        for term in _terms(place, groups, family, row, exact)
    )
    _check_unique(place, terms)
    return TermList(axis, tuple(groups), terms, bound, unclear, idioms, source)


def _terms(
    place: _Place,
    groups: Sequence[str],
    family: int,
    row: Mapping[str, str],
    exact: frozenset[str],
) -> Iterator[Term]:
    some = next((row[group] for group in groups if group in row), "")
    if not some:
        place.fail("", f"the set {dict(row)} holds no term of {', '.join(groups)}.")
    part, needs = row.get("part", ""), row.get("needs", "")
    if part not in PARTS:
        place.fail(some, f"the part {part!r} is not known. {suggest(part, PARTS)}")
    if needs not in NEEDS:
        place.fail(
            some, f"needs is {needs!r}; give 'person', 'attributive' or nothing."
        )
    for name in row.keys() - set(groups) - set(_SETTINGS):
        place.fail(name, f"there is no group {name!r}. {suggest(name, groups)}")
    for group in (name for name in groups if name in row):
        for number, text in zip(_NUMBERS, _forms(place, row[group]), strict=False):
            yield Term(
                text=text,
                group=group,
                part=part,
                number=number,
                family=family,
                needs=needs,
                exact=text in exact or part in EXACT_PARTS,
            )


def _forms(place: _Place, cell: str) -> list[str]:
    forms = [form.strip() for form in cell.split("/")]
    if len(forms) > 2 or not all(forms):
        place.fail(cell, f"{cell!r}: give a term, or singular/plural.")
    return forms


def _check_unique(place: _Place, terms: Sequence[Term]) -> None:
    seen: dict[tuple[str, str, str], Term] = {}
    groups: dict[str, str] = {}
    for term in terms:
        word = term.text.casefold()
        if groups.setdefault(word, term.group) != term.group:
            place.fail(
                term.text,
                f"{term.text!r} names both {groups[word]} and {term.group}; a term "
                "names one group. List it as unclear instead.",
                last=True,
            )
        if seen.setdefault((word, term.part, term.number), term) is not term:
            place.fail(
                term.text,
                f"{term.text!r} is listed twice as {term.part}; its counterpart would "
                "be a guess. Remove one.",
                last=True,
            )
