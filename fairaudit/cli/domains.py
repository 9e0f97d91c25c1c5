"""Datasets of audits, given again so that their texts can be compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fairaudit.cli.specs import data_reader
from fairaudit.errors import AuditError, suggest
from fairaudit.registry import find

if TYPE_CHECKING:
    from fairaudit.cache import Cache
    from fairaudit.data import Data
    from fairaudit.result import AuditReport, DatasetEntry, DomainDistance
    from fairaudit.stats.correction import Method


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line says of the distance of domains."""

    data: Sequence[str]
    encoder: str | None
    draws: int
    seed: int
    correction: "Method"
    cache: "Cache"


def domain_distances(
    report: "AuditReport", asked: Asked
) -> "tuple[DomainDistance, ...]":
    """Return how far the datasets of the audits are apart; nothing without ``--data``.

    Raises
    ------
    AuditError
        Where a file is not the one that was audited, or fewer than two are given.
    """
    from fairaudit.agreement.domains import Reading, distances, sample
    from fairaudit.cli.progress import progress
    from fairaudit.models import ModelOptions
    from fairaudit.registry import open_model

    if not asked.data:
        if asked.encoder:
            raise AuditError("--encoder needs --data NAME=PATH, the audited datasets.")
        return ()
    datasets = _datasets(asked.data, report.datasets, asked.seed)
    audited = {entry.name: entry.n for entry in report.datasets}
    samples = [
        replace(sample(data, asked.seed), note=_other_rows(data, audited))
        for data in datasets
    ]
    with progress(quiet=False) as watch:
        reading = Reading(
            encoder=open_model(asked.encoder, ModelOptions())
            if asked.encoder
            else None,
            draws=asked.draws,
            seed=asked.seed,
            correction=asked.correction,
            cache=asked.cache,
            progress=lambda done, total: watch("reading texts", done, total),
        )
        return distances(samples, reading)


def _other_rows(data: "Data", audited: Mapping[str, int]) -> str:
    """Say where an audit read only some rows of the file, of which all are compared."""
    name, n = data.card.name, audited[data.card.name]
    if n == data.card.n:
        return ""
    return f"the audit read {n:,} rows of {name}, here are all {data.card.n:,}"


def _datasets(
    specs: Sequence[str], entries: "Sequence[DatasetEntry]", seed: int
) -> "list[Data]":
    found: dict[str, Data] = {}
    for spec in specs:
        data = _dataset(spec, entries, seed)
        if data.card.name in found:
            raise AuditError(f"--data gives {data.card.name} twice; give it once.")
        found[data.card.name] = data
    if len(found) < 2:
        raise AuditError(
            "--data gives one dataset, which has no distance from another; give two. "
            f"The audits are of {', '.join(entry.name for entry in entries)}."
        )
    return list(found.values())


def _dataset(spec: str, entries: "Sequence[DatasetEntry]", seed: int) -> "Data":
    """Read one dataset under the name that it has in the audits."""
    from fairaudit.engine import generator

    named, rest = _named(spec, [entry.name for entry in entries])
    reader, path = data_reader(rest)
    data = reader.read(path, None, generator(seed, "sample", path.name))
    entry = _entry(named, path, data, entries)
    if data.card.sha256 != entry.sha256:
        raise AuditError(
            f"--data {path} is another file than the {entry.name} that was audited "
            f"(SHA-256 {data.card.sha256[:12]}… and {entry.sha256[:12]}…). Give the "
            "file that was audited, or audit this one."
        )
    return data.named(entry.name)


def _named(spec: str, names: Sequence[str]) -> tuple[str, str]:
    """Split off the name of an audited dataset; a reader's name stays in the rest."""
    name = max((n for n in names if spec.startswith(f"{n}=")), key=len, default="")
    readers = find("fairaudit.datasets")
    rest = spec.removeprefix(f"{name}=") if name and name not in readers else spec
    return name, rest


def _entry(
    named: str, path: Path, data: "Data", entries: "Sequence[DatasetEntry]"
) -> "DatasetEntry":
    """Find the audited dataset by its name, else by its hash."""
    by_name = [e for e in entries if e.name in (named, data.card.name)]
    by_name = [e for e in by_name if e.name == named] or by_name
    equal = [e for e in entries if e.sha256 and e.sha256 == data.card.sha256]
    if by_name:
        return by_name[0]
    if len(equal) == 1:
        return equal[0]
    known = suggest(data.card.name, [entry.name for entry in entries])
    raise AuditError(
        f"--data {path}: no audit is of a dataset of that name or hash. Say which one "
        f"it is with --data NAME={path}. {known}"
    )
