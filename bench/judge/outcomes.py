"""From a trial's curve to its outcome: which signs hold, which of them names the run, since when and why."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.judge.failures import diverged, partial_collapse, total_collapse, vanishing_gradient
from bench.judge.flag import NULL, Flag
from bench.judge.oscillation import oscillating
from bench.judge.quality import converged, degraded, half, plateau, undertrained
from bench.judge.rules import RULES, Rules
from bench.judge.trace import TREND_LEAST, Context, Trace

__all__ = ["FAILURES", "OUTCOMES", "Context", "Flag", "Outcome", "Verdict", "judge"]


@dataclass(frozen=True)
class Outcome:
    """A word for how a run ended: its meaning, the folklore's name, and whether it is a failure.

    `failure` is None for the undecided one.
    """

    name: str
    meaning: str
    folklore: str
    failure: bool | None
    sign: Callable[[Trace], Flag]


# In the order of precedence: the first that holds at the end is the outcome.
_ORDER = (
    Outcome(
        "diverged",
        "Something was not finite, or weights, logits or samples grew beyond all measure.",
        "explosion",
        True,
        diverged,
    ),
    Outcome(
        "total_collapse",
        "G makes one mode, or one point, whatever its input.",
        "complete mode collapse",
        True,
        total_collapse,
    ),
    Outcome(
        "vanishing_gradient",
        "D tells real from fake without error and G gets no signal any more, far from the data.",
        "D overpowers G",
        True,
        vanishing_gradient,
    ),
    Outcome(
        "oscillating",
        "The modes that G makes keep changing, or its distance to the data swings without settling.",
        "failure to converge, mode hopping",
        True,
        oscillating,
    ),
    Outcome(
        "partial_collapse",
        "The samples are good, but some modes of the data are missing.",
        "partial mode collapse",
        True,
        partial_collapse,
    ),
    Outcome(
        "degraded",
        "The run was good and became worse again.",
        "quality decays late",
        True,
        degraded,
    ),
    Outcome(
        "converged",
        "Quality was reached and kept until the end (which need not be a stationary point).",
        "success",
        False,
        converged,
    ),
    Outcome(
        "undertrained",
        "Still improving when the steps ran out: neither success nor failure.",
        "stopped too early",
        None,
        undertrained,
    ),
    Outcome(
        "stalled",
        "None of the other failures, no longer improving, and not good.",
        "stuck",
        True,
        plateau,
    ),
)

OUTCOMES: Mapping[str, Outcome] = {outcome.name: outcome for outcome in _ORDER}
"""Every outcome by name, in the order of precedence."""

FAILURES: tuple[str, ...] = tuple(outcome.name for outcome in _ORDER if outcome.failure)


@dataclass(frozen=True)
class Verdict:
    """How a trial ended. `outcome` is None where the stored evaluations cannot decide; `reason` says why.

    `rules_version` is the label of the rules.
    """

    outcome: str | None
    step: int | None
    reason: str
    flags: Mapping[str, Flag]
    rules_version: str


def judge(curve: Mapping[str, NDArray[Any]], context: Context, rules: Rules = RULES) -> Verdict:
    """The verdict on one trial from its rows of the curves table, in any order.

    `curve` maps column names to arrays of equal length: NaN for null in floats, None in objects. What is not
    as expected (a column of another type, a row without a step) counts as null or is left out: no curve
    raises.
    """
    return judge_trace(Trace.of(curve, context, rules))


def judge_trace(trace: Trace) -> Verdict:
    """`judge`, of a curve made ready for the rules."""
    context, label = trace.context, trace.rules.label
    if not len(trace):
        return Verdict(None, None, _nothing(trace), dict.fromkeys(OUTCOMES, NULL), label)
    # Absurd numbers overflow on the way to a comparison that still comes out right.
    with np.errstate(all="ignore"):
        flags = {name: outcome.sign(trace) for name, outcome in OUTCOMES.items()}
    if any(flags[name].holds for name in OUTCOMES if name != "stalled"):
        flags["stalled"] = Flag(False)
    short = context.steps > int(trace.steps[-1])
    for name, flag in flags.items():
        if flag.holds and not (short and name != "diverged"):
            return Verdict(name, flag.onset, flag.why, flags, label)
    return Verdict(None, None, _undecided(trace, short), flags, label)


def _nothing(trace: Trace) -> str:
    """Why there is no evaluation to judge."""
    if not trace.rows:
        return "No evaluation was stored, so nothing can be judged."
    return "No row of the curve has a step (a whole number from 0 on), so nothing can be judged."


def _undecided(trace: Trace, short: bool) -> str:
    """Why no outcome could be given, with the numbers."""
    last = int(trace.steps[-1])
    if short:
        return f"The curve ends at step {last} of {trace.context.steps}, so its end cannot be judged."
    if not trace.enough:
        return (
            f"Only {len(trace)} evaluations were stored up to step {last}; "
            f"the rules need {trace.width} after the one at step 0."
        )
    name = trace.context.primary
    if not name:
        return "No distance to the data is measured, so the end cannot be judged."
    for length in (trace.width, half(trace)):
        known = int(np.isfinite(trace.distance[-length:]).sum())
        if known < length:
            return (
                f"{name} is known at {known} of the last {length} evaluations, so the end cannot be judged."
            )
    if math.isnan(trace.context.floor_mean):
        return f"The floor of {name} is not known, so its level of {trace.final:.3g} cannot be judged."
    return (
        f"{len(trace)} evaluations are too few to tell whether {name} was still improving "
        f"(a trend needs {TREND_LEAST} over the last half)."
    )
