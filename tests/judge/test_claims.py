"""Verdicts on tables of known content: every branch, what diverged, what is undecided, what is not there."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from claimed_tables import effect, tables
from scipy import stats

from bench.judge.claim import (
    FLAG,
    INCONCLUSIVE,
    METRIC,
    MONITOR,
    NO_EFFECT,
    OUTCOME,
    REFUTED,
    SUPPORTED,
    UNTESTABLE,
    Bound,
    Claim,
    Premise,
    Quantity,
)
from bench.judge.claim_family import level_of, step_down
from bench.judge.claim_values import Evidence, medians_over_window, same
from bench.judge.claims import Judged, judge_claims, verdict_of
from bench.judge.intervals import student_t
from bench.judge.planning import chance_to_settle, seeds_to_settle
from bench.judge.rules import RULES
from bench.judge.stats import Estimate

N = 20
NOISE = np.random.default_rng(7).normal(size=(2, 3, 400))


def one(claim: Claim, evidence: Evidence, **more: Any) -> Judged:
    (made,) = judge_claims([claim], evidence, **more)
    return made


def scores(shift: float, sd: float = 0.1, n: int = N, cells: int = 1) -> np.ndarray:
    """[2, cells, n]: the new arm's scores are higher by a shift and a noise that averages out."""
    noise = NOISE[0, :cells, :n] - NOISE[0, :cells, :n].mean(1, keepdims=True)
    base = NOISE[1, :cells, :n]
    return np.stack([base, base + shift + sd * noise])


SCORE = effect(METRIC, "score", margin=0.2)


@pytest.mark.parametrize(
    ("shift", "sd", "verdict"),
    [
        (0.5, 0.1, SUPPORTED),
        (-0.5, 0.1, REFUTED),
        (0.0, 0.1, NO_EFFECT),
        (0.1, 0.05, NO_EFFECT),  # the interval leaves 0 out, and yet the effect is smaller than the margin
        (0.1, 0.6, INCONCLUSIVE),
    ],
)
def test_the_four_verdicts_of_what_can_be_tested(shift: float, sd: float, verdict: str) -> None:
    made = one(SCORE, tables(N, final__score=scores(shift, sd)))
    assert made.verdict == verdict
    assert made.estimate.mean == pytest.approx(shift)
    assert (made.estimate.n, made.pairs, made.unpaired, made.unit) == (N, N, 0, "points")
    low, high = student_t(np.array(made.estimate.points), 0.975)
    assert (made.estimate.low, made.estimate.high) == (pytest.approx(float(low)), pytest.approx(float(high)))
    assert (made.confidence, made.level, made.look, made.family) == (0.975, 0.025, 1, 1)
    assert (made.seeds is not None) == (verdict == INCONCLUSIVE)


def test_an_effect_is_signed_so_that_positive_is_expected() -> None:
    evidence = tables(N, final__score=scores(-0.5))
    more, less = one(SCORE, evidence), one(replace(SCORE, expect="less"), evidence)
    assert (more.verdict, less.verdict) == (REFUTED, SUPPORTED)
    assert less.estimate.mean == -more.estimate.mean
    assert (less.estimate.low, less.estimate.high) == (-more.estimate.high, -more.estimate.low)  # type: ignore[operator]


def test_cells_are_averaged_within_a_seed() -> None:
    made = one(SCORE, tables(N, 3, final__score=scores(0.5, cells=3)))
    assert (made.estimate.n, made.pairs, len(made.cells)) == (N, 3 * N, 3)
    assert [cell.name for cell in made.cells] == ["width 1", "width 2", "width 3"]
    assert made.depends == ""


def test_the_edges_of_the_verdicts() -> None:
    def of(low: float | None, high: float | None) -> str:
        return verdict_of(SCORE, Estimate(0.0, low, high, 9, (), ""))

    assert of(-0.2, 0.1) == of(-0.1, 0.2) == INCONCLUSIVE  # reaches the margin
    assert of(-0.19, 0.19) == NO_EFFECT
    assert of(0.0, 0.3) == INCONCLUSIVE
    assert of(1e-9, 0.3) == SUPPORTED
    assert of(-0.3, -1e-9) == REFUTED
    assert of(None, None) == of(math.nan, math.nan) == INCONCLUSIVE
    assert of(-math.inf, math.inf) == INCONCLUSIVE


# --- rates


def test_rates_and_all_failures_beside() -> None:
    flags = np.zeros((2, 1, N), dtype=bool)
    flags[0, 0, :16] = True
    outcome = np.where(flags, "vanishing_gradient", "total_collapse")
    made = one(
        effect(FLAG, "vanishing_gradient", "less"),
        tables(N, outcome=outcome, flag__vanishing_gradient=flags),
    )
    assert made.verdict == SUPPORTED
    assert (made.treatment, made.control, made.estimate.mean) == (0.0, 0.8, 0.8)
    assert made.failure is not None
    # The cure only moves runs to another failure.
    assert [each.mean for each in made.failure] == [0.0, 0.0]


