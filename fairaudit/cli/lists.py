"""``fairaudit metrics`` and ``fairaudit datasets``: what there is, what it means."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fairaudit.registry import Plugin

Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Show one in full.")]


def metrics(name: Name = None) -> None:
    """List the metrics, or explain one."""
    from fairaudit.registry import find, load

    if name:
        _show(_explain_metric(load("fairaudit.metrics", name)))
        return
    plugins = find("fairaudit.metrics").values()
    _table(
        ("metric", "family", "what it assesses", "data", "asks the model to", "from"),
        (_metric_row(plugin) for plugin in plugins),
    )


def datasets(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="Show one in full; with --check also NAME@SPLIT:option=value,...",
        ),
    ] = None,
    *,
    check: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Read this file and show what is in it."),
    ] = None,
) -> None:
    """List the dataset formats, explain one, or check a file.

    Example: `fairaudit datasets hatexplain@test --check dataset.json`
    """
    from fairaudit.registry import find, load

    if check:
        _show(_check(name, check))
        return
    if name:
        _show(_explain_dataset(load("fairaudit.datasets", name)))
        return
    plugins = find("fairaudit.datasets").values()
    _table(
        ("dataset", "what it is", "columns", "from"),
        (_dataset_row(plugin) for plugin in plugins),
    )


def _check(name: str | None, path: Path) -> "Iterable[tuple[str, str]]":
    import numpy as np

    from fairaudit.cli.checking import describe
    from fairaudit.cli.specs import data_reader, named_reader

    reader = named_reader(name) if name else data_reader(str(path))[0]
    yield "format", reader.name
    yield from describe(reader.read(path, None, np.random.default_rng(0)))


def _metric_row(plugin: "Plugin") -> "Sequence[str]":
    from fairaudit.errors import AuditError

    try:
        found = plugin.load()
    except AuditError as error:
        return plugin.name, "", f"cannot be used: {error}", "", "", _origin(plugin)
    needs = ", ".join(found.asks)
    kind = found.accepts.kind
    return plugin.name, found.family, found.summary, kind, needs, _origin(plugin)


def _dataset_row(plugin: "Plugin") -> "Sequence[str]":
    from fairaudit.errors import AuditError

    try:
        found = plugin.load()
    except AuditError as error:
        return plugin.name, f"cannot be used: {error}", "", _origin(plugin)
    return plugin.name, found.summary, ", ".join(found.columns), _origin(plugin)


def _origin(plugin: "Plugin") -> str:
    return f"{plugin.distribution} {plugin.version}"


def _explain_metric(metric: type) -> "Iterable[tuple[str, str]]":
    from inspect import getdoc

    from fairaudit.metric import Metric

    if not issubclass(metric, Metric):
        return
    yield "metric", metric.name
    yield "family", metric.family
    yield "assesses", metric.summary
    yield (
        "needs",
        f"data of kind {metric.accepts.kind}; model: "
        f"{', '.join(metric.asks) or 'see the description'}",
    )
    yield "formula", metric.formula
    yield "limits", metric.limits
    yield "source", metric.source
    yield from _parameters(metric)
    for quantity in metric.quantities:
        ideal = "none" if quantity.ideal is None else f"{quantity.ideal:g}"
        yield (
            quantity.name,
            f"{quantity.definition} Unit: {quantity.unit}. Ideal: {ideal}.",
        )
    yield "description", getdoc(metric) or ""


def _explain_dataset(reader: type) -> "Iterable[tuple[str, str]]":
    from dataclasses import fields
    from inspect import getdoc

    from fairaudit.data import Reader

    if not issubclass(reader, Reader):
        return
    yield "dataset", reader.name
    yield "what", reader.summary
    split = "[@SPLIT]" * any(field.name == "split" for field in fields(reader))
    yield "use", f"--data {reader.name}{split}[:parameter=value,...]=PATH"
    yield from (("column " + name, text) for name, text in reader.columns.items())
    yield "licence", reader.licence
    yield "source", reader.source
    yield from _parameters(reader)
    yield "description", getdoc(reader) or ""


def _parameters(plugin: type) -> "Iterable[tuple[str, str]]":
    from dataclasses import fields

    for field in fields(plugin):
        yield f"parameter {field.name}", f"default {field.default!r}"


def _table(columns: "Sequence[str]", rows: "Iterable[Sequence[str]]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, column in enumerate(columns):
        names = at in {0, len(columns) - 1}
        table.add_column(column, overflow="fold", no_wrap=names)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def _show(lines: "Iterable[tuple[str, str]]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in lines:
        if text:
            table.add_row(name, Text(text))
    Console().print(table)
