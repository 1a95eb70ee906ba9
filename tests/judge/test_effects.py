"""Paired effects: what a pair is, what a diverged trial counts, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from bench.errors import UserError
from bench.judge import intervals
from bench.judge.effects import (
    Pairs,
    failure_effects,
    median_log_ratio,
    pair_up,
    paired_difference,
    paired_log_ratio,
    paired_shares,
    probability_of_improvement,
    unpaired_improvement,
    worst_if_diverged,
)

INF = math.inf


def pairs(treatment: Sequence[float], control: Sequence[float], seeds: Sequence[int] | None = None) -> Pairs:
    return Pairs(
        np.array(seeds if seeds is not None else range(len(treatment))),
        np.array(treatment, dtype=float),
        np.array(control, dtype=float),
    )


def test_pairs_share_seed_and_cell_and_the_rest_is_counted() -> None:
    found = pair_up(
        [0, 0, 1, 1, 2, 3, 3], ["a", "a", "b", "a", "a", "a", "a"],
        [True, False, True, False, True, True, False], [1, 2, 3, 4, 5, math.nan, 7],
    )  # fmt: skip
    assert (found.seeds.tolist(), found.treatment.tolist(), found.control.tolist()) == ([0], [1], [2])
    assert found.unpaired == 5
    with pytest.raises(UserError, match="Seed 1 has two control trials in one cell"):
        pair_up([1, 1], ["a", "a"], [False, False], [0, 0])


def test_a_diverged_trial_is_paired_and_worst() -> None:
    values = worst_if_diverged([1.0, math.nan, math.nan], [False, True, False], "lower")
    assert values[:2].tolist() == [1.0, INF]
    assert math.isnan(values[2])
    assert worst_if_diverged([0.5], [True], "higher").tolist() == [-INF]
    assert len(pair_up([0, 0], ["a", "a"], [True, False], [INF, 1.0])) == 1


def test_a_difference_is_averaged_within_a_seed_and_its_correlation_told() -> None:
    rng = np.random.Generator(np.random.Philox(2))
    control = rng.normal(size=6)
    treatment = control + 1 + 0.1 * rng.normal(size=6)
    effect = paired_difference(
        pairs(np.repeat(treatment, 3), np.repeat(control, 3), np.repeat(np.arange(6), 3))
    )
    expected = scipy_stats.ttest_rel(treatment, control)
    assert effect.p == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert (effect.estimate.low, effect.estimate.high) == pytest.approx((interval.low, interval.high))
    assert effect.correlation == pytest.approx(np.corrcoef(treatment, control)[0, 1])
    assert (effect.pairs, effect.estimate.n) == (18, 6)


def test_means_refuse_diverged_trials_few_seeds_and_no_spread() -> None:
    died = paired_difference(pairs([1, INF, 2, 3, 4], [1, 1, 1, 1, 1]))
    assert (died.estimate.low, died.p) == (None, None)
    assert died.estimate.method == "a trial diverged in 1 of 5 pairs: no mean"
    assert paired_difference(pairs([1, 2, 3, 4], [0, 0, 0, 1])).estimate.method == "4 seeds: points only"
    assert paired_difference(pairs([1] * 5, [0] * 5)).estimate.method == "5 seeds agree: no interval"


def test_log_ratios() -> None:
    effect = paired_log_ratio(pairs([2, 4, 1, 3, 5], [1, 2, 0.5, 1.5, 2.6]))
    assert effect.estimate.mean == pytest.approx((4 * math.log(2) + math.log(5 / 2.6)) / 5)
    assert effect.estimate.low is not None
    with pytest.raises(UserError, match="positive"):
        paired_log_ratio(pairs([0, 1], [1, 1]))


def test_shares_use_the_interval_of_their_kind() -> None:
    one_cell = paired_shares(pairs([1, 1, 1, 0, 1, 1], [0, 0, 1, 0, 0, 1]))
    assert one_cell.estimate.method == "Newcombe over 6 seeds"
    ends = intervals.share_difference(np.array([1, 1, 1, 0, 1, 1.0]), np.array([0, 0, 1, 0, 0, 1.0]), 1)
    assert (one_cell.estimate.low, one_cell.estimate.high) == pytest.approx(ends)
    seeds = np.repeat(np.arange(6), 2)
    cells = paired_shares(pairs([1, 1, 1, 0, 1, 1] * 2, [0, 0, 1, 0, 0, 1] * 2, seeds))
    assert cells.estimate.method == "t over 6 seeds"
    nothing = paired_shares(pairs([0] * 12, [0] * 12, seeds))
    assert nothing.estimate.high is not None
    assert nothing.estimate.high > 0.2
    assert nothing.p == 1.0
    assert paired_shares(pairs([1], [0])).estimate.low is None


def test_undecided_trials_count_twice() -> None:
    low, high = failure_effects([0, 0, 1, 1], ["a"] * 4, [True, False] * 2, [True, None, False, False])
    assert (low.estimate.mean, high.estimate.mean) == (0.5, 0.0)
    outcomes = [np.True_, None, np.False_, np.False_]
    low, high = failure_effects([0, 0, 1, 1], ["a"] * 4, [True, False] * 2, outcomes)
    assert (low.estimate.mean, high.estimate.mean) == (0.5, 0.0)


def test_probability_of_improvement_counts_ties_half_and_the_diverged_as_worst() -> None:
    effect = probability_of_improvement(pairs([1, INF, 3, INF, 2, 1], [2, 5, 3, INF, INF, 4]))
    assert effect.estimate.points == (1, 0, 0.5, 0.5, 1, 1)
    assert effect.estimate.mean == pytest.approx(4 / 6)
    assert probability_of_improvement(pairs([1, 2], [2, 1]), better="higher").estimate.points == (0, 1)
    assert effect.p is not None
    assert effect.p > 0.2


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=5, max_size=12))
def test_exchanging_the_arms_mirrors_the_improvement(rows: list[tuple[int, int]]) -> None:
    a, b = zip(*rows, strict=True)
    there, back = probability_of_improvement(pairs(a, b)), probability_of_improvement(pairs(b, a))
    assert there.estimate.mean == pytest.approx(1 - back.estimate.mean)
    assert there.p == pytest.approx(back.p, abs=1e-6)


def test_unpaired_improvement_is_the_mean_of_mann_whitneys() -> None:
    rng = np.random.Generator(np.random.Philox(3))
    x, y = rng.normal(size=(2, 6)), 0.5 + rng.normal(size=(2, 6))  # 2 cells, 6 seeds
    seeds, cells = [*range(6)] * 4, ["a"] * 6 + ["b"] * 6 + ["a"] * 6 + ["b"] * 6
    values = [*x.ravel(), *y.ravel()]
    found = unpaired_improvement(seeds, cells, [True] * 12 + [False] * 12, values)
    u = [scipy_stats.mannwhitneyu(y[c], x[c]).statistic / 36 for c in range(2)]
    assert found.mean == pytest.approx(np.mean(u))
    assert found.low is not None
    assert found.low < found.mean


def test_unpaired_improvement_takes_no_unknown_value() -> None:
    seeds, arms = [*range(6)] * 2, [True] * 6 + [False] * 6
    for nan in ([math.nan] * 6 + [1.0] * 6, [1.0] * 6 + [math.nan] * 6):
        with pytest.raises(UserError, match="6 of 12 values are unknown"):
            unpaired_improvement(seeds, ["a"] * 12, arms, nan)
    died = unpaired_improvement(seeds, ["a"] * 12, arms, [1.0] * 6 + [INF] * 6)
    assert died.mean == 1.0


def test_seeds_that_stand_only_in_cells_without_a_partner_do_not_count() -> None:
    seeds, arms, values = [0, 1, 2] * 2, [True] * 3 + [False] * 3, [1.0, 3, 5, 2, 4, 6]
    alone = unpaired_improvement(seeds, ["a"] * 6, arms, values)
    lonely = unpaired_improvement(
        [*seeds, 3, 4, 5], [*["a"] * 6, *["b"] * 3], [*arms, *[True] * 3], [*values, 1, 1, 1]
    )
    assert (lonely.n, lonely.low, lonely.points) == (3, None, alone.points)
    nobody = unpaired_improvement([0, 1], ["a", "b"], [True, False], [1, 2])
    assert (nobody.n, nobody.method) == (0, "no cell has both treated and control trials")


def test_medians_bear_the_diverged() -> None:
    effect = median_log_ratio(pairs([1, 1, 1, 1, INF, INF, 1], [2, 4, 2, INF, INF, 1, 8]))
    assert effect.estimate.mean == pytest.approx(-math.log(2))
    assert effect.estimate.low == -INF
    assert effect.estimate.high == INF
    # The second from above of 7 is 0: the interval reaches it at 1 - 2 P(Bin(7, 1/2) < 2).
    assert effect.p == pytest.approx(2 * scipy_stats.binom.cdf(1, 7, 0.5))
    assert median_log_ratio(pairs([2] * 6, [1] * 6)).p == pytest.approx(2**-5)
    assert median_log_ratio(pairs([1] * 6, [1] * 6)).p == 1.0
    few = median_log_ratio(pairs([1] * 5, [2] * 5))
    assert (few.estimate.low, few.estimate.mean) == (None, pytest.approx(-math.log(2)))
    assert "takes 6" in few.estimate.method
    split = median_log_ratio(pairs([INF, 1], [1, INF]))
    assert split.estimate.mean == 0


def test_the_p_of_a_median_says_what_its_interval_says() -> None:
    rng = np.random.Generator(np.random.Philox(1))
    for _ in range(150):
        n = int(rng.integers(6, 25))
        treatment = np.exp(rng.choice([-0.5, 0.0, 0.5]) + rng.normal(size=n))
        control = np.exp(0.3 * rng.normal(size=n))
        tied = rng.random(n) < 0.1
        treatment[tied] = control[tied]
        treatment[rng.random(n) < 0.1] = INF
        control[rng.random(n) < 0.1] = INF
        effect = median_log_ratio(pairs(treatment.tolist(), control.tolist()))
        low, high, p = effect.estimate.low, effect.estimate.high, effect.p
        assert low is not None
        assert high is not None
        assert p is not None
        assert (p < 0.05) == (low > 0 or high < 0)
