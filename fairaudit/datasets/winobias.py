"""WinoBias: sentences whose pronoun fits or breaks a stereotype of occupations."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from fairaudit.data import Counterparts, Reader
from fairaudit.datasets import cards
from fairaudit.datasets.given_pairs import TEMPLATES, GivenPair, gathered
from fairaudit.errors import AuditError
from fairaudit.result import DatasetEntry

GENDERS: Mapping[str, str] = {
    **dict.fromkeys(("he", "him", "his", "himself"), "men"),
    **dict.fromkeys(("she", "her", "hers", "herself"), "women"),
}
LONGEST_LINE = 10_000
BEYOND = "pairs that differ beyond the pronoun"
UNCLEAR = "pairs without two genders of the pronoun"
_FILE = re.compile(
    r"(?P<side>pro|anti)_stereotyped_(?P<kind>type[12])\.txt\.(?P<split>\w+)"
)
_LINE = re.compile(r"(?P<number>\d+)\s+(?P<sentence>\S.*)")
_BRACKETS = re.compile(r"\[\s*([^\[\]]*?)\s*\]")


@dataclass(frozen=True)
class WinoBiasReader(Reader):
    """Read the files that the authors of WinoBias publish, as pairs.

    Line n of ``pro_stereotyped_type1.txt.dev`` and line n of the file ``anti_...`` next
    to it are a pair: the same sentence with the pronoun of a man and of a woman. A
    folder is read whole. Brackets are taken away.

    Parameters
    ----------
    minimal
        Leave out pairs that differ in more than the pronoun, and count them.
    """

    name: ClassVar[str] = "winobias"
    summary: ClassVar[str] = (
        "WinoBias, as published (text files or their folder): pairs"
    )
    columns: ClassVar[Mapping[str, str]] = {
        "line": "a number and a sentence with the entity and then its pronouns in "
        "brackets: 1 [The nurse] said that [she] was late.",
    }
    licence: ClassVar[str] = "MIT"
    source: ClassVar[str] = "https://github.com/uclanlp/corefBias"
    traits: ClassVar[Mapping[str, str]] = {
        "notion": "stereotype",
        "domain": "templates",
        "language": "en",
    }

    minimal: bool = True

    def claims(self, path: Path) -> bool:
        """Tell whether the name is that of a published file, or a folder of them."""
        return bool(_FILE.fullmatch(path.name)) or (
            path.is_dir() and bool(_files(path))
        )

    def read(
        self, path: Path, limit: int | None, rng: np.random.Generator
    ) -> Counterparts:
        """Read the files; `limit` keeps a seeded sample of that many pairs."""
        left_out: Counter[str] = Counter()
        pairs: list[GivenPair] = []
        files = _files(path)
        if not files:
            raise AuditError(
                f"{path}: no file of WinoBias (pro_stereotyped_type1.txt.dev or the "
                "like). Give one as published, or a folder of them."
            )
        for pro, anti in files:
            pairs += self._paired(pro, anti, left_out)
        return gathered(self._card(path, files), pairs, left_out, limit, rng)

    def _paired(
        self, pro: Path, anti: Path, left_out: Counter[str]
    ) -> Iterator[GivenPair]:
        match = _FILE.fullmatch(pro.name)
        kind, split = (match["kind"], match["split"]) if match else ("", "")
        first, second = _lines(pro), _lines(anti)
        for number in first.keys() ^ second.keys():
            lacking = anti if number in first else pro
            raise AuditError(f"{lacking}: there is no sentence {number}. Add it.")
        for number, sentence in first.items():
            found = _pair(
                sentence, second[number], kind, f"{split} {(number + 1) // 2}"
            )
            if found is None:
                left_out[UNCLEAR] += 1
            elif self.minimal and _masked(sentence) != _masked(second[number]):
                left_out[BEYOND] += 1
            else:
                yield found

    def _card(self, path: Path, files: Sequence[tuple[Path, Path]]) -> DatasetEntry:
        said = cards.read_sidecar(path)
        return DatasetEntry(
            name=path.stem.partition(".")[0],
            kind=Counterparts.kind,
            n=0,
            sha256=cards.sha256([file for both in files for file in both]),
            path=path.as_posix(),
            licence=said.get("licence", self.licence),
            source=said.get("source", self.source),
            traits={**TEMPLATES, "notion": "stereotype"},
        )


def _files(path: Path) -> list[tuple[Path, Path]]:
    """Return the pro- and the anti-stereotypical file of each kind and split."""
    names = sorted(path.iterdir()) if path.is_dir() else [path]
    kinds = dict.fromkeys(
        (match["kind"], match["split"])
        for file in names
        if (match := _FILE.fullmatch(file.name))
    )
    folder = path if path.is_dir() else path.parent
    return [
        (
            folder / f"pro_stereotyped_{kind}.txt.{split}",
            folder / f"anti_stereotyped_{kind}.txt.{split}",
        )
        for kind, split in kinds
    ]


def _lines(path: Path) -> dict[int, str]:
    """Return the sentences of a file by number."""
    if not path.is_file():
        raise AuditError(
            f"{path}: there is no such file. WinoBias needs both of a pair: put it "
            "next to the other."
        )
    found: dict[int, str] = {}
    for line, text in enumerate(_text(path).splitlines(), 1):
        if not text.strip():
            continue
        match = _LINE.fullmatch(text.strip()) if len(text) <= LONGEST_LINE else None
        if match is None or "[" not in text:
            raise AuditError(
                f"{path}, line {line}: not a number and a sentence with brackets. Give "
                "the file as published."
            )
        if int(match["number"]) in found:
            number = match["number"]
            raise AuditError(f"{path}, line {line}: the number {number} occurs twice.")
        found[int(match["number"])] = match["sentence"]
    if not found:
        raise AuditError(f"{path}: the file is empty. Give the file as published.")
    return found


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise AuditError(
            f"{path}, line {line}: not UTF-8. Save the file as UTF-8."
        ) from error


def _pair(pro: str, anti: str, kind: str, template: str) -> GivenPair | None:
    """Return the pair, the man's pronoun first; None where genders are not two."""
    genders = [_gender(pro), _gender(anti)]
    if set(genders) != {"men", "women"}:
        return None
    men, women = (pro, anti) if genders[0] == "men" else (anti, pro)
    return GivenPair(
        first=_plain(men),
        second=_plain(women),
        axis="gender",
        first_group="men",
        second_group="women",
        # Both sentences of an occupation pair, and both types, share a number.
        template=template,
        category=f"{kind}, stereotype of {genders[0]}",
    )


def _gender(sentence: str) -> str | None:
    """Return the gender of the bracketed pronouns, None if none or both."""
    marked = (found.lower() for found in _BRACKETS.findall(sentence))
    genders = {GENDERS[word] for word in marked if word in GENDERS}
    return genders.pop() if len(genders) == 1 else None


def _plain(sentence: str) -> str:
    return _BRACKETS.sub(r"\1", sentence)


def _masked(sentence: str) -> str:
    """Return the sentence without brackets, pronouns and blanks that differ."""
    words = _plain(sentence).lower().split()
    cores = (word.strip(".,;:!?'\"") for word in words)
    return " ".join(
        word.replace(core, "_") if core in GENDERS else word
        for word, core in zip(words, cores, strict=True)
    )
