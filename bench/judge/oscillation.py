"""The sign of a run that never settles: modes that hop or wander, and a distance that swings."""

from __future__ import annotations

import functools
import itertools
import math
import operator

import numpy as np

from bench.judge.flag import NULL, Flag, from_condition, median, number, percent
from bench.judge.quality import finding_modes, sharpening
from bench.judge.trace import (
    Array,
    Trace,
    at_least,
    covered_sets,
    jaccard,
    less,
    middle,
    overlaps,
    reversals,
    trend,
    windows,
)


def oscillating(trace: Trace) -> Flag:
    """The covered set keeps changing, or q swings far beyond sigma without trend."""
    if not trace.enough:
        return NULL
    hopping, swinging = _hopping(trace), _swinging(trace)
    if hopping.holds or swinging.holds:
        held = [flag for flag in (hopping, swinging) if flag.holds]
        return min(held, key=lambda flag: flag.onset or 0)
    known = [flag for flag in (hopping, swinging) if flag.holds is not None]
    # A data set without modes cannot hop: only the other clause applies.
    unknown = swinging.holds is None or (hopping.holds is None and (trace.context.n_modes or 0) > 1)
    past = [flag for flag in (hopping, swinging) if flag.recovery is not None]
    shown = min(past, key=lambda flag: flag.onset or 0) if past else Flag(False)
    return Flag(None if unknown or not known else False, shown.onset, shown.recovery)


def _hopping(trace: Trace) -> Flag:
    """Most steps of a window change more of the covered set than they keep (Jaccard < 1/2), or the set moves
    on: over some lag less than half of the smaller set is common; or a narrow cloud wanders."""
    rules, width = trace.rules, trace.width
    index = jaccard(trace.texts("modes.set"))
    hq = trace.floats("modes.hq")
    # Sets of a few stray samples flicker by chance: only sets of mostly good samples can hop.
    stray = less(np.minimum(hq, np.concatenate(([np.nan], hq[:-1]))), rules.collapse_hq) == 1
    index = np.where(stray & ~np.isnan(index), 1.0, index)
    rolled = np.full(len(trace), np.nan)
    rolled[width:] = middle(windows(index[1:], width))
    moved = np.full(len(trace), np.nan)
    lag = 1
    if (index < 1).any():
        moved, lag = _moving_on(trace, hq)
        # One jump is no motion: what it led to may be there to stay.
        changes = windows((index[1:] < 1).astype(np.float64), width).sum(1)
        moved[width:] = np.where(changes >= 2, moved[width:], np.nan)
    wandering = _wandering(trace)

    def why(at: int) -> str:
        if wandering[-1] == 1 and not (rolled[-1] < rules.jaccard or moved[-1] < rules.overlap):
            return (
                f"A narrow cloud wandered: with {percent(median(trace, trace.floats('spread')))} of the "
                f"data's spread it touched {_touched(trace, len(trace) - 1)[0]} modes in turn in the last "
                f"{_swing_length(trace)} evaluations, and so at each time since step {trace.steps[at]}."
            )
        if not rolled[-1] < rules.jaccard:
            return (
                f"From step {trace.steps[at]} on, the covered modes moved on: over {lag} evaluations only "
                f"{percent(moved[-1])} of the smaller set stayed (median of the last {width})."
            )
        changed = int((index[trace.window] < rules.jaccard).sum())
        return (
            f"From step {trace.steps[at]} on, the covered modes kept changing: in {changed} of the last "
            f"{width} evaluations the set shared less than half with the one before (median Jaccard index "
            f"{number(rolled[-1])})."
        )

    condition = np.where(less(moved, rules.overlap) == 1, 1.0, less(rolled, rules.jaccard))
    return from_condition(trace, np.where(wandering == 1, 1.0, condition), 1, why)


def _wandering(trace: Trace) -> Array:
    """1 where the last 2 W hold a narrow cloud that touched three modes or more, in turn and still in W.

    At some time there at least a quarter of its samples were good: a cloud with few good samples at any time
    may have each of several modes at the edge of being covered, and rest.
    """
    rules, length = trace.rules, _swing_length(trace)
    out = np.full(len(trace), np.nan)
    if length < trace.width:
        return out
    narrow = windows(less(trace.floats("spread"), rules.wander_spread), length)
    met = windows(at_least(trace.floats("modes.hq"), rules.collapse_hq), length)
    for start in np.flatnonzero((narrow == 1).all(1) & (met == 1).any(1)):
        at = int(start) + length - 1
        modes, jumps, steps, is_late = _touched(trace, at)
        out[at] = modes >= rules.wander_modes and 2 * jumps > steps and is_late
    return out


