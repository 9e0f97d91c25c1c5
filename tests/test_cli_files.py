"""Files that the command line hands to the metrics that take them."""

import pytest

from fairaudit.cli.specs import metrics_from, with_files
from fairaudit.errors import AuditError


def given(specs, **files):
    metrics, _ = metrics_from(specs, [])
    return with_files(metrics, {"lexicon": None, "human": None, **files})


def test_a_list_of_terms_goes_to_every_metric_that_takes_one():
    found = given(["sensitivity", "counterfactual", "disparity"], lexicon="mine.csv")
    assert [getattr(m, "terms", "none") for m in found] == [
        "mine.csv",
        "mine.csv",
        "none",
    ]


def test_judgements_go_to_sensitivity_alone():
    sensitivity, counterfactual = given(["sensitivity", "counterfactual"], human="h")
    assert sensitivity.human == "h"
    assert not hasattr(counterfactual, "human")


def test_what_a_metric_was_told_itself_stands():
    found = given(["sensitivity:terms=own.csv", "counterfactual"], lexicon="mine.csv")
    assert [metric.terms for metric in found] == ["own.csv", "mine.csv"]


def test_without_files_nothing_changes():
    metrics, _ = metrics_from(["sensitivity", "disparity"], [])
    assert with_files(metrics, {"lexicon": None, "human": None}) == metrics


@pytest.mark.parametrize("option", ["lexicon", "human"])
def test_a_file_that_nothing_takes_is_refused(option):
    message = rf"--{option} f\.csv: no metric of this audit takes it"
    with pytest.raises(AuditError, match=message):
        given(["disparity"], **{option: "f.csv"})
