"""The CSV: tidy, exact, and harmless in a spreadsheet."""

import csv
import io
from dataclasses import replace

import pandas as pd
import pytest

from fairaudit.errors import AuditError
from fairaudit.report.tabular import CsvWriter
from tests.test_report_sample import PAYLOADS, hostile, sample

COLUMNS = [
    "model",
    "dataset",
    "metric",
    "family",
    "params",
    "status",
    "reason",
    "subject",
    "quantity",
    "unit",
    "ideal",
    "quantity_low",
    "quantity_high",
    "reference",
    "value",
    "n",
    "interval_low",
    "interval_high",
    "interval_level",
    "interval_method",
    "p_value",
    "p_adjusted",
    "null",
    "detail",
    "traits",
    "key",
]


def rows(report):
    return list(csv.DictReader(io.StringIO(CsvWriter().render(report))))


def test_columns_are_those_of_the_contract():
    assert list(rows(sample())[0]) == COLUMNS


def test_one_row_a_record_with_full_precision():
    report, table = sample(), rows(sample())
    assert len(table) == len(report.records)
    for row, record in zip(table, report.records, strict=True):
        assert row["subject"] == record.subject
        assert (float(row["value"]) if row["value"] else None) == record.value
        if record.interval:
            assert float(row["interval_low"]) == record.interval.low
    assert table[10]["value"] == "0.21"
    assert table[-1]["value"] == ""
    assert table[-1]["reason"].startswith("only 4 rows of the group Sikh")
    assert table[-2]["reason"] == "RuntimeError: out of memory at batch 3"
    assert table[28]["params"] == '{"draws":10000,"layer":-1}'


def test_pandas_reads_numbers_as_numbers():
    frame = pd.read_csv(io.StringIO(CsvWriter().render(sample())))
    assert frame["value"].dtype.kind == "f"
    assert frame["value"].isna().sum() == 3
    assert frame["value"].min() == pytest.approx(0.031 - 0.06)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_cell_is_a_formula_or_holds_control_characters(payload):
    text = CsvWriter().render(hostile(payload))
    assert not any(c in text for c in "\x1b\x07\u202e\t\r")
    for row in csv.DictReader(io.StringIO(text)):
        for name, cell in row.items():
            if cell[:1] in tuple("=+-@"):
                assert float(cell) < 0
                assert name in {"value", "ideal", "interval_low", "quantity_low"}


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "  =1", "＝1"]
)
def test_risky_text_gets_an_apostrophe(text):
    report = replace(sample(), records=(replace(sample().records[0], subject=text),))
    assert rows(report)[0]["subject"].startswith("'")


def test_negative_numbers_get_no_apostrophe():
    assert any(row["value"].startswith("-0.0") for row in rows(sample()))


@pytest.mark.parametrize("field", ["value", "p_value"])
def test_refuses_numbers_that_are_not_finite(field):
    record = replace(sample().records[0], **{field: float("nan")})
    with pytest.raises(AuditError, match="not a finite number"):
        CsvWriter().render(replace(sample(), records=(record,)))


def test_refuses_details_that_are_not_json():
    record = replace(sample().records[0], detail={"x": float("inf")})
    with pytest.raises(AuditError, match="not valid JSON"):
        CsvWriter().render(replace(sample(), records=(record,)))
