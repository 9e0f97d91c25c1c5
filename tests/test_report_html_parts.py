"""The page's gates, changes, ranks, agreement, groups, evidence and data checks."""

import re
from dataclasses import replace

import numpy as np
import pytest

from fairaudit.report import datachecks, evidence, grouptables, limits, ranking
from fairaudit.report.dumbbells import dumbbells
from fairaudit.report.html import HtmlWriter
from fairaudit.report.scatter import LABELS, Scatter, scatters
from fairaudit.report.wording import visible
from fairaudit.result import (
    Agreement,
    Alignment,
    Change,
    Correlation,
    GateOutcome,
    Interval,
    Quantity,
)
from fairaudit.result.agreement import ALIGNED, RULE
from tests.test_report_html import Page
from tests.test_report_sample import PAYLOADS, RATE, finding, sample

PLACE = {"model": "toxicity-distilbert-base", "dataset": "comments-2024"}
DIFFERENCE = "true_positive_rate_difference"


def gate(verdict, **given):
    settings = {
        "gate": "Gap between true positive rates",
        "limit": "interval at most 0.1",
        "verdict": verdict,
        "reason": "the interval lies beyond the limit",
        "metric": "disparity",
        "quantity": DIFFERENCE,
        "subject": "gender",
        "value": 0.2,
        "interval": Interval(0.15, 0.25),
        "n": 812,
        "p_value": 0.001,
        "p_adjusted": 0.004,
    }
    return GateOutcome(**PLACE, **(settings | given))


def change(group, before, after):
    return Change(
        **PLACE,
        metric="disparity",
        quantity=DIFFERENCE,
        subject=f"gender: {group} vs men",
        before=before,
        after=after,
        change=after - before,
        interval=Interval(after - before - 0.04, after - before + 0.04),
        n=812,
        p_value=0.01,
        p_adjusted=0.03,
        paired=True,
        method="paired bootstrap",
    )


def correlation(kind, value, *, tested):
    return Correlation(
        coefficient=kind,
        value=value,
        interval=Interval(value - 0.3, value + 0.2),
        p_value=0.01 if tested else None,
        p_adjusted=0.0421 if tested else None,
        leave_one_out=(value - 0.1, value + 0.05),
        reason="" if tested else "fewer than 10 models: descriptive only",
    )


def agreement(n, *, aligned, first="ceat variance over gender"):
    rng = np.random.default_rng(n)
    x = rng.normal(size=n)
    kinds = zip(("pearson", "spearman", "kendall"), (0.5, 0.45, 0.3), strict=True)
    return Agreement(
        first=first,
        second="disparity variance over gender",
        families=("intrinsic", "extrinsic"),
        models=tuple(f"model-{i}" for i in range(n)),
        x=tuple(x.tolist()),
        y=tuple((x + rng.normal(size=n)).tolist()),
        correlations=tuple(correlation(k, v, tested=n >= 10) for k, v in kinds),
        alignment=Alignment(
            groups=1.0 if aligned else 0.2,
            notions=("stereotype", "toxicity"),
            aligned=aligned,
        ),
        descriptive=n < 10,
    )


def groups(axis, names):
    for name in names:
        for quantity, n in (("false_positive_rate", 412), ("false_negative_rate", 18)):
            rate = replace(RATE, name=quantity)
            yield replace(finding(rate, f"{axis}={name}", 0.2, 0.03, None), n=n)


PAIR = {
    "first": "She is a nurse and she stays",
    "second": "He is a nurse and he stays",
    "groups": ["women", "men"],
    "change": 0.4125,
    "predicted": ["toxic", "fine"],
}
TOP = {
    "row": 3,
    "text": "The young woman was late again",
    "value": 0.5,
    "predicted": "toxic",
    "tokens": [
        {"start": 4, "end": 9, "contribution": 0.1},
        {"start": 10, "end": 15, "contribution": 0.3},
        {"start": 16, "end": 19, "contribution": -0.05},
    ],
    "tokens_left_out": 2,
}


def evident(pair, top):
    largest = finding(replace(RATE, name="largest_change"), "gender", 0.4, None, None)
    lists = {"pairs": [pair, {"first": 3}], "left_out": {"no group term": 120}}
    token = replace(RATE, name="token_sensitivity")
    strips = {"texts_truncated": 7, "unlabelled_rows": 0, "top": [top]}
    return (
        replace(largest, metric="counterfactual", detail=lists),
        replace(
            finding(token, "all texts", 0.012, 0.004, None, metric="sensitivity"),
            family="sensitivity",
            detail=strips,
        ),
    )


