"""Files in the formats of published pairs, with sentences of our own."""

import csv
import json
from pathlib import Path

EEC = json.loads(
    (Path(__file__).parent / "oracles" / "eec_pairs.json").read_text(encoding="utf-8")
)
HEADER = ("ID", "Sentence", "Template", "Person", "Gender", "Race", "Emotion")
OBJECTS = {"she": "her", "he": "him"}


def eec_cells():
    """Yield template, emotion, word and checksums by person, cell by cell."""
    for at, (template, emotion, checksums) in enumerate(EEC["cells"]):
        yield template, emotion, f"word {at}" if emotion else "", checksums


def eec_rows():
    """Return the rows of a corpus with as many sentences as the published one."""
    rows = []
    for template, emotion, word, _ in eec_cells():
        in_object = template in EEC["object_templates"]
        for person, gender, race in EEC["persons"]:
            name = OBJECTS.get(person, person) if in_object else person
            rows.append(
                {
                    "ID": f"row {len(rows)}",
                    "Sentence": f"In story {template}, {name}: {word or 'nothing'}.",
                    "Template": f"In story {template}, <person>: <word>.",
                    "Person": name,
                    "Gender": gender,
                    "Race": race,
                    "Emotion": emotion,
                    "Emotion word": word,
                }
            )
    return rows


def eec_scores():
    """Return the score of each sentence: its checksum and what the groups add."""
    numbers = [n for *_, checksums in eec_cells() for n in checksums]
    return {
        row["Sentence"]: number / 997
        + 0.02 * (row["Gender"] == "female")
        + 0.03 * (row["Race"] == "African-American")
        for row, number in zip(eec_rows(), numbers, strict=True)
    }


def write_eec(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, (*HEADER, "Emotion word"))
        writer.writeheader()
        writer.writerows(rows)
    return path
