"""Saving, the command, and what the writers import."""

import json
import os
import re
import stat
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from fairaudit.cli.report import report as command
from fairaudit.errors import AuditError
from fairaudit.report import save, wording
from fairaudit.report.html import HtmlWriter
from fairaudit.report.schema import dump
from fairaudit.report.tabular import CsvWriter, JsonWriter
from fairaudit.report.terminal import TerminalWriter
from fairaudit.result import Interval, Quantity, Record
from tests.test_report_sample import sample

WRITERS = (CsvWriter, HtmlWriter, JsonWriter, TerminalWriter)


def test_save_writes_the_bytes_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "new" / "audit.csv"
    save("größe\r\nb\n", path)
    save("größe\nb\n", path)
    assert path.read_bytes() == "größe\nb\n".encode()
    assert [p.name for p in path.parent.iterdir()] == ["audit.csv"]


def test_save_respects_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        save("x", tmp_path / "f")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o640


def test_failed_save_keeps_the_old_content(tmp_path, monkeypatch):
    path = tmp_path / "audit.json"
    save("old", path)

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AuditError, match=r"audit\.json: No space left on device"):
        save("new", path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["audit.json"]


def test_save_into_a_file_as_directory_is_the_users_error(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(AuditError, match=r"Cannot write .*Choose a directory"):
        save("new", tmp_path / "file" / "audit.json")


def run(*words):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def audit(tmp_path):
    path = tmp_path / "audit.json"
    path.write_text(dump(sample()), encoding="utf-8")
    return path


def test_command_renders_every_format_again(audit, tmp_path):
    out = tmp_path / "out"
    result = run(audit, "--format", "terminal, csv,json,html,csv", "--out", out)
    assert result.exit_code == 0, result.output
    assert "36 findings" in result.stdout
    assert sorted(p.name for p in out.iterdir()) == [
        "audit.csv",
        "audit.json",
        "report.html",
    ]
    assert (out / "audit.json").read_text() == audit.read_text()
    assert result.stderr.splitlines()[0] == f"csv: {out / 'audit.csv'}"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("absent.json", None, "Cannot read .*absent.json: No such file"),
        ("latin.json", b'{"a": "\xff"}', "byte 7 is not UTF-8"),
        ("half.json", b'{"schema_version": "1.0", ', "half.json, line 1"),
    ],
)
def test_command_tells_the_user_what_is_wrong_with_the_file(
    tmp_path, name, content, told
):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    result = run(tmp_path / name)
    assert isinstance(result.exception, AuditError)
    assert re.search(told, str(result.exception))


def test_unknown_format_is_refused_before_anything_is_written(audit, tmp_path):
    result = run(audit, "--format", "csv,jsno", "--out", tmp_path / "out")
    assert isinstance(result.exception, AuditError)
    assert "Did you mean 'json'?" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_no_format_is_refused(audit):
    assert isinstance(run(audit, "--format", " , ").exception, AuditError)


@pytest.mark.parametrize("writer", WRITERS)
def test_writers_are_entry_points_under_their_names(writer):
    found = entry_points(group="fairaudit.reports")
    if not found:
        pytest.skip("the distribution is not installed")
    assert found[writer.name].load() is writer


CHECK = """
import sys
from tests.test_report_sample import sample
import fairaudit.report.html, fairaudit.report.charts, fairaudit.cli.report
from fairaudit.report.tabular import CsvWriter, JsonWriter
from fairaudit.report.terminal import TerminalWriter
heavy = {"torch", "scipy", "pandas", "jinja2", "altair", "statsmodels", "pydantic"}
at_import = sorted(heavy & set(sys.modules))
for writer in (CsvWriter, JsonWriter, TerminalWriter):
    assert len(writer().render(sample())) > 1000
print(at_import, sorted(heavy & set(sys.modules)))
"""


def test_heavy_libraries_are_not_imported():
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", CHECK],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[0] == "[] ['pydantic']"


@pytest.mark.parametrize("writer", WRITERS)
def test_rendering_is_deterministic(writer):
    assert writer().render(sample()) == writer().render(sample())


def test_json_file_is_plain_json(audit):
    assert json.loads(audit.read_text())["seed"] == 13


def record(value, ideal, interval=None, low=None, high=None, p=0.5):
    quantity = Quantity(name="q", unit="u", ideal=ideal, low=low, high=high)
    return Record(
        model="m",
        dataset="d",
        metric="x",
        family="extrinsic",
        quantity=quantity,
        value=value,
        interval=interval,
        p_value=p,
    )


@pytest.mark.parametrize(
    ("low", "high", "ideal", "expected"),
    [
        (0.1, 0.2, 0, "excludes"),
        (-0.2, -0.1, 0, "excludes"),
        (0.0, 0.2, 0, "includes"),
        (0.8, 1.0, 1, "includes"),
        (45, 49, 50, "excludes"),
        (0.1, 0.2, None, "no ideal"),
    ],
)
def test_standing_counts_the_ends_to_the_interval(low, high, ideal, expected):
    assert wording.standing(record(0.1, ideal, Interval(low, high))) == expected


def test_interval_of_a_finding_without_a_test_says_nothing_about_the_ideal():
    found = record(0.1, 0, Interval(0.05, 0.2), low=0, p=None)
    assert wording.standing(found) == "not tested"


def test_standing_without_interval():
    assert wording.standing(record(0.1, 0)) == "no interval"


def test_distance_is_a_share_of_the_range_where_bounded():
    assert wording.distance(record(70, 50, low=0, high=100)) == pytest.approx(0.4)
    assert wording.distance(record(-1.5, 0)) == 1.5
    assert wording.distance(record(0.3, None)) == 0


@given(st.floats(-1e300, 1e300))
def test_shown_numbers_are_the_numbers_rounded(value):
    shown = float(wording.number(value).replace(",", ""))
    assert shown == pytest.approx(value, rel=0.051 if abs(value) < 1 else 0.005, abs=0)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (-0.0, "0"),
        (1e-9, "1.0e-09"),
        (0.0005, "0.0005"),
        (-0.00432, "-0.00432"),
        (999.996, "1000.00"),
        (-1234.5, "-1,234"),
        (float("nan"), "not finite"),
        (None, "none"),
    ],
)
def test_numbers_at_the_edges(value, shown):
    assert wording.number(value) == shown


@given(st.text())
def test_visible_text_is_one_line_without_control_characters(text):
    shown = wording.visible(text)
    assert len(shown.splitlines()) <= 1
    assert not set(shown) & set(map(chr, (*range(32), *range(127, 160), 0x202E)))
    assert wording.visible(shown) == shown