def test_undecided_trials_count_twice_and_both_must_agree() -> None:
    outcome = np.full((2, 1, N), "stalled", dtype=object)
    outcome[1, 0, :] = "undertrained"
    claim = effect(OUTCOME, "failure", "less")
    made = one(claim, tables(N, outcome=outcome))
    assert made.verdict == INCONCLUSIVE
    assert made.reason == (
        "undecided trials settle it: if none of them failed, supported; if all did, inconclusive. "
        "More steps are needed, and perhaps more seeds"
    )
    assert (made.estimate.mean, made.all_failed and made.all_failed.mean) == (1.0, 0.0)
    assert made.seeds is None
    outcome[1, 0, :] = "converged"
    outcome[1, 0, 0] = "undertrained"
    made = one(claim, tables(N, outcome=outcome))
    assert made.verdict == SUPPORTED
    assert made.all_failed is not None
    assert made.failure is None  # it is the effect itself


def test_an_unknown_flag_and_an_unknown_outcome_count_twice() -> None:
    flags = np.full((2, 1, N), False, dtype=object)
    flags[1] = None
    made = one(effect(FLAG, "degraded"), tables(N, flag__degraded=flags))
    assert made.verdict == INCONCLUSIVE
    made = one(effect(OUTCOME, "stalled"), tables(N, outcome=np.full((2, 1, N), None, dtype=object)))
    assert (made.verdict, made.all_failed is not None) == (NO_EFFECT, True) or made.verdict == INCONCLUSIVE


def test_one_outcome_and_several() -> None:
    outcome = np.full((2, 1, N), "converged", dtype=object)
    outcome[0, 0, :10], outcome[0, 0, 10:] = "total_collapse", "partial_collapse"
    both = Claim(
        "b", "b", Quantity(OUTCOME, ("total_collapse", "partial_collapse")),
        compare={"arm": ("new", "old")}, expect="less", margin=0.15,
    )  # fmt: skip
    assert one(both, tables(N, outcome=outcome)).estimate.mean == 1.0
    assert one(effect(OUTCOME, "total_collapse", "less"), tables(N, outcome=outcome)).estimate.mean == 0.5
    assert one(effect(OUTCOME, "converged"), tables(N, outcome=outcome)).estimate.mean == 1.0


# --- numbers


def test_distances_are_compared_by_their_logarithm() -> None:
    distance = np.exp(scores(math.log(0.5), cells=2))
    ratio = effect(METRIC, "score", scale="log_ratio")
    evidence = tables(N, 2, curves={"score": 0}, final__sw1=distance)
    made = one(effect(METRIC, "sw1", "less"), evidence)
    assert (made.verdict, made.unit) == (SUPPORTED, "log-ratio")
    assert made.estimate.mean == pytest.approx(math.log(2))
    assert made.treatment is not None
    assert made.control is not None
    plain = one(effect(METRIC, "sw1", "less", scale="difference"), evidence)
    assert plain.unit == "data units"
    assert one(ratio, tables(N, 2, final__score=distance)).unit == "log-ratio"


def test_a_diverged_trial_ranks_worst() -> None:
    """Dropping the dead would leave no effect; they are worse than every finite value."""
    values = scores(0.0)
    outcome = np.full((2, 1, N), "stalled", dtype=object)
    outcome[1, 0, :15] = "diverged"
    evidence = tables(N, outcome=outcome, final__score=np.where(outcome == "diverged", np.nan, values))
    made = one(SCORE, evidence)
    assert (made.verdict, made.unpaired) == (REFUTED, 0)
    assert made.estimate.mean == -math.inf
    assert "order statistics" in made.estimate.method
    assert one(replace(SCORE, expect="less"), evidence).verdict == SUPPORTED  # of less is not better: -inf


def test_dead_distances_are_infinite_whatever_is_expected() -> None:
    outcome = np.full((2, 1, N), "stalled", dtype=object)
    outcome[0, 0, :15] = "diverged"
    evidence = tables(N, outcome=outcome, curves={"score": 0}, final__sw1=np.exp(scores(0.0)))
    assert one(effect(METRIC, "sw1", "less"), evidence).verdict == SUPPORTED
    assert one(effect(METRIC, "sw1", "more"), evidence).verdict == REFUTED


def test_monitors_by_their_median_over_w() -> None:
    evidence = tables(N, curves={"d_auc.mean": 0.6 + 0.1 * np.clip(scores(1.0), -2, 2)})
    made = one(effect(MONITOR, "d_auc", margin=0.02), evidence)
    assert (made.verdict, made.unit) == (SUPPORTED, "probability")
    curve = pd.DataFrame({"trial": "a", "step": range(11), "x": [*range(10), np.nan]})
    assert medians_over_window(curve.sample(frac=1, random_state=0), "x", RULES)["a"] == 7.5
    short = pd.DataFrame({"trial": "a", "step": range(5), "x": range(5)})  # W needs 5 after step 0
    assert math.isnan(medians_over_window(short, "x", RULES)["a"])


# --- numbers with a bound: trials are counted

STARVED = effect(MONITOR, "g_signal", "less", bound=Bound("below", 0.01))


def starving(late: Any, outcome: Any = "undertrained") -> Evidence:
    """One cell: G's signal is 2 at first, and from then on `late` of that, [2, 1, N]."""
    evidence = tables(N, outcome=outcome, curves={"g_saturation": np.multiply(2.0, late), "d_slope": 1.0})
    evidence.curves.loc[evidence.curves["step"] == 0, "g_saturation"] = 2.0
    return evidence


