"""What a study may name, as rows for a listing. Imports no component."""

from __future__ import annotations

from typing import Any

from bench.data.catalog import DATA
from bench.metrics.catalog import METRICS
from bench.study import examples
from bench.study.problems import show
from bench.study.recipes import RECIPES
from ganzoo.catalog import ZOO, Catalog, Entry

KINDS: dict[str, tuple[str, Catalog]] = {
    "models": ("model", ZOO),
    "losses": ("loss", ZOO),
    "penalties": ("penalty", ZOO),
    "updates": ("update", ZOO),
    "optimizers": ("optimizer", ZOO),
    "datasets": ("dataset", DATA),
    "metrics": ("metric", METRICS),
}

LONG = ("protocol", "cost")
"""Columns of a listing that are too long for a table on a screen."""


def listing(what: str) -> list[dict[str, Any]]:
    """One row for each name of a list; a list that has no entries yet is empty."""
    if what in KINDS:
        kind, catalog = KINDS[what]
        return [_row(entry) for entry in catalog.entries(kind)]
    if what == "studies":
        return [{"name": name, "asks": examples.question(path)} for name, path in examples.shipped().items()]
    if what == "outcomes":
        from bench.judge.outcomes import OUTCOMES

        words = {True: "yes", False: "no", None: "undecided"}
        return [
            {
                "name": each.name,
                "failure": words[each.failure],
                "meaning": each.meaning,
                "folklore": each.folklore,
            }
            for each in OUTCOMES.values()
        ]
    if what == "rules":
        from bench.judge.rules import RANGES, RULES

        return [
            {
                "name": name,
                "value": getattr(RULES, name),
                "unit": each.unit,
                "low": each.low,
                "high": each.high,
                "decides": each.meaning,
            }
            for name, each in RANGES.items()
        ]
    if what == "recipes":
        return [
            {"name": each.name, "paper": each.paper, "settings": show(each.settings), "note": each.note}
            for each in RECIPES.values()
        ]
    return []


def _row(entry: Entry) -> dict[str, Any]:
    keys = ", ".join(f"{name}={key.default}" for name, key in entry.keys.items())
    row: dict[str, Any] = {"name": entry.name, "keys": keys}
    if entry.kind == "metric":
        facts = entry.facts
        row |= {"unit": facts["unit"], "direction": facts["direction"], "floor": facts["floor"]}
        row |= {name: facts[name] for name in LONG}
    return row | {"formula": entry.formula, "paper": entry.paper}
