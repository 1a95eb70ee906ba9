"""How good a run became: degraded, converged, undertrained, and the plateau of a stalled run."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from bench.judge.flag import NULL, Flag, from_condition, median, number, p_value, percent
from bench.judge.trace import Context, Trace, at_most, both, more, theil_sen_fall, trend, windows


def degraded(trace: Trace) -> Flag:
    """The median over W exceeds the best earlier window, of equal length and good, beyond noise and size."""
    rules, width = trace.rules, trace.width
    if len(trace) < 2 * width + 1 or math.isnan(trace.scale):
        return NULL
    medians = trace.levels
    margin = max(rules.degraded_noise * trace.noise, rules.degraded_size * trace.scale)
    good = trace.context.floor_mean + rules.degraded_good * trace.scale
    # best[k]: the lowest median of a window that ended before the k-th window began.
    ends = medians[:-width]
    best = np.full(len(medians), np.nan)
    best[width:] = np.minimum.accumulate(np.where(np.isnan(ends), np.inf, ends))
    best[np.isinf(best)] = np.nan
    condition = np.full(len(trace), np.nan)
    condition[width:] = both(at_most(best, good), more(medians, best + margin))
    before = ends == best[-1]
    ended = int(trace.steps[1 + width - 1 + int(np.argmax(before))])

    def why(index: int) -> str:
        return (
            f"{trace.name} rose from {number(best[-1])} (median of the best {width} evaluations, "
            f"up to step {ended}) to {number(trace.final)} (median of the last {width}), "
            f"by more than the margin of {number(margin)}."
        )

    flag = from_condition(trace, condition, 1, why)
    if flag.onset is None:
        return flag
    # The window's median passed the bar at `end`; within that window, the first evaluation above it.
    end = int(np.searchsorted(trace.steps, flag.onset))
    above = np.flatnonzero(trace.distance[end - width + 1 : end + 1] > best[end - width] + margin)
    onset = int(trace.steps[end - width + 1 + int(above[0])]) if above.size else flag.onset
    return Flag(flag.holds, onset, flag.recovery, flag.why)


@lru_cache(maxsize=1)
def converged(trace: Trace) -> Flag:
    """Over W the median relative distance is at most 0.05, or q within 3 SDs of the floor; none is far."""
    rules, context, width = trace.rules, trace.context, trace.width
    if not trace.enough or math.isnan(context.floor_mean):
        return NULL
    bar = quality_bar(trace)
    reach = context.floor_mean + rules.converged_reach * (bar - context.floor_mean)
    near = at_most(trace.distance, reach + rules.converged_noise * trace.noise)
    # Each window of W's length ends at the evaluation for which it speaks.
    condition = np.full(len(trace), np.nan)
    condition[width:] = both(at_most(trace.levels, bar), *windows(near[1:], width).T)

    def why(index: int) -> str:
        left = (
            "" if math.isnan(trace.scale) else f", {percent(median(trace, trace.relative))} of the way left"
        )
        return (
            f"From step {trace.steps[index]} on, the level of {trace.name} was at or below the bar of "
            f"{number(bar)}: its median over the last {width} evaluations was {number(trace.final)} "
            f"(floor {number(context.floor_mean)}{left})."
        )

    def began(end: int) -> int:
        first = end - width + 1
        return first + int(np.argmax(trace.distance[first : end + 1] <= bar))

    flag = from_condition(trace, condition, 1, lambda index: why(began(index)))
    if flag.onset is None:
        return flag
    # Within the first window whose level was at the bar, it had arrived at the first evaluation that was.
    end = int(np.searchsorted(trace.steps, flag.onset))
    return Flag(flag.holds, int(trace.steps[began(end)]), flag.recovery, flag.why)


def quality_bar(trace: Trace) -> float:
    """The distance at which a run has arrived: the easier of 5 % of the way and 3 SDs of the floor."""
    rules, context = trace.rules, trace.context
    by_floor = context.floor_mean + rules.converged_floor_sds * (
        0.0 if math.isnan(context.floor_sd) else context.floor_sd
    )
    by_way = context.floor_mean + rules.converged_distance * trace.scale
    return by_floor if math.isnan(by_way) else max(by_floor, by_way)


@lru_cache(maxsize=1)
def improving(trace: Trace) -> Flag:
    """Over the last half q falls, or the covered modes or good samples rise while q does not rise.

    Significantly and sizeably: `undertrained` but for the quality bar.
    """
    fall = _falling(trace)
    if fall.holds is not False or trend(trace.distance[-half(trace) :])[1] < trace.rules.improving_p:
        return fall
    found = finding_modes(trace)
    return found if found.holds else sharpening(trace)


@lru_cache(maxsize=1)
def finding_modes(trace: Trace) -> Flag:
    """The covered modes rise over the last half, by a tenth of those that are missing and by one."""

    def rise(first: float, last: float) -> str:
        of = trace.context.n_modes
        return f"covered modes were still rising, from {number(first)} to {number(last)} of {of}"

    return _rising(trace, "modes.covered", all_modes(trace.context), 1.0, rise)


@lru_cache(maxsize=1)
def sharpening(trace: Trace) -> Flag:
    """The share of good samples rises, by a tenth of what it lacks of the floor and by one SD of it."""

    def rise(first: float, last: float) -> str:
        return f"share of good samples was still rising, from {percent(first)} to {percent(last)}"

    floor = trace.context.floors.get("modes.hq", {})
    return _rising(trace, "modes.hq", floor.get("mean", 1.0), floor.get("sd", 0.0), rise)


def _rising(trace: Trace, name: str, top: float, least: float, words: Callable[[float, float], str]) -> Flag:
    """A column that rises significantly over the last half, by a tenth of its way to `top` and by `least`."""
    rules, length = trace.rules, half(trace)
    values = trace.floats(name)[-length:]
    if len(trace) <= length or values[0] >= top:
        return Flag(False)
    p = trend(values)[1]
    if not p < rules.improving_p:
        return Flag(False)
    first, last = float(values[0]), float(values[-1])
    if not -theil_sen_fall(trace.steps[-length:], values) >= max(
        rules.improving_share * (top - first), least
    ):
        return Flag(False)
    why = f"The {words(first, last)} (Mann-Kendall p = {p_value(p)} over {length} evaluations)."
    return Flag(True, int(trace.steps[-length]), None, why)


def all_modes(context: Context) -> float:
    """Covered modes that real data show: all, less 3 SD where real samples miss some by chance."""
    floor = context.floors.get("modes.covered", {})
    usual = floor.get("mean", math.nan) - 3.0 * floor.get("sd", math.nan)
    return min(float(context.n_modes or 0), usual) if math.isfinite(usual) else float(context.n_modes or 0)


def _falling(trace: Trace) -> Flag:
    """A significant and sizeable fall of q over the last half."""
    rules, length = trace.rules, half(trace)
    if len(trace) <= length or math.isnan(trace.context.floor_mean):
        return NULL
    values, steps = trace.distance[-length:], trace.steps[-length:]
    p = trend(values)[0]
    if math.isnan(p):
        return NULL
    left = max(float(values[0]) - trace.context.floor_mean, 0.0)
    needed = max(rules.improving_share * left, rules.improving_noise * trace.noise)
    if p >= rules.improving_p or (fall := theil_sen_fall(steps, values)) <= needed:
        return Flag(False)
    start = int(steps[0])
    return Flag(
        True,
        start,
        None,
        f"{trace.name} was still falling: by {number(fall)} since step {start}, "
        f"to {number(float(values[-1]))} (Mann-Kendall p = {p_value(p)} over {length} evaluations).",
    )


def half(trace: Trace) -> int:
    """Evaluations of the last half, in which an improvement is looked for."""
    return max(trace.rules.window_least, len(trace) // 2)


def undertrained(trace: Trace) -> Flag:
    """Not at the bar, and still improving significantly over the last half."""
    arrived, fall = converged(trace), improving(trace)
    if arrived.holds or fall.holds is False:
        return Flag(False)
    return NULL if arrived.holds is None else fall


def plateau(trace: Trace) -> Flag:
    """No longer improving and above the bar: `stalled`, if no other sign of failure holds."""
    arrived, fall = converged(trace), improving(trace)
    if arrived.holds or fall.holds:
        return Flag(False)
    if arrived.holds is None or fall.holds is None:
        return NULL
    rules = trace.rules
    if trace.steps[0] == 0 and trace.final > trace.distance[0]:
        nearer = np.flatnonzero(trace.distance <= trace.distance[0])
        index = min(int(nearer[-1]) + 1, len(trace) - 1)
        return Flag(
            True,
            int(trace.steps[index]),
            None,
            f"{trace.name} ended at {number(trace.final)} (median of the last {trace.width} evaluations), "
            f"further from the data than the {number(float(trace.distance[0]))} before any training, "
            "and no longer improved.",
        )
    level = trace.final + max(
        rules.degraded_noise * trace.noise, rules.improving_share * (trace.final - trace.context.floor_mean)
    )
    reached = int(trace.steps[int(np.argmax(trace.distance <= level))])
    left = "" if math.isnan(trace.scale) else f", {percent(median(trace, trace.relative))} of the way left"
    bar = quality_bar(trace)
    is_low = trace.final <= bar
    what = (
        f"but up to {number(float(trace.distance[trace.window].max()))} were seen" if is_low else "is above"
    )
    return Flag(
        True,
        reached,
        None,
        f"{trace.name} no longer improved: its level of {number(trace.final)} (median of the last "
        f"{trace.width} evaluations{left}) was reached at step {reached} and "
        + (
            f"meets the bar of {number(bar)}, {what} among them."
            if is_low
            else f"{what} the bar of {number(bar)}."
        ),
    )