def shares(old: int, new: int = 0, far: float = 0.5, gone: float = 0.001) -> np.ndarray:
    """Of the old arm's first seeds so many without a signal, and of the new arm's."""
    late = np.full((2, 1, N), far)
    late[0, 0, :old], late[1, 0, :new] = gone, gone
    return late


def test_of_a_number_with_a_bound_trials_are_counted_as_those_of_a_flag_are() -> None:
    made = one(STARVED, starving(shares(15, 2)))
    assert (made.verdict, made.unit, made.treatment, made.control) == (
        SUPPORTED, "share of trials", 0.1, 0.75,
    )  # fmt: skip
    flags = tables(N, outcome="undertrained", flag__degraded=shares(15, 2) < 0.01)
    flagged = one(effect(FLAG, "degraded", "less"), flags)
    assert (made.estimate, made.p, made.reason) == (flagged.estimate, flagged.p, flagged.reason)
    assert made.failure == flagged.failure is not None  # the effect on failures of any kind beside it
    assert made.all_failed is None  # it is measured for trials that are still improving: one reading
    assert one(replace(STARVED, expect="more"), starving(shares(0, 12))).verdict == SUPPORTED
    assert "no room" in one(STARVED, starving(shares(1))).reason
    assert "it could change by 0 at most" in one(replace(STARVED, expect="more"), starving(shares(20))).reason
    assert made.claim.quantity.says == "median g_signal over W below 0.01"


@pytest.mark.parametrize(
    ("side", "rate"), [("below", 0.0), ("at_most", 0.75), ("above", 0.25), ("at_least", 1.0)]
)
def test_each_side_of_a_bound(side: str, rate: float) -> None:
    """15 of 20 stand on the bound, the others above it."""
    claim = effect(MONITOR, "g_signal", bound=Bound(side, 0.25))
    assert one(claim, starving(shares(15, gone=0.25))).control == rate
    claim = effect(METRIC, "score", bound=Bound(side, 0.25))
    made = one(claim, tables(N, final__score=shares(15, gone=0.25)))
    assert (made.control, made.unit) == (rate, "share of trials")
    assert made.claim.quantity.says == f"final score {side.replace('_', ' ')} 0.25"


def test_a_number_that_is_not_known_counts_twice() -> None:
    late = shares(15, 2)
    late[1, 0, 2:] = np.nan
    made = one(STARVED, starving(late))
    assert (made.verdict, made.unpaired) == (INCONCLUSIVE, 0)
    assert made.all_failed is not None
    assert (made.estimate.mean, made.all_failed.mean) == pytest.approx((0.65, -0.25))
    assert made.reason.startswith("undecided trials settle it: if none of them counts, supported; if all do,")
    never = starving(late)
    never.curves["g_saturation"] = 0.0  # no early value to measure it by
    known = one(STARVED, never)
    assert known.all_failed is not None


def test_a_diverged_trial_is_on_the_worse_side_of_a_bound_or_on_none() -> None:
    outcome = np.full((2, 1, N), "stalled", dtype=object)
    outcome[1, 0, :12] = "diverged"
    made = one(STARVED, starving(shares(15), outcome))  # what it had before it diverged says nothing
    assert made.all_failed is not None
    assert (made.estimate.mean, made.all_failed.mean) == pytest.approx((0.75, 0.15))
    values = np.where(outcome == "diverged", np.nan, 0.5)
    near = effect(METRIC, "sw1", bound=Bound("below", 1.0))
    made = one(near, tables(N, outcome=outcome, final__sw1=values))
    assert (made.treatment, made.control, made.all_failed) == (0.4, 1.0, None)
    high = effect(METRIC, "score", bound=Bound("below", 1.0))
    assert one(high, tables(N, outcome=outcome, final__score=values)).treatment == 1.0


def test_a_share_within_bounds_and_the_number_itself() -> None:
    value = Claim("v", "v", STARVED.quantity, within=(0.3, 0.9), where={"arm": ("old",)})
    made = one(value, starving(shares(12)))
    assert (made.verdict, made.unit, made.estimate.mean) == (SUPPORTED, "share of trials", 0.6)
    made = one(effect(MONITOR, "g_signal", "more", margin=0.2), starving(shares(20, far=0.6)))
    assert (made.verdict, made.unit, made.treatment) == (SUPPORTED, "share of early value", 0.6)
    assert "no room" in one(effect(MONITOR, "g_signal", "less", margin=0.2), starving(shares(20))).reason
    premise = Premise(Quantity(MONITOR, ("g_signal",)), "control", "below", 0.01)
    assert one(replace(STARVED, premises=(premise,)), starving(shares(15))).premises[0].holds
    made = one(STARVED, tables(N, curves={"d_slope": 1.0}))
    assert (made.verdict, made.reason) == (UNTESTABLE, "the curves have no monitor g_saturation")


def test_seeds_that_all_agree_are_judged_by_order_statistics() -> None:
    made = one(SCORE, tables(N, final__score=scores(0.0, 0.0)))
    assert made.verdict == NO_EFFECT
    assert "order statistics" in made.estimate.method
    made = one(SCORE, tables(6, final__score=scores(0.5, 0.0, 6)))
    assert (made.verdict, made.seeds) == (INCONCLUSIVE, 8)  # six cannot bound a median at 97.5 %