def everything():
    """Return a report in which every part of the page has something to show."""
    report = sample()
    data = replace(
        report.datasets[0],
        left_out={"not in the sample (limit)": 1000},
        traits={"language": "en"},
        groups={"gender": {"women": 400, "men": 412, "non-binary people": 18}},
    )
    two = Agreement(
        first="a",
        second="b",
        families=("intrinsic", "sensitivity"),
        models=("m", "n"),
        reason="only 2 models have both numbers; at least 3 are needed",
    )
    return replace(
        report,
        records=(
            *report.records,
            *groups("gender", ("women", "men", "non-binary people")),
            *groups("gender & age", ("women & older", "men & older")),
            *evident(PAIR, TOP),
        ),
        datasets=(data, *report.datasets[1:]),
        gates=tuple(map(gate, ("not flagged", "not run", "inconclusive", "flagged"))),
        changes=(change("women", 0.1, 0.17), change("non-binary people", 0.2, 0.12)),
        agreements=(
            agreement(14, aligned=True),
            agreement(5, aligned=False, first="weat variance over gender"),
            two,
        ),
    )


@pytest.fixture(scope="module")
def text():
    return HtmlWriter().render(everything())


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def part(text, name):
    """Return the words of one section."""
    found = re.search(
        rf'<section aria-labelledby="{name}">.*?</section>', text, re.DOTALL
    )
    return Page(found.group()).text


def test_page_is_whole(page):
    assert (page.open, page.wrong) == ([], [])
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in page.named("a")} <= set(ids)
    assert len(page.named("table")) == len(page.named("caption"))
    assert all("scope" in attrs for attrs in page.named("th"))


def test_parts_that_have_nothing_to_show_are_left_out():
    text = HtmlWriter().render(replace(sample(), models=sample().models[:1]))
    for name in ("gates", "changes", "agreement", "evidence"):
        assert f'id="{name}"' not in text
        assert f'href="#{name}"' not in text


def test_strip_and_table_tell_verdicts_by_sign_and_word(page, text):
    for told in ("! flagged1", "? inconclusive1", "- not run1", "+ not flagged1"):
        assert told in page.text
    rows = part(text, "gates")
    order = [rows.rindex(v) for v in ("! flagged", "? inconclusive", "+ not flagged")]
    assert order == sorted(order)
    assert "limit: interval at most 0.1" in rows


def test_changes_have_a_table_and_a_dumbbell_chart(text):
    told = part(text, "changes")
    assert "gender: women vs men" in told
    assert "0.070[0.030, 0.110]812" in told
    assert "paired: paired bootstrap" in told
    (chart,) = dumbbells(everything())
    assert chart.summary == (
        "Dumbbell chart of disparity: true positive rate difference, baseline to now: "
        "2 changes, 1 up and 1 down."
    )
    assert chart.summary in text
    assert "0.100 → 0.170" in told


def test_ranks_say_what_is_not_decisive(text):
    told = part(text, "ranks")
    assert "not decisive: intervals overlap" in told
    assert "1. toxicity-distilbert-base (1.020)" in told
    found = ranking.rankings(everything())
    agreed = ranking.concordance(found)
    assert f"Kendall's W is {agreed.value:.3f}" in told


def test_mean_ranks_are_those_of_scipy():
    from scipy.stats import rankdata

    gaps = np.random.default_rng(0).integers(0, 5, 40) / 8
    assert ranking._mean_ranks(gaps).tolist() == rankdata(gaps).tolist()


def test_agreement_tells_aligned_pairs_apart_and_states_the_rule(text):
    told = part(text, "agreement")
    assert RULE in told
    assert f"{ALIGNED:g}" in RULE
    apart = told.index("Pairs that are not aligned")
    first, second = told[:apart], told[apart:]
    assert "ceat variance over gender ~ disparity" in first
    assert "weat variance over gender ~ disparity" in second
    assert "spearman0.450[0.150, 0.650]0.0420.350 to 0.50014" in first
    assert "not tested" in second
    assert "descriptive only" in second
    assert "only 2 models have both numbers" in second


def test_points_of_a_scatter_are_named_where_there_is_room():
    few, many = agreement(4, aligned=True), agreement(400, aligned=True)
    assert Scatter(few).unnamed <= 1
    assert Scatter(many).unnamed >= 400 - LABELS
    same = replace(few, x=(1.0,) * 4, y=(1.0,) * 4)
    assert Scatter(same).unnamed == 3


def test_scatters_put_aligned_pairs_first():
    assert [s.agreement.alignment.aligned for s in scatters(everything())] == [
        True,
        False,
    ]


def test_group_tables_mark_small_n(text):
    told = part(text, "groups")
    assert "fewer than 30 units" in told
    assert "intersections of gender & age" in told
    assert "n = 18 ▨ small" in told
    assert "n = 412 ▨" not in told
    tables = grouptables.group_tables(everything())
    assert [t.intersectional for t in tables] == [False, True]
    assert [(len(t.rows), t.small) for t in tables] == [(3, 3), (2, 2)]


@pytest.mark.parametrize(
    "subject", ["gender", "gender: women vs men", "a=b vs a=c", "=x", "texts: p=1"]
)
def test_other_subjects_are_no_groups(subject):
    report = replace(everything(), records=(finding(RATE, subject, 0.1, None, None),))
    assert grouptables.group_tables(report) == []


