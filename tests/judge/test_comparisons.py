"""Methods compared: closed forms, pairing, budgets, choice on fresh seeds, planted and null effects."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from bench.errors import UserError
from bench.judge.comparison import (
    DIFFERENCE,
    FIRST,
    OPEN,
    POINTS,
    RATIO,
    SECOND,
    Arm,
)
from bench.judge.comparisons import compare
from bench.judge.selection import holm

INF, NAN = math.inf, math.nan


def arm(
    name: str,
    failed: Callable[[int, str], bool | None] = lambda seed, cell: False,
    value: Callable[[int, str], float] = lambda seed, cell: 1.0,
    seeds: Sequence[int] = range(6),
    cells: Sequence[str] = ("a", "b"),
    stream: str = "0",
) -> Arm:
    keys = [(seed, cell) for cell in cells for seed in seeds]
    return Arm(
        name,
        np.array([seed for seed, _ in keys], dtype=np.int64),
        tuple(cell for _, cell in keys),
        tuple(failed(*key) for key in keys),
        np.array([value(*key) for key in keys], dtype=np.float64),
        stream,
    )


def test_each_method_has_its_rate_its_middle_and_its_counts() -> None:
    first = arm("x", lambda seed, cell: cell == "a", lambda seed, cell: 2.0 + seed % 2)
    second = arm("y", lambda seed, cell: None if cell == "a" else False, lambda seed, cell: 4.0)
    found = compare([first, second])
    x, y = found.standings
    assert (x.trials, x.cells, x.seeds, x.diverged, x.unknown) == (12, 2, 6, 0, 0)
    assert (x.failure.low.mean, x.failure.high.mean) == (0.5, 0.5)
    assert (y.failure.low.mean, y.failure.high.mean) == (0.0, 0.5)
    assert x.middle.mean == pytest.approx(math.sqrt(6))  # the geometric mean of 2 and 3
    assert y.middle.mean == pytest.approx(4)
    assert y.middle.low is None  # no seed changes it
    assert found.scale == RATIO
    assert not found.medians


def test_a_pair_has_differences_by_seed_and_cell() -> None:
    noise = np.random.Generator(np.random.Philox(3)).normal(0, 0.1, 6)
    first = arm("x", lambda seed, cell: cell == "a", lambda seed, cell: math.exp(noise[seed]))
    second = arm("y", lambda seed, cell: True, lambda seed, cell: 2.0)
    (pair,) = compare([first, second]).contrasts
    assert (pair.paired, pair.pairs, pair.seeds, pair.why_unpaired) == (True, 12, 6, "")
    assert pair.failure[0].estimate.mean == pytest.approx(-0.5)
    assert pair.value.estimate.mean == pytest.approx(noise.mean() - math.log(2))
    assert pair.improvement.mean == 1
    assert pair.verdict_value == FIRST
    assert pair.adjusted_value == pytest.approx(min(1.0, 2 * (pair.p_value or 0)))
    low, high = pair.failure_span
    assert low is not None
    assert high is not None
    assert low < -0.5 < high


def test_the_realised_correlation_is_told() -> None:
    luck = np.random.Generator(np.random.Philox(4)).normal(0, 1, 8)
    both = [arm(name, value=lambda s, c: math.exp(luck[s]), seeds=range(8)) for name in ("x", "y")]
    other = arm("z", value=lambda s, c: math.exp(luck[7 - s]), seeds=range(8))
    first, second, _ = compare([*both, other]).contrasts
    assert first.value.correlation == pytest.approx(1)
    assert second.value.correlation is not None
    assert second.value.correlation < 0.9


def test_higher_may_be_better() -> None:
    luck = np.random.Generator(np.random.Philox(5)).normal(0, 0.01, 6)
    first = arm("x", value=lambda s, c: 0.9 + luck[s])
    second = arm("y", value=lambda s, c: 0.5)
    found = compare([first, second], better="higher", scale=RATIO)
    assert found.scale == DIFFERENCE
    (pair,) = found.contrasts
    assert pair.value.estimate.mean == pytest.approx(0.4 + luck.mean())
    assert (pair.verdict_value, pair.improvement.mean) == (FIRST, 1)
    assert compare([second, first], better="higher").contrasts[0].verdict_value == SECOND
    assert found.standings[0].profile.share[-1] < found.standings[0].profile.share[0]


def test_values_that_are_not_positive_are_taken_as_differences() -> None:
    found = compare([arm("x", value=lambda s, c: -1.0 + s), arm("y")])
    assert found.scale == DIFFERENCE


def test_a_diverged_trial_is_worst_and_makes_medians_of_the_table() -> None:
    first = arm("x", lambda s, c: s == 0, lambda s, c: INF if s == 0 else 1.0 + 0.01 * s)
    second = arm("y", value=lambda s, c: 2.0 + 0.01 * s)
    found = compare([first, second])
    assert found.medians
    assert found.standings[0].diverged == 2
    assert found.standings[0].profile.share[-1] == pytest.approx(10 / 12)
    (pair,) = found.contrasts
    assert pair.value.estimate.mean == pytest.approx(math.log(0.505), abs=0.02)
    assert pair.improvement.mean == pytest.approx(10 / 12)


def test_unknown_values_are_counted_and_in_no_number_of_values() -> None:
    first = arm("x", value=lambda s, c: NAN if s < 2 else 1.0)
    found = compare([first, arm("y", value=lambda s, c: 2.0)])
    assert found.standings[0].unknown == 4
    assert found.contrasts[0].value.pairs == 8
    assert found.contrasts[0].value.unpaired == 8
    assert found.contrasts[0].pairs == 12
    nothing = compare([arm("x", value=lambda s, c: NAN), arm("y", value=lambda s, c: NAN)])
    assert math.isnan(nothing.contrasts[0].value.estimate.mean)
    assert nothing.family == 1  # failures alone
    assert len(nothing.thresholds) == 0


def test_below_five_seeds_there_are_points_and_no_verdict() -> None:
    found = compare([arm("x", lambda s, c: True, seeds=range(4)), arm("y", seeds=range(4))])
    (pair,) = found.contrasts
    assert found.family == 0
    assert (pair.p_failure, pair.adjusted_failure, pair.verdict_failure) == (None, None, POINTS)
    assert pair.failure_span == (None, None)
    assert found.standings[0].failure.low.low is None
    assert found.standings[0].middle.low is None


# --- the chosen cell


def test_a_cell_is_chosen_on_odd_seeds_and_judged_on_even_ones() -> None:
    """Cell a looks perfect on odd seeds and fails on all even ones; b fails on one odd seed."""
    first = arm("x", lambda s, c: s % 2 == 0 if c == "a" else s == 1)
    choice = compare([first, arm("y")]).standings[0].choice
    assert choice is not None
    assert (choice.cell, choice.of, choice.seen) == ("a", 2, 0.0)
    assert choice.failure.low.mean == 1.0
    assert choice.failure.low.method == "Wilson, n = 3"


def test_of_equal_cells_the_better_value_decides_and_the_undecided_count_as_failed() -> None:
    first = arm("x", value=lambda s, c: 2.0 if c == "a" else 1.0)
    choice = compare([first, arm("y")]).standings[0].choice
    assert choice is not None
    assert (choice.cell, choice.value) == ("b", 1.0)
    second = arm("x", lambda s, c: None if c == "b" else False, value=lambda s, c: 2.0 if c == "a" else 1.0)
    choice = compare([second, arm("y")]).standings[0].choice
    assert choice is not None
    assert choice.cell == "a"


def test_without_odd_or_without_even_seeds_nothing_is_chosen() -> None:
    for seeds in (range(0, 12, 2), range(1, 13, 2)):
        assert compare([arm("x", seeds=seeds), arm("y", seeds=seeds)]).standings[0].choice is None


def test_unequal_budgets_are_said_and_the_choice_is_among_what_all_have() -> None:
    lucky = arm("x", lambda s, c: c != "c", cells=("a", "b", "c"))
    found = compare([lucky, arm("y")])
    assert found.budget == (
        "unequal search budgets (3 for x, 2 for y cells): ranked over, and chosen among, the 2 cells that "
        "all of them have; a pair is compared over the cells that both have"
    )
    choice = found.standings[0].choice
    assert choice is not None
    assert (choice.cell, choice.of) == ("a", 2)  # not c, which y never had
    assert "none chosen" in compare([lucky, arm("y", cells=("d",))]).budget
    own_rates = compare([arm("x", cells=("c", "d")), arm("y")])
    assert own_rates.budget.startswith("no cell in common (2 for x, 2 for y cells): not ranked; each")
    assert own_rates.standings[0].choice is not None  # as many cells, of its own


def test_methods_stand_over_the_cells_that_all_of_them_have() -> None:
    """x fails less in all, for it alone has the easy cell; in the two that both have it fails always."""
    x = arm("x", lambda s, c: c != "easy", lambda s, c: 9.0 if c != "easy" else 1.0, cells=("a", "b", "easy"))
    y = arm("y", lambda s, c: c == "a" or s == 0, lambda s, c: 5.0)
    found = compare([x, y])
    assert found.ranked
    assert found.contrasts[0].failure[0].estimate.mean > 0
    first, second = found.standings
    assert (first.failure.low.mean, second.failure.low.mean) == (1.0, 7 / 12)
    assert (first.trials, first.cells, first.middle.mean) == (12, 2, pytest.approx(9))
    assert first.profile.share.tolist()[0] == 0  # nothing of the easy cell
    assert found.thresholds[0] == pytest.approx(5)
    apart = compare([arm("x", cells=("c", "d")), arm("y")])
    assert not apart.ranked
    assert apart.standings[0].cells == 2


# --- pairing


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (arm("y", seeds=range(10, 16)), "they share no seed"),
        (arm("y", cells=("c", "d")), "they share no cell"),
        (arm("y", stream="1"), "their seeds number different draws"),
        (arm("y", seeds=range(5, 11)), "only 2 of 12 trials have the same seed and cell"),
    ],
)
def test_what_cannot_be_paired_is_compared_by_ranks_over_seeds_and_says_why(other: Arm, why: str) -> None:
    (pair,) = compare([arm("x", lambda s, c: True, lambda s, c: 3.0 + 0.1 * s), other]).contrasts
    assert (pair.paired, pair.pairs, pair.why_unpaired) == (False, 0, why)
    assert pair.failure[0].estimate.mean == 1
    assert pair.value.estimate.method == "Mann-Whitney, 6 and 6 seeds"
    assert (pair.verdict_failure, pair.verdict_value) == (SECOND, SECOND)
    assert pair.improvement.mean == 0
    assert pair.value.correlation is None


def test_half_of_the_trials_with_a_partner_are_enough_to_pair() -> None:
    (pair,) = compare([arm("x"), arm("y", seeds=range(3, 9))]).contrasts
    assert (pair.paired, pair.pairs, pair.seeds) == (True, 6, 3)
    assert pair.verdict_failure == POINTS  # three seeds are too few
    (pair,) = compare([arm("x"), arm("y", cells=("b", "c"))]).contrasts
    assert (pair.paired, pair.pairs) == (True, 6)


def test_cells_that_both_have_are_compared_where_seeds_differ() -> None:
    first = arm("x", lambda s, c: c == "extra", cells=("a", "extra"))
    (pair,) = compare([first, arm("y", seeds=range(10, 16))]).contrasts
    assert pair.failure[0].estimate.mean == 0  # `extra`, which y lacks, is left out


# --- verdicts


def test_a_verdict_on_failures_needs_both_counts_of_the_undecided() -> None:
    bad = arm("x", lambda s, c: True if c == "a" else s % 2 == 0, seeds=range(12))
    good = arm("y", seeds=range(12))
    assert compare([bad, good]).contrasts[0].verdict_failure == SECOND
    unknown = arm("y", lambda s, c: None, seeds=range(12))
    (pair,) = compare([bad, unknown]).contrasts
    assert (pair.p_failure, pair.verdict_failure) == (1.0, OPEN)
    low, high = pair.failure_span
    assert low is not None
    assert high is not None
    assert low < 0 < high


def test_holms_family_is_the_whole_table() -> None:
    rng = np.random.Generator(np.random.Philox(8))
    arms = [arm(name, value=lambda s, c: float(np.exp(rng.normal()))) for name in "wxyz"]
    found = compare(arms)
    assert found.family == 12
    p = [each.p_failure for each in found.contrasts] + [each.p_value for each in found.contrasts]
    adjusted = [each.adjusted_failure for each in found.contrasts]
    adjusted += [each.adjusted_value for each in found.contrasts]
    assert adjusted == pytest.approx(holm([each for each in p if each is not None]))


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(UserError, match="at least two"):
        compare([arm("x")])
    with pytest.raises(UserError, match="same name"):
        compare([arm("x"), arm("x")])
    with pytest.raises(UserError, match="No judged trial of y"):
        compare([arm("x"), arm("y", seeds=())])


def drawn(rng: np.random.Generator, name: str, rate: float, level: float, seeds: int) -> Arm:
    """A method whose trials fail at `rate` and have log-normal values around `level`; seeds matter."""
    luck = np.random.Generator(np.random.Philox(int(rng.integers(2**31))))
    rates = np.clip(rate + 0.1 * luck.normal(size=seeds), 0, 1)
    return arm(
        name,
        lambda s, c: bool(luck.random() < rates[s]),
        lambda s, c: float(np.exp(level + luck.normal(0, 0.3))),
        range(seeds),
        ("a", "b", "c"),
    )


def test_a_planted_effect_is_found_with_its_sign() -> None:
    rng = np.random.Generator(np.random.Philox(9))
    rounds, found = 25, np.zeros(2)
    for _ in range(rounds):
        arms = [
            drawn(rng, "good", 0.2, 0.0, 15),
            drawn(rng, "bad", 0.7, 0.7, 15),
            drawn(rng, "same", 0.7, 0.7, 15),
        ]
        first, second, third = compare(arms).contrasts
        found += [first.verdict_failure == FIRST, first.verdict_value == FIRST]
        assert SECOND not in (first.verdict_failure, second.verdict_failure)
        assert third.first == "bad"
    assert (found / rounds >= 0.9).all()


def test_a_table_without_any_difference_has_a_false_verdict_in_five_percent_at_most() -> None:
    rng = np.random.Generator(np.random.Philox(10))
    rounds, wrong = 100, 0
    for _ in range(rounds):
        found = compare([drawn(rng, name, 0.4, 0.0, 8) for name in "xyz"])
        said = {each for pair in found.contrasts for each in (pair.verdict_failure, pair.verdict_value)}
        wrong += said != {OPEN}
    assert wrong <= 10  # of 100 at 5 % more are seen once in a hundred times
