"""Metrics of the game itself instead of its samples: catalogue entries with the fact `of: game`.

A target is called as `target(**keys)` and gives a GameMeasure: one dict of columns for each member. It may
play ahead if it takes everything back: training must not notice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from bench.metrics.batch import Value
from bench.metrics.catalog import METRICS
from bench.trial import Component
from ganzoo.updates import Play

GameMeasure = Callable[[Play], list[dict[str, Value]]]


def build_game_measures(metrics: Sequence[Component]) -> Callable[[Play], list[dict[str, Value]]]:
    """All game metrics of a run as one function of a Play; dead members have null values."""
    entries = [(METRICS.get("metric", each.name), each) for each in metrics]
    chosen = [(entry, each) for entry, each in entries if entry.facts.get("of") == "game"]
    measures = [(entry, entry.load()(**entry.resolve(each.kwargs))) for entry, each in chosen]

    def measure(play: Play) -> list[dict[str, Value]]:
        alive = play.game.alive[:, 0].tolist()
        rows: list[dict[str, Value]] = [{} for _ in alive]
        for entry, each in measures:
            names = [column.name for column in entry.facts["columns"]]
            for row, values, lives in zip(rows, each(play), alive, strict=True):
                row |= dict.fromkeys(names)
                row |= _finite(entry.name, values) if lives else {f"{entry.name}_status": "dead"}
        return rows

    return measure


def _finite(name: str, values: dict[str, Value]) -> dict[str, Value]:
    """The values, or none of them where one is not finite."""
    if any(isinstance(value, float) and not math.isfinite(value) for value in values.values()):
        return {f"{name}_status": "nonfinite"}
    return values
