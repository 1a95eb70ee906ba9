"""Intervals against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from bench.errors import UserError
from bench.judge.stats import by_seed, failure_bounds, jackknife, over_seeds, rate, wilson


def test_wilson_closed_forms() -> None:
    z2 = scipy_stats.norm.ppf(0.975) ** 2
    low, high = wilson(0, 10)
    assert (low, high) == (0.0, pytest.approx(z2 / (10 + z2)))
    low, high = wilson(10, 10)
    assert (low, high) == (pytest.approx(10 / (10 + z2)), 1.0)
    low, high = wilson(5, 10)
    assert low + high == pytest.approx(1.0)
    assert wilson(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="4 of 3"):
        wilson(4, 3)


def test_a_rate_over_five_seeds_has_an_interval_of_about_a_third_each_way() -> None:
    low, high = wilson(2.5, 5)
    assert (high - low) / 2 == pytest.approx(0.33, abs=0.01)


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_scipy(case: tuple[int, int]) -> None:
    k, n = case
    expected = scipy_stats.binomtest(k, n).proportion_ci(method="wilson")
    low, high = wilson(k, n)
    assert low == pytest.approx(expected.low, abs=1e-12)
    assert high == pytest.approx(expected.high, abs=1e-12)


def test_cells_are_averaged_within_a_seed_first() -> None:
    assert by_seed([1, 0, 0, 0], [1.0, 0.0, 0.0, 1.0]) == {0: pytest.approx(1 / 3), 1: 1.0}


def test_student_t_over_seeds() -> None:
    points = [0.1, 0.4, 0.2, 0.9, 0.5, 0.3]
    estimate = over_seeds(points)
    expected = scipy_stats.t.interval(0.95, 5, np.mean(points), scipy_stats.sem(points))
    assert (estimate.low, estimate.high) == pytest.approx(expected)
    assert estimate.points == tuple(points)


def test_below_five_seeds_there_are_points_and_no_interval() -> None:
    estimate = over_seeds([0.1, 0.2, 0.3, 0.4])
    assert (estimate.low, estimate.high) == (None, None)
    assert estimate.method == "4 seeds: points only"
    assert math.isnan(over_seeds([]).mean)


def test_seeds_that_agree_or_are_not_finite_have_no_interval_of_t() -> None:
    agreed = over_seeds([0.1] * 7)
    assert (agreed.low, agreed.method) == (None, "7 seeds agree: no interval")
    died = over_seeds([0.1, 0.2, math.inf, 0.3, math.nan])
    assert (died.low, died.method) == (None, "2 of 5 seeds have no finite value")


def test_rates_of_one_cell_and_of_pooled_cells() -> None:
    assert rate([0, 1, 2], [True, False, False], pooled=False).method == "Wilson, n = 3"
    assert rate([0, 0, 1, 1], [True, False, False, False], pooled=True).low is None
    seeds = [seed for seed in range(6) for _ in range(2)]
    pooled = rate(seeds, [s % 2 == 0 for s in seeds], pooled=True)
    assert pooled.method == "Wilson over 6 seeds"
    # Cells of one seed that always agree are worth one trial: six, not twelve.
    assert (pooled.low, pooled.high) == pytest.approx(wilson(3, 6))
    agreed = rate(seeds, [False] * 12, pooled=True)
    assert agreed.high == pytest.approx(wilson(0, 6)[1])
    assert math.isnan(rate([], [], pooled=True).mean)


def test_a_pooled_rate_whose_seeds_agree_more_is_known_better() -> None:
    seeds = [seed for seed in range(8) for _ in range(10)]
    even = rate(seeds, [cell < 4 + seed % 3 for seed in range(8) for cell in range(10)], pooled=True)
    uneven = rate(seeds, [cell < 10 * (seed % 2) for seed in range(8) for cell in range(10)], pooled=True)
    assert even.low is not None
    assert even.high is not None
    assert even.high - even.low < 0.25
    assert (uneven.low, uneven.high) == pytest.approx(wilson(4, 8))


def test_pseudo_values_of_a_mean_are_the_means_of_the_seeds() -> None:
    values = np.array([0.0, 1.0, 1.0, 1.0, 0.5, 0.0])
    seeds = np.array([3, 3, 1, 1, 2, 2])
    whole, pseudo = jackknife(lambda kept: np.asarray(values[kept].mean()), seeds)
    assert whole == pytest.approx(values.mean())
    assert pseudo == pytest.approx([1.0, 0.25, 0.5])


def test_undecided_trials_widen_the_bounds() -> None:
    bounds = failure_bounds([0, 1, 2, 3], [True, None, False, None], pooled=False)
    assert (bounds.low.mean, bounds.high.mean) == (0.25, 0.75)


def test_booleans_of_numpy_are_booleans_and_nan_is_not() -> None:
    bounds = failure_bounds(range(5), [np.True_, np.False_, None, np.True_, np.False_], pooled=False)
    assert (bounds.low.mean, bounds.high.mean) == (0.4, 0.6)
    every = failure_bounds(range(5), list(np.ones(5, dtype=bool)), pooled=False)
    assert (every.low.mean, every.high.mean) == (1.0, 1.0)
    with pytest.raises(UserError, match="not NaN"):
        failure_bounds([0], [math.nan], pooled=False)
