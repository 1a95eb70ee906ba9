"""Stability maps: what stands in a square, which pairs are drawn, what is hatched."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from bench.report import maps
from bench.report.view import View
from bench.store.tables import Results


@pytest.fixture
def view(results: Results) -> View:
    return View(results)


def with_trials(results: Results, trials: pd.DataFrame, **grid: list[object]) -> View:
    study = {**results.study, "grid": {**results.study["grid"], **grid}}
    return View(Results(**{**vars(results), "trials": trials, "study": study}))


def test_rows_count_what_ended_how(view: View) -> None:
    """At ratio 1 the runs of even members converge and every third degrades: 2 of 6 fail."""
    made = maps.stability_map(view, "lr_ratio", "dropout")
    assert made.name == "map-dropout-lr_ratio"
    row = next(each for each in made.rows if each["dropout"] == "0" and each["lr_ratio"] == "1")
    assert (row["trials"], row["failed"], row["undecided"]) == (6, 2, 0)
    assert (row["dominant"], row["converged"], row["degraded"]) == ("converged", 4, 2)
    assert sum(each["trials"] for each in made.rows) == len(view.judged)


def test_the_undecided_make_a_range(view: View) -> None:
    svg = maps.stability_map(view, "lr_ratio", "dropout").svg
    assert "0, 0.05: 4–6/6; 0, 1: 2/6; 0, 8: 4/6; 0, 64: 6/6" in svg
    assert "0, 1: converged 67 % of 6" in svg


def test_squares_with_few_trials_are_hatched(view: View, small: Results) -> None:
    assert "<pattern" not in maps.stability_map(view, "lr_ratio", "dropout").svg
    assert "<pattern" in maps.stability_map(View(small), "lr_ratio", "dropout").svg


def test_a_long_axis_runs_down(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = maps.grid_of(view, "lr_ratio", "dropout")
    assert wide == maps.grid_of(view, "dropout", "lr_ratio")
    assert (wide.rows, wide.columns) == ("dropout", "lr_ratio")
    monkeypatch.setattr(maps, "ACROSS", 3)
    assert maps.grid_of(view, "lr_ratio", "dropout").rows == "lr_ratio"


def test_the_axes_that_move_failure_come_first(view: View) -> None:
    found, how = maps.importance(view)
    assert next(iter(found)) == "lr_ratio"
    assert how.startswith("ω²")
    shown, words = maps.pairs(view, found)
    assert len(shown) == 3
    assert all("lr_ratio" in pair for pair in shown[:2])
    assert words == ""


def test_a_grid_with_holes_is_ordered_by_its_rates(results: Results) -> None:
    trials = results.trials
    holed = with_trials(results, trials[(trials["lr_ratio"] != 1.0) | (trials["dropout"] > 0)])
    found, how = maps.importance(holed)
    assert how == ""
    assert next(iter(found)) == "lr_ratio"


def test_many_axes_do_not_make_fifty_maps(results: Results) -> None:
    """Five axes have ten pairs; an axis of very many values has no map."""
    trials = results.trials.assign(width=lambda t: t["seed"], depth=lambda t: t["seed"] % 2)
    view = with_trials(results, trials, width=[0, 1, 2], depth=[0, 1])
    content = maps.content(view)
    assert len(content["maps"]) == maps.MOST
    assert "6 of 10 pairs" in content["map_words"]
    every = trials.assign(width=range(len(trials)))
    words = maps.content(with_trials(results, every, width=[]))["map_words"]
    assert "more than 30 values: width" in words


def test_without_two_axes_there_is_no_map(results: Results) -> None:
    trials = results.trials[(results.trials["dropout"] == 0) & (results.trials["label_noise"] == 0)]
    assert maps.content(with_trials(results, trials))["maps"] == []


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_text_on_a_shade_can_be_read(rate: float) -> None:
    """A contrast of 4.5 as WCAG 2 counts it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted(luminance(each) for each in maps.shade_of(rate))
    assert (high + 0.05) / (low + 0.05) > 4.5


def test_long_labels_are_cut_in_the_picture_alone(results: Results) -> None:
    trials = results.trials.assign(
        dropout=[f"a rather long label {each}" for each in results.trials["dropout"]]
    )
    made = maps.stability_map(with_trials(results, trials), "lr_ratio", "dropout")
    assert made.rows[0]["dropout"] == "a rather long label 0.0"
    assert re.search(r">a rather long label…<", made.svg)
