"""An audit: plan, read, score."""

import hashlib
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter
from typing import Literal, TypeAlias

import numpy as np

from fairaudit import __version__
from fairaudit.cache import Cache
from fairaudit.data import Data
from fairaudit.errors import AuditError
from fairaudit.metric import Unmeasurable
from fairaudit.model import Model, Reading, ScorerCard
from fairaudit.planning import AnyMetric, Job, failed, not_run, plan, requests_of
from fairaudit.reading import read
from fairaudit.repeats import repeats
from fairaudit.result import AuditReport, Cost, Finding, Record, Scalar
from fairaudit.stats.correction import adjust

Correction: TypeAlias = Literal["holm", "bh"]
Watch: TypeAlias = Callable[[str, int, int], None]
"""Called with a description, steps done and steps in all."""

_LIBRARIES = ("numpy", "scipy", "statsmodels", "torch", "transformers")


def _ignore(_what: str, _done: int, _total: int) -> None:
    """Watch nothing."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How an audit runs.

    Parameters
    ----------
    seed
        Every random number derives from it and from the names of metric and dataset, so
        results do not depend on batch size, order, or which other metrics run.
    batch_tokens
        Upper bound of padded tokens in a batch.
    correction
        Correction of the p-values over the whole audit.
    command, environment
        Echoed in the report.
    scorers
        Classifiers of texts that models write, by the name of the score.
    debug
        Let a metric's exception through instead of recording it.
    """

    seed: int = 0
    batch_tokens: int = 2048
    correction: Correction = "holm"
    command: str = ""
    environment: Mapping[str, Scalar] = field(default_factory=dict)
    cache: Cache = field(default_factory=lambda: Cache(None))
    scorers: Mapping[str, "Scorer"] = field(default_factory=dict)
    debug: bool = False
    watch: Watch = _ignore


@dataclass(frozen=True)
class Scorer:
    """A classifier that scores what models write, by the probability of a label."""

    model: Model
    label: str

    @property
    def card(self) -> ScorerCard:
        """What metrics know of it."""
        return ScorerCard(self.model.card, self.label)


def audit(
    models: Sequence[Model],
    metrics: Sequence[AnyMetric],
    datasets: Sequence[Data],
    settings: Settings,
) -> AuditReport:
    """Audit models with metrics on datasets.

    Each unique text is read once per model, whatever the metrics.
    """
    seconds: dict[str, float] = {}
    records: list[Record] = []
    costs: list[Cost] = []
    for model in models:
        found, cost = _audit_one(model, metrics, datasets, settings, seconds)
        records += found
        costs.append(cost)
    return AuditReport(
        fairaudit_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=settings.seed,
        command=settings.command,
        environment={**environment(), **settings.environment},
        models=tuple(model.card.entry for model in models),
        datasets=tuple(data.card for data in datasets),
        records=tuple(correct(records, settings.correction)),
        cost=_total(costs, seconds),
        checks=tuple(repeats([model.card for model in models], datasets)),
    )


def _audit_one(
    model: Model,
    metrics: Sequence[AnyMetric],
    datasets: Sequence[Data],
    settings: Settings,
    seconds: dict[str, float],
) -> tuple[list[Record], Cost]:
    scorers = {name: scorer.card for name, scorer in settings.scorers.items()}
    card = replace(model.card, scorers=scorers)
    jobs, records = plan(card, metrics, datasets, debug=settings.debug)
    name = card.name
    with _timed(seconds, "read"):
        readings, cost = read(
            model,
            requests_of(jobs),
            settings.cache,
            settings.batch_tokens,
            lambda done, total: settings.watch(f"reading {name}", done, total),
        )
    answers = iter(readings)
    for step, job in enumerate(jobs):
        settings.watch(f"scoring {name}", step, len(jobs))
        mine = {what: next(answers) for what in job.requests}
        with _timed(seconds, "read"):
            mine |= _followed(job, mine, settings)
        with _timed(seconds, job.metric.name):
            records += _score(job, mine, settings)
    settings.watch(f"scoring {name}", len(jobs), len(jobs))
    return records, cost


def _followed(
    job: Job, readings: Mapping[str, Reading], settings: Settings
) -> Mapping[str, Reading]:
    """Let scorers read what the model wrote."""
    wanted = job.metric.follow_up(job.data, readings, job.card)
    found: dict[str, Reading] = {}
    for name, (scorer, request) in wanted.items():
        watch = partial(settings.watch, f"scoring with {scorer}")
        answers, _ = read(
            settings.scorers[scorer].model,
            [request],
            settings.cache,
            settings.batch_tokens,
            watch,
        )
        found[name] = answers[0]
    return found


def _score(
    job: Job, readings: Mapping[str, Reading], settings: Settings
) -> list[Record]:
    metric, data, card = job.metric, job.data, job.card
    rng = generator(settings.seed, metric.name, data.card.name)
    try:
        findings = list(metric.score(data, readings, card, rng))
        return [_record(job, finding) for finding in findings]
    except Unmeasurable as error:
        return [not_run(metric, data.card.name, card, str(error))]
    except AuditError:
        raise
    except Exception as error:
        if settings.debug:
            raise
        return [failed(metric, data.card.name, card, error)]


def _record(job: Job, finding: Finding) -> Record:
    if finding.p_value is not None and not 0 <= finding.p_value <= 1:
        raise ValueError(f"{finding.subject}: p-value {finding.p_value} outside [0, 1]")
    return Record(
        model=job.card.name,
        dataset=job.data.card.name,
        metric=job.metric.name,
        family=job.metric.family,
        params=job.metric.params,
        status="not_run" if finding.reason else "ok",
        traits={**job.metric.traits, **job.data.card.traits},
        **{name: getattr(finding, name) for name in finding.__dataclass_fields__},
    )


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return a generator that depends on the seed and the names alone."""
    digest = hashlib.sha256("\0".join([str(seed), *names]).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def correct(records: Sequence[Record], method: Correction) -> list[Record]:
    """Fill `p_adjusted` over all records that have a p-value."""
    if not any(record.p_value is not None for record in records):
        return list(records)
    adjusted = adjust([record.p_value for record in records], method)
    pairs = zip(records, adjusted, strict=True)
    return [replace(record, p_adjusted=value) for record, value in pairs]


def environment() -> Mapping[str, Scalar]:
    """Return interpreter, platform and library versions."""
    found: dict[str, Scalar] = {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = None
    return found


def _total(costs: Sequence[Cost], seconds: Mapping[str, float]) -> Cost:
    return Cost(
        forward_passes=sum(cost.forward_passes for cost in costs),
        unique_texts=sum(cost.unique_texts for cost in costs),
        tokens=sum(cost.tokens for cost in costs),
        seconds={name: round(value, 3) for name, value in seconds.items()},
    )


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    begin = perf_counter()
    try:
        yield
    finally:
        seconds[name] = seconds.get(name, 0.0) + perf_counter() - begin
