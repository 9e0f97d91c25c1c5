"""The JSON contract: complete, exact both ways, and strict when read."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairaudit.errors import AuditError
from fairaudit.report.schema import dump, json_schema, load
from fairaudit.report.tabular import JsonWriter
from fairaudit.result import AuditReport, Record
from tests.test_report_sample import PAYLOADS, hostile, sample

RECORD_KEYS = {
    "model",
    "dataset",
    "metric",
    "family",
    "params",
    "status",
    "reason",
    "subject",
    "quantity",
    "value",
    "n",
    "interval",
    "p_value",
    "p_adjusted",
    "null",
    "detail",
    "traits",
    "key",
}


def changed(path, value):
    """Return the sample's JSON with one field set, or removed where value is ..."""
    tree = json.loads(dump(sample()))
    *parents, last = path
    node = tree
    for key in parents:
        node = node[key]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return json.dumps(tree)


def test_has_the_fields_of_the_contract():
    tree = json.loads(JsonWriter().render(sample()))
    assert set(tree) == {
        "schema_version",
        "fairaudit_version",
        "created",
        "seed",
        "command",
        "environment",
        "models",
        "datasets",
        "records",
        "cost",
        "gates",
        "changes",
        "agreements",
        "domains",
        "checks",
        "units_sha256",
    }
    assert set(tree["records"][0]) == RECORD_KEYS
    assert set(tree["records"][0]["quantity"]) == {
        "name",
        "unit",
        "ideal",
        "low",
        "high",
        "definition",
        "reference",
    }
    assert set(tree["records"][0]["interval"]) == {"low", "high", "level", "method"}
    assert tree["records"][0]["value"] == 0.124
    assert tree["records"][-1]["value"] is None
    assert tree["datasets"][0]["groups"]["religion"] == {"Muslim": 260, "Sikh": 4}


def test_reads_back_the_same_report_of_the_same_types():
    report = sample()
    found = load(dump(report), "x.json")
    assert found == report
    assert type(found) is AuditReport
    assert type(found.records[0]) is Record
    assert dump(found) == dump(report)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_survives_and_no_control_character_is_written(payload):
    report = hostile(payload)
    text = dump(report)
    assert load(text, "x.json") == report
    assert not any(c in text for c in "\x1b\x07\u202e\t")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    detail=st.dictionaries(st.text(), JSON, max_size=3),
    value=st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9),
    subject=st.text(),
)
def test_dump_and_load_are_inverse(detail, value, subject):
    base = sample()
    record = replace(base.records[0], detail=detail, value=value, subject=subject)
    text = dump(replace(base, records=(record,)))
    found = load(text, "x.json")
    assert dump(found) == text
    assert found.records[0].value == value
    assert found.records[0].detail == detail


def test_half_of_a_surrogate_pair_becomes_a_replacement_character():
    base = sample()
    record = replace(base.records[0], subject="a\ud800b")
    found = load(dump(replace(base, records=(record,))), "x.json")
    assert found.records[0].subject == "a\ufffdb"


def test_numpy_values_are_written_as_plain_numbers():
    detail = {"mean": np.float64(0.5), "n": np.int64(3), "all": np.array([1.0, 2.0])}
    base = sample()
    record = replace(base.records[0], detail=detail)
    tree = json.loads(dump(replace(base, records=(record,))))
    assert tree["records"][0]["detail"] == {"mean": 0.5, "n": 3, "all": [1.0, 2.0]}


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_refuses_to_write_what_is_not_finite_and_names_the_record(bad):
    base = sample()
    records = (*base.records[:3], replace(base.records[3], detail={"x": [bad]}))
    with pytest.raises(AuditError, match=r"records\[3\], disparity on comments-2024"):
        dump(replace(base, records=records))


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("records", 3, "value"), "high", r"field records\[3\]\.value: "),
        (("records", 3, "extra"), 1, r"field records\[3\]\.extra: Extra inputs"),
        (("records", 3, "value"), True, r"records\[3\]\.value"),
        (("records", 0, "family"), "other", r"field records\[0\]\.family: "),
        (("records", 0, "interval", "lo"), 1, r"records\[0\]\.interval\.lo"),
        (("models", 0, "name"), ..., r"field models\[0\]\.name: Field required"),
        (("seed",), "13", r"field seed: "),
        (("surplus",), {}, r"field surplus: "),
    ],
)
def test_refuses_a_wrong_field_and_names_it(path, value, told):
    with pytest.raises(AuditError, match=rf"^x\.json: .*{told}.*Run the audit again"):
        load(changed(path, value), "x.json")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"x\.json, line 1, column 1"),
        ("[1, 2]", "schema_version is missing"),
        ("{}", "schema_version is missing"),
        ('{"schema_version": "1.0", "seed": NaN}', "NaN is not finite"),
        ('{"schema_version": "1.0", "seed": 1e999}', "1e999 is not finite"),
        ("[" * 100_000, "x.json"),
    ],
)
def test_refuses_what_is_not_a_report(text, told):
    with pytest.raises(AuditError, match=told):
        load(text, "x.json")


@pytest.mark.parametrize("number", ["1e999", "-2.5E+0400", "1e+400", "9" * 400 + ".0"])
def test_refuses_what_is_not_finite_beside_what_looks_like_it(number):
    text = changed(("records", 0, "detail"), {"sha256": "ab3e1234", "x": ["MARK"]})
    assert load(text, "x.json").records[0].detail["sha256"] == "ab3e1234"
    with pytest.raises(AuditError, match=r"^x\.json: .* is not finite"):
        load(text.replace('"MARK"', number).replace(": [", ":["), "x.json")


def test_refuses_a_file_that_was_cut_off():
    text = dump(sample())
    with pytest.raises(
        AuditError, match=r"x\.json, line \d+, column \d+: .*whole JSON"
    ):
        load(text[: len(text) // 2], "x.json")


def test_refuses_another_major_version_and_says_what_to_do():
    with pytest.raises(AuditError, match=r"schema_version is '2\.0'.*newer one"):
        load(changed(("schema_version",), "2.0"), "x.json")


def test_json_schema_accepts_reports_and_refuses_unknown_fields():
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json_schema())
    assert validator.is_valid(json.loads(dump(sample())))
    assert not validator.is_valid(json.loads(changed(("records", 0, "extra"), 1)))
