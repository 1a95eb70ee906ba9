"""The pages under docs/ say what the program does."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from bench.cli import cli
from bench.data.catalog import DATA
from bench.data.load import load
from bench.metrics.catalog import METRICS
from bench.store import schema
from bench.study.recipes import RECIPES
from bench.trial import Component
from ganzoo.catalog import ZOO


def script(repository: Path, name: str) -> ModuleType:
    """A script of docs/ as a module."""
    spec = importlib.util.spec_from_file_location(name, repository / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["make_cli", "make_zoo"])
def test_the_pages_made_by_the_program_are_current(repository: Path, name: str) -> None:
    module = script(repository, name)
    assert module.PAGE.read_text() == module.page(), "run `make docs`"


def test_the_zoo_says_of_every_part_what_it_is_known_for_and_when_it_fails(repository: Path) -> None:
    module = script(repository, "make_zoo")
    assert set(module.SECTIONS) == set(ZOO.kinds())
    assert module.missing(entry for kind in ZOO.kinds() for entry in ZOO.entries(kind)) == []
    page = module.page()
    for catalog in (ZOO, DATA):
        for entry in (entry for kind in catalog.kinds() for entry in catalog.entries(kind)):
            assert f"\n### {entry.name}\n\n`{entry.formula}`\n" in page
            assert all(f"\n| `{key}` |" in page for key in entry.keys)
            assert "`" not in entry.formula
    assert all(f"\n### {name}\n\nPaper: " in page for name in RECIPES)


def test_every_column_is_explained(repository: Path) -> None:
    page = (repository / "docs" / "results.md").read_text()
    named = set(re.findall(r"`([\w.<>]+)`", page))
    columns = {*schema.IDENTITY, *schema.INTERVAL_MONITORS, *schema.POINT_MONITORS, *schema.ALWAYS_MEASURED}
    columns |= {*schema.TRIAL_COLUMNS, *schema.ATTEMPT_COLUMNS}
    for entry in METRICS.entries("metric"):
        columns |= {column.name for column in entry.facts["columns"]}
    general = {"fd", "fid", "fd_inf", "kid", "sw1"}
    for name in columns - named:
        head, dot, tail = name.partition(".")
        assert (head in general and f"<distance>{dot}{tail}" in named) or name.endswith("_status"), name


def test_no_page_explains_a_column_that_does_not_exist(repository: Path) -> None:
    page = (
        (repository / "docs" / "results.md").read_text().split("## curves.parquet")[1].split("## trials")[0]
    )
    tables = [block for block in page.split("\n\n") if block.lstrip().startswith("| column |")]
    assert tables
    named = {
        name
        for line in "\n".join(tables).splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`([\w.]+)`", line.split("|")[1])
    }
    known = {*schema.IDENTITY, *schema.INTERVAL_MONITORS, *schema.POINT_MONITORS, *schema.ALWAYS_MEASURED}
    known |= {c.name for entry in METRICS.entries("metric") for c in entry.facts["columns"]}
    assert named <= known


def test_the_snippets_of_the_metrics_page_run(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (repository / "docs" / "metrics.md").read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "docs/metrics.md", "exec"), {})
    assert "'prdc.precision': " in capsys.readouterr().out


def test_the_table_of_faults_has_a_column_for_each(repository: Path) -> None:
    module, page = script(repository, "faults_table"), (repository / "docs" / "metrics.md").read_text()
    for name, columns in module.COLUMNS.items():
        table = page.split(f"\n| {name} |")[1].split("\n\n")[0]
        assert [line.split("`")[1] for line in table.splitlines()[2:]] == list(columns)
        faults = module.faults(load(Component(name)))
        assert [cell.strip() for cell in table.splitlines()[0].split("|") if cell.strip()] == list(faults)
        assert all(len(each) >= 200 for each in faults.values())


def test_the_distances_of_the_page_run(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What docs/metrics.md does with features prints what its comments say."""
    page = (repository / "docs" / "metrics.md").read_text()
    block = next(each for each in re.findall(r"```python\n(.*?)```", page, re.S) if "fd_inf" in each)
    exec(compile(block, "metrics.md", "exec"), {})
    fd, fd_inf, kid, *again = (float(line) for line in capsys.readouterr().out.split())
    assert (round(fd, 1), round(fd_inf, 1), round(kid, 2)) == (2.4, 1.2, 0.03)
    assert again == pytest.approx([fd, fd], rel=1e-9)


def test_the_first_comparison_of_the_page_prints_what_it_says(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tables are committed, so that anyone can run it."""
    page = (repository / "docs" / "compare.md").read_text()
    command = page.split("```sh\n")[1].partition("\n")[0].partition("#")[0]
    monkeypatch.chdir(repository)
    done = CliRunner().invoke(cli, shlex.split(command)[1:], standalone_mode=False)
    assert done.stdout == page.split("```text\n")[1].partition("```")[0]
