"""Which metric runs on which data with which model, and why the others do not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from fairaudit.data import BUILT_IN, BuiltIn, Data
from fairaudit.errors import AuditError
from fairaudit.metric import Metric, Unmeasurable
from fairaudit.model import ModelCard, Request
from fairaudit.result import Record

AnyMetric: TypeAlias = Metric[Any]


@dataclass(frozen=True)
class Job:
    """One metric on one dataset with one model, and what it needs to be read."""

    metric: AnyMetric
    data: Data
    card: ModelCard
    requests: Mapping[str, Request]


def plan(
    card: ModelCard,
    metrics: Sequence[AnyMetric],
    datasets: Sequence[Data],
    *,
    debug: bool = False,
) -> tuple[list[Job], list[Record]]:
    """Return the jobs for a model, and a record with a reason for all else.

    A metric that accepts `BuiltIn` is planned once, whatever the datasets.
    With `debug`, an exception of a metric's `needs` is let through.
    """
    jobs: list[Job] = []
    refused: list[Record] = []
    for metric in metrics:
        fitting = _fitting(metric, datasets)
        if not fitting:
            refused.append(_no_data(metric, card))
        for data in fitting:
            outcome = _fit(metric, data, card, debug=debug)
            (jobs if isinstance(outcome, Job) else refused).append(outcome)  # type: ignore[arg-type]
    return jobs, refused


def not_run(metric: AnyMetric, data: str, card: ModelCard, reason: str) -> Record:
    """Return the record of a metric that gives no number."""
    return Record(
        model=card.name,
        dataset=data,
        metric=metric.name,
        family=metric.family,
        params=metric.params,
        status="not_run",
        reason=reason,
    )


def failed(metric: AnyMetric, data: str, card: ModelCard, error: Exception) -> Record:
    """Return the record of a metric that raised an exception."""
    reason = f"{type(error).__name__}: {error}"
    return replace(not_run(metric, data, card, reason), status="error")


def _fitting(metric: AnyMetric, datasets: Sequence[Data]) -> Sequence[Data]:
    if metric.accepts is BuiltIn:
        return [BUILT_IN]
    return [data for data in datasets if isinstance(data, metric.accepts)]


def _fit(
    metric: AnyMetric, data: Data, card: ModelCard, *, debug: bool
) -> Job | Record:
    try:
        _require(metric.asks, card)
        requests = metric.needs(data, card)
        _require([request.kind for request in requests.values()], card)
        _require_texts(requests.values(), card)
    except Unmeasurable as error:
        return not_run(metric, data.card.name, card, str(error))
    except AuditError:
        raise
    except Exception as error:
        if debug:
            raise
        return failed(metric, data.card.name, card, error)
    return Job(metric, data, card, requests)


def _require(kinds: Iterable[str], card: ModelCard) -> None:
    for kind in kinds:
        if kind not in card.entry.reads:
            why = (card.why_not or {}).get(kind)
            raise Unmeasurable(why or f"the model does not answer {kind!r}")


def _require_texts(requests: Iterable[Request], card: ModelCard) -> None:
    if card.texts is None:
        return
    asked = {text for request in requests for text in request.texts}
    if unknown := len(asked - card.texts):
        raise Unmeasurable(
            f"{card.name} holds nothing about {unknown:,} of the {len(asked):,} texts "
            "that this metric asks about; audit the model itself for it"
        )


def _no_data(metric: AnyMetric, card: ModelCard) -> Record:
    kind = metric.accepts.kind
    reason = f"no dataset of kind {kind!r} was given (--data PATH)"
    return not_run(metric, "", card, reason)


def requests_of(jobs: Iterable[Job]) -> list[Request]:
    """Return the requests of all jobs in order."""
    return [request for job in jobs for request in job.requests.values()]
