"""Which metric runs on which data with which model, and why the others do not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from fairaudit.data import Data
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
    card: ModelCard, metrics: Sequence[AnyMetric], datasets: Sequence[Data]
) -> tuple[list[Job], list[Record]]:
    """Return the jobs for a model, and a record with a reason for all else."""
    jobs: list[Job] = []
    refused: list[Record] = []
    for metric in metrics:
        fitting = [data for data in datasets if isinstance(data, metric.accepts)]
        if not fitting:
            refused.append(_no_data(metric, card))
        for data in fitting:
            outcome = _fit(metric, data, card)
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


def _fit(metric: AnyMetric, data: Data, card: ModelCard) -> Job | Record:
    unable = {kind: _unable(kind, card) for kind in metric.asks}
    if reason := next(filter(None, unable.values()), ""):
        return not_run(metric, data.card.name, card, reason)
    try:
        requests = metric.needs(data, card)
    except Unmeasurable as error:
        return not_run(metric, data.card.name, card, str(error))
    return Job(metric, data, card, requests)


def _unable(kind: str, card: ModelCard) -> str:
    if kind in card.entry.reads:
        return ""
    return (card.why_not or {}).get(kind, f"the model does not answer {kind!r}")


def _no_data(metric: AnyMetric, card: ModelCard) -> Record:
    kind = metric.accepts.kind
    reason = f"no dataset of kind {kind!r} was given (--data PATH)"
    return not_run(metric, "", card, reason)


def requests_of(jobs: Iterable[Job]) -> list[Request]:
    """Return the requests of all jobs in order."""
    return [request for job in jobs for request in job.requests.values()]
