"""The signs that a run failed, one function each.

A condition is judged at every evaluation. A flag holds when its condition is true throughout W, is false when
one evaluation of W contradicts it, and is null when evaluations or columns that it needs are missing.
"""

from __future__ import annotations

import math

import numpy as np

from bench.judge.flag import NULL, Flag, from_condition, median, number, percent
from bench.judge.quality import all_modes, finding_modes, improving, sharpening
from bench.judge.trace import (
    LAST_STEP,
    Array,
    Trace,
    at_least,
    both,
    either,
    equal,
    jaccard,
    less,
    middle,
    more,
    overlaps,
    reversals,
    trend,
    windows,
)


def diverged(trace: Trace) -> Flag:
    """Non-finite anywhere, weights > 100 x initial, logits > 1e4, samples > 100 x the data's RMS."""
    broken = _non_finite(trace)
    if broken is not None:
        return broken
    rules = trace.rules
    quantities = (
        ("D's weights reached {} times their initial norm", _growth(trace, "d_weight"), rules.weight_growth),
        ("G's weights reached {} times their initial norm", _growth(trace, "g_weight"), rules.weight_growth),
        ("D's largest logit reached {}", trace.floats("logit_max"), rules.logit_max),
        ("the samples' RMS reached {} times the data's", trace.floats("sample_rms"), rules.sample_rms),
    )
    # A null is above no bar: in one quantity it does not hide the others.
    conditions = [values > bar for _, values, bar in quantities]

    def why(index: int) -> str:
        text, values, bar = quantities[[bool(each[-1]) for each in conditions].index(True)]
        most = number(float(np.nanmax(values)))
        return f"From step {trace.steps[index]} on, {text.format(most)} (limit {number(bar)})."

    return from_condition(trace, np.logical_or.reduce(conditions).astype(np.float64), 1, why)


def _non_finite(trace: Trace) -> Flag | None:
    """A step that was not finite, told by the loop, a metric's status or an infinity; it never recovers."""
    first = trace.floats("first_bad_step")
    first = first[(first >= 0) & (first <= LAST_STEP)]
    if first.size:
        step = int(first.min())
        return Flag(
            True,
            step,
            None,
            f"A loss, gradient or weight was not finite at step {step} of {_planned(trace)}.",
        )
    if not trace.live.all():
        step = int(trace.steps[np.argmin(trace.live)])
        return Flag(True, step, None, f"The run was found not finite at step {step} of {_planned(trace)}.")
    statuses = {n: v.tolist() for n, v in trace.columns.items() if n.endswith("_status")}
    numbers = {n: v for n, v in trace.columns.items() if v.dtype.kind == "f"}
    for name, texts in statuses.items():
        if "nonfinite" in texts:
            step = int(trace.steps[texts.index("nonfinite")])
            what = name.removesuffix("_status")
            why = f"At step {step}, {what} could not be computed from samples that were not finite."
            return Flag(True, step, None, why)
    # All columns at once: looking at each takes ten times as long.
    if numbers and np.isinf(np.concatenate(list(numbers.values()))).any():
        name = next(name for name, values in numbers.items() if np.isinf(values).any())
        step = int(trace.steps[np.argmax(np.isinf(numbers[name]))])
        return Flag(True, step, None, f"At step {step}, {name} was infinite.")
    return None


def total_collapse(trace: Trace) -> Flag:
    """Over W one covered mode, or a spread below 0.05 of the data's."""
    rules = trace.rules
    covered, spread, hq = trace.floats("modes.covered"), trace.floats("spread"), trace.floats("modes.hq")
    n_modes = trace.context.n_modes
    narrow = less(spread, rules.collapse_spread)
    if n_modes is None or n_modes < 2:
        single = np.zeros(len(trace))
    else:
        enough = np.where(np.isnan(hq), 1.0, at_least(hq, rules.collapse_hq))
        single = both(equal(covered, 1.0), enough)
    if not trace.enough:
        return NULL

    def why(index: int) -> str:
        least = median(trace, spread)
        start = f"From step {trace.steps[index]} on, "
        if (single[trace.window] == 1).all():
            return (
                f"{start}1 of {n_modes} modes was covered (spread {number(least)} of the data's) "
                f"in all {trace.width} last evaluations."
            )
        bar = number(rules.collapse_spread)
        return f"{start}the spread was {number(least)} of the data's (below {bar}), as of one point."

    return from_condition(trace, either(single, narrow), trace.width, why)


