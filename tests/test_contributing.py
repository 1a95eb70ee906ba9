"""Every block of code in CONTRIBUTING.md runs as printed: parts as plugins of a tiny study."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bench
from bench import cli, plugins
from bench.errors import UserError
from bench.judge.outcomes import Outcome
from bench.judge.rules import RULES
from bench.judge.trace import Context, Trace
from bench.launch.run import Options
from bench.store.tables import load
from bench.study.keys import read_settings
from bench.study.problems import Problems
from bench.study.recipes import Recipe
from ganzoo.entry import Entry

PAGE = Path(__file__).resolve().parent.parent / "CONTRIBUTING.md"
BLOCKS = {
    code.splitlines()[0].removeprefix("# "): code
    for code in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
}
FILES = [name for name in BLOCKS if name.endswith(".py") and " " not in name]
STUDY = {
    "my_loss.py": {"loss": "{name: margin, width: 2}"},
    "my_penalty.py": {"penalty": "{name: drift, weight: 0.01}"},
    "my_net.py": {"model": "{name: shallow, width: 8}"},
    "my_update.py": {"update": "stale", "n_critic": "2"},
    "my_optimizer.py": {"optimizer": "sign"},
    "my_data.py": {"dataset": "{name: cross, sigma: 0.1}"},
    "my_metric.py": {},
}
BASE = {"dataset": "ring8", "model": "{name: mlp, width: 8}", "loss": "hinge", "steps": "8", "batch": "8"}


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """No plugin outlives its test."""
    yield
    for each in plugins.loaded():
        plugins.unload(each)


def test_the_page_shows_every_kind_of_part() -> None:
    assert set(FILES) == set(STUDY)
    assert [name for name in BLOCKS if name not in FILES] == [
        "in bench/judge/quality.py, or wherever its sign belongs",
        "in bench/study/recipes.py",
    ]


@pytest.mark.parametrize("name", STUDY)
def test_a_part_runs_as_printed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("bench.launch.run.Options", partial(Options, report=False))
    Path(name).write_text(BLOCKS[name])
    base = ", ".join(f"{key}: {value}" for key, value in {**BASE, **STUDY[name]}.items())
    metrics = "[sw1, means]" if name == "my_metric.py" else "[sw1]"
    Path("s.yaml").write_text(
        f"name: s\nbase: {{{base}}}\ngrid: {{lr_g: [1.0e-4, 1.0e-3]}}\nplugins: [{name}]\n"
        f"evaluate: {{every: 4, samples: 32, metrics: {metrics}}}\n"
    )
    assert cli.invoke(["run", "s.yaml", "--backend", "inline", "-q"]) == 0, capsys.readouterr().err
    results = load("results/s")
    assert results.trials["status"].tolist() == ["done", "done"]
    assert results.trials["plugins"].nunique() == 1
    assert results.curves["first_bad_step"].isna().all()
    assert np.isfinite(results.curves["sw1"]).all()
    if name == "my_metric.py":
        assert np.isfinite(results.curves["means"]).all()
        assert results.meta["units"]["means"] == "data units"
        assert results.meta["floors"]["means"]["mean"] > 0


@pytest.mark.parametrize("name", ["my_net.py", "my_data.py", "my_metric.py"])
def test_results_are_read_without_the_part_that_made_them(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    test_a_part_runs_as_printed(name, tmp_path, monkeypatch, capsys)
    for each in plugins.loaded():
        plugins.unload(each)
    Path(name).unlink()
    trial = str(load("results/s").trials["trial"][0])
    for verb in (
        ["status"],
        ["judge"],
        ["show", trial],
        ["report"],
        ["doctor"],
        ["judge", "--format", "json"],
    ):
        assert cli.invoke([verb[0], "results/s", *verb[1:]]) == 0, capsys.readouterr().err
    assert cli.invoke(["plan", "smoke", "--out", "results/smoke"]) == 0  # reads what its neighbours took
    assert plugins.loaded() == []
    assert len(bench.load("results/s").curves) == 10
    with pytest.raises(UserError, match=r"bench.load_plugin\('(results/s/plugins/.*)'\)") as caught:
        bench.load_trial("results/s", trial)
    found = re.search(r"load_plugin\('(.*)'\)", str(caught.value))
    assert found is not None
    bench.load_plugin(found[1])
    assert bench.load_trial("results/s", trial).latent_dim in (2, 8)


def run(name: str) -> dict[str, Any]:
    """What a block defines."""
    space: dict[str, Any] = {"__name__": "block"}
    exec(compile(BLOCKS[name], name, "exec"), space)
    return space


def test_the_outcome_rule_judges_a_planted_curve() -> None:
    outcome = run("in bench/judge/quality.py, or wherever its sign belongs")["OUTCOME"]
    assert isinstance(outcome, Outcome)

    def sign(rms: list[float]) -> Any:
        steps = np.arange(len(rms)) * 10
        curve = {"step": steps, "sample_rms": np.array(rms), "alive": np.ones(len(rms), dtype=bool)}
        context = Context(primary="sw1", floor_mean=0.1, floor_sd=0.01, n_modes=8, steps=int(steps[-1]))
        return outcome.sign(Trace.of(curve, context, RULES))

    loud = sign([1.0] * 5 + [3.0] * 6)
    assert (loud.holds, loud.onset) == (True, 50)
    assert loud.why == "From step 50 on, the samples were more than twice as large as the data."
    assert sign([1.0] * 11).holds is False


def test_the_recipe_passes_the_checks_of_base() -> None:
    recipe = run("in bench/study/recipes.py")["RECIPE"]
    assert isinstance(recipe, Recipe)
    problems = Problems("CONTRIBUTING.md")
    assert set(read_settings(recipe.settings, "base", problems)) == set(recipe.settings)
    assert problems.lines == []


def test_entries_as_printed_are_complete() -> None:
    """What the page leaves to the house (`known_for`, `fails_when`) are fields of an entry."""
    assert {"paper", "known_for", "fails_when"} <= set(Entry.__dataclass_fields__)