# --- untestable


@pytest.mark.parametrize(
    ("n", "why"),
    [
        (1, "too few seeds: 1 seed, and a verdict takes 5"),
        (4, "too few seeds: 4 seeds, and a verdict takes 5"),
    ],
)
def test_too_few_seeds(n: int, why: str) -> None:
    made = one(SCORE, tables(n, final__score=scores(0.5, n=n)))
    assert (made.verdict, made.reason, made.p) == (UNTESTABLE, why, None)
    assert made.estimate.n == n


def test_a_control_without_room() -> None:
    flags = np.zeros((2, 1, N), dtype=bool)
    flags[:, 0, :2] = True
    evidence = tables(N, flag__degraded=flags)
    made = one(effect(FLAG, "degraded", "less"), evidence)
    assert made.verdict == UNTESTABLE
    assert "the control leaves no room: it could change by 0.1 at most, and the margin is 0.15" in made.reason
    assert one(effect(FLAG, "degraded", "more"), evidence).verdict != UNTESTABLE
    assert "no room" in one(effect(FLAG, "degraded", "more"), tables(N, flag__degraded=~flags)).reason


def test_room_of_distances_and_counts() -> None:
    near = np.full((2, 1, N), 0.021) * np.exp(0.01 * NOISE[:, :1, :N])
    made = one(effect(METRIC, "sw1", "less"), tables(N, curves={"score": 0}, final__sw1=near))
    assert "no room" in made.reason  # its floor is 0.02
    assert one(
        effect(METRIC, "sw1", "more"), tables(N, curves={"score": 0}, final__sw1=near)
    ).verdict != UNTESTABLE  # fmt: skip
    full = tables(N, final__modes__covered=np.full((2, 1, N), 8.0))
    why = one(effect(METRIC, "modes.covered", margin=0.5), full).reason
    assert "no room: it could change by 0 at most" in why


def on_two_data_sets(values: Any, floors: tuple[float, float]) -> Evidence:
    """Distances [2, 2, N] in two cells, each on a data set with a floor of its own."""
    evidence = tables(N, 2, curves={"sw1.noise": 0}, final__sw1=values)
    of = {trial: int(width) - 1 for trial, width in evidence.trials[["trial", "width"]].to_numpy()}
    measures = [{"floors": {"sw1": {"mean": floor, "sd": 0.001}}} for floor in floors]
    return replace(evidence, meta={**evidence.meta, "measures": measures, "measure_of": of})


def test_the_room_of_a_distance_is_that_over_the_floor_of_its_own_data() -> None:
    less = effect(METRIC, "sw1", "less", margin=0.1)
    values = np.ones((2, 2, N)) * np.array([0.04, 1.0])[:, None]
    values *= np.exp(np.array([-0.3, 0.0])[::-1, None, None] + 0.01 * NOISE[:, :2, :N])
    # The control is at twice either floor; the larger floor is above the mean of the control, 0.2.
    made = one(less, on_two_data_sets(values, (0.02, 0.5)))
    assert made.verdict == SUPPORTED
    # It stands at both floors; it is far above the smaller one, and above the mean of the floors.
    made = one(less, on_two_data_sets(values, (0.04, 1.0)))
    assert made.verdict == UNTESTABLE
    assert "no room" in made.reason
    # At one of them, at 1.5 times the other: the mean over both can fall by half of log 1.5.
    evidence = on_two_data_sets(values, (0.04, 1 / 1.5))
    assert one(less, evidence).verdict == SUPPORTED
    made = one(replace(less, margin=0.25), evidence)
    assert "no room" in made.reason
    assert "could change by 0.2 at most," in made.reason
    # Without a floor there is no end to it.
    far = replace(evidence, meta={**evidence.meta, "measures": [evidence.meta["measures"][0], {}]})
    assert "no room" not in one(less, far).reason


def test_premises_hold_or_the_claim_cannot_be_tested() -> None:
    auc = np.full((2, 1, N), 0.7)
    auc[0] = 0.995
    evidence = tables(N, curves={"d_auc.mean": auc}, final__score=scores(0.5))

    def given(arm: str, bound: str, at: float) -> Judged:
        premise = Premise(Quantity(MONITOR, ("d_auc",)), arm, bound, at)
        return one(replace(SCORE, premises=(premise,)), evidence)

    assert given("control", "above", 0.99).verdict == SUPPORTED
    assert given("control", "above", 0.99).premises[0].value == 0.995
    failed = given("treatment", "above", 0.99)
    assert failed.verdict == UNTESTABLE
    assert failed.reason == "the premise fails: d_auc over W > 0.99 in the treatment, found 0.7 over 20 seeds"
    assert given("treatment", "below", 0.75).verdict == SUPPORTED
    assert (
        given("treatment", "at_most", 0.7).verdict == given("treatment", "at_least", 0.7).verdict == SUPPORTED
    )
    unknown = Premise(Quantity(MONITOR, ("d_slope",)), "control", "above", 0.0)
    made = one(replace(SCORE, premises=(unknown,)), evidence)
    assert (made.verdict, made.reason) == (UNTESTABLE, "the curves have no monitor d_slope")


