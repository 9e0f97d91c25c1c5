"""Charts as files: each as SVG and PNG, and a list that says what they show."""

import sys
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from fairaudit.cli.report import deliver
from fairaudit.errors import AuditError
from fairaudit.report import Illustrator, pictures
from fairaudit.report.html import HtmlWriter
from fairaudit.report.pictures import ChartsWriter
from tests.test_report_html_parts import everything, hostile
from tests.test_report_sample import PAYLOADS

FEW = replace(everything(), records=everything().records[-2:])


def test_every_chart_is_written_twice_and_told(tmp_path):
    deliver(ChartsWriter(), FEW, tmp_path, quiet=True)
    found = sorted(path.name for path in (tmp_path / "charts").iterdir())
    pictures = [name for name in found if name != "charts.md"]
    assert len(pictures) == 2 * 4
    for name in pictures:
        raw = (tmp_path / "charts" / name).read_bytes()
        if name.endswith(".svg"):
            assert ElementTree.fromstring(raw).tag.endswith("svg")  # noqa: S314
        else:
            assert raw.startswith(b"\x89PNG")
    told = (tmp_path / "charts" / "charts.md").read_text("utf-8")
    assert told.count("\n- ") == 4
    assert "2 changes, 1 up and 1 down" in told


def test_only_writers_with_further_files_are_illustrators():
    assert isinstance(ChartsWriter(), Illustrator)
    assert not isinstance(HtmlWriter(), Illustrator)


def test_charts_beyond_the_limit_are_counted(monkeypatch):
    monkeypatch.setattr(pictures, "MOST", 1)
    assert "3 more charts not drawn" in ChartsWriter().render(FEW)
    assert len(list(ChartsWriter().files(FEW))) == 2


def test_nothing_to_draw_is_said():
    bare = replace(FEW, records=(), changes=(), agreements=())
    assert "nothing to draw" in ChartsWriter().render(bare)
    assert list(ChartsWriter().files(bare)) == []


@pytest.mark.parametrize("payload", PAYLOADS)
def test_file_names_are_safe_whatever_the_metric_is_called(payload):
    for name, _ in pictures._named(pictures._plans(hostile(f"../{payload}/.."))):
        assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789-")


@pytest.mark.parametrize("lacking", ["altair", "vl_convert"])
def test_without_chart_libraries_there_is_an_error_that_helps(monkeypatch, lacking):
    monkeypatch.setitem(sys.modules, lacking, None)
    with pytest.raises(AuditError, match=r"pip install 'fairaudit-nlp\[html\]'"):
        next(ChartsWriter().files(FEW))
