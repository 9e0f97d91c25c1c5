"""Words of the command line turned into plugins and data."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from fairaudit.errors import AuditError, suggest
from fairaudit.registry import build, find, load

if TYPE_CHECKING:
    from fairaudit.data import Data, Reader
    from fairaudit.planning import AnyMetric

FAMILIES = ("intrinsic", "extrinsic", "sensitivity")
_PARAMETER = {"lexicon": "terms", "human": "human"}
_SPEC = re.compile(r"(?P<name>[\w.-]+)(?::(?P<options>.*))?", re.DOTALL)
_FORMAT = (
    r"(?P<name>[A-Za-z_]\w*)(?:@(?P<split>[\w.-]+))?"
    r"(?::(?P<options>\w+=[^=,]*(?:,\w+=[^=,]*)*))?"
)
_NAMED = re.compile(_FORMAT, re.DOTALL)
_DATA = re.compile(_FORMAT + r"=(?P<path>.+)", re.DOTALL)


def parse_options(text: str, what: str) -> Mapping[str, str]:
    """Split ``param=value,param=value``.

    >>> parse_options("draws=100,layer=-2", "metric ceat")
    {'draws': '100', 'layer': '-2'}
    """
    options: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise AuditError(f"{what}: {part!r} is not of the form parameter=value.")
        options[key.strip()] = value.strip()
    return options


def metrics_from(
    specs: Sequence[str], families: Sequence[str]
) -> "tuple[list[AnyMetric], list[str]]":
    """Return the metrics asked for, and warnings about plugins that do not import.

    With no spec: every metric found. A plugin that fails to import is an error when a
    spec names it and a warning when nothing does.
    """
    for family in families:
        if family not in FAMILIES:
            raise AuditError(
                f"No family is called {family!r}. {suggest(family, FAMILIES)}"
            )
    chosen: list[AnyMetric] = []
    warnings: list[str] = []
    for spec in specs or find("fairaudit.metrics"):
        try:
            metric = _metric(spec)
        except AuditError as error:
            if specs:
                raise
            warnings.append(str(error))
        else:
            chosen.append(metric)
    kept = [m for m in chosen if not families or m.family in families]
    if not kept:
        raise AuditError("No metric is left. Check --metric and --family.")
    return kept, warnings


def with_files(
    metrics: "Sequence[AnyMetric]", files: Mapping[str, str | None]
) -> "list[AnyMetric]":
    """Give files of the options ``--lexicon`` and ``--human`` to metrics they suit.

    A file that the metric's own parameter names stands.
    """
    found = list(metrics)
    for option, file in files.items():
        if file is None:
            continue
        name = _PARAMETER[option]
        suited = [m for m in found if name in getattr(m, "__dataclass_fields__", ())]
        if not suited:
            raise AuditError(
                f"--{option} {file}: no metric of this audit takes it. "
                "Leave it out, or name such a metric with --metric, as sensitivity."
            )
        found = [
            replace(m, **{name: file}) if m in suited and not getattr(m, name) else m
            for m in found
        ]
    return found


def _metric(spec: str) -> "AnyMetric":
    match = _SPEC.fullmatch(spec)
    if not match:
        raise AuditError(
            f"--metric {spec!r} is not of the form NAME[:param=value,...]."
        )
    name = match["name"]
    options = parse_options(match["options"] or "", f"metric {name}")
    return cast(
        "AnyMetric", build(load("fairaudit.metrics", name), options, f"metric {name}")
    )


def read_data(specs: Sequence[str], limit: int | None, seed: int) -> "tuple[Data, ...]":
    """Read the datasets of ``--data``, each under a name of its own."""
    from fairaudit.engine import generator

    found: list[Data] = []
    for spec in specs:
        reader, path = data_reader(spec)
        data = reader.read(path, limit, generator(seed, "sample", str(path.name)))
        traits = {**reader.traits, **data.card.traits}
        found.append(replace(data, card=replace(data.card, traits=traits)))
    names = unique_names(found, specs)
    return tuple(data.named(name) for data, name in zip(found, names, strict=True))


def unique_names(datasets: "Sequence[Data]", specs: Sequence[str]) -> list[str]:
    """Return the names, told apart by folder or options where they are equal."""
    parents = [Path(data.card.path).resolve().parent.name for data in datasets]
    matches = [_DATA.fullmatch(spec) for spec in specs]
    options = [(match["options"] or "") if match else "" for match in matches]
    names = [data.card.name for data in datasets]
    foldered = [f"{f}/{name}" for f, name in zip(parents, names, strict=True)]
    names = _told_apart(names, foldered)
    names = _told_apart(
        names, [f"{n} ({o})" if o else n for n, o in zip(names, options, strict=True)]
    )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise AuditError(f"--data names {twice} twice; give each dataset once.")
    return names


def _told_apart(names: Sequence[str], longer: Sequence[str]) -> list[str]:
    pairs = zip(names, longer, strict=True)
    return [long if names.count(name) > 1 else name for name, long in pairs]


def data_reader(spec: str) -> "tuple[Reader, Path]":
    """Return how to read ``[NAME[@SPLIT][:options]=]PATH``, and the path."""
    match = _DATA.fullmatch(spec)
    if match and not _exists(Path(spec)):
        return _built(match), Path(match["path"])
    return _sniff(Path(spec)), Path(spec)


def named_reader(spec: str) -> "Reader":
    """Return the reader of ``NAME[@SPLIT][:options]``."""
    match = _NAMED.fullmatch(spec)
    if match is None:
        raise AuditError(
            f"{spec!r} is not of the form NAME[@SPLIT][:option=value,...]."
        )
    return _built(match)


def _built(match: re.Match[str]) -> "Reader":
    name, split = match["name"], match["split"]
    options = dict(parse_options(match["options"] or "", f"dataset {name}"))
    if split:
        options["split"] = split
    reader = build(load("fairaudit.datasets", name), options, f"dataset {name}")
    return cast("Reader", reader)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # such as a spec longer than a file name may be
        return False


def _sniff(path: Path) -> "Reader":
    if not _exists(path):
        hint = " Give a split as NAME@SPLIT=PATH." * ("@" in path.name)
        problem = f"there is no such file. Check the path.{hint}"
        raise AuditError(f"--data {path}: {problem}")
    readers = [
        cast("Reader", load("fairaudit.datasets", n)())
        for n in find("fairaudit.datasets")
    ]
    claiming = [reader for reader in readers if reader.claims(path)]
    claiming = [r for r in claiming if not r.general] or claiming
    if len(claiming) == 1:
        return claiming[0]
    names = ", ".join(reader.name for reader in claiming or readers)
    problem = "fits more than one format" if claiming else "fits no known format"
    raise AuditError(
        f"--data {path} {problem}; say which with --data NAME={path} (NAME: {names}). "
        f"`fairaudit datasets` shows the columns of each.{_mapping(path, claiming)}"
    )


def _mapping(path: Path, claiming: "Sequence[Reader]") -> str:
    """Say how labelled texts in other columns are read."""
    from fairaudit.datasets.table import read_header

    header = read_header(path)
    if claiming or not header:
        return ""
    return (
        f" This one has {', '.join(header)}; labelled texts in any columns: "
        f"--data examples:text=COLUMN,label=COLUMN={path}"
    )