def vanishing_gradient(trace: Trace) -> Flag:
    """Over W d_auc >= 0.99 and g_saturation * d_slope < 1 % of its early value in the median; q far and not
    improving."""
    rules, width = trace.rules, trace.width
    if not trace.enough:
        return NULL
    auc, signal = trace.floats("d_auc.mean"), trace.floats("g_saturation") * trace.floats("d_slope")
    early = signal[: max(rules.early_least, math.ceil(rules.early_share * len(trace) - 1e-9))]
    early = early[np.isfinite(early)]
    reference = float(early.max()) if early.size else math.nan
    share = signal / reference if reference > 0 else np.full(len(trace), np.nan)
    far = more(trace.relative, rules.vanishing_distance)
    # Each window of W's length ends at the evaluation for which it speaks.
    condition = np.full(len(trace), np.nan)
    perfect = at_least(middle(windows(auc[1:], width)), rules.vanishing_auc)
    starved = less(middle(windows(share[1:], width)), rules.vanishing_signal)
    condition[width:] = both(perfect, starved, *windows(far[1:], width).T)
    fall = improving(trace)
    if fall.holds is not False and condition[-1] != 0:
        # Unknown stays unknown; a run that improves is not starved, whatever D's AUC.
        condition[-1] = 0.0 if fall.holds else np.nan

    def why(index: int) -> str:
        return (
            f"From step {trace.steps[index]} on, D told real from fake with an AUC of "
            f"{number(median(trace, auc))} while G's signal fell to {percent(median(trace, share))} "
            f"of its early value, and {trace.name} stayed at {percent(median(trace, trace.relative))} of its "
            "distance at the start."
        )

    def began(end: int) -> int:
        first = end - width + 1
        both_bars = (share < rules.vanishing_signal) & (auc >= rules.vanishing_auc)
        return first + int(np.argmax(both_bars[first : end + 1]))

    flag = from_condition(trace, condition, 1, lambda index: why(began(index)))
    if flag.onset is None:
        return flag
    # Within the first window that was starved, it began at the first evaluation that was.
    end = int(np.searchsorted(trace.steps, flag.onset))
    return Flag(flag.holds, int(trace.steps[began(end)]), flag.recovery, flag.why)


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
    on: over some lag less than half of the smaller set is common."""
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

    def why(at: int) -> str:
        if not rolled[-1] < rules.jaccard:
            return (
                f"From step {trace.steps[at]} on, the covered modes moved on: over {lag} evaluations only "
                f"{percent(moved[-1])} of the smaller set stayed (median of the last {width})."
            )
        changed = int((index[trace.window] < rules.jaccard).sum())
        return (
            f"From step {trace.steps[at]} on, the covered modes kept changing: in {changed} of the last "
            f"{width} evaluations fewer than half stayed (median Jaccard {number(rolled[-1])})."
        )

    condition = np.where(less(moved, rules.overlap) == 1, 1.0, less(rolled, rules.jaccard))
    return from_condition(trace, condition, 1, why)


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
    length = min(math.ceil(rules.swing_windows * width), len(trace) - 1)
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
            condition[starts[k]] = min(trend(spans[k])) >= rules.improving_p / 2
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


def partial_collapse(trace: Trace) -> Flag:
    """Half of the samples good and modes missing over W; without modes, precision kept and coverage lost."""
    rules, context = trace.rules, trace.context
    if not trace.enough:
        return NULL
    if context.n_modes is not None and context.n_modes > 1:
        hq, covered = trace.floats("modes.hq"), trace.floats("modes.covered")
        condition = both(at_least(hq, rules.partial_hq), less(covered, all_modes(context)))
        if finding_modes(trace).holds:
            condition[trace.window] = 0.0

        def why(index: int) -> str:
            return (
                f"From step {trace.steps[index]} on, {number(median(trace, covered))} of {context.n_modes} "
                f"modes were covered although {percent(median(trace, hq))} of the samples were good, "
                f"in all {trace.width} last evaluations."
            )

        return from_condition(trace, condition, trace.width, why)
    precision = trace.floats("prdc.precision") / _floor(trace, "prdc.precision")
    coverage = trace.floats("prdc.coverage") / _floor(trace, "prdc.coverage")
    condition = both(at_least(precision, rules.partial_precision), less(coverage, rules.partial_coverage))
    return from_condition(
        trace,
        condition,
        trace.width,
        lambda index: (
            f"From step {trace.steps[index]} on, coverage was {percent(median(trace, coverage))} of its "
            f"floor while precision kept {percent(median(trace, precision))} of its own."
        ),
    )


def _growth(trace: Trace, column: str) -> Array:
    """A norm over its first positive value."""
    values = trace.floats(column)
    positive = values[np.isfinite(values) & (values > 0)]
    return values / float(positive[0]) if positive.size else np.full(len(values), np.nan)


def _floor(trace: Trace, column: str) -> float:
    mean = float(trace.context.floors.get(column, {}).get("mean", math.nan))
    return mean if mean > 0 else math.nan


def _planned(trace: Trace) -> int:
    return max(trace.context.steps, int(trace.steps[-1]))
