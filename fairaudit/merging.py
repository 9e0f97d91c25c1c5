"""Several audits put side by side as one report."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from operator import attrgetter
from typing import TypeAlias

from fairaudit.errors import AuditError, suggest
from fairaudit.report.schema import keys
from fairaudit.report.wording import seeds
from fairaudit.result import (
    AuditReport,
    Cost,
    DataCheck,
    DatasetEntry,
    ModelEntry,
    Record,
    Scalar,
)
from fairaudit.stats.correction import Method, adjust

Key: TypeAlias = tuple[str, ...]


def merge(
    reports: Sequence[AuditReport],
    renamed: Mapping[str, str] | None = None,
    correction: Method = "holm",
) -> AuditReport:
    """Return one report with the models, datasets and records of all.

    P-values are corrected again, over all records together. Where the audits were made
    in different ways (seed, device, libraries), the environment tells all of them.

    Parameters
    ----------
    reports
        Audits, of different models or of one model on different data.
    renamed
        New names of models. Two models may get one name, such as an encoder and the
        classifier made from it; their records then count as those of one model.

    Raises
    ------
    AuditError
        Where two models have one name, one model has two names, a dataset's name
        stands for two files, audits say different things of the same finding, or
        fairaudit's version differs.
    """
    names = dict(renamed or {})
    _require_known(names, reports)
    _require_one_version(reports)
    models = _models(reports, names)
    datasets = _datasets(reports)
    records = _records(reports, names)
    adjusted = adjust([record.p_value for record in records], correction)
    return replace(
        reports[-1],
        command="",
        environment=_environments(reports),
        models=models,
        datasets=datasets,
        records=tuple(_corrected(records, adjusted)),
        cost=_cost(reports),
        gates=(),
        changes=(),
        agreements=(),
        checks=_checks(reports, names),
        units_sha256="",
    )


def _environments(reports: Sequence[AuditReport]) -> Mapping[str, Scalar]:
    """Return what all audits were made with; several values are told as a list."""
    made = [report.environment for report in reports]
    names = dict.fromkeys(name for one in made for name in one)
    values = {name: dict.fromkeys(one.get(name) for one in made) for name in names}
    told: dict[str, Scalar] = {
        name: next(iter(some)) if len(some) == 1 else ", ".join(map(str, some))
        for name, some in values.items()
    }
    every = ", ".join(map(seeds, reports)).split(", ")
    several = len(set(every)) > 1
    return told | ({"seeds": ", ".join(dict.fromkeys(every))} if several else {})


def _require_known(names: Mapping[str, str], reports: Sequence[AuditReport]) -> None:
    known = {model.name for report in reports for model in report.models}
    for name in names:
        if name not in known:
            raise AuditError(f"No audit is of a model {name!r}. {suggest(name, known)}")


def _require_one_version(reports: Sequence[AuditReport]) -> None:
    versions = {report.fairaudit_version for report in reports}
    minors = {version.rsplit(".", 1)[0] for version in versions}
    if len(minors) > 1:
        raise AuditError(
            "The audits were written by different versions of fairaudit "
            f"({', '.join(sorted(versions))}), whose numbers may differ for that "
            "reason. Run them again with one version."
        )


def _models(
    reports: Sequence[AuditReport], names: Mapping[str, str]
) -> tuple[ModelEntry, ...]:
    found: dict[str, ModelEntry] = {}
    called: dict[str, str] = {}
    for model in (model for report in reports for model in report.models):
        name = names.get(model.name, model.name)
        known = found.setdefault(name, replace(model, name=name))
        if known.fingerprint != model.fingerprint and model.name not in names:
            raise AuditError(
                f"Two different models are called {name!r} ({known.path} and "
                f"{model.path}). Rename one directory and audit it again."
            )
        if called.setdefault(model.fingerprint, name) != name:
            raise AuditError(
                f"{called[model.fingerprint]!r} and {name!r} are the same model "
                "(equal fingerprints). Give each model once."
            )
    return tuple(found.values())


def _datasets(reports: Sequence[AuditReport]) -> tuple[DatasetEntry, ...]:
    found: dict[str, DatasetEntry] = {}
    for data in (data for report in reports for data in report.datasets):
        known = found.setdefault(data.name, data)
        if (known.sha256, known.n) != (data.sha256, data.n):
            raise AuditError(
                f"The dataset {data.name!r} differs between the audits (by hash or "
                f"rows: {known.n} and {data.n}), so their numbers cannot be compared. "
                "Audit all models on the same file with the same --limit and --seed."
            )
    return tuple(found.values())


def _records(
    reports: Sequence[AuditReport], names: Mapping[str, str]
) -> tuple[Record, ...]:
    found: dict[Key, Record] = {}
    key_of = keys()
    for record in _named(reports, names):
        key = (record.model, key_of(record.params), *record.identity)
        known = found.setdefault(key, record)
        if known.value is None and record.value is not None:
            found[key] = record
        elif record.value is not None and known.value != record.value:
            raise AuditError(
                f"Two audits of {record.model!r} give {record.metric} "
                f"({record.subject}) different values; they differ in seed or data. "
                "Give one of them."
            )
    return tuple(found.values())


def _named(
    reports: Sequence[AuditReport], names: Mapping[str, str]
) -> Iterable[Record]:
    for report in reports:
        for record in report.records:
            name = names.get(record.model)
            yield replace(record, model=name) if name else record


def _checks(
    reports: Sequence[AuditReport], names: Mapping[str, str]
) -> tuple[DataCheck, ...]:
    every = (check for report in reports for check in report.checks)
    named = (replace(c, model=names.get(c.model, c.model)) for c in every)
    return tuple(dict.fromkeys(named))


def _corrected(
    records: Sequence[Record], adjusted: Sequence[float | None]
) -> Iterator[Record]:
    """Return the records with other p-values; `replace` takes three times as long."""
    names = [f.name for f in fields(Record) if f.name != "p_adjusted"]
    values = attrgetter(*names)
    for record, p in zip(records, adjusted, strict=True):
        if p == record.p_adjusted:
            yield record
        else:
            rest = dict(zip(names, values(record), strict=True))
            yield Record(**rest, p_adjusted=p)


def _cost(reports: Sequence[AuditReport]) -> Cost:
    costs = [report.cost for report in reports]
    return Cost(
        forward_passes=sum(cost.forward_passes for cost in costs),
        unique_texts=sum(cost.unique_texts for cost in costs),
        tokens=sum(cost.tokens for cost in costs),
    )
