"""The page: whole, self-contained, accessible, and inert whatever the data say."""

import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from fairaudit.report import charts, wording
from fairaudit.report.html import HtmlWriter
from fairaudit.report.limits import Limits
from fairaudit.report.schema import dump, load
from fairaudit.result import Interval
from tests.test_report_sample import LONG, PAYLOADS, hostile, sample

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Collects elements, their text and the tags that do not balance."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.wrong, self.tags, self.words = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        if "style" not in self.open and "script" not in self.open:
            self.words.append(data)

    def named(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.words)).replace("−", "-")


@pytest.fixture(scope="module")
def text():
    return HtmlWriter().render(sample())


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def svgs(text):
    return re.findall(r"<svg.*?</svg>", text, re.DOTALL)


def drawings(text):
    return [ElementTree.fromstring(svg) for svg in svgs(text)]  # noqa: S314


def test_tags_balance_and_ids_are_unique(page):
    assert (page.open, page.wrong) == ([], [])
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = [a["href"][1:] for a in page.named("a")]
    assert set(targets) <= set(ids)
    assert page.named("html") == [{"lang": "en"}]


def test_page_needs_no_network_and_runs_its_own_script_only(page, text):
    assert [a.get("id") for a in page.named("script")] == ["fairaudit-report", "sort"]
    assert "@import" not in text
    assert "url(" not in text
    for tag, attrs in page.tags:
        assert "src" not in attrs
        assert not any(name.startswith("on") for name in attrs)
        if tag in ("a", "link"):
            assert attrs["href"].startswith(("#", "data:,"))


def test_every_number_of_the_report_is_on_the_page(page):
    for record in sample().records:
        if record.value is not None:
            assert wording.number(record.value) in page.text
            assert wording.interval(record.interval) in page.text


def test_strip_counts_in_words(page):
    counts = wording.tally(sample())
    expected = {
        "findings": 36,
        "excludes": 12,
        "includes": 4,
        "not tested": 11,
        "no interval": 1,
        "no ideal": 8,
        "not run": 2,
        "errors": 1,
    }
    assert counts == expected
    for told in ("findings36", "interval excludes the ideal12", "errors1"):
        assert told in page.text


def test_findings_are_sorted_and_say_value_interval_n_p_and_distance(page):
    first = (
        "interval excludes the ideal · flowers vs insects, pleasant vs unpleasant: "
        "combined effect size (standard deviations) is 1.230 (95% interval 1.140 to "
        "1.320; n = 10,000; adjusted p < 0.001), 1.230 from the ideal 0."
    )
    assert first in page.text
    assert "16 more findings with an ideal value" in page.text
    assert "8 findings without a single ideal value" in page.text


def test_no_verdict_and_no_direction_is_called_better(page):
    found = re.findall(
        r"\b(unbiased|debiased|fair|unfair|lower is better)\b", page.text
    )
    assert found == []


def test_tables_have_captions_and_scopes(page):
    assert len(page.named("table")) == len(page.named("caption")) == 8
    assert all("scope" in attrs for attrs in page.named("th"))


def test_reasons_limits_data_and_reproduction_are_there(page):
    for told in (
        "not run: only 4 rows of the group Sikh; at least 30 are needed",
        "error: RuntimeError: out of memory at batch 3",
        "What this report does not show",
        "is not evidence that there is none",
        "Guo and Caliskan 2021, equation 4",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "CC-BY-4.0",
        "fairaudit run --model models/a --data data/comments-2024.csv",
        "sha256:cd34",
        "57,680 texts sent through a model",
        LONG,
    ):
        assert told in page.text


def test_charts_are_labelled_svg_with_one_row_a_finding(text):
    found = drawings(text)
    assert [svg.get("role") for svg in found] == ["img"] * 5
    assert found[0].get("aria-label") == (
        "Forest plot of ceat: combined effect size: 6 intervals. "
        "The ideal is 0; 5 of them exclude it."
    )
    labels = [t.text for t in found[0].iter("{http://www.w3.org/2000/svg}text")]
    assert "1.020 [0.930, 1.110]" in [re.sub(r"\s+", " ", x) for x in labels]
    assert text.count("ideal_marks") > 4


