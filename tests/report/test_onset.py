"""Time to failure: closed curves, what is known between evaluations, and the sentence of the test."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from made_results import made

from bench.report import onset
from bench.report.view import View
from bench.store.tables import Results


def with_curves(
    view: View, onsets: dict[str, int | None], steps: tuple[int, ...] = (0, 100, 200, 500)
) -> View:
    """Every trial evaluated at these steps; those with an onset failed since."""
    trials = view.results.trials.copy()
    trials["flag.stalled"] = pd.Series([onsets[each] is not None for each in trials["trial"]], dtype=object)
    trials["flag.stalled.onset"] = [onsets[each] for each in trials["trial"]]
    curves = pd.DataFrame({"trial": name, "step": step, "alive": True} for name in onsets for step in steps)
    return View(Results(**{**vars(view.results), "trials": trials, "curves": curves}))


@pytest.fixture
def view(tmp_path: Path) -> View:
    """a fails since 200 on every second of 6 seeds, b never."""

    def fate(value: str, seed: int) -> str:
        return "stalled" if value == "a" and seed % 2 else "converged"

    before = made(tmp_path, {"a": 2.0, "b": 1.0}, 6, fate)
    failed = before.results.trials["outcome"] == "stalled"
    names = before.results.trials["trial"]
    return with_curves(before, {n: 200 if f else None for n, f in zip(names, failed, strict=True)})


def test_an_onset_lies_between_two_evaluations(view: View) -> None:
    """Half of a fails in (100, 200]: by 100 none, by 200 half; b at no time."""
    [found] = onset.content(view)["onsets"]
    rows = pd.DataFrame(found["figure"].rows)
    assert rows["step"].unique().tolist() == [0.0, 100.0, 200.0, 500.0]
    a = rows[(rows["knob"] == "a") & (rows["failure"] == onset.ANY)].set_index("step")
    assert a["share_at_least"].tolist() == pytest.approx([0, 0, 0.5, 0.5])
    assert a["share_at_most"].tolist() == pytest.approx([0, 0, 0.5, 0.5])
    assert a["at_risk"].tolist() == [6, 6, 6, 3]
    assert (a["low"] <= a["share_at_least"]).all()
    assert (a["high"] >= a["share_at_most"]).all()
    b = rows[rows["knob"] == "b"]
    assert set(b["failure"]) == {onset.ANY}
    assert (b["share_at_most"] == 0).all()


def test_the_kinds_add_up(view: View) -> None:
    [found] = onset.content(view)["onsets"]
    rows = pd.DataFrame(found["figure"].rows)
    wide = rows[rows["knob"] == "a"].pivot(index="step", columns="failure", values="share_at_least")
    assert list(wide) == [onset.ANY, "stalled"]
    assert wide["stalled"].tolist() == pytest.approx(wide[onset.ANY].tolist())


def test_the_area_between_evaluations_is_drawn(view: View) -> None:
    """From 100 on half may have failed already: the picture's alternative text has the ends alone."""
    [found] = onset.content(view)["onsets"]
    assert "At the end: a 50 %; b 0 %." in found["figure"].svg
    assert found["figure"].svg.count("<svg") == 2  # b has no kinds to draw


def test_the_test_is_between_values_and_over_seeds(view: View) -> None:
    [found] = onset.content(view)["onsets"]
    assert found["test"].startswith("Do the values of knob fail at the same pace? p = ")
    assert "labels exchanged within 6 seeds, all 64 ways" in found["test"]


def test_few_seeds_have_no_band_and_no_p(tmp_path: Path) -> None:
    before = made(tmp_path, {"a": 2.0, "b": 1.0}, 3, lambda v, s: "stalled" if v == "a" else "converged")
    names = before.results.trials["trial"]
    view = with_curves(before, {n: 100 if n.startswith("a") else None for n in names})
    [found] = onset.content(view)["onsets"]
    assert {row["low"] for row in found["figure"].rows} == {None}
    assert "no p (log-rank, 3 seeds: no p below 5)" in found["test"]


def test_many_values_have_their_worst_drawn_and_the_rest_in_the_csv(tmp_path: Path) -> None:
    cells = {f"{i:02d}": float(i) for i in range(12)}
    before = made(tmp_path, cells, 5, lambda v, s: "stalled" if s < 3 else "converged")
    names = before.results.trials["trial"]
    view = with_curves(before, {n: 100 if int(n[-1]) < 3 else None for n in names})
    [found] = onset.content(view)["onsets"]
    assert found["more"].startswith("The kinds of 3 more values")
    assert found["figure"].svg.count("<svg") == 1 + onset.MOST_VALUES
    assert len({row["knob"] for row in found["figure"].rows}) == 12


def test_where_nothing_failed_it_is_said(tmp_path: Path) -> None:
    view = made(tmp_path, {"a": 1.0}, 3, lambda v, s: "converged")
    assert onset.content(view)["onsets"] == []
    assert onset.content(view)["onset_words"] == "No trial failed, so there is no time to failure."


