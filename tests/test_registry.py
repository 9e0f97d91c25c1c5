import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Literal

import pytest

from fairaudit import registry
from fairaudit.engine import Settings, audit
from fairaudit.errors import AuditError
from fairaudit.registry import build, find, load
from tests.fakes import FakeModel, examples

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DECLARED = PROJECT["project"]["entry-points"]
BUNDLED = set(DECLARED["fairaudit.metrics"])
METRIC = dedent(
    '''
    from dataclasses import dataclass
    from typing import ClassVar

    from fairaudit.data import Examples
    from fairaudit.metric import Metric
    from fairaudit.model import Predict
    from fairaudit.result import Finding, Quantity

    RATE = Quantity(name="foo_rate", unit="proportion", ideal=None)


    @dataclass(frozen=True)
    class Foo(Metric):
        """The share of texts whose second class is the more likely."""

        threshold: float = 0.5

        name: ClassVar[str] = "foo"
        family: ClassVar[str] = "extrinsic"
        accepts: ClassVar[type] = Examples
        quantities: ClassVar[tuple] = (RATE,)
        summary: ClassVar[str] = "A share."
        asks: ClassVar[tuple] = ("predict",)

        def needs(self, data, card):
            return {"p": Predict(data.texts)}

        def score(self, data, readings, card, rng):
            chosen = readings["p"]["probabilities"][:, 1] >= self.threshold
            share = float(chosen.mean())
            yield Finding(quantity=RATE, subject="all", value=share, n=len(chosen))
    '''
)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a distribution on the path without installing it."""

    def put(name, entries, module="foo_module", source=METRIC, group="metrics"):
        place = tmp_path / name
        info = place / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        (info / "METADATA").write_text(metadata)
        text = "\n".join(f"{k} = {v}" for k, v in entries.items())
        (info / "entry_points.txt").write_text(f"[fairaudit.{group}]\n{text}\n")
        (place / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(str(place))
        monkeypatch.delitem(sys.modules, module, raising=False)

    return put


def test_the_bundled_plugins_are_those_of_the_project_file():
    for group in ("metrics", "datasets", "models", "reports"):
        found = find(f"fairaudit.{group}")
        entries = {name: plugin.entry.value for name, plugin in found.items()}
        assert entries == DECLARED[f"fairaudit.{group}"]
        assert {plugin.distribution for plugin in found.values()} == {"fairaudit-nlp"}
    assert {"ceat", "disparity", "sensitivity"} <= BUNDLED


def test_no_module_of_the_core_names_the_bundled_metrics():
    sources = sorted((ROOT / "fairaudit").rglob("*.py"))
    assert len(sources) > 30
    for path in sources:
        assert "fairaudit_metrics" not in path.read_text(encoding="utf-8")


def test_without_entry_points_nothing_is_found(monkeypatch):
    monkeypatch.setattr(registry, "entry_points", lambda group: [])
    assert find("fairaudit.metrics") == {}
    with pytest.raises(AuditError, match=r"No metric is called 'ceat'\. Known: none"):
        load("fairaudit.metrics", "ceat")


def test_a_metric_of_another_distribution_runs_beside_the_bundled_ones(install):
    install("foo", {"foo": "foo_module:Foo"})
    plugins = find("fairaudit.metrics")
    assert set(plugins) == {*BUNDLED, "foo"}
    assert (plugins["foo"].distribution, plugins["foo"].version) == ("foo", "1.0")
    assert "foo_module" not in sys.modules
    metrics = [
        build(load("fairaudit.metrics", "disparity"), {"draws": "100"}, "disparity"),
        build(load("fairaudit.metrics", "foo"), {"threshold": "0.0"}, "metric foo"),
    ]
    data = examples([f"text {i}" for i in range(60)])
    records = audit([FakeModel()], metrics, [data], Settings()).records
    (mine,) = [record for record in records if record.metric == "foo"]
    assert (mine.status, mine.value, mine.n) == ("ok", 1.0, 60)
    assert mine.params == {"threshold": 0.0}
    theirs = {r.status for r in records if r.metric == "disparity"}
    assert "ok" in theirs
    assert "error" not in theirs


def test_one_name_from_two_distributions_is_refused_and_both_are_named(install):
    install("bar", {"foo": "bar_module:Foo"}, module="bar_module")
    install("foo", {"foo": "foo_module:Foo"})
    with pytest.raises(AuditError, match=r"'foo'.*both bar and foo") as caught:
        find("fairaudit.metrics")
    assert "uninstall one" in str(caught.value)


def test_a_bundled_name_cannot_be_taken_over(install):
    install("evil", {"ceat": "foo_module:Foo"})
    with pytest.raises(AuditError, match="both evil and fairaudit-nlp"):
        load("fairaudit.metrics", "ceat")


def test_one_distribution_seen_twice_is_one(install, monkeypatch):
    install("foo", {"foo": "foo_module:Foo"})
    monkeypatch.setattr(sys, "path", [*sys.path, sys.path[0]])
    assert set(find("fairaudit.metrics")) == {*BUNDLED, "foo"}


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import not_there_at_all", "ModuleNotFoundError: .*not_there_at_all"),
        ("1 / 0", "ZeroDivisionError"),
        ("x = 1", "AttributeError: .*Foo"),
        ("def", "SyntaxError"),
    ],
)
def test_a_plugin_that_does_not_import_names_its_distribution(install, source, problem):
    install("foo", {"foo": "foo_module:Foo"}, source=source)
    with pytest.raises(AuditError, match=rf"'foo' of foo 1\.0 .*{problem}"):
        load("fairaudit.metrics", "foo")
    assert load("fairaudit.metrics", "ceat").name == "ceat"


@pytest.mark.parametrize(
    ("group", "name", "said"),
    [
        ("metrics", "ceta", "No metric is called 'ceta'. Did you mean 'ceat'?"),
        ("datasets", "exampels", "No dataset is called .* Did you mean 'examples'?"),
        ("models", "hff", "No model is called 'hff'. Did you mean 'hf'?"),
        ("reports", "htlm", "No report is called 'htlm'. Did you mean 'html'?"),
        ("metrics", "zzz", "No metric is called 'zzz'. Known: .*ceat, .*disparity"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(group, name, said):
    with pytest.raises(AuditError, match=said.replace("?", r"\?")):
        load(f"fairaudit.{group}", name)


@dataclass(frozen=True)
class Options:
    count: int = 1
    share: float = 0.5
    word: str = "x"
    pool: Literal["last", "mean"] = "last"
    flag: bool = False
    most: int | None = None
    derived: int = field(default=0, init=False)

    def __post_init__(self):
        if self.count < 0:
            raise ValueError("count is negative")


@dataclass(frozen=True)
class Needy:
    must: int


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("count", "12", 12),
        ("count", "-0", 0),
        ("share", "1e-3", 0.001),
        ("share", "2", 2.0),
        ("word", "12", "12"),
        ("pool", "mean", "mean"),
        ("flag", "true", True),
        ("flag", "no", False),
        ("most", "7", 7),
    ],
)
def test_build_converts_text_to_the_type_of_the_field(name, text, value):
    made = getattr(build(Options, {name: text}, "metric m"), name)
    assert made == value
    assert type(made) is type(value)


def test_build_without_options_takes_the_defaults():
    assert build(Options, {}, "metric m") == Options()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cuont": "1"}, r"metric m has no parameter 'cuont'\. Did you mean 'count'\?"),
        ({"derived": "1"}, "metric m has no parameter 'derived'"),
        ({"name": "1"}, r"Known: count, flag, most, pool, share, word\."),
        ({"count": "many"}, "metric m:count='many' cannot be used: .*integer"),
        ({"count": "1.5"}, "metric m:count='1.5' cannot be used: .*integer"),
        ({"share": ""}, "metric m:share='' cannot be used: .*number"),
        ({"pool": "max"}, "metric m:pool='max' cannot be used: .*'last' or 'mean'"),
        ({"flag": "perhaps"}, "metric m:flag='perhaps' cannot be used: .*boolean"),
        ({"count": "-3"}, "metric m cannot be made: count is negative"),
    ],
)
def test_build_says_what_is_wrong_with_an_option(options, said):
    with pytest.raises(AuditError, match=said):
        build(Options, options, "metric m")


def test_build_says_that_a_parameter_is_lacking():
    with pytest.raises(AuditError, match=r"metric m cannot be made: .*'must'"):
        build(Needy, {}, "metric m")
    assert build(Needy, {"must": "3"}, "metric m") == Needy(3)


def test_build_refuses_what_is_no_dataclass():
    with pytest.raises(AuditError, match="metric m is not a dataclass"):
        build(dict, {}, "metric m")


def test_class_variables_are_no_parameters():
    ceat = load("fairaudit.metrics", "ceat")
    with pytest.raises(AuditError, match="no parameter 'family'"):
        build(ceat, {"family": "extrinsic"}, "metric ceat")
    for name in BUNDLED:
        assert build(load("fairaudit.metrics", name), {}, name).name == name
