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
    """a converges on all odd seeds, so it is chosen, and what it does on even seeds is told."""

    def fate(value: str, seed: int) -> str:
        return "converged" if value == "a" and (seed % 2 or seed < 3) else "stalled"

    found = chosen(made(tmp_path, {"a": 1.0, "b": 2.0}, 10, fate), choice.PICK)
    assert found.settings == "knob a"
    assert (found.count, found.n) == (2, 5)
    assert (found.low, found.high) == tuple(map(float, wilson(2, 5)))
    assert found.result == "converged in 2 of 5 even seeds: 40 %, 95 % interval 12 to 77 %"
    assert (found.title, found.is_weak) == ("Best found", True)
    assert "Chosen among 2 cells on the odd seeds, where it converged in 5 of 5;" in found.how


def test_of_equals_the_final_distance_decides(tmp_path: Path) -> None:
    view = made(tmp_path, {"a": 3.0, "b": 1.0, "c": 2.0}, 6, lambda value, seed: "converged")
    found = chosen(view, choice.PICK)
    assert found.settings == "knob b"
    assert "like 2 others (the smallest final fd decides)" in found.how
    assert "3 seeds make a wide interval" in found.how

    def fails(value: str, seed: int) -> str:
        return "converged" if value == "c" else "stalled"

    view = made(tmp_path, {"a": 3.0, "b": 1.0, "c": 2.0}, 10, fails)
    assert chosen(view, choice.AVOID).settings == "knob a"
    assert chosen(view, choice.AVOID).title == "Avoid"
    assert "wide interval" not in chosen(view, choice.AVOID).how


def test_a_diverged_trial_is_worse_than_every_distance(tmp_path: Path) -> None:
    def fate(value: str, seed: int) -> str:
        return {"b": "diverged", "c": "converged"}.get(value, "stalled")

    assert chosen(made(tmp_path, {"a": 9.0, "b": 1.0, "c": 9.0}, 10, fate), choice.AVOID).settings == "knob b"


def test_the_undecided_are_neither_converged_nor_failed(tmp_path: Path) -> None:
    """a never arrives, b converges in two seeds: b is the least bad. Only b ever fails."""

    def fate(value: str, seed: int) -> str:
        return "undertrained" if value == "a" else "converged" if seed in (1, 2) else "stalled"

    view = made(tmp_path, {"a": 0.1, "b": 5.0}, 10, fate)
    assert chosen(view, choice.PICK).settings == "knob b"
    assert chosen(view, choice.AVOID).settings == "knob b"
    assert chosen(view, choice.AVOID).outcomes == (("stalled", 4), ("converged", 1))


def test_three_seeds_make_an_illustration(tmp_path: Path) -> None:
    found = chosen(made(tmp_path, {"a": 1.0, "b": 2.0}, 3, lambda v, s: "converged"), choice.PICK)
    assert (found.settings, found.result) == ("knob a", "converged in 3 of 3 seeds")
    assert not found.judged
    assert found.low is None
    assert "An illustration, not a verdict" in found.how


@pytest.mark.parametrize(
    ("seeds", "outcome", "kind", "why"),
    [
        (10, "stalled", choice.PICK, "No cell to pick: nothing converged."),
        (3, "stalled", choice.PICK, "No cell to pick: nothing converged."),
        (10, "stalled", choice.AVOID, "No cell to avoid more than others: everything failed."),
        (10, "converged", choice.AVOID, "No cell to avoid: nothing failed."),
        (
            10,
            "undertrained",
            choice.PICK,
            "No cell to pick: nothing converged (20 of 20 trials are undecided).",
        ),
        (1, "converged", choice.PICK, "With one seed"),
    ],
)
def test_none_is_named_where_none_did(tmp_path: Path, seeds: int, outcome: str, kind: str, why: str) -> None:
    found = chosen(made(tmp_path, {"a": 1.0, "b": 2.0}, seeds, lambda v, s: outcome), kind)
    assert (found.cell, found.is_weak) == ("", True)
    assert found.why.startswith(why)


@pytest.mark.parametrize(
    ("parity", "why"),
    [
        (
            1,
            "the one that converged most often on the odd seeds (knob a, in 5 of 5) did so in none of 5 even",
        ),
        (0, "nothing converged on the odd seeds, which choose (5 of 10 trials did on the even ones)."),
    ],
)
def test_what_converged_on_seeds_of_one_kind_alone_is_not_picked(
    tmp_path: Path, parity: int, why: str
) -> None:
    def fate(value: str, seed: int) -> str:
        return "converged" if value == "a" and seed % 2 == parity else "stalled"

    found = chosen(made(tmp_path, {"a": 1.0, "b": 2.0}, 10, fate), choice.PICK)
    assert found.cell == ""
    assert why in found.why


def test_the_positive_control_is_called_so(tmp_path: Path) -> None:
    view = made(tmp_path, {"a": 1.0, "b": 2.0}, 10, lambda v, s: "converged" if v == "a" else "stalled")
    assert "positive control" not in chosen(view, choice.PICK).how
    view.results.study["positive_control"] = {"knob": "a"}
    assert chosen(view, choice.PICK).how.endswith(" It is the study's positive control.")


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
