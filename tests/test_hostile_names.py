"""Names and texts that attack a terminal or a spreadsheet: what every verb prints of them is harmless."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hostile_results import ANSI, FORMULAS, MARKS, TAGS, hostile
from stored_results import store

from bench import cli, listing
from bench.report.words import csv_text
from bench.store.tables import Results


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    made = hostile(tmp_path_factory.mktemp("hostile") / "x")
    # YAML itself refuses control characters that are not escaped.
    (made.path / "study.yaml").write_text(f"# {''.join(TAGS)}\u202e\nname: x\n")
    store(made)
    return made


def harmless(text: str) -> bool:
    """No character that drives a terminal or turns text round."""
    return not any(mark in text for mark in MARKS)


def formulas(text: str) -> list[str]:
    """Cells of a CSV that a spreadsheet would run: text that is no number and begins like a formula."""
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    return [
        cell for cell in cells if cell.lstrip()[:1] in ("=", "+", "@", "＝") or cell.startswith(("-1+", "\t"))
    ]


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_listings(form: str) -> None:
    rows = [{f"{start}{ANSI}\n{tag}": f"{start}{ANSI}\n{tag}"} for start in FORMULAS for tag in TAGS]
    text = listing.printable(listing.render(rows, form))
    assert harmless(text)
    if form == "table":
        assert len(text.splitlines()) == 1 + len(rows)
    if form == "csv":
        assert formulas(text) == []


def test_tables_of_the_page() -> None:
    cells = [f"{start}{ANSI}" for start in FORMULAS]
    text = csv_text(cells, [cells])
    assert harmless(text)
    assert formulas(text) == []
    assert len(list(csv.reader(io.StringIO(text)))) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            ["show", "RESULTS", "000000000003"],
            ["status", "RESULTS"],
            ["doctor", "RESULTS"],
            ["judge", "RESULTS"],
        ),
        *(["compare", "RESULTS", "--by", "AXIS", "--format", form] for form in ("table", "json", "csv")),
        *(["status", "RESULTS", "--format", form] for form in ("json", "csv")),
        ["show", "RESULTS", "ANSI"],
    ],
    ids=" ".join,
)
def test_verbs_over_results(
    results: Results, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    names = {"RESULTS": str(results.path), "AXIS": next(iter(results.study["grid"])), "ANSI": ANSI}
    code, out, err = said(capsys, [names.get(each, each) for each in arguments])
    assert harmless(out + err)
    assert "Traceback" not in err
    assert code == (2 if "ANSI" in arguments else 0)
    if "csv" in arguments:
        assert formulas(out) == []


@pytest.mark.parametrize("verb", ["validate", "plan"])
def test_a_study_full_of_attacks_is_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    name = '"=cmd\\e[31m\\u202e<script>"'
    study = tmp_path / "bad\x1b[31m.yaml"
    study.write_text(f"name: {name}\nbase: {{{name}: 1, loss: {name}}}\ngrid: {{{name}: [{name}]}}\n")
    code, out, err = said(capsys, [verb, str(study)])
    assert code == 2
    assert harmless(out + err)
    assert "cmd" in err


def said(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> tuple[int, str, str]:
    """The exit code of `ganbench ARGUMENTS`, and what it wrote to both streams."""
    code = cli.invoke(arguments)
    out, err = capsys.readouterr()
    return code, out, err