def test_without_axes_there_is_one_curve(tmp_path: Path) -> None:
    before = made(tmp_path, {"a": 1.0}, 6, lambda v, s: "stalled")
    view = with_curves(before, dict.fromkeys(before.results.trials["trial"], 200))
    [found] = onset.content(view)["onsets"]
    assert (found["axis"], found["test"]) == ("", "")
    assert found["figure"].rows[-1]["share_at_least"] == 1.0


@pytest.mark.parametrize(("failing", "top"), [(0, "20"), (30, "100")])
def test_few_failures_are_seen_and_all_frames_of_an_axis_have_one_height(
    tmp_path: Path, failing: int, top: str
) -> None:
    """One of 40 fails at a, and so many at b; the interval of 1 of 40 ends below 20 %."""
    knob = {"a": 1.0, "b": 2.0}
    before = made(
        tmp_path, knob, 40, lambda v, s: "stalled" if s < (failing if v == "b" else 1) else "converged"
    )
    trials = before.results.trials
    fates = zip(trials["trial"], trials["outcome"], strict=True)
    view = with_curves(before, {name: 100 if fate == "stalled" else None for name, fate in fates})
    drawn = onset.content(view)["onsets"][0]["figure"].svg.split("<svg")[1:]
    assert all(max(re.findall(r">(\d+) %<", each), key=int) == top for each in drawn)


def test_very_many_steps_are_thinned(tmp_path: Path) -> None:
    before = made(tmp_path, {"a": 1.0}, 300, lambda v, s: "stalled")
    names = before.results.trials["trial"].tolist()
    view = with_curves(before, {name: 7 + i for i, name in enumerate(names)}, steps=(0, 500))
    grid = onset.grid_of(onset.onsets_of(view)[0])
    assert len(grid) <= onset.MOST_STEPS
    assert (grid[0], grid[-1]) == (0.0, 306.0)


def crossed(tmp_path: Path, lacking: Callable[[str, int], bool], ill: str, outcome: str = "stalled") -> View:
    """Cells of knob (a, b) x data (1, 2) at 8 seeds without those lacking; data of `ill` fail since 100."""
    values = {"a1": 1.0, "a2": 2.0, "b1": 3.0, "b2": 4.0}
    before = made(tmp_path, values, 8, lambda v, s: outcome if v[1] == ill else "converged")
    trials = before.results.trials
    trials = trials.assign(knob=trials["knob"].str[0], load=trials["knob"].str[1])
    gone = [lacking(k + n, s) for k, n, s in zip(trials["knob"], trials["load"], trials["seed"], strict=True)]
    trials = trials[[not each for each in gone]].reset_index(drop=True)
    study = {"name": "crossed", "grid": {"knob": ["a", "b"], "load": ["1", "2"]}}
    view = View(Results(**{**vars(before.results), "trials": trials, "study": study}))
    fates = zip(trials["trial"], trials["outcome"], strict=True)
    return with_curves(view, {name: 100 if fate == "stalled" else None for name, fate in fates})


def test_a_cell_that_a_value_lacks_is_in_no_curve_and_no_test(tmp_path: Path) -> None:
    """b has not the load 2, which fails whatever the knob: a is not the worse for it."""
    found = onset.content(crossed(tmp_path, lambda cell, seed: cell == "b2", "2"))["onsets"][0]
    assert found["axis"] == "knob"
    assert "? p = 1 (log-rank" in found["test"]
    assert found["test"].endswith(
        "Drawn and tested: the 16 of 24 trials whose seed and other settings all values of knob have."
    )
    assert all(row["share_at_most"] == 0 for row in found["figure"].rows)
    assert max(row["at_risk"] for row in found["figure"].rows) == 8


def test_values_without_a_common_cell_are_not_tested(tmp_path: Path) -> None:
    found = onset.content(crossed(tmp_path, lambda cell, seed: cell in ("a1", "b2"), "2"))["onsets"][0]
    assert found["test"] == (
        "No seed and other settings are shared by all values of knob: each curve is of other cells, and they "
        "are not to be compared, so there is no test."
    )


def test_the_larger_p_of_both_readings_of_the_undecided_counts(tmp_path: Path) -> None:
    """a fails always; b is undecided on as many seeds: failed or not, which decides the test."""
    fates = {"a": "stalled", "b": "undertrained"}
    before = made(tmp_path, {"a": 2.0, "b": 1.0}, 8, lambda v, s: fates[v])
    names = before.results.trials["trial"]
    decided = with_curves(before, {n: 500 if n.startswith("a") else None for n in names})
    test = onset.content(decided)["onsets"][0]["test"]
    assert "? p = 1 (log-rank" in test
    assert test.endswith("the larger p of the undecided as failed and as not).")