def _touched(trace: Trace, at: int) -> tuple[int, int, int, bool]:
    """Of the covered sets in the last 2 W up to `at`, without empty ones and nulls: how many modes they hold,
    how many of their steps keep less than half of the smaller set, the number of steps, and whether such a
    step lies in W."""
    masks, length = covered_sets(trace.texts("modes.set")), _swing_length(trace)
    met = [(i, mask) for i in range(at - length + 1, at + 1) if (mask := masks[i])]
    jumps = [
        i
        for (_, before), (i, now) in itertools.pairwise(met)
        if (before & now).bit_count() < trace.rules.overlap * min(before.bit_count(), now.bit_count())
    ]
    modes = functools.reduce(operator.or_, (mask for _, mask in met), 0).bit_count()
    is_late = bool(jumps) and jumps[-1] > at - trace.width
    return modes, len(jumps), len(met) - 1, is_late


def _swing_length(trace: Trace) -> int:
    """Evaluations of the last 2 W, without the one at step 0."""
    return min(math.ceil(trace.rules.swing_windows * trace.width), len(trace) - 1)


def _moving_on(trace: Trace, hq: Array) -> tuple[Array, int]:
    """The least, over the lags within W, of the median overlap of sets so far apart; the lag of the last one.

    Overlap: |A and B| / min(|A|, |B|), 1 beside a set that is mostly stray samples; NaN beside a null.
    """
    width, n = trace.width, len(trace)
    common, sizes = overlaps(trace.texts("modes.set"))
    least = np.fmin(sizes[:, None], sizes[None])
    stray = np.minimum(hq[:, None], hq[None]) < trace.rules.collapse_hq
    share = np.where(stray | (least == 0), 1.0, common / np.maximum(least, 1.0))
    share[np.isnan(common)] = np.nan
    out, found = np.full(n, np.nan), 1
    if not (share < trace.rules.overlap).any():
        return out, found  # no median of them is below it either
    for lag in range(2, min(width, n - width + 1)):
        at = np.full(n, np.nan)
        at[lag + width - 1 :] = middle(windows(np.diagonal(share, -lag), width))
        if at[-1] < np.fmin(out, 1.0)[-1]:
            found = lag
        out = np.fmin(out, at)
    return out, found


def _swinging(trace: Trace) -> Flag:
    """Reversals between legs beyond size and noise in the last 2 W, without trend, still moving in W."""
    rules, width = trace.rules, trace.width
    length = _swing_length(trace)
    if math.isnan(trace.scale):
        return NULL
    condition = np.full(len(trace), np.nan)
    starts = np.arange(length, len(trace))
    spans = windows(trace.distance[1:], length)
    recent = spans[:, -width:]
    level = rules.swing_level * (middle(spans) - trace.context.floor_mean)
    legs = np.clip(level, rules.swing_least * trace.scale, rules.swing_size * trace.scale)
    legs = np.maximum(legs, rules.swing_noise * trace.noise)
    condition[starts] = np.where(np.isnan(spans).any(1), np.nan, 0.0)
    wide = (np.ptp(spans, axis=1) >= legs) & (np.ptp(recent, axis=1) >= legs / 2)
    # n reversals stand between n + 1 legs: a shorter way cannot hold them (less a little for rounding).
    wide &= np.abs(np.diff(spans)).sum(axis=1) >= 0.999 * legs * (rules.swing_reversals + 1)
    for k in np.flatnonzero(wide):
        if len(reversals(spans[k], float(legs[k]))) >= rules.swing_reversals:
            condition[starts[k]] = at_least(np.min(trend(spans[k])), rules.improving_p / 2)  # null: too few
    if condition[-1] == 1 and (finding_modes(trace).holds or sharpening(trace).holds):
        condition[-1] = 0.0  # q swings on the way to more modes or better samples: that is a trend

    def why(at: int) -> str:
        last, leg = spans[-1], float(legs[-1])
        return (
            f"{trace.name} kept swinging between {number(last.min())} and {number(last.max())} in the last "
            f"{length} evaluations (from step {trace.steps[-length]}): {len(reversals(last, leg))} reversals "
            f"of at least {number(leg)}, with an evaluation noise of {number(trace.noise)} and no trend."
        )

    flag = from_condition(trace, condition, 1, why)
    if flag.onset is None:
        return flag
    # The first window that swings ends at the onset; what it saw began at its first reversal.
    end = int(np.searchsorted(trace.steps, flag.onset))
    turns = reversals(trace.distance[end - length + 1 : end + 1], float(legs[end - length]))
    onset = int(trace.steps[end - length + 1 + turns[0]]) if turns else flag.onset
    return Flag(flag.holds, onset, flag.recovery, flag.why)
