"""``fairaudit evaluate --predictions``."""

import csv
import json

import numpy as np
import pytest

from fairaudit.__main__ import main
from fairaudit.model import Ask, Predict

COUNT = 60


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "notes.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "text", "label", "group:gender"])
        for i in range(COUNT):
            who, group = ("nurse", "women") if i % 2 else ("doctor", "men")
            label = "good" if i % 3 else "bad"
            writer.writerow([f"n{i}", f"the {who} was late {i}", label, group])
    return path


@pytest.fixture(scope="module")
def classifier(zoo):
    return zoo(id2label={0: "bad", 1: "good"}, label2id={"bad": 0, "good": 1})


@pytest.fixture
def evaluate(capsys, tmp_path):
    def evaluate_it(*arguments):
        words = ("evaluate", *arguments, "--no-cache", "--metric", "disparity")
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return stop.value.code or 0, out, err

    return evaluate_it


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path, found):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(found[0]))
        writer.writeheader()
        writer.writerows(found)
    return path


@pytest.fixture(scope="module")
def scored(opened, classifier, notes):
    """Rows of the data with what the classifier says of them."""
    rows = read(notes)
    texts = tuple(row["text"] for row in rows)
    model = opened(classifier)
    (found,) = model.read(texts, [Ask(Predict(texts), np.arange(COUNT))])
    pairs = zip(rows, found["probabilities"].tolist(), strict=True)
    return [
        {"id": row["number"], "text": row["text"], "bad": bad, "good": good}
        for row, (bad, good) in pairs
    ]


def only(rows, **columns):
    return [{new: row[old] for new, old in columns.items()} for row in rows]


@pytest.mark.parametrize(
    ("columns", "label", "data"),
    [
        ({"text": "text", "bad": "bad", "good": "good"}, "", "{}"),
        ({"text": "text", "score": "good"}, "good=", "{}"),
        ({"id": "id", "score": "good"}, "good=", "examples:id=number={}"),
    ],
)
def test_a_file_of_a_models_predictions_gives_the_numbers_of_the_model(
    evaluate, classifier, notes, scored, tmp_path, columns, label, data
):
    path = write(tmp_path / "scores.csv", only(scored, **columns))
    data = data.format(notes)
    code, out, _ = evaluate("--predictions", f"{label}{path}", "--data", data, "--json")
    assert code == 0
    _, expected, _ = evaluate(classifier, "--data", data, "--json")
    found = json.loads(out)["records"]
    for mine, other in zip(found, json.loads(expected)["records"], strict=True):
        assert mine["model"] == "scores.csv"
        assert mine["subject"] == other["subject"]
        # The engine reads in other batches than the fixture.
        assert mine["value"] == pytest.approx(other["value"], abs=1e-6)
        assert mine["p_value"] == pytest.approx(other["p_value"], abs=1e-6)


def test_several_files_are_several_models(evaluate, notes, scored, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    paths = [
        write(tmp_path / name, only(scored, text="text", score="good"))
        for name in ("a/scores.csv", "b/scores.csv", "more.csv")
    ]
    words = [word for path in paths for word in ("--predictions", f"good={path}")]
    code, out, _ = evaluate(*words, "--data", notes, "--json")
    assert code == 0
    names = [model["name"] for model in json.loads(out)["models"]]
    assert names == ["a/scores.csv", "b/scores.csv", "more.csv"]
    code, _, err = evaluate(*words, *words[:2], "--data", notes)
    assert code == 2
    assert "names a file twice" in err


def test_the_report_and_the_terminal_say_what_was_not_used(
    evaluate, notes, scored, tmp_path
):
    rows = only(scored, text="text", score="good")
    path = write(tmp_path / "scores.csv", [*rows, {"text": "other", "score": 0.5}])
    words = ("--predictions", f"good={path}", "--data", notes)
    code, _, err = evaluate(*words, "--out", tmp_path / "out")
    assert code == 0
    assert "rows of scores.csv about no text of the data: 1" in err
    report = json.loads((tmp_path / "out/audit.json").read_text())
    key = "rows of scores.csv about no text of the data"
    assert report["environment"][key] == 1
    (model,) = report["models"]
    assert model["architecture"] == "predictions in a file"


def test_a_limit_takes_rows_of_the_data_not_of_the_file(
    evaluate, notes, scored, tmp_path
):
    path = write(tmp_path / "scores.csv", only(scored, text="text", score="good"))
    words = ("--predictions", f"good={path}", "--data", notes, "--limit", 50, "--json")
    code, out, _ = evaluate(*words)
    assert code == 0
    report = json.loads(out)
    assert report["datasets"][0]["n"] == 50
    assert report["environment"]["rows of scores.csv about no text of the data"] == 10


def test_labels_of_the_file_are_mapped_never_guessed(evaluate, notes, scored, tmp_path):
    rows = only(scored, text="text", **{"0": "bad", "1": "good"})
    path = write(tmp_path / "scores.csv", rows)
    words = ("--predictions", path, "--data", notes, "--json")
    code, _, err = evaluate(*words)
    assert code == 2
    assert "the file: text, 0, 1" in err
    code, out, _ = evaluate(*words, "--labels", "bad=0,notes:good=1")
    assert code == 0
    assert any(r["status"] == "ok" for r in json.loads(out)["records"])


def test_labels_that_the_file_lacks_are_refused_and_the_dataset_named(
    evaluate, notes, scored, tmp_path
):
    marked = {"probability:no": "bad", "probability:yes": "good"}
    path = write(tmp_path / "scores.csv", only(scored, text="text", **marked))
    code, _, err = evaluate("--predictions", path, "--data", notes)
    assert code == 2
    assert "bad, good; the model: no, yes" in err
    assert "--labels notes:bad=no" in err


def test_a_file_that_is_not_there(evaluate, notes, tmp_path):
    code, _, err = evaluate("--predictions", tmp_path / "x.csv", "--data", notes)
    assert code == 2
    assert "there is no such file" in err


def test_predictions_without_data_are_about_nothing(evaluate, scored, tmp_path):
    path = write(tmp_path / "scores.csv", only(scored, text="text", score="good"))
    code, _, err = evaluate("--predictions", f"good={path}")
    assert code == 2
    assert "is about no text of the data" in err
