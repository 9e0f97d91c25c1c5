"""Lists of terms: the bundled ones, and files of one's own."""

import json
from collections import Counter

import pytest

from fairaudit.errors import AuditError
from fairaudit.perturbation import AXES, Perturber, read_terms, term_list
from fairaudit.perturbation.context import english

CSV = """part,cats,dogs,needs
noun,kitten/kittens,puppy/puppies,
noun,cat/cats,dog/dogs,
name,Tom,Rex,
adjective,feline,canine,person
"""
LIST = {
    "axis": "pets",
    "groups": ["cats", "dogs"],
    "source": ["own"],
    "sets": [
        {"part": "noun", "cats": "kitten/kittens", "dogs": "puppy/puppies"},
        {"part": "noun", "cats": "cat/cats", "dogs": "dog/dogs"},
        {"part": "noun", "cats": "Manx", "dogs": "pug"},
    ],
    "exact": ["Manx"],
    "bound": ["purr"],
    "unclear": ["pet"],
    "idioms": ["hot dog"],
}


def written(tmp_path, content, name="pets.json"):
    path = tmp_path / name
    text = content if isinstance(content, str) else json.dumps(content, indent=1)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("axis", AXES)
def test_bundled_list_is_complete(axis):
    terms = term_list(axis)
    assert terms.axis == axis
    assert terms.source
    assert all(terms.source)
    assert len(terms.groups) >= 2
    by_group = Counter(term.group for term in terms.terms)
    assert by_group.keys() == set(terms.groups)
    assert min(by_group.values()) >= 2
    assert all(words for words in (terms.bound, terms.unclear, terms.idioms))
    # Most terms can be swapped.
    swappable = sum(bool(terms.counterparts(term)) for term in terms.terms)
    assert swappable > len(terms.terms) / 2


@pytest.mark.parametrize("axis", AXES)
def test_counterparts_are_mutual(axis):
    terms = term_list(axis)
    known = {}
    for term in terms.terms:
        known.setdefault((term.text, term.part, term.number), term)
    for term in terms.terms:
        for group, text in terms.counterparts(term).items():
            other = known[text, term.part, term.number]
            assert other.group == group
            assert terms.counterparts(other)[term.group] == term.text


@pytest.mark.parametrize("axis", AXES)
def test_words_have_one_role(axis):
    terms = term_list(axis)
    roles = [terms.bound, terms.unclear, terms.idioms]
    listed = {term.text.lower() for term in terms.terms}
    for at, words in enumerate(roles):
        assert not listed & {word.lower() for word in words}
        for others in roles[at + 1 :]:
            assert not set(words) & set(others)


def test_names_come_from_the_published_lists():
    names = {t.text for t in term_list("gender").terms if t.part == "name"}
    assert {"Amy", "Lisa", "Kevin", "Steve", "Lakisha", "Darnell", "Emily"} <= names
    race = [t for t in term_list("race").terms if t.part == "name"]
    assert {t.group for t in race} == {"Black people", "white people"}
    assert any("doi:10.1126/science.aal4230" in s for s in term_list("race").source)


def test_word_classes_do_not_contradict_each_other():
    words = english()
    for name in ("things", "nouns", "adjectives"):
        assert not words[name] & words["closed"]
        assert not words[name] & words["unsure"]
    assert not words["things"] & words["nouns"]
    assert words["causers"] <= words["givers"]
    assert all(word == word.lower() for found in words.values() for word in found)


def test_own_csv_list(tmp_path):
    terms = read_terms(written(tmp_path, CSV, "pets.csv"))
    assert (terms.axis, terms.groups) == ("pets", ("cats", "dogs"))
    found = Perturber(terms).swap(["Two kittens and a cat.", "TOM the dog", "tom"])
    assert found.texts == ("Two puppies and a dog.",)
    assert found.states == ("swapped", "asymmetric", "no term")