def test_a_premise_about_undecided_trials_must_hold_both_ways() -> None:
    outcome = np.full((2, 1, N), "stalled", dtype=object)
    outcome[0, 0, :] = "undertrained"
    premise = Premise(Quantity(OUTCOME, ("failure",)), "control", "at_least", 0.5)
    made = one(replace(SCORE, premises=(premise,)), tables(N, outcome=outcome, final__score=scores(0.5)))
    assert made.verdict == UNTESTABLE
    assert made.premises[0].value == 0.0


@pytest.mark.parametrize(("good", "verdict"), [(16, SUPPORTED), (15, UNTESTABLE)])
def test_the_positive_control_converges_in_80_percent_of_its_seeds(good: int, verdict: str) -> None:
    outcome = np.full((2, 1, N), "converged", dtype=object)
    outcome[0, 0, good:] = "undertrained"
    evidence = tables(N, outcome=outcome, final__score=scores(0.5))
    made = one(SCORE, evidence, positive_control={"arm": ("old",)})
    assert made.verdict == verdict
    if verdict == UNTESTABLE:
        assert (
            made.reason
            == "the positive control does not train: converged in 75 % of 20 seeds, and 80 % are needed"
        )


def test_partial_results_and_unfinished_trials() -> None:
    evidence = tables(N, final__score=scores(0.5))
    made = one(SCORE, replace(evidence, partial=("--limit 5",)))
    assert (made.verdict, made.reason) == (UNTESTABLE, "the results are partial: --limit 5")
    trials = evidence.trials.copy()
    trials.loc[:2, "status"] = ["crashed", "pending", "running"]
    made = one(SCORE, replace(evidence, trials=trials))
    assert (made.verdict, made.reason) == (UNTESTABLE, "3 of its trials are not finished")
    assert (made.estimate.n, made.pairs) == (N - 3, N - 3)


def test_what_the_tables_lack_is_untestable_and_never_raises() -> None:
    evidence = tables(N, final__score=scores(0.5))
    empty = replace(evidence, trials=evidence.trials[:0])
    for claim, why in (
        (effect(METRIC, "sw1"), "the table of trials has no final.sw1"),
        (effect(FLAG, "degraded"), "the table of trials has no flag.degraded"),
        (effect(MONITOR, "d_auc"), "the curves have no monitor d_auc"),
        (replace(SCORE, where={"depth": (3,)}), "the table of trials has no depth"),
        (replace(SCORE, where={"width": (1, 9)}), "no trial has width 9"),
        (replace(SCORE, compare={"arm": ("new", "gone")}), "no trial has arm gone"),
        (replace(SCORE, compare={"depth": (1, 2)}), "the table of trials has no depth"),
        (effect(METRIC, "score", scale="log_ratio"), "final score is not above 0 in"),
    ):
        for tables_ in (evidence, empty):
            made = one(claim, tables_)
            assert made.verdict == UNTESTABLE, claim
        assert why in one(claim, evidence).reason
    assert one(SCORE, empty, positive_control={"depth": (1,)}).reason.startswith("positive control: ")
    made = one(SCORE, evidence, positive_control={"width": (9,)})
    assert made.reason == "positive control: no trial has width 9"
    crashed = replace(evidence, trials=evidence.trials.assign(status="crashed"))
    assert "no trial of the positive control" in one(SCORE, crashed, positive_control={"width": (1,)}).reason


def test_cells_of_one_arm_alone_move_nothing() -> None:
    """The new arm was not run at width 2, where the old one has another premise, level and room."""
    auc, score = np.full((2, 2, N), 0.995), scores(0.5, cells=2)
    auc[0, 1], score[0, 1] = 0.5, 99.0
    evidence = tables(N, 2, curves={"d_auc.mean": auc}, final__score=score)
    lone = (evidence.trials["arm"] == "old") & (evidence.trials["width"] == 2)
    absent = (evidence.trials["arm"] == "new") & (evidence.trials["width"] == 2)
    premise = Premise(Quantity(MONITOR, ("d_auc",)), "control", "above", 0.99)
    claim = replace(SCORE, premises=(premise,))
    made = one(claim, replace(evidence, trials=evidence.trials[~absent]))
    alone = one(claim, replace(evidence, trials=evidence.trials[~absent & ~lone]))
    assert (made.verdict, made.pairs, made.unpaired, alone.unpaired) == (SUPPORTED, N, N, 0)
    assert (made.premises, made.control, made.treatment) == (alone.premises, alone.control, alone.treatment)
    crashed = evidence.trials[~absent].assign(status=np.where(lone[~absent], "crashed", "done"))
    assert one(claim, replace(evidence, trials=crashed)).verdict == SUPPORTED
    # A partner that has not run yet is not absent.
    waits = evidence.trials.assign(status=np.where(absent, "pending", "done"))
    assert f"{N} of its trials are not finished" in one(claim, replace(evidence, trials=waits)).reason


def test_values_of_an_axis_of_mixed_types_are_found() -> None:
    evidence = tables(N, 3, final__score=scores(0.5, cells=3))
    trials = evidence.trials.assign(width=evidence.trials["width"].map({1: "1", 2: "0.0", 3: "auto"}))
    made = one(replace(SCORE, where={"width": (1.0, 0)}), replace(evidence, trials=trials))
    assert (made.verdict, made.pairs) == (SUPPORTED, 2 * N)
    made = one(replace(SCORE, where={"width": (1.0, 4)}), replace(evidence, trials=trials))
    assert (made.verdict, made.reason) == (UNTESTABLE, "no trial has width 4")


