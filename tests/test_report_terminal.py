"""The terminal output: whole, plain, and within the width."""

import io
import re
import sys
from dataclasses import replace

import pytest
from rich.cells import cell_len

from fairaudit.report.terminal import TerminalWriter
from fairaudit.result import Interval
from tests.test_report_sample import LONG, PAYLOADS, hostile, sample


def render(monkeypatch, report, width):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.delenv("NO_COLOR", raising=False)
    return TerminalWriter().render(report)


class Tty(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.mark.parametrize("width", [80, 100, 160, 240])
def test_no_line_is_wider_than_the_terminal_and_no_number_is_lost(monkeypatch, width):
    text = render(monkeypatch, sample(), width)
    assert max(map(cell_len, text.splitlines())) <= width
    for record in sample().records:
        if record.value is not None:
            assert f"{record.value:.3f}" in text
    assert "…" not in text


def test_says_what_was_audited_first_and_counts_last(monkeypatch):
    lines = render(monkeypatch, sample(), 160).rstrip().splitlines()
    assert "toxicity-distilbert-base (DistilBert)" in lines[1]
    assert LONG in lines[2]
    assert "comments-2024 (1,840 rows)" in lines[3]
    assert lines[5].split() == ["seed", "13"]
    counts = "36 findings; 12 of 16 intervals tested exclude the ideal"
    assert lines[-1] == f"{counts}; 2 not run; 1 error."


def test_a_row_holds_value_interval_ideal_n_and_p(monkeypatch):
    text = render(monkeypatch, sample(), 160)
    row = next(line for line in text.splitlines() if " 1.020" in line)
    assert re.sub(r"\s+", " ", row).strip() == (
        "flowers vs insects, pleasant vs unpleasant toxicity-distilbert-base stories "
        "1.020 [0.930, 1.110] 0 10,000 <0.001"
    )


def test_model_and_dataset_columns_only_where_there_are_several(monkeypatch):
    report = sample()
    one = replace(
        report,
        models=report.models[:1],
        datasets=report.datasets[:1],
        records=report.records[:14],
    )
    heads = [x for x in render(monkeypatch, one, 160).splitlines() if "interval  " in x]
    assert heads
    assert all("model" not in head and "dataset" not in head for head in heads)


def test_reasons_are_listed(monkeypatch):
    text = render(monkeypatch, sample(), 160)
    assert "not run: only 4 rows of the group Sikh; at least 30 are needed" in text
    assert "error: RuntimeError: out of memory at batch 3" in text


def test_gaps_come_before_rates(monkeypatch):
    text = render(monkeypatch, sample(), 160)
    extrinsic = text[text.index("Extrinsic") :]
    assert extrinsic.index("selection rate ratio") < extrinsic.index("group: women")


def test_says_how_many_rates_are_left_to_the_csv(monkeypatch):
    report = sample()
    rate = next(r for r in report.records if r.subject == "group: women")
    many = tuple(replace(rate, subject=f"group: {i}") for i in range(30))
    text = render(monkeypatch, replace(report, records=many), 160)
    assert sum("group: " in line for line in text.splitlines()) == 24
    assert "6 more numbers not shown here; the CSV has all" in text


def test_parameters_are_told_only_where_they_differ(monkeypatch):
    report = sample()
    base = next(r for r in report.records if r.metric == "ceat")
    pair = tuple(replace(base, params={"draws": 9, "layer": k}) for k in (-1, 6))
    text = render(monkeypatch, replace(report, records=pair), 160)
    assert "(layer=-1)" in text
    assert "(layer=6)" in text
    assert "draws" not in text


def test_other_levels_are_told(monkeypatch):
    report = sample()
    record = replace(report.records[0], interval=Interval(0.1, 0.2, 0.9))
    text = render(monkeypatch, replace(report, records=(record,)), 160)
    assert "[0.100, 0.200] 90%" in text


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_is_shown_and_does_nothing(monkeypatch, payload, width):
    text = render(monkeypatch, hostile(payload), width)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    if payload.startswith("[red]"):
        assert "[red]x[/red] [mask]" in text
    assert "36 findings" in text


def test_colour_needs_a_terminal_and_no_objection(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    plain = TerminalWriter().render(sample())
    monkeypatch.setattr(sys, "stdout", Tty())
    coloured = TerminalWriter().render(sample())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    assert TerminalWriter().render(sample()) == plain


def test_output_that_the_terminal_cannot_encode_is_escaped(monkeypatch):
    report = sample()
    record = replace(report.records[0], subject="größe: klein")
    out = Tty()
    out.encoding = "ascii"
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(sys, "stdout", out)
    text = TerminalWriter().render(replace(report, records=(record,)))
    assert text.isascii()
    assert r"gr\xf6\xdfe: klein" in text


def test_quantities_that_one_reason_keeps_from_running_stand_in_one_line(monkeypatch):
    whole = next(r for r in sample().records if r.value is not None)
    gone = replace(
        whole, subject="team", value=None, interval=None, status="not_run", reason="few"
    )
    records = [
        replace(gone, quantity=replace(whole.quantity, name=name))
        for name in ("true_rate", "false_rate", "true_rate")
    ]
    text = render(monkeypatch, replace(sample(), records=tuple(records)), 160)
    assert text.count("not run: few") == 1
    assert "team: true rate, false rate\n" in re.sub(" +\n", "\n", text)


def test_empty_report_is_said_to_be_empty(monkeypatch):
    text = render(monkeypatch, replace(sample(), records=()), 80)
    assert "0 findings" in text.splitlines()[-1]
