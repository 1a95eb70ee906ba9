"""Interval functions of arrays: closed forms, limits, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats as scipy_stats

from bench.errors import UserError
from bench.judge import intervals

SHARES = arrays.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(2, 12)), elements=st.floats(0, 1))


def rng() -> np.random.Generator:
    return np.random.Generator(np.random.Philox(5))


def test_t_takes_many_studies_at_once() -> None:
    points = rng().normal(size=(3, 8))
    low, high = intervals.student_t(points)
    for row, (a, b) in zip(points, zip(low, high, strict=True), strict=True):
        assert (a, b) == pytest.approx(scipy_stats.t.interval(0.95, 7, row.mean(), scipy_stats.sem(row)))
    assert np.isnan(intervals.student_t(points[:, :1])).all()


def test_a_share_over_one_cell_is_wilsons() -> None:
    points = np.array([1.0, 0.0, 0.0, 1.0, 0.0])
    assert intervals.share(points, 1) == pytest.approx(intervals.wilson(2, 5))


def test_a_share_over_many_cells_comes_near_t() -> None:
    points = 0.5 + 0.02 * rng().normal(size=40)
    assert intervals.share(points, 1000) == pytest.approx(intervals.student_t(points), abs=2e-4)


@given(SHARES, st.integers(1, 50))
def test_a_share_lies_in_its_interval_and_is_never_worse_known_than_one_coin_a_seed(
    points: np.ndarray, cells: int
) -> None:
    low, high = intervals.share(points, cells)
    mean, n = points.mean(-1), points.shape[-1]
    wide = intervals.wilson(np.clip(mean, 0, 1) * n, n)
    assert (low <= mean + 1e-12).all()
    assert (mean - 1e-12 <= high).all()
    assert (low >= wide[0] - 1e-9).all()
    assert (high <= wide[1] + 1e-9).all()


@given(SHARES, st.integers(1, 50))
def test_exchanging_failure_and_success_mirrors_the_interval(points: np.ndarray, cells: int) -> None:
    low, high = intervals.share(points, cells)
    other_low, other_high = intervals.share(1 - points, cells)
    assert low == pytest.approx(1 - other_high, abs=1e-6)
    assert high == pytest.approx(1 - other_low, abs=1e-6)


def test_the_difference_of_two_single_cells_is_newcombes_with_a_smaller_correlation() -> None:
    # Newcombe 1998, method 10, by hand: 10 pairs, 5 against 2 successes.
    a = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0.0])
    b = np.array([1, 0, 1, 0, 0, 0, 0, 0, 0, 0.0])
    (a_low, a_high), (b_low, b_high) = intervals.wilson(5, 10), intervals.wilson(2, 10)
    r = float(np.corrcoef(a, b)[0, 1]) * 10 / 12
    down = (0.5 - a_low) ** 2 - 2 * r * (0.5 - a_low) * (b_high - 0.2) + (b_high - 0.2) ** 2
    up = (a_high - 0.5) ** 2 - 2 * r * (a_high - 0.5) * (0.2 - b_low) + (0.2 - b_low) ** 2
    low, high = intervals.share_difference(a, b, 1)
    assert (low, high) == pytest.approx((0.3 - math.sqrt(down), 0.3 + math.sqrt(up)))


def test_seeds_that_all_agree_still_leave_a_difference_unknown() -> None:
    same = np.zeros(6)
    low, high = intervals.share_difference(same, same, 4)
    assert low < -0.3
    assert high > 0.3
    low, high = intervals.share_difference(same + 1, same, 4)
    assert 0.3 < low < 1
    assert high == 1


def test_the_median_is_held_by_order_statistics() -> None:
    points = np.arange(6.0)
    low, high = intervals.median(points)  # the extremes of 6 hold it with 0.96875, the next with 0.78125
    assert (low, high) == pytest.approx((0.5 / 1.4, 5 - 0.5 / 1.4))  # (n - k) I / (k + (n - 2 k) I), I = 0.1
    exact = intervals.median(points, 0.96875)
    assert exact == pytest.approx((0.0, 5.0))
    assert intervals.median(np.append(points, np.inf))[1] == np.inf
    with pytest.raises(UserError, match="5 seeds cannot bound a median at 95%; that takes 6"):
        intervals.median(points[:5])


def test_bootstraps_refuse_few_seeds_and_repeat_with_their_stream() -> None:
    points = rng().normal(size=40)
    for method in (intervals.studentised_bootstrap, intervals.percentile_bootstrap):
        low, high = method(points, rng())
        assert (low, high) == method(points, rng())
        assert low == pytest.approx(intervals.student_t(points)[0], abs=0.1)
        assert high == pytest.approx(intervals.student_t(points)[1], abs=0.1)
    with pytest.raises(UserError, match="29 seeds"):
        intervals.percentile_bootstrap(points[:29], rng())
    with pytest.raises(UserError, match="needs 10 seeds, here are 9"):
        intervals.studentised_bootstrap(points[:9], rng())


def test_p_is_where_the_interval_reaches_the_null() -> None:
    points = np.array([0.3, 0.1, 0.5, 0.2, 0.4, 0.9])

    def ends(confidence: float) -> tuple[float, float]:
        low, high = intervals.student_t(points, confidence)
        return float(low), float(high)

    assert intervals.p_value(ends) == pytest.approx(scipy_stats.ttest_1samp(points, 0).pvalue, abs=1e-9)
    assert intervals.p_value(ends, float(points.mean())) == 1.0
    assert intervals.p_value(lambda confidence: (1.0, 2.0)) == 0.0


def test_p_of_an_interval_that_jumps_is_where_it_first_holds_the_null() -> None:
    def ends(confidence: float) -> tuple[float, float]:
        return (1.0 if confidence < 0.9 else 0.0 if confidence < 0.99 else -math.inf), 2.0

    assert intervals.p_value(ends) == pytest.approx(0.1, abs=1e-12)


@pytest.mark.parametrize("n", [6, 7, 15, 16, 30])
def test_the_widest_interval_of_a_median_is_that_of_the_extremes(n: int) -> None:
    widest = 1 - 2.0 ** (1 - n)
    for level in (np.nextafter(widest, 0), widest, min(np.nextafter(widest, 1), np.nextafter(1, 0))):
        if intervals.seeds_for_median(level) <= n:
            assert intervals.median(np.arange(float(n)), level) == pytest.approx((0, n - 1), abs=1e-4)
