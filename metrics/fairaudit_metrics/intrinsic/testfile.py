"""Association tests from the user's own file.

Three JSON formats are read. Named word tests::

    {"my test": {"X": {"name": "engineers", "words": ["engineer", "welder"]},
                 "Y": {"name": ..., "words": [...]}, "A": ..., "B": ...,
                 "title": "optional"}}

where a set may add ``"kind"``, which sentence templates use (see `templates`); the
format of May et al. 2019 (doi:10.18653/v1/N19-1063), whose examples are used as they
are::

    {"targ1": {"category": "names", "examples": ["This is Amy.", "Amy is here."]},
     "targ2": ..., "attr1": ..., "attr2": ...}

where a set may add ``"words"``, one for each example, to say which examples belong
together; and tests of groups, each named after its axis::

    {"gender": {"A": {"name": "pleasant", "words": [...]}, "B": ...,
                "groups": {"women": ["woman", "girl"], "men": ["man", "boy"]}}}
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import TypeVar

from fairaudit.errors import AuditError
from fairaudit_metrics.intrinsic.wordsets import (
    AssociationTest,
    GroupTest,
    WordSet,
    WordTest,
)

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


@dataclass(frozen=True)
class _Groups:
    A: _Words
    B: _Words
    groups: dict[str, tuple[str, ...]]
    title: str = ""


def read_tests(path: Path) -> Mapping[str, AssociationTest]:
    """Read the tests of two targets of a file by name.

    Raises
    ------
    AuditError
        Where the file cannot be read or a test cannot be used: which, and why.
    """
    text = read_text(path)
    if '"targ1"' in text:
        form = "A test has the sets targ1, targ2, attr1 and attr2."
        found = {
            path.stem: _published(path.stem, parse(text, _Published, path, form), path)
        }
    else:
        form = "A test has the sets X, Y, A and B, each with a name and words."
        parsed = parse(text, dict[str, _Test], path, form)
        found = {name: _association(name, one) for name, one in parsed.items()}
    return _checked(found, path, (2, 2, 1, 1))


def read_group_tests(path: Path) -> Mapping[str, GroupTest]:
    """Read the tests of groups of a file by name.

    Raises
    ------
    AuditError
        Where the file cannot be read or a test cannot be used: which, and why.
    """
    form = "A test of groups has poles A and B, with a name and words, and groups."
    parsed = parse(read_text(path), dict[str, _Groups], path, form)
    found = {name: _groups(name, one) for name, one in parsed.items()}
    for name, test in found.items():
        if len(test.groups) < 2:
            raise AuditError(
                f"test_file {path}, test {name!r}: groups has {len(test.groups)} of at "
                "least 2 groups. Add groups."
            )
    return _checked(found, path, (2, 2))


def read_text(path: Path) -> str:
    """Read a file of tests."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AuditError(
            f"test_file {path} cannot be read ({error}). Give a UTF-8 JSON file."
        ) from error


def parse(text: str, kind: type[T], path: Path, form: str) -> T:
    """Parse JSON of a declared shape; `form` says in words what it should be."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ", ".join(map(str, first["loc"])) or "file"
        raise AuditError(
            f"test_file {path}: {place}: {first['msg']}. {form}"
        ) from error


def require_disjoint(sets: tuple[WordSet, ...], where: str) -> None:
    """Refuse sets of one name, and words that are empty or in two sets or twice."""
    if len({one.name for one in sets}) < len(sets):
        raise AuditError(f"{where}: two sets have one name. Rename one.")
    for one in sets:
        _refuse_twice(one, where)
    for one, other in combinations(sets, 2):
        shared = {*one.words, *one.flat} & {*other.words, *other.flat}
        if shared:
            raise AuditError(
                f"{where}: {sorted(shared)[0]!r} is in both {one.name} and "
                f"{other.name}. Take it out of one."
            )


def _association(name: str, test: _Test) -> AssociationTest:
    x, y, a, b = (_set(one) for one in (test.X, test.Y, test.A, test.B))
    title = test.title or f"{x.name} vs {y.name}, {a.name} vs {b.name}"
    return AssociationTest(name, title, x, y, a, b)


def _groups(name: str, test: _Groups) -> GroupTest:
    a, b = _set(test.A), _set(test.B)
    groups = tuple(WordSet(group, words) for group, words in test.groups.items())
    title = test.title or f"{a.name} vs {b.name}"
    return GroupTest(name, title, name, a, b, groups)


def _set(words: _Words) -> WordSet:
    return WordSet(words.name, words.words, words.kind)


def _published(name: str, test: _Published, path: Path) -> AssociationTest:
    sets = (test.targ1, test.targ2, test.attr1, test.attr2)
    x, y, a, b = (_grouped(one, path) for one in sets)
    known = all(one.words or _are_words(one.examples) for one in sets)
    title = f"{x.name} vs {y.name}, {a.name} vs {b.name}"
    return AssociationTest(name, title, x, y, a, b, known)


def _are_words(examples: tuple[str, ...]) -> bool:
    return not any(len(example.split()) > 1 for example in examples)


def _grouped(one: _Examples, path: Path) -> WordSet:
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
    spelt = tuple(map(tuple, groups.values()))
    return WordSet(one.category, tuple(groups), spelt=spelt)


W = TypeVar("W", bound=WordTest)


def _checked(
    found: Mapping[str, W], path: Path, fewest: tuple[int, ...]
) -> Mapping[str, W]:
    """Check each test; `fewest` bounds its first sets, any other must have a word."""
    if not found:
        raise AuditError(f"test_file {path} holds no test. Add one.")
    for name, test in found.items():
        where = f"test_file {path}, test {name!r}"
        bounds = (*fewest, *(1 for _ in test.sets[len(fewest) :]))
        for one, least in zip(test.sets, bounds, strict=True):
            if len(one.words) < least:
                raise AuditError(
                    f"{where}: {one.name} has {len(one.words)} of at least {least} "
                    "words. Add words."
                )
        require_disjoint(test.sets, where)
    return found


def _refuse_twice(one: WordSet, where: str) -> None:
    if not all(text.strip() for text in one.flat):
        raise AuditError(f"{where}: {one.name} has an empty word. Take it out.")
    twice = [word for word in one.words if one.words.count(word) > 1]
    if twice:
        raise AuditError(f"{where}: {twice[0]!r} is in {one.name} twice.")