def test_own_json_list(tmp_path):
    terms = read_terms(written(tmp_path, LIST))
    found = Perturber(terms).swap(
        ["A puppy.", "Cats purr.", "A hot dog", "A pet cat", "manx", "MANX", "Manx"]
    )
    assert found.texts == ("A kitten.", "PUG", "Pug")
    assert found.states == (
        "swapped",
        "asymmetric",
        "no term",
        "ambiguous",
        "no term",
        "swapped",
        "swapped",
    )


def one_set(**row):
    return {**LIST, "sets": [{"part": "noun", **row}]}


def two_sets(first, second):
    rows = [{"part": "noun", "cats": a, "dogs": b} for a, b in (first, second)]
    return {**LIST, "sets": rows}


@pytest.mark.parametrize(
    ("content", "near", "problem"),
    [
        ({**LIST, "groups": ["cats"]}, '"groups"', "two groups or more"),
        ({**LIST, "groups": ["cats", "part"]}, '"groups"', "be called 'part'"),
        ({**LIST, "axis": ""}, '"axis"', "must name the axis"),
        ({**LIST, "sets": []}, '"sets"', "'sets' must be a list"),
        ({**LIST, "extra": 1}, '"extra"', "the key 'extra' is not known"),
        ({**LIST, "bound": [""]}, '"bound"', "'bound' must be a list of texts"),
        (one_set(part="noon", cats="tom"), '"tom"', "Did you mean 'noun'"),
        (one_set(cat="tom"), "{", "holds no term"),
        (one_set(cats="tom", birds="x"), '"birds"', "no group 'birds'"),
        (one_set(cats="a/b/c"), "a/b/c", "singular/plural"),
        (one_set(cats=3), '"cats"', "must be text"),
        (one_set(cats="tom", needs="x"), '"tom"', "needs is 'x'"),
        (two_sets(("tom", "rex"), ("rex", "bo")), '"rex",', "both dogs and cats"),
        (two_sets(("tom", "rex"), ("tom", "bo")), '"tom",', "listed twice"),
        ([1], "[", "write an object"),
    ],
)
def test_errors_of_json_lists_name_file_and_line(tmp_path, content, near, problem):
    path = written(tmp_path, content)
    text = path.read_text(encoding="utf-8")
    at = text.rindex(near) if "," in near else text.index(near)
    with pytest.raises(AuditError) as caught:
        read_terms(path)
    line = text.count("\n", 0, at) + 1
    assert str(caught.value).startswith(f"{path}, line {line}: ")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("content", "place", "problem"),
    [
        ("noun,a,b\n", "line 1", "name the columns"),
        ("part,a,a\nnoun,x,y\n", "line 1", "name the columns"),
        ("", "line 1", "name the columns"),
        ("part,a,b\nnoun,x\n", "line 2", "2 cells, but 3 columns"),
        ("part,a,b\nnoun,x,y\nnomen,z,w\n", "line 3", "'nomen' is not known"),
        ('part,a,b\nnoun,"x,y\n', "line 2", "Mend it"),
    ],
)
def test_errors_of_csv_lists_name_file_and_line(tmp_path, content, place, problem):
    path = written(tmp_path, content, "pets.csv")
    with pytest.raises(AuditError) as caught:
        read_terms(path)
    assert f"{path}, {place}: " in str(caught.value)
    assert problem in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(AuditError, match="there is no such file"):
        read_terms(tmp_path / "none.json")
    with pytest.raises(AuditError, match=r"\.csv or \.json"):
        read_terms(written(tmp_path, "x", "pets.txt"))
    with pytest.raises(AuditError, match="not valid JSON"):
        read_terms(written(tmp_path, "{"))
    path = tmp_path / "pets.csv"
    path.write_bytes(b"part,a,b\nnoun,\xff,x\n")
    with pytest.raises(AuditError, match="line 2: not UTF-8"):
        read_terms(path)
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 200_000, encoding="utf-8")
    with pytest.raises(AuditError, match="not valid JSON"):
        read_terms(deep)
