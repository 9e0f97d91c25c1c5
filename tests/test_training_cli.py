"""``fairaudit train``, and ``fairaudit evaluate`` that trains first."""

import csv
import json
import subprocess
import sys
from dataclasses import replace

import pytest

from fairaudit.__main__ import main
from fairaudit.cli.labels import relabel
from fairaudit.errors import AuditError
from fairaudit.models.checkpoint import TRAINING_CARD
from tests.fakes import examples
from tests.test_training import notes


@pytest.fixture(scope="module")
def encoder(zoo):
    return zoo("Bert", "Model", scale=1.0)


def save(path, data):
    men, women = data.groups
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "group:gender"])
        for row, text in enumerate(data.texts):
            group = "women" if women.member[row] else "men" if men.member[row] else ""
            writer.writerow([text, data.label_names[data.labels[row]], group])
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    place = tmp_path_factory.mktemp("data")
    return save(place / "notes.csv", notes(120)), save(
        place / "others.csv", notes(80, seed=9)
    )


@pytest.fixture
def run(capsys):
    """Run a command line; return exit code, standard output and standard error."""

    def run_it(*arguments):
        code = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capsys.readouterr()
        return code, out, err

    return run_it


@pytest.fixture
def evaluate(run, tmp_path):
    def evaluate_it(*arguments):
        return run("evaluate", *arguments, "--json", "--cache", tmp_path / "cache")

    return evaluate_it


def models(tmp_path):
    return sorted(path.name for path in (tmp_path / "cache/models").glob("*/*"))


def test_train_makes_a_model_directory_and_says_how_good_it_is(
    run, encoder, files, tmp_path
):
    out = tmp_path / "out"
    words = ("train", encoder, "--data", files[0], "--out", out, "--device", "cpu")
    more = ("--epochs", 2, "--patience", 1, "--class-weights", "balanced")
    code, told, err = run(*words, *more, "--freeze", "encoder")
    assert (code, err) == (0, "")
    assert told.startswith("Trained on ")
    recipe = json.loads((out / TRAINING_CARD).read_text())["recipe"]
    assert (recipe["patience"], recipe["class_weights"]) == (1, "balanced")
    assert recipe["freeze"] == "encoder"
    code, _, err = run(*words)
    assert code == 2
    assert "--overwrite" in err


def test_labels_are_renamed_before_training(run, encoder, files, tmp_path):
    words = ("train", encoder, "--data", files[0], "--out", tmp_path / "out")
    mapping = ("--labels", "negative=0,positive=1", "--device", "cpu")
    assert run(*words, *mapping, "--freeze", "encoder", "--quiet")[:2] == (0, "")
    stored = json.loads((tmp_path / "out" / TRAINING_CARD).read_text())
    assert stored["labels"] == ["0", "1"]


def test_evaluate_trains_once_audits_held_out_rows_and_says_so(
    evaluate, encoder, files, tmp_path
):
    words = (encoder, "--data", files[0], "--train", "--metric", "disparity")
    code, out, _ = evaluate(*words)
    report = json.loads(out)
    assert code in {0, 1}  # the audited groups may be small
    (dataset,) = report["datasets"]
    assert dataset["name"] == "notes@held-out"
    assert dataset["left_out"]["learnt from"] + dataset["n"] == 120
    (model,) = report["models"]
    assert model["name"] == f"{encoder.name}-label"
    note = report["environment"][f"training of {model['name']}"]
    assert "no model was trained on them" in note
    assert "accuracy" in note
    assert models(tmp_path) == [f"{encoder.name}-label"]
    (card,) = (tmp_path / "cache/models").glob(f"*/*/{TRAINING_CARD}")
    stamp = card.stat().st_mtime_ns
    again = json.loads(evaluate(*words)[1])
    assert card.stat().st_mtime_ns == stamp
    assert again["records"] == report["records"]
    assert again["cost"]["forward_passes"] == 0


@pytest.mark.slow
def test_a_second_run_loads_no_torch(encoder, files, tmp_path):
    words = [
        *("evaluate", str(encoder), "--data", str(files[0]), "--train", "--json"),
        *("--metric", "disparity", "--cache", str(tmp_path / "cache")),
    ]
    code = (
        "import sys\nfrom fairaudit.__main__ import main\n"
        f"try: main({words!r})\nexcept SystemExit: pass\n"
        "print('torch' in sys.modules, file=open(sys.argv[1], 'w'))"
    )
    loaded = []
    for number in range(2):
        place = tmp_path / str(number)
        subprocess.run(
            [sys.executable, "-c", code, str(place)], capture_output=True, check=True
        )
        loaded.append(place.read_text().strip())
    assert loaded == ["True", "False"]


