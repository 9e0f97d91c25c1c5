"""Scores of any system, audited without a model."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from fairaudit.cache import Cache
from fairaudit.data import Counterparts
from fairaudit.engine import Settings, audit
from fairaudit.errors import AuditError
from fairaudit.model import Ask, Embed, Predict
from fairaudit.models.predictions import PredictionsModel
from fairaudit.predictions import open_predictions
from fairaudit.result import DatasetEntry
from tests.fakes import Fake, Ragged, examples

TEXTS = ("one text", "two, quoted", "three\nlines", "four ünï", "five")
DATA = replace(examples(TEXTS), ids=("a", "b", "c", "d", "e"))
SCORES = (0.1, 0.25, 0.5, 0.75, 1.0)


def rows(**columns):
    names = list(columns)
    return [
        dict(zip(names, row, strict=True))
        for row in zip(*columns.values(), strict=True)
    ]


def write(path, found):
    """Write rows in the format that the name says."""
    if path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row) for row in found), encoding="utf-8")
    elif path.suffix == ".parquet":
        import pandas as pd

        pd.DataFrame(found).to_parquet(path)
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            delimiter = "\t" if path.suffix == ".tsv" else ","
            writer = csv.DictWriter(file, list(found[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(found)
    return path


def table(path, **columns):
    return write(path, rows(**columns))


def probabilities(model, texts):
    (answer,) = model.read(texts, [Ask(Predict(tuple(texts)), np.arange(len(texts)))])
    return answer["probabilities"]


def refusal(path, positive="", datasets=(DATA,)):
    with pytest.raises(AuditError) as caught:
        open_predictions(path, datasets, positive)
    return str(caught.value)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("by", ["text", "id"])
def test_scores_in_every_format_by_text_and_by_id(tmp_path, suffix, by):
    named = {"text": TEXTS, "id": DATA.ids}[by]
    path = table(tmp_path / f"scores.{suffix}", **{by: named, "score": SCORES})
    model = open_predictions(path, [DATA], "yes")
    assert model.labels == ("no", "yes")
    found = probabilities(model, TEXTS[::-1])
    expected = np.column_stack([1 - np.array(SCORES), SCORES])[::-1]
    np.testing.assert_array_equal(found, expected)
    assert model.unmatched == 0


def test_one_column_a_class_and_any_columns_beside(tmp_path):
    path = table(
        tmp_path / "scores.csv",
        comment=list("xyzxy"),
        yes=SCORES,
        no=[1 - s + 0.004 for s in SCORES],
        text=TEXTS,
        id=list("vwxyz"),
    )
    model = open_predictions(path, [DATA])
    assert model.labels == ("yes", "no")
    # Taken as they are: not made to sum to 1.
    assert probabilities(model, TEXTS[:1])[0].tolist() == [0.1, 0.904]


def test_marked_columns_are_the_classes_whatever_the_data_calls_them(tmp_path):
    path = table(
        tmp_path / "s.csv",
        text=TEXTS,
        **{"probability:yes": [0.25] * 5, "probability:no": [0.5] * 5},
        **{"probability:maybe": [0.25] * 5, "yes": [9] * 5},
    )
    assert open_predictions(path, [DATA]).labels == ("yes", "no", "maybe")


def test_a_score_for_the_first_label(tmp_path):
    path = table(tmp_path / "s.csv", text=TEXTS, score=SCORES)
    model = open_predictions(path, [DATA], "no")
    assert model.labels == ("yes", "no")
    assert probabilities(model, TEXTS)[:, 1].tolist() == list(SCORES)


def test_rows_of_texts_that_the_data_does_not_have_are_counted(tmp_path):
    path = table(
        tmp_path / "s.csv", text=(*TEXTS, "six", "seven"), score=(*SCORES, 0.5, 0.5)
    )
    assert open_predictions(path, [DATA], "yes").unmatched == 2
    path = table(tmp_path / "i.csv", id=(*DATA.ids, "zz"), score=(*SCORES, 0.5))
    assert open_predictions(path, [DATA], "yes").unmatched == 1


def test_rows_that_agree_about_a_text_are_one(tmp_path):
    path = table(tmp_path / "s.csv", text=TEXTS * 2, score=SCORES * 2)
    model = open_predictions(path, [DATA], "yes")
    assert probabilities(model, TEXTS)[:, 1].tolist() == list(SCORES)
    assert model.unmatched == 0


def test_rows_that_contradict_one_another_are_refused_with_both_lines(tmp_path):
    path = table(tmp_path / "s.csv", text=(*TEXTS, "five"), score=(*SCORES, 0.5))
    # The third text spans two lines.
    message = refusal(path, "yes")
    assert f"{path}, line 8: another prediction for the text of line 7" in message


def test_ids_of_one_text_must_agree_too(tmp_path):
    data = replace(examples(("same", "same", "other")), ids=("1", "2", "3"))
    path = table(tmp_path / "s.csv", id=("1", "2", "3"), score=(0.1, 0.2, 0.3))
    assert "line 3: another prediction" in refusal(path, "yes", [data])
    path = table(tmp_path / "t.csv", id=("1", "2", "3"), score=(0.1, 0.1, 0.3))
    found = probabilities(open_predictions(path, [data], "yes"), data.texts)
    assert found[:, 1].tolist() == [0.1, 0.1, 0.3]


@pytest.mark.parametrize("cell", ["1.2", "-0.1", "nan", "", "inf", "high"])
def test_a_score_that_is_no_probability_is_refused_with_its_line(tmp_path, cell):
    path = table(tmp_path / "s.csv", text=TEXTS, score=("0.5", cell, "0.5", cell, "1"))
    message = refusal(path, "yes")
    assert message.startswith(f"{path}, line 3: column 'score': {cell!r} is no number")
    assert "rows like this: 2" in message


def test_probabilities_that_do_not_sum_to_one_are_refused(tmp_path):
    path = table(
        tmp_path / "s.csv",
        text=TEXTS,
        yes=[0.3] * 5,
        no=[0.7, 0.7, 0.3, 0.7, 0.7],
        maybe=[0, 0, 0.4, 0, 0],
    )
    message = refusal(path)
    assert "line 4: the probabilities sum to 0.6, not to 1" in message
    assert "columns taken: yes, no; not taken: maybe" in message
    assert "probability:LABEL" in message


def test_rows_of_the_data_without_a_prediction_are_refused(tmp_path):
    path = table(tmp_path / "s.csv", text=TEXTS[1:4], score=SCORES[1:4])
    message = refusal(path, "yes")
    assert f"{path}: 2 of 5 rows of notes have no prediction" in message
    assert "the first is id a ('one text')" in message
    data = replace(DATA, ids=())
    assert "the first is row 1 " in refusal(path, "yes", [data])


def test_a_file_about_other_data_is_refused(tmp_path):
    path = table(tmp_path / "s.csv", text=("x", "y"), score=(0.1, 0.2))
    assert "is about no text of the data" in refusal(path, "yes")


def test_what_a_score_is_of_must_be_said_and_be_a_label(tmp_path):
    path = table(tmp_path / "s.csv", text=TEXTS, score=SCORES)
    message = refusal(path)
    assert f"--predictions LABEL={path} (labels of the data: no, yes)" in message
    assert "Did you mean 'yes'?" in refusal(path, "yess")


def test_a_score_does_not_do_for_three_labels(tmp_path):
    data = replace(DATA, label_names=("no", "yes", "maybe"))
    path = table(tmp_path / "s.csv", text=TEXTS, score=SCORES)
    assert "the data has 3 (no, yes, maybe)" in refusal(path, "yes", [data])


def test_missing_columns_are_named(tmp_path):
    path = table(tmp_path / "a.csv", txt=TEXTS, score=SCORES)
    assert "Did you mean 'text'" not in refusal(path, "yes")
    assert "neither a column 'text' nor a column 'id'" in refusal(path, "yes")
    path = table(tmp_path / "b.csv", text=TEXTS, toxic=SCORES, fine=SCORES)
    message = refusal(path)
    assert "neither a column 'score' nor a column for each class" in message
    assert "(no, yes; the file: text, toxic, fine)" in message
    assert "--labels" in message
    path = table(tmp_path / "c.csv", text=TEXTS, scores=SCORES)
    assert "Did you mean 'scores'?" in refusal(path, "yes")


def test_ids_need_ids_that_tell_texts_apart(tmp_path):
    path = table(tmp_path / "s.csv", id=DATA.ids, score=SCORES)
    assert "the data has no ids" in refusal(path, "yes", [replace(DATA, ids=())])
    other = replace(examples(("p", "q", "r", "s", "t"), "other"), ids=DATA.ids)
    message = refusal(path, "yes", [DATA, other])
    assert "the id 'a' is of several texts" in message


def test_other_questions_have_a_reason_and_are_not_answered(tmp_path):
    path = table(tmp_path / "s.csv", text=TEXTS, score=SCORES)
    model = open_predictions(path, [DATA], "yes")
    assert model.card.entry.reads == ("predict",)
    for kind in ("embed", "sensitivity", "gradient", "token_logprob", "span_logprob"):
        assert "audit the model itself" in model.card.why_not[kind]
    ask = Ask(Embed(("five",), ((0, 4),)), np.zeros(1, dtype=np.int64))
    with pytest.raises(AuditError, match="answers no 'embed'"):
        model.read(["five"], [ask])
    with pytest.raises(AuditError, match="no prediction for 'six'"):
        probabilities(model, ["six"])


class Swapped(Fake):
    """Asks about texts that the data does not hold."""

    name = "fake_swapped"

    def needs(self, data, card):
        return {
            "it": Predict((*data.texts, *(f"{text} swapped" for text in data.texts)))
        }


def test_metrics_that_need_more_than_the_file_holds_give_a_reason(tmp_path):
    path = table(tmp_path / "s.csv", text=TEXTS, score=SCORES)
    model = open_predictions(path, [DATA], "yes")
    report = audit([model], [Fake(), Ragged(), Swapped()], [DATA], Settings())
    found = {record.metric: record for record in report.records}
    plain, ragged, swapped = (found[metric.name] for metric in (Fake, Ragged, Swapped))
    assert plain.value == pytest.approx(0.5)
    assert plain.detail["sum"] == pytest.approx(5.0)
    assert "audit the model itself" in ragged.reason
    assert "holds nothing about 5 of the 10 texts" in swapped.reason
    (entry,) = report.models
    assert (entry.name, entry.architecture) == ("s.csv", "predictions in a file")
    assert entry.fingerprint == model.sha256 != ""


def test_data_that_the_file_is_not_about_gives_a_reason(tmp_path):
    other = examples(("p", "q"), "other")
    path = table(tmp_path / "s.csv", text=TEXTS, score=SCORES)
    model = open_predictions(path, [DATA, other], "yes")
    report = audit([model], [Fake()], [DATA, other], Settings())
    found = {record.dataset: record for record in report.records}
    assert found["notes"].status == "ok"
    assert "about 2 of the 2 texts" in found["other"].reason


def test_given_pairs_can_be_predicted_too(tmp_path):
    pairs = Counterparts(
        card=DatasetEntry(name="pairs", kind="counterparts", n=2, sha256=""),
        first=("she a", "she b"),
        second=("he a", "he b"),
        axis=("gender",) * 2,
        first_groups=("women",) * 2,
        second_groups=("men",) * 2,
    )
    texts = (*pairs.first, *pairs.second, "more")
    path = table(tmp_path / "s.csv", text=texts, score=SCORES)
    model = open_predictions(path, [pairs], "angry")
    assert model.labels == ("not angry", "angry")
    assert model.unmatched == 1
    assert probabilities(model, ["he b"])[0].tolist() == [0.25, 0.75]


def test_the_cache_never_gives_the_predictions_of_other_data(tmp_path):
    """By id, the file alone does not say which text has which prediction."""
    path = table(tmp_path / "s.csv", id=DATA.ids, score=SCORES)
    turned = replace(DATA, ids=DATA.ids[::-1])
    settings = Settings(cache=Cache(tmp_path / "cache"))
    found = [
        audit([open_predictions(path, [data], "yes")], [Fake()], [data], settings)
        for data in (DATA, turned, DATA)
    ]
    first, second, again = (report.records[0].detail["column"] for report in found)
    assert first[1::2] == list(SCORES)
    assert second[1::2] == list(SCORES)[::-1]
    assert again == first
    assert [report.cost.forward_passes for report in found] == [5, 5, 0]


def test_order_and_extra_rows_do_not_matter_to_the_digest(tmp_path):
    path = table(tmp_path / "s.csv", text=TEXTS, score=SCORES)
    model = open_predictions(path, [DATA], "yes")
    request = Predict(TEXTS)
    assert model.identity(request) == model.identity(Predict(TEXTS[:1]))
    flipped = open_predictions(path, [DATA], "no")
    assert flipped.identity(request) != model.identity(request)
    assert isinstance(model, PredictionsModel)
    assert hash(model) == hash(flipped)