def test_cells_that_differ_in_the_seventh_digit_are_two() -> None:
    evidence = tables(N, 2, final__score=scores(0.5, cells=2))
    trials = evidence.trials.assign(width=evidence.trials["width"].map({1: 0.1234567, 2: 0.1234568}))
    made = one(SCORE, replace(evidence, trials=trials))
    assert (made.verdict, made.pairs) == (SUPPORTED, 2 * N)
    assert [cell.name for cell in made.cells] == ["width 0.1234567", "width 0.1234568"]


def test_modes_are_bounded_by_the_data_of_the_arms() -> None:
    evidence = tables(N, 3, final__modes__covered=np.full((2, 3, N), 8.0))
    of = {trial: int(width) - 1 for trial, width in evidence.trials[["trial", "width"]].to_numpy()}
    meta = {"measures": [{"n_modes": 8}, {"n_modes": 25}, {}], "measure_of": of}
    evidence = replace(evidence, meta={**evidence.meta, **meta})
    modes = effect(METRIC, "modes.covered", margin=0.5)
    assert "no room" in one(replace(modes, where={"width": (1, 3)}), evidence).reason
    assert one(modes, evidence).verdict == NO_EFFECT
    assert one(replace(modes, where={"width": (2,)}), evidence).verdict == NO_EFFECT
    assert one(replace(modes, where={"width": (3,)}), evidence).verdict == NO_EFFECT


def test_nothing_but_nulls() -> None:
    nothing = np.full((2, 2, N), np.nan)
    evidence = tables(
        N, 2, outcome=np.full((2, 2, N), None, dtype=object), curves={"d_auc.mean": nothing, "sw1": nothing},
        final__score=nothing, flag__degraded=np.full((2, 2, N), None, dtype=object),
    )  # fmt: skip
    among = Claim("v", "v", Quantity(MONITOR, ("d_auc",)), within=(0.4, 0.6), among=("converged",))
    claims = [SCORE, effect(FLAG, "degraded"), effect(OUTCOME, "failure"), effect(MONITOR, "d_auc"), among]
    made = judge_claims(claims, evidence, {"width": (1,)})
    assert {each.verdict for each in made} == {UNTESTABLE}
    assert all(each.unpaired == 4 * N for each in (made[0], made[3]))


def test_two_cells_of_one_arm_are_ambiguous() -> None:
    evidence = tables(N, 2, final__score=scores(0.5, cells=2))
    made = one(SCORE, replace(evidence, axes={"arm": "arm"}))
    assert made.verdict == UNTESTABLE
    assert "an axis is not named" in made.reason


# --- values


AUC = Claim("v", "v", Quantity(MONITOR, ("d_auc",)), within=(0.45, 0.6), among=("converged",))


@pytest.mark.parametrize(
    ("level", "sd", "verdict"),
    [
        (0.52, 0.02, SUPPORTED),
        (0.8, 0.02, REFUTED),
        (0.3, 0.02, REFUTED),
        (0.6, 0.02, INCONCLUSIVE),
        (0.55, 0.0, SUPPORTED),
    ],
)
def test_values(level: float, sd: float, verdict: str) -> None:
    noise = NOISE[0, 0, :N] - NOISE[0, 0, :N].mean()
    evidence = tables(N, outcome="converged", curves={"d_auc.mean": level + sd * noise})
    made = one(AUC, evidence)
    assert (made.verdict, made.estimate.n, made.pairs) == (verdict, N, 2 * N)
    assert made.estimate.mean == pytest.approx(level)
    assert made.margin is None


def test_a_value_among_some_outcomes_and_with_undecided_ones() -> None:
    auc = np.full((2, 1, N), 0.52) + 0.01 * NOISE[:, :1, :N]
    auc[0] += 0.4
    outcome = np.full((2, 1, N), "converged", dtype=object)
    outcome[0] = "stalled"
    assert one(AUC, tables(N, outcome=outcome, curves={"d_auc.mean": auc})).verdict == SUPPORTED
    assert (
        one(replace(AUC, among=()), tables(N, outcome=outcome, curves={"d_auc.mean": auc})).verdict == REFUTED
    )
    outcome[0] = "undertrained"
    made = one(AUC, tables(N, outcome=outcome, curves={"d_auc.mean": auc}))
    assert made.verdict == INCONCLUSIVE
    assert made.reason.startswith(
        "undecided trials settle it: if they are left out, supported; if they are taken in, refuted."
    )
    outcome[:] = "stalled"
    made = one(AUC, tables(N, outcome=outcome, curves={"d_auc.mean": auc}))
    assert (made.verdict, made.reason) == (UNTESTABLE, "no finished trials to compare")


