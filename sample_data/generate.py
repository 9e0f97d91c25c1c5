"""Write the sample data: ``python sample_data/generate.py [FOLDER]``.

The notes are composed from the fragments in ``notes.toml``, the contexts from the
frames in ``contexts.toml``. Only ``random.Random.random`` is drawn from, whose numbers
are the same in every Python version, so the files come out byte for byte the same.

A note's score is the number of its clauses that speak for a lead role minus those that
speak against one. Its label is drawn with

    logit P(recommend) = SLOPE * score + sum of the shifts of its groups

with the shifts of `PLANTED` in the training file and none in the audit file.
"""

import csv
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp
from pathlib import Path
from random import Random
from typing import Any, TypeVar

HERE = Path(__file__).parent
SEED = 2
N_TRAIN, N_AUDIT = 4_000, 2_000
SLOPE = 2.2
AGREEMENT = 0.7
PLANTED: Mapping[str, float] = {"women": -1.8, "older": -1.0}
GENDERS = {"women": 0.40, "men": 0.40, "nonbinary": 0.08, "": 0.12}
AGES = {"younger": 0.38, "older": 0.38, "": 0.24}
WORDS = range(8, 41)
PER_STIMULUS = 14
COLUMNS = ("id", "text", "label", "group:gender", "group:age")
LABELS = ("no_recommend", "recommend")
LICENCE = "Apache-2.0"
SOURCE = "Written for fairaudit; made by sample_data/generate.py"

KEYS = ["they", "them", "their", "person", "parent", "grandparent", "child", "sibling"]
SPELT: Mapping[str, str] = {
    "women": "she her her woman mother grandmother daughter sister",
    "men": "he him his man father grandfather son brother",
    "nonbinary": "they them their person parent grandparent child sibling",
    "you": "you you your person parent grandparent child sibling",
}
FORMS = {
    name: dict(zip(KEYS, forms.split(), strict=True)) for name, forms in SPELT.items()
}
PLURAL = {"is": "are", "was": "were", "has": "have", "focuses": "focus"}

Item = TypeVar("Item")
Fragments = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Note:
    """A note before it gets its number; `score` is for and against, netted."""

    text: str
    label: str
    gender: str
    age: str
    score: int


def pick(rng: Random, items: Sequence[Item]) -> Item:
    """Draw one item."""
    return items[int(rng.random() * len(items))]


def draw(rng: Random, shares: Mapping[str, float]) -> str:
    """Draw a key with its share as probability."""
    point, total = rng.random(), 0.0
    for key, share in shares.items():
        total += share
        if point < total:
            return key
    return key


def shuffled(rng: Random, items: Sequence[Item]) -> list[Item]:
    """Return the items in random order."""
    keys = [rng.random() for _ in items]
    return [items[i] for i in sorted(range(len(items)), key=keys.__getitem__)]


def plural(verb: str) -> str:
    """Return the plural of a verb in the third person singular."""
    if verb in PLURAL:
        return PLURAL[verb]
    if verb.endswith("ies"):
        return f"{verb[:-3]}y"
    return verb[:-2] if re.search("(ss|sh|ch|x|zz|go)es$", verb) else verb[:-1]


def agree(text: str, *, singular: bool) -> str:
    """Replace each [verb] by the form that agrees with the subject."""
    return re.sub(r"\[(\w+)]", lambda m: m[1] if singular else plural(m[1]), text)


def capital(text: str) -> str:
    """Return the text with its first letter as a capital."""
    return text[:1].upper() + text[1:]


