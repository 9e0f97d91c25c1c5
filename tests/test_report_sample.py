"""The report that the tests of the writers share, and a hostile one."""

from dataclasses import fields, replace

from fairaudit.result import (
    AuditReport,
    Cost,
    DatasetEntry,
    Interval,
    ModelEntry,
    Quantity,
    Record,
)

LONG = "a model name so long that no table of eighty columns can hold it on one line"
MODELS = ("toxicity-distilbert-base", LONG)
DATASETS = ("comments-2024", "stories")

EFFECT = Quantity(
    name="combined_effect_size",
    unit="standard deviations",
    ideal=0,
    low=-2,
    high=2,
    definition="Random-effects mean of the effect sizes of the draws.",
    reference="Guo and Caliskan 2021, equation 4",
)
GAP = Quantity(
    name="demographic_parity_difference",
    unit="difference of rates",
    ideal=0,
    low=-1,
    high=1,
    definition="Share of positive predictions in one group minus that in the other.",
    reference="own",
)
RATIO = Quantity(
    name="selection_rate_ratio",
    unit="ratio",
    ideal=1,
    low=0,
    definition="Share of positive predictions in one group over that in the other.",
    reference="own",
)
RATE = Quantity(
    name="false_positive_rate",
    unit="rate",
    ideal=None,
    low=0,
    high=1,
    definition="FP / (FP + TN)",
    reference="own",
)
ACCUMULATED = Quantity(
    name="accumulated_sensitivity",
    unit="probability per unit step",
    ideal=0,
    low=0,
    definition="Mean over texts of the summed absolute contributions.",
    reference="own",
)

PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(2)</script>",
    "left\u202eright",
    "\x1b[31mred\x1b[0m\x07",
    '=HYPERLINK("http://e.invalid";"x")',
    "[red]x[/red] [mask]",
    "@SUM(1)",
    "\t=1+1",
    "-2+3",
    "{{ 7 * 7 }} {% raw %}",
    "]]><!-- --><b>",
)


def finding(quantity, subject, value, half, p, **given):
    settings = {
        "model": MODELS[0],
        "dataset": DATASETS[0],
        "metric": "disparity",
        "family": "extrinsic",
        "n": 1840,
        "null": "the two groups have equal rates",
    }
    interval = None
    if half is not None:
        interval = Interval(value - half, value + half, 0.95, "percentile bootstrap")
    return Record(
        **(settings | given),
        quantity=quantity,
        subject=subject,
        value=value,
        interval=interval,
        p_value=p,
        p_adjusted=None if p is None else min(1.0, 3 * p),
    )


def extrinsic(model, shift):
    gaps = {
        "gender: women vs men": 0.124,
        "gender: non-binary people vs men": 0.031,
        "religion: Muslim vs no religion stated": 0.271,
        "religion: Jewish vs no religion stated": 0.088,
        "race: Black vs white": 0.162,
    }
    for subject, gap in gaps.items():
        value = gap + shift
        p = 0.0001 if value > 0.1 else 0.21
        yield finding(GAP, subject, value, 0.045, p, model=model)
        yield finding(RATIO, subject, 1 + 2 * value, 0.11, None, model=model)
    for group in ("women", "men", "non-binary people", "Muslim"):
        yield finding(RATE, f"group: {group}", 0.21 + shift, 0.02, None, model=model)


def intrinsic(model, shift):
    tests = {
        "flowers vs insects, pleasant vs unpleasant": 1.02,
        "men's vs women's names, career vs family": 0.41,
        "young vs old people's names, pleasant vs unpleasant": 0.06,
    }
    given = {
        "model": model,
        "dataset": DATASETS[1],
        "metric": "ceat",
        "family": "intrinsic",
        "n": 10_000,
        "null": "the combined effect size is zero",
        "params": {"draws": 10_000, "layer": -1},
        "detail": {"tau_squared": 0.0031, "draws": [1, 2.5, None], "exact": False},
    }
    for subject, value in tests.items():
        yield finding(EFFECT, subject, value + shift, 0.09, 1e-5, **given)


