"""Times to failure against closed forms, scipy, and the traps of censoring."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from bench.errors import UserError
from bench.judge import intervals
from bench.judge.onsets import Onsets
from bench.judge.survival import (
    _orders,
    cumulative_incidence,
    failure_curve,
    kinds_of,
    logrank,
    survival,
    turnbull,
)


def exact(times: list[float], kinds: str, seeds: list[int] | None = None, horizon: float = 10.0) -> Onsets:
    """Onsets known to the step. `kinds` has a letter for each trial; `-` did not fail."""
    failed = np.array([each != "-" for each in kinds])
    left = np.where(failed, np.array(times, dtype=float), horizon)
    return Onsets(
        np.array(seeds or range(len(times)), dtype=np.int64),
        left,
        np.where(failed, left, math.inf),
        np.array(["" if each == "-" else each for each in kinds]),
    )


def rng() -> np.random.Generator:
    return np.random.Generator(np.random.Philox(11))


def test_kaplan_meier_by_hand_with_two_horizons() -> None:
    onsets = exact([1, 3, 5, 0], "aaa-")
    onsets.left[3] = 4.0  # the fourth trial was planned for 4 steps only
    at = [0.5, 1, 2.9, 3, 4]
    assert survival(onsets, at) == pytest.approx([1, 3 / 4, 3 / 4, 2 / 4, 2 / 4])
    assert np.isnan(survival(onsets, [4.5])).all()


def test_without_failures_all_survive_to_the_horizon_and_no_further() -> None:
    onsets = exact([0, 0, 0], "---")
    assert survival(onsets, [0, 10]) == pytest.approx([1, 1])
    assert cumulative_incidence(onsets, "a", [0, 10]) == pytest.approx([0, 0])
    assert np.isnan(survival(onsets, [11])[0])


def test_other_kinds_compete_they_do_not_censor() -> None:
    # Eight trials: a at step 1 twice, b at step 2 three times, a at step 3 once, two go on. 3 of 8 fail by a.
    onsets = exact([1, 1, 2, 2, 2, 3, 0, 0], "aabbba--")
    assert cumulative_incidence(onsets, "a", [10])[0] == pytest.approx(0.375)
    as_censored = scipy_stats.CensoredData(uncensored=[1, 1, 3], right=[2, 2, 2, 10, 10])
    assert 1 - scipy_stats.ecdf(as_censored).sf.evaluate(10) == pytest.approx(0.50)  # the wrong way
    assert kinds_of(onsets) == ["a", "b"]


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.sampled_from("ab-"), st.integers(5, 10)), min_size=1, max_size=25
    )
)
def test_the_kinds_add_up_to_all_cause_failure(rows: list[tuple[int, str, int]]) -> None:
    onsets = exact([float(time) for time, _, _ in rows], "".join(kind for _, kind, _ in rows))
    onsets.left[~onsets.failed] = [float(horizon) for _, kind, horizon in rows if kind == "-"]
    at = np.arange(0, 12)
    together = cumulative_incidence(onsets, "a", at) + cumulative_incidence(onsets, "b", at)
    assert together == pytest.approx(1 - survival(onsets, at), nan_ok=True)


def gaps(pairs: list[tuple[float, float]], seeds: list[int] | None = None) -> Onsets:
    left, right = np.array(pairs, dtype=float).T
    kinds = np.where(np.isinf(right), "", "a")
    return Onsets(np.array(seeds or range(len(pairs))), left, right, kinds)


def test_between_two_evaluations_an_onset_may_or_may_not_have_been() -> None:
    onsets = gaps([(2, 4), (4, 8), (8, math.inf), (8, math.inf)])
    curve = failure_curve(onsets, [2, 3, 4, 6, 8])
    assert curve.late == pytest.approx([0, 0, 0.25, 0.25, 0.5])
    assert curve.early == pytest.approx([0, 0.25, 0.25, 0.5, 0.5])
    assert (curve.low, curve.method) == (None, "4 seeds: no interval")


def test_turnbull_is_kaplan_meier_where_all_have_one_schedule() -> None:
    onsets = gaps([(0, 2), (2, 4), (2, 4), (4, 6), (6, math.inf)])
    found = turnbull(onsets)
    assert found.mass == pytest.approx([0.2, 0.4, 0.2, 0.2])
    least, most = found.failed([1, 2, 3, 6])
    assert least == pytest.approx([0, 0.2, 0.2, 0.8])
    assert most == pytest.approx([0.2, 0.2, 0.6, 0.8])


def test_turnbull_with_overlapping_gaps() -> None:
    # (0, 2], (1, 3], (2, 4]: the mass can lie in (1, 2] and (2, 3] only, and p = 1/2 each by symmetry.
    found = turnbull(gaps([(0, 2), (1, 3), (2, 4)]))
    assert list(zip(found.left, found.right, strict=True)) == [(1, 2), (2, 3)]
    assert found.mass == pytest.approx([0.5, 0.5], abs=1e-8)


def test_turnbull_takes_exact_onsets() -> None:
    found = turnbull(gaps([(3, 3), (2, 4), (4, math.inf)]))
    assert (found.left[0], found.right[0]) == (3, 3)
    assert found.mass == pytest.approx([2 / 3, 1 / 3])
    assert [float(side[0]) for side in found.failed([3])] == pytest.approx([2 / 3, 2 / 3])


def test_the_interval_is_that_of_the_seeds() -> None:
    # Two cells of each seed, always failing together: 8 seeds, 4 of which failed by step 5.
    seeds = [s for s in range(8) for _ in range(2)]
    onsets = exact([2.0 + s for s in seeds], "".join("a" if s < 4 else "-" for s in seeds), seeds)
    curve = failure_curve(onsets, [5.0])
    assert curve.low is not None
    assert curve.high is not None
    assert (curve.low[0], curve.high[0]) == pytest.approx(tuple(intervals.wilson(4, 8)))
    one_kind = failure_curve(onsets, [5.0], kind="a")
    assert one_kind.low == pytest.approx(curve.low)


def test_log_rank_statistic_agrees_with_scipy() -> None:
    stream = rng()
    times = np.ceil(stream.exponential(5, size=40))
    onsets = exact(times.tolist(), "".join("a" if t < 9 else "-" for t in times), list(range(20)) * 2, 9.0)
    groups = np.repeat(["x", "y"], 20)
    found = logrank(onsets, groups, stream)
    parts = [
        scipy_stats.CensoredData(
            uncensored=onsets.right[(groups == g) & onsets.failed],
            right=onsets.left[(groups == g) & ~onsets.failed],
        )
        for g in "xy"
    ]
    assert found.statistic == pytest.approx(scipy_stats.logrank(*parts).statistic ** 2)
    assert found.p is not None
    assert 0 < found.p < 1


def test_three_groups_whose_last_two_are_alike_need_not_differ() -> None:
    seeds = [s for s in range(6) for _ in range(3)]
    groups = ["fast", "slow", "slower"] * 6
    onsets = exact([1, 5, 5] * 6, "aaa" * 6, seeds)
    found = logrank(onsets, groups, rng())
    # Hardly any other exchange of labels parts the groups as far.
    assert found.p is not None
    assert found.p < 0.01
    assert "drawn" in found.method
    pair = np.array(groups) != "fast"
    same = logrank(onsets.of(pair), np.array(groups)[pair], rng())
    assert (same.statistic, same.p) == (0.0, 1.0)


def test_log_rank_says_what_it_cannot() -> None:
    four = exact([1, 5] * 4, "aa" * 4, [0, 0, 1, 1, 2, 2, 3, 3])
    few = logrank(four, ["x", "y"] * 4, rng())
    assert (few.p, few.method) == (None, "log-rank, 4 seeds: no p below 5")
    five = exact([1, 5] * 5, "aa" * 5, [s for s in range(5) for _ in range(2)])
    found = logrank(five, ["x", "y"] * 5, rng())
    assert found.p == pytest.approx(2 / 32)
    assert found.method.endswith("all 32 ways; no p below 0.062 is possible")
    three = exact([1, 5, 9] * 5, "aaa" * 5, [s for s in range(5) for _ in range(3)])
    assert logrank(three, ["x", "y", "z"] * 5, rng()).method.endswith("no p below 0.00077 is possible")
    with pytest.raises(UserError, match="needs two groups"):
        logrank(four, ["x"] * 8, rng())
    with pytest.raises(UserError, match="No seed"):
        logrank(four, [0, 0, 1, 1, 0, 0, 1, 1], rng())


def test_a_seed_that_lacks_a_group_is_left_out() -> None:
    onsets = exact([1, 5] * 6 + [1], "aa" * 6 + "a", [s for s in range(6) for _ in range(2)] + [6])
    found = logrank(onsets, ["x", "y"] * 6 + ["x"], rng())
    assert found.n == 6
    assert "6 of 7 seeds have every group" in found.method


def test_onsets_must_make_sense() -> None:
    with pytest.raises(ValueError, match="left end"):
        gaps([(3, 2)])
    with pytest.raises(ValueError, match="exactly when"):
        Onsets(np.array([0]), np.array([1.0]), np.array([math.inf]), np.array(["a"]))


def test_beyond_the_last_living_trial_nothing_is_known_and_no_trials_know_nothing() -> None:
    seeds = [0, 1, 2, 3, 4]
    curve = failure_curve(exact([1, 2, 3, 0, 0], "aaa--", seeds), [3, 11])
    assert curve.low is not None
    assert curve.late == pytest.approx([0.6, math.nan], nan_ok=True)
    assert np.isnan(curve.low).tolist() == [False, True]
    assert failure_curve(exact([], ""), [1, 2]).method == "no trials"
    assert np.isnan(survival(exact([1], "a"), [1])).tolist() == [False]
    assert np.isnan(survival(exact([], ""), [1, 2])).all()
    nothing = turnbull(exact([], ""))
    assert nothing.mass.shape == (0,)
    assert [np.isnan(side).tolist() for side in nothing.failed([1, 2])] == [[True, True]] * 2


def test_labels_of_many_seeds_are_drawn_of_few_all_are_tried() -> None:
    """4!^400 is no number that fits."""
    rng = np.random.default_rng(0)
    orders, how = _orders(400, 4, rng, 10)
    assert (orders.shape, how) == ((10, 400, 4), "9 ways drawn")
    assert (orders[0] == np.arange(4)).all()
    assert (np.sort(orders, axis=-1) == np.arange(4)).all()
    assert _orders(3, 2, rng, 10)[0].shape == (8, 3, 2)
