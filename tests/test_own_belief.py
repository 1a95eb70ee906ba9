"""The worked example of the README: a loss and a belief in 25 lines, run as printed, with fewer steps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

import bench
from bench import cli, plugins
from bench.launch.run import Options
from bench.report.claims import judged

QUICK = ("steps=40", "evaluate.every=4", "evaluate.samples=200", "model.width=16", "seeds=5")


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """No plugin outlives its test."""
    yield
    for each in plugins.loaded():
        plugins.unload(each)


@pytest.fixture
def example(repository: Path) -> tuple[str, str]:
    """The two blocks: my_loss.py and my_belief.yaml."""
    page = (repository / "README.md").read_text()
    section = page.split("\n## Your own belief about your own loss\n")[1].split("\n## ")[0]
    (loss,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    (study,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    return loss, study


def test_it_takes_25_lines(example: tuple[str, str]) -> None:
    assert sum(len(block.splitlines()) for block in example) <= 25
    assert all(len(line) <= 110 for block in example for line in block.splitlines())


def test_it_ends_with_a_verdict(
    example: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("bench.launch.run.Options", partial(Options, report=False))
    Path("my_loss.py").write_text(example[0])
    Path("my_belief.yaml").write_text(example[1])
    quick = [part for each in QUICK for part in ("--set", each)]
    assert cli.invoke(["plan", "my_belief.yaml"]) == 0
    assert "\nnote" not in capsys.readouterr().out  # such as that the positive control holds both losses
    assert cli.invoke(["run", "my_belief.yaml", "--backend", "inline", "-q", *quick]) == 0
    results = bench.load("results/my_belief")
    assert results.trials["status"].tolist() == ["done"] * 20
    (verdict,) = judged(results)
    assert verdict.id == "better-balance"
    # So short a training reaches nothing, which is what the positive control is there to notice.
    assert verdict.verdict == "untestable"
    assert "positive control" in verdict.reason
    capsys.readouterr()
    assert cli.invoke(["judge", "results/my_belief", "--claims"]) == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert row.split()[:2] == ["better-balance", "untestable"]