def test_points_are_filled_exactly_where_the_ideal_is_excluded(text):
    def points(svg, name):
        groups = svg.iter("{http://www.w3.org/2000/svg}g")
        return sum(len(g) for g in groups if f" {name}_marks" in g.get("class", ""))

    ceat, *_, rates, _ratio, _sensitivity = drawings(text)
    assert (points(ceat, "away"), points(ceat, "near")) == (5, 1)
    assert (points(rates, "away"), points(rates, "near")) == (0, 8)


def test_embedded_json_is_the_report(text):
    block = re.search(r'id="fairaudit-report">(.*?)</script>', text, re.DOTALL)
    assert load(block.group(1), "page") == sample()


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_is_shown_and_does_nothing(payload):
    whole = hostile(payload)
    report = replace(whole, records=whole.records[::3])
    text = HtmlWriter().render(report)
    page = Page(text)
    assert (page.open, page.wrong) == ([], [])
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    assert [a.get("id") for a in page.named("script")] == ["fairaudit-report", "sort"]
    assert page.named("img") == []
    assert not any(n.startswith("on") for _, attrs in page.tags for n in attrs)
    assert wording.visible(payload).strip() in page.text
    assert len(drawings(text)) == 2
    block = re.search(r'id="fairaudit-report">(.*?)</script>', text, re.DOTALL)
    assert dump(load(block.group(1), "page")) == dump(report)


@pytest.mark.parametrize("lacking", ["altair", "vl_convert"])
def test_without_chart_libraries_the_page_has_tables_and_says_so(monkeypatch, lacking):
    monkeypatch.setitem(sys.modules, lacking, None)
    text = HtmlWriter().render(sample())
    assert svgs(text) == []
    page = Page(text)
    assert f"because {lacking} is not installed" in page.text
    assert "pip install 'fairaudit-nlp[html]'" in page.text
    assert "[0.930, 1.110]" in page.text


def many(count):
    report = sample()
    base = report.records[0]
    records = tuple(
        replace(base, subject=f"axis: group {i} vs group {j}", params={"layer": i})
        for i, j in (divmod(k, 40) for k in range(count))
    )
    return replace(report, records=records)


def test_charts_are_split():
    plans = charts.forests(many(45))
    assert [len(plan.records) for plan in plans] == [20, 20, 5]
    assert plans[1].title == "disparity: demographic parity difference, part 2 of 3"


@pytest.mark.slow
def test_large_report_stays_small_and_says_what_is_left_out():
    text = HtmlWriter().render(many(1500))
    page = Page(text)
    assert len(text.encode()) < 500_000
    assert "1,350 more records left out" in page.text
    assert "59 more charts left out" in page.text
    assert "too long to be embedded" in page.text


def test_empty_report_makes_a_page():
    page = Page(HtmlWriter().render(replace(sample(), records=())))
    assert "Every metric that was asked for gave a number" not in page.text
    assert "The audit holds no records." in page.text


def test_equal_and_extreme_intervals_can_be_drawn():
    report = sample()
    base = report.records[0]
    records = (
        replace(base, value=0.0, interval=Interval(0.0, 0.0)),
        replace(base, value=1e12, interval=Interval(-1e12, 2e12)),
    )
    text = HtmlWriter().render(replace(report, records=records))
    assert len(svgs(text)) == 1
    assert "NaN" not in text


def test_page_follows_dark_mode_and_prints(text):
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_text_colours_meet_the_contrast_of_wcag_aa(text):
    palettes = re.findall(r"--page: #\w{6}.*?}", text, re.DOTALL)
    assert len(palettes) == 2
    for palette in palettes:
        colours = dict(re.findall(r"--(\w+): (#\w{6})", palette))
        for front in ("ink", "quiet", "accent", "away", "near", "bad"):
            for back in ("page", "card", "soft"):
                assert contrast(colours[front], colours[back]) >= 4.5, (front, back)


def test_budget_constants_are_the_documented_ones():
    found = Limits()
    assert (found.sentences, found.charts, found.rows) == (12, 16, 150)
