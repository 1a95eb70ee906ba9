"""The notebook runs as it stands, and its figure shows the numbers of the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from stored_results import store
from synthetic_results import synthetic

import bench
from bench.report import curves
from bench.report.view import View

FOLDER = '"../results/folklore/long_training"'


@pytest.fixture(scope="module")
def cells(repository: Path) -> list[dict[str, Any]]:
    page = json.loads((repository / "docs" / "read_results.ipynb").read_text())
    assert page["nbformat"] == 4
    made: list[dict[str, Any]] = page["cells"]
    return made


def test_it_holds_no_output(cells: list[dict[str, Any]]) -> None:
    for cell in cells:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)


def test_it_runs_and_draws_what_the_report_draws(
    cells: list[dict[str, Any]], tmp_path: Path, repository: Path
) -> None:
    folder = store(synthetic(tmp_path / "results", seeds=5))
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert FOLDER in code[0]
    assert (repository / "docs" / FOLDER.strip('"') / "trials.parquet").exists()
    space: dict[str, Any] = {}
    try:
        for text in code:
            exec(compile(text.replace(FOLDER, repr(str(folder))), "read_results.ipynb", "exec"), space)
        lines = plt.gca().get_lines()
    finally:
        plt.close("all")
    assert len(code[-1].splitlines()) == 5
    results = bench.load(folder)
    view = View(results)
    (group,) = view.groups
    rows = pd.DataFrame(curves.curves(view, group, "lr_ratio").rows)
    alive = results.curves.groupby("trial")["alive"].all()
    assert not alive.all()  # the last ratio has trials that died; the notebook says what it does of them
    whole = [value for value in rows["lr_ratio"].unique() if value != "64"]
    rows = rows[(rows["metric"] == "fd") & rows["lr_ratio"].isin(whole)]
    band = space["band"]
    band = band[band["value"] < 64]
    assert len(rows) == len(band) > 0
    for ours, theirs in (("middle", "median"), ("least", "least"), ("most", "most")):
        assert band[ours].to_numpy() == pytest.approx(rows[theirs].to_numpy(dtype=float), rel=1e-12)
    assert len(lines) == 4 + 1
    assert lines[0].get_ydata() == pytest.approx(band.loc[band["value"] == 0.05, "middle"].to_numpy())
    assert lines[-1].get_ydata()[0] == results.meta["floors"]["fd"]["mean"]