class Writer:
    """Composes the notes of one person after another."""

    def __init__(self, fragments: Fragments, rng: Random) -> None:
        self.fragments, self.rng = fragments, rng

    def one_of(self, *lists: str) -> str:
        """Draw a fragment of the first of the lists."""
        return pick(self.rng, self.fragments["_".join(filter(None, lists))])

    def note(self, planted: Mapping[str, float], seen: set[str]) -> Note:
        """Draw a person and the merits, word them, and draw the label."""
        gender, age = draw(self.rng, GENDERS), draw(self.rng, AGES)
        signs = self.signs()
        text = self.wording(gender, age, signs)
        while text in seen or len(text.split()) not in WORDS:
            text = self.wording(gender, age, signs)
        seen.add(text)
        logit = SLOPE * sum(signs) + planted.get(gender, 0.0) + planted.get(age, 0.0)
        label = LABELS[self.rng.random() < 1 / (1 + exp(-logit))]
        return Note(text, label, gender, age, sum(signs))

    def signs(self) -> list[int]:
        """Draw the sign of a clause on merit, and at times of a second clause."""
        side = pick(self.rng, (-1, 1))
        other = side if self.rng.random() < AGREEMENT else -side
        return pick(self.rng, ([side], [side], [side], [side, 0], [side, other]))

    def wording(self, gender: str, age: str, signs: Sequence[int]) -> str:
        """Compose a text that says this much about this person."""
        style = "" if gender else pick(self.rng, ("you", "bare"))
        sentences = [
            *self.opening(gender, age, style),
            *self.body(self.clauses(signs), style),
        ]
        return self.fill(" ".join(sentences), gender, style)

    def clauses(self, signs: Sequence[int]) -> list[tuple[int, str]]:
        """Draw clauses of these signs in random order, none of them twice."""
        lists = {1: "for_lead", -1: "against_lead", 0: "neutral"}
        drawn = {
            s: shuffled(self.rng, self.fragments[lists[s]]) for s in sorted(set(signs))
        }
        return [(s, drawn[s].pop()) for s in shuffled(self.rng, signs)]

    def opening(self, gender: str, age: str, style: str) -> list[str]:
        """Draw the sentence that introduces the person; none in some short notes."""
        if not age and gender != "nonbinary" and self.rng.random() < 0.25:
            return []
        if not age and (style or self.rng.random() < 0.5):
            return [self.one_of("opening", style, "plain")]
        traits = self.fragments[age or "ageless"]
        if style == "bare":
            traits = [trait for trait in traits if "{" not in trait]
        trait = pick(self.rng, traits)
        return [self.one_of("opening", style).replace("{trait}", trait)]

    def body(self, clauses: Sequence[tuple[int, str]], style: str) -> Iterator[str]:
        """Join the clauses to sentences, in pairs while there are two."""
        bare = "bare" if style == "bare" else ""
        for i in range(0, len(clauses), 2):
            (sign, a), *rest = clauses[i : i + 2]
            if not rest:
                frame = self.one_of("one", bare)
            elif sign * rest[0][0] < 0:
                frame = self.one_of("two_mixed", bare)
            else:
                frame = self.one_of("two", bare)
            b = rest[0][1] if rest else ""
            yield self.join(frame, a, b)

    @staticmethod
    def join(frame: str, a: str, b: str) -> str:
        """Put two verb phrases into a frame; {A} and {B} begin a sentence."""
        for key, phrase in (("{a}", a), ("{b}", b)):
            frame = frame.replace(key, phrase).replace(key.upper(), f"^{phrase}")
        return frame

    def fill(self, text: str, gender: str, style: str) -> str:
        """Fill in names, forms and nouns, then make verbs and capitals agree."""
        forms = dict(FORMS["you" if style == "you" else gender or "nonbinary"])
        forms |= {capital(key): capital(form) for key, form in forms.items()}
        forms["name"] = self.one_of(gender) if gender else ""
        text = re.sub(r"\{(\w+)}", lambda m: forms.get(m[1]) or self.one_of(m[1]), text)
        text = self.agreed(text, gender, style)
        return capital(re.sub(r"\^(\w)", lambda m: m[1].upper(), text))

    def agreed(self, text: str, gender: str, style: str) -> str:
        """Make verbs agree: a name takes the singular, the pronouns their own form."""
        if gender != "nonbinary":
            return agree(text, singular=style != "you")
        text = re.sub(r"(\(they/them\)[^.:]*?)(, who )?\[(\w+)]", r"\1\2\3", text)
        return agree(text, singular=False)


def both_parts() -> tuple[list[Note], list[Note]]:
    """Compose the training and the audit notes."""
    writer = Writer(load("notes.toml"), Random(SEED))
    seen: set[str] = set()
    train = [writer.note(PLANTED, seen) for _ in range(N_TRAIN)]
    return train, [writer.note({}, seen) for _ in range(N_AUDIT)]


def contexts() -> Iterator[Mapping[str, str | int]]:
    """Draw `PER_STIMULUS` frames for each stimulus and put it in."""
    parts, rng = load("contexts.toml"), Random(SEED)
    for frames, words in parts["stimuli"].items():
        for word in words:
            articles = parts["articles"].get(word, ("", ""))
            for frame in shuffled(rng, parts[frames])[:PER_STIMULUS]:
                yield context(frame, word, articles)


def context(frame: str, word: str, articles: Sequence[str]) -> Mapping[str, str | int]:
    """Put a word into a frame and say where it stands."""
    key = re.search(r"\{(w|a|the)}", frame)
    if key is None:
        raise ValueError(f"no place for a word in {frame!r}")
    article = {"w": "", "a": articles[0], "the": articles[-1]}[key[1]]
    start = key.start() + len(article) + bool(article)
    text = frame.replace(key[0], f"{article} {word}".strip())
    end = start + len(word)
    return {"word": word, "text": capital(text), "start": start, "end": end}


def load(name: str) -> dict[str, Any]:
    """Read one of the files of fragments."""
    return tomllib.loads((HERE / name).read_text("utf-8"))


def write_notes(path: Path, found: Sequence[Note]) -> None:
    """Write notes as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for number, note in enumerate(found, 1):
            name = f"{path.stem.removeprefix('notes_')}-{number:04d}"
            writer.writerow((name, note.text, note.label, note.gender, note.age))


def write_card(path: Path, source: str) -> None:
    """Write the sidecar that tells licence and source."""
    card = json.dumps({"licence": LICENCE, "source": source}, indent=2)
    path.with_name(f"{path.stem}.card.json").write_text(f"{card}\n", "utf-8")


def main(folder: Path) -> None:
    """Write all generated files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, found in zip(("train", "audit"), both_parts(), strict=True):
        write_notes(folder / f"notes_{name}.csv", found)
        write_card(folder / f"notes_{name}.csv", f"{SOURCE}, seed {SEED}")
    lines = [json.dumps(row, ensure_ascii=False) for row in contexts()]
    path = folder / "contexts.jsonl"
    path.write_text("\n".join(lines) + "\n", "utf-8", newline="\n")
    words = "; words of WEAT 6 and 8 (Caliskan et al. 2017) as in WEFE (MIT)"
    write_card(path, f"{SOURCE}, seed {SEED}{words}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
