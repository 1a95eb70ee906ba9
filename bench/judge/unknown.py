"""Why a sign of failure could not be judged: what its rule needs and the curve does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.judge.outcomes import Context, Verdict
from bench.judge.rules import RULES, Rules
from bench.judge.trace import Trace

Why = Callable[[Trace], str | None]


def unknown(
    verdict: Verdict, curve: Mapping[str, NDArray[Any]], context: Context, rules: Rules = RULES
) -> dict[str, str]:
    """Outcome -> why it cannot be told, a sentence without its full stop, for each flag that is null, and for
    those of which, without modes, only one sign is seen."""
    trace = Trace.of(curve, context, rules)
    found = {name: _why(name, trace) for name, flag in verdict.flags.items() if flag.holds is None}
    if _modes(trace):
        found |= {name: why for name, why in _IN_PART.items() if verdict.flags[name].holds is False}
    return found


_IN_PART: Mapping[str, str] = {
    "oscillating": "not wholly: without modes only swings of the distance are seen, not samples that move",
    "total_collapse": "not wholly: without modes only the spread is seen, not that one of them is left",
}


def _why(name: str, trace: Trace) -> str:
    if not len(trace):
        return "nothing has been measured yet"
    found = (each(trace) for each in _NEEDS.get(name, ()))
    return next((why for why in found if why), "not all of what its rule reads was measured")


def _evaluations(trace: Trace) -> str | None:
    if trace.enough:
        return None
    return f"{_count(len(trace))} so far, and the rules need {trace.width} after the first"


def _twice(trace: Trace) -> str | None:
    needed = 2 * trace.width + 1
    if len(trace) >= needed:
        return None
    return f"{_count(len(trace))} so far, and it takes {needed} to compare the end with an earlier window"


def _distance(trace: Trace) -> str | None:
    if not np.isfinite(trace.distance).any():
        return "no distance to the data is measured"
    if np.isnan(trace.context.floor_mean):
        return f"the floor of {trace.name} is not known"
    missing = int((~np.isfinite(trace.distance[trace.window])).sum())
    return f"{trace.name} is missing at {_count(missing)} of the last {trace.width}" if missing else None


def _start(trace: Trace) -> str | None:
    if trace.steps[0] != 0:
        return "the run was not watched from its start, so it is not known how far there was to go"
    if np.isnan(trace.distance[0]):
        return f"{trace.name} was not measured at step 0, so it is not known how far there was to go"
    return f"{trace.name} was at its floor from the start" if np.isnan(trace.scale) else None


def _signal(trace: Trace) -> str | None:
    if not np.isfinite(trace.floats("g_saturation")).any():
        return "g_saturation is not measured, which needs the loss"
    return None


def _modes(trace: Trace) -> str | None:
    if trace.context.n_modes is not None and trace.context.n_modes > 1:
        return None
    return "neither the modes of the data nor precision and coverage are measured"


_NEEDS: Mapping[str, tuple[Why, ...]] = {
    "total_collapse": (_evaluations,),
    "vanishing_gradient": (_evaluations, _distance, _start, _signal),
    "oscillating": (_evaluations, _distance, _start),
    "partial_collapse": (_evaluations, _modes),
    "degraded": (_twice, _distance, _start),
    "converged": (_evaluations, _distance),
    "undertrained": (_evaluations, _distance),
    "stalled": (_evaluations, _distance),
}


def _count(n: int) -> str:
    return f"{n} evaluation" if n == 1 else f"{n} evaluations"
