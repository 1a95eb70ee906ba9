"""Two independent sets of seeds: exact ranks, closed forms, infinities, refusals."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from bench.judge.intervals import wilson
from bench.judge.unpaired import _distribution, _outside, _tail, difference_of_shares, newcombe, shift

INF = math.inf


@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 3), (4, 4), (3, 6)])
def test_the_distribution_of_u_is_that_of_all_orders(n: int, m: int) -> None:
    counts = np.zeros(n * m + 1)
    for ranks in itertools.combinations(range(n + m), n):
        counts[sum(ranks) - n * (n - 1) // 2] += 1
    assert _distribution(n, m) == pytest.approx(np.cumsum(counts) / counts.sum())


def test_beyond_the_exact_counts_the_gaussian_takes_over_without_a_step() -> None:
    assert _tail(101, 101, 4200) == pytest.approx(_tail(100, 100, 4117), rel=0.1)
    assert _outside(100, 100, 0.025) == pytest.approx(_outside(100, 101, 0.025), rel=0.02)


def test_p_of_a_shift_is_that_of_mann_and_whitney() -> None:
    rng = np.random.Generator(np.random.Philox(1))
    for n, m, away in ((5, 5, 0.8), (8, 12, 0.4), (30, 20, 1.0)):
        a, b = rng.normal(away, 1, n), rng.normal(0, 1, m)
        found = shift(a.tolist(), b.tolist())
        assert found.p == pytest.approx(stats.mannwhitneyu(a, b, method="exact").pvalue, abs=1e-9)
        assert found.estimate.mean == pytest.approx(np.median(a[:, None] - b))
        low, high = found.estimate.low, found.estimate.high
        assert low is not None
        assert high is not None
        assert (low > 0 or high < 0) == (found.p is not None and found.p < 0.05)


def test_infinite_values_count_by_rank_and_equal_ones_differ_by_nothing() -> None:
    found = shift([INF] * 5, [1.0] * 5).estimate
    assert (found.mean, found.low, found.high) == (INF, INF, INF)
    found = shift([INF] * 6, [INF] * 6).estimate
    assert (found.mean, found.low, found.high) == (0, 0, 0)
    assert shift([1, 2, 3, 4, INF], [1, 2, 3, 4, INF]).p == pytest.approx(1, abs=1e-5)


def test_independent_rates_are_newcombes_tenth_method() -> None:
    """56 of 70 against 48 of 80: [0.0524, 0.3339] (Newcombe 1998, Table II, method 10)."""
    a, b = [1.0] * 56 + [0.0] * 14, [1.0] * 48 + [0.0] * 32
    found = difference_of_shares(a, b, (1, 1)).estimate
    assert found.mean == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    low, high = wilson(0, 6)
    same = difference_of_shares([0.0] * 6, [0.0] * 6, (4, 4))
    assert (same.estimate.low, same.estimate.high) == pytest.approx((-float(high), float(high)))
    assert float(low) == 0
    assert same.p == 1


def test_below_five_seeds_there_are_points_only() -> None:
    for found in (shift([1.0] * 4, [2.0] * 9), difference_of_shares([1.0] * 9, [0.0] * 4, (1, 1))):
        assert found.p is None
        assert found.estimate.low is None
        assert "seeds: points only" in found.estimate.method
    assert math.isnan(shift([], [1.0]).estimate.mean)
    assert math.isnan(difference_of_shares([], [1.0], (0, 1)).estimate.mean)


def test_both_intervals_hold_the_truth() -> None:
    rng = np.random.Generator(np.random.Philox(7))
    held, rounds = np.zeros(2), 400
    for _ in range(rounds):
        found = shift(rng.normal(0.5, 1, 6).tolist(), rng.normal(0, 1, 9).tolist()).estimate
        assert found.low is not None
        assert found.high is not None
        held[0] += found.low <= 0.5 <= found.high
        p, q = rng.uniform(0.1, 0.9, 2)
        a = rng.binomial(1, np.clip(p + 0.1 * rng.normal(size=(6, 1)), 0, 1), (6, 4)).mean(1)
        b = rng.binomial(1, np.clip(q + 0.1 * rng.normal(size=(9, 1)), 0, 1), (9, 4)).mean(1)
        low, high = newcombe(a, b, (4, 4), 0.95)
        held[1] += low <= p - q <= high
    assert (held / rounds > 0.92).all()
