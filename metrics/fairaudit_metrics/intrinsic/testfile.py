"""Association tests from the user's own file.

Two JSON formats are read. Named word tests::

    {"my test": {"X": {"name": "engineers", "words": ["engineer", "welder"]},
                 "Y": {"name": ..., "words": [...]}, "A": ..., "B": ...,
                 "title": "optional"}}

where a set may add ``"kind"``, which sentence templates use (see `templates`); and the
format of May et al. 2019 (doi:10.18653/v1/N19-1063), whose examples are used as they
are::

    {"targ1": {"category": "names", "examples": ["This is Amy.", "Amy is here."]},
     "targ2": ..., "attr1": ..., "attr2": ...}

where a set may add ``"words"``, one for each example, to say which examples belong
together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import TypeVar

from fairaudit.errors import AuditError
from fairaudit_metrics.intrinsic.stimuli import WordSet
from fairaudit_metrics.intrinsic.textsets import Spell, TextSet, TextTest

T = TypeVar("T")


@dataclass(frozen=True)
class _Words:
    name: str
    words: tuple[str, ...]
    kind: str = ""


@dataclass(frozen=True)
class _Test:
    X: _Words
    Y: _Words
    A: _Words
    B: _Words
    title: str = ""


@dataclass(frozen=True)
class _Examples:
    category: str
    examples: tuple[str, ...]
    words: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class _Published:
    targ1: _Examples
    targ2: _Examples
    attr1: _Examples
    attr2: _Examples


def read_tests(path: Path, spell: Spell) -> Mapping[str, TextTest]:
    """Read the tests of a file by name.

    Raises
    ------
    AuditError
        Where the file cannot be read or a test cannot be used: which, and why.
    """
    text = _content(path)
    if '"targ1"' in text:
        found = {path.stem: _published(path.stem, _parse(text, _Published, path), path)}
    else:
        parsed = _parse(text, dict[str, _Test], path)
        found = {name: _spelt(name, one, spell) for name, one in parsed.items()}
    if not found:
        raise AuditError(f"{path} holds no test. Add one.")
    for test in found.values():
        _require_usable(test, path)
    return found


def _content(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AuditError(
            f"test_file {path} cannot be read ({error}). Give a UTF-8 JSON file."
        ) from error


def _parse(text: str, kind: type[T], path: Path) -> T:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ", ".join(map(str, first["loc"])) or "file"
        raise AuditError(
            f"test_file {path}: {place}: {first['msg']}. A test has the sets X, Y, A "
            "and B, each with a name and words."
        ) from error


def _spelt(name: str, test: _Test, spell: Spell) -> TextTest:
    sets = (test.X, test.Y, test.A, test.B)
    x, y, a, b = (TextSet.of(WordSet(s.name, s.words), spell, s.kind) for s in sets)
    title = test.title or f"{x.name} vs {y.name}, {a.name} vs {b.name}"
    return TextTest(name, title, x, y, a, b)


def _published(name: str, test: _Published, path: Path) -> TextTest:
    sets = (test.targ1, test.targ2, test.attr1, test.attr2)
    x, y, a, b = (_grouped(one, path) for one in sets)
    known = all(one.words or _are_words(one.examples) for one in sets)
    title = f"{x.name} vs {y.name}, {a.name} vs {b.name}"
    return TextTest(name, title, x, y, a, b, known)


def _are_words(examples: tuple[str, ...]) -> bool:
    return not any(len(example.split()) > 1 for example in examples)


def _grouped(one: _Examples, path: Path) -> TextSet:
    """Collect the examples of each word; an example given twice counts once."""
    words = one.words or one.examples
    if len(words) != len(one.examples):
        raise AuditError(
            f"test_file {path}: {one.category}: {len(words)} words for "
            f"{len(one.examples)} examples. Give one word for each example."
        )
    groups: dict[str, dict[str, None]] = {}
    for word, example in zip(words, one.examples, strict=True):
        groups.setdefault(word, {})[example] = None
    return TextSet(one.category, tuple(groups), tuple(map(tuple, groups.values())))


def _require_usable(test: TextTest, path: Path) -> None:
    where = f"test_file {path}, test {test.name!r}"
    if len({one.name for one in test.sets}) < len(test.sets):
        raise AuditError(f"{where}: two sets have one name. Rename one.")
    for one, fewest in zip(test.sets, (2, 2, 1, 1), strict=True):
        if len(one.words) < fewest:
            raise AuditError(
                f"{where}: {one.name} has {len(one.words)} of at least {fewest} words. "
                "Add words."
            )
        _refuse_twice(one, where)
    for one, other in combinations(test.sets, 2):
        shared = {*one.words, *one.flat} & {*other.words, *other.flat}
        if shared:
            raise AuditError(
                f"{where}: {sorted(shared)[0]!r} is in both {one.name} and "
                f"{other.name}. Take it out of one."
            )


def _refuse_twice(one: TextSet, where: str) -> None:
    if not all(text.strip() for text in one.flat):
        raise AuditError(f"{where}: {one.name} has an empty word. Take it out.")
    twice = [word for word in one.words if one.words.count(word) > 1]
    if twice:
        raise AuditError(f"{where}: {twice[0]!r} is in {one.name} twice.")
