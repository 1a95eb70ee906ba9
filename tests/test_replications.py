"""The studies of published tables: they load, plan and run, and the page of what came out is current."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
import yaml

from bench.data.fingerprint import fingerprint
from bench.data.load import load
from bench.judge.published import AGREES, DIFFERS, Compared, compare
from bench.metrics.evaluate import build
from bench.report import published
from bench.study.packing import packs
from bench.study.spec import load_study, read_study
from bench.study.trials import trials
from bench.train.loop import train

ROOT = Path(__file__).parents[1]
STUDIES = {path.stem: path for path in sorted((ROOT / "studies" / "replications").glob("*.yaml"))}
REDUCED = {"alpha_ring", "duality_gap_ring", "pacgan_ring"}


@pytest.fixture(scope="module")
def made() -> ModuleType:
    """docs/make_published.py as a module."""
    spec = importlib.util.spec_from_file_location("make_published", ROOT / "docs" / "make_published.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", STUDIES)
def test_each_has_statements_and_says_where_it_is_reduced(name: str) -> None:
    study = load_study(STUDIES[name])
    head = STUDIES[name].read_text().split("\nname:")[0]
    statements = study.document["published"]
    assert statements
    assert len(trials(study, lambda _: "0" * 64)) == len(study.cells) * len(study.seeds)
    assert head.splitlines()[0].endswith("?")
    assert all(word in head for word in ("asks:", "look at:", "cost:"))
    assert ("REDUCED" in head) == (name in REDUCED) == all("reduced" in each for each in statements)
    assert any("reduced" in each for each in statements) == (name in REDUCED)


def tiny(name: str) -> dict[str, Any]:
    """A study of two seeds and a few steps of tiny networks; of dirac some cells with their statements."""
    study = yaml.safe_load(STUDIES[name].read_text())
    bundles = next(iter(study["grid"].values()))
    if name == "dirac":
        study["grid"]["method"] = [each for each in bundles if each["as"] in ("gan", "r1")]
        study["grid"]["schedule"] = study["grid"]["schedule"][:2]
        study["grid"]["start"] = [study["grid"]["start"][1] | {"steps": 2}]
        study["exclude"] = []
        study["published"] = [
            each
            for each in study["published"]
            if each["where"]["method"] in ("gan", "r1")
            and each["where"]["schedule"] in ("simultaneous", "alternating")
            and each["where"]["start"] == "near"
        ]
    else:
        for bundle in bundles:
            bundle.pop("steps", None)
        study["base"] |= {"steps": 2, "dtype": "float64"}
        for each in study["published"]:
            each.pop("at", None)
    if name in REDUCED:
        study["base"]["model"] |= {"width": 4, "width_d": 4, "depth": 1, "depth_d": 1}
        for key in ("model.width", "model.width_d"):
            study["base"].pop(key, None)
    metrics = [
        {"name": "duality_gap", "steps": 1, "samples": 16} if each == "duality_gap" else each
        for each in study["evaluate"]["metrics"]
    ]
    return study | {"seeds": 2, "evaluate": {"every": 2, "samples": 32, "metrics": metrics}}


def played(study: dict[str, Any]) -> list[Compared]:
    """The statements of a study beside a run of it, without files."""
    read = read_study(yaml.safe_dump(study, sort_keys=False), "s")
    found = trials(read, fingerprint)
    rows: list[dict[str, Any]] = []
    for pack in packs(found):
        first = pack.trials[0]
        data = load(first.dataset)
        evaluator = build(data, first.evaluate.metrics, first.evaluate.samples, None)
        rows += [row for tick in train(pack, data, evaluator) for row in tick.rows]
    table = [{"trial": t.id, "seed": t.seed, "status": "done", **dict(t.axes)} for t in found]
    statements, unreadable = published.read(study["published"])
    assert not unreadable
    return compare(statements, pd.DataFrame(table), pd.DataFrame(rows), {})


@pytest.mark.parametrize("name", STUDIES)
def test_a_few_steps_of_each(name: str) -> None:
    """Every statement finds its cells and its number."""
    study = tiny(name)
    found = played(study)
    assert len(found) == len(study["published"])
    assert all(each.n == 2 and each.mean is not None and not each.lacking for each in found)


def test_the_page_is_current(made: ModuleType) -> None:
    """`make docs` writes it from results/replications/."""
    text = made.PAGE.read_text(encoding="utf-8")
    assert made.page(text) == text
    for folder in (ROOT / "results" / "replications").glob("*/"):
        assert f"### {folder.name}\n" in text


def test_every_statement_of_the_results_is_that_of_the_study() -> None:
    for folder in (ROOT / "results" / "replications").glob("*/"):
        kept = load_study(folder / "study.yaml").document["published"]
        assert kept == load_study(STUDIES[folder.name]).document["published"], "make replications"


def test_rows_of_the_page(made: ModuleType) -> None:
    """A row for each statement; of many, for those that do not agree; marks of Markdown are harmless."""
    study = tiny("ttur_saddle")
    study["published"][0] |= {"reduced": "x", "metric": "orbit.radius", "source": "y"}
    found = tuple(played(study))
    head, line, *rows = made.table(published.Beside(found, ("rates",), ()))
    assert head == "| rates | quantity | published | own | SE or interval | seeds | verdict |"
    assert (line, len(rows)) == ("|---|---|---|---|---|---|---|", len(found))
    assert rows[0].startswith("| .01/.01 | median orbit.radius | 0.541 of 400 ± 2 SE |")
    agreeing = dataclasses.replace(found[1], verdict=AGREES)
    many = published.Beside((agreeing,) * (made.MOST + 1), ("rates",), ())
    assert list(made.table(many)) == ["All rows stand in the report."]
    some = published.Beside((dataclasses.replace(found[0], verdict=DIFFERS), *many.compared), ("rates",), ())
    assert list(made.table(some))[2].endswith("| differs (reduced) |")
    assert len(list(made.table(some))) == 3
    assert made._cell("a | <b>*") == "a \\| &lt;b>\\*"
