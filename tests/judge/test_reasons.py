"""A reason says what is true of the whole time that it names; a sign dates from its own run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from planted_curves import CONTEXT, STEPS, planted

from bench.judge.outcomes import judge
from bench.judge.rules import RULES, Rules
from bench.judge.trace import Trace
from bench.report.evidence import alternative


def test_divergence_is_told_by_one_quantity_and_its_own_run() -> None:
    """An early spike that recovered is not quoted, and another quantity's run is no part of this one's."""
    curve = planted("converged")
    curve["logit_max"][4], curve["logit_max"][-3:] = 1e6, 2e4
    curve["g_weight"][-5:-1] = 1e5
    verdict = judge(curve, CONTEXT)
    assert (verdict.outcome, verdict.step) == ("diverged", STEPS[-3])
    assert verdict.reason == "From step 900 on, D's largest logit reached 20000 (limit 10000)."
    curve["g_weight"][-1] = 1e5
    verdict = judge(curve, CONTEXT)
    assert verdict.step == STEPS[-5]
    assert verdict.reason.startswith("From step 800 on, G's weights reached")


def test_an_infinity_among_objects_is_seen() -> None:
    curve = planted("converged")
    curve["d_slope"] = curve["d_slope"].astype(object)
    curve["d_slope"][6] = np.inf
    verdict = judge(curve, CONTEXT)
    assert (verdict.outcome, verdict.step) == ("diverged", STEPS[6])
    assert "d_slope was infinite" in verdict.reason


def test_converged_dates_from_the_level_and_not_from_the_first_touch() -> None:
    """One evaluation at the bar among many that are above it, within reach: the level came later."""
    curve = planted("converged")
    curve["fd"][5:-6] = 9.0
    curve["fd"][6] = 3.0
    curve["fd"][-6:] = 3.0
    verdict = judge(curve, CONTEXT)
    assert (verdict.outcome, verdict.step) == ("converged", STEPS[-6])
    assert "From step 750 on, the level of fd was at or below the bar of 6.93" in verdict.reason
    flag = verdict.flags["converged"]
    curve["fd"][-4:] = 9.0
    later = judge(curve, CONTEXT)
    assert later.outcome == "stalled"
    assert later.flags["converged"].holds is False
    assert flag.recovery is None


def test_one_mode_and_then_one_point_are_told_as_both() -> None:
    curve = planted("total_collapse")
    curve["spread"] = np.where(STEPS >= 900, 0.03, np.where(STEPS >= 350, 0.08, curve["spread"]))
    curve["modes.covered"] = np.where(STEPS >= 950, 0.0, curve["modes.covered"])
    verdict = judge(curve, CONTEXT)
    assert (verdict.outcome, verdict.step) == ("total_collapse", 350)
    assert "spread of at most 0.08" in verdict.reason
    assert "in 3 of the last 5 evaluations 1 of 10 modes" in verdict.reason
    assert "in 3 the spread was below 0.05" in verdict.reason


def test_one_point_is_said_without_a_zero() -> None:
    curve = planted("total_collapse")
    curve["spread"] = np.where(STEPS >= 350, 1e-12, curve["spread"])
    curve["modes.covered"] = np.where(STEPS >= 350, 0.0, curve["modes.covered"])
    reason = judge(curve, CONTEXT).reason
    assert reason.endswith(
        "the samples were one point: their spread was less than 0.1 % of the data's (limit 5 %)."
    )


def test_a_partial_collapse_names_the_most_modes_since_its_onset() -> None:
    curve = planted("partial_collapse")
    curve["modes.covered"][-5:] = [5, 6, 5, 4, 5]
    reason = judge(curve, CONTEXT).reason
    assert "at most 7 of 10 modes" in reason
    assert "last 5 evaluations: 5 and 95 %" in reason


def test_swings_of_too_few_evaluations_for_a_trend_are_null() -> None:
    rules = Rules(window_least=2, window_share=0.2)
    curve = {name: values[:5].copy() for name, values in planted("stalled").items()}
    curve["fd"] = np.array([100.0, 80, 20, 80, 20])
    context = replace(CONTEXT, n_modes=None, steps=int(STEPS[4]))
    assert judge(curve, context, rules).flags["oscillating"].holds is None


def test_a_picture_names_the_first_step_that_was_measured() -> None:
    late = {name: values[5:] for name, values in planted("stalled").items()}
    told = alternative(Trace.of(late, CONTEXT, RULES), "stalled")
    assert told.startswith(f"Curves over steps {STEPS[5]} to 1000: ")
