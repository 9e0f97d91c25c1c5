"""Words of the command line turned into plugins and data."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fairaudit.errors import AuditError, suggest
from fairaudit.registry import build, find, load

if TYPE_CHECKING:
    from fairaudit.data import Data, Reader
    from fairaudit.model import ModelCard
    from fairaudit.planning import AnyMetric

FAMILIES = ("intrinsic", "extrinsic", "sensitivity")
_SPEC = re.compile(r"(?P<name>[\w.-]+)(?::(?P<options>.*))?", re.DOTALL)
_DATA = re.compile(
    r"(?P<name>[A-Za-z_]\w*)(?::(?P<options>\w+=[^=,]*(?:,\w+=[^=,]*)*))?=(?P<path>.+)",
    re.DOTALL,
)


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
        reader, path = _reader(spec)
        data = reader.read(path, limit, generator(seed, "sample", str(path.name)))
        found.append(data)
    return tuple(
        data.named(name) for data, name in zip(found, unique_names(found), strict=True)
    )


def relabel(
    datasets: "Sequence[Data]", mapping: Mapping[str, str]
) -> "tuple[Data, ...]":
    """Rename classes of all labelled datasets."""
    from fairaudit.data import Examples

    labelled = [data for data in datasets if isinstance(data, Examples)]
    known = {name for data in labelled for name in data.label_names}
    for name in mapping:
        if name not in known:
            message = (
                f"--labels: the data has no label {name!r}. {suggest(name, known)}"
            )
            raise AuditError(message)
    return tuple(
        data.relabelled(mapping) if isinstance(data, Examples) else data
        for data in datasets
    )


def require_labels(
    cards: "Sequence[ModelCard]",
    metrics: "Sequence[AnyMetric]",
    datasets: "Sequence[Data]",
) -> None:
    """Refuse labels that a classifier does not have, before anything is read.

    What a label means is never guessed.
    """
    from fairaudit.data import Examples

    if not any(metric.asks == ("predict",) for metric in metrics):
        return
    for card in cards:
        for data in datasets:
            if not isinstance(data, Examples) or "predict" not in card.entry.reads:
                continue
            unknown = sorted(set(data.label_names) - set(card.labels))
            if unknown:
                raise AuditError(
                    f"{data.card.name} has labels that {card.name} does not have "
                    f"({', '.join(unknown)}; the model: {', '.join(card.labels)}). Say "
                    f"which is which with --labels {unknown[0]}={card.labels[0]},..."
                )


def unique_names(datasets: "Sequence[Data]") -> list[str]:
    """Return the names, told apart by their folder where two are equal."""
    names = [data.card.name for data in datasets]
    for at, data in enumerate(datasets):
        if names.count(data.card.name) > 1:
            names[at] = f"{Path(data.card.path).resolve().parent.name}/{data.card.name}"
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise AuditError(f"--data names {twice} twice; give each dataset once.")
    return names


def _reader(spec: str) -> "tuple[Reader, Path]":
    match = _DATA.fullmatch(spec)
    if match and (Path(spec).exists() is False):
        name = match["name"]
        options = parse_options(match["options"] or "", f"dataset {name}")
        reader = build(load("fairaudit.datasets", name), options, f"dataset {name}")
        return cast("Reader", reader), Path(match["path"])
    return _sniff(Path(spec)), Path(spec)


def _sniff(path: Path) -> "Reader":
    if not path.exists():
        raise AuditError(f"--data {path}: there is no such file. Check the path.")
    readers = [
        cast("Reader", load("fairaudit.datasets", n)())
        for n in find("fairaudit.datasets")
    ]
    claiming = [reader for reader in readers if reader.claims(path)]
    if len(claiming) == 1:
        return claiming[0]
    names = ", ".join(reader.name for reader in claiming or readers)
    problem = "fits more than one format" if claiming else "fits no known format"
    raise AuditError(
        f"--data {path} {problem}; say which with --data NAME={path} (NAME: {names}). "
        "`fairaudit datasets` shows the columns of each."
    )


def open_models(
    references: Iterable[str],
    psm: str | None,
    options: Any,  # noqa: ANN401
) -> list[Any]:
    """Open models by the loader that claims each reference."""
    models = []
    if not (named := list(references)):
        raise AuditError("Nothing to audit: give MODEL_DIR or --vectors FILE.")
    for reference in named:
        loaders = [
            load("fairaudit.models", name)() for name in find("fairaudit.models")
        ]
        loader = next((entry for entry in loaders if entry.claims(reference)), None)
        if loader is None:
            raise AuditError(
                f"{reference} is no model. Give a directory with config.json and "
                "model.safetensors, or a file of word vectors (.txt, .vec, .bin)."
            )
        models.append(loader.open(reference, options, psm))
    return models