def unmeasured():
    common = {"dataset": DATASETS[0], "metric": "sensitivity", "family": "sensitivity"}
    yield Record(
        **common,
        model=LONG,
        status="not_run",
        reason="the model and its protected-status model have different embeddings",
    )
    yield Record(
        **common,
        model=MODELS[0],
        status="error",
        subject="gender",
        reason="RuntimeError: out of memory\nat batch 3",
    )
    yield Record(
        model=MODELS[0],
        dataset=DATASETS[0],
        metric="disparity",
        family="extrinsic",
        status="not_run",
        subject="religion: Sikh vs no religion stated",
        quantity=GAP,
        n=4,
        reason="only 4 rows of the group Sikh; at least 30 are needed",
    )


def sensitivity():
    for subject, value in {"gender": 0.018, "race": 0.043}.items():
        yield finding(
            ACCUMULATED,
            subject,
            value,
            None if subject == "gender" else 0.004,
            None,
            metric="sensitivity",
            family="sensitivity",
            n=500,
            null="",
        )


def entry(name, path, fingerprint, architecture, reads):
    return ModelEntry(
        name=name,
        path=path,
        fingerprint=fingerprint,
        architecture=architecture,
        reads=reads,
    )


def datasets():
    counts = {"women": 812, "men": 901, "non-binary people": 127}
    yield DatasetEntry(
        name=DATASETS[0],
        kind="examples",
        n=1840,
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        path="data/comments-2024.csv",
        groups={"gender": counts, "religion": {"Muslim": 260, "Sikh": 4}},
        licence="CC-BY-4.0",
        source="https://data.example/comments",
    )
    yield DatasetEntry(
        name=DATASETS[1],
        kind="contexts",
        n=5200,
        sha256="60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
        path="data/stories.jsonl",
    )


def sample():
    """Return a report of 2 models, 2 datasets, 3 families, 39 records."""
    reads = ("predict", "embed")
    return AuditReport(
        fairaudit_version="0.1.0",
        created="2025-03-04T05:06:07+00:00",
        seed=13,
        command="fairaudit run --model models/a --data data/comments-2024.csv",
        environment={"python": "3.11.9", "torch": "2.6.0", "cuda": False, "cpus": 2},
        models=(
            entry(MODELS[0], "models/a", "sha256:ab12", "DistilBert", reads),
            entry(MODELS[1], "models/b", "sha256:cd34", "Roberta", reads),
        ),
        datasets=tuple(datasets()),
        records=(
            *extrinsic(MODELS[0], 0.0),
            *extrinsic(MODELS[1], -0.06),
            *intrinsic(MODELS[0], 0.0),
            *intrinsic(MODELS[1], 0.21),
            *sensitivity(),
            *unmeasured(),
        ),
        cost=Cost(
            forward_passes=57_680,
            unique_texts=7040,
            tokens=210_311,
            seconds={"read": 41.25, "score": 3.5},
        ),
    )


def poisoned(record, payload):
    return replace(
        record,
        model=payload,
        dataset=payload,
        metric=payload,
        subject=payload,
        reason=record.reason and payload,
        null=payload,
        params={payload: payload},
        detail={payload: [payload]},
        quantity=record.quantity
        and replace(
            record.quantity,
            name=payload,
            unit=payload,
            definition=payload,
            reference=payload,
        ),
        interval=record.interval and replace(record.interval, method=payload),
    )


def hostile(payload):
    """Return the sample with one payload in every text that comes from data."""
    report = sample()
    groups = {payload: {payload: 3}}
    return replace(
        report,
        command=payload,
        environment={payload: payload},
        models=tuple(
            entry(payload, payload, payload, payload, (payload,)) for _ in report.models
        ),
        datasets=tuple(
            DatasetEntry(
                name=payload,
                kind=payload,
                n=3,
                sha256=payload,
                path=payload,
                groups=groups,
                licence=payload,
                source=payload,
            )
            for _ in report.datasets
        ),
        records=tuple(poisoned(record, payload) for record in report.records),
    )


def test_sample_covers_what_the_writers_must_show():
    report = sample()
    assert len(report.records) == 39
    assert {r.status for r in report.records} == {"ok", "not_run", "error"}
    assert {r.family for r in report.records} == {
        "intrinsic",
        "extrinsic",
        "sensitivity",
    }


def test_hostile_report_leaves_no_text_of_a_record_unpoisoned():
    record = hostile(PAYLOADS[0]).records[0]
    texts = [getattr(record, f.name) for f in fields(record)]
    assert sum(text == PAYLOADS[0] for text in texts) >= 5
