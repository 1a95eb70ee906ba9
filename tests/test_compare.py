"""`ganbench compare` from outside: exit codes, formats, pages, what is refused, what is imported."""

from __future__ import annotations

import csv
import io
import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from compared_results import stored
from planted_curves import planted

from bench import cli
from bench.store import run_file, schema

GRID = {"loss": ["hinge", "minimax"], "lr_ratio": [1.0, 4.0]}
Go = Callable[..., tuple[int, str, str]]


def outcome(row: dict[str, Any]) -> str:
    return "stalled" if row.get("loss") == "minimax" and row["lr_ratio"] > 1 else "converged"


def value(row: dict[str, Any]) -> float:
    return 0.05 * math.exp(0.1 * math.sin(int(row["trial"], 16)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two studies side by side: `methods` with the axis loss, `hinge` of the same cells."""
    root = tmp_path_factory.mktemp("results")
    stored(root / "methods", GRID, outcome=outcome, value=value)
    stored(root / "hinge", {"lr_ratio": [1.0, 4.0]}, name="hinge", loss="hinge", value=value)
    stored(root / "grid25", {"lr_ratio": [1.0, 4.0]}, name="grid25", dataset="grid25", loss="hinge")
    return root


@pytest.fixture
def go(capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Go:
    """Run one command line where the results lie; returns exit code, stdout, stderr."""
    monkeypatch.chdir(folder)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.invoke(["compare", *arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return code, captured.out, captured.err

    return run


def test_an_axis_as_a_table_and_a_page(go: Go, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, out, err = go("methods", "--by", "loss", "--where", "dataset == ring8", "--out", str(page))
    assert (code, err) == (0, f"page: {page}\n")
    assert out.startswith("hinge fails least often, in 0 %, and minimax most often, in 50 %.")
    assert max(map(len, out.splitlines())) <= 100
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_json_and_csv_are_for_programs(go: Go) -> None:
    code, out, _ = go("methods", "--by", "loss", "--metric", "sw1.heldout", "--format", "json")
    record = json.loads(out)
    assert code == 0
    assert (record["metric"], record["pairs"][0]["pairs"]) == ("sw1.heldout", 12)
    assert record["pairs"][0]["failure_difference_none"] == -0.5
    code, out, _ = go("methods", "--by", "loss", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert {row["method"] for row in rows} == {"hinge", "minimax"}
    assert float(next(r for r in rows if r["quantity"].startswith("difference"))["estimate"]) == -0.5


def test_studies_against_each_other(go: Go) -> None:
    code, out, _ = go("methods", "hinge")
    assert code == 0
    assert "paired by seed and cell: 12 pairs in 6 seeds" in out
    assert "unequal search budgets (4 for methods, 2 for hinge cells)" in out
    code, out, _ = go("methods", "hinge", "--where", "loss == hinge")
    assert (code, "unequal" in out) == (0, False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("methods",),
            "one study alone: say by which axis to compare, as --by AXIS (its axes: loss, lr_ratio)",
        ),
        (("methods", "--by", "los"), "no axis 'los', did you mean 'loss'?; its axes: loss, lr_ratio"),
        (("methods", "--by", "loss", "--metric", "fd"), "legal: sw1, sw1.heldout, modes.hq"),
        (("methods", "--by", "loss", "--where", "loss == hinge"), "one value only, hinge"),
        (("methods", "--by", "loss", "--where", "loss = hinge"), "write loss == hinge"),
        (("methods", "hinge", "--by", "loss"), "--by compares the values of an axis within one study"),
        (("methods", "methods"), "given twice"),
        (("methods", "nowhere"), "does not exist"),
        (
            ("methods", "grid25"),
            "data: methods has ring8 (sha256 909090909090), grid25 has grid25 (sha256 abab",
        ),
        ((), "Missing argument"),
    ],
)
def test_what_is_wrong_is_said_with_exit_code_2(go: Go, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = go(*arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_every_folder_that_cannot_be_read_is_named(go: Go, tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
    code, _, err = go(str(tmp_path / "x"), str(tmp_path / "y"))
    assert code == 2
    assert err.count("holds no tables") == 2


def run_of(path: Path, fate: str, name: str) -> None:
    """The file of one run of a loop of one's own, with a planted ending."""
    columns = {key.replace("fd", "sw1"): each for key, each in planted(fate).items()}
    types = {**{key: schema.metric_type(key) for key in columns}, **schema.curves_core()}
    rows = len(columns["step"])
    arrays = {
        key: pa.array(columns[key], type=kind, from_pandas=True) if key in columns else pa.nulls(rows, kind)
        for key, kind in (schema.curves_core() | types).items()
    }
    arrays["trial"] = pa.array([name] * rows)
    measure = {
        "primary": "sw1", "floors": {"sw1": {"mean": 2.0, "sd": 0.2}}, "n_modes": 10, "extractor": None,
        "samples": 500, "modality": "points", "columns": ["sw1", "modes.covered", "modes.hq"],
        "directions": {"sw1": "lower"}, "units": {},
    }  # fmt: skip
    record = {"trial": name, "name": name, "dataset": "own", "data_sha256": "ab" * 32}
    run_file.write(path, pa.table(arrays), measure, record, 1000)


def test_files_of_single_runs_are_compared_as_points(go: Go, tmp_path: Path) -> None:
    for fate, name in (("converged", "mine"), ("stalled", "theirs")):
        run_of(tmp_path / f"{name}.parquet", fate, name)
    code, out, _ = go(str(tmp_path / "mine.parquet"), str(tmp_path / "theirs.parquet"))
    assert code == 0
    assert out.startswith(
        "mine fails least often, in 0 %, and theirs most often, in 100 %. With 1 seed this is an"
    )
    assert "not paired" in out


def test_comparing_needs_neither_torch_nor_ray(folder: Path, repository: Path) -> None:
    code = (
        "import sys; from bench import cli; "
        f"assert cli.invoke(['compare', {str(folder / 'methods')!r}, '--by', 'loss', "
        f"'--out', {str(folder / 'page.html')!r}]) == 0; "
        "assert not {'torch', 'ray'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=repository, timeout=120
    )
    assert done.returncode == 0, done.stderr
