"""A few planted runs, one for each outcome: the whole is `make planted`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.judge.outcomes import OUTCOMES, Context, judge
from tests.planted import held_out, tune
from tests.planted.confusion import (
    BAR_OF_ONE,
    ENOUGH_RUNS,
    Judged,
    judge_natural,
    judge_runs,
    page,
    problems,
)
from tests.planted.natural import natural
from tests.planted.plant import Plant, play
from tests.planted.scripted import registered

QUICK = {
    "learns_fast_or_slowly": 0,
    "turns_into_nan": 0,
    "one_point": 0,
    "far_and_saturated": 2,
    "walks_round_the_ring": 0,
    "some_modes_only": 0,
    "swapped_for_noise": 0,
    "stays_blurred": 0,
    "improves_to_the_end": 0,
}
"""Recipe of half A -> which of its packs is made here, for each outcome one."""


@pytest.fixture(autouse=True)
def catalogue() -> Iterator[None]:
    with registered():
        yield


@pytest.mark.parametrize("name", QUICK)
def test_a_run_that_was_made_to_end_so_is_called_so(name: str) -> None:
    plant = tune.RECIPES[name]()[QUICK[name]]
    runs = play(replace(plant, truths=plant.truths), "A", name, 0)
    assert [judge(run.curve, run.context).outcome for run in runs] == list(plant.truths)


def test_the_quick_ones_are_of_every_outcome() -> None:
    assert {tune.RECIPES[name]()[i].truths[0] for name, i in QUICK.items()} == set(OUTCOMES)


@pytest.mark.parametrize("recipes", [tune.RECIPES, held_out.RECIPES], ids=["A", "B"])
def test_each_half_has_enough_of_each_outcome(recipes: dict[str, object]) -> None:
    plants: list[Plant] = [plant for make in recipes.values() for plant in make()]  # type: ignore[operator]
    counts = Counter(truth for plant in plants for truth in plant.truths)
    assert set(counts) == set(OUTCOMES)
    assert min(counts.values()) >= ENOUGH_RUNS


def test_each_recipe_says_what_it_causes_and_no_two_halves_share_one() -> None:
    assert all(make.__doc__ for recipes in (tune.RECIPES, held_out.RECIPES) for make in recipes.values())
    assert not set(tune.RECIPES) & set(held_out.RECIPES)


def test_natural_runs_are_read_with_both_labels() -> None:
    runs = natural()
    assert [sum(run.is_held_out is held_out for run in runs) for held_out in (False, True)] == [92, 42]
    assert {label for run in runs for label in (run.first, run.second)} <= set(OUTCOMES)
    assert all(isinstance(run.context, Context) and len(run.curve["step"]) > 5 for run in runs)


def fake(outcome: str, right: int, n: int) -> list[Judged]:
    other = "converged" if outcome != "converged" else "stalled"
    return [Judged("A", "r", f"#{i}", (outcome,), outcome if i < right else other, "why") for i in range(n)]


def test_a_missed_bar_is_told() -> None:
    whole = [each for outcome in OUTCOMES for each in fake(outcome, ENOUGH_RUNS, ENOUGH_RUNS)]
    assert not [text for group, text in problems(whole) if group == "A"]
    weak = [*(each for each in whole if each.truths[0] != "stalled"), *fake("stalled", 16, 20)]
    found = [text for _, text in problems(weak)]
    assert f"half A, stalled: 16 of 20 right, below {BAR_OF_ONE:.0%}" in found
    assert any("fewer than 20" in text for group, text in problems(whole[:-1]) if group == "A")


def test_natural_runs_are_named_as_the_raters_do() -> None:
    judged = judge_natural(natural())
    assert not [text for group, text in problems(judged) if group.startswith("natural")]


def test_the_page_shows_the_matrix_and_the_wrong_ones() -> None:
    text = page(fake("stalled", 3, 4), {"A": {"r": "what it does"}}, 60.0)
    assert "**3 of 4 right (75.0%)**" in text
    assert "| `stalled` |  |  |  |  |  |  | 1 |  | **3** | 3 of 4 |" in text
    assert "- `r`, #3: `stalled` was called `converged`. why" in text


def test_a_run_judged_is_a_run_counted() -> None:
    runs = play(tune.RECIPES["some_modes_only"]()[2], "A", "some_modes_only", 2)
    assert [each.is_right for each in judge_runs(runs)] == [True] * len(runs)
