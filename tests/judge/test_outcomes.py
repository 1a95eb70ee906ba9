"""Each outcome from a planted curve, with its numbers; nulls; precedence; dirty input."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from planted_curves import CONTEXT, FLOOR, FLOOR_SD, KINDS, NOISE, STEPS, Curve, mask, planted

from bench.judge.outcomes import FAILURES, OUTCOMES, Context, judge
from bench.judge.rules import RULES, Rules

NUMBERS = {
    "converged": (200, ["step 200", "bar of 6.93", "last 5 evaluations", "floor 2"]),
    "diverged": (317, ["step 317 of 1000"]),
    "total_collapse": (350, ["From step 350 on, 1 of 10 modes", "each evaluation", "spread of at most 0.02"]),
    "vanishing_gradient": (350, ["step 350", "AUC of 0.999", "less than 0.1 %", "fd stayed at 79.5 %"]),
    "oscillating": (100, ["between 20.1 and 67.9", "last 10 evaluations", "3 reversals", "noise of 0.4"]),
    "partial_collapse": (
        200,
        ["From step 200 on, at most 7 of 10 modes", "at least 85.9 %", "last 5 evaluations: 7"],
    ),
    "degraded": (650, ["from 2.28", "up to step 500", "to 29.9", "margin of 9.8"]),
    "stalled": (100, ["level of 39.9", "last 5 evaluations", "step 100", "bar of 8.93"]),
    "undertrained": (500, ["by 34.4 since step 500", "p = 0.001 or less over 11 evaluations"]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_ending_is_named_with_its_step_and_numbers(kind: str) -> None:
    verdict = judge(planted(kind), CONTEXT)
    step, numbers = NUMBERS[kind]
    assert (verdict.outcome, verdict.step) == (kind, step)
    for number in numbers:
        assert number in verdict.reason
    assert verdict.reason.count(". ") == 0
    assert verdict.reason.endswith(".")
    assert set(verdict.flags) == set(OUTCOMES)
    assert verdict.rules_version == RULES.version


@pytest.mark.parametrize("kind", KINDS)
def test_planted_endings_are_named_whatever_the_noise(kind: str) -> None:
    assert {judge(planted(kind, seed), CONTEXT).outcome for seed in range(20)} == {kind}


@pytest.mark.parametrize("kind", KINDS)
def test_order_and_duplicates_of_rows_do_not_matter(kind: str) -> None:
    curve = planted(kind)
    expected = judge(curve, CONTEXT)
    order = np.random.default_rng(0).permutation(len(curve["step"]))
    order = np.concatenate([order[:3], order])
    assert judge({name: values[order] for name, values in curve.items()}, CONTEXT) == expected


def test_the_last_row_written_for_a_step_counts() -> None:
    curve = planted("converged")
    stale = {name: values[-1:].copy() for name, values in curve.items()}
    stale["fd"][:] = 1e6
    both = {name: np.concatenate([stale[name], values]) for name, values in curve.items()}
    assert judge(both, CONTEXT).outcome == "converged"


def test_precedence_is_the_order_of_the_table() -> None:
    curve = planted("degraded")
    curve["modes.covered"] = np.where(STEPS >= 200, 7.0, curve["modes.covered"])
    verdict = judge(curve, CONTEXT)
    assert verdict.outcome == "partial_collapse"
    assert verdict.flags["degraded"].holds
    curve["spread"] = np.where(STEPS >= 300, 0.01, curve["spread"])
    assert judge(curve, CONTEXT).outcome == "total_collapse"
    curve["logit_max"][-1] = 2e4
    verdict = judge(curve, CONTEXT)
    assert verdict.outcome == "diverged"
    assert "logit reached 2e+04" in verdict.reason or "logit reached 20000" in verdict.reason


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("d_weight", 2e3, "D's weights reached 200 times"),
        ("g_weight", 2.4e3, "G's weights reached 200 times"),
        ("sample_rms", 250.0, "RMS reached 250 times"),
        ("d_slope", np.inf, "d_slope was infinite"),
    ],
)
def test_growth_beyond_all_measure_is_divergence(column: str, value: float, words: str) -> None:
    curve = planted("converged")
    curve[column][-1] = value
    verdict = judge(curve, CONTEXT)
    assert verdict.outcome == "diverged"
    assert words in verdict.reason


def test_a_spike_that_passed_is_recorded_and_is_no_divergence() -> None:
    curve = planted("converged")
    curve["logit_max"][10] = 2e4
    verdict = judge(curve, CONTEXT)
    assert verdict.outcome == "converged"
    flag = verdict.flags["diverged"]
    assert (flag.holds, flag.onset, flag.recovery) == (False, STEPS[10], STEPS[11])


def test_samples_that_were_not_finite_are_divergence_even_while_the_member_lives() -> None:
    curve = planted("converged")
    curve["fd_status"][8] = "nonfinite"
    curve["fd"][8] = np.nan
    verdict = judge(curve, CONTEXT)
    assert (verdict.outcome, verdict.step) == ("diverged", STEPS[8])


def test_a_collapse_that_recovered_keeps_its_onset_and_recovery() -> None:
    curve = planted("converged")
    during = (STEPS >= 200) & (STEPS < 500)
    curve["spread"] = np.where(during, 0.01, curve["spread"])
    flag = judge(curve, CONTEXT).flags["total_collapse"]
    assert (flag.holds, flag.onset, flag.recovery) == (False, 200, 500)


def test_hopping_between_modes_is_oscillation() -> None:
    curve = planted("partial_collapse")
    curve["modes.set"] = np.array([mask(i % 5, i % 5 + 5) for i in range(len(STEPS))], dtype=object)
    verdict = judge(curve, CONTEXT)
    assert verdict.outcome == "oscillating"
    assert "5 of the last 5 evaluations" in verdict.reason
    assert "median Jaccard index 0" in verdict.reason


def test_one_mode_at_a_time_is_hopping_and_no_total_collapse() -> None:
    curve = planted("total_collapse")
    curve["spread"] = np.maximum(curve["spread"], 0.1)  # a mode, and no point
    assert judge(curve, CONTEXT).outcome == "total_collapse"
    since = int(np.flatnonzero(STEPS >= 350)[0])
    curve["modes.set"][since:] = [mask(i // 2 % 10) for i in range(len(STEPS) - since)]
    verdict = judge(curve, CONTEXT)
    assert verdict.outcome == "oscillating"
    assert verdict.flags["total_collapse"].holds is False


@pytest.mark.parametrize(
    ("touched", "spread", "outcome"),
    [
        ([(0,), (), (3,), (4,), (), (7,)], 0.2, "oscillating"),
        ([(0,), (), (0,), (1,), (), (0,)], 0.2, "stalled"),  # a cloud that rests, and flickers
        ([(0,), (), (3,), (4,), (), (7,)], 0.9, "stalled"),  # strays of a wide one
    ],
)
def test_a_narrow_cloud_that_wanders_is_told_by_what_it_touches(
    touched: list[tuple[int, ...]], spread: float, outcome: str
) -> None:
    curve = planted("stalled")
    n = len(STEPS)
    curve["modes.hq"] = np.array([0.3 if touched[i % 6] == (0,) else 0.1 for i in range(n)])
    curve["modes.covered"] = np.array([float(len(touched[i % 6])) for i in range(n)])
    curve["modes.set"] = np.array([mask(*touched[i % 6]) for i in range(n)], dtype=object)
    curve["spread"] = np.full(n, spread)
    verdict = judge(curve, CONTEXT)
    assert verdict.outcome == outcome
    assert ("narrow cloud wandered" in verdict.reason) == (outcome == "oscillating")


@pytest.mark.parametrize("last", [3, 4, 5, 6])
def test_one_jump_is_no_oscillation(last: int) -> None:
    curve = planted("partial_collapse")
    sets = [mask(0, 1, 2, 3, 4)] * (len(STEPS) - last) + [mask(5, 6, 7, 8, 9)] * last
    curve["modes.set"] = np.array(sets, dtype=object)
    curve["modes.covered"] = np.full(len(STEPS), 5.0)
    assert judge(curve, CONTEXT).outcome == "partial_collapse"


def test_a_narrow_cloud_that_grazes_modes_and_rests_does_not_wander() -> None:
    curve = planted("stalled")
    n = len(STEPS)
    grazed = np.random.default_rng(0).random((n, 6)) < 0.5
    sets = [mask(*np.flatnonzero(each).tolist()) for each in grazed]
    curve |= {"modes.set": np.array(sets, dtype=object), "modes.covered": grazed.sum(1).astype(float)}
    curve |= {"modes.hq": np.full(n, 0.06), "spread": np.full(n, 0.4)}
    assert judge(curve, CONTEXT).outcome == "stalled"


def test_sets_of_a_few_stray_samples_do_not_hop() -> None:
    curve = planted("stalled")
    curve["modes.set"] = np.array([mask(i % 5) for i in range(len(STEPS))], dtype=object)
    curve["modes.hq"] = np.full(len(STEPS), 0.02)
    assert judge(curve, CONTEXT).outcome == "stalled"


def test_one_mode_touched_by_noise_is_no_collapse() -> None:
    curve = planted("stalled")
    curve["modes.covered"], curve["modes.hq"] = np.ones(len(STEPS)), np.full(len(STEPS), 0.02)
    verdict = judge(curve, CONTEXT)
    assert verdict.outcome == "stalled"
    assert verdict.flags["total_collapse"].holds is False


def test_a_starved_run_that_still_improves_is_not_called_vanished() -> None:
    curve = planted("vanishing_gradient")
    curve["fd"] = 100 - 0.06 * STEPS
    assert judge(curve, CONTEXT).outcome == "undertrained"


def test_a_decay_from_a_level_that_never_was_good_is_no_degradation() -> None:
    curve = planted("stalled")
    curve["fd"] = np.where(STEPS >= 650, 80.0, 50.0)
    curve["fd"][0] = 100.0
    assert judge(curve, CONTEXT).outcome == "stalled"


def test_a_run_that_ends_further_away_than_it_began_says_so() -> None:
    curve = planted("stalled")
    curve["fd"] = np.where(STEPS > 100, 4000.0, 100.0)
    verdict = judge(curve, CONTEXT)
    assert (verdict.outcome, verdict.step) == ("stalled", 150)
    assert "fd ended at 4000" in verdict.reason
    assert "the 100 before any training" in verdict.reason


def test_without_modes_coverage_decides_partial_collapse() -> None:
    floors = {"prdc.precision": {"mean": 0.8}, "prdc.coverage": {"mean": 0.9}}
    context = Context("fd", FLOOR, FLOOR_SD, None, 1000, floors)
    curve = {k: v for k, v in planted("stalled").items() if not k.startswith("modes")}
    assert judge(curve, context).flags["partial_collapse"].holds is None
    curve["prdc.precision"], curve["prdc.coverage"] = (np.full(len(STEPS), each) for each in (0.78, 0.45))
    verdict = judge(curve, context)
    assert verdict.outcome == "partial_collapse"
    assert "coverage was 50 % of its floor" in verdict.reason
    assert "97.5 %" in verdict.reason


@pytest.mark.parametrize(
    ("column", "flag"),
    [
        ("d_auc.mean", "vanishing_gradient"),
        ("d_slope", "vanishing_gradient"),
        ("spread", "total_collapse"),
        ("modes.hq", "partial_collapse"),
        ("fd", "converged"),
    ],
)
@pytest.mark.parametrize("how", ["column missing", "one null in W"])
def test_a_rule_that_lacks_what_it_needs_is_null(column: str, flag: str, how: str) -> None:
    curve = planted(flag)
    if flag == "total_collapse":
        curve["modes.covered"][:] = 3  # so that the spread alone decides
    if how == "column missing":
        del curve[column]
    else:
        curve[column][-2] = np.nan
    assert judge(curve, CONTEXT).flags[flag].holds is None


def test_too_few_evaluations_give_no_outcome_and_say_so() -> None:
    curve = {name: values[:4] for name, values in planted("converged").items()}
    verdict = judge(curve, Context("fd", FLOOR, FLOOR_SD, 10, int(STEPS[3])))
    assert verdict.outcome is None
    assert (
        verdict.reason
        == "Only 4 evaluations were stored up to step 50; the rules need 5 after the one at step 0."
    )
    for name in ("total_collapse", "vanishing_gradient", "degraded", "converged", "undertrained", "stalled"):
        assert verdict.flags[name].holds is None


@pytest.mark.parametrize("rows", [0, 1])
def test_no_row_and_one_row_are_judged_without_an_error(rows: int) -> None:
    curve = {name: values[:rows] for name, values in planted("converged").items()}
    assert judge(curve, CONTEXT).outcome is None


def test_divergence_is_seen_in_a_single_row() -> None:
    curve = {name: values[-1:] for name, values in planted("diverged").items()}
    assert judge(curve, CONTEXT).outcome == "diverged"


def test_a_curve_that_ends_early_is_not_judged() -> None:
    curve = {name: values[:-3] for name, values in planted("converged").items()}
    verdict = judge(curve, CONTEXT)
    assert verdict.outcome is None
    assert "ends at step 850 of 1000" in verdict.reason


def test_an_unknown_floor_gives_no_outcome() -> None:
    context = Context("fd", np.nan, np.nan, 10, 1000)
    verdict = judge(planted("converged"), context)
    assert verdict.outcome is None
    assert "floor of fd is not known" in verdict.reason


def test_an_unavailable_distance_gives_no_outcome() -> None:
    curve = planted("converged")
    curve["fd"][:] = np.nan
    verdict = judge(curve, CONTEXT)
    assert verdict.outcome is None
    assert verdict.reason == "fd is known at 0 of the last 5 evaluations, so the end cannot be judged."


def test_nulls_everywhere_are_no_error() -> None:
    curve: Curve = planted("stalled")
    for values in curve.values():
        if values.dtype == np.float64:
            values[:] = np.nan
        elif values.dtype == object:
            values[:] = None
    verdict = judge(curve, CONTEXT)
    assert verdict.outcome is None
    assert not any(flag.holds for flag in verdict.flags.values())


def test_single_evaluations_may_pass_the_bar_and_the_median_may_not() -> None:
    curve = planted("converged")
    way = RULES.converged_distance * (curve["fd"][0] - FLOOR)
    curve["fd"][-2] = FLOOR + RULES.converged_reach * way + 1.9 * NOISE
    assert judge(curve, CONTEXT).outcome == "converged"
    curve["fd"][-2] = FLOOR + RULES.converged_reach * way + 2.1 * NOISE
    verdict = judge(curve, CONTEXT)
    assert verdict.outcome == "stalled"
    assert "meets the bar of 6.93, but up to 12.7 were seen" in verdict.reason
    curve["fd"][-5:] = FLOOR + way + 0.1 * NOISE
    verdict = judge(curve, CONTEXT)
    assert verdict.outcome == "stalled"
    assert "is above the bar" in verdict.reason


def test_modes_that_are_still_found_are_an_improvement() -> None:
    """q is flat; the covered modes rise to the end: neither stalled nor a partial collapse."""
    curve = planted("stalled")
    rank = np.arange(len(STEPS))
    curve["modes.covered"] = np.floor(rank * 8 / rank[-1])
    for hq in (0.3, 0.8):
        curve["modes.hq"][:] = hq
        verdict = judge(curve, CONTEXT)
        assert verdict.outcome == "undertrained"
        assert "from 4 to 8 of 10" in verdict.reason
    curve["modes.covered"] = np.minimum(curve["modes.covered"], 5.0)
    assert judge(curve, CONTEXT).outcome == "partial_collapse"


def test_samples_that_still_sharpen_are_an_improvement_unless_q_rises() -> None:
    curve = planted("stalled")
    curve["modes.hq"] = STEPS / 2000
    verdict = judge(curve, CONTEXT)
    assert verdict.outcome == "undertrained"
    assert "good samples" in verdict.reason
    curve["fd"] = curve["fd"] + np.where(STEPS >= 450, (STEPS - 450) / 20, 0)
    assert judge(curve, CONTEXT).outcome == "stalled"


def test_a_set_that_walks_on_is_hopping_and_one_that_grows_is_not() -> None:
    """From one evaluation to the next two of three modes stay; over W none does."""
    curve = planted("stalled")
    curve["modes.hq"][:] = 0.9
    rank = range(len(STEPS))
    curve["modes.covered"][:] = 3.0
    curve["modes.set"] = np.array([mask(*((i + k) % 10 for k in range(3))) for i in rank], dtype=object)
    verdict = judge(curve, CONTEXT)
    assert verdict.outcome == "oscillating"
    assert "moved on" in verdict.reason
    curve["modes.set"] = np.array([mask(*range(min(9, i // 2))) for i in rank], dtype=object)
    curve["modes.covered"] = np.array([float(min(9, i // 2)) for i in rank])
    assert judge(curve, CONTEXT).outcome == "undertrained"


def test_one_evaluation_with_a_signal_does_not_feed_a_starved_generator() -> None:
    curve = planted("vanishing_gradient")
    curve["g_saturation"][-2] = 0.05
    assert judge(curve, CONTEXT).outcome == "vanishing_gradient"
    curve["g_saturation"][-4:-1] = 0.05
    assert judge(curve, CONTEXT).outcome == "stalled"


def test_a_start_at_the_floor_leaves_the_floor_as_the_only_bar() -> None:
    curve = planted("converged")
    curve["fd"][:] = FLOOR
    assert judge(curve, CONTEXT).outcome == "converged"
    curve["fd"][5:] = 50.0
    assert judge(curve, CONTEXT).outcome == "stalled"


def test_thresholds_come_from_the_rules_given() -> None:
    strict = Rules(version="test", converged_distance=0.0, converged_floor_sds=0.0, converged_noise=0.0)
    verdict = judge(planted("converged"), CONTEXT, strict)
    assert verdict.outcome == "stalled"
    assert re.fullmatch(r"test\+[0-9a-f]{8}", verdict.rules_version)


def test_failures_are_all_but_converged_and_undertrained() -> None:
    assert set(OUTCOMES) - set(FAILURES) == {"converged", "undertrained"}


def test_modes_that_real_samples_miss_too_are_no_partial_collapse() -> None:
    """The planted run covers 7 of 10; where real data cover 7.5 (SD 0.3), that is as good as real."""
    chance = {**CONTEXT.floors, "modes.covered": {"mean": 7.5, "sd": 0.3}}
    assert judge(planted("partial_collapse"), CONTEXT).flags["partial_collapse"].holds
    lenient = judge(planted("partial_collapse"), replace(CONTEXT, floors=chance))
    assert not lenient.flags["partial_collapse"].holds