def test_training_data_of_its_own_leaves_the_audited_data_whole(
    evaluate, encoder, files, tmp_path
):
    notes_file, others = files
    words = ("--train", "--train-data", others, "--metric", "disparity")
    report = json.loads(evaluate(encoder, "--data", notes_file, *words)[1])
    (dataset,) = report["datasets"]
    assert (dataset["name"], dataset["n"]) == ("notes", 120)
    (note,) = (v for k, v in report["environment"].items() if "training of" in k)
    assert "Learnt from others; 0 of 120 audited rows" in note
    same = ("--train", "--train-data", notes_file, "--metric", "disparity")
    report = json.loads(evaluate(encoder, "--data", notes_file, *same)[1])
    (note,) = (v for k, v in report["environment"].items() if "training of" in k)
    assert "120 of 120 audited rows have a text that it has too" in note


def test_a_protected_status_model_is_trained_on_the_same_rows(
    evaluate, encoder, files, tmp_path
):
    words = ("--train", "--train-psm", "gender=men+women", "--metric", "sensitivity")
    code, out, err = evaluate(encoder, "--data", files[0], *words)
    assert code == 0, err
    report = json.loads(out)
    assert models(tmp_path) == [f"{encoder.name}-gender", f"{encoder.name}-label"]
    cards = {
        path.parent.name: json.loads(path.read_text())
        for path in (tmp_path / "cache/models").glob(f"*/*/{TRAINING_CARD}")
    }
    assert cards[f"{encoder.name}-gender"]["labels"] == ["men", "women"]
    assert {card["data"]["n"] for card in cards.values()} == {96}
    assert any(record["status"] == "ok" for record in report["records"])
    assert len([k for k in report["environment"] if "training of" in k]) == 2


def test_without_a_cache_nothing_is_kept(run, encoder, files, tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRAUDIT_CACHE", str(tmp_path / "cache"))
    words = ("--train", "--no-cache", "--json", "--metric", "disparity")
    code, out, _ = run("evaluate", encoder, "--data", files[0], *words)
    assert code in {0, 1}
    assert json.loads(out)["models"]
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--train-data", "x.csv"], "--train-data is for --train"),
        (["--psm", "p", "--train-psm", "gender"], "pass one of them"),
        (["--train"], "Training needs one labelled dataset (--data gives none)"),
        (["--train-psm", "gendr", "--data", "NOTES"], "Did you mean 'gender'?"),
        (["--train", "--train-data", "OTHER", "--data", "NOTES"], "negative=bad"),
    ],
)
def test_contradictions_are_refused_before_any_training(
    evaluate, encoder, files, tmp_path, arguments, message
):
    other = notes(40)
    other = save(
        tmp_path / "other.csv", replace(other, label_names=("bad", "positive"))
    )
    named = {"NOTES": files[0], "OTHER": other}
    code, _, err = evaluate(encoder, *(named.get(word, word) for word in arguments))
    assert code == 2
    assert message in err
    assert not (tmp_path / "cache/models").exists()


def test_training_needs_an_encoder(evaluate, files):
    code, _, err = evaluate("--data", files[0], "--train")
    assert code == 2
    assert "Nothing to audit" in err
    vectors = files[0].with_name("v.vec")
    vectors.write_text("a 1 2\n")
    code, _, err = evaluate("--data", files[0], "--train", "--vectors", vectors)
    assert code == 2
    assert "need MODEL_DIR" in err


def test_two_labelled_datasets_need_to_say_which_to_learn_from(
    evaluate, encoder, files
):
    code, _, err = evaluate(encoder, "--data", files[0], "--data", files[1], "--train")
    assert code == 2
    assert "--data gives notes, others" in err
    assert "--train-data" in err


def test_labels_of_one_dataset_alone():
    first, second = examples(("a", "b", "c"), "first"), examples(("d",), "second")
    found = relabel([first, second], {"yes": "1", "second:yes": "toxic", "no": "0"})
    assert found[0].label_names == ("0", "1")
    assert found[1].label_names == ("0", "toxic")
    assert relabel([first], {})[0] is first
    (only,) = relabel([first], {"first:yes": "1"})
    assert only.label_names == ("1", "no")
    # "yes" of `first` is the second class; after sorting, "1" comes first.
    assert only.labels.tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("yess", "Did you mean 'yes'?"),
        ("first:yess", "Did you mean 'first:yes'?"),
        ("frst:yes", "Did you mean 'first:yes'?"),
    ],
)
def test_labels_that_no_dataset_has(key, hint):
    with pytest.raises(AuditError, match="no label") as caught:
        relabel([examples(("a",), "first"), examples(("b",), "other")], {key: "1"})
    assert hint in str(caught.value)
