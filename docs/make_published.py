"""Writes the table of docs/measured.md: published numbers beside our own, from the committed results.

    .venv/bin/python docs/make_published.py

Reads results/replications/*/ and trains nothing. `make docs` and `make replications` run it; a test checks
that the page is current.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bench
from bench.report.published import Beside, beside
from bench.report.view import View
from bench.study import examples

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results" / "replications"
PAGE = ROOT / "docs" / "measured.md"
START, END = "<!-- published: made by `make docs` -->", "<!-- end of published -->"
MOST = 16
"""Rows of a study; of more, those that agree are left to its report."""


def page(text: str) -> str:
    """docs/measured.md with its part between the marks made anew."""
    before, _, rest = text.partition(START)
    return f"{before}{START}\n{part()}{END}{rest.partition(END)[2]}"


def part() -> str:
    """A section for each study that has results."""
    return "\n".join(
        line for folder in sorted(RESULTS.glob("*/trials.parquet")) for line in section(folder.parent)
    )


def section(folder: Path) -> Iterator[str]:
    """Question, verdict in a sentence, marks, table."""
    results = bench.load(folder)
    name, found = folder.name, beside(View(results))
    study, report = f"studies/replications/{name}.yaml", f"results/replications/{name}/report.html"
    yield f"\n### {name}\n"
    yield f"{examples.question(ROOT / study)} {results.trials['seed'].nunique()} seeds."
    yield f"[Study](../{study}), [report](../{report}).\n"
    yield f"**{found.sentence[:1].upper()}{found.sentence[1:]}.**"
    yield from (f"{_cell(note)}" for note in found.notes)
    yield ""
    yield from table(found)
    yield ""


def table(found: Beside) -> Iterator[str]:
    """Published beside own, what does not agree first."""
    rows = found.rows if len(found.rows) <= MOST else [r for r in found.rows if r["verdict"] != "agrees"]
    if not rows:
        yield "All rows stand in the report."
        return
    head = [*found.axes, "quantity", "published", "own", "SE or interval", "seeds", "verdict"]
    yield f"| {' | '.join(_cell(each) for each in head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        mark = " (reduced)" if row["reduced"] else ""
        cells = [*row["cells"], row["metric"], row["published"], row["own"], row["se"], row["n"]]
        yield f"| {' | '.join(_cell(each) for each in (*cells, row['verdict'] + mark))} |"


def _cell(text: str) -> str:
    """What no reader of Markdown takes for a mark of its own."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def main() -> None:
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
