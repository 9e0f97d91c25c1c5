"""The command line as a user meets it: messages, exit codes, files."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fairaudit.__main__ import main

ROWS = [
    ("the nurse was late", "bad", "women", 0),
    ("the doctor was kind", "good", "men", 1),
]


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "notes.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "group:gender"])
        for i in range(60):
            text, label, group, _ = ROWS[i % 2]
            writer.writerow([f"{text} {i}", label if i % 3 else "good", group])
    return path


@pytest.fixture(scope="module")
def classifier(zoo):
    return zoo(id2label={0: "bad", 1: "good"}, label2id={"bad": 0, "good": 1})


@pytest.fixture(scope="module")
def psm(zoo):
    return zoo(seed=1, id2label={0: "men", 1: "women"}, label2id={"men": 0, "women": 1})


@pytest.fixture
def run(capsys):
    """Run a command line; return exit code, standard output and standard error."""

    def run_it(*arguments):
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        code = stop.value.code
        return (0 if code is None else code), out, err

    return run_it


@pytest.fixture
def evaluate(run, tmp_path):
    def evaluate_it(*arguments):
        return run("evaluate", *arguments, "--no-cache", "--out", tmp_path / "out")

    return evaluate_it


def test_evaluate_writes_every_format_and_tells_where(
    evaluate, classifier, psm, notes, tmp_path
):
    code, out, err = evaluate(classifier, "--data", notes, "--psm", psm)
    assert code == 0
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "audit.json",
        "audit.csv",
        "report.html",
        "units.parquet",
    }
    assert "disparity" in out
    assert "audit.csv" in err
    report = json.loads((tmp_path / "out/audit.json").read_text())
    assert {r["metric"] for r in report["records"] if r["status"] == "ok"} >= {
        "disparity"
    }
    reasons = [r["reason"] for r in report["records"] if r["metric"] == "ceat"]
    assert reasons == ["no dataset of kind 'contexts' was given (--data PATH)"]


def test_json_goes_to_standard_output_alone(evaluate, classifier, notes, tmp_path):
    words = ("--metric", "disparity", "--json")
    code, out, _ = evaluate(classifier, "--data", notes, *words)
    assert code == 0
    assert json.loads(out)["seed"] == 0
    assert not (tmp_path / "out").exists()
    assert not json.loads(out)["units_sha256"]


def test_parameters_are_echoed_in_the_record(evaluate, classifier, notes):
    spec = "disparity:threshold=0.3,draws=500"
    code, out, _ = evaluate(classifier, "--data", notes, "--metric", spec, "--json")
    assert code == 0
    params = json.loads(out)["records"][0]["params"]
    assert (params["threshold"], params["draws"]) == (0.3, 500)


def test_same_seed_same_records_whatever_batch_size_and_other_metrics(
    evaluate, classifier, psm, notes
):
    base = (classifier, "--data", notes, "--json", "--psm", psm)
    both = ("--metric", "sensitivity", "--metric", "disparity")
    _, every, _ = evaluate(*base, "--batch-tokens", 4096, *both)
    _, one, _ = evaluate(*base, "--batch-tokens", 1, "--metric", "disparity")
    pick = [r for r in json.loads(every)["records"] if r["metric"] == "disparity"]
    for first, second in zip(pick, json.loads(one)["records"], strict=True):
        assert first["subject"] == second["subject"]
        assert first["value"] == pytest.approx(second["value"], abs=1e-6)
        assert first["p_value"] == pytest.approx(second["p_value"], abs=1e-6)


def test_metric_that_was_named_and_gives_nothing_exits_1(evaluate, zoo, notes):
    encoder = zoo(head="Model")
    code, _, _ = evaluate(encoder, "--data", notes, "--metric", "disparity", "--json")
    assert code == 1


def test_nothing_measured_at_all_exits_1(evaluate, zoo, notes):
    encoder = zoo(head="Model")
    code, out, _ = evaluate(encoder, "--data", notes, "--family", "extrinsic", "--json")
    assert code == 1
    reasons = {r["metric"]: r["reason"] for r in json.loads(out)["records"]}
    assert all(reasons.values())
    assert "no classification head" in reasons["disparity"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--metric", "disparty"], "Did you mean 'disparity'?"),
        (["--metric", "disparity:treshold=1"], "Did you mean 'threshold'?"),
        (["--metric", "disparity:threshold=high"], "metric disparity:threshold='high'"),
        (["--metric", "disparity:threshold"], "not of the form parameter=value"),
        (["--family", "extrinsc"], "Did you mean 'extrinsic'?"),
        (["--format", "htm"], "Did you mean 'html'?"),
        (["--device", "tpu9"], "--device tpu9 cannot be used here"),
        (["--labels", "awful=bad"], "the data has no label 'awful'"),
    ],
)
def test_mistyped_words_exit_2_with_a_hint(
    evaluate, classifier, notes, arguments, message
):
    code, out, err = evaluate(classifier, "--data", notes, *arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in out + err


def test_labels_that_the_model_does_not_have_are_refused_and_can_be_mapped(
    evaluate, zoo, notes
):
    other = zoo(id2label={0: "no", 1: "yes"}, label2id={"no": 0, "yes": 1})
    words = (other, "--data", notes, "--metric", "disparity")
    code, _, err = evaluate(*words)
    assert code == 2
    assert "bad, good; the model: no, yes" in err
    assert "--labels notes:bad=no" in err
    code, out, _ = evaluate(*words, "--labels", "notes:bad=no,good=yes", "--json")
    assert code == 0
    assert any(r["status"] == "ok" for r in json.loads(out)["records"])


def test_missing_data_file(evaluate, classifier, tmp_path):
    code, _, err = evaluate(classifier, "--data", tmp_path / "none.csv")
    assert code == 2
    assert "there is no such file" in err


def test_unknown_format_of_data(evaluate, classifier, tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    code, _, err = evaluate(classifier, "--data", tmp_path / "a.csv")
    assert code == 2
    assert "--data NAME=" in err


def test_not_a_model_directory(evaluate, notes, tmp_path):
    (tmp_path / "m").mkdir()
    code, _, err = evaluate(tmp_path / "m", "--data", notes)
    assert code == 2
    assert "has no config.json" in err


def test_hub_id_needs_allow_network(evaluate, notes):
    code, _, err = evaluate("org/some-model", "--data", notes)
    assert code == 2
    assert "--allow-network" in err


def test_group_of_one_has_a_reason(evaluate, classifier, tmp_path):
    rows = "".join(f"text {i},{'good' if i % 2 else 'bad'},men\n" for i in range(40))
    (tmp_path / "n.csv").write_text(
        f"text,label,group:gender\n{rows}alone,good,women\n"
    )
    code, out, _ = evaluate(
        classifier, "--data", tmp_path / "n.csv", "--metric", "disparity", "--json"
    )
    assert code == 0
    reasons = {
        r["reason"]
        for r in json.loads(out)["records"]
        if r["subject"] == "gender=women" and r["status"] == "not_run"
    }
    assert any("10" in reason for reason in reasons)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_output_directory_that_cannot_be_written(evaluate, classifier, notes, tmp_path):
    (tmp_path / "out").mkdir(mode=0o500)
    code, _, err = evaluate(classifier, "--data", notes)
    assert code == 2
    assert "cannot be written" in err


def test_output_path_that_is_a_file_is_refused_before_the_work(
    evaluate, classifier, notes, tmp_path
):
    (tmp_path / "out").write_text("mine")
    code, _, err = evaluate(classifier, "--data", notes)
    assert code == 2
    assert "cannot be written" in err
    assert (tmp_path / "out").read_text() == "mine"


def test_failed_run_keeps_the_older_report(evaluate, classifier, notes, tmp_path):
    words = ("--data", notes, "--metric", "disparity")
    assert evaluate(classifier, *words)[0] == 0
    before = (tmp_path / "out/audit.json").read_bytes()
    broken = tmp_path / "broken"
    shutil.copytree(classifier, broken)
    with (broken / "model.safetensors").open("r+b") as file:
        file.truncate(200)
    assert evaluate(broken, *words)[0] == 2
    assert (tmp_path / "out/audit.json").read_bytes() == before


def test_debug_shows_the_traceback(classifier, tmp_path):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "fairaudit", "evaluate", str(classifier)),
            *("--data", str(tmp_path / "none.csv"), "--debug"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" in done.stderr


def test_report_renders_again_without_a_model(
    run, evaluate, classifier, notes, tmp_path
):
    evaluate(classifier, "--data", notes, "--metric", "disparity")
    html = (tmp_path / "out/report.html").read_text()
    again = tmp_path / "again"
    code, _, _ = run(
        "report", tmp_path / "out/audit.json", "--format", "html,csv", "--out", again
    )
    assert code == 0
    assert (again / "report.html").read_text() == html


def test_lists_name_what_there_is_and_who_brought_it(run):
    code, out, _ = run("metrics")
    assert code == 0
    assert all(name in out for name in ("ceat", "disparity", "sensitivity"))
    assert "fairaudit-nlp" in out.replace("\n", "")
    code, out, _ = run("datasets", "contexts")
    assert code == 0
    assert "column start" in out
    code, out, _ = run("metrics", "sensitivity")
    assert "arXiv 2203.08670" in out
    assert run("metrics", "sensitivty")[0] == 2


def test_help_and_lists_load_nothing_heavy():
    heavy = "torch", "scipy", "pandas", "transformers", "altair", "typer.rich_utils"
    for words in (["--help"], ["metrics"], ["datasets"], ["evaluate", "--help"]):
        code = (
            "import sys\nfrom fairaudit.__main__ import main\n"
            f"try: main({words})\nexcept SystemExit: pass\n"
            f"sys.stderr.write(' '.join(m for m in {heavy} if m in sys.modules))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stderr == "", words


@pytest.mark.slow
def test_interrupt_ends_with_130_and_keeps_what_was_read(zoo, psm, notes, tmp_path):
    big = tmp_path / "big.csv"
    lines = notes.read_text().splitlines()
    rows = "".join(f"note {i} {lines[1 + i % 60]}\n" for i in range(200_000))
    big.write_text(f"{lines[0]}\n{rows}")
    model = zoo(id2label={0: "bad", 1: "good"}, label2id={"bad": 0, "good": 1})
    words = ["evaluate", model, "--data", big, "--metric", "disparity"]
    cache = tmp_path / "cache"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "fairaudit", *map(str, words)),
            *("--cache", str(cache), "--out", str(tmp_path / "out")),
            *("--batch-tokens", "64"),
        ],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    deadline = time.monotonic() + 120
    while not list(cache.rglob("*.safetensors")):
        assert time.monotonic() < deadline, "nothing was read"
        assert process.poll() is None
        time.sleep(0.2)
    time.sleep(4)  # the next rows wait for their shard when the interrupt comes
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert len(list(cache.rglob("*.safetensors"))) >= 2
    assert not Path(tmp_path / "out/audit.json").exists()


def test_unchanged_rerun_loads_no_weights(classifier, notes, tmp_path):
    words = [
        *("evaluate", str(classifier), "--data", str(notes), "--json"),
        *("--cache", str(tmp_path / "cache"), "--metric", "disparity"),
    ]
    code = (
        "import sys\nfrom fairaudit.__main__ import main\n"
        f"try: main({words!r})\nexcept SystemExit: pass\n"
        "sys.stderr.write(str('torch' in sys.modules))"
    )
    first, second = (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        for _ in range(2)
    )
    assert (first.stderr, second.stderr) == ("True", "False")
    fresh, cached = json.loads(first.stdout), json.loads(second.stdout)
    assert cached["records"] == fresh["records"]
    assert cached["cost"]["forward_passes"] == 0
