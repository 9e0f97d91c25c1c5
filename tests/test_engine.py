from dataclasses import replace

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from fairaudit.cache import Cache
from fairaudit.engine import Settings, audit, correct, generator
from fairaudit.errors import AuditError
from fairaudit.result import Finding, Record
from tests.fakes import (
    MEAN,
    Broken,
    Fake,
    FakeModel,
    Inapplicable,
    Ragged,
    Some,
    Vectors,
    contexts,
    examples,
)

TEXTS = tuple(f"a text {'very ' * (i % 4)}like {i}" for i in range(12))
NOTES, POOL = examples(TEXTS), contexts((*TEXTS[6:], "a text of its own"))
METRICS = (Fake(), Some(), Ragged(), Vectors())


def run(metrics=METRICS, datasets=(NOTES, POOL), models=None, **options):
    return audit(models or [FakeModel()], metrics, datasets, Settings(**options))


def by_metric(report):
    """Return the records without what the whole audit decides, by metric."""
    bare = [replace(record, p_adjusted=None) for record in report.records]
    return {(record.model, record.metric): record for record in bare}


def test_each_unique_text_is_read_once_a_model_whatever_the_metrics():
    models = [FakeModel(name="one"), FakeModel(name="two")]
    report = run(models=models)
    for model in models:
        assert model.seen == dict.fromkeys({*TEXTS, "a text of its own"}, 1)
    assert report.cost.forward_passes == 2 * (len(TEXTS) + 1)
    assert [record.status for record in report.records] == ["ok"] * 8


def test_the_values_are_those_of_the_readings():
    found = by_metric(run())["fake", "fake_mean"]
    assert found.value == pytest.approx(0.5)
    assert (found.n, found.family, found.dataset) == (12, "extrinsic", "notes")
    assert (found.params, found.subject) == ({"shift": 0.0}, "all")


def test_records_do_not_depend_on_batches_order_other_metrics_or_the_cache(tmp_path):
    reference = by_metric(run())
    assert len(reference) == len(METRICS)
    assert by_metric(run(batch_tokens=1)) == reference
    assert by_metric(run(batch_tokens=10_000)) == reference
    assert by_metric(run(METRICS[::-1], (POOL, NOTES))) == reference
    for _ in range(2):
        assert by_metric(run(cache=Cache(tmp_path))) == reference
    for metric in METRICS:
        (alone,) = by_metric(run([metric])).items()
        assert reference[alone[0]] == alone[1]


def test_the_same_seed_gives_the_same_records_and_another_seed_other_draws():
    assert run(seed=3).records == run(seed=3).records
    first, second = by_metric(run(seed=3)), by_metric(run(seed=4))
    for key, record in first.items():
        assert record.p_value != second[key].p_value
        assert record.value == second[key].value


def test_the_order_of_models_changes_no_record():
    names = ("one", "two", "three")
    there = by_metric(run(models=[FakeModel(name=n) for n in names]))
    back = by_metric(run(models=[FakeModel(name=n) for n in names[::-1]]))
    assert there == back
    assert len(there) == 12


def test_a_generator_depends_on_seed_and_names_alone():
    words = [(0, "a", "b"), (1, "a", "b"), (0, "b", "a"), (0, "ab"), (0, "a", "c")]
    draws = [generator(*word).random(4).tolist() for word in words]
    assert draws == [generator(*word).random(4).tolist() for word in words]
    assert len(set(map(tuple, draws))) == len(words)


@pytest.mark.parametrize("where", ["needs", "score"])
def test_an_exception_is_one_error_record_and_the_others_go_on(where):
    report = run([Fake(), Broken(where=where), Some()])
    found = {record.metric: record for record in report.records}
    assert len(report.records) == 3
    assert found["broken"].status == "error"
    assert found["broken"].reason == "ZeroDivisionError: by zero"
    assert (found["broken"].value, found["broken"].dataset) == (None, "notes")
    assert (found["fake_mean"].status, found["fake_some"].status) == ("ok", "ok")


@pytest.mark.parametrize("where", ["needs", "score"])
def test_debug_lets_an_exception_through(where):
    with pytest.raises(ZeroDivisionError, match="by zero"):
        run([Broken(where=where)], debug=True)


@pytest.mark.parametrize("where", ["needs", "score"])
def test_a_mistake_of_the_user_stops_the_audit(where):
    with pytest.raises(AuditError, match="no such class"):
        run([Broken(where=where, error=AuditError("no such class"))])


@pytest.mark.parametrize("where", ["needs", "score"])
@pytest.mark.parametrize("debug", [False, True])
def test_an_inapplicable_metric_is_not_run_and_says_why(where, debug):
    (record,) = run([Inapplicable(where=where)], debug=debug).records
    assert (record.status, record.reason) == ("not_run", "too few texts")
    assert (record.value, record.quantity, record.n) == (None, None, 0)