def test_evidence_is_behind_a_warning(page, text):
    assert [a["class"] for a in page.named("details")].count("warning") == 1
    told = part(text, "evidence")
    assert "Content warning" in told
    assert "change 0.412; predicted toxic, then fine" in told
    assert "1 entry not in a known form" in told
    assert "“woman” 0.300, “young” 0.100, “was” -0.050; 2 tokens not shown" in told
    assert "<mark>She</mark> is a nurse and <mark>she</mark> stays" in text
    assert '<span class="heat5" title="0.300">woman</span>' in text
    assert '<span class="heat1 below" title="−0.050">was</span>' in text


@pytest.mark.parametrize(
    "top",
    [
        {},
        {"text": 3, "value": 1},
        {"text": "abc", "value": True},
        {"text": "abc", "value": None},
    ],
)
def test_evidence_of_another_form_is_counted(top):
    report = replace(everything(), records=evident(PAIR, top))
    told = {
        e.record.metric: (len(e.pairs), e.unread) for e in evidence.exhibits(report)
    }
    assert told == {"counterfactual": (1, 1)}
    pairless = evident({"first": "a", "second": "b", "change": "no"}, TOP)
    (strip,) = evidence.exhibits(replace(report, records=pairless))
    assert "".join(token.text for token in strip.strips[0].tokens) == TOP["text"]


def test_overlapping_and_outlying_tokens_leave_the_text_as_it_is():
    spans = [(0, 5, 1.0), (3, 8, 0.5), (7, 99, 0.1), (200, 300, 0.1), (5, 2, 0.3)]
    tokens = [{"start": a, "end": b, "contribution": c} for a, b, c in spans]
    report = replace(sample(), records=evident(PAIR, {**TOP, "tokens": tokens}))
    strip = list(evidence.exhibits(report))[1].strips[0]
    assert "".join(token.text for token in strip.tokens) == TOP["text"]


def test_data_checks_tell_what_was_cut_and_left_out(text):
    told = part(text, "data")
    assert "1,000 rows: not in the sample (limit)" in told
    assert "languageen" in told
    assert "largest to smallest: 22.89 to 1" in told
    assert "18 ▨ small" in told
    assert "left outno group term120" in told
    assert "texts longer than the model reads, and cutin all7" in told
    assert "Looked for and not found: rows without a label." in told


def test_each_check_is_told_once():
    records = evident(PAIR, TOP) * 3
    found, clear = datachecks.checks(replace(sample(), records=records))
    assert [(c.what, c.count) for c in found] == [
        ("left out", 120),
        ("texts longer than the model reads, and cut", 7),
    ]
    assert clear == ["rows without a label"]


def test_the_script_is_named_by_its_hash_and_nothing_else_may_run(text):
    from base64 import b64encode
    from hashlib import sha256

    script = re.search(r'<script id="sort">(.*?)</script>', text, re.DOTALL).group(1)
    named = b64encode(sha256(script.encode()).digest()).decode()
    assert (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{named}'"
        in (text)
    )


def hostile(payload):
    whole = everything()
    pair = {**PAIR, "first": payload, "groups": [payload, payload]}
    top = {**TOP, "text": payload * 3, "predicted": payload}
    rate = Quantity(name=payload, unit=payload, ideal=0.0)
    cells = tuple(groups(re.sub("[=:]", "", payload), (payload, f"{payload}2")))
    named = {"model": payload, "dataset": payload, "metric": payload}
    return replace(
        whole,
        records=(
            *(replace(r, **named) for r in (*evident(pair, top), *cells)),
            replace(cells[0], **named, quantity=rate, detail={"left_out": payload}),
        ),
        gates=(gate("flagged", gate=payload, reason=payload, subject=payload),),
        changes=tuple(replace(c, **named, subject=payload) for c in whole.changes),
        agreements=(
            replace(agreement(4, aligned=False, first=payload), models=(payload,) * 4),
        ),
        datasets=(
            replace(
                whole.datasets[0],
                left_out={payload: 3},
                traits={payload: payload},
                groups={payload: {payload: 3}},
            ),
        ),
    )


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_does_nothing_in_any_part(payload):
    page = Page(text := HtmlWriter().render(hostile(payload)))
    assert (page.open, page.wrong) == ([], [])
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    assert [a.get("id") for a in page.named("script")] == ["fairaudit-report", "sort"]
    assert page.named("img") == []
    assert not any(n.startswith("on") for _, attrs in page.tags for n in attrs)
    for name in ("gates", "changes", "agreement", "groups", "evidence", "data"):
        assert visible(payload).strip()[:3] in part(text, name)


def test_halving_limits_ends():
    found, steps = limits.Limits(), 0
    while found != found.halved():
        found, steps = found.halved(), steps + 1
    assert steps < 10
    assert set(vars(found).values()) == {1}
