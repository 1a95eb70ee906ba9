"""Curves over seeds with the dead in them, and the names at the lines' ends."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from bench.report import curves, lines
from bench.report.tracks import Tracks, seed_curves
from bench.report.view import View
from bench.store.tables import Results


def test_a_dead_trial_counts_as_worse_than_every_value() -> None:
    trials = pd.DataFrame({"trial": ["a", "b", "c"], "seed": [0, 0, 1]})
    frame = pd.DataFrame(
        {
            "trial": ["a", "a", "a", "b", "b", "b", "c", "c"],
            "step": [0, 1, 2, 0, 1, 2, 0, 1],
            "alive": [True, True, True, True, True, True, True, False],
            "fd": [9.0, 5.0, 1.0, 9.0, 3.0, 2.0, 9.0, np.nan],
        }
    )
    tracks = Tracks.of(frame)
    steps, values = seed_curves(tracks, tracks.values("fd"), trials, math.inf)
    assert steps.tolist() == [0, 1, 2]
    assert values[:, 0].tolist() == [9.0, 3.0, 1.0]
    assert values[:, 1].tolist() == [9.0, math.inf, math.inf]


def test_a_step_that_only_some_seeds_measured_is_left_out() -> None:
    trials = pd.DataFrame({"trial": ["a", "b"], "seed": [0, 1]})
    frame = pd.DataFrame({"trial": ["a", "a", "b"], "step": [0, 1, 0], "alive": True, "fd": [1.0, 2.0, 3.0]})
    tracks = Tracks.of(frame)
    steps, _ = seed_curves(tracks, tracks.values("fd"), trials, math.inf)
    assert steps.tolist() == [0]


def test_the_dead_do_not_reach_beyond_what_was_measured() -> None:
    """Another trial ran for longer: its steps are no steps of these."""
    frame = pd.DataFrame(
        {"trial": ["a", "a", "z"], "step": [0, 1, 9], "alive": [True, False, True], "fd": [1.0, None, 1.0]}
    )
    tracks = Tracks.of(frame)
    trials = pd.DataFrame({"trial": ["a"], "seed": [0]})
    steps, _ = seed_curves(tracks, tracks.values("fd"), trials, math.inf)
    assert steps.tolist() == [0, 1]
    assert tracks.evaluated().tolist() == [[True, True, False], [False, False, True]]


def test_rows_hold_median_and_range_over_seeds(results: Results) -> None:
    view = View(results)
    made = curves.curves(view, view.groups[0], "lr_ratio")
    assert made.name == "curves-lr_ratio"
    start = [each for each in made.rows if each["metric"] == "fd" and each["step"] == 0]
    assert [each["lr_ratio"] for each in start] == ["0.05", "1", "8", "64"]
    for row in made.rows:
        assert row["least"] <= row["median"] <= row["most"]
        assert row["seeds"] == 3
    assert made.svg.count("<svg") == len({each["metric"] for each in made.rows})


def test_without_axes_there_is_one_line(results: Results) -> None:
    cell = results.trials["cell"] == results.trials["cell"].iloc[0]
    view = View(Results(**{**vars(results), "trials": results.trials[cell]}))
    groups = curves.content(view)["curve_groups"]
    [(axis, made)] = groups[0]["figures"]
    assert axis == ""
    assert {each["trials"] for each in made.rows} == {"all trials"}


def test_the_floor_is_named_above_the_frame(results: Results) -> None:
    view = View(results)
    floor = view.groups[0].floor_mean
    svg = curves.curves(view, view.groups[0], "dropout").svg
    assert f"fd, lower is better; dashed: floor {floor:.4g}" in svg


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        ([0.0, 1.0], [0.0, 1.0]),
        ([0.5, 0.5], [0.45, 0.55]),
        ([0.5, 0.5, 0.5], [0.4, 0.5, 0.6]),
        ([0.1, 0.12, 0.9], [0.06, 0.16, 0.9]),
        ([], []),
    ],
)
def test_names_move_no_more_than_they_must(wanted: list[float], places: list[float]) -> None:
    assert lines.apart(wanted, 0.1) == pytest.approx(places)


def test_labels_stay_within_the_frame() -> None:
    assert lines.apart([0.0, 0.0, 1.0], 0.1, (0.0, 1.0)) == pytest.approx([0.0, 0.1, 1.0])
    assert lines.apart([1.0, 1.0], 0.1, (0.0, 1.0)) == pytest.approx([0.9, 1.0])
    assert lines.apart([0.5] * 5, 0.4, (0.0, 1.0)) == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0])


def test_lines_that_end_together_share_a_name() -> None:
    assert lines.shared([0.1, 0.1, 0.5], 9) == [[0, 1], [2]]
    assert lines.shared([0.1, 0.2, 0.5, 0.9], 3) == [[0, 1], [2], [3]]
    assert lines.together(["none", "bn_g"], 14) == "none, bn_g"
    assert lines.together(["none", "bn_g", "bn_d", "init", "relu_d", "uniform"], 14) == "none, bn_g + 4"
    assert lines.together(["a_name_of_some_length", "other"], 14) == "a_name_of… + 1"
    assert lines.together(["a_name_of_some_length", "other"], 14, every=True) == "both"
    assert lines.together(["none", "bn_g", "bn_d", "init"], 14, every=True) == "all 4"
    assert lines.together(["none", "bn_g"], 14, every=True) == "none, bn_g"


def test_neighbours_differ_in_colour_and_dashes() -> None:
    for values in ([0.1, 1.0, 10.0, 100.0, 1e3, 1e4], ["a", "b", "c"]):
        looks = lines.looks(values)
        assert len({colour for colour, _ in looks}) == len(values)
        assert all(a[1] != b[1] for a, b in itertools.pairwise(looks))


def test_of_many_lines_the_lowest_and_highest_are_named() -> None:
    at = np.array([0.0])
    bands = [curves.Band(i, at, at + i, at, at, 5) for i in range(40)]
    named = curves._named(bands)
    assert named == {str(i) for i in (0, 1, 2, 3, 36, 37, 38, 39)}