def test_a_finding_with_a_reason_is_not_run(monkeypatch):
    finding = Finding(quantity=MEAN, subject="men", n=3, reason="fewer than 10")
    monkeypatch.setattr(Fake, "score", lambda *_: [finding])
    (record,) = run([Fake()]).records
    assert (record.status, record.reason) == ("not_run", "fewer than 10")
    assert (record.subject, record.quantity, record.n) == ("men", MEAN, 3)


@pytest.mark.parametrize("p_value", [-1e-9, 1 + 1e-9])
def test_a_p_value_that_is_none_is_the_error_of_its_metric_alone(monkeypatch, p_value):
    finding = Finding(quantity=MEAN, subject="all", value=0.0, p_value=p_value)
    monkeypatch.setattr(Ragged, "score", lambda *_: [finding])
    found = by_metric(run())
    assert found["fake", "fake_ragged"].status == "error"
    assert "outside [0, 1]" in found["fake", "fake_ragged"].reason
    assert found["fake", "fake_mean"].status == "ok"


def test_without_a_fitting_dataset_the_reason_names_the_option():
    found = by_metric(run(datasets=[NOTES]))
    lacking = found["fake", "fake_vectors"]
    assert (lacking.status, lacking.dataset) == ("not_run", "")
    assert "'contexts'" in lacking.reason
    assert "--data" in lacking.reason
    assert found["fake", "fake_mean"].status == "ok"


def test_a_metric_runs_on_every_fitting_dataset_with_draws_of_its_own():
    records = run([Fake()], [NOTES, NOTES.named("again"), POOL]).records
    assert [record.dataset for record in records] == ["notes", "again"]
    assert records[0].p_value != records[1].p_value


@pytest.mark.parametrize("declared", [("sensitivity",), ()])
def test_a_model_that_cannot_answer_says_why_and_is_not_asked(monkeypatch, declared):
    monkeypatch.setattr(Ragged, "asks", declared)
    model = FakeModel(reads=("predict",), why_not={"sensitivity": "no companion"})
    (record,) = run([Ragged()], models=[model]).records
    assert (record.status, record.reason) == ("not_run", "no companion")
    assert model.batches == []


@pytest.mark.parametrize("why_not", [{}, {"sensitivity": ""}])
def test_a_model_that_gives_no_reason_is_still_not_asked(why_not):
    model = FakeModel(reads=("predict",), why_not=why_not)
    (record,) = run([Ragged()], models=[model]).records
    assert record.status == "not_run"
    assert record.reason == "the model does not answer 'sensitivity'"


@pytest.mark.parametrize(("method", "theirs"), [("holm", "holm"), ("bh", "fdr_bh")])
def test_p_values_are_corrected_over_all_records_of_all_models(method, theirs):
    models = [FakeModel(name="one"), FakeModel(name="two", reads=("predict",))]
    records = run(
        [*METRICS, Inapplicable()],
        [NOTES, NOTES.named("again"), POOL],
        models,
        correction=method,
    ).records
    tested = [record for record in records if record.p_value is not None]
    assert (len(tested), len(records)) == (11, 18)
    wanted = multipletests([record.p_value for record in tested], method=theirs)[1]
    np.testing.assert_allclose([r.p_adjusted for r in tested], wanted, rtol=1e-12)
    assert all(r.p_adjusted is None for r in records if r.p_value is None)


def test_records_without_any_p_value_stay_as_they_are():
    bare = Record(model="m", dataset="d", metric="a", family="extrinsic")
    assert correct([bare], "holm") == [bare]


def test_the_report_names_models_datasets_settings_and_cost(tmp_path):
    options = {"command": "fairaudit", "environment": {"dtype": "float32"}}
    report = run(seed=7, cache=Cache(tmp_path), **options)
    assert [entry.name for entry in report.models] == ["fake"]
    assert [entry.name for entry in report.datasets] == ["notes", "pool"]
    assert (report.seed, report.command) == (7, "fairaudit")
    assert report.environment["dtype"] == "float32"
    assert report.environment["numpy"] == np.__version__
    assert set(report.cost.seconds) == {"read", *(m.name for m in METRICS)}
    again = run(cache=Cache(tmp_path)).cost
    assert (again.forward_passes, again.unique_texts) == (0, 13)


def test_the_watch_sees_reading_and_scoring_to_the_end():
    steps = []
    run(watch=lambda *step: steps.append(step))
    assert ("reading fake", 13, 13) in steps
    assert steps[-1] == ("scoring fake", 4, 4)


def test_an_interrupted_audit_goes_on_where_it_stopped(tmp_path):
    stopped = FakeModel(fail_at=2)
    with pytest.raises(KeyboardInterrupt):
        run(models=[stopped], cache=Cache(tmp_path), batch_tokens=20)
    model = FakeModel()
    report = run(models=[model], cache=Cache(tmp_path), batch_tokens=20)
    assert set(model.seen) == {*TEXTS, "a text of its own"} - set(stopped.seen)
    assert by_metric(report) == by_metric(run())
