"""The signs that a run failed, one function each.

A condition is judged at every evaluation. A flag holds when its condition is true throughout W, is false when
one evaluation of W contradicts it, and is null when evaluations or columns that it needs are missing.
"""

from __future__ import annotations

import math

import numpy as np

from bench.judge.derived import g_signal
from bench.judge.flag import NULL, Flag, from_condition, largest, median, number, percent, run_start
from bench.judge.quality import all_modes, finding_modes, improving
from bench.judge.trace import (
    LAST_STEP,
    Array,
    Trace,
    as_floats,
    at_least,
    both,
    either,
    equal,
    less,
    middle,
    more,
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
    held = [(run_start(true), k) for k, true in enumerate(conditions) if true[-1]]
    if not held:
        return from_condition(trace, np.logical_or.reduce(conditions).astype(np.float64), 1, str)
    # Of those beyond their limit at the end, the one that has been so for longest, by its own run alone.
    index, k = min(held)
    text, values, bar = quantities[k]
    step = int(trace.steps[index])
    most = text.format(number(largest(values[index:])))
    return Flag(True, step, None, f"From step {step} on, {most} (limit {number(bar)}).")


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
    for name, values in trace.columns.items():
        if values.dtype.kind == "O" and (infinite := np.isinf(as_floats(values))).any():
            step = int(trace.steps[np.argmax(infinite)])
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
        single = _lasting(trace, both(equal(covered, 1.0), enough))
    if not trace.enough:
        return NULL

    def why(index: int) -> str:
        start, bar = f"From step {trace.steps[index]} on, ", number(rules.collapse_spread)
        widest = largest(spread[index:])
        most = number(widest)
        if (single[index:] == 1).all():
            return (
                f"{start}1 of {n_modes} modes was covered in each evaluation, with a spread of at most "
                f"{most} of the data's."
            )
        if (narrow[index:] == 1).all() and percent(widest) == percent(0.0):
            limit = percent(rules.collapse_spread)
            return (
                f"{start}the samples were one point: their spread was {percent(widest)} of the data's "
                f"(limit {limit})."
            )
        if (narrow[index:] == 1).all():
            return f"{start}the spread was at most {most} of the data's (below {bar}), as of one point."
        modes, points = int((single[trace.window] == 1).sum()), int((narrow[trace.window] == 1).sum())
        return (
            f"{start}the samples were one mode or one point, with a spread of at most {most} of the data's: "
            f"in {modes} of the last {trace.width} evaluations 1 of {n_modes} modes was covered, in {points} "
            f"the spread was below {bar}."
        )

    return from_condition(trace, either(single, narrow), trace.width, why)


def _lasting(trace: Trace, single: Array) -> Array:
    """`single`, without the runs of one and the same mode that are shorter than W: those hop."""
    masks = trace.texts("modes.set")
    out = single.copy()
    first = 0
    for at in range(1, len(single) + 1):
        if at == len(single) or single[at] != single[first] or masks[at] != masks[first]:
            if single[first] == 1 and at - first < trace.width:
                out[first:at] = 0.0
            first = at
    return out


def vanishing_gradient(trace: Trace) -> Flag:
    """Over W d_auc >= 0.99 and g_saturation * d_slope < 1 % of its early value in the median; q far and not
    improving."""
    rules, width = trace.rules, trace.width
    if not trace.enough:
        return NULL
    auc = trace.floats("d_auc.mean")
    share = g_signal(trace.floats("g_saturation"), trace.floats("d_slope"), rules)
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
            most, good = number(largest(covered[index:])), percent(float(hq[index:].min()))
            return (
                f"From step {trace.steps[index]} on, at most {most} of {context.n_modes} modes were covered "
                f"although at least {good} of the samples were good (medians of the last {trace.width} "
                f"evaluations: {number(median(trace, covered))} and {percent(median(trace, hq))})."
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
            f"floor while precision kept {percent(median(trace, precision))} of its own (medians of the last "
            f"{trace.width} evaluations)."
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
