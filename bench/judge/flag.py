"""A flag: whether a sign of failure holds, since when, and why; and how its numbers are written."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.judge.trace import Array, Trace, middle


@dataclass(frozen=True)
class Flag:
    """A sign. `onset` and `recovery` are steps; a sign that came and went has both and holds False.

    `why` is the sentence with the numbers that decided, written only for a sign that holds.
    """

    holds: bool | None
    onset: int | None = None
    recovery: int | None = None
    why: str = ""


NULL = Flag(None)


def from_condition(trace: Trace, condition: Array, length: int, why: Callable[[int], str]) -> Flag:
    """The flag of a condition that must be true at the last `length` evaluations.

    The onset is the first step of the unbroken run that reaches the end. Without one, the first run of at
    least `length` evaluations is reported with the step at which it was over. `why` gets the onset's index.
    """
    if len(condition) < length or length < 1:
        return NULL
    true = condition == 1
    if true[-length:].all():
        index = run_start(true)
        return Flag(True, int(trace.steps[index]), None, why(index))
    holds = False if (condition[-length:] == 0).any() else None
    past = _past_run(true, length)
    if past is None:
        return Flag(holds)
    return Flag(holds, int(trace.steps[past[0]]), int(trace.steps[past[1]]))


def run_start(true: NDArray[np.bool_]) -> int:
    """Index at which the run of true values that reaches the end begins."""
    broken = np.flatnonzero(~true)
    return int(broken[-1]) + 1 if broken.size else 0


def _past_run(true: NDArray[np.bool_], length: int) -> tuple[int, int] | None:
    """(first, first after) of the earliest run of at least `length` true values that ended."""
    if not true.any():
        return None
    edges = np.flatnonzero(true[1:] != true[:-1]) + 1
    firsts = [0, *edges.tolist()] if true[0] else edges.tolist()
    for first, after in zip(firsts[::2], firsts[1::2], strict=False):
        if after - first >= length:
            return first, after
    return None


def median(trace: Trace, values: Array) -> float:
    values = values[trace.window]
    values = values[~np.isnan(values)]
    return float(middle(values)) if values.size else math.nan


def largest(values: Array) -> float:
    """The largest of the known values; NaN without one."""
    values = values[~np.isnan(values)]
    return float(values.max()) if values.size else math.nan


def number(value: float) -> str:
    """Three significant digits, without an exponent where none is needed."""
    if math.isnan(value):
        return "unknown"
    return f"{value:.3g}" if abs(value) < 1000 or abs(value) >= 1e6 else f"{value:.0f}"


def percent(share: float) -> str:
    if math.isnan(share):
        return "an unknown share"
    return "less than 0.1 %" if 0 <= share < 0.001 else f"{number(100 * share)} %"


def p_value(p: float) -> str:
    return "0.001 or less" if p <= 0.001 else f"{p:.2g}"
