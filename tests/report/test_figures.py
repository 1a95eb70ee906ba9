"""What the figures are made of: rates, bounds, curves with the dead in them."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import made_results
import pytest

from bench.report import along, figures, svg
from bench.report.view import View, chosen, ranked
from bench.store.tables import Results


def made(cells: dict[str, float], seeds: int, folder: Path) -> View:
    """a always fails, nothing else does."""
    return made_results.made(folder, cells, seeds, lambda v, s: "stalled" if v == "a" else "converged")


@pytest.fixture
def view(results: Results) -> View:
    return View(results)


def test_shares_tell_the_rate_and_count_of_each_value(view: View) -> None:
    svg = along.shares(view, "lr_ratio").svg
    assert "0.05: 67 to 100 % of 12 failed; 1: 33 % of 12 failed" in svg
    assert {row["interval"] for row in along.shares(view, "lr_ratio").rows} == {"3 seeds: points only"}


def test_a_bars_rows_add_up_to_its_trials(view: View) -> None:
    rows = [row for row in along.shares(view, "lr_ratio").rows if row["lr_ratio"] == "1"]
    assert {row["outcome"]: row["trials"] for row in rows} == {"degraded": 4, "converged": 8}
    assert {row["failure_rate_least"] for row in rows} == {4 / 12}


def test_effects_compare_each_number_with_the_next_smaller(view: View) -> None:
    made = along.effects(view, "lr_ratio")
    assert made is not None
    assert [(row["treatment"], row["control"]) for row in made.rows] == [
        ("1", "0.05"), ("8", "1"), ("64", "8"),
    ]  # fmt: skip
    last = made.rows[-1]
    assert (last["pairs"], last["unpaired"], last["seeds"], last["low"]) == (12, 0, 3, None)
    assert last["difference_least"] == pytest.approx(1 - 8 / 12)
    assert "64 for 8: +33" in made.svg
    assert "n = 3 seeds" in made.svg


def test_names_are_compared_with_the_first(tmp_path: Path) -> None:
    view = made({"a": 1.0, "b": 1.0, "c": 1.0}, 6, tmp_path)
    shown = along.effects(view, "knob")
    assert shown is not None
    assert [(row["treatment"], row["control"]) for row in shown.rows] == [("b", "a"), ("c", "a")]
    assert shown.rows[0]["difference_least"] == -1.0
    assert shown.rows[0]["low"] >= -1.0
    assert shown.rows[0]["high"] < 0


def test_one_value_has_no_effect(tmp_path: Path) -> None:
    view = made({"a": 1.0}, 6, tmp_path)
    assert along.content(view) == {"along": []}


def test_what_a_bar_pools_is_said(view: View) -> None:
    """All values of the other axes, or not the same for all bars; one axis pools nothing."""
    assert along.pooled(view, "lr_ratio") == "Each bar pools all values of dropout and label_noise."
    trials = view.results.trials[
        (view.results.trials["lr_ratio"] != 8) | (view.results.trials["dropout"] == 0)
    ]
    lacking = View(type(view.results)(**{**vars(view.results), "trials": trials}))
    told = along.pooled(lacking, "lr_ratio")
    assert told.startswith("Each bar pools the values of dropout and label_noise that it was run with")


def test_one_axis_pools_nothing(tmp_path: Path) -> None:
    assert along.pooled(made({"a": 1.0, "b": 2.0}, 6, tmp_path), "knob") == ""


def test_a_bar_of_one_cell_has_wilsons_interval(view: View) -> None:
    trials = view.judged[view.judged["cell"] == view.judged["cell"].iloc[0]]
    bounds = figures.bounds_of(trials)
    assert bounds.low.method == "Wilson, n = 3"
    assert bounds.low.mean < bounds.high.mean


def test_figures_are_the_same_each_time_and_know_nothing_of_the_world(view: View) -> None:
    first = along.shares(view, "dropout").svg
    assert along.shares(view, "dropout").svg == first
    assert not re.search(r"https?:|xmlns|<metadata|DOCTYPE", first)


def test_a_dollar_in_a_name_is_no_formula(view: View) -> None:
    trials = view.results.trials.assign(dropout="$\\bad{")
    trials.loc[:5, "dropout"] = "other"
    hostile = View(type(view.results)(**{**vars(view.results), "trials": trials}))
    assert "$\\bad{" in along.shares(hostile, "dropout").svg


def test_the_dead_rank_behind_every_finite_value(view: View) -> None:
    group = view.groups[0]
    table = ranked(group)
    finite = table["final.fd"].notna().to_numpy()
    assert finite[: int(finite.sum())].all()
    assert (table["outcome"].to_numpy()[~finite] == "diverged").all()
    words = dict(chosen(group))
    assert words["best"]["final.fd"] == table["final.fd"].min()
    assert words["worst"]["outcome"] == "diverged"


def test_values_of_an_axis_are_in_order(view: View) -> None:
    assert view.values("lr_ratio") == [0.05, 1.0, 8.0, 64.0]
    assert view.seeds == 3


def test_a_figure_gets_smaller_and_keeps_what_it_says() -> None:
    with svg.style():
        made = svg.figure(3, 2)
        axes = made.subplots()
        axes.plot([0.0, 1.0 / 3.0], [0.123456, 2.0])
        axes.set_title("floor 0.03031 <1")
        text = svg.to_svg(made, "a line to 0.123456")
    assert "floor 0.03031 &lt;1" in text
    assert 'aria-label="a line to 0.123456"' in text
    assert "font-family" not in text
    assert not re.search(r'[" ]\d+\.\d{3,}[" ]', re.sub(r">[^<]*<|aria-label=\"[^\"]*\"", "", text))
    with svg.style():
        whole = svg.standalone(made, "a line")
    assert ElementTree.fromstring(whole).tag == "{http://www.w3.org/2000/svg}svg"
    assert "var(" not in whole
    assert "currentColor" not in whole
