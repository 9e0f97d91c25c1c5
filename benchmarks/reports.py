"""Measure how long stored audits take to be compared and rendered.

    python benchmarks/reports.py [--audits 200] [--records 500] [--format NAMES]

Made-up audits are written to a temporary directory; each command runs in its own
process. Time of the processor is counted, its bound is for one core; memory is the
largest that the process held. Exit code 1 where a bound is exceeded.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fairaudit.report.schema import dump
from fairaudit.result import (
    AuditReport,
    DatasetEntry,
    Interval,
    ModelEntry,
    Quantity,
    Record,
)

SECONDS, GIBIBYTES, START, PAGE = 10.0, 1.0, 1.0, 500_000
FORMATS = "terminal,html"
GAP = Quantity(name="rate_difference", unit="proportion", ideal=0.0, low=-1, high=1)
RATE = Quantity(name="selection_rate", unit="proportion", ideal=None, low=0, high=1)
EFFECT = Quantity(name="effect_size", unit="standard deviations", ideal=0.0)
DATA = "comments"


def record(at: int, model: str, rng: np.random.Generator) -> Record:
    """Return the finding of one subject: an effect, a gap or a rate of a group."""
    value = float(rng.normal(0.1, 0.1))
    metric, family, quantity, subject = (
        ("ceat", "intrinsic", EFFECT, f"test {at}"),
        ("disparity", "extrinsic", GAP, f"gender {at}: women vs men"),
        ("disparity", "extrinsic", RATE, f"topic {at // 60}=group {at}"),
    )[at % 3]
    return Record(
        model=model,
        dataset=DATA,
        metric=metric,
        family=family,  # type: ignore[arg-type]
        params={"draws": 1000, "level": 0.95, "layer": -1},
        subject=subject,
        quantity=quantity,
        value=value,
        n=int(rng.integers(10, 5000)),
        interval=Interval(value - 0.05, value + 0.05, 0.95, "bootstrap"),
        p_value=None if quantity is RATE else float(rng.random()),
        null="" if quantity is RATE else "there is no difference",
        detail={"left_out": {}, "rates": {"women": 0.5, "men": 0.4}, "positives": at},
        traits={"notion": "toxicity", "language": "en"},
    )


def audits(count: int, records: int) -> Iterator[str]:
    """Return audits of as many models on one dataset, as JSON."""
    rng = np.random.default_rng(0)
    data = DatasetEntry(name=DATA, kind="examples", n=5000, sha256="00")
    for number in range(count):
        model = f"model-{number}"
        entry = ModelEntry(
            name=model, path=model, fingerprint=f"{number:x}", architecture="Bert"
        )
        found = tuple(record(at, model, rng) for at in range(records))
        yield dump(
            AuditReport(
                fairaudit_version="0.1.0",
                created="2026-01-02T03:04:05+00:00",
                seed=0,
                command="fairaudit evaluate",
                environment={"device": "cpu"},
                models=(entry,),
                datasets=(data,),
                records=found,
            )
        )


def run(*arguments: str) -> tuple[float, float, str]:
    """Return seconds of processor, GiB at most, and what it printed."""
    command = [sys.executable, "-m", "fairaudit", *arguments]
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen(command, stdout=out)
        _, code, used = os.wait4(child.pid, 0)
        if code:
            raise SystemExit(f"{' '.join(command)} failed")
        out.seek(0)
        printed = out.read()
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20, printed


def told(what: str, value: float, bound: float, unit: str) -> bool:
    """Print a figure beside its bound; return whether it holds."""
    held = value <= bound
    verdict = "" if held else "  EXCEEDED"
    print(f"{what:<52} {value:12,.2f} {unit} (at most {bound:,.2f}){verdict}")
    return held


def starts() -> Iterator[bool]:
    """Measure the start of the commands, the best of three."""
    for name in ("compare", "report"):
        best = min(run(name, "--help")[0] for _ in range(3))
        yield told(f"fairaudit {name} --help", best, START, "s")


def renders(folder: Path, count: int, records: int, formats: str) -> Iterator[bool]:
    """Measure `compare` and `report` over all audits together."""
    files = []
    for number, text in enumerate(audits(count, records)):
        files.append(folder / f"{number}.json")
        files[-1].write_text(text, encoding="utf-8")
    out = folder / "out"
    for name in (*formats.split(","), "json"):
        flags = ("--format", name, "--out", str(out))
        seconds, memory, _ = run("compare", *map(str, files), *flags)
        what = f"compare {count} audits, {count * records:,} records: {name}"
        yield told(what, seconds, SECONDS, "s")
        yield told(what, memory, GIBIBYTES, "GiB")
    for name in formats.split(","):
        flags = ("--format", name, "--out", str(out))
        seconds, memory, _ = run("report", str(out / "audit.json"), *flags)
        what = f"report of {count * records:,} records: {name}"
        yield told(what, seconds, SECONDS, "s")
        yield told(what, memory, GIBIBYTES, "GiB")
    if (page := out / "report.html").exists():
        yield told("the page", page.stat().st_size, PAGE, "bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audits", type=int, default=200)
    parser.add_argument("--records", type=int, default=500)
    parser.add_argument("--format", default=FORMATS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        held = [
            *starts(),
            *renders(Path(folder), given.audits, given.records, given.format),
        ]
    raise SystemExit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
