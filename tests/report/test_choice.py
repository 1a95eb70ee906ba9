"""Which cell is named to pick and to avoid, on what seeds, and when none is."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_results import made

from bench.judge.stats import wilson
from bench.report import choice
from bench.report.view import View
from bench.store.tables import Results


def chosen(view: View, kind: str) -> choice.Choice:
    [found] = [each for each in choice.content(view)["choices"] if each.kind == kind]
    assert isinstance(found, choice.Choice)
    return found


def test_chosen_on_odd_seeds_and_judged_on_even_ones(tmp_path: Path) -> None:
    """a converges on odd seeds alone, so it is chosen, and what it does on even seeds is told."""

    def fate(value: str, seed: int) -> str:
        return "converged" if value == "a" and seed % 2 else "stalled"

    found = chosen(made(tmp_path, {"a": 1.0, "b": 2.0}, 10, fate), choice.PICK)
    assert found.settings == "knob a"
    assert (found.count, found.n) == (0, 5)
    assert (found.low, found.high) == tuple(map(float, wilson(0, 5)))
    assert found.result == "converged in 0 of 5 even seeds: 0 %, 95 % interval 0 to 43 %"
    assert "Chosen among 2 cells on the odd seeds, where it converged in 5 of 5;" in found.how


def test_of_equals_the_final_distance_decides(tmp_path: Path) -> None:
    view = made(tmp_path, {"a": 3.0, "b": 1.0, "c": 2.0}, 6, lambda value, seed: "converged")
    found = chosen(view, choice.PICK)
    assert found.settings == "knob b"
    assert "like 2 others (the smallest final fd decides)" in found.how
    assert "3 seeds make a wide interval" in found.how
    view = made(tmp_path, {"a": 3.0, "b": 1.0, "c": 2.0}, 10, lambda value, seed: "stalled")
    assert chosen(view, choice.AVOID).settings == "knob a"
    assert "wide interval" not in chosen(view, choice.AVOID).how


def test_a_diverged_trial_is_worse_than_every_distance(tmp_path: Path) -> None:
    def fate(value: str, seed: int) -> str:
        return "diverged" if value == "b" else "stalled"

    assert chosen(made(tmp_path, {"a": 9.0, "b": 1.0}, 10, fate), choice.AVOID).settings == "knob b"


def test_the_undecided_are_neither_converged_nor_failed(tmp_path: Path) -> None:
    """a never arrives, b converges once in five seeds: b is to be picked. Only b ever fails."""

    def fate(value: str, seed: int) -> str:
        return "undertrained" if value == "a" else "converged" if seed == 1 else "stalled"

    view = made(tmp_path, {"a": 0.1, "b": 5.0}, 10, fate)
    assert chosen(view, choice.PICK).settings == "knob b"
    assert chosen(view, choice.AVOID).settings == "knob b"
    assert chosen(view, choice.AVOID).outcomes == (("stalled", 5),)


def test_three_seeds_make_an_illustration(tmp_path: Path) -> None:
    found = chosen(made(tmp_path, {"a": 1.0, "b": 2.0}, 3, lambda v, s: "converged"), choice.PICK)
    assert (found.settings, found.result) == ("knob a", "converged in 3 of 3 seeds")
    assert not found.judged
    assert found.low is None
    assert "An illustration, not a verdict" in found.how


@pytest.mark.parametrize(
    ("seeds", "outcome", "kind", "why"),
    [
        (10, "stalled", choice.PICK, "No cell converged on the odd seeds"),
        (3, "stalled", choice.PICK, "No cell converged, so"),
        (10, "converged", choice.AVOID, "No cell failed on the odd seeds"),
        (1, "converged", choice.PICK, "With one seed"),
    ],
)
def test_none_is_named_where_none_did(tmp_path: Path, seeds: int, outcome: str, kind: str, why: str) -> None:
    found = chosen(made(tmp_path, {"a": 1.0, "b": 2.0}, seeds, lambda v, s: outcome), kind)
    assert found.cell == ""
    assert found.why.startswith(why)


def test_one_cell_is_no_choice(tmp_path: Path) -> None:
    view = made(tmp_path, {"a": 1.0}, 10, lambda v, s: "converged")
    assert choice.content(view)["choices"] == []
    why = choice.choose(view, view.groups[0], choice.PICK).why
    assert why == "The study has one cell, so there is no choice."


def test_a_cell_that_crashed_on_the_other_seeds_is_not_chosen(tmp_path: Path) -> None:
    view = made(tmp_path, {"a": 1.0, "b": 2.0}, 6, lambda v, s: "converged")
    trials = view.results.trials
    crashed = (trials["knob"] == "a") & (trials["seed"] % 2 == 0)
    trials = trials.assign(status=["crashed" if each else "done" for each in crashed])
    view = View(Results(**{**vars(view.results), "trials": trials}))
    assert chosen(view, choice.PICK).settings == "knob b"


def test_without_judged_trials_there_is_nothing(tmp_path: Path) -> None:
    view = made(tmp_path, {"a": 1.0, "b": 2.0}, 6, lambda v, s: "converged")
    trials = view.results.trials.assign(status="pending")
    empty = View(Results(**{**vars(view.results), "trials": trials}))
    assert choice.content(empty)["choices"] == []


@pytest.mark.parametrize(("first", "kind"), [(0, "even"), (1, "odd")])
def test_seeds_of_one_kind_alone_are_said_to_lack_the_other(tmp_path: Path, first: int, kind: str) -> None:
    view = made(tmp_path, {"a": 1.0, "b": 2.0}, 6, lambda v, s: "converged")
    trials = view.results.trials
    trials = trials.assign(seed=2 * trials["seed"] + first)
    how = chosen(View(Results(**{**vars(view.results), "trials": trials})), choice.PICK).how
    assert how.endswith(f"takes seeds of both kinds, and all of these are {kind}.")
    assert "it would be chosen" not in how
