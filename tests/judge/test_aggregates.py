"""Interquartile means and performance profiles with diverged trials."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from bench.errors import UserError
from bench.judge import intervals
from bench.judge.aggregates import interquartile_mean, performance_profile

INF = math.inf


def test_iqm_is_the_mean_of_the_middle_half_and_diverged_trials_are_trimmed() -> None:
    seeds = [s for s in range(8) for _ in range(2)]
    values = [float(v) for v in range(16)]
    assert interquartile_mean(seeds, values).mean == pytest.approx(np.mean(values[4:12]))
    died = values[:13] + [INF] * 3
    found = interquartile_mean(seeds, died)
    assert found.mean == pytest.approx(np.mean(values[4:12]))
    assert found.low is not None
    assert found.low < found.mean < (found.high or 0)
    many = interquartile_mean(seeds, values[:11] + [INF] * 5)
    assert (many.mean, many.low, many.method) == (INF, None, "5 of 16 diverged: not finite")
    edge = interquartile_mean(seeds, values[:12] + [INF] * 4)
    assert (edge.low, edge.method) == (None, "4 of 16 diverged: not finite without one of the seeds")


def test_iqm_refuses_few_seeds_and_unknown_values() -> None:
    few = interquartile_mean([0, 1, 2, 3], [1, 2, 3, 4])
    assert (few.mean, few.low, few.method) == (
        scipy_stats.trim_mean([1, 2, 3, 4], 0.25),
        None,
        "4 seeds: no interval",
    )
    assert math.isnan(interquartile_mean([], []).mean)
    with pytest.raises(UserError, match="1 of 2 values are unknown"):
        interquartile_mean([0, 1], [1, math.nan])


@pytest.mark.parametrize("unit", [1.0, 1e-9])
def test_iqm_that_no_seed_changes_has_no_interval(unit: float) -> None:
    agreed = interquartile_mean(range(10), [8 * unit] * 9 + [7 * unit])
    assert (agreed.mean, agreed.low, agreed.high) == (pytest.approx(8 * unit), None, None)
    assert agreed.method == "the same without any one of 10 seeds: no interval"
    assert interquartile_mean(range(10), [each * unit for each in range(10)]).low is not None
    assert interquartile_mean(range(5), [0.0] * 5).low is None


def test_a_profile_is_the_share_at_least_as_good() -> None:
    seeds = [0, 1, 2, 3, 4, 5]
    found = performance_profile(seeds, [0.1, 0.2, 0.3, 0.4, INF, INF], [0.05, 0.2, 10, INF])
    assert found.share == pytest.approx([0, 2 / 6, 4 / 6, 4 / 6])
    assert found.low is not None
    assert found.high is not None
    assert (found.low[1], found.high[1]) == pytest.approx(tuple(intervals.wilson(2, 6)))
    up = performance_profile(seeds, [1, 2, 3, 4, 5, -INF], [2.0], lower_is_better=False)
    assert up.share == pytest.approx([4 / 6])
    with pytest.raises(UserError, match="unknown"):
        performance_profile(seeds, [1, 2, math.nan, 4, 5, INF], [2.0])
    few = performance_profile(seeds[:4], [1, 2, 3, 4], [2.0])
    assert (few.low, few.method) == (None, "4 seeds: no band")
