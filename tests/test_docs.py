"""The pages under docs/ say what the program does."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from bench.metrics.catalog import METRICS
from bench.store import schema


def test_the_help_page_is_what_the_program_prints(repository: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_cli", repository / "docs" / "make_cli.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text() == module.page(), "run `make docs`"


def test_every_column_is_explained(repository: Path) -> None:
    page = (repository / "docs" / "results.md").read_text()
    named = set(re.findall(r"`([\w.<>]+)`", page))
    columns = {*schema.IDENTITY, *schema.INTERVAL_MONITORS, *schema.POINT_MONITORS, *schema.ALWAYS_MEASURED}
    columns |= {*schema.TRIAL_COLUMNS, *schema.ATTEMPT_COLUMNS}
    for entry in METRICS.entries("metric"):
        columns |= {column.name for column in entry.facts["columns"]}
    general = {"fd", "fid", "sw1"}
    for name in columns - named:
        head, dot, tail = name.partition(".")
        assert (head in general and f"<distance>{dot}{tail}" in named) or name.endswith("_status"), name


def test_no_page_explains_a_column_that_does_not_exist(repository: Path) -> None:
    page = (
        (repository / "docs" / "results.md").read_text().split("## curves.parquet")[1].split("## trials")[0]
    )
    named = {
        name
        for line in page.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`([\w.]+)`", line.split("|")[1])
    }
    known = {*schema.IDENTITY, *schema.INTERVAL_MONITORS, *schema.POINT_MONITORS, *schema.ALWAYS_MEASURED}
    known |= {c.name for entry in METRICS.entries("metric") for c in entry.facts["columns"]}
    assert named <= known