@pytest.mark.parametrize(
    ("level", "died", "verdict"),
    [
        (0.52, 1, SUPPORTED),  # the median bears one infinity on either side
        (0.52, 4, SUPPORTED),
        (0.52, 9, INCONCLUSIVE),
        (0.52, N - 1, INCONCLUSIVE),
        (0.52, N, INCONCLUSIVE),  # below the bounds or above them: nobody knows
        (0.9, 3, REFUTED),
        (0.2, 3, REFUTED),
        (0.9, 15, INCONCLUSIVE),
    ],
)
def test_a_value_must_hold_with_the_diverged_at_either_end(level: float, died: int, verdict: str) -> None:
    outcome = np.full((2, 1, N), "stalled", dtype=object)
    outcome[:, :, :died] = "diverged"
    auc = np.where(outcome == "diverged", np.nan, level + 0.01 * NOISE[:, :1, :N])
    claim = replace(AUC, among=())
    made = one(claim, tables(N, outcome=outcome, curves={"d_auc.mean": auc}))
    assert (made.verdict, made.estimate.n, made.unpaired) == (verdict, N, 0)
    assert math.isnan(made.estimate.mean) == (died >= N // 2)
    # What a curve still tells of a trial that diverged is no better than nothing.
    kept = tables(N, outcome=outcome, curves={"d_auc.mean": level + 0.01 * NOISE[:, :1, :N]})
    assert one(claim, kept).verdict == verdict


def test_one_of_several_cells_of_each_seed_diverged() -> None:
    outcome = np.full((2, 3, N), "stalled", dtype=object)
    outcome[0, 0] = "diverged"
    auc = 0.52 + 0.01 * NOISE[:, :3, :N]
    made = one(replace(AUC, among=()), tables(N, 3, outcome=outcome, curves={"d_auc.mean": auc}))
    assert made.verdict == SUPPORTED
    narrow = one(replace(AUC, among=("stalled",)), tables(N, 3, outcome=outcome, curves={"d_auc.mean": auc}))
    assert made.estimate.high - made.estimate.low > narrow.estimate.high - narrow.estimate.low  # type: ignore[operator]


@pytest.mark.parametrize(
    ("died", "missing", "reason"),
    [
        (9, 0, ""),
        (10, 0, "too many of 20 seeds diverged"),
        (19, 0, "too many of 20 seeds diverged"),
        (0, 9, ""),
        (0, 10, "known in 10 seeds only"),
        (0, 19, "known in 1 seed only"),
    ],
)
@pytest.mark.parametrize(("bound", "at"), [("above", 0.99), ("below", 0.999)])
def test_a_premise_never_holds_on_a_minority_of_seeds(
    died: int, missing: int, reason: str, bound: str, at: float
) -> None:
    outcome = np.full((2, 1, N), "stalled", dtype=object)
    outcome[:, :, :died] = "diverged"
    auc = np.full((2, 1, N), 0.995)
    auc[:, :, N - missing :] = np.nan
    evidence = tables(N, outcome=outcome, curves={"d_auc.mean": auc}, flag__degraded=NOISE[:, :1, :N] > 0)
    premise = Premise(Quantity(MONITOR, ("d_auc",)), "control", bound, at)
    made = one(replace(effect(FLAG, "degraded"), premises=(premise,)), evidence)
    assert made.premises[0].holds == (not reason)
    assert (made.verdict == UNTESTABLE) == bool(reason)
    assert reason in made.reason


def test_a_share_within_bounds() -> None:
    flags = np.zeros((2, 1, 100), dtype=bool)
    flags[:, :, :50] = True
    claim = Claim("v", "v", Quantity(FLAG, ("degraded",)), within=(0.3, 0.7))
    made = one(claim, tables(100, flag__degraded=flags))
    assert (made.verdict, made.estimate.mean) == (SUPPORTED, 0.5)
    assert one(replace(claim, within=(0.0, 0.1)), tables(100, flag__degraded=flags)).verdict == REFUTED


# --- families, looks, cells, seeds


def test_levels_halve_and_add_up_to_five_percent() -> None:
    assert [level_of(look) for look in (1, 2, 3)] == [0.025, 0.0125, 0.00625]
    assert sum(level_of(look) for look in range(1, 60)) == pytest.approx(0.05)
    with pytest.raises(ValueError, match="from 1"):
        level_of(0)


def test_step_down_is_holms() -> None:
    def by_p(p: list[float]) -> list[float]:
        return step_down([lambda level, q=q: q <= 1 - level + 1e-12 for q in p], p, 0.05)  # type: ignore[misc]

    assert by_p([0.04, 0.001, 0.02]) == [0.95, 1 - 0.05 / 3, 0.975]
    # The second does not hold at 0.05 / 2, so neither it nor the third goes further.
    assert by_p([0.04, 0.001, 0.03]) == [0.975, 1 - 0.05 / 3, 0.975]
    assert by_p([]) == []
    assert by_p([1.0, 1.0]) == [0.975, 0.975]


def test_claims_are_a_family_the_untestable_ones_too() -> None:
    weak = 2.7 * 0.5 * float(NOISE[0, 0, :N].std(ddof=1)) / math.sqrt(N)  # t = 2.7
    evidence = tables(N, final__score=scores(0.5), final__weak=scores(weak, 0.5))
    lone = one(effect(METRIC, "weak"), evidence)
    claims = [SCORE, effect(METRIC, "weak"), effect(METRIC, "gone"), effect(METRIC, "gone")]
    made = judge_claims(claims, evidence)
    assert [each.confidence for each in made] == [1 - 0.025 / 4, *[1 - 0.025 / 3] * 3]
    assert made[0].verdict == SUPPORTED
    assert (lone.verdict, made[1].verdict) == (SUPPORTED, INCONCLUSIVE)
    assert all((each.family, each.level) == (4, 0.025) for each in made)
    late = one(SCORE, evidence, look=3)
    assert (late.look, late.confidence) == (3, 1 - 0.05 / 8)


def test_readings_on_different_sides_come_last_in_the_family() -> None:
    """Supported without the undecided and refuted with them: decided at no confidence, so its p is 1."""
    outcome = np.full((2, 1, N), "converged", dtype=object)
    outcome[0, 0, :8], outcome[1] = "stalled", "undertrained"
    weak = 2.5 * 0.5 * float(NOISE[0, 0, :N].std(ddof=1)) / math.sqrt(N)  # t = 2.5
    evidence = tables(N, outcome=outcome, final__weak=scores(weak, 0.5))
    torn, weaker = judge_claims([effect(OUTCOME, "failure", "less"), effect(METRIC, "weak")], evidence)
    assert torn.all_failed is not None
    assert torn.estimate.low is not None
    assert torn.all_failed.high is not None
    assert torn.estimate.low > 0 > torn.all_failed.high
    assert (torn.verdict, torn.p) == (INCONCLUSIVE, 1.0)
    assert weaker.p is not None
    assert weaker.p < 0.025


def test_a_value_below_its_bounds_in_one_reading_and_above_in_the_other_is_open() -> None:
    outcome = np.full((2, 1, N), "converged", dtype=object)
    outcome[1] = "undertrained"
    auc = np.array([0.3, 0.9])[:, None, None] + 0.01 * NOISE[:, :1, :N]
    evidence = tables(N, outcome=outcome, curves={"d_auc.mean": auc})
    made = one(replace(AUC, within=(0.4, 0.5)), evidence)
    assert (made.verdict, made.p) == (INCONCLUSIVE, 1.0)
    assert made.reason.startswith(
        "undecided trials settle it: if they are left out, below the bounds; if they are taken in, above "
    )
    made = one(replace(AUC, within=(0.7, 0.8)), evidence)
    assert made.verdict == REFUTED
    assert made.p is not None
    assert made.p < 0.025


@pytest.mark.parametrize("shift", [-0.6, -0.2, 0.0, 0.1, 0.3, 0.6])
def test_verdict_and_interval_agree(shift: float) -> None:
    claims = [SCORE, effect(METRIC, "other"), effect(FLAG, "degraded")]
    flags = NOISE[:, :2, :N] + np.array([0, shift])[:, None, None] > 0
    evidence = tables(
        N, 2, final__score=scores(shift, 0.4, cells=2), final__other=scores(shift / 2, 0.5, cells=2),
        flag__degraded=flags,
    )  # fmt: skip
    for each in judge_claims(claims, evidence):
        if each.verdict != UNTESTABLE:
            assert each.verdict == verdict_of(each.claim, each.estimate)


def test_cells_that_disagree_name_the_axis() -> None:
    values = np.concatenate([scores(0.8), scores(-0.8)], axis=1)
    evidence = tables(N, 2, final__score=values)
    made = one(SCORE, evidence)
    assert made.depends == "width"
    assert (
        one(SCORE, tables(N, 2, final__score=np.concatenate([scores(0.8), scores(0.0)], axis=1))).depends
        == ""
    )
    trials = evidence.trials.assign(depth=NOISE[0, 0, : len(evidence.trials)] > 9)
    assert (
        one(SCORE, replace(evidence, trials=trials, axes={**evidence.axes, "depth": "depth"})).depends
        == "width"
    )


def test_the_seeds_that_would_settle_it() -> None:
    made = one(SCORE, tables(N, final__score=scores(0.1, 0.6)))
    sd = float(np.std(made.estimate.points, ddof=1))
    sd *= math.sqrt((N - 1) / stats.chi2.ppf(0.4, N - 1))  # 20 seeds tell it roughly
    assert made.seeds == seeds_to_settle(sd, 0.2, 0.8, 1 - 0.0125)  # at the next look
    assert f"about {made.seeds} seeds would settle it" in made.reason
    assert chance_to_settle(sd, 0.2, made.seeds, 0.9875) >= 0.8
    assert chance_to_settle(sd, 0.2, made.seeds - 1, 0.9875) < 0.8
    assert chance_to_settle(sd, 0.2, 4) == 0.0


@pytest.mark.parametrize(
    ("value", "wanted", "equal"),
    [
        (0.4, 0.4, True), (8.0, 8, True), ("none", None, True), (None, "none", True), (math.nan, None, True),
        (0.1 + 0.2, 0.3, True), ("8", 8, True), (8.0, "x", False), (True, True, True), (True, 1, False),
        ("mlp(width=8)", "mlp", False), (0.4, {"a": 1}, False), ("x", ["x"], False),
        ("1", 1.0, True), ("0.0", 0, True), ("0.30000000000000004", 0.3, True), ("1", 10, False),
        ("x", 1, False), ("true", True, True), ("1", True, False), ("nan", 0.0, False),
    ],
)  # fmt: skip
def test_values_of_axes(value: Any, wanted: Any, equal: bool) -> None:
    assert same(value, wanted) is equal
