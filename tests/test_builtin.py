from dataclasses import dataclass
from typing import ClassVar

import pytest

from fairaudit.data import BUILT_IN, BuiltIn
from fairaudit.engine import Settings, audit
from fairaudit.metric import Metric
from fairaudit.model import Embed
from fairaudit.planning import plan
from fairaudit.result import Finding
from tests.fakes import MEAN, Fake, FakeModel, contexts, examples


@dataclass(frozen=True)
class Own(Metric[BuiltIn]):
    """A metric that brings its texts along."""

    name: ClassVar[str] = "own"
    family: ClassVar[str] = "intrinsic"
    accepts: ClassVar[type[BuiltIn]] = BuiltIn
    quantities: ClassVar[tuple] = (MEAN,)
    summary: ClassVar[str] = "Mean of a vector."
    asks: ClassVar[tuple[str, ...]] = ("embed",)

    def needs(self, data, card):
        return {"vectors": Embed(("word",), ((0, 4),))}

    def score(self, data, readings, card, rng):
        value = float(readings["vectors"]["vectors"].mean())
        return [Finding(quantity=MEAN, subject="word", value=value, n=1)]


NOTES = examples(("a text", "another text"))


@pytest.mark.parametrize(
    "datasets", [(), (NOTES,), (NOTES, contexts(("a text",)))], ids=len
)
def test_a_metric_without_data_is_planned_once(datasets):
    jobs, refused = plan(FakeModel().card, [Own()], datasets)
    assert [job.data for job in jobs] == [BUILT_IN]
    assert refused == []


def test_it_is_refused_with_the_reason_of_the_model():
    model = FakeModel(reads=("predict",), why_not={"embed": "no vectors"})
    jobs, [record] = plan(model.card, [Own()], [])
    assert jobs == []
    assert (record.dataset, record.reason) == ("built-in", "no vectors")


def test_other_metrics_still_need_data():
    jobs, [record] = plan(FakeModel().card, [Fake(), Own()], [])
    assert [job.metric.name for job in jobs] == ["own"]
    assert (record.metric, record.status) == ("fake_mean", "not_run")
    assert "--data" in record.reason


def test_the_report_lists_no_dataset_for_it():
    report = audit([FakeModel()], [Own()], [], Settings())
    [record] = report.records
    assert report.datasets == ()
    assert (record.status, record.dataset) == ("ok", "built-in")
    both = audit([FakeModel()], [Own(), Fake()], [NOTES], Settings())
    assert [entry.name for entry in both.datasets] == ["notes"]
    assert both.records[0].value == record.value


def test_the_card_says_what_it_is():
    card = BUILT_IN.card
    assert (card.name, card.kind, card.n) == ("built-in", "built-in", 0)
    assert BuiltIn.kind == "built-in"
